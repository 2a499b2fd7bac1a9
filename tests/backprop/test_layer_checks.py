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
    check_classifier(lambda: Mine(), INPUT, VALUES, SCORES)
    with pytest.raises(CheckFailed, match="a new model: your code stopped with ZeroDivisionError"):
        check_classifier(lambda: 1 / 0, INPUT, VALUES, SCORES)


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


# -- what is left over, and what is changed -------------------------------------------------------------------------


def test_whole_numbers_are_indices_and_have_no_gradient(capsys):
    def look_up(rows, table):
        return table[rows], (rows, table.shape)

    def add_up(grad_out, cache):
        grad = np.zeros(cache[1])
        np.add.at(grad, cache[0], grad_out)
        return grad

    def assign(grad_out, cache):
        grad = np.zeros(cache[1])
        grad[cache[0]] = grad_out
        return grad

    rows, table = np.array([4, 1, 4, 0, 4]), np.random.default_rng(0).normal(size=(6, 3))
    check_layer(look_up, add_up, rows=rows, table=table, expected=table[rows])
    assert "grad_rows" not in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="grad_table"):
        check_layer(look_up, assign, rows=rows, table=table, expected=table[rows])


def test_a_backward_that_works_with_another_call_is_found():
    latest, first = {}, {}

    def remembering(x, w, b):
        latest["cache"] = x, w
        return forward(x, w, b)

    with pytest.raises(CheckFailed, match="works with the latest call of forward"):
        check_layer(remembering, lambda g, c: backward(g, latest["cache"]), x=X, w=W, b=B)
    with pytest.raises(CheckFailed, match="works with that of an earlier call"):
        check_layer(forward, lambda g, c: backward(g, first.setdefault("cache", c)), x=X, w=W, b=B)


def test_a_backward_that_uses_up_its_cache_is_found():
    def once(grad_out, cache):
        found = backward(grad_out, cache)
        cache[0][...] *= 0.5
        return found

    def copying(x, w, b):
        return x @ w + b, (x.copy(), w.copy())

    with pytest.raises(CheckFailed, match="when it was called once more with the same cache"):
        check_layer(copying, once, x=X, w=W, b=B)


class Bend:
    """scores = tanh(x w): smooth, so differences need care."""

    def __init__(self):
        self.w = np.zeros((3, 2))

    def parameters(self):
        return {"w": self.w}

    def forward(self, x):
        return np.tanh(x @ self.w), x

    def backward(self, grad, x):
        return {"w": x.T @ (grad * (1 - np.tanh(x @ self.w) ** 2))}


def test_a_smooth_model_is_compared_with_exact_differences_and_its_slips_are_named():
    x, w = np.random.default_rng(1).normal(size=(5, 3)), {"w": np.random.default_rng(2).normal(size=(3, 2))}
    check_classifier(Bend(), x, w, None, smooth=True)

    class Straight(Bend):
        def backward(self, grad, x):
            return {"w": x.T @ grad}

    slips = lambda upstream: {"w": {"missing_chain_factor:(slope of tanh)": x.T @ upstream}}  # noqa: E731
    with pytest.raises(CheckFailed, match="slope of tanh"):
        check_classifier(Straight(), x, w, None, smooth=True, gradient_mistakes=slips)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda self, grad, x: np.multiply(grad, 2, out=grad), "changed its first argument in place"),
        (lambda self, grad, x: np.multiply(self.w, 1.5, out=self.w), "changed its parameter w"),
    ],
)
def test_a_backward_that_changes_what_it_was_given_is_found(change, said):
    class Changing(Bend):
        def backward(self, grad, x):
            found = super().backward(grad, x)
            change(self, grad, x)
            return found

    x, w = np.random.default_rng(1).normal(size=(5, 3)), {"w": np.random.default_rng(2).normal(size=(3, 2))}
    with pytest.raises(CheckFailed, match=said):
        check_classifier(Changing(), x, w, None, smooth=True)


def test_a_gradient_that_is_grad_out_itself_is_found():
    forward, backward = lambda x: (np.maximum(x, 0), x > 0), lambda grad, on: grad if on.all() else grad * on  # noqa: E731
    check_layer(forward, backward, x=np.array([[0.7, -1.3]]))
    with pytest.raises(CheckFailed, match="hands out grad_out itself as a gradient"):
        check_layer(forward, backward, x=np.array([[0.7, 1.3]]))
