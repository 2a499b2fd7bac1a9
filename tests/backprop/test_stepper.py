"""The step-through: what it records, the page it makes, and that page in a real browser."""

import html
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from backprop.drawing.texts import short_text
from backprop.graph import backward_graph, forward_graph
from backprop.linear_regression import LinearRegression
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


# ------------------------------------------------------------------------------------------------- the chain rule


def test_a_share_is_said_to_be_upstream_times_local_in_the_sentence_and_on_the_arrow():
    shown = step_through(shared()[1])
    text = repr(shown)
    assert "x receives 12 = 4 (upstream) · 3 (∂p/∂x)." in text
    assert "x, through both arrows, receives 24 = 6 (upstream) · 4 (∂q/∂x), as one more arrival: 12 + 24 = 36." in text
    factors = {edge: text for edge, text in shown.steps[-1].factors.items() if edge[1] == 0}
    assert sorted(factors.values()) == ["4 · 3", "6 · 4"]


@pytest.mark.parametrize(
    ("operator", "inputs", "wanted"),
    [
        (np.matmul, {"W": (4, 3), "x": (3,)}, {"W": "outer(upstream, x), shapes (4,) and (3,) → (4, 3)",
                                               "x": "Wᵀ · upstream, shapes (4, 3) and (4,) → (3,)"}),
        (np.matmul, {"X": (5, 3), "W": (3, 2)}, {"X": "upstream · Wᵀ, shapes (5, 2) and (3, 2) → (5, 3)",
                                                 "W": "Xᵀ · upstream, shapes (5, 3) and (5, 2) → (3, 2)"}),
        (np.add, {"A": (5, 2), "b": (2,)}, {"A": "upstream, passed on unchanged, shape (5, 2)",
                                            "b": "upstream, summed over axis 0, shapes (5, 2) → (2,)"}),
        (np.add, {"v": (5,), "c": ()}, {"c": "upstream, summed over all entries, shapes (5,) → ()"}),
        (np.subtract, {"a": (3,), "b": (3,)}, {"b": "upstream · (−1) (∂out/∂b of each entry), shape (3,)"}),
        (lambda a: np.maximum(a, 0), {"a": (3,)}, {"a": "upstream ⊙ [1, 0, 1] (∂out/∂a, entry by entry), shape (3,)"}),
        (np.multiply, {"x": (), "v": (4,)}, {"x": "v · upstream, shapes (4,) and (4,) → ()"}),
        (lambda a: a / np.sqrt(np.sum(a**2)), {"a": (3,)},
         {"a": "upstream times ∂out/∂a of shape (3, 3), summed over the entries of upstream, shapes (3,) → (3,)"}),
    ],
)  # fmt: skip
def test_for_arrays_the_operation_and_the_shapes_are_said(operator, inputs, wanted):
    rng = np.random.default_rng(3)
    values = {name: np.where(np.arange(max(1, np.prod(shape, dtype=int))).reshape(shape) % 3 == 1, -1.0, 1.0)
              * rng.uniform(0.5, 2.0, shape) for name, shape in inputs.items()}  # fmt: skip
    J = ("weighted sum", lambda out: np.sum(out * np.cos(np.arange(out.size).reshape(out.shape))))
    edges = [*((name, "out") for name in inputs), ("out", "J")]
    text = repr(step_through(edges, values, operators={"out": operator, "J": J}))
    for name, told in wanted.items():
        assert re.search(rf"\b{name} receives [^=]* = {re.escape(told)}\.", text)


def test_two_inputs_that_look_alike_are_not_mistaken_for_each_other():
    # which of two equal matrices was transposed can't be told from numbers: then only shapes are said
    W = np.array([[1.0, 2.0], [2.0, 5.0]])
    edges = [("W", "out"), ("x", "out"), ("out", "J")]
    operators = {"out": np.matmul, "J": ("sum", lambda out: np.sum(out * [1.0, 3.0]))}
    text = repr(step_through(edges, {"W": W, "x": np.array([1.0, 7.0])}, operators=operators))
    assert "x receives [7, 17] = upstream times ∂out/∂x of shape (2, 2)" in text


