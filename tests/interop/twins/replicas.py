"""kafka-replica-verification: what replicas that agree and replicas that do not are said to be."""

import os
import re
import signal
import subprocess
from pathlib import Path

from lib import env
from lib.brokers import Brokers
from lib.records import unique
from lib.tools import CLASSES

TOOL = "replica-verification"
OFTEN = ("--report-interval-ms", 200, "--max-wait-ms", 100, "--time", -2)


def times_aside(text):
    return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "TIME", text, flags=re.M)


def misuse(t, _):
    def same(*args, **options):
        t.same(TOOL, *args, bootstrap="", **options)
    filled(t, t.address, 1)  # without a topic Kafka's does not look at the pattern
    for args in ((), ("--bogus",), ("--topics-include", "x"), ("--broker-list", t.address, "--topics-include", "["),
                 ("--broker-list", t.address, "--time", "x"), ("--broker-list", t.address, "--report-interval-ms", "x"),
                 ("--broker-list", t.address, "--topics-include", "nosuch"), ("--broker-list", "noport")):
        same(*args, exits=1, complaints=bool(args))
    same("--broker-list", t.address, "--time", 99999999999999, exits=1, complaints=False)  # Kafka's names a class of its own
    same("--version", exits=0, complaints=False)


def watched(t, address, *args, reports):
    """What both tell of the same replicas until that many reports, or their own end; they run at the same time."""
    args = ["--broker-list", address, *map(str, (*args, *OFTEN))]
    commands = (env.java(CLASSES[TOOL], *args), [str(env.BINARY.parent / f"kafka-{TOOL}"), *args])
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    told = []
    for process in running:
        lines = []
        for line in process.stdout:
            lines.append(times_aside(line.rstrip()))
            if "doesn't match" in line and process is running[0]:
                process.kill()  # Kafka's waits for itself then, for ever
            if sum("max lag" in said for said in lines) == reports:
                process.send_signal(signal.SIGTERM)
                break
        process.stdout.read()
        status = process.wait(30)
        told.append((lines, status))
    (java, java_exit), (ours, our_exit) = told
    java, ours = ([line for i, line in enumerate(lines) if line not in lines[:i]] for lines in (java, ours))
    assert java == ours, f"{args}:\n  Kafka's: {java}\n  ours:    {ours}"
    assert java_exit in (our_exit, -signal.SIGKILL), f"{args}: Kafka's ends with {java_exit}, ours with {our_exit}"
    return ours, our_exit


def filled(t, address, replicas):
    topic = unique("replicas")
    server = ("--bootstrap-server", address)
    assert t.ours("topics", *server, "--create", "--topic", topic, "--partitions", 1, "--replication-factor", replicas).exit == 0
    done = t.ours("producer-perf-test", *server, "--topic", topic, "--num-records", 40, "--record-size", 1000, "--throughput", -1,
                  "--command-property", "batch.size=4000", "acks=all")
    assert done.exit == 0, done.text
    return topic


def agreeing(t, node):
    topic = filled(t, t.address, 1)
    lines, status = watched(t, t.address, "--topics-include", topic, reports=2)
    assert lines[-1] == f"TIME: max lag is 0 for partition {topic}-0 at offset 40 among 1 partitions", lines
    assert status == 128 + signal.SIGTERM
    if node.kind == "kafka":
        with Brokers(3) as brokers:
            of_three(t, brokers)


def of_three(t, brokers):
    agree, differ, part = (filled(t, brokers.address, 3) for _ in range(3))
    watched(t, brokers.address, "--topics-include", f"{agree},nosuch", reports=2)
    # A broker gives out batches as they are in its file.
    changed(brokers, differ, 17, b"\1\2\3\4")  # the checksum
    lines, status = watched(t, brokers.address, "--topics-include", differ, reports=2)
    assert any("has unmatched checksum at offset" in line for line in lines), lines
    assert status == 128 + signal.SIGTERM
    changed(brokers, part, 23, b"\0\0\0\1")  # how many records it has, but for one
    lines, status = watched(t, brokers.address, "--topics-include", part, reports=2)
    assert any("doesn't match replica" in line for line in lines), lines
    assert status == 1


def changed(brokers, topic, at, content):
    """Overwrites bytes of the first batch of broker 3's replica."""
    [file] = Path(brokers.home, "3").glob(f"?/{topic}-0/00000000000000000000.log")
    with open(file, "r+b") as f:
        f.seek(at)
        f.write(content)
        f.flush()
        os.fsync(f.fileno())


CHECKS = {"replica-verification misuse": misuse, "replica-verification": agreeing}
