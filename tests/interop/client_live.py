#!/usr/bin/env python3
"""The client's own tests (tests/client/live_test.cc) against a node, or with --broker kafka against Apache Kafka."""

import os
import subprocess
import sys

from lib import env
from lib.check import Checks, parse, parser
from lib.node import Node

PROGRAM = env.BINARY.parent / "client_live_test"


def run(node):
    done = subprocess.run([PROGRAM], env={**os.environ, "MILLRACE_TEST_SERVERS": node.address}, capture_output=True, text=True,
                          timeout=540)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def main():
    checks = Checks(parse(parser(__doc__)).only)
    quick = {"group.consumer.heartbeat.interval.ms": "1000", "group.consumer.min.heartbeat.interval.ms": "1000"}
    with Node(settings=quick) as node:
        checks.run("the client's tests", run, node)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
