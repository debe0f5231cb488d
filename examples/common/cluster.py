"""A cluster as the examples use it, through Millrace's command line; and a node of their own where none is given."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MILLRACE_BINARY", ROOT / "build" / "release" / "bin" / "millrace"))

# What a node with one broker needs.
SETTINGS = {"offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0}


def program(name):
    """A program of the build, beside the binary."""
    return str(BINARY.parent / name)


def eventually(condition, seconds, what):
    """Polls until condition() is true, and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


class Cluster:
    def __init__(self, address):
        self.address = address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def command(self, *arguments):
        return [str(BINARY), *arguments, "-b", self.address]

    def run(self, *arguments, given=None):
        done = subprocess.run(self.command(*arguments), input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"millrace {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def answers(self):
        return subprocess.run(self.command("topics", "list"), capture_output=True, check=False).returncode == 0

    def create_topic(self, name, partitions, compacted=False):
        """Records are kept for ever: those of the examples are old when they are written."""
        configs = ["retention.ms=-1", *(["cleanup.policy=compact"] if compacted else [])]
        self.run("topics", "create", name, "--partitions", str(partitions),
                 *(part for config in configs for part in ("--config", config)))

    def delete_topic(self, name):
        self.run("topics", "delete", name)

    def topics(self):
        return [row["topic"] for row in json.loads(self.run("topics", "list", "--json"))]

    def load(self, topic, lines):
        """Writes records, {"key","value","ts"} each, in their order."""
        command = self.command("produce", topic, "--json", "--quiet")
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as producer:
            for line in lines:
                at = line.rindex('"ts":')  # the command line has it by its full name
                producer.stdin.write(f'{line[:at]}"timestamp":{line[at + 5:]}')
        if producer.returncode != 0:
            raise RuntimeError(f"loading {topic} failed")

    def records(self, topic):
        """(key, value, time) of all that there is now; None is a null."""
        command = self.command("consume", topic, "--from-beginning", "--exit", "--read-committed", "-f", r"%S\t%T\t%k\t%s\n")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
            for line in consumer.stdout:
                size, at, key, value = line.rstrip("\n").split("\t", 3)
                yield key, json.loads(value) if int(size) >= 0 else None, int(at)
        if consumer.returncode != 0:
            raise RuntimeError(f"reading {topic} failed")

    def ends(self, topics):
        """{(topic, partition): end} of the partitions that ever had a record."""
        rows = json.loads(self.run("records", "offsets", *topics, "--json")) if topics else []
        return {(row["topic"], row["partition"]): row["end"] for row in rows if row["end"] > 0}

    def committed(self, group):
        """{(topic, partition): offset}; empty for a group that is not there yet."""
        done = subprocess.run(self.command("groups", "describe", group, "--json"), capture_output=True, text=True, check=False)
        rows = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
        return {(row["topic"], row["partition"]): row["committed"] for row in rows if row.get("committed") is not None}


class Node(Cluster):
    """A node in a folder, from `with` to the end of its block."""

    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        super().__init__(f"127.0.0.1:{self.port}")
        self.folder = folder

    def __enter__(self):
        settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
        with (self.folder / "node.log").open("wb") as log:
            self.process = subprocess.Popen([str(BINARY), "serve", "--port", str(self.port), "--dir", str(self.folder / "node"),
                                             *settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self.answers, 60, "the node answers")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
