#!/usr/bin/env python3
"""What no well-behaved client sends: frames that are malformed, oversized, of unknown keys and versions; clients that connect
and stay silent; clients that ask and never read. The node answers or closes as Apache Kafka does, stays within its memory,
and a well-behaved client beside them notices nothing."""

import random
import resource
import socket
import struct
import sys
import time

from lib import wire as w
from lib.check import Checks, eventually, parse, parser
from lib.node import Node
from lib.records import unique
from lib.wire import frame, make_batch

IDLE_CONNECTIONS = 2000
SLOW_READERS = 200
# What the node may grow by. Kafka's heap is preallocated, so only ours is held to these.
IDLE_MIB_MAX = 64
SLOW_MIB_MAX = 512


class Bystander:
    """A client that does ordinary things between the attacks and must always succeed."""

    def __init__(self, node):
        self.node, self.topic, self.count = node, unique("bystander"), 0
        with node.wire() as wire:
            assert wire.create_topic(self.topic) == 0
            eventually(lambda: wire.produce(self.topic, 0, make_batch([b"0"]))[0] == 0, what="the first record")
        self.count = 1
        self.wire = node.wire(60)

    def works(self):
        error, offset = self.wire.produce(self.topic, 0, make_batch([b"%d" % self.count]))
        assert (error, offset) == (0, self.count), f"error {error}, offset {offset} instead of {self.count}"
        self.count += 1
        error, high, data = self.wire.fetch(self.topic, 0, offset)
        assert error == 0 and high == self.count and len(w.batches(data)) == 1


