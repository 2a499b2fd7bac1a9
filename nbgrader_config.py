"""nbgrader's settings for this course. `python -m autograder` and every `nbgrader` command read this file."""

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import AssignLatePenalties

from autograder.nbgrader_hooks import JudgeSubmission, SaveScores, SubmissionExporter
from autograder.release.build import CompleteMetadata, LeakCheck, ListCells
from autograder.results.sanitize import FILTERS, SanitizeCells

c = get_config()  # noqa: F821  (traitlets hands it to this file)

# --- the course ---------------------------------------------------------------------------------------------------
# A name of its own: the exchange asks for one, and a PostgreSQL database refuses assignments of a course without.
c.CourseDirectory.course_id = "backprop"
# Files that editors and notebooks leave behind; an extra file of a section is named in its files.txt.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "files.txt", ".DS_Store"]

# --- release ------------------------------------------------------------------------------------------------------
# `python -m autograder release` is the usual way; with these, `nbgrader generate_assignment` and the formgrader's
# button leave the same notebooks: short metadata is completed first, then the cells of the release are listed, and
# nothing that leaks is written at the end.
c.GenerateAssignment.preprocessors = [
    CompleteMetadata,
    *GenerateAssignment.class_traits()["preprocessors"].default(),
    ListCells,
    LeakCheck,
]

# --- grading ------------------------------------------------------------------------------------------------------
# `python -m autograder grade` is the fast way. With these, `nbgrader autograde` and the formgrader's button judge in
# the same sandbox, outside the student's process, and write the same scores.
c.Autograde.exporter_class = SubmissionExporter
c.Autograde.sanitize_preprocessors = [JudgeSubmission]
c.Autograde.autograde_preprocessors = [SaveScores, AssignLatePenalties]

# --- feedback and the formgrader ----------------------------------------------------------------------------------
# Notebooks in autograded/ are what students handed in. `sanitize_html` alone does not reach the Markdown cells of
# nbgrader's pages; with the other two nothing in a notebook can act in the browser of whoever looks at it.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.preprocessors = [SanitizeCells]
c.HTMLExporter.filters = FILTERS
