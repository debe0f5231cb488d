"""kafka-console-producer and kafka-console-consumer."""

from lib.records import unique
from lib.wire import make_batch

PACKAGE = "org.apache.kafka.tools.consumer."
SERIALIZATION = "org.apache.kafka.common.serialization."
READER = ("--reader-property", "parse.key=true")


def produced(t, topic, *args, stdin, **options):
    t.same("console-producer", "--topic", topic, *args, stdin=stdin, **options)


def producer_misuse(t, _):
    def same(*args, **options):
        t.same("console-producer", *args, **options)
    t.same("console-producer", "--topic", "t", bootstrap="", exits=1)
    for args in ((), ("--bogus",), ("--topic", "t", "--property", "a=b", "--reader-property", "a=b"),
                 ("--topic", "t", "--producer-property", "a=b", "--command-property", "a=b"),
                 ("--topic", "t", "--producer.config", "a", "--command-config", "b"),
                 ("--topic", "t", "--line-reader", "bogus"), ("--topic", "t", "--batch-size", "x"),
                 ("--topic", "t", "--reader-property", "headers.separator=:"),
                 ("--topic", "t", "--reader-property", "headers.delimiter=,"),
                 ("--topic", "t", "--reader-property", "headers.delimiter=:"),
                 ("--topic", "t", "--reader-property", "null.marker=,"),
                 ("--topic", "t", "--reader-property", "null.marker=:"),
                 ("--topic", "t", "--reader-property", "null.marker=x", "--reader-property", "key.separator=x")):
        same(*args, exits=1)
    for args in (("--compression-codec", "bogus"), ("--request-required-acks", "x"), ("--command-config", "/nosuch"),
                 ("--producer.config", "/nosuch"), ("--command-property", "linger.ms=x")):
        same("--topic", "t", *args, exits=1, complaints=False)  # each names the setting in its own words
    t.same("console-producer", "--topic", "t", "--bootstrap-server", "noport", bootstrap="", exits=1)
    same("--version", exits=0)


def consumer_misuse(t, _):
    def same(*args, **options):
        t.same("console-consumer", *args, **options)
    t.same("console-consumer", "--topic", "t", bootstrap="", exits=1)
    for args in ((), ("--bogus",), ("--topic", "t", "--include", "u"), ("--topic", "t", "--offset", "1"),
                 ("--topic", "t", "--partition", 0, "--offset", "x"), ("--topic", "t", "--partition", 0, "--offset", "-1"),
                 ("--topic", "t", "--partition", 0, "--offset", "1", "--from-beginning"),
                 ("--topic", "t", "--partition", 0, "--group", "g"), ("--topic", "t", "--formatter", "bogus"),
                 ("--topic", "t", "--property", "a=b", "--formatter-property", "a=b"),
                 ("--topic", "t", "--consumer-property", "a=b", "--command-property", "a=b"),
                 ("--topic", "t", "--consumer.config", "a", "--command-config", "b"),
                 ("--topic", "t", "--group", "g1", "--command-property", "group.id=g2"),
                 ("--topic", "t", "--from-beginning", "--command-property", "auto.offset.reset=latest"),
                 ("--topic", "t", "--command-config", "/nosuch"), ("--topic", "t", "--formatter-config", "/nosuch"),
                 ("--topic", "t", "--partition", "x")):
        same(*args, exits=1)
    for args in (("--isolation-level", "bogus"), ("--max-messages", "x")):
        same("--topic", "t", *args, exits=1, complaints=False)
    same("--version", exits=0)


