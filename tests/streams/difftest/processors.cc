// Programs as the three kinds of processors that users write.
#include "program.h"

namespace millrace::difftest {
namespace {

using streams::Headers;
using streams::RawRecord;
using streams::Record;
using Child = std::optional<std::string>;

template <typename Context>
void forward_to(Context& context, const Record<Value, Value>& record, const Child& child) {
    if (child)
        context.forward(record, *child);
    else
        context.forward(record);
}

class ProgramProcessor final : public streams::Processor<Value, Value, Value, Value> {
public:
    ProgramProcessor(const Json& program, Log& log, Program::Place place)
        : program_(program, log, place) {}
    void init(streams::ProcessorContext<Value, Value>& context) override {
        Processor::init(context);
        program_.start(context, [&context](const Value* key, const Value* value, TimestampMs time,
                                           Headers& headers, const Child& child) {
            const Record<Value, Value> record(RawRecord{key, value, 0, &headers});
            forward_to(context, record.with_timestamp(time), child);
        });
    }
    void process(const Record<Value, Value>& record) override {
        program_.process(record.key_ptr(), record.value_ptr(), record.timestamp(),
                         &record.headers());
    }

private:
    Program program_;
};

class ProgramFixedKeyProcessor final : public streams::FixedKeyProcessor<Value, Value, Value> {
public:
    ProgramFixedKeyProcessor(const Json& program, Log& log)
        : program_(program, log, Program::Place::task) {}
    void init(streams::FixedKeyProcessorContext<Value, Value>& context) override {
        FixedKeyProcessor::init(context);
        // The key is the one of the record at hand, whatever the program says.
        program_.start(context, [this, &context](const Value*, const Value* value, TimestampMs time,
                                                 Headers& headers, const Child& child) {
            if (!has_record_) throw streams::NullPointerException("no record to forward from");
            const Record<Value, Value> record(
                RawRecord{key_.is_null() ? nullptr : &key_, value, 0, &headers});
            forward_to(context, record.with_timestamp(time), child);
        });
    }
    void process(const Record<Value, Value>& record) override {
        key_ = Value::of(record.key_ptr());
        has_record_ = true;
        program_.process(record.key_ptr(), record.value_ptr(), record.timestamp(),
                         &record.headers());
    }

private:
    Program program_;
    Value key_;
    bool has_record_ = false;
};

class ProgramTransformer final : public streams::ValueTransformer<Value, Value, Value> {
public:
    ProgramTransformer(const Json& program, Log& log)
        : program_(program, log, Program::Place::table) {}
    void init(streams::ProcessingContext& context) override {
        ValueTransformer::init(context);
        program_.start(context, nullptr);
    }
    std::optional<Value> transform(const Value& key, const Value* value) override {
        return program_.transform(key, value).or_nothing();
    }

private:
    Program program_;
};

}  // namespace

streams::ProcessorSupplier<Value, Value, Value, Value> processor_of(const Json& program, Log& log,
                                                                    Program::Place place) {
    return [&program, &log, place]() {
        return std::make_unique<ProgramProcessor>(program, log, place);
    };
}

streams::FixedKeyProcessorSupplier<Value, Value, Value> fixed_key_processor_of(const Json& program,
                                                                               Log& log) {
    return [&program, &log]() { return std::make_unique<ProgramFixedKeyProcessor>(program, log); };
}

streams::ValueTransformerSupplier<Value, Value, Value> transformer_of(const Json& program,
                                                                      Log& log) {
    return [&program, &log]() { return std::make_unique<ProgramTransformer>(program, log); };
}

}  // namespace millrace::difftest
