"""The template gradescope: one question a page, at the same page numbers for the whole class.

Gradescope is told once on which page each question is. So a question always has one page, blank where there is little
to show; what does not fit follows at the end of the document, and the question's page says where.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from .answers import Options, anchor, first_page, page_setup, question_title
from .blocks import Content
from .document import HEAD, Document
from .html_to_typst import wrapped
from .notebook import NotebookError
from .typst import Typesetter, typst_string

_ROWS = 20  # of the table of questions on one page
_LINES = 45  # of code that stay together
_WHOLE = 40  # up to so many lines no page ends in it (`long` in style.typ)
_TRIES = 12
_HEADING = re.compile(r"#(?:heading\(level: |label-line\()(\d)")
_MARK = "#let mark(name) = context [#metadata((name, here().page()))<mark>]\n"


@dataclass(frozen=True)
class _Unit:
    """A part of a piece that stays together, in a file of its own."""

    name: str
    frame: str
    piece: int
    is_label: bool  # it names what comes next
    is_solid: bool  # no page ends in it
    level: int  # of its first heading; 0 where it has none

    def ends_beyond(self, page: int, at: dict[str, int]) -> bool:
        """True when it does not end on that page. Typst counts a mark to what stands behind it, if anything does."""
        return at[f"{self.name} begins"] > page or (not self.is_solid and at[f"{self.name} ends"] > page)


def set_pages(
    document: Document,
    typesetter: Typesetter,
    contents: Sequence[Content],
    options: Options,
    missing: str,
    folder: Path,
) -> tuple[bytes, dict[str, int]]:
    """The PDF, and the page of each question. Raises NotebookError when the pages cannot be kept apart."""
    questions = {key: question for content in contents for key, question in content.questions.items()}
    keys = list(questions)
    if not keys:
        raise NotebookError("There is no question in these notebooks, so there are no pages for Gradescope.")
    index_pages = 1 + (len(keys) - 1) // _ROWS
    pages = {key: index_pages + number for number, key in enumerate(keys, 1)}
    setup = page_setup(contents, options) + _MARK
    index = first_page(contents, options, missing, pages) + '#mark("index")\n'
    # Once as it comes, so that whatever cannot be set is replaced before pages are counted.
    whole = "\n".join(map(document.include, range(len(document.blocks))))
    document.set(lambda: setup + '#heading(level: 1, "Answers")\n' + whole)
    units = _units(document, folder)
    moved = {key: 0 for key in keys}  # how many of a question's last units stand at the end of the document

    def main(blank: int) -> str:
        parts = [setup, index, "#pagebreak()\n" * blank]
        for key in keys:
            mine = units[key][: len(units[key]) - moved[key]]
            title = question_title(questions[key])
            parts.append(f"#pagebreak()\n{anchor(contents, key)}\n#heading(level: 1, {typst_string(title)})\n")
            parts.append(f'#mark("{keys.index(key)} begins")\n')
            if moved[key]:
                where = f"context counter(page).at(<rest-{keys.index(key)}>).first()"
                parts.append(f'#note[#"Continued on page ";#{where}]\n')
            if not mine and not moved[key]:
                parts.append('#note("Nothing was handed in for this question.")\n')
            parts.append(_markup(mine))
        for key in ["", *keys]:
            rest = units[key][len(units[key]) - moved[key] :] if key else units[""]
            if rest:
                title = f"{key}, continued" if key else "Cells that belong to no question"
                label = f"<rest-{keys.index(key)}>" if key else ""
                parts.append(f"#pagebreak()\n#[#heading(level: 1, {typst_string(title)}) {label}]\n")
                # Headings without a gap, as a screen reader needs them.
                for level in range(2, next((unit.level for unit in rest if unit.level), 0)):
                    parts.append(f"#label-line({level}, {typst_string(title)})\n")
                parts.append(_markup(rest))
        return "".join(parts)

    blank = 0
    for _ in range(_TRIES):
        found = typesetter.query(main(blank), "<mark>")
        if not found.good or found.found is None:
            raise NotebookError(f"The pages could not be counted ({found.errors[0]}). Please report this.")
        at = {name: page for name, page in found.found}
        blank = max(0, blank + index_pages - at["index"])
        late = {}
        for number, key in enumerate(keys):
            mine = units[key][: len(units[key]) - moved[key]]
            page = at[f"{number} begins"]
            fitting = next((i for i, unit in enumerate(mine) if unit.ends_beyond(page, at)), len(mine))
            if fitting < len(mine):
                while fitting and mine[fitting - 1].is_label:
                    fitting -= 1
                late[key] = len(units[key]) - fitting
        right = all(at[f"{number} begins"] == pages[key] for number, key in enumerate(keys))
        if right and not late:
            return document.set(partial(main, blank)), pages
        moved |= late
    raise NotebookError("The questions do not fit on pages of their own. Make the PDF without --template gradescope.")


def _markup(units: Sequence[_Unit]) -> str:
    """The units one below the other, those of one piece in one frame, with a mark before and behind each."""
    parts = []
    for (_, frame), mine in groupby(units, key=lambda unit: (unit.piece, unit.frame)):
        inside = "\n\n".join(
            f'#mark("{unit.name} begins")\n#include "{unit.name}.typ"\n#mark("{unit.name} ends")' for unit in mine
        )
        parts.append(f"#{frame}[{inside}]\n" if frame else f"{inside}\n")
    return "".join(parts)


def _units(document: Document, folder: Path) -> dict[str, list[_Unit]]:
    """The pieces of each question, cut where a page may end."""
    units: dict[str, list[_Unit]] = defaultdict(list)
    for number, block in enumerate(document.blocks):
        if block.kind == "section":
            continue
        parts = [document.pieces[number]]
        frame, is_solid = "", block.kind in ("label", "image", "note")
        if document.is_framed(number):
            parts, frame = _cut(parts[0]), "" if block.frame == "plain" else block.frame
        elif block.kind in ("code", "report") and not document.is_replaced(number):
            lines = wrapped(block.text).split("\n")
            is_solid = len(lines) <= _WHOLE
            chunks = ["\n".join(lines[start : start + _LINES]) for start in range(0, len(lines), _LINES)]
            first = typst_string(block.words) if block.kind == "code" else str(block.good).lower()
            call = "listing" if block.kind == "code" else "report"
            parts = [f"#{call}({first}, {typst_string(chunk)})" for chunk in chunks]
        for part in parts:
            name = f"unit{sum(map(len, units.values()))}"
            (folder / f"{name}.typ").write_text(HEAD + part, "utf-8")
            units[block.question].append(_Unit(name, frame, number, block.kind == "label", is_solid, _level(part)))
    return units


def _level(markup: str) -> int:
    found = _HEADING.search(markup)
    return int(found[1]) if found else 0


def _cut(markup: str) -> list[str]:
    """The markup between empty lines that stand in no bracket and in no string."""
    parts, depth, start, position, in_string = [], 0, 0, 0, False
    while position < len(markup):
        character = markup[position]
        if in_string:
            position += character == "\\"
            in_string = character != '"'
        elif character == '"':
            in_string = True
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and markup.startswith("\n\n", position):
            parts.append(markup[start:position])
            start = position + 2
        position += 1
    return [part for part in [*parts, markup[start:]] if part.strip()]
