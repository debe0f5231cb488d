#!/usr/bin/env python3
"""One data directory goes from Apache Kafka to Millrace and back, three times round, after clean stops and after kill -9.

Each broker is asked for everything it has before it stops, and the next one after its start: records, groups, producers, and,
when it is Kafka's turn, what Millrace does not serve yet. Clients go on in between, some of them without a restart of their own.
Kafka's dump-log reads every file that Millrace leaves."""

import json
import re
import signal
import sys
import time

from kafka_tools.files import COMPLAINTS
from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.handover import SECONDS_MAX, Shared
from lib.segments import is_of_emptied_batch
from lib.tools import Tools

CLASSIC_GROUPS = ["g-classic", "g-plain", "g-consumer", "g-regex", "g-tx"]
# Kinds of metadata records that Millrace has no requests for, and must keep in the snapshots that it writes.
CARRIED = ("ACCESS_CONTROL_ENTRY_RECORD", "CLIENT_QUOTA_RECORD", "USER_SCRAM_CREDENTIAL_RECORD", "DELEGATION_TOKEN_RECORD",
           "FEATURE_LEVEL_RECORD", "CONFIG_RECORD", "PRODUCER_IDS_RECORD")
DECODERS = {"__cluster_metadata": "--cluster-metadata-decoder", "__consumer_offsets": "--offsets-decoder",
            "__transaction_state": "--transaction-log-decoder", "__share_group_state": "--share-group-state-decoder"}
# After 10 s the journal's bytes are in their segments, too.
JOURNAL_SECONDS = 8
# What dump-log says of entries of a time index: the file, and a line for each entry.
MISMATCH = re.compile(r"Found timestamp mismatch in :(.+)\n((?:  Index timestamp: -?\d+, log timestamp: -?\d+\n?)+)")


def compacted(key):
    return key.startswith(("compacted", "g-"))


def last_values(records):
    """Of a compacted topic: the last value of each key, the part of it that cleaning never changes."""
    found = {}
    for record in records:
        fields = record.split("|")
        found[fields[4]] = record
    return {k: r for k, r in found.items() if r.split("|")[5] != "null"}


def differences(before, after, path=""):
    """The first few places where two JSON values differ."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in sorted({*before, *after}):
            found += differences(before.get(key, "(absent)"), after.get(key, "(absent)"), f"{path}/{key}")
        return found
    if isinstance(before, list) and isinstance(after, list):
        lost, new = [x for x in before if x not in after], [x for x in after if x not in before]
        return [f"{path}: lost {lost[:3]} of {len(before)}, new {new[:3]} of {len(after)}"]
    return [f"{path}: {str(before)[:300]} -> {str(after)[:300]}"]


def same(what, before, after):
    found = differences(before, after)
    assert not found, f"{what}: {len(found)} differences: " + "; ".join(found[:6])


def without_emptied(found):
    """Compaction, Kafka's as ours, keeps some batches whose records are all gone, with the largest timestamp they had, and the
    time index points at them. dump-log looks for that timestamp in the records, and says -1: of Kafka's own files, too."""
    pairs = re.findall(r"Index timestamp: (-?\d+), log timestamp: (-?\d+)", found[2])
    fine = all(log == "-1" and is_of_emptied_batch(found[1], int(index)) for index, log in pairs)
    return "" if fine else found[0]


def forget_deleted_again(before, after):
    """What DeleteRecords deleted may be there again after a crash: both brokers write down now and then where logs begin."""
    for key, log in before.items():
        found = after.get(key)
        if found and not compacted(key) and found["start"] < log["start"]:
            found["records"] = [r for r in found["records"] if int(r.split("|")[0]) >= log["start"]]
            found["start"] = log["start"]


