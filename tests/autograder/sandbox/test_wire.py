"""Messages between judge and student: plain data comes back as it was, everything else is refused before it costs."""

from __future__ import annotations

import contextlib
import io
import json
import math
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox.inside import wire
from autograder.sandbox.inside.probe import Probe, encode_reply
from autograder.sandbox.inside.wire import (
    HEADER,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_JSON,
    Handle,
    WireError,
    copied,
    decode,
    encode,
    read,
)

quiet = settings(deadline=None, max_examples=200, derandomize=True, suppress_health_check=list(HealthCheck))

DTYPES = (
    hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes()
    | hnp.floating_dtypes(sizes=(16, 32, 64)) | hnp.complex_number_dtypes(sizes=(64, 128))
)  # fmt: skip
arrays = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=30)
    | arrays
    | st.builds(Handle, st.integers(0, 10**6), st.text(max_size=20))
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=15,
)


def received(message: bytes):
    """What `read` makes of the bytes when they arrive through a stream that ends."""
    stream = io.BytesIO(message)

    def receive(size: int) -> bytes:
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    return read(receive)


def packed(document, body: bytes = b"") -> bytes:
    header = json.dumps(document).encode()
    return HEADER.pack(len(header), len(body)) + header + body


def same(a, b) -> bool:
    if isinstance(a, (np.ndarray, np.generic)):
        native = [np.asarray(x).astype(x.dtype.newbyteorder("=")) for x in (a, b)]  # the byte order may change
        alike = type(a) is type(b) and native[0].dtype == native[1].dtype and a.shape == b.shape
        return alike and native[0].tobytes() == native[1].tobytes()
    if isinstance(a, float):
        return type(b) is float and struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return type(b) is complex and same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


# Over the socket, and where the judge sits in the student's own process.
ROADS = pytest.mark.parametrize("over", [lambda value: received(encode(value)), copied], ids=["message", "copy"])


@quiet
@given(values)
@example(np.array(np.nan))
@example(np.float32(1.5))
@example(np.zeros((0, 3)))
@example(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
@example({1: (1, 2), "1": [1, 2]})
@example(10**300)
@example(-(2**1023) + 1)
def test_plain_data_comes_back_as_it_was(value):
    assert same(received(encode(value)), value)
    assert same(copied(value), value)


@ROADS
def test_arrays_come_back_as_copies_that_may_be_written_to(over):
    array = np.arange(3.0)
    got = over(array)
    got[0] = 7
    assert got[0] == 7 and array[0] == 0


@ROADS
def test_views_and_other_byte_orders_come_back_with_the_same_numbers(over):
    for array in (
        np.arange(12.0).reshape(3, 4).T,
        np.arange(10)[::-3],
        np.arange(3, dtype=">f8"),
        np.broadcast_to(1, 3),
        np.ma.masked_array([1.0, 2.0]),
    ):
        np.testing.assert_array_equal(over(array), array)
        assert type(over(array)) is np.ndarray and over(array).flags.c_contiguous and over(array).dtype.isnative


@ROADS
def test_long_doubles_travel_as_doubles(over):
    for value in (np.longdouble(0.5), np.clongdouble(0.5 + 1j), np.full(3, np.longdouble(0.5))):
        got = over(value)
        assert got.dtype.itemsize == (16 if got.dtype.kind == "c" else 8) and np.all(got == value)


ODD = ("<f16", "<c32", "f8,f8", "(2,)<f8", "|O", "<M8[D]", "<U4", "f,6)O2", "1(2", "", ">f8")


@pytest.mark.parametrize("name", ODD)
def test_only_known_names_of_array_types_are_read(name):
    with pytest.raises(WireError):
        received(packed({"array": name, "shape": [1]}, bytes(16)))


@ROADS
def test_halves_of_characters_come_back_as_text_that_can_be_written(over):
    got = over({"\udc80": "a\ud800b", "kind": Handle(1, "a \udfff")})
    assert got == {"?": "a?b", "kind": Handle(1, "a ?")}


@ROADS
def test_integers_without_end_become_infinite(over):
    assert over([2**5000, -(2**5000)]) == [math.inf, -math.inf]
    assert received(packed([2**1024, -(10**1200)])) == [math.inf, -math.inf]


class Ball:
    def __reduce__(self):
        return (eval, ("1/0",))


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", np.array([object()]), np.array(["text"]), np.array(["2020-01-01"], "M8[D]"),
     np.zeros(2, [("a", "f8")]), lambda: 1, {(1, 2): 3}, {1.5: 1}, Ball()],
)  # fmt: skip
def test_what_is_not_plain_cannot_be_sent(value):
    with pytest.raises(TypeError):
        encode(value)


