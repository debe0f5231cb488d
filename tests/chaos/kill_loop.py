#!/usr/bin/env python3
"""kill -9 in a loop under idempotent load: afterwards every acked record is there, where its ack said, exactly once, and each
partition is in the order in which it was sent.

The load is Kafka's own verifiable producer with idempotence and endless retries, in one process that outlives all kills: the
class that kafka-verifiable-producer.sh starts, from the jars that tests/interop/setup fetches, or, with --tool, that script
itself from an installed Kafka. Its values count up, so that a lost, doubled or swapped record shows in the log by itself. The
log is read by our own wire client.

With --synced there is a second topic with flush.messages=1 under a producer of its own: appends that wait for a sync and appends
that do not then share the journal, if --set millrace.journal.bytes=67108864 turns it on."""

import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from lib import env  # noqa: E402
from lib.check import eventually, parse, parser  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.wire import Batch, Reader, stored  # noqa: E402

TOPICS = {"chaos": {}, "chaos-synced": {"flush.messages": "1"}}
PRODUCER = "org.apache.kafka.tools.VerifiableProducer"


class Load:
    """The producer of a topic and what it was told: value -> (partition, offset) of each ack."""

    def __init__(self, address, topic, throughput, tool=None):
        self.topic, self.acked, self.errors = topic, {}, []
        self.properties = tempfile.NamedTemporaryFile("w", suffix=".properties")
        self.properties.write("enable.idempotence=true\nretries=2147483647\ndelivery.timeout.ms=1200000\n"
                              "request.timeout.ms=5000\nmax.block.ms=600000\nretry.backoff.ms=20\nretry.backoff.max.ms=200\n"
                              "reconnect.backoff.ms=20\nreconnect.backoff.max.ms=200\nlinger.ms=5\nbatch.size=4000\n")
        self.properties.flush()
        self.process = subprocess.Popen(
            [*([tool] if tool else env.java(PRODUCER)), "--bootstrap-server", address, "--topic", topic, "--acks", "-1",
             "--throughput", str(throughput), "--command-config", self.properties.name], stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue  # warnings of the tool
            event = json.loads(line)
            if event["name"] == "producer_send_success":
                self.acked[int(event["value"])] = (event["partition"], event["offset"])
            elif event["name"] == "producer_send_error" and "has been closed" not in event["message"]:
                self.errors.append(event)  # (what it makes after it was told to stop was never sent)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self.reader.join(30)
        self.properties.close()


def values(batch: Batch):
    """The records' values of an uncompressed batch, as numbers, with their offsets."""
    reader = Reader(batch.payload)
    for _ in range(batch.count):
        reader.varint(), reader.i8(), reader.varint()
        offset = batch.base_offset + reader.varint()
        reader.take(max(0, reader.varint()))
        yield offset, int(reader.take(reader.varint()))
        for _ in range(reader.varint()):
            reader.take(reader.varint()), reader.take(max(0, reader.varint()))


def examine(node, topic, acked, partitions):
    """Raises with the first few of whatever is wrong."""
    where, wrong = {}, []
    with node.wire(60) as wire:
        assert all(wire.metadata([topic])[1][topic][1].get(p) is not None for p in range(partitions))
        for partition in range(partitions):
            expected, last = 0, -1
            for batch in stored(wire, topic, [partition]):
                if not batch.crc_right:
                    wrong.append(f"{partition}: wrong checksum at {batch.base_offset}")
                for offset, value in values(batch):
                    if offset != expected:
                        wrong.append(f"{partition}: offset {offset} where {expected} should be")
                    if value <= last:
                        wrong.append(f"{partition}: value {value} after {last} at offset {offset}")
                    if value in where:
                        wrong.append(f"value {value} twice: {where[value]} and {(partition, offset)}")
                    where[value] = (partition, offset)
                    expected, last = offset + 1, value
    for value, place in acked.items():
        if where.get(value) != place:
            wrong.append(f"value {value} was acked at {place} and is at {where.get(value)}")
    assert not wrong, f"{len(wrong)} things are wrong: " + "; ".join(wrong[:8])
    return len(where)


def more_acks(loads, count, seconds, what):
    """Until each producer has `count` more."""
    before = [len(load.acked) for load in loads]
    eventually(lambda: all(len(load.acked) > n + count for load, n in zip(loads, before)), seconds, what)


def run_rounds(node, loads, rounds, rng):
    more_acks(loads, 100, 180, "the first acks")
    for number in range(rounds):
        time.sleep(rng.uniform(0.2, 2.5))
        acked = sum(len(load.acked) for load in loads)
        node.kill()
        begin = time.monotonic()
        node.start()
        ready = time.monotonic() - begin
        more_acks(loads, 0, 120, "an ack after the kill")
        print(f"round {number + 1}: killed after {acked} acks; ready in {ready:.2f} s, acks again after "
              f"{time.monotonic() - begin:.2f} s", flush=True)
    more_acks(loads, 100, 60, "more acks after the last kill")


def main():
    p = parser(__doc__)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--throughput", type=int, default=2000, help="records a second")
    p.add_argument("--tool", metavar="FILE", help="kafka-verifiable-producer.sh of an installed Kafka 4.3 (default: its class)")
    p.add_argument("--partitions", type=int, default=3)
    p.add_argument("--synced", action="store_true", help="with a second topic, whose appends are synced before they are acked")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parse(p)
    env.need_setup()
    rng = random.Random(args.seed)
    print(f"seed {args.seed}, {args.rounds} rounds", flush=True)
    with Node() as node:
        topics = list(TOPICS)[:2 if args.synced else 1]
        with node.wire() as wire:
            for topic in topics:
                assert wire.create_topic(topic, args.partitions, TOPICS[topic]) == 0
        loads = [Load(node.address, topic, args.throughput, args.tool) for topic in topics]
        try:
            run_rounds(node, loads, args.rounds, rng)
            for load in loads:
                load.stop()
        finally:
            for load in loads:
                load.process.kill()
        for load in loads:
            assert not load.errors, f"{len(load.errors)} records were given up, the first: {load.errors[0]}"
            found = examine(node, load.topic, load.acked, args.partitions)
            print(f"{load.topic}: {len(load.acked)} records acked, {found} in the log: none lost, none doubled, all in order")
    print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
