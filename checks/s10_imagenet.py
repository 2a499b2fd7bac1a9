"""Checks of section 10: a picture's way through a pretrained network, on tiny models whose answers are known.

Exercise: EECS 442 homework 4, task 6. The saliency map is ours, and optional.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    Slip,
    Student,
    StudentError,
    StudentGone,
    check,
    expect,
    expect_true,
    part,
    source_of,
)
from backprop.picture_checks import CLOSE, SIDE, Slopes, recognise
from backprop.pretrained import MEAN, STD

from .shipped import picture_bench

BENCH = source_of(picture_bench)
STEP = 7  # of the rows and columns of a prepared picture, each seventh is compared
ROWS = len(range(STEP // 2, SIDE, STEP))


def _bench(student: Student, name: str):
    return student.load(BENCH, name)[name]


def _asked(call: Any) -> Any:
    """What a call of the bench returned, or the StudentError it raised."""
    try:
        found = call().value
    except StudentGone:
        raise
    except StudentError as error:
        return error
    return found if isinstance(found, dict) else StudentError("The result makes no sense.", "type")


def _found(answer: Any) -> dict[str, Any]:
    if isinstance(answer, StudentError):
        raise answer
    return answer


# -- preparing a picture --------------------------------------------------------------------------------------------


@check("10-imagenet/preprocess_check", points=3)
def preprocess(student: Student, draw: Draw) -> None:
    """RGB, shorter side 256, the middle 224 × 224, values in [0, 1], normalised; float32 of shape (1, 3, 224, 224)."""
    wide, high = _slopes(draw, True), _slopes(draw, False)
    other = Slopes(wide.width, wide.height, _slopes(draw, True).colours, STEP)  # another picture of the same size
    answers = {}
    for name, slopes, mode in (
        ("wide", wide, "RGB"),
        ("high", high, "RGB"),
        ("grey", wide, "L"),
        ("clear", high, "RGBA"),
        ("second wide", other, "RGB"),
    ):
        answers[name] = _asked(lambda s=slopes, m=mode: _prepared(student, s.pixels(), m))

    with part("form", points=1):
        whats = {"wide": "a wide picture", "high": "a high picture", "grey": "a grey picture"}
        for name, what in {**whats, "clear": "a picture with transparency"}.items():
            _form(_found(answers[name]), what)
    seen = {}
    stripes = _stripes(draw)
    striped, few = (_asked(lambda mode=mode: _prepared(student, stripes, mode)) for mode in ("RGB", "P"))
    extremes = _asked(lambda: _prepared(student, EXTREMES, "RGB"))
    for name, slopes in (("wide", wide), ("high", high), ("second wide", other)):
        seen[name] = _array(answers[name]), slopes
    for title, others in (("the middle", Slopes.misscaled), ("values", Slopes.misplaced)):
        with part(title, points=1):
            for name, (X, slopes) in seen.items():
                if X is None:
                    _form(_found(answers[name]), f"a {name} picture")
                    raise StudentError("This can be looked at only when the tensor has its shape.", "shape")
                # A mistake in the one part leaves the points of the other.
                if np.abs(X - slopes.prepared()).max() > CLOSE and recognise("X", X, others(slopes)) is None:
                    _expect_picture(X, slopes, name)
            if title == "values":
                good = _expect_means(_found(striped), BILINEAR) and _expect_means(_found(few), FEW_COLOURS)
                good = good and _expect_alike(_found(few).get("X"), _found(striped).get("X"), PALETTE)
                clear, grey = (_array(answers[name]) for name in ("clear", "grey"))  # their form is judged above
                good = good and (clear is None or _expect_alike(clear, _array(answers["high"]), CLEAR))
                good = good and (grey is None or _expect_grey(grey, _array(answers["wide"])))
                good = good and _expect_extremes(_array(_found(extremes)))
                text = "The picture itself is changed: whoever gave it may need it again, so work on a copy."
                expect_true(not good or _found(striped).get("kept") is True, text, "in_place")


EXTREMES = np.zeros((256, 320, 3), np.uint8)  # black and white, and nothing to be resized
EXTREMES[:, 160:] = 255
STRIPES = 60, 190
BILINEAR = "A picture of narrow stripes loses half of them: resize with Image.BILINEAR, which takes means of pixels."
FEW_COLOURS = (
    "Of a picture with a palette of colours (mode P) pixels are left out: between numbers of colours there are no "
    "means, so convert it to RGB before it is resized."
)


PALETTE = "A picture with a palette of colours (mode P) gives other numbers than the same picture in RGB: convert it."
CLEAR = 'A picture with transparency gives other numbers than image.convert("RGB") of it, which leaves that out.'


def _stripes(draw: Draw) -> Array:
    """A picture of 640 × 512 pixels with columns of two colours: half as large, all is of the colour between them."""
    pixels = np.zeros((512, 640, 3), np.uint8)
    first = draw.integer(0, 2)
    pixels[:, first::2], pixels[:, 1 - first :: 2] = STRIPES
    return pixels


def _expect_means(seen: dict[str, Any], text: str) -> bool:
    """Each pixel of the smaller picture is a mean: none has a colour of the stripes."""
    X = seen.get("X")
    found = isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.ndim >= 3 and X.shape[-3] == 3
    ends = [(np.array(level) / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1)) for level in STRIPES]
    lost = found and any(np.abs(X - end).max() <= CLOSE for end in ends)
    return expect_true(not lost, text, "wrong_argument")


def _expect_alike(X: Any, right: Any, text: str) -> bool:
    """The same picture gives the same numbers, in whatever mode it comes."""
    shapes = isinstance(X, np.ndarray) and isinstance(right, np.ndarray) and X.shape == right.shape
    alike = shapes and bool(np.abs(X - right).max() <= CLOSE)
    return expect_true(alike, text, "wrong_argument")


def _array(answer: Any) -> Array | None:
    """The numbers of a prepared picture, where they have its shape, be it without the axis of pictures."""
    X = answer.get("X") if isinstance(answer, dict) else None
    shape, thinned = tuple(answer.get("shape") or ()) if isinstance(answer, dict) else (), (1, 3, ROWS, ROWS)
    if shape[-3:] != (3, SIDE, SIDE) or not isinstance(X, np.ndarray) or X.size != np.prod(thinned):
        return None
    return X.astype(float).reshape(thinned)


def _expect_grey(X: Array, coloured: Array | None) -> bool:
    """Each of the three colours of a grey picture is what the eye's weights make of the coloured one."""
    if coloured is None:
        return True
    mean, std = np.reshape(MEAN, (3, 1, 1)), np.reshape(STD, (3, 1, 1))
    grey, colours = X * std + mean, coloured * std + mean
    right = np.tensordot((0.299, 0.587, 0.114), colours[0], axes=1)
    text = "A grey picture should come out with the same grey as red, green and blue, before MEAN and STD."
    return expect_true(bool(np.abs(grey[0] - right).max() <= 0.02), text, "wrong_argument")


