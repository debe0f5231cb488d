#include "client/admin.h"
#include "protocol/messages/alter_client_quotas.h"
#include "protocol/messages/describe_client_quotas.h"

namespace millrace::client {

using protocol::Str;

runtime::Task<Result<std::vector<Quotas>>> Admin::describe_quotas(QuotaFilter filter) {
    protocol::DescribeClientQuotasRequest request;
    request.strict = filter.strict;
    for (const QuotaFilter::Part& part : filter.parts) {
        auto& one = request.components.emplace_back();
        one.entity_type = Str::borrow(part.type);
        one.match_type = static_cast<int8_t>(part.match);
        if (part.match == QuotaFilter::Match::exact)
            one.match = Str::borrow(part.name);
        else
            one.match = std::nullopt;
    }
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::vector<Quotas> out;
    if (!reply->entries) co_return out;
    for (const auto& entry : *reply->entries) {
        Quotas& one = out.emplace_back();
        for (const auto& part : entry.entity)
            one.entity.parts.emplace_back(
                part.entity_type.str(),
                part.entity_name ? std::optional{part.entity_name->str()} : std::nullopt);
        for (const auto& value : entry.values)
            one.values.emplace_back(value.key.str(), value.value);
    }
    co_return out;
}

runtime::Task<Result<void>> Admin::alter_quotas(QuotaEntity entity,
                                                std::vector<QuotaChange> changes,
                                                bool validate_only) {
    protocol::AlterClientQuotasRequest request;
    request.validate_only = validate_only;
    auto& asked = request.entries.emplace_back();
    for (const auto& [type, name] : entity.parts)
        asked.entity.push_back(
            {Str::borrow(type), name ? std::optional{Str::borrow(*name)} : std::nullopt});
    for (const QuotaChange& change : changes)
        asked.ops.push_back(
            {Str::borrow(change.key), change.value.value_or(0), !change.value.has_value()});
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    for (const auto& entry : reply->entries)
        if (entry.error_code != 0) co_return said_error(entry.error_code, entry.error_message);
    co_return {};
}

}  // namespace millrace::client
