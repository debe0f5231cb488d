"""A broker under test: ours, or Apache Kafka itself, with the same settings and the same way to start and stop it.

Every check must hold for both: a check that fails against Kafka asks for the wrong thing."""

import os
import secrets
import base64
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import env
from .check import eventually
from .wire import Wire

# What a node with one broker needs, and what keeps tests fast. Kafka's names; given to both brokers.
SETTINGS = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cluster_id():
    return base64.urlsafe_b64encode(b"\x4d" + secrets.token_bytes(15)).decode().rstrip("=")


def given_settings():
    """What --set of a script said (check.parse), in the environment so that a ctest run can set it for all."""
    return dict(line.split("=", 1) for line in os.environ.get("MILLRACE_TEST_SETTINGS", "").splitlines())


class Node:
    """One broker process in a folder of its own. `with Node() as node:` starts it and stops it at the end."""

    def __init__(self, kind=None, settings=None):
        self.kind = kind or os.environ.get("MILLRACE_TEST_BROKER", "millrace")
        self.home = Path(tempfile.mkdtemp(prefix=f"{self.kind}-test-"))
        self.dir = self.home / "data"
        self.log = self.home / "node.log"
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.settings = {**SETTINGS, **(settings or {}), **given_settings()}
        self.controller = None  # of Apache Kafka: where its controller listens
        self.process = None
        self.prepared = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, failure, *_):
        if failure:
            print(f"--- the end of the node's log:\n{self.tail(60)}")
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def wire(self, timeout=10.0):
        return Wire(self.address, timeout)

    def command(self):
        if self.kind == "kafka":
            return env.java("kafka.Kafka", self.home / "server.properties", heap="1g", log="INFO")
        sets = [part for k, v in self.settings.items() for part in ("--set", f"{k}={v}")]
        return [str(env.BINARY), "serve", "--port", str(self.port), "--dir", str(self.dir), *sets]

    def prepare_kafka(self):
        controller = free_port()
        self.controller = f"127.0.0.1:{controller}"
        properties = {
            "process.roles": "broker,controller", "node.id": "1", "log.dirs": self.dir,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": self.controller, **self.settings}
        file = self.home / "server.properties"
        file.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        subprocess.run(env.java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id(), "-c", file),
                       check=True, stdout=subprocess.DEVNULL)

    def start(self, wait=True):
        if self.kind == "kafka" and not self.prepared:
            self.prepare_kafka()
        self.prepared = True
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds=60):
        """Until the node answers Metadata with itself as a broker."""
        def answers():
            if self.process.poll() is not None:
                return True
            with self.wire(2.0) as wire:
                return bool(wire.metadata([])[0])
        try:
            eventually(answers, seconds, "a broker in Metadata", 0.02 if self.kind == "millrace" else 0.2)
        except AssertionError as e:
            raise AssertionError(f"{e}:\n{self.tail()}") from None
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"the node ended with status {code}:\n{self.tail()}")

    def stop(self, sign=signal.SIGTERM, seconds=60):
        """Sends a signal and waits. Returns the seconds it took."""
        if not self.process or self.process.poll() is not None:
            return 0.0
        begin = time.monotonic()
        self.process.send_signal(sign)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the node did not stop within {seconds} s of signal {sign}:\n{self.tail()}") from None
        return time.monotonic() - begin

    def kill(self):
        return self.stop(signal.SIGKILL)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def resident_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def tail(self, lines=30):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
