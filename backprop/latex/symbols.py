"""The characters of mathematics: what a command such as \\odot stands for, its class, and the alphabets."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from unicodedata import normalize

# The class of what is typed as itself (TeX's mathcodes, as MathJax has them), and the character that is set.
TYPED = {
    **dict.fromkeys("+*-", "bin"), **dict.fromkeys("=<>:", "rel"), **dict.fromkeys(",;", "punct"),
    **dict.fromkeys("([", "open"),
    **dict.fromkeys(")]!?", "close"), "`": "open", "“": "open", "”": "close", "|": "ord", "‖": "ord",
}  # fmt: skip
SET_AS = {"-": "−", "*": "∗", "`": "‘", "’": "′", "µ": "μ"}

# First capital, first small letter, first digit of each alphabet of Unicode.
_ALPHABETS = {
    "bf": "𝐀𝐚𝟎", "it": "𝐴𝑎0", "bfit": "𝑨𝒂𝟎", "bb": "𝔸𝕒𝟘", "frak": "𝔄𝔞0", "bffrak": "𝕬𝖆0", "sf": "𝖠𝖺𝟢", "bfsf": "𝗔𝗮𝟬",
    "sfit": "𝘈𝘢𝟢", "bfsfit": "𝘼𝙖𝟬", "tt": "𝙰𝚊𝟶", "bfcal": "𝓐𝓪0", "bfscr": "𝓐𝓪0",
}  # fmt: skip
# Places in those alphabets that are empty, since the letter was there before them.
_OLDER = dict(zip("𝑕𝔆𝔋𝔌𝔕𝔝𝔺𝔿𝕅𝕇𝕈𝕉𝕑", "ℎℭℌℑℜℨℂℍℕℙℚℝℤ", strict=True))
_GREEK = {"bf": ("𝚨", "𝛂"), "bfit": ("𝚨", "𝜶"), "it": ("𝛢", "𝛼")}
_GREEK_VARIANTS = {"bf": "𝛛𝛜𝛝𝛞𝛟𝛠𝛡", "bfit": "𝝏𝝐𝝑𝝒𝝓𝝔𝝕", "it": "𝜕𝜖𝜗𝜘𝜙𝜚𝜛"}


@cache
def symbols() -> dict[str, tuple[str, str]]:
    """The class and the character of each command, its name without the backslash."""
    words: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("symbols.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, rest = line.split(": ", 1)
            words.setdefault(kind, []).extend(rest.split())
    known = {
        name: (kind, character)
        for kind, named in words.items()
        for name, character in zip(named[::2], named[1::2], strict=True)
    }
    for name, (kind, character) in list(known.items()):
        if kind in ("italic", "upright") and not name.startswith("var"):
            known[f"up{name}" if kind == "italic" else f"Up{name.lower()}"] = ("roman", character)
    known |= {f"upvar{n}": ("roman", known[f"var{n}"][1]) for n in ("epsilon", "theta", "pi", "rho", "sigma", "phi")}
    return known


@cache
def _typed() -> dict[str, str]:
    """The class of each character beyond ASCII that is not ord."""
    found = {}
    for line in Path(__file__).with_name("typed.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, runs = line.split(": ", 1)
            for run in runs.split():
                first, last = (int(end, 16) for end in (run.split("-") * 2)[:2])
                found |= dict.fromkeys(map(chr, range(first, last + 1)), kind)
    return found


def class_of(character: str) -> str:
    """The class of a character that was typed as itself: ord, op, bin, rel, open, close, punct or inner."""
    return TYPED.get(character) or _typed().get(character, "ord")


def in_alphabet(character: str, alphabet: str) -> str | None:
    """`character` in an alphabet such as bf or bb, as Typst code; None where that alphabet has no such character."""
    if alphabet in ("cal", "scr"):
        return f"{alphabet}({character})" if character.isascii() and character.isalpha() else None
    if alphabet == "rm":
        return f"upright({character})" if character.isalpha() else None
    capital, small, digit = _ALPHABETS[alphabet]
    for first, start in (("A", capital), ("a", small), ("0", digit)):
        place = ord(character) - ord(first)
        if 0 <= place < (10 if first == "0" else 26):
            moved = chr(ord(start) + place)
            return _OLDER.get(moved, moved)
    if alphabet in _GREEK:
        for first, start in zip("Αα", _GREEK[alphabet], strict=True):
            place = ord(character) - ord(first)
            if 0 <= place < 25:
                return chr(ord(start) + place)
        if character == "∇" and alphabet.startswith("bf"):
            return "𝛁"
        place = "∂ϵϑϰϕϱϖ".find(character)
        if place >= 0:
            return _GREEK_VARIANTS[alphabet][place]
    return None


def struck(character: str) -> str:
    """`character` with a slash through it: one character where Unicode has one."""
    joined = normalize("NFC", character + "\u0338")
    return joined if len(joined) == 1 else character + "\u0338"
