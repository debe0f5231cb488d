#!/usr/bin/env python3
"""What people and monitoring see of a node: help, the start-up line, sentences on wrong input, logs as JSON, metrics."""

import json
import subprocess
import sys
import tempfile
import urllib.request

from lib import env
from lib.check import Checks, eventually, parse, parser
from lib.node import Node, free_port
from lib.records import unique
from lib.wire import make_batch


def millrace(*args):
    done = subprocess.run([str(env.BINARY), *map(str, args)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def help_reads_well():
    status, text = millrace("--help")
    assert status == 0 and "serve" in text, text
    status, text = millrace("serve", "--help")
    assert status == 0 and all(word in text for word in ("--port", "--dir", "--config", "--set")), text


def wrong_input():
    with tempfile.TemporaryDirectory() as folder:
        for args, words in ((["--set", "log.retention.hours=soon"], ["log.retention.hours", "soon"]),
                            (["--port", "99999"], ["port"]), (["--config", folder + "/none"], ["none"])):
            status, text = millrace("serve", "--dir", folder + "/data", *args)
            assert status != 0, f"{args} was taken"
            assert all(word in text for word in words), f"{args}: {text}"
            assert len(text.strip().splitlines()) <= 4, f"{args}: more than a sentence: {text}"


def shell_completion():
    """What the Tab key offers in bash."""
    script = """source <(%s completion bash)
        offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace; echo "${COMPREPLY[@]}"; }
        offer millrace to; offer millrace topics de; offer millrace consume t --from-; offer millrace topics list -b x --js""" % env.BINARY
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["topics", "delete describe", "--from-beginning", "--json"], said


def start_up_line():
    with Node("millrace") as node:
        text = node.log.read_text()
        assert str(node.port) in text and str(node.dir) in text, text


def port_in_use():
    with Node("millrace") as node, tempfile.TemporaryDirectory() as folder:
        status, text = millrace("serve", "--port", node.port, "--dir", folder + "/data")
        assert status != 0 and str(node.port) in text, text


def json_logs():
    with Node("millrace", {"millrace.log.format": "json"}) as node:
        node.stop()
        lines = [line for line in node.log.read_text().splitlines() if line.startswith("{")]
        assert lines, node.log.read_text()
        for line in lines:
            assert json.loads(line), line


def metrics():
    port = free_port()
    with Node("millrace", {"millrace.metrics.port": str(port)}) as node:
        topic = unique("metrics")
        with node.wire() as wire:
            assert wire.create_topic(topic) == 0
            eventually(lambda: wire.produce(topic, 0, make_batch([b"x"] * 10))[0] == 0, what="a record")
            wire.fetch(topic, 0, 0)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        for wanted in ("kafka_network_requestmetrics_requests_total", "totaltime_seconds_bucket", "bytesin_total",
                       "bytesout_total", "globalpartitioncount", "connection_count"):
            assert wanted in text, f"no {wanted} in: {text[:1500]}"
        assert any(topic in line and "logendoffset" in line and line.split()[-1].startswith("10")
                   for line in text.splitlines()), "the topic's end offset is not 10"
        for line in text.splitlines():
            assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= -1, line


def series(port):
    """name -> value of the series that a node has one of (its labels do not matter then)."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {line.split("{")[0].split()[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def journal_metrics():
    port = free_port()
    with Node("millrace", {"millrace.metrics.port": str(port), "millrace.journal.bytes": str(1 << 26)}) as node:
        topic = unique("journal")
        with node.wire() as wire:
            assert wire.create_topic(topic, 1, {"flush.messages": "1"}) == 0
            for _ in range(3):
                eventually(lambda: wire.produce(topic, 0, make_batch([b"x" * 1000]))[0] == 0, what="a record")
        now = series(port)
        assert now["millrace_journal_groups_total"] >= 3 and now["millrace_journal_syncs_total"] >= 3, now
        assert now["millrace_journal_entries_total"] >= 3 and now["millrace_journal_files_in_use"] == 1, now
        assert now["millrace_journal_undrained_bytes"] > 3000 and now["millrace_journal_undrained_partitions"] == 1, now
        assert now["millrace_journal_failed"] == 0 and now["millrace_journal_replayed_groups"] == 0, now
        node.kill()
        node.start()
        now = series(port)
        assert now["millrace_journal_replayed_groups"] >= 3 and now["millrace_journal_replayed_bytes"] > 3000, now
        assert now["millrace_journal_replay_problems"] == 0 and now["millrace_log_damages_total"] == 0, now


def main():
    checks = Checks(parse(parser(__doc__)).only)
    for name, check in (("help", help_reads_well), ("wrong input", wrong_input), ("start-up line", start_up_line),
                        ("port in use", port_in_use), ("logs as JSON", json_logs), ("metrics", metrics),
                        ("metrics of the journal", journal_metrics), ("the Tab key", shell_completion)):
        checks.run(f"people: {name}", check)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
