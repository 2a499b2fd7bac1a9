"""Section 08: what its checks compare with is right, honest parts earn honest points, weights are judged fairly."""

import os
import shutil

import numpy as np
import pytest
from places import CHECKS, ROOT, checks_module, needs_bubblewrap

from autograder import mutants
from autograder.course import Course
from autograder.grading.notebook import grade_notebook
from autograder.judging import Draw, Student
from autograder.judging.load import find
from autograder.mutants.measure import judge
from autograder.release.build import release
from backprop.classifiers import save_weights
from backprop.datasets import load_shapes
from backprop.gradcheck import numeric_gradient
from backprop.training import train

torch = pytest.importorskip("torch")

SECTION = "08-cifar"
trained_weights, two_layer_net = map(checks_module, ("common.trained_weights", "common.two_layer_net"))


@pytest.fixture(scope="module")
def cells():
    return mutants.code_cells(ROOT, SECTION)


@pytest.fixture(scope="module")
def notebook(cells):
    return mutants.namespace(cells)


def score(cells, check, cell, old, new):
    source = next(c.source for c in cells if c.grade_id == cell)
    [verdict] = judge(cells, find(CHECKS, f"{SECTION}/{check}"), cell, mutants.patched(source, old, new), [3])
    return verdict.score, {part.name: part.earned for part in verdict.parts}


# -- what the checks compare with -----------------------------------------------------------------------------------


def test_the_data_loss_agrees_with_torch_and_with_finite_differences():
    draw = Draw(1)
    x, y = draw.normal(6, 4, scale=2.0), draw.labels(6, 4)
    loss, grad = two_layer_net.data_loss(x, y)
    scores = torch.tensor(x, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(scores, torch.tensor(y))
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(grad, scores.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(grad, numeric_gradient(lambda v: two_layer_net.data_loss(v, y)[0], x.copy()), atol=1e-8)


def test_the_data_loss_of_huge_scores_agrees_with_torch():
    x = np.array([[1000.0, 998.0, -1000.0], [-1000.0, -1001.0, -3000.0], [0.0, 1000.0, 0.0]])
    y = np.array([1, 0, 2])
    theirs = torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(y)).item()
    assert two_layer_net.data_loss(x, y)[0] == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_network_agrees_with_torch(seed):
    net = two_layer_net.Net(Draw(seed), [5, 4, 6, 3])
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in net.values.items()}
    scores = torch.relu(torch.tensor(net.X) @ tensors["W1"] + tensors["b1"]) @ tensors["W2"] + tensors["b2"]
    scores.backward(torch.tensor(net.upstream))
    np.testing.assert_allclose(net.scores, scores.detach().numpy(), rtol=1e-12)
    for name, value in net.gradients(net.upstream).items():
        np.testing.assert_allclose(value, tensors[name].grad.numpy(), rtol=1e-10, atol=1e-12)
    assert np.abs(net.a).min() > 0.02
    assert all(np.array_equal(value, value.astype(np.float32)) for value in net.values.values())


@pytest.mark.parametrize(
    "shapes", [[(4, 3), (3,)], [(4, 6), (6,), (6, 3), (3,)], [(4, 5), (5,), (5, 6), (6,), (6, 3), (3,)]]
)
def test_a_training_step_agrees_with_torch(shapes):
    draw = Draw(str(shapes))
    values = {f"p{number}": draw.signed(*shape) for number, shape in enumerate(shapes)}
    X, y = draw.signed(7, 4), draw.labels(7, 3)
    step = two_layer_net.Step(values, X, y, 0.4)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    a, rest = torch.tensor(X), list(tensors.values())
    for number in range(0, len(rest), 2):
        a = (torch.relu(a) if number else a) @ rest[number] + rest[number + 1]
    penalty = sum(0.2 * (t**2).sum() for t in rest if t.ndim == 2)
    loss = torch.nn.functional.cross_entropy(a, torch.tensor(y)) + penalty
    loss.backward()
    assert step.loss == pytest.approx(loss.item(), rel=1e-12)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(step.exact[name], tensor.grad.numpy(), rtol=1e-10, atol=1e-12)


