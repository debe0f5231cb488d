#!/usr/bin/env python3
"""`cmake --install` gives a package: a project outside finds it, builds and runs; so does the binary, under Kafka's names too."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lib import env
from lib.check import Checks, parse, parser
from lib.node import Node

BUILD = env.BINARY.parent.parent
HERE = Path(__file__).resolve().parent


def run(*command, fails=False):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"{command} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout + done.stderr


def configure(build, prefix, compiler):
    return ("cmake", "-S", HERE / "outside", "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}",
            f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")


def check_package(work, node):
    prefix = work / "prefix"
    run("cmake", "--install", BUILD, "--prefix", prefix)
    # Nothing may be taken from where it was built: the package is moved, and its files name no folder of the build.
    prefix = prefix.rename(work / "moved")
    for file in prefix.rglob("*.cmake"):
        assert str(env.ROOT) not in file.read_text(), f"{file} names the folder that it was built in"
    run(*configure(work / "build", prefix, "clang++-19"))
    run("cmake", "--build", work / "build", "-j", "2")
    run(prefix / "bin" / "kafka-topics.sh", "--bootstrap-server", node.address, "--create", "--topic", "outside")
    assert run(work / "build" / "outside", node.address, "outside") == "from outside\n"
    assert run(work / "build" / "outside_streams").splitlines() == ["a=2", "b=1", "the application needs an application.id"]


def check_compiler(work, _):
    if shutil.which("g++"):
        said = run(*configure(work / "refused", work / "moved", "g++"), fails=True)
        assert "clang 19" in said, said


def main():
    checks = Checks(parse(parser(__doc__)).only)
    with Node() as node, tempfile.TemporaryDirectory(prefix="millrace-installed-") as work:
        checks.run("a project outside", check_package, Path(work), node)
        checks.run("another compiler is refused with a reason", check_compiler, Path(work), node)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
