#!/usr/bin/env python3
"""Telemetry (KIP-714) to Apache Kafka: our clients push what a subscription asks for, under the names that Java's clients use."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.otlp import DELTA, read_pushes
from lib.tools import Tools

MILLRACE = str(env.BINARY)
PREFIX = "org.apache.kafka."
# What Java's admin client 4.3.1 pushed, but for the times of logins, of which there are none; its tools end before they push.
JAVA_ADMIN = """connection.close.rate connection.close.total connection.count connection.creation.rate connection.creation.total
incoming.byte.rate incoming.byte.total network.io.rate network.io.total
io.ratio io.time.ns.avg io.time.ns.total io.wait.ratio io.wait.time.ns.avg io.wait.time.ns.total select.rate select.total
failed.authentication.rate failed.authentication.total failed.reauthentication.rate failed.reauthentication.total
successful.authentication.rate successful.authentication.total successful.authentication.no.reauth.total
successful.reauthentication.rate successful.reauthentication.total outgoing.byte.rate outgoing.byte.total request.rate
request.size.avg request.size.max request.total response.rate response.total node.incoming.byte.rate node.incoming.byte.total
node.outgoing.byte.rate node.outgoing.byte.total node.request.latency.avg node.request.latency.max node.request.rate
node.request.size.avg node.request.size.max node.request.total node.response.rate node.response.total"""


class Desk:
    def __init__(self, node, tools, file):
        self.node, self.tools, self.file = node, tools, file
        tools.ok("client-metrics", "--alter", "--name", "all", "--metrics", PREFIX, "--interval", "500")

    def of(self, client):
        return [push for push in read_pushes(self.file) if push.client_id == client]

    def wait(self, client, count=1, last=False):
        def there():
            pushes = self.of(client)
            return len(pushes) >= count and (not last or pushes[-1].last)
        eventually(there, 90, f"{count} pushes of {client}", interval=0.1)
        return self.of(client)

    @contextmanager
    def run(self, *command, given=False):
        process = subprocess.Popen([MILLRACE, *command, "-b", self.node.address], text=True,
                                   stdin=subprocess.PIPE if given else subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0, process.returncode


def total(pushes, name):
    points = [p for push in pushes for p in push.points if p.name == PREFIX + name and not p.tags]
    assert points and all(p.temporality == DELTA and p.monotonic for p in points), name
    return sum(p.value for p in points)


def names(pushes):
    return {p.name for push in pushes for p in push.points}


def check_known(ours, theirs, least):
    """Each of our names is one that Java's client has too."""
    strange = names(ours) - names(theirs)
    assert not strange, sorted(strange)
    assert len(names(ours)) >= least, sorted(names(ours))


def check_producer(desk):
    topic = "told"
    subprocess.run([MILLRACE, "topics", "create", topic, "-b", desk.node.address], check=True, stdout=subprocess.DEVNULL)
    with desk.run("produce", topic, "-X", "client.id=ours-producer", given=True) as process:
        process.stdin.write("one\ntwo\n")
        process.stdin.flush()
        desk.wait("ours-producer", 2)
        process.stdin.write("three\n")
        process.stdin.flush()
        desk.wait("ours-producer", 3)
        process.stdin.close()
        process.stdin = None
        process.wait(30)
    pushes = desk.wait("ours-producer", 4, last=True)
    assert len({push.instance for push in pushes}) == 1
    assert [push.last for push in pushes].count(True) == 1
    assert total(pushes, "producer.record.send.total") == 3
    assert total(pushes, "producer.record.error.total") == 0
    assert total(pushes, "producer.connection.creation.total") == 2
    assert pushes[-1].value(PREFIX + "producer.connection.count") == 1
    for earlier, later in zip(pushes, pushes[1:]):
        ends = {p.time for p in earlier.points}
        starts = {p.start for p in later.points if p.temporality == DELTA}
        assert len(ends) == 1 and starts == ends, (ends, starts)
    running = desk.tools.start("producer-perf-test", "--topic", topic, "--num-records", 3000, "--record-size", 10,
                               "--throughput", 500, "--command-property", "client.id=theirs-producer")
    theirs = desk.wait("theirs-producer", 2)
    running.wait()
    check_known(pushes, theirs, 90)


