"""The data sets of the course.

Made by code, here and now: :func:`load_problem`, :func:`three_blobs`, :func:`two_moons`, :func:`shapes_images` (see
:mod:`backprop.synthetic`) and :func:`load_shapes`.

Real ones: :func:`load_cifar10` and :func:`load_fashion_mnist`. Each looks in the folder you name, else in the folder
named by the environment variable ``BACKPROP_DATA``, else downloads the official files once into a cache. Every file
is compared with its official checksum before it is opened.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import pickle
import textwrap
from pathlib import Path

import numpy as np

from .one_sentence import OneSentence
from .synthetic import (
    SHAPE_CLASSES,
    ClassificationProblem,
    RegressionProblem,
    featurize,
    flatten,
    load_problem,
    shapes_images,
    three_blobs,
    two_moons,
    unflatten,
)

__all__ = [
    "CIFAR10_CLASSES",
    "FASHION_CLASSES",
    "SHAPE_CLASSES",
    "ClassificationProblem",
    "DataError",
    "RegressionProblem",
    "featurize",
    "flatten",
    "load_cifar10",
    "load_cifar10_or_shapes",
    "load_fashion_mnist",
    "load_problem",
    "load_shapes",
    "shapes_images",
    "three_blobs",
    "two_moons",
    "unflatten",
]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FASHION_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

# Where each data set lies below the folder that BACKPROP_DATA names.
FOLDERS = {"CIFAR-10": "cifar-10-batches-py", "Fashion-MNIST": "FashionMNIST/raw", "ImageNet weights": "imagenet"}
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
FASHION_URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

_CIFAR10_ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
_CIFAR10_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
_FASHION_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


class DataError(OneSentence, RuntimeError):
    """A data set is missing, damaged, or smaller than what was asked for; the message says what to do."""


def load_cifar10(
    data_dir: str | Path | None = None,
    num_train: int = 10000,
    num_val: int = 5000,
    num_test: int = 10000,
    seed: int = 442,
) -> dict[str, np.ndarray]:
    """CIFAR-10: 60,000 colour pictures of 32×32 pixels, ten classes (:data:`CIFAR10_CLASSES`).

    Training and validation pictures are drawn at random from the official 50,000, without overlap; the test pictures
    are the first ``num_test`` of the official 10,000. The first call downloads 163 MiB.

    Parameters
    ----------
    data_dir : the folder that holds ``cifar-10-batches-py``; None for BACKPROP_DATA or the cache
    num_train, num_val, num_test : how many pictures of each
    seed : which of them go where

    Returns
    -------
    dict with ``X_train``, ``X_val``, ``X_test``: float32, shape (n, 3072), values in [0, 1], nothing subtracted, in the
    order of :func:`flatten`; and ``y_train``, ``y_val``, ``y_test``: int64, shape (n,), class 0 to 9

    Raises DataError if the files are missing and can't be downloaded, are damaged, or hold too few pictures.
    """
    check_sizes(num_train, num_val, num_test, 50000, 10000)
    folder = _local_folder(data_dir, FOLDERS["CIFAR-10"]) or _download_cifar10()
    names = sorted(_CIFAR10_MD5)  # the five training batches, then the test batch
    batches = [_read_cifar10_batch(folder / name) for name in names]
    X = np.concatenate([batch[0] for batch in batches[:5]])
    y = np.concatenate([batch[1] for batch in batches[:5]])
    return _split((X, y), batches[5], num_train, num_val, num_test, seed)


def load_fashion_mnist(
    data_dir: str | Path | None = None,
    num_train: int = 50000,
    num_val: int = 10000,
    num_test: int = 10000,
    seed: int = 442,
) -> dict[str, np.ndarray]:
    """Fashion-MNIST: 70,000 grey pictures of clothing, 28×28 pixels, ten classes (:data:`FASHION_CLASSES`).

    Training and validation pictures are drawn at random from the official 60,000, without overlap; the test pictures
    are the first ``num_test`` of the official 10,000. The first call downloads 30 MiB.

    Parameters
    ----------
    data_dir : the folder that holds ``FashionMNIST/raw`` or the four files; None for BACKPROP_DATA or the cache
    num_train, num_val, num_test : how many pictures of each
    seed : which of them go where

    Returns
    -------
    dict with ``X_train``, ``X_val``, ``X_test``: float32, shape (n, 1, 28, 28) as PyTorch's convolutions expect,
    values in [0, 1]; and ``y_train``, ``y_val``, ``y_test``: int64, shape (n,), class 0 to 9

    Raises DataError if the files are missing and can't be downloaded, are damaged, or hold too few pictures.
    """
    check_sizes(num_train, num_val, num_test, 60000, 10000)
    folder = _local_folder(data_dir, FOLDERS["Fashion-MNIST"]) or _download_fashion_mnist()
    arrays = [_read_idx(folder / name) for name in _FASHION_MD5]
    train = arrays[0][:, np.newaxis], arrays[1]
    test = arrays[2][:, np.newaxis], arrays[3]
    return _split(train, test, num_train, num_val, num_test, seed)


def load_shapes(
    num_train: int = 10000, num_val: int = 5000, num_test: int = 10000, seed: int = 442
) -> dict[str, np.ndarray]:
    """The pictures of :func:`shapes_images` in the same form as :func:`load_cifar10`; drawn in seconds, no network."""
    images, labels = shapes_images(num_train + num_val + num_test, seed)
    return in_three_parts(flatten(images), labels, num_train, num_val)


def load_cifar10_or_shapes(
    num_train: int = 10000, num_val: int = 5000, num_test: int = 10000, seed: int = 442
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """CIFAR-10 and its class names; where it can't be had, drawn shapes and theirs, and a sentence that says so."""
    check_sizes(num_train, num_val, num_test, 50000, 10000)
    try:
        return load_cifar10(None, num_train, num_val, num_test, seed), CIFAR10_CLASSES
    except DataError as problem:
        said = f"CIFAR-10 is not here, so drawn shapes stand in for it; accuracies will differ. ({problem})"
        print(textwrap.fill(said, 78))
        return load_shapes(num_train, num_val, num_test, seed), SHAPE_CLASSES


