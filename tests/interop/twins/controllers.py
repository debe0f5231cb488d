"""What is asked of controllers instead of brokers, and the voters of their quorum: Apache Kafka's node, the only one that has the
controllers' side of it yet."""

import tempfile
from pathlib import Path

from twins.cluster import numbers_aside

UUID = "ig0jVGmuTeqLAbZUTX0WbA"


def controllers(t, node):
    if node.kind != "kafka":
        return
    server = ("--bootstrap-controller", node.controller)

    def same(tool, *args, **options):
        t.same(tool, *args, bootstrap="", **options)
    same("cluster", "cluster-id", *server, exits=0)
    same("cluster", "list-endpoints", *server, exits=0)
    same("cluster", "list-endpoints", *server, "--include-fenced-brokers", exits=1)
    same("cluster", "unregister", *server, "--id", 9, exits=1, complaints=False)  # the client logs first
    same("cluster", "cluster-id", "--bootstrap-controller", t.address, exits=1)
    same("features", *server, "describe", mask=numbers_aside, exits=0)
    same("features", *server, "upgrade", "--feature", "transaction.version=2", exits=0)
    same("metadata-quorum", *server, "describe", "--status", mask=numbers_aside, exits=0)
    same("metadata-quorum", *server, "describe", "--replication", mask=numbers_aside, exits=0)
    same("configs", *server, "--describe", "--entity-type", "brokers", exits=0)
    same("configs", *server, "--alter", "--broker-defaults", "--add-config", "log.cleaner.backoff.ms=14000", exits=0)
    same("configs", *server, "--describe", "--broker-defaults", exits=0, retry=True)
    same("configs", *server, "--alter", "--broker-defaults", "--delete-config", "log.cleaner.backoff.ms", exits=0)
    same("configs", *server, "--describe", "--topic", "x", exits=1)
    same("configs", *server, "--describe", "--entity-type", "users", exits=1)
    same("acls", *server, "--list", "--topic", "nosuch", exits=0)
    same("reassign-partitions", *server, "--list", exits=0)
    same("acls", "--bootstrap-controller", t.address, "--list", exits=1, mask=lambda text: text.splitlines()[0])


def voters(t, node):
    def same(*args, **options):
        t.same("metadata-quorum", *args, first=True, **options)
    same("add-controller", exits=1)
    # Kafka's ends its JVM.
    same("remove-controller", "-i", "x", "-d", UUID, exits=1, alone=True)
    same("remove-controller", "-i", 9, exits=1, alone=True)
    t.same("cluster", "unregister", "--id", "x", exits=1, alone=True)
    same("remove-controller", "-i", -4, "-d", UUID, exits=1)
    same("remove-controller", "-i", 9, "-d", "bogus", exits=1, complaints=False)  # what is wrong with it, in Java's words
    same("remove-controller", "-i", 9, "-d", UUID, "--dry-run", exits=0)
    with tempfile.TemporaryDirectory() as home:
        def file(name, **settings):
            Path(home, name).write_text("".join(f"{k.replace('_', '.')}={v}\n" for k, v in settings.items()))
            return ("--command-config", f"{home}/{name}")
        with_id = {"node_id": 9, "process_roles": "controller", "controller_listener_names": "CONTROLLER",
                   "listeners": "CONTROLLER://127.0.0.1:19999", "log_dirs": f"{home}/data"}
        same(*file("empty"), "add-controller", exits=1)
        same(*file("broker", **{**with_id, "process_roles": "broker"}), "add-controller", exits=1)
        same(*file("unformatted", **with_id), "add-controller", exits=1)
        Path(home, "data").mkdir()
        Path(home, "data", "meta.properties").write_text(
            f"version=1\ncluster.id={UUID}\nnode.id=9\ndirectory.id=JEXY6aqzQY-32P5TStzaFg\n")
        same(*file("formatted", **with_id), "add-controller", "--dry-run", exits=0)
        if node.kind == "kafka":
            same("remove-controller", "-i", 9, "-d", UUID, exits=1)
            # Why it is not reached, the quorum says in one way or another.
            same(*file("formatted", **with_id), "add-controller", exits=1, complaints=False)


CHECKS = {"controllers": controllers, "voters": voters}
