#include "streams/ops/foreign_key.h"

#include <doctest/doctest.h>

#include "streams/errors.h"
#include "streams/ops/table_aggregate.h"

using namespace millrace::streams;
using namespace millrace::streams::ops;

namespace {

std::string hex(BytesView bytes) {
    std::string out;
    for (char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
    return out;
}
std::string hash(BytesView bytes) {
    const ValueHash value = hash_of(bytes);
    return hex({value.data(), value.size()});
}

}  // namespace

TEST_CASE("values are hashed as Kafka hashes them") {
    CHECK(hash("") == "9d2764a018e329428c3cf3b035938518");
    CHECK(hash("a") == "3361634e7e0f5188e9c7dda24eae326b");
    CHECK(hash("abcd") == "2dad74f19507f45442239844aa3b0a54");
    CHECK(hash("kafka-streams") == "050afeb53178904edbbc79abc47536cc");
    CHECK(hash("a-little-bit-long-string") == "4b2f885efbb06dae2bacf689b9712e90");
    CHECK(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8") ==
          "c830f1f300cccfc3574b4c3bc32ade0b");
    CHECK(hash("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80") == "1b5756ccddd97502d0e15ab6a6f2bc1c");
}

TEST_CASE("subscriptions and responses have Kafka's bytes") {
    // Recorded from Kafka Streams 4.3.1.
    const Subscription asks{hash_of("p1"), Instruction::subscribe_and_answer_if_present, "o1", 0};
    CHECK(hex(encode_subscription(asks)) == "010332eb3e7d0c83980193a127c25e74c4df6f3100000000");
    const Subscription ends{std::nullopt, Instruction::unsubscribe_and_answer, "o1", 0};
    CHECK(hex(encode_subscription(ends)) == "81016f3100000000");
    CHECK(hex(encode_response({hash_of("p1"), "P1"})) == "0032eb3e7d0c83980193a127c25e74c4df5031");
    CHECK(hex(encode_response({std::nullopt, std::nullopt})) == "80");
    CHECK(hex(subscription_key("p1", "o1")) == "0000000270316f31");

    for (const Subscription& one : {asks, ends}) {
        const Subscription back = decode_subscription(encode_subscription(one));
        CHECK(back.hash == one.hash);
        CHECK(back.instruction == one.instruction);
        CHECK(back.left_key == one.left_key);
    }
    CHECK(decode_response(encode_response({std::nullopt, "v"})).right_value == "v");
}

TEST_CASE("bytes that are cut or of another version are refused") {
    const Bytes good = encode_subscription({hash_of("v"), Instruction::unsubscribe, "", 7});
    for (size_t size = 0; size < good.size(); ++size) {
        CAPTURE(size);
        CHECK_THROWS_AS(decode_subscription(BytesView(good).substr(0, size)),
                        SerializationException);
    }
    CHECK(decode_subscription(good).left_partition == 7);
    CHECK_THROWS_AS(decode_subscription("\x02" + good.substr(1)), SerializationException);
    CHECK_THROWS_AS(decode_subscription("\x01\x04" + good.substr(2)), SerializationException);
    CHECK_THROWS_AS(decode_response(""), SerializationException);
    CHECK_THROWS_AS(decode_response(BytesView("\0abc", 4)), SerializationException);
}

TEST_CASE("a change of a table travels as Kafka's bytes") {
    CHECK(hex(encode_change({"ab", std::nullopt})) == "616201");
    CHECK(hex(encode_change({std::nullopt, "c"})) == "6300");
    CHECK(hex(encode_change({"ab", "c"})) == "0461626302");
    const Bytes large(300, 'x');
    const Bytes both = encode_change({large, ""});
    CHECK(decode_change(both).new_value == large);
    CHECK(decode_change(both).old_value == "");
    for (const BytesView bad : {BytesView(""), BytesView("\3", 1),
                                BytesView("\x08"
                                          "ab\2",
                                          4),
                                BytesView("\x01\2", 2), BytesView("\xff\2", 2)})
        CHECK_THROWS_AS(decode_change(bad), SerializationException);
}
