#include "broker/request_metrics.h"

#include <algorithm>
#include <bit>

namespace millrace::broker {

void DurationHistogram::record(Duration d) {
    const auto us = static_cast<uint64_t>(std::max<int64_t>(0, d.count() / 1000));
    ++counts[std::min<size_t>(kBuckets - 1, static_cast<size_t>(std::bit_width(us)))];
    ++count;
    sum += d;
}

}  // namespace millrace::broker
