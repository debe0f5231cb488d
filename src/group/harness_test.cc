#include "group/harness.h"

#include <sstream>

#include "base/check.h"
#include "group/embedded.h"
#include "protocol/codec.h"

namespace millrace::group {
namespace {

constexpr const char* kGroup = "g";

std::vector<std::string> split(std::string_view text, char by) {
    std::vector<std::string> out;
    std::string part;
    std::istringstream in{std::string{text}};
    while (std::getline(in, part, by))
        if (!part.empty()) out.push_back(part);
    return out;
}

std::string arg(const std::map<std::string, std::string, std::less<>>& args, std::string_view name,
                std::string fallback = {}) {
    auto at = args.find(name);
    return at == args.end() ? fallback : at->second;
}

int int_arg(const std::map<std::string, std::string, std::less<>>& args, std::string_view name,
            int fallback) {
    auto at = args.find(name);
    return at == args.end() ? fallback : std::stoi(at->second);
}

std::string error_text_of(int16_t code) {
    return std::string{error_name(static_cast<ErrorCode>(code))};
}

std::vector<uint8_t> subscription(
    const std::vector<std::string>& topics,
    const std::vector<std::pair<std::string, std::vector<int32_t>>>& owned) {
    protocol::ConsumerProtocolSubscription body;
    for (const std::string& topic : topics) body.topics.emplace_back(topic);
    for (const auto& [topic, partitions] : owned)
        body.owned_partitions.push_back({topic, partitions});
    auto bytes = protocol::encode_to_bytes(body, 1);
    INVARIANT(bytes.has_value());
    std::vector<uint8_t> out{0, 1};
    out.insert(out.end(), bytes->begin(), bytes->end());
    return out;
}

}  // namespace

std::optional<TopicInfo> TableView::topic(std::string_view name) const {
    auto found = topics.find(name);
    if (found == topics.end()) return std::nullopt;
    return found->second;
}

std::optional<TopicInfo> TableView::topic(const Uuid& id) const {
    for (const auto& [name, info] : topics)
        if (info.id == id) return info;
    return std::nullopt;
}

void TableView::each_topic(const std::function<void(std::string_view)>& fn) const {
    for (const auto& [name, info] : topics) fn(name);
}

Harness::Harness(GroupConfig c) : config(std::move(c)) {
    machine = std::make_unique<GroupMachine>(config, rng_, std::make_shared<TableView>(view));
    machine->loaded(now);
}

void Harness::publish() {
    view.at++;
    machine->set_cluster(std::make_shared<TableView>(view));
}

std::string Harness::play(std::string_view script) {
    output.clear();
    for (const std::string& line : split(script, '\n')) {
        size_t start = line.find_first_not_of(' ');
        if (start == std::string::npos || !line.substr(start).starts_with("> ")) continue;
        output += line.substr(start) + "\n";
        std::vector<std::string> words = split(line.substr(start + 2), ' ');
        command(words);
        std::string difference = replay_difference();
        if (!difference.empty()) say("REPLAY DIFFERS: " + difference);
    }
    return output;
}

void Harness::command(const std::vector<std::string>& words) {
    Args args;
    for (const std::string& word : words)
        if (size_t eq = word.find('='); eq != std::string::npos)
            args[word.substr(0, eq)] = word.substr(eq + 1);
    const std::string& verb = words[0];
    if (verb == "wait") {
        advance(std::stoll(words[1]));
    } else if (verb == "topic") {
        TopicInfo& info = view.topics[words[1]];
        info.name = words[1];
        info.partitions = std::stoi(words[2]);
        if (info.id.is_zero()) info.id = {1, view.topics.size()};
        publish();
    } else if (verb == "drop") {
        view.topics.erase(words[1]);
        publish();
    } else if (verb == "fail") {
        fail_next_ = true;
    } else if (verb == "show") {
        show();
    } else if (verb == "clean") {
        Effects effects;
        machine->remove_deleted_topics(kGroup, effects);
        if (effects.records.empty()) machine->clean_up(kGroup, now, effects);
        settle(std::move(effects));
    } else if (verb == "delete") {
        Effects effects;
        say(std::string{error_name(machine->delete_group(kGroup, effects))});
        settle(std::move(effects));
    } else if (verb == "leave") {
        leave(words, args);
    } else {
        member_command(verb, words.size() > 1 ? words[1] : "", args, words);
    }
}

void Harness::member_command(const std::string& verb, const std::string& who, const Args& args,
                             const std::vector<std::string>& words) {
    if (verb == "join") return join(who, args);
    if (verb == "sync") return sync(who, args);
    if (verb == "commit") return commit(who, words, args);
    if (verb == "fetch") return fetch(who, words, args);
    if (verb == "cjoin" || verb == "cbeat" || verb == "cleave") return consumer(verb, who, args);
    if (verb == "beat") {
        protocol::HeartbeatRequest request;
        request.group_id = kGroup;
        request.member_id = id_of(who);
        request.generation_id = int_arg(args, "gen", epochs_[who]);
        if (args.contains("static")) request.group_instance_id = arg(args, "static");
        return say(who + ": " + error_text_of(machine->heartbeat(request, now).error_code));
    }
    if (verb == "forget") {
        protocol::OffsetDeleteRequest request;
        request.group_id = kGroup;
        for (size_t i = 1; i < words.size(); i++) {
            auto parts = split(words[i], ':');
            request.topics.push_back({.name = parts[0], .partitions = {{std::stoi(parts[1])}}});
        }
        Effects effects;
        auto response = machine->offset_delete(request, effects);
        if (response.error_code != 0) say(error_text_of(response.error_code));
        for (const auto& topic : response.topics)
            for (const auto& p : topic.partitions)
                say(fmt::format("{}:{} {}", topic.name.view(), p.partition_index,
                                error_text_of(p.error_code)));
        settle(std::move(effects));
        return;
    }
    say("no such command: " + verb);
}

ErrorCode Harness::settle(Effects effects) {
    ErrorCode outcome = ErrorCode::none;
    while (true) {
        std::vector<Record> records = std::move(effects.records);
        effects.records.clear();
        auto deliver = [&] {
            for (auto& [token, reply] : effects.completed) {
                auto who = waiting_.extract(token);
                if (who.empty()) continue;
                if (auto* joined = std::get_if<protocol::JoinGroupResponse>(&reply))
                    say(who.mapped(), *joined);
                else
                    say(who.mapped(), std::get<protocol::SyncGroupResponse>(reply));
            }
            effects.completed.clear();
        };
        deliver();
        ErrorCode error = ErrorCode::none;
        if (!records.empty() && std::exchange(fail_next_, false)) {
            error = outcome = ErrorCode::coordinator_not_available;
            say("append fails");
        } else {
            say_records(records);
            for (Record& record : records) {
                coordinator::RecordView stored{static_cast<Offset>(log.size()), record.key, {}};
                if (record.value) stored.value = ByteView{*record.value};
                INVARIANT(machine->apply(stored, effects).has_value());
                log.push_back(std::move(record));
            }
        }
        deliver();
        if (!effects.after) break;
        auto after = std::exchange(effects.after, nullptr);
        after(error, effects);
    }
    return outcome;
}

void Harness::say_records(const std::vector<Record>& records) {
    if (records.empty()) return;
    std::string line = "records";
    for (const Record& record : records)
        line += fmt::format(" {}{}", record.value ? "" : "-", load_be<int16_t>(record.key.data()));
    say(line);
}

void Harness::advance(int64_t ms) {
    int64_t end = now.mono_ms + ms;
    while (true) {
        auto next = machine->next_deadline();
        if (!next || *next > end) break;
        now.wall_ms += std::max<int64_t>(*next - now.mono_ms, 0);
        now.mono_ms = std::max(now.mono_ms, *next);
        for (const Timer& timer : machine->take_due(now)) {
            Effects effects;
            machine->on_timer(timer, now, effects);
            settle(std::move(effects));
        }
    }
    now.wall_ms += end - now.mono_ms;
    now.mono_ms = end;
}

std::string Harness::replay_difference() {
    Rng rng{2};
    GroupMachine copy{config, rng, std::make_shared<TableView>(view)};
    Effects unused;
    for (size_t i = 0; i < log.size(); i++) {
        coordinator::RecordView record{static_cast<Offset>(i), log[i].key, {}};
        if (log[i].value) record.value = ByteView{*log[i].value};
        if (!copy.apply(record, unused)) return "a record is refused";
    }
    const GroupTable& a = machine->table();
    const GroupTable& b = copy.table();
    if (!(a.offsets == b.offsets)) return "offsets";
    for (const auto& [id, group] : a.groups) {
        auto other = b.groups.find(id);
        if (const auto* classic = std::get_if<ClassicGroup>(&group)) {
            // Between generations a live group is ahead of its record.
            bool settled = classic->in(ClassicState::stable) || classic->in(ClassicState::empty);
            if (!settled) continue;
            if (other == b.groups.end()) return "group missing";
            const auto* read = std::get_if<ClassicGroup>(&other->second);
            if (!read || read->generation() != classic->generation() ||
                read->leader() != classic->leader() || read->state() != classic->state() ||
                read->members().size() != classic->members().size())
                return "classic group";
            continue;
        }
        if (other == b.groups.end()) return "group missing";
        const auto* read = std::get_if<ConsumerGroup>(&other->second);
        if (!read || !(*read == std::get<ConsumerGroup>(group))) return "consumer group";
    }
    for (const auto& [id, group] : b.groups)
        if (!a.groups.contains(id)) return "group too many";
    return {};
}

// --- classic

std::string Harness::name_of(std::string_view member_id) const {
    for (const auto& [name, id] : ids_)
        if (id == member_id) return name;
    return member_id.empty() ? "-" : "?";
}

std::string Harness::id_of(const std::string& name) const {
    auto at = ids_.find(name);
    return at == ids_.end() ? (name == "-" ? std::string{} : "unknown-" + name) : at->second;
}

void Harness::join(const std::string& who, const Args& args) {
    protocol::JoinGroupRequest request;
    request.group_id = kGroup;
    request.session_timeout_ms = int_arg(args, "session", 10'000);
    request.rebalance_timeout_ms = int_arg(args, "rebalance", 60'000);
    if (args.contains("static")) request.group_instance_id = arg(args, "static");
    request.protocol_type = arg(args, "type", "consumer");
    std::string id = arg(args, "id", who);
    auto known = ids_.find(id);
    if (id != "new" && known != ids_.end()) request.member_id = known->second;
    std::vector<std::pair<std::string, std::vector<int32_t>>> owned;
    for (const auto& [topic, partitions] : parse_partitions(arg(args, "owned")))
        owned.emplace_back(view.topic(topic)->name, partitions);
    for (const std::string& protocol : split(arg(args, "protocols", "range"), ','))
        request.protocols.push_back(
            {protocol, subscription(split(arg(args, "topics", "t1"), ','), owned)});
    RequestContext context{static_cast<int16_t>(int_arg(args, "v", 9)), who, "/127.0.0.1"};
    Effects effects;
    Token token = next_token_++;
    waiting_[token] = who;
    if (machine->is_empty_consumer_group(kGroup)) {
        Effects way;
        machine->make_way_for_classic(kGroup, way);
        settle(std::move(way));
    }
    auto response = machine->join_group(context, request, token, now, effects);
    settle(std::move(effects));
    if (!response) {
        if (waiting_.contains(token)) say(who + " waits");
        return;
    }
    waiting_.erase(token);
    say(who, *response);
}

void Harness::say(const std::string& who, const protocol::JoinGroupResponse& response) {
    if (!response.member_id.empty()) ids_[who] = response.member_id.str();
    if (response.error_code != 0) return say(who + ": " + error_text_of(response.error_code));
    epochs_[who] = response.generation_id;
    std::string members;
    for (const auto& member : response.members) {
        // Answers come one by one, so names of other new members may not be known yet.
        members += (members.empty() ? "" : ",") + std::string{member.member_id.view().substr(
                                                      0, member.member_id.view().find('-'))};
    }
    say(fmt::format("{} joined: generation={} protocol={}{}{}{}", who, response.generation_id,
                    response.protocol_name ? response.protocol_name->view() : "null",
                    response.leader == response.member_id ? " leads" : "",
                    members.empty() ? "" : " members=" + members,
                    response.skip_assignment ? " skip_assignment" : ""));
}

void Harness::sync(const std::string& who, const Args& args) {
    protocol::SyncGroupRequest request;
    request.group_id = kGroup;
    request.member_id = id_of(who);
    request.generation_id = int_arg(args, "gen", epochs_[who]);
    if (args.contains("static")) request.group_instance_id = arg(args, "static");
    if (args.contains("protocol")) request.protocol_name = arg(args, "protocol");
    for (const std::string& entry : split(arg(args, "assign"), ',')) {
        auto parts = split(entry, ':');
        request.assignments.push_back({id_of(parts[0]), ByteView{as_bytes(parts[1])}});
    }
    Token token = next_token_++;
    waiting_[token] = who;
    Effects effects;
    auto response = machine->sync_group(request, token, now, effects);
    settle(std::move(effects));
    if (response) {
        waiting_.erase(token);
        say(who, *response);
    } else if (waiting_.contains(token)) {
        say(who + " waits");
    }
}

void Harness::say(const std::string& who, const protocol::SyncGroupResponse& response) {
    if (response.error_code != 0) return say(who + ": " + error_text_of(response.error_code));
    auto assignment = decode_assignment(response.assignment);
    std::string text{as_text(response.assignment)};
    if (machine->table().groups.contains(kGroup) &&
        std::holds_alternative<ConsumerGroup>(machine->table().groups.find(kGroup)->second) &&
        assignment) {
        text.clear();
        for (const auto& topic : assignment->assigned_partitions)
            text += fmt::format("{}{}:{}", text.empty() ? "" : ";", topic.topic.view(),
                                fmt::join(topic.partitions, ","));
    }
    say(fmt::format("{} synced: {}", who, text));
}

void Harness::leave(const std::vector<std::string>& words, const Args& args) {
    protocol::LeaveGroupRequest request;
    request.group_id = kGroup;
    std::vector<std::string> who;
    for (size_t i = 1; i < words.size(); i++) {
        if (words[i].find('=') != std::string::npos) continue;
        auto& member = request.members.emplace_back();
        member.member_id = id_of(words[i]);
        if (args.contains("static")) member.group_instance_id = arg(args, "static");
        who.push_back(words[i]);
    }
    Effects effects;
    auto response = machine->leave_group(request, now, effects);
    settle(std::move(effects));
    if (response.error_code != 0) say(error_text_of(response.error_code));
    for (size_t i = 0; i < response.members.size(); i++)
        say(who[i] + ": " + error_text_of(response.members[i].error_code));
}

// --- consumer protocol

std::string Harness::text(const TopicPartitions& partitions) const {
    std::string out;
    for (const auto& [id, list] : partitions) {
        auto topic = view.topic(id);
        out += fmt::format("{}{}:{}", out.empty() ? "" : ";", topic ? topic->name : "?",
                           fmt::join(list, ","));
    }
    return out.empty() ? "nothing" : out;
}

TopicPartitions Harness::parse_partitions(std::string_view text) const {
    TopicPartitions out;
    if (text == "nothing") return out;
    for (const std::string& entry : split(text, ';')) {
        auto parts = split(entry, ':');
        auto topic = view.topic(parts[0]);
        INVARIANT(topic.has_value());
        for (const std::string& p : split(parts[1], ',')) add(out, topic->id, std::stoi(p));
    }
    return out;
}

void Harness::consumer(const std::string& verb, const std::string& who, const Args& args) {
    protocol::ConsumerGroupHeartbeatRequest request;
    request.group_id = kGroup;
    std::string id = arg(args, "id", who);
    if (!ids_.contains(id)) ids_[id] = id;
    request.member_id = ids_[id];
    request.member_epoch = int_arg(args, "epoch",
                                   verb == "cjoin"    ? 0
                                   : verb == "cleave" ? -1
                                                      : epochs_[who]);
    if (args.contains("static")) request.instance_id = arg(args, "static");
    if (args.contains("assignor")) request.server_assignor = arg(args, "assignor");
    if (args.contains("regex")) request.subscribed_topic_regex = arg(args, "regex");
    if (args.contains("topics") || (verb == "cjoin" && !args.contains("regex"))) {
        request.subscribed_topic_names.emplace();
        for (const std::string& topic : split(arg(args, "topics", "t1"), ','))
            request.subscribed_topic_names->emplace_back(topic);
    }
    if (verb == "cjoin") {
        request.rebalance_timeout_ms = int_arg(args, "rebalance", 30'000);
        request.topic_partitions.emplace();
    }
    if (args.contains("owned")) {
        request.topic_partitions.emplace();
        for (const auto& [topic, partitions] : parse_partitions(arg(args, "owned")))
            request.topic_partitions->push_back({topic, partitions});
    }
    RequestContext context{static_cast<int16_t>(int_arg(args, "v", 1)), who, "/127.0.0.1"};
    Effects effects;
    auto response = machine->consumer_group_heartbeat(context, request, now, effects);
    if (settle(std::move(effects)) != ErrorCode::none) return;
    if (response.error_code != 0) return say(who + ": " + error_text_of(response.error_code));
    epochs_[who] = response.member_epoch;
    std::string assignment;
    if (response.assignment) {
        TopicPartitions assigned;
        for (const auto& topic : response.assignment->topic_partitions)
            assigned[topic.topic_id] = topic.partitions;
        assignment = " assignment=" + text(assigned);
    }
    say(fmt::format("{}: epoch={}{}", who, response.member_epoch, assignment));
}

// --- offsets

void Harness::commit(const std::string& who, const std::vector<std::string>& words,
                     const Args& args) {
    protocol::OffsetCommitRequest request;
    request.group_id = kGroup;
    request.member_id = id_of(who);
    request.generation_id_or_member_epoch = int_arg(args, "gen", who == "-" ? -1 : epochs_[who]);
    request.retention_time_ms = int_arg(args, "retention", -1);
    for (size_t i = 2; i < words.size(); i++) {
        auto parts = split(words[i], ':');
        if (parts.size() != 2) continue;
        auto value = split(parts[1], '=');
        protocol::OffsetCommitRequest::OffsetCommitRequestPartition partition;
        partition.partition_index = std::stoi(value[0]);
        partition.committed_offset = std::stoll(value[1]);
        partition.committed_metadata = arg(args, "metadata");
        auto& topic = request.topics.emplace_back();
        topic.name = parts[0];
        topic.partitions.push_back(partition);
    }
    RequestContext context{static_cast<int16_t>(int_arg(args, "v", 9)), who, "/127.0.0.1"};
    Effects effects;
    auto response = machine->offset_commit(context, request, now, effects);
    if (settle(std::move(effects)) != ErrorCode::none) return;
    for (const auto& topic : response.topics)
        for (const auto& p : topic.partitions)
            say(fmt::format("{}:{} {}", topic.name.view(), p.partition_index,
                            error_text_of(p.error_code)));
}

void Harness::fetch(const std::string& who, const std::vector<std::string>& words,
                    const Args& args) {
    protocol::OffsetFetchRequest::OffsetFetchRequestGroup request;
    request.group_id = kGroup;
    request.topics.reset();
    if (who != "-") {
        request.member_id = id_of(who);
        request.member_epoch = int_arg(args, "epoch", epochs_[who]);
    }
    for (size_t i = 2; i < words.size(); i++) {
        auto parts = split(words[i], ':');
        if (parts.size() != 2) continue;
        if (!request.topics) request.topics.emplace();
        auto& topic = request.topics->emplace_back();
        topic.name = parts[0];
        for (const std::string& p : split(parts[1], ','))
            topic.partition_indexes.push_back(std::stoi(p));
    }
    auto response = machine->offsets().fetch(request, {});
    if (response.error_code != 0) return say(error_text_of(response.error_code));
    for (const auto& topic : response.topics)
        for (const auto& p : topic.partitions)
            say(fmt::format("{}:{}={}", topic.name.view(), p.partition_index, p.committed_offset));
}

void Harness::show() {
    const GroupTable& table = machine->table();
    auto at = table.groups.find(kGroup);
    if (at == table.groups.end()) return say("no group");
    if (const auto* classic = std::get_if<ClassicGroup>(&at->second)) {
        say(fmt::format("classic {} generation={} members={}", state_name(classic->state()),
                        classic->generation(), classic->members().size()));
        return;
    }
    const auto& group = std::get<ConsumerGroup>(at->second);
    say(fmt::format("consumer {} epoch={} target={}", state_name(group.state()), group.epoch(),
                    group.assignment_epoch()));
    for (const auto& [id, member] : group.members())
        say(fmt::format("  {}{} epoch={} has {} target {}{}", name_of(id),
                        member->classic ? " (classic)" : "", member->epoch, text(member->assigned),
                        text(group.target(id)),
                        member->revoking.empty() ? "" : " revoking " + text(member->revoking)));
}

}  // namespace millrace::group
