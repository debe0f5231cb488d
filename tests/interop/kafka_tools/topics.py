"""kafka-topics."""

import re

from lib.check import eventually
from lib.records import unique


def row(text, topic):
    """The topic's own line of --describe."""
    found = [line for line in text.splitlines() if line.startswith(f"Topic: {topic}\t")]
    assert found, f"no line for {topic} in: {text}"
    return found[0]


def create_describe_list(tools, node):
    topic = unique("topic")
    out = tools.ok("topics", "--create", "--topic", topic, "--partitions", 3, "--replication-factor", 1,
                   "--config", "retention.ms=100000").out
    assert f"Created topic {topic}." in out, out
    out = tools.ok("topics", "--describe", "--topic", topic).out
    assert "PartitionCount: 3\tReplicationFactor: 1" in out and "retention.ms=100000" in row(out, topic), out
    assert re.search(r"TopicId: [\w-]{22}\t", out), out
    leaders = re.findall(r"\tPartition: (\d)\tLeader: (\d+)\tReplicas: (\d+)\tIsr: (\d+)\t", out)
    assert [p[0] for p in leaders] == ["0", "1", "2"] and all(p[1] == p[2] == p[3] for p in leaders), out
    assert topic in tools.ok("topics", "--list").lines()
    assert topic in tools.ok("topics", "--list", "--topic", topic[:-2] + ".*").lines()
    topic_id = re.search(r"TopicId: ([\w-]{22})\t", out)[1]
    assert topic in tools.ok("topics", "--describe", "--topic-id", topic_id).out
    assert topic in tools.ok("topics", "--describe", "--topics-with-overrides").out
    assert not tools.ok("topics", "--describe", "--unavailable-partitions").lines()
    assert not tools.ok("topics", "--describe", "--under-replicated-partitions").lines()


def create_refused(tools, node):
    topic = unique("topic")
    tools.ok("topics", "--create", "--topic", topic)
    tools.fails("topics", "--create", "--topic", topic, says=("TopicExistsException", topic))
    tools.ok("topics", "--create", "--topic", topic, "--if-not-exists")
    other = unique("topic")
    for args, says in (
            (["--topic", "a b"], "InvalidTopicException"),
            (["--topic", "x" * 250], "InvalidTopicException"),
            (["--topic", other, "--replication-factor", 2], "InvalidReplicationFactorException"),
            (["--topic", other, "--config", "nosuch=1"], "nosuch"),
            (["--topic", other, "--config", "segment.bytes=1"], "segment.bytes")):
        tools.fails("topics", "--create", *args, says=says)
    assert other not in tools.ok("topics", "--list").lines()


def create_with_assignment(tools, node):
    topic = unique("topic")
    me = re.search(r"Leader: (\d+)", create_and_describe(tools, unique("topic")))[1]
    tools.ok("topics", "--create", "--topic", topic, "--replica-assignment", f"{me},{me}")
    assert "PartitionCount: 2" in tools.ok("topics", "--describe", "--topic", topic).out
    tools.fails("topics", "--create", "--topic", unique("topic"), "--replica-assignment", "77",
                says="InvalidReplicaAssignmentException")


def create_and_describe(tools, topic):
    tools.ok("topics", "--create", "--topic", topic)
    return tools.ok("topics", "--describe", "--topic", topic).out


def alter(tools, node):
    topic = unique("topic")
    tools.ok("topics", "--create", "--topic", topic, "--partitions", 2)
    tools.ok("topics", "--alter", "--topic", topic, "--partitions", 5)
    eventually(lambda: "PartitionCount: 5" in tools.ok("topics", "--describe", "--topic", topic).out,
               what="five partitions")
    tools.fails("topics", "--alter", "--topic", topic, "--partitions", 3, says="InvalidPartitionsException")
    tools.fails("topics", "--alter", "--topic", unique("none"), "--partitions", 3, says="does not exist")


def delete(tools, node):
    topic = unique("topic")
    tools.ok("topics", "--create", "--topic", topic)
    tools.ok("topics", "--delete", "--topic", topic)
    eventually(lambda: topic not in tools.ok("topics", "--list").lines(), what="the topic's end")
    tools.fails("topics", "--delete", "--topic", topic, says="does not exist")
    tools.fails("topics", "--describe", "--topic", topic, says="does not exist")
    tools.ok("topics", "--create", "--topic", topic, "--partitions", 2)
    assert "PartitionCount: 2" in tools.ok("topics", "--describe", "--topic", topic).out


CHECKS = {"topics: create, describe, list": create_describe_list, "topics: what is refused": create_refused,
          "topics: replica assignment": create_with_assignment, "topics: alter": alter, "topics: delete": delete}
