"""How `nbgrader autograde` and the formgrader's button come to use the sandbox and the judge.

`nbgrader_config.py` gives Autograde the exporter and the preprocessor below in place of the stock
ones that run the hidden tests in the student's kernel. Everything after them (SaveAutoGrades, late
penalties, the formgrader, feedback) is nbgrader's own.
"""

from __future__ import annotations

import atexit
import functools
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from .course import Course
from .grading.keys import salt
from .grading.notebook import Grader
from .submissions.released import released_notebooks
from .submissions.submission import read_contents


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook as hostile data, so that a damaged one is graded as far as it goes."""

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


@functools.cache
def _grader(root: Path) -> Grader:
    grader = Grader(salt=salt(Course(root)))
    atexit.register(grader.close)
    return grader
