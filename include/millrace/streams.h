// All of Millrace's stream processing: Kafka Streams in C++ (docs/streams.md).
#pragma once

#include "streams/kafka_streams.h"
#include "streams/query.h"
#include "streams/streams_builder.h"
#include "streams/test_driver.h"
#include "streams/timestamp_extractors.h"
