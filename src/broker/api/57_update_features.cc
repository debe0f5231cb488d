#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::UpdateFeaturesResponse> update_features(
    Broker& broker, RequestContext& context, const protocol::UpdateFeaturesRequest& request) {
    co_return answered(co_await broker.metadata().update_features(request, context.version),
                       request);
}

}  // namespace millrace::broker::api
