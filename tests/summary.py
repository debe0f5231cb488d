#!/usr/bin/env python3
"""usage: summary.py JUNIT.xml...     names what failed, then closes with "N passed, N failed"; exit status 1 on a failure."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(files):
    passed, failed = 0, []
    for file in files:
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            if case.get("status") == "run":
                passed += 1
            elif case.get("status") != "disabled":
                failed.append(f"{Path(file).stem}: {case.get('name')}")
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
