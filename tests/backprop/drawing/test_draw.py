"""Drawings: what is written where, nothing on top of something else, and plots."""

import itertools

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from backprop.draw import draw_edges, draw_graph, layout, number_text
from backprop.drawing import figure
from backprop.drawing.arrows import sorted_names
from backprop.drawing.figure import GRADIENT_COLOUR, VALUE_COLOUR, Picture, _path, paint
from backprop.drawing.layered import layered
from backprop.graph import ComputationGraphFunction, CycleError, backward_graph, forward_graph
from backprop.linear_regression import LinearRegression
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode
from backprop.plots import plot_learning_curves, plot_prediction_functions, plot_weights


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


class Times:
    """A student's node that inherits nothing and returns nothing from backward."""

    def __init__(self, a, b, node_name):
        self.a, self.b, self.node_name = a, b, node_name
        self.out = self.d_out = None

    def forward(self):
        self.out = self.a.out * self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        print("a student's print")
        self.a.d_out += self.d_out * self.b.out
        self.b.d_out += self.d_out * self.a.out

    def get_predecessors(self):
        return [self.a, self.b]


def value(name, number):
    node = ValueNode(name)
    node.out = np.array(number)
    return node


def ran(sink):
    forward_graph(sink)
    backward_graph(sink)
    return sink


def texts(ax, colour=None):
    return [t.get_text() for t in ax.texts if t.get_text() and (colour is None or t.get_color() == colour)]


def text_named(ax, text):
    return next(t for t in ax.texts if t.get_text() == text)


def extents(ax, artists):
    ax.figure.canvas.draw()
    renderer = ax.figure.canvas.get_renderer()
    return [artist.get_window_extent(renderer) for artist in artists]


def shared_area(a, b):
    return max(0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0, min(a.y1, b.y1) - max(a.y0, b.y0))


PRODUCT = [("x", "g"), ("y", "g"), ("g", "f"), ("z", "f")]
F3 = [("s1", "e1"), ("s2", "e2"), ("e1", "d"), ("e2", "d"), ("e1", "p1"), ("d", "p1"), ("e2", "p2"), ("d", "p2"),
      ("p1", "p₊"), ("p2", "p₊"), ("y", "p₊"), ("p₊", "L")]  # fmt: skip
F3_OPERATORS = {"e1": "exp", "e2": "exp", "d": "+", "p1": "÷", "p2": "÷", "p₊": "choose", "L": "−log"}


def two_products_and_a_penalty():
    """15 nodes, two of them shared by three arrows."""
    names = ("x1", "w1", "x2", "w2", "c", "y")
    v = {
        name: value(name, number) for name, number in zip(names, (0.126, -0.132, 0.64, 0.105, -0.5, 0.36), strict=True)
    }
    a1, a2 = Times(v["x1"], v["w1"], "a1"), Times(v["x2"], v["w2"], "a2")
    s = Times(a1, a2, "s")
    loss = SquaredL2DistanceNode(Times(s, v["c"], "prediction"), v["y"], "square loss")
    penalty = Times(Times(v["w1"], v["w1"], "w1²"), Times(v["w2"], v["w2"], "w2²"), "penalty")
    return ran(Times(loss, penalty, "J"))


# ---- layout -------------------------------------------------------------------------------------------------------


@st.composite
def random_graphs(draw):
    count = draw(st.integers(2, 14))
    pairs = st.integers(1, count - 1).flatmap(lambda end: st.tuples(st.integers(0, end - 1), st.just(end)))
    return list(range(count)), draw(st.lists(pairs, min_size=1, max_size=24))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(random_graphs())
def test_edges_go_right_and_boxes_of_a_column_keep_their_distance(graph):
    keys, edges = graph
    places = layered(keys, edges)
    assert set(places.column) == set(places.height) == set(keys)
    assert min(places.column.values()) == 0
    for start, end in edges:
        assert places.column[start] < places.column[end]
        assert len(places.bends[start, end]) == places.column[end] - places.column[start] - 1
    for a, b in itertools.combinations(keys, 2):
        if places.column[a] == places.column[b]:
            assert abs(places.height[a] - places.height[b]) >= 1 - 1e-9


def test_an_order_without_crossings_is_found():
    # as listed, the two edges would cross
    places = layered(["a", "b", "c", "d", "e"], [("a", "d"), ("b", "c"), ("c", "e"), ("d", "e")])
    assert (places.height["a"] - places.height["b"]) * (places.height["d"] - places.height["c"]) > 0


