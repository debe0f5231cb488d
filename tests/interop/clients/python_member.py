"""A member of a group with librdkafka, until it is told to stop: python_member.py SERVERS TOPIC GROUP KEY=VALUE...
Prints `partition offset` of each record."""

import signal
import sys

import confluent_kafka


def main():
    servers, topic, group, *settings = sys.argv[1:]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest",
                                         "auto.commit.interval.ms": 200, **dict(s.split("=", 1) for s in settings)})
    consumer.subscribe([topic])
    while not stopping:
        record = consumer.poll(0.1)
        if record is not None and not record.error():
            print(record.partition(), record.offset(), flush=True)
    consumer.close()


main()
