// The operations on tables.
#include "dsl.h"
#include "errors.h"

namespace millrace::difftest {

DslBuilder::Made DslBuilder::apply(const Json& op, const KTable& table) {
    const std::string& what = op["op"].text();
    const streams::Named named = named_of(op);
    const auto store = materialized_of(op, StoreUse::key_value);
    if (what == "filter") return table.filter(predicate_of(op["pred"]), named, store);
    if (what == "filterNot") return table.filter_not(predicate_of(op["pred"]), named, store);
    if (what == "mapValues") return table.map_values(of_key_value(op["toValue"]), named, store);
    if (what == "transformValues")
        return table.transform_values(transformer_of(op["program"], log_), op.texts("stores"),
                                      named, store);
    if (what == "toStream" && op.has("toKey"))
        return table.to_stream(of_key_value(op["toKey"]), named);
    if (what == "toStream") return table.to_stream(named);
    if (what == "groupBy")
        return table.group_by(pair_of(op["toKey"], op["toValue"]), grouped_of(op));
    if (what == "suppress") return table.suppress(suppressed_of(op));
    throw CaseError("no operation of a table: " + what);
}

}  // namespace millrace::difftest
