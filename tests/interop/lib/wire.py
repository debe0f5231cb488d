"""A small Kafka client of our own, independent of every library under test: the oldest, simplest version of each request.

Used where a test must look at what the broker really holds (batches as stored, offsets as committed) or must send what no
real client would. Classic encodings only, except the answer to ApiVersions v3."""

import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_FETCH, FIND_COORDINATOR, API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS = (
    0, 1, 2, 3, 9, 10, 18, 19, 20)
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        piece = self.data[self.at:self.at + n]
        if len(piece) != n:
            raise EOFError(f"answer ends at {len(self.data)}, {n} bytes wanted at {self.at}")
        self.at += n
        return piece

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def i8(self): return self.number("b")
    def i16(self): return self.number("h")
    def i32(self): return self.number("i")
    def i64(self): return self.number("q")

    def string(self):
        n = self.i16()
        return None if n < 0 else self.take(n).decode()

    def blob(self):
        n = self.i32()
        return None if n < 0 else self.take(n)

    def array(self, item):
        return [item() for _ in range(self.i32())]

    def uvarint(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def varint(self):
        raw = self.uvarint()
        return (raw >> 1) ^ -(raw & 1)


def string(text):
    if text is None:
        return struct.pack(">h", -1)
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def array(items):
    items = list(items)
    return struct.pack(">i", len(items)) + b"".join(items)


def frame(key, version, body, correlation=1, client="wire"):
    """A request with header version 1 and its length."""
    payload = struct.pack(">hhi", key, version, correlation) + string(client) + body
    return struct.pack(">i", len(payload)) + payload


class Wire:
    """One blocking connection."""

    def __init__(self, address, timeout=10.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self): return self
    def __exit__(self, *_): self.socket.close()

    def read_exactly(self, n):
        data = bytearray()
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError("the broker closed the connection")
            data += piece
        return bytes(data)

    def read_frame(self):
        return self.read_exactly(struct.unpack(">i", self.read_exactly(4))[0])

    def call(self, key, version, body=b""):
        self.correlation += 1
        self.socket.sendall(frame(key, version, body, self.correlation))
        answer = Reader(self.read_frame())
        assert answer.i32() == self.correlation, "answers came in the wrong order"
        return answer

    def api_versions(self):
        """key -> (lowest, highest)."""
        r = self.call(API_VERSIONS, 0)
        error = r.i16()
        assert error == 0, f"ApiVersions: error {error}"
        return {key: (low, high) for key, low, high in r.array(lambda: (r.i16(), r.i16(), r.i16()))}

    def features(self):
        """name -> (lowest, highest) supported, from ApiVersions v3's tagged fields."""
        self.correlation += 1
        header = struct.pack(">hhi", API_VERSIONS, 3, self.correlation) + string("wire") + b"\0"
        payload = header + b"\x05wire\x021\0"
        self.socket.sendall(struct.pack(">i", len(payload)) + payload)
        r = Reader(self.read_frame())
        r.i32(), r.i16()
        for _ in range(r.uvarint() - 1):
            r.i16(), r.i16(), r.i16(), r.uvarint()
        r.i32()
        found = {}
        for _ in range(r.uvarint()):
            tag, _ = r.uvarint(), r.uvarint()
            if tag == 1:
                r.i64()
                continue
            for _ in range(r.uvarint() - 1):
                name = r.take(r.uvarint() - 1).decode()
                low, high = r.i16(), r.i16()
                r.uvarint()
                if tag == 0:
                    found[name] = (low, high)
        return found

    def metadata(self, topics=None):
        """(brokers, {topic: (error, {partition: leader})}); None asks for all topics."""
        r = self.call(METADATA, 4, (struct.pack(">i", -1) if topics is None else array(map(string, topics))) + b"\0")
        r.i32()
        brokers = r.array(lambda: (r.i32(), r.string(), r.i32(), r.string()))
        r.string(), r.i32()

        def partition():
            _, number, leader = r.i16(), r.i32(), r.i32()
            r.array(r.i32), r.array(r.i32)
            return number, leader

        def topic():
            error, name, _ = r.i16(), r.string(), r.i8()
            return name, (error, dict(r.array(partition)))
        return brokers, dict(r.array(topic))

    def create_topic(self, topic, partitions=1, configs=None):
        entries = array(string(k) + string(v) for k, v in (configs or {}).items())
        one = string(topic) + struct.pack(">ih", partitions, 1) + array([]) + entries
        r = self.call(CREATE_TOPICS, 2, array([one]) + struct.pack(">ib", 10000, 0))
        r.i32()
        return r.array(lambda: (r.string(), r.i16(), r.string()))[0][1]

    def list_offset(self, topic, partition, timestamp=-1, isolation=0):
        """(error, timestamp, offset); -1: the end (with isolation 1 the last stable offset), -2: the start."""
        body = struct.pack(">ib", -1, isolation) + array([string(topic) + array([struct.pack(">iq", partition, timestamp)])])
        r = self.call(LIST_OFFSETS, 2, body)
        r.i32()
        return r.array(lambda: (r.string(), r.array(lambda: (r.i32(), r.i16(), r.i64(), r.i64()))))[0][1][0][1:]

    def fetch(self, topic, partition, offset, bytes_max=1 << 20, wait_ms=0):
        """(error, high watermark, record bytes)."""
        one = string(topic) + array([struct.pack(">iqi", partition, offset, bytes_max)])
        r = self.call(FETCH, 4, struct.pack(">iiiib", -1, wait_ms, 1, bytes_max, 0) + array([one]))
        r.i32()
        assert r.i32() == 1
        r.string()
        assert r.i32() == 1
        r.i32()
        error, high_watermark = r.i16(), r.i64()
        r.i64()
        r.array(lambda: (r.i64(), r.i64()))
        return error, high_watermark, r.blob() or b""

    def produce(self, topic, partition, batch, acks=-1):
        """(error, base offset)."""
        one = string(topic) + array([struct.pack(">i", partition) + struct.pack(">i", len(batch)) + batch])
        body = string(None) + struct.pack(">hi", acks, 10000) + array([one])
        if acks == 0:
            self.correlation += 1
            self.socket.sendall(frame(PRODUCE, 3, body, self.correlation))
            return 0, -1
        r = self.call(PRODUCE, 3, body)
        return r.array(lambda: (r.string(), r.array(lambda: (r.i32(), r.i16(), r.i64(), r.i64()))))[0][1][0][1:3]

    def find_coordinator(self, group):
        r = self.call(FIND_COORDINATOR, 0, string(group))
        return r.i16()

    def committed(self, group):
        """{(topic, partition): offset}, all that the group has committed."""
        r = self.call(OFFSET_FETCH, 2, string(group) + struct.pack(">i", -1))
        topics = r.array(lambda: (r.string(), r.array(lambda: (r.i32(), r.i64(), r.string(), r.i16()))))
        error = r.i16()
        assert error == 0, f"OffsetFetch: error {error}"
        return {(name, p[0]): p[1] for name, partitions in topics for p in partitions}


def make_crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


class Batch:
    """The header of one stored record batch (magic 2)."""

    def __init__(self, data):
        (self.base_offset, self.length, self.leader_epoch, self.magic, self.crc, self.attributes, self.last_delta,
         self.first_timestamp, self.max_timestamp, self.producer_id, self.producer_epoch, self.base_sequence,
         self.count) = struct.unpack(">qiibIhiqqqhii", data[:61])
        self.codec = CODECS[self.attributes & 7]
        self.crc_right = crc32c(data[21:12 + self.length]) == self.crc
        self.payload = data[61:12 + self.length]


def batches(data):
    """The whole batches in the bytes of a fetch answer; a cut one at the end is left out."""
    found = []
    while len(data) >= 61:
        size = 12 + struct.unpack(">i", data[8:12])[0]
        if len(data) < size:
            break
        found.append(Batch(data[:size]))
        data = data[size:]
    return found


def uvarint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def varint(n):
    return uvarint((n << 1) ^ (n >> 63))


def make_batch(values, timestamp=None, keys=None):
    """An uncompressed batch of records with these values, of now unless a timestamp (ms) is given; without keys unless given."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    records = b""
    for i, value in enumerate(values):
        key = varint(len(keys[i])) + keys[i] if keys else varint(-1)
        body = b"\0" + varint(0) + varint(i) + key + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, -1, -1, -1, len(values)) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail


def stored(wire, topic, partitions):
    """All batches of these partitions (a count, or their numbers), through Fetch, in order within a partition."""
    found = []
    for partition in range(partitions) if isinstance(partitions, int) else partitions:
        offset, end = 0, wire.list_offset(topic, partition)[2]
        while offset < end:
            error, _, data = wire.fetch(topic, partition, offset)
            assert error == 0, f"Fetch: error {error}"
            read = batches(data)
            assert read, f"no whole batch at {topic}-{partition} offset {offset}"
            found += read
            offset = read[-1].base_offset + read[-1].last_delta + 1
    return found
