r"""LaTeX as students type it, made ready for a strict converter.

MathJax shares macros among all cells of a page: `Macros` does that. MathJax also forgives a good deal that
pandoc or Typst does not: `variants` gives the ways to write a formula that are worth trying, the most
faithful first. What both leave out silently (\tag, say) is rewritten so that it stays visible.
"""

from __future__ import annotations

import re

_DEFINE = re.compile(
    r"\\(?:(?P<new>(?:re|provide)?newcommand)\*?|(?P<operator>DeclareMathOperator)(?P<star>\*?)|(?P<def>def))"
    r"\s*(?P<brace>\{)?\s*\\(?P<name>[A-Za-z]+|[^A-Za-z\s])\s*(?(brace)\})"
    r"\s*(?:\[(?P<count>\d)\])?(?:\[(?P<default>[^\]]*)\])?(?P<parameters>(?:\#\d)*)\s*(?=\{)"
)
_LARGEST = 20_000
DEEPEST = 100  # braces inside braces that are followed: without an end a hostile text is read again from each brace


def closing_brace(tex: str, position: int) -> int | None:
    """The index of the brace that closes the one at `position`; None without one, or beyond DEEPEST."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(tex, position):
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if depth == 0:
                return found.start()
            if depth > DEEPEST:
                break
    return None


class Macros:
    r"""The macros that a notebook defines with \newcommand, \def or \DeclareMathOperator."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str | None, str]] = {}

    def learn(self, tex: str) -> str:
        """`tex` without the definitions in it, which are remembered."""
        position = 0
        while found := _DEFINE.search(tex, position):
            close = closing_brace(tex, found.end())
            if close is None:
                break
            body = tex[found.end() + 1 : close]
            count = len(found["parameters"]) // 2 if found["def"] else int(found["count"] or 0)
            if found["operator"]:
                count, body = 0, rf"\operatorname{found['star']}{{{body}}}"
            if not (found["new"] == "providecommand" and found["name"] in self._known):
                self._known[found["name"]] = (count, found["default"] if found["new"] else None, body)
            tex = tex[: found.start()] + tex[close + 1 :]
            position = found.start()
        return tex

    def expand(self, tex: str) -> str:
        """`tex` with the known macros written out; one that defines itself by itself is left as it stands."""
        if not self._known:
            return tex
        names = sorted(self._known, key=len, reverse=True)
        words = "|".join(re.escape(name) + ("(?![A-Za-z])" if name[0].isalpha() else "") for name in names)
        pattern = re.compile(rf"\\(?:({words})|.)", re.DOTALL)
        original, position, left = tex, 0, 2000
        while found := pattern.search(tex, position):
            if found[1] is None:
                position = found.end()
                continue
            left -= 1
            if left < 0 or len(tex) > _LARGEST:
                return original
            count, default, body = self._known[found[1]]
            arguments, end = _arguments(tex, found.end(), count, default)
            body = re.sub(r"#(\d)", lambda hole, given=arguments: given.get(int(hole[1]), ""), body)
            if count == 0 and re.search(r"\\[A-Za-z]+$", body) and tex[end : end + 1].isalpha():
                body += " "
            tex = tex[: found.start()] + body + tex[end:]
            position = found.start()
        return tex


def _arguments(tex: str, position: int, count: int, default: str | None) -> tuple[dict[int, str], int]:
    given: dict[int, str] = {}
    for index in range(1, count + 1):
        here = position + len(tex[position:]) - len(tex[position:].lstrip())
        if index == 1 and default is not None:
            close = tex.find("]", here) if tex[here : here + 1] == "[" else -1
            given[1] = tex[here + 1 : close] if close >= 0 else default
            position = close + 1 if close >= 0 else position
            continue
        close = closing_brace(tex, here) if tex[here : here + 1] == "{" else None
        if close is not None:
            given[index], position = tex[here + 1 : close], close + 1
        else:
            token = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL).match(tex, here)
            given[index], position = (token[0], token.end()) if token else ("", len(tex))
    return given, position


def definition_end(text: str, position: int) -> int | None:
    """Where the macro definition that starts at `position` ends, or None when there is none."""
    found = _DEFINE.match(text, position)
    close = closing_brace(text, found.end()) if found else None
    return None if close is None else close + 1


