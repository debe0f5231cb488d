#!/usr/bin/env python3
"""Java's Kafka Streams and ours run one application in turn: each restores what the other left in the changelogs and goes on.

Both have the same topology, with every kind of state there is (java/TakeoverApp.java, tests/streams/takeover). Its input comes
in phases; after each of them the application commits and, in the runs that are looked at, stops, and the other implementation
goes on. All that ever stood in its topics, changelogs and those in between included, must be what a Java application wrote that
ran through without a stop."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib import env
from lib.asked import committed, group_state, settings_of
from lib.check import Checks, eventually, parse, parser
from lib.logs import Logs, Record, make_batch, partition_of
from lib.node import Node

PROGRAM = env.BINARY.parent / "millrace_takeover"
PHASES, STEPS, RECORDS = 4, 6, 25
STEP_MS = 10_000
# Kind of keys, of values and number of partitions of each input. What is joined comes in turn, so that its order is known.
FIRST_INPUTS = {"prices": ("k", "price", 2), "first": ("k", "table", 2), "left": ("k", "event", 2), "products": ("p", "table", 1)}
THEN_INPUTS = {"events": ("k", "event", 2), "second": ("k", "table", 2), "right": ("k", "event", 2), "orders": ("o", "order", 1)}
INPUTS = {**FIRST_INPUTS, **THEN_INPUTS}
OUTPUTS = ("counts", "limited", "letters", "previous", "tumbling", "hopping", "sliding", "closed", "emitted", "sessions", "priced",
           "waited", "left", "outer", "tables", "orders")
# Written by several tasks at a time: in order for each key only.
UNORDERED = ("out-letters", "letters-changelog", "letters-repartition")
# In order for each key only, where one run stops and the other does not: suppress() begins to watch the time anew.
ORDERED_BY_TIME = ("out-limited",)
# Kafka gives these records no time: the producer's clock is in them.
TIMELESS = ("limited-store-changelog", "closed-store-changelog", "waited-Buffer-changelog")
# Ends of keys that tell records of one key and time apart: Java counts them from one again after a stop, ours goes on.
NUMBERED = ("join-store-changelog", "-Buffer-changelog")
# After a stop Kafka does not find all of the records that wait for a versioned table: what Java makes of these depends on its
# stops. Ours is held to what Java makes without one.
LOST_BY_JAVA = ("out-waited", "waited-Buffer-changelog")


def make_values(rng, kind):
    number = rng.randrange(100)
    if kind in ("table", "price", "order") and rng.random() < 0.12:
        return None
    return {"event": f"{rng.choice('uvwxyz-')}{number}", "price": f"{number}.00", "table": f"t{number}",
            "order": f"p{rng.randrange(6)}:{number}"}[kind].encode()


def key_in(partition, partitions):
    """The first record of a phase in each partition is its newest so far: to whoever begins then, time is where it was."""
    return next(k for n in range(100) if partition_of(k := b"begin%d" % n, partitions) == partition)


def make_step(rng, start, step):
    """{input: [record]}, at random, out of order, the same for every run."""
    found = {}
    for topic, (key, value, partitions) in (FIRST_INPUTS, THEN_INPUTS)[step % 2].items():
        records = []
        if step < 2:
            records += [Record(key_in(p, partitions), make_values(rng, "event" if value == "event" else "price"), start, ())
                        for p in range(partitions)]
        for i in range(RECORDS):
            at = start + i * 2 * STEP_MS // RECORDS - rng.choice((0, 0, rng.randrange(9_000)))
            headers = ((b"h", b"%d" % i),) if i % 5 == 0 else ()
            records.append(Record(f"{key}{rng.randrange(7)}".encode(), make_values(rng, value), at, headers))
        found[topic] = records
    return found


def make_plan(seed, late):
    """A step's records reach into the next one's time; a phase begins behind all of the last one, unless `late`."""
    rng = random.Random(seed)
    phase_ms = (STEPS if late else STEPS + 2) * STEP_MS
    base = int(time.time()) // 60 * 60_000 - 2 * PHASES * phase_ms
    return [[make_step(rng, base + phase * phase_ms + step * STEP_MS, step) for step in range(STEPS)] for phase in range(PHASES)]


class Application:
    """A process of one of the two implementations."""

    def __init__(self, kind, node, name, state, settings):
        self.kind = kind
        settings = {"application.id": name, "bootstrap.servers": node.address, "state.dir": state, **settings}
        given = [f"{name}."] + [f"{k}={v}" for k, v in settings.items()]
        command = env.java("TakeoverApp", *given, log="WARN") if kind == "java" else [str(PROGRAM), *given]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def errors(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"{self.kind} ended:\n{self.errors()}") from None

    def status(self):
        """(records processed, state, records on their way or None if it does not say)."""
        self.tell("status")
        answer = self.process.stdout.readline().split()
        if not answer or answer[1] in ("ERROR", "PENDING_ERROR"):
            raise RuntimeError(f"{self.kind} ended:\n{self.errors()}")
        return int(answer[0]), answer[1], int(answer[2]) if len(answer) > 2 else None

    def describe(self):
        self.tell("describe")
        lines = []
        for line in iter(self.process.stdout.readline, ".\n"):
            lines.append(line)
            assert line, self.errors()
        return "".join(lines)

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(90)
        assert code == 0, f"{self.kind} ended with status {code}:\n{self.errors()}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Run:
    """One application through all phases. `kinds`: who runs it in each of them; `through`: one process from end to end.

    Names of runs are of one length: names of topics stand in what suppress() writes."""

    def __init__(self, node, name, kinds, args, plan, reference=None, through=False, fresh=True):
        self.node, self.name, self.kinds, self.plan = node, name, kinds, plan
        self.reference, self.through, self.fresh = reference, through, fresh
        self.home = tempfile.TemporaryDirectory(prefix="takeover-")
        self.settings = {
            "num.stream.threads": 1, "commit.interval.ms": 3_600_000, "repartition.purge.interval.ms": 3_600_000,
            "consumer.session.timeout.ms": 6_000, "consumer.heartbeat.interval.ms": 1_000, "producer.linger.ms": 0}
        if args.exactly_once:
            self.settings |= {"processing.guarantee": "exactly_once_v2", "producer.transaction.timeout.ms": 600_000,
                              "commit.interval.ms": 500_000}
        self.logs = Logs(node, [f"{name}.", f"{name}-"], 1 if args.exactly_once else 0)
        self.app, self.topology, self.before = None, None, 0
        self.seen, self.offsets = {}, {}    # how many records there were after each step; what was committed after each phase

    # --- names that are the same in all runs

    def plain(self, place):
        return place[0][len(self.name) + 1:], place[1]

    def counts(self):
        return {self.plain(place): n for place, n in self.logs.read().items()}

    @staticmethod
    def is_source(topic):
        return topic in INPUTS or topic.endswith(("-repartition", "-topic"))

    def sources(self, counts):
        return sum(n for (topic, _), n in counts.items() if self.is_source(topic))

    def content(self):
        """What stands in the topics, as it would be in a run named "name"."""
        mine, plain = f"{self.name}.".encode(), b"name."
        return {self.plain(place): [r._replace(value=r.value and r.value.replace(mine, plain)) for r in records]
                for place, records in self.logs.records.items()}

    # --- steps

    def create_topics(self):
        topics = {topic: partitions for topic, (_, _, partitions) in INPUTS.items()}
        topics |= {f"out-{topic}": 1 if topic == "orders" else 2 for topic in OUTPUTS}
        with self.node.wire() as wire:
            for topic, partitions in topics.items():
                assert wire.create_topic(f"{self.name}.{topic}", partitions) == 0
        eventually(lambda: len(self.counts()) == sum(topics.values()), 30, "the topics")

    def start(self, phase):
        kind = self.kinds[phase]
        state = Path(self.home.name) / (f"{phase}" if self.fresh else kind)
        self.before = self.sources(self.counts())
        self.app = Application(kind, self.node, self.name, state, self.settings)
        eventually(lambda: self.app.status()[1] == "RUNNING", 120, f"{kind} runs")
        self.topology = self.topology or self.app.describe()

    def write(self, step):
        with self.node.wire() as wire:
            for topic, records in step.items():
                partitions = INPUTS[topic][2]
                for p in range(partitions):
                    mine = [r for r in records if partition_of(r.key, partitions) == p]
                    if mine:
                        assert wire.produce(f"{self.name}.{topic}", p, make_batch(mine))[0] == 0

    def settle(self, at):
        """Until all that was written is processed, and all that came of it, and all of that is written."""
        wanted = self.reference.seen.get(at, {}) if self.reference else {}

        def settled():
            processed, _, on_the_way = self.app.status()
            counts = self.counts()
            assert processed == self.sources(counts) - self.before, (
                f"{processed} of {self.sources(counts) - self.before} records processed")
            if on_the_way is not None:
                return on_the_way == 0
            differ = {place: (n, wanted.get(place, 0)) for place, n in counts.items()
                      if n != wanted.get(place, 0) and place[0] not in LOST_BY_JAVA}
            assert not differ, f"records: {differ}"
            return True
        eventually(settled, 30, f"the end of {at}", 0.1)
        self.seen[at] = self.counts()

    def uncommitted(self):
        found = committed(self.node, self.name)
        return [place for place, end in self.logs.ends.items()
                if self.is_source(self.plain(place)[0]) and found.get(place, (0, ""))[0] < end]

    def commit(self, phase):
        """As often as there is something to commit: caches let go of what others then process."""
        number = 0
        while places := self.uncommitted():
            self.app.tell("commit")
            eventually(lambda: not set(places) & set(self.uncommitted()), 60, f"commit {number} of phase {phase}")
            self.settle(f"phase {phase} commit {number}")
            number += 1

    def phase(self, phase):
        if phase == 0 or not self.through:
            self.start(phase)
        for number, step in enumerate(self.plan[phase]):
            self.write(step)
            self.settle(f"phase {phase} step {number}")
        self.commit(phase)
        if phase == PHASES - 1 or not self.through:
            self.app.stop()
            eventually(lambda: group_state(self.node, self.name) in ("Empty", "Dead"), 60, "an empty group")
        self.offsets[phase] = {self.plain(place): found for place, found in committed(self.node, self.name).items()}

    def run(self):
        self.create_topics()
        try:
            for phase in range(PHASES):
                self.phase(phase)
        except Exception:
            if self.app:
                print(f"--- {self.app.kind} said:\n{self.app.errors()}", flush=True)
            raise
        finally:
            if self.app:
                self.app.kill()
            self.logs.read()


def by_key(records):
    found = {}
    for r in records:
        found.setdefault(r.key, []).append(r)
    return sorted(found.items())


def comparable(topic, records, stops):
    if topic in TIMELESS:
        records = [r._replace(timestamp=0) for r in records]
    if topic.endswith(NUMBERED) and "-shared-" not in topic and stops:
        records = [r._replace(key=r.key[:-4]) for r in records]
    if topic in UNORDERED:
        return by_key(sorted(records) if topic.endswith("-repartition") else records)
    return records


def same_topic(place, want, have, stops=True):
    want, have = comparable(place[0], want, stops), comparable(place[0], have, stops)
    if want == have:
        return
    at = next((i for i, pair in enumerate(zip(want, have)) if pair[0] != pair[1]), min(len(want), len(have)))
    raise AssertionError(f"{place[0]}-{place[1]}: {len(have)} of {len(want)}; the first that differs is {at}: "
                         f"{have[at:at + 1]} where {want[at:at + 1]} was wanted")


def same_records(run, reference):
    want, have = reference.content(), run.content()
    wrong = []
    for place in sorted(want.keys() | have.keys()):
        if place[0] in LOST_BY_JAVA and not reference.through:
            continue
        try:
            same_topic(place, want.get(place, []), have.get(place, []), not run.through)
        except AssertionError as e:
            wrong.append(str(e))
    assert not wrong, f"{len(wrong)} of {len(want)} partitions differ:" + "".join(f"\n  {w[:700]}" for w in wrong[:12])


def same_results(run, reference):
    """Of what Java makes after a stop all is what it would have made without, but of joins with records that wait for partners:
    for these, Kafka forgets with a stop how long the first of them has waited."""
    want, have = reference.content(), run.content()
    for place in want:
        if place[0].startswith("out-") and place[0] not in ("out-left", "out-outer", *LOST_BY_JAVA):
            in_order = place[0] not in ORDERED_BY_TIME
            same_topic(place, *(records if in_order else sorted(records) for records in (want[place], have[place])))


def same_waiting(run, reference):
    want, have = reference.content(), run.content()
    for place in want:
        if place[0] in LOST_BY_JAVA:
            same_topic(place, want[place], have[place])


def same_offsets(run, reference):
    for phase, want in reference.offsets.items():
        have = run.offsets.get(phase, {})
        differ = {place: (have.get(place), found) for place, found in want.items() if have.get(place) != found}
        assert not differ and have.keys() == want.keys(), f"phase {phase}: {differ}"


def same_topics(run, reference):
    def internal(of):
        topics = {t for t, _ in of.logs.records if t.startswith(f"{of.name}-")}
        return {t[len(of.name) + 1:]: s for t, s in settings_of(of.node, topics).items()}
    want, have = internal(reference), internal(run)
    assert have.keys() == want.keys(), f"{have.keys() ^ want.keys()}"
    differ = {t: (have[t], want[t]) for t in want if have[t] != want[t]}
    assert not differ, f"{differ}"


def same_topology(run, reference):
    want, have = reference.topology.replace(f"{reference.name}.", ""), run.topology.replace(f"{run.name}.", "")
    for mine, theirs in zip(have.splitlines(), want.splitlines(), strict=True):
        assert mine == theirs, f"{mine!r} where {theirs!r} was wanted"


# name: (who runs each phase, in one process, with fresh state, compared with)
JAVA, OURS, IN_TURN = ["java"] * PHASES, ["ours"] * PHASES, ["java", "ours"] * (PHASES // 2)
RUNS = {
    "java": ("Java without a stop", JAVA, True, True, None),
    "stop": ("Java with stops", JAVA, False, True, None),
    "ours": ("ours without a stop", OURS, True, True, "java"),
    "rest": ("ours with stops", OURS, False, True, "stop"),
    "turn": ("in turn, with nothing but changelogs", IN_TURN, False, True, "stop"),
    "kept": ("in turn, each with the state that it left", IN_TURN, False, False, "stop"),
}
CHECKS = {"topology": same_topology, "internal topics": same_topics, "records": same_records,
          "offsets and what stands beside them": same_offsets}


def main():
    p = parser(__doc__)
    p.add_argument("--exactly-once", action="store_true", help="processing.guarantee=exactly_once_v2 (default: at_least_once)")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--late", action="store_true", help="phases begin with late records, which Java drops unless it was stopped")
    p.add_argument("--runs", default=",".join(RUNS), help="which of them, and those that they are compared with")
    args = parse(p)
    env.need_setup()
    print(f"seed {args.seed}", flush=True)
    plan, checks, done = make_plan(args.seed, args.late), Checks(args.only), {}
    wanted = set(args.runs.split(","))
    wanted |= {RUNS[name][4] for name in wanted}
    with Node() as node:
        for name, (text, kinds, through, fresh, compared) in RUNS.items():
            if name not in wanted:
                continue
            run = done[name] = Run(node, name, kinds, args, plan, done.get(compared), through, fresh)
            checks.run(text, run.run)
            if compared and run.app:
                for what, check in CHECKS.items():
                    checks.run(f"{text}: {what}", check, run, done[compared])
        if done.keys() >= {"java", "stop"} and not args.late:
            checks.run("Java with stops: results", same_results, done["stop"], done["java"])
        if done.keys() >= {"java", "rest"} and not args.late:
            checks.run("ours with stops: records that wait", same_waiting, done["rest"], done["java"])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
