#include "cli/kafka/storage_arguments.h"

#include <charconv>
#include <map>

#include "base/check.h"
#include "cli/base64.h"
#include "cli/kafka/refused.h"
#include "net/scram.h"

namespace millrace::cli::kafka {
namespace {

template <typename N>
std::optional<N> number(std::string_view text) {
    N n{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size())
        return std::nullopt;
    return n;
}

Result<raft::Voter> parse_voter(std::string_view text, const std::string& listener) {
    raft::Voter out;
    const size_t at = text.find('@');
    if (at == text.npos) return refused("No @ found in dynamic voter string.");
    const auto id = number<NodeId>(text.substr(0, at));
    if (!id) return refused("Failed to parse node id in dynamic voter string.");
    out.id = *id;
    std::string_view rest = text.substr(at + 1);
    // An IPv6 host has colons of its own, and brackets around them.
    const size_t host_end =
        rest.starts_with('[') ? std::min(rest.find(']'), rest.size()) : size_t{0};
    const size_t colon = rest.find(':', host_end);
    if (colon == rest.npos) return refused("No colon following hostname could be found.");
    std::string_view host = rest.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    rest.remove_prefix(colon + 1);
    const size_t second = rest.find(':');
    if (second == rest.npos) return refused("No colon following port could be found.");
    const auto port = number<uint16_t>(rest.substr(0, second));
    if (!port) return refused("Failed to parse port in dynamic voter string.");
    const auto directory = Uuid::parse(rest.substr(second + 1));
    if (!directory) return refused("Failed to parse directory ID in dynamic voter string.");
    out.directory_id = *directory;
    out.endpoints.push_back({listener, std::string{host}, *port});
    return out;
}

// The settings inside brackets; a value may be in quotes, which hide no commas.
Result<std::map<std::string, std::string, std::less<>>> parse_brackets(std::string_view text) {
    if (!text.starts_with('[')) return refused("Expected configuration string to start with [");
    if (!text.ends_with(']')) return refused("Expected configuration string to end with ]");
    text = text.substr(1, text.size() - 2);
    std::map<std::string, std::string, std::less<>> out;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        const std::string_view one = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const size_t equals = one.find('=');
        if (equals == one.npos)
            return refused(fmt::format("No equals sign found in SCRAM component: {}", one));
        std::string_view value = one.substr(equals + 1);
        if (value.size() > 1 && value.starts_with('"') && value.ends_with('"'))
            value = value.substr(1, value.size() - 2);
        out[std::string{one.substr(0, equals)}] = value;
    }
    return out;
}

std::string draw_salt(Rng& rng) {
    std::string out;
    for (int i = 0; i != 3; ++i)
        for (uint64_t bits = rng.next(), b = 0; b != 8; ++b)
            out += static_cast<char>(bits >> (8 * b));
    return out;
}

}  // namespace

Result<std::vector<raft::Voter>> parse_initial_controllers(std::string_view text,
                                                           const std::string& listener) {
    std::vector<raft::Voter> out;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        TRY(raft::Voter voter, parse_voter(text.substr(0, comma), listener));
        if (std::ranges::find(out, voter.id, &raft::Voter::id) != out.end())
            return refused(fmt::format("Node id {} was specified more than once.", voter.id));
        out.push_back(std::move(voter));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    if (out.empty()) return refused("No voters given.");
    return out;
}

Result<protocol::UserScramCredentialRecord> parse_scram_argument(std::string_view text, Rng& rng) {
    const size_t equals = text.find('=');
    if (equals == text.npos)
        return refused(fmt::format("Failed to find equals sign in SCRAM argument '{}'", text));
    std::string name{text.substr(0, equals)};
    const auto mechanism = net::find_scram_mechanism(name);
    if (!mechanism)
        return refused(fmt::format("The add-scram mechanism {} is not supported.", name));
    std::ranges::replace(name, '-', '_');
    TRY(auto settings, parse_brackets(text.substr(equals + 1)));
    const auto take = [&](std::string_view key) -> std::optional<std::string> {
        const auto at = settings.find(key);
        if (at == settings.end()) return std::nullopt;
        std::string value = std::move(at->second);
        settings.erase(at);
        return value;
    };
    protocol::UserScramCredentialRecord out;
    const auto user = take("name");
    if (!user) return refused("You must supply 'name' to add-scram");
    const auto salt = take("salt");
    const auto said_iterations = take("iterations");
    const auto password = take("password");
    const auto salted = take("saltedpassword");
    int32_t iterations = net::kScramIterationsMin;
    if (said_iterations) {
        const auto n = number<int32_t>(*said_iterations);
        if (!n)
            return refused(fmt::format("Failed to parse iterations count: {}", *said_iterations));
        iterations = *n;
    }
    for (const auto& [wrong, sign, bound] :
         {std::tuple{iterations < net::kScramIterationsMin, ">=", net::kScramIterationsMin},
          std::tuple{iterations > net::kScramIterationsMax, "<=", net::kScramIterationsMax}})
        if (wrong)
            return refused(fmt::format(
                "The 'iterations' value must be {} {} for add-scram using {}", sign, bound, name));
    if (!password && !salted)
        return refused("You must supply one of 'password' or 'saltedpassword' to add-scram");
    if (!password && !salt)
        return refused("You must supply 'salt' with 'saltedpassword' to add-scram");
    if (!settings.empty())
        return refused(fmt::format("Unknown SCRAM configurations: {}", settings.begin()->first));
    std::string salt_bytes = salt ? std::string{} : draw_salt(rng);
    if (salt) {
        TRY(salt_bytes, decode_base64(*salt));
    }
    std::vector<uint8_t> made;
    if (password) {
        made =
            net::salted_password(*mechanism, as_bytes(*password), as_bytes(salt_bytes), iterations);
    } else {
        TRY(const std::string bytes, decode_base64(*salted));
        made.assign(bytes.begin(), bytes.end());
    }
    const net::ScramKeys keys = net::scram_keys(*mechanism, made);
    out.name = *user;
    out.mechanism = static_cast<int8_t>(*mechanism);
    out.salt = as_bytes(salt_bytes);
    out.stored_key = keys.stored;
    out.server_key = keys.server;
    out.iterations = iterations;
    return out;
}

}  // namespace millrace::cli::kafka
