"""kafka-transactions and kafka-leader-election."""

import re

from conditional_append import Transactions
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


class Forgotten(Transactions):
    """A transaction that no coordinator knows of: a batch of it in a partition that was never made part of it."""

    def __init__(self, t, node, name):
        self.topic = name
        t.tools.ok("topics", "--create", "--topic", name, "--partitions", 1, "--bootstrap-server", t.address, bootstrap="")
        super().__init__(node, name)
        answer = self.produce([(b"k", b"v"), (b"k", b"w")])
        assert answer.error == 0, vars(answer)


def hanging(t, node):
    topic = unique("{me}-hang")
    for me in ("java", "ours"):
        Forgotten(t, node, topic.replace("{me}", me))

    def same(*args, **options):
        t.same("transactions", *args, first=True, **options)
    for args in (("find-hanging",), ("abort", "--topic", topic, "--partition", 0),
                 ("abort", "--topic", topic, "--partition", 0, "--start-offset", 1),
                 ("abort", "--topic", topic, "--partition", 0, "--producer-id", 1),
                 ("abort", "--topic", topic, "--partition", 0, "--producer-id", 1, "--producer-epoch", 1)):
        same(*args, exits=1)
    for args in (("abort", "--topic", topic), ("find-hanging", "--max-transaction-timeout", "x"), ("forceTerminateTransaction",)):
        same(*args, exits=1, alone=True)

    def ids_aside(text):
        assert "hang-" in text, f"nothing hangs: {text}"
        return re.sub(r"(hang-\w+\t0 +\t)\d+ *\t", r"\1ID\t", re.sub(r"\d+( *\t\n?)$", r"N\1", text, flags=re.M))
    for scope in (("--topic", topic), ("--topic", topic, "--partition", 0), ("--topic", topic, "--broker-id", 1)):
        same("find-hanging", *scope, "--max-transaction-timeout", 1, exits=0, mask=ids_aside)
    same("find-hanging", "--topic", topic, "--max-transaction-timeout", 100_000_000, exits=0)
    same("describe-producers", "--topic", topic, "--partition", 0, "--broker-id", 1, exits=0,
         mask=lambda text: re.sub(r"^\d+ *\t", "ID\t", text, flags=re.M))
    same("abort", "--topic", topic, "--partition", 0, "--start-offset", 0, exits=0)
    same("find-hanging", "--topic", topic, "--max-transaction-timeout", 1, exits=0, retry=True)
    same("forceTerminateTransaction", "--transactionalId", unique("{me}-never"), exits=0)


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


CHECKS = {"transactions": transactions, "transactions hanging": hanging, "leader-election": leader_election}
