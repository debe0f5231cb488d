#!/usr/bin/env python3
"""Several log directories, with Apache Kafka's tools: describe, move partitions while they are written, cordon, a directory
that fails."""

import json
import shutil
import struct
import sys
from pathlib import Path

from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.tools import Tools
from lib.wire import array, make_batch, stored, string

ALTER_REPLICA_LOG_DIRS = 34


def described(tools, *args):
    """{directory: {"name-index": row}} of kafka-log-dirs.sh."""
    out = tools.ok("log-dirs", "--describe", *args).out
    answer = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    assert [b["broker"] for b in answer["brokers"]] == [1], answer
    return {d["logDir"]: d for d in answer["brokers"][0]["logDirs"]}


def rows(directory):
    return {p["partition"]: p for p in directory["partitions"]}


def home_of(tools, partition):
    """The one directory that has `partition` and no copy of it anywhere."""
    found = [(path, row) for path, d in described(tools).items() for name, row in rows(d).items() if name == partition]
    return found[0][0] if len(found) == 1 and not found[0][1]["isFuture"] else None


def spread(tools, node):
    with node.wire() as wire:
        wire.create_topic("spread", 6)
        for p in range(6):
            eventually(lambda p=p: wire.produce("spread", p, make_batch([b"v" * 1000]))[0] == 0, 30, "produce")
    directories = described(tools, "--topic-list", "spread")
    assert set(directories) == {str(node.dir), str(node.second)}, directories
    assert all(d["error"] is None for d in directories.values())
    assert [len(d["partitions"]) for d in directories.values()] == [3, 3], directories
    for directory in directories.values():
        for row in directory["partitions"]:
            assert row["size"] > 1000 and row["offsetLag"] == 0 and not row["isFuture"], row


def reassign(wire, topic, partition, path):
    one = string(str(path)) + array([string(topic) + array([struct.pack(">i", partition)])])
    answer = wire.call(ALTER_REPLICA_LOG_DIRS, 1, array([one]))
    answer.i32()
    rows = answer.array(lambda: (answer.string(), answer.array(lambda: (answer.i32(), answer.i16()))))
    assert rows == [(topic, [(partition, 0)])], rows


def move(tools, node):
    with node.wire() as wire:
        wire.create_topic("moved", 1)
        for i in range(200):
            eventually(lambda i=i: wire.produce("moved", 0, make_batch([b"%d" % i]))[0] == 0, 30, "produce")
        came_from = home_of(tools, "moved-0")
        goes_to = str(node.second) if came_from == str(node.dir) else str(node.dir)
        reassign(wire, "moved", 0, goes_to)
        count = 200

        def arrived():
            nonlocal count
            error, _ = wire.produce("moved", 0, make_batch([b"%d" % count]))
            count += error == 0
            return home_of(tools, "moved-0") == goes_to

        eventually(arrived, 60, "the partition in the other directory")
        assert sum(b.count for b in stored(wire, "moved", 1)) == count
        assert (Path(goes_to) / "moved-0").is_dir()
        eventually(lambda: not (Path(came_from) / "moved-0").exists(), 30, "the old folder gone or renamed")
    node.stop()
    node.start()
    with node.wire() as wire:
        assert sum(b.count for b in stored(wire, "moved", 1)) == count
    assert home_of(tools, "moved-0") == goes_to


def cordon(tools, node):
    def cordoned(paths):
        tools.ok("configs", "--entity-type", "brokers", "--entity-name", "1", "--alter", "--add-config",
                 f"cordoned.log.dirs={paths}")

    cordoned(str(node.second))
    with node.wire() as wire:
        eventually(lambda: wire.create_topic("avoids", 4) in (0, 36), 30, "the topic")
        for p in range(4):
            eventually(lambda p=p: wire.produce("avoids", p, make_batch([b"v"]))[0] == 0, 30, "produce")
        directories = described(tools, "--topic-list", "avoids")
        assert len(directories[str(node.dir)]["partitions"]) == 4, directories
        cordoned("*")
        eventually(lambda: wire.create_topic("nowhere", 1) == 38, 30, "INVALID_REPLICATION_FACTOR")
        tools.ok("configs", "--entity-type", "brokers", "--entity-name", "1", "--alter", "--delete-config", "cordoned.log.dirs")
        eventually(lambda: wire.create_topic("somewhere", 1) == 0, 30, "a topic after the cordon")


def failure(tools, node):
    count = 12
    with node.wire() as wire:
        wire.create_topic("half", count)
        for p in range(count):
            eventually(lambda p=p: wire.produce("half", p, make_batch([b"before"]))[0] == 0, 30, "produce")
        lost = {int(name.split("-")[1]) for name in rows(described(tools, "--topic-list", "half")[str(node.second)])}
        assert 0 < len(lost) < count, lost
        away = node.second.rename(node.second.with_name("away"))
        eventually(lambda: described(tools)[str(node.second)]["error"] is not None, 60, "the directory offline")
        errors = {p: wire.produce("half", p, make_batch([b"during"]))[0] for p in range(count)}
        assert errors == {p: 56 if p in lost else 0 for p in range(count)}, (errors, lost)
        # The controller is told of it in the background.
        leaders = {p: -1 if p in lost else 1 for p in range(count)}
        eventually(lambda: wire.metadata(["half"])[1]["half"][1] == leaders, 30, "no leaders of what is lost")
    away.rename(node.second)
    node.stop()
    node.start()
    with node.wire() as wire:
        for p in range(count):
            eventually(lambda p=p: wire.produce("half", p, make_batch([b"after"]))[0] == 0, 60, "produce")
        assert sum(b.count for b in stored(wire, "half", count)) == 3 * count - len(lost)


def main():
    args = parse(parser(__doc__))
    checks = Checks(args.only)
    node = Node(settings={"node.id": "1", "log.segment.delete.delay.ms": "1000"})
    node.second = node.home / "second"
    node.settings["log.dirs"] = f"{node.dir},{node.second}"
    with node:
        with Tools(node.address) as tools:
            for check in (spread, move, cordon, failure):
                checks.run(check.__name__, check, tools, node)
        if checks.failed:
            print(node.tail(40))
    shutil.rmtree(node.home, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