class Story:
    """One directory's life: who ran it last, and what was in it then."""

    def __init__(self, checks, node, tools, new_groups=True):
        self.checks, self.node, self.tools, self.new_groups = checks, node, tools, new_groups
        self.round, self.seen, self.state, self.transactions = 0, None, None, False
        self.clean, self.spread_at, self.spread_ago = True, 0.0, 0.0

    def client(self, *args, seconds=400):
        out = self.tools.ok("Interchange", self.node.address, *args, bootstrap="", seconds=seconds).out
        return json.loads(out) if out.strip() else None

    def look(self):
        """What both brokers can be asked for."""
        records = self.client("records")
        for key, log in records.items():
            if compacted(key):
                log["records"] = last_values(log["records"])
        return {"records": records, "groups": self.client("groups", *self.groups()), "producers": self.producers()}

    def groups(self):
        return CLASSIC_GROUPS

    def producers(self):
        found = self.client("producers")
        return {k: v for k, v in found.items() if not k.startswith("__") and not compacted(k)}

    def look_as_kafka(self):
        return self.client("state", *([self.node.sasl] if self.new_groups else []))

    def serves_transactions(self):
        if self.node.kind == "kafka":
            return True
        page = (env.ROOT / "docs" / "compatibility.md").read_text()
        return not re.search(r"^\| 26 \| EndTxn \|[^|]*\| - \|$", page, re.MULTILINE)

    # --- steps

    def start(self, kind):
        self.node.start(kind)
        eventually(self.coordinators_ready, 90, "coordinators")
        found = self.look()
        if self.seen is not None:
            if not self.clean:
                forget_deleted_again(self.seen["records"], found["records"])
            for part in ("records", "groups", "producers"):
                same(f"{part} after the start of {kind}", self.seen[part], found[part])

    def coordinators_ready(self):
        with self.node.wire() as wire:
            for group in self.groups():
                wire.committed(group)
        return True

    def check_state(self):
        found = self.look_as_kafka()
        if self.state is not None:
            expected = {k: v for k, v in self.state.items() if not self.changes(k)}
            same("what Millrace carried", expected, {k: v for k, v in found.items() if not self.changes(k)})

    def changes(self, key):
        """What the round's own work changes."""
        return key.startswith(("topic round-", "config ConfigResource(type=TOPIC, name='round-",
                               "config ConfigResource(type=TOPIC, name='empty'")) or (
            self.transactions and key.startswith("transaction "))

    def work(self):
        self.round += 1
        self.client("advance", str(self.round))
        if self.serves_transactions():
            self.client("transact", str(self.round))
        self.spread_at = time.monotonic()
        self.client("spread", str(self.round))

    def stop(self, clean=True):
        self.seen = self.look()
        if self.node.kind == "kafka":
            self.state = self.look_as_kafka()
            self.transactions = False
        else:
            self.transactions |= self.serves_transactions()
        self.clean = clean
        if clean:
            self.node.stop(seconds=SECONDS_MAX)
        else:
            self.node.stop(signal.SIGKILL)
            self.spread_ago = time.monotonic() - self.spread_at

    # --- what Kafka's tools say about the files

    def dump(self, *args, files):
        if not files:
            return ""
        out = self.tools.ok("dump-log", "--files", ",".join(map(str, files)), *args, bootstrap="").text
        out = MISMATCH.sub(without_emptied, out)
        for complaint in COMPLAINTS:
            assert complaint not in out, next(line for line in out.splitlines() if complaint in line)
        return out

    def dump_all(self):
        partitions = [d for d in self.node.logs("*-[0-9]*") if d.is_dir() and not d.name.endswith("-delete")]
        logs = [f for d in partitions for f in d.glob("*.log") if f.stat().st_size]
        plain = [f for f in logs if f.parent.name.rsplit("-", 1)[0] not in DECODERS]
        self.dump("--deep-iteration", "--print-data-log", files=plain)
        for topic, decoder in DECODERS.items():
            self.dump(decoder, "--deep-iteration",
                      files=[f for f in logs if f.parent.name.rsplit("-", 1)[0] == topic])
        indexes = [f for ending in ("index", "timeindex", "txnindex") for d in partitions for f in d.glob(f"*.{ending}")
                   if f.stat().st_size]
        self.dump(files=indexes)
        self.dump("--index-sanity-check", files=[f for f in indexes if f.suffix == ".index"])
        self.dump(files=[f for d in partitions for f in d.glob("*.snapshot")])
        metadata = self.node.dirs[0] / "__cluster_metadata-0"
        self.dump("--cluster-metadata-decoder", files=sorted(metadata.glob("*.checkpoint")))

    def carried(self, directory):
        """The records of these kinds in the newest snapshot of the metadata."""
        newest = sorted((directory / "d1" / "__cluster_metadata-0").glob("*.checkpoint"))[-1]
        out = self.dump("--cluster-metadata-decoder", files=[newest])
        found = {kind: [] for kind in CARRIED}
        for text in re.findall(r'payload: (\{"type".*\})$', out, re.MULTILINE):
            record = json.loads(text)
            if record["type"] in found:
                found[record["type"]].append(record)
        return newest.name, found


def newest_snapshot(node):
    return sorted(f.name for f in (node.dirs[0] / "__cluster_metadata-0").glob("*.checkpoint"))[-1]


def begin(story):
    story.client("fill", story.node.sasl if story.new_groups else "", "new-groups" if story.new_groups else "")
    story.client("open", "tx-open")
    story.stop()


def to_millrace(story, clean, journal):
    before = newest_snapshot(story.node)
    story.node.use_journal(journal)
    story.start("millrace")
    story.work()
    eventually(lambda: newest_snapshot(story.node) != before, 30, "a snapshot of the metadata by Millrace")
    story.stop(clean)
    if clean:
        assert not story.node.journals(), f"left after a clean stop: {story.node.journals()}"
    else:
        recover(story, journal)


