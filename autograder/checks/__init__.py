"""The checks, one module a section: `04-ridge` is judged by `s04_ridge`."""

from __future__ import annotations

import importlib
from pathlib import Path

from ..judging import REGISTRY, Check


def module_name(section: str) -> str:
    """The module that holds the checks of a section, e.g. "04-ridge" -> "s04_ridge"."""
    return "s" + section.replace("-", "_")


def sections() -> list[str]:
    """The modules of all sections that have checks, in order."""
    return sorted(path.stem for path in Path(__file__).parent.glob("s[0-9]*.py"))


def load(section: str) -> dict[str, Check]:
    """The checks of a section by grade_id; empty when it has none (its grade cells are plain nbgrader tests)."""
    name = module_name(section)
    if name in sections():
        importlib.import_module(f"{__name__}.{name}")
    return {check.grade_id: check for check in REGISTRY.values() if check.section == section}


def find(name: str) -> Check | None:
    """The check registered as section/grade_id, or None."""
    section, _, grade_id = name.partition("/")
    return load(section).get(grade_id)


def all_checks() -> list[Check]:
    """Every registered check, ordered by section and then as written in its module."""
    for name in sections():
        importlib.import_module(f"{__name__}.{name}")
    return sorted(REGISTRY.values(), key=lambda check: check.section)
