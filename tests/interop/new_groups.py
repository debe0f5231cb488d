#!/usr/bin/env python3
"""Groups of the new protocol (KIP-848, group.protocol=consumer), with the Java console consumer and with librdkafka."""

import re
import sys

from clients import COUNT, execute, look_inside
from kafka_tools.groups import fill, groups
from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.tools import Tools

# Commits often, so that a test sees how far a consumer is.
NEW = ("--command-property", "group.protocol=consumer", "--command-property", "auto.commit.interval.ms=200")


def start_consumer(tools, topic, group, *properties):
    extra = [part for p in properties for part in ("--command-property", p)]
    return tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning", *NEW, *extra)


def members(tools, group):
    out = groups(tools, "--describe", "--group", group, "--members", "--verbose")
    return [r.split() for r in out.splitlines() if r.startswith(group)]


def consumed(node, group, count):
    with node.wire() as wire:
        eventually(lambda: sum(wire.committed(group).values()) == count, 90, f"{count} committed records")


def one_consumer(tools, node):
    topic, group = fill(tools, node)
    running = start_consumer(tools, topic, group)
    eventually(lambda: re.search(r"Stable +1\b", groups(tools, "--describe", "--group", group, "--state")), 90,
               "a stable group")
    assert re.search(rf"{group} +Consumer", groups(tools, "--list", "--type"))
    assert group in groups(tools, "--list", "--type", "consumer")
    assert re.search(rf"{group} +Consumer +consumer", tools.ok("groups", "--list").out)
    state = groups(tools, "--describe", "--group", group, "--state")
    assert re.search(rf"{group} +127.0.0.1:{node.port} +\(\d+\) +uniform +Stable +1", state), state
    member = members(tools, group)[0]
    assert f"{topic}:0,1,2" in member, member
    consumed(node, group, 60)
    done = running.stop()
    assert len(done.out.split()) == 60, done.text
    eventually(lambda: re.search(rf"{group} +Empty", groups(tools, "--list", "--state")), 90, "an empty group")
    groups(tools, "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
    with node.wire() as wire:
        assert sum(wire.committed(group).values()) == 0
    out = groups(tools, "--delete", "--group", group)
    assert "was successful" in out, out


def rebalance(tools, node):
    topic, group = fill(tools, node, partitions=6)
    running = [start_consumer(tools, topic, group) for _ in range(3)]
    eventually(lambda: sorted(m[4] for m in members(tools, group)) == ["2", "2", "2"], 90, "three equal shares")
    running.pop().stop()
    eventually(lambda: sorted(m[4] for m in members(tools, group)) == ["3", "3"], 90, "two equal shares")
    tools.ok("topics", "--alter", "--topic", topic, "--partitions", 8)
    eventually(lambda: sorted(m[4] for m in members(tools, group)) == ["4", "4"], 60, "shares of new partitions")
    for consumer in running:
        assert consumer.stop().exit == 0


def range_assignor(tools, node):
    topic, group = fill(tools, node, partitions=4)
    running = [start_consumer(tools, topic, group, "group.remote.assignor=range") for _ in range(2)]

    def halves():
        return sorted(m[-1].split(":")[-1] for m in members(tools, group)) == ["0,1", "2,3"]
    eventually(halves, 90, "adjacent partitions for each member")
    assert " range " in groups(tools, "--describe", "--group", group, "--state")
    for consumer in running:
        consumer.stop()


def regular_expression(tools, node):
    topic, group = fill(tools, node)
    running = tools.start("console-consumer", "--include", topic[:-1] + ".", "--group", group, "--from-beginning", *NEW)
    eventually(lambda: [m for m in members(tools, group) if m[4] == "3"], 90, "the matching topic's partitions")
    consumed(node, group, 60)
    assert len(running.stop().out.split()) == 60


def confluent(tools, node):
    topic, group = unique("new-confluent"), unique("group")
    execute([env.PYTHON, env.ROOT / "tests/interop/clients/python_client.py", "confluent", node.address, "lz4", topic,
             group, COUNT, "consumer"])
    look_inside(node, "lz4", topic, group)
    assert re.search(rf"{group} +Consumer", groups(tools, "--list", "--type"))


def from_classic(tools, node):
    """A group that was classic takes the new protocol once it is empty, and keeps its offsets."""
    topic, group = fill(tools, node)
    tools.ok("console-consumer", "--topic", topic, "--group", group, "--from-beginning", "--max-messages", 60,
             "--timeout-ms", 90000)
    running = start_consumer(tools, topic, group)
    eventually(lambda: re.search(rf"{group} +Consumer", groups(tools, "--list", "--type")), 90, "the new type")
    eventually(lambda: [m for m in members(tools, group) if m[4] == "3"], 90, "an assignment")
    assert running.stop().out == "", "records were read again"


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node, Tools(node.address) as tools:
        for name, check in (("one consumer", one_consumer), ("rebalance", rebalance), ("range assignor", range_assignor),
                            ("regular expression", regular_expression), ("confluent-kafka", confluent),
                            ("from classic", from_classic)):
            checks.run(f"new groups: {name}", check, tools, node)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
