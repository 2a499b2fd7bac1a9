"""The page that :mod:`backprop.stepper` shows: a drawing in SVG, buttons, a slider and the sentences of each step."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape

from ..graph import predecessors
from .figure import GRADIENT_COLOUR, VALUE_COLOUR
from .layered import layered

# Pixels. A letter of the 13 px monospaced font is 7.9 wide at most.
_BOX_HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _LETTER = 80, 110, 44, 14, 7.9
_LABEL_HEIGHT, _LINE_HEIGHT = 18, 15  # of a label with one line; how much a second line adds
_AROUND_THE_PICTURE = 250


@dataclass(frozen=True)
class Step:
    """What one press of "next" shows.

    title : "Forward 2 of 6", "Backward 1 of 4", ...
    sentences : what happens, in words
    values, gradients : the text for ``out`` and ``d_out`` of every node, in topological order, "" while unknown
    active : positions of the nodes at work, the one whose method runs first
    arrivals : edge (from, to) -> the text of what the gradient brings along it, all of this pass so far
    new_arrivals : the edges whose gradient arrives in this very step
    factors : edge -> what the arriving text is the product of, "4 · 3", or ""
    """

    title: str
    sentences: tuple[str, ...]
    values: tuple[str, ...]
    gradients: tuple[str, ...]
    active: tuple[int, ...]
    arrivals: dict[tuple[int, int], str]
    new_arrivals: tuple[tuple[int, int], ...] = ()
    factors: dict[tuple[int, int], str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    width: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def middle(self) -> float:
        return self.top + _BOX_HEIGHT / 2


class Page:
    """The document for one graph and its steps; `nodes` in topological order, as in the steps.

    fields : what stands before value and gradient in each box, of equal length
    height : pixels that the document needs at its natural width
    """

    def __init__(self, title: str, nodes: list, steps: list[Step], fields: tuple[str, str] = ("out   ", "d_out ")):
        self.title, self.nodes, self.steps, self.fields = title, nodes, steps, fields
        self.names = [str(getattr(node, "node_name", type(node).__name__)) for node in nodes]
        place = {id(node): i for i, node in enumerate(nodes)}
        # from the node that reads to the node it reads from, the way gradients go; how often it reads it
        self.edges = Counter((i, place[id(other)]) for i, node in enumerate(nodes) for other in predecessors(node))
        self.boxes, self.ways = self._place()
        self.width = max(box.right for box in self.boxes) + _MARGIN
        lowest = max(box.top + _BOX_HEIGHT for box in self.boxes)
        self.picture_height = max(lowest, *(y + 20 for way in self.ways.values() for _, y in way), 0) + _MARGIN
        self.height = round(self.picture_height + _AROUND_THE_PICTURE)

    def document(self) -> str:
        last = self.steps[-1]
        data = json.dumps(self._data(), ensure_ascii=False).replace("<", "\\u003c")
        parts = {
            "@VALUE@": VALUE_COLOUR,
            "@GRADIENT@": GRADIENT_COLOUR,
            "@TITLE@": escape(self.title),
            "@PICTURE@": self._svg(last),
            "@STEP@": escape(last.title),
            "@SAID@": "".join(f"<li>{escape(sentence)}</li>" for sentence in last.sentences),
            "@LAST@": str(len(self.steps) - 1),
            "@NARROWEST@": str(round(0.8 * self.width)),
            "@WIDEST@": str(round(self.width)),
            "@DATA@": data,
        }
        return re.sub("@[A-Z]+@", lambda mark: parts[mark[0]], _PAGE)

    def _place(self) -> tuple[list[_Box], dict[tuple[int, int], list[tuple[float, float]]]]:
        """The boxes, in columns as wide as their texts, and the corners of each edge, the way values go."""
        places = layered(range(len(self.nodes)), [(j, i) for i, j in self.edges])
        widths = [0.0] * (max(places.column.values()) + 1)
        for i, node in enumerate(self.nodes):
            fields = [7 + len(text) for step in self.steps for text in (step.values[i], step.gradients[i])]
            letters = max(*fields, len(self.names[i]) + 2, len(_kind(node)))
            widths[places.column[i]] = max(widths[places.column[i]], letters * _LETTER + 14)
        gaps = [float(_GAP_X)] * len(widths)
        for i, j in self.edges:  # a label stands in the gap before its box or in the one after
            for c in {places.column[j], places.column[i] - 1}:
                gaps[c] = max(gaps[c], self._label_size(i, j)[0] + 36)
        lefts = [_MARGIN + sum(widths[:c]) + sum(gaps[:c]) for c in range(len(widths))]
        heights = [*places.height.values(), *(h for bends in places.bends.values() for h in bends)]

        def top(height: float) -> float:
            return _MARGIN + (max(heights) - height) * (_BOX_HEIGHT + _GAP_Y)

        boxes = [_Box(lefts[c], top(places.height[i]), widths[c]) for i, c in sorted(places.column.items())]
        ways = {}
        for i, j in self.edges:
            corners = [(boxes[j].right, boxes[j].middle)]
            for c, height in enumerate(places.bends[j, i], places.column[j] + 1):
                y = top(height) + _BOX_HEIGHT / 2
                corners += [(lefts[c], y), (lefts[c] + widths[c], y)]
            ways[i, j] = [*corners, (boxes[i].left - 2, boxes[i].middle)]
        return boxes, ways

    def _data(self) -> list[dict]:
        """The steps for the script. An edge is written "2-0": gradients go from node 2 to node 0."""
        return [
            {
                "title": step.title,
                "said": step.sentences,
                "out": step.values,
                "d_out": step.gradients,
                "active": step.active,
                "sent": {f"{i}-{j}": text for (i, j), text in step.arrivals.items()},
                "factors": {f"{i}-{j}": text for (i, j), text in step.factors.items() if text},
                "fresh": [f"{i}-{j}" for i, j in step.new_arrivals],
            }
            for step in self.steps
        ]

    def _svg(self, step: Step) -> str:
        edges = "".join(self._edge(i, j, times) for (i, j), times in self.edges.items())
        labels = "".join(self._label(i, j, place, step) for (i, j), place in self._label_places().items())
        boxes = "".join(self._box(i, step) for i in range(len(self.nodes)))
        said = "; ".join(
            f"{name}: out {step.values[i]}, d_out {step.gradients[i]}" for i, name in enumerate(self.names)
        )
        size = f"{self.width:.0f} {self.picture_height:.0f}"
        return (
            f'<svg viewBox="0 0 {size}" role="img" aria-labelledby="what">'
            f'<title id="what">{escape(f"Computation graph. {said}")}</title>'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0 8 4 0 8Z"/></marker></defs>'
            f"{edges}{boxes}{labels}</svg>"
        )

    def _edge(self, i: int, j: int, times: int) -> str:
        lines = ""
        for shift in [0.0] if times == 1 else [-10.0, 10.0]:
            (x, y), *others = self.ways[i, j]
            path = f"M{x:.0f} {y + shift:.0f}"
            for corner in others:
                (xa, ya), (xb, yb) = _bends((x, y), corner)
                x, y = corner
                path += f"C{xa:.0f} {ya + 2 * shift:.0f} {xb:.0f} {yb + 2 * shift:.0f} {x:.0f} {y + shift:.0f}"
            lines += f'<path class="line" d="{path}" marker-end="url(#tip)"/>'
        return f'<g class="edge" id="e{i}-{j}">{lines}</g>'

    def _points(self, i: int, j: int) -> list[tuple[float, float]]:
        """Points along an edge, about evenly."""
        way, points = self.ways[i, j], []
        for start, end in zip(way, way[1:], strict=False):
            first, second = _bends(start, end)
            for k in range(1, 24):
                t = k / 24
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                corners = (start, first, second, end)
                points.append(tuple(sum(w * c[axis] for w, c in zip(weights, corners, strict=True)) for axis in (0, 1)))
        return points

    def _label_size(self, i: int, j: int) -> tuple[float, float]:
        """Width and height of an edge's label, with all that it ever shows."""
        factors = max(len(step.factors.get((i, j), "")) for step in self.steps)
        letters = max(max(len(step.arrivals.get((i, j), "")) for step in self.steps) + 2, factors)
        return letters * _LETTER + 6, _LABEL_HEIGHT + (_LINE_HEIGHT if factors else 0)

    def _label_places(self) -> dict[tuple[int, int], tuple[float, float, float, float]]:
        """Middle, width and height of each edge's label: on the curve, where it covers no other label and no box."""
        taken = [(box.left, box.top, box.right, box.top + _BOX_HEIGHT) for box in self.boxes]
        places = {}
        for i, j in self.edges:
            width, height = self._label_size(i, j)
            leaving = sum(source == j for _, source in self.edges)
            arriving = sum(target == i for target, _ in self.edges)
            # first nearer to the end where fewer edges meet
            start = 0.62 if leaving > arriving else 0.4 if arriving > leaving else 0.5
            points, tries = self._points(i, j), []
            for k in sorted(range(len(points)), key=lambda k: abs(k / len(points) - start)):
                x, y = points[k]
                frame = (x - width / 2 - 3, y - height / 2 - 3, x + width / 2 + 3, y + height / 2 + 3)
                tries.append((sum(_overlap(frame, other) for other in taken), x, y, frame))
                if tries[-1][0] == 0:
                    break
            _, x, y, frame = min(tries, key=lambda found: found[0])
            taken.append(frame)
            places[i, j] = (x, y, width, height)
        return places

    def _label(self, i: int, j: int, place: tuple[float, float, float, float], step: Step) -> str:
        (x, y, width, height), text, factors = place, step.arrivals.get((i, j)), step.factors.get((i, j), "")
        top = y - height / 2
        return (
            f'<g class="label" id="l{i}-{j}" display="{"none" if text is None else "inline"}">'
            f'<rect x="{x - width / 2:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="4"/>'
            f'<text class="sent" x="{x:.0f}" y="{top + 13:.0f}">{escape("← " + (text or ""))}</text>'
            f'<text class="factors" x="{x:.0f}" y="{top + 13 + _LINE_HEIGHT:.0f}">{escape(factors)}</text></g>'
        )

    def _box(self, i: int, step: Step) -> str:
        box, kind = self.boxes[i], _kind(self.nodes[i])
        x = box.left + 10
        return (
            f'<g class="node" id="n{i}"><rect x="{box.left:.0f}" y="{box.top:.0f}" width="{box.width:.0f}" '
            f'height="{_BOX_HEIGHT}" rx="8"/>'
            f'<text class="name" x="{x:.0f}" y="{box.top + 20:.0f}">{escape(self.names[i])}</text>'
            f'<text class="kind" x="{x:.0f}" y="{box.top + 35:.0f}">{escape(kind)}</text>'
            f'<text class="out" x="{x:.0f}" y="{box.top + 54:.0f}"><tspan class="field">{self.fields[0]}</tspan>'
            f'<tspan id="o{i}">{escape(step.values[i])}</tspan></text>'
            f'<text class="d_out" x="{x:.0f}" y="{box.top + 71:.0f}"><tspan class="field">{self.fields[1]}</tspan>'
            f'<tspan id="d{i}">{escape(step.gradients[i])}</tspan></text></g>'
        )


