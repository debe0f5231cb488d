#include "runner.h"

#include "errors.h"
#include "queries.h"
#include "serdes.h"
#include "streams/test_driver.h"
#include "topology.h"

namespace millrace::difftest {
namespace {

using streams::NullableBytes;
using streams::TestRecord;
using streams::TopologyTestDriver;

constexpr std::string_view kInternalPrefix = "app-";
constexpr std::string_view kOurNamespace = "millrace::difftest::";

std::string simple_name(const std::exception& e) {
    const std::string name = streams::exception_class(e);
    return name.substr(name.find_last_of(".:") + 1);
}

// Class names from the outermost to the innermost.
Json::List classes_of(const std::exception& e) {
    Json::List classes{simple_name(e)};
    const auto* outer = dynamic_cast<const streams::StreamsException*>(&e);
    if (!outer || !outer->cause()) return classes;
    try {
        std::rethrow_exception(outer->cause());
    } catch (const CaseError&) {
        throw;
    } catch (const std::exception& cause) {
        for (Json& each : classes_of(cause)) classes.push_back(std::move(each));
    }
    return classes;
}

std::string header_text(const streams::Header& header) {
    if (header.key.ends_with(".stacktrace")) return "(any text)";
    std::string text = *header.value;
    if (header.key == "__streams.errors.exception" && text.starts_with(kOurNamespace))
        return text.substr(kOurNamespace.size());
    for (const char c : text)
        if (c < 0x20 || c == 0x7f) return "hex:" + hex_of(text);
    return text;
}

Json hex_or_null(const NullableBytes& bytes) {
    return bytes ? Json(hex_of(*bytes)) : Json();
}

class Run {
public:
    explicit Run(const Json& the_case) : case_(the_case) {}

    Json all() {
        if (build() && start()) {
            steps();
            finish();
        }
        return std::move(actual_);
    }

private:
    void failed(std::string_view phase, std::optional<size_t> step, const std::exception& e) {
        Json error;
        error.set("phase", phase).set("classes", classes_of(e)).set("rootMessage", e.what());
        if (step) error.set("step", static_cast<int64_t>(*step));
        actual_.set("error", std::move(error));
    }

    bool build() {
        try {
            config_ = config_of(case_);
            topology_ = topology_of(case_, config_, log_);
            actual_.set("describe", lines_of(topology_.describe()));
            return true;
        } catch (const CaseError&) {
            throw;
        } catch (const std::exception& e) {
            failed("build", std::nullopt, e);
            return false;
        }
    }

    bool start() {
        const Json& clock = case_["wallClock"];
        try {
            driver_.emplace(topology_, config_, clock.is_null() ? 0 : clock.number());
            return true;
        } catch (const CaseError&) {
            throw;
        } catch (const std::exception& e) {
            failed("start", std::nullopt, e);
            return false;
        }
    }

    void steps() {
        const Json::List& steps = case_["steps"].list();
        for (size_t i = 0; i < steps.size() && !actual_.has("error"); ++i) {
            try {
                step(steps[i], i);
            } catch (const CaseError&) {
                throw;
            } catch (const std::exception& e) {
                failed("step", i, e);
            }
            drain(i);
        }
    }

    void finish() {
        actual_.set("outputs", std::move(outputs_));
        if (case_.flag("internal")) actual_.set("internal", std::move(internal_));
        if (!entries_.empty()) actual_.set("log", std::move(entries_));
        if (!results_.empty()) actual_.set("results", std::move(results_));
        if (!actual_.has("error")) actual_.set("stores", dump_of(*driver_));
        driver_->close();
    }

