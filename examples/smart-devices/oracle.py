"""The right answers of the smart devices, from their input alone."""

from collections import defaultdict

from answers import Answer

MINUTE, FIVE_MINUTES = 60_000, 300_000


def minutes(read):
    """{device: {start: [temperature…]}}, starts in order"""
    found = defaultdict(lambda: defaultdict(list))
    for device, reading, time in read("readings"):
        found[device][time - time % MINUTE].append(reading["temp"])
    return {device: dict(sorted(starts.items())) for device, starts in found.items()}


def temperatures_and_heat(read, limits):
    temperatures, alerts = {}, {}
    for device, starts in minutes(read).items():
        hot = []  # the minutes of the run so far
        for start, values in starts.items():
            key, due = f"{device}@{start}", start + MINUTE
            average = sum(values) // len(values)
            temperatures[key] = Answer({"count": len(values), "avg": average, "min": min(values), "max": max(values)}, due)
            if average <= limits[device]:
                hot = []
                continue
            if hot and hot[-1] != start - MINUTE:
                hot = []
            hot.append(start)
            if len(hot) == 3:
                alerts[key] = Answer({"limit": limits[device]}, due)
    return temperatures, alerts


def energy(read, homes):
    sums = defaultdict(int)
    for device, reading, time in read("readings"):
        sums[homes[device], time - time % FIVE_MINUTES] += 10 * reading["milliwatt"]
    return {f"{home}@{start}": Answer({"millijoule": sum_}, start + FIVE_MINUTES) for (home, start), sum_ in sums.items()}


def expected(read):
    devices = {device: value for device, value, _ in read("devices")}
    temperatures, alerts = temperatures_and_heat(read, {name: device["limit"] for name, device in devices.items()})
    return {"minute-temperature": temperatures, "alerts-heat": alerts,
            "home-energy": energy(read, {name: device["home"] for name, device in devices.items()})}
