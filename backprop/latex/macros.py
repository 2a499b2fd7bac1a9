r"""The macros that a notebook defines, and the reading of LaTeX token by token.

MathJax shares macros among all cells of a page; so does `Macros`. A macro is written out where it stands, with its
arguments, as TeX does it, and not by a search through the text: what follows it may belong to a command inside it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

LONGEST = 20_000  # characters of a formula, macros written out
_MOST_EXPANSIONS = 2_000
_MOST_TOKENS = 20_000  # arguments are counted once for each level that they stand in
DEEPEST = 60  # braces inside braces

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)
_DEFINITION = re.compile(
    r"\\(?:(?:re|provide)?newcommand|DeclareMathOperator|DeclareRobustCommand|[ge]?def|let|(?:re)?newenvironment"
    r"|DeclarePairedDelimiters?)(?![A-Za-z])"
)
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


class FormulaError(ValueError):
    """This LaTeX cannot be set; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Macro:
    """What a command stands for. `pattern` holds the texts before, between and after its arguments.

    With `meaning` the body is a command as LaTeX knows it, whatever is defined under its name later.
    """

    body: str
    count: int = 0
    default: str | None = None
    pattern: tuple[str, ...] = ()
    meaning: bool = False


class Macros:
    r"""Commands and environments defined by \newcommand, \def, \let, \DeclareMathOperator and \newenvironment."""

    def __init__(self) -> None:
        self.commands: dict[str, Macro] = {}
        self.environments: dict[str, tuple[Macro, str]] = {}
        self.colours: dict[str, str] = {}

    def learn(self, tex: str) -> None:
        """Remember the definitions in `tex`; broken ones are passed over."""
        for found in _DEFINITION.finditer(tex):
            reader = Reader(tex[found.end() : found.end() + LONGEST], self)
            with suppress(FormulaError):
                reader.define(found[0])


def definition_end(text: str, position: int) -> int | None:
    """Where the macro definition that starts at `position` ends; None when there is none."""
    found = _DEFINITION.match(text, position)
    if not found:
        return None
    reader = Reader(text[found.end() : found.end() + LONGEST], Macros())
    try:
        reader.define(found[0])
    except FormulaError:
        return None
    return found.end() + reader.at


@dataclass
class Spent:
    """What the reading of one formula has cost so far."""

    expansions: int = 0
    tokens: int = 0


