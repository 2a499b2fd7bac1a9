"""Nothing the students must not have gets into a release, whatever the author mistyped."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.release.build import student_version
from autograder.release.leaks import EXACT, find_leaks, near_miss, read_regions, stray_files
from autograder.release.text_notebook import complete_notebook

SOLUTION = {"grade_id": "sum_node", "solution": True}
TESTS = {"grade_id": "sum_node_check", "grade": True, "points": 5}
ANSWER = {"grade_id": "why", "grade": True, "solution": True, "points": 4}

STUB = "def add(a, b):\n    ### BEGIN SOLUTION\n    total = a.out + b.out\n    return total\n    ### END SOLUTION"
HIDDEN = (
    "add(1, 2)\n### BEGIN HIDDEN TESTS\nfrom autograder import grade\n"
    'grade("04-ridge/sum_node_check", globals())\n### END HIDDEN TESTS'
)
RUBRIC = (
    "Why does it add?\n\n### BEGIN SOLUTION\nBoth inputs receive the upstream gradient unchanged.\n\n"
    "**Rubric** 3: names the chain rule; 1: states the shape.\n### END SOLUTION"
)


def code(source, meta=None, **more):
    return new_code_cell(source, metadata={"nbgrader": dict(meta)} if meta else {}, **more)


def prose(source, meta=None):
    return new_markdown_cell(source, metadata={"nbgrader": dict(meta)} if meta else {})


def notebook(*cells):
    nb = new_notebook(cells=list(cells))
    complete_notebook(nb, "notebook")
    return nb


def good():
    return notebook(prose("# Ridge"), code(STUB, SOLUTION), code(HIDDEN, TESTS), prose(RUBRIC, ANSWER))


def released(nb):
    return student_version(nb, "04-ridge", "ridge")


def problems(nb, release=None, **more):
    return [str(leak) for leak in find_leaks(nb, release or released(nb), "ridge.py", **more)]


def test_a_proper_release_has_no_leaks_and_none_of_the_removed_words():
    nb = good()
    release = released(nb)
    assert problems(nb, release) == []
    text = nbformat.writes(release)
    for secret in ("a.out", "total", "autograder", "Rubric", "upstream"):
        assert secret in nbformat.writes(nb) and secret not in text


@pytest.mark.parametrize(
    "line",
    [
        "### BEGIN HIDDEN TEST",
        "### BEGIN HIDDEN  TESTS",
        "## BEGIN HIDDEN TESTS",
        "# BEGIN SOLUTION",
        "##BEGIN SOLUTION",
        "###BEGIN SOLUTION",
        "### begin solution",
        "### Begin Solution",
        "### BEGIN SOLUTIONS",
        "### END SOLUTIONS",
        "### END SOLUTON",
        "### BEGIN SOLUTION:",
        "### BEIGN SOLUTION",
        "### BEGIN-SOLUTION",
        "### BEGIN_HIDDEN_TESTS",
        "#### END HIDDEN TESTS",
        "### BEGIN HIDEN TESTS",
        "### START SOLUTION",
        "### END OF SOLUTION",
        "### BEGIN MARKSCHEME",
        "### BEGIN MARK SCHEMES",
        "### END MARKING SCHEME",
        "### HIDDEN TESTS",
        "BEGIN SOLUTION",
        "x = 1  ### BEGIN SOLUTION",
    ],
)
def test_a_line_that_is_almost_a_delimiter_is_noticed(line):
    assert near_miss(line) in EXACT


@pytest.mark.parametrize(
    "line",
    [
        *EXACT,
        *(f"    {exact}  " for exact in EXACT),
        "",
        "## The solution",
        "### Solution",
        "# hidden layer",
        "# begin with the gradient of the loss",
        "# and a solution of the whole system, which ends here",
        "return solution",
        "begin_solution = 3",
        "### 3 · Test it",
        "# YOUR CODE HERE",
        "# test the hidden layer",
        "the end of the solution",
        "# END",
        "# Beginning",
    ],
)
def test_exact_delimiters_and_ordinary_lines_are_left_alone(line):
    assert near_miss(line) == ""


@pytest.mark.parametrize("typo", ["### BEGIN HIDDEN TEST", "### begin hidden tests", "# BEGIN HIDDEN TESTS"])
def test_a_mistyped_beginning_of_hidden_tests_is_reported_with_cell_and_line(typo):
    nb = notebook(prose("# Ridge"), code(HIDDEN.replace("### BEGIN HIDDEN TESTS", typo), TESTS))
    leaks = find_leaks(nb, nb, "ridge.py")
    assert any((leak.cell, leak.line) == (2, 2) and "### BEGIN HIDDEN TESTS" in leak.problem for leak in leaks)
    assert any("END HIDDEN TESTS without its BEGIN" in leak.problem for leak in leaks)
    assert str(leaks[0]).startswith("ridge.py, cell 2 (sum_node_check), line 2: ")


@pytest.mark.parametrize(
    ("source", "meta", "said"),
    [
        ("### BEGIN SOLUTION\nx = 1", SOLUTION, "has no END"),
        ("x = 1\n### END SOLUTION", SOLUTION, "without its BEGIN"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\nx\n### END SOLUTION", SOLUTION, "inside the SOLUTION"),
        ("### BEGIN SOLUTION\nx\n### END HIDDEN TESTS\n### END SOLUTION", SOLUTION, "without its BEGIN"),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", None, 'not marked "solution": true'),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", TESTS, 'not marked "solution": true'),
        ("### BEGIN HIDDEN TESTS\nx = 1\n### END HIDDEN TESTS", SOLUTION, 'not marked "grade": true'),
        ("### BEGIN MARK SCHEME\nx = 1\n### END MARK SCHEME", TESTS, 'not marked "task": true'),
    ],
)
def test_misused_delimiters_are_reported(source, meta, said):
    nb = notebook(code(source, meta))
    assert any(said in problem for problem in problems(nb, nb))


def test_a_solution_that_stayed_is_found_without_any_delimiter():
    nb, release = good(), released(good())
    release.cells[1].source = "def add(a, b):\n    total = a.out + b.out\n    return total"
    (problem,) = problems(nb, release)
    assert problem.startswith("ridge.py, cell 2: holds text of the solution") and "(sum_node)" in problem


@pytest.mark.parametrize("place", ["markdown", "metadata", "notebook", "respaced"])
def test_removed_text_is_found_wherever_it_went(place):
    nb, release = good(), released(good())
    words = "names the chain rule; 1: states the shape"
    if place == "markdown":
        release.cells[0].source += "\n\n" + words
    elif place == "metadata":
        release.cells[0].metadata["note"] = {"deep": [words]}
    elif place == "notebook":
        release.metadata["note"] = words
    else:
        release.cells[0].source += "\nnames   the\nchain rule;1:states the shape"
    assert any("solution" in problem for problem in problems(nb, release))


def test_a_rubric_repeated_in_a_data_file_is_found():
    nb = good()
    assert problems(nb, files={"data.txt": "x"}) == []
    found = problems(nb, files={"data.txt": "Both inputs receive the upstream gradient unchanged."})
    assert len(found) == 1 and found[0].startswith("data.txt: holds text of the solution")


def test_words_that_the_kept_text_has_too_are_no_leak():
    nb = notebook(prose("Every node ends with `return self.d_out` after it added."), code(STUB, SOLUTION))
    nb.cells[1].source = STUB.replace("return total", "return self.d_out")
    assert problems(nb) == []


def test_a_long_solution_repeated_by_the_author_elsewhere_is_a_leak():
    lines = [f"    weight_{k} = first_{k} @ second_{k} + third_{k}" for k in range(8)]
    nb = notebook(
        code("def f():\n    ### BEGIN SOLUTION\n" + "\n".join(lines) + "\n    ### END SOLUTION", SOLUTION),
        prose("As a reminder:\n" + "\n".join(lines)),
    )
    (problem,) = problems(nb)
    assert problem.startswith("ridge.py, cell 2: holds text of the solution")


LONG = " and ".join(f"np.isclose(weight_{k} @ first_{k}, third_{k})" for k in range(4))
REASON = "# repeats visible text: the same sum, on other numbers"


def repeated(*inside: str, visible: str = f"assert {LONG}"):
    return notebook(code("\n".join([visible, "### BEGIN HIDDEN TESTS", *inside, "### END HIDDEN TESTS"]), TESTS))


def test_hidden_tests_that_repeat_a_visible_line_on_purpose_say_why():
    (problem,) = problems(repeated(f"assert {LONG}"))
    assert "holds text of the hidden tests" in problem and "`# repeats visible text: REASON`" in problem
    assert problems(repeated(REASON, f"assert {LONG}")) == []
    (problem,) = problems(repeated("# repeats visible text:", f"assert {LONG}"))[:1]
    assert "without a reason" in problem


def test_a_reason_excuses_no_hidden_text_that_is_shown_and_no_solution():
    secret = repeated(REASON, "assert the_hidden_value == weight_7 @ third_9 + 41")
    shown = notebook(code(f"assert {LONG}", TESTS), prose("the_hidden_value == weight_7 @ third_9 + 41"))
    assert any("holds text of the hidden tests" in text for text in problems(secret, shown))
    assert any("still in the released cell" in text for text in problems(secret, secret))
    lines = "\n".join(f"weight_{k} = first_{k} @ second_{k} + third_{k}" for k in range(8))
    solution = code(f"### BEGIN SOLUTION\n{REASON}\n{lines}\n### END SOLUTION", SOLUTION)
    (problem,) = problems(notebook(solution, prose(lines)))
    assert "holds text of the solution" in problem and "REASON" not in problem


def test_a_solution_cell_without_delimiters_is_all_solution():
    nb = notebook(code("answer = the_secret(3, 4)", SOLUTION))
    regions, kept, faults = read_regions(nb, "ridge.py")
    assert [region.text for region in regions] == ["answer = the_secret(3, 4)"] and kept == [""] and not faults
    assert problems(nb, nb)
    assert problems(nb) == []


@pytest.mark.parametrize(
    "line",
    [
        "from autograder import grade",
        "import autograder",
        "import numpy, autograder.judging",
        "    from autograder.checks import find",
        '__import__("autograder")',
        "importlib.import_module('autograder.checks')",
    ],
)
def test_students_cells_do_not_import_the_autograder(line):
    nb = notebook(code(f"x = 1\nif x:\n{line}"))
    (leak,) = find_leaks(nb, nb, "ridge.py")
    assert "do not have `autograder`" in leak.problem and leak.line == 3


def test_a_cell_may_talk_about_the_autograder():
    nb = notebook(prose("The autograder imports nothing."), code("# from here the autograder reads `w`\nw = 1"))
    assert problems(nb) == []


def test_outputs_attachments_duplicates_and_unknown_tags_are_reported():
    nb = notebook(prose("# a"), code("x", SOLUTION), code("y", {**SOLUTION, "grade_id": "other"}))
    release = released(nb)
    release.cells[1].outputs = [nbformat.v4.new_output("stream", text="42")]
    release.cells[0]["attachments"] = {"a.png": {"image/png": "aGk="}}
    release.cells[2].metadata["nbgrader"]["grade_id"] = "sum_node"
    release.cells[2]["id"] = release.cells[0]["id"]
    nb.cells[0].metadata["tags"] = ["trian"]
    said = "\n".join(problems(nb, release))
    for words in ("has outputs", "attached picture", "grade_id 'sum_node' is already", "cell id", "tag 'trian'"):
        assert words in said


def test_stray_files_are_those_nobody_named(tmp_path):
    for name in ("a.ipynb", "data/x.csv", "data/y.csv", "answers.pdf", ".ipynb_checkpoints/a.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("/nowhere")
    strays = [path.relative_to(tmp_path).as_posix() for path in stray_files(tmp_path, ["a.ipynb", "data/x.csv"])]
    assert strays == ["answers.pdf", "data/y.csv", "link"]
