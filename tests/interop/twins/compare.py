"""One command line to Kafka's own tool and to ours: the same output, the same exit status, the same complaint.

`{me}` in an argument becomes "java" or "ours", so that each has its own topics and groups to change; the two words are of the
same length, so that columns are. Ids and times are compared as such, not by their value."""

import os
import re
import subprocess
import time

from lib import env
from lib.check import eventually
from lib.tools import Result

SECONDS_MAX = 120
MASKS = (
    (re.compile(r"\b(?:java|ours)\b"), "{me}"),
    (re.compile(r"(?<![\w-])[\w-]{22}(?![\w-])"), "{uuid}"),
    (re.compile(r"\b1[6-9]\d{11}\b"), "{ms}"),
    (re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]"), "[{time}]"),
)
# What a JVM writes around the sentence that a person is to read.
LOGGED = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} (?:ERROR|WARN) [\w.$]+: ")
# Tools end inside their own try blocks, which the JVM that runs them in a row cannot keep from being seen.
SERVERS_OWN = re.compile(r"^(?:exit \d+|ToolServer\$ExitCalled: .*)$")
EXCEPTION = re.compile(r"^(?:Exception in thread \"[^\"]*\" )?(?:[a-z]\w*\.)+[A-Z]\w*(?:\$\w+)*: ")


# What Kafka's consumer says of itself whenever it joins a group.
ADVERTISED = "The consumer rebalance protocol (KIP-848) is production-ready!"


def masked(text):
    for pattern, name in MASKS:
        text = pattern.sub(name, text)
    return text


def complaint(err):
    """The first sentence of a tool's standard error, without what belongs to the JVM or is the tool's help."""
    error = re.search(r"^kafka-[\w.-]+:\s+error:(?:.|\n)*", err, re.MULTILINE)
    if error:
        # The library breaks the sentence into lines, and spreads the words of each.
        return "".join(error[0].split())
    for line in err.splitlines():
        if line.strip() and not line.startswith(("\tat ", "SLF4J", "WARNING", ADVERTISED)) and not SERVERS_OWN.match(line):
            line = LOGGED.sub("", line)
            while EXCEPTION.match(line):
                line = EXCEPTION.sub("", line)
            return line.strip()
    return ""


class Twins:
    def __init__(self, tools, address=None):
        self.tools, self.address = tools, address
        self.java_seconds = self.our_seconds = 0.0

    def ours(self, tool, *args, stdin="", cwd=None):
        """Our tool, by the name of its link."""
        begin = time.monotonic()
        done = subprocess.run([str(env.BINARY.parent / f"kafka-{tool}.sh"), *map(str, args)], input=stdin, text=True,
                              capture_output=True, timeout=SECONDS_MAX, check=False, cwd=cwd, errors="replace",
                              env={**os.environ, "COLUMNS": "80"})
        self.our_seconds += time.monotonic() - begin
        return Result(done.returncode, done.stdout, done.stderr)

    def java(self, tool, *args, stdin="", alone=False):
        if alone:
            return self.tools.alone(tool, *args, bootstrap=False)
        begin = time.monotonic()
        result = self.tools.run(tool, *args, stdin=stdin, bootstrap="")
        self.java_seconds += time.monotonic() - begin
        return result

    def both(self, tool, *args, bootstrap="--bootstrap-server", stdin="", first=False, alone=False, between=None):
        """(Java's result, ours) of one command line.

        first: the address stands before the sub-command. alone: Kafka's tool ends its JVM, and so needs one of its own.
        between: called when Kafka's is done, before ours."""
        server = [bootstrap, self.address] if bootstrap and self.address else []

        def of(me):
            return [str(a).replace("{me}", me) for a in ((*server, *args) if first else (*args, *server))]
        java = self.java(tool, *of("java"), stdin=stdin.replace("{me}", "java"), alone=alone)
        if between:
            between()
        return java, self.ours(tool, *of("ours"), stdin=stdin.replace("{me}", "ours"))

    def same(self, tool, *args, complaints=True, sort=False, mask=None, exits=None, retry=False, **options):
        """Asserts that both do the same.

        complaints: whether the sentence on standard error must be the same. sort: lines in any order. mask: a further
        function on the output. exits: the status that both must end with. retry: what is shown settles only after a while."""
        def compared():
            java, ours = self.both(tool, *args, **options)
            shown = f"{tool} {' '.join(map(str, args))}"
            assert java.exit == ours.exit, (
                f"{shown}: Kafka's ends with {java.exit}, ours with {ours.exit}: {ours.text.strip()[:400]} | "
                f"{java.text.strip()[:400]}")
            if exits is not None:
                assert java.exit == exits, f"{shown}: both end with {java.exit}, not {exits}: {java.text.strip()[:400]}"
            left, right = (masked(mask(r.out) if mask else r.out).splitlines() for r in (java, ours))
            if sort:
                left, right = sorted(left), sorted(right)
            for n, (a, b) in enumerate(zip(left, right)):
                assert a == b, f"{shown}: line {n + 1}\n  Kafka's: {a!r}\n  ours:    {b!r}"
            assert len(left) == len(right), (
                f"{shown}: {len(left)} lines of Kafka's, {len(right)} of ours: "
                f"{(left[len(right):] or right[len(left):])[:3]}")
            if complaints and (java.exit != 0 or complaint(java.err)):
                a, b = masked(complaint(java.err)), masked(complaint(ours.err))
                assert a == b, f"{shown}: complaint\n  Kafka's: {a!r}\n  ours:    {b!r}"
            return True
        return eventually(compared, 30, tool, 0.3) if retry else compared()
