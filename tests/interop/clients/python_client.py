#!/usr/bin/env python3
"""usage: python_client.py confluent|kafka-python|aiokafka HOST:PORT CODEC TOPIC GROUP COUNT [PROTOCOL]

Creates TOPIC with 3 partitions, produces COUNT keyed records with a header, consumes them in GROUP, checks and commits
them. PROTOCOL (confluent only): the group protocol, classic or consumer."""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lib.records import record, verify  # noqa: E402

SECONDS = 120


def run_confluent(address, codec, topic, group, count, protocol="classic"):
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    base = {"bootstrap.servers": address}
    admin = AdminClient(base)
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(90)
    refused = []
    producer = Producer({**base, "compression.type": codec, "enable.idempotence": True, "linger.ms": 20})
    for i in range(count):
        key, value, header = record(i)
        producer.produce(topic, value, key, headers=[("i", header)],
                         on_delivery=lambda error, _: error and refused.append(error))
    left = producer.flush(90)
    assert left == 0 and not refused, f"{left} records not delivered, errors {refused[:1]}"

    settings = {**base, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                "group.protocol": protocol}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    received, end = {}, time.time() + SECONDS
    while len(received) < count and time.time() < end:
        for message in consumer.consume(500, 0.5):
            assert not message.error(), message.error()
            received[message.key()] = (message.value(), dict(message.headers())["i"])
    verify(received, count)
    consumer.commit(asynchronous=False)
    consumer.close()


def run_kafka_python(address, codec, topic, group, count):
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.admin import KafkaAdminClient, NewTopic
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(name=topic, num_partitions=3, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=address, compression_type=None if codec == "none" else codec,
                             acks="all", linger_ms=20)
    sent = [producer.send(topic, key=key, value=value, headers=[("i", header)])
            for key, value, header in map(record, range(count))]
    for future in sent:
        future.get(90)
    producer.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=address, group_id=group, auto_offset_reset="earliest",
                             enable_auto_commit=False)
    received, end = {}, time.time() + SECONDS
    while len(received) < count and time.time() < end:
        for messages in consumer.poll(500).values():
            for m in messages:
                received[m.key] = (m.value, dict(m.headers)["i"])
    verify(received, count)
    consumer.commit()
    consumer.close()


def run_aiokafka(address, codec, topic, group, count):
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async def produce():
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        await admin.create_topics([NewTopic(name=topic, num_partitions=3, replication_factor=1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=address, compression_type=None if codec == "none" else codec,
                                    enable_idempotence=True, linger_ms=20)
        await producer.start()
        sent = []
        for key, value, header in map(record, range(count)):
            sent.append(await producer.send(topic, value, key=key, headers=[("i", header)]))
        await asyncio.gather(*sent)
        await producer.stop()

    async def consume():
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, group_id=group, auto_offset_reset="earliest",
                                    enable_auto_commit=False)
        await consumer.start()
        received, end = {}, time.time() + SECONDS
        while len(received) < count and time.time() < end:
            for messages in (await consumer.getmany(timeout_ms=500)).values():
                for m in messages:
                    received[m.key] = (m.value, dict(m.headers)["i"])
        verify(received, count)
        await consumer.commit()
        await consumer.stop()

    async def both():
        await produce()
        await consume()

    asyncio.run(both())


if __name__ == "__main__":
    if len(sys.argv) < 7:
        sys.exit(__doc__)
    library, address, codec, topic, group, count = sys.argv[1:7]
    run = {"confluent": run_confluent, "kafka-python": run_kafka_python, "aiokafka": run_aiokafka}[library]
    run(address, codec, topic, group, int(count), *sys.argv[7:])