TWO_LAYERS = [("X", "a"), ("W1", "a"), ("b1", "a"), ("a", "h"), ("h", "scores"), ("W2", "scores"), ("b2", "scores"),
              ("scores", "data loss"), ("y", "data loss"), ("data loss", "loss"), ("W1", "penalty"), ("W2", "penalty"),
              ("penalty", "loss")]  # fmt: skip
SUM_OF_UNITS = [("w1", "z1"), ("x", "z1"), ("b1", "z1"), ("w2", "z2"), ("x", "z2"), ("b2", "z2"), ("z1", "h1"),
                ("z2", "h2"), ("h1", "s"), ("h2", "s"), ("s", "r"), ("y", "r"), ("r", "f")]  # fmt: skip
RIDGE = [("x", "prediction"), ("w", "prediction"), ("b", "prediction"), ("w", "penalty"), ("prediction", "loss"),
         ("y", "loss"), ("loss", "J"), ("penalty", "J")]  # fmt: skip


def crossings(edges):
    """How often two lines cross: their heights at both ends of a gap between columns are in opposite orders."""
    places = layered(sorted_names(edges), edges)
    ways = {}
    for start, end in edges:
        heights = [places.height[start], *places.bends[start, end], places.height[end]]
        ways[start, end] = dict(enumerate(heights, places.column[start]))
    total = 0
    for one, other in itertools.combinations(ways.values(), 2):
        for c in set(one) & set(other):
            if c + 1 in one and c + 1 in other:
                total += (one[c] - other[c]) * (one[c + 1] - other[c + 1]) < -1e-9
    return total


@pytest.mark.parametrize("edges", [TWO_LAYERS, SUM_OF_UNITS, RIDGE, PRODUCT], ids=["08", "02", "04", "01"])
@pytest.mark.parametrize("order", [1, -1])
def test_drawings_of_the_course_have_no_crossing_that_can_be_avoided(edges, order):
    assert crossings(edges[::order]) == 0


def test_inputs_stand_in_the_column_before_the_operator_that_uses_them():
    places = layered(["x", "y", "g", "z", "f"], PRODUCT)
    assert places.column == {"x": 0, "y": 0, "g": 1, "z": 1, "f": 2}


def test_a_box_stands_level_with_the_only_one_that_uses_it():
    keys = ["s1", "s2", "y", "e1", "e2", "d", "p1", "p2", "p", "L"]
    edges = [("s1", "e1"), ("s2", "e2"), ("e1", "d"), ("e2", "d"), ("e1", "p1"), ("d", "p1"), ("e2", "p2"), ("d", "p2")]
    places = layered(keys, [*edges, ("p1", "p"), ("p2", "p"), ("y", "p"), ("p", "L")])
    for start, end in [("s1", "e1"), ("s2", "e2"), ("p", "L")]:
        assert abs(places.height[start] - places.height[end]) < 0.01


def test_layout_places_the_nodes_of_a_graph():
    graph = LinearRegression().graph
    where = layout(graph)
    assert where == layout(graph.objective)
    at = {name: where[id(node)] for name, node in graph.name_to_node.items()}
    assert at["x"][0] == at["w"][0] == at["b"][0] == 0 and at["prediction"][0] == at["y"][0] == 1
    assert at["square loss"][0] == 2


def test_an_arrow_keeps_its_head_where_its_box_fills_the_column():
    left = 0.1 + 0.2  # not quite 0.3
    path = _path([(0.0, 0.0), (0.1, 0.0), (0.3, 1.0), (left, 1.0)])
    assert np.linalg.norm(path.vertices[-1] - path.vertices[-2]) > 0.05


# ---- what is written ----------------------------------------------------------------------------------------------


