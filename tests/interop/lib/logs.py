"""Topics as they grow: every record of some partitions, read once and kept."""

import struct
from typing import NamedTuple

from .wire import LIST_OFFSETS, Reader, array, batches, crc32c, string, varint

CONTROL = 0x20      # attribute of a batch that ends a transaction


class Record(NamedTuple):
    key: bytes
    value: bytes
    timestamp: int
    headers: tuple


def murmur2(data):
    """Kafka's hash of a key, 32 bits without a sign."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if data[whole:]:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def ends(wire, places, isolation=0):
    """{(topic, partition): end} of these places."""
    topics = {}
    for topic, partition in places:
        topics.setdefault(topic, []).append(struct.pack(">iq", partition, -1))
    body = struct.pack(">ib", -1, isolation) + array(string(topic) + array(wanted) for topic, wanted in topics.items())
    r = wire.call(LIST_OFFSETS, 2, body)
    r.i32()
    answers = r.array(lambda: (r.string(), r.array(lambda: (r.i32(), r.i16(), r.i64(), r.i64()))))
    found = {}
    for topic, partitions in answers:
        for partition, error, _, offset in partitions:
            assert error == 0, f"ListOffsets of {topic}-{partition}: error {error}"
            found[topic, partition] = offset
    return found


def records_of(batch):
    """Of an uncompressed batch; nothing of one that only ends a transaction."""
    if batch.attributes & CONTROL:
        return []
    assert batch.codec == "none", f"a batch is compressed with {batch.codec}"
    r, found = Reader(batch.payload), []

    def blob():
        n = r.varint()
        return None if n < 0 else r.take(n)
    for _ in range(batch.count):
        r.varint(), r.i8()
        timestamp = batch.first_timestamp + r.varint()
        r.varint()
        key, value = blob(), blob()
        headers = tuple((r.take(r.varint()), blob()) for _ in range(r.varint()))
        found.append(Record(key, value, timestamp, headers))
    return found


class Logs:
    """Of the topics that begin with one of `prefixes`; those that come later, too."""

    def __init__(self, node, prefixes, isolation=0):
        self.node, self.prefixes, self.isolation = node, tuple(prefixes), isolation
        self.records, self.next = {}, {}
        self.ends = {}      # behind the last record; behind that may be ends of transactions

    def read(self):
        """Reads on; returns the number of records of each partition."""
        with self.node.wire() as wire:
            topics = {t: p for t, (error, p) in wire.metadata()[1].items() if t.startswith(self.prefixes) and not error}
            for place, end in ends(wire, [(t, p) for t, partitions in topics.items() for p in partitions], self.isolation).items():
                self.read_to(wire, place, end)
        return self.counts()

    def read_to(self, wire, place, end):
        records = self.records.setdefault(place, [])
        while self.next.get(place, 0) < end:
            at = self.next.get(place, 0)
            error, _, data = wire.fetch(*place, at)
            assert error == 0, f"Fetch of {place}: error {error}"
            read = [b for b in batches(data) if b.base_offset < end]
            assert read, f"no whole batch of {place} at offset {at}"
            for batch in read:
                records += records_of(batch)
                if not batch.attributes & CONTROL:
                    self.ends[place] = batch.base_offset + batch.last_delta + 1
            self.next[place] = read[-1].base_offset + read[-1].last_delta + 1

    def counts(self):
        return {place: len(records) for place, records in self.records.items()}


def make_batch(records):
    """An uncompressed batch of Records, each with its own time; keys and values may be None."""
    def blob(data):
        return varint(-1) if data is None else varint(len(data)) + data
    first, packed = records[0].timestamp, b""
    for i, r in enumerate(records):
        headers = varint(len(r.headers)) + b"".join(blob(k) + blob(v) for k, v in r.headers)
        body = b"\0" + varint(r.timestamp - first) + varint(i) + blob(r.key) + blob(r.value) + headers
        packed += varint(len(body)) + body
    latest = max(r.timestamp for r in records)
    tail = struct.pack(">hiqqqhii", 0, len(records) - 1, first, latest, -1, -1, -1, len(records)) + packed
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail
