#!/usr/bin/env python3
"""Our client against three brokers of Apache Kafka in three racks, of which one after the other is killed and comes back: what is
produced meanwhile is there once and in order, whoever reads along reads all of it, also from the followers in its rack, members
of a group go on over the death of their coordinator, and transactions over that of theirs."""

import base64
import json
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
from lib.otlp import read_pushes
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
            properties = {"process.roles": "broker,controller" if node == 1 else "broker", "node.id": node,
                          "broker.rack": f"r{node}",
                          "log.dirs": self.home / str(node), "listeners": ",".join(listeners),
                          "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}", "controller.listener.names": "CONTROLLER",
                          "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                          "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
                          "metric.reporters": "TelemetryToFile", "millrace.test.telemetry.file": self.home / f"{node}.pushes",
                          **QUICK}
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

    def bounce(self, node, meanwhile=lambda: None):
        self.processes[node].send_signal(signal.SIGKILL)
        self.processes[node].wait()
        self.await_count(2)
        meanwhile()
        self.start(node)
        self.await_count(3)

    def millrace(self, *command, given=None, address=None):
        return subprocess.run([MILLRACE, *command, "-b", address or self.address], input=given, check=True, timeout=90, text=True,
                              capture_output=True).stdout

    def describe(self, topic, address=None):
        """Its partitions."""
        return json.loads(self.millrace("topics", "describe", topic, "--json", address=address))[0]["partitions"]

    def make_topic(self, name):
        self.millrace("topics", "create", name, "--partitions", str(PARTITIONS), "--replication", "3")

    def pushes(self, client):
        return [push for node in self.ports for push in read_pushes(self.home / f"{node}.pushes") if push.client_id == client]


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
    brokers.make_topic(topic)
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


def bytes_by_node(brokers, client):
    """What came over a consumer's connections, as it told the cluster itself."""
    def said():
        pushes = brokers.pushes(client)
        return pushes if any(push.last for push in pushes) else None
    out = Counter()
    for push in eventually(said, 30, f"the last push of {client}"):
        for point in push.points:
            if point.name == "org.apache.kafka.consumer.node.incoming.byte.total":
                out[point.tags["node_id"]] += point.value
    return out


def from_followers(brokers):
    """In the rack of node 3 everything comes from there, although it leads only a third of the partitions."""
    topic, records = "racks", 20_000
    tool = env.BINARY.parent / "kafka-client-metrics.sh"
    subprocess.run([tool, "--bootstrap-server", brokers.address, "--alter", "--name", "racks", "--interval", "1000",
                    "--metrics", "org.apache.kafka.consumer.node.", "--match", "client_id=rack-.*"],
                   check=True, timeout=60, stdout=subprocess.DEVNULL)
    brokers.make_topic(topic)
    # A broker that knows the topic knows the subscription that was made before it.
    for port in brokers.ports.values():
        parts = eventually(lambda port=port: brokers.describe(topic, f"127.0.0.1:{port}"), 30, f"the topic at {port}")
        assert len({part["leader"] for part in parts}) == 3, parts
    # Members of groups: others end at once, without a last push.
    near = Reader(brokers, topic, "--from-beginning", "-g", "rack-near", "-X", "client.rack=r3", "-X", "client.id=rack-near")
    anywhere = Reader(brokers, topic, "--from-beginning", "-g", "rack-none", "-X", "client.id=rack-none")
    brokers.millrace("produce", topic, given="".join(f"{i}\n" for i in range(10)))
    for reader in (near, anywhere):
        eventually(lambda reader=reader: len(reader.lines) == 10, 60, "the first records")
    # Five digits and blanks, so that records weigh more than what goes round when there are none.
    brokers.millrace("produce", topic, given="".join(f"{i:<500}\n" for i in range(10, records)))
    for reader in (near, anywhere):
        eventually(lambda reader=reader: len(reader.lines) == records, 60, "all records")
        reader.stop()
    for client, least, most in (("rack-near", 0.95, 1.0), ("rack-none", 0.1, 0.6)):
        by_node = bytes_by_node(brokers, client)
        share = by_node["node-3"] / sum(by_node.values())
        assert sum(by_node.values()) > 500 * records / 2, by_node
        assert least < share < most, f"{client}: {share:.2f} of {by_node}"


def coordinator_dies(brokers):
    """Transactions whose coordinator is killed: the producer goes on, and each record is there once."""
    topic, count = "sums", 8000
    brokers.make_topic(topic)
    tool = env.BINARY.parent / "kafka-producer-perf-test.sh"

    def transactions(identity, records):
        return [tool, "--bootstrap-server", brokers.address, "--topic", topic, "--num-records", str(records),
                "--throughput", "500", "--payload-monotonic", "--transactional-id", identity, "--transaction-duration-ms", "100"]
    subprocess.run(transactions("first", 1), check=True, timeout=60, stdout=subprocess.DEVNULL)
    expected = 1
    reader = Reader(brokers, topic, "--from-beginning", "-X", "isolation.level=read_committed")
    eventually(lambda: len(reader.lines) == 1, 60, "the first transaction")
    for node in (2, 3):
        state = brokers.describe("__transaction_state")
        led = {part["partition"] for part in state if part["leader"] == node}
        assert led, f"node {node} coordinates nothing: {state}"
        identity = next(name for name in map("sums-{}".format, range(1000)) if java_hash(name) % len(state) in led)
        producer = subprocess.Popen(transactions(identity, count), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        before = len(reader.lines)
        eventually(lambda before=before: len(reader.lines) > before + 300, 60, "transactions go round")

        def still_at_it(producer=producer, identity=identity, node=node):
            assert producer.poll() is None, producer.stdout.read()
            coordinator = json.loads(brokers.millrace("transactions", "describe", identity, "--json"))[0]["coordinator"]
            assert coordinator != node, coordinator
        brokers.bounce(node, still_at_it)
        said, _ = producer.communicate(timeout=90)
        assert producer.returncode == 0, said[-500:]
        expected += count
        eventually(lambda: len(reader.lines) >= expected, 60, "all transactions")
        seen = Counter(value for _, value in reader.lines)
        assert seen == Counter([0]) + Counter([*range(count)] * (expected // count)), "lost or doubled"
        assert in_order(reader.lines[before:]), "out of order"
    reader.stop()


def java_hash(text):
    """Of a short name; what Kafka finds a transactional id's partition by."""
    value = 0
    for letter in text:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


def main():
    args = parser(__doc__)
    checks = Checks(parse(args).only)
    env.need_setup()
    with Brokers() as brokers:
        checks.run("records from followers", from_followers, brokers)
        checks.run("the coordinator of transactions dies", coordinator_dies, brokers)
        checks.run("brokers that die and come back", over_deaths, brokers)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
