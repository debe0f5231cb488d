// One maker for each assignor; make_assignor() (assignor.h) chooses.
#pragma once

#include <memory>

#include "client/assign/assignor.h"

namespace millrace::client::assign {

std::unique_ptr<Assignor> make_range();
std::unique_ptr<Assignor> make_round_robin();
std::unique_ptr<Assignor> make_sticky();
std::unique_ptr<Assignor> make_cooperative_sticky();

}  // namespace millrace::client::assign
