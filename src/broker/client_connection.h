// The broker's side of one client connection: takes a request frame apart, finds its handler, and
// frames the answer.
//
// Owner: the net::Connection. Loop: its loop. A request that Apache Kafka answers by closing the
// connection (malformed header or body, an API or version that is not served) is an error here,
// with a sentence for the log. Kafka: SocketServer.Processor, RequestContext.parseRequest,
// KafkaApis.handle.
#pragma once

#include "broker/broker.h"
#include "broker/request_context.h"
#include "net/connection.h"
#include "protocol/codec.h"

namespace millrace::broker {

class ClientConnection : public net::FrameHandler {
public:
    ClientConnection(Broker& broker, std::string peer) : broker_(broker) {
        state_.peer = std::move(peer);
    }
    runtime::Task<Result<Chain>> handle(SharedBytes frame) override;

private:
    Broker& broker_;
    ConnectionState state_;
    protocol::Writer out_;
};

// The header of a request, v1 or (flexible) v2.
struct RequestHeader {
    int16_t api_key = -1;
    int16_t version = -1;
    int32_t correlation_id = 0;
    std::string_view client_id;
    ByteView body;
};
// Reads the part that all versions share; `frame` must outlive the result. malformed when it is
// cut.
Result<RequestHeader> parse_request_header(ByteView frame);
// Goes on over the tagged fields of a v2 header.
Result<void> skip_header_tags(RequestHeader& header);

}  // namespace millrace::broker
