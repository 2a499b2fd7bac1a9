"""What a notebook needs besides itself: modules of its own that lie beside it, packages, a version of Python.

The grader runs a notebook in an environment of its own. What it lacks there is better known before handing in.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

from .notebook import Cell, Notebook

# What the grader's environment has besides Python's own modules; a test imports each there.
GRADER_HAS = frozenset(
    ("backprop", "numpy", "matplotlib", "mpl_toolkits", "PIL", "IPython", "ipykernel", "pooch", "requests", "tqdm")
    + ("traitlets", "dateutil", "packaging", "nbformat", "nbclient")
)
STANDARD = frozenset(sys.stdlib_module_names) | {"test"}
GRADER_HAS_FOR_TORCH = frozenset(("torch", "torchvision", "safetensors"))
OLDEST_PYTHON = (3, 11)  # that a course may be graded with, see constraints.txt
MAX_MODULES = 100
MAX_MODULE = 2**20  # bytes
_MAGIC = re.compile(r"^([ \t]*)[%!].*", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+(\w+))", re.MULTILINE)
_TOP_IMPORT = re.compile(r"^(?:from|import)[ \t].*", re.MULTILINE)


@dataclass(frozen=True)
class Import:
    """An import of a module by its top-level name; `names` are those that it binds, "*" for all."""

    module: str
    names: tuple[str, ...]


def imports_of(source: str) -> list[Import]:
    """The imports in a cell or a module, wherever they stand; Jupyter's magics are left out."""
    tree = _parsed(source)
    if tree is None:
        return [Import(name or other, (name or other,)) for name, other in _IMPORT.findall(source)]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(_top(a.name), (a.asname or _top(a.name),)) for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(Import(_top(node.module), tuple(a.asname or a.name for a in node.names)))
    return found


def own_modules(notebook: Notebook) -> dict[str, Path]:
    """The modules beside a notebook that it imports, with those that they import: relative name -> file."""
    folder = notebook.path.resolve().parent
    found: dict[str, Path] = {}
    waiting = [one.module for cell in notebook.cells if cell.kind == "code" for one in imports_of(cell.source)]
    seen = GRADER_HAS | GRADER_HAS_FOR_TORCH | STANDARD
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen |= {name}
        for path in _files_of(folder, name):
            if len(found) < MAX_MODULES and path.stat().st_size <= MAX_MODULE:
                found[path.relative_to(folder).as_posix()] = path
                waiting += [one.module for one in imports_of(path.read_text("utf-8", "replace"))]
    return dict(sorted(found.items()))


def surprises(notebook: Notebook) -> tuple[list[str], list[str]]:
    """What works here and not where it is graded: (faults, remarks), one sentence each.

    A fault where an answer needs it, a remark where something else does. What is optional may need more.
    """
    has = GRADER_HAS | STANDARD
    torch = notebook.course.get("torch") is True
    has |= GRADER_HAS_FOR_TORCH if torch else set()
    folder = notebook.path.resolve().parent
    code = [cell for cell in notebook.cells if cell.kind == "code"]
    faults: list[str] = []
    remarks: list[str] = []
    told: set[str] = set()
    for cell in code:
        for one in imports_of(cell.source):
            beside = _files_of(folder, one.module)
            if one.module in told or bool(beside) != (one.module in has):
                continue  # a library, or a module of one's own that goes along
            told.add(one.module)
            if beside:
                name = beside[0].relative_to(folder).parts[0]
                faults.append(f"{name} has the name of a library, which the grader imports instead. Rename it.")
                continue
            user = _answer_that_uses(one, code)
            if one.module == "torch" or one.module in GRADER_HAS_FOR_TORCH:
                why = f"{one.module} cannot be imported when this section is graded"
            else:
                why = f"the grader does not have {one.module}"
            if user is not None:
                faults.append(f"{_where(user)} needs {one.module}, but {why}. Write it without.")
            elif not cell.is_optional:
                remarks.append(f"{_where(cell)} imports {one.module}, but {why}. No answer may need it.")
    for cell in code:
        version, what = newer_syntax(cell.source)
        if version > OLDEST_PYTHON:
            number = ".".join(map(str, version))
            remarks.append(
                f"{_where(cell)} is written for Python {number} or newer ({what}). If the course is graded with an "
                "older one, it cannot be read there; write it without to be sure."
            )
    return faults, remarks


