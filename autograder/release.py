"""notebooks/<section>/<name>.py → source/<section>/<name>.ipynb → release/<section>/<name>.ipynb.

The text is the truth; both notebooks are a pure function of it, so a second run changes nothing. The student version is
made by nbgrader's own preprocessors, without its command: no start-up time, no database, the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import NbGraderPreprocessor, SaveCells
from traitlets.config import Config

from backprop.files import is_left_over, write_atomically

from .course import Course, CourseError, read_utf8
from .leaks import Leak, find_leaks, stray_files
from .percent import complete_notebook, read_text, shorten, write_text
from .template import unequal_points

# A section's own list of data files for students: one name a line, relative to its folder in notebooks/.
EXTRA_FILES = "files.txt"
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
    return _convert(nb, steps, resources, config)


def register(course: Course, gradebook: Gradebook, section: str) -> bool:
    """Bring the gradebook's assignment, notebooks and cells in step with `source/<section>`; return whether it changed.

    Does what `nbgrader generate_assignment` does to its database, in one transaction. Graded cells may also be added,
    split or removed after somebody has handed in, which nbgrader refuses. Raises CourseError for a cell or notebook
    that is gone while somebody's scores or comments by hand are still on it.
    """
    with _one_transaction(gradebook):
        return _register(course, gradebook, section)


@contextlib.contextmanager
def _one_transaction(gradebook: Gradebook) -> Iterator[None]:
    """Everything in one transaction: nbgrader's own methods commit after every cell."""
    session = gradebook.db
    session.commit = session.flush
    try:
        yield
    except BaseException:
        del session.commit
        session.rollback()
        raise
    del session.commit
    session.commit()


def _register(course: Course, gradebook: Gradebook, section: str) -> bool:
    notebooks = sorted((course.source / section).glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"source/{section} has no notebook. Run `python -m autograder release {section}` first.")
    try:
        assignment = gradebook.find_assignment(section)
        changed = False
    except MissingEntry:
        assignment, changed = gradebook.update_or_create_assignment(section), True

    wanted = {path.stem for path in notebooks}
    for notebook in [notebook for notebook in assignment.notebooks if notebook.name not in wanted]:
        cells = [*notebook.grade_cells, *notebook.task_cells, *notebook.solution_cells]
        _refuse_to_lose_scores(cells, f"source/{section} no longer has the notebook {notebook.name}")
        gradebook.remove_notebook(notebook.name, section)
        changed = True

    steps = _steps(course.config)
    upto = [_step_name(step) for step in steps].index("SaveCells")
    for path in notebooks:
        nb = nbformat.read(path, as_version=4)
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}, "nbgrader": _names(section, path.stem)}
        prepared = _convert(nb, steps[:upto], resources, course.config)
        saver = _SaveInto(gradebook)
        saver.preprocess(prepared, resources)
        changed |= saver.changed
    return changed


class _SaveInto(SaveCells):
    """nbgrader's SaveCells, writing into an open gradebook, and only when something differs."""

    def __init__(self, gradebook: Gradebook):
        super().__init__()
        self.gradebook = gradebook
        self.changed = False

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        self.notebook_id = resources["nbgrader"]["notebook"]
        self.assignment_id = resources["nbgrader"]["assignment"]
        self.new_grade_cells, self.new_solution_cells = {}, {}
        self.new_task_cells, self.new_source_cells = {}, {}
        for number, cell in enumerate(nb.cells):
            self.preprocess_cell(cell, resources, number)
        if not self._same():
            self._create_notebook(nb)
            self.changed = True
        return nb, resources

    def _create_notebook(self, nb: NotebookNode) -> None:
        try:
            saved = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            saved = None
        if saved is not None and saved.submissions:
            self._retire([*saved.grade_cells, *saved.task_cells], {**self.new_grade_cells, **self.new_task_cells})
            self._retire(saved.solution_cells, self.new_solution_cells)
            self._retire(saved.source_cells, self.new_source_cells)
            place = (self.notebook_id, self.assignment_id)
            for name, info in self.new_grade_cells.items():
                self.gradebook.update_or_create_grade_cell(name, *place, **info)
            for name, info in self.new_solution_cells.items():
                self.gradebook.update_or_create_solution_cell(name, *place, **info)
            for name, info in self.new_task_cells.items():
                self.gradebook.update_or_create_task_cell(name, *place, **info)
            for name, info in self.new_source_cells.items():
                self.gradebook.update_or_create_source_cell(name, *place, **info)
            return
        super()._create_notebook(nb)

    def _retire(self, cells: Sequence, wanted: dict) -> None:
        """Remove cells that are no longer in the notebook, and what the autograder wrote about them."""
        for cell in cells:
            if cell.name in wanted:
                continue
            path = f"source/{self.assignment_id}/{self.notebook_id}.ipynb"
            _refuse_to_lose_scores([cell], f"{path} no longer has the cell {cell.name}")
            for row in [*getattr(cell, "grades", []), *getattr(cell, "comments", [])]:
                self.gradebook.db.delete(row)
            self.gradebook.db.flush()
            self.gradebook.db.delete(cell)
        self.gradebook.db.flush()
        self.gradebook.db.expire_all()

    def _same(self) -> bool:
        try:
            saved = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            return False

        def score(cells) -> dict:
            return {cell.name: (cell.max_score, cell.cell_type) for cell in cells}

        def wanted(cells: dict) -> dict:
            return {name: (info["max_score"], info["cell_type"]) for name, info in cells.items()}

        sources = {cell.name: (cell.source, cell.cell_type, cell.locked, cell.checksum) for cell in saved.source_cells}
        return (
            score(saved.grade_cells) == wanted(self.new_grade_cells)
            and score(saved.task_cells) == wanted(self.new_task_cells)
            and {cell.name for cell in saved.solution_cells} == set(self.new_solution_cells)
            and sources
            == {
                name: (info["source"], info["cell_type"], info["locked"], info["checksum"])
                for name, info in self.new_source_cells.items()
            }
        )


