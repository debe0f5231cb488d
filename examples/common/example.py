"""An example from end to end: a node, topics, input, the application (killed in the middle, if asked to), and its answers beside
those of the oracle.

    EXAMPLE = Example(name="stock-market", tables={"accounts": 4}, events={"trades": 4}, outputs={"bars": 4}, oracle=expected)
    sys.exit(main(EXAMPLE, __doc__))
"""

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from answers import compare, last_values, read_file, repeated, write_file
from cluster import Cluster, Node, eventually, program
from view import View


@dataclass(frozen=True)
class Example:
    """Topics are given with their number of partitions."""
    name: str  # of the folder, and the application.id
    events: dict
    outputs: dict
    oracle: Callable  # answers.py
    tables: dict = field(default_factory=dict)  # reference data, loaded before the events; compacted
    compacted: tuple = ()  # which of the others are, too
    global_tables: tuple = ()  # read by each instance as a whole, so by no group
    once: tuple = ()  # outputs that have each key but once, where that is promised
    more: Callable = None  # a further check: a function of the Run

    def program(self, kind):
        return program(f"{kind}_{self.name.replace('-', '_')}")


class Application:
    """The process. Its output goes to a file."""

    def __init__(self, example, cluster, folder, options, application_id=None):
        self.id = application_id or example.name
        self.log = folder / f"{self.id}.log"
        self.command = [example.program("example"), "--bootstrap-server", cluster.address, "--state-dir", str(folder / "state"),
                        "--threads", str(options.threads), "--application-id", self.id]
        if options.exactly_once:
            self.command.append("--exactly-once")
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def check(self):
        """True, as long as it has not ended by itself."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the application ended with status {self.process.returncode}:\n{self.tail()}")
        return True

    def processor_seconds(self):
        """What the process has used of the machine so far, where the system tells."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        if not stat.exists():
            return 0.0
        user, system = stat.read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """However it stands."""
        if self.process and self.process.poll() is None:
            self.kill()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            raise RuntimeError(f"the application did not end well:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class Run:
    """One run in a folder: input/, actual/, expected/, state/."""

    def __init__(self, example, cluster, folder, options):
        self.example, self.cluster, self.folder, self.options = example, cluster, folder, options
        self.application = Application(example, cluster, folder, options) if cluster else None

    # ---- before

    def generate(self):
        e, o = self.example, self.options
        made = subprocess.run([e.program("generate"), str(self.folder / "input"), "--seed", str(o.seed), "--scale", str(o.scale)],
                              check=True, capture_output=True, text=True)
        self.input_counts = {topic: int(count) for topic, count in map(str.split, made.stdout.splitlines())}
        print("  ".join(f"{topic} {count}" for topic, count in self.input_counts.items()), flush=True)

    def create_topics(self, topics):
        there = set(self.cluster.topics())
        for topic, partitions in topics.items():
            if topic in there:
                raise RuntimeError(f"the topic {topic} is there already: delete it, or take another cluster")
            self.cluster.create_topic(topic, partitions, topic in self.example.tables or topic in self.example.compacted)

    def load(self, topics, begin=0.0, end=1.0):
        """A part of the input, from 0 to 1."""
        for topic in topics:
            count = self.input_counts.get(topic, 0)
            if count == 0:
                continue
            with open(self.folder / "input" / f"{topic}.jsonl", encoding="utf-8") as lines:
                self.cluster.load(topic, itertools.islice(lines, int(count * begin), int(count * end)))

    def read_input(self, topic):
        return read_file(self.folder / "input" / f"{topic}.jsonl")

    # ---- while it runs

    def read_topics(self, application_id):
        """What the group reads: the input, and the topics in between."""
        inner = [topic for topic in self.cluster.topics()
                 if topic.startswith(f"{application_id}-") and topic.endswith("-repartition")]
        return [topic for topic in (*self.example.tables, *self.example.events) if topic not in self.example.global_tables], inner

    def left(self, application):
        """How many records wait to be processed and committed. The offsets are asked for before the ends: what is committed
        has written all that follows from it."""
        application.check()
        given, inner = self.read_topics(application.id)
        committed = self.cluster.committed(application.id)
        # Behind the last record of a transaction is its marker, which nobody processes.
        slack = 1 if self.options.exactly_once else 0
        lags = [end - committed.get(place, 0) for place, end in self.cluster.ends(given).items()]
        lags += [max(0, end - committed.get(place, 0) - slack) for place, end in self.cluster.ends(inner).items()]
        return sum(lags)

    def wait_until_done(self, application):
        """As long as there is progress."""
        least, since = None, time.monotonic()
        while (left := self.left(application)) > 0:
            if least is None or left < least:
                least, since = left, time.monotonic()
            if time.monotonic() - since > 60:
                raise TimeoutError(f"the application stands still with {left} records to go:\n{application.tail()}")
            time.sleep(0.02)

    def process_all(self):
        """The seconds from its start until all is processed and committed."""
        self.load([*self.example.tables, *self.example.events])
        begin = time.monotonic()
        self.application.start()
        self.wait_until_done(self.application)
        return time.monotonic() - begin

    def process_as(self, application_id):
        """All of it once more, by an application that knows nothing yet."""
        again = Application(self.example, self.cluster, self.folder, self.options, application_id)
        try:
            again.start()
            self.wait_until_done(again)
            again.stop()
        finally:
            again.end()
        self.collect()

    def process_with_kill(self):
        """As process_all(). It is killed while the second half comes in."""
        self.load(self.example.tables)
        self.load(self.example.events, 0, 0.5)
        begin = time.monotonic()
        self.application.start()
        total = sum(self.input_counts.get(topic, 0) for topic in self.example.events)
        eventually(lambda: self.left(self.application) < total // 2, 60, "something is processed")
        self.load(self.example.events, 0.5, 0.75)
        self.application.kill()
        print(f"killed with {self.left_after_kill()} of {total * 3 // 4} records to go", flush=True)
        self.load(self.example.events, 0.75, 1)
        self.application.start()
        self.wait_until_done(self.application)
        return time.monotonic() - begin

    def left_after_kill(self):
        committed = self.cluster.committed(self.application.id)
        return sum(end - committed.get(place, 0) for place, end in self.cluster.ends(list(self.example.events)).items())

    # ---- afterwards

    def collect(self):
        """What came out, into files."""
        (self.folder / "actual").mkdir(exist_ok=True)
        for topic in self.example.outputs:
            write_file(self.folder / "actual" / f"{topic}.jsonl", self.cluster.records(topic))

    def check(self):
        """True when all that came out is right."""
        e = self.example
        expected = e.oracle(self.read_input)
        end = max(at for topic in self.input_counts for _, _, at in self.read_input(topic))
        good = True
        for topic in e.outputs:
            file = self.folder / "actual" / f"{topic}.jsonl"
            records = list(read_file(file)) if file.exists() else []
            right, wrong = compare(expected.get(topic, {}), last_values(records), end)
            if self.options.exactly_once and topic in e.once:
                wrong += [f"{key}: more than once" for key in repeated(records)]
            print(f"{topic:20} {len(records):9} records  {right:8} right  {len(wrong)} wrong")
            for line in wrong[:5]:
                print(f"    {line}")
            good = good and not wrong
        return good

    def go(self):
        """All of it, on the cluster or on files."""
        self.generate()
        seconds = self.process_files() if self.options.offline else self.process_topics()
        good = self.check()
        if good and self.example.more:
            good = self.example.more(self)
        if self.options.kill and not self.options.exactly_once and not good:
            print("At least once, what was in hand when it was killed may count twice, or in part: --exactly-once is for that.")
        count = sum(self.input_counts.values())
        print(f"{'PASS' if good else 'FAIL'} {count} records in {seconds:.1f} s: {count / seconds:.0f} records/s", flush=True)
        return good

    def process_files(self):
        begin = time.monotonic()
        subprocess.run([self.example.program("example"), "--offline", self.folder / "input", self.folder / "actual",
                        *self.example.tables, *self.example.events], check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - begin

    def process_topics(self):
        e = self.example
        self.create_topics({**e.tables, **e.events, **e.outputs})
        view = View(self.cluster, list(e.outputs)) if self.options.watch else contextlib.nullcontext()
        try:
            with view:
                seconds = self.process_with_kill() if self.options.kill else self.process_all()
            print(f"{self.application.processor_seconds():.1f} s of processor time in the application"
                  f"{' since the restart' if self.options.kill else ''}")
            self.application.stop()
        finally:
            self.application.end()
        self.collect()
        return seconds


def parse(text):
    p = argparse.ArgumentParser(description=text)
    p.add_argument("--scale", type=int, default=1, help="how much input, as a multiple (default 1)")
    p.add_argument("--seed", type=int, default=1, help="other input of the same kind (default 1)")
    p.add_argument("--kill", action="store_true", help="kill -9 the application in the middle, and start it again")
    p.add_argument("--exactly-once", action="store_true", help="processing.guarantee=exactly_once_v2")
    p.add_argument("--threads", type=int, default=2, help="of the application (default 2)")
    p.add_argument("--watch", action="store_true", help="show what comes out while it does")
    p.add_argument("--offline", action="store_true", help="on files, without a cluster, in one thread")
    p.add_argument("-b", "--bootstrap-server", metavar="HOST:PORT", help="a cluster that is there; none: a node is started")
    p.add_argument("--keep", type=Path, metavar="DIR", help="leave input, answers, state and logs here")
    return p.parse_args()


def cluster_for(options, folder):
    if options.offline:
        return contextlib.nullcontext()
    return Cluster(options.bootstrap_server) if options.bootstrap_server else Node(folder)


def main(example, text):
    """The exit status."""
    options = parse(text)
    folder = options.keep or Path(tempfile.mkdtemp(prefix=f"{example.name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with cluster_for(options, folder) as cluster:
            return 0 if Run(example, cluster, folder, options).go() else 1
    except (RuntimeError, TimeoutError, OSError, subprocess.SubprocessError) as e:
        print(f"FAIL {e}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
