#include "client/admin/scram_users.h"

#include "client/admin.h"
#include "protocol/messages/alter_user_scram_credentials.h"
#include "protocol/messages/describe_user_scram_credentials.h"

namespace millrace::client {
namespace {

using protocol::Str;

// Salts are told to whoever logs in: they need be different, not secret.
std::string draw_salt(Rng& rng) {
    std::string out(24, '\0');
    for (size_t i = 0; i != out.size(); i += 8) {
        const uint64_t bits = rng.next();
        for (size_t b = 0; b != 8; ++b) out[i + b] = static_cast<char>(bits >> (8 * b));
    }
    return out;
}

}  // namespace

runtime::Task<Result<std::vector<ScramUser>>> Admin::describe_scram_users(
    std::vector<std::string> names) {
    protocol::DescribeUserScramCredentialsRequest request;
    if (names.empty()) request.users = std::nullopt;
    for (const std::string& name : names) request.users->push_back({Str::borrow(name)});
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    std::vector<ScramUser> out;
    for (const auto& result : reply->results) {
        ScramUser& one = out.emplace_back();
        one.name = result.user.str();
        one.error = said_error(result.error_code, result.error_message);
        for (const auto& info : result.credential_infos)
            one.credentials.push_back(
                {static_cast<ScramMechanism>(info.mechanism), info.iterations});
    }
    co_return out;
}

runtime::Task<Result<std::vector<Outcome>>> Admin::alter_scram_users(
    std::vector<ScramUpsertion> upsertions, std::vector<ScramDeletion> deletions) {
    protocol::AlterUserScramCredentialsRequest request;
    for (const ScramDeletion& deletion : deletions)
        request.deletions.push_back(
            {Str::borrow(deletion.user), static_cast<int8_t>(deletion.mechanism)});
    for (const ScramUpsertion& upsertion : upsertions) {
        if (upsertion.iterations <= 0)
            co_return fail(ErrorCode::invalid_request, "iterations must be more than 0");
        if (upsertion.password.empty())
            co_return fail(ErrorCode::unacceptable_credential, "Password must not be empty");
        const std::string salt =
            upsertion.salt.empty() ? draw_salt(cluster_.loop().rng()) : upsertion.salt;
        auto& one = request.upsertions.emplace_back();
        one.name = Str::borrow(upsertion.user);
        one.mechanism = static_cast<int8_t>(upsertion.mechanism);
        one.iterations = upsertion.iterations;
        one.salt = as_bytes(salt);
        one.salted_password =
            ByteView{net::salted_password(upsertion.mechanism, as_bytes(upsertion.password),
                                          as_bytes(salt), upsertion.iterations)};
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    std::vector<Outcome> out;
    for (const auto& result : reply->results)
        out.push_back({result.user.str(), said_error(result.error_code, result.error_message)});
    co_return out;
}

}  // namespace millrace::client
