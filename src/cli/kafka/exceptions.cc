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
    {ErrorCode::security_disabled, "SecurityDisabledException", "Security features are disabled."},
    {ErrorCode::delegation_token_request_not_allowed, "UnsupportedByAuthenticationException",
     "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on delegation "
     "token authenticated channels."},
    {ErrorCode::delegation_token_auth_disabled, "DelegationTokenDisabledException",
     "Delegation Token feature is not enabled."},
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

// "INVALID_REQUEST" as InvalidRequestException: how most are named.
std::string class_of(ErrorCode code) {
    std::string out;
    bool begins = true;
    for (const char c : error_name(code)) {
        if (c == '_') {
            begins = true;
            continue;
        }
        out += begins || c < 'A' || c > 'Z' ? c : static_cast<char>(c - 'A' + 'a');
        begins = false;
    }
    return out + "Exception";
}

// What a client says of an API that a node does not serve; the API's name is as in
// "CREATE_ACLS".
std::optional<std::string> missing_api(const Error& error) {
    constexpr std::string_view kBegin = "the broker does not serve ";
    if (error.code != ErrorCode::unsupported_version || !error.message.starts_with(kBegin))
        return std::nullopt;
    std::string name;
    for (const char c : std::string_view{error.message}.substr(kBegin.size())) {
        if (c >= 'A' && c <= 'Z' && !name.empty()) name += '_';
        name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return fmt::format("The node does not support {}", name);
}

}  // namespace

std::string java_sentence(const Error& error) {
    if (auto missing = missing_api(error)) return *missing;
    if (!error.message.empty()) return error.message;
    const Exception* known = find(error.code);
    return known ? std::string{known->sentence} : sentence(error);
}

std::string java_exception(const Error& error) {
    const Exception* known = find(error.code);
    return fmt::format("org.apache.kafka.common.errors.{}: {}",
                       known ? std::string{known->name} : class_of(error.code),
                       java_sentence(error));
}

}  // namespace millrace::cli::kafka
