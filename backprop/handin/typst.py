"""Typst in a process of its own, with limits of memory and of processor time, that sees one folder and nothing else.

What is to be set comes from a student's notebook: a picture may take a gigabyte once it is read, or end the process
that reads it. So no such thing happens in the process that a person started.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..latex import formula_style
from .notebook import NotebookError

SECONDS = 20.0  # of processor time for one request
_MEMORY = 4 * 2**30  # bytes of address space
_FONTS = "DejaVuSans*.ttf"  # matplotlib brings these: symbols and smileys that Typst's own fonts lack
_LAST_RESORT = "LastResort*.ttf"  # a box for each script, where no font has the character


@dataclass(frozen=True)
class Outcome:
    """What became of one request: the PDF, what a query found, or why there is none (`gone`: the process died)."""

    pdf: bytes = b""
    found: list[Any] | None = None
    errors: tuple[str, ...] = ()
    gone: bool = False

    @property
    def good(self) -> bool:
        return not self.errors and not self.gone


class Typesetter:
    """Compiles files of `folder`. Use it as a context manager: the process ends with it.

    system_fonts : also use the fonts of this machine, which takes time to look for
    spent : seconds of processor time that all requests have taken so far
    """

    def __init__(self, folder: Path, system_fonts: bool = False) -> None:
        self._folder = folder
        self.system_fonts = system_fonts
        self.spent = 0.0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        for name, pattern in (("fonts", _FONTS), ("last-resort", _LAST_RESORT)):
            _link_fonts(folder / name, pattern)
        (folder / "style.typ").write_text(Path(__file__).with_name("style.typ").read_text("utf-8"), "utf-8")
        (folder / "formula.typ").write_text(formula_style(), "utf-8")

    def __enter__(self) -> Typesetter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def compile(self, main: str, accessible: bool = False, seconds: float | None = None) -> Outcome:
        """The PDF of this text; `accessible` asks for PDF/UA-1, which refuses what a screen reader could not read."""
        return self._ask({"main": main, "standard": "ua-1" if accessible else None, "seconds": seconds or SECONDS})

    def query(self, main: str, selector: str) -> Outcome:
        """The values of the metadata in this text that carry a label, such as `<mark>`."""
        return self._ask({"main": main, "query": selector, "seconds": SECONDS})

    def as_png(self, name: str) -> bool:
        """Write the first page of the PDF file `name` as `name.png`; False where that cannot be done."""
        main = f'#set page(width: auto, height: auto, margin: 0pt)\n#image("{name}")'
        return self._ask({"main": main, "png": f"{name}.png", "seconds": SECONDS}).good

    def missing(self, characters: str) -> str:
        """Those of the characters that no font has."""
        text = " ".join(f'#"{_escaped(character)}";' for character in characters)
        main = f'#set document(title: "x")\n#set text(font: ("Libertinus Serif", "DejaVu Sans"))\n{text}\n'
        request = {"main": main, "standard": "ua-1", "seconds": SECONDS, "strict": True}
        said = "\n".join(self._ask(request).errors)
        return "".join(c for c in characters if f'the text `"{_escaped(c)}"` could not' in said)

    def _ask(self, request: dict[str, Any]) -> Outcome:
        process = self._process = self._process or self._start()
        assert process.stdin
        try:
            process.stdin.write(json.dumps({**request, "system_fonts": self.system_fonts}) + "\n")
            process.stdin.flush()
            # Processor time is what counts; the clock only stops a process that waits for ever.
            line = self._lines.get(timeout=10 * request["seconds"] + 30)
            reply = json.loads(line)
        except (queue.Empty, OSError, ValueError):
            self._end()
            self.spent += request["seconds"]
            return Outcome(errors=("it took too much time or memory",), gone=True)
        self.spent += reply["seconds"]
        if reply["errors"]:
            return Outcome(errors=tuple(reply["errors"]))
        made_pdf = "query" not in request and "png" not in request
        return Outcome((self._folder / "out.pdf").read_bytes() if made_pdf else b"", reply["found"])

    def _start(self) -> subprocess.Popen[str]:
        lines: queue.Queue[str] = queue.Queue()
        self._lines = lines
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("typst_process.py")), str(self._folder), str(_MEMORY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            cwd=self._folder,
            env={**os.environ, "RAYON_NUM_THREADS": "2"},
        )

        def read() -> None:
            with contextlib.suppress(ValueError, OSError):
                for line in process.stdout or ():
                    lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()


def need_wheels() -> None:
    """Raise NotebookError where a package that the PDF needs is missing."""
    if not all(importlib.util.find_spec(name) for name in ("typst", "markdown_it")):
        raise NotebookError(
            "The PDF needs two more packages. Install them with: pip install typst==0.14.9 markdown-it-py"
        )


def typst_string(text: str) -> str:
    """`text` as a Typst string literal."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return escaped.replace("\t", "    ").replace("\r", "")


def _link_fonts(folder: Path, pattern: str) -> None:
    folder.mkdir()
    found = importlib.util.find_spec("matplotlib")
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else folder
    for font in fonts.glob(pattern):
        try:
            (folder / font.name).symlink_to(font)
        except OSError:  # Windows without the right to make links
            shutil.copy(font, folder / font.name)
