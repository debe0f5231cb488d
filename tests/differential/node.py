"""Runs scripts against one node and gathers the normal form of its answers."""
import socket
import struct
import sys
import time
import uuid

from normal import normal
from scripts import vocabulary
from wire import ROOT, Malformed

sys.path.insert(0, str(ROOT / 'tests' / 'interop'))
from lib.check import eventually  # noqa: E402

PATIENCE = 12        # seconds for an answer
RAW_PATIENCE = 1.5   # for frames that are not expected to have one


class Closed(Exception):
    pass


class Connection:
    def __init__(self, address, protocol):
        host, _, port = address.rpartition(':')
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.protocol, self.correlation, self.pending = protocol, 0, []

    def send(self, api, version, body):
        self.correlation += 1
        payload = self.protocol.header(api, version, self.correlation) + body
        self.pending.append((api, version, self.correlation))
        self.send_bytes(struct.pack('>i', len(payload)) + payload)

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Closed from e

    def exact(self, n):
        data = b''
        while len(data) < n:
            try:
                piece = self.socket.recv(n - len(data))
            except TimeoutError:
                raise
            except OSError as e:
                raise Closed from e
            if not piece:
                raise Closed
            data += piece
        return data

    def receive_frame(self, patience=PATIENCE):
        self.socket.settimeout(patience)
        return self.exact(struct.unpack('>i', self.exact(4))[0])

    def receive(self):
        api, version, correlation = self.pending.pop(0)
        return self.protocol.answer(api, version, self.receive_frame(), correlation)

    def close(self):
        self.socket.close()


class Node:
    def __init__(self, address, protocol):
        self.address, self.protocol = address, protocol
        self.topic_ids = {}

    def call(self, api, version, **body):
        connection = Connection(self.address, self.protocol)
        try:
            connection.send(api, version, self.protocol.body(api, version, body))
            return connection.receive()
        finally:
            connection.close()

    def topic_id(self, name):
        if name in self.topic_ids:
            return self.topic_ids[name]
        topics = self.call('Metadata', 12, topics=[dict(name=name)], allow_auto_topic_creation=False)['topics']
        if topics[0]['topic_id'].int:
            self.topic_ids[name] = topics[0]['topic_id']
        return topics[0]['topic_id']

    def create_topic(self, text):
        words = text.split()
        options = dict(w.split('=', 1) for w in words[1:])
        partitions = int(options.pop('partitions', 1))
        configs = [dict(name=k, value=v) for k, v in options.items()]
        self.call('CreateTopics', 7, timeout_ms=10000, topics=[dict(
            name=words[0], num_partitions=partitions, replication_factor=1, configs=configs)])
        self.topic_ids.pop(words[0], None)
        self.until(lambda: self.serves(words[0], partitions), f'topic {words[0]}')

    def serves(self, name, partitions):
        """Metadata may tell of a leader before the leader itself has heard of it."""
        topic = self.call('Metadata', 12, topics=[dict(name=name)], allow_auto_topic_creation=False)['topics'][0]
        if topic['error_code'] or len(topic['partitions']) < partitions:
            return False
        answer = self.call('ListOffsets', 5, replica_id=-1, topics=[dict(name=name, partitions=[
            dict(partition_index=p['partition_index'], timestamp=-1) for p in topic['partitions']])])
        return all(p['error_code'] == 0 for p in answer['topics'][0]['partitions'])

    def until(self, done, what, seconds=20):
        try:
            eventually(done, seconds, what)
        except AssertionError as e:
            raise SystemExit(f'{self.address}: {e}') from None

    def warm_up(self):
        """Until the node answers and its group coordinator has loaded: start-up is not what the scripts compare."""
        def answers():
            try:
                found = self.call('FindCoordinator', 4, key_type=0, coordinator_keys=['warm-up'])['coordinators'][0]
                return (found['error_code'] == 0 and
                        self.call('Heartbeat', 0, group_id='warm-up')['error_code'] not in (14, 15, 16))
            except (OSError, Closed):
                return False
        self.until(answers, 'the node and its group coordinator', 60)

    def run(self, case):
        return Run(self, case).run()


