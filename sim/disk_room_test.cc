// The room of a log directory against the simulated disk.
#include "storage/disk_room.h"
#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;

SIM_TEST("clients get what is above the reserve, and again when there is room") {
    SimFabric fabric{sim};
    SimNode node{sim, fabric, "n"};
    SimDisk& disk = node.disk();
    disk.faults.capacity = 100'000;
    storage::DiskRoom room(disk, "/", 16'000);
    REQUIRE(room.look(0).has_value());
    CHECK(room.total() == 100'000);
    CHECK(room.usable() == 84'000);
    // Written by somebody else: it is seen long before it could hurt.
    REQUIRE(disk.write_file("/other", std::string(40'000, 'x')).has_value());
    size_t got = 0;
    while (room.take(1000, 1)) {
        got += 1000;
        REQUIRE(disk.write_file("/ours", std::string(got, 'x')).has_value());
    }
    // A look may come between a grant and its write: one append more, of the reserve.
    CHECK(got >= 44'000);
    CHECK(got <= 45'000);
    CHECK(room.full());
    CHECK(room.refusals() == 1);
    CHECK_FALSE(room.take(1, 2));
    CHECK_FALSE(room.take(1, 1000));
    REQUIRE(disk.write_file("/ours", std::string(43'000, 'x')).has_value());
    CHECK_FALSE(room.take(1, 2000));  // a thousand bytes are too little to begin again
    REQUIRE(disk.remove("/other").has_value());
    CHECK_FALSE(room.take(1, 2050));  // not asked again yet
    CHECK(room.take(1000, 2100));
    CHECK_FALSE(room.full());
}
