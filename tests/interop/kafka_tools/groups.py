"""kafka-consumer-groups on a classic group, with a live consumer and without."""

import re
import tempfile

from lib.check import eventually
from lib.records import unique
from lib.wire import make_batch


def fill(tools, node, partitions=3, each=20):
    """A topic with records in each partition, and a group's name."""
    topic, group = unique("topic"), unique("group")
    with node.wire() as wire:
        assert wire.create_topic(topic, partitions) == 0
        eventually(lambda: len(wire.metadata([topic])[1][topic][1]) == partitions, what="partitions")
        for partition in range(partitions):
            values = [b"%d" % i for i in range(each)]
            eventually(lambda p=partition, v=values: wire.produce(topic, p, make_batch(v))[0] == 0, what="produce")
    return topic, group


def consume_all(tools, topic, group, count):
    tools.ok("console-consumer", "--topic", topic, "--group", group, "--from-beginning", "--max-messages", count,
             "--timeout-ms", 90000)


def groups(tools, *args):
    return tools.ok("consumer-groups", *args).out


def live_group(tools, node):
    topic, group = fill(tools, node)
    running = tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
                          "--command-property", "auto.commit.interval.ms=200")
    eventually(lambda: re.search(r"Stable +1\b", groups(tools, "--describe", "--group", group, "--state")),
               what="a stable group")
    assert group in groups(tools, "--list").split()
    assert re.search(rf"{group} +Stable", groups(tools, "--list", "--state"))
    assert re.search(rf"{group} +Classic", groups(tools, "--list", "--type", "classic"))
    assert group not in groups(tools, "--list", "--type", "consumer").split()
    assert group not in groups(tools, "--list", "--state", "empty").split()
    assert re.search(rf"{group} +Classic +consumer", tools.ok("groups", "--list").out)
    rows = [r.split() for r in groups(tools, "--describe", "--group", group).splitlines() if r.startswith(group)]
    assert sorted((r[1], r[2], r[4]) for r in rows) == [(topic, str(p), "20") for p in range(3)], rows
    assert all(r[6].startswith("console-consumer-") and r[7] == "/127.0.0.1" for r in rows), rows
    members = groups(tools, "--describe", "--group", group, "--members", "--verbose")
    assert re.search(rf"{group} +console-consumer-\S+ +/127.0.0.1 +console-consumer +3 .*{topic}:0,1,2", members), members
    state = groups(tools, "--describe", "--group", group, "--state")
    assert re.search(rf"{group} +127.0.0.1:{node.port} +\(\d+\) +range +Stable +1", state), state
    assert "GroupNotEmptyException" in groups(tools, "--delete", "--group", group)
    assert "current state is Stable" in groups(tools, "--reset-offsets", "--group", group, "--topic", topic,
                                               "--to-earliest", "--execute")
    with node.wire() as wire:
        eventually(lambda: sum(wire.committed(group).values()) == 60, what="all records committed")
    done = running.stop()
    assert len(done.out.split()) == 60, done.text
    out = tools.ok("consumer-groups", "--describe", "--group", group)
    assert "has no active members" in out.text
    rows = [r.split() for r in out.out.splitlines() if r.startswith(group)]
    assert all(r[3:6] == ["20", "20", "0"] for r in rows) and len(rows) == 3, rows
    assert re.search(rf"{group} +Empty", groups(tools, "--list", "--state"))


def two_members(tools, node):
    topic, group = fill(tools, node, partitions=4)
    running = [tools.start("console-consumer", "--topic", topic, "--group", group, "--from-beginning") for _ in range(2)]

    def shares():
        out = groups(tools, "--describe", "--group", group, "--members")
        return sorted(int(r.split()[4]) for r in out.splitlines() if r.startswith(group)) == [2, 2]
    eventually(shares, 90, "two members with two partitions each")
    running[0].stop()
    eventually(lambda: re.search(r"Stable +1\b", groups(tools, "--describe", "--group", group, "--state")), 90,
               "one member with all")
    second = running[1].stop()
    assert second.exit == 0


def reset_offsets(tools, node):
    topic, group = fill(tools, node)
    consume_all(tools, topic, group, 60)

    def reset(*how, of=f"{topic}:0", execute=True):
        out = groups(tools, "--reset-offsets", "--group", group, *(["--topic", of] if of else ["--all-topics"]), *how,
                     *(["--execute"] if execute else ["--dry-run"]))
        assert "Error" not in out, out
        with node.wire() as wire:
            return [offset for _, offset in sorted(wire.committed(group).items())]
    assert reset("--to-earliest") == [0, 20, 20]
    assert reset("--to-latest") == [20, 20, 20]
    assert reset("--shift-by", -3) == [17, 20, 20]
    assert reset("--shift-by", -100) == [0, 20, 20]
    assert reset("--to-offset", 7) == [7, 20, 20]
    assert reset("--to-current") == [7, 20, 20]
    assert reset("--by-duration", "P9000D") == [0, 20, 20]
    assert reset("--to-datetime", "2099-01-01T00:00:00.000") == [20, 20, 20]
    assert reset("--to-datetime", "2001-01-01T00:00:00.000") == [0, 20, 20]
    assert reset("--to-earliest", of=None, execute=False) == [0, 20, 20]
    assert reset("--to-earliest", of=None) == [0, 0, 0]
    plan = groups(tools, "--reset-offsets", "--group", group, "--all-topics", "--to-offset", 5, "--dry-run", "--export")
    assert sorted(plan.split()) == [f"{topic},{p},5" for p in range(3)], plan
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(f'"{topic}",0,9\n"{topic}",1,8\n')
        file.flush()
        groups(tools, "--reset-offsets", "--group", group, "--from-file", file.name, "--execute")
    with node.wire() as wire:
        assert [o for _, o in sorted(wire.committed(group).items())] == [9, 8, 0]
    fresh = unique("group")
    groups(tools, "--reset-offsets", "--group", fresh, "--topic", topic, "--to-latest", "--execute")
    with node.wire() as wire:
        assert sum(wire.committed(fresh).values()) == 60


def delete(tools, node):
    topic, group = fill(tools, node)
    consume_all(tools, topic, group, 60)
    out = groups(tools, "--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    assert re.search(rf"{topic} +0 +Successful", out), out
    with node.wire() as wire:
        assert sorted(p for _, p in wire.committed(group)) == [1, 2]
    assert "UnknownTopicOrPartitionException" in groups(tools, "--delete-offsets", "--group", group, "--topic",
                                                        unique("none"))
    assert f"Deletion of requested consumer groups ('{group}') was successful" in groups(tools, "--delete", "--group",
                                                                                       group)
    assert group not in groups(tools, "--list").split()
    assert "GroupIdNotFoundException" in groups(tools, "--delete", "--group", group)
    assert f"Group {group} not found" in groups(tools, "--describe", "--group", group)


CHECKS = {"groups: with a live consumer": live_group, "groups: two members share": two_members,
          "groups: reset-offsets": reset_offsets, "groups: delete": delete}
