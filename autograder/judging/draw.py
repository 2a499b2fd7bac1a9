"""Random inputs of a check."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


class Draw:
    """Random inputs of a check, the same for every student of a course.

    All arrays are float64. `signed` draws magnitudes in [low, high] with random signs: by default well scaled, where a
    relative error means something. `regions` has the other magnitudes, exact zeros and ones.
    """

    def __init__(self, seed: str | int):
        digest = hashlib.sha256(str(seed).encode()).digest()
        self.rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))

    def once(self, make: Callable[[Draw], Any]) -> Any:
        """What `make` draws here, kept for the next student, who is asked the same. Nobody may change it.

        make : a function of a module
        """
        made, self._state = _made(make, self._state)
        return made

    @property
    def _state(self) -> tuple[int, int, int, int]:
        state = self.rng.bit_generator.state
        return state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]

    @_state.setter
    def _state(self, numbers: tuple[int, int, int, int]) -> None:
        state, inc, has_uint32, uinteger = numbers
        self.rng.bit_generator.state = {
            "bit_generator": "PCG64", "state": {"state": state, "inc": inc}, "has_uint32": has_uint32,
            "uinteger": uinteger,
        }  # fmt: skip

    def signed(self, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
        magnitude = self.rng.uniform(low, high, size=shape)
        return np.asarray(np.where(self.rng.random(size=shape) < 0.5, -magnitude, magnitude))

    def both_signs(self, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
        """Like `signed`, with at least one entry of each sign where there are two."""
        array = self.signed(*shape, low=low, high=high)
        if array.size > 1:
            first, second = self.rng.choice(array.size, size=2, replace=False)
            array.flat[first], array.flat[second] = abs(array.flat[first]), -abs(array.flat[second])
        return array

    def whole(self, *shape: int, high: int = 6) -> Array:
        """Whole numbers from 2 to high, with random signs, as floats."""
        magnitude = self.rng.integers(2, high + 1, size=shape)
        return np.asarray(np.where(self.rng.random(size=shape) < 0.5, -magnitude, magnitude), dtype=float)

    def positive(self, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
        return np.asarray(self.rng.uniform(low, high, size=shape))

    def normal(self, *shape: int, scale: float = 1.0) -> Array:
        return np.asarray(self.rng.normal(scale=scale, size=shape))

    def scalar(self, low: float = 0.5, high: float = 2.0) -> Array:
        """A 0-d array: a random sign times a magnitude in [low, high]."""
        return self.signed(low=low, high=high)

    def number(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def integer(self, low: int, high: int) -> int:
        """An integer from low up to high - 1."""
        return int(self.rng.integers(low, high))

    def labels(self, count: int, classes: int) -> Array:
        """`count` class labels, shape (count,), int64, with every class present when count >= classes."""
        labels = np.concatenate([np.arange(classes), self.rng.integers(0, classes, size=max(0, count - classes))])
        return self.rng.permutation(labels)[:count]

    def distinct_sizes(self, count: int, low: int = 3, high: int = 9) -> list[int]:
        """Different sizes, so that no axis can be taken for another."""
        return [int(n) for n in self.rng.choice(np.arange(low, high), size=count, replace=False)]


@functools.lru_cache(maxsize=128)
def _made(make: Callable[[Draw], Any], state: tuple[int, int, int, int]) -> tuple[Any, tuple[int, int, int, int]]:
    """What a function draws from this state on, and the state after it."""
    draw = Draw("")
    draw._state = state
    return make(draw), draw._state
