// Ten minutes of a market at scale 1: 50 symbols, 2000 accounts, and now and then somebody who
// trades with himself, makes the price jump, or places orders only to cancel them.
#include "generator.h"
#include "market.h"

namespace millrace::examples {
namespace {

constexpr int64_t kSymbols = 50;
constexpr int64_t kAccounts = 2000;
constexpr int64_t kSharing = 20;  // every so many accounts one shares its owner with the next such

std::string account(int64_t number) {
    return fmt::format("A{:05}", number);
}

class Market {
public:
    Market(Records& records, Random& random) : records_(records), random_(random) {
        for (int64_t i = 0; i < kSymbols; ++i) prices_.push_back(random.between(1000, 50'000));
    }

    void open_accounts() {
        for (int64_t i = 0; i < kAccounts; ++i) {
            const std::string owner = i % kSharing == 0 ? fmt::format("J{:05}", i / (2 * kSharing))
                                                        : fmt::format("O{:05}", i);
            records_.add("accounts", account(i), Account{owner}, kBegin);
        }
    }

    void trade(int64_t id) {
        time_ += random_.between(0, 60);
        const int64_t rank = symbols_.pick(random_);
        const std::string symbol = fmt::format("S{:03}", rank);
        Trade trade{.id = id, .price = move_price(prices_[rank])};
        trade.buyer = account(random_.below(kAccounts));
        trade.quantity = random_.between(1, 500);
        trade.seller = account(random_.below(kAccounts));
        if (random_.chance(3)) {
            const int64_t pair = random_.below(kAccounts / kSharing);
            trade.buyer = account(pair * kSharing);
            trade.seller = account((pair ^ 1) * kSharing);
        }
        records_.add("trades", symbol, trade, time_);
        if (random_.chance(300)) order(symbol, trade.buyer, "B", trade.quantity, time_);
        if (random_.chance(2)) spoof(symbol);
    }

private:
    int64_t move_price(int64_t& price) {
        const int64_t steps = random_.between(-3, 3);
        price = std::max<int64_t>(100, price + steps * std::max<int64_t>(1, price / 5000));
        if (random_.chance(1)) price = price * (random_.chance(500) ? 112 : 89) / 100;
        return price;
    }

    int64_t order(const std::string& symbol, const std::string& by, const std::string& side,
                  int64_t quantity, int64_t time) {
        ++orders_;
        records_.add("orders", symbol, Order{orders_, by, side, "new", quantity}, time);
        return orders_;
    }

    // A burst of large orders, all but one cancelled within a second.
    void spoof(const std::string& symbol) {
        const std::string by = account(random_.below(kAccounts));
        const std::string side = random_.below(2) == 0 ? "B" : "S";
        const int64_t count = random_.between(8, 12);
        std::vector<int64_t> placed;
        for (int64_t i = 0; i < count; ++i)
            placed.push_back(order(symbol, by, side, random_.between(5000, 9000), time_ + i * 20));
        for (int64_t i = 0; i < count - 1; ++i)
            records_.add("orders", symbol, Order{placed[i], by, side, "cancel", 0},
                         time_ + 600 + i * 30);
    }

    Records& records_;
    Random& random_;
    Zipf symbols_{kSymbols};
    std::vector<int64_t> prices_;
    int64_t time_ = kBegin + 1000;
    int64_t orders_ = 0;
};

void fill(Records& records, Random& random, int64_t scale) {
    Market market(records, random);
    market.open_accounts();
    for (int64_t id = 0; id < 20'000 * scale; ++id) market.trade(id);
    records.sort_by_time("orders");
    records.delay("trades", random, 100, 2000);
    records.delay("orders", random, 100, 500);
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    return millrace::examples::generate(argc, argv, millrace::examples::fill);
}
