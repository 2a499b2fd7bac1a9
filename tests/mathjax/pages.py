"""Typst's side of the comparison: each formula on a page of its own, read back from the PDF."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.mathjax.marks import Setting, set_in_pdf

_PAGE = """#import "style.typ": *
#set page(width: auto, height: auto, margin: 0pt, fill: none)
#set text(size: 10pt, font: ("Libertinus Serif", "DejaVu Sans"))
#set par(leading: 0.65em)
#show math.equation: set text(font: ("New Computer Modern Math", "DejaVu Sans"))
#show math.equation.where(block: true): set block(above: 0pt, below: 0pt)
#show: formulas
"""


def set_by_typst(formulas: Sequence[tuple[str, bool] | str], style: str = "") -> list[Setting]:
    """Each (Typst mathematics, display) as it stands in a PDF; a string is an error that stands for the formula."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "style.typ").write_text(style, "utf-8")
        compiler = typst.Compiler(root=folder, font_paths=_fonts())

        def pages(numbers: list[int]) -> dict[int, Setting]:
            body = "\n#pagebreak()\n".join(_block(*formulas[i]) for i in numbers)
            try:
                pdf = compiler.compile((_PAGE + body).encode(), format="pdf")
            except (typst.TypstError, RuntimeError) as error:
                if len(numbers) == 1:
                    return {numbers[0]: Setting(error=f"Typst: {str(error).splitlines()[0][:100]}")}
                half = len(numbers) // 2
                return pages(numbers[:half]) | pages(numbers[half:])
            settings = set_in_pdf(pdf)
            if len(settings) != len(numbers):
                raise ValueError(f"{len(settings)} pages for {len(numbers)} formulas")
            return dict(zip(numbers, settings, strict=True))

        good = [i for i, formula in enumerate(formulas) if not isinstance(formula, str)]
        settings = pages(good) if good else {}
        return [settings[i] if i in settings else Setting(error=str(formulas[i])) for i in range(len(formulas))]


def error_of(body: str, display: bool, style: str) -> str:
    """What Typst says against this mathematics; empty when it can be set."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "style.typ").write_text(style, "utf-8")
        try:
            typst.Compiler(root=folder, font_paths=_fonts()).compile((_PAGE + _block(body, display)).encode())
        except (typst.TypstError, RuntimeError) as error:
            return str(error)
    return ""


@cache
def _fonts() -> Any:
    import typst

    found = importlib.util.find_spec("matplotlib")
    assert found and found.origin
    ttf = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return typst.Fonts(include_system_fonts=False, font_paths=[str(ttf)])


def _block(body: str, display: bool) -> str:
    # An inline formula is measured as a block too: a line of text would hide its height.
    return (
        f"#math.equation(block: true, $ {body} $)"
        if display
        else f"#math.equation(block: true, math.inline($ {body} $))"
    )
