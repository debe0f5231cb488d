"""Record batches for requests (also wrong ones), and their content in answers. Compressed blocks are in the codecs' stored
forms, so that the standard library is enough; reading compressed answers needs only what brokers keep as it was sent."""
import gzip
import struct
import zlib

from wire import Malformed, Reader, uvarint, varint

T = 1700000000000   # the timestamp of records, unless a script says otherwise
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
_TABLE = []
for _i in range(256):
    for _ in range(8):
        _i = (_i >> 1) ^ (0x82f63b78 if _i & 1 else 0)
    _TABLE.append(_i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xffffffff


def _blob(data):
    return varint(-1) if data is None else varint(len(data)) + data


def rec(key=b'k', value=b'v', headers=(), delta=None, ts=0, attributes=0, length=0, header_count=None, tail=b''):
    """One record without its place: batch() numbers it, unless delta is given. `length` is added to the true length."""
    return dict(locals())


def _record(r, index):
    if isinstance(r, bytes):
        return r
    body = bytes([r['attributes']]) + varint(r['ts']) + varint(index if r['delta'] is None else r['delta'])
    body += _blob(r['key']) + _blob(r['value'])
    body += varint(len(r['headers']) if r['header_count'] is None else r['header_count'])
    for key, value in r['headers']:
        body += _blob(key) + _blob(value)
    body += r['tail']
    return varint(len(body) + r['length']) + body


def _snappy(data):
    out = uvarint(len(data))
    for at in range(0, len(data), 60):
        piece = data[at:at + 60]
        out += bytes([(len(piece) - 1) << 2]) + piece
    return out


def _lz4(data):
    block = struct.pack('<I', len(data) | 0x80000000) + data if data else b''
    return b'\x04\x22\x4d\x18\x60\x40\x82' + block + b'\0\0\0\0'


def _zstd(data):
    assert len(data) < 256
    return b'\x28\xb5\x2f\xfd\x20' + bytes([len(data)]) + struct.pack('<I', len(data) << 3 | 1)[:3] + data


COMPRESS = {'none': bytes, 'gzip': lambda data: gzip.compress(data, mtime=0), 'snappy': _snappy, 'lz4': _lz4, 'zstd': _zstd}
DECOMPRESS = {'none': bytes, 'gzip': gzip.decompress}


def batch(*records, n=1, codec='none', count=None, last_delta=None, base=0, leader_epoch=-1, magic=2, crc=None, bits=0,
          attributes=None, ts=T, max_ts=None, producer_id=-1, epoch=-1, sequence=-1, length=None, payload=None):
    """Without arguments: one record. Every argument replaces what would be right."""
    records = records or [rec() for _ in range(n)]
    if payload is None:
        payload = COMPRESS[codec](b''.join(_record(r, i) for i, r in enumerate(records)))
    newest = max([ts + r['ts'] for r in records if isinstance(r, dict)], default=ts)
    body = struct.pack('>hiqqqhii', CODECS.index(codec) | bits if attributes is None else attributes,
                       len(records) - 1 if last_delta is None else last_delta, ts, newest if max_ts is None else max_ts,
                       producer_id, epoch, sequence, len(records) if count is None else count) + payload
    return struct.pack('>qiibI', base, 9 + len(body) if length is None else length, leader_epoch, magic,
                       crc32c(body) if crc is None else crc) + body


def old(magic, value=b'v', key=None, codec='none', offset=0):
    """A message of magic 0 or 1."""
    body = bytes([magic, CODECS.index(codec)]) + (struct.pack('>q', T) if magic else b'')
    for blob in (key, value):
        body += struct.pack('>i', -1) if blob is None else struct.pack('>i', len(blob)) + blob
    return struct.pack('>qiI', offset, len(body) + 4, zlib.crc32(body)) + body


def _nullable(reader):
    n = reader.varint()
    return None if n < 0 else bytes(reader.take(n))


def _read_record(reader):
    length = reader.varint()
    end = reader.at + length
    reader.take(1)
    out = dict(timestamp_delta=reader.varint(), offset_delta=reader.varint(), key=_nullable(reader), value=_nullable(reader),
               headers=[[_nullable(reader), _nullable(reader)] for _ in range(reader.varint())])
    if reader.at != end:
        raise Malformed('record length')
    return out


def describe(data):
    """The batches of an answer as dicts; what cannot be read is named, not hidden."""
    out = []
    while len(data) >= 61 and len(data) >= struct.unpack('>i', data[8:12])[0] + 12:
        one, data = data[:struct.unpack('>i', data[8:12])[0] + 12], data[struct.unpack('>i', data[8:12])[0] + 12:]
        (base, _, epoch, magic, crc, attributes, last_delta, ts, max_ts, producer, producer_epoch, sequence,
         count) = struct.unpack('>qiibIhiqqqhii', one[:61])
        codec = CODECS[attributes & 7]
        described = dict(base_offset=base, leader_epoch=epoch, magic=magic, crc_right=crc == crc32c(one[21:]), codec=codec,
                         bits=attributes & ~7, last_offset_delta=last_delta, base_timestamp=ts, max_timestamp=max_ts,
                         producer_id=producer, producer_epoch=producer_epoch, base_sequence=sequence, count=count)
        try:
            if codec in DECOMPRESS:
                reader = Reader(DECOMPRESS[codec](one[61:]))
                described['records'] = [_read_record(reader) for _ in range(count)]
        except Exception as e:
            described['records'] = f'unreadable: {type(e).__name__}'
        out.append(described)
    if data:
        out.append(dict(cut_batch_follows=True))
    return out
