#include "broker/api/controller_calls.h"

namespace millrace::broker::api {
namespace {

template <typename Entry>
void set_error(Entry& entry, const Error& error) {
    entry.error_code = static_cast<int16_t>(
        error_on_wire(error.code) ? error.code : ErrorCode::unknown_server_error);
    if (!error.message.empty()) entry.error_message = protocol::Str{error.message};
}

// One answer for each of `asked`; `name` copies what tells them apart.
template <typename Asked, typename Answers, typename Name>
void refuse_each(const Asked& asked, Answers& answers, const Error& error, Name name) {
    for (const auto& entry : asked) {
        auto& out = answers.emplace_back();
        name(entry, out);
        set_error(out, error);
    }
}

constexpr auto copy_name = [](const auto& from, auto& to) { to.name = from.name; };
constexpr auto copy_resource = [](const auto& from, auto& to) {
    to.resource_type = from.resource_type;
    to.resource_name = from.resource_name;
};

}  // namespace

protocol::CreateTopicsResponse refused(const protocol::CreateTopicsRequest& request,
                                       const Error& error) {
    protocol::CreateTopicsResponse response;
    refuse_each(request.topics, response.topics, error, copy_name);
    return response;
}

protocol::DeleteTopicsResponse refused(const protocol::DeleteTopicsRequest& request,
                                       const Error& error) {
    protocol::DeleteTopicsResponse response;
    refuse_each(request.topic_names, response.responses, error,
                [](const protocol::Str& name, auto& to) { to.name.emplace(name); });
    refuse_each(request.topics, response.responses, error, [](const auto& topic, auto& to) {
        to.name = topic.name;
        to.topic_id = topic.topic_id;
    });
    return response;
}

protocol::CreatePartitionsResponse refused(const protocol::CreatePartitionsRequest& request,
                                           const Error& error) {
    protocol::CreatePartitionsResponse response;
    refuse_each(request.topics, response.results, error, copy_name);
    return response;
}

protocol::AlterConfigsResponse refused(const protocol::AlterConfigsRequest& request,
                                       const Error& error) {
    protocol::AlterConfigsResponse response;
    refuse_each(request.resources, response.responses, error, copy_resource);
    return response;
}

protocol::IncrementalAlterConfigsResponse refused(
    const protocol::IncrementalAlterConfigsRequest& request, const Error& error) {
    protocol::IncrementalAlterConfigsResponse response;
    refuse_each(request.resources, response.responses, error, copy_resource);
    return response;
}

protocol::UpdateFeaturesResponse refused(const protocol::UpdateFeaturesRequest&,
                                         const Error& error) {
    protocol::UpdateFeaturesResponse response;
    set_error(response, error);
    return response;
}

}  // namespace millrace::broker::api
