#!/usr/bin/env python3
"""Turns schema/**/*.msg (notation: schema/README.md) into C++ structs and one field walk per struct.

    msggen.py --out DIR      write the generated sources; a file is touched only when its content changes
    msggen.py --list DIR     the paths that --out would write
    msggen.py --dump         every field in the normal form that the drift test compares
"""
import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEVER = 32767
SHARDS = 8
OWN_TAGS_FROM = 10000  # far above what Kafka will number
# wire type -> C++ type, bytes on the wire if that is fixed
WIRE = {'bool': ('bool', 1), 'i8': ('int8_t', 1), 'i16': ('int16_t', 2), 'i32': ('int32_t', 4), 'i64': ('int64_t', 8),
        'u16': ('uint16_t', 2), 'u32': ('uint32_t', 4), 'f64': ('double', 8), 'uuid': ('Uuid', 16),
        'string': ('Str', None), 'bytes': ('Blob', None), 'records': ('Chain', None)}
LIMITS = {('i32', 'max'): 2**31 - 1, ('i32', 'min'): -2**31, ('i64', 'max'): 2**63 - 1}
INTEGER_BITS = {'i8': 8, 'i16': 16, 'i32': 32, 'i64': 64}
KEYWORDS = set('and auto bool case catch char class const default delete do double else enum explicit export float for '
               'friend if inline int long mutable namespace new not operator or private protected public register return '
               'short signed sizeof static struct switch template this throw try typedef typename union unsigned using '
               'virtual void volatile while xor'.split())


class SchemaError(Exception):
    pass


def camel(name):
    head, *rest = name.split('_')
    return head + ''.join(w.capitalize() for w in rest)


def snake(name):
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name).lower()


def parse_range(text, within):
    """'7+', '..7', '2..7' or '7', as an inclusive pair that must lie inside `within`."""
    m = re.fullmatch(r'(\d+)\+|(\d*)\.\.(\d+)|(\d+)', text)
    if not m:
        raise SchemaError(f'not a version range: {text}')
    if m[1]:
        low, high = int(m[1]), within[1]
    elif m[4]:
        low = high = int(m[4])
    else:
        low, high = int(m[2]) if m[2] else within[0], int(m[3])
    if not within[0] <= low <= high <= within[1]:
        raise SchemaError(f'versions {text} are not inside {within[0]}..{within[1]}')
    return low, high


class Field:
    def __init__(self):
        self.default = self.tag = self.null = self.kafka_name = None
        self.lossy = self.key = self.classic = self.secret = self.own = False
        self.struct = None                              # the Struct that `type` names, if it is one


class Struct:
    def __init__(self, name, versions, shared):
        self.name, self.versions, self.shared, self.fields = name, versions, shared, []
        self.full_name = name                           # as C++ names it from the namespace


class Message(Struct):
    """kind: request, response, record, remote_log_record, key, value, header, data."""

    def __init__(self, name, kind, key, marks, log):
        super().__init__(name, marks['valid'], False)
        self.kind, self.key, self.flex, self.marks, self.log = kind, key, marks['flex'], marks, log
        self.structs = {}                               # name -> Struct, every one nested in the message


class Api:
    def __init__(self, key, name, marks):
        self.key, self.name, self.marks = key, name, marks


class Schema:
    def __init__(self, root):
        self.types, self.messages, self.apis = {}, [], []
        for line in (root / 'types.msg').read_text().splitlines():
            line = line.split('#')[0].strip()
            if line:
                name, wire = (w.strip() for w in line.split(':'))
                self.types[name] = wire
        for path in sorted(root.rglob('*.msg')):
            if path.name != 'types.msg':
                FileParser(self, path, root).parse()
        names = [m.name for m in self.messages]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f'two messages are called {name}')
        for message in self.messages:
            check_message(message)


