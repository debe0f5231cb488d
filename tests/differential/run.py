#!/usr/bin/env python3
"""Compares a node's answers with Apache Kafka's, field by field (README.md).

    run.py HOST:PORT                      with what was recorded of Kafka 4.3.1
    run.py HOST:PORT --live HOST:PORT     with a running Kafka, the second address
    run.py HOST:PORT --record             write Kafka's answers to recorded/
    run.py --start millrace|kafka         start a node for the run (with --record: kafka), compare it, stop it
"""
import argparse
import fnmatch
import json
import re
import sys
from pathlib import Path

import scripts
from normal import differences
from node import Node
from wire import ROOT, Protocol

RECORDED = Path(__file__).resolve().parent / 'recorded'
KNOWN = ROOT / 'docs' / 'compatibility.md'
SHOWN_MAX = 160
# Both nodes run with these, besides what every test node has (tests/interop/lib/node.py). Records bear old timestamps.
SETTINGS = {'node.id': '1', 'log.retention.ms': '-1'}


def known_differences():
    """Rows of the table under `## Known differences`: (case glob, step glob, field glob, row)."""
    if not KNOWN.exists():
        return []
    section = re.search(r'^## Known differences$(.*?)(?=^## |\Z)', KNOWN.read_text(), re.M | re.S)
    rows = []
    for line in section[1].splitlines() if section else []:
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if line.startswith('|') and len(cells) >= 6 and cells[0].startswith('`'):
            rows.append([c.strip('`') for c in cells[:3]] + [line])
    return rows


def matches(row, found):
    return all(fnmatch.fnmatchcase(text, glob.replace('[', '[[]')) for glob, text in zip(row[:3], found))


def load_recorded(area):
    path = RECORDED / f'{area}.json'
    return json.loads(path.read_text()) if path.exists() else {}


def save_recorded(answers):
    """One line an answer, so that a change of one shows as one line; equal answers in a row are written once."""
    RECORDED.mkdir(exist_ok=True)
    for area in sorted({name.split('/')[0] for name in answers}):
        lines = []
        for name in (n for n in answers if n.split('/')[0] == area):
            steps = ',\n'.join(f'  [{json.dumps(label)}, {json.dumps(answer, separators=(",", ":"))}]'
                               for label, answer in fold(answers[name]))
            lines.append(f' {json.dumps(name)}: [\n{steps}]')
        (RECORDED / f'{area}.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')


def fold(steps):
    out = []
    for label, answer in steps:
        answer = json.loads(json.dumps(answer))
        if out and out[-1][1] == answer:
            out[-1][0].append(label)
        else:
            out.append([[label], answer])
    return out


def unfold(steps):
    return [(label, answer) for labels, answer in steps for label in labels]


def compare(case, theirs, ours):
    """(case, step, field, theirs, ours) of all that differs."""
    for i in range(max(len(theirs), len(ours))):
        if i >= len(theirs) or i >= len(ours):
            rest = (theirs if i < len(theirs) else ours)[i]
            yield case.name, rest[0], '', *(('<absent>', 'an answer') if i >= len(theirs) else ('an answer', '<absent>'))
            return
        ours_plain = json.loads(json.dumps(ours[i][1]))
        for path, a, b in differences(theirs[i][1], ours_plain):
            yield case.name, ours[i][0], path, a, b


def short(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + '...'


def gather(found):
    """The same difference in several steps is shown once, with all their names."""
    out = {}
    for _, step, path, a, b in found:
        out.setdefault((path, short(a), short(b)), []).append(step)
    for (path, a, b), steps in out.items():
        names = list(dict.fromkeys(steps))
        yield ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else ''), path, a, b


class Report:
    def __init__(self):
        self.rows = known_differences()
        self.seen = set()
        self.bad_cases = self.new = self.listed = 0

    def case(self, case, found):
        fresh = []
        for difference in found:
            row = next((i for i, r in enumerate(self.rows) if matches(r, difference[:3])), None)
            if row is None:
                fresh.append(difference)
            else:
                self.seen.add(row)
                self.listed += 1
        if not fresh:
            return
        self.bad_cases += 1
        self.new += len(fresh)
        print(f'DIFFERS {case.name}   ({case.where})')
        for steps, path, a, b in gather(fresh):
            print(f'    {steps}  {path}\n        kafka    {short(a)}\n        millrace {short(b)}')

    def stale(self):
        return [row for i, row in enumerate(self.rows) if i not in self.seen]


def run_all(cases, node, reference, record):
    report, recorded, answers = Report(), {}, {}
    for case in cases:
        ours = node.run(case)
        if record:
            answers[case.name] = ours
            continue
        area = case.name.split('/')[0]
        if reference:
            theirs = unfold(fold(reference.run(case)))
        else:
            recorded.setdefault(area, load_recorded(area))
            if case.name not in recorded[area]:
                print(f'NOT RECORDED {case.name}')
                report.bad_cases += 1
                continue
            theirs = unfold(recorded[area][case.name])
        report.case(case, list(compare(case, theirs, ours)))
    if record:
        save_recorded(answers)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('node', nargs='?', help='HOST:PORT of the node to judge')
    parser.add_argument('--live', metavar='HOST:PORT', help='a running Kafka to compare with')
    parser.add_argument('--record', action='store_true', help='the node is Kafka: write what it answers')
    parser.add_argument('--start', choices=('millrace', 'kafka'), help='start a new node with a new directory for the run')
    parser.add_argument('--only', default='.', metavar='REGEX', help='only cases whose AREA/TITLE matches')
    parser.add_argument('--list', action='store_true', help='print the cases')
    options = parser.parse_args()
    protocol = Protocol()
    cases = scripts.load(protocol, options.only)
    if options.list:
        print(*(f'{c.name}   ({c.where})' for c in cases), sep='\n')
        return 0
    if options.start:
        from lib.node import Node as Process  # (node.py has made lib importable)
        with Process(options.start, SETTINGS) as process:
            return judge(options, protocol, cases, process.address)
    if not options.node:
        parser.error('HOST:PORT or --start')
    return judge(options, protocol, cases, options.node)


def judge(options, protocol, cases, address):
    node = Node(address, protocol)
    reference = Node(options.live, protocol) if options.live else None
    for each in filter(None, (node, reference)):
        each.warm_up()
    if options.record and options.only != '.' and not re.fullmatch(r'\^\w+/', options.only):
        raise SystemExit("--record writes whole files: run it without --only, or with --only '^AREA/'")
    report = run_all(cases, node, reference, options.record)
    if options.record:
        print(f'{len(cases)} cases recorded')
        return 0
    stale = report.stale() if options.only == '.' else []
    for row in stale:
        print(f'NO LONGER DIFFERS: {row[3]}')
    print(f'{len(cases) - report.bad_cases} of {len(cases)} cases agree; {report.new} differences that docs/compatibility.md '
          f'does not list, {report.listed} that it lists, {len(stale)} listed that no longer occur')
    return 1 if report.bad_cases or stale else 0


if __name__ == '__main__':
    sys.exit(main())
