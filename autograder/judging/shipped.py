"""Reference code that a check sends to a submission: ordinary modules of the course, read as text."""

from __future__ import annotations

import inspect
from types import ModuleType


def source_of(*modules: ModuleType) -> str:
    """The text of the modules, one after another, for `Student.load`, which sends what the names need and no more.

    Called when a check's module is imported, so that all checks of a run send the same text. The modules import what
    every notebook may, and nothing from one another: they are run in the student's process.
    """
    text = "\n\n".join(inspect.getsource(module) for module in modules)
    return text.replace("from __future__ import annotations\n", "")  # it may stand at the top alone
