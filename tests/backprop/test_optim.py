"""Steps are taken in place and agree with torch; minibatches cover everything once, and know how many they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.optim import SGD, DataSampler, Optimizer


def test_a_step_moves_the_model_s_own_arrays_and_leaves_the_gradients():
    W, grad = np.ones((2, 3), np.float32), np.full((2, 3), 2.0)
    SGD({"W": W}, learning_rate=0.1).step({"W": grad, "extra": None})
    np.testing.assert_allclose(W, 0.8, rtol=1e-6)
    assert W.dtype == np.float32
    np.testing.assert_array_equal(grad, 2.0)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_agree_with_torch(momentum):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3, 2))
    theirs = torch.nn.Parameter(torch.tensor(W))
    ours, optimizer = SGD({"W": W}, 0.05, momentum), torch.optim.SGD([theirs], lr=0.05, momentum=momentum)
    for _ in range(4):
        grad = rng.normal(size=(3, 2))
        ours.step({"W": grad})
        theirs.grad = torch.tensor(grad)
        optimizer.step()
    np.testing.assert_allclose(W, theirs.detach().numpy(), rtol=1e-12)


def test_a_missing_or_misshapen_gradient_is_named():
    optimizer = SGD({"W": np.zeros((2, 3)), "b": np.zeros(3)}, 0.1)
    with pytest.raises(ValueError, match="no gradient for b: there are W"):
        optimizer.step({"W": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"gradient of W has shape \(3, 2\), W itself \(2, 3\)"):
        optimizer.step({"W": np.zeros((3, 2)), "b": np.zeros(3)})
    with pytest.raises(NotImplementedError):
        Optimizer({}).step({})


@given(count=st.integers(0, 40), size=st.integers(1, 50), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_a_pass_holds_every_example_once_and_as_many_batches_as_it_says(count, size, seed):
    X, y = np.arange(count)[:, None], np.arange(count)
    sampler = DataSampler(X, y, size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert all(len(b[1]) == size for b in batches[:-1])
    assert sorted(int(label) for _, labels in batches for label in labels) == list(range(count))
    assert all(np.array_equal(rows[:, 0], labels) for rows, labels in batches)


def test_each_pass_has_an_order_of_its_own_and_the_seed_repeats_it():
    X, y = np.zeros((50, 1)), np.arange(50)

    def orders(seed):
        sampler = DataSampler(X, y, 50, seed)
        return [[int(i) for _, labels in sampler for i in labels] for _ in range(2)]

    first, second = orders(1)
    assert first != second
    assert orders(1) == [first, second]
    assert orders(2)[0] != first


@pytest.mark.parametrize(
    ("labels", "size", "said"), [(4, 2, "5 rows in X and 4 labels"), (5, 0, "at least one example")]
)
def test_what_cannot_be_sampled_is_said(labels, size, said):
    with pytest.raises(ValueError, match=said):
        DataSampler(np.zeros((5, 1)), np.zeros(labels), size)
