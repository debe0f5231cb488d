"""kafka-reassign-partitions. Command lines that make no sense, against any cluster; moves, against a cluster of three brokers of
Apache Kafka that this family starts itself."""

import json
import re
import tempfile
from pathlib import Path

from lib.brokers import Brokers
from lib.check import eventually
from lib.records import unique
from lib.wire import make_batch


def told(text):
    """Without stack traces; directories as names, as each has its own."""
    lines = []
    for line in text.splitlines():
        if re.match(r"\s+at |\s*\.\.\. \d+ more|Caused by: |(?:[a-z]\w*\.)+[A-Z]\w*: ", line):
            continue
        line = re.sub(r"/[\w./-]*/([123])/[ab]\b", r"DIR\1", line)
        # Topics come in the order of a hash.
        line = re.sub(r"(?<=on topics )\S+", lambda m: ",".join(sorted(m[0].split(","))), line)
        lines.append(line)
    return "\n".join(lines).strip()


def same(t, *args, **options):
    t.same("reassign-partitions", *args, mask=told, **options)


def file(home, name, content):
    Path(home, name).write_text(content if isinstance(content, str) else json.dumps(content))
    return f"{home}/{name}"


def misuse(t, _):
    t.same("reassign-partitions", bootstrap="", complaints=False)
    t.same("reassign-partitions", "--list", bootstrap="", exits=1)
    plan = ("--reassignment-json-file", "x")
    for args in (
            (), ("--generate", "--execute"), ("--generate",), ("--generate", "--broker-list", "1"), ("--execute",), ("--verify",),
            ("--cancel",), ("--generate", "--topics-to-move-json-file", "x"), ("--bogus",), ("--list", "--throttle", 5),
            ("--list", "--additional"), ("--list", *plan), ("--verify", *plan, "--throttle", 5),
            ("--verify", *plan, "--timeout", 5), ("--verify", *plan, "--additional"), ("--cancel", *plan, "--throttle", 5),
            ("--cancel", *plan, "--disallow-replication-factor-change"), ("--execute", *plan, "--broker-list", 1),
            ("--execute", *plan, "--preserve-throttles"), ("--execute", *plan, "--disable-rack-aware"),
            ("--execute", *plan, "--topics-to-move-json-file", "y"), ("--list", "--bootstrap-controller", "x:1"),
            ("--generate", "--topics-to-move-json-file", "x", "--broker-list", "1", "--preserve-throttles"),
            ("--execute", *plan), ("--verify", *plan), ("--cancel", *plan), ("--list", "--command-config", "/nosuch")):
        same(t, *args, exits=1)
    same(t, "--version", exits=0)
    same(t, "--help", complaints=False)
    with tempfile.TemporaryDirectory() as home:
        for content in ({"version": 9}, {"partitions": []}, {"partitions": [place("t", 0, [])]},
                        {"partitions": [place("t", 0, [1]), place("t", 0, [1])]}, {"partitions": [place("t", 0, [1, 1])]},
                        {"partitions": [place("t", 0, [1], ["any", "any"])]}):
            same(t, "--execute", "--reassignment-json-file", file(home, "plan", content), exits=1)
        twice = file(home, "topics", {"topics": [{"topic": "t"}, {"topic": "t"}]})
        generating = ("--generate", "--topics-to-move-json-file", twice, "--broker-list")
        for brokers in ("1", "1,1", "x"):
            same(t, *generating, brokers, exits=1)
        same(t, "--generate", "--topics-to-move-json-file", file(home, "bad", "{bad"), "--broker-list", "1", exits=1)
        same(t, "--generate", "--topics-to-move-json-file", file(home, "old", {"version": 9}), "--broker-list", "1", exits=1)
        same(t, "--generate", "--topics-to-move-json-file", f"{home}/nosuch", "--broker-list", "1", exits=1)


def refused(t, node):
    """A cluster that moves no replicas."""
    if node.kind == "kafka":
        return
    same(t, "--list", exits=1)
    with tempfile.TemporaryDirectory() as home:
        for action in ("execute", "verify", "cancel"):
            same(t, f"--{action}", "--reassignment-json-file", file(home, "plan", {"partitions": [place("t", 0, [1])]}), exits=1)


def place(topic, partition, replicas, directories=None):
    return {"topic": topic, "partition": partition, "replicas": replicas, **({"log_dirs": directories} if directories else {})}


