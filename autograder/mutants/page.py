"""The published figures: one page with a section for each kind of measurement, each written by its own command."""

from __future__ import annotations

import re
from pathlib import Path

from backprop.files import write_atomically

TITLE = "# The checks, measured\n"
# In the order of the page: what a section is called in the code, its heading, and how its figures came about.
SECTIONS = {
    "hidden": (
        "Wrong and right solutions of our own",
        """Made by `python -m autograder mutants --seeds 1000 --write docs/checks.md`. For each check: how many wrong
solutions were caught under every seed, how many right ones were accepted under every seed, in which share of the runs
of a wrong solution the feedback named its mistake, and in which share it named another one. These solutions were
written, or made by rule, by those who wrote the checks: 100 % here says that the checks do what their authors thought
of, and nothing about what they did not think of.""",
    ),
    "unseen": (
        "Answers written without sight of the checks",
        """Made by `python -m autograder mutants --unseen --seeds 3 --write docs/checks.md`. The answers in
`checks/mutants/unseen/` were written from the notebooks alone and frozen before they were first judged. The figures at
first contact never change; those of today follow the checks. A cell is judged beside right answers to the other stubs,
so an answer that is spread over several cells counts as lost. Each wrong answer that keeps its points stands below its
table with its reason, from `checks/mutants/unseen/allowed.txt`; it counts as not caught.""",
    ),
    "regions": (
        "Right answers that are wrong in one region",
        """Made by `python -m autograder mutants SECTION… --regions --write docs/checks.md`, for the sections in the
table. Each right answer is wrapped so that it is wrong in one region of its inputs only, from the second call or
instance on, or in a side effect only; how does not depend on its text. For each region: how many were caught of how
many; "–" where there is no such input; "left out" where the exercise does not contain the region, with the reason
below.""",
    ),
    "secrets": (
        "Points under one secret and another",
        """Made by `python -m autograder mutants --secrets 50 --write docs/checks.md`. What is drawn depends on a secret
of the course. The same solutions, judged under 50 secrets: a verdict must not depend on it.""",
    ),
    "visible": (
        "The visible checks",
        """Made by `python -m autograder mutants --visible --write docs/checks.md`. The same solutions, put to the cell
that a student runs. "In words": of the wrong solutions that are caught, the share for which the check says what kind of
mistake it is, or states the plain fact; "misnamed": it names another kind. Not among those to be accepted are right
solutions beside a cell that is wrong or does not fit to them: the judge brings cells of its own, a student's notebook
does not work.""",
    ),
}


def write_section(path: Path, kind: str, table: str) -> None:
    """Put the table into its section of the page, made when it is not there; the other sections stay."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = re.split(r"^## (.+)\n", old, flags=re.MULTILINE)[1:]
    bodies = dict(zip(parts[::2], parts[1::2], strict=True))
    heading, words = SECTIONS[kind]
    bodies[heading] = f"\n{words}\n\n{table.strip()}\n\n"
    order = [heading for heading, _ in SECTIONS.values() if heading in bodies]
    text = TITLE + "".join(f"\n## {name}\n{bodies[name].rstrip()}\n" for name in order)
    write_atomically(path, text.encode())
