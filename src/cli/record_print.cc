#include "cli/record_print.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/output/table.h"
#include "cli/record_input.h"

namespace millrace::cli {
namespace {

void put_hex(ByteView bytes, std::string& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const uint8_t byte : bytes) {
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
}

void put_base64(ByteView bytes, std::string& out) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t left = std::min<size_t>(bytes.size() - i, 3);
        uint32_t group = 0;
        for (size_t j = 0; j != 3; ++j) group = group << 8 | (j < left ? bytes[i + j] : 0);
        for (size_t j = 0; j != 4; ++j)
            out.push_back(j <= left ? kDigits[group >> (18 - 6 * j) & 63] : '=');
    }
}

bool is_utf8(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const size_t n = utf8_length(text.substr(i));
        if (n == 0) return false;
        i += n;
    }
    return true;
}

template <typename Number>
void put_number(Number n, std::string& out) {
    fmt::format_to(std::back_inserter(out), "{}", n);
}

int64_t length_of(std::optional<ByteView> bytes) {
    return bytes ? static_cast<int64_t>(bytes->size()) : -1;
}

// "name": value, or "name_base64": ... for bytes that are no text.
void put_field(std::string_view name, std::optional<ByteView> bytes, std::string& out) {
    const bool text = !bytes || is_utf8(as_text(*bytes));
    out += json_string(text ? std::string(name) : fmt::format("{}_base64", name));
    out += ':';
    if (!bytes) {
        out += "null";
    } else if (text) {
        out += json_string(as_text(*bytes));
    } else {
        out += '"';
        put_base64(*bytes, out);
        out += '"';
    }
}

}  // namespace

Result<RecordPrint> RecordPrint::format(std::string_view text, Bytes bytes) {
    RecordPrint out;
    out.bytes_ = bytes;
    constexpr std::string_view kLetters = "sSkKhtpoTd";
    std::string between;
    for (size_t i = 0; i < text.size();) {
        if (text[i] != '%') {
            const size_t end = std::min(text.find('%', i), text.size());
            TRY(const std::string plain, unescape(text.substr(i, end - i)));
            between += plain;
            i = end;
            continue;
        }
        const char what = i + 1 < text.size() ? text[i + 1] : '\0';
        i += 2;
        if (what == '%') {
            between += '%';
            continue;
        }
        if (what == '\0' || !kLetters.contains(what))
            return fail(ErrorCode::malformed,
                        fmt::format("'{}': after % comes one of {} or another %", text, kLetters));
        if (!between.empty()) out.pieces_.push_back({0, std::exchange(between, {})});
        out.pieces_.push_back({what, {}});
    }
    if (!between.empty()) out.pieces_.push_back({0, between});
    return out;
}

RecordPrint RecordPrint::json() {
    RecordPrint out;
    out.json_ = true;
    return out;
}

void RecordPrint::put(std::optional<ByteView> bytes, std::string& out) const {
    if (!bytes) return;
    switch (bytes_) {
        case Bytes::text:
            out += as_text(*bytes);
            break;
        case Bytes::hex:
            put_hex(*bytes, out);
            break;
    }
}

void RecordPrint::print(const TopicPartition& place, const client::RecordView& record,
                        std::string& out, int16_t deliveries) const {
    if (json_) return print_json(place, record, out, deliveries);
    for (const Piece& piece : pieces_) {
        switch (piece.what) {
            case 0:
                out += piece.text;
                break;
            case 's':
                put(record.value, out);
                break;
            case 'S':
                put_number(length_of(record.value), out);
                break;
            case 'k':
                put(record.key, out);
                break;
            case 'K':
                put_number(length_of(record.key), out);
                break;
            case 't':
                out += place.topic;
                break;
            case 'p':
                put_number(place.partition, out);
                break;
            case 'o':
                put_number(record.offset, out);
                break;
            case 'T':
                put_number(record.timestamp, out);
                break;
            case 'd':
                put_number(deliveries, out);
                break;
            case 'h':
                for (bool first = true; const client::RecordHeader& header : record.headers) {
                    if (!std::exchange(first, false)) out += ',';
                    out += header.key;
                    out += '=';
                    put(header.value, out);
                }
                break;
            default:
                break;
        }
    }
}

void RecordPrint::print_json(const TopicPartition& place, const client::RecordView& record,
                             std::string& out, int16_t deliveries) const {
    fmt::format_to(std::back_inserter(out),
                   "{{\"topic\":{},\"partition\":{},\"offset\":{},\"timestamp\":{},",
                   json_string(place.topic), place.partition, record.offset, record.timestamp);
    if (deliveries > 0) fmt::format_to(std::back_inserter(out), "\"deliveries\":{},", deliveries);
    put_field("key", record.key, out);
    out += ',';
    put_field("value", record.value, out);
    if (!record.headers.empty()) {
        out += ",\"headers\":{";
        for (bool first = true; const client::RecordHeader& header : record.headers) {
            if (!std::exchange(first, false)) out += ',';
            put_field(header.key, header.value, out);
        }
        out += '}';
    }
    out += "}\n";
}

}  // namespace millrace::cli
