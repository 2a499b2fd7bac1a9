"""A formula in the PDF against the same formula set by MathJax: right, off or wrong, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.mathjax.marks import LINE, RULE, Mark, Setting

_SPACE, _SHIFT = 0.14, 0.2  # em between neighbours: across, less than a thin space (0.17) is not seen
_LOST = 0.65  # em: neighbours so much further apart, or nearer, belong together differently
_TALL = 1.15


@dataclass(frozen=True)
class Verdict:
    """`right`, `off` (every character in its place, sizes or spaces differ), `wrong` or `source`; and the reason."""

    kind: str
    reason: str = ""


def compare(wanted: Setting, got: Setting) -> Verdict:
    """What a reader would say who sees MathJax's formula beside the one in the PDF."""
    if wanted.error:
        # What MathJax refuses: shown as source here too, or set all the same since the meaning is plain.
        return Verdict("error in both" if got.error else "right", wanted.error)
    if got.error:
        return Verdict("source", got.error)
    difference = _characters(wanted, got)
    if difference:
        return Verdict("wrong", difference)
    pairs = _matched(wanted, got)
    worst = _places(pairs)
    if worst.kind != "right":
        return worst
    # MathJax gives each formula the height of a line; only what it has beyond that is compared.
    # The two fonts have delimiters of different sizes, and scripts of different widths.
    for name, one, other, free, share in (
        ("wide", wanted.width, got.width, 0.3, 0.07),
        ("high", max(wanted.height, 1.0), max(got.height, 1.0), 0.65, 0.05),
    ):
        if abs(one - other) > free + share * one:
            return Verdict("off", f"{other:.2f} em {name}, {one:.2f} in MathJax")
    return worst


def _characters(wanted: Setting, got: Setting) -> str:
    ours, theirs = (Counter(mark.character for mark in setting.marks) for setting in (got, wanted))
    if theirs["⏟"]:  # braces side by side touch: they may count as one
        ours["⏟"] = theirs["⏟"] = 1 if ours["⏟"] else 0
        theirs["⏟"] = 1
    missing, extra = theirs - ours, ours - theirs
    said = [
        f"{word} {' '.join(sorted(marks.elements()))[:60]}"
        for word, marks in (("missing", missing), ("extra", extra))
        if marks
    ]
    return "; ".join(said)


def _matched(wanted: Setting, got: Setting) -> list[tuple[Mark, Mark]]:
    """Each mark of `wanted` with the mark of the same character that stands most nearly in its place."""
    wx, wy = _origin(wanted)
    gx, gy = _origin(got)
    stretch = (wanted.width or 1) / (got.width or 1)
    rise = _extent(wanted) / (_extent(got) or 1)
    pairs: list[tuple[Mark, Mark]] = []
    for character in {mark.character for mark in wanted.marks}:
        ones = [mark for mark in wanted.marks if mark.character == character]
        others = [mark for mark in got.marks if mark.character == character]

        def away(one: Mark, other: Mark) -> float:
            return (
                abs(_x(one) - wx - (_x(other) - gx) * stretch)
                + 1.5 * abs(_y(one) - wy - (_y(other) - gy) * rise)
                + 2 * abs(one.scale - other.scale)
            )

        ranked = sorted((away(one, other), i, j) for i, one in enumerate(ones) for j, other in enumerate(others))
        used: set[int] = set()
        taken: dict[int, int] = {}
        for _, i, j in ranked:
            if i not in taken and j not in used:
                taken[i] = j
                used.add(j)
        for i in taken:  # a swap that brings both nearer
            for k in taken:
                now = away(ones[i], others[taken[i]]) + away(ones[k], others[taken[k]])
                if away(ones[i], others[taken[k]]) + away(ones[k], others[taken[i]]) < now - 1e-9:
                    taken[i], taken[k] = taken[k], taken[i]
        pairs += [(ones[i], others[j]) for i, j in taken.items()]
    return pairs


def _x(mark: Mark) -> float:
    return (mark.left + mark.right) / 2


def _y(mark: Mark) -> float:
    return (mark.bottom + mark.top) / 2


def _origin(setting: Setting) -> tuple[float, float]:
    marks = setting.marks
    return (min((m.left for m in marks), default=0), min((m.bottom for m in marks), default=0))


def _extent(setting: Setting) -> float:
    marks = setting.marks
    return max((m.top for m in marks), default=1) - min((m.bottom for m in marks), default=0)


def _places(pairs: list[tuple[Mark, Mark]]) -> Verdict:
    off = ""
    for one, other in pairs:
        ratio = other.scale / one.scale
        if one.character in (RULE, LINE):
            continue
        if not 0.82 < ratio < 1.22:
            return Verdict(
                "wrong", f"{one.character} is {other.scale:.2f} of the letters' size, {one.scale:.2f} in MathJax"
            )
        if not 0.93 < ratio < 1.08:
            off = off or f"{one.character} is {other.scale:.2f} of the letters' size, {one.scale:.2f} in MathJax"
    wanted = [one for one, _ in pairs]
    for i, (one, other) in enumerate(pairs):
        near = sorted(range(len(pairs)), key=lambda k, one=one: _gap(one, pairs[k][0]))[:6]
        for k in near:
            if k == i:
                continue
            across = _between(one, pairs[k][0], wanted)
            kind, reason = _relation(one, pairs[k][0], other, pairs[k][1], across)
            if kind == "wrong":
                return Verdict(kind, reason)
            off = off or reason
    return Verdict("off", off) if off else Verdict("right")


