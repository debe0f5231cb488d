#!/usr/bin/env python3
"""A streams application on a node or, with --broker kafka, on Apache Kafka: it counts, is stopped, killed and moved, and counts on."""

import collections
import os
import random
import signal
import subprocess
import sys
import tempfile

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node

VOCABULARY = [f"word{i}" for i in range(50)]


class Application:
    """Word counts over the topics `lines` and `word-counts`, with what they should be."""

    def __init__(self, node, state):
        self.node, self.state = node, state
        self.expected = collections.Counter()
        self.random = random.Random(6)
        for topic in "lines", "word-counts":
            self.millrace("topics", "create", topic, "--partitions", "4")

    def millrace(self, *arguments, given=""):
        done = subprocess.run([str(env.BINARY), *arguments, "-b", self.node.address], input=given, capture_output=True, text=True,
                              timeout=60, check=True)
        return done.stdout

    def write(self, lines):
        text = [" ".join(self.random.choices(VOCABULARY, k=6)) for _ in range(lines)]
        for line in text:
            self.expected.update(line.split())
        self.millrace("produce", "lines", given="\n".join(text) + "\n")

    def start(self, state="a"):
        # Who was killed is missed soon.
        return subprocess.Popen([str(env.BINARY.parent / "example_word_count"), self.node.address, f"{self.state}/{state}",
                                 "consumer.session.timeout.ms=6000", "consumer.heartbeat.interval.ms=1500"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop(self, process, how=signal.SIGTERM):
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        if how == signal.SIGTERM:
            assert process.returncode == 0, err
        return out

    def settled(self, process):
        """Both threads are members of a group that nobody joins any more, and all tasks run."""
        group = self.millrace("groups", "describe", "word-count")
        members = all(f"StreamThread-{n}-" in group for n in (1, 2)) and "Stable" in group and "Rebalance" not in group
        return members and self.state_of(process) == "RUNNING"

    @staticmethod
    def state_of(process):
        """The last state that it has told of so far."""
        os.set_blocking(process.stdout.fileno(), False)
        try:
            for line in process.stdout.readlines():
                if line.startswith("state: "):
                    process.told = line.split()[1]
        finally:
            os.set_blocking(process.stdout.fileno(), True)
        return getattr(process, "told", "")

    def counts(self):
        """The last count of each word, as it stands in the output topic."""
        last = {}
        for line in self.millrace("consume", "word-counts", "--from-beginning", "--exit", "--hex", "-f", "%k %s\n").splitlines():
            key, value = line.split()
            last[bytes.fromhex(key).decode()] = int(value, 16)
        return last

    def counted(self):
        return self.counts() == dict(self.expected)

    def counted_at_least(self):
        counts = self.counts()
        return all(counts.get(word, 0) >= count for word, count in self.expected.items())


def check_counts(app):
    app.write(500)
    process = app.start()
    eventually(app.counted, 60, what="the counts of 500 lines")
    app.write(500)
    eventually(app.counted, 60, what="the counts of 1000 lines")
    eventually(lambda: app.settled(process), 60, what="both threads run")
    out = app.stop(process)
    assert f"{sum(app.expected.values())} words in the stores here" in out, out


def check_goes_on_where_it_stopped(app):
    app.write(200)
    process = app.start()
    eventually(app.counted, 60, what="the counts after a restart")
    assert " 0 restored" in app.stop(process), "the state was there"


def check_another_place_restores(app):
    app.write(200)
    process = app.start("elsewhere")
    eventually(app.counted, 60, what="the counts where no state was")
    assert " 0 restored" not in app.stop(process), "the state came from the changelogs"


def check_two_share_the_tasks(app):
    first, second = app.start("first"), app.start("second")
    app.write(500)
    eventually(app.counted, 90, what="the counts of two instances")
    app.stop(first)
    app.write(300)
    eventually(app.counted, 90, what="the counts after one has gone")
    app.stop(second)


def check_killed(app):
    """At least once: nothing is missing."""
    for _ in range(3):
        process = app.start("killed")
        app.write(2000)
        eventually(lambda: "RUNNING" in process.stdout.readline(), 60, what="it runs")
        app.stop(process, signal.SIGKILL)
    process = app.start("killed")
    eventually(app.counted_at_least, 120, what="no word is missing")
    app.stop(process)


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node, tempfile.TemporaryDirectory(prefix="streams-") as state:
        app = Application(node, state)
        for name, check in {"counts": check_counts, "goes on where it stopped": check_goes_on_where_it_stopped,
                            "another place restores": check_another_place_restores,
                            "two share the tasks": check_two_share_the_tasks, "killed": check_killed}.items():
            checks.run(name, check, app)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
