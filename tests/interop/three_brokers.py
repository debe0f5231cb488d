#!/usr/bin/env python3
"""Our client against three brokers of Apache Kafka in three racks, of which one after the other is killed and comes back: what is
produced meanwhile is there once and in order, whoever reads along reads all of it, also from the followers in its rack, and
members of a group go on over the death of their coordinator."""

import base64
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import free_port
from lib.wire import Wire

MILLRACE = str(env.BINARY)
PARTITIONS = 6
QUICK = {"offsets.topic.replication.factor": "3", "offsets.topic.num.partitions": "6", "default.replication.factor": "3",
         "transaction.state.log.replication.factor": "3", "transaction.state.log.num.partitions": "3",
         "min.insync.replicas": "2", "group.initial.rebalance.delay.ms": "0", "broker.session.timeout.ms": "4000",
         "broker.heartbeat.interval.ms": "500", "replica.lag.time.max.ms": "4000",
         "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector"}


class Brokers:
    """`with Brokers() as brokers:` nodes 1 to 3; the first is the controller as well, and is never killed."""

    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="three-brokers-"))
        self.ports = {node: free_port() for node in (1, 2, 3)}
        self.address = ",".join(f"127.0.0.1:{port}" for port in self.ports.values())
        self.processes = {}

    def __enter__(self):
        controller, cluster = free_port(), base64.urlsafe_b64encode(b"\x4d" + secrets.token_bytes(15)).decode().rstrip("=")
        for node, port in self.ports.items():
            listeners = [f"PLAINTEXT://127.0.0.1:{port}"] + ([f"CONTROLLER://127.0.0.1:{controller}"] if node == 1 else [])
            properties = {"process.roles": "broker,controller" if node == 1 else "broker", "node.id": node, "broker.rack": f"r{node}",
                          "log.dirs": self.home / str(node), "listeners": ",".join(listeners),
                          "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}", "controller.listener.names": "CONTROLLER",
                          "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                          "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}", **QUICK}
            file = self.home / f"{node}.properties"
            file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
            subprocess.run(env.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", file,
                                    *(["--standalone"] if node == 1 else [])), check=True, stdout=subprocess.DEVNULL)
            self.start(node)
        self.await_count(3)
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self, node):
        with (self.home / f"{node}.log").open("ab") as log:
            self.processes[node] = subprocess.Popen(
                env.java("kafka.Kafka", self.home / f"{node}.properties", heap="512m", log="WARN"), stdout=log, stderr=log)

    def await_count(self, count):
        """Until so many are registered."""
        def ready():
            with Wire(f"127.0.0.1:{self.ports[1]}", 5.0) as wire:
                return len(wire.metadata([])[0]) == count
        eventually(ready, 180, f"{count} brokers", 0.5)

    def bounce(self, node):
        self.processes[node].send_signal(signal.SIGKILL)
        self.processes[node].wait()
        self.await_count(2)
        self.start(node)
        self.await_count(3)


class Reader:
    """`millrace consume` that follows; its lines so far."""

    def __init__(self, brokers, topic, *options):
        self.process = subprocess.Popen([MILLRACE, "consume", topic, "-b", brokers.address, "-f", "%p %s\\n", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(tuple(map(int, line.split())))

    def stop(self):
        self.process.terminate()
        said = self.process.stderr.read()
        assert self.process.wait(60) == 0, said[-500:]
        self.thread.join(10)


def in_order(lines):
    last = {}
    for partition, value in lines:
        if value <= last.get(partition, -1):
            return False
        last[partition] = value
    return True


def feed(process, stopping, sent):
    while not stopping.is_set():
        process.stdin.write(b"".join(b"%d\n" % i for i in range(sent[0], sent[0] + 20)))
        process.stdin.flush()
        sent[0] += 20
        stopping.wait(0.02)
    process.stdin.close()


def over_deaths(brokers):
    topic = "deaths"
    subprocess.run([MILLRACE, "topics", "create", topic, "-b", brokers.address, "--partitions", str(PARTITIONS),
                    "--replication", "3"], check=True, timeout=60)
    along = Reader(brokers, topic, "--from-beginning")
    near = Reader(brokers, topic, "--from-beginning", "-X", "client.rack=r3", "-X", "metadata.max.age.ms=2000")
    member = ("-g", "deaths", "--from-beginning", "-X", "session.timeout.ms=10000", "-X", "auto.commit.interval.ms=200")
    grouped = [Reader(brokers, topic, *member) for _ in range(2)]
    new = Reader(brokers, topic, "-g", "deaths-new", "--from-beginning", "-X", "group.protocol=consumer")
    producer = subprocess.Popen([MILLRACE, "produce", topic, "-b", brokers.address], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    stopping, sent = threading.Event(), [0]
    feeding = threading.Thread(target=feed, args=(producer, stopping, sent), daemon=True)
    feeding.start()
    for node in (2, 3):
        before = len(along.lines)
        eventually(lambda: len(along.lines) > before + 500, 60, "records go round")
        brokers.bounce(node)
    stopping.set()
    feeding.join(60)
    said = producer.stderr.read()
    assert producer.wait(120) == 0, said[-500:]
    everything = list(range(sent[0]))
    together = lambda: sorted({value for reader in grouped for _, value in reader.lines})
    for what, seen in (("the reader", lambda: sorted(value for _, value in along.lines)),
                       ("the reader of followers", lambda: sorted(value for _, value in near.lines)),
                       ("the classic group", together), ("the new group", lambda: sorted({value for _, value in new.lines}))):
        eventually(lambda seen=seen: len(seen()) >= len(everything), 90, f"{what} has everything")
        twice = [value for value, times in Counter(seen()).items() if times > 1]
        assert seen() == everything, f"{what}: {len(seen())} records of {len(everything)}, twice: {twice[:5]}"
    assert in_order(along.lines) and in_order(near.lines), "records are out of order"
    for reader in (along, near, new, *grouped):
        reader.stop()


def main():
    args = parser(__doc__)
    checks = Checks(parse(args).only)
    env.need_setup()
    with Brokers() as brokers:
        checks.run("brokers that die and come back", over_deaths, brokers)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
