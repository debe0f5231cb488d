#include "config/describe.h"

#include <algorithm>
#include <set>

namespace millrace::config {
namespace {

bool wanted(const Keys& keys, std::string_view name) {
    return !keys || keys->empty() || std::ranges::find(*keys, name) != keys->end();
}

// The broker configurations that speak of the same thing, strongest first; Kafka knows them by any
// of their names.
std::vector<std::string_view> aliases(std::string_view name) {
    constexpr std::array kRetention = {"log.retention.ms", "log.retention.minutes",
                                       "log.retention.hours"};
    constexpr std::array kRoll = {"log.roll.ms", "log.roll.hours"};
    constexpr std::array kJitter = {"log.roll.jitter.ms", "log.roll.jitter.hours"};
    const auto has = [&](const auto& names) {
        return std::ranges::find(names, name) != names.end();
    };
    if (has(kRetention)) return {kRetention.begin(), kRetention.end()};
    if (has(kRoll)) return {kRoll.begin(), kRoll.end()};
    if (has(kJitter)) return {kJitter.begin(), kJitter.end()};
    if (name == "log.flush.interval.ms") return {name, "log.flush.scheduler.interval.ms"};
    const Def* def = find_broker(name);
    if (def != nullptr && def->name != name) return {name, def->name};
    return {name};
}

// All that was said of a broker configuration at all levels, from the first that is said by this
// very name.
std::vector<DescribedSynonym> broker_synonyms(std::string_view name, bool sensitive,
                                              const BrokerConfig& broker) {
    std::vector<DescribedSynonym> out;
    const auto add = [&](std::string_view alias, std::string_view text, Source source) {
        if (out.empty() && alias != name) return;
        out.push_back({std::string(alias),
                       sensitive ? std::nullopt : std::optional<std::string>(text), source});
    };
    const std::vector<std::string_view> names = aliases(name);
    for (const Source source :
         {Source::dynamic_broker, Source::dynamic_default_broker, Source::static_broker}) {
        for (const std::string_view alias : names) {
            const Overrides& level = broker.level(source);
            if (const auto at = level.find(alias); at != level.end())
                add(alias, at->second, source);
        }
    }
    for (const std::string_view alias : names) {
        const Def* def = find(Scope::broker, alias);
        // Dynamic quotas are no part of the static configuration, so that they have no default
        // there.
        if (def != nullptr && def->fallback.present && !alias.ends_with(".throttled.rate")) {
            add(alias, def->fallback.text, Source::default_value);
        }
    }
    return out;
}

Source strongest(const std::vector<DescribedSynonym>& synonyms) {
    return synonyms.empty() ? Source::default_value : synonyms.front().source;
}

// Text in the form that its type has: "a, b" -> "a,b".
std::optional<std::string> canonical(const Def& def, const std::optional<std::string>& text) {
    Def unchecked = def;
    if (def.type != Type::list) unchecked.valid = {};
    const auto value = parse(unchecked, text);
    return value ? to_text(*value) : text;
}

// Kafka drops a static value once another unit of the same time is set dynamically, and says so:
// the entry has no value then.
bool is_overtaken(std::string_view name, const BrokerConfig& broker) {
    const auto names = aliases(name);
    if (names.size() < 2 || find(Scope::broker, name) == nullptr) return false;
    const auto said = broker.said(name);
    if (!said || said->source != Source::static_broker) return false;
    return std::ranges::any_of(names, [&](std::string_view alias) {
        return broker.level(Source::dynamic_broker).contains(alias) ||
               broker.level(Source::dynamic_default_broker).contains(alias);
    });
}

Described describe_broker_entry(std::string_view name, const BrokerConfig& broker) {
    const Def* def = find_broker(name);
    Described out{.name = std::string(name)};
    out.sensitive = def == nullptr || def->sensitive();
    out.type = def == nullptr ? int8_t{0} : static_cast<int8_t>(def->type);
    const Def* exact = find(Scope::broker, name);
    out.read_only = exact == nullptr || exact->update == Update::read_only;
    out.synonyms = broker_synonyms(name, out.sensitive, broker);
    out.source = strongest(out.synonyms);
    if (!out.sensitive)
        out.value = is_overtaken(name, broker) ? to_text(default_value(*def))
                                               : canonical(*def, broker.text(name));
    out.is_default = out.source == Source::default_value;
    return out;
}

Described from_def(const Def& def) {
    return {.name = std::string(def.name),
            .sensitive = def.sensitive(),
            .type = static_cast<int8_t>(def.type)};
}

// A topic's or group's entry: the override in front of what the broker says.
Described with_override(const Def& def, const Overrides& overrides, Source own_source,
                        const BrokerConfig& broker) {
    Described out = from_def(def);
    const std::vector<Synonym> heirs = synonyms(def);
    if (!heirs.empty()) out.synonyms = broker_synonyms(heirs.front().name, out.sensitive, broker);
    out.value = canonical(def, broker.inherited(def).text);
    if (const auto own = overrides.find(def.name); own != overrides.end()) {
        out.value = canonical(def, own->second);
        out.synonyms.insert(out.synonyms.begin(), {out.name, out.value, own_source});
    }
    out.source = strongest(out.synonyms);
    out.is_default = out.source == Source::default_value;
    return out;
}

}  // namespace

std::vector<Described> describe_topic(const Overrides& topic, const BrokerConfig& broker,
                                      const Keys& keys) {
    std::vector<Described> out;
    for (const Def& def : definitions(Scope::topic)) {
        if (def.visibility == Visibility::hidden && !topic.contains(def.name)) continue;
        if (wanted(keys, def.name))
            out.push_back(with_override(def, topic, Source::dynamic_topic, broker));
    }
    return out;
}

std::vector<Described> describe_group(const Overrides& group, const BrokerConfig& broker,
                                      const Keys& keys) {
    std::vector<Described> out;
    for (const Def& def : definitions(Scope::group)) {
        if (!wanted(keys, def.name)) continue;
        out.push_back(with_override(def, group, Source::group, broker));
        // What no broker configuration stands behind shows its own default.
        if (def.inherits.empty()) {
            out.back().synonyms.push_back(
                {out.back().name, std::string(def.fallback.text), Source::default_value});
        }
    }
    return out;
}

std::vector<Described> describe_client_metrics(const Overrides& subscription, const Keys& keys) {
    std::vector<Described> out;
    for (const Def& def : definitions(Scope::client_metrics)) {
        if (!wanted(keys, def.name)) continue;
        Described entry = from_def(def);
        entry.value = std::string(def.fallback.text);
        if (const auto own = subscription.find(def.name); own != subscription.end()) {
            entry.value = canonical(def, own->second);
            entry.synonyms = {{entry.name, entry.value, Source::client_metrics}};
            entry.source = Source::client_metrics;
            entry.is_default = false;
        }
        out.push_back(std::move(entry));
    }
    return out;
}

std::vector<Described> describe_broker(const BrokerConfig& broker, const Keys& keys) {
    std::set<std::string_view> names;
    for (const Def& def : definitions(Scope::broker)) {
        if (def.visibility == Visibility::shown) names.insert(def.name);
    }
    for (const Source source :
         {Source::dynamic_broker, Source::dynamic_default_broker, Source::static_broker}) {
        for (const auto& [name, text] : broker.level(source)) names.insert(name);
    }
    std::vector<Described> out;
    for (const std::string_view name : names) {
        if (wanted(keys, name)) out.push_back(describe_broker_entry(name, broker));
    }
    return out;
}

std::vector<Described> describe_broker_defaults(const BrokerConfig& broker, const Keys& keys) {
    std::vector<Described> out;
    for (const auto& [name, text] : broker.level(Source::dynamic_default_broker)) {
        if (!wanted(keys, name)) continue;
        Described entry = describe_broker_entry(name, broker);
        if (!entry.sensitive) entry.value = text;
        entry.synonyms = {{name, entry.value, Source::dynamic_default_broker}};
        entry.source = Source::dynamic_default_broker;
        entry.is_default = false;
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace millrace::config
