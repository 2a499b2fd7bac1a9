"""Gradient checks: right code always passes, planted mistakes never do, and messages help."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop.checking.finite_differences import jacobian
from backprop.checking.function_checks import random_upstream
from backprop.gradcheck import (
    CheckFailed,
    check_function,
    check_graph,
    check_node,
    check_values,
    compare,
    numeric_backward,
    numeric_gradient,
    report,
)
from backprop.graph import ComputationGraphFunction
from backprop.layer_checks import check_layer
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode


class TwoInputs(Node):
    def __init__(self, a, b, node_name):
        super().__init__(node_name)
        self.a, self.b = a, b

    def get_predecessors(self):
        return [self.a, self.b]


class SumNode(TwoInputs):
    def forward(self):
        self.out = self.a.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out
        self.b.d_out += self.d_out


class AffineNode(Node):
    """W x + b."""

    def __init__(self, W, x, b, node_name):
        super().__init__(node_name)
        self.W, self.x, self.b = W, x, b

    def forward(self):
        self.out = self.W.out @ self.x.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.W.d_out += np.outer(self.d_out, self.x.out)
        self.x.d_out = self.x.d_out + self.W.out.T @ self.d_out
        self.b.d_out += self.d_out
        return self.d_out


class Elementwise(Node):
    def __init__(self, a, node_name):
        super().__init__(node_name)
        self.a = a

    def value(self, a):
        return np.tanh(a)

    def slope(self):
        return 1 - self.out**2

    def forward(self):
        self.out = self.value(self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.slope()


class ReluNode(Elementwise):
    def value(self, a):
        return np.maximum(a, 0)

    def slope(self):
        return (self.out > 0).astype(float)


class SoftmaxNode(Elementwise):
    def value(self, a):
        e = np.exp(a - a.max())
        return e / e.sum()

    def backward(self):
        self.a.d_out += self.out * (self.d_out - (self.d_out * self.out).sum())


class PenaltyNode(Elementwise):
    def __init__(self, l2_reg, w, node_name):
        super().__init__(w, node_name)
        self.l2_reg = l2_reg

    def value(self, w):
        return np.array(self.l2_reg * (w**2).sum())

    def backward(self):
        self.a.d_out += 2 * self.l2_reg * self.a.out * self.d_out


class NLLNode(TwoInputs):
    def forward(self):
        self.out = -np.log(self.a.out[self.b.out])
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out[self.b.out] -= self.d_out / self.a.out[self.b.out]


def affine_inputs(rng, scale=1.0):
    return {"W": scale * rng.normal(size=(3, 4)), "x": rng.normal(size=4), "b": rng.normal(size=3)}


def failure(check, *args, **kwargs):
    with pytest.raises(CheckFailed) as caught:
        check(*args, **kwargs)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- right code passes


@pytest.mark.parametrize("seed", range(25))
def test_right_nodes_pass_whatever_the_seed_and_the_scale(seed, capsys):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-3, 3)
    check_node(SumNode, a=np.array(rng.normal()), b=np.array(rng.normal()), seed=seed)
    check_node(AffineNode, **affine_inputs(rng, scale), seed=seed)
    check_node(Elementwise, a=rng.normal(size=(2, 3)), seed=seed)
    check_node(ReluNode, a=rng.normal(size=6), seed=seed)
    check_node(SoftmaxNode, z=3 * rng.normal(size=4), seed=seed)
    check_node(PenaltyNode, l2_reg=scale, w=rng.normal(size=5), seed=seed)
    check_node(NLLNode, y_hat=rng.uniform(0.01, 1, 3), y_true=np.array(1), seed=seed)
    assert "<-" not in capsys.readouterr().out


def f3(s1, s2, y):
    p = math.exp(s1) / (math.exp(s1) + math.exp(s2))
    return -math.log(p if y == 1 else 1 - p), [p - (y == 1), (1 - p) - (y == 2)]


@pytest.mark.parametrize("seed", range(25))
def test_right_functions_pass_whatever_the_seed(seed):
    rng = np.random.default_rng(seed)
    check_function(f3, *rng.normal(size=2), int(rng.integers(1, 3)))
    check_function(lambda x: (np.sum(np.log(x)), (1 / x,)), rng.uniform(0.01, 2, size=4))
    check_function(lambda x: ((np.exp(2 * x) - 1) / (np.exp(2 * x) + 1), (1 - np.tanh(x) ** 2,)), float(rng.normal()))
    check_function(lambda x, y: (x * y, np.array([y, x])), *rng.normal(size=2))


def line_graph(distance=SquaredL2DistanceNode):
    x, y, w, b = map(ValueNode, ("x", "y", "w", "b"))
    prediction = VectorScalarAffineNode(x, w, b, "prediction")
    return ComputationGraphFunction([x], [y], [w, b], prediction, distance(prediction, y, "J"))


def line_values(seed=0):
    rng = np.random.default_rng(seed)
    return {"x": rng.normal(size=3)}, {"y": np.array(rng.normal())}, {"w": rng.normal(size=3), "b": np.array(0.3)}


@pytest.mark.parametrize("seed", range(10))
def test_a_right_graph_passes_and_leaves_a_report(seed, capsys):
    check_graph(line_graph(), *line_values(seed), title="Line")
    out = capsys.readouterr().out
    assert out.startswith("Line") and "∂J/∂w" in out and "∂J/∂b" in out


def test_a_node_in_single_precision_passes():
    class Single(Elementwise):
        def value(self, a):
            return np.tanh(a.astype(np.float32))

    check_node(Single, a=np.array([0.3, -1.2, 0.8]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("a", "value", "slope"),
    [([260.0, -3.0, 0.7], lambda a: 2.5 * a, lambda a: 0 * a + 2.5), ([0.2, 0.7], np.log, lambda a: 1 / a)],
)
def test_results_of_type_float32_are_right_to_its_precision(a, value, slope):
    a = np.array(a)

    class Single(Elementwise):
        def value(self, a):
            return value(a).astype(np.float32)

        def slope(self):
            return slope(self.a.out)

    check_node(Single, a=a, expected=value(a))
    check_function(lambda a: (value(a).sum(), (slope(a).astype(np.float32),)), a)
    check_function(lambda a: (np.float32(value(a).sum()), (slope(a),)), a, expected=value(a).sum())
    check_values("f", {"a": value(a).astype(np.float32)}, {"a": value(a)})
    check_layer(
        lambda a: (value(a).astype(np.float32), a), lambda g, a: g * slope(a), a=a + 0.3, expected=value(a + 0.3)
    )
    assert "a  " in failure(check_values, "f", {"a": (value(a) * 1.001).astype(np.float32)}, {"a": value(a)})
    assert "a  " in failure(check_values, "f", {"a": value(a) + 1e-6}, {"a": value(a)}, rtol=0)


def test_gradients_in_a_row_are_accepted_where_that_is_said(capsys):
    def row(w, b):
        return w * b, b, w

    assert "things in a row" in failure(check_function, row, 1.5, -0.7)
    check_function(row, 1.5, -0.7, row_too=True)
    assert "`return value, (grad_w, grad_b)`" in capsys.readouterr().out
    check_function(lambda w, b: (w * b, (b, w)), 1.5, -0.7, row_too=True)
    assert "return value" not in capsys.readouterr().out
    assert "4 things in a row" in failure(check_function, lambda w, b: (w * b, b, w, w), 1.5, -0.7, row_too=True)


def test_a_number_may_come_in_a_box():
    class Boxed(PenaltyNode):
        def value(self, w):
            return np.array([self.l2_reg * (w**2).sum()])

        def backward(self):
            self.a.d_out += 2 * self.l2_reg * self.a.out * self.d_out[0]

    check_node(Boxed, l2_reg=0.5, w=np.array([1.0, -2.0]))


def test_a_forward_that_returns_nothing_is_told_to_return_out():
    def forward(self):
        SumNode.forward(self)

    inputs = {"a": np.array(2.0), "b": np.array(3.0)}
    check_node(SumNode, **inputs)
    text = failure(check_node, patched(SumNode, forward=forward), **inputs)
    assert "SumNode.forward returns nothing: end it with `return self.out`" in text


# ------------------------------------------------------------------------------------------------- wrong code is caught


def patched(base, **methods):
    return type(base.__name__, (base,), methods)


def assigns(self):
    self.W.d_out = np.outer(self.d_out, self.x.out)
    self.x.d_out = self.W.out.T @ self.d_out
    self.b.d_out = self.d_out


def affine_backward(dW=None, dx=None, db=None):
    def backward(self):
        g, W, x = self.d_out, self.W.out, self.x.out
        self.W.d_out += dW(g, W, x) if dW else np.outer(g, x)
        self.x.d_out += dx(g, W, x) if dx else W.T @ g
        self.b.d_out += db(g, W, x) if db else g

    return backward


WRONG_AFFINE = {
    "assigned": assigns,
    "one_node_only": affine_backward(db=lambda g, W, x: 0 * g),
    "factor": affine_backward(dW=lambda g, W, x: 2 * np.outer(g, x)),
    "sign": affine_backward(dx=lambda g, W, x: -W.T @ g),
    "upstream_ignored": affine_backward(dx=lambda g, W, x: W.sum(axis=0)),
    "nan": affine_backward(dx=lambda g, W, x: W.T @ g * np.nan),
}


@pytest.mark.parametrize("family", WRONG_AFFINE)
def test_a_wrong_affine_node_is_told_what_is_wrong(family):
    wrong = patched(AffineNode, backward=WRONG_AFFINE[family])
    sentence = {
        "assigned": "instead of adding",
        "one_node_only": "Nothing was added to b.d_out: backward() adds",
        "factor": "twice as large",
        "sign": "opposite sign",
        "upstream_ignored": "leaves out the upstream",
        "nan": "not a number",
    }[family]
    for seed in range(10):
        assert sentence in failure(check_node, wrong, **affine_inputs(np.random.default_rng(seed)), seed=seed)


def test_a_gradient_that_is_returned_and_not_added_is_named():
    returns = patched(SoftmaxNode, backward=lambda self: self.out * (self.d_out - (self.d_out * self.out).sum()))
    text = failure(check_node, returns, a=np.array([0.2, 1.0, -0.5]))
    assert "Nothing was added to a.d_out" in text and "what it returns is not used" in text


class SecondEntry(Elementwise):
    def value(self, a):
        return np.array(a[1])

    def backward(self):
        self.a.d_out[1] += self.d_out


def test_zeros_of_a_forgotten_upstream_gradient_are_not_called_nothing():
    def ones(self):
        self.a.d_out += self.out * (1 - self.out.sum())

    a = np.log([1.0, 2.0, 5.0])
    text = failure(check_node, patched(SoftmaxNode, backward=ones), a=a)
    assert "zero everywhere" in text and "Nothing was added" not in text
    nothing = patched(ReluNode, backward=lambda self: None)
    assert "Nothing was added to a.d_out" in failure(check_node, nothing, a=np.array([0.4, -1.1, 2.0]))


@pytest.mark.parametrize("shape", [(2,), (3,), (2, 3), (7,), (5, 4)])
def test_upstream_gradients_have_both_signs(shape):
    for seed in range(20):
        upstream = random_upstream(np.random.default_rng(seed), shape)
        assert upstream.shape == shape and abs((upstream < 0).sum() - upstream.size / 2) < 1
        assert np.abs(upstream).min() >= 0.3
    assert {float(np.sign(random_upstream(np.random.default_rng(seed), ()))) for seed in range(20)} == {-1.0, 1.0}


def test_assigning_to_the_one_entry_that_counts_is_named():
    def backward(self):
        self.a.d_out[1] = self.d_out

    inputs = {"a": np.array([0.2, 1.0, -0.5])}
    check_node(SecondEntry, **inputs)
    text = failure(check_node, patched(SecondEntry, backward=backward), **inputs)
    assert "Did backward() assign to a.d_out instead of adding to it?" in text


def test_the_square_weights_of_a_transposed_gradient_are_named():
    wrong = patched(AffineNode, backward=affine_backward(dW=lambda g, W, x: np.outer(x, g)))
    rng = np.random.default_rng(0)
    text = failure(check_node, wrong, W=rng.normal(size=(3, 3)), x=rng.normal(size=3), b=rng.normal(size=3))
    assert "∂J/∂W is the transpose" in text


def test_a_mistake_the_author_foresaw_is_named():
    wrong = patched(AffineNode, backward=affine_backward(dx=lambda g, W, x: W.T @ (g * np.tanh(g))))
    inputs = affine_inputs(np.random.default_rng(0))
    foreseen = {"x": {"wrong_argument:tanh of the upstream": lambda g: inputs["W"].T @ (g * np.tanh(g))}}
    assert "tanh of the upstream" in failure(check_node, wrong, **inputs, mistakes=foreseen)


def test_a_value_known_to_be_right_catches_a_node_that_agrees_with_itself():
    half = patched(PenaltyNode, value=lambda self, w: np.array(0.5 * self.l2_reg * (w**2).sum()))
    half.backward = lambda self: self.a.d_out.__iadd__(self.l2_reg * self.a.out * self.d_out)
    check_node(half, l2_reg=0.3, w=np.array([1.0, 2.0]))
    text = failure(check_node, half, l2_reg=0.3, w=np.array([1.0, 2.0]), expected=1.5)
    assert "half as large" in text and "yours 0.7500" in text and "right  1.5000" in text


def test_a_right_gradient_is_not_blamed_for_a_wrong_value():
    class Half(PenaltyNode):  # backward as it should be
        def value(self, w):
            return np.array(0.5 * self.l2_reg * (w**2).sum())

    def half(x, w):
        return x * w / 2, (w, x)

    class HalfDistance(SquaredL2DistanceNode):
        def forward(self):
            super().forward()
            self.out = self.out / 2
            return self.out

    given, outcome, start = line_values()
    right = (start["w"] @ given["x"] + start["b"] - outcome["y"]) ** 2
    texts = [
        failure(check_node, Half, l2_reg=0.3, w=np.array([1.0, 2.0]), expected=1.5),
        failure(check_function, half, 1.5, 2.0, expected=3.0),
        failure(check_graph, line_graph(HalfDistance), given, outcome, start, expected=right),
    ]
    for text in texts:
        assert "∂" not in text and text.count("maxdiff") == 1 and "half as large" in text
        assert text.endswith("Gradients come once this is right: they are compared with differences of it.")


def broken(**methods):
    return patched(SumNode, **methods)


def forward_without_reset(self):
    self.out = self.a.out + self.b.out
    if self.d_out is None:
        self.d_out = np.zeros(self.out.shape)
    return self.out


def sum_of(then):
    """A forward that does something more; what that gives is returned, unless it gives None."""

    def forward(self):
        SumNode.forward(self)
        more = then(self)
        return self.out if more is None else more

    return forward


def one_array(self):
    self.a.d_out = self.b.d_out = np.array(self.a.d_out + self.d_out)


def one_array_at_first(self):
    if self.a.d_out.any():
        return SumNode.backward(self)
    return one_array(self)


def its_own_array(self):
    self.a.d_out += self.d_out
    self.b.d_out = self.b.d_out + self.d_out if self.b.d_out.any() else self.d_out


def boom(self):
    self.a.d_out += self.wieght


def assigned_sum(self):
    self.a.d_out, self.b.d_out = 1 * self.d_out, 1 * self.d_out


def unfinished(self):
    raise NotImplementedError


def remember(self):
    if getattr(self, "known", None) is None:
        self.known = 1 - np.tanh(self.a.out) ** 2
    self.a.d_out += self.known * self.d_out


@pytest.mark.parametrize(
    "node, sentence",
    [
        (broken(forward=lambda self: None), "SumNode.forward returned None, and self.out is not set: is it finished?"),
        (broken(forward=unfinished), "not written yet"),
        (broken(backward=unfinished), "SumNode.backward is not written yet"),
        (broken(backward=lambda self: None), "Nothing was added to a.d_out"),
        (broken(forward=lambda self: self.a.out + self.b.out), "did not store it in self.out"),
        (broken(forward=lambda self: setattr(self, "out", self.a.out + 0)), "did not reset self.d_out"),
        (broken(forward=lambda self: setattr(self, "out", "3")), "of type str"),
        (broken(forward=forward_without_reset), "counted again"),
        (broken(backward=lambda self: setattr(self.a, "d_out", None)), "∂J/∂a is None"),
        (broken(backward=lambda self: self.d_out.__imul__(2)), "changed its own upstream"),
        (broken(backward=lambda self: self.a.out.__imul__(2)), "changed its input a.out"),
        (broken(backward=lambda self: setattr(self.a, "d_out", [[1], [1, 2]])), "a list of length 2"),
        (broken(backward=boom), "self.a.d_out += self.wieght"),
        (broken(forward=sum_of(lambda self: self.d_out)), "SumNode.forward returns something else than self.out"),
        (broken(forward=sum_of(lambda self: setattr(self.a, "d_out", 0.0))), "SumNode.forward changed a.d_out"),
        (broken(forward=sum_of(lambda self: self.b.forward())), "SumNode.forward runs forward() of its input b"),
        (broken(backward=lambda self: self.a.backward()), "SumNode.backward runs backward() of its input a"),
        (broken(backward=one_array), "every input feeding a second node"),
        (broken(backward=one_array_at_first), "SumNode.backward leaves one array in a.d_out and b.d_out"),
        (broken(backward=its_own_array), "SumNode.backward leaves one array in b.d_out and self.d_out"),
    ],
)
def test_a_broken_node_gets_a_sentence(node, sentence):
    assert sentence in failure(check_node, node, a=np.array(2.0), b=np.array(3.0))


def test_a_node_that_remembers_the_first_pass_fails_in_the_second():
    text = failure(check_node, patched(Elementwise, backward=remember), a=np.array([0.3, -0.7, 1.1]))
    assert "second pass" in text and "earlier pass" in text


class CutOff(SumNode):
    """Right up to 1000."""

    def forward(self):
        super().forward()
        self.out = np.minimum(self.out, 1000.0)
        return self.out


class FirstSize(PenaltyNode):
    """Right as long as its input has as many entries as at first."""

    def backward(self):
        self.size = getattr(self, "size", self.a.out.size)
        self.a.d_out[: self.size] += (2 * self.l2_reg * self.a.out * self.d_out)[: self.size]


def test_a_node_is_tried_in_other_regions_and_sizes_too(capsys):
    small = {"a": np.array(2.0), "b": np.array(-3.0)}
    large = {"a": np.array(7.1e5), "b": np.array(3e5), "expected": 1.01e6}
    check_node(SumNode, **small, also=[large])
    check_node(PenaltyNode, l2_reg=0.3, a=np.array([1.0, -2.0]), also=[{"a": np.array([0.0, 3.0, -0.5])}])
    assert "710000" not in capsys.readouterr().out
    check_node(CutOff, **small)
    text = failure(check_node, CutOff, **small, also=[large])
    assert "What was asked before was right; for a = 710000.0, b = 300000.0 it is wrong." in text
    text = failure(check_node, CutOff, **small, also=[{name: large[name] for name in "ab"}])
    assert "∂J/∂a" in text and "for a = 710000.0" in text
    text = failure(check_node, FirstSize, l2_reg=0.3, a=np.array([1.0, -2.0]), also=[{"a": np.array([0.7, 3.0, -0.5])}])
    assert "for a of shape (3,)" in text and "at [2]" in text


def test_what_is_new_is_said_of_a_value_that_is_wrong_there_only():
    with pytest.raises(CheckFailed) as caught:
        check_values("other weights", {"y": 3.7123}, {"y": 3.0}, only_here="for other weights")
    assert "What was asked before was right; for other weights it is wrong. y is 1.237 times" in str(caught.value)
    assert caught.value.families is None, "a plain fact"
    with pytest.raises(CheckFailed) as caught:
        check_values("other weights", {"y": -3.0}, {"y": 3.0}, only_here="for other weights")
    assert caught.value.families == ("sign",) and "asked before" not in str(caught.value)
    check_values("other weights", {"y": 3.0}, {"y": 3.0}, only_here="for other weights")


def test_a_label_gets_no_gradient():
    def also_to_the_label(self):
        NLLNode.backward(self)
        self.b.d_out = self.b.d_out + 1.0

    inputs = {"a": np.array([0.2, 0.3, 0.5]), "b": np.array(1)}
    check_node(NLLNode, **inputs)
    text = failure(check_node, patched(NLLNode, backward=also_to_the_label), **inputs)
    assert text == "NLLNode.backward changed b.d_out: b is a label, it has no gradient."


def test_a_gradient_that_is_the_input_itself_is_found():
    def penalty(w):
        return (w**2).sum() / 2, (w,)

    check_function(lambda w: ((w**2).sum() / 2, (1 * w,)), np.array([1.0, -2.0]), names=["w"])
    assert "hands out w itself as a gradient" in failure(check_function, penalty, np.array([1.0, -2.0]))


def test_inputs_at_a_kink_are_refused_with_the_place():
    assert "kink" in failure(check_node, ReluNode, a=np.array([1.0, 0.0, -1.0]))
    assert "[1]" in failure(check_node, ReluNode, a=np.array([1.0, 0.0, -1.0]))


def test_a_right_gradient_near_a_kink_passes():
    # 1e-4 is where the four- and the six-point formula agree by chance on something wrong
    check_node(ReluNode, a=np.array([1.0, 1e-4, -1e-3, -2e-5]))
    for seed in range(30):
        rng = np.random.default_rng(seed)
        check_node(ReluNode, a=rng.choice([-1, 1], 5) * 10 ** rng.uniform(-5, -1, 5), seed=seed)


@pytest.mark.parametrize(
    "f, sentence",
    [
        (lambda x, w: None, "is it finished"),
        (lambda x, w: x * w, "should return the value and the gradients"),
        (lambda x, w: (x * w, (w,)), "returned 1 gradients: it should return 2 (x, w)"),
        (lambda x, w: (x * w, np.array([w])), "returned 1 gradients: it should return 2 (x, w)"),
        (lambda x, w: (x * w, w, x), "returned 3 things in a row: the gradients belong together in a tuple"),
        (lambda x, w: (x * w, w, x), "return value, (grad_x, grad_w)"),
        (lambda x, w: (x * w, (x, w)), "exchanged"),
        (lambda x, w: (x * w, (w, None)), "∂f/∂w is None"),
        (lambda x, w: (x * w, (w, -x)), "opposite sign"),
        (lambda x, w: (x * w, (w, float("nan"))), "not a number"),
        (lambda x, w: (x * w, (w, x + 1e-5)), "<-"),
        (lambda x, w: (x / 0, (w, x)), "ZeroDivisionError"),
    ],
)
def test_a_broken_function_gets_a_sentence(f, sentence):
    assert sentence in failure(check_function, f, 1.5, 2.3)


def test_opposite_gradients_with_the_wrong_sign_are_not_called_exchanged():
    text = failure(check_function, lambda a, b: ((a - b) ** 2, (2 * (b - a), 2 * (a - b))), 1.5, 2.3)
    assert text.count("opposite sign") == 2 and "exchanged" not in text


def no_return(x):
    np.exp(x)


def test_riddles_of_numpy_and_python_are_put_into_words():
    text = failure(check_function, lambda x: np.ones((2, 3)) @ np.ones(2), 1.5)
    assert "ValueError: the two sides of @ don't fit: 3 entries on the left meet 2 on the right\n" in text

    def unpacks(x):
        value, gradient = no_return(x)
        return value, (gradient,)

    assert "NoneType object. Does a function end without return?\n" in failure(check_function, unpacks, 1.5)


def test_a_failed_report_ends_with_the_differences_that_are_accepted():
    text = failure(check_values, "loss", {"loss": 1.0}, {"loss": 0.5}, atol=1e-6, rtol=0.0)
    assert text.endswith("\nMax differences below 1e-06 are accepted.")


def test_a_graph_is_left_at_the_parameters_it_was_checked_at():
    graph, (inputs, outcomes, parameters) = line_graph(), line_values(3)
    check_graph(graph, inputs, outcomes, parameters)
    for name, value in parameters.items():
        np.testing.assert_array_equal(graph.name_to_node[name].out, value)
        assert np.any(graph.name_to_node[name].d_out != 0)


def test_parameters_may_differ_in_capitals_and_a_remark_says_so(capsys):
    graph, (inputs, outcomes, parameters) = line_graph(), line_values(3)
    check_graph(graph, inputs, outcomes, parameters)
    assert "rename" not in capsys.readouterr().out
    capitals = {name.upper(): value for name, value in parameters.items()}
    check_graph(graph, inputs, outcomes, capitals)
    assert "Your parameter w is called W in later cells: rename its node" in capsys.readouterr().out
    assert "no parameter called 'v'" in failure(check_graph, graph, inputs, outcomes, parameters | {"v": np.ones(3)})


def test_a_graph_with_a_wrong_node_fails_on_the_parameter():
    wrong = patched(SquaredL2DistanceNode, backward=lambda self: self.get_predecessors()[0].d_out.__iadd__(1.0))
    assert "∂J/∂w" in failure(check_graph, line_graph(wrong), *line_values())
    assert "is it finished" in failure(check_graph, None, *line_values()).lower()


def test_a_graph_may_be_made_by_a_function_and_its_errors_become_a_sentence(capsys):
    check_graph(lambda: line_graph(), *line_values(), title="Line")
    assert "ok" in capsys.readouterr().out
    text = failure(check_graph, lambda: Node().graph, *line_values(), title="Line")
    assert text.startswith("Line: your code stopped with TypeError") and "Node().graph" in text


def test_known_values_are_compared_and_missing_ones_named(capsys):
    check_values("forward", {"loss": 0.5, "extra": 1}, {"loss": np.array([0.5])})
    assert "ok" in capsys.readouterr().out
    text = failure(check_values, "forward", {"p": 0.25}, {"p": 0.5, "loss": 1.0})
    assert "loss is missing" in text and "half as large" in text
    assert "dictionary" in failure(check_values, "forward", None, {"p": 0.5})


def test_an_error_while_results_are_computed_is_one_sentence_with_the_line(capsys):
    def slope(x):
        return x.wieght

    check_values("slope", lambda: {"at 1": 2.0}, {"at 1": 2.0})
    assert "ok" in capsys.readouterr().out
    text = failure(check_values, "slope", lambda: {"at 1": slope(1.0)}, {"at 1": 2.0})
    first, second = text.splitlines()
    assert first == "slope: your code stopped with AttributeError: 'float' object has no attribute 'wieght'"
    assert second.strip().startswith("in slope, line") and second.endswith("return x.wieght")
    text = failure(check_values, "slope", lambda: {"at 1": unfinished(None)}, {"at 1": 2.0})
    assert "slope: your code is not written yet" in text
    assert "dictionary" in failure(check_values, "slope", lambda: None, {"at 1": 2.0})


def test_an_assert_on_the_way_says_what_it_says():
    def changed():
        raise AssertionError("W has changed: work on a copy.")

    assert failure(check_values, "ΣW", changed, {"W": 1.0}) == "ΣW: your code: W has changed: work on a copy."


# ------------------------------------------------------------------------------------------------------------ comparing


def test_the_lines_are_aligned_and_end_in_a_verdict():
    lines = [compare("∂J/∂a", 0.4421, 0.4421), compare("∂J/∂long", np.array([1.0, 4.0]), np.array([1.0, 2.0]))]
    text = report("SumNode · backward", lines).splitlines()
    assert text[1].index("approx") == text[2].index("approx")
    assert text[1].endswith("ok") and text[2].endswith("<- at [1]") and "maxdiff 2.0e+00" in text[2]


def test_columns_stand_under_each_other_within_a_report_and_between_reports(capsys):
    check_node(SumNode, a=np.array(2.0), bias=np.array(3.0), expected=5.0)
    check_values("known", {"loss": -12345.6789}, {"loss": -12345.6789})
    check_function(f3, 0.3, -0.5, 1)
    text = failure(check_values, "wrong", {"p": math.nan, "q": -0.5}, {"p": 1e-7, "q": -1e7})
    lines = [line for line in (capsys.readouterr().out + text).splitlines() if " maxdiff " in line]
    assert len(lines) == 8
    words = {"yours", "exact"}, {"right", "approx"}, {"maxdiff"}, {"ok", "<-"}
    assert all(len({line.index(w) for line in lines for w in column if w in line}) == 1 for column in words)


def test_a_long_name_moves_the_columns_of_its_whole_report(capsys):
    check_node(SumNode, first_summand=np.array(2.0), b=np.array(3.0), expected=5.0)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.endswith("ok")]
    assert len(lines) == 3 and len({line.index("maxdiff") for line in lines}) == 1


def test_the_lines_of_a_report_fit_into_eighty_columns(capsys):
    class MinibatchCrossEntropyNode(SumNode):
        pass

    values = {"a": np.array(2.0), "y_hat": np.array(3.0)}
    check_node(MinibatchCrossEntropyNode, **values, expected=5.0)
    check_function(f3, 0.3, -0.5, 1, title="sigmoid_net_gradients_of_two_layers")
    check_graph(line_graph(), *line_values(), title="a linear model of thirty characters")
    once = patched(MinibatchCrossEntropyNode, backward=assigned_sum)
    text, sentence, _ = failure(check_node, once, **values).partition("\na feeds two nodes")
    assert "second node" in text and sentence
    assert max(map(len, (capsys.readouterr().out + text).splitlines())) <= 80


def test_a_sentence_is_said_once():
    twice = [compare("W", None, np.ones(2)), compare("W", None, np.ones(2))]
    assert report("t", twice).count("is None") == 1


@given(st.floats(width=64))
def test_nan_is_never_right_and_infinity_only_where_it_belongs(number):
    assert not compare("a", math.nan, number).ok
    assert not compare("a", number, math.nan).ok
    assert compare("a", number, number).ok == (not math.isnan(number))
    assert compare("a", math.inf, number).ok == (number == math.inf)


def test_a_wrong_shape_is_never_right():
    assert not compare("a", np.ones((3, 1)), np.ones(3)).ok
    assert not compare("a", 1.0, np.ones(1)).ok
    assert compare("a", 1.0, np.ones(1), scalar_like=True).ok
    assert not compare("a", np.ones(2), np.ones(1), scalar_like=True).ok


def test_the_tolerance_is_absolute_plus_relative():
    assert compare("a", 1e3 + 0.9e-4, 1e3).ok and not compare("a", 1e3 + 1.2e-4, 1e3).ok
    assert compare("a", 0.9e-9, 0.0).ok and not compare("a", 1.2e-9, 0.0).ok


def test_jupyter_shows_the_report_and_no_traceback():
    error = CheckFailed("SumNode · backward\n   line")
    assert error._render_traceback_() == ["SumNode · backward", "   line"]
    assert isinstance(error, AssertionError)


# ---------------------------------------------------------------------------------------------------------- differences


def test_numeric_gradients_restore_x_even_when_f_fails():
    x = np.array([1.0, 2.0])
    assert np.allclose(numeric_gradient(lambda t: (t**3).sum(), x), 3 * x**2, atol=1e-7)
    with pytest.raises(ZeroDivisionError):
        numeric_gradient(lambda t: 1 / 0, x)
    assert x.tolist() == [1.0, 2.0]
    number = np.array(3.0)
    assert numeric_gradient(lambda t: t**2, number).shape == () and number == 3.0


def test_numeric_backward_weighs_with_the_upstream_gradient():
    x, g = np.array([[0.5, 1.0]]), np.array([[2.0, -3.0]])
    assert np.allclose(numeric_backward(np.exp, x, g), g * np.exp(x), atol=1e-7)
    with pytest.raises(ValueError, match="have to agree"):
        numeric_backward(np.exp, x, np.ones(3))
    with pytest.raises(ValueError, match="array of floats"):
        numeric_gradient(np.sum, np.array([1, 2]))


@pytest.mark.parametrize(
    "f, slope",
    [(np.exp, np.exp), (np.log, np.reciprocal), (np.tanh, lambda x: np.cosh(x) ** -2), (np.cos, lambda x: -np.sin(x))],
)
def test_the_uncertainty_of_a_derivative_covers_its_error_and_is_small(f, slope):
    for value in np.random.default_rng(0).uniform(1e-3, 5, 200):
        x = np.array(value)
        derivative, doubt = jacobian(lambda x=x: f(x), x)
        assert abs(derivative - slope(value)) <= doubt <= 1e-7 * max(1.0, abs(derivative))


def test_flat_points_are_no_kinks():
    for f in (np.cos, np.square, lambda x: x**4, lambda x: 0 * x):
        x = np.array(0.0)
        derivative, doubt = jacobian(lambda f=f, x=x: f(x), x)
        assert abs(derivative) <= doubt < 1e-6
