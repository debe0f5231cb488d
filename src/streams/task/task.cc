#include "streams/task/task.h"

#include <algorithm>
#include <cctype>

#include "base/log.h"
#include "streams/task/sink_node.h"
#include "streams/timestamp_extractors.h"

namespace millrace::streams {
namespace {

// A failure that a handler has looked at and not let pass: no node above handles it again.
class HandledFailure final : public StreamsException {
public:
    using StreamsException::StreamsException;
};

constexpr std::string_view kErrorHeader = "__streams.errors.";

}  // namespace

// A node at work, and what the task offers to it.
class Task::Slot final : public NodeContext {
public:
    Slot(Task& task, const PlanNode& plan, std::unique_ptr<Node> node)
        : task_(task), plan_(plan), node_(std::move(node)) {}

    const PlanNode& plan() const { return plan_; }
    void add_child(Slot* child) { children_.push_back(child); }
    void init() {
        if (node_) node_->init(*this);
    }
    void close() {
        if (node_) node_->close();
    }

    // What the node throws, the processing exception handler decides on. A sink's failure is that
    // of the node which forwards to it.
    void run(const RawRecord& record) {
        if (!node_) return forward(record);
        if (plan_.kind == NodeKind::sink) return node_->process(record);
        const RawRecord* const before = std::exchange(given_, &record);
        try {
            handled([&] { node_->process(record); });
        } catch (...) {
            given_ = before;
            throw;
        }
        given_ = before;
    }

    template <typename F>
    void handled(const F& work) {
        try {
            work();
        } catch (const HandledFailure&) {
            throw;
        } catch (const TaskMigratedException&) {
            throw;
        } catch (const TaskCorruptedException&) {
            throw;
        } catch (const std::exception& e) {
            task_.handle_failure(plan_.name, e);
        }
    }

    void forward(const RawRecord& given) override {
        const Own own(given_, given);
        const RawRecord& record = own.record();
        const Scope scope(task_, record);
        for (Slot* child : children_) child->run(record);
    }
    void forward(const RawRecord& given, std::string_view name) override {
        const Own own(given_, given);
        const RawRecord& record = own.record();
        const Scope scope(task_, record);
        for (Slot* child : children_)
            if (child->plan_.name == name) return child->run(record);
        throw StreamsException(fmt::format("{} has no child {} to forward to", plan_.name, name));
    }

    StateStore& store(std::string_view name) override {
        const std::string wanted(name);
        if (task_.parts_.global_stores) {
            const auto global = task_.parts_.global_stores->find(wanted);
            if (global != task_.parts_.global_stores->end()) return *global->second;
        }
        const auto found = task_.stores_.find(wanted);
        if (found == task_.stores_.end() ||
            std::ranges::find(plan_.stores, wanted) == plan_.stores.end())
            throw StreamsException(
                fmt::format("{} is not connected to a state store {}: name it where the processor "
                            "is added",
                            plan_.name, name));
        return *found->second;
    }

    Cancellable schedule(PunctuationType type, std::optional<TimestampMs> start,
                         int64_t interval_ms, Punctuator punctuator) override {
        const bool wall = type == PunctuationType::wall_clock_time;
        const TimestampMs now = wall ? wall_ms() : task_.stream_time_;
        TimestampMs first = start ? *start : wall ? now + interval_ms : 0;
        // A start that is over anchors the times; the first is the next of them.
        if (start && first < now) first += ((now - first) / interval_ms + 1) * interval_ms;
        auto& timers = wall ? task_.wall_timers_ : task_.stream_timers_;
        return timers.add(
            first, interval_ms, [this, punctuator = std::move(punctuator)](TimestampMs now) {
                Headers headers;
                const RecordContext nowhere{.timestamp = now, .headers = &headers};
                task_.run_at(
                    *this, nowhere, [&] { handled([&] { punctuator(now); }); }, "punctuation");
            });
    }

