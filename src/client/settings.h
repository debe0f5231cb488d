// The properties of a client by Kafka's names, as people write them in a file or on a command line,
// on their way into the typed configs (ClientConfig, ProducerConfig, ConsumerConfig).
//
//   TRY(Settings settings, Settings::parse(text_of_file));
//   settings.set("linger.ms", "20");
//   TRY(ProducerConfig config, ProducerConfig::from(settings));
//   for (const std::string& name : settings.unused()) warn(name);
//
// Errors: invalid_config, with the name, the value and what is allowed.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace millrace::client {

class Settings {
public:
    Settings() = default;
    // {{"bootstrap.servers", "localhost:9092"}, ...}
    Settings(std::initializer_list<std::pair<const std::string, std::string>> values)
        : values_(values) {}
    // The text of a Java .properties file.
    static Result<Settings> parse(std::string_view text);

    void set(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }
    // Unless it is set.
    void set_default(std::string name, std::string value) {
        values_.try_emplace(std::move(name), std::move(value));
    }
    // "name=value".
    Result<void> set_pair(std::string_view text);

    // Each reads one property into `out`, which keeps its value when it is not set.
    Result<void> read(std::string_view name, std::string& out) const;
    Result<void> read(std::string_view name, bool& out) const;
    Result<void> read(std::string_view name, int32_t& out, int64_t min, int64_t max) const;
    Result<void> read(std::string_view name, int64_t& out, int64_t min, int64_t max) const;
    // In milliseconds; `out` as well.
    Result<void> read(std::string_view name, std::chrono::milliseconds& out, int64_t min,
                      int64_t max = INT64_MAX / 2'000'000) const;
    // One of `names`, in any case; gives its index.
    Result<std::optional<size_t>> read_choice(std::string_view name,
                                              std::initializer_list<std::string_view> names) const;
    // Marks the property as known.
    std::optional<std::string_view> find(std::string_view name) const;

    // The names that nobody has read: typing errors, or properties of another client.
    std::vector<std::string> unused() const;

private:
    Result<std::optional<int64_t>> read_number(std::string_view name, int64_t min,
                                               int64_t max) const;

    std::map<std::string, std::string, std::less<>> values_;
    mutable std::set<std::string, std::less<>> used_;
};

}  // namespace millrace::client
