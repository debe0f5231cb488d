// The broker's side of one client connection: takes a request frame apart, finds its handler, and
// frames the answer.
//
// Owner: the net::Connection. Loop: its loop. A request that Apache Kafka answers by closing the
// connection (malformed header or body, an API or version that is not served) is an error here,
// with a sentence for the log.
// Kafka: SocketServer.Processor, RequestContext.parseRequest, KafkaApis.handle.
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

}  // namespace millrace::broker