class ForgetfulProduct(Product):
    def backward(self):
        self.a.d_out += self.b.out
        self.b.d_out += self.d_out * self.a.out


class WrongProduct(Product):
    def backward(self):
        self.a.d_out += self.d_out * self.a.out
        self.b.d_out += self.d_out * self.a.out


def graph_with(product):
    x, y = value("x", 2), value("y", 3)
    return Product(product(x, y, "p"), value("c", 5), "J")


def test_a_backward_without_its_own_d_out_is_not_said_to_multiply():
    text = repr(step_through(graph_with(ForgetfulProduct)))
    assert "x receives 3. It is the same for any d_out of p: backward has to multiply by its own d_out." in text
    assert "y receives 10 = 5 (upstream) · 2 (∂p/∂y)." in text


def test_a_slope_that_the_forward_contradicts_is_said_to_be_another():
    text = repr(step_through(graph_with(WrongProduct)))
    assert "another ∂p/∂x: 3." in text and "∂p/∂y:" not in text


def test_right_nodes_are_never_contradicted():
    for graph in (graph_with(Product), shared()[1], wide_graph()):
        assert "another" not in repr(step_through(graph))


def test_a_node_whose_forward_keeps_its_value_is_not_contradicted():
    class Kept(Product):  # slopes are stored when it is made, as in an engine of operators
        def __init__(self, a, b, node_name):
            super().__init__(a, b, node_name)
            self.out, self.slopes = a.out * b.out, (np.array(b.out), np.array(a.out))

        def forward(self):
            self.d_out = np.zeros(self.out.shape)
            return self.out

        def backward(self):
            for node, slope in zip((self.a, self.b), self.slopes, strict=True):
                node.d_out += self.d_out * slope

    text = repr(step_through(graph_with(Kept)))
    assert "x receives 15 = 5 (upstream) · 3 (∂p/∂x)." in text and "another" not in text


def test_an_input_that_forward_forgot_is_named():
    class LeavesOut(Product):
        def forward(self):
            self.out = np.array(self.a.out)
            self.d_out = np.zeros(self.out.shape)
            return self.out

    text = repr(step_through(graph_with(LeavesOut)))
    assert "another ∂p/∂y: 0." in text and "another ∂p/∂x: 1." in text


def test_a_kink_is_not_held_against_a_backward():
    text = repr(step_through([("a", "h"), ("h", "J")], {"a": 0.0}, operators={"h": "ReLU", "J": "×3"}))
    assert "another" not in text


def test_a_backward_that_may_run_once_only_is_shown_without_factors():
    class Once(Product):
        def backward(self):
            if getattr(self, "ran", False):
                raise RuntimeError("a second time")
            self.ran = True
            super().backward()

    assert "x receives 15." in repr(step_through(graph_with(Once)))


def test_a_function_of_a_graph_stands_for_its_objective():
    graph = LinearRegression().graph
    graph.set_parameters({"w": [1.0, 3.0, -3.0], "b": 0.0})
    graph.get_gradients({"x": np.array([260.0, 120.0, 140.0])}, {"y": 199.0})
    assert "w receives [520, 240, 280] = 2 (upstream) · [260, 120, 140]" in repr(step_through(graph))


# --------------------------------------------------------------------------------------------------- drawn graphs

PRODUCT = [("x", "g"), ("y", "g"), ("g", "f"), ("z", "f")]
SIGNS = {"g": "+", "f": "×"}
AT = {"x": -2.0, "y": 5.0, "z": -4.0}


def test_a_drawn_graph_is_computed_from_its_inputs_and_operators():
    last = step_through(PRODUCT, AT, operators=SIGNS).steps[-1]
    assert last.values == ("−2", "5", "3", "−4", "−12") and last.gradients == ("−4", "−4", "−4", "3", "1")