def closed(connection, seconds=10):
    """Whether the node closes the connection without a byte of an answer."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def raw(node, data):
    connection = socket.create_connection(("127.0.0.1", node.port), 10)
    connection.sendall(data)
    return connection


def refused_frames(node, bystander):
    unknown_key = frame(999, 0, b"")
    unknown_version = frame(w.METADATA, 99, b"")
    removed_version = frame(w.FETCH, 3, b"")
    cut_body = frame(w.METADATA, 4, struct.pack(">i", 5) + b"\0")
    huge_array = frame(w.METADATA, 4, struct.pack(">i", 0x7FFFFFFF) + b"\0")
    long_string = frame(w.FIND_COORDINATOR, 0, struct.pack(">h", 0x7FFF))
    for name, data in (("unknown key", unknown_key), ("unknown version", unknown_version),
                       ("removed version", removed_version), ("cut body", cut_body), ("huge array", huge_array),
                       ("string longer than the frame", long_string), ("length 0", struct.pack(">i", 0)),
                       ("length 3", b"\0\0\0\3abc"),
                       ("negative length", struct.pack(">i", -5)), ("oversized", struct.pack(">i", 0x7FFFFFF0)),
                       ("just over the limit", struct.pack(">i", 104857601)), ("http", b"GET / HTTP/1.1\r\n\r\n")):
        with raw(node, data) as connection:
            assert closed(connection), f"{name}: the connection stays open"
        bystander.works()


def unknown_api_versions(node, bystander):
    """ApiVersions of an unknown version is answered in version 0 with error 35 and what is served for ApiVersions."""
    with node.wire() as wire:
        wire.socket.sendall(frame(w.API_VERSIONS, 77, b"\0", 5))
        answer = w.Reader(wire.read_frame())
        assert answer.i32() == 5 and answer.i16() == 35, "not UNSUPPORTED_VERSION"
        served = answer.array(lambda: (answer.i16(), answer.i16(), answer.i16()))
        assert w.API_VERSIONS in [key for key, _, _ in served], served
        assert wire.api_versions(), "the connection does not go on"
    bystander.works()


def order_is_kept(node, bystander):
    """Many requests in one write are answered in their order."""
    with node.wire() as wire:
        requests = [frame(w.METADATA if i % 2 else w.API_VERSIONS, 0, struct.pack(">i", 0) if i % 2 else b"", i)
                    for i in range(200)]
        wire.socket.sendall(b"".join(requests))
        got = [struct.unpack(">i", wire.read_frame()[:4])[0] for _ in range(200)]
        assert got == list(range(200)), "answers in another order"


def byte_by_byte(node, bystander):
    with node.wire() as wire:
        for byte in frame(w.API_VERSIONS, 0, b"", 9):
            wire.socket.sendall(bytes([byte]))
            time.sleep(0.002)
        assert struct.unpack(">i", wire.read_frame()[:4])[0] == 9


def random_bytes(node, bystander):
    """Frames of noise, whole requests with flipped bytes, and connections that end in the middle."""
    rng = random.Random(7)
    good = [frame(w.METADATA, 4, struct.pack(">i", 1) + w.string(bystander.topic) + b"\0"),
            frame(w.FETCH, 4, struct.pack(">iiiib", -1, 0, 1, 100000, 0) + struct.pack(">i", 0)),
            frame(w.PRODUCE, 3, w.string(None) + struct.pack(">hii", 1, 1000, 0))]
    for n in range(300):
        kind = n % 3
        if kind == 0:
            size = rng.randrange(1, 300)
            data = struct.pack(">ihh", size, rng.randrange(0, 93), rng.randrange(0, 14)) + rng.randbytes(max(0, size - 4))
        else:
            data = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(4, len(data))] = rng.randrange(256)
            if kind == 2:
                data = data[:rng.randrange(1, len(data))]
        try:
            raw(node, bytes(data)).close()
        except ConnectionError:
            pass  # it may close before all is sent
    bystander.works()


def corrupt_batches(node, bystander):
    """Produce refuses what is not a valid batch, and stores nothing of it."""
    good = make_batch([b"x"])
    wrong_crc = bytearray(good)
    wrong_crc[-3] ^= 1
    old_magic = bytearray(good)
    old_magic[16] = 1
    wrong_length = bytearray(good)
    wrong_length[11] += 9
    two = good + good
    for name, batch, errors in (("wrong checksum", wrong_crc, {2}), ("old format", old_magic, {2, 87, 76, 43}),
                                ("wrong length", wrong_length, {2, 87}), ("two batches", two, {87}),
                                ("nothing", b"", {2, 87, 0}), ("unknown topic", None, {3})):
        with node.wire() as wire:
            before = wire.list_offset(bystander.topic, 0)[2]
            try:
                if batch is None:
                    error = wire.produce(bystander.topic, 99, good)[0]
                else:
                    error = wire.produce(bystander.topic, 0, bytes(batch))[0]
                assert error in errors, f"{name}: error {error}"
            except EOFError:
                pass  # closing is an answer too
        with node.wire() as wire:
            assert wire.list_offset(bystander.topic, 0)[2] == before, f"{name}: something was stored"
    bystander.works()


def idle_connections(node, bystander):
    before = node.resident_mib()
    idle = [socket.create_connection(("127.0.0.1", node.port), 10) for _ in range(IDLE_CONNECTIONS)]
    try:
        for connection in idle[::100]:  # a few of them did talk once
            connection.sendall(frame(w.API_VERSIONS, 0, b""))
            assert connection.recv(4)
        bystander.works()
        grown = node.resident_mib() - before
        assert node.kind == "kafka" or grown < IDLE_MIB_MAX, f"{grown:.0f} MiB for {IDLE_CONNECTIONS} idle connections"
        with node.wire() as wire:
            assert wire.api_versions()
    finally:
        for connection in idle:
            connection.close()
    bystander.works()


def slow_readers(node, bystander):
    """Each asks for far more than a socket holds, again and again, and reads nothing."""
    topic = unique("large")
    with node.wire(30) as wire:
        assert wire.create_topic(topic) == 0
        batch = make_batch([b"z" * 900_000])
        eventually(lambda: wire.produce(topic, 0, batch)[0] == 0, what="the large topic")
        for _ in range(19):
            assert wire.produce(topic, 0, batch)[0] == 0
    before = node.resident_mib()
    one = w.string(topic) + w.array([struct.pack(">iqi", 0, 0, 50_000_000)])
    ask = frame(w.FETCH, 4, struct.pack(">iiiib", -1, 100, 1, 50_000_000, 0) + w.array([one]))
    slow = []
    try:
        for _ in range(SLOW_READERS):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", node.port))
            connection.sendall(ask * 5)
            slow.append(connection)
        worst = 0.0
        end = time.monotonic() + 5
        while time.monotonic() < end:
            bystander.works()
            worst = max(worst, node.resident_mib() - before)
            time.sleep(0.1)
        assert node.kind == "kafka" or worst < SLOW_MIB_MAX, f"{worst:.0f} MiB more for {SLOW_READERS} slow readers"
    finally:
        for connection in slow:
            connection.close()
    bystander.works()


def half_requests(node, bystander):
    """Clients that announce a large request and send a little of it must not make the node set all of it aside.

    Kafka sets it aside, and these 100 clients end it with an OutOfMemoryError: there is nothing to compare with."""
    if node.kind == "kafka":
        return
    before = node.resident_mib()
    waiting = [raw(node, struct.pack(">ihh", 90_000_000, 0, 3) + b"x" * 1000) for _ in range(100)]
    try:
        bystander.works()
        # Large requests wait until those who hold the memory and send nothing have been closed.
        with node.wire(60) as wire:
            assert wire.produce(bystander.topic, 0, make_batch([b"z" * 500_000]))[0] == 0
            bystander.count += 1
        grown = node.resident_mib() - before
        assert grown < 256, f"{grown:.0f} MiB for 100 requests of which 1 kB came"
        bystander.works()
    finally:
        for connection in waiting:
            connection.close()


def logged_with_address(node, bystander):
    """Each refused connection is in the log once, with its peer's address."""
    if node.kind == "kafka":
        return
    begin = node.log.stat().st_size
    with raw(node, frame(999, 0, b"")) as connection:
        address = "{}:{}".format(*connection.getsockname())
        assert closed(connection)

    def lines():
        return [line for line in node.log.read_text(errors="replace")[begin:].splitlines() if address in line]
    eventually(lambda: len(lines()) == 1, 5, f"one line with {address}")