def lines(t, _):
    """What lines become, seen by Kafka's consumer; and what either says of them."""
    topic = unique("{me}-lines")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    for args, stdin, status in (
            ((), "a\r\nb\n\nc", 0), (("--sync",), "one\ntwo\n", 0), (READER, "k\tv\n\tv\nk\t\n", 0), (READER, "k\tv\nnokey\n", 1),
            ((*READER, "--reader-property", "ignore.error=true", "--reader-property", "key.separator=:", "--reader-property",
              "null.marker=NULL"), "k:v\nnokey\nNULL:x\nk:NULL\n:e\n", 0),
            ((*READER, "--reader-property", "parse.headers=true"), "a:1,b:\tk\tv\n", 0),
            (("--reader-property", "parse.headers=true"), "a:1,,\tv\na\tv\n", 1),
            (("--reader-property", "parse.headers=true", "--reader-property", "null.marker=N"), "N\tv\na:N\tN\nN:1\tv\n", 1),
            (("--property", "parse.key=true"), "k\tv\n", 0), (("--producer-property", "linger.ms=1"), "x\n", 0),
            (("--compression-codec",), "packed\n", 0), (("--compression-codec", "lz4"), "packed\n", 0),
            (("--compression-codec", "zstd", "--request-required-acks", 1, "--message-send-max-retries", 5,
              "--request-timeout-ms",
              2000, "--retry-backoff-ms", 10, "--metadata-expiry-ms", 1000, "--socket-buffer-size", 1000, "--timeout", 10,
              "--max-memory-bytes", 100000, "--batch-size", 100), "many\nwords\n" * 50, 0)):
        produced(t, topic, *args, stdin=stdin, exits=status)
    produced(t, "bad/name", "--max-block-ms", 2000, stdin="v\n", exits=0, complaints=False)
    produced(t, "bad/name", "--max-block-ms", 2000, "--sync", stdin="v\n", exits=1, complaints=False)
    everything = [part for name in ("key", "offset", "headers", "partition") for part in
                  ("--formatter-property", f"print.{name}=true")]
    t.same("console-consumer", "--topic", topic, "--from-beginning", "--timeout-ms", 5000, *everything, exits=0)


def shown(t, _):
    topic = unique("{me}-shown")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    produced(t, topic, *READER, "--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL",
             stdin="h1:v1,h2:NULL\tk1\t1234\nNULL\tNULL\tv\u00e92\nh:x\tk3\tNULL\nh:\t\t\n", exits=0)

    def same(*args, last=4, **options):
        t.same("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", last, *args, **options)

    def properties(*pairs):
        return [part for pair in pairs for part in ("--formatter-property", pair)]
    same(exits=0)
    same(last=2, exits=0)
    same(last=0, exits=0)
    same(*properties(*(f"print.{n}=true" for n in "timestamp key offset epoch partition headers value delivery".split())),
         exits=0)
    same(*properties("print.key=true", "print.headers=true", "key.separator=|", "line.separator=;", "headers.separator=/",
                     "null.literal=NIL"), exits=0)
    same(*properties("print.key=true", "print.value=false"), exits=0)
    same(*properties("print.value=false"), exits=0)
    same("--property", "print.key=true", exits=0)
    same("--consumer-property", "a=b", exits=0)
    same("--enable-systest-events", exits=0)
    same("--isolation-level", "read_committed", exits=0)
    for name in ("Default", "Logging", "NoOp", "Offsets", "GroupMetadata", "TransactionLog", "ShareGroup"):
        same("--formatter", f"{PACKAGE}{name}MessageFormatter")
    for name in ("String", "Bytes", "ByteBuffer", "Short", "Integer", "Long", "Float", "Double", "Boolean", "UUID", "Void"):
        same("--value-deserializer", f"{SERIALIZATION}{name}Deserializer")
        same("--skip-message-on-error", "--value-deserializer", f"{SERIALIZATION}{name}Deserializer", exits=0)
    same("--value-deserializer", "bogus", exits=0)
    same(*properties("print.key=true", "print.headers=true", f"key.deserializer={SERIALIZATION}BytesDeserializer",
                     f"headers.deserializer={SERIALIZATION}StringDeserializer"), exits=0)
    for place in (("--offset", 2), ("--offset", "earliest"), ("--from-beginning",)):
        t.same("console-consumer", "--topic", topic, "--partition", 0, "--max-messages", 2, *place, exits=0)
    t.same("console-consumer", "--topic", topic, "--partition", 0, "--timeout-ms", 500, exits=0)
    t.same("console-consumer", "--include", topic.replace("-", "."), "--from-beginning", "--timeout-ms", 6000, exits=0)
    t.same("console-consumer", "--topic", "nosuch", "--from-beginning", "--timeout-ms", 1500, exits=0)
    group = unique("{me}-g")
    for _ in range(4):  # what was shown is committed, and no more
        same("--group", group, last=1, exits=0)
    t.same("consumer-groups", "--describe", "--group", group, exits=0)


