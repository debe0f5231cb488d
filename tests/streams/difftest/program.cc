#include "program.h"

#include "errors.h"

namespace millrace::difftest {
namespace {

using std::chrono::milliseconds;
using streams::Headers;
using streams::StoreKind;

const Value* nullable(const Value& value) {
    return value.is_null() ? nullptr : &value;
}

Value list_of(const Headers& headers) {
    Value::List list;
    for (const streams::Header& header : headers)
        list.emplace_back(
            Value::List{header.key, header.value ? Value(std::string(*header.value)) : Value()});
    return list;
}

const Value& needed(const Value& key) {
    if (key.is_null()) throw streams::NullPointerException("a store has no null key");
    return key;
}

}  // namespace

void Program::start(streams::ProcessingContext& context, Forward forward) {
    context_ = &context;
    forward_ = std::move(forward);
    Variables v = variables(nullptr, nullptr, -1, nullptr);
    run(program_["init"], v);
    if (!program_.has("punctuate")) return;
    for (const Json& punctuation : program_["punctuate"].list())
        if (!punctuation.flag("manual")) schedule(punctuation);
}

void Program::process(const Value* key, const Value* value, TimestampMs timestamp,
                      Headers* headers) {
    headers_ = headers;
    Variables v = variables(key, value, timestamp, headers);
    run(program_["process"], v);
}

Value Program::transform(const Value& key, const Value* value) {
    Variables v = variables(&key, value, context_->record_metadata()->timestamp, nullptr);
    run(program_["process"], v);
    return this->value(program_["result"], v);
}

Variables Program::variables(const Value* key, const Value* value, TimestampMs timestamp,
                             const Headers* headers) const {
    Variables v = kept_;
    v["key"] = Value::of(key);
    v["value"] = Value::of(value);
    v["ts"] = timestamp;
    v["streamTime"] = place_ == Place::global ? Value() : Value(context_->current_stream_time_ms());
    v["wallTime"] = context_->current_system_time_ms();
    v["headers"] = headers ? list_of(*headers) : Value(Value::List());
    if (place_ == Place::table) return v;
    v["topic"] = v["partition"] = v["offset"] = Value();
    if (const streams::RecordContext* record = context_->record_metadata()) {
        if (!record->topic.empty()) v["topic"] = std::string(record->topic);
        v["partition"] = int64_t{record->partition};
        v["offset"] = record->offset;
    }
    return v;
}

void Program::schedule(const Json& punctuation) {
    const auto type = punctuation["type"].text() == "wall"
                          ? streams::PunctuationType::wall_clock_time
                          : streams::PunctuationType::stream_time;
    const milliseconds interval(punctuation["interval"].number());
    const auto work = [this, &punctuation](TimestampMs now) {
        Variables v = variables(nullptr, nullptr, now, nullptr);
        v["punctTs"] = now;
        own_headers_.clear();
        headers_ = &own_headers_;
        run(punctuation["do"], v);
    };
    const bool has_start = punctuation.has("start") && place_ != Place::table;
    timers_.insert_or_assign(
        punctuation.text_or("id", "p"),
        has_start ? context_->schedule(punctuation["start"].number(), interval, type, work)
                  : context_->schedule(interval, type, work));
}

void Program::run(const Json& statements, Variables& v) {
    if (statements.is_null()) return;
    for (const Json& statement : statements.list()) run_one(statement, v);
}

void Program::run_one(const Json& s, Variables& v) {
    const std::string& what = s[0].text();
    if (what == "let") {
        kept_[s[1].text()] = v[s[1].text()] = value(s[2], v);
    } else if (what == "put") {
        put(s, v);
    } else if (what == "putSession") {
        put_session(s, v);
    } else if (what == "delete") {
        remove(s, v);
    } else if (what == "header") {
        const Value text = value(s[2], v);
        headers_->push_back({s[1].text(), text.is_null() ? streams::NullableBytes()
                                                         : streams::NullableBytes(text.text())});
    } else if (what == "forward") {
        forward(s[1], v);
    } else if (what == "log") {
        log_.push_back(value(s[1], v));
    } else if (what == "if") {
        run(value(s[1], v).is_true() ? s[2] : s[3], v);
    } else if (what == "each") {
        each(s, v);
    } else if (what == "commit") {
        context_->commit();
    } else if (what == "cancel") {
        timers_.at(s[1].text()).cancel();
    } else if (what == "schedule") {
        for (const Json& punctuation : program_["punctuate"].list())
            if (punctuation["id"] == s[1]) schedule(punctuation);
    } else if (what == "fail") {
        throw CaseFailure(value(s[1], v).show());
    } else {
        throw CaseError("unknown statement " + s.to_text());
    }
}

void Program::forward(const Json& what, const Variables& v) {
    const auto part = [&](const char* name) {
        return what.has(name) ? value(what[name], v) : v.find(name)->second;
    };
    const Value key = part("key");
    const Value forwarded = part("value");
    const TimestampMs timestamp = part("ts").number();
    if (!forward_) throw streams::NullPointerException("a table transformer forwards nothing");
    Headers copy = *headers_;
    forward_(nullable(key), nullable(forwarded), timestamp, copy,
             what.has("child") ? std::optional(what["child"].text()) : std::nullopt);
}

void Program::put(const Json& s, const Variables& v) {
    const AnyStore target = store(s[1].text());
    const Value key = value(s[2], v);
    const Value put = value(s[3], v);
    const Value time = s.list().size() > 4 ? value(s[4], v) : Value();
    needed(key);
    if (target.kind() == StoreKind::timestamped_key_value) {
        auto typed = target.as<TimestampedKeyValueStore>();
        if (put.is_null())
            typed.remove(key);
        else
            typed.put(key, put, time.number());
    } else if (target.is_versioned()) {
        auto typed = target.as<VersionedKeyValueStore>();
        if (put.is_null())
            typed.remove(key, time.number());
        else
            typed.put(key, put, time.number());
    } else if (target.is_window()) {
        auto typed = target.as<WindowStore>();
        if (put.is_null())
            typed.remove(key, time.number());
        else
            typed.put(key, put, time.number(), target.timestamped() ? time.number() : -1);
    } else {
        auto typed = target.as<KeyValueStore>();
        if (put.is_null())
            typed.remove(key);
        else
            typed.put(key, put);
    }
}

void Program::put_session(const Json& s, const Variables& v) {
    auto target = store(s[1].text()).as<SessionStore>();
    const Value key = value(s[2], v);
    const streams::Window window{value(s[3], v).number(), value(s[4], v).number()};
    const Value put = value(s[5], v);
    if (put.is_null())
        target.remove(needed(key), window);
    else
        target.put(needed(key), window, put);
}

void Program::remove(const Json& s, const Variables& v) {
    const AnyStore target = store(s[1].text());
    const Value key = value(s[2], v);
    needed(key);
    if (target.is_versioned())
        target.as<VersionedKeyValueStore>().remove(key, value(s[3], v).number());
    else if (target.kind() == StoreKind::timestamped_key_value)
        target.as<TimestampedKeyValueStore>().remove(key);
    else
        target.as<KeyValueStore>().remove(key);
}

void Program::each(const Json& s, Variables& v) {
    const AnyStore source = store(s[1].text());
    for (const Row& row : source.all()) {
        if (source.timestamped()) v["vts"] = row.timestamp;
        v["k"] = row.window ? Value::windowed(row.key, *row.window) : row.key;
        v["v"] = row.value;
        run(s[2], v);
    }
}

Value Program::value(const Json& expression, const Variables& v) {
    return evaluate(expression, v, [this](const auto& function, const auto& args) {
        return read(function, args);
    });
}

AnyStore Program::store(std::string_view name) {
    return context_->store<AnyStore>(name);
}

Value Program::read(const std::string& function, const std::vector<Value>& args) {
    const AnyStore source = store(args.at(0).text());
    const Value& key = needed(args.at(1));
    if (function == "getAsOf") {
        auto found = source.as<VersionedKeyValueStore>().get(key, args.at(2).number());
        return found ? found->value : Value();
    }
    if (function == "get" || function == "getTs") {
        const bool time = function == "getTs";
        if (source.is_versioned()) {
            auto found = source.as<VersionedKeyValueStore>().get(key);
            if (!found) return {};
            return time ? Value(found->timestamp) : found->value;
        }
        const auto found = source.get(key);
        if (!found) return {};
        return time ? Value(found->timestamp) : found->value;
    }
    if (function == "fetch") {
        auto found = source.as<WindowStore>().fetch(key, args.at(2).number());
        return found ? found->value : Value();
    }
    if (function == "fetchSession")
        return Value::of(
            source.as<SessionStore>().fetch_session(key, args.at(2).number(), args.at(3).number()));
    Value::List list;  // fetchRange
    for (Row& row :
         rows_of(source.as<WindowStore>().fetch(key, args.at(2).number(), args.at(3).number())))
        list.emplace_back(Value::List{row.window->start, std::move(row.value)});
    return list;
}

}  // namespace millrace::difftest
