#include "protocol/codec.h"

#include <doctest/doctest.h>

#include "protocol/catalog.h"
#include "protocol/header.h"
#include "protocol/messages/alter_user_scram_credentials.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/metadata_record.h"
#include "protocol/records/consumer_protocol_subscription.h"
#include "protocol/versioned.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

std::vector<uint8_t> bytes_of(std::string_view s) {
    return {s.begin(), s.end()};
}

// A response whose records are a borrowed piece of memory.
FetchResponse response_with(ByteView records, int16_t error) {
    FetchResponse r;
    auto& partition = r.responses.emplace_back().partitions.emplace_back();
    partition.error_code = error;
    partition.records = Chain({nullptr, records});
    return r;
}

}  // namespace

TEST_CASE("str: borrows, owns and copies") {
    std::string text = "some text that is long enough";
    Str borrowed = Str::borrow(text);
    Str owned = text;
    CHECK(!borrowed.owned());
    CHECK(owned.owned());
    Str copy_of_borrowed = borrowed;
    Str copy_of_owned = owned;
    CHECK(copy_of_borrowed.view().data() == text.data());
    CHECK(copy_of_owned.view().data() != owned.view().data());
    CHECK(borrowed.to_owned().owned());
    text[0] = 'S';
    CHECK(borrowed == "Some text that is long enough");
    CHECK(owned == "some text that is long enough");
    owned = std::move(copy_of_owned);
    CHECK(owned == "some text that is long enough");
    const Str& alias = owned;
    owned = alias;
    CHECK(owned == "some text that is long enough");
    CHECK(Str("a") < Str("b"));
    CHECK(Str() == "");
    CHECK(!Str("").owned());
}

TEST_CASE("decode: strings and records point into the input") {
    const auto records = bytes_of("records");
    auto bytes = encode_to_bytes(response_with(records, 3), 12);
    REQUIRE(bytes.has_value());
    auto back = decode<FetchResponse>(*bytes, 12);
    REQUIRE(back.has_value());
    const auto& partition = back->responses[0].partitions[0];
    REQUIRE(partition.records->parts().size() == 1);
    const ByteView found = partition.records->parts()[0].bytes;
    CHECK(as_text(found) == "records");
    CHECK(found.data() >= bytes->data());
    CHECK(found.data() < bytes->data() + bytes->size());
}

TEST_CASE("encode: records go out by reference, with what follows them after") {
    const auto records = bytes_of("0123456789");
    FetchResponse r = response_with(records, 0);
    r.responses[0].partitions.push_back(r.responses[0].partitions[0]);
    for (int16_t v = FetchResponse::kVersionMin; v <= FetchResponse::kVersionMax; ++v) {
        Writer out;
        REQUIRE(encode(r, v, out).has_value());
        const uint64_t size = out.size();
        const Chain chain = out.take();
        CHECK(chain.size() == size);
        size_t by_reference = 0;
        std::vector<uint8_t> flat;
        for (const ChainPart& part : chain.parts()) {
            by_reference += part.bytes.data() == records.data() ? 1 : 0;
            flat.insert(flat.end(), part.bytes.begin(), part.bytes.end());
        }
        CHECK(by_reference == 2);
        CHECK(flat == *encode_to_bytes(r, v));
        CHECK(decode<FetchResponse>(flat, v).has_value());
    }
}

TEST_CASE("encode: a file range counts in the length and stays a file range") {
    FetchResponse r = response_with({}, 0);
    Chain range;
    range.append_file(std::make_shared<int>(), 100, 5000);
    r.responses[0].partitions[0].records = range;
    Writer out;
    REQUIRE(encode(r, 17, out).has_value());
    const Chain chain = out.take();
    REQUIRE(chain.parts().size() == 3);
    CHECK(chain.parts()[1].file != nullptr);
    // uvarint(5001) stands just before it.
    const ByteView before = chain.parts()[0].bytes;
    CHECK(before[before.size() - 2] == (5001 & 0x7f | 0x80));
    CHECK(before[before.size() - 1] == 5001 >> 7);
    CHECK(!encode_to_bytes(r, 17).has_value());
}

TEST_CASE(
    "encode: what a version cannot carry is refused unless it may be dropped, and the output is as "
    "before") {
    ProduceRequest produce;
    produce.topic_data.emplace_back().name = "t";  // lossy: only until v12
    CHECK(encode_to_bytes(produce, 13).has_value());

    MetadataRequest m;
    m.topics.reset();
    Writer out;
    out.number<int32_t>(7);
    auto refused = encode(m, 0, out);  // null topics exist from v1
    CHECK(refused.code() == ErrorCode::unsupported_version);
    CHECK(refused.error().message == "MetadataRequest v0: topics must not be null");
    m.topics.emplace();
    m.allow_auto_topic_creation = false;
    refused = encode(m, 3, out);
    CHECK(refused.code() == ErrorCode::unsupported_version);
    CHECK(refused.error().message ==
          "MetadataRequest v3: allowAutoTopicCreation is set, and this version has no such field");
    CHECK(out.size() == 4);
    CHECK(encode(m, 4, out).has_value());
    CHECK(encode(m, 14, out).code() == ErrorCode::unsupported_version);
    CHECK(encode(m, -1, out).code() == ErrorCode::unsupported_version);
}

