"""What is said of answers to section 10."""

from __future__ import annotations

import pytest
from places import CHECKS

from autograder.judging import Student
from autograder.judging.load import find

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("returned", "family", "words"),
    [
        (lambda X: 0.5, "shape", "is a single number where an array"),
        (lambda X: torch.tensor(0.5), "shape", "is a single number where an array"),
        (lambda X: X.flatten(), "shape", "has shape ("),
        (lambda X: None, "none", "is None"),
    ],
)
def test_a_map_is_called_none_only_where_nothing_is_returned(returned, family, words):
    check = find(CHECKS, "10-imagenet/saliency_check")
    verdict = check.judge(Student.here({"saliency": lambda model, X: returned(X)}), "map")
    assert family in verdict.families and words in verdict.text
    assert ("is None" in verdict.text) == (family == "none")
