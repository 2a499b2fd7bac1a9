"""Names that Python files of a submission may not have: those of libraries, and of what configures Python."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
from collections.abc import Iterable

CONFIGURATION = re.compile(
    r"(?:ipython|jupyter|nbgrader)\w*_config\Z|(?:site|user)customize\Z|conftest\Z", re.IGNORECASE
)


@functools.cache
def libraries() -> frozenset[str]:
    """The top-level names of Python's own modules and of all that is installed here."""
    return frozenset(sys.stdlib_module_names) | {"test"} | frozenset(importlib.metadata.packages_distributions())


def top_level(path: str) -> str:
    """The name under which a Python file beside a notebook is imported: mine.py, mine/nodes.py -> mine."""
    return path.partition("/")[0].removesuffix(".py")


def shadowed(paths: Iterable[str]) -> list[str]:
    """The Python files among relative paths that have the name of a library, which is imported instead of them."""
    return sorted({path for path in paths if path.endswith(".py") and top_level(path) in libraries()})
