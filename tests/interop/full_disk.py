#!/usr/bin/env python3
"""A disk that is really full: a file system of its own for the node's data (a tmpfs; needs root). Produce is refused before the
reserve is used, everything else goes on, and produce resumes by itself when there is room. Nothing acknowledged is lost,
over kill -9 either."""

import os
import shutil
import struct
import subprocess
import sys

from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.wire import array, make_batch, string

SIZE_MIB = 192
RESERVE_MIB = 32
KAFKA_STORAGE_ERROR = 56
DELETE_TOPICS, DELETE_RECORDS, OFFSET_COMMIT = 20, 21, 8
# One batch for all, since its checksum takes Python long.
VALUE = os.urandom(500_000)
BATCH = make_batch([VALUE])
SETTINGS = {"millrace.disk.reserve.bytes": str(RESERVE_MIB << 20), "log.segment.bytes": str(4 << 20),
            "log.segment.delete.delay.ms": "500", "log.retention.check.interval.ms": "1000",
            "offsets.topic.num.partitions": "1", "offsets.topic.segment.bytes": str(1 << 20)}


class SmallDisk:
    """A file system of SIZE_MIB at `path`."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def mount(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "none", str(self.path)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return "" if done.returncode == 0 else done.stdout.strip()

    def unmount(self):
        subprocess.run(["umount", "-l", str(self.path)], check=False)

    def free(self):
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize


def fill(wire, topic, limit=2000):
    """Produces until it is refused. Returns the offsets that were acknowledged."""
    acked = set()
    for _ in range(limit):
        error, offset = wire.produce(topic, 0, BATCH)
        if error:
            assert error == KAFKA_STORAGE_ERROR, f"produce: error {error}"
            return acked
        assert offset not in acked
        acked.add(offset)
    raise AssertionError("produce was never refused")


def read_back(wire, topic, acked):
    start, end = wire.list_offset(topic, 0, -2)[2], wire.list_offset(topic, 0)[2]
    assert end == max(acked) + 1, f"the log ends at {end}, {max(acked) + 1} was acknowledged"
    offset = start
    while offset < end:
        error, _, data = wire.fetch(topic, 0, offset)
        assert error == 0, f"fetch: error {error}"
        assert data[:8] == struct.pack(">q", offset) and data[17:len(BATCH)] == BATCH[17:], f"offset {offset}"
        offset += 1


def commit(wire, group, topic, offset):
    partition = struct.pack(">iq", 0, offset) + string("")
    body = string(group) + struct.pack(">i", -1) + string("") + struct.pack(">q", -1) + array([string(topic) + array([partition])])
    answer = wire.call(OFFSET_COMMIT, 2, body)
    return answer.array(lambda: (answer.string(), answer.array(lambda: (answer.i32(), answer.i16()))))[0][1][0][1]


def delete_records(wire, topic, offset):
    body = array([string(topic) + array([struct.pack(">iq", 0, offset)])]) + struct.pack(">i", 10000)
    answer = wire.call(DELETE_RECORDS, 0, body)
    answer.i32()
    return answer.array(lambda: (answer.string(), answer.array(lambda: (answer.i32(), answer.i64(), answer.i16()))))[0][1][0][2]


def delete_topic(wire, topic):
    answer = wire.call(DELETE_TOPICS, 1, array([string(topic)]) + struct.pack(">i", 10000))
    answer.i32()
    return answer.array(lambda: (answer.string(), answer.i16()))[0][1]


def resumes(node, topic):
    with node.wire(30) as wire:
        eventually(lambda: wire.produce(topic, 0, make_batch([b"again"]))[0] == 0, 60, "produce after there was room")


def refused_in_time(node, disk):
    with node.wire(30) as wire:
        wire.create_topic("fill", 1, {"file.delete.delay.ms": "500"})
        wire.create_topic("small", 1)
        eventually(lambda: wire.find_coordinator("g") == 0, 30, "a coordinator")
        wire.produce("small", 0, make_batch([b"first"]))
        acked = fill(wire, "fill")
        assert disk.free() >= (RESERVE_MIB - 2) << 20, f"the reserve was used: {disk.free() >> 20} MiB are free"
        assert wire.produce("small", 0, make_batch([b"x"]))[0] == KAFKA_STORAGE_ERROR, "another topic is still written"
    node.acked = acked


def all_else_goes_on(node, _):
    with node.wire(30) as wire:
        read_back(wire, "fill", node.acked)
        assert wire.fetch("small", 0, 0)[0] == 0
        eventually(lambda: commit(wire, "g", "fill", 7) == 0, 30, "a commit while the disk is full")
        assert wire.committed("g") == {("fill", 0): 7}
        wire.create_topic("made-while-full", 1)
        eventually(lambda: "made-while-full" in wire.metadata(None)[1], 30, "the new topic")
        assert delete_topic(wire, "made-while-full") == 0


def survives_a_kill(node, _):
    node.kill()
    node.start()
    with node.wire(30) as wire:
        read_back(wire, "fill", node.acked)
        assert wire.produce("fill", 0, BATCH)[0] == KAFKA_STORAGE_ERROR
        eventually(lambda: wire.find_coordinator("g") == 0, 60, "a coordinator")
        eventually(lambda: wire.committed("g") == {("fill", 0): 7}, 60, "the group's offset")


def delete_records_makes_room(node, _):
    with node.wire(30) as wire:
        upto = max(node.acked) - 50
        # What is not durable yet has to be, before files may go: the next second's work does that.
        eventually(lambda: delete_records(wire, "fill", upto) == 0, 30, "DeleteRecords")
    resumes(node, "small")
    with node.wire(30) as wire:
        assert wire.list_offset("fill", 0, -2)[2] == upto
        read_back(wire, "fill", node.acked)


def delete_topic_makes_room(node, _):
    with node.wire(30) as wire:
        fill(wire, "fill")
        assert wire.produce("small", 0, make_batch([b"x"]))[0] == KAFKA_STORAGE_ERROR
        assert delete_topic(wire, "fill") == 0
    resumes(node, "small")


def retention_makes_room(node, _):
    with node.wire(30) as wire:
        wire.create_topic("short", 1, {"retention.bytes": str(8 << 20), "file.delete.delay.ms": "500",
                                       "segment.bytes": str(4 << 20)})
        for _ in range(3):
            for _ in range(400):
                error, _ = wire.produce("short", 0, BATCH)
                assert error in (0, KAFKA_STORAGE_ERROR), error
                if error:
                    break
            eventually(lambda: wire.produce("short", 0, make_batch([b"x"]))[0] == 0, 60, "room through retention")


def others_fill_the_disk(node, disk):
    """Somebody else takes every byte: what the node cannot write is not acknowledged, and nothing breaks."""
    hog = disk.path / "hog"
    with node.wire(30) as wire:
        wire.create_topic("last", 1)
        error, offset = wire.produce("last", 0, BATCH)
        assert error == 0
        acked = {offset}
        with hog.open("wb") as file:
            try:
                while file.write(b"\0" * (1 << 20)):
                    file.flush()
            except OSError:
                pass
        assert disk.free() < 1 << 20
        for _ in range(5):
            error, offset = wire.produce("last", 0, BATCH)
            if error == 0:
                acked.add(offset)
        read_back(wire, "last", acked)
    node.kill()
    hog.unlink()
    node.start()
    with node.wire(30) as wire:
        read_back(wire, "last", acked)
    resumes(node, "last")


def main():
    args = parse(parser(__doc__))
    checks = Checks(args.only)
    node = Node(settings=SETTINGS)
    disk = SmallDisk(node.dir)
    why = disk.mount()
    if why:
        print(f"SKIPPED: no file system can be mounted here ({why}); a full disk is not tested")
        node.__exit__(None)
        return 0
    try:
        with node:
            for check in (refused_in_time, all_else_goes_on, survives_a_kill, delete_records_makes_room,
                          delete_topic_makes_room, retention_makes_room, others_fill_the_disk):
                checks.run(check.__name__.replace("_", " "), check, node, disk)
            if checks.failed:
                print(node.tail(40))
    finally:
        disk.unmount()
        shutil.rmtree(node.home, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