def _expect_extremes(X: Array | None) -> bool:
    """In each colour black is the least that comes out, and white the most."""
    good = X is not None and all(
        np.allclose(end(X[0], axis=(1, 2)), (level - np.array(MEAN)) / STD, atol=5e-3)
        for end, level in ((np.min, 0.0), (np.max, 1.0))
    )
    text = "Black and white come out as other numbers than (0 − MEAN) / STD and (1 − MEAN) / STD: nothing limits them."
    return expect_true(good, text, "wrong_argument")


def _prepared(student: Student, pixels: Array, mode: str) -> Any:
    return _bench(student, "prepare")(student.get("preprocess"), pixels, mode, STEP)


def _slopes(draw: Draw, wide: bool) -> Slopes:
    """A picture of even slopes, of a size that leaves no doubt about rounding."""
    shorter = int(draw.rng.choice([128, 160, 320]))
    longer = shorter * int(draw.rng.choice([10, 11, 12])) // 8
    steps = draw.signed(3, 2, low=45, high=95)
    steps[1] = -steps[0] * draw.number(0.6, 0.9)
    start = 127 - steps.sum(axis=1) / 2 + np.array([12.0, -9.0, 3.0])
    size = (longer, shorter) if wide else (shorter, longer)
    return Slopes(*size, np.column_stack([start, steps]), STEP)


def _form(seen: dict[str, Any], what: str) -> None:
    if seen.get("kind") != "tensor":
        raise StudentError(f"For {what} preprocess should give a tensor, but gives {seen.get('kind')}.", "type")
    shape = tuple(seen.get("shape") or ())
    text = f"For {what} the shape should be (1, 3, {SIDE}, {SIDE}), but it is {shape}."
    expect_true(shape == (1, 3, SIDE, SIDE), text, "shape")
    text = f"The tensor should be of torch.float32, but is of {seen.get('dtype')}."
    expect_true(seen.get("dtype") == "torch.float32", text, "dtype")
    expect_true(seen.get("finite") is True, f"For {what} there are nan or infinite entries.", "nan")


