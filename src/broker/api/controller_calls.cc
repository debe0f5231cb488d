#include "broker/api/controller_calls.h"

namespace millrace::broker::api {
namespace {

template <typename Entry>
void set_error(Entry& entry, const Error& error) {
    entry.error_code = static_cast<int16_t>(
        error_on_wire(error.code) ? error.code : ErrorCode::unknown_server_error);
    if (!error.message.empty()) entry.error_message = protocol::Str{error.message};
}

}  // namespace

protocol::CreateTopicsResponse refused(const protocol::CreateTopicsRequest& request,
                                       const Error& error) {
    protocol::CreateTopicsResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        set_error(out, error);
    }
    return response;
}

protocol::DeleteTopicsResponse refused(const protocol::DeleteTopicsRequest& request,
                                       const Error& error) {
    protocol::DeleteTopicsResponse response;
    for (const auto& name : request.topic_names) {
        auto& out = response.responses.emplace_back();
        out.name.emplace(name);
        set_error(out, error);
    }
    for (const auto& topic : request.topics) {
        auto& out = response.responses.emplace_back();
        out.name = topic.name;
        out.topic_id = topic.topic_id;
        set_error(out, error);
    }
    return response;
}

protocol::CreatePartitionsResponse refused(const protocol::CreatePartitionsRequest& request,
                                           const Error& error) {
    protocol::CreatePartitionsResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.results.emplace_back();
        out.name = topic.name;
        set_error(out, error);
    }
    return response;
}

protocol::AlterConfigsResponse refused(const protocol::AlterConfigsRequest& request,
                                       const Error& error) {
    protocol::AlterConfigsResponse response;
    for (const auto& resource : request.resources) {
        auto& out = response.responses.emplace_back();
        out.resource_type = resource.resource_type;
        out.resource_name = resource.resource_name;
        set_error(out, error);
    }
    return response;
}

protocol::IncrementalAlterConfigsResponse refused(
    const protocol::IncrementalAlterConfigsRequest& request, const Error& error) {
    protocol::IncrementalAlterConfigsResponse response;
    for (const auto& resource : request.resources) {
        auto& out = response.responses.emplace_back();
        out.resource_type = resource.resource_type;
        out.resource_name = resource.resource_name;
        set_error(out, error);
    }
    return response;
}

protocol::UpdateFeaturesResponse refused(const protocol::UpdateFeaturesRequest&,
                                         const Error& error) {
    protocol::UpdateFeaturesResponse response;
    set_error(response, error);
    return response;
}

}  // namespace millrace::broker::api
