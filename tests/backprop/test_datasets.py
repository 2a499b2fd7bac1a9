"""The data sets: the ones made by code, and the real ones where they are at hand."""

import functools
import gzip
import hashlib
import http.server
import os
import pickle
import tarfile
import threading

import numpy as np
import pytest

from backprop import datasets
from backprop.datasets import (
    SHAPE_CLASSES,
    DataError,
    flatten,
    load_cifar10,
    load_cifar10_or_shapes,
    load_fashion_mnist,
    load_problem,
    load_shapes,
    shapes_images,
    three_blobs,
    two_moons,
    unflatten,
)
from backprop.tale import load_tale, windows

needs_data = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("BACKPROP_DATA"), reason="BACKPROP_DATA does not name the real data"),
]


def exact_minimiser(features, y, l2_reg):
    """w and b that minimise mean (w·φ + b − y)² + l2_reg ‖w‖²; of several, the w of least norm."""
    centred, mean = features - features.mean(0), y.mean()
    if l2_reg == 0:
        w = np.linalg.lstsq(centred, y - mean, rcond=None)[0]
    else:
        n, d = features.shape
        w = np.linalg.solve(centred.T @ centred / n + l2_reg * np.eye(d), centred.T @ (y - mean) / n)
    return w, mean - features.mean(0) @ w


def test_the_step_problem_has_the_documented_form():
    p = load_problem()
    x_train, y_train, x_val, y_val, target_fn, coefs_true, featurize = p
    assert x_train.shape == y_train.shape == (100,) and x_val.shape == y_val.shape == (900,)
    assert min(x_train.min(), x_val.min()) >= 0 and max(x_train.max(), x_val.max()) < 1
    assert coefs_true.shape == (400,) and np.count_nonzero(coefs_true) == 10
    assert np.linalg.matrix_rank(featurize(x_train)) == 87
    np.testing.assert_allclose(target_fn(x_val), featurize(x_val) @ coefs_true)
    assert np.std(y_val - target_fn(x_val)) == pytest.approx(0.25, abs=0.02)
    assert all(np.array_equal(a, b) for a, b in zip(p[:4], load_problem()[:4], strict=True))


def test_a_step_feature_is_one_from_its_threshold_on():
    features = load_problem().featurize
    np.testing.assert_array_equal(features(0.5), np.arange(400) <= 200)
    assert features([0.1, 0.2, 0.3]).shape == (3, 400)
    assert features(0.0).sum() == 1 and features(0.9999).sum() == 400


@pytest.mark.parametrize(("l2_reg", "training", "validation"), [(1, 0.1909, 0.2073), (0, 0.0064, 0.1363)])
def test_the_documented_minimisers_of_the_step_problem(l2_reg, training, validation):
    p = load_problem()
    w, b = exact_minimiser(p.featurize(p.x_train), p.y_train, l2_reg)
    errors = [np.mean((p.featurize(x) @ w + b - y) ** 2) for x, y in ((p.x_train, p.y_train), (p.x_val, p.y_val))]
    assert errors == pytest.approx([training, validation], abs=6e-5)
    if l2_reg:
        assert errors[0] + w @ w == pytest.approx(0.2726, abs=6e-5)


def test_the_documented_constant_of_the_step_problem():
    p = load_problem()
    b = p.y_train.mean()
    assert [np.mean((p.y_train - b) ** 2), np.mean((p.y_val - b) ** 2)] == pytest.approx([1.0803, 1.0269], abs=6e-5)


def test_the_blobs_are_those_of_make_blobs_with_seed_2():
    x_train, y_train, x_test, y_test = three_blobs()
    assert x_train.shape == (300, 2) and x_test.shape == (200, 2)
    # from scikit-learn itself
    np.testing.assert_array_equal(y_train[:10], [0, 1, 2, 1, 2, 0, 2, 1, 0, 1])
    expected = [[-2.75980451, 1.18959259], [0.19146686, 1.93344082], [3.02070562, 0.7281513]]
    np.testing.assert_allclose(x_train[:3], expected, atol=5e-9)
    digest = hashlib.sha256(np.round(np.concatenate([x_train, x_test]), 9).tobytes()).hexdigest()
    assert digest == "bcc0a63666e5c04c0af6493d4b9a86a41fa48041f99a195f5c1b1a1ddf69290f"


