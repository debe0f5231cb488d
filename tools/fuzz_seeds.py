#!/usr/bin/env python3
"""Writes seed inputs of the message fuzzers, made from the golden vectors.

    fuzz_seeds.py DIR      fills DIR/request_fuzz, DIR/response_fuzz, DIR/stored_record_fuzz

The build calls it for itself (cmake/modules.cmake).
"""
import gzip
import hashlib
import struct
import sys
from pathlib import Path

import msggen

KINDS = ('full', 'nulls', 'unknown')
LOG_SELECTOR = {'record': 0, 'remote_log_record': 1, 'group': 2, 'transaction': 3, 'share': 4}


def main():
    out = Path(sys.argv[1])
    schema = msggen.Schema(msggen.ROOT / 'schema')
    messages = {m.name: m for m in schema.messages}
    stored = [m.name for m in schema.messages if m.kind not in ('request', 'response')]
    for line in gzip.open(msggen.ROOT / 'tests/data/golden/messages.tsv.gz', 'rt'):
        name, version, kind, body, framed, _ = line.split('\t')
        m, version, body = messages[name], int(version), bytes.fromhex(body)
        if kind not in KINDS or version not in (m.versions[0], m.versions[1], m.flex):
            continue
        flexible = version >= m.flex
        if m.kind == 'request':
            seed = ('request', struct.pack('>hhih', m.key, version, 1, -1) + b'\0' * flexible + body)
        elif m.kind == 'response':
            tags = flexible and 'reply_header' not in m.marks
            seed = ('response', struct.pack('>hhi', m.key, version, 1) + b'\0' * tags + body)
        else:
            seed = ('stored_record', bytes([8 + stored.index(name), version]) + body)
            if m.kind in ('record', 'remote_log_record'):
                write(out, 'stored_record', bytes([LOG_SELECTOR[m.kind]]) + bytes.fromhex(framed))
            elif m.kind == 'key':
                key = bytes.fromhex(framed)
                write(out, 'stored_record', bytes([LOG_SELECTOR[m.log], min(len(key), 255)]) + key)
        write(out, *seed)


def write(out, family, data):
    folder = out / f'{family}_fuzz'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


if __name__ == '__main__':
    main()