def in_three_parts(X: np.ndarray, y: np.ndarray, num_train: int, num_val: int) -> dict[str, np.ndarray]:
    """The first entries as X_train and y_train, the next as X_val and y_val, the rest as X_test and y_test."""
    ends = [num_train, num_train + num_val]
    result = {}
    for part, X_part, y_part in zip(("train", "val", "test"), np.split(X, ends), np.split(y, ends), strict=True):
        result[f"X_{part}"], result[f"y_{part}"] = X_part, y_part
    return result


def check_sizes(num_train: int, num_val: int, num_test: int, for_training: int, for_testing: int) -> None:
    """Raise DataError for numbers of pictures that a data set of this size can't give."""
    if min(num_train, num_val, num_test) < 0:
        raise DataError("The numbers of pictures can't be negative.")
    if num_train + num_val > for_training or num_test > for_testing:
        raise DataError(
            f"There are {for_training} pictures for training and validation and {for_testing} for testing, "
            f"but {num_train} + {num_val} and {num_test} were asked for."
        )


def _split(train: tuple, test: tuple, num_train: int, num_val: int, num_test: int, seed: int) -> dict[str, np.ndarray]:
    chosen = np.random.RandomState(seed).permutation(len(train[0]))
    parts = {
        "train": (train, chosen[:num_train]),
        "val": (train, chosen[num_train : num_train + num_val]),
        "test": (test, np.arange(num_test)),
    }
    result = {}
    for part, ((X, y), rows) in parts.items():
        # pick first, convert then: the whole set as float32 would take 600 MiB
        result[f"X_{part}"] = X[rows].astype(np.float32) / np.float32(255)
        result[f"y_{part}"] = y[rows].astype(np.int64)
    return result


def _local_folder(data_dir: str | Path | None, inside: str) -> Path | None:
    """The folder with the files, if one was named; None if they should come from the cache."""
    named = data_dir if data_dir is not None else os.environ.get("BACKPROP_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        source = "data_dir" if data_dir is not None else "the environment variable BACKPROP_DATA"
        raise DataError(f"{source} names {folder}, which is not a folder: correct it, or leave it out to download.")
    return folder / inside if (folder / inside).is_dir() else folder


def _verified(path: Path, md5: str) -> bytes:
    """The content of a file whose checksum was found right."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(
            f"{path} can't be read ({problem.strerror}): put the official file there, or name no folder to download it."
        ) from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DataError(f"{path} is damaged (its MD5 is not {md5}): delete it and get it again.")
    return content


def _read_cifar10_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    # A pickle can run code when it is opened: nothing is opened here but the official files, byte for byte.
    batch = pickle.loads(_verified(path, _CIFAR10_MD5[path.name]), encoding="bytes")
    return batch[b"data"], np.array(batch[b"labels"])


def _read_idx(path: Path) -> np.ndarray:
    """An IDX file: two zero bytes, the type (8: uint8), the number of axes, their lengths (4 bytes each), the data."""
    content = gzip.decompress(_verified(path, _FASHION_MD5[path.name]))
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _download_cifar10() -> Path:
    cache = _cache()
    folder = cache / "cifar-10-batches-py"
    if not all((folder / name).is_file() for name in _CIFAR10_MD5):
        import pooch

        untar = pooch.Untar(members=[f"cifar-10-batches-py/{name}" for name in _CIFAR10_MD5], extract_dir=".")
        _retrieve(CIFAR10_URL, _CIFAR10_ARCHIVE_MD5, cache, untar)
    return folder


def _download_fashion_mnist() -> Path:
    folder = _cache() / "FashionMNIST" / "raw"
    for name, md5 in _FASHION_MD5.items():
        if not (folder / name).is_file():
            _retrieve(FASHION_URL + name, md5, folder)
    return folder


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("backprop-course"))


def _retrieve(url: str, md5: str, folder: Path, processor=None) -> None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    name = url.rsplit("/", 1)[1]
    print(f"Downloading {url} (once) ...")
    try:
        pooch.retrieve(url, f"md5:{md5}", fname=name, path=folder, processor=processor)
    except (OSError, ValueError) as problem:  # no network, refused, wrong checksum, no room
        raise DataError(
            f"{name} could not be downloaded from {url} ({type(problem).__name__}). Without a network, get the file "
            f"elsewhere, unpack it as the official download unpacks, and name the folder in BACKPROP_DATA."
        ) from None