def recover(story, journal):
    """`millrace recover` after a kill. Kafka then finds the files of the journal, too: those that we need no more."""
    node = story.node
    assert bool(node.journals()) == journal, f"{node.journals()}"
    node.keep_journals()
    found = node.recover()
    assert [row["directory"] for row in found] == [str(d) for d in node.dirs], found
    assert all(row["clean"] and not row["was_clean"] and not row["problems"] for row in found), found
    assert bool(sum(row["journal_groups"] for row in found)) == journal, found
    if story.spread_ago < JOURNAL_SECONDS:
        assert bool(sum(row["bytes_written"] for row in found)) == journal, f"not what the journal should bring: {found}"
    assert not node.journals(), f"left by recover: {node.journals()}"
    again = node.recover()
    assert all(row["clean"] and row["was_clean"] and row["bytes_written"] == 0 for row in again), again
    node.return_journals()


def to_kafka(story, clean):
    story.start("kafka")
    story.check_state()
    story.work()
    if story.new_groups:
        story.client("kafka-only", str(story.round))
    story.stop(clean)


def snapshots_agree(story):
    """What Millrace's newest snapshot says of what it does not serve, against Kafka's last one."""
    held = story.carried(story.node.dir)[1]
    for kind in CARRIED:
        if kind == "DELEGATION_TOKEN_RECORD" and not story.new_groups:
            continue
        assert held[kind], f"no {kind} in {newest_snapshot(story.node)}"


def metadata_shell(story):
    newest = sorted((story.node.dirs[0] / "__cluster_metadata-0").glob("*.checkpoint"))[-1]
    # Not all of /image at once: at a quota of the default user Kafka 4.3.1's shell gives up, with its own snapshots too.
    parts = [f"/image/{part}" for part in ("topics", "acls", "scram", "configs")]

    def tree():
        result = story.tools.alone("metadata-shell", "--snapshot", newest, "find", *parts, bootstrap=False, seconds=300)
        assert result.exit == 0 and "Exception" not in result.text, result.text[-600:]
        return result.out
    # The shell sometimes runs its command before it has shown itself all of the image (with Kafka's files too).
    out = eventually(lambda: found if "/image/topics/byName/" in (found := tree()) else "", 90, "topics in the shell")
    for wanted in ("/image/topics/byName/orders/1", "/image/acls/byId/", "/image/scram/SCRAM-SHA-256/alice",
                   "/image/configs/CLIENT_METRICS:cm/interval.ms",
                   "/image/configs/GROUP:g-consumer/consumer.session.timeout.ms"):
        assert wanted in out, f"no {wanted}: {[line for line in out.splitlines() if 'topics' not in line]}"


def finish_open(story):
    """The transaction that was open through all of it ends well, from the producer that began it."""
    story.node.start("kafka")
    held = story.look()["records"]
    committed, all_of_it = held["open-0 read_committed"], held["open-0 read_uncommitted"]
    assert committed["end"] == 0 and all_of_it["end"] >= 3, f"{committed} {all_of_it}"
    story.client("finish", "tx-open")
    after = story.look()["records"]["open-0 read_committed"]
    assert len(after["records"]) == 4, after
    story.stop()


def journey(checks, name, rounds, clean_of, **settings):
    """`clean_of(kind, round)`: whether that broker stops cleanly in that round. Odd rounds have Millrace's journal."""
    new_groups = settings.pop("new_groups", True)
    with Shared(**settings) as node, Tools(node.address) as tools:
        story = Story(checks, node, tools, new_groups)
        ok = checks.run(f"{name}: Kafka fills a directory", begin, story)
        for n in range(1, rounds + 1):
            ok = ok and checks.run(f"{name}: round {n}, Millrace takes over", to_millrace, story, clean_of("millrace", n),
                                  n % 2 == 1)
            if ok:
                checks.run(f"{name}: round {n}, dump-log reads our files", story.dump_all)
                checks.run(f"{name}: round {n}, our snapshot carries everything", snapshots_agree, story)
                if n == 1 and new_groups:
                    checks.run(f"{name}: metadata-shell reads our snapshot", metadata_shell, story)
            ok = ok and checks.run(f"{name}: round {n}, Kafka takes back", to_kafka, story, clean_of("kafka", n))
        if ok:
            checks.run(f"{name}: the open transaction ends", finish_open, story)
        if checks.failed:
            print(node.tail(40))


def main():
    p = parser(__doc__)
    p.add_argument("--journeys", default="clean,killed,static", help="which of them (default: all)")
    p.add_argument("--rounds", type=int, default=3, help="of the journeys clean and killed (default: 3)")
    args = parse(p)
    checks = Checks(args.only)
    wanted = args.journeys.split(",")
    if "clean" in wanted:
        journey(checks, "clean stops", args.rounds, lambda kind, n: True)
    if "killed" in wanted:
        journey(checks, "kill -9", args.rounds, lambda kind, n: False)
    if "static" in wanted:
        journey(checks, "static quorum, 3.9's feature levels", 1, lambda kind, n: True, voters=True, release="3.9-IV0",
                new_groups=False)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
