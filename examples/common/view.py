"""What comes out of topics, as a table that refreshes: how many records, how many a second, and the last one."""

import shutil
import subprocess
import sys
import threading
import time


class View:
    """Follows topics of a cluster from `with` to the end of its block."""

    def __init__(self, cluster, topics, out=sys.stdout, interval=0.5):
        self.cluster, self.out, self.interval = cluster, out, interval
        self.topics = {topic: {"records": 0, "before": 0, "last": ""} for topic in topics}
        self.begin = self.drawn = time.monotonic()
        self.ended = threading.Event()

    def __enter__(self):
        command = self.cluster.command("consume", *self.topics, "--from-beginning", "--read-committed", "-f", r"%t\t%k\t%s\n")
        self.consumer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.follow, self.refresh)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.consumer.terminate()
        self.consumer.wait()
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.draw()

    def follow(self):
        for line in self.consumer.stdout:
            topic, key, value = line.rstrip("\n").split("\t", 2)
            row = self.topics[topic]
            row["records"] += 1
            row["last"] = f"{key}  {value}"

    def refresh(self):
        if not self.out.isatty():
            return  # what cannot refresh is shown once, in the end
        self.out.write("\n" * (len(self.topics) + 1))
        while not self.ended.wait(self.interval):
            self.draw()

    def draw(self):
        """Over what was drawn before, on a terminal."""
        now = time.monotonic()
        seconds, self.drawn = now - self.drawn, now
        width = max(map(len, self.topics))
        columns = shutil.get_terminal_size((110, 0)).columns - 1
        lines = [f"{f'{now - self.begin:.0f} s':{width}}  {'records':>9}  {'a second':>9}  last"]
        for topic, row in self.topics.items():
            rate = (row["records"] - row["before"]) / max(seconds, 1e-3)
            row["before"] = row["records"]
            lines.append(f"{topic:{width}}  {row['records']:9}  {rate:9.0f}  {row['last']}")
        up = f"\033[{len(lines)}A" if self.out.isatty() else ""
        clear = "\033[K" if self.out.isatty() else ""
        self.out.write(up + "".join(f"{line[:columns]}{clear}\n" for line in lines))
        self.out.flush()