def test_values_stand_above_and_gradients_below_their_arrow():
    ax = draw_edges(
        PRODUCT,
        values={"x": -2.0, "y": 5, "z": -4, "g": 3, "f": -12},
        gradients={"f": 1, "g": -4, "z": 3.5, "x": -4, "y": -4},
        operators={"g": "+", "f": "×", "not there": "!"},
    )
    assert sorted(texts(ax, VALUE_COLOUR)) == sorted(["−2", "5", "−4", "3", "−12"])
    assert sorted(texts(ax, GRADIENT_COLOUR)) == sorted(["1", "−4", "3.5", "−4", "−4"])
    assert {"x", "y", "z", "g", "f", "+", "×"} <= set(texts(ax)) and "!" not in texts(ax)
    result, gradient = extents(ax, [text_named(ax, "−12"), text_named(ax, "1")])
    assert result.y0 > gradient.y1 and abs(result.x0 + result.x1 - gradient.x0 - gradient.x1) < 2
    assert len([p for p in ax.patches if isinstance(p, FancyBboxPatch)]) == 5
    assert len([p for p in ax.patches if isinstance(p, FancyArrowPatch)]) == 5  # four edges and the result's


def test_a_graph_before_its_passes_shows_boxes_then_values_then_gradients():
    x, w, b, y = value("x", [1.0, 2.0]), value("w", np.ones(2)), value("b", 0.5), value("y", 2.0)
    loss = SquaredL2DistanceNode(VectorScalarAffineNode(x, w, b, "prediction"), y, "square loss")
    for node in (x, w, b, y):
        node.out, node.kept = None, node.out
    ax = draw_graph(loss)
    assert texts(ax, VALUE_COLOUR) == [] and {"prediction", "VectorScalarAffine", "SquaredL2Distance"} <= set(texts(ax))
    for node in (x, w, b, y):
        node.out = node.kept
    forward_graph(loss)
    ax = draw_graph(loss)
    assert "[1, 2]" in texts(ax, VALUE_COLOUR) and "2.25" in texts(ax, VALUE_COLOUR)
    assert texts(ax, GRADIENT_COLOUR) == []
    backward_graph(loss)
    assert "[3, 6]" in texts(draw_graph(loss), GRADIENT_COLOUR)


def test_a_shared_input_shows_what_arrives_along_each_arrow_and_the_total(capsys):
    b, a = value("b", 2.0), value("a", 5.0)
    product = Times(b, a, "ab")
    sink = ran(Times(product, b, "J"))  # J = a b², so dJ/db = 2ab: ab along one arrow, ab along the other
    capsys.readouterr()
    ax = draw_graph(sink)
    assert "total 20" in texts(ax, GRADIENT_COLOUR)
    assert texts(ax, GRADIENT_COLOUR).count("10") == 2
    # looking changed nothing
    assert capsys.readouterr().out == ""
    assert b.d_out == 20 and a.d_out == 4 and product.d_out == 2 and sink.d_out == 1


def test_two_arrows_between_the_same_boxes_are_both_drawn():
    w = value("w", 3.0)
    ax = draw_graph(ran(Times(w, w, "square")))
    assert len([p for p in ax.patches if isinstance(p, FancyArrowPatch)]) == 3
    assert "6 (both)" in texts(ax, GRADIENT_COLOUR)


def test_a_backward_that_fails_leaves_the_drawing_with_totals():
    b = value("b", 2.0)
    sink = ran(Times(Times(b, b, "bb"), b, "J"))

    def broken():
        sink.d_out *= 0
        raise RuntimeError("not finished")

    sink.backward = broken
    assert "total 12" in texts(draw_graph(sink), GRADIENT_COLOUR)
    assert sink.d_out == 1 and b.d_out == 12


def test_nodes_that_only_know_their_inputs_can_be_drawn():
    class Box(Node):
        def __init__(self, node_name, *reads_from):
            super().__init__(node_name)
            self.reads_from = list(reads_from)

        def get_predecessors(self):
            return self.reads_from

    w = Box("w")
    ax = draw_graph(Box("J", Box("loss", w), Box("penalty", w)))
    assert sorted(texts(ax)) == ["J", "loss", "penalty", "w"]


def test_a_function_of_a_graph_is_drawn_as_its_objective():
    x, y = ValueNode("x"), ValueNode("y")
    graph = ComputationGraphFunction([x], [y], [], x, SquaredL2DistanceNode(x, y, "J"))
    assert texts(draw_graph(graph)) == texts(draw_graph(graph.objective))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3, "3"), (-2.5, "−2.5"), (np.float32(0.1), "0.1"), (-0.0, "0"), (1 / 3, "0.3333"), (np.array([7.0]), "7"),
        ([1, -2], "[1, −2]"), (np.eye(2), "[[1, 0], [0, 1]]"), (np.zeros(5), "shape (5,)"),
        (np.zeros((10, 400)), "shape (10, 400)"), (None, ""), (np.nan, "nan"), ("?", "?"),
        ([[1], [2, 3]], "[[1], [2, 3]]"),
    ],
)  # fmt: skip
def test_numbers_are_written_short(number, text):
    assert number_text(number) == text


