#include "config/broker_config.h"

#include <fmt/format.h>

#include "base/check.h"
#include "config/properties.h"
#include "config/text.h"

namespace millrace::config {
namespace {

constexpr std::string_view kListenerPrefix = "listener.name.";

// Configurations of plug-ins and of things that we have not: Kafka knows these prefixes, so they
// are no misspellings.
constexpr std::string_view kForeignPrefixes[] = {"rsm.config.", "rlmm.config.", "config.providers.",
                                                 "ssl.",        "sasl.",        "metrics."};

bool is_foreign(std::string_view name) {
    return std::ranges::any_of(kForeignPrefixes,
                               [&](std::string_view prefix) { return name.starts_with(prefix); });
}

const std::string* lookup(const Overrides& map, std::string_view name) {
    const auto at = map.find(name);
    return at == map.end() ? nullptr : &at->second;
}

std::optional<std::string> scaled(const Def& source, const std::string& text, int64_t factor) {
    const auto value = parse(source, text);
    if (!value) return std::nullopt;
    if (factor == 1) return text;
    const int64_t* n = std::get_if<int64_t>(&*value);
    int64_t product = 0;
    if (n == nullptr || __builtin_mul_overflow(*n, factor, &product)) return std::nullopt;
    return std::to_string(product);
}

void take(const Value& value, bool& into) {
    into = std::get<bool>(value);
}
void take(const Value& value, double& into) {
    into = std::get<double>(value);
}
void take(const Value& value, int64_t& into) {
    into = std::get<int64_t>(value);
}
void take(const Value& value, int32_t& into) {
    into = static_cast<int32_t>(std::get<int64_t>(value));
}

// "name=value"
Result<std::pair<std::string, std::string>> split_setting(const std::string& setting) {
    const size_t equals = setting.find('=');
    const std::string name(trim(std::string_view(setting).substr(0, equals)));
    if (equals == std::string::npos || name.empty()) {
        return fail(ErrorCode::invalid_config,
                    fmt::format("--set {}: expected name=value", setting));
    }
    return std::pair{name, setting.substr(equals + 1)};
}

}  // namespace

const Def* find_broker(std::string_view name) {
    if (const Def* def = find(Scope::broker, name)) return def;
    if (!name.starts_with(kListenerPrefix)) return nullptr;
    const size_t listener_end = name.find('.', kListenerPrefix.size());
    if (listener_end == std::string_view::npos) return nullptr;
    const std::string_view rest = name.substr(listener_end + 1);
    if (const Def* def = find(Scope::broker, rest)) return def;
    const size_t mechanism_end = rest.find('.');
    if (mechanism_end == std::string_view::npos ||
        !rest.substr(mechanism_end + 1).starts_with("sasl."))
        return nullptr;
    return find(Scope::broker, rest.substr(mechanism_end + 1));
}

BrokerConfig BrokerConfig::defaults() {
    auto loaded = load("", "", {});
    INVARIANT(loaded.has_value());
    return std::move(loaded->config);
}

Result<BrokerConfig::Loaded> BrokerConfig::load(std::string_view text, std::string_view file,
                                                const std::vector<std::string>& sets,
                                                const std::vector<std::string>& fallbacks) {
    Loaded out;
    BrokerConfig& config = out.config;
    auto properties = parse_properties(text);
    if (!properties)
        return fail(ErrorCode::invalid_config,
                    fmt::format("{}: {}", file, properties.error().message));
    for (Property& p : *properties) {
        const Origin origin{std::string(file), p.line};
        if (const auto old = config.origins_.find(p.name); old != config.origins_.end()) {
            out.warnings.push_back(
                fmt::format("{}:{}: {} was already said in line {}; this value counts", file,
                            p.line, p.name, old->second.line));
        }
        config.static_[p.name] = std::move(p.value);
        config.origins_[p.name] = origin;
    }
    for (const std::string& set : sets) {
        TRY(auto pair, split_setting(set));
        config.origins_[pair.first] = {"--set", 0};
        config.static_[std::move(pair.first)] = std::move(pair.second);
    }
    for (const std::string& fallback : fallbacks) {
        TRY(auto pair, split_setting(fallback));
        if (!config.static_.contains(pair.first)) config.static_.insert(std::move(pair));
    }
    for (const auto& [name, value] : config.static_) {
        const Def* def = find_broker(name);
        if (def == nullptr) {
            const Origin& at = config.origins_[name];
            const std::string place =
                at.line > 0 ? fmt::format("{}:{}", at.file, at.line) : at.file;
            if (!is_foreign(name))
                out.warnings.push_back(
                    fmt::format("{}: unknown configuration {} is ignored", place, name));
        } else if (const auto parsed = parse(*def, value); !parsed) {
            return config.at_origin(
                {parsed.code(), name.size() == def->name.size()
                                    ? parsed.error().message
                                    : fmt::format("{}: {}", name, parsed.error().message)});
        }
    }
    config.fill_in();
    if (const auto checked = config.check(); !checked) return config.at_origin(checked.error());
    config.read_values();
    return out;
}

BrokerConfig BrokerConfig::with_dynamic(Overrides for_this, Overrides for_all) const {
    BrokerConfig out = *this;
    out.dynamic_ = std::move(for_this);
    out.dynamic_default_ = std::move(for_all);
    out.read_values();
    return out;
}

// Prefixes a message "<name>: ..." with where the name was said.
Error BrokerConfig::at_origin(const Error& error) const {
    const auto at =
        origins_.find(std::string_view(error.message).substr(0, error.message.find(':')));
    if (at == origins_.end() || at->second.file.empty()) return error;
    const Origin& origin = at->second;
    const std::string place =
        origin.line > 0 ? fmt::format("{}:{}", origin.file, origin.line) : origin.file;
    return fail(error.code, fmt::format("{}: {}", place, error.message));
}

// What a node needs and its operator need not say; and node.id's two names, as Kafka reports both.
void BrokerConfig::fill_in() {
    const auto unless_said = [this](const char* name, std::string text) {
        if (static_.contains(name)) return;
        static_[name] = std::move(text);
        origins_[name] = {};
    };
    const std::string* old_id = lookup(static_, "broker.id");
    unless_said("node.id", old_id != nullptr ? *old_id : "1");
    unless_said("broker.id", static_["node.id"]);
    unless_said("process.roles", "broker,controller");
    unless_said("controller.listener.names", "CONTROLLER");
}

void BrokerConfig::read_values() {
#define MILLRACE_BROKER_VALUE(type, field, name) take(value(name), values_.field);
#include "config/broker_values.def"
#undef MILLRACE_BROKER_VALUE
}

const Overrides& BrokerConfig::level(Source source) const {
    if (source == Source::dynamic_broker) return dynamic_;
    if (source == Source::dynamic_default_broker) return dynamic_default_;
    INVARIANT(source == Source::static_broker);
    return static_;
}

std::optional<BrokerConfig::Said> BrokerConfig::said(std::string_view name) const {
    const Def* def = find_broker(name);
    for (const Source source :
         {Source::dynamic_broker, Source::dynamic_default_broker, Source::static_broker}) {
        const std::string* text = lookup(level(source), name);
        if (text != nullptr && (def == nullptr || parse(*def, *text))) return Said{*text, source};
    }
    return std::nullopt;
}

BrokerConfig::Inherited BrokerConfig::inherited(const Def& heir) const {
    const std::vector<Synonym> names = synonyms(heir);
    for (const Source source :
         {Source::dynamic_broker, Source::dynamic_default_broker, Source::static_broker}) {
        for (const Synonym& synonym : names) {
            const std::string* text = lookup(level(source), synonym.name);
            if (text == nullptr) continue;
            if (auto own = scaled(*find(Scope::broker, synonym.name), *text, synonym.factor))
                return {std::move(own), source};
        }
    }
    if (!heir.fallback.present) return {};
    return {std::string(heir.fallback.text), Source::default_value};
}

Value BrokerConfig::value(std::string_view name) const {
    const Def* def = find(Scope::broker, name);
    INVARIANT(def != nullptr);
    const auto text = said(name);
    return text ? *parse(*def, text->text) : default_value(*def);
}

std::optional<std::string> BrokerConfig::text(std::string_view name) const {
    if (auto said_text = said(name)) return std::move(said_text->text);
    const Def* def = find(Scope::broker, name);
    if (def == nullptr || !def->fallback.present) return std::nullopt;
    return std::string(def->fallback.text);
}

bool BrokerConfig::boolean(std::string_view name) const {
    return std::get<bool>(value(name));
}
int64_t BrokerConfig::int64(std::string_view name) const {
    return std::get<int64_t>(value(name));
}
int32_t BrokerConfig::int32(std::string_view name) const {
    return static_cast<int32_t>(int64(name));
}
double BrokerConfig::float64(std::string_view name) const {
    return std::get<double>(value(name));
}
bool BrokerConfig::is_null(std::string_view name) const {
    return std::holds_alternative<std::monostate>(value(name));
}

std::string BrokerConfig::string(std::string_view name) const {
    const Value v = value(name);
    return std::holds_alternative<std::monostate>(v) ? "" : std::get<std::string>(v);
}

std::vector<std::string> BrokerConfig::list(std::string_view name) const {
    const Value v = value(name);
    return std::holds_alternative<std::monostate>(v) ? std::vector<std::string>{}
                                                     : std::get<std::vector<std::string>>(v);
}

NodeId BrokerConfig::node_id() const {
    return static_cast<NodeId>(int64("node.id"));
}

std::vector<std::string> BrokerConfig::log_dirs() const {
    return list(is_null("log.dirs") ? "log.dir" : "log.dirs");
}

std::string BrokerConfig::metadata_log_dir() const {
    return is_null("metadata.log.dir") ? log_dirs().front() : string("metadata.log.dir");
}

// The topic's configuration knows the units and which of them wins; log.retention.ms is any LONG.
int64_t BrokerConfig::in_ms(std::string_view topic_config) const {
    const Inherited from = inherited(*find(Scope::topic, topic_config));
    return std::get<int64_t>(*parse(*find(Scope::broker, "log.retention.ms"), from.text));
}

int64_t BrokerConfig::log_retention_ms() const {
    return std::max<int64_t>(in_ms("retention.ms"), -1);
}
int64_t BrokerConfig::log_roll_ms() const {
    return in_ms("segment.ms");
}
int64_t BrokerConfig::log_roll_jitter_ms() const {
    return in_ms("segment.jitter.ms");
}

bool BrokerConfig::is_controller_listener(std::string_view listener) const {
    return std::ranges::any_of(list("controller.listener.names"), [&](const std::string& name) {
        return equal_ignoring_case(name, listener);
    });
}

}  // namespace millrace::config
