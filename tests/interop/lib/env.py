"""Where things are: the repository, the fetched clients, the binary under test."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("MILLRACE_CACHE", Path.home() / ".cache" / "millrace"))
BINARY = Path(os.environ.get("MILLRACE_BINARY", ROOT / "build" / "release" / "bin" / "millrace"))
KAFKA = CACHE / "kafka"
PYTHON = CACHE / "python" / "bin" / "python"
GOCLIENTS = CACHE / "bin" / "goclients"
NODE_MODULES = CACHE / "node" / "node_modules"
CLASSPATH = f"{CACHE / 'driver'}:{KAFKA / 'libs'}/*"


def java(*args, heap="512m", log="ERROR", classpath=CLASSPATH):
    """The command line of a JVM with Kafka's jars and our driver on its class path."""
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
            f"-Dmillrace.log={log}", f"-Dlog4j2.configurationFile={KAFKA / 'log4j2.properties'}",
            "-cp", classpath, *map(str, args)]


def need_setup():
    if not (KAFKA / "libs").is_dir():
        sys.exit("the test clients are not fetched yet: run tests/interop/setup")
