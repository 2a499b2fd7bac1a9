"""`python -m backprop`: the commands a student needs to hand in.

Exit status: 0 when it did what was asked, 1 when something in the notebooks is wrong, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .handin.notebook import NotebookError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}.{_advice(error, options)}", file=sys.stderr)
        return 1


def _advice(error: OSError, options: argparse.Namespace) -> str:
    is_output = error.filename and "output" in options and Path(error.filename) == Path(options.output)
    return " Choose another place with -o." if is_output else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backprop", description="Check, print and hand in your notebooks.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    pdf = commands.add_parser("pdf", help="one PDF of your answers, code, figures and check results")
    pdf.add_argument("notebooks", nargs="+", metavar="NOTEBOOK")
    pdf.add_argument("-o", "--output", required=True, metavar="OUT.pdf", help="where to write the PDF")
    pdf.add_argument("--name", default="", help="your name, for the first page")
    pdf.add_argument("--course", default="", help="the course, for the first page")
    pdf.add_argument("--id", default="", help="your id, for the first page")
    pdf.add_argument(
        "--template",
        choices=["compact", "gradescope"],
        default="compact",
        help="gradescope: one question a page, the same pages for everybody, and answers.json beside the PDF",
    )
    pdf.add_argument("--paper", choices=["a4", "us-letter"], default="a4", help="paper (a4)")
    pdf.add_argument("--question", action="append", default=[], metavar="ID", help="only this one; may be repeated")
    pdf.add_argument("--new-pages", action="store_true", help="begin each question on a new page")
    pdf.set_defaults(run=_pdf)

    check = commands.add_parser("check", help="is this notebook ready to hand in?")
    check.add_argument("notebook", metavar="NOTEBOOK")
    check.add_argument("--timeout", type=_seconds, default=300, metavar="SECONDS", help="limit for one cell (300)")
    check.set_defaults(run=_check)

    submit = commands.add_parser("submit", help="put your notebooks and weights into one zip to hand in")
    submit.add_argument("notebooks", nargs="+", metavar="NOTEBOOK")
    submit.add_argument("-o", "--output", default="hand-in.zip", metavar="ZIP", help="name of the zip (hand-in.zip)")
    submit.set_defaults(run=_submit)
    return parser


def _pdf(options: argparse.Namespace) -> int:
    from .handin.answers import Options, make_pdf

    chosen = Options(
        name=options.name,
        student_id=options.id,
        template=options.template,
        paper=options.paper,
        questions=options.question,
        new_pages=options.new_pages,
        course=options.course,
    )
    made = make_pdf(options.notebooks, options.output, chosen)
    for problem in made.problems:
        print(problem, file=sys.stderr)
    for line in made.state:
        print(line)
    print(f"Wrote {options.output}.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from .handin.ready import check

    return 0 if check(options.notebook, timeout=options.timeout) else 1


def _submit(options: argparse.Namespace) -> int:
    from .handin.archive import make_zip

    for line in make_zip(options.notebooks, options.output):
        print(line)
    return 0


def _seconds(text: str) -> int:
    seconds = int(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
