#!/usr/bin/env python3
"""usage: python_transactions.py CHECK HOST:PORT TOPIC [ID TIMEOUT_MS]       one transactional check with librdkafka

CHECK: outcomes, copy, fencing, open (leaves a transaction open and hangs up). TOPIC has 3 partitions."""

import os
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SECONDS = 90


def producer(address, transactional_id, **more):
    made = Producer({"bootstrap.servers": address, "transactional.id": transactional_id, "linger.ms": 5,
                     **{"transaction.timeout.ms": 60000, **more}})
    made.init_transactions(SECONDS)
    return made


def read(address, topic, count, isolation="read_committed", quiet=3.0):
    """`count` values, and then none for a while."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"read-{topic}-{time.time()}",
                         "auto.offset.reset": "earliest", "isolation.level": isolation, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(3)])
    values, end = [], time.time() + SECONDS
    while time.time() < end:
        for message in consumer.consume(500, 0.3):
            assert not message.error(), message.error()
            values.append(message.value().decode())
        if len(values) >= count:
            end = min(end, time.time() + quiet)
    consumer.close()
    return values


def outcomes(address, topic):
    made = producer(address, f"{topic}-id")
    wanted = []
    for turn in range(12):
        made.begin_transaction()
        values = [f"{turn}-{i}" for i in range(20)]
        for i, value in enumerate(values):
            made.produce(topic, value, partition=i % 3)
        made.flush(SECONDS)
        if turn % 3 == 1:
            made.abort_transaction(SECONDS)
        else:
            made.commit_transaction(SECONDS)
            wanted += values
    assert sorted(read(address, topic, len(wanted))) == sorted(wanted), "read_committed reads something else"
    assert len(read(address, topic, 240, "read_uncommitted")) == 240, "read_uncommitted does not read all"
    # Nothing of an open transaction is shown, nor what comes after it.
    made.begin_transaction()
    made.produce(topic, "open", partition=0)
    made.flush(SECONDS)
    other = Producer({"bootstrap.servers": address})
    other.produce(topic, "after", partition=0)
    other.flush(SECONDS)
    assert len(read(address, topic, len(wanted), quiet=1.5)) == len(wanted)
    made.commit_transaction(SECONDS)
    assert sorted(read(address, topic, len(wanted) + 2)) == sorted(wanted + ["open", "after"])


def copy(address, topic):
    """Consume, transform, produce: with aborts, every record comes out once."""
    target, count = topic + "-copy", 300
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(target, 3, 1)])[target].result(SECONDS)
    source = Producer({"bootstrap.servers": address})
    for i in range(count):
        source.produce(topic, str(i), partition=i % 3)
    source.flush(SECONDS)
    group = topic + "-group"
    settings = {"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest",
                "isolation.level": "read_committed", "enable.auto.commit": False}
    made = producer(address, f"{topic}-copier")
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    copied, turn, end = 0, 0, time.time() + SECONDS
    while copied < count and time.time() < end:
        messages = consumer.consume(25, 0.5)
        if not messages:
            continue
        turn += 1
        made.begin_transaction()
        for message in messages:
            made.produce(target, message.value(), partition=message.partition())
        made.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                         consumer.consumer_group_metadata(), SECONDS)
        if turn % 3 == 2:
            made.abort_transaction(SECONDS)
            for partition in consumer.committed(consumer.assignment(), SECONDS):
                partition.offset = max(partition.offset, 0)
                consumer.seek(partition)
        else:
            made.commit_transaction(SECONDS)
            copied += len(messages)
    committed = consumer.committed([TopicPartition(topic, p) for p in range(3)], SECONDS)
    consumer.close()
    assert [p.offset for p in committed] == [count // 3] * 3, committed
    assert sorted(map(int, read(address, target, count))) == list(range(count)), "not exactly once"


def fencing(address, topic):
    old = producer(address, f"{topic}-id")
    old.begin_transaction()
    old.produce(topic, "of the old", partition=0)
    old.flush(SECONDS)
    new = producer(address, f"{topic}-id")
    try:
        old.commit_transaction(SECONDS)
        raise AssertionError("the old producer could commit")
    except KafkaException as e:
        assert e.args[0].fatal(), e
        assert e.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED,
                                    KafkaError.INVALID_PRODUCER_EPOCH), e
    new.begin_transaction()
    new.produce(topic, "of the new", partition=0)
    new.commit_transaction(SECONDS)
    assert read(address, topic, 1) == ["of the new"]


def leave_open(address, topic, transactional_id, timeout_ms):
    made = producer(address, transactional_id, **{"transaction.timeout.ms": int(timeout_ms)})
    made.begin_transaction()
    made.produce(topic, "never finished", partition=0)
    made.flush(SECONDS)
    os._exit(0)


if __name__ == "__main__":
    check, rest = sys.argv[1], sys.argv[2:]
    {"outcomes": outcomes, "copy": copy, "fencing": fencing, "open": leave_open}[check](*rest)
