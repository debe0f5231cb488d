#include "coordinator/lanes.h"

namespace millrace::coordinator {

bool Lanes::try_enter(const std::string& key, Access access) {
    Lane& lane = lanes_[key];
    if (!lane.waiting.empty() || !lane.admits(access)) return false;
    lane.admit(access);
    return true;
}

void Lanes::leave(const std::string& key, Access access) {
    auto at = lanes_.find(key);
    INVARIANT(at != lanes_.end());
    Lane& lane = at->second;
    if (access == Access::exclusive)
        lane.exclusive = false;
    else
        lane.shared--;
    while (!lane.waiting.empty() && lane.admits(lane.waiting.front().access)) {
        Enter& next = lane.waiting.front();
        next.unlink();
        lane.admit(next.access);
        next.owned = true;
        next.waiter.wake();
    }
    if (lane.waiting.empty() && lane.shared == 0 && !lane.exclusive) lanes_.erase(at);
}

}  // namespace millrace::coordinator
