"""Show a student's notebook in a browser without letting it act there: for the feedback pages and the formgrader.

nbconvert's own `sanitize_html` does not reach the Markdown cells of nbgrader's two page templates, and
nbgrader's `strip_files_prefix` turns a harmless `files/javascript:…` link into a live one. So the
whole way is closed here instead, in two places that `nbgrader_config.py` names:

* `SanitizeCells` rebuilds each cell from the parts that are known, outputs as text and images only;
* `markdown2html` renders Markdown, then lets through a short list of tags and attributes.

Nothing is fetched from anywhere when a page is opened: pictures are either inside the notebook,
files beside it, or not shown.
"""

from __future__ import annotations

import base64
import functools
import html
import os
import re
import secrets
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote

import nbformat
import nh3
from jinja2 import DictLoader, pass_context
from markupsafe import Markup
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor

from ..submissions.files import MAX_FILE, open_no_link
from ..submissions.images import drawing, gather
from ..submissions.outputs import IMAGES, SVG, clean_outputs
from ..submissions.released import RUBRIC_TAG
from .mathml import marked, with_formulas
from .pages import style

# Longer Markdown than this is shown as plain text: no answer needs it, and rendering it could take minutes.
MAX_MARKDOWN = 60_000
MAX_ALL_MARKDOWN = 1_000_000
MAX_CODE = 200_000  # of a cell that is no answer
# The parsers look for the end of each of these to the end of the text: many without an end would take minutes.
MOST = {"\\\\[": 300, "\\\\(": 300, "\\begin{": 600, "<": 4000, "$": 8000}

TAGS = frozenset(
    """a abbr b blockquote br caption center cite code col colgroup dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr
    i img ins kbd li mark ol p pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead tr
    tt u ul var""".split()  # noqa: SIM905
)
# A `<`, and whether it begins one of these tags, whole, or a comment. The bounds keep the time short.
REST_OF_TAG = r"""\s*/?>|\s(?:[^<>"']|"[^"]{0,1000}"|'[^']{0,1000}'){0,1000}>"""
TAG_OR_COMMENT = re.compile(rf"<(?:(/?(?:{'|'.join(sorted(TAGS))})(?={REST_OF_TAG}))|(!--))?", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+\Z")
LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
ALIGN = re.compile(r"\s*text-align:\s*(left|right|center)\s*;?\s*\Z")
NUMBER = re.compile(r"\d{1,4}(px|%)?\Z")
NAME = re.compile(r"[\w-]{1,200}\Z")
PLAIN_ATTRIBUTES = {"title", "alt", "colspan", "rowspan", "align", "start"}
IMG = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)
SRC = re.compile(r"""\bsrc\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
NBGRADER_FLAGS = ("grade", "solution", "locked", "task")


def _kept(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute where it may stay. No id and no name: they could stand in for a score box of the
    formgrader."""
    if name == "href":
        may_stay = tag == "a" and LINK.match(value)
    elif name == "src":
        may_stay = tag == "img" and PICTURE.match(value)
    elif name == "class":  # the colours of code, nothing that the page's own style knows
        may_stay = re.fullmatch(r"[a-z][a-z0-9]{0,2}", value) if tag == "span" else (tag, value) == ("div", "highlight")
    elif name == "style":
        may_stay = tag in ("td", "th") and ALIGN.match(value)
    elif name in ("width", "height"):
        may_stay = NUMBER.match(value)
    else:
        may_stay = name in PLAIN_ATTRIBUTES or name == "rel"  # which the cleaner itself gives to links
    return value if may_stay else None


CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(),
    attributes={"*": {"href", "src", "class", "style", "width", "height", *PLAIN_ATTRIBUTES}},
    attribute_filter=_kept,
    url_schemes={"http", "https", "mailto", "data"},
)


