#!/usr/bin/env python3
"""Writes random cases for millrace_difftest: topologies of several operations, and steps with records out of order, nulls, late
ones, and a wall clock that moves. The same seed gives the same cases. What is expected is not in them: the Java runner records
it.

    generate.py --seed 1 --count 50 --steps 120 --out DIR [--focus FOCUS] [--cached 0]
"""

import argparse
import json
import random
from pathlib import Path

FOCI = ["stateless", "aggregate", "window", "table", "join", "tablejoin", "processor", "mixed"]
SERDES = {"S": "string", "L": "long", "J": "json"}


def windowed(key, window):
    """The serde of a key in such a window."""
    if window["type"] == "session":
        return {"windowed": "session", "inner": SERDES[key]}
    size = {"time": lambda: window["size"], "sliding": lambda: window["size"], "unlimited": lambda: 9223372036854775807}
    return {"windowed": "time", "inner": SERDES[key], "size": size[window["type"]]()}


class Node:
    """A stream, table or group: of which types, and in which windows."""

    def __init__(self, kind, name, key, value, window=None, **more):
        self.kind, self.name, self.key, self.value, self.window = kind, name, key, value, window
        self.__dict__.update(more)

    def key_serde(self):
        return windowed(self.key, self.window) if self.window else SERDES[self.key]

    def value_serde(self):
        return SERDES[self.value]


