"""Requests and answers as dicts, by schema/**/*.msg: field names are the schema's. Deliberately small and separate from the
C++ codec, so that the two check each other."""
import struct
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import msggen  # noqa: E402

INTS = {'i8': '>b', 'i16': '>h', 'i32': '>i', 'i64': '>q', 'u16': '>H', 'u32': '>I', 'f64': '>d'}
BLOBS = ('bytes', 'records')


class Malformed(Exception):
    pass


def uvarint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def varint(n):
    return uvarint(n << 1 if n >= 0 else (-n << 1) - 1)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n < 0 or n > len(self.data) - self.at:
            raise Malformed(f'{n} bytes wanted at {self.at} of {len(self.data)}')
        self.at += n
        return self.data[self.at - n:self.at]

    def int(self, kind):
        return struct.unpack(INTS[kind], self.take(struct.calcsize(INTS[kind])))[0]

    def uvarint(self):
        n = shift = 0
        while True:
            byte = self.take(1)[0]
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    def varint(self):
        n = self.uvarint()
        return n >> 1 if n % 2 == 0 else -(n >> 1) - 1

    def left(self):
        return len(self.data) - self.at


def inside(version, span):
    return span is not None and span[0] <= version <= span[1]


def zero(field):
    """The value of a field that is not given."""
    if field.default == 'null':
        return None
    if field.array:
        return []
    if field.default is not None:
        return field.default == 'true' if field.type == 'bool' else int(field.default)
    if field.struct:
        return {}
    return {'bool': False, 'uuid': uuid.UUID(int=0), 'string': '', 'bytes': b'', 'records': b'', 'f64': 0.0}.get(field.type, 0)


