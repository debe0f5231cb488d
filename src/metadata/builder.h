// Builder: makes images out of records. The only way in which metadata changes.
//
//   Builder builder(image);
//   TRY_OK(builder.apply(record)); ...
//   auto [image, delta] = builder.publish({offset, epoch, timestamp});
//
// apply() is cheap also when thousands of partitions change at once: each touched topic is copied
// once per publish(). Between BeginTransactionRecord and EndTransactionRecord nothing may be
// published (in_transaction() is true); AbortTransactionRecord takes back everything since the
// begin (KIP-868).
//
// Owner: the metadata node (and loaders). Not thread-safe; the images that it gives away are.
// Errors of apply(): malformed, naming the record: it does not fit the state (a partition of an
// unknown topic, a wrong broker epoch), so log and code disagree and the node must not go on.
// Kafka: MetadataDelta.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "protocol/metadata_record.h"

namespace millrace::metadata {

class Builder {
public:
    explicit Builder(ImagePtr from = std::make_shared<const Image>());

    Result<void> apply(const protocol::MetadataRecord& record);
    bool in_transaction() const { return before_transaction_.has_value(); }

    // Everything applied so far as an image that stands at `position`, and what changed since the
    // last publish(). Precondition: not in_transaction().
    std::pair<ImagePtr, Delta> publish(Position position);

private:
    struct Apply;
    struct Touched {
        Uuid id;
        TopicPtr before;  // as last published
        // The private copy; null: removed, or not copied since the last flush.
        std::shared_ptr<Topic> now;
        bool pending = false;  // `now` must be flushed
    };
    struct Saved {
        Image image;
        Delta delta;
        std::vector<Touched> touched;
    };

    Touched& touch(const Uuid& id);
    // The topic as it is with all records so far; null: there is none.
    const Topic* current(const Uuid& id);
    Topic* change(const Uuid& id);
    // Moves the private copies into image_.
    void flush();
    void forget_name(const Topic& topic);
    void remember_name(const TopicPtr& topic);

    Image image_;
    Edit edit_;
    Delta delta_;  // without topics
    std::vector<Touched> touched_;
    std::unordered_map<Uuid, size_t> touched_index_;
    std::unordered_map<std::string, Uuid> new_names_;  // topics created since the last flush
    std::optional<Saved> before_transaction_;
};

}  // namespace millrace::metadata
