#include "cli/kafka/properties.h"

#include "cli/local_disk.h"
#include "config/properties.h"
#include "config/text.h"

namespace millrace::cli::kafka {

void Properties::add_pairs(const std::vector<std::string>& pairs) {
    for (const std::string& pair : pairs) {
        const size_t equals = pair.find('=');
        set(pair.substr(0, equals), equals == pair.npos ? "" : pair.substr(equals + 1));
    }
}

Result<void> Properties::add_file(const std::string& path) {
    constexpr size_t kBytesMax = 1 << 20;
    LocalDisk local;
    const auto text = local.read_all(path, kBytesMax);
    if (text.code() == ErrorCode::not_found) return fail(ErrorCode::not_found, path);
    if (!text) return text.error();
    TRY(auto parsed, config::parse_properties(*text));
    for (config::Property& property : parsed)
        set(std::move(property.name), std::move(property.value));
    return {};
}

std::optional<std::string> Properties::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional{found->second};
}

std::string Properties::get(std::string_view name, std::string_view otherwise) const {
    return find(name).value_or(std::string{otherwise});
}

bool Properties::is_true(std::string_view name, bool otherwise) const {
    const auto text = find(name);
    return text ? config::equal_ignoring_case(config::trim(*text), "true") : otherwise;
}

Properties Properties::below(std::string_view prefix) const {
    Properties out;
    for (const auto& [name, value] : values_)
        if (name.starts_with(prefix)) out.set(name.substr(prefix.size()), value);
    return out;
}

client::Settings Properties::settings() const {
    client::Settings out;
    for (const auto& [name, value] : values_) out.set(name, value);
    return out;
}

Result<Properties> read_properties(const Arguments& arguments, std::string_view file_option,
                                   std::string_view pairs_option) {
    Properties out;
    TRY(const auto file, arguments.value(file_option));
    if (file) TRY_OK(out.add_file(*file));
    out.add_pairs(arguments.values(pairs_option));
    return out;
}

}  // namespace millrace::cli::kafka
