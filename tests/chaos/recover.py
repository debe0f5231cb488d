#!/usr/bin/env python3
"""`millrace recover DIR` after kill -9 under load, with the journal on: afterwards the segment files themselves hold every acked
record, no journal is left, and Kafka's dump-log finds nothing to complain about. The same with a byte flipped or the end missing in
the journal and in a segment: told with file and position, the rest kept. And what it refuses."""

import fcntl
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from kill_loop import Load, TOPICS, examine, values  # noqa: E402
from lib import env, journal  # noqa: E402
from lib.check import Checks, eventually, parse, parser  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.tools import Tools  # noqa: E402
from lib.wire import batches, make_batch  # noqa: E402

JOURNAL = {"millrace.journal.bytes": str(64 << 20)}
# Appends that go past the journal to their segment.
LARGE, LARGE_BATCHES, LARGE_BYTES = "large", 6, 60_000
DONE, NOT_DONE, DAMAGED = 0, 1, 2


class Crash:
    """What a node left that was killed under load, and what it had acked. Each check works on a copy of its own."""

    def __init__(self, home, args, rng):
        self.home, self.partitions, self.copies = home, args.partitions, 0
        with Node(settings=JOURNAL) as node:
            with node.wire() as wire:
                for topic, configs in TOPICS.items():
                    assert wire.create_topic(topic, args.partitions, configs) == 0
                assert wire.create_topic(LARGE, 1) == 0
                for _ in range(LARGE_BATCHES):
                    eventually(lambda: wire.produce(LARGE, 0, make_batch([b"x" * LARGE_BYTES]))[0] == 0, 10, "a large append")
            self.loads = [Load(node.address, topic, args.throughput) for topic in TOPICS]
            try:
                eventually(lambda: all(len(load.acked) > 100 for load in self.loads), 180, "the first acks")
                self.refused_while_used = recover(node.dir)
                time.sleep(rng.uniform(1, 4))
                node.kill()
            finally:
                for load in self.loads:
                    load.process.kill()
                    load.reader.join(30)
            self.origin = home / "crash"
            shutil.copytree(node.dir, self.origin)
        print(f"  killed after {sum(len(load.acked) for load in self.loads)} acks", flush=True)

    def copy(self):
        self.copies += 1
        directory = self.home / f"copy-{self.copies}"
        shutil.copytree(self.origin, directory)
        return directory


def recover(*args):
    return subprocess.run([str(env.BINARY), "recover", *map(str, args)], capture_output=True, text=True, timeout=120, check=False)


def recover_json(directory, status):
    done = recover("--json", directory)
    assert done.returncode == status, f"status {done.returncode}: {done.stdout}{done.stderr}"
    summary, = json.loads(done.stdout)
    assert summary["clean"] and summary["directory"] == str(directory), summary
    return summary


def segments(directory, topic, partition):
    """(file, its bytes) of a partition, in order."""
    return [(file, file.read_bytes()) for file in sorted((directory / f"{topic}-{partition}").glob("*.log"))]


def held(directory, topic, partition):
    """offset -> value of what the segment files hold; nothing in them may be unsound."""
    found = {}
    for file, data in segments(directory, topic, partition):
        whole = batches(data)
        assert sum(12 + b.length for b in whole) == len(data), f"{file} does not end with a whole batch"
        for batch in whole:
            assert batch.crc_right, f"{file}: wrong checksum at offset {batch.base_offset}"
            found.update(values(batch))
    assert list(found) == list(range(len(found))), f"{topic}-{partition}: offsets are missing in {len(found)} records"
    return found


def acked(load, partition):
    return {offset: value for value, (p, offset) in load.acked.items() if p == partition}


