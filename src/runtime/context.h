// What a room above runtime is handed to reach the outside: one for each shard of a node, on Linux
// and in the simulator.
#pragma once

#include "runtime/disk.h"
#include "runtime/loop.h"
#include "runtime/network.h"
#include "runtime/workers.h"

namespace millrace::runtime {

struct Context {
    Loop& loop;
    Disk& disk;
    Network& network;
    Workers& workers;
};

}  // namespace millrace::runtime
