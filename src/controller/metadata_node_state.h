// The inside of MetadataNode, for its own source files only.
#pragma once

#include <deque>
#include <utility>

#include "controller/metadata_node.h"
#include "controller/outcome.h"
#include "metadata/builder.h"
#include "raft/driver/quorum_log.h"
#include "runtime/event.h"

namespace millrace::controller {

struct MetadataNode::State {
    State(runtime::Disk& disk_in, runtime::Loop& loop_in, MetadataNodeOptions options_in)
        : disk(disk_in), loop(loop_in), options(std::move(options_in)), config(options.config) {}

    // An image that waits for its records to be committed.
    struct Pending {
        Offset end;
        metadata::ImagePtr image;
        metadata::Delta delta;
    };

    runtime::Disk& disk;
    runtime::Loop& loop;
    MetadataNodeOptions options;
    std::shared_ptr<const config::BrokerConfig> config;  // with the dynamic overrides of `appended`
    std::unique_ptr<raft::QuorumLog> log;

    metadata::Builder builder;
    metadata::ImagePtr appended = std::make_shared<const metadata::Image>();   // all records so far
    metadata::ImagePtr committed = std::make_shared<const metadata::Image>();  // the durable ones
    std::deque<Pending> pending;                                               // between the two
    Offset barrier = 0;  // end of the last batch that a response may depend on
    runtime::TimePoint last_append;
    TimestampMs started_ms = 0;
    Listener listener;

    bool stopping = false;
    bool running = false;
    runtime::Event stop_asked;
    runtime::Event run_ended;

    raft::QuorumLogOptions log_options() const;
    runtime::Task<Result<void>> load();
    runtime::Task<Result<void>> begin_life();
    Result<metadata::ImagePtr> bootstrap_image() const;
    Result<Records> bootstrap_records(const metadata::ImagePtr& image) const;

    Context context(int16_t version);
    // Applies the records and appends them as batches. An error leaves everything as it was, but
    // for failed().
    Result<void> append(const Records& records);
    Result<void> append_batch(std::span<const protocol::MetadataRecord> records);
    void refresh_config(const metadata::Delta& delta);
    void commit_up_to(Offset high_watermark);
    Result<void> fence_this_broker();
    // Until all that a response could depend on is committed.
    runtime::Task<Result<void>> settle();

    template <typename Response, typename Request>
    runtime::Task<Result<Response>> submit(Outcome<Response> (*handle)(const Context&,
                                                                       const Request&),
                                           const Request& request, int16_t version) {
        if (stopping) co_return fail(ErrorCode::not_controller, "the node is stopping");
        Outcome<Response> outcome = handle(context(version), request);
        CO_TRY_OK(append(outcome.records));
        CO_TRY_OK(co_await settle());
        co_return std::move(outcome.response);
    }

    // After a failure (a full disk) neither is tried, nor complained of, at every turn.
    runtime::TimePoint snapshot_not_before{};
    bool idle_failed = false;

    bool snapshot_due() const;
    runtime::Task<Result<void>> take_snapshot();
    void append_no_op();
};

}  // namespace millrace::controller
