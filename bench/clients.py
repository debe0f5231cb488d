#!/usr/bin/env python3
"""The client beside librdkafka, on the same broker, in one run: `millrace produce` and `millrace consume` beside kcat, with the
same batches, lingering and idempotence, in turns. For each: CPU seconds of the client for a million records, records a second,
the most memory it had. Then the time from when a record was due to when it was read, at a fixed rate without lingering:
`millrace bench e2e` beside librdkafka_e2e.cc, which needs librdkafka-dev.

  bench/clients.py [--broker HOST:PORT] [--records N] [--sizes 100,1000] [--rounds N] [--rate N] [--only throughput|e2e]

Without --broker a node of its own is started. What is read and written goes through pipes and files in memory."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "interop"))
from lib.node import Node  # noqa: E402

MILLRACE = str(ROOT / "build/release/bin/millrace")
SAME = ("enable.idempotence=true", "acks=all", "batch.size=262144", "linger.ms=5")


def run(command, given, output):
    """CPU seconds, seconds, MB of one process that reads and writes files."""
    with open(given) as stdin, open(output, "w") as stdout:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        took = time.monotonic() - began
    if status:
        raise RuntimeError(f"{command}: {said.decode()[-300:]}")
    return used.ru_utime + used.ru_stime, took, used.ru_maxrss / 1000


def produce(client, server, topic):
    settings = [part for setting in SAME for part in ("-X", setting)]
    if client == "millrace":
        return [MILLRACE, "produce", topic, "-b", server, "-q", *settings]
    # kcat waits for nothing and repeats nothing by itself: its queue must hold what it reads.
    return ["kcat", "-P", "-b", server, "-t", topic, "-X", "queue.buffering.max.messages=1000000", *settings]


def consume(client, server, topic):
    if client == "millrace":
        return [MILLRACE, "consume", topic, "-b", server, "--from-beginning", "--exit"]
    return ["kcat", "-C", "-b", server, "-t", topic, "-o", "beginning", "-e", "-q"]


def throughput(options, server, folder):
    for size in map(int, options.sizes.split(",")):
        count = options.records // max(1, size // 250)
        text = folder / "lines"
        with open(text, "w") as f:
            f.writelines(f"{i:010d}{'x' * (size - 10)}\n" for i in range(count))
        found = {}
        for turn in range(options.rounds):
            for client in turns(turn, "kcat"):
                topic = f"{client}-{size}-{turn}-{os.getpid()}"
                subprocess.run([MILLRACE, "topics", "create", topic, "-b", server, "--partitions", options.partitions],
                               check=True, stdout=subprocess.DEVNULL)
                found.setdefault(("produce", client), []).append(run(produce(client, server, topic), text, "/dev/null"))
                read = folder / "read"
                found.setdefault(("consume", client), []).append(run(consume(client, server, topic), "/dev/null", read))
                lines = sum(chunk.count(b"\n") for chunk in iter(lambda f=open(read, "rb"): f.read(1 << 20), b""))
                if lines != count:
                    raise RuntimeError(f"{client} read {lines} of {count} records")
                subprocess.run([MILLRACE, "topics", "delete", topic, "-b", server], check=True, stdout=subprocess.DEVNULL)
        for what in ("produce", "consume"):
            line = {}
            for client in ("millrace", "kcat"):
                cpu, took, mb = (statistics.median(each) for each in zip(*found[what, client]))
                line[client] = (cpu / count * 1e6, count / took, mb)
            ours, theirs = line["millrace"], line["kcat"]
            print(f"{what} {size:5} B   CPU s per million records: {ours[0]:.3f} / {theirs[0]:.3f} = {ours[0] / theirs[0]:.2f}   "
                  f"records/s: {ours[1]:,.0f} / {theirs[1]:,.0f} = {ours[1] / theirs[1]:.2f}   "
                  f"MB: {ours[2]:.0f} / {theirs[2]:.0f} = {ours[2] / theirs[2]:.2f}", flush=True)


def turns(turn, other):
    return ("millrace", other) if turn % 2 == 0 else (other, "millrace")


def end_to_end(options, server, folder):
    program = folder / "librdkafka_e2e"
    subprocess.run(["clang++-19", "-std=c++20", "-O2", Path(__file__).with_name("librdkafka_e2e.cc"), "-o", program, "-lrdkafka"],
                   check=True)
    said, seconds, size, found = folder / "said", 5, 100, {}
    for turn in range(options.rounds):
        for client in turns(turn, "librdkafka"):
            topic = f"e2e-{client}-{turn}-{os.getpid()}"
            subprocess.run([MILLRACE, "topics", "create", topic, "-b", server], check=True, stdout=subprocess.DEVNULL)
            command = [program, server, topic, str(options.rate), str(seconds), str(size)]
            if client == "millrace":
                command = [MILLRACE, "bench", "e2e", "-b", server, "--topic", topic, "--rate", str(options.rate),
                           "--seconds", str(seconds), "--size", str(size), "--json"]
            cpu, _, mb = run(command, "/dev/null", said)
            figures = json.loads(said.read_text())
            if isinstance(figures, list):
                figures = {name.removesuffix("_ms"): value for name, value in figures[0].items()}
            found.setdefault(client, []).append((figures["p50"], figures["p99"], figures["p999"], cpu, mb))
            subprocess.run([MILLRACE, "topics", "delete", topic, "-b", server], check=True, stdout=subprocess.DEVNULL)
    ours, theirs = ([statistics.median(each) for each in zip(*found[client])] for client in ("millrace", "librdkafka"))
    print(f"end to end at {options.rate:,} records/s: " + "   ".join(
        f"{name} {a:.3g} / {b:.3g} = {a / b:.2f}"
        for name, a, b in zip(("p50 ms", "p99 ms", "p99.9 ms", "CPU s", "MB"), ours, theirs)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--broker")
    p.add_argument("--records", type=int, default=2_000_000)
    p.add_argument("--sizes", default="100,1000")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--partitions", default="4")
    p.add_argument("--rate", type=int, default=5_000)
    p.add_argument("--only", choices=("throughput", "e2e"))
    options = p.parse_args()
    node = None if options.broker else Node("millrace")
    server = options.broker
    if node:
        node.start()
        server = f"127.0.0.1:{node.port}"
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        if options.only != "e2e":
            throughput(options, server, folder)
        if options.only != "throughput":
            end_to_end(options, server, folder)
    finally:
        subprocess.run(["rm", "-rf", folder])
        if node:
            node.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
