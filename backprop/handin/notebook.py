"""A student's notebook as a file: read it, know its section, its answers, its checks and its weights."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWER_PLACEHOLDER = "YOUR ANSWER HERE"
MAX_NOTEBOOK = 64 * 2**20  # bytes
MAX_CELLS = 3000
MAX_TEXT = 8 * 2**20  # characters in all cells
MAX_PARTS = 3_000_000  # brackets, braces and commas: what a notebook takes of memory once it is read
UNFINISHED = re.compile(r"^[ \t]*raise[ \t]+NotImplementedError\b", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff\ufffe\uffff]")


class NotebookError(Exception):
    """What is wrong with a file that was handed over, as one sentence for its reader."""


@dataclass(frozen=True)
class Weights:
    """A file of trained weights that goes beside the notebook; `max_mb` is in units of 10^6 bytes."""

    path: Path
    max_mb: float


@dataclass(frozen=True)
class Cell:
    """One cell. `number` counts all cells from 1; `outputs` are nbformat's output dictionaries."""

    number: int
    kind: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    attachments: dict[str, Any] = field(default_factory=dict)
    execution_count: int | None = None
    id: str = ""

    @property
    def grading(self) -> dict[str, Any]:
        """nbgrader's metadata of this cell, or an empty dictionary."""
        return _dictionary(self.metadata.get("nbgrader"))

    @property
    def grade_id(self) -> str:
        return clean(str(self.grading.get("grade_id", "")))

    @property
    def tags(self) -> list[str]:
        tags = self.metadata.get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    @property
    def is_optional(self) -> bool:
        return "optional" in self.tags or _dictionary(self.metadata.get("backprop")).get("optional") is True

    @property
    def is_answer(self) -> bool:
        """A written answer: Markdown that the student writes and a person grades."""
        return self.kind == "markdown" and bool(self.grading.get("solution") or self.grading.get("task"))

    @property
    def is_graded_code(self) -> bool:
        return self.kind == "code" and bool(self.grading.get("solution"))

    @property
    def is_check(self) -> bool:
        return self.kind == "code" and bool(self.grading.get("grade")) and not self.grading.get("solution")

    @property
    def is_unanswered(self) -> bool:
        """A written answer that still holds the placeholder of the release, or nothing."""
        return self.is_answer and (ANSWER_PLACEHOLDER in self.source or not self.source.strip())

    @property
    def is_unfinished(self) -> bool:
        """A code stub that still raises NotImplementedError, or that was emptied."""
        return self.is_graded_code and (bool(UNFINISHED.search(self.source)) or not self.source.strip())

    @property
    def was_changed(self) -> bool:
        """True when a locked cell no longer has the checksum that nbgrader gave it in the release."""
        expected = self.grading.get("checksum")
        return _is_locked(self.grading) and isinstance(expected, str) and expected != self._checksum()

    @property
    def is_untouched(self) -> bool:
        """True when a cell of nbgrader's still has the checksum of the release: a stub as it was given out."""
        return self.grading.get("checksum") == self._checksum()

    @property
    def digest(self) -> str:
        """What `metadata.backprop.digests` of a release holds for a cell like this one."""
        return cell_digest(self.kind, self.source)

    def _checksum(self) -> str:
        # nbgrader's rule (nbgrader.utils.compute_checksum, 0.9): everything that makes the cell what it is, in order.
        grading = self.grading
        is_grade = bool(grading.get("grade"))
        flags = [is_grade, bool(grading.get("solution")), _is_locked(grading)]
        parts = [self.source, self.kind, *map(str, flags), str(grading.get("grade_id", ""))]
        if is_grade:
            points = grading.get("points")
            parts.append(str(number) if (number := _number(points)) is not None else "")
        return hashlib.md5("".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Notebook:
    """A notebook that was read. `section` is the folder name it belongs to, such as `04-ridge`."""

    path: Path
    section: str
    cells: list[Cell]
    metadata: dict[str, Any]

    @property
    def course(self) -> dict[str, Any]:
        """What the course wrote into the notebook: the dictionary `backprop` of its metadata."""
        return _dictionary(self.metadata.get("backprop"))

    @property
    def questions(self) -> dict[str, float]:
        """The graded cells of the release and their points, in order, as the course wrote them into the notebook."""
        listed = self.course.get("questions")
        entries = [_dictionary(entry) for entry in listed[:MAX_CELLS]] if isinstance(listed, list) else []
        points = {clean(str(entry.get("id", ""))): entry.get("points") for entry in entries}
        return {name: number for name, n in points.items() if name and (number := _number(n)) is not None}

    def origin(self, cell: Cell) -> str:
        """Where a cell comes from: `released` as it is, `changed` by the student, `added` by the student; `unknown`.

        nbgrader's cells are known by their checksum, others by the digests that the release wrote into the notebook's
        metadata, whatever became of their ids. A notebook without these has cells of unknown origin.
        """
        if cell.grade_id:
            return "changed" if cell.was_changed else "released"
        known = _dictionary(self.course.get("digests"))
        if not known:
            return "unknown"
        if cell.digest in known.values():
            return "released"
        return "changed" if cell.id in known else "added"

    def weights(self) -> list[Weights]:
        """The weights files that the notebook declares, each a path beside the notebook.

        Raises NotebookError when a declared name leads out of the notebook's folder.
        """
        declared = self.course.get("weights")
        found = []
        for entry in declared if isinstance(declared, list) else []:
            name = clean(str(_dictionary(entry).get("file", "")))
            if not name or name in (".", "..") or "/" in name or "\\" in name:
                raise NotebookError(f"{self.path} declares weights named {name!r}; that must be a plain file name.")
            limit = _number(_dictionary(entry).get("max_mb"))
            found.append(Weights(self.path.parent / name, 100.0 if limit is None else limit))
        return found


def read_notebook(path: str | Path) -> Notebook:
    """The notebook in the file `path`.

    Raises NotebookError, with one sentence, when the file is missing, is not a notebook of format 4, or is too large.
    """
    path = Path(path)
    text = _content(path).decode("utf-8-sig", "replace")
    if sum(map(text.count, "[{,")) > MAX_PARTS:
        raise _too_large(path, f"{MAX_PARTS:,} parts")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}: {error.msg}"
        raise NotebookError(f"{path} is not a notebook ({reason}). Save it again from Jupyter or Colab.") from None
    except (RecursionError, ValueError):
        raise NotebookError(f"{path} is not a notebook (its JSON cannot be read). Save it again.") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        older = isinstance(data, dict) and "worksheets" in data
        reason = "it has notebook format 3" if older else "it has no list of cells"
        raise NotebookError(f"{path} is not a notebook we can read ({reason}). Save it again from Jupyter or Colab.")
    metadata = _dictionary(data.get("metadata"))
    if len(data["cells"]) > MAX_CELLS:
        raise _too_large(path, f"{MAX_CELLS:,} cells")
    cells = [_cell(number, cell) for number, cell in enumerate(data["cells"], 1) if isinstance(cell, dict)]
    if sum(len(cell.source) for cell in cells) > MAX_TEXT:
        raise _too_large(path, f"{MAX_TEXT // 2**20} MiB of text in its cells")
    return Notebook(path, _section(path, metadata), cells, metadata)