    void request_commit() override { task_.commit_requested_ = true; }
    std::optional<int64_t> committed_number(const std::string& name) const override {
        const auto found = task_.numbers_.find(name);
        return found == task_.numbers_.end() ? std::nullopt : std::optional(found->second);
    }
    void commit_number(const std::string& name, int64_t value) override {
        task_.numbers_[name] = value;
    }
    const RecordContext* record_context() const override { return task_.current_; }
    TimestampMs stream_time() const override { return task_.stream_time_; }
    TimestampMs wall_ms() const override { return task_.parts_.wall_ms(); }
    const TaskId& task_id() const override { return task_.parts_.id; }
    const StreamsConfig& config() const override { return task_.parts_.config; }
    const SerdeDefaults& serde_defaults() const override { return task_.defaults_; }
    void dropped(std::string_view why) override { task_.dropped(why); }

private:
    // A record that a node has made of the one it was given has headers of its own: what is changed
    // in them below is not seen by those who share the first.
    class Own {
    public:
        Own(const RawRecord* from, const RawRecord& made) : record_(made) {
            if (!from || made.headers != from->headers) return;
            if (made.key == from->key && made.value == from->value &&
                made.timestamp == from->timestamp)
                return;
            headers_ = *made.headers;
            record_.headers = &headers_;
        }
        Own(const Own&) = delete;
        const RawRecord& record() const { return record_; }

    private:
        RawRecord record_;
        Headers headers_;
    };

    // While a record is forwarded, its time and headers are those of the context.
    class Scope {
    public:
        Scope(Task& task, const RawRecord& record) : task_(task), before_(task.current_) {
            if (!before_) return;
            if (before_->timestamp == record.timestamp && before_->headers == record.headers)
                return;
            changed_ = *before_;
            changed_.timestamp = record.timestamp;
            changed_.headers = record.headers;
            task_.current_ = &changed_;
        }
        ~Scope() { task_.current_ = before_; }
        Scope(const Scope&) = delete;

    private:
        Task& task_;
        const RecordContext* before_;
        RecordContext changed_;
    };

