// Five minutes of a game at scale 1: 22 players, each on the way to some place, some of them fast.
#include "generator.h"
#include "tracking.h"

namespace millrace::examples {
namespace {

constexpr int64_t kPlayers = 22;
constexpr Position kField{105'000, 68'000};
constexpr int64_t kNear = 3000;
constexpr int64_t kSprint = 10;  // of the paces 1 to 10

struct Player {
    Position at;
    Position speed;  // mm in a tenth of a second
    Position goal;
    int64_t pace = 0;
};

Position somewhere(Random& random) {
    const int64_t x = random.between(0, kField.x);
    const int64_t y = random.between(0, kField.y);
    return {x, y};
}

int64_t rounded_down(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

// Along one axis: the speed comes near what leads to the goal.
void move(int64_t& at, int64_t& speed, int64_t goal, int64_t pace, int64_t away, int64_t end) {
    const int64_t wanted = rounded_down(pace * (goal - at), away);
    speed = rounded_down(speed * 7 + 3 * wanted, 10);
    at = std::clamp<int64_t>(at + speed, 0, end - 1);
}

void step(Player& player, Random& random) {
    const int64_t away_x = std::abs(player.goal.x - player.at.x);
    const int64_t away_y = std::abs(player.goal.y - player.at.y);
    if (away_x + away_y < kNear || random.chance(5)) {
        player.goal = somewhere(random);
        player.pace = random.between(1, kSprint);
    }
    const int64_t away = std::max<int64_t>(1, distance(player.at, player.goal));
    const int64_t pace = player.pace == kSprint ? 850 : 120 + 40 * player.pace;
    move(player.at.x, player.speed.x, player.goal.x, pace, away, kField.x);
    move(player.at.y, player.speed.y, player.goal.y, pace, away, kField.y);
}

void fill(Records& records, Random& random, int64_t scale) {
    std::vector<Player> players(kPlayers);
    for (Player& player : players) player.at = player.goal = somewhere(random);
    for (int64_t tick = 0; tick < 3000 * scale; ++tick) {
        for (int64_t i = 0; i < kPlayers; ++i) {
            step(players[i], random);
            records.add("tracking", fmt::format("P{:02}", i), players[i].at, kBegin + tick * 100);
        }
    }
    records.delay("tracking", random, 30, 400);
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    return millrace::examples::generate(argc, argv, millrace::examples::fill);
}
