"""kafka-streams-groups."""

import re
import subprocess
import tempfile

from lib import env
from lib.check import eventually
from lib.records import unique
from twins.compare import complaint, masked
from twins.offsets import filled

# What the JVM that runs Kafka's tools in a row makes the tool say of its own end.
OWN_END = "Error: Executing streams group command failed due to exit "


def told(text):
    return text[:text.index(OWN_END)].rstrip() if OWN_END in text else text


def misuse(t, node):
    def same(*args, **options):
        t.same("streams-groups", *args, mask=told, **options)
    t.same("streams-groups", bootstrap="", complaints=False, mask=told)
    t.same("streams-groups", "--list", bootstrap="", exits=1, mask=told)
    reset = ("--reset-offsets", "--group", "g", "--input-topic", "t")
    for args in (
            (), ("--bogus",), ("--list", "--describe"), ("--list", "--group", "g"), ("--describe",),
            ("--describe", "--group", "g", "--all-groups"), ("--describe", "--group", "g", "--state", "--members"), ("--delete",),
            ("--delete-offsets", "--group", "g"), ("--delete-offsets", "--input-topic", "t"), (*reset, "--to-latest"),
            (*reset, "--to-latest", "--dry-run", "--execute")):
        same(*args, exits=1)
    if node.kind == "kafka":  # Kafka's asks the cluster first
        same("--reset-offsets", "--group", "g", "--to-latest", "--dry-run", exits=1)
    for args in (("--list", "--state", "bogus"), (*reset, "--to-latest", "--to-earliest", "--dry-run")):
        same(*args, exits=1, complaints=False)  # it names options or states in any order
    same("--version", exits=0, complaints=False)