def test_the_moons_without_noise_are_two_half_circles():
    # the same curves as scikit-learn's make_moons: the upper half around (0, 0), the lower half around (1, ½)
    x, y, x_test, y_test = two_moons(51, 40, noise=0.0)
    assert x.shape == (51, 2) and y.dtype == np.int64 and np.bincount(y).tolist() == [26, 25]
    assert x_test.shape == (40, 2) and np.bincount(y_test).tolist() == [20, 20]
    upper, lower = x[y == 0], x[y == 1] - [1.0, 0.5]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0)
    np.testing.assert_allclose(np.hypot(*lower.T), 1.0)
    assert (upper[:, 1] >= 0).all() and (lower[:, 1] <= 0).all()
    assert np.ptp(upper[:, 0]) > 1.8 and np.ptp(lower[:, 0]) > 1.8


def test_the_moons_come_again_with_their_seed_and_no_line_parts_them():
    x, y, x_test, y_test = two_moons()
    assert x.shape == (100, 2) and x_test.shape == (400, 2)
    np.testing.assert_array_equal(x, two_moons().x_train)
    assert not np.array_equal(x, two_moons(seed=5).x_train)
    around = np.hypot(*x[y == 0].T) - 1
    assert np.std(around) == pytest.approx(0.15, abs=0.04)
    line = np.linalg.lstsq(np.column_stack([x, np.ones(100)]), 2 * y - 1, rcond=None)[0]
    side = np.column_stack([x_test, np.ones(400)]) @ line > 0
    assert 0.8 < np.mean(side == y_test) < 0.93
    with pytest.raises(ValueError, match="negative"):
        two_moons(noise=-0.1)


def test_the_tale_is_cut_at_a_line_and_read_in_windows():
    text, rest = load_tale()
    assert text.endswith("\n") and rest.endswith("\n") and 0.75 < len(text) / len(text + rest) < 0.85
    alphabet = "".join(sorted(set(text + rest)))
    assert set(alphabet) <= set("abcdefghijklmnopqrstuvwxyz ,.\n") and len(alphabet) == 29
    contexts, targets = windows(text, alphabet, 5)
    assert contexts.shape == (len(text) - 5, 5) and targets.shape == (len(text) - 5,)
    read = ["".join(alphabet[k] for k in row) + alphabet[t] for row, t in zip(contexts, targets, strict=True)]
    assert read == [text[i : i + 6] for i in range(len(text) - 5)]
    with pytest.raises(ValueError, match="not in the alphabet"):
        windows("Q", alphabet, 1)
    with pytest.raises(ValueError, match="do not fit"):
        windows("the", alphabet, 3)


def test_shapes_are_the_same_for_the_same_seed_and_balanced():
    images, labels = shapes_images(305, seed=3)
    again, same_labels = shapes_images(305, seed=3)
    other, _ = shapes_images(305, seed=4)
    assert images.dtype == np.float32 and images.shape == (305, 32, 32, 3) and labels.dtype == np.int64
    assert 0 <= images.min() < 0.05 and 0.95 < images.max() <= 1
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(images, other)
    counts = np.bincount(labels, minlength=10)
    assert counts.sum() == 305 and set(counts) == {30, 31}
    assert len(SHAPE_CLASSES) == 10
    assert shapes_images(0)[0].shape == (0, 32, 32, 3)
    with pytest.raises(ValueError, match="negative"):
        shapes_images(-1)


def test_shapes_can_be_learned_in_part_by_a_linear_classifier():
    d = load_shapes(2000, 0, 500, seed=1)
    X, targets = d["X_train"] - 0.5, np.eye(10)[d["y_train"]]
    w = np.linalg.solve(X.T @ X + 100 * np.eye(3072, dtype=np.float32), X.T @ targets)
    accuracy = np.mean(((d["X_test"] - 0.5) @ w).argmax(1) == d["y_test"])
    assert 0.25 < accuracy < 0.75


