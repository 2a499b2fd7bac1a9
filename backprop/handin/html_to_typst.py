"""HTML turned into Typst markup in which everything of the author's stands in string literals, never as code.

Markdown is read as HTML first (`markdown.py`), so text, tables that a cell printed and HTML inside Markdown take the
same road. Elements that show something are kept, scripts and styles are dropped, and what cannot be shown on paper
(a video, a frame) is told to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from .typst import typst_string

_DEEPEST = 50
_MOST_COLUMNS, _MOST_CELLS = 40, 4000
_VOID = {"br", "hr", "img", "input", "wbr", "col", "source", "track", "meta", "link", "base", "area", "embed"}
_DROPPED = {"script", "style", "template", "head", "title", "noscript", "colgroup", "map", "datalist"}
_NOT_ON_PAPER = {"iframe": "a frame", "video": "a video", "audio": "a sound", "object": "an embedded object",
                 "embed": "an embedded object", "canvas": "a canvas"}  # fmt: skip
_BLOCKS = {"p", "div", "ul", "ol", "li", "blockquote", "pre", "table", "hr", "dl", "dt", "dd", "section", "article",
           "center", "figure", "figcaption", "details", "summary", "address", "header", "footer", "main", "nav", "form",
           "fieldset", "legend", "body", "html", "thead", "tbody", "tfoot", "tr", "td", "th", "caption",
           "h1", "h2", "h3", "h4", "h5", "h6"}  # fmt: skip
_INLINE = {"em": "emph", "i": "emph", "cite": "emph", "var": "emph", "dfn": "emph", "strong": "strong", "b": "strong",
           "del": "strike", "s": "strike", "strike": "strike", "u": "underline", "ins": "underline",
           "mark": "highlight", "sub": "sub", "sup": "super"}  # fmt: skip
# Which open elements a start tag ends, and where the search for them stops.
_ENDS = {
    "li": ({"li"}, {"ul", "ol"}),
    "tr": ({"tr", "td", "th"}, {"table"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    **dict.fromkeys(("thead", "tbody", "tfoot"), ({"thead", "tbody", "tfoot", "tr", "td", "th"}, {"table"})),
}


@dataclass
class Element:
    """An element of HTML, or a run of text where `tag` is empty."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""


class _Tree(HTMLParser):
    """Builds the tree the way browsers do: what is left open is closed, what was never opened is ignored."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("body")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ends, stops = _ENDS.get(tag, ({"p"}, set(_BLOCKS) - {"p"}) if tag in _BLOCKS else (set(), set()))
        for index in range(len(self._open) - 1, 0, -1):
            if self._open[index].tag in stops:
                break
            if self._open[index].tag in ends:
                del self._open[index:]
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID and len(self._open) <= _DEEPEST:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # <div/> opens an element, as in browsers

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, 0, -1):
            if self._open[index].tag == tag:
                del self._open[index:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(Element("", text=data))


def parse(html: str) -> Element:
    """The tree of some HTML, at most 50 elements deep; deeper ones stand beside each other."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tree.root


def has_text(element: Element) -> bool:
    """True when an element shows any words or images."""
    if element.tag in _DROPPED:
        return False
    return bool(element.text.strip()) or element.tag in ("img", "svg") or any(map(has_text, element.children))