def lost(crash, directory):
    """{(topic, partition): count} of acked records that no segment holds; those that it holds are right."""
    out = {}
    for load in crash.loads:
        for partition in range(crash.partitions):
            found = held(directory, load.topic, partition)
            promised = acked(load, partition)
            gone = [offset for offset in promised if offset not in found]
            wrong = [offset for offset in promised if offset in found and found[offset] != promised[offset]]
            assert not wrong, f"{load.topic}-{partition}: other records at {wrong[:5]}"
            if gone:
                out[load.topic, partition] = len(gone)
    return out


def no_journal(directory):
    left = [f.name for f in directory.glob(".millrace-journal*")]
    assert not left, f"{left} are left"
    assert (directory / ".kafka_cleanshutdown").exists()


def listing(directory):
    return {str(f.relative_to(directory)): (f.stat().st_mtime_ns, f.stat().st_size)
            for f in directory.rglob("*") if f.name != ".lock" and f.is_file()}


def after_kill(crash, tools):
    """Everything acked is in the segments, Kafka's tool reads them, and a node serves them."""
    directory = crash.copy()
    summary = recover_json(directory, DONE)
    assert summary["journal_groups"] > 0 and summary["bytes_written"] > 0, f"the journal was not needed: {summary}"
    assert summary["problems"] == [] and not summary["was_clean"]
    no_journal(directory)
    gone = lost(crash, directory)
    assert not gone, f"acked and in no segment: {gone}"
    files = [f for load in crash.loads for p in range(crash.partitions) for f, _ in segments(directory, load.topic, p)]
    out = tools.ok("dump-log", "--files", ",".join(map(str, files)), bootstrap="").text
    assert "isvalid: false" not in out and "mismatch" not in out.lower(), out[-1000:]
    node = Node(settings=JOURNAL)
    node.dir = directory
    with node:
        for load in crash.loads:
            examine(node, load.topic, load.acked, crash.partitions)


def sentences(crash):
    """What a person reads, also the second time."""
    directory = crash.copy()
    first = recover(directory)
    assert first.returncode == DONE, first.stderr
    for words in (str(directory), "partitions are recovered", "cleanly stopped", "the journal had", "not in their segments"):
        assert words in first.stdout, f"{words!r} is not said: {first.stdout}"
    before = listing(directory)
    second = recover(directory)
    assert second.returncode == DONE and second.stdout == f"{directory}: nothing to do, it was stopped cleanly\n", second.stdout
    assert listing(directory) == before, "files were touched although there was nothing to do"
    assert recover_json(directory, DONE)["was_clean"]


def killed_itself(crash, rng):
    """A recovery that is killed half way is done again."""
    directory = crash.copy()
    for _ in range(6):
        process = subprocess.Popen([str(env.BINARY), "recover", str(directory)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.001, 0.06))
        process.kill()
        process.wait()
    recover_json(directory, DONE)
    no_journal(directory)
    assert not lost(crash, directory)


def only_in_journal(directory, groups):
    """Those groups of which some bytes are not in their segment."""
    def missing(entry):
        file = directory / entry.directory / f"{entry.base:020}.log"
        return entry.bytes > 0 and (not file.exists() or file.stat().st_size < entry.position + entry.bytes)
    return [g for g in groups if any(map(missing, g.entries))]


def flipped(crash, rng):
    """A byte in the middle: that group counts no more, and what needed it; all else does."""
    directory = crash.copy()
    groups = journal.read(directory)
    hit = rng.choice(only_in_journal(directory, groups)[:-1])
    data = bytearray(hit.file.read_bytes())
    data[hit.position + 32 + rng.randrange(hit.bytes - 32)] ^= 1 << rng.randrange(8)
    hit.file.write_bytes(data)
    summary = recover_json(directory, DAMAGED)
    assert any(str(hit.file) in p and f" at {hit.position}," in p for p in summary["problems"]), summary["problems"]
    touched = {entry.directory for entry in hit.entries}
    # Who has appends behind the hole is named; of the others only the damaged group tells.
    behind = {entry.directory for group in groups[groups.index(hit) + 1:] for entry in group.entries}
    gone = lost(crash, directory)
    for topic, partition in gone:
        name = f"{topic}-{partition}"
        assert name in touched, f"{name} lost records that the damaged group did not hold"
        assert name not in behind or any(f"/{name}/" in p for p in summary["problems"]), f"{name} lost records, and nothing says so"
    print(f"  {len(groups)} groups; the damaged one held records of {len(touched)} partitions, {len(gone)} lost some")
    no_journal(directory)