# -- points -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "cell", "old", "new", "earned"),
    [
        ("fc_check", "fc", "x.T @ grad_out", "x.T @ grad_out / 2", {"forward": 2, "backward": 0}),
        ("relu_check", "relu", "grad_out * cache", "grad_out", {"forward": 2, "backward": 0}),
        ("l2_regularization_check", "l2_regularization", "0.5 * reg", "reg", {"loss": 0, "gradient": 3}),
        (
            "softmax_loss_check",
            "softmax_loss",
            "x - x.max(axis=1, keepdims=True)",
            "x * 1.0",
            {"loss": 1, "gradient": 2, "large scores": 0, "a true class far behind": 1},
        ),
        (
            "two_layer_net_check",
            "two_layer_net",
            "grad_a = relu_backward(grad_h, cache_relu)",
            "grad_a = grad_h",
            {"parameters": 2, "forward": 4, "backward": 0},
        ),
        (
            "training_step_check",
            "training_step",
            "if parameter.ndim == 2:",
            'if name in ("W1", "W2"):',
            {"loss": 2, "gradients": 2, "any classifier": 0},
        ),
    ],
)
def test_what_is_right_earns_its_points_beside_what_is_wrong(cells, check, cell, old, new, earned):
    assert score(cells, check, cell, old, new) == (sum(earned.values()), earned)


@pytest.mark.parametrize(
    ("check", "cell", "old", "new"),
    [
        ("two_layer_net_check", "fc", "x @ w + b", "x @ w"),
        ("two_layer_net_check", "fc", "x.T @ grad_out", "x.T @ grad_out / len(x)"),
        ("two_layer_net_check", "relu", "grad_out * cache", "grad_out"),
        ("two_layer_net_check", "relu", "return np.maximum(x, 0), x > 0", "raise NotImplementedError()"),
        ("training_step_check", "softmax_loss", ".mean()", ".sum()"),
        ("training_step_check", "l2_regularization", "0.5 * reg", "reg"),
        ("training_step_check", "two_layer_net", "scores, cache_2 = fc_forward", "raise NotImplementedError"),
    ],
)
def test_a_wrong_layer_is_not_paid_for_again(cells, check, cell, old, new):
    earned, _ = score(cells, check, cell, old, new)
    assert earned == find(CHECKS, f"{SECTION}/{check}").points


def test_a_step_that_reaches_into_its_own_network_keeps_what_it_does_for_that(cells):
    old = "for name, parameter in model.parameters().items():"
    new = 'for name, parameter in (("W1", model.W1), ("W2", model.W2)):'
    earned, parts = score(cells, "training_step_check", "training_step", old, new)
    assert (earned, parts["loss"], parts["gradients"]) == (4, 2, 2)


# -- trained weights ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory, notebook):
    """A folder with weights as the notebook saves them, of a short training on the drawn shapes."""
    folder = tmp_path_factory.mktemp("weights")
    settings = {"learning_rate": 0.05, "momentum": 0.9, "learning_rate_decay": 0.85, "progress": False}
    net = notebook["TwoLayerNet"](hidden_dim=48, weight_scale=1e-2)
    train(net, notebook["training_step"], load_shapes(8000, 500, 0), num_epochs=12, reg=2e-3, **settings)
    net.save(folder / "best.npz", trained_on="shapes")
    small = notebook["TwoLayerNet"](hidden_dim=64, weight_scale=1e-2)
    settings |= {"learning_rate": 0.01, "learning_rate_decay": 0.96, "batch_size": 25, "num_epochs": 50}
    train(small, notebook["training_step"], load_shapes(2000, 1000, 0), num_train=500, **settings)
    small.save(folder / "overfit.npz", trained_on="shapes", num_train=500)
    return folder


@pytest.fixture
def handed_in(tmp_path, trained, monkeypatch):
    """The student's folder, which is also the working one."""
    shutil.copytree(trained, tmp_path / "folder")
    monkeypatch.chdir(tmp_path / "folder")
    return tmp_path / "folder"


def judged(check, notebook, **names):
    return find(CHECKS, f"{SECTION}/{check}").judge(Student.here({**notebook, **names}), 1)


