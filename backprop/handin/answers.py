"""The hand-in of a student as one PDF: written answers, graded code, figures and what the checks said.

No TeX and no browser: Typst (`typst`) is an ordinary wheel, and sets everything in a process of its own.
"""

from __future__ import annotations

import datetime
import json
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..files import write_atomically
from .blocks import Block, Content, Question, question_key, read_content
from .document import Document
from .notebook import Notebook, NotebookError, clean, read_notebook
from .typst import Typesetter, need_wheels, typst_string

TEMPLATES = ("compact", "gradescope")
PAPERS = ("a4", "us-letter")
_STATUS = {
    "answered": "good", "passed": "good", "passed, printed nothing": "good",
    "empty": "bad", "missing": "bad", "failed": "bad", "unfinished": "open", "not run": "open",
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How the PDF is made.

    name, student_id : of the student, for the first page and the foot of each page
    template  : compact, or gradescope: one question a page, at the same page numbers for everybody
    paper     : a4 or us-letter
    questions : only these, by their ids; all when empty
    new_pages : each question begins on a new page
    course    : its name, where the notebook does not say it
    key       : a word that the file carries among its keywords
    """

    name: str = ""
    student_id: str = ""
    template: str = "compact"
    paper: str = "a4"
    questions: Sequence[str] = ()
    new_pages: bool = False
    course: str = ""
    key: str = ""


@dataclass
class Made:
    """What was made: `problems`, one sentence for each thing not shown as meant; `state`, a line for each question
    that is not complete; `pages`, question → page, for the template gradescope."""

    problems: list[str] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    pages: dict[str, int] = field(default_factory=dict)


def make_pdf(paths: Sequence[str | Path], out: str | Path, options: Options = Options()) -> Made:
    """Write the PDF of the notebooks in these files to `out`; see `write_pdf`."""
    return write_pdf([read_notebook(path) for path in paths], out, options)


def write_pdf(notebooks: Sequence[Notebook], out: str | Path, options: Options = Options()) -> Made:
    """Write the PDF of these notebooks to `out`; with the template gradescope also `answers.json` beside it.

    Raises NotebookError when the packages are missing or nothing can be set, OSError when `out` cannot be written.
    """
    need_wheels()
    contents = _distinct([read_content(notebook) for notebook in notebooks])
    if options.questions:
        contents = _chosen(contents, options.questions)
    made = Made(state=_state(contents))
    with tempfile.TemporaryDirectory(prefix="backprop-pdf-") as name:
        folder = Path(name)
        with Typesetter(folder) as typesetter:
            missing = _missing_characters(typesetter, contents, options)
            document = Document(contents, typesetter, folder, by_question=options.template == "gradescope")
            if options.template == "gradescope":
                from .gradescope import set_pages

                pdf, made.pages = set_pages(document, typesetter, contents, options, missing, folder)
            else:
                pdf = _compact(document, contents, options, missing)
    for content in contents:
        made.problems += content.problems
    made.problems += document.problems()
    if missing:
        made.problems.append(_missing_sentence(missing))
    write_atomically(out, pdf)
    if made.pages:
        write_atomically(Path(out).with_name("answers.json"), _pages_json(contents, made.pages))
    return made


def _distinct(contents: list[Content]) -> list[Content]:
    """The contents, with names of their own for questions of several notebooks that have the same name."""
    names: set[str] = set()
    for content in contents:
        new = {key: f"{content.notebook.section}/{key}" if key in names else key for key in content.questions}
        content.questions = {new[key]: replace(one, key=new[key]) for key, one in content.questions.items()}
        content.blocks = [replace(block, question=new.get(block.question, "")) for block in content.blocks]
        names.update(content.questions)
    return contents


def _chosen(contents: list[Content], questions: Sequence[str]) -> list[Content]:
    """Of the contents only what belongs to these questions. Raises NotebookError for one that is not there."""
    known = [key for content in contents for key in content.questions]
    keys = {question_key(name) for name in questions}
    if unknown := sorted(keys - set(known)):
        raise NotebookError(f"There is no question {', '.join(unknown)}. There are: {', '.join(known) or 'none'}.")
    for content in contents:
        content.blocks = [b for b in content.blocks if b.kind == "section" or b.question in keys]
        content.questions = {key: question for key, question in content.questions.items() if key in keys}
    return contents


def _compact(document: Document, contents: Sequence[Content], options: Options, missing: str) -> bytes:
    def body() -> str:
        lines, seen = [], set()
        for number, block in enumerate(document.blocks):
            if block.kind == "section" and number:
                lines.append("#pagebreak(weak: true)")
            if block.question and block.question not in seen:
                seen.add(block.question)
                if options.new_pages and len(seen) > 1:
                    lines.append("#pagebreak(weak: true)")
                lines.append(anchor(contents, block.question))
            lines.append(document.include(number))
        return "\n".join(lines)

    main = page_setup(contents, options) + first_page(contents, options, missing, None) + "\n#v(1em)\n"
    return document.set(lambda: main + body())


def anchor(contents: Sequence[Content], key: str) -> str:
    """An invisible mark that the first page links to."""
    return f"#[#metadata(none)<{_label(contents, key)}>]"


def _label(contents: Sequence[Content], key: str) -> str:
    keys = [key for content in contents for key in content.questions]
    return f"question-{keys.index(key)}" if key in keys else "question-none"


def page_setup(contents: Sequence[Content], options: Options) -> str:
    """The document's title, its paper and its foot, and its style."""
    titles = list(dict.fromkeys(content.title for content in contents))
    name = clean(options.name)
    footer = " · ".join(part for part in (name, clean(options.student_id), ", ".join(titles)) if part)
    footer = footer if len(footer) <= 90 else footer[:88] + " …"
    return f"""#import "style.typ": *
#set document(title: {typst_string("Answers: " + ", ".join(titles))}, author: {typst_string(name)}, date: none,
  keywords: {typst_string(options.key)})
#set page(paper: "{options.paper}", margin: (x: 2.2cm, top: 2.2cm, bottom: 2.4cm),
  footer: footer-line({typst_string(footer)}))
#show: dressed
"""


def first_page(contents: Sequence[Content], options: Options, missing: str, pages: dict[str, int] | None) -> str:
    """What a grader wants to know first: who, what, when, and the state of each question."""
    titles = list(dict.fromkeys(content.title for content in contents))
    courses = dict.fromkeys(_word(content.notebook, "course") for content in contents)
    saved = max((_saved(content.notebook) for content in contents), default="")
    facts = [
        ("Course", clean(options.course) or ", ".join(filter(None, courses))),
        ("Section" if len(titles) == 1 else "Sections", "\n".join(titles)),
        ("Name", clean(options.name)),
        ("Id", clean(options.student_id)),
        ("Notebook saved", saved),
        ("Collaborators", "; ".join(filter(None, (content.collaborators for content in contents)))),
    ]
    remarks = []
    for content in contents:
        if content.untouched and content.questions:
            remarks.append(f"{content.title}: this is the release as it was given out. Nothing in it is answered.")
    cut = sum(len(content.problems) for content in contents)
    remarks += [f"{cut} thing{'s are' if cut > 1 else ' is'} left out; each is named where it stands."] if cut else []
    remarks += [_missing_sentence(missing)] if missing else []
    rows, total = [], 0.0
    for content in contents:
        for question in content.questions.values():
            rows.append(_row(contents, question, pages))
            total += question.points or 0
    shown = "".join(f"({typst_string(a)}, {typst_string(b)})," for a, b in facts if b)
    said = "".join(f"{typst_string(remark)}," for remark in remarks)
    sum_of_points = typst_string(f"{total:g}")
    return f'#first-page("Answers", ({shown}), ({"".join(rows)}), {sum_of_points}, ({said}))\n'


def question_title(question: Question) -> str:
    """The heading above a question, and its id."""
    title = re.sub(r"[`*$]", "", clean(question.title))[:80]
    return f"{title} ({question.key})" if title and title != question.key else question.key


def _row(contents: Sequence[Content], question: Question, pages: dict[str, int] | None) -> str:
    words = question_title(question)
    if pages:
        words += f", page {pages[question.key]}"
    is_there = any(block.question == question.key for content in contents for block in content.blocks)
    place = f"<{_label(contents, question.key)}>" if is_there or pages else "none"
    states = ", ".join(
        f'status("{_STATUS[state]}", {typst_string(state)})' if state in _STATUS else '""'
        for state in (question.answer, question.check)
    )
    points = "" if question.points is None else f"{question.points:g}"
    return f"({typst_string(words)}, {states}, {typst_string(points)}, {place}),"


def _state(contents: Sequence[Content]) -> list[str]:
    """A line for the terminal for each question that is not complete."""
    lines = []
    for content in contents:
        name = content.notebook.path.name
        if content.untouched and content.questions:
            lines.append(f"{name} is the release as it was given out: nothing in it is answered.")
            continue
        for question in content.questions.values():
            if not question.is_complete and question.points != 0:
                answer = question.answer if question.answer not in ("answered", "") else ""
                check = f"its check {_check_words(question.check)}" if question.check else ""
                what = ", ".join(filter(None, (answer, check if not check.endswith("passed") else "")))
                if what:
                    lines.append(f"{name}: {question.key}: {what}.")
    return lines


def _check_words(state: str) -> str:
    return {"not run": "was not run", "passed, printed nothing": "passed"}.get(state, state)


def _word(notebook: Notebook, key: str) -> str:
    value = notebook.course.get(key)
    return " ".join(clean(value).split())[:200] if isinstance(value, str) else ""


def _saved(notebook: Notebook) -> str:
    saved = datetime.datetime.fromtimestamp(notebook.path.stat().st_mtime)
    return f"{saved:%Y-%m-%d %H:%M}"


def _missing_characters(typesetter: Typesetter, contents: Sequence[Content], options: Options) -> str:
    """The characters that no font has. Fonts of this machine are looked for only where they may be needed."""
    found = set(options.name + options.student_id)
    for content in contents:
        found.update(content.title, *(q.title for q in content.questions.values()))
        for block in content.blocks:
            found.update(_characters(block))
    unusual = "".join(sorted(c for c in found if c > "\u024f" and unicodedata.category(c)[0] not in "CZM"))
    if not unusual:
        return ""
    missing = typesetter.missing(unusual)
    if missing:
        typesetter.system_fonts = True
        missing = typesetter.missing(missing)
    return missing


def _characters(block: Block) -> set[str]:
    characters = set(block.text) | set(block.words)
    if block.passage:
        characters.update(block.passage.markdown)
        for formula in block.passage.formulas:
            characters.update(formula.source)
    return characters - {"\ue000", "\ue001"}


def _missing_sentence(missing: str) -> str:
    names = dict.fromkeys(_script(character) for character in missing)
    some = " ".join(missing[:12]) + (" …" if len(missing) > 12 else "")
    count = f"{len(missing)} character{'s' if len(missing) > 1 else ''}"
    return (
        f"No font on this machine has {count} of this text ({', '.join(names)}: {some}). They are printed as boxes; "
        "install a font that has them and make the PDF again."
    )


def _script(character: str) -> str:
    name = unicodedata.name(character, "unknown").split()[0].capitalize()
    return "CJK" if name == "Cjk" else name if character < "\U0001f000" else "Emoji"


def _pages_json(contents: Sequence[Content], pages: dict[str, int]) -> bytes:
    questions = {key: question for content in contents for key, question in content.questions.items()}
    listed = [
        {"question": key, "title": questions[key].title, "points": questions[key].points, "page": page}
        for key, page in pages.items()
    ]
    return (json.dumps(listed, indent=1, ensure_ascii=False) + "\n").encode()
