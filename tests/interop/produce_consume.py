#!/usr/bin/env python3
"""`millrace produce` and `millrace consume` against a node, or with --broker kafka against Apache Kafka: what goes in comes out,
in each form, through each codec, and as kcat sees it; groups of both protocols keep their offsets, and share partitions with
kcat's members."""

import base64
import json
import os
import shutil
import subprocess
import sys

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node

MILLRACE = str(env.BINARY)
KCAT = shutil.which("kcat") or "kcat"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Work:
    def __init__(self, node):
        self.node, self.server = node, f"127.0.0.1:{node.port}"

    def run(self, *command, given=b"", fails=False, seconds=60):
        done = subprocess.run(command, input=given, capture_output=True, timeout=seconds)
        if (done.returncode != 0) != fails:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
        return done.stdout if not fails else done.stderr

    def topic(self, name, partitions=1, **configs):
        settings = [f"--config={key.replace('_', '.')}={value}" for key, value in configs.items()]
        self.run(MILLRACE, "topics", "create", name, "-b", self.server, "--partitions", str(partitions), *settings)
        return name

    def produce(self, topic, data, *options, **how):
        return self.run(MILLRACE, "produce", topic, "--bootstrap-server", self.server, *options, given=data, **how)

    def consume(self, topic, *options, **how):
        begin = () if "-o" in options or "-g" in options else ("--from-beginning",)
        return self.run(MILLRACE, "consume", topic, "--bootstrap-server", self.server, *begin, "--exit", *options, **how)

    def kcat(self, *options, given=b""):
        return self.run(KCAT, "-b", self.server, "-q", *options, given=given)


def lines(count):
    return b"".join(b"%d:value %d %s\n" % (i, i, b"x" * (i % 300)) for i in range(count))


def check_lines(w):
    topic, data = w.topic("lines"), lines(20_000)
    w.produce(topic, data)
    assert w.consume(topic) == data
    assert w.kcat("-C", "-t", topic, "-e", "-o", "beginning") == data
    assert w.consume(topic, "-o", "19998") == b"".join(data.splitlines(True)[-2:])
    assert w.consume(topic, "-o", "-3") == b"".join(data.splitlines(True)[-3:])
    assert w.consume(topic, "-o", "100", "-c", "2") == b"".join(data.splitlines(True)[100:102])
    assert w.consume(topic, "-p", "0", "-o", "end") == b""


def check_codecs(w):
    for codec in CODECS:
        topic, data = w.topic(f"codec-{codec}"), lines(5_000)
        w.produce(topic, data, "-z", codec)
        assert w.consume(topic) == data, codec
        assert w.kcat("-C", "-t", topic, "-e", "-o", "beginning") == data, codec
        w.kcat("-P", "-t", topic, "-z", codec, given=data)
        assert w.consume(topic) == data + data, codec


def check_keys(w):
    """The same keys go to the same partitions as kcat's with Java's hash, and each key's records stay in order."""
    topic, other, data = w.topic("keys", 7), w.topic("keys-kcat", 7), lines(3_000)
    w.produce(topic, data, "-K", ":")
    w.kcat("-P", "-t", other, "-K", ":", "-X", "topic.partitioner=murmur2_random", given=data)
    form = "%p %k %s\\n"
    ours = sorted(w.consume(topic, "-f", form).splitlines())
    assert ours == sorted(w.consume(other, "-f", form).splitlines())
    assert ours == sorted(w.kcat("-C", "-t", topic, "-e", "-o", "beginning", "-f", form).splitlines())
    assert len({line.split()[0] for line in ours}) == 7


def check_json(w):
    topic = w.topic("json", 2)
    records = [{"key": "k", "value": {"n": 1}, "headers": {"h": "x", "none": None}, "partition": 1,
                "timestamp": 1_700_000_000_123},
               {"key": None, "value": "text é\n", "partition": 0}, {"value": None, "key": "gone", "partition": 0}]
    w.produce(topic, "\n".join(map(json.dumps, records)).encode(), "--json")
    w.produce(topic, b"\xff\xfe", "-p", "1", "-D", "")
    got = [json.loads(line) for line in w.consume(topic, "--json").splitlines()]
    by_place = {(r["partition"], r["offset"]): r for r in got}
    first = by_place[1, 0]
    assert (first["key"], first["value"], first["timestamp"], first["headers"]) == (
        "k", '{"n":1}', 1_700_000_000_123, {"h": "x", "none": None}), first
    assert (by_place[0, 0]["key"], by_place[0, 0]["value"]) == (None, "text é\n")
    assert (by_place[0, 1]["key"], by_place[0, 1]["value"]) == ("gone", None)
    assert base64.b64decode(by_place[1, 1]["value_base64"]) == b"\xff\xfe"
    assert w.consume(topic, "-p", "1", "-o", "1", "--hex") == b"fffe\n"
    assert w.consume(topic, "-o", "@1700000000124", "-p", "1", "--hex") == b"fffe\n"
    assert w.consume(topic, "--until", "1700000000124", "-p", "1") == b'{"n":1}\n'


