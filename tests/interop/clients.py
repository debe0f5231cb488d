#!/usr/bin/env python3
"""Nine real clients in five languages, with every codec: each creates a topic, produces records with keys and headers,
consumes them in a group and checks what came back. Then our own wire client, which knows none of them, looks at what the
broker holds: the group's committed offsets, and each stored batch's codec, checksum and count."""

import os
import subprocess
import sys
import tempfile

from lib import env
from lib.check import Checks, parse, parser
from lib.node import Node
from lib.records import record, unique, verify
from lib.tools import Tools
from lib.wire import CODECS, stored

COUNT = 1000
PARTITIONS = 3
GO = ("franz-go", "sarama", "kafka-go")
PYTHON = ("confluent", "kafka-python", "aiokafka")
CLIENTS = ("java", "kcat", *PYTHON, *GO, "kafkajs")


def execute(command, stdin=None, seconds=200, extra_env=None):
    done = subprocess.run(list(map(str, command)), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=seconds, env={**os.environ, **(extra_env or {})}, check=False)
    if done.returncode != 0:
        text = done.stderr.decode(errors="replace").strip().splitlines()
        raise AssertionError(f"{command[0]} ended with status {done.returncode}: {' | '.join(text[-4:])[-500:]}")
    return done.stdout


def run_java(tools, node, codec, topic, group):
    tools.ok("topics", "--create", "--topic", topic, "--partitions", PARTITIONS, "--replication-factor", 1)
    lines = "".join(f"i:{h.decode()}\t{k.decode()}\t{v.decode()}\n" for k, v, h in map(record, range(COUNT)))
    tools.ok("console-producer", "--topic", topic, "--compression-codec", codec, "--reader-property", "parse.key=true",
             "--reader-property", "parse.headers=true", stdin=lines)
    got = tools.ok("console-consumer", "--topic", topic, "--group", group, "--from-beginning", "--max-messages", COUNT,
                   "--timeout-ms", 90000, "--formatter-property", "print.key=true",
                   "--formatter-property", "print.headers=true")
    rows = [line.split("\t") for line in got.out.splitlines()]
    verify({r[1].encode(): (r[2].encode(), r[0][2:].encode()) for r in rows if len(r) == 3}, COUNT)


def run_kcat(node, codec, topic, group):
    with node.wire() as wire:  # kcat has no command that creates topics
        assert wire.create_topic(topic, PARTITIONS) == 0
    base = ["kcat", "-b", node.address]
    # One header value for a whole call, so the records go in few calls: ten groups with a header each.
    for part in range(10):
        lines = b"".join(k + b"\t" + v + b"\n" for k, v, _ in map(record, range(part, COUNT, 10)))
        execute([*base, "-P", "-t", topic, "-z", codec, "-K", "\\t", "-H", f"part={part}", "-X", "acks=all"], lines)
    out = execute([*base, "-G", group, topic, "-e", "-q", "-X", "auto.offset.reset=earliest", "-f", "%h\\t%k\\t%s\\n"])
    received = {}
    for line in out.splitlines():
        headers, key, value = line.split(b"\t")
        number = int(key[4:])
        assert headers == b"part=%d" % (number % 10), f"{key} has headers {headers}"
        received[key] = (value, b"%d" % number)
    verify(received, COUNT)


def run_python(library, node, codec, topic, group):
    execute([env.PYTHON, "-W", "ignore", env.ROOT / "tests/interop/clients/python_client.py", library, node.address,
             codec, topic, group, COUNT])


def run_go(library, node, codec, topic, group):
    execute([env.GOCLIENTS, "-lib", library, "-addr", node.address, "-codec", codec, "-topic", topic, "-group", group,
             "-count", COUNT])


def run_kafkajs(node, codec, topic, group):
    execute(["node", env.ROOT / "tests/interop/clients/kafkajs_client.js", node.address, codec, topic, group, COUNT],
            extra_env={"NODE_PATH": str(env.NODE_MODULES), "KAFKAJS_NO_PARTITIONER_WARNING": "1"})


def look_inside(node, codec, topic, group):
    with node.wire() as wire:
        committed = sum(o for (name, _), o in wire.committed(group).items() if name == topic)
        assert committed == COUNT, f"the group's committed offsets add up to {committed}, not {COUNT}"
        found = stored(wire, topic, PARTITIONS)
        assert sum(b.count for b in found) == COUNT, "the log holds another number of records"
        assert all(b.crc_right for b in found), "a stored batch has a wrong checksum"
        assert {b.codec for b in found} == {codec}, f"stored codecs: { {b.codec for b in found} }"


def check(client, node, codec, tools):
    topic, group = unique(f"{client}-{codec}"), unique(f"group-{client}-{codec}")
    if client == "java":
        run_java(tools, node, codec, topic, group)
    elif client == "kcat":
        run_kcat(node, codec, topic, group)
    elif client == "kafkajs":
        run_kafkajs(node, codec, topic, group)
    elif client in GO:
        run_go(client, node, codec, topic, group)
    else:
        run_python(client, node, codec, topic, group)
    look_inside(node, codec, topic, group)


def main():
    p = parser(__doc__)
    p.add_argument("--clients", default=",".join(CLIENTS))
    p.add_argument("--codecs", default=",".join(CODECS))
    args = parse(p)
    env.need_setup()
    checks = Checks(args.only)
    clients = args.clients.split(",")
    with Node() as node:
        tools = Tools(node.address) if "java" in clients else None
        for client in clients:
            for codec in args.codecs.split(","):
                if client == "kafkajs" and codec in ("lz4", "zstd"):
                    continue  # kafkajs has no such codec
                checks.run(f"{client} {codec}", check, client, node, codec, tools)
        if tools:
            tools.close()
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
