#!/usr/bin/env python3
"""kill -9 of instances of a C++ streams application, and of the node, with exactly_once_v2: what read_committed shows is what a
count by hand gives, each update once and in order."""

import json
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from lib import env  # noqa: E402
from lib.check import Checks, eventually, parse, parser  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.wire import make_batch  # noqa: E402

PARTITIONS = 4
WINDOW_MS = 5000
BATCH = 200
# Lines that the application has before it when something is killed.
AHEAD = 2000


class Lines:
    """The topic `lines`, which grows as long as the kills go on, with what its words should come to."""

    def __init__(self, node, rng):
        self.node, self.rng = node, rng
        self.written = [0] * PARTITIONS
        self.counts, self.windows = Counter(), Counter()
        self.time = 1_700_000_000_000

    def write(self, lines):
        """Never under way when the node is killed: a batch is sent once."""
        with self.node.wire(60) as wire:
            for _ in range(0, lines, BATCH):
                partition = self.rng.randrange(PARTITIONS)
                self.time += self.rng.randrange(1000)
                time_ms = self.time - self.rng.randrange(20_000)
                text = [[f"word{self.rng.randrange(60)}" for _ in range(self.rng.randrange(1, 5))] for _ in range(BATCH)]
                batch = make_batch([" ".join(line).encode() for line in text], timestamp=time_ms)
                eventually(lambda: wire.produce("lines", partition, batch)[0] == 0, 20, "a batch of lines")
                self.written[partition] += BATCH
                for line in text:
                    self.counts.update(line)
                    self.windows.update(f"{word}@{time_ms - time_ms % WINDOW_MS}" for word in line)

    def done(self):
        """How many the application has committed."""
        with self.node.wire(30) as wire:
            offsets = wire.committed("killed")
        return sum(offsets.get(("lines", p), 0) for p in range(PARTITIONS))

    def left(self):
        return sum(self.written) - self.done()


class Instances:
    def __init__(self, node, home, count):
        self.node, self.home = node, home
        self.processes = [None] * count
        for index in range(count):
            self.start(index)

    def start(self, index):
        log = open(f"{self.home}/{index}.log", "ab")
        self.processes[index] = subprocess.Popen(
            [str(env.BINARY.parent / "streams_killed"), "-b", self.node.address, "--state-dir", f"{self.home}/{index}",
             "--exactly-once", "--set", "statestore.cache.max.bytes=0"], stderr=log, stdout=log)

    def kill(self, index):
        self.processes[index].kill()
        self.processes[index].wait()

    def have_taken_over(self):
        """Whoever is left has all partitions, with two threads each."""
        told = subprocess.run([str(env.BINARY), "groups", "describe", "killed", "--json", "-b", self.node.address],
                              capture_output=True, text=True, timeout=60, check=True).stdout
        members = {row["member"] for row in json.loads(told)}
        return None not in members and 0 < len(members) <= 2 * (len(self.processes) - 1)

    def see_that_they_run(self):
        for index, process in enumerate(self.processes):
            assert process.poll() is None, f"instance {index} ended by itself: {process.returncode}, {self.log(index)}"

    def log(self, index):
        return Path(f"{self.home}/{index}.log").read_text()[-2000:]

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for index, process in enumerate(self.processes):
            assert process.wait(60) == 0, f"instance {index}: {self.log(index)}"


def shown(node, topic):
    """Key and number of every committed record, in the order of each partition."""
    out = subprocess.run([str(env.BINARY), "consume", topic, "-b", node.address, "--from-beginning", "--exit", "--read-committed",
                          "--hex", "-f", "%k %s\n"], capture_output=True, text=True, timeout=300, check=True).stdout
    return [(bytes.fromhex(key).decode(), int(number, 16)) for key, number in (line.split() for line in out.splitlines())]


def check_each_update_once(node, topic, expected):
    last = {}
    for key, number in shown(node, topic):
        assert number == last.get(key, 0) + 1, f"{topic}: {key} has {number} after {last.get(key, 0)}"
        last[key] = number
    wrong = {key: (last.get(key), count) for key, count in expected.items() if last.get(key) != count}
    assert not wrong and len(last) == len(expected), f"{topic}: {len(wrong)} counts are not what they should be: {wrong}"


def work_on(lines, instances, count):
    """Until so many more lines are committed; there is always more to do."""
    goal = lines.done() + count

    def reached():
        instances.see_that_they_run()
        if lines.left() < AHEAD:
            lines.write(AHEAD)
        return lines.done() >= goal
    eventually(reached, 120, f"{count} lines more")


def killed_at_random(node, home, args, rng):
    with node.wire() as wire:
        for topic in "lines", "counts", "window-counts":
            assert wire.create_topic(topic, PARTITIONS) == 0
    lines = Lines(node, rng)
    lines.write(AHEAD)
    instances = Instances(node, home, 3)
    kills = Counter()
    try:
        eventually(lambda: lines.left() < AHEAD, 60, "the first commit")
        for _ in range(args.kills):
            work_on(lines, instances, rng.randrange(4 * AHEAD))
            victim = rng.choice(["node", "node", 0, 1, 2])
            kills["node" if victim == "node" else "instance"] += 1
            if victim == "node":
                node.kill()
                node.start()
            else:
                instances.kill(victim)
                if rng.random() < 0.5:
                    eventually(instances.have_taken_over, 60, "the others take over")
                instances.start(victim)
        eventually(lambda: lines.left() == 0, 180, "the end of the input")
        instances.see_that_they_run()
        # What is behind a repartition topic has no offsets among those of the lines.
        eventually(lambda: len(shown(node, "window-counts")) >= sum(lines.windows.values()), 120, "the last update", 1)
        instances.stop()
    except BaseException:
        for index in range(3):
            print(f"--- instance {index}\n{instances.log(index)}")
        raise
    finally:
        for process in instances.processes:
            process.kill()
    print(f"  {sum(lines.written)} lines, {sum(lines.counts.values())} words; killed: {dict(kills)}", flush=True)
    check_each_update_once(node, "counts", lines.counts)
    check_each_update_once(node, "window-counts", lines.windows)


def main():
    p = parser(__doc__)
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--seed", type=int, default=0, help="0: another one each time")
    args = parse(p)
    seed = args.seed or random.randrange(1, 1 << 31)
    print(f"--seed {seed}", flush=True)
    checks = Checks(args.only)
    with Node() as node, tempfile.TemporaryDirectory(prefix="streams-") as home:
        checks.run("three instances killed at random", killed_at_random, node, home, args, random.Random(seed))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