def _refuse_to_lose_scores(cells: Sequence, said: str) -> None:
    """Raise CourseError if a person has given scores or comments to one of these cells of the gradebook."""
    grades = [grade for cell in cells for grade in getattr(cell, "grades", [])]
    comments = [comment for cell in cells for comment in getattr(cell, "comments", [])]
    count = sum(grade.manual_score is not None or bool(grade.extra_credit) for grade in grades)
    count += sum(bool(comment.manual_comment) for comment in comments)
    if count:
        raise CourseError(
            f"{said}, but it has scores or comments given by hand ({count}). Put it back, or clear those scores and "
            "comments in the formgrader first."
        )


def _steps(config: Config | None) -> list:
    configured = (config or {}).get("GenerateAssignment", {}).get("preprocessors")
    return list(configured or GenerateAssignment.class_traits()["preprocessors"].default())


def _step_name(step: object) -> str:
    return step.rsplit(".", 1)[-1] if isinstance(step, str) else step.__name__


def _names(section: str, name: str) -> dict[str, str]:
    return {"student": ".", "assignment": section, "notebook": name, "db_url": ""}


def _convert(nb: NotebookNode, steps: list, resources: dict, config: Config | None) -> NotebookNode:
    settings = Config(config or {})
    settings.Exporter.default_preprocessors = []
    exporter = NotebookExporter(config=settings)
    # Faults are reported by find_leaks, with their place; nbgrader's log would say it twice.
    exporter.log = logging.getLogger("autograder.release")
    for step in steps:
        exporter.register_preprocessor(step)
    text, _ = exporter.from_notebook_node(nb, resources=resources)
    return nbformat.reads(text, as_version=4)


def extra_files(course: Course, section: str) -> list[str]:
    """Return the names in notebooks/<section>/files.txt: what students get beside the notebooks, one name a line."""
    listing = course.notebooks / section / EXTRA_FILES
    if not listing.is_file():
        return []
    names = [line.strip() for line in read_utf8(listing, course.shown(listing)).splitlines()]
    names = [name for name in names if name and not name.startswith("#")]
    for name in names:
        path = course.notebooks / section / name
        inside = path.resolve().is_relative_to((course.notebooks / section).resolve())
        if not inside or path.suffix in (".py", ".ipynb") or name in (EXTRA_FILES, FACTS):
            raise CourseError(f"{course.shown(listing)} lists {name!r}; only data files in its folder may be named.")
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
        built.leaks += [Leak(where, text, number) for number, text in unequal_points(section, source.cells)]
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
) -> list[Path]:
    """Make source/ and release/ of the given sections (all by default) and return the files that changed.

    The text itself is put in its one canonical form: header dropped, metadata shortened. Nothing at all is written when
    something leaks. progress : called with (done, total, section) after each section
    force : take the text even where the paired notebook in source/ was edited later

    Raises LeaksFound, naming every place, and CourseError for text that cannot be read.
    """
    files = _build_all(course, sections, progress)
    if not force:
        for path, content in files.items():
            _refuse_to_lose_edits(course, path, content)
    remove_left_overs({path.parent for path in files})
    changed = _changed(files)
    for path in changed:
        write_atomically(path, files[path])
    return changed


def out_of_step(course: Course, sections: Sequence[str] | None = None) -> list[Path]:
    """Return the files that `release` would write: none when notebooks/, source/ and release/ are in step.

    Raises LeaksFound where `release` would write nothing.
    """
    return _changed(_build_all(course, sections))


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
