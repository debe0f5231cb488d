#!/usr/bin/env python3
"""Kafka's producer-perf-test and consumer-perf-test against Millrace and Apache Kafka in turn: broker CPU seconds a GB of record
values, MB/s, start-up time and memory. Prints a line a figure: median of the rounds, and the ratio Millrace / Kafka."""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "interop"))
from lib import env  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.records import unique  # noqa: E402
from lib.tools import Tools  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(kind, records, size):
    """One round on a fresh node: name -> figure."""
    figures = {}
    begin = time.monotonic()
    with Node(kind) as node:
        figures["start-up, s"] = time.monotonic() - begin
        with Tools(node.address) as tools:
            gigabytes = records * size / 1e9

            def timed(name, *command):
                topic_cpu, start = cpu_seconds(node.process.pid), time.monotonic()
                tools.ok(*command, seconds=600)
                figures[f"{name}, broker CPU s/GB"] = (cpu_seconds(node.process.pid) - topic_cpu) / gigabytes
                figures[f"{name}, MB/s"] = records * size / 1e6 / (time.monotonic() - start)
            topic = unique("bench")
            tools.ok("topics", "--create", "--topic", topic, "--partitions", 4)
            # Warm both JVMs and the topic; not counted.
            produce = ["producer-perf-test", "--topic", topic, "--record-size", size, "--throughput", -1,
                       "--command-property", "acks=all", "linger.ms=5", "batch.size=65536"]
            tools.ok(*produce, "--num-records", records // 10)
            timed(f"produce {size} B", *produce, "--num-records", records)
            timed(f"consume {size} B", "consumer-perf-test", "--topic", topic, "--num-records", records)
        figures["memory, MiB"] = node.resident_mib()
    return figures


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--broker", choices=("millrace", "kafka", "both"), default="both")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--records", type=int, default=1_000_000)
    p.add_argument("--size", type=int, default=1000)
    args = p.parse_args()
    env.need_setup()
    kinds = ("millrace", "kafka") if args.broker == "both" else (args.broker,)
    rounds = {kind: [] for kind in kinds}
    for number in range(args.rounds):
        for kind in kinds:
            print(f"round {number + 1}: {kind}", file=sys.stderr, flush=True)
            rounds[kind].append(measure(kind, args.records, args.size))
    for name in rounds[kinds[0]][0]:
        medians = [statistics.median(r[name] for r in rounds[kind]) for kind in kinds]
        cells = "  ".join(f"{kind} {value:10.3f}" for kind, value in zip(kinds, medians))
        ratio = f"  ratio {medians[0] / medians[1]:.2f}" if len(kinds) == 2 and medians[1] else ""
        print(f"{name:32} {cells}{ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