class FileParser:
    def __init__(self, schema, path, root):
        self.schema, self.path, self.folder = schema, path, path.parent.name
        self.message = self.api = None
        self.stack = []                                 # (indent, Struct) that takes the fields one level deeper

    def parse(self):
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            line = line.split('#')[0].rstrip()
            if not line:
                continue
            try:
                indent, words = (len(line) - len(line.lstrip())) // 2, line.split()
                self.field(indent, words) if indent else self.heading(words)
            except (SchemaError, ValueError, IndexError) as e:
                raise SchemaError(f'{self.path}:{number}: {e}') from e

    def heading(self, words):
        head = words[0]
        if head == 'api':
            self.api = Api(int(words[1]), words[2], self.marks(words[3:]))
            self.schema.apis.append(self.api)
        elif head in ('request', 'response'):
            self.start(self.api.name + head.capitalize(), head, self.api.key, self.api.marks)
        elif head == 'struct':
            versions = self.message.versions
            if len(words) > 2:
                versions = parse_range(words[2], versions)
            self.stack = [(0, self.nest(words[1], versions, True))]
        elif head in ('record', 'remote_log_record', 'key', 'value'):
            self.start(words[2], head, int(words[1]), self.marks(words[3:]))
        elif head in ('header', 'data'):
            self.start(words[1], head, None, self.marks(words[2:]))
        else:
            raise SchemaError(f'unknown heading {head}')

    def marks(self, words):
        out, i = {'flex': NEVER}, 0
        while i < len(words):
            if words[i] in ('valid', 'flex', 'on', 'reply_header'):
                out[words[i]] = words[i + 1]
                i += 1
            elif words[i] in ('forwarded', 'cluster', 'delayed', 'unstable'):
                out[words[i]] = True
            else:
                raise SchemaError(f'unknown mark {words[i]}')
            i += 1
        out['valid'] = parse_range(out['valid'], (0, NEVER))
        out['flex'] = int(out['flex'])
        return out

    def start(self, name, kind, key, marks):
        self.message = Message(name, kind, key, marks, self.folder)
        self.schema.messages.append(self.message)
        self.stack = [(0, self.message)]

    def nest(self, name, versions, shared):
        if name in self.message.structs or name == self.message.name:
            raise SchemaError(f'{name} is defined twice')
        s = self.message.structs[name] = Struct(name, versions, shared)
        s.full_name = f'{self.message.name}::{name}'
        return s

    def field(self, indent, words):
        while self.stack[-1][0] >= indent:
            self.stack.pop()
        if self.stack[-1][0] != indent - 1 or self.stack[-1][1] is None:
            raise SchemaError('indented below something that has no fields')
        parent = self.stack[-1][1]
        f = Field()
        name, f.array, null = re.fullmatch(r'(\w+)(\[\])?(?:\?(.*))?', words[0]).groups()
        type_name, type_null = re.fullmatch(r'(\w+)(?:\?(.*))?', words[1]).groups()
        f.name, f.kafka_name, f.versions = name, camel(name), parent.versions
        i = 2
        while i < len(words):
            w = words[i]
            if w in ('=', 'tag', 'as'):
                value = words[i + 1]
                if w == '=': f.default = value
                elif w == 'tag': f.tag = int(value)
                else: f.kafka_name = value.strip('"')
                i += 1
            elif w in ('lossy', 'key', 'classic', 'secret', 'own'):
                setattr(f, w, True)
            else:
                f.versions = parse_range(w, parent.versions)
            i += 1
        null = null if f.array else type_null
        if null is not None:
            f.null = parse_range(null, f.versions) if null else f.versions
        f.type = self.schema.types.get(type_name, type_name)
        if f.type not in WIRE and not f.type[0].isupper():
            raise SchemaError(f'unknown type {type_name}')
        parent.fields.append(f)
        self.stack.append((indent, None if f.type in WIRE else LazyStruct(self, f)))


class LazyStruct:
    """Stands for the struct of a field until its first own field shows that it is defined in place."""

    def __init__(self, parser, field):
        self._parser, self._field = parser, field
        self.versions = field.versions

    @property
    def fields(self):
        if self._field.struct is None:
            self._field.struct = self._parser.nest(self._field.type, self._field.versions, False)
        return self._field.struct.fields


# ---- checks

def check_message(m):
    for s in [m, *m.structs.values()]:
        try:
            for f in s.fields:
                if f.type not in WIRE and f.struct is None:
                    f.struct = m.structs.get(f.type)
                    if f.struct is None:
                        raise SchemaError(f'{f.name}: no struct {f.type}')
                    if not f.struct.versions[0] <= f.versions[0] <= f.versions[1] <= f.struct.versions[1]:
                        raise SchemaError(f'{f.name}: in versions that {f.type} lacks')
                check_field(m, f)
            tags = sorted(f.tag for f in s.fields if f.tag is not None and not f.own)
            if tags != list(range(len(tags))):
                raise SchemaError(f'tags {tags} are not dense')
            own = [f.tag for f in s.fields if f.own]
            if None in own or len(set(own)) != len(own) or any(not OWN_TAGS_FROM <= tag <= 32767 for tag in own):
                raise SchemaError(f'own tags {own} are not different numbers from {OWN_TAGS_FROM} on')
            for names in ([f.name for f in s.fields], [f.kafka_name for f in s.fields]):
                if len(set(names)) != len(names):
                    raise SchemaError('a name is used twice')
        except SchemaError as e:
            raise SchemaError(f'{s.full_name}: {e}') from e
    if m.flex != NEVER and not 0 <= m.flex <= m.versions[1]:
        raise SchemaError(f'{m.name}: flexible from {m.flex}, outside its versions')
    m.ordered = []
    visit(m, m, [])


