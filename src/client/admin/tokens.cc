#include "client/admin/tokens.h"

#include "client/admin.h"
#include "protocol/messages/create_delegation_token.h"
#include "protocol/messages/describe_delegation_token.h"
#include "protocol/messages/expire_delegation_token.h"
#include "protocol/messages/renew_delegation_token.h"

namespace millrace::client {

using protocol::Str;

runtime::Task<Result<DelegationToken>> Admin::create_token(NewToken token) {
    protocol::CreateDelegationTokenRequest request;
    request.owner_principal_type = std::nullopt;
    request.owner_principal_name = std::nullopt;
    if (token.owner) {
        request.owner_principal_type = Str::borrow(token.owner->type);
        request.owner_principal_name = Str::borrow(token.owner->name);
    }
    for (const Principal& renewer : token.renewers)
        request.renewers.push_back({Str::borrow(renewer.type), Str::borrow(renewer.name)});
    request.max_lifetime_ms = token.max_lifetime_ms;
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    DelegationToken out;
    out.id = reply->token_id.str();
    out.hmac = as_text(reply->hmac);
    out.owner = {reply->principal_type.str(), reply->principal_name.str()};
    out.requester = {reply->token_requester_principal_type.str(),
                     reply->token_requester_principal_name.str()};
    out.renewers = std::move(token.renewers);
    out.issued = reply->issue_timestamp_ms;
    out.expires = reply->expiry_timestamp_ms;
    out.lasts_until = reply->max_timestamp_ms;
    co_return out;
}

runtime::Task<Result<TimestampMs>> Admin::renew_token(std::string hmac, int64_t period_ms) {
    protocol::RenewDelegationTokenRequest request;
    request.hmac = as_bytes(hmac);
    request.renew_period_ms = period_ms;
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    co_return reply->expiry_timestamp_ms;
}

runtime::Task<Result<TimestampMs>> Admin::expire_token(std::string hmac, int64_t period_ms) {
    protocol::ExpireDelegationTokenRequest request;
    request.hmac = as_bytes(hmac);
    request.expiry_time_period_ms = period_ms;
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    co_return reply->expiry_timestamp_ms;
}

runtime::Task<Result<std::vector<DelegationToken>>> Admin::describe_tokens(
    std::vector<Principal> owners) {
    protocol::DescribeDelegationTokenRequest request;
    if (owners.empty()) request.owners = std::nullopt;
    for (const Principal& owner : owners)
        request.owners->push_back({Str::borrow(owner.type), Str::borrow(owner.name)});
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    std::vector<DelegationToken> out;
    for (const auto& token : reply->tokens) {
        DelegationToken& one = out.emplace_back();
        one.id = token.token_id.str();
        one.hmac = as_text(token.hmac);
        one.owner = {token.principal_type.str(), token.principal_name.str()};
        one.requester = {token.token_requester_principal_type.str(),
                         token.token_requester_principal_name.str()};
        for (const auto& renewer : token.renewers)
            one.renewers.push_back({renewer.principal_type.str(), renewer.principal_name.str()});
        one.issued = token.issue_timestamp;
        one.expires = token.expiry_timestamp;
        one.lasts_until = token.max_timestamp;
    }
    co_return out;
}

}  // namespace millrace::client
