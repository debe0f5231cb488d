"""The records that every client sends and expects back (the Go and JavaScript clients make the same ones)."""

import os


def record(i):
    """Key, value and the value of header "i" of record i, as bytes."""
    return b"key-%05d" % i, b"value-%05d " % i + b"millrace " * 12, b"%d" % i


def verify(received, count):
    """`received`: key -> (value, header)."""
    assert len(received) == count, f"{len(received)} distinct records of {count}"
    for i in range(count):
        key, value, header = record(i)
        assert received.get(key) == (value, header), f"record {i} came back as {received.get(key)!r}"


def unique(prefix):
    """A topic or group name that no other test uses."""
    return f"{prefix}-{os.urandom(4).hex()}"
