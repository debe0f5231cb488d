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
# Short, so that the transaction of a client that died holds nobody up for long.
TRANSACTION_TIMEOUT_MS = 10_000


def fill(node, topic, partitions, records):
    """Values that name their partition and place, under a few keys."""
    with node.wire(60) as wire:
        assert wire.create_topic(topic, partitions) == 0
        for partition in range(partitions):
            for begin in range(0, records, 500):
                numbers = range(begin, min(records, begin + 500))
                values = [b"%d:%d" % (partition, n) for n in numbers]
                keys = [b"key-%d-%d" % (partition, n % KEYS) for n in numbers]
                batch = make_batch(values, keys=keys)
                eventually(lambda: wire.produce(topic, partition, batch)[0] == 0, 10, f"the input of {topic}")


class Killer:
    """Kills the node again and again until the load has ended, or `kills` times."""

    def __init__(self, node, kills, rng):
        self.node, self.kills, self.rng = node, kills, rng
        self.done, self.over = 0, threading.Event()

    def run(self, working):
        """Returns when the last kill is done; `working()`: the load is still under way."""
        while self.done < self.kills and working():
            time.sleep(self.rng.uniform(0.5, 2.5))
            self.node.kill()
            time.sleep(self.rng.uniform(0, 0.3))
            self.node.start()
            self.done += 1


class Copiers:
    """One copier for each partition; one that gives up is started again with the same transactional id, until it is through."""

    def __init__(self, node, source, target, partitions):
        self.node, self.source, self.target = node, source, target
        self.through, self.starts, self.processes = set(), 0, {}
        self.threads = [threading.Thread(target=self.copy, args=(p,), daemon=True) for p in range(partitions)]
        for thread in self.threads:
            thread.start()

    def copy(self, partition):
        while True:
            self.starts += 1
            self.processes[partition] = process = subprocess.Popen(
                env.java(COPIER, "--broker-list", self.node.address, "--input-topic", self.source, "--input-partition",
                         partition, "--output-topic", self.target, "--transaction-size", 30, "--transaction-timeout",
                         TRANSACTION_TIMEOUT_MS, "--transactional-id", f"copier-{partition}", "--consumer-group", "copiers",
                         "--enable-random-aborts", "--use-group-metadata"),
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            process.communicate()
            if process.returncode == 0:
                self.through.add(partition)
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


def each_once(values, partitions, records):
    seen = Counter(values)
    twice = [v for v, n in seen.items() if n > 1]
    missing = [f"{p}:{n}" for p in range(partitions) for n in range(records) if f"{p}:{n}" not in seen]
    assert not twice and not missing, f"{len(twice)} twice {twice[:5]}, {len(missing)} missing {missing[:5]}"
    assert len(seen) == partitions * records, "values that were never sent"


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


def copier(node, tools, args, rng):
    fill(node, "in", 2, args.records)
    with node.wire() as wire:
        assert wire.create_topic("out", 2) == 0  # the copier keeps the partition
    copiers, killer = Copiers(node, "in", "out", 2), Killer(node, args.kills, rng)
    try:
        eventually(lambda: stored_count(node, "out") > 100, 120, "the first copies")
        killer.run(copiers.working)
        copiers.wait(600)
    finally:
        copiers.kill()
    print(f"  {killer.done} kills, {copiers.starts} copiers started", flush=True)
    assert killer.done == args.kills, "the copying was over too early: more --records"
    values = [value for _, value in committed(tools, "out", 2 * args.records)]
    each_once(values, 2, args.records)
    in_order(values)
    eventually(lambda: stable(node, "out", 2) is None, 30, "a stable end")


def stored_count(node, topic):
    with node.wire() as wire:
        return sum(wire.list_offset(topic, p)[2] for p in wire.metadata([topic])[1][topic][1])


def streams(node, tools, args, rng):
    fill(node, "events", 2, args.records)
    with node.wire() as wire:
        assert wire.create_topic("copies", 2) == 0 and wire.create_topic("counts", 2) == 0
    state = node.home / "streams"
    app = subprocess.Popen(env.java("ExactlyOnceApp", node.address, "app", state, "events", "copies", "counts"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killer = Killer(node, args.kills, rng)
    total = 2 * args.records

    def copied():
        with node.wire(30) as wire:
            done = wire.committed("app")
            return sum(done.get(("events", p), 0) for p in range(2))
    try:
        eventually(lambda: copied() > 0, 120, "the first commit")
        killer.run(lambda: copied() < total)
        eventually(lambda: copied() == total, 600, "the end of the input")
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(60)
    print(f"  {killer.done} kills", flush=True)
    assert killer.done == args.kills, "the application was through too early: more --records"
    each_once([value for _, value in committed(tools, "copies", total)], 2, args.records)
    counts = {}
    for key, value in committed(tools, "counts", total):
        assert int(value) == counts.get(key, 0) + 1, f"{key}: {value} after {counts.get(key, 0)}"
        counts[key] = int(value)
    assert sum(counts.values()) == total, counts
    eventually(lambda: stable(node, "counts", 2) is None, 30, "a stable end")


def main():
    p = parser(__doc__)
    p.add_argument("--kills", type=int, default=3)
    p.add_argument("--records", type=int, default=20_000, help="of each of two partitions")
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
