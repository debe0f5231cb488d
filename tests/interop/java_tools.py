#!/usr/bin/env python3
"""Apache Kafka's command-line tools against a node, and Kafka's readers on the files that it leaves."""

import sys

from kafka_tools import cluster, configs, files, groups, records, topics
from lib.check import Checks, parse, parser
from lib.node import Node
from lib.tools import Tools

FAMILIES = {"topics": topics, "configs": configs, "records": records, "groups": groups, "cluster": cluster}


def main():
    p = parser(__doc__)
    p.add_argument("--families", default=",".join([*FAMILIES, "files"]), help="which of them (default: all)")
    args = parse(p)
    checks = Checks(args.only)
    wanted = args.families.split(",")
    with Node() as node:
        with Tools(node.address) as tools:
            for family in wanted:
                if family == "files":
                    continue
                for name, check in FAMILIES[family].CHECKS.items():
                    checks.run(name, check, tools, node)
            if "files" in wanted and (not args.only or "files".startswith(args.only.split(":")[0])):
                checks.only = ""
                files.run(checks, tools, node)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