def check_field(m, f):
    if f.name in KEYWORDS or not re.fullmatch(r'[a-z][a-z0-9_]*', f.name):
        raise SchemaError(f'{f.name} cannot be a name')
    if f.tag is not None and f.versions[0] < m.flex:
        raise SchemaError(f'{f.name}: tagged in a version that is not flexible')
    if f.classic and f.type != 'string':
        raise SchemaError(f'{f.name}: only strings have a classic form')
    if f.default == 'null':
        if f.null is None:
            raise SchemaError(f'{f.name}: its default is null, and it cannot be null')
    elif f.default is not None:
        f.default = LIMITS.get((f.type, f.default), f.default)
        bits = INTEGER_BITS.get(f.type)
        if f.array or not (f.default == 'true' if f.type == 'bool' else
                           bits and -2**(bits - 1) <= int(f.default) < 2**(bits - 1)):
            raise SchemaError(f'{f.name}: bad default {f.default}')


def visit(m, s, path):
    """Orders the nested structs so that each stands before its users; finds cycles."""
    if s.name in path:
        raise SchemaError(f'{m.name}: {s.name} contains itself')
    for f in s.fields:
        if f.struct is not None:
            visit(m, f.struct, path + [s.name])
    if s is not m and s not in m.ordered:
        m.ordered.append(s)


# ---- C++

def cpp_type(f):
    t = WIRE[f.type][0] if f.type in WIRE else f.type
    if f.array:
        t = f'std::vector<{t}>'
    return f'std::optional<{t}>' if f.null else t


def cpp_initializer(f):
    if f.null:
        return '' if f.default == 'null' else '{std::in_place}'
    if f.array or f.struct or f.type in ('uuid', 'string', 'bytes', 'records'):
        return ''
    return f' = {f.default}' if f.default is not None else (' = false' if f.type == 'bool' else ' = 0')


def cpp_default(f):
    return 'std::nullopt' if f.default == 'null' else str(f.default) if f.default is not None else 'kZero'


def min_bytes(m, s, version):
    """The least that struct `s` of `m` takes on the wire in `version`; what array counts are held against."""
    flexible = version >= m.flex

    def one(f):
        if f.array or f.type in ('bytes', 'records'):
            return 1 if flexible else 4
        if f.type == 'string':
            return 1 if flexible and not f.classic else 2
        return WIRE[f.type][1] if not f.struct else 1 if f.null else min_bytes(m, f.struct, version)
    there = [f for f in s.fields if f.tag is None and f.versions[0] <= version <= f.versions[1]]
    return max(1, flexible + sum(map(one, there)))


def has_records(s):
    return any(f.type == 'records' or (f.struct and has_records(f.struct)) for f in s.fields)


def field_lines(s, pad):
    out = [f'{pad}{cpp_type(f)} {f.name}{cpp_initializer(f)};' for f in s.fields]
    if not has_records(s):
        out.append(f'{pad}bool operator==(const {s.name}&) const = default;')
    return out


def emit_struct(m):
    # The parts are defined outside, since a class has to be complete to be the T of an std::optional<T> member.
    out = []
    if m.ordered:
        out.append(f'namespace {snake(m.name)} {{')
        for s in m.ordered:
            out += [f'struct {s.name} {{'] + field_lines(s, ' ' * 4) + ['};']
        out += [f'}}  // namespace {snake(m.name)}', '']
    out += [f'struct {m.name} {{', f'    static constexpr std::string_view kName = "{m.name}";']
    if m.key is not None:
        out.append(f'    static constexpr int16_t {"kApiKey" if m.kind in ("request", "response") else "kRecordKey"} = {m.key};')
    out.append(f'    static constexpr int16_t kVersionMin = {m.versions[0]}, kVersionMax = {m.versions[1]}, '
               f'kFlexibleFrom = {m.flex};')
    if m.kind == 'request':
        out.append(f'    using Response = {m.name[:-7]}Response;')
    out += [f'    using {s.name} = {snake(m.name)}::{s.name};' for s in m.ordered]
    out += [''] + field_lines(m, ' ' * 4) + ['};']
    out += [f'void read(Decoder& in, {m.name}& m);', f'void write(Encoder& out, const {m.name}& m);',
            f'void print(JsonWriter& out, const {m.name}& m);']
    return out


