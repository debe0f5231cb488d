#!/usr/bin/env python3
"""Append on condition (docs/conditional-append.md), byte by byte as the page specifies it: discovery, expected end offsets,
expected offsets of keys, what a client without it sees. With --broker kafka: Apache Kafka takes the same requests, ignores the
conditions and says that it does not know them; and it opens a directory with our index of keys in it."""

import signal
import struct
import sys
import threading

from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.wire import API_VERSIONS, FIND_COORDINATOR, PRODUCE, Reader, batches, crc32c, string, stored, uvarint, varint

PRODUCE_VERSION = 11
FAILED, DISABLED, INVALID_REQUEST = 9000, 9001, 42
END_TAG, KEYS_TAG, FEATURE_TAG = 10000, 10001, 10002
INCREMENTAL_ALTER_CONFIGS, INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN = 44, 22, 24, 26
CONFIG = "millrace.key.index.enable"
WRITERS, EVENTS = 4, 40


def keyed_batch(records, producer=(-1, -1, -1), transactional=False):
    """A batch of (key, value) pairs; producer: id, epoch, first sequence."""
    body = b""
    for i, (key, value) in enumerate(records):
        def blob(data):
            return varint(-1) if data is None else varint(len(data)) + data
        one = b"\0" + varint(0) + varint(i) + blob(key) + blob(value) + varint(0)
        body += varint(len(one)) + one
    now = 1_700_000_000_000
    tail = struct.pack(">hiqqqhii", 0x10 if transactional else 0, len(records) - 1, now, now, *producer, len(records)) + body
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail


def compact_string(text):
    return uvarint(len(text) + 1) + text.encode()


def tags(fields):
    out = uvarint(len(fields))
    for tag in sorted(fields):
        out += uvarint(tag) + uvarint(len(fields[tag])) + fields[tag]
    return out


def read_tags(r):
    found = {}
    for _ in range(r.uvarint()):
        tag = r.uvarint()
        found[tag] = r.take(r.uvarint())
    return found


def flexible_call(wire, key, version, body, reply_tags=True):
    """With request header 2; the answer behind its header."""
    wire.correlation += 1
    payload = struct.pack(">hhi", key, version, wire.correlation) + string("conditional") + b"\0" + body
    wire.socket.sendall(struct.pack(">i", len(payload)) + payload)
    r = Reader(wire.read_frame())
    assert r.i32() == wire.correlation
    if reply_tags:
        assert r.uvarint() == 0
    return r


class Answer:
    def __init__(self, r):
        assert r.uvarint() == 2
        r.take(r.uvarint() - 1)
        assert r.uvarint() == 2
        self.index, self.error, self.offset = r.i32(), r.i16(), r.i64()
        r.i64(), r.i64()
        assert r.uvarint() == 1, "record errors"
        n = r.uvarint() - 1
        self.message = None if n < 0 else r.take(n).decode()
        self.tags = read_tags(r)
        self.end = struct.unpack(">q", self.tags[END_TAG])[0] if END_TAG in self.tags else None
        self.keys = []
        if KEYS_TAG in self.tags:
            k = Reader(self.tags[KEYS_TAG])
            for _ in range(k.uvarint() - 1):
                self.keys.append((k.i32(), k.i64(), k.i64()))
                assert k.uvarint() == 0


def produce(wire, topic, batch, end=None, keys=(), extra=None, transaction=None):
    """`keys`: (record index, expected offset) pairs; `transaction`: a transactional id."""
    fields = dict(extra or {})
    if end is not None:
        fields[END_TAG] = struct.pack(">q", end)
    if keys:
        fields[KEYS_TAG] = uvarint(len(keys) + 1) + b"".join(struct.pack(">iq", *key) + b"\0" for key in keys)
    partition = struct.pack(">i", 0) + uvarint(len(batch) + 1) + batch + tags(fields)
    name = b"\0" if transaction is None else compact_string(transaction)
    body = (name + struct.pack(">hi", -1, 10000) + uvarint(2) + compact_string(topic) + uvarint(2) + partition + b"\0" + b"\0")
    return Answer(flexible_call(wire, PRODUCE, PRODUCE_VERSION, body))


def feature_version(wire):
    """None: the broker does not know conditions."""
    r = flexible_call(wire, API_VERSIONS, 3, compact_string("conditional") + compact_string("1") + b"\0", reply_tags=False)
    assert r.i16() == 0
    for _ in range(r.uvarint() - 1):
        r.i16(), r.i16(), r.i16(), r.uvarint()
    r.i32()
    found = read_tags(r).get(FEATURE_TAG)
    return None if found is None else struct.unpack(">h", found)[0]


