#include "streams/app/fetched_records.h"

#include "base/bytes.h"
#include "streams/errors.h"

namespace millrace::streams {
namespace {

NullableView text_of(const std::optional<ByteView>& bytes) {
    return bytes ? NullableView(as_text(*bytes)) : std::nullopt;
}

}  // namespace

Headers copy_headers(const protocol::RecordHeaders& headers) {
    Headers copy;
    for (const protocol::RecordHeader& header : headers)
        copy.push_back({std::string(header.key), header.value
                                                     ? NullableBytes(Bytes(as_text(*header.value)))
                                                     : std::nullopt});
    return copy;
}

std::optional<InputRecord> FetchedRecords::next() {
    client::RecordView record;
    const Result<bool> more = batch_.next(record);
    if (!more)
        throw StreamsException(fmt::format("a batch of {}-{} cannot be read: {}", batch_.topic(),
                                           batch_.partition(), more.error().describe()));
    if (!*more) return std::nullopt;
    ++given_;
    InputRecord input{.offset = record.offset,
                      .timestamp = record.timestamp,
                      .key = text_of(record.key),
                      .value = text_of(record.value)};
    if (!record.headers.empty()) input.headers = copy_headers(record.headers);
    return input;
}

}  // namespace millrace::streams
