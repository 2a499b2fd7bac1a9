"""The training loop learns, counts right, repeats itself, and stops where the loss is no number."""

import os

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from backprop.classifiers import Classifier
from backprop.datasets import three_blobs
from backprop.optim import DataSampler
from backprop.training import check_accuracy, plot_stats, train


class Line(Classifier):
    def __init__(self):
        self.W, self.b = np.zeros((2, 3)), np.zeros(3)

    def parameters(self):
        return {"W": self.W, "b": self.b}

    def forward(self, X):
        return X @ self.W + self.b, X

    def backward(self, grad_scores, cache):
        return {"W": cache.T @ grad_scores, "b": grad_scores.sum(axis=0)}


def step(model, X, y, reg):
    """The square error of the scores against one-hot labels."""
    scores, cache = model.forward(X)
    difference = scores - np.eye(3)[y]
    return 0.5 * np.sum(difference**2) / len(X), model.backward(difference / len(X), cache)


@pytest.fixture
def data():
    blobs = three_blobs()
    return {"X_train": blobs.x_train, "y_train": blobs.y_train, "X_val": blobs.x_test, "y_val": blobs.y_test}


def test_accuracy_is_the_share_of_right_predictions_whatever_the_batches(data):
    model = Line()
    model.b[1] = 1.0  # says class 1 always
    share = np.mean(data["y_val"] == 1)
    for size in (1, 7, 64, 1000):
        assert check_accuracy(model, DataSampler(data["X_val"], data["y_val"], size)) == pytest.approx(share)
    assert np.isnan(check_accuracy(model, DataSampler(data["X_val"][:0], data["y_val"][:0], 8)))


def test_training_learns_and_the_stats_count_steps_and_epochs(data, capsys):
    model = Line()
    stats = train(model, step, data, batch_size=32, num_epochs=5, learning_rate=0.1)
    assert stats["t"] == [0, 10, 20, 30, 40, 50]
    assert len(stats["loss"]) == 50
    assert len(stats["train_acc"]) == len(stats["val_acc"]) == 6
    assert stats["val_acc"][-1] == check_accuracy(model, DataSampler(data["X_val"], data["y_val"], 10)) > 0.95
    assert stats["loss"][-1] < 0.5 * stats["loss"][0]
    assert 0 < stats["seconds"] < 60
    assert capsys.readouterr().out.count("epoch") == 5


def test_the_same_seed_gives_the_same_training_and_another_one_another(data):
    def losses(seed):
        return train(Line(), step, data, num_epochs=2, learning_rate=0.1, seed=seed, progress=False)["loss"]

    assert losses(1) == losses(1) != losses(2)


def test_settings_have_their_effect(data):
    seen = []

    def watching(model, X, y, reg):
        seen.append((len(X), reg))
        return step(model, X, y, reg)

    train(Line(), watching, data, num_train=40, batch_size=16, num_epochs=1, reg=0.3, progress=False)
    assert seen == [(16, 0.3), (16, 0.3), (8, 0.3)]

    def moved(**settings):
        model = Line()
        train(model, step, data, batch_size=300, num_epochs=2, learning_rate=0.1, progress=False, **settings)
        return model.W

    plain = moved()
    first = -0.1 * step(Line(), data["X_train"], data["y_train"], 0)[1]["W"]
    np.testing.assert_allclose(moved(learning_rate_decay=0.0), first)
    np.testing.assert_allclose(moved(momentum=0.5) - plain, 0.5 * first)


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(data, capsys):
    with np.errstate(all="ignore"):
        stats = train(Line(), step, data, num_epochs=500, learning_rate=1e6, progress=False)
    assert not np.isfinite(stats["loss"][-1])
    assert len(stats["loss"]) < 500 * 3
    assert "A smaller learning rate?" in capsys.readouterr().out


def test_the_plot_shows_loss_and_both_accuracies_and_is_saved(data, tmp_path):
    stats = train(Line(), step, data, num_epochs=3, learning_rate=0.1, progress=False)
    figure = plot_stats(stats, tmp_path / "plot.png", title="blobs")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), stats["loss"])
    means = np.array(stats["loss"]).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(left.lines[1].get_ydata(), means)
    assert [line.get_label() for line in right.lines] == ["training", "validation"]
    np.testing.assert_allclose(right.lines[1].get_ydata(), 100 * np.array(stats["val_acc"]))
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    plt.close(figure)


def test_a_plot_that_cannot_be_saved_leaves_the_old_one(data, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    stats = {"loss": [1.0], "t": [0, 1], "train_acc": [0.5, 0.5], "val_acc": [0.5, 0.5]}
    figure = plot_stats(stats, tmp_path / "plot.svg")
    before = (tmp_path / "plot.svg").read_bytes()
    assert b"<svg" in before
    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        plot_stats({**stats, "loss": [2.0]}, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_bytes() == before and os.listdir(tmp_path) == ["plot.svg"]
    plt.close(figure)
    plt.close("all")


@pytest.mark.parametrize("epochs", [0, 1, 2, 3, 5, 30])
def test_the_ticks_of_the_epochs_are_whole_numbers(epochs):
    half = [0.5] * (epochs + 1)
    figure = plot_stats({"loss": [1.0] * epochs, "t": range(epochs + 1), "train_acc": half, "val_acc": half})
    ticks = figure.axes[1].get_xticks()
    assert len(ticks) and all(tick == round(tick) for tick in ticks)
    plt.close(figure)


def test_a_training_without_steps_can_be_plotted_too(data):
    plt.close(plot_stats(train(Line(), step, data, num_epochs=0, progress=False)))
