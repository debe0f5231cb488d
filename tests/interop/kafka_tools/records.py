"""Console, verifiable and performance producers and consumers, get-offsets, delete-records, e2e-latency."""

import json
import tempfile
import time

from lib.check import eventually
from lib.records import unique
from lib.wire import make_batch


def console(tools, node):
    topic = unique("console")  # not created: the producer's first request creates it
    tools.ok("console-producer", "--topic", topic, "--reader-property", "parse.key=true",
             "--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL",
             stdin="h1:a,h2:b\tk1\tv1\nNULL\tk2\tNULL\nh1:c\tk3\tv3\n")
    out = tools.ok("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 3, "--timeout-ms", 90000,
                   *(f"--formatter-property=print.{x}=true" for x in ("key", "headers", "offset", "partition"))).out
    assert out.splitlines() == ["Partition:0\tOffset:0\th1:a,h2:b\tk1\tv1", "Partition:0\tOffset:1\tNO_HEADERS\tk2\tnull",
                                "Partition:0\tOffset:2\th1:c\tk3\tv3"], out
    out = tools.ok("console-consumer", "--topic", topic, "--partition", 0, "--offset", 2, "--max-messages", 1,
                   "--isolation-level", "read_committed", "--timeout-ms", 90000).out
    assert out == "v3\n", out


def console_waits_for_records(tools, node):
    topic = unique("console")
    tools.ok("topics", "--create", "--topic", topic)
    group = unique("group")
    running = tools.start("console-consumer", "--topic", topic, "--max-messages", 1, "--timeout-ms", 90000,
                          "--from-beginning", "--group", group)
    tools.wait_for_member(group)
    tools.ok("console-producer", "--topic", topic, stdin="late\n")
    assert running.wait().out == "late\n"


def get_offsets(tools, node):
    topic = unique("offsets")
    tools.ok("topics", "--create", "--topic", topic, "--partitions", 2)
    before = int(time.time() * 1000) - 60_000
    with node.wire() as wire:
        wire.produce(topic, 0, make_batch([b"a", b"b"], before - 1000))
        wire.produce(topic, 0, make_batch([b"c"], before + 9000))
        wire.produce(topic, 0, make_batch([b"d"], before + 1000))

    def ask(*args):
        return tools.ok("get-offsets", "--topic", topic, *args).lines()
    end, start = [f"{topic}:0:4", f"{topic}:1:0"], [f"{topic}:0:0", f"{topic}:1:0"]
    assert ask() == end and ask("--time", "latest") == end and ask("--time", -1) == end
    assert ask("--time", "earliest") == start and ask("--time", -2) == start
    assert ask("--time", "earliest-local") == start
    assert f"{topic}:0:2" in ask("--time", "max-timestamp"), ask("--time", "max-timestamp")
    assert f"{topic}:0:2" in ask("--time", before), ask("--time", before)
    assert f"{topic}:0:0" in ask("--time", before - 2000)
    after = ask("--time", before + 50_000)
    assert f"{topic}:0:4" in after or not [x for x in after if x.startswith(f"{topic}:0:")], after
    assert ask("--time", "latest-tiered") == []
    assert ask("--partitions", "1") == [f"{topic}:1:0"]
    tools.fails("get-offsets", "--topic", unique("none"), says="Could not match any topic-partitions")


def delete_records(tools, node):
    topic = unique("delete")
    tools.ok("topics", "--create", "--topic", topic)
    tools.ok("console-producer", "--topic", topic, stdin="".join(f"{i}\n" for i in range(10)))

    def delete(offset):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": offset}]}, file)
            file.flush()
            return tools.run("delete-records", "--offset-json-file", file.name).out
    assert f"partition: {topic}-0\tlow_watermark: 4" in delete(4)
    assert tools.ok("get-offsets", "--topic", topic, "--time", -2).lines() == [f"{topic}:0:4"]
    assert "OffsetOutOfRangeException" in delete(50)
    out = tools.ok("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 6, "--timeout-ms", 90000).out
    assert out.split() == [str(i) for i in range(4, 10)], out
    assert "low_watermark: 10" in delete(-1)


def performance(tools, node):
    topic = unique("perf")
    tools.ok("topics", "--create", "--topic", topic, "--partitions", 3)
    for codec in ("none", "zstd"):
        out = tools.ok("producer-perf-test", "--topic", topic, "--num-records", 20000, "--record-size", 200,
                       "--throughput", -1, "--command-property", f"compression.type={codec}").out
        assert out.splitlines()[-1].startswith("20000 records sent"), out
    out = tools.ok("consumer-perf-test", "--topic", topic, "--num-records", 40000).out
    assert out.splitlines()[1].split(", ")[4] == "40000", out


def verifiable(tools, node):
    topic, group = unique("verifiable"), unique("group")
    out = tools.alone("verifiable-producer", "--topic", topic, "--max-messages", 500, "--acks", -1).out
    events = [json.loads(line) for line in out.splitlines()]
    acked = [e for e in events if e["name"] == "producer_send_success"]
    assert [(e["offset"], e["value"]) for e in acked] == [(i, str(i)) for i in range(500)], out[-300:]
    assert events[-1]["acked"] == 500
    out = tools.ok("verifiable-consumer", "--topic", topic, "--group-id", group, "--max-messages", 500).out
    events = [json.loads(line) for line in out.splitlines()]
    assert sum(e["count"] for e in events if e["name"] == "records_consumed") == 500, out
    committed = [e for e in events if e["name"] == "offsets_committed"]
    assert committed[-1]["success"] and committed[-1]["offsets"][0]["offset"] == 500, out
    with node.wire() as wire:
        eventually(lambda: wire.committed(group) == {(topic, 0): 500}, what="committed offset 500")


def latency(tools, node):
    topic = unique("e2e")
    out = tools.ok("e2e-latency", "--topic", topic, "--num-records", 200, "--producer-acks", "all",
                   "--record-size", 100).out
    assert "Avg latency:" in out and "Percentiles:" in out, out


CHECKS = {"records: console producer and consumer": console, "records: a consumer waits": console_waits_for_records,
          "records: get-offsets": get_offsets, "records: delete-records": delete_records,
          "records: performance tests": performance, "records: verifiable": verifiable, "records: e2e-latency": latency}
