"""How the class report looks: its plots (matplotlib, inside the page) and its HTML (nothing fetched, no script)."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .check_stats import CheckStats

# Told apart by everybody, also in grey: dark blue, orange, light grey (Okabe and Ito, "Color Universal Design").
FULL, PARTIAL, ZERO = "#0072B2", "#E69F00", "#D0D0D0"
INK = "#222222"


class Picture:
    """A plot as an address that a page can hold, and what it shows in words. width : in CSS pixels"""

    def __init__(self, figure: Figure, words: str):
        content = io.BytesIO()
        FigureCanvasSVG(figure).print_svg(content, metadata={"Date": None, "Creator": None})
        self.address = "data:image/svg+xml;base64," + base64.b64encode(content.getvalue()).decode()
        self.words, self.width = words, round(figure.get_figwidth() * 96)


def _axes(width: float, height: float):
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    return figure, axes


def histogram(scores: Sequence[float], section: str, numbers: dict[str, float]) -> Picture:
    """Submissions by score. scores, numbers : percent"""
    figure, axes = _axes(4.4, 2.7)
    edges = range(0, 101, 10)
    counts, _, patches = axes.hist([min(max(s, 0), 100) for s in scores], bins=list(edges), color=FULL, rwidth=0.92)
    axes.bar_label(patches, [str(int(count)) if count else "" for count in counts], fontsize=8, color=INK)
    axes.axvline(numbers["mean"], color=INK, linestyle="--", linewidth=1.2)
    axes.set(xlim=(0, 100), xticks=list(range(0, 101, 20)), ylim=(0, max(counts) * 1.18))
    axes.set_xlabel("score in % (dashed: mean)", fontsize=9, color=INK)
    axes.set_ylabel("submissions", fontsize=9, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    listed = ", ".join(f"{low} to {low + 10} %: {int(n)}" for low, n in zip(edges, counts, strict=False) if n)
    return Picture(figure, f"Histogram of the scores of {section}. Submissions by score: {listed}.")


def bars(stats: Sequence[CheckStats], section: str) -> Picture:
    """For each check, how many got all, a part, none of its points."""
    figure, axes = _axes(6.4, 0.75 + 0.29 * len(stats))
    places = list(range(len(stats)))
    left = [0.0] * len(stats)
    for name, colour, text in (("full", FULL, "white"), ("partial", PARTIAL, "black"), ("zero", ZERO, "black")):
        counts = [getattr(one, name) for one in stats]
        shares = [100 * count / one.count for count, one in zip(counts, stats, strict=True)]
        words = {"full": "all points", "partial": "a part", "zero": "none"}[name]
        drawn = axes.barh(places, shares, left=left, color=colour, label=words, height=0.74)
        labels = [str(count) if share >= 5 else "" for count, share in zip(counts, shares, strict=True)]
        axes.bar_label(drawn, labels, label_type="center", fontsize=8, color=text)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set(xlim=(0, 100), ylim=(len(stats) - 0.5, -0.5))
    axes.set_yticks(places, [one.label for one in stats], fontsize=9)
    axes.set_xlabel("% of the submissions", fontsize=9, color=INK)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper right", ncols=3, fontsize=8, frameon=False, handlelength=1.2)
    return Picture(figure, f"Bars: for each check of {section}, the share of all, a part, none of its points. "
                           "The same numbers stand in the table below.")  # fmt: skip


def times(seconds: Sequence[float], section: str) -> Picture:
    """Submissions by the seconds that grading them took."""
    figure, axes = _axes(4.4, 2.1)
    counts, edges, _ = axes.hist(seconds, bins=min(20, max(5, len(seconds) // 3)), color=FULL, rwidth=0.92)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds for one submission", fontsize=9, color=INK)
    axes.set_ylabel("submissions", fontsize=9, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    return Picture(figure, f"Histogram of the time to grade a submission of {section}: from {min(seconds):.1f} "
                           f"to {max(seconds):.1f} s.")  # fmt: skip


def _code(text: str) -> Markup:
    """Text in which `…` is code; everything in it is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _points(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def render(**content: Any) -> str:
    """The page. Everything that is put in is escaped."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(code=_code, points=_points)
    return environment.from_string(PAGE).render(**content)


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Class report · {{ title }}</title>
<style>
:root { color: #222; background: #fff; font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.9rem; margin: 0; }
h2 { font-size: 1.4rem; margin: 3rem 0 .5rem; padding-top: .6rem; border-top: 2px solid #0072b2; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
.quiet { color: #555; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.2rem 0; padding: 0; list-style: none; }
.figures li { flex: 1 1 9rem; padding: .6rem .9rem; border: 1px solid #ccc; border-radius: .4rem; }
.figures b { display: block; font-size: 1.6rem; line-height: 1.2; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.plots img { max-width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .92rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #888; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.name { white-space: nowrap; overflow-wrap: normal; }
ul.plain { margin: 0; padding: 0; list-style: none; }
.bad { padding: .6rem .9rem; border-left: .4rem solid #b00020; background: #fdf0f1; }
.look { padding: .6rem .9rem; border-left: .4rem solid #e69f00; background: #fff8e8; }
.bad table, .look table { margin-bottom: 0; }
code { font-size: .92em; background: #f0f0f0; padding: 0 .2em; border-radius: .2em; }
details { margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
a { color: #005a8e; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
@media screen and (max-width: 45rem) {
  table { display: block; overflow-x: auto; }
  td:last-child:not(.n) { min-width: 14rem; }
}
@page { margin: 15mm; }
@media print {
  :root { font-size: 11px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .plots { flex-wrap: nowrap; }
  .plots img { max-width: 58%; }
  .plots img:first-child:not(:last-child) { max-width: 40%; }
  body { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-before: page; }
  h2.first { break-before: auto; }
  tr, img, .figures, .bad, .look { break-inside: avoid; }
  h3, caption, summary { break-after: avoid; }
  thead { display: table-header-group; }
}
</style>
</head>
<body>
<header>
<h1>Class report</h1>
<p class="quiet">{{ title }} · written on {{ written }}</p>
</header>
<nav aria-label="Sections"><ul>
<li><a href="#person">Needs a person</a></li>
{% for c in chapters %}
<li><a href="#s{{ loop.index }}">{{ c.name }}</a></li>
{% endfor %}
<li><a href="#scores">Scores</a></li>
</ul></nav>
<main>
<ul class="figures">
<li><b>{{ people }}</b> students</li>
<li><b>{{ submissions }}</b> graded submissions</li>
<li><b>{{ open_answers }}</b> answers to grade by hand</li>
<li><b>{{ suspicions | length }}</b> submissions to look at</li>
<li><b>{{ faults | length }}</b> faults of the grader</li>
</ul>

<h2 class="first" id="person">Needs a person</h2>
{% if not (faults or suspicions or open_answers) %}
<p>Nothing: every answer has its points.</p>
{% endif %}
{% if faults %}
<div class="bad">
<h3>Faults of the grader or of a check</h3>
<p>These submissions were not graded as they should be, through no fault of the students. Grade them by hand.</p>
<table>
<thead><tr><th scope="col">student</th><th scope="col">section</th><th scope="col">what happened</th></tr></thead>
<tbody>
{% for student, section, text in faults %}
<tr><td class="name">{{ student }}</td><td class="name">{{ section }}</td><td>{{ text }}</td></tr>
{% endfor %}
</tbody></table>
</div>
{% endif %}
{% if open_answers %}
<h3>Answers to grade by hand</h3>
<p>In the formgrader, under Manual Grading. Until then an answer counts 0 points, or what was given by hand before it
was graded again.</p>
<table>
<thead><tr><th scope="col">section</th><th scope="col">answer</th><th scope="col" class="n">waiting</th></tr></thead>
<tbody>
{% for c in chapters %}
{% for name, count in c.by_hand %}
<tr><td class="name">{{ c.name }}</td><td>{{ name }}</td><td class="n">{{ count }}</td></tr>
{% endfor %}
{% endfor %}
</tbody></table>
{% endif %}
{% if suspicions %}
<div class="look">
<h3>Submissions to look at</h3>
<p>Their code uses things that these exercises have no need of. That costs no points and proves nothing.</p>
<table>
<thead><tr><th scope="col">student</th><th scope="col">section</th><th scope="col">what was seen</th></tr></thead>
<tbody>
{% for student, section, texts in suspicions %}
<tr><td class="name">{{ student }}</td><td class="name">{{ section }}</td><td>{{ texts | join("; ") }}</td></tr>
{% endfor %}
</tbody></table>
</div>
{% endif %}

{% for c in chapters %}
<section>
<h2 id="s{{ loop.index }}">{{ c.name }}</h2>
<p>{{ c.submissions | length }} submissions of {{ people }} students, {{ c.points | points }} points.
Mean {{ "%.0f" | format(c.numbers.mean) }} %, median {{ "%.0f" | format(c.numbers.median) }} %, the middle half
from {{ "%.0f" | format(c.numbers.low) }} to {{ "%.0f" | format(c.numbers.high) }} %.
{% if c.unfinished %}
In {{ c.unfinished }} of them a person has still to grade answers.
{% endif %}
</p>
<div class="plots">
<img src="{{ c.histogram.address }}" alt="{{ c.histogram.words }}" width="{{ c.histogram.width }}">
{% if c.bars %}
<img src="{{ c.bars.address }}" alt="{{ c.bars.words }}" width="{{ c.bars.width }}">
{% endif %}
</div>
{% if c.stats %}
<h3>Checks and the mistakes they named</h3>
{% if c.stats | rejectattr("points") | list %}
<p>Checks worth 0 points are optional exercises: “all” counts those without a mistake, “none” the others.</p>
{% endif %}
<table>
<thead><tr><th scope="col">check</th><th scope="col" class="n">points</th><th scope="col" class="n">mean</th>
<th scope="col" class="n">all</th><th scope="col" class="n">a part</th><th scope="col" class="n">none</th>
<th scope="col">most frequent mistakes (submissions)</th></tr></thead>
<tbody>
{% for one in c.stats %}
<tr><td class="name">{{ one.label }}</td><td class="n">{{ one.points | points }}</td>
<td class="n">{{ "%.0f" | format(one.mean) }} %</td><td class="n">{{ one.full }}</td>
<td class="n">{{ one.partial }}</td><td class="n">{{ one.zero }}</td><td><ul class="plain">
{% for words, count in one.mistakes(4) %}
<li>{{ words | code }} ({{ count }})</li>
{% endfor %}
</ul></td></tr>
{% endfor %}
</tbody></table>
{% endif %}
{% if c.problems %}
<details open>
<summary>Damaged or incomplete submissions ({{ c.problems | length }})</summary>
<table>
<thead><tr><th scope="col">student</th><th scope="col">what was found, and what was done</th></tr></thead>
<tbody>
{% for student, texts in c.problems %}
<tr><td class="name">{{ student }}</td><td><ul class="plain">
{% for text in texts %}
<li>{{ text }}</li>
{% endfor %}
</ul></td></tr>
{% endfor %}
</tbody></table>
</details>
{% endif %}
{% if c.times %}
<h3>Time to grade</h3>
<p>{{ "%.1f" | format(c.seconds.start) }} s to start the students' processes,
{{ "%.1f" | format(c.seconds.cells) }} s in their cells, {{ "%.1f" | format(c.seconds.judge) }} s for the checks,
{{ "%.1f" | format(c.seconds.gradebook) }} s to write the grades.</p>
<div class="plots">
<img src="{{ c.times.address }}" alt="{{ c.times.words }}" width="{{ c.times.width }}">
<table style="width: auto">
<caption class="quiet">The slowest</caption>
<thead><tr><th scope="col">student</th><th scope="col" class="n">seconds</th></tr></thead>
<tbody>
{% for student, seconds in c.slowest %}
<tr><td class="name">{{ student }}</td><td class="n">{{ "%.1f" | format(seconds) }}</td></tr>
{% endfor %}
</tbody></table>
</div>
{% endif %}
</section>
{% endfor %}

<h2 id="scores">Scores</h2>
<table>
<thead><tr><th scope="col">student</th><th scope="col">name</th>
{% for c in chapters %}
<th scope="col" class="n">{{ c.name }}<br><span class="quiet">of {{ c.points | points }}</span></th>
{% endfor %}
</tr></thead>
<tbody>
{% for student, name in names.items() %}
<tr><td class="name">{{ student }}</td><td>{{ name }}</td>
{% for c in chapters %}
{% set mine = c.submissions.get(student) %}
<td class="n">{% if mine %}{{ mine.score | points }}{{ " *" if mine.needs_person }}{% else %}–{% endif %}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table>
<p class="quiet">* a person has still to grade answers in it. – not handed in. Late penalties are taken off.</p>
</main>
</body>
</html>
"""
