"""Tools that need no broker: dump-log and storage."""

import re
import tempfile
from pathlib import Path

UUID = "ig0jVGmuTeqLAbZUTX0WbA"


def storage(t, _):
    def same(*args, **options):
        t.same("storage", *args, bootstrap="", **options)
    same()
    same("bogus")
    same("random-uuid", exits=0)
    same("random-uuid", "extra")
    same("version-mapping", exits=0)
    for release in ("3.3-IV3", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "4.0", "4.0-IV1", "4.1", "4.2", "4.3", "4.4-IV0"):
        same("version-mapping", "--release-version", release, exits=0)
    same("version-mapping", "--release=3.9", exits=0)
    same("version-mapping", "-r", "3.9", exits=0)
    for wrong in ("21", "2.8", "4", ""):
        same("version-mapping", "--release-version", wrong, exits=1)
    same("version-mapping", "--release-version")
    same("feature-dependencies")
    for feature in ("transaction.version=2", "metadata.version=25", "eligible.leader.replicas.version=1", "kraft.version=0"):
        same("feature-dependencies", "--feature", feature, exits=0)
    for wrong in ("group.version=7", "metadata.version=99", "foo=1", "group.version"):
        same("feature-dependencies", "--feature", wrong, exits=1)
    same("feature-dependencies", "--feature", "kraft.version=1", "--feature", "bogus=1", exits=1)
    same("feature-dependencies", "--feature", "kraft.version=1", "share.version=1", exits=1)


def properties(home, me, **other):
    settings = {
        "process.roles": "broker,controller", "node.id": "1",
        "listeners": "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093", "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.bootstrap.servers": "127.0.0.1:19093", "log.dirs": f"{home}/{me}/a,{home}/{me}/b", **other}
    return "".join(f"{k}={v}\n" for k, v in settings.items() if v)


def formatting(t, _):
    with tempfile.TemporaryDirectory(prefix="format-") as home:
        files = {"dynamic": {}, "broker": {"process.roles": "broker", "listeners": "PLAINTEXT://127.0.0.1:19092"},
                 "static": {"controller.quorum.bootstrap.servers": "", "controller.quorum.voters": "1@127.0.0.1:19093",
                            "log.dirs": "{home}/{me}/c"}}
        for me in ("java", "ours"):
            for name, other in files.items():
                other = {k: v.format(home=home, me=me) for k, v in other.items()}
                Path(home, f"{name}-{me}").write_text(properties(home, me, **other))

        def same(command, kind, *args, **options):
            config = ["-c", f"{home}/{kind}-{{me}}"] if kind else []
            t.same("storage", command, *config, *args, bootstrap="", **options)
        same("info", "")
        same("info", "dynamic", exits=1)
        same("format", "")
        same("format", "dynamic")
        same("format", "dynamic", "-t", "abc", exits=1)
        same("format", "broker", "-t", UUID, "--standalone", exits=1)
        same("format", "static", "-t", UUID, "--standalone", exits=1)
        same("format", "dynamic", "-t", UUID, "--standalone", "--no-initial-controllers", exits=1)
        for feature in ("bogus.version=1", "group.version=9", "bogus", "group.version=x"):
            same("format", "dynamic", "-t", UUID, "--standalone", "--feature", feature, exits=1)
        same("format", "dynamic", "-t", UUID, "--standalone", "-r", "4.0", "--feature", "metadata.version=25", exits=1)
        same("format", "dynamic", "-t", UUID, "--standalone", "-r", "3.0", exits=1)
        same("format", "dynamic", "-t", UUID, "--standalone", "-r", "4.0", "--feature", "transaction.version=1", exits=0,
             sort=True)  # its directories come in no order
        same("info", "dynamic", exits=0)
        same("format", "dynamic", "-t", UUID, "--standalone", exits=1, complaints=False)  # names either directory
        same("format", "dynamic", "-t", UUID, "--standalone", "-g", exits=0)
        same("format", "dynamic", "-t", "another", "--standalone", "-g", exits=1, complaints=False)
        same("format", "static", "-t", UUID, exits=0)
        same("info", "static", exits=0)
        quorums(same, home)
        # What ours has formatted is the same to Kafka's reader as what Kafka's has.
        for path in ("a/bootstrap.checkpoint", "c/bootstrap.checkpoint",
                     "a/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint", "v3/bootstrap.checkpoint",
                     "v0/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"):
            t.same("dump-log", "--cluster-metadata-decoder", "--skip-record-metadata", "--files", f"{home}/{{me}}/{path}",
                   bootstrap="", mask=without_measures)


