#!/usr/bin/env python3
"""One group with a member of ours, one of the Java client and one of librdkafka: with each assignor that all of them have, and
under the new protocol. Each partition has one owner, and each record is read once while members leave. And the same keys land on
the same partitions, whoever of the three writes them."""

import re
import subprocess
import sys

from kafka_tools.groups import groups
from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.tools import Tools

MILLRACE = str(env.BINARY)
PARTITIONS, RECORDS = 6, 300
JAVA_ASSIGNORS = {name: f"org.apache.kafka.clients.consumer.{simple}Assignor"
                  for name, simple in (("range", "Range"), ("roundrobin", "RoundRobin"), ("cooperative-sticky", "CooperativeSticky"))}
# How each prints where a record was.
PLACE = re.compile(r"(?:Partition:)?(\d+)\s(?:Offset:)?(\d+)")


class Process:
    """A member in a process of its own, whose output comes when it has ended."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)

    def stop(self):
        self.process.terminate()
        out = self.process.communicate(timeout=60)[0]
        assert self.process.returncode == 0, self.process.returncode
        return out


class JavaMember:
    def __init__(self, tools, topic, group, settings):
        extra = [part for s in settings for part in ("--command-property", s)]
        shown = [part for s in ("print.partition=true", "print.offset=true", "print.value=false")
                 for part in ("--formatter-property", s)]
        self.running = tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
                                   "--command-property", "auto.commit.interval.ms=200", *extra, *shown)

    def stop(self):
        return self.running.stop().out


def produce(node, topic, first):
    data = "".join(f"key {i}:value {i}\n" for i in range(first, first + RECORDS))
    subprocess.run([MILLRACE, "produce", topic, "-b", node.address, "-K", ":"], input=data.encode(), check=True, timeout=60)


def shares(tools, group):
    """The partitions of each member."""
    rows = groups(tools, "--describe", "--group", group, "--members", "--verbose").splitlines()
    # The first `topic:0,1,2` is the current assignment, a second one the target.
    owned = [re.search(r"[\w-]+:([\d,]+)", row) for row in rows if row.startswith(group)]
    return [sorted(map(int, found[1].split(","))) if found else [] for found in owned]


def await_shares(tools, group, count):
    def even():
        owned = shares(tools, group)
        return ([len(each) for each in owned] == [PARTITIONS // count] * count
                and sorted(sum(owned, [])) == list(range(PARTITIONS)))
    try:
        eventually(even, 90, f"{count} members with equal shares", 0.2)
    except AssertionError as e:
        raise AssertionError(f"{e}: {shares(tools, group)}") from None


def shared(tools, node, ours, java, librdkafka):
    topic, group = unique("shared"), unique("group")
    tools.ok("topics", "--create", "--topic", topic, "--partitions", PARTITIONS)
    own = [part for s in (*ours, "auto.commit.interval.ms=200") for part in ("-X", s)]
    members = [
        Process(env.PYTHON, env.ROOT / "tests/interop/clients/python_member.py", node.address, topic, group, *librdkafka),
        JavaMember(tools, topic, group, java),
        Process(MILLRACE, "consume", topic, "-b", node.address, "-g", group, "--from-beginning", "-f", "%p %o\\n", *own)]
    read, sent = [], 0
    try:
        while members:
            await_shares(tools, group, len(members))
            produce(node, topic, sent)
            sent += RECORDS
            with node.wire() as wire:
                eventually(lambda: sum(wire.committed(group).values()) == sent, 60, f"{sent} committed records")
            read += PLACE.findall(members.pop(0).stop())
    finally:
        for member in members:
            member.stop()
    assert len(set(read)) == sent, f"{len(set(read))} of {sent} records were read"
    assert len(read) == sent, f"{len(read) - sent} records were read twice"


def keys(tools, node):
    """Of all lengths, and bytes above 127: murmur2 takes four at a time, and Java's bytes have signs."""
    names = [f"{'k' * (i % 9)}{i}é{i * 7919}" for i in range(2000)]
    data = "".join(f"{name}:{name}\n" for name in names)
    found = {}
    for who in ("ours", "java", "librdkafka"):
        topic = unique(f"keys-{who}")
        tools.ok("topics", "--create", "--topic", topic, "--partitions", 13)
        if who == "ours":
            subprocess.run([MILLRACE, "produce", topic, "-b", node.address, "-K", ":"], input=data.encode(), check=True, timeout=60)
        elif who == "java":
            tools.ok("console-producer", "--topic", topic, "--reader-property", "parse.key=true", "--reader-property",
                     "key.separator=:", stdin=data)
        else:
            script = ("import confluent_kafka, sys\n"
                      "p = confluent_kafka.Producer({'bootstrap.servers': sys.argv[1], 'partitioner': 'murmur2_random'})\n"
                      "for line in sys.stdin:\n"
                      "    key, value = line.rstrip('\\n').split(':')\n"
                      "    p.produce(sys.argv[2], value, key)\n"
                      "sys.exit(p.flush(60))\n")
            subprocess.run([str(env.PYTHON), "-c", script, node.address, topic], input=data.encode(), check=True, timeout=90)
        out = subprocess.run([MILLRACE, "consume", topic, "-b", node.address, "--from-beginning", "--exit", "-f", "%p %k\\n"],
                             check=True, capture_output=True, timeout=60).stdout
        found[who] = sorted(out.splitlines())
    assert len(found["ours"]) == len(names)
    assert found["ours"] == found["java"], "not where Java's producer puts them"
    assert found["ours"] == found["librdkafka"], "not where librdkafka puts them"


def main():
    checks = Checks(parse(parser(__doc__)).only)
    # Members of the new protocol learn of their partitions with a heartbeat.
    quick = {"group.consumer.heartbeat.interval.ms": "1000", "group.consumer.min.heartbeat.interval.ms": "1000"}
    with Node(settings=quick) as node, Tools(node.address) as tools:
        checks.run("keys land on the same partitions", keys, tools, node)
        for name, java in JAVA_ASSIGNORS.items():
            same = [f"partition.assignment.strategy={name}"]
            checks.run(f"a group of three clients, {name}", shared, tools, node, same, [f"partition.assignment.strategy={java}"],
                       same)
        new = ["group.protocol=consumer"]
        for assignor in ("uniform", "range"):
            both = [*new, f"group.remote.assignor={assignor}"]
            checks.run(f"a group of three clients, new protocol, {assignor}", shared, tools, node, both, both, both)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
