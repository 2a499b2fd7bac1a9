r"""Colours as LaTeX writes them: by name, or by numbers in a model."""

from __future__ import annotations

import re

from backprop.latex_macros import Reader

# The names that MathJax knows without \definecolor: those of CSS that people use, and of the dvips driver.
_NAMES = {
    name: f"#{code}" for name, code in (pair.split() for pair in (
        "black 000000,white ffffff,red ff0000,green 008000,blue 0000ff,cyan 00ffff,magenta ff00ff,yellow ffff00,gray 808080,grey 808080,"
        "lightgray d3d3d3,lightgrey d3d3d3,darkgray a9a9a9,darkgrey a9a9a9,brown a52a2a,lime 00ff00,olive 808000,orange ffa500,"
        "pink ffc0cb,purple 800080,teal 008080,violet ee82ee,maroon 800000,navy 000080,silver c0c0c0,aqua 00ffff,fuchsia ff00ff,"
        "crimson dc143c,gold ffd700,indigo 4b0082,tomato ff6347,coral ff7f50,salmon fa8072,darkred 8b0000,darkgreen 006400,"
        "darkblue 00008b,lightblue add8e6,lightgreen 90ee90,skyblue 87ceeb,steelblue 4682b4,royalblue 4169e1,dodgerblue 1e90ff,"
        "forestgreen 228b22,seagreen 2e8b57,limegreen 32cd32,darkorange ff8c00,chocolate d2691e,turquoise 40e0d0,slateblue 6a5acd,"
        "firebrick b22222,hotpink ff69b4,deeppink ff1493,plum dda0dd,orchid da70d6,khaki f0e68c,tan d2b48c,"
        "Red ed1b23,Green 00a64f,Blue 2d2f92,Orange f58137,Purple 99479b,Maroon af3235,RoyalBlue 0071bc,ForestGreen 009b55,"
        "OliveGreen 3c8031,NavyBlue 006eb8,Cyan 00aeef,Magenta ec008c,Brown 792500,Gray 949698,Black 221e1f,Violet 58429b,"
        "RedOrange f26035,BrickRed b6321c,BurntOrange f7921d,Cerulean 00a2e3,Teal 00aeb3,Plum 92268f,Turquoise 00b4ce,"
        "SkyBlue 46c5dd,Salmon f69289,Yellow fff200,Goldenrod ffdf42,Periwinkle 7977b8,Mahogany a9341f").split(","))
}  # fmt: skip


def colour(reader: Reader) -> str:
    """The Typst code of the colour that is read next; black where it cannot be told."""
    model = reader.optional()
    return resolved(reader.argument(r"\color"), model, reader.macros.colours)


def resolved(words: str, model: str | None, known: dict[str, str]) -> str:
    """The Typst code of `words`: a name, #rrggbb, or the numbers of `model` (rgb, RGB, HTML, gray)."""
    code = known.get(words.strip()) or _code(words.strip(), (model or "").strip())
    return f'rgb("{code}")' if code else "black"


def _code(words: str, model: str) -> str:
    if model == "HTML":
        words = f"#{words.lstrip('#')}"
    if re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", words):
        return words
    numbers = [float(number) for number in re.findall(r"\d*\.?\d+", words)]
    if model in ("rgb", "RGB") and len(numbers) == 3:
        scale = 255 if model == "rgb" else 1
        return "#" + "".join(f"{min(255, round(number * scale)):02x}" for number in numbers)
    if model == "gray" and numbers:
        return "#" + f"{min(255, round(numbers[0] * 255)):02x}" * 3
    return _NAMES.get(words) or _NAMES.get(words.lower(), "")