@pytest.mark.parametrize(
    ("operator", "inputs", "out", "slopes"),
    [("−", (5, 3), 2, (1, -1)), ("-", (5,), -5, (-1,)), ("÷", (6, 4), 1.5, (0.25, -0.375)), ("exp", (0,), 1, (1,)),
     ("−log", (0.5,), np.log(2), (-2,)), ("log", (0.5,), -np.log(2), (2,)), ("square", (-3,), 9, (-6,)),
     ("copy", (7,), 7, (1,)), ("×2", (7,), 14, (2,)), ("−1", (7,), 6, (1,)), ("+1", (7,), 8, (1,)),
     ("÷ 4", (6,), 1.5, (0.25,)), ("ReLU", (-3,), 0, (0,)), ("tanh", (0,), 0, (1,)), ("sigmoid", (0,), 0.5, (0.25,)),
     ("choose", (5, 7, 2), 7, (0, 1, 0)), ("×", (2, 3, 5), 30, (15, 10, 6)), ("root", (4,), 2, (0.25,))],
)  # fmt: skip
def test_operators_are_known_by_their_names(operator, inputs, out, slopes):
    values = {f"i{k}": number for k, number in enumerate(inputs)}
    last = step_through([(name, "J") for name in values], values, operators={"J": operator}).steps[-1]
    assert last.values[-1] == short_text(out)
    assert last.gradients[:-1] == tuple(short_text(slope) for slope in slopes)


def test_an_operator_may_be_a_function_of_the_inputs_in_the_order_of_their_arrows():
    def twice_and_once(a, b):
        return 2 * a + b

    shown = step_through([("a", "J"), ("b", "J")], {"a": 1.0, "b": 7.0}, operators={"J": twice_and_once})
    assert shown.steps[-1].gradients == ("2", "1", "1") and "twice_and_once" in shown.document


def test_arrows_out_of_one_value_add_up():
    shown = step_through([("u", "p"), ("u", "q"), ("p", "f"), ("q", "f")], {"u": 3.0},
                         operators={"p": "×2", "q": "square", "f": "×"})  # fmt: skip
    assert shown.steps[-1].gradients[0] == "36 + 18 = 54"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"values": AT}, "g has no operator"),
        ({"values": AT, "operators": {"g": "glue", "f": "×"}}, "'glue' is no operator known here"),
        ({"values": {"x": 1.0, "y": 2.0}, "operators": SIGNS}, "z is an input without a value"),
    ],
)
def test_what_is_missing_in_a_drawn_graph_is_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        step_through(PRODUCT, **arguments)


def test_a_drawn_graph_has_one_result():
    with pytest.raises(ValueError, match="end in b and c"):
        step_through([("a", "b"), ("a", "c")], {"a": 1.0}, operators={"b": "copy", "c": "copy"})