def _between(one: Mark, other: Mark, marks: list[Mark]) -> bool:
    """True when a mark stands between these two, in their row: then their distance is no single space."""
    left, right = min(one.right, other.right), max(one.left, other.left)
    low, high = max(one.bottom, other.bottom), min(one.top, other.top)
    return right - left > 0.2 and any(
        mark.left > left - 0.05 and mark.right < right + 0.05 and mark.bottom < high and mark.top > low
        for mark in marks
    )


def _gap(one: Mark, other: Mark) -> float:
    across = max(one.left, other.left) - min(one.right, other.right)
    along = max(one.bottom, other.bottom) - min(one.top, other.top)
    return max(across, 0) + max(along, 0)


def _relation(a: Mark, b: Mark, a_got: Mark, b_got: Mark, across: bool) -> tuple[str, str]:
    """How far the place of `b` beside `a` differs from what MathJax has; less strict `across` other marks."""
    named = f"{a.character} and {b.character}"
    if a.left > b.left:
        a, b, a_got, b_got = b, a, b_got, a_got
        named = f"{a.character} and {b.character}"
    apart, apart_got = b.left - a.right, b_got.left - a_got.right
    if "⏟" in (a.character, b.character):  # as wide as the font has it
        same = (_y(b) - _y(a)) * (_y(b_got) - _y(a_got)) > -0.02
        return ("", "") if same else ("wrong", f"{named} are the other way up")
    beside = apart > -0.1
    wide = max(a.right - a.left, b.right - b.left) > 1.2 or "⏟" in (a.character, b.character)
    flexible = any(
        m.character in "√⏟\u0338" or m.loose or m.top - m.bottom > _TALL or g.top - g.bottom > _TALL
        for m, g in ((a, a_got), (b, b_got))
    )
    if beside:
        if (
            apart_got < -0.2
            and apart - apart_got > 0.25
            and RULE not in (a.character, b.character)
            and _overlap_y(a_got, b_got)
            and (a.character != b.character or b_got.right > a_got.left)  # or two alike were taken for each other
        ):
            return "wrong", f"{named} stand on top of each other"
        dx = apart_got - apart
    elif wide:
        dx = 0.0
    else:
        dx = (_x(b_got) - _x(a_got)) - (_x(b) - _x(a))
    dy = 0.0 if flexible else (_y(b_got) - _y(a_got)) - (_y(b) - _y(a))
    above, above_got = _y(b) - _y(a), _y(b_got) - _y(a_got)
    if not flexible and abs(above) > 0.2 and abs(above_got) > 0.2 and above * above_got < 0:
        return "wrong", f"{named} are the other way up"
    if not flexible and abs(dy) > 0.45 and abs(dy) > 0.35 * max(abs(above), 0.5):
        return "wrong", f"{named} stand {above_got:+.2f} em to each other in height, {above:+.2f} in MathJax"
    slack = (0.25 if flexible else 0.0) + (0.25 if across else 0.0)
    slack += 0.4 if "‖" in (a.character, b.character) else 0.0  # MathJax gives high ones wide margins
    arrows = any(m.character in "→←⇒⇐↔⇔↦" for m in (a, b))
    if arrows and max(abs(_wide(m) - _wide(g)) for m, g in ((a, a_got), (b, b_got))) > 0.1:
        return "", ""  # of a long arrow only one piece has a name in the PDF
    if abs(dx) > _LOST + slack and abs(dx) > 0.5 * abs(apart):
        return "wrong", f"{named} are {apart_got:.2f} em apart, {apart:.2f} in MathJax"
    apart_y = max(a.bottom, b.bottom) - min(a.top, b.top)
    if apart_y > 0:
        slack += 0.6 if apart_y > 0.4 else 0.3  # in different rows: what differs on the way to them adds up
    if abs(dx) > _SPACE + slack * 0.5 + (0.12 if not beside else 0) + 0.1 * max(0, apart):
        return "off", f"{named} are {apart_got:.2f} em apart, {apart:.2f} in MathJax"
    rules = 0.15 if RULE in (a.character, b.character) else 0.0  # radicals come in other sizes
    if abs(dy) > _SHIFT + rules + 0.1 * abs(above):
        return "off", f"{named} stand {above_got:+.2f} em to each other in height, {above:+.2f} in MathJax"
    return "", ""


def _wide(mark: Mark) -> float:
    return mark.right - mark.left


def _overlap_y(a: Mark, b: Mark) -> bool:
    return min(a.top, b.top) - max(a.bottom, b.bottom) > 0.05