def _bends(start: tuple[float, float], end: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two middle points of the Bézier curve that leaves start and reaches end level."""
    bend = (end[0] - start[0]) * 0.5
    return (start[0] + bend, start[1]), (end[0] - bend, end[1])


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The area that two rectangles (left, top, right, bottom) share."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0


def _kind(node) -> str:
    """What the node does: its operation if it was drawn, or the name of its class without the word Node."""
    if isinstance(getattr(node, "operation", None), str):
        return node.operation
    return type(node).__name__.removesuffix("Node") or "Node"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>@TITLE@</title>
<style>
:root{color-scheme:light}
body{margin:0;padding:10px 14px;background:#fff;color:#1b1f24;font:15px/1.45 system-ui,"Segoe UI",Arial,sans-serif}
h1{font-size:15px;margin:0 0 8px}
#bar{display:none;flex-wrap:wrap;gap:6px;align-items:center;margin-bottom:6px}
.js #bar{display:flex}
button{font:inherit;min-width:44px;min-height:34px;padding:2px 12px;border:1px solid #8a929e;border-radius:6px;
background:#f5f6f8;color:inherit;cursor:pointer}
button:hover{background:#e8ebef}button[aria-disabled=true]{color:#868e99;border-color:#d5d9df;cursor:default}
:focus-visible{outline:3px solid @VALUE@;outline-offset:2px}
input{flex:1 1 140px;min-width:100px;height:30px;accent-color:@VALUE@}
#frame{overflow-x:auto}
svg{display:block;width:100%;min-width:@NARROWEST@px;max-width:@WIDEST@px;height:auto}
svg text{font:13px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1b1f24;white-space:pre}
.node rect{fill:#fff;stroke:#9aa3af;stroke-width:1.3}
.node .name{font-weight:700;font-size:14px}.node .kind,.node .field{fill:#5b6470}.node .kind{font-size:12px}
.node .out tspan+tspan{fill:@VALUE@;font-weight:700}.node .d_out tspan+tspan{fill:@GRADIENT@;font-weight:700}
.line{fill:none;stroke:#9aa3af;stroke-width:1.5}#tip path{fill:#6d7684}
.label rect{fill:#fff;stroke:#e6b9b5}.label text{fill:@GRADIENT@;text-anchor:middle}
.label .factors{fill:#5b6470;font-size:12px}
.node.forward rect{fill:#e6f1fc;stroke:@VALUE@;stroke-width:2.6}
.node.sender rect{fill:#fdeae8;stroke:@GRADIENT@;stroke-width:2.6}
.node.receiver rect{stroke:@GRADIENT@;stroke-width:2.6;stroke-dasharray:6 3}
.edge.forward .line{stroke:@VALUE@;stroke-width:2.6}.edge.fresh .line{stroke:@GRADIENT@;stroke-width:2.6}
.label.fresh rect{fill:#fdeae8;stroke:@GRADIENT@}.label.fresh .sent{font-weight:700}
#said{min-height:92px;margin-top:8px}
#said h2{font-size:15px;margin:0 0 2px}#said ul{margin:0;padding-left:20px}
.keys{display:none;color:#5b6470;font-size:13px;margin:0 0 6px}.js .keys{display:block}
</style></head><body>
<h1>@TITLE@</h1>
<div id="bar" role="group" aria-label="Steps">
<button id="first" type="button">First</button><button id="back" type="button">Back</button>
<button id="next" type="button">Next</button><button id="last" type="button">Last</button>
<input id="slider" type="range" min="0" max="@LAST@" value="@LAST@" step="1" aria-label="Step">
</div>
<p class="keys"><span id="when">Click into the picture, then the keys work:</span> → next, ← back, Home first, End
last.</p>
<div id="frame" role="region" aria-label="The graph" tabindex="0">@PICTURE@</div>
<div id="said" aria-live="polite"><h2>@STEP@</h2><ul>@SAID@</ul></div>
<script type="application/json" id="steps">@DATA@</script>
<script>
(function () {
  "use strict";
  var get = function (id) { return document.getElementById(id); };
  var steps = JSON.parse(get("steps").textContent), last = steps.length - 1, now = 0;
  var slider = get("slider"), frame = get("frame");

  function show(k) {
    now = Math.max(0, Math.min(last, k));
    var step = steps[now], forward = step.title.indexOf("Forward") === 0;
    step.out.forEach(function (text, i) {
      get("o" + i).textContent = text;
      get("d" + i).textContent = step.d_out[i];
      var place = step.active.indexOf(i);
      var role = place < 0 ? "" : forward ? " forward" : place === 0 ? " sender" : " receiver";
      get("n" + i).setAttribute("class", "node" + role);
    });
    document.querySelectorAll(".edge").forEach(function (edge) {
      var name = edge.id.slice(1), sent = step.sent[name];
      var read = forward && Number(name.split("-")[0]) === step.active[0];
      edge.setAttribute("class", "edge" + (read ? " forward" : step.fresh.indexOf(name) >= 0 ? " fresh" : ""));
      var label = get("l" + name);
      label.setAttribute("class", "label" + (step.fresh.indexOf(name) >= 0 ? " fresh" : ""));
      label.setAttribute("display", sent === undefined ? "none" : "inline");
      label.querySelector(".sent").textContent = "\\u2190 " + sent;
      label.querySelector(".factors").textContent = step.factors[name] || "";
    });
    var said = get("said"), list = said.querySelector("ul");
    said.querySelector("h2").textContent = step.title;
    list.textContent = "";
    step.said.forEach(function (sentence) {
      list.appendChild(document.createElement("li")).textContent = sentence;
    });
    get("what").textContent = "Computation graph. " + step.title;
    slider.value = now;
    slider.setAttribute("aria-valuetext", step.title);
    // aria-disabled, not disabled: a disabled button would lose the keyboard's place
    ["first", "back"].forEach(function (id) { get(id).setAttribute("aria-disabled", now === 0); });
    ["next", "last"].forEach(function (id) { get(id).setAttribute("aria-disabled", now === last); });
    if (step.active.length) {
      // all that is at work, in the middle; where that is too wide, the node whose method runs, and what leaves it
      var seen = frame.getBoundingClientRect(), own = get("n" + step.active[0]).getBoundingClientRect();
      var boxes = step.active.map(function (i) { return get("n" + i).getBoundingClientRect(); });
      var left = Math.min.apply(null, boxes.map(function (box) { return box.left; }));
      var right = Math.max.apply(null, boxes.map(function (box) { return box.right; }));
      if (right - left > seen.width) { right = own.right + 8; left = right - seen.width; }
      if (left < seen.left || right > seen.right) {
        frame.scrollLeft += (left + right - seen.left - seen.right) / 2;
      }
    }
  }

  get("first").onclick = function () { show(0); };
  get("back").onclick = function () { show(now - 1); };
  get("next").onclick = function () { show(now + 1); };
  get("last").onclick = function () { show(last); };
  slider.oninput = function () { show(Number(slider.value)); };
  document.addEventListener("keydown", function (event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === slider) { return; }
    var to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (to !== undefined) { event.preventDefault(); show(to); }
  });
  function tell() {
    get("when").textContent = document.hasFocus() ? "The keys work now:" :
      "Click into the picture, then the keys work:";
  }
  window.addEventListener("focus", tell);
  window.addEventListener("blur", tell);
  tell();
  document.documentElement.className = "js";
  show(0);
})();
</script></body></html>
"""
