#include "client/assign/assignor.h"

#include <array>

#include "client/assign/assignors.h"

namespace millrace::client {

std::unique_ptr<Assignor> make_assignor(std::string_view name) {
    struct Row {
        std::string_view name;
        std::string_view java_class;
        std::unique_ptr<Assignor> (*make)();
    };
    static constexpr std::array kRows{
        Row{"range", "RangeAssignor", assign::make_range},
        Row{"roundrobin", "RoundRobinAssignor", assign::make_round_robin},
        Row{"sticky", "StickyAssignor", assign::make_sticky},
        Row{"cooperative-sticky", "CooperativeStickyAssignor", assign::make_cooperative_sticky},
    };
    constexpr std::string_view kPackage = "org.apache.kafka.clients.consumer.";
    if (name.starts_with(kPackage)) {
        for (const Row& row : kRows) {
            if (row.java_class == name.substr(kPackage.size())) return row.make();
        }
    }
    for (const Row& row : kRows) {
        if (row.name == name) return row.make();
    }
    return nullptr;
}

}  // namespace millrace::client
