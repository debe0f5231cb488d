#include "transaction/list_filter.h"

#include <re2/re2.h>

#include <algorithm>

namespace millrace::transaction {

Result<ListFilter> ListFilter::make(const protocol::ListTransactionsRequest& request,
                                    std::vector<protocol::Str>& unknown_states) {
    ListFilter out;
    out.any_state_ = request.state_filters.empty();
    for (const auto& name : request.state_filters) {
        const auto found = std::ranges::find_if(
            kStates, [&](State state) { return state_name(state) == name.view(); });
        if (found == std::end(kStates))
            unknown_states.push_back(name.to_owned());
        else
            out.states_.insert(*found);
    }
    out.producers_.insert(request.producer_id_filters.begin(), request.producer_id_filters.end());
    out.duration_ms_ = request.duration_filter;
    if (request.transactional_id_pattern && !request.transactional_id_pattern->empty()) {
        const std::string_view text = *request.transactional_id_pattern;
        auto pattern = std::make_shared<const re2::RE2>(re2::StringPiece{text.data(), text.size()},
                                                        re2::RE2::Quiet);
        if (!pattern->ok()) return fail(ErrorCode::invalid_regular_expression, pattern->error());
        out.pattern_ = std::move(pattern);
    }
    return out;
}

bool ListFilter::admits(std::string_view id, const Transaction& transaction,
                        TimestampMs now) const {
    if (transaction.state == State::dead) return false;
    if (!producers_.empty() && !producers_.contains(transaction.producer_id)) return false;
    if (!any_state_ && !states_.contains(transaction.state)) return false;
    if (duration_ms_ > 0 && now - transaction.started <= duration_ms_) return false;
    return !pattern_ || re2::RE2::FullMatch(re2::StringPiece{id.data(), id.size()}, *pattern_);
}

}  // namespace millrace::transaction