def cell_digest(kind: str, source: str) -> str:
    """A short digest of a cell: the first 12 hexadecimal digits of SHA-256 of its kind and its text without edges."""
    return hashlib.sha256(f"{kind}\0{clean(source).strip()}".encode()).hexdigest()[:12]


def _content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise NotebookError(f"{path} is not a file.")
        with open(path, "rb") as file:
            content = file.read(MAX_NOTEBOOK + 1)
    except FileNotFoundError:
        raise NotebookError(f"{path} does not exist. Check the name and the folder.") from None
    except OSError as error:
        raise NotebookError(f"{path} cannot be read ({error.strerror}).") from None
    if len(content) > MAX_NOTEBOOK:
        raise _too_large(path, f"{MAX_NOTEBOOK // 2**20} MiB")
    return content


def _too_large(path: Path, limit: str) -> NotebookError:
    return NotebookError(f"{path} has more than {limit}. Clear its outputs and what is not needed, and save it again.")


def joined(text: object) -> str:
    """nbformat's text, a string or a list of strings, as one string fit for UTF-8."""
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def clean(text: str) -> str:
    """`text` without control characters (tabs and line ends stay) and with "\\n" line ends."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _CONTROL.sub("", text.replace("\r", "\n")).replace("\u2028", "\n").replace("\u2029", "\n")


def _cell(number: int, cell: dict[str, Any]) -> Cell:
    outputs = cell.get("outputs")
    count = cell.get("execution_count")
    return Cell(
        number=number,
        kind=str(cell.get("cell_type", "raw")),
        source=joined(cell.get("source")),
        metadata=_dictionary(cell.get("metadata")),
        outputs=[output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else [],
        attachments=_dictionary(cell.get("attachments")),
        execution_count=count if isinstance(count, int) else None,
        id=str(cell.get("id", "")),
    )


def _section(path: Path, metadata: dict[str, Any]) -> str:
    named = _dictionary(metadata.get("backprop")).get("section")
    if isinstance(named, str) and re.fullmatch(r"\w[\w.-]{0,79}", named):
        return named
    return clean(path.resolve().parent.name) or "notebooks"


def _is_locked(grading: dict[str, Any]) -> bool:
    # nbgrader.utils.is_locked: a solution is never locked, a check always is.
    if grading.get("solution"):
        return False
    return True if grading.get("grade") else bool(grading.get("locked"))


def _dictionary(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """The number, None for what is none and for one of more digits than a number has here."""
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None
