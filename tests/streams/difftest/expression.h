// The cases' expressions: JSON that is evaluated over variables.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "value.h"

namespace millrace::difftest {

using Variables = std::map<std::string, Value, std::less<>>;
// Reads of a store inside a program: the function's name and its operands.
using StoreCall = std::function<Value(const std::string& function, const std::vector<Value>& args)>;

// Throws what the Java runner's functions throw: CaseFailure, ClassCastException and the like; a
// CaseError for what is no expression.
Value evaluate(const Json& expression, const Variables& variables, const StoreCall& stores = {});

}  // namespace millrace::difftest
