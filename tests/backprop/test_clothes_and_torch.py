"""Drawn clothes, tensor minibatches, weights as safetensors."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from backprop import clothes
from backprop.datasets import DataError

torch = pytest.importorskip("torch")
from backprop.torch_batches import TensorBatches, fast_arithmetic, shifted_and_flipped  # noqa: E402
from backprop.torch_weights import WeightsError, load_torch, read_notes, save_torch  # noqa: E402


def test_drawn_clothes_are_pictures_of_ten_kinds_the_same_every_time():
    X, y = clothes.clothes_images(60, seed=3)
    again, _ = clothes.clothes_images(60, seed=3)
    assert X.shape == (60, 1, 28, 28) and X.dtype == np.float32 and y.dtype == np.int64
    assert X.min() >= 0 and X.max() <= 1 and np.array_equal(X, again)
    assert (np.bincount(y) == 6).all()


def test_drawn_clothes_need_more_than_a_linear_classifier_and_are_no_noise():
    X, y = clothes.clothes_images(3000, seed=0)
    A = np.c_[X.reshape(len(X), -1), np.ones(len(X))].astype(float)
    W = np.linalg.solve(A[:2000].T @ A[:2000] + 20 * np.eye(785), A[:2000].T @ np.eye(10)[y[:2000]])
    accuracy = (np.argmax(A[2000:] @ W, axis=1) == y[2000:]).mean()
    assert 0.45 < accuracy < 0.80


def test_without_fashion_mnist_drawn_clothes_stand_in_and_say_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path))
    data, name = clothes.load_fashion_mnist_or_drawn(500, 100, 50)
    assert name == clothes.DRAWN and data["X_train"].shape == (100, 1, 28, 28) and len(data["y_test"]) == 10
    assert "drawn clothes stand in" in capsys.readouterr().out


def test_impossible_sizes_are_not_hidden_by_the_stand_in():
    with pytest.raises(DataError, match="60000"):
        clothes.load_fashion_mnist_or_drawn(60000, 10000, 10)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("BACKPROP_DATA"), reason="BACKPROP_DATA is not set")
def test_the_real_ones_are_taken_where_they_are():
    data, name = clothes.load_fashion_mnist_or_drawn(100, 10, 10)
    assert name == clothes.REAL and data["X_train"].shape == (100, 1, 28, 28)


def test_each_pass_gives_every_picture_once_in_a_new_order():
    X, y = np.arange(10, dtype=np.float32)[:, None], np.arange(10)
    batches = TensorBatches(X, y, 4, shuffle=True)
    passes = [torch.cat([labels for _, labels in batches]).tolist() for _ in range(2)]
    assert [sorted(p) for p in passes] == [list(range(10))] * 2 and passes[0] != passes[1]
    assert len(batches) == 3 and all(torch.equal(X[:, 0].long(), y) for X, y in batches)
    assert [len(y) for _, y in TensorBatches(X, y, 4)] == [4, 4, 2]


def test_minibatches_of_nothing_and_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        TensorBatches(np.zeros(3), np.zeros(3), 0)
    with pytest.raises(ValueError, match="3 pictures in X and 2 labels"):
        TensorBatches(np.zeros(3), np.zeros(2), 1)


def test_pictures_are_moved_by_at_most_two_pixels_and_half_of_them_mirrored():
    X = torch.zeros(400, 2, 9, 9)
    X[:, :, 4, 3] = 1
    before = X.clone()
    out = shifted_and_flipped(X, torch.Generator().manual_seed(0))
    assert out.shape == X.shape and torch.equal(X, before) and (out.sum(dim=(2, 3)) == 1).all()
    assert torch.equal(out[:, 0], out[:, 1]), "all channels of a picture move together"
    rows, columns = out[:, 0].nonzero()[:, 1], out[:, 0].nonzero()[:, 2]
    assert set(rows.tolist()) == {2, 3, 4, 5, 6} and set(columns.tolist()) == set(range(1, 8))
    assert 100 < (columns > 4).sum() < 220  # mirrored ones, at 3 … 7, that lie right of the middle


def test_fast_arithmetic_sees_every_step_of_an_epoch_and_leaves_parameters_single():
    torch.manual_seed(0)
    layer, X = torch.nn.Linear(32, 4), torch.randn(16, 32)
    with fast_arithmetic("cpu"):
        before = layer(X).float()
        with torch.no_grad():
            layer.weight += 1
        after = layer(X).float()
    right = torch.nn.functional.linear(X, layer.weight, layer.bias)
    assert layer.weight.dtype == torch.float32 and not torch.allclose(before, after)
    assert torch.allclose(after, right, atol=0.2), "the weights as they are now, not those at the start of the block"


CAPABILITIES = {"T4": (7, 5), "V100": (7, 0), "A100": (8, 0), "L4": (8, 9), "H100": (9, 0), "B200": (10, 0)}
AUTOCAST = [("T4", False), ("V100", False), ("A100", True), ("L4", True), ("H100", True), ("B200", True)]


@pytest.fixture
def gpus(monkeypatch):
    """Make PyTorch believe in GPUs of these kinds; as with real ones, bfloat16 is "supported" by emulation on each."""

    def pretend(*names):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
        monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)

        def capability(device=None):
            return CAPABILITIES[names[torch.device(device).index or 0]]

        monkeypatch.setattr(torch.cuda, "get_device_capability", capability)

    return pretend


@pytest.mark.parametrize(("name", "fast"), AUTOCAST)
def test_bfloat16_is_used_on_gpus_that_calculate_with_it_and_not_where_it_is_emulated(gpus, name, fast):
    gpus(name)
    for device in ("cuda", torch.device("cuda")):
        with fast_arithmetic(device):
            assert torch.is_autocast_enabled("cuda") is fast
            assert not fast or torch.get_autocast_dtype("cuda") == torch.bfloat16
        assert not torch.is_autocast_enabled("cuda")


def test_of_two_gpus_the_one_that_is_named_counts(gpus):
    gpus("T4", "A100")
    for device, fast in [("cuda:0", False), ("cuda:1", True)]:
        with fast_arithmetic(device):
            assert torch.is_autocast_enabled("cuda") is fast


@pytest.mark.parametrize("device", ["mps", "xpu", "meta"])
def test_on_any_other_device_fast_arithmetic_changes_nothing(device):
    with fast_arithmetic(device):
        assert (torch.ones(2, 3) @ torch.ones(3, 2)).dtype == torch.float32
        assert (torch.ones(2, 3, device="meta") @ torch.ones(3, 2, device="meta")).dtype == torch.float32


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["torch", "safetensors"], "This section needs PyTorch and safetensors, not installed"),
        (["torch"], "This section needs PyTorch, not installed"),
        (["safetensors"], "This section needs safetensors, not installed"),
    ],
)
def test_without_pytorch_one_sentence_says_what_to_run(tmp_path, missing, words):
    show = (
        f"import sys; sys.modules.update(dict.fromkeys({missing})); from IPython.core.interactiveshell import "
        "InteractiveShell; shell = InteractiveShell.instance(); shell.run_cell('import backprop.needs_torch'); "
        "shell.run_cell('import backprop.needs_torch')"
    )
    env = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", show], env=env, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert said.count(words) == 2 and "%pip install torch" in said and "Traceback" not in said


def test_with_pytorch_nothing_is_said(capsys):
    importlib.import_module("backprop.needs_torch")
    assert capsys.readouterr() == ("", "")


def net():
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def test_saved_weights_come_back_with_their_notes(tmp_path):
    path, first, second = tmp_path / "w.safetensors", net(), net()
    save_torch(first, path, trained_on="Fashion-MNIST")
    assert load_torch(second, path) is second and read_notes(path) == {"trained_on": "Fashion-MNIST"}
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    ("content", "other", "words"),
    [
        (None, net, "is not here"),
        (b"not a file of weights", net, "not a safetensors file"),
        (..., lambda: torch.nn.Linear(3, 2), "other layers"),
        (..., lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)), "another size"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_a_sentence(tmp_path, content, other, words):
    path = tmp_path / "w.safetensors"
    if content is ...:
        save_torch(net(), path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        load_torch(other(), path)


def test_weights_that_cannot_be_written_are_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"w.safetensors can't be written \(Not a directory\)\.$"):
        save_torch(net(), tmp_path / "file" / "w.safetensors")


def wrapped(model, how):
    """The network as torch.compile (which needs no compiler for that) or DataParallel gives it back."""
    for kind in how:
        model = torch.compile(model) if kind == "compiled" else torch.nn.DataParallel(model)
    return model


@pytest.mark.parametrize(
    "saved", [(), ("compiled",), ("parallel",), ("compiled", "parallel"), ("parallel", "compiled")]
)
@pytest.mark.parametrize("loaded", [(), ("compiled",)])
def test_weights_of_a_wrapped_network_fit_the_plain_one(tmp_path, saved, loaded):
    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    save_torch(wrapped(one, saved), tmp_path / "w.safetensors")
    load_torch(wrapped(other, loaded), tmp_path / "w.safetensors")
    assert torch.equal(one.weight, other.weight) and torch.equal(one.bias, other.bias)


def test_weights_that_others_saved_of_a_wrapped_network_fit_too(tmp_path):
    from safetensors.torch import save_file

    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    save_file(
        {f"_orig_mod.module.{name}": value for name, value in one.state_dict().items()}, tmp_path / "w.safetensors"
    )
    assert torch.equal(load_torch(other, tmp_path / "w.safetensors").weight, one.weight)
