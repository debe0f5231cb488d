"""kafka-get-offsets, kafka-delete-records and kafka-log-dirs."""

import json
import tempfile
from pathlib import Path

from lib.records import unique
from lib.wire import make_batch


def filled(t, node, partitions=3, records=10):
    """A topic for each of both with the same records; its name with {me}."""
    name = unique("{me}-data")
    with node.wire() as wire:
        for me in ("java", "ours"):
            topic = name.replace("{me}", me)
            assert wire.create_topic(topic, partitions) == 0
        for me in ("java", "ours"):
            topic = name.replace("{me}", me)
            t.tools.ok("topics", "--describe", "--topic", topic, "--bootstrap-server", t.address, bootstrap="")
            for p in range(partitions):
                batch = make_batch([b"v%d" % i for i in range(records * (p + 1))], timestamp=1_700_000_000_000 + p)
                for _ in range(50):
                    error, _ = wire.produce(topic, p, batch)
                    if error == 0:
                        break
                assert error == 0, error
    return name


def get_offsets(t, node):
    topic = filled(t, node)

    def same(*args, **options):
        t.same("get-offsets", *args, **options)
    t.same("get-offsets", bootstrap="", complaints=False)
    t.same("get-offsets", "--topic", "x", bootstrap="", exits=1)
    same("--bogus", exits=1)
    same("--topic", topic, exits=0)
    for time in ("latest", "earliest", "-1", "-2", "max-timestamp", "1", "1700000000001", "99999999999999", "earliest-local",
                 "latest-tiered"):
        same("--topic", topic, "--time", time, exits=0)
    same("--topic", topic, "--time", "x", exits=1)
    same("--topic", topic, "--partitions", "0,2", exits=0)
    same("--topic", topic, "--partitions", "x", exits=1)
    for rule in (f"{topic}:0-2", f"{topic}:1", f"{topic}:1-", f"{topic}:-1", f"{topic},nosuch", ".*data.*:2"):
        same("--topic-partitions", rule, exits=0, sort=True)
    same("--topic-partitions", f"{topic}:a", exits=1)
    same("--topic", "nosuch", exits=1)
    same("--topic", topic, "--topic-partitions", topic, exits=1)
    same("--topic", topic, "--exclude-internal-topics", exits=0)


def delete_records(t, node):
    topic = filled(t, node)
    with tempfile.TemporaryDirectory() as home:
        def file(name, partitions):
            for me in ("java", "ours"):
                rows = [{"topic": topic.replace("{me}", me), "partition": p, "offset": o} for p, o in partitions]
                Path(home, f"{name}-{me}").write_text(json.dumps({"partitions": rows, "version": 1}))
            return f"{home}/{name}-{{me}}"

        def same(*args, **options):
            t.same("delete-records", *args, **options)
        t.same("delete-records", bootstrap="", complaints=False)
        t.same("delete-records", "--offset-json-file", "x", bootstrap="", exits=1)
        same(exits=1)
        same("--offset-json-file", f"{home}/nosuch", exits=1)
        same("--offset-json-file", file("good", [(0, 4), (2, -1)]), exits=0, sort=True)
        same("--offset-json-file", file("beyond", [(0, 100)]), exits=0, complaints=False)
        same("--offset-json-file", file("twice", [(0, 5), (0, 6)]), exits=1)
        Path(home, "bad").write_text("{bad")
        same("--offset-json-file", f"{home}/bad", exits=1)
        t.same("get-offsets", "--topic", topic, "--time", "earliest", exits=0)


def log_dirs(t, node):
    topic = filled(t, node)

    def same(*args, **options):
        t.same("log-dirs", *args, mask=ordered, **options)
    t.same("log-dirs", bootstrap="", complaints=False)
    t.same("log-dirs", "--describe", bootstrap="", exits=1)
    same(exits=1)
    same("--describe", "--topic-list", topic, exits=0)
    same("--describe", "--topic-list", topic, "--broker-list", 1, exits=0)
    same("--describe", exits=0)
    same("--describe", "--broker-list", 7, exits=1)
    same("--describe", "--broker-list", "x", exits=1)


def ordered(text):
    """The JSON with its partitions in order: brokers name them in any."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("{"):
            said = json.loads(line)
            for broker in said["brokers"]:
                for directory in broker["logDirs"]:
                    directory["partitions"].sort(key=lambda p: p["partition"].replace("java", "ours"))
            assert json.dumps(json.loads(line), separators=(",", ":")) == line, "written otherwise than Kafka writes JSON"
            lines[i] = json.dumps(said)
    return "\n".join(lines)


CHECKS = {"get-offsets": get_offsets, "delete-records": delete_records, "log-dirs": log_dirs}
