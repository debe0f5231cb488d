// Properties as Kafka's tools take them: name=value words, over a file. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/kafka/joptsimple.h"
#include "client/settings.h"

namespace millrace::cli::kafka {

class Properties {
public:
    void set(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }
    // Over what is set: "name=value"; "name" and "name=" are an empty value.
    void add_pairs(const std::vector<std::string>& pairs);
    // Over what is set: a Java .properties file. Errors: not_found, with the path, malformed.
    Result<void> add_file(const std::string& path);

    bool has(std::string_view name) const { return values_.contains(name); }
    std::optional<std::string> find(std::string_view name) const;
    std::string get(std::string_view name, std::string_view otherwise) const;
    // Whether it is "true", in any case; anything else is not.
    bool is_true(std::string_view name, bool otherwise = false) const;
    // Those whose names begin with `prefix`, without it.
    Properties below(std::string_view prefix) const;
    client::Settings settings() const;

private:
    std::map<std::string, std::string, std::less<>> values_;
};

// The properties of two options, one for a file and one for pairs, which win.
Result<Properties> read_properties(const Arguments& arguments, std::string_view file_option,
                                   std::string_view pairs_option);

}  // namespace millrace::cli::kafka
