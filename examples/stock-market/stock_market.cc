// Market surveillance: who trades with himself (alerts-wash), the minutes' prices (bars), which of
// them jump (alerts-jump), and who places orders only to cancel them (alerts-spoof).
#include "application.h"
#include "market.h"
#include "streams/streams_builder.h"
#include "window_key.h"

namespace millrace::examples {
namespace {

using namespace streams;
using namespace std::chrono_literals;

using Text = std::string;

Suppressed when_closed(const char* name) {
    return Suppressed::until_window_closes(BufferConfig::unbounded()).with_name(name);
}

// ---- wash trades: one owner on both sides

// A trade on its way past the accounts of buyer and seller.
struct Deal {
    Text symbol;
    int64_t id = 0;
    Text seller;
    Text buying_owner;
    Text selling_owner;
    void fields(this auto&& self, auto&& field) {
        field("symbol", self.symbol);
        field("id", self.id);
        field("seller", self.seller);
        field("buyingOwner", self.buying_owner);
        field("sellingOwner", self.selling_owner);
    }
};

Deal bought_by(Deal deal, const Account& buyer) {
    deal.buying_owner = buyer.owner;
    return deal;
}
Deal sold_by(Deal deal, const Account& seller) {
    deal.selling_owner = seller.owner;
    return deal;
}

void find_wash_trades(const KStream<Text, Trade>& trades, const KTable<Text, Account>& accounts) {
    using ByAccount = Joined<Text, Deal, Account>;
    trades
        .map([](const Text& symbol, const Trade& trade) {
            return std::pair(trade.buyer, Deal{symbol, trade.id, trade.seller});
        })
        .join(accounts, &bought_by, ByAccount::as("deals-by-buyer"))
        .select_key([](const Text&, const Deal& deal) { return deal.seller; })
        .join(accounts, &sold_by, ByAccount::as("deals-by-seller"))
        .filter(
            [](const Text&, const Deal& deal) { return deal.buying_owner == deal.selling_owner; })
        .map([](const Text&, const Deal& deal) {
            return std::pair(std::to_string(deal.id), WashAlert{deal.symbol, deal.buying_owner});
        })
        .to("alerts-wash");
}

// ---- bars: the prices of a minute

// What of a trade a bar is made of. Trades arrive late: the first and the last of a minute are so
// by their time, and at the same time by their id.
struct Tick {
    std::array<int64_t, 2> when{};  // time, id
    int64_t price = 0;
    int64_t quantity = 0;
};
class TickOfTrade final : public FixedKeyProcessor<Text, Trade, Tick> {
    void process(const Record<Text, Trade>& record) override {
        const Trade& trade = record.value();
        context().forward(
            record.with_value(Tick{{record.timestamp(), trade.id}, trade.price, trade.quantity}));
    }
};

// A bar, and of which trades its open and its close are.
struct OpenBar {
    Bar bar;
    std::array<int64_t, 2> first{};  // time, id
    std::array<int64_t, 2> last{};
    void fields(this auto&& self, auto&& field) {
        field("bar", self.bar);
        field("first", self.first);
        field("last", self.last);
    }
};

OpenBar with_tick(const Text&, const Tick& tick, OpenBar open) {
    Bar& bar = open.bar;
    const bool empty = bar.count == 0;
    if (empty || tick.when < open.first) {
        open.first = tick.when;
        bar.open = tick.price;
    }
    if (empty || tick.when > open.last) {
        open.last = tick.when;
        bar.close = tick.price;
    }
    bar.high = empty ? tick.price : std::max(bar.high, tick.price);
    bar.low = empty ? tick.price : std::min(bar.low, tick.price);
    bar.volume += tick.quantity;
    ++bar.count;
    return open;
}

KStream<Windowed<Text>, Bar> closed_bars(const KStream<Text, Trade>& trades) {
    return trades.process_values<Tick>([] { return std::make_unique<TickOfTrade>(); })
        .group_by_key()
        .windowed_by(TimeWindows::of_size_and_grace(60s, 5s))
        .aggregate([] { return OpenBar{}; }, &with_tick, {},
                   Materialized<Text, OpenBar>::as("open-bars"))
        .suppress(when_closed("bars-of-closed-minutes"))
        .to_stream()
        .map_values([](const OpenBar& open) { return open.bar; });
}

// ---- jumps: more than 5 % from one bar's close to the next one's

class FindJumps final : public Processor<Windowed<Text>, Bar, Text, JumpAlert> {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, int64_t>(
            stores::persistent_key_value_store("last-close"));
    }
    void init(ProcessorContext<Text, JumpAlert>& context) override {
        Processor::init(context);
        last_close_ = context.store<KeyValueStore<Text, int64_t>>("last-close");
    }
    void process(const Record<Windowed<Text>, Bar>& record) override {
        const Text& symbol = record.key().key;
        const int64_t close = record.value().close;
        const std::optional<int64_t> before = last_close_->get(symbol);
        if (before && std::abs(close - *before) * 20 > *before)
            context().forward(
                record.with_key(window_key(record.key())).with_value(JumpAlert{*before, close}));
        last_close_->put(symbol, close);
    }

private:
    std::optional<KeyValueStore<Text, int64_t>> last_close_;
};

// ---- spoofing: within 5 seconds at least 6 orders of an account for one side of a symbol, and 80 %
// of them cancelled

struct Activity {
    Text who;  // account/symbol/side
    int64_t placed = 0;
    int64_t cancelled = 0;
    bool suspicious() const { return placed >= 6 && cancelled * 10 >= placed * 8; }
    void fields(this auto&& self, auto&& field) {
        field("who", self.who);
        field("placed", self.placed);
        field("cancelled", self.cancelled);
    }
};
// Of a symbol's window, by who. It stays with the symbol: in a topic by account, orders of different
// partitions would mix, and one that is read faster would close the windows of the others.
struct Activities {
    std::vector<Activity> list;
    void fields(this auto&& self, auto&& field) { field("list", self.list); }
};

Activities with_order(const Text& symbol, const Order& order, Activities activities) {
    const Text who = fmt::format("{}/{}/{}", order.account, symbol, order.side);
    auto at = std::ranges::find(activities.list, who, &Activity::who);
    if (at == activities.list.end()) at = activities.list.insert(at, {.who = who});
    ++(order.kind == "cancel" ? at->cancelled : at->placed);
    return activities;
}

std::vector<std::pair<Text, SpoofAlert>> suspects(const Windowed<Text>& key,
                                                  const Activities& activities) {
    const SpoofAlert alert{key.window.start / 60'000 * 60'000};
    std::vector<std::pair<Text, SpoofAlert>> found;
    for (const Activity& activity : activities.list)
        if (activity.suspicious()) found.emplace_back(activity.who, alert);
    return found;
}

// Windows overlap: the first suspicious one of a minute counts.
class OncePerMinute final : public Processor<Text, SpoofAlert, Text, SpoofAlert> {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, int64_t>(
            stores::persistent_key_value_store("last-spoof"));
    }
    void init(ProcessorContext<Text, SpoofAlert>& context) override {
        Processor::init(context);
        last_ = context.store<KeyValueStore<Text, int64_t>>("last-spoof");
    }
    void process(const Record<Text, SpoofAlert>& record) override {
        const TimestampMs minute = record.value().minute;
        if (last_->get(record.key()) == minute) return;
        last_->put(record.key(), minute);
        context().forward(record.with_key(key_at(record.key(), minute)));
    }

private:
    std::optional<KeyValueStore<Text, int64_t>> last_;
};

