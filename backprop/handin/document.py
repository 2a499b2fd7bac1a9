"""The document that is set: blocks become pieces of Typst, and a piece that cannot be set is replaced by a sentence.

The whole is tried first. Only where that fails each piece is tried alone, then each formula and image of a bad one, so
that one of them costs itself and nothing else. A total of processor time is never exceeded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .blocks import Block, Content
from .formulas import Formulas
from .html_to_typst import wrapped
from .images import fault_of, is_cut_off, kind_of
from .notebook import NotebookError
from .typst import Outcome, Typesetter, typst_string

_ALONE = 5.0  # seconds of processor time for a piece alone
_TOTAL = 60.0  # and for everything that is tried
_WHOLE = 15.0  # what the pieces of a document may take together
HEAD = '#import "style.typ": *\n'
DRESSED = HEAD + "#show: dressed\n"


class Document:
    """The pieces of a document, each a file that the main text includes; `problems` says what is not shown as meant.

    by_question : each question is a section of its own, with a heading of the first level
    """

    def __init__(
        self, contents: Sequence[Content], typesetter: Typesetter, folder: Path, by_question: bool = False
    ) -> None:
        self._by_question = by_question
        self.blocks: list[Block] = [block for content in contents for block in content.blocks]
        self._typesetter, self._folder = typesetter, folder
        self._formulas = Formulas()
        for content in contents:
            self._formulas.add(content.passages)
        self._names: dict[bytes, str] = {}
        self._bad_images: dict[str, str] = {}
        self._as_typed: dict[int, str] = {}
        self._problems: dict[str, None] = {}
        self._left_out: dict[str, None] = {}
        self._levels = _Levels()
        self.pieces: list[str] = []
        self.write()

    def problems(self) -> list[str]:
        """One sentence for each thing that is not shown as it was meant."""
        return [*self._formulas.problems(), *self._problems]

    def write(self) -> None:
        """Write the pieces, with what is known by now to be bad replaced."""
        self._problems, self._levels = dict(self._left_out), _Levels()
        self.pieces, question = [], ""
        for number, block in enumerate(self.blocks):
            if self._by_question and block.question != question:
                self._levels.section()
                question = block.question
            self.pieces.append(self._piece(number))
        for number, piece in enumerate(self.pieces):
            (self._folder / f"piece{number}.typ").write_text(HEAD + piece, "utf-8")

    def include(self, number: int) -> str:
        """The call that shows a piece. It is a file of its own: whatever it holds, it ends where it ends."""
        inside = f'include "piece{number}.typ"'
        frame = self.blocks[number].frame
        return f"#{frame}({inside})" if self.is_framed(number) and frame != "plain" else f"#{inside}"

    def is_replaced(self, number: int) -> bool:
        """True where a sentence stands in the place of a piece."""
        return number in self._as_typed

    def is_framed(self, number: int) -> bool:
        """True for text that is set as text."""
        return self.blocks[number].kind == "text" and number not in self._as_typed

    def set(self, main: Callable[[], str]) -> bytes:
        """The PDF of a main text that includes the pieces. Raises NotebookError when nothing can be set.

        main : gives the text; it is asked again when pieces were replaced
        """
        for _ in range(4):
            outcome = self._typesetter.compile(main(), accessible=True)
            if outcome.good:
                return outcome.pdf
            if not outcome.gone and all(error.startswith("PDF/UA") for error in outcome.errors):
                plain = self._typesetter.compile(main())
                if plain.good:
                    self._left_out[f"The PDF is not accessible to screen readers: {outcome.errors[0]}."] = None
                    self._problems.update(self._left_out)
                    return plain.pdf
            self._replace_bad_pieces(outcome)
            self.write()
        raise NotebookError(f"The PDF could not be made ({outcome.errors[0]}). Please report this.")

    def _replace_bad_pieces(self, outcome: Outcome) -> None:
        costs: dict[int, float] = {}
        for number in range(len(self.blocks)):
            if number in self._as_typed:
                continue
            before = self._typesetter.spent
            if not self._try(f'#include "piece{number}.typ"').good:
                self._mend(number)
            costs[number] = self._typesetter.spent - before
        # Each can be set, but not all of them together.
        while sum(costs.values()) > _WHOLE:
            dearest = max(costs, key=costs.__getitem__)
            if costs.pop(dearest) < 0.2:
                break
            self._as_typed[dearest] = "it takes too long to set"

    def _mend(self, number: int) -> None:
        block = self.blocks[number]
        reason = "it took too much time or memory" if self._typesetter.spent > _TOTAL else "it could not be typeset"
        if block.kind == "image":
            self._bad_images[self._name(block.image)] = "it is damaged, or takes too much time or memory"
            return
        if block.passage is None:
            self._as_typed[number] = reason
            return
        for index in self._formulas.of(block.passage):
            if not self._formulas.entries[index].problem and not self._try(self._formulas.markup(index)).good:
                self._formulas.give_up(index)
        for name in list(self._names.values()):
            call = f'#picture("{name}", "image")'
            if f'#picture("{name}"' in self.pieces[number] and not self._try(call).good:
                self._bad_images[name] = "it is damaged, or takes too much time or memory"
        self._levels = _Levels()
        piece = self._text(block)
        (self._folder / f"piece{number}.typ").write_text(HEAD + piece, "utf-8")
        if not self._try(f'#include "piece{number}.typ"').good:
            self._as_typed[number] = reason

    def _try(self, markup: str) -> Outcome:
        left = _TOTAL - self._typesetter.spent
        if left <= 0:
            return Outcome(errors=("it took too much time or memory",), gone=True)
        return self._typesetter.compile(DRESSED + markup, seconds=min(_ALONE, left))

    def _piece(self, number: int) -> str:
        block = self.blocks[number]
        if number in self._as_typed:
            return self._typed(block, self._as_typed[number])
        if block.kind == "section":
            self._levels.section()
            return f"#heading(level: 1, {_content(block.text)})"
        if block.kind == "label":
            return f"#label-line({self._levels.label()}, {_content(block.text)})"
        if block.kind == "text":
            return self._text(block)
        if block.kind == "code":
            return f"#listing({typst_string(block.words)}, {typst_string(wrapped(block.text))})"
        if block.kind == "report":
            return f"#report({str(block.good).lower()}, {typst_string(wrapped(block.text))})"
        if block.kind == "note":
            return f"#block(note({typst_string(block.text)}))"
        alt = f"{block.words}: {block.text}" if block.text else block.words
        return self._image(block.image, alt, block.place, block.words)

    def _text(self, block: Block) -> str:
        passage = block.passage
        assert passage
        indices = self._formulas.of(passage)
        in_answer = block.frame in ("answer", "added")
        base = self._levels.begin(in_answer)

        def image(address: str, words: str) -> str:
            if not address.strip():
                return ""
            content = passage.images.get(address)
            if content is not None:
                return self._image(content, words or f"Image in {block.place}", block.place)
            shown = address if len(address) <= 80 else address[:77] + "…"
            self._problem(f"{block.place}: the picture {shown} is not inside the notebook; paste it into it.")
            return f"#note({typst_string(f'(picture {words} not inside the notebook: {shown})')});"

        def heading(level: int) -> int:
            return self._levels.heading(base, level, in_answer)

        def problem(what: str) -> None:
            self._problem(f"{block.place}: {what} is not shown.")

        return passage.write(lambda number: self._formulas.markup(indices[number]), image, heading, problem)

    def _typed(self, block: Block, reason: str) -> str:
        self._problem(f"{block.place}: the text is shown as typed: {reason}.")
        text = block.passage.typed if block.passage else block.text
        text = text if len(text) <= 40_000 else text[:40_000] + "\n(The rest is left out.)"
        sentence = f"This text is shown as it was typed: {reason}."
        return f"#block-source({typst_string(wrapped(text))}, {typst_string(sentence)})"

    def _image(self, content: bytes, alt: str, place: str, words: str = "") -> str:
        """The call that shows an image, or a sentence where it is damaged or of an unknown kind."""
        fault = fault_of(content)
        name = "" if fault else self._name(content)
        fault = fault or self._bad_images.get(name, "")
        if fault:
            self._problem(f"{place}: a picture could not be shown: {fault}.")
            return f"#note({typst_string(f'(A picture here could not be shown: {fault}.)')});"
        remark = ""
        if is_cut_off(content):
            self._problem(f"{place}: a picture is cut off: the end of its file is missing.")
            remark = '#note("(The end of this picture\'s file is missing; it is shown as far as it goes.)");'
        if words:
            return f'#drawn("{name}", {typst_string(alt)}, {typst_string(words)});{remark}'
        return f'#picture("{name}", {typst_string(alt)});{remark}'

    def _name(self, content: bytes) -> str:
        if content not in self._names:
            name = f"image{len(self._names)}.{kind_of(content)}"
            (self._folder / name).write_bytes(content)
            # A PDF inside a PDF for screen readers is not allowed, an image of it is.
            if name.endswith(".pdf") and self._typesetter.as_png(name):
                name += ".png"
            self._names[content] = name
        return self._names[content]

    def _problem(self, sentence: str) -> None:
        self._problems[sentence] = None


class _Levels:
    """Levels of headings without a gap, as a screen reader needs them: section, question, answer, what is in it."""

    def __init__(self) -> None:
        self._last = self._label = 1
        self._question = False
        self._first = 0

    def section(self) -> None:
        self._last, self._question = 1, False

    def label(self) -> int:
        self._last = self._label = 3 if self._question else 2
        return self._last

    def begin(self, in_answer: bool) -> int:
        """A passage begins; returns the level of its first heading."""
        self._first = 0
        return min(self._label, self._last) + 1 if in_answer else 2

    def heading(self, base: int, level: int, in_answer: bool) -> int:
        self._first = self._first or level
        wanted = max(base, base + level - self._first)
        self._last = max(1, min(6, wanted, self._last + 1))
        self._question |= not in_answer
        return self._last


def _content(words: str) -> str:
    return f"[#{typst_string(words)}]"
