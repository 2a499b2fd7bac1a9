"""The worked example and the training loop it shares with the students' estimators."""

import time

import numpy as np
import pytest

from backprop.datasets import load_problem
from backprop.estimator import mean_square_error, predict_rows, sgd
from backprop.linear_regression import LinearRegression

rng = np.random.default_rng(11)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 3.0


def test_a_noiseless_line_is_found_exactly():
    model = LinearRegression(step_size=0.02, max_num_epochs=100)
    assert model.fit(X, y) is model
    np.testing.assert_allclose(model.graph.name_to_node["w"].out, [1.0, -2.0, 0.5], atol=1e-8)
    assert model.graph.name_to_node["b"].out == pytest.approx(3.0)
    np.testing.assert_allclose(model.predict(X[:5]), y[:5], atol=1e-7)
    assert mean_square_error(model.predict(X), y) < 1e-14
    assert model.history_.shape == (100,) and model.history_[0] > 1 > model.history_[-1]


def test_each_example_moves_each_parameter_once():
    model = LinearRegression(step_size=0.1, max_num_epochs=1)
    model.fit(np.array([[2.0]]), np.array([3.0]))
    # from w = b = 0 the error is −3: w moves by −0.1 · 2 · (−3) · 2, b by −0.1 · 2 · (−3)
    assert model.graph.name_to_node["w"].out == pytest.approx([1.2])
    assert model.graph.name_to_node["b"].out == pytest.approx(0.6)
    assert model.history_ == pytest.approx([9.0])


def test_an_epoch_is_one_pass_over_all_examples_in_random_order():
    model = LinearRegression()
    seen = []
    gradients = model.graph.get_gradients
    model.graph.get_gradients = lambda i, o: (seen.append(float(o["y"])), gradients(i, o))[1]
    model.max_num_epochs = 2
    model.fit(X, y)
    first, second = seen[: len(y)], seen[len(y) :]
    assert sorted(first) == sorted(second) == sorted(y)
    assert first != second and first != list(y)


def test_two_runs_agree_and_another_seed_takes_another_way():
    runs = []
    for seed in (0, 0, 1):
        model = LinearRegression()
        model.graph.set_parameters({"w": np.zeros(3), "b": 0.0})
        runs.append(sgd(model.graph, X, y, 0.01, 3, seed=seed))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_column_of_outcomes_and_plain_lists_are_taken_as_they_are_meant():
    a = LinearRegression(0.01, 5).fit(X, y).predict(X)
    b = LinearRegression(0.01, 5).fit(X.tolist(), y[:, np.newaxis].tolist()).predict(X.tolist())
    np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_step_size_that_diverges_is_said_to_be_too_large():
    with pytest.raises(FloatingPointError, match="step size smaller than 5"):
        LinearRegression(step_size=5.0, max_num_epochs=200).fit(X, y)


@pytest.mark.parametrize(("rows", "outcomes"), [(X, y[:-1]), (X[:0], y[:0]), (X, 3.0)])
def test_data_that_do_not_match_are_refused(rows, outcomes):
    with pytest.raises(ValueError, match="same number of rows"):
        LinearRegression().fit(rows, outcomes)


def test_mean_square_error_compares_entry_by_entry():
    assert mean_square_error([[1.0], [2.0]], [1.0, 4.0]) == 2.0
    with pytest.raises(ValueError, match="2 predictions for 3"):
        mean_square_error([1, 2], [1, 2, 3])


def test_progress_is_printed_or_handed_on(capsys):
    LinearRegression(0.01, 20).fit(X, y, progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= len(lines) <= 11 and lines[0].startswith("epoch     0")
    heard = []
    LinearRegression(0.01, 4).fit(X, y, progress=lambda epoch, mean: heard.append(epoch))
    assert heard == [0, 1, 2, 3]


def test_least_squares_on_the_step_problem_gets_where_the_course_says():
    problem = load_problem()
    features = problem.featurize(problem.x_train)
    model = LinearRegression(step_size=5e-4, max_num_epochs=50)
    start = time.process_time()
    model.fit(features, problem.y_train)
    # 5,000 steps; about 20 µs each on the machine this was written on
    assert time.process_time() - start < 2.0
    error = mean_square_error(predict_rows(model.graph, features), problem.y_train)
    assert 0.05 < error < 0.2
