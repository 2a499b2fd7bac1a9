"""Where the nodes of a drawing go: in columns from left to right, with few crossings.

Three classic steps (Sugiyama, Tagawa and Toda, 1981): a column for each node, an order within each column (means of
neighbours, then exchanges of two cells as in Gansner, Koutsofios, North and Vo, 1993), then heights. An edge that skips
columns gets a *bend* in each column it passes, so that it has a way between the boxes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

Key = Hashable
Edge = tuple[Key, Key]

_BEND_GAP = 0.85  # a passing line needs less room than a box
_SWEEPS = 12
_PASSES, _SETTLED = 100, 1e-3  # so many passes over the heights at most; done when nothing moves more than this


@dataclass
class Layout:
    """Places in columns and rows.

    column : key -> 0, 1, 2, … from left to right; every edge goes to a higher column
    height : key -> float, upwards; two keys of one column are at least 1 apart
    bends : edge -> heights of the line in the columns between its two ends, left to right
    """

    column: dict[Key, int]
    height: dict[Key, float]
    bends: dict[Edge, list[float]] = field(default_factory=dict)


def layered(keys: Sequence[Key], edges: Sequence[Edge]) -> Layout:
    """A layout of the graph with these keys, *given in topological order*, and these edges (from, to).

    A result stands at the right; everything else as far right as its users allow, so inputs stand beside the
    operators that use them. Repeated edges count once.
    """
    edges = list(dict.fromkeys(edges))
    column = _columns(keys, edges)
    # A cell is a key, or (edge, column) for a bend.
    cells: list[list] = [[] for _ in range(max(column.values(), default=0) + 1)]
    links: list[tuple] = []
    for key in keys:
        cells[column[key]].append(key)
    bend_cells = {}
    for edge in edges:
        bend_cells[edge] = [_Bend(edge, c) for c in range(column[edge[0]] + 1, column[edge[1]])]
        for bend in bend_cells[edge]:
            cells[bend.column].append(bend)
        chain = [edge[0], *bend_cells[edge], edge[1]]
        links += zip(chain, chain[1:], strict=False)
    before, after = _neighbours(cells, links)
    cells = _order(cells, before, after)
    height = _heights(cells, before, after)
    return Layout(
        column=column,
        height={key: height[key] for key in keys},
        bends={edge: [height[bend] for bend in bends] for edge, bends in bend_cells.items()},
    )


@dataclass(frozen=True)
class _Bend:
    edge: Edge
    column: int


def _columns(keys: Sequence[Key], edges: Sequence[Edge]) -> dict[Key, int]:
    steps_left = dict.fromkeys(keys, 0)  # the longest way to a result
    users: dict[Key, list] = {key: [] for key in keys}
    for start, end in edges:
        users[start].append(end)
    for key in reversed(keys):
        steps_left[key] = max((steps_left[user] + 1 for user in users[key]), default=0)
    last = max(steps_left.values(), default=0)
    return {key: last - steps for key, steps in steps_left.items()}


def _neighbours(cells: list[list], links: list[tuple]) -> tuple[dict, dict]:
    before = {cell: [] for column in cells for cell in column}
    after = {cell: [] for column in cells for cell in column}
    for start, end in links:
        before[end].append(start)
        after[start].append(end)
    return before, after


def _order(cells: list[list], before: dict, after: dict) -> list[list]:
    """The cells of each column from top to bottom: each near the mean place of its neighbours, with few crossings."""
    best, fewest = cells, _crossings(cells, after)
    current = [list(column) for column in cells]
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 1
        neighbours = before if forward else after
        order = range(1, len(current)) if forward else range(len(current) - 2, -1, -1)
        for c in order:
            fixed = {cell: i for i, cell in enumerate(current[c - 1 if forward else c + 1])}
            old = {cell: i for i, cell in enumerate(current[c])}

            def place(cell, fixed=fixed, old=old, neighbours=neighbours):
                at = [fixed[n] for n in neighbours[cell]]
                # cells without neighbours on that side keep their place; ties keep their order
                return (sum(at) / len(at) if at else old[cell], old[cell])

            current[c].sort(key=place)
        _exchange(current, before, after)
        crossings = _crossings(current, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in current], crossings
    return best


def _exchange(cells: list[list], before: dict, after: dict) -> None:
    """Exchange two cells, one above the other, as long as that makes crossings fewer."""
    place = {cell: i for column in cells for i, cell in enumerate(column)}

    def crossings(upper, lower) -> int:
        sides = ((side[upper], side[lower]) for side in (before, after))
        return sum(place[a] > place[b] for ups, lows in sides for a in ups for b in lows)

    changed = True
    while changed:  # each exchange removes a crossing, so this ends
        changed = False
        for column in cells:
            for i in range(len(column) - 1):
                upper, lower = column[i], column[i + 1]
                if crossings(lower, upper) < crossings(upper, lower):
                    column[i], column[i + 1] = lower, upper
                    place[lower], place[upper] = i, i + 1
                    changed = True


def _crossings(cells: list[list], after: dict) -> int:
    total = 0
    for left, right in zip(cells, cells[1:], strict=False):
        place = {cell: i for i, cell in enumerate(right)}
        ends = [(i, place[end]) for i, cell in enumerate(left) for end in after[cell]]
        total += sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for k, a in enumerate(ends) for b in ends[:k])
    return total


def _heights(cells: list[list], before: dict, after: dict) -> dict:
    """Heights, upwards: the squared climbs of all links, weighted, are as small as the gaps in the columns allow.

    One column after the other finds its best places; each pass makes the sum smaller, so this settles.
    """
    depth = {}
    for column in cells:
        depth.update({cell: float(i) for i, cell in enumerate(column)})
    for sweep in range(_PASSES):
        old = dict(depth)
        for column in cells if sweep % 2 else cells[::-1]:
            wanted, weights = [], []
            for cell in column:
                pulls = [(_pull(cell, n), depth[n]) for n in before[cell] + after[cell]] or [(1.0, depth[cell])]
                weights.append(sum(pull for pull, _ in pulls))
                wanted.append(sum(pull * d for pull, d in pulls) / weights[-1])
            gaps = [
                _BEND_GAP if isinstance(a, _Bend) or isinstance(b, _Bend) else 1.0
                for a, b in zip(column, column[1:], strict=False)
            ]
            depth.update(zip(column, _spread(wanted, weights, gaps), strict=True))
        if all(abs(depth[cell] - old[cell]) < _SETTLED for cell in depth):
            break
    lowest = max(depth.values(), default=0.0)
    return {cell: lowest - d for cell, d in depth.items()}


def _pull(a, b) -> float:
    """How much a link wants to be level: a long line between two bends most of all."""
    return (1.0, 2.0, 8.0)[isinstance(a, _Bend) + isinstance(b, _Bend)]


def _spread(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to the wanted ones (weighted least squares) that keep the order and the gaps.

    Without the offsets that the gaps add up to, this is isotonic regression: neighbours in conflict share a mean.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    groups: list[list[float]] = []  # mean, weight, number of members
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        groups.append([want - offset, weight, 1])
        while len(groups) > 1 and groups[-2][0] >= groups[-1][0]:
            mean, total, members = groups.pop()
            first = groups[-1]
            first[0] = (first[0] * first[1] + mean * total) / (first[1] + total)
            first[1] += total
            first[2] += members
    flat = [mean for mean, _, members in groups for _ in range(int(members))]
    return [place + offset for place, offset in zip(flat, offsets, strict=True)]