class Moves:
    """The two tools on a cluster of three brokers, each with a topic of its own."""

    def __init__(self, t, brokers, home):
        self.t, self.brokers, self.home = t, brokers, home
        self.topic = unique("{me}-move")
        t.same("topics", "--create", "--topic", self.topic, "--replica-assignment", "1:2,2:3", exits=0)
        with brokers.wire() as wire:
            for me in ("java", "ours"):
                for _ in range(20):
                    error, _ = wire.produce(self.topic.replace("{me}", me), 0, make_batch([b"x" * 1000] * 500))
                    if error == 0:
                        break
                assert error == 0, error

    def plan(self, name, *partitions):
        """A file for each of both; `partitions` are (index, replicas, directories)."""
        for me in ("java", "ours"):
            topic = self.topic.replace("{me}", me)
            file(self.home, f"{name}-{me}", {"version": 1, "partitions": [place(topic, *p) for p in partitions]})
        return f"{self.home}/{name}-{{me}}"

    def quiet(self):
        """Until nothing moves: a second move is refused otherwise."""
        eventually(lambda: "No partition" in self.t.ours("reassign-partitions", "--list", "--bootstrap-server",
                                                          self.brokers.address).out, 60, "the end of all moves", 0.2)

    def execute(self, plan, *args, **options):
        between = None if "--additional" in args or options.get("exits") == 1 else self.quiet
        same(self.t, "--execute", "--reassignment-json-file", plan, *args, between=between, **options)

    def verify(self, plan, *args, **options):
        same(self.t, "--verify", "--reassignment-json-file", plan, *args, **{"exits": 0, "retry": True, **options})

    def done(self, plan, *args):
        """Until both say that it is completed."""
        def completed(me):
            out = self.t.ours("reassign-partitions", "--verify", "--preserve-throttles", "--bootstrap-server",
                              self.brokers.address, "--reassignment-json-file", plan.replace("{me}", me)).out
            return "progress" not in out and "rather" not in out
        eventually(lambda: completed("java") and completed("ours"), 60, "completed moves", 0.2)
        self.verify(plan, *args)

    def settings(self):
        self.t.same("configs", "--describe", "--topic", self.topic, exits=0, retry=True)
        self.t.same("configs", "--describe", "--entity-type", "brokers", exits=0, retry=True)


def moves(t, node):
    if node.kind != "kafka":
        return  # not served yet
    with Brokers(3) as brokers, tempfile.TemporaryDirectory() as home:
        before, t.address = t.address, brokers.address
        try:
            of_three(Moves(t, brokers, home), home)
        finally:
            t.address = before


def of_three(m, home):
    t = m.t
    topics = {me: file(home, f"topics-{me}", {"topics": [{"topic": m.topic.replace("{me}", me)}], "version": 1})
              for me in ("java", "ours")}
    generating = ("--generate", "--topics-to-move-json-file", topics["java"].replace("java", "{me}"), "--broker-list")

    def proposal(text):
        return re.sub(r'"replicas":\[\d,\d\]', '"replicas":N', told(text))
    t.same("reassign-partitions", *generating, "1,2,3", mask=proposal, exits=0)
    t.same("reassign-partitions", *generating, "1,2,3", "--disable-rack-aware", mask=proposal, exits=0)
    same(t, *generating, "1,9", exits=1)
    same(t, *generating, "1", exits=1)
    none = file(home, "none", {"topics": [{"topic": "nosuch"}]})
    same(t, "--generate", "--topics-to-move-json-file", none, "--broker-list", "1", exits=1)
    same(t, "--list", exits=0)
    same(t, "--list", "--bootstrap-controller", m.brokers.controller, exits=1)
    t.same("reassign-partitions", "--list", "--bootstrap-controller", m.brokers.controller, bootstrap="", exits=0)
    m.execute(m.plan("broker", (0, [2, 9])), exits=1)
    m.execute(m.plan("partition", (7, [2])), exits=1)
    m.execute(m.plan("number", (0, [1, 2, 3])), "--disallow-replication-factor-change", exits=1)
    other = m.plan("other", (0, [2, 3]), (1, [3, 1]))
    m.verify(other)
    m.execute(other, "--throttle", 1_000_000, exits=0)
    m.settings()
    m.done(other, "--preserve-throttles")
    m.settings()
    m.verify(other)
    m.settings()
    # A move that takes longer than the test.
    slow = m.plan("slow", (0, [2, 1]))
    again = m.plan("again", (0, [3, 1]))
    for me in ("java", "ours"):
        def only(*args, me=me):
            return t.java("reassign-partitions", *args, "--bootstrap-server", m.brokers.address) if me == "java" else t.ours(
                "reassign-partitions", *args, "--bootstrap-server", m.brokers.address)
        only("--execute", "--reassignment-json-file", slow.replace("{me}", me), "--throttle", "1", "--additional")
    m.verify(slow)
    m.verify(again)
    m.execute(again, "--throttle", 2, exits=1)
    m.execute(again, "--throttle", 2, "--additional", exits=0)
    m.settings()
    same(t, "--list", sort=True, exits=0)
    same(t, "--cancel", "--reassignment-json-file", again, "--preserve-throttles", exits=0)
    same(t, "--cancel", "--reassignment-json-file", again, exits=0)
    m.settings()
    m.verify(m.plan("missing", (5, [1])))
    directories(m)


def directories(m):
    """Partition 1 is on brokers 3 and 1."""
    def in_directory(which):
        return [f"{m.brokers.home}/3/{which}", "any"]
    for which in ("a", "b"):
        plan = m.plan("dir", (1, [3, 1], in_directory(which)))
        m.execute(plan, "--replica-alter-log-dirs-throttle", 100_000, exits=0)
        m.done(plan)
    m.settings()
    m.execute(m.plan("nosuch", (1, [3, 1], ["/nosuch/3/a", "any"])), exits=1)
    m.verify(m.plan("nosuch", (1, [3, 1], ["/nosuch/3/a", "any"])))


CHECKS = {"reassign misuse": misuse, "reassign refused": refused, "reassign": moves}