class Writer:
    """Writes a tree as Typst.

    image    : (address, words) → markup
    text     : a run of text → markup; by default a string literal. It may put formulas in the place of their marks
    source   : gives text back as it was typed, for code
    heading  : the level in the text, 1 to 6 → the level in the document
    problem  : is told, in a few words, what was left out
    """

    def __init__(
        self,
        image: Callable[[str, str], str],
        text: Callable[[str], str] | None = None,
        source: Callable[[str], str] = str,
        heading: Callable[[int], int] = lambda level: min(6, level + 1),
        problem: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._image, self._source, self._heading, self._problem = image, source, heading, problem
        self._text = text or (lambda words: f"#{typst_string(words)};")

    def write(self, element: Element) -> str:
        """The markup of what stands in an element."""
        return self._flow(element.children)

    def _flow(self, elements: list[Element]) -> str:
        """Blocks and paragraphs, an empty line between them."""
        blocks: list[str] = []
        run: list[Element] = []

        def end_run() -> None:
            text = self._line(run)
            if text:
                blocks.append(text)
            run.clear()

        for element in elements:
            if element.tag in _BLOCKS:
                end_run()
                blocks.append(self._block(element))
            elif element.tag not in _DROPPED:
                if _has_blocks(element):
                    end_run()
                    blocks.append(self._flow(element.children))
                else:
                    run.append(element)
        end_run()
        return "\n\n".join(filter(None, blocks))

    def _line(self, run: list[Element]) -> str:
        pieces = [self._inline(element) for element in run]
        return re.sub(r'^(?:#" ";|#linebreak\(\);)+|(?:#" ";|#linebreak\(\);)+$', "", "".join(pieces))

    def _inline(self, element: Element) -> str:
        tag = element.tag
        if not tag:
            return self._text(_breakable(re.sub(r"[ \t\n\f\r]+", " ", element.text))) if element.text else ""
        if tag in _DROPPED:
            return ""
        if tag in _NOT_ON_PAPER:
            return self._left_out(_NOT_ON_PAPER[tag])
        if tag == "br":
            return "#linebreak();"
        if tag == "wbr":
            return '#"\u200b";'
        if tag == "img":
            return self._image(self._source(element.attributes.get("src", "")), self._words(element, "alt"))
        if tag == "svg":
            return self._left_out("a drawing inside HTML")
        if tag == "input":
            ticked = "checked" in element.attributes
            return f'#"{"☑" if ticked else "☐"} ";' if element.attributes.get("type") == "checkbox" else ""
        if tag in ("code", "kbd", "samp", "tt"):
            words = re.sub(r"[^ ]{50,}", _breakable, self._source(_all_text(element)))
            return f"#raw({typst_string(words)});" if words else ""
        inside = "".join(map(self._inline, element.children))
        if tag == "a" and re.match(r"(?:https?://|mailto:)[^\s]", element.attributes.get("href", "")):
            if not inside or re.search(r"#(?:display-formula|block-source)\(", inside):
                return inside  # a formula on a line of its own would tear the link apart
            return f"#link({typst_string(self._source(element.attributes['href']))})[{inside}];"
        if tag == "q":
            return f'#"“";{inside}#"”";'
        return f"#{_INLINE[tag]}[{inside}];" if tag in _INLINE and inside else inside

    def _words(self, element: Element, name: str) -> str:
        return " ".join(self._source(element.attributes.get(name, "")).split())[:500]

    def _left_out(self, what: str) -> str:
        self._problem(what)
        return f"#note({typst_string(f'({what} is not shown on paper)')});"

    def _block(self, element: Element) -> str:
        tag = element.tag
        if tag == "hr":
            return "#rule"
        if tag == "pre":
            code = self._source(_all_text(element)).strip("\n")
            names = " ".join(child.attributes.get("class", "") for child in element.children)
            language = re.search(r"\blanguage-([\w+#-]{1,20})", names)
            return f"#listing({typst_string(language[1] if language else '')}, {typst_string(wrapped(code))});"
        if tag in ("ul", "ol"):
            return self._list(element)
        if tag == "table":
            return self._table(element)
        inside = self._flow(element.children)
        if not inside:
            return ""
        if tag[0] == "h" and tag[1:].isdigit() and not _has_blocks(element):
            # An image or a formula alone is no heading: bookmarks and screen readers need words.
            if not re.search(r"[^\W_]", re.sub("\ue000\\d+\ue001", "", _all_text(element))):
                return f"#strong[{inside}]"
            return f"#heading(level: {self._heading(int(tag[1]))}, bookmarked: false, outlined: false)[{inside}]"
        if tag == "blockquote":
            return f"#quote(block: true)[{inside}]"
        if tag in ("summary", "dt", "legend", "caption"):
            return f"#strong[{inside}]"
        if tag in ("dd", "li"):
            return f"#pad(left: 1.2em)[{inside}]"
        return f"#align(center)[{inside}]" if tag == "center" else inside

    def _list(self, element: Element) -> str:
        items = []
        for child in element.children:
            if child.tag == "li":
                items.append(_ticked(self._flow(child.children)))
            elif child.tag or child.text.strip():
                items.append(self._flow([child]))
        items = [f"[{item}]" for item in items]
        if not items:
            return ""
        tight = str(not any(child.tag == "p" for item in element.children for child in item.children)).lower()
        if element.tag == "ul":
            return f"#list(tight: {tight}, {', '.join(items)})"
        start = element.attributes.get("start", "")
        number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
        return f"#enum(tight: {tight}, start: {number}, {', '.join(items)})"

    def _table(self, element: Element) -> str:
        rows = [[cell for cell in row.children if cell.tag in ("td", "th")] for row in _rows(element)]
        rows = [row for row in rows if row]
        caption = "".join(f"#strong[{self._flow(c.children)}]\n\n" for c in element.children if c.tag == "caption")
        if not rows:
            # Words in a table without cells are still words.
            return self._flow([Element("div", children=element.children)])
        placed, columns, cut = _placed(rows)
        if cut:
            self._problem(f"a part of a table: only {_MOST_COLUMNS} columns and {_MOST_CELLS} cells are shown")
        head = 0
        while head < len(rows) - 1 and all(cell.tag == "th" for cell in rows[head]):
            head += 1
        if any(row < head < row + height for row, *_, height in placed):
            head = 0  # a cell of the header may not reach down into the body
        # Without a row of headings it is a layout, not a table: a screen reader reads its cells one after the other.
        kind = "table" if head else "grid"
        look = "" if kind == "table" else "stroke: 0.5pt + luma(190), inset: 5pt, "
        cells: list[list[str]] = [[], []]
        for row, column, cell, width, height in placed:
            words = self._flow(cell.children)
            words = f"#strong[{words}]" if cell.tag == "th" and words else words
            align = re.search(r"text-align:\s*(left|right|center)", cell.attributes.get("style", ""))
            side = align[1] if align else cell.attributes.get("align", "").lower()
            options = [f"x: {column}, y: {row}"]
            options += [f"colspan: {width}"] * (width > 1) + [f"rowspan: {height}"] * (height > 1)
            options += [f"align: {side}"] * (side in ("left", "right", "center"))
            cells[0 if row < head else 1].append(f"{kind}.cell({', '.join(options)})[{words}]")
        header = [f"table.header({', '.join(cells[0])})"] if cells[0] else []
        note = "\n\n#note[(A part of this table is left out: it is too large.)]" if cut else ""
        return f"{caption}#wide-table({kind}({look}columns: {columns}, {', '.join(header + cells[1])})){note}"


def _rows(table: Element) -> Iterator[Element]:
    for child in table.children:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in child.children if row.tag == "tr")