def test_trained_weights_earn_all_points(handed_in, notebook):
    for check in ("best_check", "overfit_check"):
        verdict = judged(check, notebook)
        assert verdict.full, verdict.text
    reached = _accuracy("best.npz")
    assert judged("test_accuracy_check", notebook, test_accuracy=reached).full
    assert judged("test_accuracy_check", notebook, test_accuracy=100 * reached).full
    assert judged("test_accuracy_check", notebook, test_accuracy=[round(reached, 3)]).full


def _accuracy(name):
    with np.load(name) as file:
        X, y = trained_weights.new_pictures("shapes", 99)
        hidden = np.maximum(X @ file["W1"] + file["b1"], 0)
        return float(np.mean(np.argmax(hidden @ file["W2"] + file["b2"], axis=1) == y))


@pytest.mark.parametrize(
    ("reported", "family"),
    [(0.99, "wrong_argument"), (0.1, "wrong_argument"), (-1, "nan"), ("0.5x", "type"), (np.nan, "nan")],
)
def test_a_report_of_another_accuracy_earns_nothing(handed_in, notebook, reported, family):
    verdict = judged("test_accuracy_check", notebook, test_accuracy=reported)
    assert (verdict.score, verdict.families) == (0, (family,))


def test_accuracy_between_the_limits_earns_in_proportion(handed_in, notebook, monkeypatch):
    whole = judged("best_check", notebook)
    monkeypatch.setitem(trained_weights.BEST, "shapes", trained_weights.Range(0.0, 0.99))
    verdict = judged("best_check", notebook)
    reached = float(whole.parts[0].name.split()[-1].rstrip("%")) / 100
    assert verdict.score == pytest.approx(8 * reached / 0.99, abs=0.06)
    assert sum(part.points for part in verdict.parts) == pytest.approx(8)
    assert "For all points the accuracy should be" in verdict.text


def test_random_weights_earn_nothing(handed_in, notebook):
    net = notebook["TwoLayerNet"](hidden_dim=16)
    net.save("best.npz", trained_on="shapes")
    net.save("overfit.npz", trained_on="shapes", num_train=2000)
    assert judged("best_check", notebook).score == 0
    assert judged("overfit_check", notebook).score == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda w: None, "best.npz is not here"),
        (lambda w: {"W": w["W1"]}, "does not hold W1, b1, W2 and b2"),
        (lambda w: {**w, "W1": w["W1"][:100]}, "holds W1 of shape (100, 48), expected (3072, hidden_dim)"),
        (lambda w: {**w, "b2": np.full(10, np.nan)}, "b2 holds entries that are no numbers"),
        (lambda w: b"PK\x03\x04", "is not a weights file"),
    ],
)
def test_weights_that_cannot_be_used_are_named(handed_in, notebook, spoil, said):
    with np.load("best.npz") as file:
        spoilt = spoil({key: file[key] for key in ("W1", "b1", "W2", "b2")})
    os.remove("best.npz")
    if isinstance(spoilt, bytes):
        (handed_in / "best.npz").write_bytes(spoilt)
    elif spoilt is not None:
        save_weights("best.npz", spoilt)
    verdict = judged("best_check", notebook)
    assert verdict.score == 0 and verdict.problem is None
    assert said in verdict.text


def test_a_network_that_is_not_finished_does_not_cost_the_weights(handed_in, notebook):
    verdict = judged("best_check", notebook, TwoLayerNet=None)
    assert verdict.full
    assert "so relu(X W1 + b1) W2 + b2 was" in verdict.text


class LookedUp:
    """A network whose scores are those of the most similar picture of the library: its weights are noise."""

    def __init__(self, input_dim, num_classes, hidden_dim=16, weight_scale=1e-3):
        rng = np.random.default_rng(0)
        sizes = {"W1": (input_dim, hidden_dim), "b1": hidden_dim, "W2": (hidden_dim, num_classes), "b2": num_classes}
        self.values = {name: rng.normal(size=size) for name, size in sizes.items()}
        data = load_shapes(num_train=2000, num_val=1000, num_test=0)
        self.X, self.y = data["X_train"], data["y_train"]

    def parameters(self):
        return self.values

    def forward(self, X):
        nearest = np.argmin((self.X**2).sum(axis=1) - 2 * X @ self.X.T, axis=1)
        return np.eye(10)[self.y[nearest]], None