def _shown(raw: str) -> str:
    """HTML in Markdown with each `<` that begins none of TAGS and no comment as a letter.

    The cleaner leaves out the tags that it does not know: without this, of `vector<int>` the `<int>` would be lost.
    """
    comments_end = raw.rfind("-->")

    def as_it_is(found: re.Match[str]) -> str:
        known = found[1] or (found[2] and found.start() < comments_end)
        return found[0] if known else "&lt;" + found[0][1:]

    return TAG_OR_COMMENT.sub(as_it_is, raw)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown with formulas, without anchors and without pictures of its own finding."""

    def __init__(self) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)  # cleaned afterwards

    def _embed_image_or_attachment(self, src: str) -> str:
        return src

    def inline_html(self, html: str) -> str:
        return _shown(html)

    def block_html(self, html: str) -> str:
        return _shown(html) + "\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        box = "\N{BALLOT BOX WITH CHECK} " if checked else "\N{BALLOT BOX} "
        return f"<li>{'<p>' + box + text[3:] if text.startswith('<p>') else box + text}</li>\n"

    def inline_math(self, body: str) -> str:
        return marked(body, display=False)

    def block_math(self, body: str) -> str:
        return marked(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        return marked(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)

    def block_mermaidjs(self, code: str) -> str:
        return f"<pre>{html.escape(code)}</pre>"


def as_text(text: str) -> str:
    """HTML that shows `text` as it is."""
    return f"<pre>{html.escape(text)}</pre>"


@functools.lru_cache(maxsize=512)  # most Markdown of a class is the text of the exercises, the same for everybody
def _rendered(source: str) -> str:
    return MarkdownWithMath(renderer=_Renderer()).render(source)


@functools.lru_cache(maxsize=512)
def _cleaned(rendered: str) -> str:
    return CLEANER.clean(rendered)


def sanitized_html(source: str, attachments: dict[str, Any] | None = None, folder: str = "") -> str:
    """HTML of Markdown that can do nothing but be read.

    attachments : the cell's attachments; pictures of the kinds in IMAGES are shown
    folder      : such files in it may be shown as pictures; "" for none

    Never raises: what can't be rendered is shown as plain text.
    """
    source, found = gather(source, attachments, [])
    if len(source) > MAX_MARKDOWN or any(source.count(opener) > most for opener, most in MOST.items()):
        return as_text(source)
    try:
        rendered = _rendered(source)
        if "<img" not in rendered.lower():
            return with_formulas(_cleaned(rendered))
        # Pictures are put in behind the cleaner, which would read each of their millions of letters.
        secret, pictures = secrets.token_hex(8), []
        with_marks = IMG.sub(lambda tag: _picture(tag[0], found, folder, secret, pictures), rendered)
        mark = re.compile(rf"data:image/png;base64,{secret}([0-9]+)x")
        cleaned = with_formulas(CLEANER.clean(with_marks))
        return mark.sub(lambda match: pictures[int(match[1])], cleaned)
    except Exception:  # a hostile text may break the parser; the answer must be readable all the same
        return as_text(source)


def _picture(tag: str, attachments: dict[str, Any], folder: str, secret: str, pictures: list[str]) -> str:
    """The img tag with a mark in place of its picture, which is added to `pictures`, or words where there is none."""
    match = SRC.search(tag)
    source = html.unescape(match[1].strip("\"'")) if match else ""
    name = source.removeprefix("attachment:")
    if source.startswith("attachment:"):
        picture = _attached(attachments.get(name))
    else:
        paths = dict.fromkeys((source, unquote(source), *(normalize(f, unquote(source)) for f in ("NFC", "NFD"))))
        picture = next((found for path in paths if (found := _beside(folder, path))), None)
    if picture is None:
        return f"<em>[picture not shown: {html.escape(name[:200] or 'it has no address')}]</em>"
    pictures.append(picture)
    mark = f"data:image/png;base64,{secret}{len(pictures) - 1}x"
    return f'{tag[: match.start()]}src="{mark}"{tag[match.end() :]}'


def _attached(bundle: Any) -> str | None:
    """A data address of an attachment that is a picture, of an SVG what may be shown of it."""
    if not isinstance(bundle, dict):
        return None
    drawn = drawing(bundle[SVG]) if isinstance(bundle.get(SVG), str) else None
    if drawn is not None:
        return f"data:{SVG};base64,{drawn}"
    outputs = clean_outputs([{"output_type": "display_data", "data": bundle}], limit=MAX_FILE)
    data = outputs[0].get("data", {}) if outputs else {}
    return next((f"data:{mime};base64,{data[mime]}" for mime in IMAGES if mime in data), None)


def _beside(folder: str, source: str) -> str | None:
    """A data address of a picture file that lies in the notebook's folder; no link is followed out of it."""
    path = os.path.normpath(source)
    if not folder or os.path.isabs(path) or path.startswith("..") or "\0" in path:
        return None
    ending = re.search(r"\.(png|jpe?g|gif|webp|svg)\Z", path, re.IGNORECASE)
    if not ending or ":" in path:
        return None
    full = Path(folder, path)
    if Path(os.path.realpath(full.parent)) != Path(os.path.realpath(folder), os.path.dirname(path)):
        return None
    try:
        with open(open_no_link(full), "rb") as file:
            content = file.read(MAX_FILE)
    except OSError:
        return None
    encoded = base64.b64encode(content).decode()
    return _attached({SVG: encoded} if ending[1].lower() == "svg" else dict.fromkeys(IMAGES, encoded))


