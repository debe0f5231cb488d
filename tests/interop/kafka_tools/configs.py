"""kafka-configs for topics, brokers and groups."""

import re

from lib.check import eventually
from lib.records import unique


def of(kind, name):
    return ["--entity-type", kind, "--entity-name", name]


def topic_configs(tools, node):
    topic = unique("configs")
    tools.ok("topics", "--create", "--topic", topic)
    entity = of("topics", topic)
    out = tools.ok("configs", *entity, "--alter", "--add-config", "retention.ms=5000,cleanup.policy=[compact,delete]").out
    assert f"Completed updating config for topic {topic}." in out, out
    out = tools.ok("configs", *entity, "--describe").out
    assert "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000" in out, out
    assert "cleanup.policy=compact,delete" in out and "DEFAULT_CONFIG:log.cleanup.policy=delete" in out, out
    tools.ok("configs", *entity, "--alter", "--delete-config", "retention.ms")
    out = tools.ok("configs", *entity, "--describe").out
    assert "retention.ms=" not in out and "cleanup.policy=" in out, out
    every = tools.ok("configs", *entity, "--describe", "--all").out
    for default in ("segment.bytes=1073741824", "retention.ms=604800000", "compression.type=producer",
                    "min.insync.replicas=1", "max.message.bytes=1048588", "message.timestamp.type=CreateTime"):
        assert f"  {default} " in every, f"{default} is missing in: {every}"


def topic_configs_refused(tools, node):
    topic = unique("configs")
    tools.ok("topics", "--create", "--topic", topic)
    for change in ("nosuch=5", "segment.bytes=-5", "retention.ms=soon", "cleanup.policy=foo", "compression.type=rar"):
        tools.fails("configs", *of("topics", topic), "--alter", "--add-config", change,
                    says=("InvalidConfigurationException", change.split("=")[0]))
    assert "=" not in tools.ok("configs", *of("topics", topic), "--describe").out.split("are:")[1]
    tools.fails("configs", *of("topics", unique("none")), "--alter", "--add-config", "retention.ms=5")


def broker_id(tools):
    return re.search(r"\(id: (\d+) ", tools.ok("broker-api-versions").out)[1]


def broker_configs(tools, node):
    me = of("brokers", broker_id(tools))
    every = tools.ok("configs", *me, "--describe", "--all").out
    for default in ("num.partitions=1", "log.segment.bytes=1073741824", "log.retention.hours=168",
                    "auto.create.topics.enable=true"):
        assert f"  {default} " in every, f"{default} is missing"
    static = "STATIC_BROKER_CONFIG:offsets.topic.replication.factor=1, DEFAULT_CONFIG:offsets.topic.replication.factor=3"
    assert static in every, "the value that the node was started with does not show as static"
    tools.ok("configs", *me, "--alter", "--add-config", "log.retention.ms=86400000")
    change = "DYNAMIC_BROKER_CONFIG:log.retention.ms=86400000"
    eventually(lambda: change in tools.ok("configs", *me, "--describe").out, what="the broker's own value")
    tools.ok("configs", *me, "--alter", "--delete-config", "log.retention.ms")
    eventually(lambda: change not in tools.ok("configs", *me, "--describe").out, what="the value's end")


def broker_default_reaches_topics(tools, node):
    cluster = ["--entity-type", "brokers", "--entity-default"]
    topic = unique("configs")
    tools.ok("topics", "--create", "--topic", topic)
    tools.ok("configs", *cluster, "--alter", "--add-config", "log.retention.ms=123456789")
    assert "DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=123456789" in tools.ok("configs", *cluster, "--describe").out
    eventually(lambda: "  retention.ms=123456789 " in
               tools.ok("configs", *of("topics", topic), "--describe", "--all").out, what="the new default in the topic")
    tools.ok("configs", *cluster, "--alter", "--delete-config", "log.retention.ms")


def broker_configs_refused(tools, node):
    me = of("brokers", broker_id(tools))
    tools.fails("configs", *me, "--alter", "--add-config", "log.dirs=elsewhere",
                says=("InvalidRequestException", "log.dirs"))
    tools.fails("configs", *me, "--alter", "--add-config", "log.retention.ms=abc",
                says=("InvalidRequestException", "log.retention.ms"))


def group_configs(tools, node):
    entity = of("groups", unique("group"))
    tools.ok("configs", *entity, "--alter", "--add-config", "consumer.session.timeout.ms=50000")
    out = tools.ok("configs", *entity, "--describe").out
    assert "consumer.session.timeout.ms=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:" in out, out
    tools.fails("configs", *entity, "--alter", "--add-config", "consumer.session.timeout.ms=1",
                says="consumer.session.timeout.ms")


CHECKS = {"configs: topic": topic_configs, "configs: topic, what is refused": topic_configs_refused,
          "configs: broker": broker_configs, "configs: cluster default reaches topics": broker_default_reaches_topics,
          "configs: broker, what is refused": broker_configs_refused, "configs: group": group_configs}