def _expect_picture(X: Array, slopes: Slopes, name: str) -> None:
    right = slopes.prepared()
    if np.abs(X - right).max() <= CLOSE:
        return
    mistake = recognise(f"X of a {name} picture", X, slopes.misplaced() | slopes.misscaled())
    if mistake is not None:
        expect_true(False, mistake.text, mistake.family)
    else:
        expect(X, right, name=f"X of a {name} picture", atol=CLOSE, rtol=0.0, float32=False)


# -- named predictions ------------------------------------------------------------------------------------------------


ROUNDED = {"last digits": "probabilities are numbers of float32"}


@check("10-imagenet/classify_check", points=3, reveals=True, domain=ROUNDED)
def classify(student: Student, draw: Draw) -> None:
    """The k largest probabilities with their names, in descending order; eval mode; no graph."""
    C = draw.integer(8, 13)
    scores = draw.rng.permutation(np.linspace(-2.5, 3.0, C) + draw.rng.uniform(-0.1, 0.1, C)).astype(np.float32)
    labels = [f"{'aeiou'[i % 5]}{'bdfgklmnprst'[i]}{'oiuea'[i % 5]}" for i in draw.rng.permutation(12)[:C]]
    k = draw.integer(2, 4)
    first, second = np.argsort(-scores)[:2]  # not in the order of their names
    labels[first], labels[second] = sorted((labels[first], labels[second]), reverse=True)
    colours = draw.signed(3).astype(np.float32)
    pixel = [draw.integer(20, 236) for _ in range(3)]
    # Other scores; scores whose exponentials are infinite; two classes at the top that are equally probable.
    tied = draw.rng.permutation(scores)
    tied[tied.argsort()[-2]] = tied.max()
    asked = [(scores, 5), (draw.rng.permutation(scores), k), (scores + np.float32(300), k), (tied, k + 1)]
    # One name alone; probabilities of which most are nearly 0: they are asked for as well.
    asked += [(draw.rng.permutation(scores), 1), (3 * draw.rng.permutation(scores), 6)]
    # Two classes of one name, as ImageNet has some: each is an entry of its own.
    asked.append((draw.rng.permutation(scores), 4))
    named = [labels] * (len(asked) - 1) + [list(labels)]
    named[1] = [f"great Grey_{label}, {label.title()} o'x" for label in labels]  # a name is given whole
    twice = np.argsort(-asked[-1][0])[1:3]
    named[-1][twice[1]] = named[-1][twice[0]]

    def ask(preprocess: bool) -> list[Any]:
        bench = _bench(student, "name_classes")
        each = zip(asked, named, strict=True)
        return [_asked(lambda s=s, n=n, of=of: bench(student.get("classify"), s, of, n, pixel)) for (s, n), of in each]

    with student.shadow(preprocess=_bench(student, "stand_in")(colours)):
        answers = ask(True)
    # A preparation of one's own is taken too, even without MEAN and STD: how a picture is prepared is what preprocess
    # is judged by, and is not judged again here, whether preprocess is used or not.
    own_way = np.array(pixel) / 255
    prepared = [colours, own_way, (own_way - MEAN) / STD]
    if any(isinstance(answer, StudentError) or answer.get("pairs") is None for answer in answers):
        own = ask(False)  # it may prepare the picture by itself, in its own way
        if not any(isinstance(answer, StudentError) for answer in own):
            answers, prepared = own, []

    with part("names", points=1):
        for answer, (given, count), labels in zip(answers, asked, named, strict=True):
            names = [name for name, _ in _pairs(_found(answer))]
            order = np.argsort(-given, kind="stable")
            if given is tied and names[:2] == [labels[i] for i in order[1::-1]]:
                order[:2] = order[1::-1]  # either of the two may come first
            right = [labels[i] for i in order[:count]]
            if names != right:
                family, text = _about_names(names, right, [labels[i] for i in order], order, count)
                expect_true(False, text, family)
                break
    with part("probabilities", points=1):
        for answer, (given, count) in zip(answers, asked, strict=True):
            top = np.argsort(-given, kind="stable")[:count]
            got = np.array([value for _, value in _pairs(_found(answer))])
            shifted = given.astype(float) - (300 if given is asked[2][0] else 0)
            if given is asked[2][0] and not np.isfinite(got).all():
                text = "Scores of about 300 give nan: subtract the largest one before the exponentials, or use softmax."
                expect_true(False, text, "nan")
                break
            p = np.exp(shifted) / np.exp(shifted).sum()
            mistakes = partial(_probabilities, shifted, top)
            if got.shape == (C,) and count < C:
                expect_true(False, f"All {C} classes come back: the {count} most probable ones are wanted.", "shape")
                continue
            # The logarithm of a probability, s - logsumexp(s), is as precise as a float32 of the size of the scores.
            rtol = max(1e-5, 4 * float(np.finfo(np.float32).eps * np.abs(given).max()))
            if not expect(got, p[top], name="probabilities", atol=1e-6, rtol=rtol, mistakes=mistakes):
                break
    with part("eval mode, no graph", points=1):
        seen = _found(answers[0])
        modes, tracked, inputs = seen.get("modes"), seen.get("tracked"), seen.get("inputs")
        asked_at_all = all(isinstance(noted, list) and len(noted) > 0 for noted in (modes, tracked, inputs))
        # What the process says of itself counts only beside what it has calculated.
        text = "How the model is asked counts beside right names or probabilities, and neither are right here."
        expect_true(not asked_at_all or any(modes) or _calculated(seen, scores, named[0]), text, "type")
        text = "The model predicts in training mode, with dropout: call model.eval() first."
        expect_true(asked_at_all and not any(modes), text, "train_mode")
        text = "PyTorch kept the graph for gradients that nobody asks for: predict inside `with torch.no_grad():`."
        expect_true(asked_at_all and not any(tracked), text, "graph_kept")
        text = "The model should get a tensor of shape (1, 3, 224, 224), what preprocess gives."
        kept = expect_true(seen.get("kept") is True, "The picture itself is changed: work on a copy.", "in_place")
        shaped = kept and expect_true(
            asked_at_all and all(shape == [1, 3, SIDE, SIDE] for shape in inputs), text, "shape"
        )
        if shaped and prepared:
            got = seen.get("colours")
            close = isinstance(got, list) and all(_is_one_of(colour, prepared) for colour in got)
            text = "The model should get what preprocess(image) gives, as it is: here its numbers are others."
            expect_true(close, text, "wrong_argument")