def check_consumer(desk, kind, ours, theirs, least, name, count):
    """`ours` is a command of millrace that reads until it has told of so many of `name`, `theirs` one of Java's tools."""
    with desk.run("consume", "told", *ours, "-X", f"client.id=ours-{kind}"):
        desk.wait(f"ours-{kind}", 3)
        # The first ones may be of before it was a member.
        member = eventually(lambda: [p.labels for p in desk.of(f"ours-{kind}") if "group_member_id" in p.labels], 60, "a member")
        assert member[0]["group_id"] == f"g-{kind}" and member[0]["group_member_id"], member
        eventually(lambda: total(desk.of(f"ours-{kind}"), name) >= count, 60, f"{count} of {name}")
    pushes = desk.wait(f"ours-{kind}", 4, last=True)
    running = desk.tools.start(*theirs, "--topic", "told", "--command-property", f"client.id=theirs-{kind}")
    java = desk.wait(f"theirs-{kind}", 3)
    running.stop()
    check_known(pushes, java, least)
    return pushes


def check_group(desk):
    pushes = check_consumer(desk, "group", ("-g", "g-group", "--from-beginning"),
                            ("console-consumer", "--group", "j-group", "--from-beginning"), 90,
                            "consumer.fetch.manager.records.consumed.total", 3)
    assert total(pushes, "consumer.coordinator.rebalance.total") == 1


def check_share(desk):
    check_consumer(desk, "share", ("--share", "g-share"), ("console-share-consumer", "--group", "j-share"), 70,
                   "consumer.share.coordinator.heartbeat.total", 1)


def check_admin(desk):
    """Only when it is told to, as Java's."""
    subprocess.run([env.BINARY.parent / "client_live_test", "--test-case=an administrator*"], check=True, timeout=120,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "MILLRACE_TEST_SERVERS": desk.node.address, "MILLRACE_TEST_TELEMETRY": "1"})
    pushes = desk.wait("ours-admin", 4)
    assert any(push.last for push in pushes), pushes
    one = [push for push in pushes if push.instance == pushes[0].instance]
    assert total(one, "admin.client.request.total") >= 4
    java = {PREFIX + "app.info.start.time.ms", *(PREFIX + "admin.client." + name for name in JAVA_ADMIN.split())}
    assert names(pushes) == java, sorted(names(pushes) ^ java)
    subprocess.run([env.BINARY.parent / "example_lag", desk.node.address], check=True, timeout=60, stdout=subprocess.DEVNULL)
    assert not desk.of("millrace")


def check_off(desk):
    with desk.run("consume", "told", "-g", "g-off", "-X", "client.id=ours-off", "-X", "enable.metrics.push=false"), \
            desk.run("consume", "told", "-g", "g-on", "-X", "client.id=ours-on"):
        desk.wait("ours-on", 3)
    assert not desk.of("ours-off")


def check_narrow(desk):
    """Another subscription: what was running asks anew and says no more than that."""
    with desk.run("consume", "told", "-g", "g-narrow", "-X", "client.id=ours-narrow"):
        desk.wait("ours-narrow", 1)
        desk.tools.ok("client-metrics", "--alter", "--name", "all", "--metrics", PREFIX + "consumer.request", "--interval", "300")

        def narrow():
            seen = names(desk.of("ours-narrow")[-1:])
            return seen and all(name.startswith(PREFIX + "consumer.request") for name in seen)
        eventually(narrow, 60, "the narrow subscription", interval=0.1)


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pushes"
        settings = {"metric.reporters": "TelemetryToFile", "millrace.test.telemetry.file": file}
        with Node("kafka", settings) as node, Tools(node.address) as tools:
            desk = Desk(node, tools, file)
            checks.run("a producer", check_producer, desk)
            checks.run("a member of a group", check_group, desk)
            checks.run("a member of a share group", check_share, desk)
            checks.run("an administrator", check_admin, desk)
            checks.run("off", check_off, desk)
            checks.run("a subscription that changes", check_narrow, desk)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
