"""Weights come back as they were saved, nothing in a file is ever run, and what does not fit is named."""

import errno
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from backprop.classifiers import Classifier, WeightsError, read_weights, save_weights


class Line(Classifier):
    def __init__(self, d=3, c=2, dtype=np.float32):
        self.W, self.b = np.zeros((d, c), dtype), np.zeros(c, dtype)

    def parameters(self):
        return {"W": self.W, "b": self.b}

    def forward(self, X):
        return X @ self.W + self.b, X

    def backward(self, grad_scores, cache):
        return {"W": cache.T @ grad_scores, "b": grad_scores.sum(axis=0)}


def trained():
    model = Line()
    model.W[...], model.b[...] = [[1, 2], [3, 4], [5, 6]], [0.5, -0.5]
    return model


def test_prediction_is_the_class_with_the_highest_score():
    X = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    np.testing.assert_array_equal(trained().predict(X), [0, 0, 0])
    np.testing.assert_array_equal(trained().predict(3 * X), [0, 1, 0])


def test_what_is_saved_is_loaded_into_the_same_arrays(tmp_path):
    trained().save(tmp_path / "w.npz", trained_on="shapes", num_train=500)
    model = Line()
    W = model.W
    assert model.load(tmp_path / "w.npz") is model
    assert model.W is W
    np.testing.assert_array_equal(W, trained().W)
    parameters, notes = read_weights(tmp_path / "w.npz")
    assert notes == {"trained_on": "shapes", "num_train": "500"}
    assert parameters["W"].dtype == np.float32


def test_the_name_is_kept_as_it_is_and_equal_weights_give_equal_files(tmp_path):
    trained().save(tmp_path / "weights")
    trained().save(str(tmp_path / "again"))
    assert sorted(os.listdir(tmp_path)) == ["again", "weights"]
    assert (tmp_path / "again").read_bytes() == (tmp_path / "weights").read_bytes()


def test_a_failed_save_leaves_the_old_file(tmp_path):
    trained().save(tmp_path / "w.npz")
    before = (tmp_path / "w.npz").read_bytes()
    with pytest.raises(WeightsError, match="W is an array of object"):
        save_weights(tmp_path / "w.npz", {"W": np.array([object()])})
    assert (tmp_path / "w.npz").read_bytes() == before
    with pytest.raises(WeightsError, match=r"w.npz can't be written \(Not a directory\)\.$"):
        trained().save(tmp_path / "w.npz" / "w.npz")
    assert os.listdir(tmp_path) == ["w.npz"]


def test_a_disk_that_is_full_while_weights_are_saved_is_one_sentence(tmp_path, monkeypatch):
    trained().save(tmp_path / "w.npz")
    before = (tmp_path / "w.npz").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WeightsError) as caught:
        trained().save(tmp_path / "w.npz")
    assert str(caught.value) == f"{tmp_path / 'w.npz'} can't be written (No space left on device)."
    assert (tmp_path / "w.npz").read_bytes() == before
    assert os.listdir(tmp_path) == ["w.npz"]


@pytest.mark.parametrize(
    ("model", "said"),
    [(Line(4), r"W of shape \(3, 2\), but this model has \(4, 2\)"), (Line(3, 5), "make the model with the sizes")],
)
def test_weights_of_another_size_are_refused_and_nothing_is_changed(tmp_path, model, said):
    trained().save(tmp_path / "w.npz")
    with pytest.raises(WeightsError, match=said):
        model.load(tmp_path / "w.npz")
    assert not model.W.any() and not model.b.any()


def test_weights_of_another_kind_of_model_are_refused(tmp_path):
    save_weights(tmp_path / "w.npz", {"W1": np.ones(2)})
    with pytest.raises(WeightsError, match="holds W1, but this model has W, b"):
        Line().load(tmp_path / "w.npz")


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(WeightsError, match="best.npz is not here. Train the model and save it"):
        read_weights(tmp_path / "best.npz")


class Boom:
    def __reduce__(self):
        return os.mkdir, ("boom",)


def _with_object(path):
    np.savez(path, W=np.array([Boom()], dtype=object))


def _raw(content):
    return lambda path: path.write_bytes(content)


def _npy_that_lies(path):
    with zipfile.ZipFile(path, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999,)}"
        archive.writestr("W.npy", b"\x93NUMPY\x01\x00v\x00" + header.ljust(117) + b"\n")


@pytest.mark.parametrize(
    "write",
    [
        _with_object,
        _raw(pickle.dumps({"W": Boom()})),
        _raw(b""),
        _raw(b"PK\x03\x04 not a zip"),
        _raw(b"hello"),
        _npy_that_lies,
        lambda path: np.savez(path, W=np.array(["text", "more"])),
    ],
    ids=["object", "pickle", "empty", "broken zip", "text", "lying header", "texts"],
)
def test_a_file_that_is_something_else_is_refused_and_nothing_in_it_runs(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "w.npz")
    with pytest.raises(WeightsError, match="is not a weights file"):
        read_weights(tmp_path / "w.npz")
    assert not (tmp_path / "boom").exists()


def test_a_method_that_is_not_written_says_so():
    model = Classifier()
    for call in (model.parameters, lambda: model.forward(None), lambda: model.backward(None, None)):
        with pytest.raises(NotImplementedError, match="is not written yet"):
            call()


def test_a_single_array_file_is_no_weights_file(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    (tmp_path / "w.npz").write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError, match="is not a weights file"):
        read_weights(tmp_path / "w.npz")