@pytest.mark.parametrize("check", ["best_check", "overfit_check"])
def test_a_network_that_looks_its_answers_up_earns_nothing(tmp_path, monkeypatch, notebook, check):
    monkeypatch.chdir(tmp_path)
    noise = LookedUp(3072, 10).values
    for name in ("best.npz", "overfit.npz"):
        save_weights(name, noise, trained_on="shapes", num_train="2000")
    verdict = judged(check, notebook, TwoLayerNet=LookedUp)
    assert verdict.score == 0 and "gives other scores" in verdict.text


@pytest.mark.parametrize("count", ["", "499", "2001", "many", "-5"])
def test_an_overfitted_network_says_on_how_many_pictures_it_was_trained(handed_in, notebook, count):
    with np.load("overfit.npz") as file:
        weights = {key: file[key] for key in ("W1", "b1", "W2", "b2")}
    save_weights("overfit.npz", weights, trained_on="shapes", num_train=count)
    verdict = judged("overfit_check", notebook)
    assert verdict.score == 0
    assert "trained on 500 to 2000 pictures" in verdict.text


def test_the_best_network_is_no_overfitted_one(handed_in, notebook):
    with np.load("best.npz") as file:
        weights = {key: file[key] for key in ("W1", "b1", "W2", "b2")}
    save_weights("overfit.npz", weights, trained_on="shapes", num_train=2000)
    assert judged("overfit_check", notebook).score < 5


def test_cifar10_weights_wait_for_an_instructor_where_the_pictures_are_missing(handed_in, notebook, monkeypatch):
    monkeypatch.setattr(trained_weights, "has_cifar10", lambda: False)
    notebook["TwoLayerNet"](hidden_dim=16).save("best.npz", trained_on="CIFAR-10")
    trained_weights.new_pictures.cache_clear()
    verdict = judged("best_check", notebook)
    assert "Set BACKPROP_DATA" in verdict.problem
    assert "fault of ours" in verdict.text


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("BACKPROP_DATA"), reason="BACKPROP_DATA is not set: no real CIFAR-10")
def test_cifar10_weights_are_judged_on_cifar10(handed_in, notebook):
    data = trained_weights._cifar10(num_train=10000, num_val=500, num_test=0)
    net = notebook["TwoLayerNet"](hidden_dim=48, weight_scale=1e-2)
    settings = {"learning_rate": 0.03, "momentum": 0.9, "learning_rate_decay": 0.85, "progress": False}
    train(net, notebook["training_step"], data, num_epochs=12, reg=2e-3, **settings)
    net.save("best.npz", trained_on="CIFAR-10")
    verdict = judged("best_check", notebook)
    assert verdict.full and "CIFAR-10" in verdict.text, verdict.text
    net.save("best.npz")  # the note is lost: both sets are tried
    assert judged("best_check", notebook).full


@needs_bubblewrap
@pytest.mark.sandbox
def test_a_submission_with_its_weights_is_graded_in_the_sandbox(handed_in, tmp_path):
    course = Course(tmp_path / "course")
    shutil.copytree(ROOT / "notebooks" / SECTION, course.notebooks / SECTION)
    shutil.copytree(CHECKS, course.root / "checks")
    for name in ("nbgrader_config.py", "jupytext.toml"):
        shutil.copy(ROOT / name, course.root / name)
    release(course)
    shutil.copy(course.source / SECTION / "cifar.ipynb", handed_in / "cifar.ipynb")
    result = grade_notebook(handed_in / "cifar.ipynb", SECTION, course=course)
    assert result.faults == ()
    written = {"q_diagnosis": None, "q_report": None}
    found = [find(CHECKS, name) for name in _names()]
    full = {check.grade_id: check.points for check in found if check is not None}
    assert result.scores == {**full, **written}, [v.text for v in result.verdicts.values() if not v.full]
    (handed_in / "best.npz").unlink()
    without = grade_notebook(handed_in / "cifar.ipynb", SECTION, course=course)
    assert without.scores == {**full, **written, "best_check": 0.0, "test_accuracy_check": 0.0}


def _names():
    layers = ["fc", "relu", "softmax_loss", "l2_regularization", "two_layer_net", "training_step"]
    return [f"{SECTION}/{name}_check" for name in [*layers, "best", "test_accuracy", "overfit"]]