def variants(tex: str) -> list[str]:
    """One or two ways to write `tex`: as it was meant, and with what converters do not know replaced."""
    faithful = _faithful(tex)
    mended = _mended(faithful)
    return [faithful] if mended == faithful else [faithful, mended]


_TEXT_COMMANDS = r"(?:textrm|textnormal|text|textup|mathrm|mbox|hbox|rm|textit|textbf|textsf)"
_SWITCHES = {"bf": "mathbf", "rm": "mathrm", "it": "mathit", "cal": "mathcal", "tt": "mathtt", "sf": "mathsf"}
_DROPPED = (
    r"(?:limits|nolimits|hfill|hfil|strut|textstyle|scriptstyle|scriptscriptstyle|displaystyle|tiny|scriptsize"
    r"|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|centering|mathstrut|noindent|allowbreak)"
)
_LENGTH = r"-?[\d.]+\s*(?:pt|em|ex|cm|mm|mu)"
_SAME_ARGUMENT = r"(?:mathnormal|ensuremath|mathllap|mathrlap|mathclap|llap|rlap|clap|smash|mathstrut|vcenter)"


def _faithful(tex: str) -> str:
    """Rewrites that lose nothing and that pandoc 3.9 with Typst 0.14.9 needs."""
    # A comment ends its line in LaTeX; in a formula of one line a percent sign is one.
    tex = re.sub(r"(?<!\\)%.*", "", tex) if "\n" in tex else re.sub(r"(?<!\\)%", r"\\%", tex)
    tex = re.sub(r"\\label\s*\{[^{}]*\}", "", tex)
    tex = re.sub(r"\\tag\*\s*\{([^{}]*)\}", r"\\qquad\\text{\1}", tex)
    tex = re.sub(r"\\tag\s*\{([^{}]*)\}", r"\\qquad\\text{(\1)}", tex)
    tex = re.sub(rf"\\mathop\s*\{{\s*\\{_TEXT_COMMANDS}\s*\{{([^{{}}]*)\}}\s*\}}", _operator, tex)
    tex = re.sub(r"\\mathop\s*\{\s*\\rm\s+([^{}\\]*)\}", _operator, tex)
    tex = re.sub(r"\\begin\{vmatrix\}", r"\\left|\\begin{matrix}", tex)
    tex = re.sub(r"\\end\{vmatrix\}", r"\\end{matrix}\\right|", tex)
    return _rows_wrapped(_bars_paired(tex.strip()))


def _operator(found: re.Match[str]) -> str:
    # Between the words of an operator's name a space is a thin space; a bare one would vanish.
    return r"\operatorname*{" + re.sub(r"\s+", r"\\,", found[1].strip()) + "}"


