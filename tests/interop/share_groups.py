#!/usr/bin/env python3
"""Share groups (KIP-932) of Apache Kafka: our members alone, and with Java's in one group."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.tools import Tools

MILLRACE = str(env.BINARY)


class Work:
    def __init__(self, node, tools):
        self.node, self.tools = node, tools

    def millrace(self, *command, given="", seconds=60):
        done = subprocess.run([MILLRACE, *command, "-b", self.node.address], input=given, text=True, capture_output=True,
                              timeout=seconds, check=False)
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-500:]}"
        return done.stdout

    def topic(self, name, partitions=1):
        """A topic, and a share group of its name that begins at its first record."""
        self.millrace("topics", "create", name, "--partitions", str(partitions))
        self.tools.ok("configs", "--alter", "--entity-type", "groups", "--entity-name", name, "--add-config",
                      "share.auto.offset.reset=earliest,share.record.lock.duration.ms=15000")
        return name

    def produce(self, topic, first, last, *options):
        self.millrace("produce", topic, *options, given="".join(f"{i}\n" for i in range(first, last)))

    def consume(self, topic, *options):
        """Records as dictionaries."""
        out = self.millrace("consume", topic, "--share", topic, "--json", *options)
        return [json.loads(line) for line in out.splitlines()]

    def lag(self, group):
        out = self.tools.ok("share-groups", "--describe", "--group", group).out
        rows = [line.split() for line in out.splitlines() if line.startswith(group)]
        return {int(row[2]): row[4] for row in rows}


def values(records):
    return [int(r["value"]) for r in records]


def check_alone(w):
    topic = w.topic("alone", 3)
    for codec in ("none", "lz4", "zstd"):
        w.produce(topic, 0, 300, "-z", codec)
    got = w.consume(topic, "--exit")
    assert Counter(values(got)) == Counter(list(range(300)) * 3)
    assert {r["deliveries"] for r in got} == {1}
    assert w.consume(topic, "--exit") == []
    eventually(lambda: set(w.lag(topic).values()) <= {"0", "-"}, 30, "nothing is left")


def check_outcomes(w):
    topic = w.topic("outcomes")
    w.produce(topic, 0, 4)
    released = w.consume(topic, "-c", "4", "--ack", "release")
    assert values(released) == [0, 1, 2, 3] and {r["deliveries"] for r in released} == {1}
    again = w.consume(topic, "-c", "4", "--ack", "reject")
    assert values(again) == [0, 1, 2, 3] and {r["deliveries"] for r in again} == {2}, again
    assert w.consume(topic, "--exit") == []
    # What came beyond the count goes back.
    w.produce(topic, 4, 8)
    assert values(w.consume(topic, "-c", "1")) == [4]
    assert values(w.consume(topic, "--exit")) == [5, 6, 7]


def check_delivery_limit(w):
    """A record that nobody accepts is given up after group.share.delivery.count.limit deliveries."""
    topic = w.topic("limit")
    w.produce(topic, 0, 2)
    got = w.consume(topic, "--exit", "--ack", "release")
    assert sorted((int(r["value"]), r["deliveries"]) for r in got) == [(v, d) for v in (0, 1) for d in range(1, 6)], got
    assert w.consume(topic, "--exit") == []


def check_record_limit(w):
    topic = w.topic("strict", 2)
    w.produce(topic, 0, 100)
    strict = ("-X", "share.acquire.mode=record_limit", "-X", "max.poll.records=3")
    assert len(w.consume(topic, *strict, "-c", "10")) == 10
    rest = w.consume(topic, *strict, "--exit")
    assert len(rest) == 90
    # With a limit of 3, at most 2 were locked for the first member beyond its 10.
    assert sum(r["deliveries"] > 1 for r in rest) <= 2, rest


def check_with_java(w):
    """Members of ours and of Java's in one group: each record goes to one of them, and both get some."""
    topic = w.topic("mixed", 2)
    ours = subprocess.Popen([MILLRACE, "consume", topic, "-b", w.node.address, "--share", topic, "-X", "max.poll.records=5"],
                            stdout=subprocess.PIPE)
    os.set_blocking(ours.stdout.fileno(), False)
    text = b""
    theirs = w.tools.start("console-share-consumer", "--topic", topic, "--group", topic, "--command-property",
                           "max.poll.records=5")
    sent = 0
    try:
        def members():
            out = w.tools.ok("share-groups", "--describe", "--group", topic, "--members").out
            return sum(line.startswith(topic) for line in out.splitlines()) == 2
        eventually(members, 90, "two members")

        def all_acknowledged():
            nonlocal sent, text
            if sent < 3000:
                w.produce(topic, sent, sent + 100)
                sent += 100
            text += ours.stdout.read() or b""
            return sent == 3000 and set(w.lag(topic).values()) == {"0"}
        eventually(all_acknowledged, 120, "all records were acknowledged")
    finally:
        ours.terminate()
        ours.wait(30)
    text += ours.stdout.read() or b""
    assert ours.returncode == 0, ours.returncode
    mine, java = Counter(map(int, text.split())), Counter(map(int, theirs.stop().out.split()))
    assert mine and java, f"one member read everything: {len(mine)}, {len(java)}"
    assert mine + java == Counter(range(3000)), (len(mine), len(java))