@ROADS
def test_values_that_are_too_large_or_too_deep_cannot_be_sent(over):
    deep: list = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    for value in (deep, [0] * (wire.MAX_ITEMS + 1), np.broadcast_to(0.0, MAX_BYTES // 8 + 1)):
        with pytest.raises(WireError):
            over(value)


@ROADS
def test_a_list_inside_itself_cannot_be_sent(over):
    loop: list = []
    loop.append(loop)
    with pytest.raises(WireError):
        over(loop)


HOSTILE = {
    "no JSON": b"\0\0\0\3" + b"\0" * 8 + b"abc",
    "not the end of the bytes": packed(1, b"more"),
    "an unknown kind": packed({"code": "1/0"}),
    "an object array": packed({"array": "|O", "shape": [1]}, b"\0" * 8),
    "a text array": packed({"array": "<U4", "shape": [1]}, b"\0" * 16),
    "a record array": packed({"array": "f8,f8", "shape": [1]}, b"\0" * 16),
    "no dtype": packed({"array": "??", "shape": [1]}, b"\0"),
    "no shape": packed({"array": "<f8"}),
    "a giant shape": packed({"array": "<f8", "shape": [2**40, 2**40]}),
    "a giant shape that overflows": packed({"array": "<f8", "shape": [2**63, 2]}),
    "a negative shape": packed({"array": "<f8", "shape": [-1]}),
    "two negative sizes": packed({"array": "<f8", "shape": [-1, -1]}, b"\0" * 8),
    "too many axes": packed({"array": "<f8", "shape": [1] * 40}, b"\0" * 8),
    "a shape that is none": packed({"array": "<f8", "shape": "3"}),
    "a shape of fractions": packed({"array": "<f8", "shape": ["x"]}),
    "more numbers than bytes": packed({"array": "<f8", "shape": [3]}, b"\0" * 8),
    "a float that is none": packed({"float": "seven"}),
    "a complex of one part": packed({"complex": ["1"]}),
    "a dict of no pairs": packed({"dict": [1]}),
    "a dict with a list as key": packed({"dict": [[[1], None]]}),
    "a dict with True as key": packed({"dict": [[True, None]]}),
    "a handle that is none": packed({"handle": {}}),
    "a tuple that is none": packed({"tuple": 3}),
    "too many parts": packed([None] * (wire.MAX_ITEMS + 1)),
    "too deep": packed(eval("[" * 20 + "]" * 20)),
    "much too deep": HEADER.pack(200_000, 0) + b"[" * 200_000,
    "an integer of many digits": HEADER.pack(5000, 0) + b"9" * 5000,
    "endless JSON": HEADER.pack(MAX_JSON + 1, 0),
    "endless bytes": HEADER.pack(2, MAX_BYTES + 1) + b"{}",
    "a pickle": HEADER.pack(len(pickle.dumps(Ball())), 0) + pickle.dumps(Ball()),
    "an int of many digits": packed({"float": "9" * 5000 + "e"}),
    "NaN in the shape": packed({"array": "<f8", "shape": [math.nan]}),
    "an infinite shape": packed({"array": "<f8", "shape": [math.inf]}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_malformed_message_is_refused_without_allocating(name):
    received(encode(None))  # what is imported or cached at the first use does not count
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            received(HOSTILE[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(HOSTILE[name]) + 2**20


@quiet
@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused_or_be_plain(data):
    for message in (data, HEADER.pack(len(data), 0) + data):
        with contextlib.suppress(WireError, EOFError):
            encode(received(message))


document = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["array", "shape", "scalar", "handle", "kind", "float", "complex", "tuple", "dict"]),
            inner | st.sampled_from(["<f8", "|b1", "<i4", "|O", "1", "nan"]),
            max_size=3,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@quiet
@given(document, st.binary(max_size=64))
def test_no_document_does_anything_but_be_refused_or_be_plain(given_document, body):
    try:
        value = decode(json.dumps(given_document).encode(), body)
    except WireError:
        return
    encode(value)


@quiet
@given(values, st.data())
def test_a_message_cut_or_changed_anywhere_is_refused_or_plain(value, data):
    message = bytearray(encode(value))
    where = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises((WireError, EOFError)):
        received(bytes(message[:where]))
    message[where] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(WireError, EOFError):
        encode(received(bytes(message)))


# -- the probe's replies --------------------------------------------------------------------------------------------


def test_a_reply_that_cannot_travel_becomes_a_short_error():
    reply = received(encode_reply({"value": np.broadcast_to(0.0, MAX_BYTES // 8 + 1)}))
    assert reply["error"]["type"] == "TooLarge"
    assert received(encode_reply({"value": object()}))["error"]["type"] == "TooLarge"


def test_the_probe_answers_any_request_with_a_reply():
    probe = Probe({"f": lambda x: 1 / x})
    for request in (
        {"op": "get", "name": "nobody"},
        {"op": "call", "target": Handle(99)},
        {"op": "no such thing"},
        {"op": "__init__"},
        {"op": "node", "target": Handle(1)},
        {"op": "load", "source": "def (", "names": []},
        {},
    ):
        reply = received(encode_reply(probe.answer(request)))
        assert set(reply) == {"error"}, request
    handle = probe.answer({"op": "get", "name": "f"})["handle"]
    assert probe.answer({"op": "call", "target": handle, "args": [4.0]})["value"] == 0.25
    assert probe.answer({"op": "call", "target": handle, "args": [0]})["error"]["type"] == "ZeroDivisionError"


def test_text_subclasses_and_numbers_with_manners_of_their_own_travel_as_plain_ones():
    class Loud(str):
        def __str__(self):
            raise RuntimeError

    class Agreeable(float):
        def __eq__(self, other):
            return True

    probe = Probe({"text": Loud("a"), "number": Agreeable(2.0)})
    assert "error" in probe.answer({"op": "get", "name": "text"})
    reply = received(encode_reply(probe.answer({"op": "get", "name": "number"})))
    assert type(reply["value"]) is float and reply["value"] == 2.0


def test_shadowed_names_come_back_as_they_were():
    names = {"a": 1}
    probe = Probe(names)
    probe.answer({"op": "shadow", "names": {"a": 2, "b": 3}})
    assert names == {"a": 2, "b": 3}
    probe.answer({"op": "unshadow"})
    assert names == {"a": 1}