class Case:
    def __init__(self, rng, focus, cached):
        self.rng, self.focus, self.cached = rng, focus, cached
        self.ops, self.nodes, self.inputs, self.outputs = [], [], {}, {}
        self.stores = []  # (name, kind, key, value), to be queried
        self.count = 0
        self.names = 0
        self.config = {}

    # ---- choices
    def chance(self, p):
        return self.rng.random() < p

    def pick(self, items):
        return self.rng.choice(items)

    def fresh(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def node_name(self):
        """A name of the user's, now and then."""
        if self.chance(0.12):
            self.names += 1
            return {"name": f"named-{self.names}"}
        return {}

    def add(self, op, node=None, source=None, **fields):
        made = {"op": op}
        if node:
            made["id"] = node.name
        if source:
            made["from"] = source.name
            source.used = True
        made.update(fields)
        self.ops.append(made)
        if node:
            self.nodes.append(node)
        return node

    def find(self, kind, **wanted):
        return [n for n in self.nodes if n.kind == kind and all(getattr(n, k, None) == v for k, v in wanted.items())]

    # ---- expressions
    def predicate(self, node):
        rng = self.rng
        if node.window is None and node.key == "S" and self.chance(0.2):
            return ["ne", "$key", rng.choice("abc")]
        if node.value == "L":
            return rng.choice([["eq", ["mod", "$value", 2], rng.randint(0, 1)], ["gt", "$value", rng.randint(-5, 5)],
                               ["lt", "$value", rng.randint(0, 12)], ["ne", ["mod", "$value", 3], 0]])
        if node.value == "S":
            return rng.choice([["gt", ["len", "$value"], rng.randint(0, 3)], ["ne", "$value", rng.choice("xyz")],
                               ["lt", "$value", "m"]])
        return ["gt", ["len", "$value"], rng.randint(0, 2)]

    def to_value(self, node, wanted, value="$value"):
        """From the value of a node to one of type `wanted`; null for null mostly."""
        rng, have = self.rng, node.value
        if wanted == "L":
            if have == "L":
                return rng.choice([["add", value, rng.randint(1, 9)], ["mul", value, 2], ["mod", value, 5], value,
                                   ["if", ["eq", ["mod", value, 4], 0], None, value]])
            return ["len", value]
        if wanted == "S":
            if have == "S":
                return rng.choice([["upper", value], ["concat", value, "!"], ["substr", value, 0, 2], value,
                                   ["if", ["eq", ["len", value], 1], None, value]])
            return rng.choice([["str", value], ["concat", "v", value]])
        if have == "J":
            return rng.choice([value, ["sort", ["list"]], ["append", value, "z"]]) if self.chance(0.3) else value
        return ["list", value, ["str", value]]

    def to_key(self, node, wanted="S"):
        rng = self.rng
        if node.window is not None:
            plain = ["wkey", "$key"]
            return rng.choice([["str", plain], ["concat", ["str", plain], "@", ["wstart", "$key"]]])
        if wanted == "L":
            return {"L": ["mod", "$value", 3], "S": ["len", "$value"], "J": ["len", "$value"]}[node.value]
        if node.value == "L":
            by_value = ["concat", "k", ["mod", "$value", rng.randint(2, 3)]]
        elif node.value == "S":
            by_value = ["if", ["isnull", "$value"], None, ["substr", "$value", 0, 1]]
        else:
            by_value = ["concat", "n", ["len", "$value"]]
        return rng.choice([by_value, ["concat", "$key", "x"], ["upper", ["str", "$key"]]])

    def adder(self, value, aggregate):
        """An aggregator from values to an aggregate of its type."""
        if aggregate == "L":
            amount = "$value" if value == "L" else ["len", "$value"]
            return self.pick([["add", "$agg", amount], ["max", "$agg", amount],
                              ["if", ["eq", ["mod", amount, 7], 3], None, ["add", "$agg", amount]]]), 0
        if aggregate == "S":
            return ["substr", ["concat", "$agg", "$value"], 0, 12], ""
        return ["append", "$agg", ["str", "$value"]], ["list"]

    def reducer(self, value):
        return {"L": self.pick([["add", "$agg", "$value"], ["max", "$agg", "$value"],
                                ["if", ["gt", ["add", "$agg", "$value"], 20], None, ["add", "$agg", "$value"]]]),
                "S": ["substr", ["concat", "$agg", "$value"], 0, 10],
                "J": ["joinall", "$agg", "$value"]}[value]

    # ---- stores
    def store(self, key, value, kind="kv", window=None, force=False, plain=True):
        """The `store` field of an operation, or nothing."""
        if not force and self.chance(0.35):
            return {}
        rng = self.rng
        spec = {"key": SERDES[key], "value": SERDES[value]}
        if self.chance(0.75):
            spec["name"] = self.fresh("st")
        if self.chance(0.3):
            spec["caching"] = self.chance(0.5)
        if self.chance(0.15):
            spec["logging"] = self.pick([False, True, {"cleanup.policy": "compact"}])
        if kind == "kv":
            places = ["inMemory", "rocksDB"]
            if "name" in spec and plain:
                places += ["inMemorySupplier", "plain"]
                if self.chance(0.4):
                    places += ["lru"]
            if "name" in spec and self.chance(0.5):
                places += ["versioned"]
            if self.chance(0.35):
                spec["type"] = rng.choice(places)
            if spec.get("type") == "lru":
                spec["max"] = rng.randint(2, 4)
            if spec.get("type") == "versioned":
                spec["historyRetention"] = rng.choice([0, 50, 300, 1000])
                spec.pop("caching", None)
        else:
            if self.chance(0.3):
                spec["type"] = self.pick(["inMemory", "rocksDB"])
            if self.chance(0.25):
                spec["retention"] = 1000
            if "name" in spec and kind == "session" and self.chance(0.2):
                spec.update(type="inMemorySupplier", retention=1000)
            if "name" in spec and kind == "window" and window["type"] == "time" and self.chance(0.2):
                spec.update(type="inMemorySupplier", retention=1000, windowSize=window["size"])
        if "name" in spec:
            self.stores.append((spec["name"], "versioned" if spec.get("type") == "versioned" else kind, key, value))
        return {"store": spec}

    # ---- sources
    def topic(self, key, value):
        name = self.fresh("in")
        self.inputs[name] = {"key": SERDES[key], "value": SERDES[value]}
        return name

    def source(self, kind=None, key="S", value=None):
        value = value or self.pick(["L", "L", "S", "J"])
        kind = kind or self.pick(["stream", "stream", "stream", "table"])
        node = Node(kind, self.fresh("n"), key, value)
        fields = {"topic": self.topic(key, value), "key": SERDES[key], "value": SERDES[value]}
        if kind == "stream" and self.chance(0.08):
            fields["timestamp"] = self.pick(["usePartitionTime", "logAndSkip", ["add", "$ts", 3], ["max", "$ts", "$partitionTime"]])
        if kind == "stream" and self.chance(0.08):
            fields["topics"] = [fields.pop("topic"), self.topic(key, value)]
        if kind != "stream":
            fields.update(self.store(key, value, plain=kind == "table"))
            # Kafka refuses global tables with a store that has no name.
            if kind == "globalTable" and "name" not in fields.get("store", {}):
                fields.pop("store", None)
            node.versioned = fields.get("store", {}).get("type") == "versioned"
        if kind != "globalTable":
            fields.update(self.node_name())
        return self.add({"stream": "stream", "table": "table", "globalTable": "globalTable"}[kind], node, **fields)

    # ---- operations on streams
    def stream_op(self, s):
        ops = ["filter", "filterNot", "mapValues", "map", "selectKey", "flatMapValues", "peek", "merge", "split", "repartition",
               "toTable", "group", "process", "processValues", "join", "flatMap", "to"]
        weights = {"stateless": {"group": 0, "join": 0, "toTable": 0},
                   "aggregate": {"group": 12}, "window": {"group": 14}, "table": {"toTable": 6, "group": 3},
                   "join": {"join": 16}, "tablejoin": {"toTable": 5}, "processor": {"process": 8, "processValues": 6}}
        chosen = weights.get(self.focus, {})
        op = self.rng.choices(ops, [chosen.get(o, 1) for o in ops])[0]
        getattr(self, "stream_" + op)(s)

    def stream_filter(self, s, op="filter"):
        self.add(op, Node("stream", self.fresh("n"), s.key, s.value, s.window, changed=getattr(s, "changed", False)), s,
                 pred=self.predicate(s), **self.node_name())

    def stream_filterNot(self, s):
        self.stream_filter(s, "filterNot")

    def stream_mapValues(self, s):
        value = self.pick("LSJ")
        self.add("mapValues", Node("stream", self.fresh("n"), s.key, value, s.window), s, toValue=self.to_value(s, value),
                 **self.node_name())

    def stream_map(self, s):
        value = self.pick("LS")
        self.add("map", Node("stream", self.fresh("n"), "S", value), s, toKey=self.to_key(s), toValue=self.to_value(s, value),
                 **self.node_name())

    def stream_selectKey(self, s):
        self.add("selectKey", Node("stream", self.fresh("n"), "S", s.value), s, toKey=self.to_key(s), **self.node_name())

    def stream_flatMap(self, s):
        pair = ["list", self.to_key(s), "$value"]
        key = ["str", ["wkey", "$key"]] if s.window else ["str", "$key"]
        made = self.pick([["list", pair, ["list", key, "$value"]], ["list", pair],
                          ["if", self.predicate(s), ["list", pair, pair], ["list"]]])
        self.add("flatMap", Node("stream", self.fresh("n"), "S", s.value), s, list=made, **self.node_name())

    def stream_flatMapValues(self, s):
        if s.value == "J":
            made, value = ["list", "$value", ["append", "$value", "w"]], "J"
        elif s.value == "S":
            made, value = ["coalesce", ["split", "$value", "a"], ["list"]], "S"
        else:
            made, value = ["if", ["gt", "$value", 3], ["list", "$value", ["sub", "$value", 1]], ["list", "$value"]], "L"
        self.add("flatMapValues", Node("stream", self.fresh("n"), s.key, value, s.window), s, list=made, **self.node_name())

    def stream_peek(self, s):
        self.add("peek", Node("stream", self.fresh("n"), s.key, s.value, s.window), s, log=["list", ["str", "$key"], "$value"],
                 **self.node_name())

    def stream_merge(self, s):
        others = [n for n in self.find("stream", key=s.key, value=s.value) if n is not s and n.window == s.window]
        if not others:
            return
        other = self.pick(others)
        other.used = True
        self.add("merge", Node("stream", self.fresh("n"), s.key, s.value, s.window), s, **{"with": other.name}, **self.node_name())

    def stream_split(self, s):
        branches = [{"id": self.fresh("n"), "pred": self.predicate(s)} for _ in range(self.rng.randint(1, 3))]
        fields = {"branches": branches}
        if self.chance(0.5):
            fields["default"] = {"id": self.fresh("n")}
        self.add("split", None, s, **fields)
        for branch in branches + ([fields["default"]] if "default" in fields else []):
            self.nodes.append(Node("stream", branch["id"], s.key, s.value, s.window))

    def stream_repartition(self, s):
        if s.window:
            return
        self.add("repartition", Node("stream", self.fresh("n"), s.key, s.value), s, key=SERDES[s.key], value=SERDES[s.value],
                 **self.node_name(), **({"partitions": 1} if self.chance(0.5) else {}))

    def stream_toTable(self, s):
        if s.window:
            return
        node = Node("table", self.fresh("n"), s.key, s.value)
        fields = self.store(s.key, s.value, force=True, plain=False)
        node.versioned = fields.get("store", {}).get("type") == "versioned"
        self.add("toTable", node, s, **fields, **self.node_name())

    def stream_to(self, s):
        self.sink(s)

    def sink(self, s):
        topic = self.fresh("out")
        self.outputs[topic] = {"key": s.key_serde(), "value": s.value_serde()}
        fields = {"topic": topic}
        if s.window is None and s.value == "L" and self.chance(0.1):
            self.outputs[topic + "b"] = dict(self.outputs[topic])
            fields = {"topicExpr": ["if", ["gt", "$value", 4], topic, topic + "b"]}
        self.add("to", None, s, **fields, key=s.key_serde(), value=s.value_serde(), **self.node_name())

    def stream_group(self, s):
        if s.window is None and self.chance(0.5):
            group = self.add("groupByKey", Node("group", self.fresh("n"), s.key, s.value), s, key=SERDES[s.key],
                             value=SERDES[s.value], **self.node_name())
        else:
            key = "L" if s.window is None and self.chance(0.15) else "S"
            group = self.add("groupBy", Node("group", self.fresh("n"), key, s.value), s, toKey=self.to_key(s, key),
                             key=SERDES[key], value=SERDES[s.value], **self.node_name())
        if self.focus == "window" or self.chance(0.3):
            return self.window_op(group)
        if self.chance(0.15):
            return self.cogroup(group)
        self.aggregate(group, None)

    def join_stream(self, s):
        others = [n for n in self.find("stream", key=s.key) if n.window is None]
        other = self.pick(others) if others and self.chance(0.8) else self.source("stream", s.key)
        other.used = True
        window = {"diff": self.pick([0, 10, 50, 100, 300])}
        if self.chance(0.6):
            window["grace"] = self.pick([0, 20, 100, 500])
        if self.chance(0.2):
            window["before"] = self.pick([0, 30, 100])
        if self.chance(0.2):
            window["after"] = self.pick([0, 30, 100])
        fields = {"window": window, "key": SERDES[s.key], "leftValue": SERDES[s.value], "rightValue": SERDES[other.value]}
        if self.chance(0.15):
            fields["storeName"] = self.fresh("js")
        if self.chance(0.25):
            fields["storeType"] = "inMemory"
        if self.chance(0.1):
            fields["logging"] = False
        return other, self.pick(["inner", "left", "outer"]), fields

    def join_table(self, s):
        others = [n for n in self.find("table", key=s.key) if n.window is None]
        other = self.pick(others) if others and self.chance(0.8) else self.source("table", s.key)
        fields = {"key": SERDES[s.key], "leftValue": SERDES[s.value], "rightValue": SERDES[other.value]}
        if getattr(other, "versioned", False) and self.chance(0.5):
            fields["grace"] = self.pick([0, 30, 200])
        return other, self.pick(["inner", "left"]), fields

    def stream_join(self, s):
        if s.window:
            return
        kind = self.pick(["stream", "stream", "table", "global"])
        if kind == "stream":
            other, how, fields = self.join_stream(s)
        elif kind == "table":
            other, how, fields = self.join_table(s)
        else:
            others = self.find("globalTable", key="S")
            other = self.pick(others) if others and self.chance(0.7) else self.source("globalTable", "S")
            how, fields = self.pick(["inner", "left"]), {"toKey": self.pick([["str", "$key"], self.to_key(s)])}
        s.used = other.used = True
        self.add("join", Node("stream", self.fresh("n"), s.key, "S"), None, left=s.name, right=other.name, type=how,
                 joiner=["concat", "$key", ":", "$left", "+", "$right"], **fields, **self.node_name())

    # ---- programs
    def attached(self):
        """A store of the case's own, and statements that use it."""
        kind = self.pick(["kv", "kv", "timestampedKv", "window", "session", "versioned", "lru", "timestampedWindow"])
        name = self.fresh("ps")
        spec = {"name": name, "type": kind, "key": "string", "value": "string"}
        if kind not in ("versioned", "lru"):
            spec["memory"] = self.chance(0.5)
        if kind in ("window", "timestampedWindow", "session"):
            spec["retention"] = self.pick([100, 1000])
        if kind in ("window", "timestampedWindow"):
            spec["windowSize"] = 50
        if kind == "window" and self.chance(0.3):
            spec["retainDuplicates"] = True
        if kind == "versioned":
            spec["historyRetention"] = self.pick([0, 100, 1000])
        if kind == "lru":
            spec["max"] = 3
        if self.chance(0.25) and kind != "versioned":
            spec["caching"] = True
        if self.chance(0.15):
            spec["logging"] = False
        key = ["coalesce", ["str", "$key"], "none"]
        value = ["if", ["isnull", "$value"], None, ["concat", "$value"]]
        floor = ["mul", ["div", "$ts", 50], 50]
        if kind in ("kv", "lru"):
            use = [["log", ["list", name, ["get", name, key]]], ["put", name, key, value]]
        elif kind == "timestampedKv":
            use = [["log", ["list", ["get", name, key], ["getTs", name, key]]], ["put", name, key, value, "$ts"]]
        elif kind == "versioned":
            use = [["put", name, key, value, "$ts"],
                   ["log", ["list", ["get", name, key], ["getTs", name, key], ["getAsOf", name, key, ["sub", "$ts", 60]]]]]
        elif kind == "session":
            use = [["putSession", name, key, floor, ["add", floor, 10], value],
                   ["log", ["fetchSession", name, key, floor, ["add", floor, 10]]]]
        else:
            use = [["put", name, key, value, floor],
                   ["log", ["fetchRange", name, key, ["max", 0, ["sub", "$ts", 150]], "$ts"]]]
            if spec.get("retainDuplicates"):
                use[0][3] = ["concat", "d", "$value"]
        spec["each"] = kind in ("kv", "lru", "timestampedKv", "window", "timestampedWindow")
        query = {"lru": "kv", "timestampedKv": "kv", "timestampedWindow": "window"}.get(kind, kind)
        self.stores.append((name, query, "S", "S"))
        return spec, use

    def program(self, s, stores, fixed):
        """`stores`: what attached() gave. The values forwarded are texts."""
        statements = []
        for _, use in stores:
            statements += use
        if self.chance(0.3):
            statements.append(["let", "n", ["add", "$n", 1]])
        if self.chance(0.2):
            statements.append(["header", "seen", ["str", "$ts"]])
        if self.chance(0.2):
            statements.append(["log", ["list", "$topic", "$offset", "$ts", "$streamTime", "$wallTime", "$headers"]])
        forward = {"value": ["concat", ["str", "$value"], "/", "$n"]}
        if self.chance(0.2):
            forward["ts"] = ["add", "$ts", 5]
        if not fixed and self.chance(0.3):
            forward["key"] = self.to_key(s)
        elif not fixed and s.window:
            forward["key"] = ["str", ["wkey", "$key"]]
        statements.append(["if", ["eq", ["mod", "$ts", 5], 0], [], [["forward", forward]]] if self.chance(0.2)
                          else ["forward", forward])
        if self.chance(0.1):
            statements.append(["commit"])
        program = {"init": [["let", "n", 0]], "process": statements}
        if self.chance(0.4):
            what = [["log", ["list", "tick", "$punctTs", "$n"]]]
            for spec, _ in stores:
                if spec["each"]:
                    what.append(["each", spec["name"], [["log", ["list", ["str", "$k"], "$v"]]]])
            if not fixed:
                what.append(["forward", {"key": "tick", "value": ["str", "$punctTs"], "ts": "$punctTs"}])
            timer = {"id": "p", "type": self.pick(["stream", "wall"]), "interval": self.pick([50, 100, 700]), "do": what}
            if self.chance(0.2):
                timer["start"] = self.pick([0, 120])
            program["punctuate"] = [timer]
        return program

    def attach(self):
        stores = [self.attached() for _ in range(self.rng.randint(0, 2))]
        for spec, _ in stores:
            self.ops.append({"op": "store", **{k: v for k, v in spec.items() if k != "each"}})
        return stores

    def stream_process(self, s):
        if s.window and s.value != "L":
            return
        stores = self.attach()
        self.add("process", Node("stream", self.fresh("n"), "S", "S"), s, program=self.program(s, stores, False),
                 stores=[spec["name"] for spec, _ in stores], **self.node_name())

    def stream_processValues(self, s):
        stores = self.attach()
        self.add("processValues", Node("stream", self.fresh("n"), s.key, "S", s.window), s,
                 program=self.program(s, stores, True), stores=[spec["name"] for spec, _ in stores], **self.node_name())

    # ---- aggregations
    def aggregate(self, group, window, kind="kv", ops=None):
        op = self.pick(ops or ["count", "reduce", "aggregate"])
        value = {"count": "L", "reduce": group.value}.get(op) or self.pick("LSJ")
        node = Node("table", self.fresh("n"), group.key, value, window)
        fields = self.store(group.key, value, kind, window, force=op == "aggregate" or (op == "reduce" and self.chance(0.5)))
        node.versioned = fields.get("store", {}).get("type") == "versioned"
        if op == "count":
            fields.get("store", {}).pop("value", None)
            if kind != "session" or True:
                fields.update(self.node_name())
        if op == "reduce":
            fields["add"] = self.reducer(group.value)
        if op == "aggregate":
            fields["add"], fields["init"] = self.adder(group.value, value)
            if kind == "session":
                fields["merge"] = {"L": ["add", "$left", "$right"], "S": ["concat", "$left", "|", "$right"],
                                   "J": ["joinall", "$left", "$right"]}[value]
        return self.add(op, node, group, **fields)

    def window(self):
        kind = self.rng.choices(["time", "sliding", "session", "unlimited"], [5, 3, 4, 1])[0]
        grace = {"grace": self.pick([0, 10, 50, 200, 400])} if self.chance(0.75) else {}
        if kind == "time":
            size = self.pick([20, 50, 100, 300])
            advance = {"advance": self.pick([size // 2, size // 4, size])} if self.chance(0.4) else {}
            return {"type": "time", "size": size, **advance, **grace}
        if kind == "sliding":
            return {"type": "sliding", "size": self.pick([10, 50, 100]), **grace}
        if kind == "session":
            return {"type": "session", "gap": self.pick([5, 20, 60, 150]), **grace}
        return {"type": "unlimited", **({"start": self.pick([0, 100])} if self.chance(0.5) else {})}

    def window_op(self, group):
        window = self.window()
        if self.chance(0.15):
            return self.cogroup(group, window)
        node = self.add("windowedBy", Node("windowed", self.fresh("n"), group.key, group.value), group, window=window)
        if window["type"] != "unlimited" and self.chance(0.3):
            node = self.add("emitStrategy", Node("windowed", self.fresh("n"), group.key, group.value), node,
                            strategy=self.pick(["onWindowClose", "onWindowClose", "onWindowUpdate"]))
        table = self.aggregate(node, window, "session" if window["type"] == "session" else "window")
        if window["type"] != "unlimited" and self.chance(0.35):
            self.suppress(table)

    def cogroup(self, group, window=None):
        first = self.add("cogroup", Node("cogroup", self.fresh("n"), group.key, "J"), group,
                         add=["append", "$agg", ["concat", "1", "$value"]])
        others = [g for g in self.find("group", key=group.key) if g is not group]
        if others:
            other = self.pick(others)
            first = self.add("cogroup", Node("cogroup", self.fresh("n"), group.key, "J"), first,
                             add=["append", "$agg", ["concat", "2", "$value"]], **{"with": other.name})
        kind = "kv"
        if window:
            first = self.add("windowedBy", Node("cogroup", self.fresh("n"), group.key, "J"), first, window=window)
            kind = "session" if window["type"] == "session" else "window"
        fields = self.store(group.key, "J", kind, window, force=True)
        if kind == "session":
            fields["merge"] = ["joinall", "$left", "$right"]
        self.add("aggregate", Node("table", self.fresh("n"), group.key, "J", window), first, init=["list"], **fields)

    # ---- operations on tables
    def table_op(self, t):
        ops = ["filter", "mapValues", "toStream", "group", "join", "foreign", "transform", "suppress"]
        weights = {"tablejoin": {"join": 6, "foreign": 4}, "table": {"group": 4, "filter": 2, "transform": 2},
                   "window": {"suppress": 3}}
        chosen = weights.get(self.focus, {})
        getattr(self, "table_" + self.rng.choices(ops, [chosen.get(o, 1) for o in ops])[0])(t)

    def table_filter(self, t):
        fields = self.store(t.key, t.value, plain=False) if t.window is None else {}
        node = Node("table", self.fresh("n"), t.key, t.value, t.window)
        node.versioned = fields.get("store", {}).get("type") == "versioned"
        self.add(self.pick(["filter", "filterNot"]), node, t, pred=self.predicate(t), **fields, **self.node_name())

    def table_mapValues(self, t):
        value = self.pick("LSJ")
        fields = self.store(t.key, value, plain=False) if t.window is None else {}
        node = Node("table", self.fresh("n"), t.key, value, t.window)
        node.versioned = fields.get("store", {}).get("type") == "versioned"
        self.add("mapValues", node, t, toValue=self.to_value(t, value), **fields, **self.node_name())

    def table_transform(self, t):
        stores = self.attach()
        fields = self.store(t.key, "S", plain=False) if t.window is None else {}
        if fields.get("store", {}).get("type") == "versioned":
            fields = {}
        program = {"init": [["let", "n", 0]], "process": [u for _, use in stores for u in use] + [["let", "n", ["add", "$n", 1]]],
                   "result": ["if", ["isnull", "$value"], None, ["concat", "$value", "#", "$n"]]}
        self.add("transformValues", Node("table", self.fresh("n"), t.key, "S", t.window), t, program=program,
                 stores=[spec["name"] for spec, _ in stores], **fields, **self.node_name())

    def table_toStream(self, t):
        if self.chance(0.25):
            self.add("toStream", Node("stream", self.fresh("n"), "S", t.value), t, toKey=self.to_key(t), **self.node_name())
        else:
            self.add("toStream", Node("stream", self.fresh("n"), t.key, t.value, t.window), t, **self.node_name())

    def table_group(self, t):
        value = self.pick("LS")
        group = self.add("groupBy", Node("tablegroup", self.fresh("n"), "S", value), t,
                         toKey=self.to_key(t), toValue=self.to_value(t, value), key="string", value=SERDES[value],
                         **self.node_name())
        op = self.pick(["count", "reduce", "aggregate"])
        result = {"count": "L", "reduce": value}.get(op) or self.pick("LJ")
        fields = self.store("S", result, force=True)
        if op == "count":
            fields["store"].pop("value", None)
        if op == "reduce":
            fields["add"] = {"L": ["add", "$agg", "$value"], "S": ["concat", "$agg", "+", "$value"]}[value]
            fields["subtract"] = {"L": ["sub", "$agg", "$value"], "S": ["concat", "$agg", "-", "$value"]}[value]
        if op == "aggregate" and result == "L":
            amount = "$value" if value == "L" else ["len", "$value"]
            fields.update(init=0, add=["add", "$agg", amount], subtract=["sub", "$agg", amount])
        if op == "aggregate" and result == "J":
            fields.update(init=["list"], add=["sort", ["append", "$agg", ["str", "$value"]]],
                          subtract=["without", "$agg", ["str", "$value"]])
        node = Node("table", self.fresh("n"), "S", result)
        node.versioned = fields["store"].get("type") == "versioned"
        self.add(op, node, group, **fields)

    def table_join(self, t):
        if t.window:
            return
        others = [n for n in self.find("table", key=t.key) if n.window is None]
        other = self.pick(others) if self.chance(0.8) else self.source("table", t.key)
        t.used = other.used = True
        fields = self.store(t.key, "S", plain=False)
        node = Node("table", self.fresh("n"), t.key, "S")
        node.versioned = fields.get("store", {}).get("type") == "versioned"
        self.add("join", node, None, left=t.name, right=other.name, type=self.pick(["inner", "left", "outer"]),
                 joiner=self.pick([["concat", "$left", "+", "$right"],
                                   ["if", ["eq", "$left", "$right"], None, ["concat", "$left", "&", "$right"]]]),
                 **fields, **self.node_name())

    def table_foreign(self, t):
        if t.window:
            return
        others = [n for n in self.find("table", key="S") if n.window is None and n is not t]
        other = self.pick(others) if others and self.chance(0.8) else self.source("table", "S")
        t.used = other.used = True
        key = {"L": ["at", ["list", "a", "b", "c", None], ["mod", "$value", 4]],
               "S": ["if", ["eq", "$value", "x"], None, ["substr", "$value", 0, 1]], "J": ["at", "$value", 0]}[t.value]
        if t.value == "J":
            key = ["str", key]
        fields = self.store(t.key, "S", force=True, plain=False)
        if fields["store"].get("type") == "versioned":
            fields["store"].pop("type")
            fields["store"].pop("historyRetention")
        self.add("join", Node("table", self.fresh("n"), t.key, "S"), None, left=t.name, right=other.name, fk=key,
                 type=self.pick(["inner", "left"]), joiner=["concat", "$left", "~", "$right"], **fields, **self.node_name())

    def suppress(self, t):
        buffer = self.pick([{"unbounded": True}, {"maxRecords": 50, "onFull": "shutdown"}, {"unbounded": True, "logging": False},
                            {"maxBytes": 100000, "onFull": "shutdown"}])
        self.add("suppress", Node("table", self.fresh("n"), t.key, t.value, t.window), t, untilWindowCloses=True, buffer=buffer,
                 **self.node_name())

    def table_suppress(self, t):
        if t.window and t.window["type"] != "unlimited" and self.chance(0.5):
            return self.suppress(t)
        buffer = self.pick([{"unbounded": True}, {"maxRecords": self.rng.randint(1, 4)},
                            {"maxRecords": 3, "onFull": "emitEarly"}, {"maxBytes": 300, "onFull": "emitEarly"},
                            {"maxRecords": 6, "onFull": "shutdown"}])
        self.add("suppress", Node("table", self.fresh("n"), t.key, t.value, t.window), t,
                 untilTimeLimit=self.pick([0, 10, 50, 200]), buffer=buffer, **self.node_name())

    # ---- the whole topology
    def build(self, operations):
        for _ in range(self.rng.randint(1, 3)):
            self.source({"stateless": "stream", "aggregate": "stream", "window": "stream", "table": "table",
                         "tablejoin": "table", "processor": "stream"}.get(self.focus))
        for _ in range(operations):
            nodes = [n for n in self.nodes if n.kind in ("stream", "table")]
            node = self.pick(nodes[-4:]) if self.chance(0.7) else self.pick(nodes)
            (self.stream_op if node.kind == "stream" else self.table_op)(node)
        for node in list(self.nodes):
            if getattr(node, "used", False):
                continue
            if node.kind == "table":
                self.add("toStream", Node("stream", self.fresh("n"), node.key, node.value, node.window), node)
                self.sink(self.nodes[-1])
            elif node.kind == "stream":
                self.sink(node)

    # ---- topologies of processors
    def build_processors(self):
        rng = self.rng
        sources, processors = [], []
        for _ in range(rng.randint(1, 2)):
            name = self.fresh("source")
            value = self.pick("LS")
            self.ops.append({"op": "source", "name": name, "topics": [self.topic("S", value)], "key": "string",
                             "value": SERDES[value]})
            sources.append(Node("stream", name, "S", value))
        shared = None
        if self.chance(0.3):
            shared = self.attached()
        for _ in range(rng.randint(1, 4)):
            name = self.fresh("proc")
            parents = [self.pick(sources + processors)]
            if self.chance(0.3):
                same = [n for n in sources + processors if n.value == parents[0].value and n is not parents[0]]
                parents += [self.pick(same)] if same else []
            stores = [self.attached() for _ in range(rng.randint(0, 2))]
            op = {"op": "processor", "name": name, "parents": [p.name for p in parents]}
            own = self.chance(0.5)
            if own and stores:
                op["ownStores"] = [{k: v for k, v in spec.items() if k != "each"} for spec, _ in stores]
            used = stores + ([shared] if shared and self.chance(0.6) else [])
            op["program"] = self.program(parents[0], used, False)
            self.ops.append(op)
            if stores and not own:
                for spec, _ in stores:
                    self.ops.append({"op": "store", **{k: v for k, v in spec.items() if k != "each"}, "processors": [name]})
            if shared and used and used[-1] is shared:
                if not getattr(self, "shared_added", False):
                    self.ops.append({"op": "store", **{k: v for k, v in shared[0].items() if k != "each"}})
                    self.shared_added = True
                self.ops.append({"op": "connect", "processor": name, "stores": [shared[0]["name"]]})
            processors.append(Node("stream", name, "S", "S"))
        for node in processors:
            topic = self.fresh("out")
            self.outputs[topic] = {"key": "string", "value": "string"}
            self.ops.append({"op": "sink", "name": self.fresh("sink"), "topic": topic, "parents": [node.name], "key": "string",
                             "value": "string"})
        if shared and not getattr(self, "shared_added", False):
            self.stores = [s for s in self.stores if s[0] != shared[0]["name"]]

    # ---- steps
    def value(self, kind):
        if self.chance(0.12):
            return None
        if kind == "string":
            return self.pick(["x", "y", "a", "ba", "abc", "zeta", "m"])
        if kind == "long":
            return self.rng.randint(-3, 15)
        return [self.pick(["a", "b", 1, 2, None, "x"]) for _ in range(self.rng.randint(0, 3))]

    def key(self, kind):
        if self.chance(0.05):
            return None
        return self.pick("aabbc") if kind == "string" else self.rng.randint(0, 3)

    def query(self):
        name, kind, key, _ = self.pick(self.stores)
        of_key = self.pick("abc") if key == "S" else self.rng.randint(0, 3)
        low, high = sorted(self.rng.sample(range(0, 1200), 2))
        bounds = {"from": self.pick(["a", None, "b"]), "to": self.pick(["b", None, "c"])} if key == "S" else {"from": 0, "to": 2}
        queries = {
            "kv": [{"type": "get", "key": of_key}, {"type": "all"}, {"type": "reverseAll"}, {"type": "range", **bounds},
                   {"type": "reverseRange", **bounds}],
            "versioned": [{"type": "get", "key": of_key}, {"type": "getAsOf", "key": of_key, "asOf": low}],
            "window": [{"type": "windowFetch", "key": of_key, "from": low, "to": high},
                       {"type": "windowBackwardFetch", "key": of_key, "from": low, "to": high},
                       {"type": "windowFetchAll", "from": low, "to": high}],
            "session": [{"type": "sessionFetch", "key": of_key}, {"type": "sessionBackwardFetch", "key": of_key},
                        {"type": "sessionFind", "key": of_key, "earliestEnd": low, "latestStart": high}]}
        return {"query": {"store": name, **self.pick(queries[kind])}}

    def steps(self, count):
        rng, steps = self.rng, []
        now = rng.randint(0, 30)
        topics = sorted(self.inputs)
        queried = self.chance(0.5) and self.stores
        for _ in range(count):
            roll = rng.random()
            if roll < 0.06:
                steps.append({"advance": self.pick([1, 50, 500, 1000, 1500])})
                continue
            if roll < 0.1 and queried:
                steps.append(self.query())
                continue
            if roll < 0.11:
                steps.append({"dump": True})
                continue
            now += self.pick([0, 1, 3, 10, 25]) if self.chance(0.96) else self.pick([150, 400, 1000])
            time = now
            if self.chance(0.3):
                time = max(0, now - self.pick([1, 5, 20, 60, 150, 500]))
            topic = self.pick(topics)
            record = {"topic": topic, "key": self.key(self.inputs[topic]["key"]), "value": self.value(self.inputs[topic]["value"]),
                      "ts": time}
            if self.chance(0.04):
                record["headers"] = [["h", self.pick(["1", "2", None])]]
            steps.append({"pipe": record})
        return steps

    def settings(self):
        config = self.config
        if self.chance(self.cached):
            config["statestore.cache.max.bytes"] = "100000"
        if self.chance(0.25):
            config["topology.optimization"] = "all"
        if self.chance(0.2):
            config["emit.interval.outer.join"] = self.pick(["0", "200"])
        if self.chance(0.2):
            config["emit.interval.windowed.aggregation"] = self.pick(["0", "700"])
        if self.chance(0.25):
            config["processing.exception.handler"] = "continue"
            config["errors.dead.letter.queue.topic.name"] = "dlq"
        if self.chance(0.15):
            config["dsl.store.suppliers.class"] = self.pick(["inMemory", "rocksDB"])
        return config


def make(seed, focus, steps, name, cached):
    rng = random.Random(seed)
    case = Case(rng, focus, cached)
    processors = focus == "processor" and case.chance(0.5)
    case.settings()
    if processors:
        case.build_processors()
    else:
        case.build(rng.randint(2, 7))
    made = {"format": 1, "name": name, "description": f"random, seed {seed}", "tags": ["random", focus], "internal": True}
    if case.config:
        made["config"] = case.config
    if processors:
        made["api"] = "processor"
    elif "dsl.store.suppliers.class" in case.config:
        made["topologyConfig"] = True
    if case.chance(0.3):
        made["wallClock"] = 10000
    made.update(inputs=case.inputs, outputs=case.outputs, topology=case.ops, steps=case.steps(steps))
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--focus", choices=FOCI)
    parser.add_argument("--cached", type=float, default=0.35, help="how many cases have a cache, of 1")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for i in range(options.count):
        seed = options.seed + i
        focus = options.focus or FOCI[seed % len(FOCI)]
        name = f"r{seed:05}-{focus}"
        text = json.dumps(make(seed, focus, options.steps, name, options.cached), indent=1)
        (options.out / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
