#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::UpdateFeaturesResponse> update_features(
    Broker& broker, RequestContext& context, const protocol::UpdateFeaturesRequest& request) {
    auto response = co_await broker.metadata().update_features(request, context.version);
    if (response) co_return *std::move(response);
    co_return refused(request, response.error());
}

}  // namespace millrace::broker::api
