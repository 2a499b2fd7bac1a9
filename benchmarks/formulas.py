"""Formulas of the answers PDF against MathJax: `python benchmarks/formulas.py [FILE or FOLDER …] [--show N]`.

Each formula is set by MathJax and by us; what stands in the PDF is compared with what MathJax draws, glyph by glyph
(tests/mathjax). Without arguments: every formula of the notebooks, and those of tests/mathjax. Needs Node.js; npm
fetches MathJax once. A folder is searched for notebooks, Markdown and text files.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from backprop.handin.math_spans import take_formulas  # noqa: E402
from backprop.latex import FormulaError, Macros, convert, formula_style  # noqa: E402
from tests.mathjax.comparison import compare  # noqa: E402
from tests.mathjax.marks import node_modules, set_by_mathjax  # noqa: E402
from tests.mathjax.pages import set_by_typst  # noqa: E402

KINDS = ("right", "off", "wrong", "source", "error in both")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "corpora", nargs="*", type=Path, help="files or folders; the notebooks and tests/mathjax if none"
    )
    parser.add_argument("--show", type=int, default=20, help="how many formulas that are not right to list (20)")
    parser.add_argument("--most", type=int, default=5000, help="at most so many formulas of each corpus (5000)")
    chosen = parser.parse_args()
    if node_modules() is None:
        print("Node.js with npm is needed: MathJax is the reference.", file=sys.stderr)
        return 2
    corpora = chosen.corpora or [ROOT / "source", *sorted((ROOT / "tests" / "mathjax").glob("*.txt"))]
    print(f"{'corpus':<40} {'formulas':>8} " + " ".join(f"{kind:>13}" for kind in KINDS) + f" {'ms each':>8}")
    for corpus in corpora:
        formulas = list(dict.fromkeys(_formulas(corpus)))[: chosen.most]
        counts, listed, took = measured(formulas)
        shown = " ".join(f"{counts[kind]:>5} {100 * counts[kind] / max(1, len(formulas)):>5.1f} %" for kind in KINDS)
        print(f"{corpus.name:<40} {len(formulas):>8} {shown} {1000 * took / max(1, len(formulas)):>8.2f}")
        for line in listed[: chosen.show]:
            print("   ", line)
    return 0


def measured(formulas: list[tuple[str, bool]]) -> tuple[Counter[str], list[str], float]:
    """How many are right, off, …; a line for each that is not right; seconds of processor time of the conversion."""
    started = time.process_time()
    typst: list[tuple[str, bool] | str] = []
    for tex, display in formulas:
        try:
            typst.append((convert(tex, display, Macros()).code, display))
        except FormulaError as error:
            typst.append(str(error))
    took = time.process_time() - started
    counts: Counter[str] = Counter()
    lines = []
    wanted, got = set_by_mathjax(formulas), set_by_typst(typst, formula_style())
    for (tex, _), one, other in zip(formulas, wanted, got, strict=True):
        verdict = compare(one, other)
        counts[verdict.kind] += 1
        if verdict.kind != "right":
            lines.append(f"{verdict.kind}: {' '.join(tex.split())[:160]}   [{verdict.reason}]")
    order = ["wrong", "source", "off", "error in both"]
    return counts, sorted(lines, key=lambda line: order.index(line.split(":")[0])), took


def _formulas(corpus: Path) -> Iterator[tuple[str, bool]]:
    """(LaTeX, display) of each formula in a file, or in the notebooks, Markdown and text files of a folder."""
    files = (
        [corpus] if corpus.is_file() else sorted(p for p in corpus.rglob("*") if p.suffix in (".ipynb", ".md", ".txt"))
    )
    for file in files:
        for text in _texts(file):
            found: list = []
            take_formulas(text, found)
            yield from ((formula.tex, formula.display) for formula in found if not formula.problem)


def _texts(file: Path) -> Iterator[str]:
    text = file.read_text("utf-8", errors="replace")
    if file.suffix == ".txt":
        yield from (line.replace("⏎", "\n") for line in text.splitlines() if not line.startswith("# "))
    elif file.suffix == ".ipynb":
        try:
            cells = json.loads(text).get("cells", [])
        except (ValueError, AttributeError):
            return
        for cell in cells:
            if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
                source = cell.get("source", "")
                yield source if isinstance(source, str) else "".join(map(str, source))
    else:
        yield text


if __name__ == "__main__":
    sys.exit(main())
