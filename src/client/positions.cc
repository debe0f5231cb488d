#include "client/positions.h"

#include <fmt/format.h>

#include "base/log.h"
#include "client/backoff.h"
#include "protocol/messages/offset_for_leader_epoch.h"

namespace millrace::client {

using Need = PartitionState::Need;

Positions::Positions(Cluster& cluster, const ConsumerConfig& config, PartitionTable& table,
                     OffsetCommits& commits)
    : cluster_(cluster), config_(config), table_(table), commits_(commits), tasks_(cluster.loop()) {
    tasks_.spawn(keep());
}

runtime::TimePoint Positions::deadline() const {
    return cluster_.after(config_.client.request_timeout);
}

std::vector<Positions::Asked> Positions::in_need(Need need) {
    std::vector<Asked> out;
    for (const auto& [place, p] : table_.all()) {
        if (p->need == need && !p->leaving) out.push_back({p, p->version});
    }
    return out;
}

runtime::Task<void> Positions::keep() {
    runtime::Loop& loop = cluster_.loop();
    runtime::Subscriber waiting{loop};
    waiting.subscribe(table_.changed);
    int failures = 0;
    for (;;) {
        Error failed = fail(ErrorCode::none);
        const auto note = [&](const Result<void>& done) {
            if (!done) failed = done.error();
        };
        note(co_await find_committed(in_need(Need::committed)));
        note(co_await reset(in_need(Need::reset)));
        note(co_await validate(in_need(Need::validation)));
        if (failed.code == ErrorCode::none) {
            failures = 0;
            co_await waiting.wait();
            continue;
        }
        if (failed.code != ErrorCode::cancelled && !Cluster::network_error(failed.code) &&
            !error_retriable(failed.code))
            table_.raise(failed);
        co_await loop.sleep_for(backoff(config_.client.retry_backoff,
                                        config_.client.retry_backoff_max, failures++, loop.rng()));
    }
}

runtime::Task<Result<void>> Positions::find_committed(std::vector<Asked> asked) {
    if (asked.empty()) co_return {};
    CommittedOffsets found;
    if (!config_.group_id.empty()) {
        std::vector<TopicPartition> places;
        for (const Asked& a : asked) places.push_back(a.partition->place);
        CO_TRY(found, co_await commits_.fetch(std::move(places), deadline()));
    }
    for (const Asked& a : asked) {
        if (!a.current()) continue;
        PartitionState& p = *a.partition;
        const auto at = found.find(p.place);
        if (at != found.end())
            table_.jump(p, {at->second.offset, at->second.epoch});
        else if (config_.offset_reset.kind != OffsetReset::Kind::none)
            table_.lose(p, Need::reset);
        else {
            table_.lose(p, Need::nothing);  // until the application seeks
            table_.raise(fail(ErrorCode::offset_out_of_range,
                              fmt::format("{}-{} has no committed offset, and auto.offset.reset "
                                          "is none",
                                          p.place.topic, p.place.partition)));
        }
    }
    co_return {};
}

std::optional<TimestampMs> Positions::reset_place() const {
    switch (config_.offset_reset.kind) {
        case OffsetReset::Kind::latest:
            return kLatest;
        case OffsetReset::Kind::earliest:
            return kEarliest;
        case OffsetReset::Kind::by_duration:
            return cluster_.loop().wall_ms() - config_.offset_reset.duration.count();
        case OffsetReset::Kind::none:
            break;
    }
    return std::nullopt;
}

runtime::Task<Result<void>> Positions::reset(std::vector<Asked> asked) {
    if (asked.empty()) co_return {};
    OffsetQueries queries;
    for (const Asked& a : asked) {
        const auto place = a.partition->reset_to ? a.partition->reset_to : reset_place();
        queries.emplace(a.partition->place, place.value_or(kLatest));
    }
    CO_TRY(const OffsetAnswers answers,
           co_await list_offsets_once(cluster_, queries, config_.isolation, deadline()));
    bool all = true;
    std::vector<Asked> past_the_end;
    for (const Asked& a : asked) {
        const auto at = answers.find(a.partition->place);
        all = all && at != answers.end();
        if (at == answers.end() || !a.current()) continue;
        if (at->second.offset < 0) {
            // No record is as young as that: the end.
            table_.lose(*a.partition, Need::reset, kLatest);
            all = false;
            continue;
        }
        LOG_INFO("client", "{}-{}: reading from offset {}", a.partition->place.topic,
                 a.partition->place.partition, at->second.offset);
        table_.jump(*a.partition, {at->second.offset, -1});
    }
    if (!all) co_return fail(ErrorCode::leader_not_available);
    co_return {};
}

void Positions::validated(PartitionState& p, Offset end_offset, LeaderEpoch epoch) {
    if (end_offset < 0 || epoch < 0) {
        // The leader knows nothing of that epoch: begin anew.
        if (config_.offset_reset.kind == OffsetReset::Kind::none) {
            table_.raise(fail(ErrorCode::offset_out_of_range,
                              fmt::format("{}-{}: the log was truncated below {}", p.place.topic,
                                          p.place.partition, p.position.offset)));
            p.need = Need::nothing;
        } else {
            table_.lose(p, Need::reset);
        }
    } else if (end_offset < p.position.offset) {
        LOG_WARN("client", "{}-{}: the log was truncated to {}, below the position {}",
                 p.place.topic, p.place.partition, end_offset, p.position.offset);
        if (config_.offset_reset.kind == OffsetReset::Kind::none)
            table_.raise(
                fail(ErrorCode::offset_out_of_range,
                     fmt::format("{}-{}: the log was truncated to {}, below the position "
                                 "{}",
                                 p.place.topic, p.place.partition, end_offset, p.position.offset)));
        table_.jump(p, {end_offset, epoch});
        p.need = Need::nothing;
    } else {
        p.need = Need::nothing;
        table_.changed.notify();
        if (p.has_records()) table_.filled.notify();
    }
}

runtime::Task<Result<void>> Positions::validate(std::vector<Asked> asked) {
    bool all = true;
    std::map<NodeId, protocol::OffsetForLeaderEpochRequest> requests;
    for (const Asked& a : asked) {
        const PartitionState& p = *a.partition;
        if (p.leader < 0) {
            all = false;
            cluster_.request_update();
            continue;
        }
        auto& request = requests[p.leader];
        request.replica_id = -1;
        if (request.topics.empty() || request.topics.back().topic != p.place.topic)
            request.topics.emplace_back().topic = p.place.topic;
        auto& part = request.topics.back().partitions.emplace_back();
        part.partition = p.place.partition;
        part.current_leader_epoch = p.leader_epoch;
        part.leader_epoch = p.position.epoch;
    }
    for (const auto& [node, request] : requests) {
        const auto reply = co_await cluster_.call(node, request, deadline());
        if (!reply) co_return reply.error();
        for (const auto& topic : (*reply)->topics) {
            for (const auto& said : topic.partitions) {
                const TopicPartition place{topic.topic.str(), said.partition};
                const auto a = std::ranges::find_if(
                    asked, [&](const Asked& each) { return each.partition->place == place; });
                if (a == asked.end() || !a->current() || a->partition->need != Need::validation)
                    continue;
                const auto code = static_cast<ErrorCode>(said.error_code);
                if (code == ErrorCode::none) {
                    validated(*a->partition, said.end_offset, said.leader_epoch);
                } else if (error_retriable(code)) {
                    all = false;
                    cluster_.request_update();
                } else {
                    co_return fail(code, fmt::format("{}-{}", place.topic, place.partition));
                }
            }
        }
    }
    if (!all) co_return fail(ErrorCode::leader_not_available);
    co_return {};
}

}  // namespace millrace::client
