"""Has Apache Kafka and our storage compact the same log, and compares what is left.

    tests/interop/compaction_kafka.py PEERS [BUILD_DIR]      PEERS: a folder with `kafka-cluster` and `kafka`

Kafka writes a compacted topic (overwritten keys, tombstones, idempotent producers, committed and aborted transactions, all
codecs) without cleaning it, and stops. Its directory is copied; our storage cleans the copy, Kafka the original. Batches and
records must be the same; then Kafka opens our copy, serves it, and cleans it once more. Needs confluent_kafka (pip).
"""

import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lib.check import eventually  # noqa: E402

PORT = 31400
BOOTSTRAP = f"127.0.0.1:{PORT + 10}"
TOPIC = "c"
CONFIG = {"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "1.0",
          "index.interval.bytes": "1000", "delete.retention.ms": "86400000"}


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True, **kwargs)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def start(cluster, directory):
    run(cluster, "start", 1, "--dir", directory)

    def listed():
        try:
            return TOPIC in AdminClient({"bootstrap.servers": BOOTSTRAP, "log_level": 0}).list_topics(timeout=3).topics
        except KafkaException:
            return False
    eventually(listed, 150, "Kafka with the topic", 0.5)


def records(rng, count):
    for _ in range(count):
        key = f"key-{rng.randrange(700)}"
        if rng.random() < 0.1:
            yield key, None
        else:
            yield key, "".join(rng.choices("abcdefgh", k=rng.randrange(1500)))


def write(rng):
    plain = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 20})
    codecs = [Producer({"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "enable.idempotence": True,
                        "linger.ms": 20, "batch.size": 20000})
              for codec in ("none", "gzip", "snappy", "lz4", "zstd")]
    txns = [Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": f"t{i}", "linger.ms": 5}) for i in range(3)]
    for producer in txns:
        producer.init_transactions(60)
    for _ in range(60):
        producer = rng.choice([plain, *codecs])
        for key, value in records(rng, 60):
            producer.produce(TOPIC, value, key, partition=0)
        producer.flush()
        open_txns = rng.sample(txns, 2)
        for producer in open_txns:
            producer.begin_transaction()
        for _ in range(3):
            for producer in open_txns:
                for key, value in records(rng, 8):
                    producer.produce(TOPIC, value, key, partition=0)
                producer.flush()
        for producer in open_txns:
            if rng.random() < 0.4:
                producer.abort_transaction(60)
            else:
                producer.commit_transaction(60)


def dump(kafka, partition):
    """One line for each batch and each record, without what depends on when it was cleaned."""
    logs = ",".join(str(p) for p in sorted(partition.glob("*.log")))
    out = run(kafka, "dump-log", "--print-data-log", "--deep-iteration", "--files", logs)
    lines = []
    for line in out.splitlines():
        if line.startswith("baseOffset:"):
            fields = dict(re.findall(r"(\w+): (\S+)", line))
            if fields["isvalid"] != "true":
                sys.exit(f"not sound: {line}")
            horizon = "deleteHorizonMs" in fields and fields["deleteHorizonMs"] not in ("OptionalLong.empty", "-1")
            lines.append(" ".join(["batch", *(fields[f] for f in (
                "baseOffset", "lastOffset", "count", "baseSequence", "lastSequence", "producerId", "producerEpoch",
                "partitionLeaderEpoch", "isTransactional", "isControl", "compresscodec")), str(horizon)]))
        elif line.startswith("| offset:"):
            fields = dict(re.findall(r"(\w+): (\S*)", line.split("payload:")[0]))
            payload = line.split("payload:")[1] if "payload:" in line else ""
            lines.append(" ".join(["record", *(fields.get(f, "") for f in ("offset", "CreateTime", "sequence", "key")),
                                   str(hash(payload))]))
    return lines


def values():
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": f"g{time.time()}", "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.subscribe([TOPIC])
    found, deadline = {}, time.time() + 60
    while time.time() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            break
        found[message.key()] = message.value()
    consumer.close()
    return {k: v for k, v in found.items() if v is not None}


def cleaned_to(directory):
    text = (directory / "cleaner-offset-checkpoint").read_text()
    found = re.search(rf"^{TOPIC} 0 (\d+)$", text, re.M)
    return int(found[1]) if found else None


def have_kafka_clean(directory, more_than):
    resource = ConfigResource(ConfigResource.Type.TOPIC, TOPIC)
    resource.add_incremental_config(ConfigEntry("min.cleanable.dirty.ratio", "0.0",
                                                incremental_operation=AlterConfigOpType.SET))
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)
    eventually(lambda: (cleaned_to(directory) or 0) > more_than, 120, "a cleaning by Kafka", 0.2)


