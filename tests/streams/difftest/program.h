// The cases' programs: statements that processors run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "expression.h"
#include "stores.h"
#include "streams/processor.h"

namespace millrace::difftest {

// What peek, foreach and `log` wrote down, in order.
using Log = std::vector<Value>;

// One program at work in one processor. `program` and `log` outlive it.
class Program {
public:
    // `child`: to all nodes below when there is none.
    using Forward =
        std::function<void(const Value* key, const Value* value, TimestampMs timestamp,
                           streams::Headers& headers, const std::optional<std::string>& child)>;
    // What a program can see: a processor's surroundings, a global one's, a table transformer's.
    enum class Place : uint8_t { task, global, table };

    Program(const Json& program, Log& log, Place place)
        : program_(program), log_(log), place_(place) {}

    // Runs `init` and starts the punctuations.
    void start(streams::ProcessingContext& context, Forward forward);
    void process(const Value* key, const Value* value, TimestampMs timestamp,
                 streams::Headers* headers);
    // As process(), and then the expression `result`.
    Value transform(const Value& key, const Value* value);

private:
    Variables variables(const Value* key, const Value* value, TimestampMs timestamp,
                        const streams::Headers* headers) const;
    void schedule(const Json& punctuation);
    void run(const Json& statements, Variables& variables);
    void run_one(const Json& statement, Variables& variables);
    void forward(const Json& what, const Variables& variables);
    void put(const Json& statement, const Variables& variables);
    void put_session(const Json& statement, const Variables& variables);
    void remove(const Json& statement, const Variables& variables);
    void each(const Json& statement, Variables& variables);
    Value value(const Json& expression, const Variables& variables);
    AnyStore store(std::string_view name);
    Value read(const std::string& function, const std::vector<Value>& args);

    const Json& program_;
    Log& log_;
    Place place_;
    streams::ProcessingContext* context_ = nullptr;
    Forward forward_;
    Variables kept_;  // by `let`
    std::map<std::string, streams::Cancellable, std::less<>> timers_;
    streams::Headers own_headers_;  // outside of records
    streams::Headers* headers_ = &own_headers_;
};

streams::ProcessorSupplier<Value, Value, Value, Value> processor_of(const Json& program, Log& log,
                                                                    Program::Place place);
streams::FixedKeyProcessorSupplier<Value, Value, Value> fixed_key_processor_of(const Json& program,
                                                                               Log& log);
streams::ValueTransformerSupplier<Value, Value, Value> transformer_of(const Json& program,
                                                                      Log& log);

}  // namespace millrace::difftest
