// A batch that a consumer gave out, as a task reads it.
#pragma once

#include "client/record_batch.h"
#include "streams/task/record_queue.h"

namespace millrace::streams {

Headers copy_headers(const protocol::RecordHeaders& headers);

class FetchedRecords final : public RecordSource {
public:
    explicit FetchedRecords(client::RecordBatch batch) : batch_(std::move(batch)) {}
    // StreamsException for a batch that is damaged.
    std::optional<InputRecord> next() override;
    size_t left() const override { return static_cast<size_t>(batch_.count_max()) - given_; }

private:
    client::RecordBatch batch_;
    size_t given_ = 0;
};

}  // namespace millrace::streams