def test_names_may_hold_formulas_right_or_wrong():
    ax = draw_edges([(r"$\hat y$", "f"), (r"$\nonsense{$", "f")])
    ax.figure.canvas.draw()
    assert {r"$\hat y$", r"\$\nonsense{\$"} <= set(texts(ax))


# ---- nothing covers anything --------------------------------------------------------------------------------------


def crowded_drawings():
    rng = np.random.default_rng(5)
    names = {name for edge in F3 for name in edge}
    yield draw_edges(
        F3,
        {name: rng.normal() for name in names},
        {key: rng.normal() for key in [*names, *F3]},
        F3_OPERATORS,
    )
    yield draw_graph(two_products_and_a_penalty())


def test_texts_and_boxes_of_15_nodes_do_not_overlap_and_lie_inside_the_figure():
    for ax in crowded_drawings():
        labels = [t for t in ax.texts if t.get_text()]
        inside = ax.figure.bbox
        for t, box in zip(labels, extents(ax, labels), strict=True):
            assert inside.x0 <= box.x0 and box.x1 <= inside.x1, t.get_text()
            assert inside.y0 <= box.y0 and box.y1 <= inside.y1, t.get_text()
        coloured = [t for t in labels if t.get_color() in (VALUE_COLOUR, GRADIENT_COLOUR)]
        boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
        assert len(boxes) >= 10
        places = list(zip(coloured, extents(ax, coloured), strict=True))
        frames = extents(ax, boxes)
        for (a, box_a), (b, box_b) in itertools.combinations(places, 2):
            # glyph boxes have a little air around the digits
            assert shared_area(box_a, box_b) < 0.12 * min(box_a.width * box_a.height, box_b.width * box_b.height), (
                a.get_text(), b.get_text(),
            )  # fmt: skip
        for (t, box), frame in itertools.product(places, frames):
            assert shared_area(box, frame) < 0.1 * box.width * box.height, t.get_text()


FAN = [(f"h{k}", "y") for k in range(3)] + [("x", f"h{k}") for k in range(3)]


@pytest.mark.parametrize("edges", [FAN, PRODUCT, F3, TWO_LAYERS, RIDGE], ids=["fan", "01", "f3", "08", "04"])
@pytest.mark.parametrize("number", [-15.25, np.array([260.0, -120.0, 140.0]), np.arange(9.0).reshape(3, 3) - 4])
def test_a_label_leaves_half_of_its_edge_in_sight(edges, number, monkeypatch):
    seen, real = [], figure.hidden_share

    def watched(corners, label, place):
        seen.append(real(corners, label, place))
        return seen[-1]

    monkeypatch.setattr(figure, "hidden_share", watched)
    names = {end for edge in edges for end in edge}
    numbers = dict.fromkeys(names, number)
    draw_edges(edges, values=numbers, gradients={**numbers, **dict.fromkeys(edges, number)}, entries=9)
    assert len(seen) >= len(edges) and max(seen[-len(edges) :]) <= 0.5  # the last round is the one that is drawn


def test_a_matrix_has_a_line_for_each_row_and_covers_nothing():
    W = np.array([[3.0, 4.0, 5.0], [-5.0, -4.0, 3.0], [3.0, 4.0, 1.0]])
    names = [("W", "r"), ("h", "r"), ("r", "y"), ("V", "y")]
    numbers = {"W": W, "h": np.array([10.0, 20.0, 0.0]), "r": np.ones(3), "V": W, "y": 3.0}
    ax = draw_edges(names, values=numbers, gradients=numbers, entries=9)
    assert texts(ax).count("[3, 4, 5]\n[−5, −4, 3]\n[3, 4, 1]") == 4
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    things = extents(ax, [t for t in ax.texts if t.get_text() and t.get_color() in (VALUE_COLOUR, GRADIENT_COLOUR)])
    for a, b in itertools.combinations([*things, *extents(ax, boxes)], 2):
        assert shared_area(a, b) <= 1
    assert "shape (3, 3)" in texts(draw_edges(names, values=numbers))


