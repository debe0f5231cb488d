"""kafka-producer-perf-test, kafka-consumer-perf-test, kafka-share-consumer-perf-test, kafka-e2e-latency: the same columns and
counts, of other times; the same metrics."""

import re
import tempfile
from pathlib import Path

from lib.records import unique


def times_aside(text):
    """Measurements as N; counts of records stay."""
    text = re.sub(r"\d+(?:\.\d+)?(?:E-?\d+)? ms\b", "N ms", text)
    text = re.sub(r"(?:[\d.]+|Infinity) (records|MB)/sec", r"N \1/sec", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}", "TIME", text)
    text = re.sub(r"^(TIME, TIME, [\d.]+), [\d.]+, (\d+), .*$", r"\1, N, \2, ...", text, flags=re.M)
    text = re.sub(r"^(0|1000)\t.*$", r"\1\tN", text, flags=re.M)
    return re.sub(r"(Avg latency:|th =) [\d.]+", r"\1 N", text)


def members_aside(text):
    """Of a share group: what all members got together stays; who got which part, and when, is chance."""
    text = re.sub(r"^Share consumer (\d+) (having client id \S+ consumption metrics-) TIME, TIME(?:, [\d.]+){5}$",
                  r"Share consumer \1 \2 ...", times_aside(text), flags=re.M)
    text = re.sub(r"(?:^TIME, TIME(?:, [\d.]+){5} for share consumer \d\n)+", "DETAILS\n", text, flags=re.M)
    return re.sub(r"^(TIME, TIME, [\d.]+), [\d.]+, [\d.]+, (\d+), \d+$", r"\1, N, N, \2, N", text, flags=re.M)


def metrics_of(text):
    """The tables of --print-metrics, each as {name: value}; their layout is checked."""
    tables = []
    for table in text.split("\nMetric Name")[1:]:
        head, *rows = table.splitlines()
        width = min(row.index(" : ") for row in rows)
        assert "Metric Name" + head == f"{'Metric Name':{width}}   Value", head
        assert all(row[width:].startswith(" : ") for row in rows), rows
        assert any(row[width - 1] != " " for row in rows), rows
        names = [row[:width].rstrip() for row in rows]
        assert names == sorted(names), names
        tables.append(dict(zip(names, (row[width + 3:] for row in rows))))
    return tables


# Kafka's client times some requests only, and some things not before they happened twice; ours all that there were.
MEASURED_BY_OURS = re.compile(r"-node-metrics:request-latency-|:heartbeat-response-time-max:|:time-between-poll-|:poll-idle-ratio-avg:"
                              r"|:unsent-requests-queue-time-|-event-queue-")


def same_metrics(t, tool, *args, exact, tables=1, without=()):
    """The same names and tags, each a number or NaN as Kafka's, and the number of those that end with one of `exact`.
    `without`: what ours lack."""
    java, ours = (metrics_of(r.out) for r in t.both(tool, *args, "--print-metrics"))
    assert len(java) == len(ours) == tables, f"{tool}: {len(java)} tables, {len(ours)} of ours"
    for theirs, mine in zip(java, ours):
        def known(name):
            return re.sub(r"\b(?:java|ours)(?![a-zA-Z\d])", "{me}", name)
        theirs, mine = ({known(k): v for k, v in table.items()} for table in (theirs, mine))
        assert len(mine) > 100, f"{tool}: only {len(mine)} metrics"
        for table in (mine, theirs):
            count, = (v for k, v in table.items() if k.startswith("kafka-metrics-count:count:"))
            assert float(count) == len(table), f"{tool}: {count} metrics, {len(table)} in the table"
        lacking = {name for name in theirs.keys() - mine.keys() if name.split(":")[1] not in without}
        assert not lacking, f"{tool}: missing: {sorted(lacking)}"
        assert not mine.keys() - theirs.keys(), f"{tool}: not Kafka's: {sorted(mine.keys() - theirs.keys())}"
        for name, value in mine.items():
            group, metric, _ = name.split(":", 2)
            if not MEASURED_BY_OURS.search(name):
                assert (value == "NaN") == (theirs[name] == "NaN"), f"{tool}: {name} is {value}, Kafka's {theirs[name]}"
            if metric in exact:
                assert value == theirs[name], f"{tool}: {name} is {value}, Kafka's {theirs[name]}"
            if group == "app-info":
                assert re.fullmatch({"version": r"\d+\.\d+\.\d+", "commit-id": r"[0-9a-f]{16}|unknown",
                                     "start-time-ms": r"\d{13}"}[metric], value), (name, value)


# Of a queue that a client needs whose application and network are on two threads.
THREADS_ONLY = ("application-event-queue-size", "application-event-queue-time-avg", "application-event-queue-time-max",
                "application-event-queue-processing-time-avg", "application-event-queue-processing-time-max",
                "application-events-expired-count")