def test_rows_hold_all_red_values_first_as_in_cifar10():
    images, _ = shapes_images(3, seed=0)
    rows = flatten(images)
    assert rows.shape == (3, 3072)
    np.testing.assert_array_equal(rows[1, :1024].reshape(32, 32), images[1, :, :, 0])
    np.testing.assert_array_equal(unflatten(rows), images)


def test_shapes_come_in_the_form_of_cifar10():
    d = load_shapes(30, 20, 10)
    assert {name: array.shape for name, array in d.items()} == {
        "X_train": (30, 3072), "y_train": (30,), "X_val": (20, 3072), "y_val": (20,), "X_test": (10, 3072),
        "y_test": (10,),
    }  # fmt: skip


# ---- real data sets, imitated -------------------------------------------------------------------------------------


@pytest.fixture
def small_sets(tmp_path, monkeypatch):
    """A folder with files of the real formats and few pictures, whose checksums the loaders are told."""
    rng = np.random.default_rng(0)
    source = tmp_path / "official"
    cifar, fashion = source / "cifar-10-batches-py", source / "FashionMNIST" / "raw"
    cifar.mkdir(parents=True)
    fashion.mkdir(parents=True)
    for name in datasets._CIFAR10_MD5:
        batch = {b"data": rng.integers(0, 256, (8, 3072), np.uint8), b"labels": rng.integers(0, 10, 8).tolist()}
        (cifar / name).write_bytes(pickle.dumps(batch))
    for name, shape in zip(datasets._FASHION_MD5, [(40, 28, 28), (40,), (8, 28, 28), (8,)], strict=True):
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
        (fashion / name).write_bytes(gzip.compress(header + rng.integers(0, 10, shape, np.uint8).tobytes()))
    with tarfile.open(source / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(cifar, "cifar-10-batches-py")

    def md5(path):
        return hashlib.md5(path.read_bytes()).hexdigest()

    monkeypatch.setattr(datasets, "_CIFAR10_MD5", {name: md5(cifar / name) for name in datasets._CIFAR10_MD5})
    monkeypatch.setattr(datasets, "_FASHION_MD5", {name: md5(fashion / name) for name in datasets._FASHION_MD5})
    monkeypatch.setattr(datasets, "_CIFAR10_ARCHIVE_MD5", md5(source / "cifar-10-python.tar.gz"))
    monkeypatch.setattr(datasets, "_cache", lambda: tmp_path / "cache")
    monkeypatch.delenv("BACKPROP_DATA", raising=False)
    return source


@pytest.fixture
def server(small_sets, monkeypatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=small_sets)) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{httpd.server_port}/"
        monkeypatch.setattr(datasets, "CIFAR10_URL", address + "cifar-10-python.tar.gz")
        monkeypatch.setattr(datasets, "FASHION_URL", address + "FashionMNIST/raw/")
        yield httpd
        httpd.shutdown()


def test_training_and_validation_pictures_do_not_overlap(small_sets):
    d = load_cifar10(small_sets, num_train=25, num_val=15, num_test=8)
    assert d["X_train"].shape == (25, 3072) and d["X_train"].dtype == np.float32 and d["y_val"].dtype == np.int64
    assert len(np.unique(np.concatenate([d["X_train"], d["X_val"]]), axis=0)) == 40
    again = load_cifar10(small_sets / "cifar-10-batches-py", num_train=25, num_val=15, num_test=8)
    np.testing.assert_array_equal(d["X_train"], again["X_train"])
    first = pickle.loads((small_sets / "cifar-10-batches-py" / "test_batch").read_bytes())
    np.testing.assert_array_equal(np.round(d["X_test"] * 255), first[b"data"])
    np.testing.assert_array_equal(d["y_test"], first[b"labels"])


