// What the handlers of the group APIs share.
#pragma once

#include "broker/api/handlers.h"

namespace millrace::broker::api {

inline group::RequestContext to_group_context(const RequestContext& context) {
    return {.api_version = context.version,
            .client_id = std::string{context.client_id},
            .client_host = "/" + context.connection.host()};
}

}  // namespace millrace::broker::api