def check_killed_member(w):
    """What a member had when it was killed comes again, at once."""
    topic = w.topic("killed")
    w.millrace("produce", topic, given="".join(f"{i} {'x' * 10_000}\n" for i in range(50)))
    # Nobody reads what it writes, so that it stands in the middle of that.
    process = subprocess.Popen([MILLRACE, "consume", topic, "-b", w.node.address, "--share", topic], stdout=subprocess.PIPE)
    process.stdout.read(1)
    process.kill()
    process.communicate(timeout=30)
    got = w.consume(topic, "--exit")
    assert [int(r["value"].split()[0]) for r in got] == list(range(50)) and {r["deliveries"] for r in got} == {2}, got


def check_console(w):
    """kafka-console-share-consumer.sh beside Java's: the same lines, and outcomes that the other one sees."""
    topic = w.topic("console")
    w.millrace("produce", topic, "-K", ":", given="".join(f"k{i}:v{i}\n" for i in range(6)))
    shown = ("--topic", topic, "--group", topic, "--formatter-property", "print.key=true",
             "--formatter-property", "print.delivery=true", "--formatter-property", "print.offset=true",
             "--formatter-property", "print.partition=true")
    tool = env.BINARY.parent / "kafka-console-share-consumer.sh"

    def ours(*options, exit=0):
        patience = () if "--timeout-ms" in options else ("--timeout-ms", "15000")
        done = subprocess.run([tool, "--bootstrap-server", w.node.address, *shown, *patience, *options], text=True, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == exit, done.stderr
        return done.stdout, done.stderr

    def lines(first, last, deliveries):
        return "".join(f"Partition:0\tOffset:{i}\tDelivery:{deliveries}\tk{i}\tv{i}\n" for i in range(first, last))
    out, said = ours("--max-messages", "6", "--release")
    assert out == lines(0, 6, 1), out
    assert "Processed a total of 6 messages" in said, said
    theirs = w.tools.alone("console-share-consumer", *shown, "--max-messages", "6", "--release")
    assert theirs.out == lines(0, 6, 2), theirs.text
    assert ours("--max-messages", "2", "--reject")[0] == lines(0, 2, 3)
    assert ours("--max-messages", "4")[0] == lines(2, 6, 4)
    assert ours("--timeout-ms", "2000")[0] == ""
    assert "At most one of --reject and --release" in ours("--reject", "--release", exit=1)[1]


def check_blocking(w):
    """examples/client/blocking_share: the client for programs without a loop."""
    topic = w.topic("blocking")
    worker = subprocess.Popen([env.BINARY.parent / "example_blocking_share", w.node.address, topic, topic], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        w.millrace("produce", topic, given="".join(f"{kind} {i}\n" for i in range(10) for kind in ("good", "bad", "later")))
        done = sorted(worker.stdout.readline() for _ in range(20))
        assert done == sorted(f"{kind} {i}\n" for i in range(10) for kind in ("good", "later")), done
        eventually(lambda: set(w.lag(topic).values()) <= {"0", "-"}, 30, "nothing is left")
    finally:
        worker.send_signal(signal.SIGINT)
        rest, said = worker.communicate(timeout=30)
    assert (worker.returncode, rest, said) == (0, "", "40 settled\n"), (worker.returncode, rest, said)


def check_errors(w):
    topic = w.topic("errors")
    w.produce(topic, 0, 1)

    def refused(*options, group="g"):
        done = subprocess.run([MILLRACE, "consume", topic, "-b", w.node.address, "--share", group, *options], text=True,
                              capture_output=True, timeout=60, check=False)
        assert done.returncode != 0
        return done.stderr
    assert "--ack" in refused("--ack", "perhaps")
    assert "group's to say" in refused("--from-beginning")
    assert "isolation.level" in refused("-X", "isolation.level=read_committed")
    # A group of another kind has the name.
    w.millrace("consume", topic, "-g", "taken", "--from-beginning", "--exit")
    said = refused(group="taken")
    assert "not a share group" in said, said


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node("kafka", {"group.share.min.record.lock.duration.ms": "1000"}) as node, Tools(node.address) as tools:
        w = Work(node, tools)
        checks.run("all records, each once", check_alone, w)
        checks.run("released, rejected, given back", check_outcomes, w)
        checks.run("the limit of deliveries", check_delivery_limit, w)
        checks.run("a strict limit of records", check_record_limit, w)
        checks.run("with a member of Java's", check_with_java, w)
        checks.run("a member that is killed", check_killed_member, w)
        checks.run("kafka-console-share-consumer", check_console, w)
        checks.run("without a loop", check_blocking, w)
        checks.run("errors say what is wrong", check_errors, w)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
