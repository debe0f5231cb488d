"""kafka-server-start and kafka-server-stop: command lines that are not taken, and a node from its start to its end."""

import random
import signal
import subprocess
import tempfile
from pathlib import Path

from lib import env
from lib.check import eventually
from lib.node import SETTINGS, free_port
from lib.wire import Wire

SECONDS_MAX = 60


def ended(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS_MAX, check=False)


def ours(tool, *args):
    return [str(env.BINARY.parent / f"kafka-{tool}"), *map(str, args)]


def misuse(_t, _):
    with tempfile.TemporaryDirectory() as home:
        bad, good = Path(home, "bad"), Path(home, "good")
        bad.write_text("node.id=x\n")
        good.write_text("node.id=1\n")
        for args, says in (((), "USAGE: "), (("--help",), "USAGE: "), (("--version",), "4.3.1"), (("/nosuch",), "/nosuch"),
                           ((bad,), "INT"), ((good, "extra"), "Found non argument parameters: extra"),
                           ((good, "--override", "node.id=x"), "INT"), ((good, "--override"), "")):
            java, mine = ended(env.java("kafka.Kafka", *args)), ended(ours("server-start", *args))
            assert java.returncode == mine.returncode, f"{args}: Kafka's ends with {java.returncode}, ours with {mine.returncode}"
            for done in (java, mine):
                assert says in done.stdout + done.stderr, f"{args}: {says} is not said: {done.stdout} {done.stderr}"


def round_trip(_t, node):
    """A node that only its id names: others of this user are left alone."""
    if node.kind != "millrace":
        return
    number, port = random.randrange(10**6, 10**9), free_port()
    with tempfile.TemporaryDirectory() as home:
        file = Path(home, "server.properties")
        file.write_text("".join(f"{k}={v}\n" for k, v in {
            "process.roles": "broker,controller", "node.id": number, "log.dirs": f"{home}/data",
            "listeners": f"PLAINTEXT://127.0.0.1:{port}", **SETTINGS}.items()))
        running = subprocess.Popen(ours("server-start", file, "--override", "num.partitions=3"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def answers():
                with Wire(f"127.0.0.1:{port}", 2.0) as wire:
                    return bool(wire.metadata([])[0])
            eventually(answers, SECONDS_MAX, "the node")
            assert ended(ours("server-stop", "--node-id", number + 1)).returncode == 1
            assert running.poll() is None
            assert ended(ours("server-stop", "--node-id", number)).returncode == 0
            assert running.wait(SECONDS_MAX) in (0, 128 + signal.SIGTERM), running.returncode
        finally:
            running.kill()
            running.wait()
        assert node.alive()


CHECKS = {"server-start misuse": misuse, "server-start, server-stop": round_trip}
