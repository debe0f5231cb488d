"""The right answers of the geofencing, from its input alone."""

from heapq import merge

from answers import Answer


def crosses(a, b, y, x):
    """Whether the edge from a to b is met by a ray from (y, x) to the east: it goes over the latitude, and there lies further
    east. Whole numbers only."""
    (low_y, low_x), (high_y, high_x) = sorted((a, b))
    if not low_y <= y < high_y:
        return False
    return (x - low_x) * (high_y - low_y) < (high_x - low_x) * (y - low_y)


def inside(y, x, polygon):
    return sum(crosses(a, b, y, x) for a, b in zip(polygon, polygon[1:] + polygon[:1])) % 2 == 1


def boxed(polygon):
    ys, xs = zip(*polygon)
    return min(ys), max(ys), min(xs), max(xs), polygon


def zones_at(y, x, zones):
    return {name for name, (south, north, west, east, polygon) in zones.items()
            if south <= y <= north and west <= x <= east and inside(y, x, polygon)}


def in_time(read):
    """Zones and positions in the order of time; zones first."""
    zones = ((time, 0, name, zone) for name, zone, time in read("zones"))
    positions = ((time, 1, vehicle, at) for vehicle, at, time in read("positions"))
    return merge(zones, positions, key=lambda record: record[:2])


def expected(read):
    zones, visits, events = {}, {}, {}
    for time, is_position, name, value in in_time(read):
        if not is_position:
            zones.pop(name, None)
            if value:
                zones[name] = boxed([tuple(corner) for corner in value["polygon"]])
            continue
        here = zones_at(value["lat"], value["lon"], zones)
        since = visits.setdefault(name, {})
        for zone in here - since.keys():
            since[zone] = time
            events[f"{name}/{zone}/{time}"] = Answer({"event": "enter"}, time)
        for zone in since.keys() - here:
            events[f"{name}/{zone}/{time}"] = Answer({"event": "leave", "dwell": time - since.pop(zone)}, time)
    return {"zone-events": events}
