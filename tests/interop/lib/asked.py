"""What a broker answers about groups and topics."""

from .wire import OFFSET_FETCH, array, string

DESCRIBE_GROUPS, DESCRIBE_CONFIGS = 15, 32
OF_THE_TOPIC = 1    # where a setting comes from, in the answer to DescribeConfigs


def committed(node, group):
    """{(topic, partition): (offset, metadata)}."""
    with node.wire() as wire:
        r = wire.call(OFFSET_FETCH, 2, string(group) + b"\xff\xff\xff\xff")
        topics = r.array(lambda: (r.string(), r.array(lambda: (r.i32(), r.i64(), r.string(), r.i16()))))
    return {(name, p): (offset, metadata) for name, partitions in topics for p, offset, metadata, _ in partitions}


def group_state(node, group):
    with node.wire() as wire:
        r = wire.call(DESCRIBE_GROUPS, 0, array([string(group)]))
        r.i32()
        error, _, state = r.i16(), r.string(), r.string()
        return state if not error else f"error {error}"


def settings_of(node, topics):
    """{topic: what is set of it}."""
    found = {}
    with node.wire() as wire:
        for topic in topics:
            r = wire.call(DESCRIBE_CONFIGS, 1, array([b"\2" + string(topic) + b"\xff\xff\xff\xff"]) + b"\0")
            r.i32(), r.i32()
            error, _, _, _ = r.i16(), r.string(), r.i8(), r.string()
            assert not error, f"DescribeConfigs of {topic}: error {error}"
            entries = r.array(lambda: (r.string(), r.string(), r.i8(), r.i8(), r.i8(),
                                       r.array(lambda: (r.string(), r.string(), r.i8()))))
            found[topic] = {name: value for name, value, _, source, _, _ in entries if source == OF_THE_TOPIC}
    return found
