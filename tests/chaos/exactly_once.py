#!/usr/bin/env python3
"""kill -9 in a loop under transactional load: what read_committed shows of the output is the input, each record once.

The load is what people trust with exactly-once: Kafka's own TransactionalMessageCopier, with aborts at random, and a Kafka
Streams application with exactly_once_v2 that copies and counts. The output is read by Kafka's console consumer."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from lib import env  # noqa: E402
from lib.check import Checks, eventually, parse, parser  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.tools import Tools  # noqa: E402
from lib.wire import make_batch  # noqa: E402

COPIER = "org.apache.kafka.tools.TransactionalMessageCopier"
KEYS = 50
# Records of the input that an application has before it when the node is killed.
AHEAD = 10_000
# Short, so that the transaction of a client that died holds nobody up for long.
TRANSACTION_TIMEOUT_MS = 10_000


class Input:
    """A topic whose values name their partition and place, under a few keys. It grows as long as the kills go on, so that each
    of them falls into the work, however quick the application is."""

    def __init__(self, node, topic, partitions, records):
        self.node, self.topic, self.partitions, self.records = node, topic, partitions, 0
        self.closed = False
        with node.wire() as wire:
            assert wire.create_topic(topic, partitions) == 0
        self.add(records)

    @property
    def total(self):
        return self.partitions * self.records

    def add(self, records):
        """Every partition gets `records` more. Never under way when the node is killed: a batch is sent once."""
        with self.node.wire(60) as wire:
            for partition in range(self.partitions):
                for begin in range(self.records, self.records + records, 500):
                    numbers = range(begin, min(self.records + records, begin + 500))
                    values = [b"%d:%d" % (partition, n) for n in numbers]
                    keys = [b"key-%d-%d" % (partition, n % KEYS) for n in numbers]
                    batch = make_batch(values, keys=keys)
                    eventually(lambda: wire.produce(self.topic, partition, batch)[0] == 0, 10, f"the input of {self.topic}")
        self.records += records


def kill_in_the_work(node, kills, rng, source, copied):
    """Kills the node `kills` times. `copied()`: how many records of `source` are through; there is always more to do."""
    for _ in range(kills):
        end = time.monotonic() + rng.uniform(0.5, 2.5)
        while time.monotonic() < end:
            if source.total - copied() < AHEAD:
                source.add(AHEAD)
            time.sleep(0.05)
        node.kill()
        time.sleep(rng.uniform(0, 0.3))
        node.start()
    source.closed = True


class Copiers:
    """One copier for each partition. A copier ends at what was the end of its input when it began, or gives up; it is started
    again with the same transactional id until one that began after the last input is through."""

    def __init__(self, node, source, target):
        self.node, self.source, self.target = node, source, target
        self.starts, self.processes = 0, {}
        self.threads = [threading.Thread(target=self.copy, args=(p,), daemon=True) for p in range(source.partitions)]
        for thread in self.threads:
            thread.start()

    def copy(self, partition):
        while True:
            self.starts += 1
            complete = self.source.closed
            self.processes[partition] = process = subprocess.Popen(
                env.java(COPIER, "--broker-list", self.node.address, "--input-topic", self.source.topic, "--input-partition",
                         partition, "--output-topic", self.target, "--transaction-size", 30, "--transaction-timeout",
                         TRANSACTION_TIMEOUT_MS, "--transactional-id", f"copier-{partition}", "--consumer-group", "copiers",
                         "--enable-random-aborts", "--use-group-metadata"),
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            process.communicate()
            if complete and process.returncode == 0:
                return

    def working(self):
        return any(thread.is_alive() for thread in self.threads)

    def wait(self, seconds):
        eventually(lambda: not self.working(), seconds, "the end of the copying")

    def kill(self):
        for process in self.processes.values():
            process.kill()


def committed(tools, topic, count):
    """Key and value of every record that read_committed shows; more than `count`, if there are more."""
    out = tools.ok("console-consumer", "--topic", topic, "--from-beginning", "--isolation-level", "read_committed",
                   "--timeout-ms", 15_000, "--formatter-property", "print.key=true", seconds=300).lines()
    records = [tuple(line.split("\t", 1)) for line in out]
    print(f"  {topic}: {len(records)} records shown of {count}", flush=True)
    return records


def each_once(values, source):
    seen = Counter(values)
    twice = [v for v, n in seen.items() if n > 1]
    missing = [f"{p}:{n}" for p in range(source.partitions) for n in range(source.records)
               if f"{p}:{n}" not in seen]
    assert not twice and not missing, f"{len(twice)} twice {twice[:5]}, {len(missing)} missing {missing[:5]}"
    assert len(seen) == source.total, "values that were never sent"


def stable(node, topic, partitions):
    """Nothing holds the last stable offset back: a read_committed end is the end."""
    with node.wire(30) as wire:
        for partition in range(partitions):
            ends = [wire.list_offset(topic, partition, isolation=level)[2] for level in (0, 1)]
            assert ends[0] == ends[1], f"{topic}-{partition}: the last stable offset is {ends[1]}, the end {ends[0]}"


def in_order(values):
    last = {}
    for value in values:
        partition, number = map(int, value.split(":"))
        assert number > last.get(partition, -1), f"{value} after {last[partition]}"
        last[partition] = number


def outputs(args):
    """The configuration of the topics that are written to in transactions."""
    return {"flush.messages": "1"} if args.synced else {}


def copier(node, tools, args, rng):
    source = Input(node, "in", 2, args.records)
    with node.wire() as wire:
        assert wire.create_topic("out", 2, outputs(args)) == 0  # the copier keeps the partition
    copiers = Copiers(node, source, "out")
    try:
        eventually(lambda: stored_count(node, "out") > 100, 120, "the first copies")
        kill_in_the_work(node, args.kills, rng, source, lambda: committed_offsets(node, "copiers", source))
        copiers.wait(600)
    finally:
        copiers.kill()
    print(f"  {copiers.starts} copiers started", flush=True)
    values = [value for _, value in committed(tools, "out", source.total)]
    each_once(values, source)
    in_order(values)
    eventually(lambda: stable(node, "out", 2) is None, 30, "a stable end")


def committed_offsets(node, group, source):
    with node.wire(30) as wire:
        done = wire.committed(group)
        return sum(done.get((source.topic, p), 0) for p in range(source.partitions))


def stored_count(node, topic):
    with node.wire() as wire:
        return sum(wire.list_offset(topic, p)[2] for p in wire.metadata([topic])[1][topic][1])


def streams(node, tools, args, rng):
    source = Input(node, "events", 2, args.records)
    with node.wire() as wire:
        assert wire.create_topic("copies", 2, outputs(args)) == 0 and wire.create_topic("counts", 2, outputs(args)) == 0
    state = node.home / "streams"
    app = subprocess.Popen(env.java("ExactlyOnceApp", node.address, "app", state, source.topic, "copies", "counts"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def copied():
        return committed_offsets(node, "app", source)
    try:
        eventually(lambda: copied() > 0, 120, "the first commit")
        kill_in_the_work(node, args.kills, rng, source, copied)
        eventually(lambda: copied() == source.total, 600, "the end of the input")
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(60)
    each_once([value for _, value in committed(tools, "copies", source.total)], source)
    counts = {}
    for key, value in committed(tools, "counts", source.total):
        assert int(value) == counts.get(key, 0) + 1, f"{key}: {value} after {counts.get(key, 0)}"
        counts[key] = int(value)
    assert sum(counts.values()) == source.total, counts
    eventually(lambda: stable(node, "counts", 2) is None, 30, "a stable end")


def main():
    p = parser(__doc__)
    p.add_argument("--kills", type=int, default=3)
    p.add_argument("--records", type=int, default=20_000, help="of each of two partitions, at the start")
    p.add_argument("--synced", action="store_true", help="appends to the output are synced before they are acked")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parse(p)
    env.need_setup()
    rng = random.Random(args.seed)
    print(f"seed {args.seed}", flush=True)
    checks = Checks(args.only)
    for name, check in (("copier", copier), ("streams", streams)):
        with Node() as node, Tools(node.address) as tools:
            checks.run(f"exactly once: {name}, {args.kills} kills", check, node, tools, args, rng)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