TEST_CASE("encode: strings above 32767 bytes are refused") {
    FetchRequest m;
    m.rack_id = std::string(32767, 'r');
    auto bytes = encode_to_bytes(m, 18);
    REQUIRE(bytes.has_value());
    CHECK(decode<FetchRequest>(*bytes, 18)->rack_id.size() == 32767);
    m.rack_id = std::string(32768, 'r');
    CHECK(encode_to_bytes(m, 18).code() == ErrorCode::invalid_request);
}

TEST_CASE(
    "encode: the size of a tagged field may take several bytes, and records behind it stay in "
    "place") {
    const auto records = bytes_of("records");
    FetchResponse r = response_with(records, 0);
    for (int i = 0; i < 2000; ++i) {
        auto& node = r.node_endpoints.emplace_back();
        node.node_id = i;
        node.host = "host-" + std::to_string(i);
    }
    auto bytes = encode_to_bytes(r, 18);
    REQUIRE(bytes.has_value());
    auto back = decode<FetchResponse>(*bytes, 18);
    REQUIRE(back.has_value());
    REQUIRE(back->node_endpoints.size() == 2000);
    CHECK(back->node_endpoints[1999].host == "host-1999");
    CHECK(as_text(back->responses[0].partitions[0].records->parts()[0].bytes) == "records");

    // The same inside a sized part that holds a splice.
    Writer out;
    const auto mark = out.begin_sized();
    out.bytes(std::vector<uint8_t>(200, 'x'));
    out.splice(Chain({nullptr, records}));
    out.number<uint8_t>('y');
    out.end_sized(mark);
    auto all = out.take_bytes();
    REQUIRE(all.has_value());
    CHECK((*all)[0] == (208 & 0x7f | 0x80));
    CHECK((*all)[1] == 208 >> 7);
    CHECK(as_text(ByteView(*all).subspan(202)) == "recordsy");
}

TEST_CASE("decode: a count is held against the bytes that are left before anything is allocated") {
    // FetchRequest v4: replica, max wait, min, max bytes, isolation, then the count of topics.
    std::vector<uint8_t> body(21, 0);
    for (const uint32_t count : {0x7fffffffu, 0x10000000u, 1u}) {
        store_be<uint32_t>(body.data() + 17, count);
        auto result = decode<FetchRequest>(body, 4);
        CHECK(result.code() == ErrorCode::malformed);
        CHECK(result.error().message ==
              "FetchRequest v4: topics: array is larger than what is left at byte 21");
    }
    store_be<int32_t>(body.data() + 17, -1);
    CHECK(decode<FetchRequest>(body, 4).error().message ==
          "FetchRequest v4: topics: must not be null at byte 21");
    store_be<int32_t>(body.data() + 17, 0);
    CHECK(decode<FetchRequest>(body, 4).has_value());
}