def make_topic(node, indexed=False):
    topic = unique("conditional")
    with node.wire() as wire:
        assert wire.create_topic(topic, configs={CONFIG: "true"} if indexed else None) == 0
        eventually(lambda: wire.list_offset(topic, 0)[0] == 0, what="the topic")
    return topic


def discovery(node):
    with node.wire() as wire:
        assert feature_version(wire) == (1 if node.kind == "millrace" else None), feature_version(wire)
        assert wire.features().get("metadata.version"), "the other tagged fields are still there"
        answered = flexible_call(wire, API_VERSIONS, 4, compact_string("a") + compact_string("1") + b"\0", reply_tags=False)
        assert answered.i16() == 0


def end_offset(node):
    topic = make_topic(node)
    with node.wire() as wire:
        assert produce(wire, topic, keyed_batch([(b"k", b"0"), (b"k", b"1")]), end=0).offset == 0
        late = produce(wire, topic, keyed_batch([(b"k", b"x")]), end=1)
        assert (late.error, late.offset, late.end, late.keys) == (FAILED, -1, 2, []), vars(late)
        assert late.message == "the log ends at 2, not at 1", late.message
        right = produce(wire, topic, keyed_batch([(b"k", b"2")]), end=2)
        assert (right.error, right.offset, right.tags) == (0, 2, {}), vars(right)
        assert produce(wire, topic, keyed_batch([(b"k", b"3")])).tags == {}
        assert produce(wire, topic, keyed_batch([(b"k", b"x")]), end=-5).error == INVALID_REQUEST
        assert wire.list_offset(topic, 0)[2] == 4


def retries(node):
    """A retry of what was appended succeeds; one of what was refused is judged again."""
    topic = make_topic(node)
    with node.wire() as wire:
        r = flexible_call(wire, INIT_PRODUCER_ID, 2, b"\0" + struct.pack(">i", 60000) + b"\0")
        r.i32()
        assert r.i16() == 0
        producer = r.i64(), r.i16()
        first = keyed_batch([(b"k", b"0")], (*producer, 0))
        assert produce(wire, topic, first, end=0).offset == 0
        again = produce(wire, topic, first, end=0)
        assert (again.error, again.offset, again.tags) == (0, 0, {}), vars(again)
        second = keyed_batch([(b"k", b"1")], (*producer, 1))
        assert produce(wire, topic, second, end=0).error == FAILED
        assert produce(wire, topic, second, end=1).offset == 1
        assert wire.list_offset(topic, 0)[2] == 2


def keys(node):
    topic = make_topic(node, indexed=True)
    with node.wire() as wire:
        assert produce(wire, topic, keyed_batch([(b"a", b"0"), (b"b", b"1")]), keys=[(0, -1), (1, -1)]).offset == 0
        wrong = produce(wire, topic, keyed_batch([(b"a", b"x"), (b"b", b"x"), (b"c", b"x")]), keys=[(0, 0), (1, 0), (2, 0)])
        assert (wrong.error, wrong.end, wrong.keys) == (FAILED, None, [(1, 1, -1), (2, -1, -1)]), vars(wrong)
        assert produce(wire, topic, keyed_batch([(b"a", b"2"), (b"x", b"3")]), keys=[(0, 0)]).offset == 2
        # A record with a null value removes its key.
        assert produce(wire, topic, keyed_batch([(b"b", None)]), keys=[(0, 1)]).offset == 4
        assert produce(wire, topic, keyed_batch([(b"b", b"5")]), keys=[(0, -1)]).offset == 5
        both = produce(wire, topic, keyed_batch([(b"a", b"x")]), end=0, keys=[(0, 0)])
        assert (both.error, both.end, both.keys) == (FAILED, 6, [(0, 2, -1)]), vars(both)
        for nonsense in ([(1, 0)], [(-1, 0)], [(0, -2)], [(0, 0), (0, 0)]):
            assert produce(wire, topic, keyed_batch([(b"a", b"x")]), keys=nonsense).error == INVALID_REQUEST, nonsense
        assert produce(wire, topic, keyed_batch([(None, b"x")]), keys=[(0, -1)]).error == INVALID_REQUEST
        assert wire.list_offset(topic, 0)[2] == 6


def keys_without_index(node):
    topic = make_topic(node)
    with node.wire() as wire:
        refused = produce(wire, topic, keyed_batch([(b"a", b"x")]), keys=[(0, -1)])
        assert refused.error == DISABLED and CONFIG in refused.message, vars(refused)
        assert produce(wire, topic, keyed_batch([(b"a", b"0")]), end=0).offset == 0


