"""Reads the journal of a stopped node (src/storage/journal_format.h), independently of the node."""

import struct
from dataclasses import dataclass
from pathlib import Path

from .wire import crc32c

SECTOR = 512


@dataclass
class Entry:
    directory: str
    base: int
    position: int
    bytes: int  # of batches; 0: settled


@dataclass
class Group:
    file: Path
    position: int
    bytes: int
    sequence: int
    entries: list


def group_at(file, data, at):
    if data[at:at + 4] != b"MRJ1":
        return None
    crc, sequence, length, count = struct.unpack(">IQII", data[at + 4:at + 24])
    body = data[at + 8:at + 32 + length]
    if len(body) != 24 + length or crc32c(body) != crc:
        return None
    entries, e = [], at + 32
    for _ in range(count):
        name, size = struct.unpack(">HI", data[e + 2:e + 8])
        base, position = struct.unpack(">qQ", data[e + 24:e + 40])
        entries.append(Entry(data[e + 40:e + 40 + name].decode(), base, position, size))
        e += 40 + name + size
    return Group(file, at, 32 + length, sequence, entries)


def read(directory):
    """The sound groups of all files, in order."""
    groups = []
    for file in Path(directory).glob(".millrace-journal-*"):
        data, at = file.read_bytes(), 0
        while at < len(data):
            group = group_at(file, data, at)
            if group:
                groups.append(group)
            at += -(-group.bytes // SECTOR) * SECTOR if group else SECTOR
    return sorted(groups, key=lambda g: g.sequence)
