"""The right answers of the sports tracking, from its input alone."""

from collections import Counter, defaultdict
from math import isqrt

from answers import Answer

WINDOW = 5000  # ms
CELL = 5000  # mm
FAST = 7  # mm a ms
STEPS = 10


def tracks(read):
    """{player: [(time, x, y)…] in order}"""
    found = defaultdict(list)
    for player, at, time in read("tracking"):
        found[player].append((time, at["x"], at["y"]))
    return {player: sorted(track) for player, track in found.items()}


def expected(read):
    distances, sprints = Counter(), {}
    for player, track in tracks(read).items():
        run = []  # where its steps began
        for (time, x, y), (later, x2, y2) in zip(track, track[1:]):
            mm = isqrt((x2 - x) ** 2 + (y2 - y) ** 2)
            distances[player, later - later % WINDOW] += mm
            if mm > FAST * (later - time):
                run.append(time)
                if len(run) == STEPS:
                    sprints[f"{player}@{later}"] = Answer({"start": run[0]}, later)
            else:
                run = []
    cells = Counter(f"{player}/{at['x'] // CELL}/{at['y'] // CELL}" for player, at, _ in read("tracking"))
    return {"distance-5s": {f"{player}@{start}": Answer({"mm": mm}, start + WINDOW) for (player, start), mm in distances.items()},
            "sprints": sprints,
            "heatmap": {cell: Answer({"samples": samples}) for cell, samples in cells.items()}}
