#!/usr/bin/env python3
"""What survives: topics, configs, records, groups and their offsets over a clean stop and over kill -9; a second node on the
same directory; how fast a node stops."""

import re
import signal
import subprocess
import sys

from kafka_tools.groups import consume_all, fill, groups
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.tools import Tools
from lib.wire import make_batch, stored

STOP_SECONDS_MAX = 5.0


def write(tools, node):
    """Fills a topic, consumes it in a group, sets a config. Returns what must be found again."""
    topic, group = fill(tools, node)
    consume_all(tools, topic, group, 60)
    tools.ok("configs", "--entity-type", "topics", "--entity-name", topic, "--alter", "--add-config", "retention.ms=987654")
    with node.wire() as wire:
        wire.produce(topic, 0, make_batch([b"after the commit"]))
    return topic, group


def verify(tools, node, topic, group):
    with node.wire() as wire:
        eventually(lambda: wire.find_coordinator(group) == 0, 90, "a coordinator")
        committed = eventually(lambda: wire.committed(group), 90, "committed offsets")
        assert committed == {(topic, p): 20 for p in range(3)}, committed
        found = stored(wire, topic, 3)
        assert sum(b.count for b in found) == 61 and all(b.crc_right for b in found)
        assert wire.list_offset(topic, 0)[2] == 21
    described = tools.ok("topics", "--describe", "--topic", topic).out
    assert "PartitionCount: 3" in described and "retention.ms=987654" in described, described
    assert re.search(rf"{group} +Empty", groups(tools, "--list", "--state"))
    out = tools.ok("console-consumer", "--topic", topic, "--group", group, "--max-messages", 1, "--timeout-ms", 90000).out
    assert out == "after the commit\n", "the group did not go on where it was"


def restart(tools, node, sign):
    topic, group = write(tools, node)
    topic_id = re.search(r"TopicId: (\S+)", tools.ok("topics", "--describe", "--topic", topic).out)[1]
    cluster = tools.ok("cluster", "cluster-id").out
    node.stop(sign)
    node.start()
    verify(tools, node, topic, group)
    assert topic_id in tools.ok("topics", "--describe", "--topic", topic).out, "the topic has another id"
    assert tools.ok("cluster", "cluster-id").out == cluster


def deleted_stays_deleted(tools, node):
    topic = unique("deleted")
    tools.ok("topics", "--create", "--topic", topic)
    eventually(lambda: topic in tools.ok("topics", "--list").lines(), what="the topic in the list")
    tools.ok("topics", "--delete", "--topic", topic)
    node.stop(signal.SIGKILL)
    node.start()
    assert topic not in tools.ok("topics", "--list").lines()
    eventually(lambda: not (node.dir / f"{topic}-0").exists(), what="the topic's folder gone or renamed")


def live_consumer(tools, node):
    """A consumer goes on by itself when its node comes back."""
    topic, group = fill(tools, node)
    running = tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
                          "--command-property", "auto.commit.interval.ms=200")
    with node.wire() as wire:
        eventually(lambda: sum(wire.committed(group).values()) == 60, 90, "the first commit")
    node.kill()
    node.start()
    with node.wire() as wire:
        eventually(lambda: wire.produce(topic, 1, make_batch([b"again"]))[0] == 0, what="produce after the restart")
        eventually(lambda: sum(wire.committed(group).values()) == 61, 90, "a commit after the restart")
    out = running.stop().out
    assert out.endswith("again\n") and len(out.split()) == 61, out[-200:]


def second_node(tools, node):
    """A second node on the same directory ends at once and says why; the first one is unharmed."""
    other = Node(node.kind, node.settings)
    if node.kind == "kafka":
        properties = (node.home / "server.properties").read_text().replace(str(node.port), str(other.port))
        (other.home / "server.properties").write_text(properties)
        other.prepared = True
    other.dir = node.dir
    other.start(wait=False)
    try:
        status = other.process.wait(30)
    except subprocess.TimeoutExpired:
        other.kill()
        raise AssertionError("the second node went on") from None
    text = other.log.read_text(errors="replace")
    assert status != 0, "the second node ended with status 0"
    assert "lock" in text.lower() or "in use" in text.lower(), f"it does not say why: {text[-300:]}"
    assert str(node.dir) in text, f"it does not name the directory: {text[-300:]}"
    assert node.alive()
    with node.wire() as wire:
        assert wire.metadata([])[0]


def stops_fast(tools, node):
    """SIGTERM ends a node that has connections and a waiting fetch."""
    topic, _ = fill(tools, node)
    group = unique("group")
    running = tools.start("console-consumer", "--topic", topic, "--group", group)
    tools.wait_for_member(group)
    seconds = node.stop()
    status = node.process.returncode
    node.start()
    running.stop()
    limit = STOP_SECONDS_MAX if node.kind == "millrace" else 30
    assert seconds < limit, f"the node took {seconds:.1f} s to stop"
    assert status in ((0,) if node.kind == "millrace" else (0, 143)), f"it ended with status {status}"


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node, Tools(node.address) as tools:
        checks.run("restart: after SIGTERM", restart, tools, node, signal.SIGTERM)
        checks.run("restart: after kill -9", restart, tools, node, signal.SIGKILL)
        checks.run("restart: a deleted topic stays deleted", deleted_stays_deleted, tools, node)
        checks.run("restart: a consumer goes on by itself", live_consumer, tools, node)
        checks.run("restart: a second node is refused", second_node, tools, node)
        checks.run("restart: stops fast", stops_fast, tools, node)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
