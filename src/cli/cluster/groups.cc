#include "cli/cluster/groups.h"

#include <charconv>

namespace millrace::cli {
namespace {

using client::FoundOffset;
using Offsets = std::map<TopicPartition, FoundOffset>;

Result<Offsets> offsets_at(Session& session, const std::vector<TopicPartition>& partitions,
                           TimestampMs time) {
    std::map<TopicPartition, TimestampMs> wanted;
    for (const TopicPartition& tp : partitions) wanted[tp] = time;
    return session.wait(session.admin().list_offsets(std::move(wanted)));
}

// Takes digits off the front of `text`.
std::optional<int64_t> take_number(std::string_view& text) {
    int64_t n = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || n < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    return n;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

Result<std::vector<GroupPartition>> group_partitions(Session& session,
                                                     const client::GroupDescription& group) {
    TRY(const auto committed, session.wait(session.admin().committed_offsets(group.id)));
    std::vector<GroupPartition> out;
    std::map<TopicPartition, const client::MemberDescription*> assigned;
    for (const client::MemberDescription& member : group.members)
        for (const TopicPartition& tp : member.assigned) {
            out.push_back({.partition = tp, .member = &member});
            assigned[tp] = &member;
        }
    for (const auto& [tp, offset] : committed)
        if (!assigned.contains(tp)) out.push_back({.partition = tp});
    std::vector<TopicPartition> partitions;
    for (const GroupPartition& one : out) partitions.push_back(one.partition);
    TRY(const auto ends, offsets_at(session, partitions, client::kLatest));
    for (GroupPartition& one : out) {
        if (const auto at = committed.find(one.partition);
            at != committed.end() && at->second.offset >= 0) {
            one.committed = at->second.offset;
            if (at->second.leader_epoch >= 0) one.leader_epoch = at->second.leader_epoch;
        }
        if (const auto at = ends.find(one.partition);
            at != ends.end() && at->second.error.code == ErrorCode::none)
            one.end = at->second.offset;
    }
    return out;
}

Result<Reset> plan_reset(Session& session, const client::GroupOffsets& committed,
                         const std::vector<TopicPartition>& partitions, const ResetTarget& target) {
    using To = ResetTarget::To;
    TRY(const Offsets starts, offsets_at(session, partitions, client::kEarliest));
    TRY(const Offsets ends, offsets_at(session, partitions, client::kLatest));
    Offsets at_time;
    if (target.to == To::time) {
        TRY(at_time, offsets_at(session, partitions, target.value));
    }
    Reset out;
    for (const TopicPartition& tp : partitions) {
        const FoundOffset& start = starts.at(tp);
        const FoundOffset& end = ends.at(tp);
        if (start.error.code != ErrorCode::none) return start.error;
        if (end.error.code != ErrorCode::none) return end.error;
        const auto known = committed.find(tp);
        const bool has = known != committed.end() && known->second.offset >= 0;
        Offset wanted = end.offset;
        switch (target.to) {
            case To::latest:
                break;
            case To::earliest:
                wanted = start.offset;
                break;
            case To::offset:
                wanted = target.value;
                break;
            case To::current:
                if (has) wanted = known->second.offset;
                break;
            case To::shift:
                if (!has)
                    return fail(ErrorCode::invalid_request,
                                fmt::format("Cannot shift offset for partition {}-{} since there "
                                            "is no current committed offset",
                                            tp.topic, tp.partition));
                wanted = known->second.offset + target.value;
                break;
            case To::time:
                if (at_time.at(tp).offset >= 0)
                    wanted = at_time.at(tp).offset;
                else
                    out.empty.push_back(tp);
                break;
        }
        const Offset sound = std::clamp(wanted, start.offset, end.offset);
        if (sound != wanted && (target.to == To::offset || target.to == To::shift))
            out.clamped.emplace_back(tp, wanted);
        out.offsets[tp] = sound;
    }
    return out;
}

Result<Reset> plan_reset(Session& session, const std::map<TopicPartition, Offset>& wanted) {
    std::vector<TopicPartition> partitions;
    for (const auto& [tp, offset] : wanted) partitions.push_back(tp);
    TRY(const Offsets starts, offsets_at(session, partitions, client::kEarliest));
    TRY(const Offsets ends, offsets_at(session, partitions, client::kLatest));
    Reset out;
    for (const auto& [tp, offset] : wanted) {
        if (starts.at(tp).error.code != ErrorCode::none) return starts.at(tp).error;
        if (ends.at(tp).error.code != ErrorCode::none) return ends.at(tp).error;
        out.offsets[tp] = std::clamp(offset, starts.at(tp).offset, ends.at(tp).offset);
        if (out.offsets[tp] != offset) out.clamped.emplace_back(tp, offset);
    }
    return out;
}

Result<TimestampMs> parse_date_time(std::string_view text) {
    using namespace std::chrono;
    const auto wrong = [whole = std::string{text}] {
        return fail(ErrorCode::invalid_request, fmt::format("Unparseable date: \"{}\"", whole));
    };
    const auto year = take_number(text);
    if (!year || !take(text, '-')) return wrong();
    const auto month = take_number(text);
    if (!month || !take(text, '-')) return wrong();
    const auto day = take_number(text);
    if (!day || !take(text, 'T')) return wrong();
    const auto hour = take_number(text);
    if (!hour || !take(text, ':')) return wrong();
    const auto minute = take_number(text);
    if (!minute) return wrong();
    int64_t ms = (*hour * 60 + *minute) * 60'000;
    if (take(text, ':')) {
        const auto second = take_number(text);
        if (!second || *second > 60) return wrong();
        ms += *second * 1000;
        if (take(text, '.')) {
            const size_t before = text.size();
            const auto fraction = take_number(text);
            if (!fraction || before - text.size() > 3) return wrong();
            ms += *fraction;
        }
    }
    if (!take(text, 'Z') && !text.empty()) {
        const bool west = text.starts_with('-');
        if (!west && !text.starts_with('+')) return wrong();
        text.remove_prefix(1);
        const std::string_view hours = text.substr(0, 2);
        std::string_view rest = text.substr(std::min<size_t>(2, text.size()));
        take(rest, ':');
        std::string_view h = hours, m = rest.empty() ? "0" : rest;
        const auto zone_hours = take_number(h), zone_minutes = take_number(m);
        if (!zone_hours || !zone_minutes || !h.empty() || !m.empty()) return wrong();
        const int64_t zone = (*zone_hours * 60 + *zone_minutes) * 60'000;
        ms += west ? zone : -zone;
    }
    const year_month_day date{std::chrono::year{static_cast<int>(*year)},
                              std::chrono::month{static_cast<unsigned>(*month)},
                              std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *hour > 24 || *minute > 59) return wrong();
    return duration_cast<milliseconds>(sys_days{date}.time_since_epoch()).count() + ms;
}

Result<int64_t> parse_duration(std::string_view text) {
    const auto wrong = [whole = std::string{text}] {
        return fail(ErrorCode::invalid_request, "Text cannot be parsed to a Duration");
    };
    const bool negative = take(text, '-');
    if (!take(text, 'P') || text.empty()) return wrong();
    int64_t ms = 0;
    bool in_time = false;
    while (!text.empty()) {
        if (take(text, 'T')) {
            if (in_time || text.empty()) return wrong();
            in_time = true;
            continue;
        }
        const auto n = take_number(text);
        if (!n || *n > 1'000'000'000) return wrong();
        if (in_time && take(text, '.')) {
            std::string_view digits = text.substr(0, std::min<size_t>(3, text.size()));
            int64_t scale = 100;
            ms += *n * 1000;
            for (const char c : digits) {
                if (c < '0' || c > '9') break;
                ms += (c - '0') * scale;
                scale /= 10;
            }
            text.remove_prefix(std::min(text.find('S'), text.size()));
            if (!take(text, 'S')) return wrong();
        } else if (!in_time && take(text, 'D')) {
            ms += *n * 86'400'000;
        } else if (in_time && take(text, 'H')) {
            ms += *n * 3'600'000;
        } else if (in_time && take(text, 'M')) {
            ms += *n * 60'000;
        } else if (in_time && take(text, 'S')) {
            ms += *n * 1000;
        } else {
            return wrong();
        }
    }
    return negative ? -ms : ms;
}

}  // namespace millrace::cli
