// The connections of a stand-in broker: from frames to its handlers and back, with what goes wrong
// on the way.
#pragma once

#include <memory>

#include "net/connection.h"

namespace millrace::sim {

class StandInBroker;

std::unique_ptr<net::FrameHandler> make_stand_in_connection(StandInBroker& broker);

}  // namespace millrace::sim
