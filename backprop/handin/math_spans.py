"""Formulas in Markdown, found the way Jupyter finds them.

Jupyter takes the mathematics out of a cell before it reads the Markdown, so that `_`, `*` and a line
that starts with `-` mean nothing special inside a formula. `take_formulas` does the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..latex.macros import DEEPEST, definition_end

# Private-use characters stand around the number of a formula that was taken out of its text.
MARK = re.compile("\ue000(\\d+)\ue001")

_TOKEN = re.compile(
    r"""
      (?P<fence> ^[ \t>]*(?P<ticks>`{3,}|~{3,})[^`\n]*\n (?:.*?\n)?? [ \t>]*(?P=ticks)[`~]*[ \t]*$ )
    | (?P<open_fence> ^[ \t>]*(?:`{3,}|~{3,})[^`\n]*\n .* )
    | (?P<comment> <!-- )
    | (?P<span> (?P<run>`+) (?:(?!\n[ \t]*\n)[^`]|(?<!`)(?!(?P=run)(?!`))`+)*? (?<!`)(?P=run)(?!`) )
    | `+
    | (?P<bracket> \\\\?\[ ) | (?P<paren> \\\\?\( )
    | \\begin\{ (?P<environment> [A-Za-z]+\*? ) \}
    | (?P<definition> ^[ \t]*(?=\\(?:(?:re|provide)?newcommand|DeclareMathOperator|def)\b) )
    | \\.
    | (?P<dollars> \$\$?)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
_PRICE = re.compile(r"\d[\d.,]*(?:[kKmM]|bn)?(?:[\s.,;:!?)]|[-–/]?$)")
_MATHEMATICS = re.compile(r"[=^_+*<>{]|\\[A-Za-z]")


@dataclass(frozen=True)
class Formula:
    """A formula as it was typed (`source`, with its delimiters), its LaTeX, and whether it stands on its own line.

    `problem` is empty, or says why the formula cannot be set at all.
    """

    source: str
    tex: str
    display: bool
    problem: str = ""


def take_formulas(markdown: str, formulas: list[Formula]) -> str:
    """`markdown` with each formula replaced by its mark; the formulas are added to the list, the mark is the index."""
    text = markdown.replace("\ue000", "\ufffd").replace("\ue001", "\ufffd")
    done: list[str] = []
    position = 0
    while token := _TOKEN.search(text, position):
        done.append(text[position : token.start()])
        formula, end = _formula_at(text, token)
        if formula:
            done.append(f"\ue000{len(formulas)}\ue001")
            formulas.append(formula)
        elif not (token["comment"] and end > token.end()):  # a comment that ends is left out
            done.append(text[token.start() : end])
        position = end
    return "".join(done) + text[position:]


def put_back(text: str, formulas: list[Formula]) -> str:
    """`text` with each mark replaced by its formula's source: for places such as code, where nothing is a formula."""
    return MARK.sub(lambda mark: formulas[int(mark[1])].source if int(mark[1]) < len(formulas) else "", text)


def _formula_at(text: str, token: re.Match[str]) -> tuple[Formula | None, int]:
    """The formula that begins at `token`, if one does, and where to read on."""
    start, inside = token.span()
    if token["comment"]:
        closing = text.find("-->", inside)
        return None, inside if closing < 0 else closing + 3
    if token["dollars"]:
        return _dollar_formula(text, start, token["dollars"])
    if token["environment"]:
        end = _environment_end(text, token["environment"], inside)
        if end is None:
            end = _paragraph_end(text, inside)
            source = text[start:end]
            name = token["environment"]
            return Formula(source, source, True, rf"its \end{{{name}}} is missing"), end
        return _formula(text, start, end, start, end, True), end
    if token["bracket"] or token["paren"]:
        opening = token["bracket"] or token["paren"]
        closing = opening[:-1] + ("]" if token["bracket"] else ")")
        found = text.find(closing, inside)
        if found >= 0 and (token["bracket"] or not _BLANK_LINE.search(text, inside, found)):
            end = found + len(closing)
            return _formula(text, start, end, inside, found, bool(token["bracket"])), end
    if token["definition"] is not None:
        end = definition_end(text, inside)
        if end is not None:
            return Formula(text[start:end], text[start:end], False), end
        return None, inside + 1
    return None, inside


def _dollar_formula(text: str, start: int, delimiter: str) -> tuple[Formula | None, int]:
    inside = start + len(delimiter)
    if delimiter == "$$":
        end = _closing_dollars(text, inside, "$$", text.find("\n\n", inside))
        if end is None and (start == 0 or text[start - 1] in "\n> \t"):
            # A blank line inside $$ … $$: Jupyter gives up, the writer's intention is plain.
            found = re.compile(r"\$+").search(text, inside)
            end = found.start() if found and found[0] == "$$" else None
        if end is not None and text[inside:end].strip():
            return _formula(text, start, end + 2, inside, end, True), end + 2
        if end is not None:
            return None, end + 2
    limit = _BLANK_LINE.search(text, inside)
    stop = limit.start() if limit else len(text)
    end = _closing_dollars(text, inside, "$", stop)
    if end is not None and _is_formula(text, inside, end):
        return _formula(text, start, end + 1, inside, end, False), end + 1
    line_end = text.find("\n", inside)
    line_end = len(text) if line_end < 0 else line_end
    rest = text[inside:line_end]
    if end is None and re.search(r"\\[a-zA-Z]{2,}|[_^]", rest):
        return Formula(text[start:line_end], rest, False, "its closing $ is missing"), line_end
    return None, inside


def _is_formula(text: str, inside: int, end: int) -> bool:
    """False for two prices in one sentence, such as $5 and $10, and for an empty pair of dollars."""
    content = text[inside:end]
    if not content.strip():
        return False
    followed_by_digit = text[end + 1 : end + 2].isdigit()
    is_price = _PRICE.match(content) and not _MATHEMATICS.search(content)
    return not (is_price and (content[-1].isspace() or followed_by_digit))


def _closing_dollars(text: str, position: int, delimiter: str, stop: int) -> int | None:
    stop = len(text) if stop < 0 else stop
    for heed_braces in (True, False):
        depth = 0
        for found in re.compile(r"\\.|[{}]|\$+", re.DOTALL).finditer(text, position, stop):
            if found[0] == "{":
                depth += 1
                if depth > DEEPEST and heed_braces:
                    break
            elif found[0] == "}":
                depth -= 1
            elif found[0][0] == "$" and (depth <= 0 or not heed_braces) and len(found[0]) >= len(delimiter):
                return found.start()
    return None


def _environment_end(text: str, name: str, position: int) -> int | None:
    depth = 1
    for found in re.finditer(rf"\\(begin|end)\{{{re.escape(name)}\}}", text[position:]):
        depth += 1 if found[1] == "begin" else -1
        if depth == 0:
            return position + found.end()
        if depth > DEEPEST:
            break
    return None


def _paragraph_end(text: str, position: int) -> int:
    found = _BLANK_LINE.search(text, position)
    return found.start() if found else len(text)


def _formula(text: str, start: int, end: int, inside: int, inside_end: int, display: bool) -> Formula:
    tex = text[inside:inside_end]
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].lstrip().startswith(">"):
        tex = re.sub(r"\n[ \t]*>", "\n", tex)
    return Formula(text[start:end], re.sub(r"\n\s*\n", "\n", tex).strip(), display)
