"""The right answers of the geofencing, from its input alone."""

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


def expected(read):
    zones = {name: boxed([tuple(corner) for corner in zone["polygon"]]) for name, zone, _ in read("zones")}
    visits, events = {}, {}
    for vehicle, at, time in read("positions"):
        here = zones_at(at["lat"], at["lon"], zones)
        since = visits.setdefault(vehicle, {})
        for zone in here - since.keys():
            since[zone] = time
            events[f"{vehicle}/{zone}/{time}"] = Answer({"event": "enter"}, time)
        for zone in since.keys() - here:
            events[f"{vehicle}/{zone}/{time}"] = Answer({"event": "leave", "dwell": time - since.pop(zone)}, time)
    return {"zone-events": events}