_DOUBLE_BAR = r"\s*\\(?:\||[lr]?Vert(?![A-Za-z]))"
_BAR_TOKEN = re.compile(
    r"""
      (?P<open> \\left\s*(?:\\.|.) | \\begin\s*\{[^{}]*\}(?:\s*\{[lcr@|\s.!]*\})? | [{(\[] )
    | (?P<close> \\right\s*(?:\\.|.) | \\end\s*\{[^{}]*\} | [})\]] )
    | \\(?:middle|[bB]igg?[lrm]?)\s*(?:\\.|.)
    | (?P<double> \\\| | \\[lr]?Vert(?![A-Za-z]) )
    | (?P<single> \| | \\[lr]?vert(?![A-Za-z]) )
    | (?P<row> \\\\ | & )
    | \\(?:[A-Za-z]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def _bars_paired(tex: str) -> str:
    r"""Bars that come in pairs, |x| or \|x\|, become fences; single ones are set as relations, with gaps."""
    edits: list[tuple[int, int, str]] = []
    groups: list[dict[str, list[tuple[int, int]]]] = [{"single": [], "double": []}]

    def pair(group: dict[str, list[tuple[int, int]]]) -> None:
        for kind, bars in (("single", (r"\left| ", r"\right| ")), ("double", (r"\lVert ", r"\rVert "))):
            spans = group[kind]
            if len(spans) % 2 == 0:
                edits.extend((*span, bars[i % 2]) for i, span in enumerate(spans))
            group[kind] = []

    # pandoc keeps \lVert … \rVert together, also under a fraction, but not \left\| … \right\|.
    opened, closed = (len(re.findall(rf"\\{side}{_DOUBLE_BAR}", tex)) for side in ("left", "right"))
    if opened == closed:
        tex = re.sub(rf"\\(?:left|right){_DOUBLE_BAR}", r"\\Vert ", tex)

    for found in _BAR_TOKEN.finditer(tex):
        if found["open"]:
            groups.append({"single": [], "double": []})
        elif found["close"] or found["row"]:
            pair(groups[-1])
            if found["close"] and len(groups) > 1:
                groups.pop()
        elif found["double"] or found["single"]:
            groups[-1]["double" if found["double"] else "single"].append(found.span())
    while groups:
        pair(groups.pop())
    for start, end, new in sorted(edits, reverse=True):
        tex = tex[:start] + new + tex[end:]
    return tex


def _rows_wrapped(tex: str) -> str:
    r"""Rows broken by \\ or aligned by & need an environment around them; MathJax does without."""
    depth, has_rows, has_columns = 0, False, False
    for found in re.finditer(r"\\(begin|end)\s*\{|\\substack\s*\{|\\\\|\\.|[&{}]", tex, re.DOTALL):
        token = found[0]
        if found[1] == "end":
            depth -= 1
        if token == "}":
            depth -= 1
        elif token.endswith("{"):
            # \begin{name} opens two levels, its own and the name's brace; \end{name} closes one and opens the brace.
            depth += 2 if found[1] == "begin" else 1
        elif depth == 0:
            has_rows |= token == "\\\\"
            has_columns |= token == "&"
    if has_columns:
        return rf"\begin{{aligned}}{tex}\end{{aligned}}"
    if has_rows:
        return rf"\begin{{gathered}}{tex}\end{{gathered}}"
    return tex


def _mended(tex: str) -> str:
    """Rewrites that keep every symbol but may lose a colour, a size or a fine space."""
    tex = re.sub(r"\\require\s*\{[^{}]*\}", "", tex)
    tex = re.sub(r"\\textcolor\s*(?:\[\w+\])?\{[^{}]*\}|\\color\s*(?:\[\w+\])?\{[^{}]*\}", "", tex)
    tex = re.sub(r"\\(?:colorbox|fcolorbox\s*\{[^{}]*\})\s*\{[^{}]*\}\s*", r"\\text", tex)
    tex = re.sub(r"\\(?:href|style|class|cssId)\s*\{[^{}]*\}", "", tex)
    tex = re.sub(r"\\unicode\s*\{x([0-9a-fA-F]{1,5})\}", lambda code: _character(code[1]), tex)
    tex = re.sub(r"\\(?:eq)?ref\s*\{([^{}]*)\}", r"\\text{(\1)}", tex)
    tex = re.sub(r"\\intertext\s*\{([^{}]*)\}", r"\\\\ \\text{\1} \\\\", tex)
    tex = re.sub(r"\\fbox\s*\{([^{}]*)\}", r"\\boxed{\\text{\1}}", tex)
    tex = re.sub(r"\\(?:mbox|hbox|textnormal|textup|textsc|emph|textmd)\s*\{", r"\\text{", tex)
    tex = re.sub(r"\\verb(\W)(.*?)\1", r"\\texttt{\2}", tex)
    tex = re.sub(r"\\math(?:bbm|bbmss)\b", r"\\mathbb", tex)
    tex = re.sub(r"\\mathit(?![A-Za-z])", "", tex)
    tex = re.sub(r"\\(?:newline|cr)(?![A-Za-z])", r"\\\\", tex)
    tex = re.sub(r"\\arg(max|min)(?![A-Za-z])", r"\\operatorname*{arg\\,\1}", tex)
    tex = re.sub(r"\\degree(?![A-Za-z])", "°", tex)
    tex = re.sub(r"\\(?:enspace|medspace|thinspace|nobreakspace)(?![A-Za-z])", r"\\;", tex)
    tex = re.sub(r"\\negthinspace(?![A-Za-z])", r"\\!", tex)
    tex = re.sub(rf"\\(?:[hvm]space\*?|[hm]skip|kern|raise|lower)\s*(?:\{{[^{{}}]*\}}|{_LENGTH})", " ", tex)
    tex = re.sub(r"\\[hv]?phantom\s*\{[^{}]*\}", " ", tex)
    tex = re.sub(r"\\begin\{dcases\}", r"\\begin{cases}", tex).replace(r"\end{dcases}", r"\end{cases}")
    tex = re.sub(r"\\begin\{[rd]*rcases\}", r"\\left.\\begin{array}{l}", tex)
    tex = re.sub(r"\\end\{[rd]*rcases\}", r"\\end{array}\\right\\}", tex)
    tex = re.sub(rf"\\{_SAME_ARGUMENT}(?=\s*\{{)", "", tex)
    tex = re.sub(r"\\x(?:leftarrow|Rightarrow|Leftarrow|mapsto)\s*(?:\[([^\]]*)\])?\{", _arrow, tex)
    tex = _fonts(tex)
    tex = re.sub(rf"\\{_DROPPED}(?![A-Za-z])", " ", tex)
    for name, fraction in (("over", r"\frac"), ("choose", r"\binom"), ("atop", r"\substack")):
        tex = _infix(tex, name, fraction)
    tex = tex.replace(r"\'", "'")
    # A dollar inside a formula, around the condition of a case for example, is a slip.
    return _rows_wrapped(re.sub(r"(?<!\\)\$", "", tex).strip())


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 32 <= number < 0xD800 or 0xF900 <= number < 0x110000 else "?"


def _arrow(found: re.Match[str]) -> str:
    arrow = found[0].removeprefix(r"\x").split("[")[0].split("{")[0].strip()
    below = rf"\underset{{{found[1]}}}" if found[1] else ""
    return rf"{below}{{\{arrow}}}^{{"


def _fonts(tex: str) -> str:
    r"""Old font switches: {\bf x y} becomes {\mathbf{x y}}, \bf{x} becomes \mathbf{x}."""
    position = 0
    pattern = re.compile(r"\\(bf|rm|it|cal|tt|sf)(?![A-Za-z])\s*")
    while found := pattern.search(tex, position):
        new = "\\" + _SWITCHES[found[1]]
        position = found.start() + len(new)
        if tex[found.end() : found.end() + 1] == "{":
            tex = tex[: found.start()] + new + tex[found.end() :]
        else:
            end = _group_end(tex, found.end())
            tex = f"{tex[: found.start()]}{new}{{{tex[found.end() : end]}}}{tex[end:]}"
    return tex


def _infix(tex: str, name: str, command: str) -> str:
    r"""a \over b, up to the braces around it, becomes \frac{a}{b}."""
    pattern = re.compile(rf"\\{name}(?![A-Za-z])")
    while found := pattern.search(tex):
        start, end = _group_start(tex, found.start()), _group_end(tex, found.end())
        above, below = tex[start : found.start()].strip(), tex[found.end() : end].strip()
        pair = rf"{{{above} \\ {below}}}" if command == r"\substack" else f"{{{above}}}{{{below}}}"
        tex = tex[:start] + command + pair + tex[end:]
    return tex


def _group_end(tex: str, position: int) -> int:
    depth = 0
    for found in re.compile(r"\\(?:right|end)(?![A-Za-z])|\\.|[{}&]", re.DOTALL).finditer(tex, position):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
        if depth < 0 or (depth == 0 and (found[0] == "&" or found[0] in ("\\\\", r"\right", r"\end"))):
            return found.start()
    return len(tex)


def _group_start(tex: str, position: int) -> int:
    starts = [0]
    for found in re.compile(r"\\begin\s*\{[^{}]*\}|\\left\s*(?:\\.|.)|\\.|[{}&]", re.DOTALL).finditer(tex, 0, position):
        token = found[0]
        if token == "{":
            starts.append(found.end())
        elif token == "}" and len(starts) > 1:
            starts.pop()
        elif token in ("&", "\\\\") or token.startswith((r"\begin", r"\left")):
            starts[-1] = found.end()
    return starts[-1]