def test_fashion_pictures_have_one_channel(small_sets, monkeypatch):
    monkeypatch.setenv("BACKPROP_DATA", str(small_sets))
    d = load_fashion_mnist(num_train=30, num_val=10, num_test=5)
    assert [d[f"X_{part}"].shape for part in ("train", "val", "test")] == [
        (30, 1, 28, 28), (10, 1, 28, 28), (5, 1, 28, 28),
    ]  # fmt: skip
    raw = gzip.decompress((small_sets / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    np.testing.assert_array_equal(d["y_test"], list(raw[8:13]))


def test_what_is_missing_is_downloaded_once(server, capsys, tmp_path):
    assert load_cifar10(num_train=10, num_val=5, num_test=3)["X_val"].shape == (5, 3072)
    assert load_fashion_mnist(num_train=10, num_val=5, num_test=3)["y_test"].shape == (3,)
    assert capsys.readouterr().out.count("Downloading") == 5
    server.shutdown()
    load_cifar10(num_train=10, num_val=5, num_test=3)
    load_fashion_mnist(num_train=10, num_val=5, num_test=3)
    assert capsys.readouterr().out == ""


def test_a_download_with_the_wrong_checksum_is_refused(server, monkeypatch):
    monkeypatch.setattr(datasets, "_CIFAR10_ARCHIVE_MD5", "0" * 32)
    with pytest.raises(DataError, match="could not be downloaded"):
        load_cifar10(num_train=10, num_val=5, num_test=3)


def test_a_batch_that_was_tampered_with_is_not_opened(small_sets, tmp_path):
    class Surprise:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "opened"),))

    (small_sets / "cifar-10-batches-py" / "data_batch_3").write_bytes(pickle.dumps(Surprise()))
    with pytest.raises(DataError, match="data_batch_3 is damaged"):
        load_cifar10(small_sets, num_train=10, num_val=5, num_test=3)
    assert not (tmp_path / "opened").exists()


def test_a_missing_file_or_folder_gets_a_sentence(small_sets, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="is not a folder"):
        load_cifar10(tmp_path / "nowhere")
    (small_sets / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(DataError, match="test_batch can't be read"):
        load_cifar10(small_sets, num_train=10, num_val=5, num_test=3)
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="BACKPROP_DATA names"):
        load_fashion_mnist()


def test_more_pictures_than_there_are_cannot_be_had():
    with pytest.raises(DataError, match="49000 \\+ 2000"):
        load_cifar10(num_train=49000, num_val=2000)
    with pytest.raises(DataError, match="negative"):
        load_fashion_mnist(num_test=-1)
    with pytest.raises(DataError, match="10000 for testing"):
        load_cifar10_or_shapes(num_test=10001)


def test_without_a_network_shapes_stand_in_and_say_so(small_sets, monkeypatch, capsys):
    monkeypatch.setattr(datasets, "CIFAR10_URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(DataError, match="BACKPROP_DATA"):
        load_cifar10(num_train=10, num_val=5, num_test=3)
    d, names = load_cifar10_or_shapes(10, 5, 3)
    assert names == SHAPE_CLASSES and d["X_train"].shape == (10, 3072)
    assert "drawn shapes stand in" in capsys.readouterr().out


class TestRealData:
    pytestmark = needs_data

    def test_cifar10(self):
        d = load_cifar10()
        assert d["X_train"].shape == (10000, 3072) and d["X_val"].shape == (5000, 3072)
        assert d["X_train"].min() == 0 and d["X_train"].max() == 1
        assert np.bincount(d["y_test"]).tolist() == [1000] * 10
        # the well-known mean of the training pictures, per channel
        np.testing.assert_allclose(d["X_train"].reshape(-1, 3, 1024).mean((0, 2)), [0.4914, 0.4822, 0.4465], atol=0.01)

    def test_fashion_mnist(self):
        d = load_fashion_mnist()
        assert d["X_train"].shape == (50000, 1, 28, 28)
        assert np.bincount(np.concatenate([d["y_train"], d["y_val"]])).tolist() == [6000] * 10
        assert d["X_train"].mean() == pytest.approx(0.2860, abs=0.001)