class Reader:
    """LaTeX read from left to right; macros are written out as they are met."""

    def __init__(self, text: str, macros: Macros, spent: Spent | None = None) -> None:
        self.text = text
        self.at = self.start = 0
        self.macros = macros
        self.spent = spent or Spent()  # shared with the readers of arguments

    def token(self) -> str:
        """The next token: a command with its backslash, or one character; empty at the end. Spaces are skipped."""
        while True:
            self.skip()
            found = _TOKEN.match(self.text, self.at)
            if not found:
                return ""
            self.start, self.at = self.at, found.end()
            macro = self.macros.commands.get(found[0][1:]) if found[0][0] == "\\" else None
            if macro is None:
                return found[0]
            if macro.meaning:
                return macro.body
            self._write_out(found[0], macro)

    def peek(self) -> str:
        """The next token, which stays where it is; macros before it are written out."""
        found = self.token()
        if found:
            self.at = self.start
        return found

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\r\n\u00a0":
            self.at += 1

    def take(self, word: str) -> bool:
        """True, and read over, when `word` is next."""
        self.skip()
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def argument(self, of: str) -> str:
        """The source of the next argument, its braces taken off."""
        self.skip()
        if self.at >= len(self.text):
            raise FormulaError(f"{of} lacks an argument")
        if self.text[self.at] == "{":
            return self.braced()
        if self.text[self.at] == "}":
            raise FormulaError(f"{of} lacks an argument")
        found = _TOKEN.match(self.text, self.at)
        assert found
        self.at = found.end()
        return found[0]

    def braced(self) -> str:
        """What stands in the braces that open here."""
        depth = 0
        for found in _BRACES.finditer(self.text, self.at):
            if found[0] in "{}":
                depth += 1 if found[0] == "{" else -1
                if depth == 0:
                    inside = self.text[self.at + 1 : found.start()]
                    self.at = found.end()
                    return inside
                if depth > DEEPEST:
                    raise FormulaError(f"its braces are nested more than {DEEPEST} deep")
        raise FormulaError("a { is never closed")

    def optional(self) -> str | None:
        """The text between brackets, when they are next."""
        self.skip()
        if not self.text.startswith("[", self.at):
            return None
        depth = 0
        for found in re.compile(r"\\.|[{}\]]", re.DOTALL).finditer(self.text, self.at + 1):
            if found[0] == "]" and depth == 0:
                inside = self.text[self.at + 1 : found.start()]
                self.at = found.end()
                return inside
            depth += (found[0] == "{") - (found[0] == "}")
        raise FormulaError("a [ is never closed")

    def count(self) -> None:
        """One more piece of the formula. Raises FormulaError when there are too many."""
        self.spent.tokens += 1
        if self.spent.tokens > _MOST_TOKENS:
            raise FormulaError("it is too large")

    def insert(self, text: str) -> None:
        """Put `text` before what is still to be read."""
        self.spent.expansions += 1
        if self.spent.expansions > _MOST_EXPANSIONS or len(text) + len(self.text) - self.at > LONGEST:
            raise FormulaError("its macros, written out, never end or grow too long")
        # A command at the end of the text must not swallow the letter that follows it.
        glue = " " if re.search(r"\\[A-Za-z]+$", text) and self.text[self.at : self.at + 1].isalpha() else ""
        self.text = text + glue + self.text[self.at :]
        self.at = 0

    def _write_out(self, name: str, macro: Macro) -> None:
        given = self.arguments(name, macro)
        self.insert(filled(macro.body, given))

    def arguments(self, name: str, macro: Macro) -> list[str]:
        """What stands for #1, #2, … after `name`."""
        if macro.pattern:
            given = []
            if not self.take(macro.pattern[0]):
                raise FormulaError(f"{name} is used otherwise than it was defined")
            for after in macro.pattern[1:]:
                if not after:
                    given.append(self.argument(name))
                    continue
                end = self.text.find(after, self.at)
                if end < 0:
                    raise FormulaError(f"{name} is used otherwise than it was defined")
                given.append(self.text[self.at : end].strip())
                self.at = end + len(after)
            return given
        given = []
        for index in range(macro.count):
            if index == 0 and macro.default is not None:
                chosen = self.optional()
                given.append(macro.default if chosen is None else chosen)
            else:
                given.append(self.argument(name))
        return given

    def define(self, command: str) -> bool:
        r"""Read the definition that `command` (\newcommand, say) begins; False when it begins none."""
        name = command.lstrip("\\")
        known = self.macros.commands
        if name in ("newcommand", "renewcommand", "providecommand", "DeclareMathOperator", "DeclareRobustCommand"):
            star = self.take("*")
            new = self._name(command)
            if name == "DeclareMathOperator":
                known[new] = Macro(rf"\operatorname{'*' if star else ''}{{{self.argument(command)}}}")
                return True
            count = self.optional()
            default = self.optional() if count is not None else None
            body = self.argument(command)
            if not (count or "0").strip().isdigit():
                raise FormulaError(f"{command} needs a number in its brackets")
            if name != "providecommand" or new not in known:
                known[new] = Macro(body, int(count or 0), default)
        elif name in ("def", "gdef", "edef"):
            new = self._name(command)
            opening = self.text.find("{", self.at)
            if opening < 0:
                raise FormulaError(f"{command} lacks what it stands for")
            parameters = self.text[self.at : opening].strip()
            self.at = opening
            pieces = tuple(re.split(r"#\d", parameters))
            body = self.braced()
            plain = not any(pieces)
            known[new] = Macro(body, len(pieces) - 1) if plain else Macro(body, len(pieces) - 1, None, pieces)
        elif name == "let":
            new = self._name(command)
            self.take("=")
            self.skip()
            found = _TOKEN.match(self.text, self.at)
            if not found:
                raise FormulaError(r"\let lacks what it stands for")
            self.at = found.end()
            old = known.get(found[0][1:]) if found[0][0] == "\\" else None
            if found[0] == "\\" + new:
                return True
            known[new] = old or Macro(found[0], meaning=True)
        elif name in ("newenvironment", "renewenvironment"):
            new = self.argument(command).strip()
            count = self.optional()
            default = self.optional() if count is not None else None
            begin, end = self.argument(command), self.argument(command)
            self.macros.environments[new] = (Macro(begin, int(count or 0), default), end)
        elif name in ("DeclarePairedDelimiter", "DeclarePairedDelimiters"):
            new = self._name(command)
            left, right = self.argument(command), self.argument(command)
            known[new] = Macro(rf"\paireddelimiter{{{left}}}{{{right}}}")
        else:
            return False
        return True

    def _name(self, command: str) -> str:
        self.skip()
        source = self.argument(command).strip() if self.text.startswith("{", self.at) else ""
        if not source:
            found = _TOKEN.match(self.text, self.at)
            source = found[0] if found else ""
            self.at += len(source)
        if not re.fullmatch(r"\\(?:[A-Za-z]+|.)", source):
            raise FormulaError(f"{command} needs the name of a command")
        return source[1:]


def filled(body: str, given: list[str]) -> str:
    """`body` with #1, #2, … replaced."""

    def fill(hole: re.Match[str]) -> str:
        argument = given[int(hole[2]) - 1] if 0 < int(hole[2]) <= len(given) else ""
        # A command before the hole must not swallow the letter that fills it.
        return (hole[1] or "") + (" " if hole[1] and argument[:1].isalpha() else "") + argument

    return re.sub(r"(\\[A-Za-z]+)?#(\d)", fill, body)


def without_comments(tex: str) -> str:
    """In several lines a percent sign begins a comment; in a formula of one line somebody means a percentage."""
    return re.sub(r"(?<!\\)%.*", "", tex) if "\n" in tex else re.sub(r"(?<!\\)%", r"\\%", tex)