def check_group(w, protocol):
    topic, data = w.topic(f"group-{protocol}", 3), lines(300)
    w.produce(topic, data, "-K", ":")
    member = ("-g", f"g-{protocol}", "-X", f"group.protocol={protocol}", "-X", "auto.offset.reset=earliest", "-K", ":")
    assert sorted(w.consume(topic, *member).splitlines()) == sorted(data.splitlines())
    assert w.consume(topic, *member) == b""
    w.produce(topic, b"more:1\n", "-K", ":")
    assert w.consume(topic, *member) == b"more:1\n"


def check_shared_group(w):
    """One member of ours, one of librdkafka's: each record goes to one of them, and both get some."""
    topic, data = w.topic("shared", 4), lines(2_000)
    same = ("-X", "partition.assignment.strategy=range", "-K", ":")
    ours = subprocess.Popen([MILLRACE, "consume", topic, "-b", w.server, "-g", "shared", "--from-beginning", *same],
                            stdout=subprocess.PIPE)
    theirs = subprocess.Popen([KCAT, "-b", w.server, "-q", "-u", "-X", "auto.offset.reset=earliest", *same, "-G", "shared", topic],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    members, texts, done = {"ours": ours, "theirs": theirs}, {"ours": b"", "theirs": b""}, {"ours": 0, "theirs": 0}
    for process in members.values():
        os.set_blocking(process.stdout.fileno(), False)

    def read():
        """The lines since the last forget()."""
        for name, process in members.items():
            texts[name] += process.stdout.read() or b""
        return {name: text[:text.rfind(b"\n") + 1].splitlines()[done[name]:] for name, text in texts.items()}

    def forget():
        for name, seen in read().items():
            done[name] += len(seen)

    try:
        sent = 0

        def both():
            nonlocal sent
            w.produce(topic, b"".join(b"%d:probe\n" % i for i in range(sent, sent + 40)), "-K", ":")
            sent += 40
            return all(read().values())
        eventually(both, 60, "both members read", interval=0.2)
        forget()
        w.produce(topic, data, "-K", ":")
        wanted = sorted(data.splitlines())

        def of_data():
            return {name: [line for line in seen if not line.endswith(b":probe")] for name, seen in read().items()}
        eventually(lambda: sum(map(len, of_data().values())) >= len(wanted), 30, "all records were read")
        got = of_data()
        assert sorted(got["ours"] + got["theirs"]) == wanted, {name: len(seen) for name, seen in got.items()}
        assert all(got.values()), "one member read everything"
    finally:
        for process in (ours, theirs):
            process.terminate()
            process.wait(30)
    assert ours.returncode == 0, ours.returncode


def check_bench(w):
    """Each measurement does what it says: records and latencies are there, topics of its own are gone."""
    before = w.run(MILLRACE, "topics", "list", "-b", w.server)

    def bench(kind, *options):
        table = json.loads(w.run(MILLRACE, "bench", kind, "-b", w.server, "--json", *options))
        return table[0]
    found = bench("produce", "--records", "50000", "--size", "200", "--keys", "10")
    assert found["records"] == 50_000 and 0 < found["p50_ms"] <= found["p99_ms"], found
    found = bench("e2e", "--rate", "500", "--seconds", "2")
    assert found["records"] == 1_000 and 1.9 <= found["seconds"] and 0 < found["p50_ms"] <= found["p999_ms"], found
    found = bench("transactions", "--records", "1000", "--per", "100")
    assert found["records"] == 1_000 and found["p50_ms"] > 0, found
    assert w.run(MILLRACE, "topics", "list", "-b", w.server) == before
    topic = w.topic("measured", 3)
    w.produce(topic, lines(10_000), "-K", ":")
    assert bench("consume", "--topic", topic)["records"] == 10_000
    assert bench("consume", "--topic", topic, "--records", "1")["records"] >= 1
    both = json.loads(w.run(MILLRACE, "bench", "consume", "-b", w.server, "--json", "--topic", topic, "--compare", w.server))
    assert [each["records"] for each in both] == [10_000, 10_000], both


def check_errors(w):
    said = w.produce(w.topic("errors"), b"x\n", "-p", "9", fails=True)
    assert b"no partition 9" in said, said
    assert b"acks" in w.produce("errors", b"", "--acks", "2", fails=True)
    assert b"no such client property: lingr.ms" in subprocess.run(
        [MILLRACE, "produce", "errors", "-b", w.server, "-X", "lingr.ms=1"], input=b"x\n", capture_output=True).stderr
    assert b"record 3" in w.produce("errors", b'{"value":"one"}\n{"value":"two"}\n{', "--json", fails=True)
    assert w.consume("errors").splitlines()[-2:] == [b"one", b"two"]
    assert b"--from" in w.consume("errors", "-o", "somewhere", fails=True)
    small = w.topic("small", max_message_bytes=1000)
    said = w.produce(small, b"x" * 5000, fails=True)
    assert b"oo large" in said or b"larger" in said, said
    assert w.consume(small) == b""


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node:
        w = Work(node)
        checks.run("lines go in and come out", check_lines, w)
        checks.run("every codec, also with kcat at the other end", check_codecs, w)
        checks.run("keys go where Java's clients put them", check_keys, w)
        checks.run("JSON, bytes, times", check_json, w)
        checks.run("a group of the classic protocol", check_group, w, "classic")
        checks.run("a group of the consumer protocol", check_group, w, "consumer")
        checks.run("a group shared with librdkafka", check_shared_group, w)
        checks.run("measurements", check_bench, w)
        checks.run("errors say what is wrong", check_errors, w)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
