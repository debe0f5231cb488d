// The metadata log of an Apache Kafka 4.3.1 node (tests/data/metadata_log): its records must lead
// to what its own snapshots hold.
#include <algorithm>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include "metadata/builder.h"
#include "metadata/snapshot.h"
#include "protocol/control_record.h"
#include "protocol/json.h"
#include "protocol/record_batch.h"

namespace millrace::metadata {
namespace {

std::string read_sample(const std::string& name) {
    std::ifstream in("tests/data/metadata_log/" + name, std::ios::binary);
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), {}};
}

// Applies the data records below `end` of a log or snapshot file.
void apply_file(const std::string& file, Offset end, Builder& builder) {
    std::vector<uint8_t> scratch;
    auto read =
        protocol::for_each_batch(as_bytes(file), [&](protocol::BatchView batch) -> Result<void> {
            if (batch.is_control()) return {};
            return protocol::for_each_record(
                batch, scratch, [&](const protocol::RecordView& r) -> Result<void> {
                    if (r.offset >= end) return {};
                    TRY(const auto record, protocol::decode_metadata_record(*r.value));
                    return builder.apply(record);
                });
        });
    INFO((read ? std::string() : read.error().message));
    REQUIRE(read);
}

// The records of an image as text.
std::vector<std::string> dump(const ImagePtr& image) {
    std::vector<std::string> out;
    REQUIRE(write_records(image, [&](const protocol::MetadataRecord& record) -> Result<void> {
        const int16_t version = record_version(record, metadata_version(*image));
        out.push_back(std::visit(
            [&](const auto& r) {
                return fmt::format("{} {}", r.kName,
                                   protocol::to_json(r, version, protocol::Secrets::shown));
            },
            record));
        return {};
    }));
    return out;
}

// The same of a snapshot file, as its records stand there.
std::vector<std::string> dump_file(const std::string& file) {
    std::vector<std::string> out;
    std::vector<uint8_t> scratch;
    REQUIRE(
        protocol::for_each_batch(as_bytes(file), [&](protocol::BatchView batch) -> Result<void> {
            if (batch.is_control()) return {};
            return protocol::for_each_record(
                batch, scratch, [&](const protocol::RecordView& r) -> Result<void> {
                    TRY(const auto frame, protocol::open_record_frame(*r.value));
                    TRY(const auto record, protocol::decode_metadata_record(*r.value));
                    out.push_back(std::visit(
                        [&](const auto& m) {
                            return fmt::format(
                                "{} {}", m.kName,
                                protocol::to_json(m, frame.version, protocol::Secrets::shown));
                        },
                        record));
                    return {};
                });
        }));
    return out;
}

// Java writes sets in the order of its hash tables: compares what stands there, not the order.
std::vector<std::string> unordered(std::vector<std::string> lines) {
    for (std::string& line : lines) std::ranges::sort(line);
    std::ranges::sort(lines);
    return lines;
}

struct Sample {
    const char* snapshot;
    Offset end;
};
constexpr Sample kSamples[] = {
    {"00000000000000000073-0000000001.checkpoint", 73},
    {"00000000000000000133-0000000001.checkpoint", 133},
    {"00000000000000000189-0000000001.checkpoint", 189},
    {"00000000000000000266-0000000002.checkpoint", 266},
};

TEST_CASE("the log leads to the state of each snapshot") {
    const std::string log = read_sample("00000000000000000000.log");
    for (const Sample& sample : kSamples) {
        CAPTURE(sample.snapshot);
        Builder from_log, from_snapshot;
        apply_file(log, sample.end, from_log);
        apply_file(read_sample(sample.snapshot), INT64_MAX, from_snapshot);
        const auto a = dump(from_log.publish({}).first);
        const auto b = dump(from_snapshot.publish({}).first);
        REQUIRE(a.size() == b.size());
        for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == b[i]);
        // Record for record what the other node wrote, versions included.
        CHECK(unordered(a) == unordered(dump_file(read_sample(sample.snapshot))));
    }
}

TEST_CASE("an image's records lead to the same image") {
    Builder first;
    apply_file(read_sample("00000000000000000000.log"), INT64_MAX, first);
    const ImagePtr image = first.publish({}).first;
    CHECK(image->topics_by_name.size() == 13);
    Builder second;
    REQUIRE(write_records(image, [&](const protocol::MetadataRecord& record) -> Result<void> {
        TRY(const auto bytes, protocol::encode_metadata_record(
                                  record, record_version(record, metadata_version(*image))));
        TRY(const auto decoded, protocol::decode_metadata_record(bytes));
        return second.apply(decoded);
    }));
    CHECK(dump(second.publish({}).first) == dump(image));
}

}  // namespace
}  // namespace millrace::metadata
