// The stand-in for a share group's state of one partition: what each record is to the group. Naive,
// a record at a time; time is handed in. Kafka: SharePartition.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "protocol/record_batch_builder.h"
#include "runtime/loop.h"

namespace millrace::sim {

class SharePartition {
public:
    static constexpr int16_t kDeliveriesMax = 5;
    static constexpr std::chrono::seconds kLock{15};

    enum class State : uint8_t { available, acquired, acknowledged, archived };
    struct Slot {
        bool is_record = false;  // else a gap or a control record
        State state = State::available;
        std::string member;
        int16_t deliveries = 0;
        runtime::TimePoint locked_until{};
        bool by_limit = false;  // archived as it was delivered too often
    };
    struct Stored {
        Offset base = 0;
        Offset last = 0;
        SharedBytes bytes;
    };
    struct Acquired {
        Offset first = 0;
        Offset last = 0;
        int16_t deliveries = 0;
    };

    // A batch of `values`, one record after the other.
    void append(const std::vector<std::string>& values, protocol::Codec codec) {
        protocol::BatchBuilder builder({.codec = codec, .base_offset = end_});
        for (const std::string& value : values) builder.append(0, std::nullopt, as_bytes(value));
        store(builder, end_ + static_cast<Offset>(values.size()) - 1);
        for (size_t i = 0; i != values.size(); ++i)
            slots_[end_ + static_cast<Offset>(i)].is_record = true;
        end_ += static_cast<Offset>(values.size());
    }
    // As compaction leaves it: only the first and the last of `values` are there.
    void append_compacted(const std::vector<std::string>& values) {
        protocol::BatchBuilder builder({.base_offset = end_});
        const Offset last = end_ + static_cast<Offset>(values.size()) - 1;
        builder.append_at(end_, 0, std::nullopt, as_bytes(values.front()));
        builder.append_at(last, 0, std::nullopt, as_bytes(values.back()));
        store(builder, last);
        for (Offset at = end_; at <= last; ++at) slots_[at].is_record = at == end_ || at == last;
        end_ = last + 1;
    }
    void append_control() {
        protocol::BatchBuilder builder({.base_offset = end_,
                                        .producer_id = 1,
                                        .producer_epoch = 0,
                                        .transactional = true,
                                        .control = true});
        const uint8_t body[6] = {};
        builder.append_control(0, protocol::ControlType::commit, body);
        store(builder, end_);
        slots_[end_++] = {};
    }
    // One bit of the newest batch is wrong.
    void damage() {
        std::vector<uint8_t> bytes(log_.back().bytes.view.begin(), log_.back().bytes.view.end());
        bytes.back() ^= 1;
        log_.back().bytes = SharedBytes::own(std::move(bytes));
        damaged_.push_back(log_.back().base);
    }

    void expire(runtime::TimePoint now) {
        for (auto& [offset, slot] : slots_)
            if (slot.state == State::acquired && slot.locked_until <= now) give_back(slot);
    }
    // Locks available records for `member`: whole batches until there are `records_max`, or
    // exactly so many. Returns what to send.
    std::vector<Acquired> acquire(const std::string& member, int32_t records_max, bool strict,
                                  runtime::TimePoint now, Chain& records) {
        std::vector<Acquired> out;
        int32_t count = 0;
        for (const Stored& batch : log_) {
            if (count >= records_max) break;
            bool any = false;
            for (Offset at = batch.base; at <= batch.last; ++at) {
                Slot& slot = slots_.at(at);
                if (slot.state != State::available) continue;
                if (strict && count >= records_max) break;
                slot.state = State::acquired;
                slot.member = member;
                slot.deliveries++;
                slot.locked_until = now + kLock;
                ++count;
                any = true;
                if (!out.empty() && out.back().last + 1 == at &&
                    out.back().deliveries == slot.deliveries)
                    out.back().last = at;
                else
                    out.push_back({at, at, slot.deliveries});
            }
            if (any) records.append(batch.bytes);
        }
        return out;
    }
    // All or nothing.
    ErrorCode acknowledge(const std::string& member, Offset first, Offset last, int8_t type,
                          runtime::TimePoint now) {
        for (Offset at = first; at <= last; ++at) {
            const auto slot = slots_.find(at);
            if (slot == slots_.end()) return ErrorCode::invalid_request;
            if (slot->second.state != State::acquired || slot->second.member != member)
                return ErrorCode::invalid_record_state;
        }
        for (Offset at = first; at <= last; ++at) {
            Slot& slot = slots_.at(at);
            constexpr int8_t kAccept = 1, kRelease = 2, kReject = 3, kRenew = 4;
            if (type == kAccept) slot.state = State::acknowledged;
            if (type == 0 || type == kReject) slot.state = State::archived;
            if (type == kRelease) give_back(slot);
            if (type == kRenew) slot.locked_until = now + kLock;
        }
        return ErrorCode::none;
    }
    void release(const std::string& member) {
        for (auto& [offset, slot] : slots_)
            if (slot.state == State::acquired && slot.member == member) give_back(slot);
    }
    // A new leader knows nothing of who has what.
    void release_all() {
        for (auto& [offset, slot] : slots_)
            if (slot.state == State::acquired) give_back(slot);
    }
    // Each record's fate is known.
    bool settled() const {
        return std::ranges::all_of(slots_, [](const auto& entry) {
            return entry.second.state == State::acknowledged ||
                   entry.second.state == State::archived;
        });
    }
    const std::map<Offset, Slot>& slots() const { return slots_; }
    bool is_damaged(Offset offset) const {
        return std::ranges::any_of(log_, [&](const Stored& batch) {
            return batch.base <= offset && offset <= batch.last &&
                   std::ranges::find(damaged_, batch.base) != damaged_.end();
        });
    }
    Offset end() const { return end_; }

private:
    void store(protocol::BatchBuilder& builder, Offset last) {
        log_.push_back({end_, last, SharedBytes::own(*builder.finish())});
    }
    void give_back(Slot& slot) {
        slot.by_limit = slot.deliveries >= kDeliveriesMax;
        slot.state = slot.by_limit ? State::archived : State::available;
        slot.member.clear();
    }

    std::vector<Stored> log_;
    std::vector<Offset> damaged_;
    std::map<Offset, Slot> slots_;
    Offset end_ = 0;
};

}  // namespace millrace::sim
