#include "streams/windows.h"

#include <string>

#include "streams/errors.h"

namespace millrace::streams {
namespace {

int64_t not_negative(milliseconds value, std::string_view what) {
    if (value.count() < 0) throw IllegalArgumentException(fmt::format("{} is negative", what));
    return value.count();
}

}  // namespace

TimeWindows TimeWindows::of_size_with_no_grace(milliseconds size) {
    return of_size_and_grace(size, milliseconds(0));
}

TimeWindows TimeWindows::of_size_and_grace(milliseconds size, milliseconds grace) {
    if (size.count() <= 0) throw IllegalArgumentException("a window's size must be above zero");
    return {size.count(), size.count(), not_negative(grace, "the grace period")};
}

TimeWindows TimeWindows::advance_by(milliseconds advance) const {
    if (advance.count() <= 0 || advance.count() > size_)
        throw IllegalArgumentException(fmt::format(
            "a window of {} ms cannot advance by {} ms: more than zero, at most its size", size_,
            advance.count()));
    return {size_, advance.count(), grace_};
}

UnlimitedWindows UnlimitedWindows::start_on(TimestampMs start) const {
    if (start < 0)
        throw IllegalArgumentException(
            fmt::format("unlimited windows cannot start at {}: the time is negative", start));
    UnlimitedWindows other;
    other.start_ = start;
    return other;
}

SlidingWindows SlidingWindows::of_time_difference_with_no_grace(milliseconds difference) {
    return of_time_difference_and_grace(difference, milliseconds(0));
}

SlidingWindows SlidingWindows::of_time_difference_and_grace(milliseconds difference,
                                                            milliseconds grace) {
    return {not_negative(difference, "the time difference"),
            not_negative(grace, "the grace period")};
}

SessionWindows SessionWindows::of_inactivity_gap_with_no_grace(milliseconds gap) {
    return of_inactivity_gap_and_grace(gap, milliseconds(0));
}

SessionWindows SessionWindows::of_inactivity_gap_and_grace(milliseconds gap, milliseconds grace) {
    return {not_negative(gap, "the inactivity gap"), not_negative(grace, "the grace period")};
}

JoinWindows::JoinWindows(int64_t before, int64_t after, int64_t grace)
    : before_(before), after_(after), grace_(grace) {
    if (before + after < 0)
        throw IllegalArgumentException(
            "the time before and the time after make a window of negative size");
}

JoinWindows JoinWindows::of_time_difference_with_no_grace(milliseconds difference) {
    return of_time_difference_and_grace(difference, milliseconds(0));
}

JoinWindows JoinWindows::of_time_difference_and_grace(milliseconds difference, milliseconds grace) {
    return {difference.count(), difference.count(), not_negative(grace, "the grace period")};
}

JoinWindows JoinWindows::before(milliseconds before) const {
    return {before.count(), after_, grace_};
}

JoinWindows JoinWindows::after(milliseconds after) const {
    return {before_, after.count(), grace_};
}

}  // namespace millrace::streams