TEST_CASE("decode: tagged fields") {
    ApiVersionsRequest m;
    auto bytes = *encode_to_bytes(m, 3);
    REQUIRE(bytes == std::vector<uint8_t>{1, 1, 0});
    const auto with_tags = [&](std::vector<uint8_t> section) {
        std::vector<uint8_t> all{1, 1};
        all.insert(all.end(), section.begin(), section.end());
        return decode<ApiVersionsRequest>(all, 3).has_value();
    };
    CHECK(with_tags({0}));
    CHECK(with_tags({1, 5, 2, 0xaa, 0xbb}));                  // unknown: passed over
    CHECK(with_tags({2, 9, 0, 5, 0}));                        // order does not matter to a reader
    CHECK(!with_tags({1, 5, 3, 0xaa, 0xbb}));                 // longer than what is left
    CHECK(!with_tags({1}));                                   // cut
    CHECK(!with_tags({0xff, 0xff, 0xff, 0xff, 0x0f}));        // 2^32 - 1 of them
    CHECK(!with_tags({1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}));  // one of 4 GiB
    CHECK(!with_tags({0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));  // no varint

    // A known one must fill its size: FetchRequest's cluster id is tag 0.
    FetchRequest fetch;
    fetch.cluster_id = "abc";
    auto good = *encode_to_bytes(fetch, 12);
    const size_t size_at = good.size() - 5;
    REQUIRE(good[size_at] == 4);
    CHECK(decode<FetchRequest>(good, 12)->cluster_id == "abc");
    good[size_at] = 3;
    CHECK(!decode<FetchRequest>(good, 12).has_value());
    good[size_at] = 5;
    good.push_back(0);
    CHECK(!decode<FetchRequest>(good, 12).has_value());
}

TEST_CASE("headers: read by the versions that the api table gives") {
    RequestHeader header;
    header.correlation_id = 77;
    header.client_id = "me";
    for (const ApiInfo& api : all_apis()) CHECK(find_api(static_cast<int16_t>(api.key)) == &api);
    CHECK(find_api(4) == nullptr);
    CHECK(find_api(-1) == nullptr);
    CHECK(find_api(93) == nullptr);
    CHECK(api_info(ApiKey::init_producer_id).stable_max() == 5);
    CHECK(api_info(ApiKey::api_versions).response_header(4) == 0);

    auto frame = encode_request_frame(header, FetchRequest{}, 12);
    REQUIRE(frame.has_value());
    REQUIRE(frame->parts().size() == 1);
    ByteView in = frame->parts()[0].bytes;
    CHECK(load_be<uint32_t>(in.data()) == in.size() - 4);
    in = in.subspan(4);
    auto back = decode_request_header(in);
    REQUIRE(back.has_value());
    CHECK(back->correlation_id == 77);
    CHECK(decode<FetchRequest>(in, 12).has_value());

    // A client from the future asks for ApiVersions v99: its header is still read.
    std::vector<uint8_t> future{0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0};
    in = future;
    back = decode_request_header(in);
    REQUIRE(back.has_value());
    CHECK(back->request_api_version == 99);
    future[1] = 1;
    in = future;
    CHECK(decode_request_header(in).code() == ErrorCode::unsupported_version);
    in = ByteView(future).first(3);
    CHECK(decode_request_header(in).code() == ErrorCode::malformed);
}

TEST_CASE("metadata records: frame and leftovers") {
    TopicRecord topic;
    topic.name = "t";
    topic.topic_id = {1, 2};
    auto value = *encode_metadata_record(topic, 0);
    CHECK(std::get<TopicRecord>(*decode_metadata_record(value)) == topic);
    auto longer = value;
    longer.push_back(0);
    CHECK(decode_metadata_record(longer).code() == ErrorCode::malformed);
    auto frame = value;
    frame[0] = 2;
    CHECK(decode_metadata_record(frame).code() == ErrorCode::unsupported_version);
    frame = value;
    frame[1] = 100;
    CHECK(decode_metadata_record(frame).code() == ErrorCode::unsupported_version);
    frame = value;
    frame[2] = 1;
    CHECK(decode_metadata_record(frame).code() == ErrorCode::unsupported_version);
    CHECK(decode_metadata_record({}).code() == ErrorCode::malformed);
}

TEST_CASE(
    "versioned structures: a later version is refused, or read as the latest where that is the "
    "rule") {
    ConsumerProtocolSubscription s;
    s.topics = {"a", "b"};
    auto bytes = *encode_versioned(s, 3);
    bytes[1] = 9;
    CHECK(decode_versioned<ConsumerProtocolSubscription>(bytes).code() ==
          ErrorCode::unsupported_version);
    auto read = decode_versioned<ConsumerProtocolSubscription>(bytes, Newer::read_as_latest);
    REQUIRE(read.has_value());
    CHECK(read->topics == s.topics);
    CHECK(decode_versioned<ConsumerProtocolSubscription>({}).code() == ErrorCode::malformed);
}

TEST_CASE("json: escapes, secrets, and only what the version has") {
    ApiVersionsRequest m;
    m.client_software_name = "a\"b\\c\n\xff\xc3\xa9";
    CHECK(to_json(m, 3) == R"({"clientSoftwareName":"a\"b\\c\u000a)"
                           "\xef\xbf\xbd\xc3\xa9"
                           R"(","clientSoftwareVersion":""})");
    CHECK(to_json(m, 0) == "{}");
    AlterUserScramCredentialsRequest scram;
    scram.upsertions.emplace_back().salted_password = as_bytes("pw");
    CHECK(to_json(scram, 0).find("\"saltedPassword\":\"***\"") != std::string::npos);
    CHECK(to_json(scram, 0, Secrets::shown).find("\"saltedPassword\":\"cHc=\"") !=
          std::string::npos);
}

TEST_CASE("the catalog finds messages by name and by key") {
    CHECK(find_message("FetchRequest")->key == 1);
    CHECK(find_message(MessageKind::response, 0)->name == "ProduceResponse");
    CHECK(find_message("Nothing") == nullptr);
}
