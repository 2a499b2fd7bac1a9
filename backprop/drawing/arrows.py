"""Graphs given as a list of arrows, (from, to) pairs of names."""

from __future__ import annotations

from ..graph import CycleError


def checked_edges(edges) -> list[tuple]:
    """The arrows as pairs of names. Raises ValueError if one is not a pair, or there is none."""
    checked = []
    for edge in edges:
        if not isinstance(edge, (tuple, list)) or len(edge) != 2 or not all(isinstance(end, str) for end in edge):
            raise ValueError(f'An edge is a pair of names such as ("a", "sum"); got {edge!r:.60}.')
        checked.append(tuple(edge))
    if not checked:
        raise ValueError('There are no edges to draw: give at least one pair of names such as ("a", "sum").')
    return checked


def sorted_names(edges: list[tuple]) -> list[str]:
    """The names in topological order; among those that are free, the one that was mentioned first.

    Raises CycleError if the arrows run in a circle.
    """
    waiting = dict.fromkeys(name for edge in edges for name in edge)
    order: list[str] = []
    while waiting:
        free = next((n for n in waiting if not any(end == n and start in waiting for start, end in edges)), None)
        if free is None:
            raise CycleError(
                f"The arrows run in a circle among {', '.join(waiting)}: no value could be computed first."
            )
        order.append(free)
        del waiting[free]
    return order
