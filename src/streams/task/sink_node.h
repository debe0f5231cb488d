// The end of a way: a record becomes bytes and leaves for a topic. Kafka: SinkNode.
#pragma once

#include "streams/core/topology_plan.h"
#include "streams/task/task.h"

namespace millrace::streams {

// `topic`: with the application id where it is one of its own; empty when the spec has an
// extractor.
std::unique_ptr<Node> make_sink(const SinkSpec& spec, std::string topic,
                                RecordCollector& collector);

}  // namespace millrace::streams
