"""kafka-share-groups."""

from lib.check import eventually
from lib.records import unique
from twins.offsets import filled


def misuse(t, _):
    def same(*args, **options):
        t.same("share-groups", *args, **options)
    t.same("share-groups", bootstrap="", complaints=False)
    t.same("share-groups", "--list", bootstrap="", exits=1)
    reset = ("--reset-offsets", "--group", "g", "--topic", "t")
    for args in (
            (), ("--bogus",), ("--list", "--describe"), ("--list", "--group", "g"), ("--describe",),
            ("--describe", "--group", "g", "--all-groups"), ("--describe", "--group", "g", "--state", "x"),
            ("--describe", "--group", "g", "--state", "--members"), ("--delete",), ("--delete", "--group", "g", "--topic", "t"),
            ("--delete-offsets", "--group", "g"), ("--delete-offsets", "--topic", "t"), reset, (*reset, "--dry-run"),
            (*reset, "--to-latest"), (*reset, "--to-latest", "--dry-run", "--execute"),
            (*reset, "--to-latest", "--to-earliest", "--dry-run"), ("--reset-offsets", "--topic", "t", "--to-latest",
                                                                    "--dry-run"),
            ("--reset-offsets", "--group", "g", "--to-latest", "--dry-run")):
        same(*args, exits=1)
    same("--list", "--state", "bogus", exits=1, complaints=False)  # it names the states in any order
    same("--version", exits=0, complaints=False)


def groups(t, node):
    if node.kind != "kafka":  # not served yet
        t.same("share-groups", "--describe", "--group", "g", complaints=False, exits=0,
               mask=lambda text: "failed" in text and "failed")
        return
    topic, group = filled(t, node), unique("{me}-share")
    server = ("--bootstrap-server", t.address)

    def same(*args, **options):
        t.same("share-groups", *args, **{"exits": 0, **options})
    views = ((), ("--verbose",), ("--members",), ("--members", "--verbose"), ("--state",), ("--state", "--verbose"))
    consumers = []
    for me in ("java", "ours"):
        mine = group.replace("{me}", me)
        t.tools.ok("configs", "--alter", "--group", mine, "--add-config", "share.auto.offset.reset=earliest", *server,
                   bootstrap="")
        consumers.append(t.tools.start("console-share-consumer", "--topic", topic.replace("{me}", me), "--group", mine, *server,
                                       bootstrap=""))
        eventually(lambda mine=mine: ":0,1,2" in t.tools.run("share-groups", "--describe", "--group", mine, "--members", *server,
                                                             bootstrap="").out, 60, "a member with partitions")
    # Both look at one group: when a busy broker gets to know the first offsets of another is its own affair.
    seen = group.replace("{me}", "java")
    for args in views:
        same("--describe", "--group", seen, *args, retry=True)
    same("--list", "--state", "Stable", sort=True)
    same("--delete", "--group", group)
    same("--delete-offsets", "--group", group, "--topic", topic)
    same("--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--dry-run", exits=1, mask=lambda text: "")
    for consumer in consumers:
        consumer.stop()
    for me in ("java", "ours"):
        eventually(lambda me=me: "Empty" in t.tools.run("share-groups", "--describe", "--group", group.replace("{me}", me),
                                                        "--state",
                                                        *server, bootstrap="").out, 60, "an empty group")
    for args in views:
        same("--describe", "--group", seen, *args, retry=True)
        same("--describe", "--group", "nosuch", *args)
    for args in ((), ("--state",), ("--state", "empty"), ("--state", "Empty,Dead"), ("--state", "Stable")):
        same("--list", *args, sort=True, complaints=False)
    same("--describe", "--all-groups", complaints=False, sort=True)

    def reset(*args, **options):
        same("--reset-offsets", "--group", group, *args, sort=True, **options)
    reset("--topic", topic, "--to-earliest", "--dry-run")
    reset("--topic", topic, "--to-earliest", "--execute")
    same("--describe", "--group", group, retry=True)
    reset("--topic", topic + ":0,1", "--to-latest", "--execute")
    reset("--all-topics", "--to-datetime", "2020-01-01T00:00:00.000", "--dry-run")
    reset("--all-topics", "--to-datetime", "2030-01-01T00:00:00.000", "--dry-run")
    reset("--topic", "nosuch", "--to-latest", "--dry-run")
    same("--describe", "--group", group, "--verbose", retry=True)
    same("--delete-offsets", "--group", group, "--topic", "nosuch")
    same("--delete-offsets", "--group", group, "--topic", topic)
    same("--describe", "--group", group)
    same("--delete", "--group", group, "--group", "nosuch")
    same("--delete", "--group", group)
    same("--describe", "--group", group)


CHECKS = {"share-groups misuse": misuse, "share-groups": groups}
