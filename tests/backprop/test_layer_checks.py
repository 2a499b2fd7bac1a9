"""The visible checks of layers, losses and classifiers accept right code and name what is wrong with other code."""

import numpy as np
import pytest

from backprop.classifiers import Classifier
from backprop.gradcheck import CheckFailed
from backprop.layer_checks import check_classifier, check_layer, check_loss

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(grad_out, cache):
    x, w = cache
    return grad_out @ w.T, x.T @ grad_out, grad_out.sum(axis=0)


def twice(x):
    return 2 * x, None


def twice_back(grad_out, cache):
    return 2 * grad_out


def test_a_right_layer_passes_with_one_line_per_variable(capsys):
    check_layer(forward, backward, x=X, w=W, b=B, expected=X @ W + B)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("ok")] == ["out", "grad_x", "grad_w", "grad_b"]
    check_layer(twice, twice_back, x=X.reshape(1, 5, 3))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g, c: (g @ c[1].T, (c[0].T @ g).T, g.sum(axis=0)), "grad_w is the transpose"),
        (lambda g, c: (g @ c[1].T, c[0].T @ g / 5, g.sum(axis=0)), "averaged where the sum belongs"),
        (lambda g, c: (np.ones(g.shape) @ c[1].T, c[0].T @ g, g.sum(axis=0)), "leaves out the upstream gradient"),
        (lambda g, c: (g @ c[1].T, c[0].T @ g, g), "sum over the batch"),
        (lambda g, c: (g @ c[1].T, c[0].T @ g), "should return grad_x, grad_w, grad_b"),
        (lambda g, c: None, "returned None"),
        (lambda g, c: backward(np.multiply(g, 1.5, out=g), c), "changed grad_out in place"),
        (lambda g, c: backward(g, None), "stopped with TypeError"),
    ],
)
def test_a_wrong_backward_is_named(change, said):
    with pytest.raises(CheckFailed, match=said):
        check_layer(forward, change, x=X, w=W, b=B, expected=X @ W + B)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, w, b: (x @ w, (x, w)), "out +yours"),
        (lambda x, w, b: x @ w + b, "two things, out and cache"),
        (lambda x, w, b: (np.nan * (x @ w), None), "finite numbers"),
        (lambda x, w, b: (np.add(x, 1, out=x) @ w + b, None), "changed its input x in place"),
    ],
)
def test_a_wrong_forward_is_named(change, said):
    with pytest.raises(CheckFailed, match=said):
        check_layer(change, backward, x=X, w=W, b=B, expected=X @ W + B)


def test_a_loss_is_checked_with_its_gradient_and_its_labels_left_alone():
    y = np.array([1, 0, 1, 1, 0])

    def loss(x, y):
        difference = x[:, 0] - y
        return np.mean(difference**2), np.stack([2 * difference / len(y), 0 * y, 0 * y], axis=1)

    check_loss(loss, X, y, expected=np.mean((X[:, 0] - y) ** 2))
    with pytest.raises(CheckFailed, match="factor 2"):
        check_loss(lambda x, y: (loss(x, y)[0], 2 * loss(x, y)[1]), X, y)
    with pytest.raises(CheckFailed, match="two things, loss and gradient"):
        check_loss(lambda x, y: loss(x, y)[0], X, y)
    with pytest.raises(CheckFailed, match="changed its second argument"):
        check_loss(lambda x, y: (np.copyto(y, 0), loss(x, y))[1], X, y)


class Line(Classifier):
    dtype = np.float32

    def __init__(self):
        self.W, self.b = np.zeros((3, 2), self.dtype), np.zeros(2, self.dtype)

    def parameters(self):
        return {"W": self.W, "b": self.b}

    def forward(self, X):
        return X @ self.W + self.b, X

    def backward(self, grad_scores, cache):
        return {"W": cache.T @ grad_scores, "b": grad_scores.sum(axis=0)}


INPUT, VALUES = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]), {"W": np.eye(3)[:, :2], "b": np.array([0.5, 0.25])}
SCORES = INPUT @ VALUES["W"] + VALUES["b"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_right_classifier_passes_in_single_and_double_precision(dtype):
    class Mine(Line):
        pass

    Mine.dtype = dtype
    check_classifier(Mine(), INPUT, VALUES, SCORES)


def test_views_of_one_array_are_live_arrays():
    class Flat(Line):
        def __init__(self):
            self.all = np.zeros(8)

        def parameters(self):
            return {"W": self.all[:6].reshape(3, 2), "b": self.all[6:]}

        W = property(lambda self: self.parameters()["W"])
        b = property(lambda self: self.parameters()["b"])

    check_classifier(Flat(), INPUT, VALUES, SCORES)


def test_copies_that_were_made_once_are_named():
    class Kept(Line):
        def __init__(self):
            super().__init__()
            self.known = {"W": self.W.copy(), "b": self.b.copy()}

        def parameters(self):
            return self.known

    with pytest.raises(CheckFailed, match="the same scores whatever stands in the arrays of Kept.parameters"):
        check_classifier(Kept(), INPUT, VALUES, SCORES)


def _with(**methods):
    return type("Wrong", (Line,), methods)()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_with(forward=lambda self, X: (X @ self.W, X)), "Wrong.forward"),
        (_with(forward=lambda self, X: X @ self.W), "should return scores and cache"),
        (_with(parameters=lambda self: [self.W, self.b]), "should be a dict"),
        (_with(parameters=lambda self: {"W": self.W}), "has no b: there is W"),
        (_with(parameters=lambda self: {"W": self.W.T, "b": self.b}), r"expected floats of shape \(3, 2\)"),
        (_with(parameters=lambda self: {"W": self.W.copy(), "b": self.b}), "another array as W each time"),
        (_with(parameters=lambda self: {"W": self.W, "b": self.b + 0}), "training would change a copy"),
        (_with(backward=lambda self, g, X: {"W": X.T @ g}), "grad b +not there"),
        (_with(backward=lambda self, g, X: {"W": X.T @ g, "b": g.mean(axis=0)}), "averaged|half"),
        (_with(backward=lambda self, g, X: (X.T @ g, g.sum(axis=0))), "should be a dict from names to gradients"),
        (Classifier(), "Classifier.parameters is not written yet"),
    ],
)
def test_a_wrong_classifier_is_named(model, said):
    with pytest.raises(CheckFailed, match=said):
        check_classifier(model, INPUT, VALUES, SCORES)


def test_a_forward_that_stops_while_it_is_measured_leaves_the_parameters_as_they_were():
    class Fragile(Line):
        def forward(self, X):
            if self.W[0, 0] > VALUES["W"][0, 0]:
                raise ZeroDivisionError("too large")
            return super().forward(X)

    model = Fragile()
    with pytest.raises(CheckFailed, match="stopped with ZeroDivisionError: too large"):
        check_classifier(model, INPUT, VALUES, SCORES)
    np.testing.assert_array_equal(model.W, VALUES["W"])