def groups(t, node):
    if node.kind != "kafka":  # not served yet
        t.same("streams-groups", "--describe", "--group", "g", complaints=False, exits=1,
               mask=lambda text: "failed" in text and "failed")
        return
    server = ("--bootstrap-server", t.address)
    names = {kind: unique("{me}-" + kind) for kind in ("in", "copy", "counts", "app")}
    topic, app = names["in"], names["app"]

    def same(*args, **options):
        t.same("streams-groups", *args, **{"exits": 0, "mask": told, **options})

    def shown(me, *args):
        return t.tools.run("streams-groups", "--describe", "--group", app.replace("{me}", me), *args, *server, bootstrap="").out
    views = ((), ("--verbose",), ("--members",), ("--members", "--verbose"), ("--state",), ("--state", "--verbose"))
    running = []
    with tempfile.TemporaryDirectory() as home:
        for me in ("java", "ours"):
            mine = {kind: name.replace("{me}", me) for kind, name in names.items()}
            for kind in ("in", "copy", "counts"):
                t.tools.ok("topics", "--create", "--topic", mine[kind], "--partitions", 2, *server, bootstrap="")
            t.tools.ok("console-producer", "--topic", mine["in"], "--reader-property", "parse.key=true", *server, bootstrap="",
                       stdin="a\t1\nb\t2\nc\t3\nd\t4\n")
            running.append(subprocess.Popen(
                env.java("ExactlyOnceApp", t.address, mine["app"], f"{home}/{me}", mine["in"], mine["copy"], mine["counts"],
                         "streams"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            for me in ("java", "ours"):
                eventually(lambda me=me: "Stable" in shown(me, "--state") and "0          0" in shown(me), 60,
                           "a running application")

            def ids_aside(text):
                """The members' ids and those of their processes are of one length."""
                return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "{process}", told(text))
            for args in views:
                same("--describe", "--group", app, *args, retry=True, sort=True, mask=ids_aside)
            same("--list", "--state", "Stable", sort=True)
            same("--delete", "--group", app)
            same("--delete-offsets", "--group", app, "--input-topic", topic)
            same("--reset-offsets", "--group", app, "--input-topic", topic, "--to-earliest", "--dry-run")
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(60)
    for me in ("java", "ours"):
        eventually(lambda me=me: "Empty" in shown(me, "--state"), 60, "an empty group")
    for args in views:
        same("--describe", "--group", app, *args)
        same("--describe", "--group", "nosuch", *args, exits=1)
    for args in ((), ("--state",), ("--state", "empty"), ("--state", "Stable")):
        same("--list", *args, sort=True)

    def reset(*args, **options):
        same("--reset-offsets", "--group", app, *args, sort=True, **options)
    reset("--input-topic", topic, "--to-earliest", "--dry-run")
    reset("--all-input-topics", "--to-offset", 1, "--execute")
    reset("--input-topic", topic + ":0", "--shift-by", 1, "--dry-run")
    reset("--input-topic", topic, "--shift-by", 1, "--dry-run", "--export")
    reset("--input-topic", topic, "--to-current", "--dry-run")
    reset("--input-topic", "nosuch", "--to-latest", "--dry-run", exits=1)
    same("--reset-offsets", "--group", "nosuch", "--input-topic", topic, "--to-latest", "--dry-run")
    same("--delete-offsets", "--group", app, "--input-topic", topic + ":0")
    same("--delete-offsets", "--group", app, "--all-input-topics")
    same("--delete-offsets", "--group", "nosuch", "--input-topic", topic)
    same("--delete", "--group", app, "--group", "nosuch")
    same("--delete", "--group", app)


def application_reset(t, node):
    topic, app = filled(t, node), unique("{me}-app")
    server = ("--bootstrap-server", t.address)
    for me in ("java", "ours"):
        for end in ("store-changelog", "store-repartition", "other"):
            t.tools.ok("topics", "--create", "--topic", f"{app}-{end}".replace("{me}", me), *server, bootstrap="")

    def in_order(text):  # topics in brackets come in the order of a hash
        def ordered(names):
            return sorted(names[1].split(", "), key=lambda name: re.sub("^(java|ours)-", "", name))
        return re.sub(r"\[([^\]]*)\]", lambda names: f"[{', '.join(ordered(names))}]", text)

    def same(*args, **options):
        t.same("streams-application-reset", *args, **{"exits": 0, "sort": True, "mask": in_order, **options})
    for args in ((), ("--bogus",), ("--application-id", app, "--to-offset", 1, "--to-latest")):
        same(*args, exits=1)
    same("--application-id", app, "--internal-topics", "x", exits=1)
    inputs = ("--application-id", app, "--input-topics", topic)
    for args in ((), ("--to-latest",), ("--to-offset", 3), ("--to-offset", 1000), ("--to-offset", 0),
                 ("--to-datetime", "2020-01-01T00:00:00.000"), ("--by-duration", "P1D")):
        same(*inputs, *args, "--dry-run")
    same(*inputs, "--to-offset", 4)
    same(*inputs, "--shift-by", 1, "--dry-run")
    same("--application-id", app, "--input-topics", topic + ",nosuch", "--dry-run", exits=1)
    same("--application-id", app)
    t.same("consumer-groups", "--describe", "--group", app, exits=0)


def forced_reset(t, node):
    """Members that are still there: refused, or removed."""
    topic, app = filled(t, node), unique("{me}-app")
    server = ("--bootstrap-server", t.address)
    reset = ("--application-id", app, "--input-topics", topic, "--to-offset", 3)

    def members_aside(text):  # Kafka's tells all of them, ours the ids
        return re.sub(r"following members: \[.*\]\.", "following members: [...].", text)

    def group(me):
        return app.replace("{me}", me)
    running = [t.tools.start("console-consumer", "--topic", topic.replace("{me}", me), "--group", group(me), "--command-property",
                             "enable.auto.commit=false", *server, bootstrap="") for me in ("java", "ours")]
    try:
        for me in ("java", "ours"):
            t.tools.address = t.address
            t.tools.wait_for_member(group(me))
        java, ours = t.both("streams-application-reset", *reset)
        assert (java.exit, ours.exit) == (1, 1), (java.text, ours.text)
        said = [masked(members_aside(complaint(r.err))) for r in (java, ours)]
        assert said[0] == said[1], said
        t.same("streams-application-reset", *reset, "--force", exits=0, sort=True)
    finally:
        t.tools.address = None
        for each in running:
            each.stop()
    for me in ("java", "ours"):
        shown = t.tools.ok("consumer-groups", "--describe", "--group", group(me), *server, bootstrap="").out
        assert {line.split()[3] for line in shown.splitlines() if line.startswith(group(me))} == {"3"}, shown


CHECKS = {"streams-application-reset": application_reset, "streams-application-reset --force": forced_reset,
          "streams-groups misuse": misuse, "streams-groups": groups}
