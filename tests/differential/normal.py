"""What of an answer is compared. Ids, times, addresses, directories and the wording of messages differ between two runs of the
same broker; whether they are there does not."""
import time
import uuid

from batches import describe

# Only present or not.
TEXTS = {'error_message', 'batch_index_error_message', 'documentation'}
IDENTIFIERS = {'cluster_id', 'member_id', 'leader', 'topic_id', 'producer_id', 'session_id', 'log_dir', 'ongoing_txn_producer_id',
               'finalized_features_epoch'}
EMPTY = (None, '', 0, -1, uuid.UUID(int=0))
ADDRESSES = {'host', 'port', 'client_host', 'rack'}
DROPPED = {'throttle_time_ms'}
# Of a machine's file system.
SIZES = {'total_bytes', 'usable_bytes'}
TIMES = {'log_append_time_ms', 'timestamp', 'base_timestamp', 'max_timestamp', 'transaction_start_time_ms', 'last_timestamp'}
# Config values that belong to one machine and run.
CONFIGS = {'log.dir', 'log.dirs', 'listeners', 'advertised.listeners', 'node.id', 'broker.id', 'controller.quorum.voters',
           'controller.quorum.bootstrap.servers', 'metadata.log.dir', 'zookeeper.connect', 'inter.broker.listener.name',
           'listener.security.protocol.map', 'controller.listener.names', 'early.start.listeners', 'process.roles'}


def normal(value, name='', known=None):
    """`known`: the ids that this node has given out in this case -> placeholders, so that an echo can be told from another id."""
    known = {} if known is None else known
    if isinstance(value, dict):
        if name == '' and 'name' in value and value.get('name') in CONFIGS:
            value = {k: v for k, v in value.items() if k not in ('value', 'synonyms')}
        if value.get('name') in CONFIGS:
            value = {k: v for k, v in value.items() if k not in ('value', 'synonyms')}
        return {k: normal(v, k, known) for k, v in value.items() if k not in DROPPED}
    if isinstance(value, list):
        items = [normal(v, name, known) for v in value]
        if items and all(isinstance(i, dict) for i in items) and name != 'records':
            items.sort(key=sort_key)
        elif all(isinstance(i, str) for i in items) or name == 'partitions':
            items.sort()
        return items
    if name == 'records' and isinstance(value, bytes):
        return normal(describe(value), name, known)
    if name in TEXTS:
        return value if value is None else '<text>'
    if name in IDENTIFIERS:
        none = isinstance(value, uuid.UUID) or value not in EMPTY or (name == 'producer_id' and value == 0)
        return plain_id(value) if none else value
    if name in SIZES:
        return value if value in (None, -1) else '<size>'
    if name in ADDRESSES:
        return value if value is None else '<address>'
    if name in TIMES and isinstance(value, int) and abs(value - time.time() * 1000) < 86400000:
        return '<time>'
    if isinstance(value, uuid.UUID):
        return plain_id(value)
    if isinstance(value, bytes):
        return 'x' + value.hex()
    return value


def plain_id(value):
    return '<none>' if value == uuid.UUID(int=0) else '<id>'


def sort_key(item):
    """Order that does not depend on what is compared: names and indexes first."""
    keys = ('name', 'topic', 'group_id', 'resource_name', 'api_key', 'partition_index', 'partition', 'index',
            'node_id', 'batch_index')
    return [str(item[k]).zfill(12) for k in keys if k in item] + [str(sorted(item.items(), key=lambda kv: kv[0]))]


def differences(theirs, ours, path=''):
    """(path, theirs, ours) of every place where two normal forms differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in list(theirs) + [k for k in ours if k not in theirs]:
            where = f'{path}.{key}' if path else key
            if key not in theirs or key not in ours:
                yield where, theirs.get(key, '<absent>'), ours.get(key, '<absent>')
            else:
                yield from differences(theirs[key], ours[key], where)
    elif isinstance(theirs, list) and isinstance(ours, list):
        yield from list_differences(theirs, ours, path)
    elif theirs != ours or type(theirs) is not type(ours):
        yield path, theirs, ours


def list_differences(theirs, ours, path):
    """Elements are told apart by their name where they have one, so that one missing does not shift the rest."""
    label = next((k for k in ('name', 'topic', 'group_id', 'api_key', 'resource_name') if all(
        isinstance(i, dict) and isinstance(i.get(k), (str, int)) for i in theirs + ours) and theirs + ours), None)
    if label and len({i[label] for i in theirs}) == len(theirs) and len({i[label] for i in ours}) == len(ours):
        a, b = {i[label]: i for i in theirs}, {i[label]: i for i in ours}
        for key in list(a) + [k for k in b if k not in a]:
            where = f'{path}[{key}]'
            if key not in a or key not in b:
                yield where, '<present>' if key in a else '<absent>', '<present>' if key in b else '<absent>'
            else:
                yield from differences(a[key], b[key], where)
        return
    if len(theirs) != len(ours):
        yield path, f'{len(theirs)} elements: {theirs}', f'{len(ours)} elements: {ours}'
        return
    for i, (a, b) in enumerate(zip(theirs, ours)):
        yield from differences(a, b, f'{path}[{i}]')
