"""kafka-verifiable-producer and kafka-verifiable-consumer: the same events."""

import re

from lib.records import unique


def times_aside(text):
    text = re.sub(r'"avg_throughput":[\d.E]+', '"avg_throughput":N', text)
    return re.sub(r'"timestamp":\d+', '"timestamp":N', text)


def events(t, _):
    topic, group = unique("{me}-ver"), unique("{me}-g")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)

    def same(tool, *args, **options):
        # Kafka's write to standard output from other threads, and one of them as its process ends.
        t.same(tool, *args, alone=True, mask=times_aside, **{"complaints": False, "exits": 0, **options})
    for args in (("verifiable-producer",), ("verifiable-consumer", "--topic", "t"), ("verifiable-producer", "--topic", "t",
                                                                                     "--acks", "x")):
        same(*args, exits=1, complaints=True)
    same("verifiable-producer", "--topic", topic, "--max-messages", 5)
    same("verifiable-producer", "--topic", topic, "--max-messages", 3, "--acks", 1, "--value-prefix", 7, "--repeating-keys", 2,
         "--message-create-time", 1000)
    same("verifiable-producer", "--topic", topic, "--max-messages", 0)
    same("verifiable-consumer", "--topic", topic, "--group-id", group, "--max-messages", 8)
    same("verifiable-consumer", "--topic", topic, "--group-id", group + "2", "--max-messages", 8, "--verbose",
         "--enable-autocommit")
    same("verifiable-consumer", "--topic", topic, "--group-id", group + "3", "--max-messages", 8, "--group-protocol", "consumer")


CHECKS = {"verifiable": events}