def emit_descriptor(s, f):
    args = [f'.name = "{f.kafka_name}"']
    if f.versions != s.versions:
        args.append(f'.from = {f.versions[0]}, .to = {f.versions[1]}')
    if f.null:
        args.append(f'.null_from = {f.null[0]}, .null_to = {f.null[1]}')
    if f.tag is not None:
        args.append(f'.tag = {f.tag}')
    args += [f'.{flag} = true' for flag in ('lossy', 'classic', 'secret') if getattr(f, flag)]
    return 'Field{' + ', '.join(args) + '}'


def emit_walk(m, s):
    tagged = sorted((f for f in s.fields if f.tag is not None), key=lambda f: (f.tag, f.versions))
    plain = [f for f in s.fields if f.tag is None]
    least = [str(min_bytes(m, s, v)) for v in range(s.versions[0], s.versions[1] + 1)]
    out = ['template <>', f'struct Walk<{s.full_name}> {{', f'    static constexpr int16_t kFrom = {s.versions[0]};',
           f'    static constexpr uint16_t kMinBytes[] = {{{", ".join(least)}}};',
           f'    static constexpr bool kHasTags = {"true" if tagged else "false"};']
    for function, fields in (('fields', plain), ('tags', tagged)):
        unused = '' if fields else '[[maybe_unused]] '
        out += ['    template <typename V, typename M>',
                f'    static void {function}({unused}V& v, {unused}M& m) {{']
        for f in fields:
            if f.tag is not None:
                out.append(f'        v.tag(m.{f.name}, {emit_descriptor(s, f)}, {cpp_default(f)});')
            elif f.versions == s.versions:  # a struct is walked only in versions that have it
                out.append(f'        v.field(m.{f.name}, {emit_descriptor(s, f)});')
            else:
                out.append(f'        v.field(m.{f.name}, {emit_descriptor(s, f)}, {cpp_default(f)});')
        out.append('    }')
    return out + ['};']


BANNER = '// Generated by tools/msggen.py from schema/.'


def wrap(includes, body, once=True):
    return '\n'.join([BANNER] + (['#pragma once', ''] if once else ['']) + [f'#include {i}' for i in includes] +
                     ['', 'namespace millrace::protocol {', ''] + body + ['', '}  // namespace millrace::protocol', ''])


def header_of(m):
    if m.kind in ('request', 'response'):
        return f'messages/{snake(m.name.removesuffix("Request").removesuffix("Response"))}'
    return f'records/{snake(m.name)}'


def variants(schema):
    """Per internal log, the record types as std::variants."""
    logs = {}
    for m in schema.messages:
        if m.kind in ('record', 'remote_log_record', 'key', 'value'):
            logs.setdefault(''.join(w.capitalize() for w in m.log.split('_')), []).append(m)
    return logs


