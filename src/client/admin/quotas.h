// Quotas of users, clients and addresses.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::client {

// Of users, clients and addresses; a name that is nothing is the default of its kind.
struct QuotaEntity {
    std::vector<std::pair<std::string, std::optional<std::string>>>
        parts;  // "user", "client-id", "ip"
};
struct QuotaFilter {
    enum class Match : int8_t { exact = 0, unnamed = 1, any = 2 };
    struct Part {
        std::string type;
        Match match = Match::any;
        std::string name;
    };
    std::vector<Part> parts;
    bool strict = true;  // entities of other types, too, do not fit
};
struct Quotas {
    QuotaEntity entity;
    std::vector<std::pair<std::string, double>> values;
};
struct QuotaChange {
    std::string key;
    std::optional<double> value;  // nothing: removed
};

}  // namespace millrace::client
