"""The notation of scripts/*.txt (README.md), and the vocabulary that their expressions may use."""
import re
import uuid
from pathlib import Path

import batches

FOLDER = Path(__file__).resolve().parent / 'scripts'
REQUEST = re.compile(r'([A-Z]\w+) (\*|max|\d+(?:-\d+)?)((?: @\w+)?)((?: ~)?)(?: (.*))?$', re.S)


class Step:
    """kind: topic, save, until, raw, body, wait, pause, note, quiet, show, request. `text` is what follows the first word."""

    def __init__(self, kind, text, where, **more):
        self.kind, self.text, self.where = kind, text, where
        self.__dict__.update(more)


class Case:
    def __init__(self, area, title, where):
        self.name, self.where, self.steps = f'{area}/{title}', where, []


def load(protocol, only='.'):
    cases = []
    for path in sorted(FOLDER.glob('*.txt')):
        for case in parse(protocol, path):
            if any(case.name == other.name for other in cases):
                raise SystemExit(f'{case.where}: a second case called {case.name}')
            cases.append(case)
    return [c for c in cases if re.search(only, c.name)]


def parse(protocol, path):
    cases, lines = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        if line[0] == ' ' and lines:
            lines[-1][1] += '\n' + line
        else:
            lines.append([number, line])
    for number, line in lines:
        where = f'{path.name}:{number}'
        if line.startswith('== '):
            cases.append(Case(path.stem, line[3:].strip(), where))
        else:
            cases[-1].steps.append(parse_step(protocol, line, where))
    return cases


def parse_step(protocol, line, where):
    word, _, rest = line.partition(' ')
    if word in ('topic', 'save', 'until', 'raw', 'wait', 'note', 'pause', 'quiet', 'show'):
        return Step(word, rest.strip(), where)
    if word == 'body':
        api, version, rest = rest.split(' ', 2)
        return Step('body', rest, where, api=api, version=int(version))
    m = REQUEST.match(line)
    if not m or m[1] not in protocol.apis:
        raise SystemExit(f'{where}: not a step: {line[:60]}')
    valid = protocol.versions(m[1])
    if m[2] == '*':
        versions = list(valid)
    elif m[2] == 'max':
        versions = [valid[-1]]
    else:
        low, _, high = m[2].partition('-')
        versions = list(range(int(low), int(high or low) + 1))
    return Step('request', m[5] or '', where, api=m[1], versions=versions, connection=m[3].strip(' @') or 'main',
                later=bool(m[4]))


def vocabulary(protocol, topic_id):
    """Names for expressions. topic_id(name) asks the node under test."""
    def produce(topic, records, index=0, acks=-1, transactional_id=None):
        return dict(acks=acks, timeout_ms=5000, transactional_id=transactional_id, topic_data=[
            dict(name=topic, topic_id=topic_id(topic), partition_data=[dict(index=index, records=records)])])

    def fetch(topic, offset=0, index=0, max_bytes=1 << 20, **more):
        partition = dict(partition=index, fetch_offset=offset, partition_max_bytes=max_bytes)
        partition |= {k: more.pop(k) for k in ('current_leader_epoch', 'last_fetched_epoch', 'log_start_offset') if k in more}
        return dict(max_wait_ms=more.pop('wait', 0), min_bytes=more.pop('min_bytes', 0), max_bytes=more.pop('total', 1 << 25),
                    replica_id=-1, session_epoch=more.pop('session_epoch', -1),
                    topics=[dict(topic=topic, topic_id=topic_id(topic), partitions=[partition])], **more)

    def offsets(topic, timestamp, index=0, **more):
        partition = dict(partition_index=index, timestamp=timestamp, **more)
        return dict(replica_id=-1, topics=[dict(name=topic, partitions=[partition])])

    def new_topic(name, partitions=1, replicas=1, assignments=(), **configs):
        return dict(name=name, num_partitions=partitions, replication_factor=replicas,
                    assignments=[dict(partition_index=i, broker_ids=ids) for i, ids in assignments],
                    configs=[dict(name=k.replace('_', '.'), value=v) for k, v in configs.items()])

    def commit(group, topic, offset, index=0, metadata='', leader_epoch=-1, **more):
        # Version 10 has topic ids instead of names.
        partition = dict(partition_index=index, committed_offset=offset, committed_leader_epoch=leader_epoch,
                         committed_metadata=metadata)
        return dict(dict(group_id=group, generation_id_or_member_epoch=-1, member_id='', topics=[
            dict(name=topic, topic_id=topic_id(topic), partitions=[partition])]), **more)

    def subscription(*topics, version=0):
        import struct
        out = struct.pack('>hi', version, len(topics))
        for topic in topics:
            out += struct.pack('>h', len(topic)) + topic.encode()
        return out + struct.pack('>i', -1)

    def encode(api, version, **body):
        return protocol.body(api, version, body)

    def frame(content, size=None):
        return (len(content) if size is None else size).to_bytes(4, 'big', signed=True) + content

    def header(key, version, client_id=b'\0\x01c', correlation=7, tags=b''):
        return key.to_bytes(2, 'big', signed=True) + version.to_bytes(2, 'big', signed=True) + correlation.to_bytes(4, 'big') + \
            client_id + tags

    names = dict(locals())
    names.pop('protocol')
    names |= {n: getattr(batches, n) for n in ('batch', 'rec', 'old', 'T')}
    names |= dict(id=topic_id, UUID=uuid.UUID, NO_ID=uuid.UUID(int=0), SOME_ID=uuid.UUID('0badcafe-0000-4000-8000-000000000001'))
    return names
