"""kafka-transactions and kafka-leader-election."""

import re

from lib.records import unique
from twins.offsets import filled


def transactions(t, node):
    topic, txn = unique("txn"), unique("txn")
    server = ("--bootstrap-server", t.address)
    t.tools.ok("topics", "--create", "--topic", topic, "--partitions", 1, *server, bootstrap="")
    t.tools.ok("producer-perf-test", "--topic", topic, "--num-records", 50, "--record-size", 20, "--throughput", -1,
               "--transactional-id", txn, "--transaction-duration-ms", 20, *server, bootstrap="")

    def same(*args, **options):
        t.same("transactions", *args, first=True, **options)
    for args in (("bogus",), ("describe",), ("describe-producers", "--topic", topic)):
        same(*args, exits=1, alone=True)
    same("list", exits=0, sort=True, retry=True)
    same("list", "--duration-filter", 100000, exits=0)
    # How long it has been going on is another a moment later.
    same("describe", "--transactional-id", txn, exits=0, retry=True,
         mask=lambda text: re.sub(r"(\b1[6-9]\d{11} *\t)\d+( *\t)", r"\1N\2", text))
    same("describe", "--transactional-id", "nosuch", exits=1)
    same("describe-producers", "--topic", topic, "--partition", 0, exits=0, retry=True)


def leader_election(t, node):
    def same(*args, **options):
        t.same("leader-election", *args, **options)
    for args in ((), ("--election-type", "preferred"), ("--election-type", "preferred", "--topic", "x"),
                 ("--election-type", "bogus", "--topic", "x", "--partition", 0), ("--bogus",),
                 ("--election-type", "preferred", "--topic", "x", "--all-topic-partitions")):
        same(*args, exits=1)
    t.same("leader-election", "--election-type", "preferred", "--all-topic-partitions", bootstrap="", exits=1)
    if node.kind == "kafka":  # not served yet
        topic = filled(t, node)
        same("--election-type", "preferred", "--all-topic-partitions", exits=0)
        for kind in ("preferred", "unclean"):
            same("--election-type", kind, "--topic", topic, "--partition", 0, exits=0)
        same("--election-type", "preferred", "--topic", "nosuch", "--partition", 0, exits=1)


CHECKS = {"transactions": transactions, "leader-election": leader_election}
