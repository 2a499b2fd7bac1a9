"""Plain data between the judge and the student's process: arrays, numbers, text and containers of those.

A message is one JSON document followed by the raw bytes of its arrays. There is no pickle, no
object array and no code in it. Whatever is not plain stays where it is and is named by a
`Handle`. The reader checks every size before it allocates anything, because the writer may lie.

    message = 4-byte big-endian length of the JSON, 8-byte length of the bytes, the JSON, the bytes
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

HEADER = struct.Struct(">IQ")
MAX_JSON = 16 * 2**20
MAX_BYTES = 64 * 2**20  # all files of a submission fit in
MAX_DEPTH = 12
MAX_ITEMS = 100_000
MOST_PARTS = 8 * MAX_ITEMS  # of JSON: an item has some of its own
MAX_TEXT = 4 * 2**20
MOST_ENTRIES = 4096  # numbers in an answer to the judge, where its check does not ask for more
LONGEST_INT = 1024  # bits; longer integers, which may fit into no float, travel as infinities
PLAIN_KINDS = "biufc"
# Every array that may travel. Looked up, never parsed: numpy's own reader of these names takes far more.
DTYPES = {
    name: np.dtype(name)
    for name in "|b1 |i1 |u1 <i2 <i4 <i8 <u2 <u4 <u8 <f2 <f4 <f8 <c8 <c16".split()  # noqa: SIM905
}
NAMES = {kind: name for name, kind in DTYPES.items()}  # asking a dtype for its name takes longer than looking it up
TO_JSON = json.JSONEncoder(allow_nan=False, check_circular=False).encode  # made once: messages are small and many


class WireError(Exception):
    """The message breaks the format; its text says how. The peer cannot be trusted any further."""


@dataclass(frozen=True)
class Handle:
    """A value that stays in the student's process.

    number : its key there
    kind   : what it is, in words for messages, e.g. "an AddNode object"
    """

    number: int
    kind: str = ""


@dataclass(frozen=True)
class Absent:
    """An array that came with more bytes than were wanted: they were not kept."""

    shape: tuple[int, ...]


def is_plain_array(value: Any) -> bool:
    """True for numpy arrays and scalars of boolean, integer, float or complex type."""
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in PLAIN_KINDS


def encode(value: Any) -> bytes:
    """Return the message for a plain value.

    Raises TypeError for a value that is not plain, WireError when it is too large.
    """
    buffers: list[bytes] = []
    budget = [MAX_ITEMS]
    header = TO_JSON(_encode(value, buffers, 0, budget)).encode()
    body = b"".join(buffers)
    if len(header) > MAX_JSON or len(body) > MAX_BYTES:
        raise WireError(f"{len(body) // 2**20} MiB is more than a message may hold ({MAX_BYTES // 2**20} MiB)")
    return HEADER.pack(len(header), len(body)) + header + body


def _encode(value: Any, buffers: list[bytes], depth: int, budget: list[int]) -> Any:
    """What JSON can say stays as it is; everything else becomes an object with one telling key."""
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise WireError("the value is nested too deeply or has too many parts")
    if is_plain_array(value):
        return _encode_array(value, buffers)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, Handle):
        return {"handle": value.number, "kind": value.kind}
    if isinstance(value, int):
        if value.bit_length() < LONGEST_INT:
            return int(value)
        return {"float": "inf" if value > 0 else "-inf"}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, complex):
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, buffers, depth + 1, budget) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        if not all(isinstance(key, (str, int)) for key in value):
            raise TypeError("a dictionary whose keys are neither text nor integers is not plain")
        return {"dict": [[key, _encode(item, buffers, depth + 1, budget)] for key, item in value.items()]}
    raise TypeError(f"{type(value).__name__} is not plain data")


def _encode_array(value: np.ndarray | np.generic, buffers: list[bytes]) -> dict[str, Any]:
    array = _portable(value)
    buffers.append(array.tobytes())
    told = {"array": NAMES[array.dtype], "shape": array.shape}
    return told if isinstance(value, np.ndarray) else {**told, "scalar": True}


def _portable(value: np.ndarray | np.generic) -> np.ndarray:
    """The array with one of the types of DTYPES."""
    array = np.asarray(value)
    if array.dtype in NAMES and array.nbytes <= MAX_BYTES:
        return array
    if array.dtype.str[1:] in ("f16", "f12", "c32", "c24"):  # long doubles have no portable layout
        array = array.astype(complex if array.dtype.kind == "c" else float)
    if array.dtype.str[0] == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    if array.nbytes > MAX_BYTES:
        raise WireError("the array is too large")
    return array


def decode(header: bytes, body: bytes | None) -> Any:
    """Return the value of a message whose two parts have been read. Raises WireError when it is malformed.

    body : None where it was thrown away; in place of each array stands an Absent then
    """
    if _parts(header) > MOST_PARTS:
        raise WireError("the message has too many parts")
    try:
        document = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise WireError("the message is not JSON") from error
    reader = _Reader(body or b"", kept=body is not None)
    try:
        value = reader.value(document, 0)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise WireError("the message has a wrong form") from error
    if body is not None and reader.position != len(body):
        raise WireError("the message has bytes that belong to no array")
    return value


def _parts(header: bytes) -> int:
    """How many lists, objects and things in them a JSON document has, roughly, before any of them is made."""
    if sum(map(header.count, b"[{,")) <= MOST_PARTS:
        return 0
    bare = header.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > 2 * MOST_PARTS:
        return bare.count(b'"')
    outside = b"".join(bare.split(b'"')[::2])  # commas and brackets in a text are no parts
    return sum(map(outside.count, b"[{,"))


class _Reader:
    def __init__(self, body: bytes, kept: bool = True):
        self.body, self.position, self.budget, self.kept = body, 0, MAX_ITEMS, kept

    def value(self, node: Any, depth: int) -> Any:
        self.budget -= 1
        if depth > MAX_DEPTH or self.budget < 0:
            raise WireError("the message is nested too deeply or has too many parts")
        if isinstance(node, dict):
            return self.told(node, depth + 1)
        if isinstance(node, str):
            return _text(node, MAX_TEXT)
        if isinstance(node, list):
            return [self.value(item, depth + 1) for item in node]
        if isinstance(node, int) and node.bit_length() >= LONGEST_INT:
            return math.inf if node > 0 else -math.inf
        return node  # a number, True, False or None

    def told(self, node: dict, depth: int) -> Any:
        """What an object with one telling key stands for."""
        if "array" in node:
            return self.array(node)
        if "dict" in node:
            return {_key(key): self.value(item, depth) for key, item in node["dict"]}
        if "handle" in node:
            return Handle(int(node["handle"]), _text(str(node.get("kind", "")), 200))
        if "float" in node:
            return float(node["float"])
        if "complex" in node:
            real, imaginary = node["complex"]
            return complex(float(real), float(imaginary))
        if "tuple" in node:
            return tuple(self.value(item, depth) for item in node["tuple"])
        raise WireError("the message has a wrong form")

    def array(self, node: dict) -> Any:
        kind = DTYPES.get(node["array"])
        shape = tuple(map(int, node["shape"]))
        if kind is None or len(shape) > 32 or (shape and min(shape) < 0):
            raise WireError("the message holds an array of a kind that is not allowed")
        if not self.kept:
            return Absent(shape)
        start, size = self.position, math.prod(shape) * kind.itemsize
        if size > len(self.body) - start:
            raise WireError("the message promises more numbers than it holds")
        self.position += size
        if node.get("scalar") and not shape:
            return np.frombuffer(self.body, kind, 1, start)[0]
        return np.ndarray(shape, kind, self.body, start).copy() if size else np.empty(shape, kind)


def _key(key: Any) -> str | int:
    if type(key) is str and len(key) <= 1000 and key.isascii():
        return key
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise WireError("the message has a wrong form")
    return key if isinstance(key, int) else _text(key, 1000)


def _text(text: str, most: int) -> str:
    """The text, shortened, as text that can be written to a file: JSON may hold halves of characters."""
    text = text[:most]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def copied(value: Any) -> Any:
    """What the other side would read after `encode(value)`: the quick way where both sides are one process.

    Raises what encode raises.
    """
    return _copied(value, 0, [MAX_ITEMS, MAX_BYTES])


def _copied(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise WireError("the value is nested too deeply or has too many parts")
    if type(value) is float or value is None or isinstance(value, bool):  # what comes most is asked for first
        return value
    if isinstance(value, (list, tuple)):
        items = [_copied(item, depth + 1, left) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {_key(key): _copied(item, depth + 1, left) for key, item in value.items()}
    if isinstance(value, str):
        return _text(value, MAX_TEXT)
    if is_plain_array(value):
        array = _portable(value)
        left[1] -= array.nbytes
        if left[1] < 0:
            raise WireError("the arrays are too large")
        array = np.array(array, dtype=DTYPES[NAMES[array.dtype]], order="C", subok=False)
        return array[()] if isinstance(value, np.generic) else array
    if isinstance(value, Handle):
        return Handle(value.number, _text(value.kind, 200))
    if isinstance(value, int):
        return int(value) if value.bit_length() < LONGEST_INT else math.copysign(math.inf, 1 if value > 0 else -1)
    if isinstance(value, (float, complex)):
        return float(value) if isinstance(value, float) else complex(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def read(receive, most_json: int = MAX_JSON, most_bytes: int = MAX_BYTES) -> Any:
    """Read one message with `receive(n) -> exactly n bytes` and return its value.

    most_json, most_bytes : what is wanted of its two parts. Arrays that have more bytes together are thrown away piece
    by piece, and an Absent stands for each

    Raises WireError when it is malformed, or larger than any message may be.
    """
    json_size, body_size = HEADER.unpack(receive(HEADER.size))
    if json_size > most_json or body_size > MAX_BYTES:
        raise WireError("the message is larger than allowed")
    header = receive(json_size)
    if body_size <= most_bytes:
        return decode(header, receive(body_size))
    while body_size:
        body_size -= len(receive(min(body_size, 2**20)))
    return decode(header, None)