    void step(const Json& step, size_t number) {
        if (step.has("pipe")) {
            pipe(step["pipe"]);
        } else if (step.has("advance")) {
            driver_->advance_wall_clock_time(std::chrono::milliseconds(step["advance"].number()));
        } else if (step.has("query") || step.has("dump")) {
            Json result;
            result.set("step", static_cast<int64_t>(number))
                .set("result",
                     step.has("query") ? answer_of(*driver_, step["query"]) : dump_of(*driver_));
            results_.push_back(std::move(result));
        } else {
            throw CaseError("unknown step " + step.to_text());
        }
    }

    void pipe(const Json& record) {
        const std::string& topic = record["topic"].text();
        const Json& spec = case_["inputs"][topic];
        const auto bytes = [&](const char* side, const char* hex) -> NullableBytes {
            if (record.has(hex)) return bytes_of_hex(record[hex].text());
            const Value value = Value::from_json(record[side]);
            if (value.is_null()) return std::nullopt;
            return streams::serialize(*serde_of(spec[side]).erased(), &value);
        };
        TestRecord input{.key = bytes("key", "keyHex"),
                         .value = bytes("value", "valueHex"),
                         .timestamp = record["ts"].number(),
                         .headers = {}};
        if (record.has("headers"))
            for (const Json& header : record["headers"].list())
                input.headers.push_back({header[0].text(), header[1].is_null()
                                                               ? NullableBytes()
                                                               : NullableBytes(header[1].text())});
        driver_->pipe_input(topic, std::move(input));
    }

    // What has happened since the last step.
    void drain(size_t step) {
        const auto number = static_cast<int64_t>(step);
        for (const Value& entry : log_) {
            Json note;
            entries_.push_back(note.set("step", number).set("entry", entry.to_json()));
        }
        log_.clear();
        for (const std::string& topic : driver_->produced_topic_names())
            while (const auto record = driver_->read_output(topic)) {
                const bool internal = topic.starts_with(kInternalPrefix);
                (internal ? internal_ : outputs_)
                    .push_back(shown(*record, topic, internal).set("step", number));
            }
    }

    Json shown(const TestRecord& record, const std::string& topic, bool internal) const {
        Json json;
        json.set("topic", topic);
        const Json& spec = case_["outputs"][topic];
        show_side(json, "key", internal ? Json() : spec["key"], record.key);
        show_side(json, "value", internal ? Json() : spec["value"], record.value);
        json.set("ts", record.timestamp ? Json(*record.timestamp) : Json());
        Json::List headers;
        for (const streams::Header& header : record.headers)
            headers.push_back(
                Json::List{header.key, header.value ? Json(header_text(header)) : Json()});
        if (!headers.empty()) json.set("headers", std::move(headers));
        return json;
    }

    static void show_side(Json& json, const std::string& side, const Json& spec,
                          const NullableBytes& bytes) {
        if (spec.is_null() || spec.is_object()) json.set(side + "Hex", hex_or_null(bytes));
        if (spec.is_null()) return;
        const streams::Box value =
            streams::deserialize(*serde_of(spec).erased(), streams::view_of(bytes));
        json.set(side, value ? value.as<Value>().to_json() : Json());
        if (!bytes) json.set(side, Json());
    }

    static Json::List lines_of(std::string_view text) {
        Json::List lines;
        size_t from = 0;
        while (from <= text.size()) {
            const size_t end = std::min(text.find('\n', from), text.size());
            std::string line(text.substr(from, end - from));
            if (const size_t at = line.find("(extractor class: "); at != std::string::npos)
                line.replace(at, std::string::npos, "(extractor class: any)");
            lines.emplace_back(std::move(line));
            from = end + 1;
        }
        while (!lines.empty() && lines.back().text().empty()) lines.pop_back();
        return lines;
    }

    const Json& case_;
    Log log_;
    streams::StreamsConfig config_;
    streams::Topology topology_;
    std::optional<TopologyTestDriver> driver_;
    Json actual_;
    Json::List outputs_, internal_, entries_, results_;
};

}  // namespace

Json run_case(const Json& the_case) {
    return Run(the_case).all();
}

}  // namespace millrace::difftest
