"""Runs inside Gradescope, for each submission: grades what lies in submission/ and writes results/results.json.

    /autograder/source/course     one section, as `gradescope_package` packs it
    /autograder/submission        the student's files
    /autograder/results           what Gradescope reads: a test for each graded cell with a check

Written answers are no tests: a person gives their points. The sandbox is used where Gradescope's container allows it;
where it does not, the run says so to the instructors, and the submission is alone in its container anyhow.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from ..course import Course
from ..errors import UserError
from ..gradebook.result import Result
from ..grading.keys import salt
from ..grading.notebook import Grader
from ..submissions.released import ReleasedNotebook, released_notebooks
from ..submissions.submission import Contents, read_contents

NO_SANDBOX = "The sandbox (bubblewrap) cannot be used in this container; the submission ran without it: {}"


def main(root: Path) -> int:
    """Grade the submission under `root`; return the exit status. Never raises: results.json says what is wrong."""
    begin = time.monotonic()
    try:
        results = grade(root)
    except UserError as error:
        results = _nothing(f"This submission could not be graded. Tell your instructor: {error}")
    except Exception as error:  # our own mistake must not look like the student's
        results = _nothing(f"This submission could not be graded: a fault of the grader ({type(error).__name__}).")
    results["execution_time"] = round(time.monotonic() - begin)
    folder = root / "results"
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return 0


def grade(root: Path) -> dict[str, Any]:
    """What Gradescope reads of the submission. Raises UserError when the section cannot be graded."""
    course = Course(root / "source" / "course")
    section = (course.root / "section.txt").read_text(encoding="utf-8").strip()
    wanted = released_notebooks(course, section)
    contents = read_contents(root / "submission", wanted)
    try:
        results = _grade_all(wanted, contents, salt(course), confined=True)
    except UserError as error:
        print(NO_SANDBOX.format(error))
        results = _grade_all(wanted, contents, salt(course), confined=False)
    tests, said = [], list(contents.problems)
    for name, notebook in wanted.items():
        result = results.get(name)
        said += [text for text in (result.problems if result else []) if text not in said]
        for text in [*(result.suspicions if result else []), *(result.faults if result else [])]:
            print(text)
        tests += _tests(notebook, result)
    return {
        "tests": tests,
        "output": "\n".join(said),
        "visibility": "visible",
        "stdout_visibility": "hidden",  # what is printed here is for instructors
    }


def _grade_all(
    wanted: dict[str, ReleasedNotebook], contents: Contents, secret: str, confined: bool
) -> dict[str, Result]:
    with Grader(confined=confined, salt=secret) as grader:
        return {
            name: grader.grade(wanted[name], cells, contents.files, contents.notebook_problems[name])
            for name, cells in contents.cells.items()
        }


def _tests(notebook: ReleasedNotebook, result: Result | None) -> list[dict[str, Any]]:
    """A test for each graded code cell: its points and what the feedback says of it."""
    tests = []
    for cell in notebook.grade_cells:
        if not cell.is_test or cell.cell_type != "code":
            continue
        name, verdict = cell.grade_id, result.verdicts.get(cell.grade_id) if result else None
        score = result.scores.get(name) if result else 0.0
        if verdict is not None:
            output = verdict.text
        elif result is None:
            output = "The notebook was not handed in, or could not be read."
        else:
            failed = "The test raised an error." if result.failed.get(name) else ""
            output = "passed" if score == cell.points else failed
        if score is None:
            output += "\nYour instructor will look at this one."
        tests.append(
            {
                "name": f"{notebook.name}: {name.removesuffix('_check')}",
                "score": float(score or 0.0),
                "max_score": cell.points,
                "output": output,
                "visibility": "visible",
            }
        )
    return tests


def _nothing(text: str) -> dict[str, Any]:
    return {"score": 0, "output": text, "visibility": "visible", "stdout_visibility": "hidden"}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
