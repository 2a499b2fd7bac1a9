r"""The commands that need no program: spaces, sizes, names of functions, delimiters; and what a length is."""

from __future__ import annotations

import re

from .symbols import symbols

ENDS = frozenset(["", "&", "\\\\", "\\cr", "\\newline", "\\tabularnewline", "\\end", "\\right", "\\middle"])
EM = {
    "em": 1, "ex": 0.431, "pt": 0.1, "mu": 1 / 18, "px": 1 / 16, "cm": 2.362, "mm": 0.2362, "in": 6, "pc": 1.2,
    "bp": 0.1,
}  # fmt: skip
LENGTH = re.compile(
    r"\s*(-?\s*\d*[.,]?\d*)\s*(em|ex|pt|mu|px|cm|mm|in|pc|bp)(?:\s*(?:plus|minus)\s*-?[\d.]+\s*[a-z]+)*\s?"
)
NUMBER = re.compile(r"\d+(?:\{,\}\d{3})*(?:\.\d*)?|\.\d+")
STYLES = {"displaystyle": "display", "textstyle": "inline", "scriptstyle": "script", "scriptscriptstyle": "sscript"}


# Three dots as far apart as TeX sets them.
DOTS = {"…": r"\. thin \. thin \.", "⋯": " thin ".join(['class("normal", ⋅)'] * 3)}
INFIX = {
    "over": ("", ""), "atop": ("", ""), "above": ("", ""), "choose": ("(", ")"), "brace": ("{", "}"), "brack": ("[",
    "]"),
    "overwithdelims": ("", ""), "atopwithdelims": ("", ""), "abovewithdelims": ("", ""),
}  # fmt: skip
SWITCHES = {
    "rm": "rm", "bf": "bf", "it": "it", "mit": "it", "cal": "cal", "scr": "scr", "frak": "frak", "sf": "sf", "tt": "tt",
    "bbFont": "bb", "oldstyle": "",
}  # fmt: skip
SIZES = {
    "tiny": 0.5, "Tiny": 0.6, "scriptsize": 0.7, "footnotesize": 0.8, "small": 0.85, "normalsize": 1, "large": 1.2,
    "Large": 1.44,
    "LARGE": 1.73, "huge": 2.07, "Huge": 2.49,
}  # fmt: skip
SPACES = {
    ",": 3 / 18, "thinspace": 3 / 18, ":": 4 / 18, ">": 4 / 18, "medspace": 4 / 18, ";": 5 / 18,
    "thickspace": 5 / 18, "!": -3 / 18,
    "negthinspace": -3 / 18, "negmedspace": -4 / 18, "negthickspace": -5 / 18, "enspace": 0.5, "enskip": 0.5,
    "quad": 1, "qquad": 2,
    "hfill": 0, "hfil": 0, "hfilll": 0, "hss": 0,
}  # fmt: skip
# They change nothing that can be seen in a formula.
_INVISIBLE = """nonscript allowbreak noindent centering nonumber notag relax protect displaybreak nobreak par leavevmode
    goodbreak break"""
IGNORED = frozenset(_INVISIBLE.split())
# Names of functions, and whether what stands under them stands below in a display.
_BESIDE = """arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh
    sech csch arcsinh arccosh arctanh"""
OPERATORS = {name: (name, False) for name in _BESIDE.split()} | {
    "det": ("det", True), "gcd": ("gcd", True), "inf": ("inf", True), "lim": ("lim", True), "max": ("max", True),
    "min": ("min", True), "Pr": ("Pr", True), "sup": ("sup", True), "liminf": ("lim inf", True),
    "limsup": ("lim sup", True), "injlim": ("inj lim", True), "projlim": ("proj lim", True),
    "argmax": ("arg max", True), "argmin": ("arg min", True),
}  # fmt: skip
_NAMED = """langle rangle lbrace rbrace lbrack rbrack lfloor rfloor lceil rceil lvert rvert lVert rVert vert Vert
    uparrow downarrow updownarrow Uparrow Downarrow Updownarrow
    lmoustache rmoustache lgroup rgroup ulcorner urcorner llcorner
    lrcorner lparen rparen"""
DELIMITERS = {f"\\{name}": symbols()[name][1] for name in _NAMED.split()} | {
    **{c: c for c in "()[]/|↑↓↕⇑⇓⇕⌊⌋⌈⌉‖⟨⟩"}, "<": "⟨", ">": "⟩", ".": "", "\\{": "{", "\\}": "}", "\\|": "‖",
    "\\\\": "\\", "\\backslash": "\\", "\\lt": "⟨", "\\gt": "⟩", "\\mid": "|", "\\parallel": "‖", "\\slash": "/",
    "\\arrowvert": "|", "\\Arrowvert": "‖", "\\bracevert": "|",
}  # fmt: skip
