// The serdes of an application for operations that name none (default.key.serde,
// default.value.serde).
#pragma once

#include <fmt/format.h>

#include "streams/errors.h"
#include "streams/serde.h"

namespace millrace::streams {

struct SerdeDefaults {
    SerdePtr key;
    SerdePtr value;

    // `given`, or the default where it fits; StreamsException says which operation has none.
    const AnySerde& key_serde(const SerdePtr& given, const Type& type, std::string_view who) const {
        return pick(given, key, type, who, "key");
    }
    const AnySerde& value_serde(const SerdePtr& given, const Type& type,
                                std::string_view who) const {
        return pick(given, value, type, who, "value");
    }

private:
    static const AnySerde& pick(const SerdePtr& given, const SerdePtr& fallback, const Type& type,
                                std::string_view who, std::string_view role) {
        if (given) return *given;
        if (fallback && &fallback->type() == &type) return *fallback;
        throw StreamsException(
            fmt::format("{} has no {} serde for {}: give one (Consumed, Produced, Grouped, Joined, "
                        "Materialized), or specialise DefaultSerde",
                        who, role, type.name()));
    }
};

}  // namespace millrace::streams