def switching_the_index_on(node):
    """For a topic that has records already."""
    topic = make_topic(node)
    with node.wire() as wire:
        for i in range(300):
            assert produce(wire, topic, keyed_batch([(b"k%d" % (i % 100), b"v" * 900)])).error == 0
        one = b"\x02" + compact_string(topic) + b"\x02" + compact_string(CONFIG) + b"\0" + compact_string("true") + b"\0\0"
        r = flexible_call(wire, INCREMENTAL_ALTER_CONFIGS, 1, b"\x02" + one + b"\0\0")
        r.i32()
        assert r.uvarint() == 2 and r.i16() == 0
        eventually(lambda: produce(wire, topic, keyed_batch([(b"new", b"v")]), keys=[(0, 0)]).error == FAILED,
                   what="the index of keys")
        wrong = produce(wire, topic, keyed_batch([(b"k7", b"x")]), keys=[(0, 107)])
        assert wrong.keys == [(0, 207, -1)], vars(wrong)
        assert produce(wire, topic, keyed_batch([(b"k7", b"v")]), keys=[(0, 207)]).offset == 300


def restarts(node):
    topic = make_topic(node, indexed=True)
    with node.wire() as wire:
        assert produce(wire, topic, keyed_batch([(b"a", b"0")]), keys=[(0, -1)]).offset == 0
    offset = 0
    for sign in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
        node.stop(sign)
        if sign == signal.SIGTERM:
            assert list(node.dir.glob(f"**/{topic}-0/millrace-key-index")), "no snapshot after a clean stop"
        node.start()
        with node.wire() as wire:
            eventually(lambda: wire.list_offset(topic, 0)[0] == 0, what="the partition")
            assert produce(wire, topic, keyed_batch([(b"a", b"x")]), keys=[(0, -1)]).keys == [(0, offset, -1)]
            assert produce(wire, topic, keyed_batch([(b"b", b"1"), (b"a", b"2")]), keys=[(1, offset)]).offset == offset + 1
            offset += 2


