#!/usr/bin/env python3
"""The programs of examples/client do what they say, against a node or, with --broker kafka, against Apache Kafka."""

import collections
import re
import signal
import subprocess
import sys

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node


class Work:
    def __init__(self, node):
        self.node = node

    def start(self, name, *arguments):
        command = [str(env.BINARY.parent / f"example_{name}"), self.node.address, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def example(self, name, *arguments, fails=False):
        process = self.start(name, *arguments)
        out, err = process.communicate(timeout=90)
        assert (process.returncode != 0) == fails, f"{name} ended with {process.returncode}: {err}"
        return err if fails else out

    def millrace(self, *arguments, given=""):
        done = subprocess.run([str(env.BINARY), *arguments, "-b", self.node.address], input=given, capture_output=True, text=True,
                              timeout=60, check=True)
        return done.stdout

    def topic(self, name, partitions=1):
        self.millrace("topics", "create", name, "--partitions", str(partitions))

    def values(self, topic):
        return self.millrace("consume", topic, "--from-beginning", "--exit").splitlines()


def check_produce_and_consume(w):
    w.topic("orders", 3)
    places = w.example("produce", "orders", "10").splitlines()
    by_key = collections.Counter(line.split(" at ")[0] for line in places)
    assert len(places) == len(set(places)) == 10 and len(by_key) <= 3, places
    read = w.example("consume", "orders", "billing").splitlines()
    assert sorted(line.split(": ")[1] for line in read) == sorted(f'order-{i % 3}={{"number":{i}}}' for i in range(10)), read
    assert w.example("consume", "orders", "billing") == "", "what is committed is not read again"
    assert "\nbilling 0\n" in "\n" + w.example("lag")
    w.example("produce", "orders", "4")
    assert "\nbilling 4\n" in "\n" + w.example("lag")
    assert len(w.example("replay", "orders", "3600").splitlines()) == 14
    assert w.example("replay", "orders", "-3600") == ""


def check_blocking(w):
    w.topic("measurements", 4)
    assert w.example("blocking_produce", "measurements", "4", "20000") == "80000 delivered, 0 failed\n"
    per_thread = collections.defaultdict(list)
    for value in w.values("measurements"):
        number, thread = re.fullmatch(r"(\d+) of thread (\d)", value).groups()
        per_thread[thread].append(int(number))
    assert all(sorted(numbers) == list(range(20000)) for numbers in per_thread.values()) and len(per_thread) == 4
    consumer = w.start("blocking_consume", "measurements", "readers")
    lines = [consumer.stdout.readline() for _ in range(80000)]
    consumer.send_signal(signal.SIGINT)
    rest, said = consumer.communicate(timeout=30)
    assert len(set(lines)) == 80000 and rest == "", "each record once"
    assert said.count("came: ") == said.count("went: ") == 4, said
    eventually(lambda: "\nreaders 0\n" in "\n" + w.example("lag"), what="the commit at the end")


def check_exactly_once(w):
    w.topic("words")
    w.topic("shouted")
    w.millrace("produce", "words", given="a\nb\nc\n")
    for _ in range(2):
        w.example("exactly_once", "words", "shouted")
    assert w.values("shouted") == ["A", "B", "C"]


def check_counter(w):
    w.topic("visits")
    if w.node.kind == "kafka":
        assert "UNSUPPORTED" in w.example("counter", "visits", "5", fails=True)
        return
    all_at_once = [w.start("counter", "visits", "30") for _ in range(4)]
    assert all(process.wait(60) == 0 for process in all_at_once)
    assert w.values("visits") == [str(i) for i in range(1, 121)], "no addition was lost"


def check_topics_and_tables(w):
    made = w.example("create_topic", "accounts", "1")
    assert re.fullmatch(r"accounts-0: leader \d+, 1 replicas\n", made), made
    assert w.example("create_topic", "accounts", "1") == made, "it is there already"
    w.millrace("produce", "accounts", "-K", ":", "-Z", given="ann:1\nbob:2\nann:3\ncid:4\nbob:\n")
    assert w.example("table", "accounts") == "ann=3\ncid=4\n"


def check_partitioner(w):
    w.topic("jobs", 3)
    out = w.example("partitioner", "jobs", "later:a", "urgent:b", "later:c", "urgent:d", "later:e")
    assert out == "later:a -> 1\nurgent:b -> 0\nlater:c -> 2\nurgent:d -> 0\nlater:e -> 1\n", out


def check_errors(_):
    done = subprocess.run([str(env.BINARY.parent / "example_lag"), "nowhere"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "nowhere" in done.stderr, done.stderr


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node:
        work = Work(node)
        for name, check in {"produce, consume, lag, replay": check_produce_and_consume, "blocking": check_blocking,
                            "exactly once": check_exactly_once, "counter": check_counter,
                            "create_topic, table": check_topics_and_tables, "partitioner": check_partitioner,
                            "errors": check_errors}.items():
            checks.run(name, check, work)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
