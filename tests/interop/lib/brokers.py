"""Several brokers of Apache Kafka in one cluster: for what needs replicas in more than one place.

Node 1 is broker and controller; the others are brokers. Small heaps: the machine runs other things, too."""

from pathlib import Path
import shutil
import subprocess
import tempfile

from . import env
from .check import eventually
from .node import SETTINGS, cluster_id, free_port
from .wire import Wire

HEAP = "300m"


class Brokers:
    """`with Brokers(3) as brokers:` then brokers.address (of node 1) and brokers.controller."""

    def __init__(self, count, settings=None):
        self.home = Path(tempfile.mkdtemp(prefix="kafka-brokers-"))
        self.count, self.settings = count, {**SETTINGS, **(settings or {})}
        self.ports = [free_port() for _ in range(count)]
        self.controller = f"127.0.0.1:{free_port()}"
        self.address = f"127.0.0.1:{self.ports[0]}"
        self.processes = []

    def properties(self, index):
        broker, here = f"PLAINTEXT://127.0.0.1:{self.ports[index]}", self.home / str(index + 1)
        first = index == 0
        return {
            "process.roles": "broker,controller" if first else "broker", "node.id": index + 1,
            "log.dirs": f"{here}/a,{here}/b", "listeners": f"{broker},CONTROLLER://{self.controller}" if first else broker,
            "advertised.listeners": f"{broker},CONTROLLER://{self.controller}" if first else broker,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER", "controller.quorum.bootstrap.servers": self.controller, **self.settings}

    def __enter__(self):
        cluster = cluster_id()
        for index in range(self.count):
            here = self.home / str(index + 1)
            here.mkdir()
            file = here / "server.properties"
            file.write_text("".join(f"{k}={v}\n" for k, v in self.properties(index).items()))
            how = "--standalone" if index == 0 else "--no-initial-controllers"
            subprocess.run(env.java("kafka.tools.StorageTool", "format", how, "-t", cluster, "-c", file),
                           check=True, stdout=subprocess.DEVNULL)
            with (here / "node.log").open("ab") as log:
                self.processes.append(subprocess.Popen(env.java("kafka.Kafka", file, heap=HEAP, log="INFO"), stdout=log,
                                                       stderr=log, stdin=subprocess.DEVNULL))
        eventually(self.all_there, 120, f"{self.count} brokers", 0.3)
        return self

    def wire(self, timeout=10.0):
        return Wire(self.address, timeout)

    def all_there(self):
        assert all(p.poll() is None for p in self.processes), f"a broker ended; see {self.home}"
        with self.wire(2.0) as wire:
            return len(wire.metadata([])[0]) == self.count

    def __exit__(self, failure, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