def compare(what, theirs, ours):
    if theirs == ours:
        print(f"{what}: the same {len(ours)} lines")
        return
    import difflib
    print("\n".join(list(difflib.unified_diff(theirs, ours, "kafka", "millrace", lineterm="", n=1))[:40]))
    sys.exit(f"FAIL {what}")


def main():
    peers, build = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "build/debug")
    work = Path(tempfile.mkdtemp(prefix="millrace-compaction-"))
    cluster, kafka, kdir = peers / "kafka-cluster", peers / "kafka", work / "kafka"
    rng = random.Random(7)
    run(cluster, "up", 1, "--base-port", PORT, "--dir", kdir, "--set", "log.cleaner.backoff.ms=200", "--set",
        "log.retention.check.interval.ms=100000")
    try:
        admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        for future in admin.create_topics([NewTopic(TOPIC, 1, 1, config=CONFIG)]).values():
            future.result(30)
        write(rng)
        expected = values()
        run(cluster, "stop", 1, "--dir", kdir)
        theirs = next(kdir.rglob(f"{TOPIC}-0")).parent
        ours = work / "ours"
        shutil.copytree(theirs, ours)
        before = dump(kafka, theirs / f"{TOPIC}-0")
        print(run(build / "bin" / "storage_test", "--test-case=the compacted topics of a directory*",
                  env={"MILLRACE_CLEAN_DIR": str(ours)}).splitlines()[0])
        start(cluster, kdir)
        have_kafka_clean(theirs, 0)
        if values() != expected:
            sys.exit("FAIL: Kafka's own compaction lost something")
        run(cluster, "stop", 1, "--dir", kdir)
        if cleaned_to(ours) != cleaned_to(theirs):
            sys.exit(f"FAIL: cleaned to {cleaned_to(ours)}, Kafka to {cleaned_to(theirs)}")
        after = dump(kafka, theirs / f"{TOPIC}-0")
        print(f"{len(before)} batches and records before")
        compare("batches and records", after, dump(kafka, ours / f"{TOPIC}-0"))
        indexes = ",".join(str(p) for pattern in ("*.index", "*.timeindex", "*.txnindex", "*.snapshot")
                           for p in (ours / f"{TOPIC}-0").glob(pattern))
        out = run(kafka, "dump-log", "--files", indexes)
        if re.search("mismatch|out of order|exception|corrupt", out, re.I):
            sys.exit(f"FAIL: Kafka's tool finds fault with our indexes:\n{out}")
        for name in (f"{TOPIC}-0", "cleaner-offset-checkpoint"):
            target = theirs / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
            (shutil.copytree if (ours / name).is_dir() else shutil.copy)(ours / name, target)
        start(cluster, kdir)
        if values() != expected:
            sys.exit("FAIL: Kafka reads something else from what we cleaned")
        write(rng)
        expected = values()
        have_kafka_clean(theirs, cleaned_to(ours))
        if values() != expected:
            sys.exit("FAIL: after another cleaning by Kafka")
        print("Kafka serves and cleans what we cleaned")
    finally:
        subprocess.run([cluster, "down", "--dir", kdir], capture_output=True)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