class Codec:
    """One message at one version."""

    def __init__(self, message, version):
        self.message, self.version = message, version
        self.flex = version >= message.flex

    def encode(self, value):
        return self.put_struct(self.message, value)

    def decode(self, data):
        reader = Reader(data)
        out = self.get_struct(self.message, reader)
        if reader.left():
            out['_bytes_after_the_body'] = reader.left()
        return out

    def fields(self, message, tagged):
        return [f for f in message.fields if inside(self.version, f.versions) and (f.tag is not None) == tagged]

    def put_struct(self, message, value):
        unknown = set(value) - {f.name for f in message.fields} - {'_tags'}
        if unknown:
            raise KeyError(f'{message.name} has no {", ".join(sorted(unknown))}')
        out = b''.join(self.put(f, value.get(f.name, zero(f))) for f in self.fields(message, False))
        if not self.flex:
            return out
        tags = dict(value.get('_tags', {}))
        for f in self.fields(message, True):
            content = value.get(f.name, zero(f))
            if content != zero(f):
                tags[f.tag] = self.put(f, content)
        out += uvarint(len(tags))
        for tag in sorted(tags):
            out += uvarint(tag) + uvarint(len(tags[tag])) + tags[tag]
        return out

    def length(self, n, kind):
        """n is None for null."""
        if self.flex and kind != 'classic':
            return uvarint(0 if n is None else n + 1)
        return struct.pack('>h' if kind in ('string', 'classic') else '>i', -1 if n is None else n)

    def put(self, field, value):
        if field.array:
            if value is None:
                return self.length(None, 'array')
            return self.length(len(value), 'array') + b''.join(self.put_one(field, item, False) for item in value)
        return self.put_one(field, value, True)

    def put_one(self, field, value, may_be_null):
        if field.struct:
            if may_be_null and field.null is not None:
                if field.tag is not None:
                    return uvarint(0) if value is None else uvarint(1) + self.put_struct(field.struct, value)
                return b'\xff' if value is None else b'\x01' + self.put_struct(field.struct, value)
            return self.put_struct(field.struct, value)
        if field.type == 'bool':
            return bytes([value])
        if field.type == 'uuid':
            return value.bytes
        if field.type == 'string':
            kind = 'classic' if field.classic else 'string'
            data = None if value is None else value.encode() if isinstance(value, str) else value
            return self.length(None if data is None else len(data), kind) + (data or b'')
        if field.type in BLOBS:
            return self.length(None if value is None else len(value), 'bytes') + (value or b'')
        return struct.pack(INTS[field.type], value)

    def get_struct(self, message, reader):
        out = {f.name: self.get(f, reader) for f in self.fields(message, False)}
        if not self.flex:
            return out
        tagged = {f.tag: f for f in self.fields(message, True)}
        for f in tagged.values():
            if not f.own:  # Kafka's answers do not have it
                out[f.name] = zero(f)
        last = -1
        for _ in range(reader.uvarint()):
            tag, size = reader.uvarint(), reader.uvarint()
            if tag <= last:
                raise Malformed('tags do not ascend')
            last = tag
            content = Reader(reader.take(size))
            if tag in tagged:
                out[tagged[tag].name] = self.get(tagged[tag], content)
                if content.left():
                    raise Malformed(f'tagged field {tagged[tag].name} is longer than its content')
            else:
                out[f'_tag_{tag}'] = content.data
        return out

    def get_length(self, reader, kind):
        n = reader.uvarint() - 1 if self.flex and kind != 'classic' else reader.int(
            'i16' if kind in ('string', 'classic') else 'i32')
        if n < -1:
            raise Malformed(f'length {n}')
        return None if n == -1 else n

    def get(self, field, reader):
        if not field.array:
            return self.get_one(field, reader, True)
        n = self.get_length(reader, 'array')
        if n is None:
            return None
        if n > reader.left():
            raise Malformed(f'{n} elements in {reader.left()} bytes')
        return [self.get_one(field, reader, False) for _ in range(n)]

    def get_one(self, field, reader, may_be_null):
        if field.struct:
            if may_be_null and field.null is not None:
                present = reader.uvarint() if field.tag is not None else reader.int('i8')
                if present in (0, -1):
                    return None
            return self.get_struct(field.struct, reader)
        if field.type == 'bool':
            return reader.take(1) != b'\0'
        if field.type == 'uuid':
            return uuid.UUID(bytes=bytes(reader.take(16)))
        if field.type == 'string':
            n = self.get_length(reader, 'classic' if field.classic else 'string')
            return None if n is None else reader.take(n).decode(errors='backslashreplace')
        if field.type in BLOBS:
            n = self.get_length(reader, 'bytes')
            return None if n is None else bytes(reader.take(n))
        return reader.int(field.type)


class Protocol:
    def __init__(self):
        schema = msggen.Schema(ROOT / 'schema')
        self.messages = {m.name: m for m in schema.messages}
        self.apis = {a.name: a for a in schema.apis}

    def versions(self, api):
        """All released versions."""
        low, high = self.messages[api + 'Request'].versions
        return range(low, high + (0 if 'unstable' in self.apis[api].marks else 1))

    def header(self, api, version, correlation, client_id='differential'):
        message = self.messages[api + 'Request']
        codec = Codec(self.messages['RequestHeader'], 2 if version >= message.flex else 1)
        return codec.encode(dict(request_api_key=self.apis[api].key, request_api_version=version,
                                 correlation_id=correlation, client_id=client_id))

    def body(self, api, version, value):
        return Codec(self.messages[api + 'Request'], version).encode(value)

    def answer(self, api, version, data, correlation):
        """The body of an answer frame."""
        if struct.unpack('>i', data[:4])[0] != correlation:
            raise Malformed(f'correlation id {data[:4].hex()}, not {correlation:08x}')
        reply_header = self.apis[api].marks.get('reply_header')
        message = self.messages[api + 'Response']
        flexible = int(reply_header) if reply_header is not None else version >= message.flex
        data = data[4:]
        if flexible:
            reader = Reader(data)
            for _ in range(reader.uvarint()):
                reader.uvarint()
                reader.take(reader.uvarint())
            data = data[reader.at:]
        # An ApiVersions request of an unknown version is answered in the form of version 0.
        if api == 'ApiVersions' and version > message.versions[1]:
            version = 0
        return Codec(message, version).decode(data)
