#include "client/metrics/app_info.h"

namespace millrace::client {

std::string_view client_version() {
    return MILLRACE_VERSION;
}

std::string_view client_commit() {
    return MILLRACE_COMMIT;
}

void add_app_info(MetricList& out, TimestampMs began) {
    out.begin_group("app-info");
    out.text("version", std::string(client_version()));
    out.text("commit-id", std::string(client_commit()));
    out.whole("start-time-ms", began);
}

}  // namespace millrace::client
