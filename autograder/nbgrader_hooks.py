"""How `nbgrader autograde` and the formgrader's button come to use the sandbox and the judge.

`nbgrader_config.py` gives Autograde the exporter and the preprocessors below in place of the stock
ones that run the hidden tests in the student's kernel. Everything after them (late penalties, the
formgrader, feedback) is nbgrader's own.
"""

from __future__ import annotations

import atexit
import functools
import pwd
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades

from .course import Course
from .errors import CourseError
from .gradebook.assignments import register
from .grading.keys import salt
from .grading.notebook import Grader
from .grading.write_up import UNDECIDED
from .submissions.released import released_notebooks
from .submissions.submission import read_contents


class CollectFromOwners(ExchangeCollect):
    """`nbgrader collect` without what was handed in under a name that is not its owner's.

    nbgrader warns of it and takes it, in place of the student's own work where it is newer. For courses whose students
    have accounts of the computer: nbgrader_config.py names it in `c.ExchangeFactory.collect`.
    """

    def init_src(self) -> None:
        super().init_src()
        self.src_records = [record for record in self.src_records if self._owned(record)]

    def _sort_by_timestamp(self, records: list[dict]) -> list[dict]:
        for record in records:
            if not self._owned(record):
                self.log.error(
                    "%s was handed in by %s under another name, and is left out.",
                    record["filename"],
                    _owner(self, record),
                )
        return super()._sort_by_timestamp([record for record in records if self._owned(record)] or records)

    def _owned(self, record: dict) -> bool:
        return _owner(self, record) == record["username"]


def _owner(collect: ExchangeCollect, record: dict) -> str:
    number = (Path(collect.inbound_path) / record["filename"]).stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook as hostile data, so that a damaged one is graded as far as it goes.

    Autograde makes it before anything else, so this is also where the assignment gets into the database: in a fresh
    clone, release/ is there and nothing has told the database about it.
    """

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        coursedir = getattr(self.parent, "coursedir", None)
        if coursedir is None or not coursedir.assignment_id:
            return
        course = Course.find(Path(coursedir.root))
        try:
            with course.open_gradebook() as gradebook:
                register(course, gradebook, coursedir.assignment_id)
        except CourseError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None

    def from_filename(self, filename, resources=None, **kw):
        path = Path(filename).resolve()
        course = Course.find(path.parent)
        if not path.is_relative_to(course.submitted.resolve()):
            return super().from_filename(filename, resources=resources, **kw)
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        resources["submission"] = path
        return self.from_notebook_node(nbformat.v4.new_notebook(), resources=resources, **kw)


class JudgeSubmission(NbGraderPreprocessor):
    """Repairs, runs and judges a submitted notebook outside this process; the outputs hold the verdicts."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        path: Path = resources.pop("submission")
        section, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        course = Course.find(path.parent)
        wanted = released_notebooks(course, section)
        contents = read_contents(path.parent, wanted)
        problems = [*contents.problems, *contents.notebook_problems[name]]
        result = _grader(course.root).grade(wanted[name], contents.cells[name], contents.files, problems)
        for text in [*result.problems, *result.suspicions]:
            self.log.warning("%s/%s: %s", resources["nbgrader"]["student"], section, text)
        for fault in result.faults:
            self.log.error("%s/%s: %s", resources["nbgrader"]["student"], section, fault)
        return nbformat.from_dict(result.notebook), resources


class SaveScores(SaveAutoGrades):
    """nbgrader's own, but for a check that could not be finished: its points are left to a person, as `grade` does."""

    def _add_score(self, cell: NotebookNode, resources: dict) -> None:
        super()._add_score(cell, resources)
        if UNDECIDED.items() <= cell.metadata.items():
            grade_id = cell.metadata["nbgrader"]["grade_id"]
            grade = self.gradebook.find_grade(grade_id, self.notebook_id, self.assignment_id, self.student_id)
            grade.auto_score, grade.needs_manual_grade = None, True
            self.gradebook.db.commit()


@functools.cache
def _grader(root: Path) -> Grader:
    grader = Grader(salt=salt(Course(root)))
    atexit.register(grader.close)
    return grader
