"""The right answers of the stock market, from its input alone."""

from collections import Counter, defaultdict

from answers import Answer

MINUTE = 60_000


def wash_alerts(read):
    owners = {account: value["owner"] for account, value, _ in read("accounts")}
    alerts = {}
    for symbol, trade, time in read("trades"):
        if owners[trade["buyer"]] == owners[trade["seller"]]:
            alerts[str(trade["id"])] = Answer({"symbol": symbol, "owner": owners[trade["buyer"]]}, time)
    return alerts


def minutes(read):
    """{symbol: {start: [(time, id, price, quantity)…] in the order of time and id}}"""
    found = defaultdict(lambda: defaultdict(list))
    for symbol, trade, time in read("trades"):
        found[symbol][time - time % MINUTE].append((time, trade["id"], trade["price"], trade["qty"]))
    return {symbol: {start: sorted(trades) for start, trades in sorted(starts.items())} for symbol, starts in found.items()}


def bar(trades):
    prices = [price for _, _, price, _ in trades]
    return {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1],
            "volume": sum(quantity for _, _, _, quantity in trades), "count": len(trades)}


def bars_and_jumps(read):
    bars, jumps = {}, {}
    for symbol, starts in minutes(read).items():
        before = None
        for start, trades in starts.items():
            key, due = f"{symbol}@{start}", start + MINUTE
            bars[key] = Answer(bar(trades), due)
            close = trades[-1][2]
            if before is not None and 100 * abs(close - before) > 5 * before:
                jumps[key] = Answer({"from": before, "to": close}, due)
            before = close
    return bars, jumps


def spoof_alerts(read):
    """Every second begins a window of five; it counts who placed and cancelled how many orders in it."""
    placed, cancelled = Counter(), Counter()
    for symbol, order, time in read("orders"):
        who = f"{order['account']}/{symbol}/{order['side']}"
        second = time - time % 1000
        for back in range(5):
            (cancelled if order["kind"] == "cancel" else placed)[who, second - back * 1000] += 1
    alerts = {}
    for who, start in sorted(placed):
        if placed[who, start] >= 6 and 100 * cancelled[who, start] >= 80 * placed[who, start]:
            minute = start - start % MINUTE
            alerts.setdefault(f"{who}@{minute}", Answer({"minute": minute}, start))
    return alerts


def expected(read):
    bars, jumps = bars_and_jumps(read)
    return {"alerts-wash": wash_alerts(read), "bars": bars, "alerts-jump": jumps, "alerts-spoof": spoof_alerts(read)}
