// What ends a topology's work. Inside the engine failures travel as exceptions, since they come
// from users' functions and pass through users' processors; at the edge (build(), the running
// application, the test driver's calls) they are what the caller sees. docs/decisions/0005.
//
// Each has the name of Kafka's class, which dead letters carry (__streams.errors.exception).
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace millrace::streams {

class StreamsException : public std::runtime_error {
public:
    explicit StreamsException(const std::string& message, std::exception_ptr cause = nullptr)
        : std::runtime_error(message), cause_(std::move(cause)) {}
    // Of what failed underneath, or null.
    const std::exception_ptr& cause() const { return cause_; }
    virtual std::string_view kafka_class() const {
        return "org.apache.kafka.streams.errors.StreamsException";
    }

private:
    std::exception_ptr cause_;
};

#define MILLRACE_STREAMS_ERROR(Name, package)           \
    class Name : public StreamsException {              \
    public:                                             \
        using StreamsException::StreamsException;       \
        std::string_view kafka_class() const override { \
            return package "." #Name;                   \
        }                                               \
    }

// A topology that cannot be built, or whose topics do not fit it.
MILLRACE_STREAMS_ERROR(TopologyException, "org.apache.kafka.streams.errors");
// A store that is not there, is closed, or is asked for what it is not.
MILLRACE_STREAMS_ERROR(InvalidStateStoreException, "org.apache.kafka.streams.errors");
MILLRACE_STREAMS_ERROR(ProcessorStateException, "org.apache.kafka.streams.errors");
MILLRACE_STREAMS_ERROR(TaskMigratedException, "org.apache.kafka.streams.errors");
MILLRACE_STREAMS_ERROR(TaskCorruptedException, "org.apache.kafka.streams.errors");
MILLRACE_STREAMS_ERROR(MissingSourceTopicException, "org.apache.kafka.streams.errors");
// Bytes that are not what a serde reads, or a value that it cannot write.
MILLRACE_STREAMS_ERROR(SerializationException, "org.apache.kafka.common.errors");
// Settings and arguments that make no sense.
MILLRACE_STREAMS_ERROR(ConfigException, "org.apache.kafka.common.config");
MILLRACE_STREAMS_ERROR(IllegalArgumentException, "java.lang");
MILLRACE_STREAMS_ERROR(IllegalStateException, "java.lang");
// A store is asked for what its kind never gives.
MILLRACE_STREAMS_ERROR(UnsupportedOperationException, "java.lang");
// A function that takes a reference met a null: take a pointer to see nulls.
MILLRACE_STREAMS_ERROR(NullPointerException, "java.lang");

#undef MILLRACE_STREAMS_ERROR

// The class name that dead letters carry: Kafka's for ours, the C++ type's for a user's.
std::string exception_class(const std::exception& e);

}  // namespace millrace::streams