def _calculated(seen: dict[str, Any], scores: Array, labels: list[str]) -> bool:
    """Whether the names are those of the highest scores, or each stands beside the probability of its class."""
    pairs = _pairs(seen)
    p = dict(zip(labels, np.exp(scores) / np.exp(scores).sum(), strict=True))
    best = sorted(labels, key=p.__getitem__, reverse=True)
    by_number = dict(enumerate(p.values()))
    own = [by_number.get(name) if isinstance(name, int) else p.get(name) for name, _ in pairs]
    return [name for name, _ in pairs] == best[: len(pairs)] or all(
        right is not None and abs(value - right) < 1e-4 for (_, value), right in zip(pairs, own, strict=True)
    )


def _is_one_of(colours: Any, known: list[Array]) -> bool:
    numbers = isinstance(colours, np.ndarray) and colours.shape == (3,) and colours.dtype.kind == "f"
    return numbers and any(np.abs(colours - right).max() <= CLOSE for right in known)


def _pairs(seen: dict[str, Any]) -> list[tuple[Any, float]]:
    pairs = seen.get("pairs")
    good = isinstance(pairs, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs)
    if not good or not all(isinstance(p, float) for _, p in pairs):
        raise StudentError("classify should give a list of pairs (name, probability).", "type")
    return pairs


def _about_names(names: list, right: list[str], ranked: list[str], order: Array, count: int) -> tuple[str, str]:
    """The mistake in a list of names: (family, sentence)."""
    if names == [int(i) for i in order[:count]]:
        return "type", "The classes come as numbers: look their names up in idx2label."
    if len(names) == len(right) and all(
        isinstance(name, str) and name and (name in whole or name.lower() == whole.lower())
        for name, whole in zip(names, right, strict=True)
    ):
        return "wrong_argument", f"A name comes back changed or cut, such as {names[0]!r}: give idx2label's as it is."
    if names == ranked[::-1][:count]:
        return "order", "These are the least probable classes: the largest probabilities are wanted."
    if sorted(map(str, names)) == sorted(right):
        return "order", "The right classes in another order: the most probable comes first."
    if len(names) != len(right):
        return "shape", f"{count} classes were asked for, and {len(names)} came back."
    return "wrong_argument", "The names are not those of the most probable classes: which number goes with which name?"


