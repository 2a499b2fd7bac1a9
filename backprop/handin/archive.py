"""The one zip that a student hands in: `<section>/<notebook>.ipynb`, its weights and modules of its own beside it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..files import write_atomically
from .imports import own_modules
from .notebook import NotebookError, read_notebook

_SAFE = re.compile(r"[^\w.-]+")


def make_zip(paths: Sequence[str | Path], out: str | Path) -> list[str]:
    """Write the zip and return what to tell the student, line by line.

    The same notebooks and weights give the same bytes, whenever and wherever it is made. Raises NotebookError when a
    file is not a notebook or two would have the same place in the zip, OSError when `out` cannot be written.
    """
    out = Path(out)
    files: dict[str, Path] = {}
    warnings: list[str] = []
    for path in paths:
        notebook = read_notebook(path)
        section = _SAFE.sub("-", notebook.section).strip(".-") or "notebooks"
        name = _SAFE.sub("-", Path(path).stem).strip(".-") or "notebook"
        _add(files, f"{section}/{name}.ipynb", Path(path))
        for inner, module in own_modules(notebook).items():
            _add(files, f"{section}/{inner}", module)
        for weights in notebook.weights():
            if weights.path.is_file():
                _add(files, f"{section}/{weights.path.name}", weights.path)
                size = weights.path.stat().st_size / 1e6
                if size > weights.max_mb:
                    warnings.append(
                        f"Take care: {weights.path.name} has {size:.1f} MB; at most {weights.max_mb:g} MB are accepted."
                    )
            else:
                warnings.append(
                    f"Take care: {weights.path.name} is missing, so {notebook.path.name} goes without its trained "
                    "weights. Train, save them beside the notebook, and make the zip again."
                )
    content = _packed(files)
    write_atomically(out, content)
    listed = [f"  {name}  ({_size(path.stat().st_size)})" for name, path in sorted(files.items())]
    where = "In Colab, download it from the folder icon on the left; then hand" if _in_colab() else "Hand"
    return [f"Wrote {out} ({_size(len(content))}) with", *listed, *warnings, f"{where} in this one file as it is."]


def _add(files: dict[str, Path], name: str, path: Path) -> None:
    if name in files and files[name].resolve() != path.resolve():
        raise NotebookError(f"{files[name]} and {path} would both be {name} in the zip. Rename one, or leave it out.")
    files[name] = path


def _packed(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            try:
                archive.writestr(entry, path.read_bytes())
            except OSError as error:
                raise NotebookError(f"{path} cannot be read ({error.strerror}).") from None
    return buffer.getvalue()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _in_colab() -> bool:
    return Path("/content").is_dir() and Path.cwd().is_relative_to("/content")
