"""The visible check of f3 says which factor was forgotten."""

import math

import pytest
from places import ROOT

from autograder.release.text_notebook import read_text
from backprop.gradcheck import CheckFailed, check_function


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The text of each cell of the notebook by its grade_id."""
    path = ROOT / "notebooks" / "01-staged-backprop" / "staged_backprop.py"
    notebook = read_text(path.read_text(encoding="utf-8"), "01-staged-backprop", path.name)
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in notebook.cells if "nbgrader" in cell.metadata
    }


def said(cells: dict[str, str], gradients: str) -> str:
    """What the visible check says of both y when f3 returns other gradients; "" when it has no objection."""
    returned = "return L, (grad_e1 * e1, grad_e2 * e2)"
    assert returned in cells["f3"]
    reports = []

    def collect(*arguments, **how):
        try:
            check_function(*arguments, **how)
        except CheckFailed as error:
            reports.append(str(error))

    visible = cells["f3_check"].partition("### BEGIN HIDDEN TESTS")[0]
    code = [cells["f3"].replace(returned, f"return L, {gradients}"), cells["f3_helpers"], visible]
    exec("\n".join(code), {"math": math, "check_function": collect})
    return "\n".join(reports)


def test_right_code_passes(cells):
    assert said(cells, "(grad_e1 * e1, grad_e2 * e2)") == ""


@pytest.mark.parametrize(
    ("gradients", "forgotten"),
    [("(grad_e1, grad_e2 * e2)", "1"), ("(grad_e1 * e1, grad_e2)", "2"), ("(grad_e1, grad_e2)", "12")],
)
def test_a_forgotten_exponential_is_named(cells, gradients, forgotten):
    report = said(cells, gradients)
    for y in "12":
        for i in "12":
            named = f"∂f3_y{y}/∂s{i} lacks the factor e{i}." in report
            assert named == (i in forgotten)