def truncated(crash, rng):
    """The end is missing: told, and what came before counts."""
    directory = crash.copy()
    groups = journal.read(directory)
    at = rng.randrange(len(groups) // 2, len(groups) - 1)
    hit = groups[at]
    with hit.file.open("r+b") as file:
        file.truncate(hit.position + 40)
    summary = recover_json(directory, DAMAGED)
    assert summary["journal_groups"] == at, f"{summary} for {at} whole groups"
    assert any(str(hit.file) in p and f" at {hit.position} " in p for p in summary["problems"]), summary["problems"]
    touched = {entry.directory for group in groups[at:] for entry in group.entries}
    for topic, partition in lost(crash, directory):
        assert f"{topic}-{partition}" in touched
    no_journal(directory)


def segment(crash, rng):
    """A byte in a segment that no journal covers: the log ends before that batch, and a text says so."""
    directory = crash.copy()
    (file, data), = segments(directory, LARGE, 0)
    size = len(data) // LARGE_BATCHES
    number = rng.randrange(LARGE_BATCHES)
    changed = bytearray(data)
    changed[number * size + rng.randrange(61, size)] ^= 0x10
    file.write_bytes(changed)
    done = recover(directory)
    assert done.returncode == DAMAGED, done.stdout + done.stderr
    line, = [line for line in done.stdout.splitlines() if "damaged" in line]
    assert str(file) in line and f"at {number * size}," in line and f"offset {number}" in line, line
    assert file.read_bytes() == data[:number * size]
    assert not lost(crash, directory)


def refused(crash):
    """Directories that are in use, or no log directories."""
    def check(path, *words):
        done = recover(path)
        assert done.returncode == NOT_DONE and done.stdout == "", (done.returncode, done.stdout)
        line, = done.stderr.splitlines()
        for word in (str(path), *words):
            assert word in line, f"{word!r} is not said: {line}"

    done = crash.refused_while_used
    assert done.returncode == NOT_DONE and "in use by another process" in done.stderr, done.stderr
    directory = crash.copy()
    with (directory / ".lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)  # as a JVM does
        before = listing(directory)
        check(directory, "in use by another process")
        assert listing(directory) == before
    check(crash.home / "nothing", "does not exist")
    check(directory / "meta.properties", "is no directory")
    empty = crash.home / "empty"
    empty.mkdir()
    check(empty, "is no log directory")
    assert not list(empty.iterdir()), "something was made in a directory that is no log directory"


def main():
    p = parser(__doc__)
    p.add_argument("--throughput", type=int, default=1500, help="records a second of each of two producers")
    p.add_argument("--partitions", type=int, default=60)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parse(p)
    env.need_setup()
    rng = random.Random(args.seed)
    print(f"seed {args.seed}", flush=True)
    checks = Checks(args.only)
    scratch = Node()  # its folder; it is never started
    try:
        with Tools() as tools:
            crash = Crash(scratch.home, args, rng)
            checks.run("recover: after kill -9 all is in the segments", after_kill, crash, tools)
            checks.run("recover: what it says, and a second time", sentences, crash)
            checks.run("recover: killed itself", killed_itself, crash, rng)
            checks.run("recover: a flipped byte in the journal", flipped, crash, rng)
            checks.run("recover: a truncated journal", truncated, crash, rng)
            checks.run("recover: a flipped byte in a segment", segment, crash, rng)
            checks.run("recover: what it refuses", refused, crash)
    finally:
        shutil.rmtree(scratch.home, ignore_errors=True)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
