// What goes wrong in a case: its own failures, and those of the Java functions that it stands for.
#pragma once

#include <stdexcept>
#include <string>

#include "streams/errors.h"

namespace millrace::difftest {

// The case file does not make sense, or this program cannot run it. Never an expected error.
class CaseError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

// A case's function `fail`.
class CaseFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A value of another type than a function takes: what Java's casts throw.
class ClassCastException : public streams::StreamsException {
public:
    using StreamsException::StreamsException;
    std::string_view kafka_class() const override { return "java.lang.ClassCastException"; }
};
class NumberFormatException : public streams::StreamsException {
public:
    using StreamsException::StreamsException;
    std::string_view kafka_class() const override { return "java.lang.NumberFormatException"; }
};

}  // namespace millrace::difftest
