// Records as text on the way out: lines, a format of one's own, or JSON objects.
//
//   %s value  %S its length    %k key  %K its length    %h headers (name=value,...)
//   %t topic  %p partition  %o offset  %T timestamp, ms  %% a percent sign; backslash escapes
//   %d how often a share group has delivered it
//
// A key or value that is none prints as nothing, with length -1. Pure. malformed: a letter after %
// that means nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/record_batch.h"

namespace millrace::cli {

class RecordPrint {
public:
    enum class Bytes : uint8_t { text, hex };

    static Result<RecordPrint> format(std::string_view text, Bytes bytes);
    // One object a record: topic, partition, offset, timestamp, key, value, headers. Bytes that are
    // no UTF-8 are written as base64, under "key_base64" and so on.
    static RecordPrint json();

    // `deliveries`: of a share group's record, else 0; in JSON "deliveries" where it is not.
    void print(const TopicPartition& place, const client::RecordView& record, std::string& out,
               int16_t deliveries = 0) const;

private:
    struct Piece {
        char what;  // a letter of the format; 0: `text`
        std::string text;
    };
    void print_json(const TopicPartition& place, const client::RecordView& record, std::string& out,
                    int16_t deliveries) const;
    void put(std::optional<ByteView> bytes, std::string& out) const;

    std::vector<Piece> pieces_;
    Bytes bytes_ = Bytes::text;
    bool json_ = false;
};

}  // namespace millrace::cli
