"""What stands in a segment's files, read without Kafka's code."""

import struct
from pathlib import Path

HEADER = struct.Struct(">qi4xbI2xiqq14xi")  # base offset, length, magic, CRC, last offset delta, first and max timestamp, count
TIME_ENTRY = struct.Struct(">qi")           # timestamp, offset behind the segment's base


def batches(log):
    """(last offset, max timestamp, number of records) of each batch."""
    content, at = Path(log).read_bytes(), 0
    while at + HEADER.size <= len(content):
        base, length, _, _, delta, _, timestamp, count = HEADER.unpack_from(content, at)
        yield base + delta, timestamp, count
        at += 12 + length


def is_of_emptied_batch(timeindex, timestamp):
    """Whether the entry of this timestamp belongs to a batch whose records are all gone, and says what the batch itself says."""
    path = Path(timeindex)
    base = int(path.stem)
    content = path.read_bytes()
    whole = content[:len(content) // TIME_ENTRY.size * TIME_ENTRY.size]
    offsets = [base + offset for time, offset in TIME_ENTRY.iter_unpack(whole) if time == timestamp]
    return any((offset, timestamp, 0) in batches(path.with_suffix(".log")) for offset in offsets)
