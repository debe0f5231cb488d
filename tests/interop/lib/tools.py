"""Apache Kafka's command-line tools, many in one JVM (java/ToolServer.java)."""

import json
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from . import env
from .check import eventually

PACKAGE = "org.apache.kafka.tools."
CLASSES = {
    "broker-api-versions": PACKAGE + "BrokerApiVersionsCommand", "client-metrics": PACKAGE + "ClientMetricsCommand", "cluster": PACKAGE + "ClusterTool",
    "configs": "kafka.admin.ConfigCommand", "console-consumer": PACKAGE + "consumer.ConsoleConsumer",
    "console-producer": PACKAGE + "ConsoleProducer",
    "console-share-consumer": PACKAGE + "consumer.ConsoleShareConsumer", "consumer-groups": PACKAGE + "consumer.group.ConsumerGroupCommand",
    "consumer-perf-test": PACKAGE + "ConsumerPerformance", "delete-records": PACKAGE + "DeleteRecordsCommand",
    "dump-log": PACKAGE + "DumpLogSegments", "e2e-latency": PACKAGE + "EndToEndLatency",
    "client-metrics": PACKAGE + "ClientMetricsCommand", "share-groups": PACKAGE + "consumer.group.ShareGroupCommand",
    "console-share-consumer": PACKAGE + "consumer.ConsoleShareConsumer",
    "verifiable-share-consumer": PACKAGE + "VerifiableShareConsumer",
    "share-consumer-perf-test": PACKAGE + "ShareConsumerPerformance",
    "features": PACKAGE + "FeatureCommand", "get-offsets": PACKAGE + "GetOffsetShell",
    "groups": PACKAGE + "GroupsCommand", "log-dirs": PACKAGE + "LogDirsCommand",
    "metadata-quorum": PACKAGE + "MetadataQuorumCommand", "metadata-shell": "org.apache.kafka.shell.MetadataShell",
    "producer-perf-test": PACKAGE + "ProducerPerformance", "topics": PACKAGE + "TopicCommand",
    "replica-verification": PACKAGE + "ReplicaVerificationTool",
    "reassign-partitions": PACKAGE + "reassign.ReassignPartitionsCommand",
    "share-groups": PACKAGE + "consumer.group.ShareGroupCommand",
    "streams-application-reset": PACKAGE + "StreamsResetter", "streams-groups": PACKAGE + "streams.StreamsGroupCommand",
    "transactional-copier": PACKAGE + "TransactionalMessageCopier", "transactions": PACKAGE + "TransactionsCommand",
    "verifiable-consumer": PACKAGE + "VerifiableConsumer", "verifiable-producer": PACKAGE + "VerifiableProducer",
}

# How long a tool may take on a machine that is busy with other things; alone each takes a second or two.
SECONDS_MAX = 180
SUBCOMMAND_FIRST = {"cluster"}


@dataclass
class Result:
    exit: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err

    def lines(self):
        return [line for line in self.out.splitlines() if line.strip()]


class Running:
    """A tool that was started and not waited for."""

    def __init__(self, tools, number, future):
        self.tools, self.number, self.future = tools, number, future

    def wait(self, seconds=SECONDS_MAX):
        return self.future.result(seconds)

    def stop(self, seconds=SECONDS_MAX):
        """What SIGTERM does; returns its result."""
        self.tools.send({"id": self.number, "stop": True})
        return self.future.result(seconds)


class Tools:
    """`with Tools(address) as tools:` then tools.run("topics", "--list")."""

    def __init__(self, address=None, log="ERROR"):
        env.need_setup()
        self.address = address
        self.process = subprocess.Popen(env.java("ToolServer", heap="768m", log=log), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.number, self.waiting, self.lock = 0, {}, threading.Lock()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self): return self
    def __exit__(self, *_): self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def send(self, request):
        with self.lock:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(Result(answer["exit"], answer["out"], answer["err"]))
        for future in self.waiting.values():
            future.set_exception(AssertionError("the tools' JVM ended"))

    def start(self, tool, *args, stdin="", bootstrap="--bootstrap-server"):
        """Starts a tool; `bootstrap` is the option that takes the broker's address, "" when it takes none."""
        args = [str(a) for a in args]
        if bootstrap and self.address:
            server = [bootstrap, self.address]
            args = [*args, *server] if tool in SUBCOMMAND_FIRST else [*server, *args]
        future = Future()
        self.number += 1
        number = self.number
        self.waiting[number] = future
        self.send({"id": number, "class": CLASSES.get(tool, tool), "args": args, "stdin": stdin})
        return Running(self, number, future)

    def alone(self, tool, *args, seconds=SECONDS_MAX, bootstrap=True):
        """Runs a tool in a JVM of its own: for those that finish their work only as their process ends."""
        server = ["--bootstrap-server", self.address] if bootstrap else []
        command = env.java(CLASSES[tool], *server, *args)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds,
                              check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def run(self, tool, *args, seconds=SECONDS_MAX, **options):
        return self.start(tool, *args, **options).wait(seconds)

    def ok(self, tool, *args, **options):
        """As run, and the tool must end with status 0."""
        result = self.run(tool, *args, **options)
        assert result.exit == 0, f"{tool} ended with status {result.exit}: {result.text.strip()[:600]}"
        return result

    def wait_for_member(self, group):
        """Until somebody is in the group and has partitions."""
        def has_member():
            out = self.run("consumer-groups", "--describe", "--group", group, "--members").out
            return any(line.split()[0] == group and int(line.split()[-1]) > 0 for line in out.splitlines()[1:] if line.strip())
        eventually(has_member, SECONDS_MAX, f"a member of {group}")

    def fails(self, tool, *args, says=(), **options):
        """As run, and the tool must fail and name `says` (a word or several): the error's class, and what was wrong.

        The sentences themselves are each broker's own."""
        result = self.run(tool, *args, **options)
        assert result.exit != 0 or "Error" in result.text or "Exception" in result.text, (
            f"{tool} succeeded: {result.text.strip()[-400:]}")
        for word in (says,) if isinstance(says, str) else says:
            assert word in result.text, f"{tool} does not say {word!r}: {result.text.strip()[:500]}"
        return result
