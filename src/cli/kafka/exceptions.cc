#include "cli/kafka/exceptions.h"

#include "cli/output/console.h"

namespace millrace::cli::kafka {
namespace {

struct Exception {
    ErrorCode code;
    std::string_view name;
    std::string_view sentence;
};
constexpr Exception kExceptions[] = {
    {ErrorCode::unknown_topic_or_partition, "UnknownTopicOrPartitionException",
     "This server does not host this topic-partition."},
    {ErrorCode::offset_out_of_range, "OffsetOutOfRangeException",
     "The requested offset is not within the range of offsets maintained by the server."},
    {ErrorCode::group_id_not_found, "GroupIdNotFoundException", "The group id does not exist."},
    {ErrorCode::non_empty_group, "GroupNotEmptyException", "The group is not empty."},
    {ErrorCode::group_subscribed_to_topic, "GroupSubscribedToTopicException",
     "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to "
     "it."},
    {ErrorCode::unknown_member_id, "UnknownMemberIdException",
     "The coordinator is not aware of this member."},
    {ErrorCode::policy_violation, "PolicyViolationException",
     "Request parameters do not satisfy the configured policy."},
    {ErrorCode::unsupported_version, "UnsupportedVersionException",
     "The version of API is not supported."},
    {ErrorCode::transactional_id_not_found, "TransactionalIdNotFoundException",
     "The transactionalId could not be found"},
    {ErrorCode::election_not_needed, "ElectionNotNeededException",
     "Leader election not needed for topic partition."},
    {ErrorCode::invalid_topic_exception, "InvalidTopicException",
     "The request attempted to perform an operation on an invalid topic."},
    {ErrorCode::message_too_large, "RecordTooLargeException",
     "The request included a message larger than the max message size the server will accept."},
    {ErrorCode::request_timed_out, "TimeoutException", "The request timed out."},
    {ErrorCode::deadline_exceeded, "TimeoutException", "The request timed out."},
};

const Exception* find(ErrorCode code) {
    const auto found = std::ranges::find(kExceptions, code, &Exception::code);
    return found == std::end(kExceptions) ? nullptr : &*found;
}

}  // namespace

std::string java_sentence(const Error& error) {
    if (!error.message.empty()) return error.message;
    const Exception* known = find(error.code);
    return known ? std::string{known->sentence} : sentence(error);
}

std::string java_exception(const Error& error) {
    const Exception* known = find(error.code);
    return fmt::format("org.apache.kafka.common.errors.{}: {}",
                       known ? known->name : error_name(error.code), java_sentence(error));
}

}  // namespace millrace::cli::kafka
