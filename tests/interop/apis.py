#!/usr/bin/env python3
"""The table of APIs in docs/compatibility.md against what a running node says in ApiVersions: the page cannot go stale.

With --broker kafka the column of Apache Kafka is checked instead. --update rewrites the column of the broker under test."""

import re
import sys

from lib.check import Checks, parse, parser
from lib.env import ROOT
from lib.node import Node

PAGE = ROOT / "docs" / "compatibility.md"
ROW = re.compile(r"^\| (\d+) \| (\w+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
NOT_SERVED = "-"


def span(versions):
    if versions is None:
        return NOT_SERVED
    low, high = versions
    return str(low) if low == high else f"{low}-{high}"


def compare(text, served, column):
    rows = {int(m[1]): m for m in ROW.finditer(text)}
    assert len(rows) > 80, f"only {len(rows)} rows in the table"
    wrong = [f"{key} {m[2]}: the page says {m[column].strip()}, the node {span(served.get(key))}"
             for key, m in rows.items() if m[column].strip() != span(served.get(key))]
    wrong += [f"{key} is served and not in the table" for key in served if key not in rows]
    assert not wrong, "; ".join(wrong) + " (tests/interop/apis.py --update writes the page)"


def update(text, served, column):
    def rewrite(m):
        cells = list(m.groups())
        cells[column - 1] = span(served.get(int(m[1])))
        return "| " + " | ".join(cells) + " |"
    return ROW.sub(rewrite, text)


def main():
    p = parser(__doc__)
    p.add_argument("--update", action="store_true")
    args = parse(p)
    with Node() as node:
        column = 3 if node.kind == "kafka" else 4
        with node.wire() as wire:
            served, features = wire.api_versions(), wire.features()
        text = PAGE.read_text()
        if args.update:
            PAGE.write_text(update(text, served, column))
            return 0
        checks = Checks(args.only)
        checks.run("the table of APIs says what the node serves", compare, text, served, column)

        def has_features():
            assert features.get("metadata.version", (0, 0))[1] >= 7, f"features: {features}"
        checks.run("metadata.version is among the features", has_features)
        return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
