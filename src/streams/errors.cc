#include "streams/errors.h"

#include <typeinfo>

#include "streams/core/value.h"

namespace millrace::streams {

std::string exception_class(const std::exception& e) {
    if (const auto* ours = dynamic_cast<const StreamsException*>(&e))
        return std::string(ours->kafka_class());
    return Type{.info = &typeid(e)}.name();
}

}  // namespace millrace::streams
