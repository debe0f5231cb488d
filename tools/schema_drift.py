#!/usr/bin/env python3
"""Says whether schema/ still describes what Apache Kafka puts on the wire.

    schema_drift.py                     against the committed fields of Kafka 4.3.1 (tests/data/drift)
    schema_drift.py --jars DIR          against the message definitions inside the kafka-*.jar files of DIR
    schema_drift.py --jars DIR --write  takes the fields of these jars as the committed ones

Prints the differences ('-': only Kafka has it, '+': only we have it) and exits with 1 when there are any.
"""
import argparse
import difflib
import gzip
import json
import re
import sys
import zipfile
from pathlib import Path

import msggen

COMMITTED = msggen.ROOT / 'tests/data/drift/kafka-4.3.1.fields.gz'
COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.S)
TYPES = {'int8': 'i8', 'int16': 'i16', 'int32': 'i32', 'int64': 'i64', 'uint16': 'u16', 'uint32': 'u32',
         'float64': 'f64'}
NONE = (1, 0)


def read_range(text):
    if text in (None, 'none'):
        return NONE
    low, _, high = text.rstrip('+').partition('-')
    return int(low), msggen.NEVER if text.endswith('+') else int(high or low)


def both(a, b):
    return max(a[0], b[0]), min(a[1], b[1])


def default_of(field):
    """As the schema would write it: nothing for the zero value of the type."""
    d = field.get('default')
    if d is None:
        return None
    d = str(d).lower() if isinstance(d, bool) else str(d)
    if re.fullmatch(r'-?(0x[0-9a-fA-F]+|\d+)', d):
        d = str(int(d, 0))
    return None if d in ('', '0', 'false') else d


def field_lines(fields, structs, within, depth):
    for f in fields:
        low, high = both(read_range(f.get('versions', f.get('taggedVersions'))), within)
        if low > high:
            continue
        array = f['type'].startswith('[]')
        kind = f['type'][2 * array:]
        words = [f['name'][0].lower() + f['name'][1:], '[]' * array + TYPES.get(kind, kind), f'{low}-{high}']
        null = both(read_range(f.get('nullableVersions')), (low, high))
        if null[0] <= null[1]:
            words.append(f'null={null[0]}-{null[1]}')
        if 'tag' in f:
            words.append(f'tag={f["tag"]}')
        if default_of(f) is not None:
            words.append(f'default={default_of(f)}')
        words += [ours for ours, theirs in (('lossy', 'ignorable'), ('key', 'mapKey'))
                  if str(f.get(theirs, False)).lower() == 'true']
        if f.get('flexibleVersions') == 'none':
            words.append('classic')
        yield ' ' * depth + ' '.join(words)
        if 'fields' in f:
            yield from field_lines(f['fields'], structs, (low, high), depth + 1)
        elif kind in structs:
            versions, inner = structs[kind]
            yield from field_lines(inner, structs, both(versions, (low, high)), depth + 1)


def message_lines(spec):
    versions = read_range(spec['validVersions'])
    flexible = spec.get('flexibleVersions', 'none')
    head = f'{spec["name"]} versions={versions[0]}-{versions[1]} flexible={flexible} key={spec.get("apiKey", "-")}'
    if spec['type'] == 'request':
        head += f' on={",".join(sorted(spec["listeners"]))}'
        if spec.get('latestVersionUnstable'):
            head += ' unstable'
    yield head
    structs = {s['name']: (read_range(s['versions']), s['fields']) for s in spec.get('commonStructs', [])}
    yield from field_lines(spec['fields'], structs, versions, 1)


def jar_lines(folder):
    specs = {}
    for jar in sorted(folder.glob('kafka-*.jar')):
        with zipfile.ZipFile(jar) as z:
            for name in z.namelist():
                if re.search(r'(^|/)(message|metadata)/\w+\.json$', name):
                    spec = json.loads(COMMENT.sub(lambda m: m[1] or '', z.read(name).decode()))
                    if spec.get('validVersions', 'none') != 'none':
                        specs[spec['name']] = spec
    if not specs:
        sys.exit(f'no message definitions in {folder}/kafka-*.jar')
    return [line for name in sorted(specs) for line in message_lines(specs[name])]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--jars', type=Path)
    p.add_argument('--write', action='store_true')
    a = p.parse_args()
    theirs = jar_lines(a.jars) if a.jars else gzip.decompress(COMMITTED.read_bytes()).decode().splitlines()
    if a.write:
        COMMITTED.parent.mkdir(parents=True, exist_ok=True)
        COMMITTED.write_bytes(gzip.compress('\n'.join([*theirs, '']).encode(), 9, mtime=0))
    ours = list(msggen.dump(msggen.Schema(msggen.ROOT / 'schema')))
    differences = [line for line in difflib.unified_diff(theirs, ours, 'kafka', 'schema', lineterm='', n=1)]
    print('\n'.join(differences) if differences else f'{len(ours)} lines, no difference')
    sys.exit(1 if differences else 0)


if __name__ == '__main__':
    main()
