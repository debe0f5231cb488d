// What is in the topics of the stock market: prices in cents, keys beside them.
#pragma once

#include "json.h"

namespace millrace::examples {

// Topic `accounts`, by account.
struct Account {
    std::string owner;
    void fields(this auto&& self, auto&& field) { field("owner", self.owner); }
};

// Topic `trades`, by symbol.
struct Trade {
    int64_t id = 0;
    std::string buyer;  // accounts
    std::string seller;
    int64_t price = 0;
    int64_t quantity = 0;
    void fields(this auto&& self, auto&& field) {
        field("id", self.id);
        field("buyer", self.buyer);
        field("seller", self.seller);
        field("price", self.price);
        field("qty", self.quantity);
    }
};

// Topic `orders`, by symbol.
struct Order {
    int64_t id = 0;
    std::string account;
    std::string side;  // B or S
    std::string kind;  // new or cancel
    int64_t quantity = 0;
    void fields(this auto&& self, auto&& field) {
        field("id", self.id);
        field("account", self.account);
        field("side", self.side);
        field("kind", self.kind);
        field("qty", self.quantity);
    }
};

// Topic `alerts-wash`, by trade.
struct WashAlert {
    std::string symbol;
    std::string owner;
    void fields(this auto&& self, auto&& field) {
        field("symbol", self.symbol);
        field("owner", self.owner);
    }
};

// Topic `bars`, by symbol@start.
struct Bar {
    int64_t open = 0;
    int64_t high = 0;
    int64_t low = 0;
    int64_t close = 0;
    int64_t volume = 0;
    int64_t count = 0;
    void fields(this auto&& self, auto&& field) {
        field("open", self.open);
        field("high", self.high);
        field("low", self.low);
        field("close", self.close);
        field("volume", self.volume);
        field("count", self.count);
    }
};

// Topic `alerts-jump`, by symbol@start.
struct JumpAlert {
    int64_t from = 0;
    int64_t to = 0;
    void fields(this auto&& self, auto&& field) {
        field("from", self.from);
        field("to", self.to);
    }
};

// Topic `alerts-spoof`, by account/symbol/side@minute.
struct SpoofAlert {
    int64_t minute = 0;
    void fields(this auto&& self, auto&& field) { field("minute", self.minute); }
};

}  // namespace millrace::examples
