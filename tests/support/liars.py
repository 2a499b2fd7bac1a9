"""A process that computes nothing and answers every request with what is easy to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judging import Student
from autograder.sandbox.inside.wire import Handle


def zeros(value: Any) -> Any:
    """Zeros of the same shape, one zero for what has none."""
    return np.zeros(value.shape) if isinstance(value, np.ndarray) else 0.0


def echo(args: list[Any], number: int) -> Any:
    """The argument of that place, or 0 where there is none."""
    arrays = [arg for arg in args if isinstance(arg, (np.ndarray, float, int)) and not isinstance(arg, bool)]
    return arrays[number % len(arrays)] if arrays else 0.0


EASY: dict[str, Callable[[list[Any]], Any]] = {
    "zero": lambda args: 0.0,
    "one": lambda args: 1.0,
    "yes": lambda args: True,
    "no": lambda args: False,
    "nothing": lambda args: None,
    "empty": lambda args: [],
    "names": lambda args: {},
    "the first argument": lambda args: echo(args, 0),
    "the last argument": lambda args: echo(args, -1),
    "all arguments": lambda args: tuple(args),
    "zeros like the first": lambda args: zeros(echo(args, 0)),
    "two of the first": lambda args: (echo(args, 0), echo(args, 0)),
    "a value and gradients of zero": lambda args: (0.0, tuple(map(zeros, args))),
}


def liar(say: Callable[[list[Any]], Any]) -> Student:
    """A process that claims to have every name, returns the same kind of thing to everything and changes nothing."""

    def send(request: dict[str, Any]) -> dict[str, Any]:
        args = list(request.get("args") or [])
        operation = request["op"]
        if operation == "has":
            return {"value": True}
        if operation == "load":
            return {"value": {name: Handle(1, "the function") for name in request["names"]}}
        if operation == "node":
            inputs = {name: value for given in request["instances"] for name, value, _ in given}
            seen = {
                "returned": say(list(inputs.values())), "out": say(list(inputs.values())), "d_out": 0.0,
                "grads": {name: zeros(value) for name, value in inputs.items()},
                "upstream_after": 0.0, "inputs_after": inputs, "predecessors": list(inputs),
                "out_after": say(list(inputs.values())),
            }  # fmt: skip
            return {"value": [dict(seen) for _ in request["steps"]]}
        return {"handle": Handle(1, "a thing"), "value": say(args), "after": args}

    return Student(send)
