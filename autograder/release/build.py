"""notebooks/<section>/<name>.py → source/<section>/<name>.ipynb → release/<section>/<name>.ipynb.

The text is the truth; both notebooks are a pure function of it, so a second run changes nothing. The student version is
made by nbgrader's own preprocessors, without its command: no start-up time, no database, the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from backprop.files import is_left_over, write_atomically
from backprop.handin.notebook import cell_digest

from ..course import EXTRA_FILES, Course
from ..errors import CourseError
from ..nbgrader_steps import _convert, _names, _step_name, _steps
from ..submissions.released import misnamed_checks, unequal_points
from ..text import count, read_utf8
from .leaks import Leak, find_leaks, stray_files
from .text_notebook import complete_notebook, read_text, shorten, write_text

# What else there is to know of a section: {"torch": true, "weights": [{"file": "best.npz", "max_mb": 16}]}, or less.
FACTS = "section.json"


class LeaksFound(CourseError):
    """Nothing was written: students would have got what they must not, or could not get the points that the notebook
    promises. `leaks` names each place."""

    def __init__(self, leaks: Sequence[Leak]):
        self.leaks = list(leaks)
        count = f"{len(self.leaks)} faults" if len(self.leaks) > 1 else "1 fault"
        super().__init__("\n".join([f"Nothing was released: {count}.", *(f"  {leak}" for leak in self.leaks)]))


@dataclass
class Built:
    """What one section comes to: the content of each file, and what is wrong with it."""

    section: str
    files: dict[Path, bytes] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)


class CompleteMetadata(NbGraderPreprocessor):
    """Lets `nbgrader generate_assignment` read a source notebook whose text JupyterLab has just brought over."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        complete_notebook(nb, resources.get("metadata", {}).get("name", "the notebook"))
        nb.metadata.pop("jupytext", None)
        return nb, resources


class ListCells(NbGraderPreprocessor):
    """Writes down which cells a release has, see `list_cells`."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        list_cells(nb)
        return nb, resources


class LeakCheck(NbGraderPreprocessor):
    """Stops `nbgrader generate_assignment` before it writes a notebook that leaks."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        path = Path(resources["metadata"]["path"], resources["metadata"]["name"] + ".ipynb")
        leaks = find_leaks(nbformat.read(path, as_version=4), nb, str(path))
        if leaks:
            raise LeaksFound(leaks)
        return nb, resources


def student_version(nb: NotebookNode, section: str, name: str, config: Config | None = None) -> NotebookNode:
    """Return what students get of source notebook `nb`: nbgrader's steps of `config`, without the database."""
    steps = [step for step in _steps(config) if _step_name(step) not in ("SaveCells", "LeakCheck")]
    resources = {"metadata": {"name": name, "path": ""}, "nbgrader": _names(section, name)}
    student = _convert(nb, steps, resources, config)
    list_cells(student)
    return student


def list_cells(nb: NotebookNode) -> None:
    """Write into the metadata of a student's notebook what the release consists of.

    `backprop.digests` has the digest of each cell that nbgrader does not know, by its id: what is none of them is the
    student's own, and belongs into the PDF of the answers. `backprop.questions` has the graded cells in order, with
    their points.
    """
    own = nb.metadata.setdefault("backprop", NotebookNode())
    own["digests"] = {c.id: cell_digest(c.cell_type, c.source) for c in nb.cells if "nbgrader" not in c.metadata}
    roles = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
    graded = [role for role in roles if role.get("grade") or role.get("task")]
    own["questions"] = [{"id": role["grade_id"], "points": role.get("points", 0)} for role in graded]


def extra_files(course: Course, section: str) -> list[str]:
    """Return the names in notebooks/<section>/files.txt: what students get beside the notebooks, one name a line."""
    listing, names = course.notebooks / section / EXTRA_FILES, course.extra_names(section)
    for name in names:
        path = course.notebooks / section / name
        inside = path.resolve().is_relative_to((course.notebooks / section).resolve())
        notebook = path.suffix == ".ipynb" or path in course.scripts(section)
        if not inside or notebook or name in (EXTRA_FILES, FACTS):
            raise CourseError(
                f"{course.shown(listing)} lists {name!r}; only data files and modules in its folder may be named."
            )
        if not path.is_file():
            raise CourseError(f"{course.shown(listing)} lists {name!r}, which is not there. Add it, or drop the line.")
    return names


