"""What the PDF shows of a notebook: one pass over its cells gives blocks in order, and the state of each question.

The release's own cells are known (`Notebook.origin`): of these the questions are shown, and what they drew.
Everything else is the student's and stands where the student put it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from .images import CellImages
from .markdown import Passage
from .notebook import Cell, Notebook, clean
from .outputs import error_of, has_image, shortened, shown

Kind = Literal["section", "label", "text", "code", "report", "image", "note"]
_SCISSORS = "✂"
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*?)[ \t#]*$", re.MULTILINE)
_NUMBERED = re.compile(r"(Question|Exercise)\s+\d+\b", re.IGNORECASE)
_MOST_TEXT = 1_500_000  # characters of a document
_MOST_IMAGES = 100_000_000  # bytes of a document
_LONGEST_CODE = 2000  # lines


@dataclass(frozen=True)
class Block:
    """One piece of the document.

    question : the key of the question that it belongs to, or empty
    passage  : the Markdown of a `text`
    frame    : how a `text` is framed: question, answer, added, plain
    good     : of a `report`: nothing is wrong in it
    words    : below an image; of code, its language
    """

    kind: Kind
    cell: int
    place: str
    question: str = ""
    text: str = ""
    passage: Passage | None = None
    frame: str = "plain"
    good: bool = True
    image: bytes = b""
    words: str = ""


@dataclass
class Question:
    """What became of one question: `answer` and `check` are words such as answered, empty, passed, not run."""

    key: str
    title: str = ""
    points: float | None = None
    answer: str = "missing"
    check: str = ""

    @property
    def is_complete(self) -> bool:
        return self.answer == "answered" and self.check in ("", "passed", "passed, printed nothing")


@dataclass
class Content:
    """The blocks of one notebook, its questions in order, its passages, and what was left out, a sentence each."""

    notebook: Notebook
    title: str
    blocks: list[Block] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    collaborators: str = ""
    untouched: bool = True


def read_content(notebook: Notebook) -> Content:
    """Go through the cells of a notebook once."""
    return _Pass(notebook).content


def question_key(grade_id: str) -> str:
    """A stub and its check are one question: `sum_node_check` checks `sum_node`."""
    return grade_id.removesuffix("_check")


class _Pass:
    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.content = Content(notebook, _title(notebook))
        for grade_id, points in notebook.questions.items():
            self._question(question_key(grade_id)).points = points
        self._asks = _questions_asked(notebook)
        self._current = ""
        self._unchecked = ""
        self._heading = ""  # the last heading, as long as nothing was printed below it
        self._last_heading = ""
        self._own_heading = ""  # "Question 2 (4 points)", until the question that it numbers begins
        self._text_left, self._images_left = _MOST_TEXT, _MOST_IMAGES
        self._add("section", Cell(0, "markdown", ""), text=self.content.title)
        for cell in notebook.cells:
            self._cell(cell)
        if len(self.content.blocks) == 1:
            self._add("note", Cell(0, "markdown", ""), text="This notebook holds no graded cell and no figure.")

    def _question(self, key: str) -> Question:
        return self.content.questions.setdefault(key, Question(key))

    def _add(self, kind: Kind, cell: Cell, **more: object) -> None:
        block = Block(kind, cell.number, self._place(cell), self._current)
        block = replace(block, **more)  # type: ignore[arg-type]
        used = len(block.text) + (len(block.passage.markdown) if block.passage else 0)
        is_short = kind in ("section", "label", "note")
        if not is_short and (used > self._text_left or len(block.image) > self._images_left):
            what = "text" if used > self._text_left else "image"
            self._say(cell, f"{what} is left out: the notebook has more than the PDF can hold")
            block = Block("note", cell.number, block.place, block.question, f"({what} of this cell is left out.)")
            used = 0
        self._text_left -= used
        self._images_left -= len(block.image)
        if block.passage:
            self.content.passages.append(block.passage)
        self.content.blocks.append(block)

    def _place(self, cell: Cell) -> str:
        return f"{self.notebook.path.name}, cell {cell.number}" + (f" ({cell.grade_id})" if cell.grade_id else "")

    def _say(self, cell: Cell, what: str) -> None:
        self.content.problems.append(f"{self._place(cell)}: {what}.")

    def _cell(self, cell: Cell) -> None:
        origin = self.notebook.origin(cell)
        if cell.kind == "code":
            self._code(cell, origin)
        elif cell.is_answer:
            self._answer(cell)
        elif cell.kind == "markdown" and origin in ("released", "unknown") and not cell.attachments:
            self._released_text(cell, origin)
        elif cell.kind == "markdown":
            self._students_text(cell, origin)
        elif origin != "released" and cell.source.strip():
            self.content.untouched = False
            self._print_heading(cell)
            self._add("label", cell, text=f"Raw cell {cell.number}{_by(origin)}")
            self._listing(cell, "", clean(cell.source).rstrip())

    def _released_text(self, cell: Cell, origin: str) -> None:
        passage = self._passage(cell)
        headings = _headings(cell.source)
        for heading in headings:
            self._own_heading = heading if _NUMBERED.match(heading) else ""
            self._last_heading = self._last_heading if self._own_heading else heading
        if cell.number in self._asks:
            self._current = self._asks[cell.number]
            self._question(self._current).title = self._next_title()
            self._heading = ""
            self._add("text", cell, passage=passage, frame="question")
        elif origin == "unknown":
            self._heading = ""
            self._add("text", cell, passage=passage)
        else:
            self._heading = headings[-1] if headings else self._heading
            passage.printed = False
            self.content.passages.append(passage)  # its macros are known in the cells below

    def _students_text(self, cell: Cell, origin: str) -> None:
        if not cell.source.strip() and not cell.attachments:
            return
        self.content.untouched = False
        self._print_heading(cell)
        if origin != "unknown":
            self._add("label", cell, text=f"Text of cell {cell.number}{_by(origin)}")
        self._add("text", cell, passage=self._passage(cell), frame="plain" if origin == "unknown" else "added")
        self._left_over_images(cell)

    def _answer(self, cell: Cell) -> None:
        key = self._begin(cell)
        question = self._question(key)
        text = cell.source.replace("YOUR ANSWER HERE", "").strip()
        question.answer = "answered" if not cell.is_unanswered else "unfinished" if text else "empty"
        question.points = _points(cell, question.points)
        if cell.attachments and question.answer == "empty":
            question.answer = "answered"
        self.content.untouched &= question.answer == "empty"
        if "collaborat" in key.lower() and question.answer != "empty":
            self.content.collaborators = " ".join(text.split())[:200]
        self._add("label", cell, text=f"Answer {self._label(cell)}")
        if question.answer == "empty":
            self._add("note", cell, text="Not answered.")
        elif question.answer == "unfinished":
            self._add("note", cell, text="The placeholder of the release is still in this answer.")
        if text:
            self._add("text", cell, passage=self._passage(cell), frame="answer")
        self._left_over_images(cell)

    def _code(self, cell: Cell, origin: str) -> None:
        if cell.is_graded_code:
            self._stub(cell)
        elif cell.is_check:
            self._check(cell, origin)
        elif origin == "released":
            if "train" in cell.tags or has_image(cell):
                self._outputs(cell)
        elif cell.source.strip() or cell.outputs:
            self.content.untouched = False
            self._print_heading(cell)
            self._add("label", cell, text=f"Code of cell {cell.number}{_by(origin)}")
            self._listing(cell, "python", clean(cell.source).rstrip())
            self._outputs(cell)

    def _stub(self, cell: Cell) -> None:
        key = self._begin(cell)
        self._unchecked = key
        question = self._question(key)
        touched = not cell.is_untouched and bool(cell.source.strip())
        question.answer = "answered" if not cell.is_unfinished else "unfinished" if touched else "empty"
        question.points = _points(cell, question.points)
        if question.answer == "answered" and cell.is_untouched:
            question.answer = "empty"
        self.content.untouched &= cell.is_untouched or question.answer == "empty"
        if cell.grading.get("grade"):  # a stub that is graded itself, by hand or by its own tests
            question.check = _check_state(cell)
        self._add("label", cell, text=f"Code {self._label(cell)}")
        if cell.is_unfinished:
            self._add("note", cell, text="Still unfinished: the stub raises NotImplementedError.")
        self._listing(cell, "python", clean(cell.source).rstrip())
        self._outputs(cell)

    def _check(self, cell: Cell, origin: str) -> None:
        key = question_key(cell.grade_id)
        if key == cell.grade_id and self._unchecked:
            key = self._unchecked  # a check with a name of its own belongs to the stub above it
        self._begin(cell, key)
        self._unchecked = ""
        question = self._question(key)
        question.points = _points(cell, question.points)
        question.check = _check_state(cell)
        if question.answer == "missing" and not any(c.grade_id == key for c in self.notebook.cells):
            question.answer = ""  # the check of cells that are not graded themselves
        self._add("label", cell, text=f"Check {self._label(cell)}")
        if origin == "changed":
            self._add("note", cell, text="The code of this check is not that of the release any more.")
            self._say(cell, "the code of this check was changed")
        error = error_of(cell)
        what = shown(cell, with_error=not error)
        if error:
            said = f"This check ended in an error: {error}"
            printed = "\n".join(one.text for one in what if one.kind == "text")
            self._report(cell, f"{printed}\n{said}" if printed else said, good=False)
            what = [one for one in what if one.kind != "text"]
        elif not what:
            was_run = cell.execution_count is not None
            said = "This check was run and printed nothing." if was_run else "This check was not run: it has no output."
            self._report(cell, said, good=False)
        self._show(cell, what, label=False)

    def _begin(self, cell: Cell, key: str = "") -> str:
        """A graded cell begins; its question is the current one from here on."""
        self._current = key or question_key(cell.grade_id) or f"cell {cell.number}"
        question = self._question(self._current)
        question.title = question.title or self._next_title()
        self._print_heading(cell)
        return self._current

    def _next_title(self) -> str:
        """What the question that begins is called: the heading above, and its number where that is a heading too."""
        above = "" if self._last_heading == self.content.title else self._last_heading
        title = ": ".join(filter(None, (above, self._own_heading))) or self._last_heading
        self._own_heading = ""
        return title

    def _print_heading(self, cell: Cell) -> None:
        if self._heading:
            heading, self._heading = f"## {self._heading}", ""
            passage = Passage.read(heading, self._place(cell), CellImages({}, None))
            self._add("text", cell, passage=passage, frame="question")

    def _outputs(self, cell: Cell) -> None:
        self._show(cell, shown(cell), label=True)

    def _show(self, cell: Cell, what: list, label: bool) -> None:
        number = 0
        if what:
            self._print_heading(cell)
        failed = bool(error_of(cell))
        for one in what:
            if one.kind == "text":
                if label:
                    self._add("label", cell, text=f"Cell {cell.number} {'ended in an error' if failed else 'printed'}")
                self._report(cell, one.text, good=not failed)
            elif one.kind == "image":
                number += 1
                words = f"Figure of cell {cell.number}" + (f", number {number}" if number > 1 else "")
                self._add("image", cell, image=one.image, words=words, text=self._last_heading)
            elif one.kind == "html":
                images = CellImages({}, self.notebook.path.parent)
                passage = Passage.of_html(one.text, self._place(cell), images)
                self._add("text", cell, passage=passage)
            elif one.kind == "markdown":
                self._add("text", cell, passage=Passage.read(one.text, self._place(cell), CellImages({}, None)))
            else:
                self._add("note", cell, text=f"(Cell {cell.number} shows {one.text}, which paper cannot show.)")
                self._say(cell, f"{one.text} cannot be shown on paper")

    def _report(self, cell: Cell, text: str, good: bool) -> None:
        text, left_out = shortened(text)
        if left_out:
            self._say(cell, f"{left_out} of what it printed are left out")
        self._add("report", cell, text=text, good=good)

    def _listing(self, cell: Cell, language: str, code: str) -> None:
        code, left_out = shortened(code, _LONGEST_CODE, 0)
        if left_out:
            self._say(cell, f"{left_out} of its code are left out")
        if code:
            self._add("code", cell, text=code, words=language)

    def _passage(self, cell: Cell) -> Passage:
        images = CellImages(cell.attachments, self.notebook.path.parent)
        passage = Passage.read(cell.source, self._place(cell), images)
        if passage.cut:
            self._say(cell, f"the last {passage.cut} characters of the text are left out")
            passage.markdown += "\n\n(The rest of this text is left out: it is too long.)"
        return passage

    def _left_over_images(self, cell: Cell) -> None:
        images = CellImages(cell.attachments, None)
        text = images.take(cell.source)
        for address in re.findall(r"attachment:[^\s)\"'>]+", text):
            images.get(address)
        for name, content in images.left_over().items():
            words = f"Attached to cell {cell.number} as {clean(name)[:80]}; the text does not say where it stands"
            self._add("image", cell, image=content, words=words, text=self._last_heading)

    def _label(self, cell: Cell) -> str:
        points = cell.grading.get("points")
        worth = ""
        if isinstance(points, (int, float)) and cell.grading.get("grade"):
            worth = f" · {points:g} point{'' if points == 1 else 's'}"
        return f"{cell.grade_id or f'in cell {cell.number}'}{worth}"


def _check_state(cell: Cell) -> str:
    if error_of(cell):
        return "failed"
    if cell.outputs:
        return "passed"
    return "not run" if cell.execution_count is None else "passed, printed nothing"


def _points(cell: Cell, known: float | None) -> float | None:
    points = cell.grading.get("points")
    return float(points) if cell.grading.get("grade") and isinstance(points, (int, float)) else known


def _by(origin: str) -> str:
    return {"added": ", added by the student", "changed": ", changed by the student"}.get(origin, "")


def _headings(source: str) -> list[str]:
    """The headings of a text, but for those of places to paste something into: no question is called by them."""
    text = re.sub(r"^(`{3,})(?!`).*?^\1", "", clean(source[:100_000]), flags=re.MULTILINE | re.DOTALL)
    return [words for _, words in _HEADING.findall(text) if not words.startswith(_SCISSORS)]


def _title(notebook: Notebook) -> str:
    """The title that the notebook gives itself, with its section where that does not say it."""
    for cell in notebook.cells[:10]:
        if cell.kind == "markdown" and not cell.is_answer:
            for marks, words in _HEADING.findall(clean(cell.source[:10_000])):
                if marks == "#":
                    return words
    return f"{notebook.section} · {notebook.path.stem}"


def _questions_asked(notebook: Notebook) -> dict[int, str]:
    """The number of each cell that asks a question, the last text of the release before an answer → its key."""
    asks: dict[int, str] = {}
    last: Cell | None = None
    for cell in notebook.cells:
        if cell.is_answer:
            if last:
                asks[last.number] = question_key(cell.grade_id) or f"cell {cell.number}"
            last = None
        elif cell.kind == "markdown" and notebook.origin(cell) in ("released", "unknown"):
            last = cell
        elif cell.is_graded_code or cell.is_check:
            last = None
    return asks
