"""kafka-acls. Java lists resources and entries in the order of their hashes, which differs from run to run: lines are compared
in any order."""

import re

from lib.records import unique


# The stack trace that follows an error, and what ends a run inside the tools' JVM.
ASIDE = re.compile(r"\s+at |\s*\.\.\. \d+ more|Caused by: |(?:[a-z]\w*\.)+[A-Z]\w*: |ToolServer|"
                   r"Error while executing ACL command: exit")


def told(text):
    # The first entry of a list stands one column further to the right.
    return "\n".join(line.replace(" \t", "\t") for line in text.splitlines() if line.strip() and not ASIDE.match(line))


def same(t, *args, **options):
    t.same("acls", *args, mask=told, sort=True, **options)


def misuse(t, _):
    t.same("acls", bootstrap="", complaints=False)
    t.same("acls", "--list", bootstrap="", exits=1)
    for args in (
            (), ("--list", "--add"), ("--bogus",), ("--add",), ("--add", "--allow-principal", "User:x"),
            ("--add", "--topic", "t"),
            ("--list", "--producer"), ("--list", "--allow-principal", "User:x"), ("--list", "--deny-host", "h"),
            ("--add", "--producer", "--consumer", "--topic", "t", "--allow-principal", "User:x"),
            ("--add", "--producer", "--operation", "Read", "--topic", "t", "--allow-principal", "User:x"),
            ("--add", "--producer", "--topic", "t", "--deny-principal", "User:x"),
            ("--add", "--producer", "--group", "g", "--allow-principal", "User:x"),
            ("--add", "--consumer", "--topic", "t", "--allow-principal", "User:x"),
            ("--add", "--consumer", "--topic", "t", "--group", "g", "--cluster", "--allow-principal", "User:x"),
            ("--add", "--consumer", "--topic", "t", "--group", "g", "--deny-host", "h", "--allow-principal", "User:x"),
            ("--add", "--idempotent", "--topic", "t", "--allow-principal", "User:x"),
            ("--add", "--principal", "User:x", "--topic", "t"), ("--remove", "--force"),
            ("--add", "--allow-principal", "bogus", "--topic", "t"), ("--list", "--principal", "bogus"),
            ("--add", "--allow-principal", "User:x", "--topic", "t", "--resource-pattern-type", "match"),
            ("--list", "--resource-pattern-type", "bogus"), ("--list", "--authorizer", "x"),
            ("--add", "--allow-principal", "User:x", "--operation", "Any", "--topic", "t")):
        same(t, *args, exits=1)
    for resource in (("--topic", "t"), ("--group", "g"), ("--cluster",), ("--transactional-id", "x"),
                     ("--user-principal", "User:x"), ("--delegation-token", "t")):
        # names what there is in any order
        same(t, "--add", "--allow-principal", "User:x", "--operation", "Bogus", *resource, exits=1, complaints=False)
    same(t, "--version", exits=0)
    same(t, "--help", complaints=False)
    same(t, "--list", "--bootstrap-controller", "x:1", exits=1)


def refused(t, node):
    """A cluster that keeps no ACLs."""
    if node.kind == "kafka":
        return  # keeps them here
    for args in (("--list",), ("--add", "--allow-principal", "User:x", "--topic", "t"), ("--remove", "--topic", "t", "--force")):
        same(t, *args, exits=1)


def life(t, node):
    if node.kind != "kafka":
        return  # not served yet
    topic, user = unique("{me}-acl"), unique("User:{me}-a")

    def listed(*args):
        same(t, "--list", *args, exits=0, retry=True)
    same(t, "--add", "--allow-principal", user, "--allow-principal", user + "b", "--operation", "Read", "--operation", "Write",
         "--topic", topic, exits=0)
    listed("--topic", topic)
    same(t, "--add", "--allow-principal", user, "--operation", "read", "--operation", "DescribeConfigs", "--topic", topic,
         exits=0)
    same(t, "--add", "--deny-principal", user, "--deny-host", "1.2.3.4", "--topic", topic, "--topic", topic + "2", exits=0)
    same(t, "--add", "--allow-principal", user, "--deny-principal", user + "b", "--operation", "Read", "--group", topic, exits=0)
    same(t, "--add", "--allow-principal", user, "--producer", "--topic", topic, "--transactional-id", topic, "--idempotent",
         exits=0)
    same(t, "--add", "--allow-principal", user, "--consumer", "--topic", topic, "--group", topic, exits=0)
    same(t, "--add", "--allow-principal", user, "--operation", "Read", "--topic", topic, "--resource-pattern-type", "prefixed",
         exits=0)
    same(t, "--add", "--allow-principal", user, "--operation", "Describe", "--delegation-token", topic, exits=0)
    same(t, "--add", "--allow-principal", user, "--operation", "DescribeTokens", "--user-principal", user, exits=0)
    same(t, "--add", "--allow-principal", user, "--operation", "Read", "--topic", "", exits=1)
    listed("--topic", topic)
    listed("--topic", topic + "tail", "--resource-pattern-type", "match")
    listed("--topic", topic, "--resource-pattern-type", "any")
    listed("--topic", topic, "--group", topic, "--delegation-token", topic, "--user-principal", user)
    listed("--principal", user, "--principal", user + "b")
    listed("--principal", user, "--topic", topic)
    listed("--topic", "nosuch")
    same(t, "--remove", "--allow-principal", user, "--operation", "Read", "--topic", topic, "--force", exits=0)
    same(t, "--remove", "--topic", topic + "2", "--force", exits=0)
    same(t, "--remove", "--topic", "nosuch", "--force", exits=0)
    same(t, "--remove", "--producer", "--allow-principal", user, "--topic", topic, "--transactional-id", topic, "--force",
         exits=0)
    listed("--topic", topic)
    listed("--transactional-id", topic)
    same(t, "--remove", "--topic", topic, "--resource-pattern-type", "any", "--force", exits=0)
    listed("--topic", topic, "--resource-pattern-type", "any")


CHECKS = {"acls misuse": misuse, "acls refused": refused, "acls": life}
