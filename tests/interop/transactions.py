#!/usr/bin/env python3
"""Transactions with real clients: librdkafka, Kafka's Java producer and copier, kafka-transactions; over restarts."""

import re
import signal
import subprocess
import sys

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.tools import Tools

SECONDS = 300


def topic_for(tools, name, partitions=3):
    topic = unique(name)
    tools.ok("topics", "--create", "--topic", topic, "--partitions", partitions)
    return topic


def librdkafka(node, check, topic, *args):
    done = subprocess.run([env.PYTHON, env.ROOT / "tests/interop/clients/python_transactions.py", check, node.address, topic,
                           *args], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-1500:]


def rdkafka(check):
    def run(tools, node):
        librdkafka(node, check, topic_for(tools, "rd-" + check))
    return run


def values(tools, topic, count, timeout_ms=60000):
    """What a Java consumer with read_committed reads from the start."""
    return tools.run("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", count, "--timeout-ms",
                     timeout_ms, "--command-property", "isolation.level=read_committed").lines()


def java_producer(tools, node):
    topic = topic_for(tools, "java-txn")
    tools.ok("producer-perf-test", "--topic", topic, "--num-records", 500, "--record-size", 100, "--throughput", -1,
             "--transactional-id", unique("perf"), "--transaction-duration-ms", 50)
    assert len(values(tools, topic, 500)) == 500


def copier(tools, node, kills=()):
    """Kafka's own exactly-once copier, with random aborts."""
    source, target = topic_for(tools, "copy-from", 1), topic_for(tools, "copy-to", 1)
    count = 400
    tools.ok("console-producer", "--topic", source, stdin="".join(f"{i}\n" for i in range(count)))
    running = tools.start("transactional-copier", "--broker-list", node.address, "--transactional-id", unique("copier"),
                          "--input-topic", source, "--input-partition", 0, "--output-topic", target,
                          "--consumer-group", unique("copiers"), "--max-messages", count, "--transaction-size", 20,
                          "--enable-random-aborts", "--group-mode", bootstrap="")
    for sign in kills:
        eventually(lambda: end_offset(node, target) > 0, 60, "the copy to begin")
        node.stop(sign)
        node.start()
    result = running.wait(SECONDS)
    assert result.exit == 0, result.text[-1000:]
    assert sorted(map(int, values(tools, target, count))) == list(range(count)), "not exactly once"


def end_offset(node, topic):
    with node.wire() as wire:
        return wire.list_offset(topic, 0)[2]


def copier_and_kills(tools, node):
    copier(tools, node, (signal.SIGKILL, signal.SIGKILL))


def command_tool(tools, node):
    topic, transactional_id = topic_for(tools, "tool"), unique("left-open")
    librdkafka(node, "open", topic, transactional_id, "800000")

    def run(*args):
        return tools.ok("transactions", *args).out

    assert re.search(rf"{transactional_id}\s+\d+\s+\d+\s+Ongoing", run("list")), run("list")
    described = run("describe", "--transactional-id", transactional_id)
    assert "Ongoing" in described and f"{topic}-0" in described, described
    producers = run("describe-producers", "--topic", topic, "--partition", 0)
    row = re.search(r"^(\d+)\s+(\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(\d+)", producers, re.M)
    assert row, producers
    assert values(tools, topic, 1, 4000) == [], "an open transaction is shown"
    run("abort", "--topic", topic, "--partition", 0, "--start-offset", row[6])
    producers = run("describe-producers", "--topic", topic, "--partition", 0)
    assert re.search(r"None", producers), producers
    run("find-hanging", "--topic", topic, "--max-transaction-timeout", 1)


def timeout(tools, node):
    """A transaction that nobody ends is aborted; readers go on."""
    topic, transactional_id = topic_for(tools, "timeout"), unique("too-slow")
    librdkafka(node, "open", topic, transactional_id, "2000")
    tools.ok("console-producer", "--topic", topic, stdin="later\n")
    eventually(lambda: "CompleteAbort" in tools.ok("transactions", "describe", "--transactional-id", transactional_id).out,
               180, "the abort")
    assert values(tools, topic, 1) == ["later"]


def restart(sign):
    def run(tools, node):
        """An open transaction is still open after a restart, and can be fenced and aborted."""
        topic, transactional_id = topic_for(tools, "restart"), unique("open")
        librdkafka(node, "open", topic, transactional_id, "800000")
        node.stop(sign)
        node.start()
        with node.wire() as wire:
            eventually(lambda: wire.find_coordinator("any") in (0, 15), 90, "the node")
        described = eventually(lambda: tools.ok("transactions", "describe", "--transactional-id", transactional_id).out, 90)
        assert "Ongoing" in described, described
        librdkafka(node, "outcomes", topic_for(tools, "after-restart"))
        tools.ok("producer-perf-test", "--topic", topic, "--num-records", 10, "--record-size", 10, "--throughput", -1,
                 "--transactional-id", transactional_id, "--transaction-duration-ms", 1000)
        assert len(values(tools, topic, 10)) == 10
    return run


CHECKS = {
    "librdkafka: commits and aborts": rdkafka("outcomes"),
    "librdkafka: exactly-once copy with aborts": rdkafka("copy"),
    "librdkafka: fencing": rdkafka("fencing"),
    "java: transactional producer": java_producer,
    "java: transactional copier with random aborts": copier,
    "java: the copier over kills of the node": copier_and_kills,
    "kafka-transactions: list, describe, abort, find-hanging": command_tool,
    "a transaction that takes too long is aborted": timeout,
    "an open transaction over a stop": restart(signal.SIGTERM),
    "an open transaction over a kill": restart(signal.SIGKILL),
}


def main():
    args = parse(parser(__doc__))
    checks = Checks(args.only)
    with Node(settings={"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}) as node:
        with Tools(node.address) as tools:
            for name, check in CHECKS.items():
                checks.run(name, check, tools, node)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