class Run:
    """One case on one node. Yields (step label, normal answer)."""

    def __init__(self, node, case):
        self.node, self.case, self.connections = node, case, {}
        self.names = vocabulary(node.protocol, node.topic_id)
        self.names['r'] = None
        self.answers, self.goal, self.silent = [], None, False

    def run(self):
        try:
            for step in self.case.steps:
                try:
                    getattr(self, step.kind)(step)
                except (NameError, TypeError, KeyError, AttributeError, SyntaxError, IndexError, struct.error) as e:
                    # After an unexpected answer the rest of a script may not make sense any more: that is a difference too.
                    self.add(f'{step.where}', f'<script stopped: {type(e).__name__}: {e}>')
                    break
        finally:
            for connection in self.connections.values():
                connection.close()
        return self.answers

    def add(self, label, answer):
        self.answers.append((label, answer))

    def value(self, text, **more):
        return eval(text, dict(self.names, **more))

    def connection(self, name):
        if name not in self.connections:
            self.connections[name] = Connection(self.node.address, self.node.protocol)
        return self.connections[name]

    def drop(self, name):
        self.connections.pop(name).close()

    def note(self, step):
        pass

    def pause(self, step):
        """For what a broker does in its own time and no answer shows, such as a coordinator hearing of a new topic."""
        time.sleep(float(step.text))

    def topic(self, step):
        self.node.create_topic(step.text)

    def save(self, step):
        name, _, text = step.text.partition('=')
        self.names[name.strip()] = self.value(text.strip())

    def until(self, step):
        self.goal = step.text

    def quiet(self, step):
        self.silent = True

    def show(self, step):
        self.add('show', normal(self.value(step.text)))

    def request(self, step):
        goal, self.goal = self.goal, None
        silent, self.silent = self.silent, False
        for version in step.versions:
            body = self.node.protocol.body(step.api, version, self.value(f'dict({step.text})', v=version))
            label = f'{step.api} v{version}' + ('' if step.connection == 'main' else f' @{step.connection}')
            self.send(step, version, body)
            if step.later:
                continue
            self.receive(step.connection, label, keep=not goal and not silent)
            if goal:
                self.repeat(step, version, body, label, goal)
            if goal:
                self.add(label, self.last)

    def repeat(self, step, version, body, label, goal):
        """Until the goal holds, or long enough: what came last is then compared, and shows it."""
        def done():
            if not isinstance(self.names['r'], dict) or self.value(goal):
                return True
            self.send(step, version, body)
            self.receive(step.connection, label, keep=False)
            return False
        try:
            eventually(done, 15, goal, 0.1)
        except AssertionError:
            pass

    def send(self, step, version, body):
        try:
            self.connection(step.connection).send(step.api, version, body)
        except Closed:
            pass    # seen again when the answer is awaited

    def receive(self, name, label, keep=True):
        connection = self.connection(name)
        try:
            self.names['r'] = connection.receive()
            self.last = normal(self.names['r'])
        except (Closed, IndexError):
            self.last = self.names['r'] = '<closed>'
            self.drop(name)
        except TimeoutError:
            self.last = self.names['r'] = '<no answer>'
            self.drop(name)
        except Malformed as e:
            self.last = self.names['r'] = f'<malformed: {e}>'
            self.drop(name)
        if keep:
            self.add(label, self.last)

    def wait(self, step):
        name = step.text.strip(' @') or 'main'
        pending = self.connection(name).pending
        api, version = pending[0][:2] if pending else ('nothing', 0)
        self.receive(name, f'{api} v{version}' + ('' if name == 'main' else f' @{name}'))

    def body(self, step):
        """A request whose body is given as bytes."""
        data = self.value(step.text, v=step.version)
        self.connection('main').send(step.api, step.version, data)
        self.receive('main', f'{step.api} v{step.version} body')

    def raw(self, step):
        """Bytes on a connection of their own; the answer is compared as bytes, after the correlation id."""
        connection = Connection(self.node.address, self.node.protocol)
        try:
            connection.send_bytes(self.value(step.text))
            answer = connection.receive_frame(RAW_PATIENCE).hex()
        except Closed:
            answer = '<closed>'
        except TimeoutError:
            answer = '<no answer>'
        finally:
            connection.close()
        self.add(f'raw at {step.where.split(":")[0]}', answer)
