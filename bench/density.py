#!/usr/bin/env python3
"""Many idle partitions on one node: how long their creation takes, what memory and files each costs, and how soon the node is
ready for clients after a clean stop and after kill -9. With --written, also once all were used, once nobody had used them for a
while (millrace.log.idle.ms), and how long a clean stop takes when all are in use.

Ready: an answer to Metadata that names a leader for every partition, and then an offset and a produced record from some of them."""

import argparse
import json
import os
import random
import struct
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "interop"))
from lib.check import eventually  # noqa: E402
from lib.node import Node, free_port  # noqa: E402
from lib.wire import CREATE_TOPICS, PRODUCE, array, make_batch, string  # noqa: E402

TOPIC_PARTITIONS = 1000
REQUEST_PARTITIONS = 10_000
SAMPLE = 100


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def create(node, names):
    """All topics in one request. Returns the seconds until the answer."""
    topics = (string(name) + struct.pack(">ih", TOPIC_PARTITIONS, 1) + array([]) + array([]) for name in names)
    body = array(topics) + struct.pack(">ib", 120_000, 0)
    begin = time.monotonic()
    with node.wire(180) as wire:
        answer = wire.call(CREATE_TOPICS, 2, body)
        answer.i32()
        results = answer.array(lambda: (answer.string(), answer.i16(), answer.string()))
    failed = [r for r in results if r[1] != 0]
    assert not failed, failed[:3]
    return time.monotonic() - begin


def ready(node, names):
    """Whether every partition has a leader, as clients see it."""
    with node.wire(60) as wire:
        topics = wire.metadata()[1]
    return all(name in topics and len(topics[name][1]) == TOPIC_PARTITIONS
               and all(leader >= 0 for leader in topics[name][1].values()) for name in names)


def use_some(node, names, rng, expected):
    """An offset and a record from some partitions; how long each took, in milliseconds, at the median and at most."""
    took = []
    with node.wire(60) as wire:
        for _ in range(SAMPLE):
            name, partition = rng.choice(names), rng.randrange(TOPIC_PARTITIONS)
            begin = time.monotonic()
            error, _, end = wire.list_offset(name, partition)
            assert error == 0 and end == expected.get((name, partition), 0), (name, partition, error, end)
            error, base = wire.produce(name, partition, make_batch([b"x"]))
            assert error == 0 and base == end, (name, partition, error, base)
            expected[name, partition] = base + 1
            took.append((time.monotonic() - begin) * 1000)
    took.sort()
    return took[len(took) // 2], took[-1]


def write_all(node, names):
    """One record to every partition, a topic a request."""
    batch = make_batch([b"x"])
    one = struct.pack(">i", len(batch)) + batch
    with node.wire(120) as wire:
        for name in names:
            partitions = array(struct.pack(">i", partition) + one for partition in range(TOPIC_PARTITIONS))
            answer = wire.call(PRODUCE, 3, string(None) + struct.pack(">hi", -1, 60_000) + array([string(name) + partitions]))
            errors = [row[1] for _, rows in answer.array(lambda: (answer.string(), answer.array(
                lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64())))) for row in rows]
            assert errors == [0] * TOPIC_PARTITIONS, (name, set(errors))


def open_partitions(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        rows = [line.split() for line in answer.read().decode().splitlines() if line.startswith("millrace_open_partitions")]
    return int(float(rows[0][1]))


def files(node):
    """(descriptors, mappings of files in the data directory) of the node's process."""
    process = Path(f"/proc/{node.process.pid}")
    mapped = sum(str(node.dir) in line for line in (process / "maps").read_text().splitlines())
    return len(list((process / "fd").iterdir())), mapped


def start(node, names, what, figures):
    begin = time.monotonic()
    node.start(wait=False)
    # The first answers may come before the node has read its metadata.
    def look():
        assert node.process.poll() is None, node.tail()
        try:
            return ready(node, names)
        except OSError:
            return False
    eventually(look, 600, "all leaders", 0.005)
    figures[f"ready {what}, s"] = time.monotonic() - begin
    say(f"ready {what}: {figures[f'ready {what}, s']:.2f} s")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--partitions", type=int, default=100_000)
    p.add_argument("--written", action="store_true", help="each partition holds a record")
    p.add_argument("--broker", choices=("millrace", "kafka"), default="millrace")
    p.add_argument("--idle-ms", type=int, default=10_000,
                   help="with --written: how long until unused partitions are closed; 0: they stay open")
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    rng, expected, figures = random.Random(1), {}, {}
    names = [f"density-{i:04}" for i in range(max(1, args.partitions // TOPIC_PARTITIONS))]
    count = len(names) * TOPIC_PARTITIONS
    per_request = REQUEST_PARTITIONS // TOPIC_PARTITIONS
    settings, metrics = {}, free_port()
    idles = args.written and args.idle_ms > 0 and args.broker == "millrace"
    if idles:
        settings = {"millrace.log.idle.ms": str(args.idle_ms), "millrace.metrics.port": str(metrics)}
    with Node(args.broker, settings) as node:
        figures["memory empty, MiB"] = empty = node.resident_mib()
        took = []
        for first in range(0, len(names), per_request):
            took.append(create(node, names[first:first + per_request]))
            say(f"{min(len(names), first + per_request) * TOPIC_PARTITIONS} partitions, the last request took {took[-1]:.2f} s")
        figures[f"create {per_request * TOPIC_PARTITIONS} in one request, s"] = max(took)
        eventually(lambda: ready(node, names), 600, "all leaders")

        def memory(when):
            figures[f"memory {when}, KiB per partition"] = (node.resident_mib() - empty) * 1024 / count
            figures[f"open files {when}"], figures[f"mappings {when}"] = files(node)
        memory("created")
        if args.written:
            begin = time.monotonic()
            write_all(node, names)
            figures["write one record to each, s"] = time.monotonic() - begin
            expected = {(name, partition): 1 for name in names for partition in range(TOPIC_PARTITIONS)}
            memory("written")
            say(f"written in {figures['write one record to each, s']:.1f} s")
        if idles:
            begin = time.monotonic()
            eventually(lambda: open_partitions(metrics) == 0, 60 + args.idle_ms / 200, "unused partitions are closed", 0.2)
            figures["until all are closed, s"] = time.monotonic() - begin
            time.sleep(3)  # freed memory goes back to the system after a wave of them
            memory("unused")
            begin = time.monotonic()
            write_all(node, names)
            figures["write to each when it is closed, s"] = time.monotonic() - begin
            expected = {key: 2 for key in expected}
            memory("written again")
        use_some(node, names, rng, expected)
        figures["clean stop, s"] = node.stop(seconds=400)
        for what, stop in (("after a clean stop", None), ("after kill -9", node.kill)):
            if stop:
                stop()
            start(node, names, what, figures)
            memory(what)
            median, most = use_some(node, names, rng, expected)
            figures[f"first use {what}, median ms"], figures[f"first use {what}, most ms"] = median, most
    if args.json:
        print(json.dumps({"partitions": count, "cores": os.cpu_count(), **figures}, indent=2))
    else:
        print(f"{count} partitions in {len(names)} topics")
        for name, value in figures.items():
            print(f"{name:48} {value:12.3f}" if isinstance(value, float) else f"{name:48} {value:12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
