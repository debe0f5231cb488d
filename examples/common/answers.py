"""Records in files, and whether an application's answers are those of an oracle.

An oracle is a function of read(topic), which gives (key, value, time) in the order of arrival; it returns
{topic: {key: Answer}}."""

import json
from typing import NamedTuple

# Windows that end so close to the end of the input may still be open.
OPEN_MS = 20_000


class Answer(NamedTuple):
    value: object
    time: int = 0  # when it is due; 0: at once


def read_file(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            yield record["key"], record["value"], record["ts"]


def write_file(path, records):
    with open(path, "w", encoding="utf-8") as file:
        for key, value, time in records:
            file.write(json.dumps({"key": key, "value": value, "ts": time}, separators=(",", ":")) + "\n")


def last_values(records):
    """{key: value}: of each key the last one counts, and null deletes."""
    last = {}
    for key, value, _ in records:
        if value is None:
            last.pop(key, None)
        else:
            last[key] = value
    return last


def repeated(records):
    """Keys that came more than once."""
    seen, again = set(), []
    for key, _, _ in records:
        if key in seen:
            again.append(key)
        seen.add(key)
    return again


def compare(expected, actual, end):
    """Of one topic, with the time of the last input: how many answers are right, and a line for each that is not."""
    right, wrong = 0, []
    for key, answer in expected.items():
        if actual.get(key) == answer.value:
            right += 1
        elif answer.time <= end - OPEN_MS:
            wrong.append(f"{key}: {actual.get(key)} instead of {answer.value}")
    wrong += [f"{key}: {value}, which should not be" for key, value in actual.items() if key not in expected]
    return right, wrong
