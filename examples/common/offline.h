// A topology on files instead of topics: no cluster, one thread, the same answers.
#pragma once

#include <string>
#include <vector>

#include "streams/config.h"
#include "streams/topology.h"

namespace millrace::examples {

// Reads INPUT/<topic>.jsonl, each in its order and between them by time (at equal times the topic
// that is named first), and writes what comes out to OUTPUT/<topic>.jsonl; a line is as generator.h
// has it. Throws StreamsException.
void run_offline(const streams::Topology& topology, const streams::StreamsConfig& config,
                 const std::string& input, const std::string& output,
                 const std::vector<std::string>& topics);

}  // namespace millrace::examples
