"""The step-through: what it records, the page it makes, and that page in a real browser."""

import html
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from backprop.graph import backward_graph, forward_graph
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode
from backprop.stepper import step_through


class Product:
    """A node that inherits from nothing: the step-through asks for the protocol alone."""

    def __init__(self, a, b, node_name):
        self.a, self.b, self.node_name = a, b, node_name
        self.out = self.d_out = None

    def forward(self):
        self.out = np.multiply(self.a.out, self.b.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.b.out
        self.b.d_out += self.d_out * self.a.out

    def get_predecessors(self):
        return [self.a, self.b]


class AssigningProduct(Product):
    def backward(self):
        self.a.d_out = self.d_out * self.b.out
        self.b.d_out = self.d_out * self.a.out


def value(name, number):
    node = ValueNode(name)
    node.out = np.array(number, dtype=float)
    return node


def shared(square=Product):
    """J = (x·y)·x² at x = 2, y = 3: x has two consumers, which send 12 and 24; together ∂J/∂x = 3x²y = 36."""
    x, y = value("x", 2), value("y", 3)
    p, q = Product(x, y, "p"), square(x, x, "q")
    return x, Product(q, p, "J")


def wide_graph():
    """A chain of six products with inputs of their own, and the first input used again at the end: 15 nodes."""
    first = last = value("x0", 1.5)
    for k in range(1, 7):
        last = Product(last, value(f"x{k}", 0.5 + k), f"product {k}")
    return Product(Product(last, first, "again"), last, "J")


# ------------------------------------------------------------------------------------------------------- recording


def test_the_last_step_holds_what_a_forward_and_a_backward_pass_give():
    x, J = shared()
    forward_graph(J)
    backward_graph(J)
    assert x.d_out == pytest.approx(36)
    x, J = shared()
    last = step_through(J).steps[-1]
    assert x.d_out == pytest.approx(36)
    assert last.values == ("2", "4", "3", "6", "24")
    assert last.gradients[-1] == "1" and last.gradients[2] == "8"


def test_two_arrivals_show_their_running_sum_and_each_edge_its_part():
    _, J = shared()
    last = step_through(J).steps[-1]
    assert last.gradients[0] == "12 + 24 = 36"
    assert sorted(text for (i, j), text in last.arrivals.items() if j == 0) == ["12", "24"]


def test_the_sum_grows_from_one_arrival_to_the_next():
    _, J = shared()
    seen = list(dict.fromkeys(step.gradients[0] for step in step_through(J).steps))
    assert seen == ["", "0", "12", "12 + 24 = 36"]


def test_an_assignment_is_shown_as_replacing_what_was_there():
    x, J = shared(AssigningProduct)
    shown = step_through(J)
    text = repr(shown)
    assert "x, through both arrows, receives 12, which replaces the 12" in text and "+=" in text
    assert shown.steps[-1].gradients[0] == "12"
    assert x.d_out == pytest.approx(12)


def test_watching_changes_nothing():
    graphs = []
    for watched in (False, True):
        x, J = shared()
        if watched:
            step_through(J)
        else:
            forward_graph(J)
            backward_graph(J)
        graphs.append([node.d_out for node in (J, J.a, J.b, x)])
    np.testing.assert_allclose(*graphs)


def test_a_second_backward_pass_adds_to_what_the_first_left():
    w, x = value("w", 3), value("x", 2)
    p = Product(w, x, "p")
    J = Product(p, p, "J")  # p², read through two arrows
    step_through(J, backward_passes=2)
    assert p.d_out == pytest.approx(2 * 12)
    assert w.d_out == pytest.approx(3 * 24)  # 24 from the first pass, 48 from the second


def test_a_negative_arrival_is_subtracted_in_the_running_sum():
    x = value("x", 2)
    J = Product(Product(x, value("y", 3), "p"), Product(x, value("z", -5), "q"), "J")
    # J = −15x²: both arrivals are −30
    assert step_through(J).steps[-1].gradients[0] == "−30 − 30 = −60"


def test_arrays_show_in_words_and_boxes():
    x, y, w, b = value("x", [260, 120, 140]), value("y", 199), value("w", [1, 3, -3]), value("b", 0)
    shown = step_through(SquaredL2DistanceNode(VectorScalarAffineNode(x, w, b, "prediction"), y, "loss"))
    assert "[520, 240, 280]" in shown.steps[-1].gradients
    assert "w receives [520, 240, 280]" in repr(shown)
    big = value("big", np.ones((20, 20)))
    steps = step_through(SquaredL2DistanceNode(big, value("zero", np.zeros((20, 20))), "norm")).steps
    assert "20×20 array" in steps[-1].gradients


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_a_sink_that_is_no_number_is_refused_in_one_sentence(shape):
    a, b = value("a", np.ones(shape)), value("b", np.ones(shape))
    with pytest.raises(ValueError, match="single number"):
        step_through(Product(a, b, "ab"))


def test_a_value_that_is_not_set_is_named():
    with pytest.raises(ValueError, match="x"):
        step_through(Product(ValueNode("x"), value("y", 1), "J"))


def test_an_unfinished_node_says_so():
    class Unfinished(Node):
        def get_predecessors(self):
            return [value("x", 1)]

    with pytest.raises(NotImplementedError, match="forward"):
        step_through(Unfinished("J"))


# --------------------------------------------------------------------------------------------------------- the page


def page_of(graph):
    return step_through(graph).document


def test_the_page_asks_the_network_for_nothing():
    page = page_of(shared()[1])
    assert not re.search(r"(src|href|@import|url\()\s*=?\s*[\"'(]?\s*(https?:)?//", page)
    assert "<link" not in page and "import(" not in page and "fetch(" not in page


def test_the_page_without_its_script_shows_the_final_numbers():
    page = page_of(shared()[1]).split("<script")[0]
    assert "12 + 24 = 36" in page and "Backward 4 of 4" in page


def test_the_frame_carries_the_whole_document():
    shown = step_through(shared()[1])
    carried = re.search(r'srcdoc="([^"]*)"', shown._repr_html_())[1]
    assert html.unescape(carried) == shown.document


def test_names_cannot_break_out_of_the_page():
    evil = '</script><img src=x onerror="document.title=1">@DATA@'
    page = step_through(Product(value(evil, 1), value("y", 2), "J")).document
    assert "<img" not in page
    data = re.search(r'<script type="application/json" id="steps">(.*?)</script>', page, re.DOTALL)[1]
    assert any(evil in sentence for step in json.loads(data) for sentence in step["said"])


def test_no_label_covers_another_or_a_box():
    page = page_of(wide_graph())
    rectangles = [
        tuple(float(n) for n in found)
        for found in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', page)
    ]
    assert len(rectangles) == 15 + 16  # boxes, and labels of the arrows
    for k, (x, y, w, h) in enumerate(rectangles):
        for x2, y2, w2, h2 in rectangles[:k]:
            assert x >= x2 + w2 or x2 >= x + w or y >= y2 + h2 or y2 >= y + h


# ------------------------------------------------------------------------------------------------------ the browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, tmp_path, shown):
    """The page as a notebook shows it, in its frame; fails on any script error."""
    path = tmp_path / "output.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{shown._repr_html_()}", encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(Path(path).as_uri())
    return page, page.frame_locator("iframe")


@pytest.mark.browser
def test_the_buttons_walk_through_every_step(browser, tmp_path):
    shown = step_through(shared()[1])
    page, frame = opened(browser, tmp_path, shown)
    for step in shown.steps:
        assert frame.locator("#said h2").inner_text() == step.title
        assert frame.locator("#said li").all_inner_texts() == list(step.sentences)
        assert frame.locator("#d0").text_content() == step.gradients[0]
        assert frame.locator(".label:visible").count() == len(step.arrivals)
        frame.locator("#next").click(force=True)
    assert frame.locator("#next").get_attribute("aria-disabled") == "true"
    frame.locator("#back").click()
    assert frame.locator("#said h2").inner_text() == shown.steps[-2].title
    frame.locator("#first").click()
    assert frame.locator("#said h2").inner_text() == "Start"
    page.close()


@pytest.mark.browser
def test_the_keyboard_alone_is_enough(browser, tmp_path):
    shown = step_through(shared()[1])
    page, frame = opened(browser, tmp_path, shown)
    page.keyboard.press("Tab")
    focused = []
    for _ in range(5):
        page.keyboard.press("Tab")
        focused.append(frame.locator(":focus").get_attribute("id"))
    assert {"back", "next", "last", "slider"} <= set(focused)
    frame.locator("#next").focus()
    page.keyboard.press("Enter")
    assert frame.locator("#said h2").inner_text() == shown.steps[1].title
    page.keyboard.press("ArrowRight")
    assert frame.locator("#said h2").inner_text() == shown.steps[2].title
    frame.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert frame.locator("#said h2").inner_text() == shown.steps[3].title
    assert frame.locator("#slider").get_attribute("aria-valuetext") == shown.steps[3].title
    frame.locator("#next").focus()
    page.keyboard.press("End")
    assert frame.locator("#d0").text_content() == "12 + 24 = 36"
    page.keyboard.press("Home")
    assert frame.locator("#said h2").inner_text() == "Start"
    page.close()


def test_a_step_through_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    shown = step_through(shared()[1])
    saved = shown.save(str(tmp_path / "graph.html"))
    assert saved == tmp_path / "graph.html" and saved.read_text("utf-8") == shown.document
    saved.write_text("old")
    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        shown.save(saved)
    assert saved.read_text() == "old" and os.listdir(tmp_path) == ["graph.html"]


@pytest.mark.browser
def test_without_javascript_the_final_picture_stands_there(browser, tmp_path):
    saved = step_through(shared()[1]).save(tmp_path / "graph.html")
    page = browser.new_page(java_script_enabled=False)
    page.goto(saved.as_uri())
    assert page.locator("#d0").text_content() == "12 + 24 = 36"
    assert page.locator("svg").is_visible()
    assert page.locator(".label:visible").count() == 5
    assert not page.locator("#bar").is_visible()
    page.close()


@pytest.mark.browser
def test_fifteen_nodes_stay_legible_and_the_one_at_work_is_in_sight(browser, tmp_path):
    shown = step_through(wide_graph())
    page, frame = opened(browser, tmp_path, shown)
    letter = "e => e.getBoundingClientRect().height"
    assert frame.locator("#n0 .name").evaluate(letter) >= 9
    for step in range(len(shown.steps)):
        if shown.steps[step].active:
            box = frame.locator(f"#n{shown.steps[step].active[0]} rect").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 1000
        frame.locator("#next").click(force=True)
    inside = "() => [document.documentElement.scrollHeight, innerHeight]"
    needed, there = page.frames[1].evaluate(inside)
    assert needed <= there + 1
    page.close()


@pytest.mark.browser
def test_texts_stay_inside_their_boxes(browser, tmp_path):
    page, frame = opened(browser, tmp_path, step_through(wide_graph()))
    frame.locator("#last").click()
    outside = page.frames[1].evaluate(
        """() => [...document.querySelectorAll(".node, .label")].filter(group => {
             const box = group.querySelector("rect").getBBox();
             return [...group.querySelectorAll("text")].some(text => {
               const t = text.getBBox();
               return t.x < box.x - 0.5 || t.x + t.width > box.x + box.width + 0.5;
             });
           }).map(group => group.id + " " + group.textContent)"""
    )
    assert outside == []
    page.close()