void find_spoofing(const KStream<Text, Order>& orders) {
    orders.group_by_key()
        .windowed_by(TimeWindows::of_size_and_grace(5s, 5s).advance_by(1s))
        .aggregate([] { return Activities{}; }, &with_order, {},
                   Materialized<Text, Activities>::as("activities"))
        .suppress(when_closed("activities-of-closed-windows"))
        .to_stream()
        .flat_map(&suspects)
        .process<Text, SpoofAlert>([] { return std::make_unique<OncePerMinute>(); }, {}, {},
                                   {OncePerMinute::store()})
        .to("alerts-spoof");
}

// ---- all of it

Topology surveillance() {
    StreamsBuilder builder;
    const auto accounts = builder.table<Text, Account>(
        "accounts", Consumed<Text, Account>().with_timestamp_extractor(before_all_events()));
    const auto trades = builder.stream<Text, Trade>("trades");
    find_wash_trades(trades, accounts);

    const auto bars = closed_bars(trades);
    bars.select_key([](const Windowed<Text>& key, const Bar&) { return window_key(key); })
        .to("bars");
    bars.process<Text, JumpAlert>([] { return std::make_unique<FindJumps>(); }, {}, {},
                                  {FindJumps::store()})
        .to("alerts-jump");

    find_spoofing(builder.stream<Text, Order>("orders"));
    return builder.build();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    using namespace millrace::examples;
    return run_application(argc, argv, "stock-market", &surveillance);
}