def emit_files(schema):
    files, by_header = {}, {}
    for m in schema.messages:
        by_header.setdefault(header_of(m), []).append(m)
    for header, ms in by_header.items():
        structs = [line for m in ms for line in emit_struct(m) + ['']][:-1]
        forward = [f'struct {ms[1].name};', ''] if len(ms) > 1 else []
        files[f'{header}.h'] = wrap(['"protocol/message.h"'], forward + structs)
        walks = [line for m in ms for s in [*m.ordered, m] for line in emit_walk(m, s) + ['']][:-1]
        files[f'{header}.walk.h'] = wrap([f'"protocol/{header}.h"', '"protocol/walk.h"'], walks)
    files['forward.h'] = wrap([], [f'struct {m.name};' for m in schema.messages])
    files['messages.inc'] = '\n'.join([BANNER] + [f'MILLRACE_MESSAGE({m.name})' for m in schema.messages] + [''])
    files['all_walks.h'] = '\n'.join([BANNER, '#pragma once', ''] + [f'#include "protocol/{h}.walk.h"' for h in by_header] + [''])
    for log, ms in variants(schema).items():
        includes = ['<variant>', *(f'"protocol/{header_of(m)}.h"' for m in ms)]
        kinds = {'Record': ms} if log in ('Metadata', 'RemoteLog') else {
            'Key': [m for m in ms if m.kind == 'key'], 'Value': [m for m in ms if m.kind == 'value']}
        body = [f'using {log}{suffix} = std::variant<{", ".join(m.name for m in sorted(some, key=lambda m: m.key))}>;'
                for suffix, some in kinds.items()]
        files[f'{snake(log)}_records.h'] = wrap(includes, body)
    files['api_table.inc'] = '\n'.join([BANNER, '// MILLRACE_API(key, Name, name, min, max, flexible from, response header: '
                                        '-1 by rule, broker, controller, forwarded, cluster, delayed, unstable)'] +
                                       [emit_api(a) for a in sorted(schema.apis, key=lambda a: a.key)] + [''])
    def size(ms):
        return 5 + sum(len(s.fields) for m in ms for s in [m, *m.ordered])
    shards = [[] for _ in range(SHARDS)]
    for header, ms in sorted(by_header.items(), key=lambda kv: -size(kv[1])):
        min(shards, key=lambda shard: sum(size(ms) for _, ms in shard)).append((header, ms))
    for i, shard in enumerate(shards):
        body = [line for _, ms in shard for m in ms for line in (
            f'void read(Decoder& in, {m.name}& m) {{ read_message(in, m); }}',
            f'void write(Encoder& out, const {m.name}& m) {{ write_message(out, m); }}',
            f'void print(JsonWriter& out, const {m.name}& m) {{ print_message(out, m); }}',
            f'extern const MessageInfo k{m.name}Info = make_message_info<{m.name}>(MessageKind::{m.kind}, '
            f'{m.key if m.key is not None else -1});')]
        files[f'shard_{i}.cc'] = wrap(['"protocol/codec_visitors.h"', '"protocol/json_visitor.h"', '"protocol/catalog.h"'] +
                                      [f'"protocol/{h}.walk.h"' for h, _ in shard], body, once=False)
    return files


def emit_api(a):
    m = a.marks
    flags = ['broker' in m['on'].split(','), 'controller' in m['on'].split(',')] + [
        w in m for w in ('forwarded', 'cluster', 'delayed', 'unstable')]
    return (f'MILLRACE_API({a.key}, {a.name}, {snake(a.name)}, {m["valid"][0]}, {m["valid"][1]}, {m["flex"]}, '
            f'{m.get("reply_header", -1)}, {", ".join(str(x).lower() for x in flags)})')


# ---- normal form for the drift test

def dump(schema):
    for m in sorted(schema.messages, key=lambda m: m.name):
        flex = 'none' if m.flex == NEVER else f'{m.flex}+'
        head = f'{m.name} versions={m.versions[0]}-{m.versions[1]} flexible={flex} key={"-" if m.key is None else m.key}'
        if m.kind == 'request':
            head += f' on={",".join(sorted(m.marks["on"].split(",")))}' + ' unstable' * ('unstable' in m.marks)
        yield head
        yield from dump_fields(m, m.fields, m.versions, 1)


def dump_fields(m, fields, within, depth):
    for f in fields:
        low, high = max(f.versions[0], within[0]), min(f.versions[1], within[1])
        if low > high or f.own:
            continue
        words = [f.kafka_name, ('[]' if f.array else '') + f.type, f'{low}-{high}']
        if f.null and max(f.null[0], low) <= min(f.null[1], high):
            words.append(f'null={max(f.null[0], low)}-{min(f.null[1], high)}')
        if f.tag is not None:
            words.append(f'tag={f.tag}')
        if f.default is not None:
            words.append(f'default={f.default}')
        words += [w for w in ('lossy', 'key', 'classic') if getattr(f, w)]
        yield ' ' * depth + ' '.join(words)
        if f.struct:
            inner = (max(low, f.struct.versions[0]), min(high, f.struct.versions[1]))
            yield from dump_fields(m, f.struct.fields, inner, depth + 1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--schema', type=Path, default=ROOT / 'schema')
    p.add_argument('--out', type=Path)
    p.add_argument('--list', type=Path)
    p.add_argument('--dump', action='store_true')
    a = p.parse_args()
    try:
        schema = Schema(a.schema)
    except SchemaError as e:
        sys.exit(f'msggen: {e}')
    if a.dump:
        print('\n'.join(dump(schema)))
        return
    folder = a.out or a.list
    if folder is None:
        p.error('one of --out, --list, --dump')
    for path, text in ((folder / name, text) for name, text in emit_files(schema).items()):
        if a.list:
            print(path)
        elif not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == '__main__':
    main()
