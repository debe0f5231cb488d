// Answers for requests that the controller would not take (it is stopping, or its log failed):
// every resource gets the error.
#pragma once

#include "broker/api/handlers.h"

namespace millrace::broker::api {

protocol::CreateTopicsResponse refused(const protocol::CreateTopicsRequest& request,
                                       const Error& error);
protocol::DeleteTopicsResponse refused(const protocol::DeleteTopicsRequest& request,
                                       const Error& error);
protocol::CreatePartitionsResponse refused(const protocol::CreatePartitionsRequest& request,
                                           const Error& error);
protocol::AlterConfigsResponse refused(const protocol::AlterConfigsRequest& request,
                                       const Error& error);
protocol::IncrementalAlterConfigsResponse refused(
    const protocol::IncrementalAlterConfigsRequest& request, const Error& error);
protocol::UpdateFeaturesResponse refused(const protocol::UpdateFeaturesRequest& request,
                                         const Error& error);

// The controller's answer, or that it took nothing.
template <typename Response, typename Request>
Response answered(Result<Response> result, const Request& request) {
    if (result) return *std::move(result);
    return refused(request, result.error());
}

}  // namespace millrace::broker::api
