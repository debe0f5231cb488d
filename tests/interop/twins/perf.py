"""kafka-producer-perf-test, kafka-consumer-perf-test, kafka-e2e-latency: the same columns and counts, of other times."""

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
    same(*sized, "--transactional-id", unique("{me}"), "--transaction-duration-ms", 20, exits=0)
    same(*sized, "--transaction-duration-ms", 20, exits=0)
    same(*sized, "--command-config", "/nosuch", exits=1, complaints=False)
    same(*few, "--payload-file", "/nosuch", exits=1)
    with tempfile.TemporaryDirectory() as home:
        Path(home, "values").write_text("aaaa\nbb\ncccccc\n")
        same(*few, "--payload-file", f"{home}/values", exits=0)
        same(*few, "--payload-file", f"{home}/values", "--payload-delimiter", "b", exits=0)
    t.same("get-offsets", "--topic", topic, exits=0)


def consumer(t, _):
    topic = unique("{me}-perf")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)
    t.same("producer-perf-test", "--topic", topic, "--num-records", 2000, "--record-size", 100, "--throughput", -1,
           mask=times_aside, exits=0)

    def same(*args, **options):
        t.same("consumer-perf-test", *args, mask=times_aside, **options)
    t.same("consumer-perf-test", "--topic", "t", "--num-records", 1, bootstrap="", exits=1)
    for args in (("--topic", "t"), ("--num-records", 1), ("--bogus",), ("--topic", "t", "--include", "u", "--num-records", 1),
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


CHECKS = {"producer-perf-test": producer, "consumer-perf-test": consumer, "e2e-latency": latency}
