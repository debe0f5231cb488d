#!/usr/bin/env python3
"""The native commands of an administrator, on Apache Kafka: ACLs, passwords, quotas, moves of replicas, elections of leaders.

What they do is looked at with `--json`; that --dry-run changes nothing, too."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lib import env
from lib.brokers import Brokers
from lib.check import Checks, eventually, parse, parser

SETTINGS = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}


class Commands:
    def __init__(self, address):
        self.address = address

    def run(self, *args, stdin="", exits=0, json_too=True):
        """What a command shows with --json; its whole text when it is to fail."""
        command = [str(env.BINARY), *map(str, args), "-b", self.address, *(["--json"] if json_too else [])]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == exits, f"{args}: status {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if exits == 0 and json_too else done.stdout + done.stderr

    def becomes(self, wanted, *args):
        """Until a command shows this: brokers learn a change a moment later."""
        eventually(lambda: self.run(*args) == wanted, 30, f"{args} to show {wanted}", 0.2)


def acls(c):
    create = ("acls", "create", "topic", "orders", "--allow", "User:billing", "--operation", "read", "--operation", "describe")
    assert [row["result"] for row in c.run(*create, "--dry-run")] == ["would be created"] * 2
    assert c.run("acls", "list") == []
    assert [row["result"] for row in c.run(*create)] == ["created"] * 2
    c.run("acls", "create", "topic", "ord", "--prefixed", "--deny", "User:eve", "--operation", "all", "--host", "10.0.0.7")
    row = {"resource": "topic", "name": "ord", "pattern": "prefixed", "principal": "User:eve", "host": "10.0.0.7",
           "operation": "all", "permission": "deny"}
    c.becomes([row], "acls", "list", "--principal", "User:eve")
    assert len(c.run("acls", "list", "topic", "orders", "--pattern", "match")) == 3
    assert "read, delete" in c.run("acls", "create", "topic", "t", "--allow", "User:a", "--operation", "bogus", exits=1)
    assert "nothing is named" in c.run("acls", "delete", exits=1)
    assert len(c.run("acls", "delete", "topic", "orders", "--dry-run")) == 2
    assert len(c.run("acls", "delete", "topic", "orders")) == 2
    c.becomes([row], "acls", "list")


def users(c):
    create = ("users", "create", "billing", "--password-file", "-")
    assert c.run(*create, "--dry-run", stdin="secret\n")[0]["result"] == "would be created"
    assert c.run("users", "list") == []
    assert c.run(*create, stdin="secret\n")[0]["result"] == "created"
    c.becomes([{"user": "billing", "mechanism": "SCRAM-SHA-512", "iterations": 4096}], "users", "list")
    assert c.run(*create, stdin="another\n")[0]["result"] == "changed"
    c.run(*create, "--mechanism", "SCRAM-SHA-256", "--iterations", 8192, stdin="secret\n")
    eventually(lambda: len(c.run("users", "list", "billing")) == 2, 30, "both mechanisms", 0.2)
    assert "empty" in c.run(*create, stdin="\n", exits=1)
    assert "nosuch" in c.run("users", "delete", "nosuch", exits=1)
    assert len(c.run("users", "delete", "billing", "--dry-run")) == 2
    assert len(c.run("users", "delete", "billing")) == 2
    c.becomes([], "users", "list")


def quotas(c):
    change = ("quotas", "set", "producer_byte_rate=1e6", "request_percentage=50", "--user", "billing")
    assert [row["result"] for row in c.run(*change, "--dry-run")] == ["would be set"] * 2
    assert c.run("quotas", "list") == []
    c.run(*change)
    c.run("quotas", "set", "consumer_byte_rate=5", "--user", "", "--client-id", "web")
    eventually(lambda: len(c.run("quotas", "list")) == 3, 30, "three quotas", 0.2)
    assert c.run("quotas", "list", "--client-id", "web")[0]["user"] == "(default)"
    assert "whose quota" in c.run("quotas", "set", "producer_byte_rate=1", exits=1)
    assert "name=number" in c.run("quotas", "set", "producer_byte_rate", "--user", "a", exits=1)
    assert len(c.run("quotas", "delete", "--user", "billing")) == 2
    c.run("quotas", "delete", "consumer_byte_rate", "--user", "", "--client-id", "web")
    c.becomes([], "quotas", "list")


def moves(c):
    with tempfile.TemporaryDirectory() as home:
        plan = Path(home, "plan.json")
        c.run("topics", "create", "moved", "--assignment", "1:2,2:3,3:1")
        c.run("produce", "moved", stdin="".join(f"record {n} {'x' * 500}\n" for n in range(6000)), json_too=False)
        proposed = c.run("reassign", "plan", "moved", "--brokers", "1,2", "--out", plan)
        assert all(sorted(row["to"]) == [1, 2] for row in proposed), proposed
        assert "5 replicas" in c.run("reassign", "plan", "moved", "--replication", 5, exits=1)
        assert "no broker 9" in c.run("reassign", "plan", "moved", "--brokers", 9, exits=1)
        assert c.run("reassign", "start", plan, "--dry-run")[0]["result"] == "would be moved"
        done = c.run("reassign", "start", plan, "--throttle", 100_000_000)
        assert [row["result"] for row in done] == ["moved"] * 3, done
        eventually(lambda: {row["state"] for row in c.run("reassign", "status", plan)} == {"moved"}, 30, "the new replicas", 0.2)
        assert "throttled" not in json.dumps(c.run("configs", "describe", "topic", "moved"))
        # One that takes longer than the test is called off.
        c.run("reassign", "plan", "moved", "--brokers", "2,3", "--out", plan)
        c.run("reassign", "start", plan, "--throttle", 1, "--no-wait")
        moving = c.run("reassign", "status")
        assert moving and all(row["adding"] == [3] for row in moving), moving
        assert "under way" in c.run("reassign", "start", plan, exits=1)
        assert c.run("reassign", "cancel", "--all", "--dry-run")[-1]["result"] == "would be cancelled"
        assert c.run("reassign", "cancel", "moved")[-1]["result"] == "cancelled"
        c.becomes([], "reassign", "status")
        eventually(lambda: "throttled" not in json.dumps(c.run("configs", "describe", "topic", "moved")), 30, "no throttle", 0.2)


def elections(c):
    c.run("topics", "create", "led", "--assignment", "1:2")
    assert c.run("topics", "elect", "led") == []
    with tempfile.TemporaryDirectory() as home:
        plan = Path(home, "plan.json")
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "led", "partition": 0, "replicas": [2, 1]}]}))
        c.run("reassign", "start", plan)
        wanted = [{"topic": "led", "partition": 0, "result": "would be elected"}]
        c.becomes(wanted, "topics", "elect", "led", "--dry-run")
        assert c.run("topics", "elect", "led")[0]["result"] == "elected"
        eventually(lambda: c.run("topics", "describe", "led")[0]["partitions"][0]["leader"] == 2, 30, "leader 2", 0.2)


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Brokers(3, SETTINGS) as brokers:
        for name, check in (("acls", acls), ("users", users), ("quotas", quotas), ("moves", moves), ("elections", elections)):
            checks.run(f"administer: {name}", check, Commands(brokers.address))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