WRITTEN = {"f": 1.0, "g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0}
ALL = {**AT, "g": 3.0, "f": -12.0}


def test_what_somebody_wrote_is_shown_as_it_is():
    shown = step_through(PRODUCT, ALL, WRITTEN, SIGNS)
    assert shown.steps[-1].gradients == ("−4", "−4", "−4", "3", "1") and "written" not in repr(shown)
    assert "x receives −4 = −4 (upstream) · 1 (∂g/∂x)." in repr(shown)


def test_a_wrong_number_is_held_against_the_chain_rule_where_it_stands():
    shown = step_through(PRODUCT, {**ALL, "g": 7.0}, {**WRITTEN, "x": 2.0}, SIGNS)
    assert "g reads x = −2 and y = 5. That gives 3, but 7 is written." in repr(shown)
    assert "x: −4 = −4 (upstream) · 1 (∂g/∂x), but 2 is written." in repr(shown)
    assert shown.steps[-1].values[2] == "7" and shown.steps[-1].gradients[0] == "2"


def test_what_is_not_written_yet_is_not_filled_in():
    shown = step_through(PRODUCT, AT, {"f": 1.0}, SIGNS)
    assert shown.steps[-1].values == ("−2", "5", "", "−4", "") and shown.steps[-1].gradients == ("", "", "", "", "1")
    assert "3" not in repr(shown).replace("of 3", "").replace("Forward 3", "").replace("Backward 3", "")


@pytest.mark.parametrize("written", ["?", ..., [[1.0], [2.0, 3.0]]])
def test_what_is_no_number_is_named(written):
    with pytest.raises(ValueError, match="For 'g' a number or an array of numbers is needed"):
        step_through(PRODUCT, {**ALL, "g": written}, WRITTEN, SIGNS)
    with pytest.raises(ValueError, match="For 'g' a number or an array of numbers is needed"):
        step_through(PRODUCT, ALL, {**WRITTEN, "g": written}, SIGNS)


def test_numbers_may_be_written_in_any_shape_of_one():
    shown = step_through(PRODUCT, {**ALL, "g": [3.0]}, {**WRITTEN, "g": np.array([-4.0])}, SIGNS)
    assert "x receives" in repr(shown) and len(shown.steps) == 9


def test_a_total_that_is_not_the_sum_of_its_shares_is_named():
    edges = [("u", "p"), ("u", "q"), ("p", "f"), ("q", "f")]
    values, operators = {"u": 3.0, "p": 6.0, "q": 9.0, "f": 54.0}, {"p": "×2", "q": "square", "f": "×"}
    right = repr(step_through(edges, values, {"p": 9.0, "q": 6.0, "u": 54.0}, operators))
    assert "Together u receives 36 + 18 = 54: gradients that meet are added." in right
    lost = repr(step_through(edges, values, {"p": 9.0, "q": 6.0, "u": 18.0}, operators))
    assert "Together u receives 36 + 18 = 54, but 18 is written." in lost


def test_without_known_operators_the_local_derivative_is_what_fits():
    shown = step_through(PRODUCT, ALL, WRITTEN)
    assert "z receives 3 = 1 (upstream) · 3 (∂f/∂z)." in repr(shown)


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


def test_where_frames_are_removed_every_step_is_there_as_folded_text():
    shown = step_through(shared()[1])
    left = re.sub("<iframe.*?</iframe>", "", shown._repr_html_(), flags=re.DOTALL)
    assert left.startswith("<details><summary>The 10 steps as text</summary>")
    for step in shown.steps:
        assert all(html.escape(sentence) in left for sentence in (step.title, *step.sentences))
    assert not re.search("<(script|style|svg|iframe)|style=|on[a-z]+=", left)


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


@pytest.mark.browser
def test_the_page_says_when_the_keys_work(browser, tmp_path):
    shown = step_through(shared()[1])
    page, frame = opened(browser, tmp_path, shown)
    assert frame.locator("#when").inner_text() == "Click into the picture, then the keys work:"
    frame.locator("svg").click(position={"x": 3, "y": 3})
    assert frame.locator("#when").inner_text() == "The keys work now:"
    page.keyboard.press("ArrowRight")
    assert frame.locator("#said h2").inner_text() == shown.steps[1].title
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1000, 420])
def test_what_travels_in_a_step_is_in_sight(browser, tmp_path, width):
    values = {"x": np.array([10.0, -20.0, 30.0]), "y": 199.0}
    operators = {"r": ("13 x", lambda x: 13 * x), "h": "ReLU", "ŷ": ("sum", np.sum)}
    operators["ℓ"] = ("(ŷ − y)²", lambda a, b: (a - b) ** 2)
    edges = [("x", "r"), ("r", "h"), ("h", "ŷ"), ("ŷ", "ℓ"), ("y", "ℓ")]
    shown = step_through(edges, values, operators=operators)
    page, frame = opened(browser, tmp_path, shown)
    page.set_viewport_size({"width": width, "height": 700})
    for step in shown.steps:
        for i, j in step.new_arrivals:
            if i == step.active[0] and j == step.active[1]:  # the nearest input's label, right beside its sender
                box = frame.locator(f"#n{i} rect").bounding_box()
                assert box["x"] >= 0 and box["x"] + box["width"] <= width
                left = frame.locator("#frame").bounding_box()["x"]
                assert frame.locator(f"#l{i}-{j} rect").bounding_box()["x"] >= left
        frame.locator("#next").click(force=True)
    page.close()


@pytest.mark.browser
def test_the_arrow_shows_the_product(browser, tmp_path):
    page, frame = opened(browser, tmp_path, step_through(shared()[1]))
    frame.locator("#last").click()
    labels = frame.locator(".label:visible").all()
    assert sorted(label.locator(".factors").text_content() for label in labels) == [
        "1 · 4", "1 · 6", "4 · 2", "4 · 3", "6 · 4",
    ]  # fmt: skip
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
