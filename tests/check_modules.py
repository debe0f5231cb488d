#!/usr/bin/env python3
"""The house rules that a program can check: the module graph of src/modules.txt, one namespace a room, sizes of files and
lines, and words that must not be committed. Prints one line a finding; exits with 1 when there is one."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS_MAX = 100
# Prose and drawings in comments, which clang-format leaves alone; and scripts.
TEXT_COLUMNS_MAX = 130
LINES_WARN, LINES_MAX = 600, 1000
CODE = {".h", ".cc"}
SCRIPTS = {".py", ".sh", ".cmake", ".js", ".java", ""}
# Rooms whose names live directly in `millrace`.
PLAIN_ROOMS = {"base"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
NAMESPACE = re.compile(r"^namespace\s+(millrace(?:::\w+)*)\s*(?:{|=)")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|home|root|Users)/\w")
OPENS = re.compile(r"^(?:inline )?namespace\s*([\w:]*)\s*{")
CLOSES = re.compile(r"^}  // namespace")
TYPE = re.compile(r"^(?:struct|class|enum class)\s+(?:\[\[\w+\]\]\s+)?(\w+)(?![\w:])[^;<]*{")
TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")


def read_graph():
    graph = {}
    for line in (ROOT / "src" / "modules.txt").read_text().splitlines():
        match = re.match(r"^([a-z]+): *(.*)$", line)
        if match:
            graph[match[1]] = set(match[2].split()) | {match[1]}
    return graph


def tracked():
    """What git knows or would add, without what it ignores."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=True).stdout.decode()
    return [Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def check_graph(graph):
    """A room may name only rooms that stand above it."""
    known = set()
    for room, uses in graph.items():
        for used in uses - known - {room}:
            yield f"src/modules.txt: {room} uses {used}, which does not stand above it"
        known.add(room)


def check_room_file(path, lines, graph):
    room = path.parts[1]
    if room not in graph:
        yield f"{path}: no room {room} in src/modules.txt"
        return
    wanted = "millrace" if room in PLAIN_ROOMS else f"millrace::{room}"
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include and "/" in include[1]:
            target = include[1].split("/")[0]
            if target in graph and target not in graph[room]:
                yield f"{path}:{number}: {room} may not include {include[1]} (src/modules.txt)"
            elif target == "sim" and room != "sim" and not path.name.endswith("_test.cc"):
                yield f"{path}:{number}: only tests may include the simulator"
        namespace = NAMESPACE.match(line)
        if namespace and not (namespace[1] == wanted or namespace[1].startswith(wanted + "::")):
            yield f"{path}:{number}: namespace {namespace[1]} in the room of {wanted}"


def check_type_names(path, lines, seen):
    """Two types of one name in one namespace: the linker takes the functions of either for both."""
    namespaces = []
    for number, line in enumerate(lines, 1):
        opens, type_ = OPENS.match(line), TYPE.match(line)
        if opens:
            namespaces.append(opens[1])
        elif CLOSES.match(line) and namespaces:
            namespaces.pop()
        elif type_ and namespaces and "" not in namespaces:
            name = "::".join([*namespaces, type_[1]])
            if name in seen:
                yield f"{path}:{number}: {name} is defined in {seen[name]} too"
            seen.setdefault(name, f"{path}:{number}")


def check_lines(path, lines, columns_max):
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield f"{path}:{number}: tab"
        limit = TEXT_COLUMNS_MAX if "//" in line else columns_max
        if len(line) > limit:
            # Layout is clang-format's (./check fails on it); what it cannot break is told here.
            print(f"warning: {path}:{number}: {len(line)} columns, at most {limit}")
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"


def check_file(path, graph, types):
    try:
        text = (ROOT / path).read_text()
    except UnicodeDecodeError:
        return
    if path.parts[:2] in (("tests", "data"), ("fuzz", "corpus")):
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if MACHINE_PATH.search(line) and path != Path("tests/check_modules.py"):
            yield f"{path}:{number}: a path of one machine"
        if TODO.search(line) and path != Path("tests/check_modules.py") and path.suffix in CODE | SCRIPTS:
            yield f"{path}:{number}: TODO without an issue; write TODO(#N) or do it"
    if path.suffix in CODE:
        yield from check_lines(path, lines, COLUMNS_MAX)
        if path.parts[0] == "src" and len(path.parts) > 2:
            yield from check_room_file(path, lines, graph)
            yield from check_type_names(path, lines, types)
        if path.suffix == ".h" and "#pragma once" not in text:
            yield f"{path}: a header without #pragma once"
        if len(lines) > LINES_MAX:
            yield f"{path}: {len(lines)} lines, at most {LINES_MAX}"
        elif len(lines) > LINES_WARN:
            print(f"warning: {path}: {len(lines)} lines; think of splitting it at {LINES_WARN}")
    elif path.suffix in SCRIPTS:
        yield from check_lines(path, lines, TEXT_COLUMNS_MAX)


def main():
    graph = read_graph()
    findings = list(check_graph(graph))
    types = {}
    for path in tracked():
        findings += check_file(path, graph, types)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
