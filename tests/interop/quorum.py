#!/usr/bin/env python3
"""A controller joins the quorum of Apache Kafka and leaves it again, with our kafka-metadata-quorum: by way of a controller and
of a broker, beside what Java's tool says; the one that leads leaves, too."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import SETTINGS, cluster_id, free_port

TOOL = env.BINARY.parent / "kafka-metadata-quorum.sh"


class Quorum:
    """Node 1: broker and the first controller. Node 2: a controller that no voter knows of yet."""

    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="kafka-quorum-"))
        self.broker = f"127.0.0.1:{free_port()}"
        self.controllers = {node: f"127.0.0.1:{free_port()}" for node in (1, 2)}
        self.processes = []

    def file(self, node):
        return self.home / f"{node}.properties"

    def __enter__(self):
        cluster = cluster_id()
        for node, controller in self.controllers.items():
            first = node == 1
            listeners = f"CONTROLLER://{controller}" + (f",PLAINTEXT://{self.broker}" if first else "")
            properties = {
                "process.roles": "broker,controller" if first else "controller", "node.id": node,
                "log.dirs": self.home / str(node),
                "listeners": listeners, "advertised.listeners": listeners, "controller.listener.names": "CONTROLLER",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "controller.quorum.bootstrap.servers": ",".join(self.controllers.values()), **SETTINGS}
            self.file(node).write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
            subprocess.run(env.java("kafka.tools.StorageTool", "format", "--standalone" if first else "--no-initial-controllers",
                                    "-t", cluster, "-c", self.file(node)), check=True, stdout=subprocess.DEVNULL)
            with (self.home / f"{node}.log").open("ab") as log:
                command = env.java("kafka.Kafka", self.file(node), heap="300m", log="WARN")
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        # Only who has the whole log may become a voter.
        eventually(lambda: self.nodes("CurrentObservers") == {2}, 60, "the second controller looks on", 0.3)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def tool(self, *args, via="controller", exits=0):
        where = ("--bootstrap-controller", self.controllers[1]) if via == "controller" else ("--bootstrap-server", self.broker)
        done = subprocess.run([TOOL, *where, *map(str, args)], text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == exits, f"{args}: status {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def status(self):
        return dict(re.findall(r"^(\w+): +(.*)$", self.tool("describe", "--status"), re.M))

    def nodes(self, which):
        """The ids of CurrentVoters or CurrentObservers."""
        return set(map(int, re.findall(r'"id": (\d+)', self.status()[which])))

    def directory(self, node=2):
        return re.search(r"^directory.id=(.*)$", (self.home / str(node) / "meta.properties").read_text(), re.M).group(1)


def joins_and_leaves(quorum, via):
    what = f"controller 2 with directory id {quorum.directory()}"
    endpoints = f"endpoints: CONTROLLER://{quorum.controllers[2]}"
    add = ("--command-config", quorum.file(2), "add-controller")
    remove = ("remove-controller", "--controller-id", 2, "--controller-directory-id", quorum.directory())
    assert f"DRY RUN of adding {what} and {endpoints}" in quorum.tool(*add, "--dry-run", via=via)
    assert quorum.nodes("CurrentVoters") == {1}
    # The leader asks the new one first, and a busy machine may let it wait too long.
    said = eventually(lambda: quorum.tool(*add, via=via), 30, "the leader reaches the new controller", 0.5)
    assert said == f"Added {what} and {endpoints}\n", said
    eventually(lambda: quorum.nodes("CurrentVoters") == {1, 2}, 30, "two voters", 0.2)
    assert "is already part of the set of voters" in quorum.tool(*add, via=via, exits=1)
    assert "DRY RUN of removing" in quorum.tool(*remove, "--dry-run", via=via)
    assert quorum.nodes("CurrentVoters") == {1, 2}
    said = quorum.tool(*remove, via=via)
    assert said == f"Removed  KRaft {what}\n", said
    eventually(lambda: quorum.nodes("CurrentVoters") == {1}, 30, "one voter", 0.2)
    assert "Cannot remove voter" in quorum.tool(*remove, via=via, exits=1)
    # It looks on again, and may come back.
    eventually(lambda: quorum.nodes("CurrentObservers") == {2}, 30, "the second controller looks on", 0.2)


def seen_by_java(quorum):
    """Java's tool undoes what ours did."""
    quorum.tool("--command-config", quorum.file(2), "add-controller")

    def java(*args):
        command = env.java("org.apache.kafka.tools.MetadataQuorumCommand", "--bootstrap-controller", quorum.controllers[1], *args)
        return subprocess.run(command, text=True, capture_output=True, timeout=60, check=True).stdout
    voters = re.search(r"CurrentVoters: +(.*)", java("describe", "--status")).group(1)
    assert voters == quorum.status()["CurrentVoters"] and quorum.directory() in voters, voters
    said = java("remove-controller", "--controller-id", "2", "--controller-directory-id", quorum.directory())
    assert "Removed" in said, said
    eventually(lambda: quorum.nodes("CurrentVoters") == {1}, 30, "one voter", 0.2)


def leader_leaves(quorum):
    """The rest goes on without it; who asks it is led to the new one."""
    quorum.tool("--command-config", quorum.file(2), "add-controller")
    said = quorum.tool("remove-controller", "--controller-id", 1, "--controller-directory-id", quorum.directory(1), via="broker")
    assert said.startswith("Removed "), said
    eventually(lambda: quorum.status()["LeaderId"] == "2" and quorum.nodes("CurrentVoters") == {2}, 30, "another leads", 0.2)
    eventually(lambda: 1 in quorum.nodes("CurrentObservers"), 30, "the first controller looks on", 0.2)
    said = quorum.tool("--command-config", quorum.file(1), "add-controller")
    assert said.startswith("Added controller 1 "), said
    eventually(lambda: quorum.nodes("CurrentVoters") == {1, 2}, 30, "two voters", 0.2)


def main():
    checks = Checks(parse(parser(__doc__)).only)
    env.need_setup()
    with Quorum() as quorum:
        checks.run("a controller joins and leaves, by way of a controller", joins_and_leaves, quorum, "controller")
        checks.run("a controller joins and leaves, by way of a broker", joins_and_leaves, quorum, "broker")
        checks.run("Java's tool sees it", seen_by_java, quorum)
        checks.run("the leader leaves", leader_leaves, quorum)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