def _probabilities(scores: Array, top: Array) -> list[Slip]:
    e = np.exp(scores)
    p = e / e.sum()
    return [
        Slip("wrong_argument", scores[top], "the scores, before softmax"),
        Slip("wrong_argument", np.log(p[top]), "the logarithms of the probabilities"),
        Slip("wrong_argument", 1 / (1 + 1 / e[top]), "sigmoid, where softmax belongs"),
        Slip("wrong_argument", e[top] / e[top].sum(), "softmax of the chosen scores only, where it takes all of them"),
        Slip("wrong_argument", e[top], "exponentials that are not divided by their sum"),
        Slip("wrong_argument", np.ones(len(top)), "softmax along the pictures, where it goes along the classes"),
        Slip("wrong_argument", np.exp(p[top]) / np.exp(p).sum(), "softmax is taken twice"),
        Slip("order", p[top][::-1]),
        Slip("factor", 100 * p[top]),
    ]


# -- saliency ---------------------------------------------------------------------------------------------------------


@check("10-imagenet/saliency_check", points=0)
def saliency(student: Student, draw: Draw) -> None:
    """|∂s_c/∂X| for the class with the highest score, its largest value over the channels."""
    C, (H, W) = draw.integer(4, 7), draw.distinct_sizes(2, 5, 9)
    weights = draw.positive(C, 3, H, W).astype(np.float32)
    best = draw.integer(1, C)
    weights[best] += 1
    X = draw.signed(1, 3, H, W).astype(np.float32)

    other = draw.signed(1, 3, H, W).astype(np.float32)
    # All scores are below zero: the one with the largest absolute value is the lowest.
    lower = 1 + max(float(0.5 * (weights[best] * one**2).sum()) for one in (X, other))

    def ask(picture: Array, *before: Array) -> Any:
        look = _bench(student, "look_at")
        return _asked(lambda: look(student.get("saliency"), weights, lower, picture, list(before)))

    gradient = (weights[best] * X[0]).astype(float)
    size = np.abs(gradient)
    scores = 0.5 * (weights * X**2).sum(axis=(1, 2, 3), dtype=float)
    p = np.exp(scores - scores.max())
    p /= p.sum()
    by_probability = p[best] * (weights[best] - np.tensordot(p, weights, 1)) * X[0]

    def mistakes() -> list[Slip]:
        return [
            Slip("absolute", gradient.max(axis=0)),
            Slip("wrong_argument", size.sum(axis=0), "the sum over the channels, where the largest belongs"),
            Slip("wrong_argument", size.mean(axis=0), "the mean over the channels, where the largest belongs"),
            Slip("wrong_argument", list(size), "one channel, where the largest of the three belongs"),
            Slip(
                "wrong_argument",
                np.abs(weights.sum(axis=0) * X[0]).max(axis=0),
                "all scores together, where the highest one belongs",
            ),
            Slip(
                "wrong_argument",
                np.abs(weights[0] * X[0]).max(axis=0),
                "class 0, where the one with the highest score belongs",
            ),
            Slip("wrong_argument", np.abs(by_probability).max(axis=0), "the probability, where the score belongs"),
            Slip("wrong_argument", np.abs(gradient * X[0]).max(axis=0), "the pixels times the gradient"),
            Slip("shape", [size, size[None]]),
        ]

    once = ask(X)
    with part("map", points=0):
        got = _found(once).get("X")
        expect(got, size.max(axis=0), name="|∂s/∂X|", atol=1e-5, rtol=1e-5, mistakes=mistakes)
    with part("leaves no traces", points=0):
        seen = _found(once)
        same = isinstance(seen.get("given"), np.ndarray) and np.array_equal(seen["given"], X)
        if expect_true(same, "X was changed: work on X.detach().clone().", "in_place"):
            text = "X asks for a gradient afterwards, or holds one: work on X.detach().clone()."
            expect_true(seen.get("given tracked") is False, text, "in_place")
        scores = 0.5 * (weights * other**2).sum(axis=(1, 2, 3), dtype=float)
        right = np.abs(weights[scores.argmax()] * other[0]).max(axis=0)
        stale = [
            Slip("stale", 2 * right, "the gradient of the call before; start from a fresh copy of X"),
            Slip("stale", size.max(axis=0), "the map of the picture before"),
        ]
        again = _found(ask(other, X)).get("X")
        expect(again, right, name="|∂s/∂X|, asked again", atol=1e-5, rtol=1e-5, mistakes=stale)
