"""kafka-metadata-shell over the metadata log that a node has left."""

import re
import subprocess

from lib import env
from lib.check import eventually
from lib.node import Node
from lib.tools import CLASSES, PACKAGE, Result
from .compare import masked

CLASSES["acls"] = PACKAGE + "AclCommand"
AUTHORIZED = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
              "super.users": "User:ANONYMOUS"}
# Kafka's runs a command now and then before it has loaded anything, and shows an image of nothing.
TRIES = 4
SESSION = r"""ls
ls / image
ls image/cluster/brokers/1 image/provenance
ls image/scram nosuch image/features image/provenance
ls .. ./image//topics/../acls
ls image/./local image/a}cls image/{{a
ls image/* local
ls image/\* image/t[o image/{top
ls local/{,version}
ls image/topics/byName/{shell,a?b}
ls image/topics/byName/{shell,a?b}/*
ls image/{scram,acls}/*
ls "local" 'image'/acls ima\ge/scram "a b"
ls "unended
ls ""
ls -- image
ls --bogus
ls -1
ls -
cat
cat image
cat nosuch image/nosuch/x image/provenance/x
cat image/* image/provenance
cat image/{features,producerIds}/*
cat image/*/*/*/*
cat image/*/*/*/*/*
find
find nosuch local/version local
find image/*/byId image/features/*
find image/cluster/
cd image/provenance
cd nosuch/x
cd local extra
cd image/{acls,scram}
pwd
 pwd

find .
tree .
tree
tree ../features nosuch ../provenance
cd ..
cd ..
cd ../..
pwd
cd image/topics
cd
pwd extra
history
history
history 3
history 0
history -1
history x
history 1 2
man
man nosuch
help me
exit 5
FOO
ls;ls
tree /
exit
ls
"""
COMMANDS = (("ls",), ("ls", "/image/topics/byName", "nosuch"), ("cat", "/image/features/*"), ("find", "/image/cluster"),
            ("tree", "/image/configs"), ("cd", "/"), ("bogus", "x"), ("cat",))


def java(*args, stdin=""):
    """None: it waits for ever."""
    try:
        done = subprocess.run(env.java(CLASSES["metadata-shell"], *args), input=stdin, capture_output=True, text=True,
                              timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return None
    return Result(done.returncode, done.stdout, done.stderr)


def lines(text):
    """Without the prompt, which Kafka's shows to nobody, too, and the commit that it was made of."""
    text = re.sub(r"^(?:>> )+", "", text, flags=re.MULTILINE)
    return [line for line in masked(text).splitlines() if not re.fullmatch(r"\s*(?:[0-9a-f]{16}|unknown)", line)]


def same(t, *args, stdin="", complaint=False):
    ours = t.ours("metadata-shell", *args, stdin=stdin)
    for left in reversed(range(TRIES)):
        kafkas = java(*args, stdin=stdin)
        if not kafkas:
            if left == 0:
                print(f"not compared, as Kafka's shell gives no answer: {args}", flush=True)
                return
            continue
        if lines(kafkas.out) == lines(ours.out) and kafkas.exit == ours.exit:
            break
        if left == 0:
            assert kafkas.exit == ours.exit, f"{args}: Kafka's ends with {kafkas.exit}, ours with {ours.exit}: {ours.text[-400:]}"
            for a, b in zip(lines(kafkas.out), lines(ours.out)):
                assert a == b, f"{args}:\n  Kafka's: {a!r}\n  ours:    {b!r}"
            raise AssertionError(f"{args}: {len(lines(kafkas.out))} lines of Kafka's, {len(lines(ours.out))} of ours")
    if complaint:
        # The library breaks the sentence into lines, and spreads the words of each.
        wanted = [line for line in ours.err.splitlines() if "rror: " in line][-1]
        assert "".join(wanted.split()) in "".join(kafkas.err.split()), (
            f"{args}: ours says {wanted!r}, Kafka's {kafkas.err[:400]!r}")


def fill(t, address, everything):
    """Something of every kind, or of the kinds that our node keeps."""
    def ok(tool, *args):
        t.tools.ok(tool, *args, "--bootstrap-server", address, bootstrap="")

    def configure(kind, name, text, *more):
        ok("configs", "--alter", "--entity-type", kind, *(("--entity-name", name) if name else ("--entity-default",)), *more,
           "--add-config", text)
    ok("topics", "--create", "--topic", "shell", "--partitions", 11, "--config", "retention.ms=1000")
    for topic in ("a.b", "Zed", "doomed"):
        ok("topics", "--create", "--topic", topic, "--partitions", 2)
    # What is created is not known to the broker at once.
    eventually(lambda: "doomed" in t.tools.ok("topics", "--list", "--bootstrap-server", address, bootstrap="").out, 30,
               "the topic is there", 0.3)
    ok("topics", "--delete", "--topic", "doomed")
    configure("brokers", "1", "log.cleaner.threads=2")
    configure("brokers", None, "log.cleaner.threads=2")
    configure("client-metrics", "push", "interval.ms=1000")
    configure("groups", "people", "consumer.session.timeout.ms=50000")
    ok("producer-perf-test", "--topic", "shell", "--num-records", 10, "--record-size", 10, "--throughput", -1)
    if not everything:
        return
    configure("users", "alice", "producer_byte_rate=1024,request_percentage=1.25,controller_mutation_rate=1e10")
    configure("users", "alice", "consumer_byte_rate=1", "--entity-type", "clients", "--entity-name", "app")
    configure("users", "o(d)d\\x", "producer_byte_rate=5")
    configure("ips", "1.2.3.4", "connection_creation_rate=9")
    for mechanism, user in (("256", "alice"), ("512", "alice"), ("512", "bob")):
        configure("users", user, f"SCRAM-SHA-{mechanism}=[iterations=8192,password=pw]")
    ok("acls", "--add", "--allow-principal", "User:alice", "--operation", "Read", "--topic", "sh",
       "--resource-pattern-type", "prefixed")
    ok("acls", "--add", "--deny-principal", "User:bob", "--deny-host", "1.2.3.4", "--operation", "All", "--cluster")


def shell(t, beside):
    """On the log of a node of its own, as this one is stopped first."""
    kafka = beside.kind == "kafka"
    with Node(beside.kind, AUTHORIZED if kafka else None) as node:
        fill(t, node.address, kafka)
        node.stop()
        log = node.dir / "__cluster_metadata-0" / "00000000000000000000.log"
        same(t, "--snapshot", log, stdin=SESSION)
        for command in COMMANDS:
            same(t, "-s", log, *command)
        same(t, complaint=True)
        same(t, "ls", complaint=True)
        same(t, "-s", complaint=True)
        same(t, f"--snapshot={node.home}/nosuch", "ls", complaint=True)


CHECKS = {"metadata-shell": shell}
