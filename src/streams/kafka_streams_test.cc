#include "streams/kafka_streams.h"

#include <doctest/doctest.h>

#include "streams/streams_builder.h"

using namespace millrace::streams;

namespace {

using Settings = std::map<std::string, std::string>;

Topology copying() {
    StreamsBuilder builder;
    builder.stream<std::string, std::string>("in").to("out");
    return builder.build();
}

StreamsConfig config_with(Settings more) {
    more.insert({{"application.id", "app"}, {"bootstrap.servers", "127.0.0.1:1"}});
    return StreamsConfig::from(more);
}

}  // namespace

TEST_CASE("what an application cannot do is refused when it is made") {
    CHECK_THROWS_AS(KafkaStreams(copying(), StreamsConfig::from({{"application.id", "app"}})),
                    ConfigException);
    CHECK_THROWS_AS(KafkaStreams(copying(), config_with({{"num.standby.replicas", "1"}})),
                    ConfigException);
}

TEST_CASE("an application whose clients refuse their settings ends without having begun") {
    KafkaStreams streams(copying(),
                         config_with({{"num.stream.threads", "2"}, {"producer.acks", "some"}}));
    CHECK_THROWS_AS(streams.start(), ConfigException);
    CHECK(streams.close());
    CHECK(streams.state() == KafkaStreams::State::not_running);
}