def producer(t, _):
    topic = unique("{me}-perf")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)

    def same(*args, **options):
        t.same("producer-perf-test", "--topic", topic, *args, mask=times_aside, **options)
    few = ("--num-records", 20, "--throughput", -1)
    sized = (*few, "--record-size", 10)
    for args in (few, ("--num-records", 20, "--record-size", 10), (*few, "--record-size", 10, "--payload-monotonic"),
                 ("--num-records", 0, "--throughput", -1, "--record-size", 10), (*few, "--record-size", 0),
                 ("--num-records", 20, "--throughput", "x", "--record-size", 10), (*sized, "--warmup-records", 20),
                 (*sized, "--reporting-interval", 0), (*sized, "--bogus"), (*sized, "--command-config", "/nosuch",
                                                                            "--producer.config", "x")):
        same(*args, exits=1, alone=True, complaints="--command-config" not in args)
    t.same("producer-perf-test", "--topic", "t", *sized, bootstrap="", exits=1, alone=True)
    same(*sized, exits=0)
    same("--num-records", 1100, "--throughput", 1000, "--record-size", 1000, "--reporting-interval", 100000, exits=0)
    same(*few, "--payload-monotonic", exits=0)
    same(*sized, "--warmup-records", 5, exits=0)
    same(*sized, "--producer-props", "acks=1", "linger.ms=0", exits=0)
    same(*sized, "--command-property", "acks=1", exits=0)
    same(*sized, "--transactional-id", unique("{me}"), "--transaction-duration-ms", 60000, exits=0)
    same(*sized, "--command-config", "/nosuch", exits=1, complaints=False)
    same(*few, "--payload-file", "/nosuch", exits=1)
    with tempfile.TemporaryDirectory() as home:
        Path(home, "values").write_text("aaaa\nbb\ncccccc\n")
        same(*few, "--payload-file", f"{home}/values", exits=0)
        same(*few, "--payload-file", f"{home}/values", "--payload-delimiter", "b", exits=0)
    t.same("get-offsets", "--topic", topic, exits=0)
    same(*sized, "--transaction-duration-ms", 20, exits=0)  # how many transactions that are is chance
    exact = ("record-send-total", "record-error-total", "record-retry-total", "batch-split-total", "buffer-total-bytes",
             "buffer-available-bytes", "buffer-exhausted-total", "connection-creation-total",
             "requests-in-flight", "waiting-threads", "compression-rate", "compression-rate-avg", "txn-commit-time-ns-total",
             "bufferpool-wait-time-ns-total", "successful-authentication-total")
    same_metrics(t, "producer-perf-test", "--topic", topic, *sized, exact=exact)
    topic = unique("{me}.perf")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    same_metrics(t, "producer-perf-test", "--topic", topic, *sized, "--transaction-duration-ms", 60000,
                 exact=("record-send-total", "record-error-total", "txn-abort-time-ns-total", "txn-send-offsets-time-ns-total"))


def consumer(t, _):
    topic = unique("{me}-perf")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    t.same("producer-perf-test", "--topic", topic, "--num-records", 2000, "--record-size", 100, "--throughput", -1,
           mask=times_aside, exits=0)

    def same(*args, **options):
        t.same("consumer-perf-test", *args, mask=times_aside, **options)
    t.same("consumer-perf-test", "--topic", "t", "--num-records", 1, bootstrap="", exits=1)
    for args in (("--topic", "t"), ("--num-records", 1), ("--bogus",), ("--topic", "t", "--include", "u", "--num-records", 1),
                 ("--topic", "t", "--num-records", 1, "--command-config", "a", "--consumer.config", "b"),
                 ("--topic", "t", "--num-records", 1, "--messages", 1), ("--topic", "t", "--num-records", "x")):
        same(*args, exits=1)
    for args in (("--num-records", 1000), ("--messages", 1000), ("--num-records", 1000, "--hide-header"),
                 ("--num-records", 1000, "--show-detailed-stats"), ("--num-records", 5000, "--timeout", 1500),
                 ("--num-records", 1000, "--group", unique("{me}"), "--fetch-size", 1048576, "--socket-buffer-size", 100000),
                 ("--num-records", 10, "--from-latest", "--timeout", 1000)):
        same("--topic", topic, *args, exits=0)
    same("--include", topic.replace("-", "."), "--num-records", 1000, exits=0)
    same("--topic", topic, "--num-records", 1, "--consumer.config", "/nosuch", exits=1)
    same("--version", exits=0, complaints=False)
    # Kafka's client counts a fetch of a topic when it comes for more than that had: so does the tool, until there is no more.
    more = ("--num-records", 5000, "--timeout", 1500)
    exact = ("records-consumed-total", "records-lag", "records-lead", "preferred-read-replica", "assigned-partitions",
             "commit-sync-time-ns-total", "committed-time-ns-total")
    same_metrics(t, "consumer-perf-test", "--topic", topic, *more, exact=exact)
    dotted = unique("{me}.perf")
    t.same("topics", "--create", "--topic", dotted, "--partitions", 1, exits=0)
    t.same("producer-perf-test", "--topic", dotted, "--num-records", 2000, "--record-size", 100, "--throughput", -1,
           mask=times_aside, exits=0)
    same_metrics(t, "consumer-perf-test", "--topic", dotted, *more, exact=exact)
    same_metrics(t, "consumer-perf-test", "--topic", topic, *more, "--command-property", "group.protocol=consumer",
                 exact=exact, without=THREADS_ONLY)


