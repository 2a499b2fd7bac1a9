"""One answer, judged fairly: with right code under the names that it builds on, else with the student's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import Remote, Student, answers, fairly


def fair_answer(
    student: Student, ask: Callable[[], Any], right: Callable[[Any], bool], *references: Mapping[str, Remote]
) -> Any:
    """The answer, see `fairly`; raises the StudentError that came instead.

    ask        : asks anew, for the names that stand there while it runs
    references : each puts right code under names of the notebook
    """
    shadows = [partial(student.shadow, **names) for names in references]
    return fairly(lambda: answers({"it": ask}), {"it": right}, *shadows)["it"].value


def close(got: Any, exact: Any) -> bool:
    try:
        array = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        return False
    return array.shape == np.shape(exact) and bool(np.allclose(array, exact, rtol=1e-7, atol=1e-12))
