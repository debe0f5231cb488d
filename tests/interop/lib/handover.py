"""One data directory (two log dirs) that Apache Kafka and Millrace run in turn, with the same settings at the same address."""

import base64
import json
import secrets
import shutil
import signal
import subprocess

from . import env
from .node import Node, free_port

JOURNAL_BYTES = 64 << 20
SECONDS_MAX = 240  # for a broker in a JVM to start, on a machine that is busy with other things

# The file that comes with Apache Kafka sets these (the addresses and the directories are the test's own).
STOCK = {
    "process.roles": "broker,controller", "node.id": "1", "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER", "num.network.threads": "3", "num.io.threads": "8",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,"
                                      "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
    "socket.send.buffer.bytes": "102400", "socket.receive.buffer.bytes": "102400",
    "socket.request.max.bytes": "104857600", "num.partitions": "1", "num.recovery.threads.per.data.dir": "2",
    "offsets.topic.replication.factor": "1", "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1", "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1", "log.retention.hours": "168", "log.segment.bytes": "1073741824",
    "log.retention.check.interval.ms": "300000",
}
# Small where Kafka's defaults would hide what the test is about: snapshots after a few records, few partitions.
SMALL = {
    "offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.num.partitions": "2", "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.backoff.ms": "500", "log.cleaner.dedupe.buffer.size": "2097152", "log.initial.task.delay.ms": "500",
    "metadata.log.max.record.bytes.between.snapshots": "3000", "broker.rack": "r1",
    "log.segment.delete.delay.ms": "1000",
    # Kafka does not let a broker start again after a crash before its last life's session is over.
    "broker.session.timeout.ms": "4000", "broker.heartbeat.interval.ms": "500",
    # New members wait for a heartbeat before they have partitions.
    "group.consumer.heartbeat.interval.ms": "1000", "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.share.heartbeat.interval.ms": "1000", "group.share.min.heartbeat.interval.ms": "1000",
    "transaction.max.timeout.ms": "7200000", "initial.broker.registration.timeout.ms": "240000",
}
# What Kafka needs to take ACLs, users and delegation tokens. Millrace has no authorizer: it must not be given one.
KAFKA_ONLY = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true", "super.users": "User:ANONYMOUS;User:admin",
    "sasl.enabled.mechanisms": "PLAIN", "delegation.token.secret.key": "a secret of the test",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config":
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_admin=\"admin\";",
}


class Shared(Node):
    """start("kafka"), stop(), start("millrace"), ... `voters`: a static quorum (kraft.version 0); `release`: feature levels."""

    def __init__(self, voters=False, release=None):
        super().__init__("kafka")
        self.controller, self.sasl_port = free_port(), free_port()
        self.voters, self.release = voters, release
        self.sasl = f"127.0.0.1:{self.sasl_port}"
        self.cluster = base64.urlsafe_b64encode(b"\x4d" + secrets.token_bytes(15)).decode().rstrip("=")
        self.dirs = [self.dir / "d1", self.dir / "d2"]
        self.use_journal(False)

    def use_journal(self, on):
        """From the next start of Millrace on."""
        self.journal = on
        self.write_properties()

    def write_properties(self):
        client = f"PLAINTEXT://127.0.0.1:{self.port}"
        controller = f"CONTROLLER://127.0.0.1:{self.controller}"
        quorum = ({"controller.quorum.voters": f"1@127.0.0.1:{self.controller}"} if self.voters
                  else {"controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller}"})
        both = {**STOCK, **SMALL, **quorum, "log.dirs": ",".join(map(str, self.dirs)),
                "listeners": f"{client},{controller}", "advertised.listeners": f"{client},{controller}"}
        with_sasl = f"{client},SASL_PLAINTEXT://{self.sasl}"
        kafka = {**both, **KAFKA_ONLY, "listeners": f"{with_sasl},{controller}",
                 "advertised.listeners": f"{with_sasl},{controller}"}
        ours = {**both, "millrace.journal.bytes": str(JOURNAL_BYTES if self.journal else 0)}
        for kind, properties in (("millrace", ours), ("kafka", kafka)):
            (self.home / f"{kind}.properties").write_text("".join(f"{k}={v}\n" for k, v in properties.items()))

    def file(self):
        return self.home / f"{self.kind}.properties"

    def format(self):
        how = [] if self.voters else ["--standalone"]
        how += ["--release-version", self.release] if self.release else []
        subprocess.run(env.java("kafka.tools.StorageTool", "format", "-t", self.cluster, "-c", self.file(), *how),
                       check=True, stdout=subprocess.DEVNULL)
        self.prepared = True

    def command(self):
        if self.kind == "kafka":
            return env.java("kafka.Kafka", self.file(), heap="1g", log="INFO")
        return [str(env.BINARY), "serve", "--config", str(self.file())]

    def start(self, kind=None, wait=True):
        self.kind = kind or self.kind
        if not self.prepared:
            self.format()
        with self.log.open("ab") as log:
            log.write(f"--- {self.kind} starts\n".encode())
        super().start(wait=False)
        if wait:
            self.wait_ready(SECONDS_MAX)

    def recover(self):
        """What must be done after Millrace was killed, before Apache Kafka may open its directories. Returns the summary."""
        command = [str(env.BINARY), "recover", "--json", *map(str, self.dirs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"millrace recover ended with status {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def journals(self):
        return self.logs(".millrace-journal-*")

    def keep_journals(self):
        """Copies of the journals' files, to be put back by return_journals()."""
        for file in self.journals():
            shutil.copy2(file, self.home / f"{file.parent.name}{file.name}")

    def return_journals(self):
        for directory in self.dirs:
            for file in self.home.glob(f"{directory.name}.millrace-journal-*"):
                file.rename(directory / file.name.removeprefix(directory.name))

    def logs(self, pattern):
        return sorted(f for d in self.dirs for f in d.glob(pattern))
