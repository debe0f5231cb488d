"""Reads what clients push (KIP-714): OpenTelemetry's MetricsData, decoded as far as clients write it."""

import base64
import struct
from dataclasses import dataclass, field

DELTA, CUMULATIVE = 1, 2


def fields(data):
    """The fields of a protobuf message: (number, value), values as numbers or bytes."""
    at = 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        elif kind == 1:
            yield key >> 3, data[at:at + 8]
            at += 8
        elif kind == 2:
            size = varint()
            assert at + size <= len(data), "a field longer than its message"
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise AssertionError(f"wire type {kind}")


def attributes(pairs):
    out = {}
    for pair in pairs:
        parts = dict(fields(pair))
        out[parts[1].decode()] = dict(fields(parts[2])).get(1, b"").decode()
    return out


@dataclass
class Point:
    name: str
    value: float
    temporality: int  # 0: a gauge
    monotonic: bool
    tags: dict
    start: int
    time: int


@dataclass
class Push:
    client_id: str
    instance: str
    last: bool
    labels: dict = field(default_factory=dict)
    points: list = field(default_factory=list)

    def value(self, name, **tags):
        found = [p.value for p in self.points if p.name == name and p.tags == tags]
        assert len(found) == 1, f"{name} {tags}: {found}"
        return found[0]


def point_of(metric):
    parts = dict(fields(metric))
    data = list(fields(parts.get(5, parts.get(7))))
    inner = list(fields(dict(data)[1]))
    value = dict(inner)
    number = struct.unpack("<d", value[4])[0] if 4 in value else struct.unpack("<q", value[6])[0]
    return Point(parts[1].decode(), number, dict(data).get(2, 0) if 7 in parts else 0, bool(dict(data).get(3, 0)),
                 attributes(v for k, v in inner if k == 7), struct.unpack("<Q", value.get(2, bytes(8)))[0],
                 struct.unpack("<Q", value[3])[0])


def read_pushes(file):
    """What java/TelemetryToFile wrote."""
    out = []
    for line in file.read_text().splitlines() if file.exists() else ():
        client, instance, last, kind, payload = line.split(" ")
        assert kind == "OTLP", kind
        push = Push(client, instance, last == "true")
        for _, resource in fields(base64.b64decode(payload)):
            for number, part in fields(resource):
                if number == 1:
                    push.labels |= attributes(v for k, v in fields(part) if k == 1)
                elif number == 2:
                    push.points += [point_of(v) for k, v in fields(part) if k == 2]
        out.append(push)
    return out