def numbers(t, node):
    """Values that are numbers: the same words of them."""
    topic = unique("{me}-num")
    values = ["00000000", "00000001", "7fffffff", "80000000", "3f800000", "41200000", "4b189680", "4b18967f", "3a83126f",
              "3a83126e",
              "7f800000", "ff800000", "7fc00000", "3dcccccd", "c0490fdb", "7f7fffff"]
    wide = ["3ff0000000000000", "4341c37937e08000", "3f50624dd2f1a9fc", "416312d000000000", "400921fb54442d18",
            "8000000000000000",
            "7fefffffffffffff", "0010000000000000", "3fb999999999999a", "fff0000000000000"]
    with node.wire() as wire:
        for me in ("java", "ours"):
            for name, group in (("4", values), ("8", wide)):
                assert wire.create_topic(topic.replace("{me}", me) + name, 1) == 0
                t.tools.ok("topics", "--describe", "--topic", topic.replace("{me}", me) + name, "--bootstrap-server", t.address,
                           bootstrap="")
                batch = make_batch([bytes.fromhex(v) for v in group])
                assert wire.produce(topic.replace("{me}", me) + name, 0, batch)[0] == 0

    def same(size, name, count):
        t.same("console-consumer", "--topic", topic + size, "--from-beginning", "--max-messages", count,
               "--value-deserializer", f"{SERIALIZATION}{name}Deserializer", exits=0)
    same("4", "Integer", len(values))
    same("4", "Float", len(values))
    same("8", "Long", len(wide))
    same("8", "Double", len(wide))


def coordinators(t, _):
    """The coordinators' logs: both tools read the same one."""
    topic, group = unique("coord"), unique("coord")
    server = ("--bootstrap-server", t.address)
    t.tools.ok("topics", "--create", "--topic", topic, "--partitions", 1, *server, bootstrap="")
    t.tools.ok("producer-perf-test", "--topic", topic, "--num-records", 20, "--record-size", 20, "--throughput", -1,
               "--transactional-id", topic, "--transaction-duration-ms", 20, *server, bootstrap="")
    t.tools.ok("console-consumer", "--topic", topic, "--group", group, "--from-beginning", "--max-messages", 20, *server,
               bootstrap="")
    for log, formatter in (("__consumer_offsets", "Offsets"), ("__consumer_offsets", "GroupMetadata"),
                           ("__transaction_state", "TransactionLog")):
        # The 50 partitions of each come in any order, and the consumers' own groups are in one of these logs, too.
        t.same("console-consumer", "--topic", log, "--from-beginning", "--timeout-ms",
               3000, "--formatter", f"{PACKAGE}{formatter}MessageFormatter", exits=0, mask=lambda text: records_of(text, group,
                                                                                                                   topic))


def records_of(text, *names):
    """The records that have one of these names in them, in order."""
    return "\n".join(sorted(line for line in text.replace('}{"key"', '}\n{"key"').splitlines()
                            if any(name in line for name in names)))


CHECKS = {"console-producer misuse": producer_misuse, "console-consumer misuse": consumer_misuse, "console-producer lines": lines,
          "console-consumer shown": shown, "console-consumer numbers": numbers, "console-consumer coordinators": coordinators}
