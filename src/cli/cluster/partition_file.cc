#include "cli/cluster/partition_file.h"

#include <simdjson.h>

#include <set>

namespace millrace::cli {

Result<std::vector<PartitionLine>> parse_partition_file(std::string_view text, bool with_offsets) {
    namespace dom = simdjson::dom;
    dom::parser parser;
    dom::element root;
    if (parser.parse(simdjson::padded_string{text}).get(root) != simdjson::SUCCESS)
        return fail(ErrorCode::malformed, "The input string is not a valid JSON");
    dom::array partitions;
    if (root["partitions"].get(partitions) != simdjson::SUCCESS)
        return fail(ErrorCode::invalid_request, "Missing partitions field");
    std::vector<PartitionLine> out;
    std::set<TopicPartition> seen;
    std::vector<std::string> twice;
    for (const dom::element element : partitions) {
        PartitionLine line;
        std::string_view topic;
        int64_t index = 0;
        int64_t offset = 0;
        if (element["topic"].get(topic) != simdjson::SUCCESS ||
            element["partition"].get(index) != simdjson::SUCCESS || index < 0 || index > INT32_MAX)
            return fail(ErrorCode::invalid_request, "each partition needs a topic and a number");
        line.partition = {std::string{topic}, static_cast<PartitionIndex>(index)};
        if (element["offset"].get(offset) == simdjson::SUCCESS) line.offset = offset;
        if (with_offsets && !line.offset)
            return fail(ErrorCode::invalid_request, "each partition needs an offset");
        if (!seen.insert(line.partition).second)
            twice.push_back(fmt::format("{}-{}", topic, index));
        out.push_back(std::move(line));
    }
    if (!twice.empty())
        return fail(ErrorCode::invalid_request,
                    fmt::format("Offset json file contains duplicate topic partitions: {}",
                                fmt::join(twice, ",")));
    return out;
}

}  // namespace millrace::cli
