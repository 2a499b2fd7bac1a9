"""One feedback page: the template of templates/feedback/, which extends nbconvert's, and what is put into it."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer
from traitlets.config import Config

from ..gradebook.reader import NotebookGrade
from ..submissions.outputs import IMAGES, SVG
from . import sanitize
from .pages import TEMPLATES, amount, code, style
from .summary import Summary

OWN = {"index.html.j2", "summary.html.j2"}  # everything that these put into the page is escaped
HIDDEN = re.compile(r"^[ \t]*###? *BEGIN HIDDEN TESTS.*?(^[ \t]*###? *END HIDDEN TESTS[^\n]*\n?|\Z)", re.M | re.S)
# Whatever might slip through all the rest meets a policy: no script runs, and nothing is fetched.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
PROBLEMS = "problems"  # the id of the cell in which grading says what was mended (`grading.write_up`)
MOST_CACHED = 20_000  # letters; most code of a class is that of the exercises, the same for everybody


def page_html(summary: Summary, grade: NotebookGrade, cells: list[dict[str, Any]], name: str, folder: Path) -> str:
    """The page of a graded notebook.

    cells  : as they lie in autograded/, hostile
    name   : of the notebook
    folder : pictures that lie in it may be shown
    """
    shown, about = [], ""
    for cell in sanitize.sanitized_cells([cell for cell in cells if not sanitize.for_graders_only(cell)]):
        own = cell.metadata.get("nbgrader", {})
        mark = grade.marks.get(own.get("grade_id"))
        if mark is None and (own.get("grade") or own.get("task")):
            cell.metadata = own = nbformat.from_dict({})  # not one of the cells that were graded
        if own.get("solution") or own.get("task"):
            own["comment"] = grade.comments.get(own["grade_id"])
        if own.get("grade") and not own.get("solution"):
            cell.source = HIDDEN.sub("", cell.source)
        if mark is not None and not own.get("solution") and cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_score(output)]
        if not shown and not about and cell.get("id") == PROBLEMS:
            about = cell.source
        else:
            shown.append(cell)
    render, resources = template()
    where = {"name": name, "path": str(folder)}
    return render(nb=_as_notebook(shown), page=summary, about=about, resources={**resources, "metadata": where})


def _is_score(output: dict[str, Any]) -> bool:
    """Whether an output of a test is its score as nbgrader reads it: the page has it in the heading."""
    try:
        float(output["data"]["text/plain"])
    except (KeyError, ValueError):
        return False
    return output["output_type"] == "execute_result"


@functools.cache
def template() -> tuple[Callable[..., str], dict[str, Any]]:
    """The template of a page, ready to render, and the resources that are the same for every page."""
    exporter = HTMLExporter(
        config=Config(
            HTMLExporter={
                "template_name": "feedback",
                "extra_template_basedirs": [str(TEMPLATES)],
                "exclude_input_prompt": True,
                "exclude_output_prompt": True,
                "filters": {
                    "highlighted": highlighted,
                    "image_address": image_address,
                    "markdown2html": sanitize.markdown2html,
                    "strip_files_prefix": sanitize.unchanged,
                    "title": title,
                    "code": code,
                    "points": amount,
                },
            },
            NbConvertBase={"display_data_priority": ["text/plain"]},  # pictures are the template's own business
            Exporter={"default_preprocessors": []},
        )
    )
    environment = exporter.environment
    environment.autoescape = lambda name: name in OWN
    environment.trim_blocks = environment.lstrip_blocks = True
    sheet = Markup(code_colours() + "\n" + style("page.css", "formulas.css", "feedback/feedback.css"))
    environment.globals.update(style=sheet, policy=POLICY, page=Summary("", 0, 0), about="")
    _, resources = exporter.from_notebook_node(_as_notebook([]))
    return exporter.template.render, dict(resources)


def code_colours() -> str:
    """The colours of code for light and dark screens."""
    light, dark = (HtmlFormatter(style=name).get_token_style_defs(".highlight") for name in ("default", "github-dark"))
    return "\n".join([*light, "@media (prefers-color-scheme: dark) {", *dark, "}"])


def highlighted(source: str) -> Markup:
    """Python code as HTML with classes for its colours."""
    return (_cached if len(source) <= MOST_CACHED else _highlighted)(source)


def _highlighted(source: str) -> Markup:
    return Markup(highlight(source, PythonLexer(), HtmlFormatter()))


_cached = functools.lru_cache(maxsize=1024)(_highlighted)


def image_address(data: dict[str, str]) -> str:
    """The picture of an output as a data address, "" where it has none."""
    for mime in IMAGES:
        if mime in data:
            return f"data:{mime};base64,{data[mime]}"
    return f"data:{SVG};base64,{base64.b64encode(data[SVG].encode()).decode()}" if SVG in data else ""


@functools.lru_cache(maxsize=512)
def title(markdown: str) -> Markup:
    """A heading's Markdown as HTML within a line."""
    rendered = sanitize.sanitized_html(markdown).strip()
    within = re.fullmatch(r"<p>((?:(?!</?p>).)*)</p>", rendered, re.DOTALL)
    return Markup(within[1]) if within else escape(markdown)


def _as_notebook(cells: list[Any]) -> Any:
    metadata = {"language_info": {"name": "python"}}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