def log_does_not_flood(node, bystander):
    """Of a host that goes on and on, some lines a minute are enough; they say how many were left out."""
    if node.kind == "kafka":
        return
    begin = node.log.stat().st_size
    for _ in range(300):
        with raw(node, frame(999, 0, b"")) as connection:
            assert closed(connection)
    lines = node.log.read_text(errors="replace")[begin:].count("API 999")
    assert lines <= 20, f"{lines} lines"
    bystander.works()


CHECKS = {"logged with the address": logged_with_address, "frames that are refused": refused_frames,
          "ApiVersions of an unknown version": unknown_api_versions, "order is kept": order_is_kept,
          "byte by byte": byte_by_byte, "noise": random_bytes, "corrupt batches": corrupt_batches,
          "the log does not flood": log_does_not_flood, "half requests": half_requests,
          "2,000 idle connections": idle_connections, "200 slow readers": slow_readers}


def main():
    checks = Checks(parse(parser(__doc__)).only)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with Node() as node:
        bystander = Bystander(node)
        for name, check in CHECKS.items():
            checks.run(f"bad input: {name}", check, node, bystander)
            if not node.alive():
                checks.run(f"bad input: the node lives after: {name}", lambda: (_ for _ in ()).throw(
                    AssertionError(f"it ended with status {node.process.returncode}")))
                print(node.tail(40))
                node.start()
                bystander = Bystander(node)
        if checks.failed:
            print(node.tail(40))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