def newer_syntax(source: str) -> tuple[tuple[int, int], str]:
    """The oldest Python that can read the source, and why; as far as the Python that runs this can tell."""
    tree = _parsed(source)
    if tree is None:
        return (3, 0), ""
    found = [((3, 0), "")]
    lines = _without_magics(source).splitlines()
    for node in ast.walk(tree):
        kind = type(node).__name__
        if kind == "TemplateStr":
            found.append(((3, 14), "a t-string"))
        elif kind == "TypeAlias":
            found.append(((3, 12), "a `type` statement"))
        elif getattr(node, "type_params", None):
            found.append(((3, 12), "type parameters in square brackets"))
        elif kind == "TryStar":
            found.append(((3, 11), "`except*`"))
        elif isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
            handled = node.type
            if lines[handled.lineno - 1].encode()[handled.col_offset : handled.col_offset + 1] != b"(":
                found.append(((3, 14), "`except A, B` without parentheses"))
    if _has_newer_fstring(source):
        found.append(((3, 12), "an f-string with its own quotes, a backslash or a line end inside"))
    return max(found)


def _has_newer_fstring(source: str) -> bool:
    """Whether an f-string holds, within its braces, its own quotes, a backslash, a comment or, on one line, a line end.

    Only Python 3.12 and newer take f-strings apart into tokens; an older one cannot have run such a cell anyway.
    """
    start = getattr(tokenize, "FSTRING_START", None)
    if start is None:
        return False
    open_: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(_without_magics(source)).readline):
            if token.type == start:
                if open_ and _has_quotes(token.string, open_):
                    return True
                open_.append(token.string.lstrip("fFrRbBtT"))
            elif token.type == tokenize.FSTRING_END:
                open_.pop()
            if not open_ or token.type in (start, tokenize.FSTRING_END):
                continue
            nested = token.type == tokenize.FSTRING_MIDDLE and len(open_) > 1
            text = token.string if token.type == tokenize.STRING or nested else ""
            on_one_line = token.type == tokenize.NL and min(map(len, open_)) == 1
            if (
                "\\" in text
                or _has_quotes(text, open_[: -1 if nested else None])
                or token.type == tokenize.COMMENT
                or on_one_line
            ):
                return True
    except (tokenize.TokenError, SyntaxError):
        pass
    return False


def _has_quotes(text: str, outer: list[str]) -> bool:
    return any(quotes in text for quotes in outer)


def _answer_that_uses(one: Import, code: list[Cell]) -> Cell | None:
    """The first answer that counts and uses a name which the import binds, or imports the module within a function.

    An import alone at the top of an answer costs nothing: what stands below a line that fails is run as well.
    """
    for cell in code:
        if not cell.is_graded_code or cell.is_optional:
            continue
        source = _TOP_IMPORT.sub("", cell.source)
        if any(name != "*" and re.search(rf"\b{re.escape(name)}\b", source) for name in one.names):
            return cell
    return None


def _files_of(folder: Path, name: str) -> list[Path]:
    """The files of a module or package of this name in a folder; none when there is none."""
    if (folder / f"{name}.py").is_file():
        return [folder / f"{name}.py"]
    inside = folder / name
    return sorted(path for path in inside.rglob("*.py") if path.is_file()) if inside.is_dir() else []


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(_without_magics(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magics(source: str) -> str:
    """The source with `pass` in place of lines that only Jupyter understands."""
    return _MAGIC.sub(r"\1pass", source)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _where(cell: Cell) -> str:
    return f"Cell {cell.number}" + (f" ({cell.grade_id})" if cell.grade_id else "")


__all__ = ["GRADER_HAS", "Import", "imports_of", "newer_syntax", "own_modules", "surprises"]
