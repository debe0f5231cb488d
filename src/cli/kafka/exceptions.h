// How Kafka's tools name an error that a broker answered: the Java class, and its sentence where
// the broker gave none. Only those that the tools print; scripts look for them.
#pragma once

#include <string>

#include "base/result.h"

namespace millrace::cli::kafka {

// "The group id does not exist."
std::string java_sentence(const Error& error);
// "org.apache.kafka.common.errors.GroupIdNotFoundException: The group id does not exist."
std::string java_exception(const Error& error);

}  // namespace millrace::cli::kafka