def quorums(same, home):
    """A cluster's first voters and users."""
    one, two = "JEXY6aqzQY-32P5TStzaFg", "MvDxzVmcRsaTz33bUuRU6A"
    for n in range(6):
        for me in ("java", "ours"):
            Path(home, f"voter{n}-{me}").write_text(properties(home, me, **{"log.dirs": f"{home}/{me}/v{n}"}))

    def voters(text, n=0, **options):
        same("format", f"voter{n}", "-t", UUID, "--initial-controllers", text, **options)
    for wrong in ("bogus", "1@h:2", f"x@h:2:{one}", f"1@h:x:{one}", f"1@h:2:{one},1@h:3:{two}", "", f"1@h2:{one}", "1@h"):
        voters(wrong, exits=1)
    voters("1@h:2:bad", exits=1)
    voters(f"1@127.0.0.1:2:{one},2@[::1]:3:{two}", exits=0)
    same("format", "static", "-t", UUID, "--initial-controllers", f"1@h:2:{one}", exits=1)
    same("format", "voter1", "-t", UUID, "--no-initial-controllers", exits=0)
    for kind in ("standalone", "no-initial-controllers"):
        same("format", "voter2", "-t", UUID, f"--{kind}", "--feature", "kraft.version=0", exits=1)

    def user(text, *args, n=2, **options):
        same("format", f"voter{n}", "-t", UUID, "--standalone", "--add-scram", text, *args, **options)
    for wrong in ("bogus", "SCRAM-SHA-1=[name=a,password=b]", "SCRAM-SHA-256=[password=b]", "SCRAM-SHA-256=[name=a]",
                  "SCRAM-SHA-256=[name=a,password=b,iterations=1]", "SCRAM-SHA-256=[name=a,password=b,iterations=99999]",
                  "SCRAM-SHA-512=[name=a,password=b,bogus=c]", "SCRAM-SHA-256=[name=a,saltedpassword=c]",
                  "SCRAM-SHA-256=name=a,password=b", 'SCRAM-SHA-256=[name=a,password="b,b"]',
                  "SCRAM-SHA-256=[name=a,iterations=x,password=b]"):
        user(wrong, exits=1)
    user("SCRAM-SHA-256=[name=a,password=b]", "-r", "3.3", exits=1)
    salt = 'salt="MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E="'
    user(f'SCRAM-SHA-256=[name=alice,{salt},saltedpassword="mT0yyUUxnlJaC99HXgRTSYlbuqa4FSGtJCJfTMvjYCE=",iterations=8192]',
         "--add-scram", f'SCRAM-SHA-512=[name=bob,{salt},password="b b"]', n=3, exits=0)
    user("SCRAM-SHA-256=[name=alice,password=pw]", n=4, exits=0,
         mask=lambda text: re.sub(r"(salt|storedKey|serverKey)=\[[-\d, ]*\]", r"\1", text))


def without_measures(text):
    """Sizes, positions and checksums follow from ids and times."""
    return "\n".join(" ".join(w for w in line.split(" ") if not w.isdigit()) for line in text.splitlines())


def dump_misuse(t, _):
    def same(*args, **options):
        t.same("dump-log", *args, bootstrap="", **options)
    same(complaints=False)
    same("--help", complaints=False)
    same("--version", exits=0)
    same("--bogus")
    same("--file", "x")
    same("--files")
    same("--files", "a", "--files", "b")
    same("--print-data-log")
    same("--files", "noext", exits=0)
    same("--files", "nosuch/00000000000000000000.log", complaints=False, exits=1)
    same("--files", "00000000000000000000.log", "--max-bytes", "x", exits=1)
    same("--files", "abc.log", exits=1)


CHECKS = {"storage": storage, "storage format": formatting, "dump-log misuse": dump_misuse}
