#include "cli/cluster/reset_file.h"

#include <charconv>
#include <vector>

namespace millrace::cli {
namespace {

std::string_view bare(std::string_view field) {
    constexpr std::string_view kAround = " \r\t\"";
    const size_t begin = field.find_first_not_of(kAround);
    if (begin == field.npos) return {};
    return field.substr(begin, field.find_last_not_of(kAround) - begin + 1);
}

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> out;
    for (;;) {
        const size_t comma = line.find(',');
        out.push_back(bare(line.substr(0, comma)));
        if (comma == line.npos) return out;
        line.remove_prefix(comma + 1);
    }
}

template <typename N>
bool read_number(std::string_view text, N& out) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && stop == text.data() + text.size();
}

}  // namespace

Result<ResetPlans> parse_reset_file(std::string_view text, std::string_view only_group) {
    ResetPlans out;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (bare(line).empty()) continue;
        auto fields = fields_of(line);
        if (fields.size() == 3) fields.insert(fields.begin(), only_group);
        if (fields.size() != 4)
            return fail(ErrorCode::invalid_request,
                        fmt::format("a line is [group,]topic,partition,offset: {}", line));
        PartitionIndex partition = 0;
        Offset offset = 0;
        if (fields[0].empty() || !read_number(fields[2], partition) ||
            !read_number(fields[3], offset))
            continue;
        out[std::string{fields[0]}][{std::string{fields[1]}, partition}] = offset;
    }
    return out;
}

}  // namespace millrace::cli
