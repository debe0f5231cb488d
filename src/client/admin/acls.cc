#include "client/admin/acls.h"

#include "client/admin.h"
#include "protocol/messages/create_acls.h"
#include "protocol/messages/delete_acls.h"
#include "protocol/messages/describe_acls.h"

namespace millrace::client {
namespace {

using protocol::Str;

template <typename Said>
AclEntry entry_of(const Said& said) {
    return {said.principal.str(), said.host.str(), static_cast<AclOperation>(said.operation),
            static_cast<AclPermission>(said.permission_type)};
}

template <typename Said>
AclResource resource_of(const Said& said) {
    return {static_cast<AclResourceType>(said.resource_type), said.resource_name.str(),
            static_cast<AclPattern>(said.pattern_type)};
}

std::optional<Str> borrowed(const std::optional<std::string>& text) {
    return text ? std::optional{Str::borrow(*text)} : std::nullopt;
}

template <typename Filter>
void fill(Filter& out, const AclFilter& filter) {
    out.resource_type_filter = static_cast<int8_t>(filter.type);
    out.resource_name_filter = borrowed(filter.name);
    out.pattern_type_filter = static_cast<int8_t>(filter.pattern);
    out.principal_filter = borrowed(filter.principal);
    out.host_filter = borrowed(filter.host);
    out.operation = static_cast<int8_t>(filter.operation);
    out.permission_type = static_cast<int8_t>(filter.permission);
}

}  // namespace

runtime::Task<Result<std::vector<Acl>>> Admin::describe_acls(AclFilter filter) {
    protocol::DescribeAclsRequest request;
    fill(request, filter);
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::vector<Acl> out;
    for (const auto& resource : reply->resources)
        for (const auto& acl : resource.acls) out.push_back({resource_of(resource), entry_of(acl)});
    co_return out;
}

runtime::Task<Result<std::vector<Error>>> Admin::create_acls(std::vector<Acl> acls) {
    protocol::CreateAclsRequest request;
    for (const Acl& acl : acls) {
        auto& one = request.creations.emplace_back();
        one.resource_type = static_cast<int8_t>(acl.resource.type);
        one.resource_name = Str::borrow(acl.resource.name);
        one.resource_pattern_type = static_cast<int8_t>(acl.resource.pattern);
        one.principal = Str::borrow(acl.entry.principal);
        one.host = Str::borrow(acl.entry.host);
        one.operation = static_cast<int8_t>(acl.entry.operation);
        one.permission_type = static_cast<int8_t>(acl.entry.permission);
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<Error> out;
    for (const auto& result : reply->results)
        out.push_back(said_error(result.error_code, result.error_message));
    out.resize(acls.size(), fail(ErrorCode::unknown_server_error, "the broker left it out"));
    co_return out;
}

runtime::Task<Result<std::vector<DeletedAcls>>> Admin::delete_acls(std::vector<AclFilter> filters) {
    protocol::DeleteAclsRequest request;
    for (const AclFilter& filter : filters) fill(request.filters.emplace_back(), filter);
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<DeletedAcls> out;
    for (const auto& result : reply->filter_results) {
        DeletedAcls& one = out.emplace_back();
        one.error = said_error(result.error_code, result.error_message);
        for (const auto& acl : result.matching_acls) {
            if (acl.error_code == 0)
                one.deleted.push_back({resource_of(acl), entry_of(acl)});
            else if (one.error.code == ErrorCode::none)
                one.error = said_error(acl.error_code, acl.error_message);
        }
    }
    out.resize(filters.size(),
               {.error = fail(ErrorCode::unknown_server_error, "the broker left it out")});
    co_return out;
}

}  // namespace millrace::client