def shared(t, node):
    def same(*args, **options):
        t.same("share-consumer-perf-test", *args, mask=members_aside, **options)
    t.same("share-consumer-perf-test", "--topic", "t", "--num-records", 1, bootstrap="", exits=1)
    for args in (("--topic", "t"), ("--num-records", 1), ("--bogus",), ("--topic", "t", "--num-records", 1, "--messages", 1),
                 ("--topic", "t", "--num-records", "x"), ("--topic", "t", "--num-records", 1, "--threads", "x"),
                 ("--topic", "t", "--num-records", 1, "--command-config", "a", "--consumer.config", "b")):
        same(*args, exits=1)
    same("--topic", "t", "--num-records", 1, "--threads", 0, exits=1, complaints=False)
    same("--topic", "t", "--num-records", 1, "--consumer.config", "/nosuch", exits=1)
    same("--version", exits=0, complaints=False)
    if node.kind != "kafka":
        same("--topic", "t", "--num-records", 1, exits=1, complaints=False)  # no share groups: each in its own words
        return
    topic, group = unique("{me}-perf"), unique("{me}-share")
    t.same("topics", "--create", "--topic", topic, "--partitions", 2, exits=0)
    t.same("producer-perf-test", "--topic", topic, "--num-records", 2000, "--record-size", 100, "--throughput", -1,
           mask=times_aside, exits=0)
    base = ("--topic", topic, "--num-records", 2000, "--timeout", 30000)
    for number, args in enumerate((
            (), ("--hide-header", "--fetch-size", 100000, "--socket-buffer-size", 100000),
            ("--threads", 2, "--show-consumer-stats"),
            ("--show-consumer-stats", "--show-detailed-stats", "--reporting-interval", 1),
            ("--threads", 2, "--show-consumer-stats", "--command-property", "client.id=some"))):
        t.same("configs", "--alter", "--entity-type", "groups", "--entity-name", f"{group}{number}", "--add-config",
               "share.auto.offset.reset=earliest", exits=0)
        same(*base, "--group", f"{group}{number}", *args, exits=0)
    same("--topic", topic, "--num-records", 10, "--group", f"{group}0", "--timeout", 1000, exits=0)  # nothing is left
    same("--topic", topic, "--messages", 10, "--group", f"{group}0", "--timeout", 1000, exits=0)
    t.same("configs", "--alter", "--entity-type", "groups", "--entity-name", f"{group}m", "--add-config",
           "share.auto.offset.reset=earliest", exits=0)
    # Which member gets which records is chance.
    same_metrics(t, "share-consumer-perf-test", *base, "--group", f"{group}m", "--threads", 2, tables=2,
                 exact=("acknowledgements-error-total",))


def latency(t, _):
    topic = unique("{me}-e2e")

    def same(*args, **options):
        t.same("e2e-latency", *args, mask=times_aside, **options)
    t.same("e2e-latency", bootstrap="", exits=1, complaints=False)
    for args in (("--bogus",), ("--help",), ("a", "b", "c")):
        t.same("e2e-latency", *args, bootstrap="", exits=1)
    for args in (("--topic", "t"), ("--topic", "t", "--num-records", 1, "--producer-acks", 2, "--record-size", 1),
                 ("--topic", "t", "--num-records", 1, "--producer-acks", 1, "--record-size", -1)):
        same(*args, exits=1)
    sized = ("--topic", topic, "--num-records", 1100, "--record-size", 10)
    same(*sized, "--producer-acks", "all", exits=0)
    same(*sized, "--producer-acks", 1, "--record-key-size", 5, "--num-headers", 2, "--record-header-key-size", 3,
         "--record-header-size", 4, exits=0)
    t.same("e2e-latency", t.address, topic, 20, 1, 10, bootstrap="", mask=times_aside, exits=0)


CHECKS = {"producer-perf-test": producer, "consumer-perf-test": consumer, "share-consumer-perf-test": shared,
          "e2e-latency": latency}
