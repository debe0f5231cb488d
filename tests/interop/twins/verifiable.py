"""kafka-verifiable-producer, kafka-verifiable-consumer, kafka-verifiable-share-consumer: the same events."""

import re

from lib.records import unique


def times_aside(text):
    text = re.sub(r'"avg_throughput":[\d.E]+', '"avg_throughput":N', text)
    return re.sub(r'"timestamp":\d+', '"timestamp":N', text)


def in_order(text):
    """Kafka's share consumer names acknowledged offsets in the order of a hash table."""
    def ascending(match):
        return f'"offsets":[{",".join(sorted(match[1].split(","), key=int))}]'
    return re.sub(r'"offsets":\[([\d,]+)\]', ascending, times_aside(text))


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


def shared(t, node):
    def same(*args, **options):
        t.same("verifiable-share-consumer", *args, alone=True, mask=in_order, **{"complaints": False, "exits": 0, **options})
    base = ("--topic", "t", "--group-id", unique("{me}-s"))
    same(*base[:2], exits=1, complaints=True)
    same(*base, "--acknowledgement-mode", "bogus", exits=1, complaints=True)
    same(*base, "--offset-reset-strategy", "bogus")
    if node.kind != "kafka":
        same(*base)  # no share groups: told, and the end
        return
    same(*base, "--command-config", "/nosuch", exits=1, complaints=True)
    topic, group = unique("{me}-ver"), unique("{me}-sg")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    t.same("verifiable-producer", "--topic", topic, "--max-messages", 1, alone=True, mask=times_aside, exits=0, complaints=False)
    for number, args in enumerate((("--verbose",), ("--acknowledgement-mode", "sync"), ("--acknowledgement-mode", "ASYNC"))):
        same("--topic", topic, "--group-id", f"{group}{number}", "--max-messages", 1, "--offset-reset-strategy", "Earliest", *args)


CHECKS = {"verifiable": events, "verifiable: share groups": shared}