def race(node, by_key):
    """Writers that append only to the history that they know; each offset has one winner."""
    topic = make_topic(node, indexed=by_key)
    won, failures = {}, []

    def write(name):
        try:
            with node.wire() as wire:
                expected = -1 if by_key else 0
                while len(won) < EVENTS:
                    batch = keyed_batch([(b"stream", b"%s expected %d" % (name, expected))])
                    answer = produce(wire, topic, batch, **({"keys": [(0, expected)]} if by_key else {"end": expected}))
                    if answer.error == 0:
                        assert answer.offset not in won, f"offset {answer.offset} twice"
                        won[answer.offset] = name
                        expected = answer.offset if by_key else answer.offset + 1
                    else:
                        assert answer.error == FAILED, vars(answer)
                        expected = answer.keys[0][1] if by_key else answer.end
        except Exception as e:  # noqa: BLE001: told by the check
            failures.append(e)
    threads = [threading.Thread(target=write, args=(b"w%d" % i,)) for i in range(WRITERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures
    with node.wire() as wire:
        found = stored(wire, topic, 1)
    assert [b.base_offset for b in found] == list(range(len(found))) and len(found) >= EVENTS
    for b in found:
        assert b"expected %d" % (b.base_offset - 1 if by_key else b.base_offset) in b.payload, b.payload
    assert sorted(won) == list(range(len(found)))


class Transactions:
    """A transactional producer, by hand."""

    def __init__(self, node, topic):
        self.name, self.topic, self.wire, self.sequence = unique("txn"), topic, node.wire(), 0
        eventually(lambda: self.find_coordinator() == 0, what="the coordinator of transactions")
        eventually(self.init, what="a producer id")

    def find_coordinator(self):
        r = self.wire.call(FIND_COORDINATOR, 1, string(self.name) + b"\1")
        r.i32()
        return r.i16()

    def init(self):
        r = flexible_call(self.wire, INIT_PRODUCER_ID, 2, compact_string(self.name) + struct.pack(">i", 60000) + b"\0")
        r.i32()
        error, self.id, self.epoch = r.i16(), r.i64(), r.i16()
        return error == 0

    def head(self):
        return compact_string(self.name) + struct.pack(">qh", self.id, self.epoch)

    def begin(self):
        body = self.head() + uvarint(2) + compact_string(self.topic) + uvarint(2) + struct.pack(">i", 0) + b"\0\0"

        def added():
            r = flexible_call(self.wire, ADD_PARTITIONS_TO_TXN, 3, body)
            r.i32()
            assert r.uvarint() == 2
            r.take(r.uvarint() - 1)
            assert r.uvarint() == 2 and r.i32() == 0
            return r.i16() == 0
        eventually(added, what="the partition in the transaction")

    def produce(self, records, **conditions):
        batch = keyed_batch(records, (self.id, self.epoch, self.sequence), True)
        answer = produce(self.wire, self.topic, batch, transaction=self.name, **conditions)
        self.sequence += len(records) if answer.error == 0 else 0
        return answer

    def end(self, commit):
        r = flexible_call(self.wire, END_TXN, 3, self.head() + bytes([commit]) + b"\0")
        r.i32()
        error = r.i16()
        assert error == 0, error


def transactions(node):
    topic = make_topic(node, indexed=True)
    mine = Transactions(node, topic)
    with node.wire() as wire:
        def other(expected):
            return produce(wire, topic, keyed_batch([(b"a", b"x")]), keys=[(0, expected)])
        mine.begin()
        assert mine.produce([(b"a", b"0")], keys=[(0, -1)]).offset == 0
        assert mine.produce([(b"a", b"x")], keys=[(0, -1)]).keys == [(0, 0, -1)]
        assert mine.produce([(b"a", b"1")], keys=[(0, 0)]).offset == 1
        for expected in (-1, 0, 1):
            assert other(expected).keys == [(0, -1, 1)], "undecided while the transaction is open"
        mine.end(False)
        eventually(lambda: wire.list_offset(topic, 0)[2] == 3, 10, "the first marker")
        assert other(1).keys == [(0, -1, -1)], "what was aborted never was"
        mine.begin()
        assert mine.produce([(b"a", b"3")], keys=[(0, -1)]).offset == 3
        mine.end(True)
        eventually(lambda: wire.list_offset(topic, 0)[2] == 5, 10, "the second marker")
        assert other(-1).keys == [(0, 3, -1)]
        assert other(3).offset == 5
        # Markers count for the end of the log.
        mine.begin()
        assert mine.produce([(b"b", b"6")], end=5).end == 6
        assert mine.produce([(b"b", b"6")], end=6).offset == 6
        mine.end(True)


def ordinary_clients(node):
    """The old wire client, without tags, sees what it always saw."""
    topic = make_topic(node, indexed=True)
    with node.wire() as wire:
        assert wire.produce(topic, 0, keyed_batch([(b"a", b"0")])) == (0, 0)
        assert produce(wire, topic, keyed_batch([(b"a", b"1")]), keys=[(0, 0)]).offset == 1
        error, _, data = wire.fetch(topic, 0, 0)
        assert error == 0 and len(batches(data)) == 2
        # Tags that nobody knows are passed over.
        odd = produce(wire, topic, keyed_batch([(b"a", b"2")]), extra={9999: b"xyz", 20000: b""})
        assert (odd.error, odd.offset, odd.tags) == (0, 2, {}), vars(odd)


def kafka_ignores(node):
    """Apache Kafka appends whatever the conditions say: hence the discovery."""
    topic = make_topic(node)
    with node.wire() as wire:
        assert feature_version(wire) is None
        for i in range(3):
            answer = produce(wire, topic, keyed_batch([(b"a", b"v")]), end=77, keys=[(0, 55)])
            assert (answer.error, answer.offset) == (0, i) and not {END_TAG, KEYS_TAG} & set(answer.tags), vars(answer)


def kafka_looks_past_our_file(node):
    topic = make_topic(node)
    with node.wire() as wire:
        assert produce(wire, topic, keyed_batch([(b"a", b"0")])).offset == 0
    for sign in (signal.SIGTERM, signal.SIGKILL):
        node.stop(sign)
        folder = node.dir / f"{topic}-0"
        for name in ("millrace-key-index", "millrace-key-index.tmp"):
            (folder / name).write_bytes(b"MRKEYIDX" + bytes(100))
        node.start(wait=False)
        node.wait_ready(240)
        with node.wire() as wire:
            eventually(lambda: wire.list_offset(topic, 0)[0] == 0, what="the partition")
            assert len(stored(wire, topic, 1)) >= 1
            assert produce(wire, topic, keyed_batch([(b"a", b"1")])).error == 0
        assert (folder / "millrace-key-index").exists()


def main():
    args = parse(parser(__doc__))
    checks = Checks(args.only)
    with Node() as node:
        checks.run("discovery", discovery, node)
        if node.kind == "kafka":
            checks.run("Kafka ignores the conditions", kafka_ignores, node)
            checks.run("Kafka looks past the index of keys", kafka_looks_past_our_file, node)
            return checks.finish()
        checks.run("an expected end offset", end_offset, node)
        checks.run("retries", retries, node)
        checks.run("two writers and more, one winner for each end offset", race, node, False)
        checks.run("expected offsets of keys", keys, node)
        checks.run("keys without an index", keys_without_index, node)
        checks.run("the index is switched on later", switching_the_index_on, node)
        checks.run("one winner for each event of a key", race, node, True)
        checks.run("transactions", transactions, node)
        checks.run("ordinary clients", ordinary_clients, node)
        checks.run("restarts and a kill", restarts, node)
        return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