def test_names_fit_their_boxes():
    ax = draw_graph(two_products_and_a_penalty())
    names = [t for t in ax.texts if t.get_fontweight() == "bold"]
    frames = extents(ax, [p for p in ax.patches if isinstance(p, FancyBboxPatch)])
    for t, box in zip(names, extents(ax, names), strict=True):
        assert any(f.x0 <= box.x0 and box.x1 <= f.x1 and f.y0 <= box.y0 and box.y1 <= f.y1 for f in frames), t


def test_a_drawing_fits_into_given_axes_with_smaller_letters():
    figure, ax = plt.subplots(figsize=(4, 2))
    assert draw_graph(two_products_and_a_penalty(), ax=ax) is ax
    frame = ax.get_window_extent()
    for box in extents(ax, [t for t in ax.texts if t.get_text()]):
        assert frame.x0 - 2 <= box.x0 and box.x1 <= frame.x1 + 2
    assert max(t.get_fontsize() for t in ax.texts) < 8


# ---- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", [[], [("x",)], ["xy"], [("x", 3)], [("x", "y", "z")]])
def test_what_is_not_a_list_of_arrows_gets_a_sentence(edges):
    with pytest.raises(ValueError, match="pair of names"):
        draw_edges(edges)


def test_arrows_in_a_circle_are_named():
    with pytest.raises(CycleError, match="circle among b, c"):
        draw_edges([("a", "b"), ("b", "c"), ("c", "b")])


def test_something_that_is_no_node_is_named():
    with pytest.raises(TypeError, match="got int"):
        draw_graph(3)


def test_a_picture_is_painted_and_left_as_it_was():
    boxes, edges = {1: ("$^$", ""), 2: ("b", "+")}, [(1, 2)]
    picture = Picture(dict(boxes), list(edges), {1: "2"}, {2: "1"})
    ax = paint(picture)
    assert r"\$^\$" in texts(ax)
    assert picture == Picture(boxes, edges, {1: "2"}, {2: "1"})


# ---- plots --------------------------------------------------------------------------------------------------------


def test_prediction_functions_are_plotted_in_order_of_x():
    x, points = np.array([0.5, 0.1, 0.9]), (np.array([0.2, 0.4]), np.array([1.0, 2.0]))
    ax = plot_prediction_functions(x, {"double": lambda x: 2 * x, "given": x**2}, *points, "upper left")
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_allclose(lines["double"], [[0.1, 0.2], [0.5, 1.0], [0.9, 1.8]])
    np.testing.assert_allclose(lines["given"], [[0.1, 0.01], [0.5, 0.25], [0.9, 0.81]])
    np.testing.assert_allclose(lines["training data"], np.transpose(points))
    other = plot_prediction_functions(x, [{"name": "given", "preds": x**2}], *points, ax=plt.figure().gca())
    np.testing.assert_allclose(other.lines[1].get_xydata(), lines["given"])
    with pytest.raises(ValueError, match="predictions of 'short'"):
        plot_prediction_functions(x, {"short": [1.0]}, *points)


def test_weights_are_shown_as_pictures_with_grey_for_zero():
    weights = np.zeros((3072, 3))
    weights[0, 1], weights[1024 + 33, 1] = -0.2, 0.1  # red of the first pixel, green of the pixel at (1, 1)
    figure = plot_weights(weights, title="three units")
    pictures = [ax.images[0].get_array() for ax in figure.axes]
    assert len(pictures) == 3 and all(np.all(pictures[k] == 0.5) for k in (0, 2))
    np.testing.assert_allclose(pictures[1][0, 0], [0.0, 0.5, 0.5])
    np.testing.assert_allclose(pictures[1][1, 1], [0.5, 0.75, 0.5])
    assert figure._suptitle.get_text() == "three units"


def test_of_many_units_some_are_shown_eight_in_a_row():
    figure = plot_weights(np.ones((3072, 100)), most=16)
    assert sum(bool(ax.images) for ax in figure.axes) == 16 and len(figure.axes) == 16


@pytest.mark.parametrize("shape", [(3072,), (100, 3072), (3072, 0), (784, 5)])
def test_weights_that_are_no_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(3072, units\)"):
        plot_weights(np.zeros(shape))


def test_learning_curves_start_at_epoch_one():
    ax = plot_learning_curves({"training": [3.0, 2.0, 1.0], "one": [2.0]}, ylabel="loss", log=True)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    assert ax.get_yscale() == "log" and ax.get_ylabel() == "loss" and ax.lines[1].get_marker() == "o"
