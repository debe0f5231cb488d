"""kafka-consumer-groups."""

import tempfile
from pathlib import Path

from lib.check import eventually
from lib.records import unique
from twins.offsets import filled

# "In version 5.0 ..." is said before anything else.
WARNED = {"complaints": False}


def misuse(t, _):
    def same(*args, **options):
        t.same("consumer-groups", *args, **options)
    t.same("consumer-groups", bootstrap="", complaints=False)
    t.same("consumer-groups", "--list", bootstrap="", exits=1)
    for args in (
            (), ("--describe", "--group", "g", "--all-groups"), ("--bogus",), ("--list", "--group", "g"),
            ("--reset-offsets", "--group", "g", "--topic", "t", "--to-latest", "--dry-run", "--execute")):
        same(*args, exits=1)
    for args in (
            ("--describe",), ("--delete",), ("--describe", "--group", "g", "--members", "--state"), ("--list", "--describe"),
            ("--list", "--state", "bogus"), ("--list", "--type", "bogus"), ("--delete-offsets", "--group", "g"),
            ("--reset-offsets", "--topic", "t", "--to-latest", "--dry-run"),
            ("--reset-offsets", "--group", "g", "--topic", "t", "--to-latest", "--to-earliest", "--dry-run")):
        same(*args, exits=1, complaints=False)  # they name options or states in any order
    same("--describe", "--group", "g", "--timeout", "x", exits=0)
    same("--version", exits=0)


def committed(t, node):
    """(topic, group) of both, with offsets of a consumer that has gone."""
    topic, group = filled(t, node), unique("{me}-group")
    for me in ("java", "ours"):
        t.tools.ok("console-consumer", "--topic", topic.replace("{me}", me), "--group", group.replace("{me}", me),
                   "--from-beginning", "--max-messages", 60, "--timeout-ms", 30000, "--bootstrap-server", t.address, bootstrap="")
    eventually(lambda: all("Empty" in t.tools.run(
        "consumer-groups", "--describe", "--state", "--group", group.replace("{me}", me), "--bootstrap-server", t.address,
        bootstrap="").out for me in ("java", "ours")), 60, "empty groups")
    return topic, group


def idle(t, node):
    topic, group = committed(t, node)

    def same(*args, **options):
        t.same("consumer-groups", *args, **options)
    same("--list", exits=0, mask=lambda text: "")
    for args in (("--state",), ("--type",), ("--state", "--type"), ("--state", "Empty"), ("--type", "classic")):
        same("--list", *args, exits=0, sort=True)
    for args in ((), ("--verbose",), ("--members",), ("--members", "--verbose"), ("--state",), ("--state", "--verbose")):
        same("--describe", "--group", group, *args, exits=0)
        same("--describe", "--group", "nosuch", *args, exits=0)
    same("--describe", "--group", group, "--group", group, exits=0)

    def reset(*args, **options):
        # Its rows come in the order of a hash, and the topics of both differ in their names.
        same("--reset-offsets", "--group", group, *args, exits=0, sort=True, **options)
    reset("--topic", topic, "--to-earliest", **WARNED)
    reset("--topic", topic, "--to-earliest", "--dry-run")
    reset("--topic", topic, "--to-earliest", "--execute")
    same("--describe", "--group", group, exits=0)
    reset("--topic", topic + ":0,1", "--to-offset", 4, "--execute")
    reset("--topic", topic + ":0", "--to-offset", 10000, "--execute", complaints=False)
    reset("--all-topics", "--shift-by", -1, "--execute")
    reset("--all-topics", "--shift-by", 1, "--dry-run", "--export")
    reset("--all-topics", "--to-latest", "--execute")
    reset("--all-topics", "--to-current", "--dry-run")
    reset("--all-topics", "--to-datetime", "2020-01-01T00:00:00.000", "--dry-run")
    reset("--all-topics", "--to-datetime", "2030-01-01T00:00:00.000Z", "--dry-run")
    reset("--all-topics", "--by-duration", "P1DT1H", "--dry-run")
    reset("--topic", "nosuch", "--to-latest", "--execute")
    same("--delete-offsets", "--group", group, "--topic", topic + ":0", exits=0)
    same("--delete-offsets", "--group", group, "--topic", topic, exits=0)
    same("--delete-offsets", "--group", "nosuch", "--topic", topic, exits=0)
    same("--delete", "--group", group, exits=0)
    same("--delete", "--group", "nosuch", exits=0)
    same("--describe", "--group", group, exits=0)