def _placed(rows: list[list[Element]]) -> tuple[list[tuple[int, int, Element, int, int]], int, bool]:
    """Each cell as (row, column, cell, columns it takes, rows it takes); the number of columns; was something cut?"""
    taken: set[tuple[int, int]] = set()
    placed, columns, cut = [], 1, False
    for row, cells in enumerate(rows):
        column = 0
        for cell in cells:
            while (row, column) in taken:
                column += 1
            if column >= _MOST_COLUMNS or len(taken) >= _MOST_CELLS:
                cut = True
                break
            width = min(_span(cell, "colspan"), _MOST_COLUMNS - column)
            height = min(_span(cell, "rowspan"), len(rows) - row)
            while width > 1 and any((row, column + more) in taken for more in range(width)):
                width -= 1
            taken.update((row + down, column + right) for down in range(height) for right in range(width))
            placed.append((row, column, cell, width, height))
            columns = max(columns, column + width)
            column += width
    # A cell that claims more columns than any row fills gets those that there are.
    most = max(sum(1 for row, *_ in placed if row == number) for number in range(len(rows)))
    if columns == _MOST_COLUMNS and most < _MOST_COLUMNS // 2 and all(column < most for _, column, *_ in placed):
        placed = [(*place, cell, min(width, most - place[1]), height) for *place, cell, width, height in placed]
        columns = most
    return placed, columns, cut


def _span(cell: Element, name: str) -> int:
    digits = re.match(r"\s*(\d{1,9})", cell.attributes.get(name, ""))
    return max(1, int(digits[1])) if digits else 1


def _has_blocks(element: Element) -> bool:
    return any(child.tag in _BLOCKS or _has_blocks(child) for child in element.children)


def _all_text(element: Element) -> str:
    if element.tag in _DROPPED:
        return ""
    return element.text + ("\n" if element.tag == "br" else "") + "".join(map(_all_text, element.children))


def _ticked(item: str) -> str:
    """A list item that begins with [ ] or [x], as in a list of tasks, with a box."""
    return re.sub(r'^#"\[([ xX])\] ', lambda box: f'#"{"☐" if box[1] == " " else "☑"} ', item)


def _breakable(word: str | re.Match[str]) -> str:
    """A word longer than half a line may break at a zero-width space; marks of formulas stay whole."""
    if isinstance(word, re.Match):
        return re.sub("(.{25})", "\\1\u200b", word[0])
    return re.sub(r"[^ \ue000\ue001]{50,}", lambda long: re.sub("(.{25})", "\\1\u200b", long[0]), word)


def wrapped(text: str, width: int = 120) -> str:
    """`text` with lines longer than `width` columns broken; a continued line starts with an arrow."""
    return "\n".join(piece for line in text.expandtabs(4).split("\n") for piece in _pieces(line, width))


def _pieces(line: str, width: int) -> list[str]:
    pieces, start, columns, last_space = [], 0, 0, 0
    for position, character in enumerate(line):
        columns += _columns(character)
        if columns > width:
            cut = last_space if last_space > start + width // 2 else position
            pieces.append(line[start:cut])
            start, columns = cut, 2 + sum(map(_columns, line[cut : position + 1]))
        if character == " ":
            last_space = position + 1
    pieces.append(line[start:])
    return [pieces[0], *("↪ " + piece for piece in pieces[1:])]


def _columns(character: str) -> int:
    # Characters of East Asian scripts and emoji are about two columns wide.
    return 2 if character >= "\u2e80" else 1
