"""What grading a submission again has changed, for whoever answers a student's request."""

from __future__ import annotations

from ..gradebook.reader import Grades, Mark


def changes(before: Grades, after: Grades, student: str) -> list[str]:
    """A line for each cell whose points are others than before or were given by hand, and one for the total."""
    (old,), (new,) = before.sections, after.sections
    was, now = old.submissions.get(student), new.submissions[student]
    lines = []
    for item in new.items:
        first, second = was.mark(item) if was else None, now.mark(item)
        if second is None:
            continue
        by_hand = "given by hand" if second.by_person else ""
        if _points(first) != _points(second):
            lines.append(f"  {item.name}: {_points(first)} -> {_points(second)} of {item.points:g}")
        elif by_hand:
            lines.append(f"  {item.name}: {_points(second)} of {item.points:g}, {by_hand}, kept")
    total = f"{was.score:g} -> {now.score:g}" if was and abs(was.score - now.score) > 1e-9 else f"{now.score:g}"
    same = "" if lines and any("->" in line for line in lines) else ", as before"
    return [f"{student}/{new.name}: {total} of {new.points:g} points{same}", *lines]


def _points(mark: Mark | None) -> str:
    if mark is None:
        return "not graded"
    return "open" if mark.needs_person and not mark.by_person else f"{mark.score:g}"