def section_facts(course: Course, section: str) -> dict[str, object]:
    """Return what notebooks/<section>/section.json says, empty when there is none.

    "torch": true makes torch importable when the section is graded; "weights" lists the files of trained weights that
    students hand in beside the notebook, each with its limit in MB. Raises CourseError for anything else.
    """
    path = course.notebooks / section / FACTS
    if not path.is_file():
        return {}
    where = course.shown(path)
    try:
        facts = json.loads(read_utf8(path, where))
    except ValueError as error:
        raise CourseError(f"{where} is not JSON ({error}). Mend it.") from error
    if not isinstance(facts, dict) or not set(facts) <= {"torch", "weights"}:
        raise CourseError(f'{where} may hold {{"torch": true, "weights": [...]}} and nothing else.')
    if not isinstance(facts.get("torch", False), bool):
        raise CourseError(f'{where}: "torch" must be true or false.')
    weights = facts.get("weights", [])
    if not isinstance(weights, list) or not all(_is_weights(entry) for entry in weights):
        raise CourseError(f'{where}: "weights" must be a list such as [{{"file": "best.npz", "max_mb": 10}}].')
    return facts


def _is_weights(entry: object) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"file", "max_mb"}:
        return False
    name, limit = entry["file"], entry["max_mb"]
    plain = isinstance(name, str) and Path(name).name == name and not name.startswith(".") and "\\" not in name
    return plain and isinstance(limit, int | float) and not isinstance(limit, bool) and limit > 0


def build(course: Course, section: str) -> Built:
    """Return all files of `section`, as they must be, without writing any. Raises CourseError for unreadable text."""
    built = Built(section)
    extras, facts = extra_files(course, section), section_facts(course, section)
    texts = {}
    for name in extras:
        content = (course.notebooks / section / name).read_bytes()
        for folder in (course.source, course.release):
            built.files[folder / section / name] = content
        texts[f"release/{section}/{name}"] = content.decode("utf-8", errors="ignore")

    for script in course.scripts(section):
        where = course.shown(script)
        source = read_text(read_utf8(script, where), section, where, facts)
        faults = [check(course.checks, section, source.cells) for check in (unequal_points, misnamed_checks)]
        built.leaks += [Leak(where, text, number) for found in faults for number, text in found]
        leaks = find_leaks(source, _without_cells(source), where)
        if not leaks:  # nbgrader stops at the first misused delimiter, so it is not asked before they are right
            student = student_version(source, section, script.stem, course.config)
            leaks = find_leaks(source, student, where, texts)
            built.files[course.release / section / f"{script.stem}.ipynb"] = encode(student)
        built.leaks += leaks
        built.files[script] = write_text(source).encode()
        built.files[course.source / section / f"{script.stem}.ipynb"] = encode(source)
    return built


def _without_cells(nb: NotebookNode) -> NotebookNode:
    return NotebookNode(nb, cells=[])


def encode(nb: NotebookNode) -> bytes:
    """Return the bytes of a notebook file, the same ones that nbgrader writes."""
    return (nbformat.writes(nb, version=4).rstrip("\n") + "\n").encode()


def strays(course: Course) -> list[Leak]:
    """Return the files of notebooks/, source/ and release/ that no notebook and no files.txt accounts for."""
    expected: dict[Path, set[str]] = {course.notebooks: set(), course.source: set(), course.release: set()}
    for section in course.sections():
        scripts, extras = course.scripts(section), extra_files(course, section)
        both = {f"{section}/{script.stem}.ipynb" for script in scripts} | {f"{section}/{name}" for name in extras}
        expected[course.source] |= both
        expected[course.release] |= both
        expected[course.notebooks] |= {f"{section}/{path.name}" for path in scripts}
        expected[course.notebooks] |= {f"{section}/{EXTRA_FILES}", f"{section}/{FACTS}"}
        expected[course.notebooks] |= {f"{section}/{name}" for name in extras}
    return [
        Leak(course.shown(path), f"a stray file. Move it away, or name it in notebooks/<section>/{EXTRA_FILES}.")
        for folder, names in expected.items()
        for path in stray_files(folder, {*names, ".gitkeep", "README.md"})
        if not is_left_over(path)
    ]


