"""`export_pdf`, for a cell of the notebook itself: in JupyterLab on a file, in Colab on the notebook that is open."""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

from .answers import Options, make_pdf
from .notebook import NotebookError


def export_pdf(notebook: str | Path | None = None, out: str | Path | None = None, **options: Any) -> Path | None:
    """Write the PDF of a notebook and say what is missing in it; returns its path.

    notebook : its file; when left out, the notebook that is open in Colab, or the only one in this folder
    out      : where to write; when left out, beside the notebook. In Colab the PDF is downloaded as well
    options  : name, student_id, template ("compact", "gradescope"), paper ("a4", "us-letter"), questions, new_pages

    What is wrong (no notebook, a package missing) is printed as one sentence, and nothing is returned.
    """
    try:
        in_colab = importlib.util.find_spec("google.colab") is not None
    except ModuleNotFoundError:
        in_colab = False
    try:
        with tempfile.TemporaryDirectory() as folder:
            if notebook is None and in_colab:
                notebook = _open_in_colab(Path(folder))
                out = out or Path("answers.pdf")
            path = Path(notebook) if notebook is not None else _only_one()
            target = Path(out) if out is not None else path.with_suffix(".pdf")
            made = make_pdf([path], target, Options(**options))
    except NotebookError as error:
        print(error)
        return None
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}.")
        return None
    for line in [*made.problems, *made.state]:
        print(line)
    print(f"Wrote {target}.")
    if in_colab:
        importlib.import_module("google.colab.files").download(str(target))
    return target


def _only_one() -> Path:
    found = sorted(Path().glob("*.ipynb"))
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none"
        raise NotebookError(f'Say which notebook: export_pdf("ridge.ipynb"). In this folder there are: {there}.')
    return found[0]


def _open_in_colab(folder: Path) -> Path:
    """The notebook as it is on the screen, which may not be saved yet."""
    message = importlib.import_module("google.colab._message")
    reply = message.blocking_request("get_ipynb", timeout_sec=60)
    book = reply.get("ipynb") if isinstance(reply, dict) else None
    if not book:
        raise NotebookError("Colab did not hand over the notebook. Save it to Drive and say export_pdf(PATH).")
    section = book.get("metadata", {}).get("backprop", {})
    name = section.get("notebook", "notebook") if isinstance(section, dict) else "notebook"
    path = folder / f"{Path(str(name)).name}.ipynb"
    path.write_text(json.dumps(book), "utf-8")
    return path
