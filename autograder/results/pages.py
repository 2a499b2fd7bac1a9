"""What the pages share: where their templates and style sheets lie, and the filters of their texts."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"


def style(*names: str) -> str:
    """Some style sheets as one text."""
    return "\n".join((TEMPLATES / name).read_text("utf-8") for name in names)


def code(text: str) -> Markup:
    """Text in which `…` is code; everything in it is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def amount(value: float) -> str:
    """Points as they are written: 2.5, 3, no more than two digits after the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@functools.cache
def template(name: str) -> Template:
    """A template of the report. Everything that is put into it is escaped."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(code=code, points=amount)
    return environment.get_template(name)