def remove_left_overs(folders: Iterable[Path]) -> None:
    """Remove from these folders what earlier runs left when they were killed."""
    for folder in folders:
        for path in filter(is_left_over, folder.glob(".tmp-*")):
            path.unlink(missing_ok=True)


def release(
    course: Course,
    sections: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
    force: bool = False,
    trial: Callable[[dict[Path, bytes]], list[str]] | None = None,
) -> list[Path]:
    """Make source/ and release/ of the given sections (all by default) and return the files that changed.

    The text itself is put in its one canonical form: header dropped, metadata shortened. Nothing at all is written when
    something leaks. progress : called with (done, total, section) after each section
    force : take the text even where the paired notebook in source/ was edited later
    trial : says what is wrong with the solutions in these files; nothing is written then (`grading.trial`)

    Raises LeaksFound, naming every place, and CourseError for text that cannot be read.
    """
    files = _build_all(course, sections, progress)
    if not force:
        for path, content in files.items():
            _refuse_to_lose_edits(course, path, content)
    wrong = trial(files) if trial else []
    if wrong:
        text = f"Nothing was released: {count(len(wrong), 'fault')}. `--no-run` releases without running the solutions."
        raise CourseError("\n".join([text, *(f"  {line}" for line in wrong)]))
    remove_left_overs({path.parent for path in files})
    changed = _changed(files)
    for path in changed:
        write_atomically(path, files[path])
    return changed


def out_of_step(
    course: Course,
    sections: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> list[Path]:
    """Return the files that `release` would write: none when notebooks/, source/ and release/ are in step.

    progress : called with (done, total, section) after each section

    Raises LeaksFound where `release` would write nothing.
    """
    return _changed(_build_all(course, sections, progress))


def _build_all(
    course: Course,
    sections: Sequence[str] | None,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> dict[Path, bytes]:
    """All files of the sections, as they must be. Raises LeaksFound, naming every place."""
    chosen = course.choose(sections)
    leaks, files = strays(course), {}
    for done, section in enumerate(chosen, 1):
        built = build(course, section)
        leaks += built.leaks
        files |= built.files
        progress(done, len(chosen), section)
    if leaks:
        raise LeaksFound(leaks)
    return files


def _changed(files: dict[Path, bytes]) -> list[Path]:
    return [path for path, content in files.items() if not path.is_file() or path.read_bytes() != content]


def _refuse_to_lose_edits(course: Course, path: Path, content: bytes) -> None:
    """Raise CourseError if `path` is a source notebook with edits that its text has not got."""
    if path.suffix != ".ipynb" or not path.is_relative_to(course.source) or not path.is_file():
        return
    script = course.notebooks / path.relative_to(course.source).with_suffix(".py")
    if path.stat().st_mtime <= script.stat().st_mtime + 1 or path.read_bytes() == content:
        return
    try:
        there = _meaning(nbformat.reads(path.read_text(encoding="utf-8"), as_version=4))
    except Exception:
        return  # not a notebook any more: nothing in it can be kept
    if there != _meaning(nbformat.reads(content.decode(), as_version=4)):
        name = course.shown(path)
        raise CourseError(
            f"{name} was edited after {course.shown(script)}. Take the edits over with `jupytext --sync {name}`, or "
            "give them up with --force."
        )


def _meaning(nb: NotebookNode) -> list:
    """What counts as an edit: the text and role of each cell, not outputs, ids or how metadata is spelt."""
    cells = []
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader")
        role = shorten(meta) if meta and "grade_id" in meta else None
        cells.append((cell.cell_type, cell.source.rstrip(), json.dumps(role), cell.metadata.get("tags", [])))
    return cells