def members(t, node):
    """Groups of either protocol with a consumer in them: both tools look at the same."""
    topic = filled(t, node).replace("{me}", "java")
    for protocol in ("classic", "consumer"):
        group = unique("busy")
        consumer = t.tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
                                 "--command-property", f"group.protocol={protocol}", "--bootstrap-server", t.address,
                                 bootstrap="")
        t.tools.address, kept = t.address, t.tools.address
        t.tools.wait_for_member(group)
        t.tools.address = kept

        def same(*args, **options):
            t.same("consumer-groups", *args, exits=0, **options)
        for args in ((), ("--verbose",), ("--members",), ("--members", "--verbose"), ("--state",), ("--state", "--verbose")):
            same("--describe", "--group", group, *args, retry=True)
        same("--list", "--state", "--type", sort=True, retry=True)
        same("--reset-offsets", "--group", group, "--topic", topic, "--to-latest", "--execute")
        same("--delete", "--group", group)
        same("--delete-offsets", "--group", group, "--topic", topic)
        consumer.stop()


def from_file(t, node):
    topic, group = committed(t, node)
    other = unique("{me}-other")
    with tempfile.TemporaryDirectory() as home:
        def file(name, *lines):
            for me in ("java", "ours"):
                Path(home, f"{name}-{me}").write_text("".join(f"{line}\n".replace("{me}", me) for line in lines))
            return f"{home}/{name}-{{me}}"

        def same(*args, **options):
            t.same("consumer-groups", "--reset-offsets", *args, exits=0, sort=True, complaints=False, **options)
        one = file("one", f"{topic},0,3", f"{topic},1,4")
        same("--group", group, "--from-file", one, "--dry-run")
        same("--group", group, "--from-file", one, "--execute")
        same("--group", group, "--from-file", file("far", f"{topic},0,1000000", f"{topic},1,5"), "--dry-run")
        same("--group", group, "--group", other, "--from-file", one, "--dry-run")
        both = file("both", f"{group},{topic},0,5", f"{other},{topic},1,6")
        same("--group", group, "--group", other, "--from-file", both, "--execute")
        same("--group", group, "--from-file", both, "--dry-run")
        same("--group", group, "--from-file", file("odd", f"{topic},x,1"), "--dry-run")
        same("--group", group, "--from-file", f"{home}/nosuch", "--dry-run")
        same("--group", group, "--group", other, "--all-topics", "--to-earliest", "--dry-run", "--export")
        t.same("consumer-groups", "--describe", "--group", other, exits=0)


def all_kinds(t, node):
    for args in ((), ("--list",), ("--list", "--bogus")):
        t.same("groups", *args, bootstrap="", exits=1)

    def same(*args, **options):
        t.same("groups", *args, **options)
    for args in ((), ("--list", "--consumer", "--share"), ("--list", "--consumer", "--protocol", "x"),
                 ("--list", "--share", "--streams"), ("--list", "--streams", "--group-type", "classic"), ("--group-type",
                                                                                                          "classic"),
                 ("--list", "--group-type", "bogus")):
        same(*args, exits=1)
    same("--version", exits=0, complaints=False)
    committed(t, node)
    for args in ((), ("--consumer",), ("--share",), ("--streams",), ("--group-type", "classic"), ("--group-type", "Consumer"),
                 ("--protocol", "consumer"), ("--protocol", "bogus")):
        same("--list", *args, exits=0, sort=True, complaints=False)


CHECKS = {"groups": all_kinds, "consumer-groups from-file": from_file, "consumer-groups misuse": misuse,
          "consumer-groups idle": idle, "consumer-groups members": members}