    Task& task_;
    const PlanNode& plan_;
    std::unique_ptr<Node> node_;        // null for a source: it only forwards
    const RawRecord* given_ = nullptr;  // while it is processed
    std::vector<Slot*> children_;
};

Task::Task(TaskParts parts)
    : parts_(std::move(parts)),
      defaults_{parts_.config.default_key_serde, parts_.config.default_value_serde},
      default_extractor_(parts_.config.default_timestamp_extractor
                             ? parts_.config.default_timestamp_extractor
                             : fail_on_invalid_timestamp()) {
    for (size_t index : parts_.nodes) {
        const PlanNode& plan = parts_.plan.nodes()[index];
        std::unique_ptr<Node> node;
        if (plan.kind == NodeKind::processor) node = plan.processor.supplier();
        if (plan.kind == NodeKind::sink)
            node = make_sink(plan.sink, topic_name(plan.sink.topic), parts_.collector);
        auto slot = std::make_unique<Slot>(*this, plan, std::move(node));
        slot_order_.push_back(slot.get());
        // Parents come before their children, and children are kept in the order of adding.
        for (size_t parent : plan.parents) slots_.at(parent)->add_child(slot.get());
        slots_.emplace(index, std::move(slot));
        for (const std::string& name : plan.stores) {
            if (stores_.contains(name)) continue;
            add_store(name);
        }
        if (plan.kind == NodeKind::source) add_sources(plan, index);
    }
}

Task::~Task() {
    close();
}

void Task::add_store(const std::string& name) {
    const PlanStore& plan = parts_.plan.stores().at(name);
    const auto& store = stores_.emplace(name, plan.spec->make(*plan.spec)).first->second;
    store_order_.push_back(name);
    if (plan.spec->logging && !plan.changelog_is_source)
        changelogs_[&store->spec()] =
            fmt::format("{}-{}", parts_.config.application_id, plan.changelog);
}

void Task::add_sources(const PlanNode& node, size_t index) {
    if (node.global) return;  // all partitions of it are read
    for (const std::string& topic : node.source.topics)
        add_queue(node, index, {topic_name(topic), parts_.id.partition});
    if (!node.source.pattern) return;
    Result<client::TopicPattern> pattern = client::TopicPattern::parse(*node.source.pattern);
    if (!pattern) throw TopologyException(pattern.error().message);
    patterns_.emplace_back(index, *std::move(pattern));
}

std::string Task::topic_name(std::string_view topic) const {
    return parts_.plan.repartition_topics().contains(topic)
               ? fmt::format("{}-{}", parts_.config.application_id, topic)
               : std::string(topic);
}

void Task::open_stores() {
    for (const std::string& name : store_order_) stores_.at(name)->init(*this);
}

void Task::start() {
    for (Slot* slot : slot_order_) slot->init();
}

// A topic of a pattern, and a partition of a global one, gets its queue with the first question
// for it.
RecordQueue* Task::queue_of(const TopicPartition& partition) {
    if (RecordQueue* queue = group_.queue(partition)) return queue;
    for (const auto& [index, slot] : slots_) {
        const PlanNode& node = slot->plan();
        if (!node.global || node.kind != NodeKind::source) continue;
        if (std::ranges::find(node.source.topics, partition.topic) != node.source.topics.end())
            return &add_queue(node, index, partition);
    }
    for (const auto& [index, pattern] : patterns_) {
        if (!pattern.matches(partition.topic)) continue;
        const PlanNode& node = parts_.plan.nodes()[index];
        return &add_queue(node, index, partition);
    }
    return nullptr;
}

RecordQueue& Task::add_queue(const PlanNode& node, size_t index, const TopicPartition& partition) {
    return group_.add_queue(std::make_unique<RecordQueue>(
        partition, index, [this, &node, partition](InputRecord record, TimestampMs time) {
            return prepare(node, partition, std::move(record), time);
        }));
}

bool Task::reads(std::string_view topic) {
    return queue_of({std::string(topic), parts_.id.partition}) != nullptr;
}

void Task::add(const TopicPartition& partition, RecordSourcePtr records) {
    RecordQueue* queue = queue_of(partition);
    if (!queue)
        throw IllegalStateException(fmt::format("task {} does not read {}-{}", id().to_string(),
                                                partition.topic, partition.partition));
    group_.add(*queue, std::move(records));
}

bool Task::has_records(const TopicPartition& partition) {
    const RecordQueue* queue = group_.queue(partition);
    return queue && !queue->empty();
}

void Task::set_committed(const TopicPartition& partition, const CommitMetadata& metadata) {
    if (RecordQueue* queue = queue_of(partition))
        queue->set_partition_time(metadata.partition_time);
    stream_time_ = std::max(stream_time_, metadata.partition_time);
    for (const auto& [name, value] : metadata.numbers) {
        const auto known = numbers_.try_emplace(name, value).first;
        known->second = std::max(known->second, value);
    }
}

std::optional<AutoOffsetReset> Task::offset_reset(const TopicPartition& partition) {
    const RecordQueue* queue = queue_of(partition);
    return queue ? parts_.plan.nodes()[queue->source()].source.offset_reset : std::nullopt;
}

std::optional<ReadyRecord> Task::prepare(const PlanNode& node, const TopicPartition& partition,
                                         InputRecord record, TimestampMs partition_time) {
    const SourceSpec& source = node.source;
    const RecordContext context{.topic = partition.topic,
                                .partition = partition.partition,
                                .offset = record.offset,
                                .timestamp = record.timestamp,
                                .headers = &record.headers,
                                .raw_key = record.key,
                                .raw_value = record.value};
    ReadyRecord ready;
    try {
        ready.key = deserialize(
            defaults_.key_serde(source.key_serde, *source.key_type, source.name), context.raw_key);
        ready.value =
            deserialize(defaults_.value_serde(source.value_serde, *source.value_type, source.name),
                        context.raw_value);
    } catch (const SerializationException& e) {
        const auto decision =
            parts_.config.deserialization_exception_handler({context, source.name, id()}, e);
        send_dead_letter(context, e);
        if (decision == ErrorDecision::fail)
            throw StreamsException(
                fmt::format("{}-{} offset {} cannot be deserialized: {}. Set a deserialization "
                            "exception handler that resumes to pass over such records",
                            partition.topic, partition.partition, record.offset, e.what()),
                std::current_exception());
        dropped("it cannot be deserialized");
        return std::nullopt;
    }
    const TimestampExtractor& extractor = source.timestamp ? source.timestamp : default_extractor_;
    ready.timestamp = extractor({context, ready.key.get(), ready.value.get()}, partition_time);
    if (ready.timestamp < 0) {
        dropped("it has no time");
        return std::nullopt;
    }
    ready.raw = std::move(record);
    return ready;
}

bool Task::process() {
    if (group_.empty()) return false;
    auto [queue, record] = group_.take();
    stream_time_ = std::max(stream_time_, record.timestamp);
    Slot& source = *slots_.find(queue->source())->second;
    const TopicPartition& partition = queue->partition();
    const RecordContext context{.topic = partition.topic,
                                .partition = partition.partition,
                                .offset = record.raw.offset,
                                .timestamp = record.timestamp,
                                .headers = &record.raw.headers,
                                .raw_key = record.raw.key,
                                .raw_value = record.raw.value};
    const RawRecord raw{record.key.get(), record.value.get(), record.timestamp,
                        &record.raw.headers};
    run_at(source, context, [&] { source.run(raw); }, "processing");
    return true;
}

// Everything that happens because of a record or a timer happens in here.
void Task::run_at(Slot& slot, const RecordContext& context, const std::function<void()>& work,
                  std::string_view what) {
    const RecordContext* const before = std::exchange(current_, &context);
    try {
        work();
        current_ = before;
    } catch (const TaskMigratedException&) {
        current_ = before;
        throw;
    } catch (const TaskCorruptedException&) {
        current_ = before;
        throw;
    } catch (const std::exception& e) {
        current_ = before;
        throw StreamsException(fmt::format("{} failed in task {} at {} ({}-{}, offset {}): {}",
                                           what, id().to_string(), slot.plan().name, context.topic,
                                           context.partition, context.offset, e.what()),
                               std::current_exception());
    }
}

void Task::handle_failure(std::string_view node, const std::exception& e) {
    const std::exception_ptr failure = std::current_exception();
    const auto decision = parts_.config.processing_exception_handler({*current_, node, id()}, e);
    send_dead_letter(*current_, e);
    if (decision == ErrorDecision::fail)
        throw HandledFailure(fmt::format("{}: {}", node, e.what()), failure);
    dropped("its processing failed");
}

void Task::send_dead_letter(const RecordContext& context, const std::exception& e) {
    const std::string& topic = parts_.config.dead_letter_queue_topic;
    if (topic.empty()) return;
    Headers headers = *context.headers;
    const auto add = [&](std::string_view name, std::string value) {
        headers.push_back({std::string(kErrorHeader) + std::string(name), std::move(value)});
    };
    add("exception", exception_class(e));
    add("message", e.what());
    add("stacktrace", fmt::format("{}: {}", exception_class(e), e.what()));
    add("topic", std::string(context.topic));
    add("partition", std::to_string(context.partition));
    add("offset", std::to_string(context.offset));
    parts_.collector.send(topic, std::nullopt, context.raw_key, context.raw_value,
                          context.timestamp, headers);
}

bool Task::punctuate_stream_time() {
    return stream_time_ >= 0 && stream_timers_.run_due(stream_time_);
}

bool Task::punctuate_wall_clock() {
    return wall_timers_.run_due(parts_.wall_ms());
}

void Task::flush() {
    for (const std::string& name : store_order_) stores_.at(name)->flush();
}

void Task::close() {
    if (std::exchange(closed_, true)) return;
    for (Slot* slot : slot_order_) {
        try {
            slot->close();
        } catch (const std::exception& e) {
            LOG_WARN("streams", "task {}: closing {} failed: {}", id().to_string(),
                     slot->plan().name, e.what());
        }
    }
    for (const std::string& name : store_order_) stores_.at(name)->close();
}

std::unique_ptr<OrderedBytes> Task::open_bytes(const StoreSpec& spec) {
    return parts_.bytes(spec, parts_.id);
}

void Task::log_change(const StoreSpec& spec, BytesView key, NullableView value,
                      std::optional<TimestampMs> timestamp, const Headers& headers) {
    const auto topic = changelogs_.find(&spec);
    if (topic == changelogs_.end()) return;
    parts_.collector.send(topic->second, parts_.id.partition, key, value, timestamp, headers);
}

void Task::in_context(const RecordContext& context, const std::function<void()>& flush) {
    const RecordContext* before = std::exchange(current_, &context);
    try {
        flush();
    } catch (...) {
        current_ = before;
        throw;
    }
    current_ = before;
}

void Task::dropped(std::string_view why) {
    ++dropped_;
    LOG_DEBUG("streams", "task {}: a record is passed over: {}", id().to_string(), why);
}

}  // namespace millrace::streams
