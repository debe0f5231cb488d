// Which transactions ListTransactions is asked for (KIP-664, KIP-994, KIP-1152).
#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/messages/list_transactions.h"
#include "transaction/transaction.h"

namespace re2 {
class RE2;
}

namespace millrace::transaction {

class ListFilter {
public:
    // States that do not exist go to `unknown_states`. Errors: invalid_regular_expression.
    static Result<ListFilter> make(const protocol::ListTransactionsRequest& request,
                                   std::vector<protocol::Str>& unknown_states);

    bool admits(std::string_view id, const Transaction& transaction, TimestampMs now) const;

private:
    bool any_state_ = true;
    std::set<State> states_;
    std::set<ProducerId> producers_;  // empty: all
    int64_t duration_ms_ = -1;        // -1: any
    std::shared_ptr<const re2::RE2> pattern_;
};

}  // namespace millrace::transaction