@pass_context
def markdown2html(context: Any, source: str) -> Markup:
    """The filter of nbconvert's page templates: Markdown of the cell that is being shown, as harmless HTML."""
    cell = context.get("cell") or {}
    folder = (context.get("resources") or {}).get("metadata", {}).get("path", "")
    return Markup(sanitized_html(source, cell.get("attachments"), str(folder or "")))


def unchanged(text: str) -> str:
    """Stands in for nbconvert's `strip_files_prefix`, which would undo what was made harmless before."""
    return text


def sanitized_cell(cell: Any) -> Any:
    """A new cell with the known parts of `cell` only. Raw cells become plain text."""
    cell_type, source = cell.get("cell_type"), cell.get("source")
    source = "".join(part for part in source if isinstance(part, str)) if isinstance(source, list) else str(source)
    result = {"cell_type": cell_type, "metadata": _sanitized_metadata(cell.get("metadata")), "source": source}
    if NAME.match(str(cell.get("id", ""))):
        result["id"] = cell["id"]
    if cell_type == "code" and len(source) > MAX_CODE and not result["metadata"]:
        cell_type = "raw"  # colouring it would take minutes
    if cell_type == "code":
        count = cell.get("execution_count")
        result["execution_count"] = count if type(count) is int else None
        outputs = cell.get("outputs")
        result["outputs"] = clean_outputs(outputs if isinstance(outputs, list) else [])
        for output in result["outputs"]:
            if SVG in output.get("data", {}):
                # nbconvert's templates then show it as an image, in which nothing acts, and not as part of the page.
                drawing = base64.b64encode(output["data"][SVG].encode()).decode()
                output["svg_filename"] = f"data:{SVG};base64,{drawing}"
    elif cell_type == "markdown":
        if isinstance(cell.get("attachments"), dict):
            result["attachments"] = cell["attachments"]
    else:
        result["cell_type"], result["source"] = "markdown", as_text(source)
    return nbformat.from_dict(result)


def for_graders_only(cell: dict[str, Any]) -> bool:
    """Whether a cell holds a model answer and a rubric: those stay on the formgrader's page and on no other."""
    return RUBRIC_TAG in cell.get("metadata", {}).get("tags", [])


def sanitized_cells(cells: list[Any]) -> list[Any]:
    """Every cell made harmless; Markdown beyond MAX_ALL_MARKDOWN characters becomes plain text."""
    kept, size = [], 0
    for cell in map(sanitized_cell, cells):
        size += len(cell.source) if cell.cell_type == "markdown" else 0
        if cell.cell_type == "markdown" and size > MAX_ALL_MARKDOWN:
            cell.source = as_text(cell.source)
        kept.append(cell)
    return kept


def _sanitized_metadata(metadata: Any) -> dict[str, Any]:
    """nbgrader's own entries, each of its right type; everything else is left out."""
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(nbgrader, dict) or not NAME.match(str(nbgrader.get("grade_id", ""))):
        return {}
    kept: dict[str, Any] = {flag: nbgrader.get(flag) is True for flag in NBGRADER_FLAGS}
    points = nbgrader.get("points")
    if isinstance(points, (int, float)) and not isinstance(points, bool):
        kept["points"] = points
    return {"nbgrader": {**kept, "grade_id": str(nbgrader["grade_id"])}}


# What stands in the head of nbgrader's pages in place of MathJax, which would be loaded from elsewhere. The formulas
# are MathML already, and the formgrader, whose keys come to life when MathJax says that it is ready, would have none
# without a network.
HEAD = """
{%%- macro mathjax(url="") -%%}
<style>
%s
</style>
<script>
window.MathJax = { Hub: { Startup: { signal: { Interest: tell => setTimeout(tell, 0, "End") } } } };
</script>
{%%- endmacro -%%}
"""


class SanitizeCells(Preprocessor):
    """nbconvert preprocessor: every cell is rebuilt by `sanitized_cell`, the notebook's metadata dropped.

    It also makes the page, nbgrader's own, do without MathJax, and gives it the style of formulas and answers.
    """

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.enabled = True
        if isinstance(self.parent, TemplateExporter):
            self.parent.extra_loaders = [*self.parent.extra_loaders, _head()]

    def preprocess(self, notebook: Any, resources: Any) -> tuple[Any, Any]:
        formgrader = "submission_id" in resources and "nbgrader" not in resources
        kept = [cell for cell in notebook.cells if formgrader or not for_graders_only(cell)]
        cells = sanitized_cells(kept)
        metadata = {"language_info": {"name": "python"}}
        return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}), resources


def _head() -> DictLoader:
    return DictLoader({"mathjax.html.j2": HEAD % style("formulas.css", "nbgrader.css")})


# What nbgrader_config.py sets for nbconvert's HTMLExporter.
FILTERS = {"markdown2html": markdown2html, "strip_files_prefix": unchanged}
