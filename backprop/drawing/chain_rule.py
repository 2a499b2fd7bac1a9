"""What a node's ``backward`` hands to an input, taken apart: upstream gradient, local derivative, and how they combine.

Nothing is read from the code of a node. Its ``backward`` is asked again with other upstream gradients, on inputs whose
``d_out`` is zero, and the answers are compared with what each operation would give. Everything is put back afterwards.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .texts import factor_text, full_text, short_text

_MOST = 9  # entries of an input that are moved one by one


@dataclass(frozen=True)
class Share:
    """How an input's share comes about.

    told : what follows the share in a sentence, " = 4 (upstream) · 3 (∂p/∂x)", or "" where it is not known
    factors : the same for the arrow, "4 · 3"
    remark : a sentence about something that is wrong, or ""
    """

    told: str = ""
    factors: str = ""
    remark: str = ""


def ask(node, sources: Sequence, upstream: np.ndarray) -> list[np.ndarray]:
    """What ``node.backward()`` leaves in each source when it finds zeros there and this upstream gradient."""
    held = node.d_out, [source.d_out for source in sources]
    try:
        node.d_out = upstream.copy()
        for source in sources:
            source.d_out = np.zeros(np.shape(source.out))
        with contextlib.redirect_stdout(io.StringIO()):
            node.backward()
        return [np.array(source.d_out, dtype=float) for source in sources]
    finally:
        node.d_out = held[0]
        for source, d_out in zip(sources, held[1], strict=True):
            source.d_out = d_out


def explain(node, upstream: np.ndarray, sources: Sequence, sent: Sequence, names: Sequence[str]) -> list[Share]:
    """A share for each source: what it was sent, as upstream gradient times local derivative.

    upstream : the node's own d_out before its backward
    sent : what each source receives from it
    names : of the node, then of the sources
    """
    rng = np.random.default_rng(0)
    other = rng.uniform(0.5, 1.5, np.shape(upstream)) * rng.choice([-1.0, 1.0], np.shape(upstream))
    try:
        ones, others = ask(node, sources, np.ones(np.shape(upstream))), ask(node, sources, other)
        boths = ask(node, sources, upstream + other)
    except Exception:  # a backward that can't be asked twice: what it sent is shown as it is
        return [Share()] * len(sources)
    measured = [_measured(node, source, other) for source in sources]
    if not any(np.any(slopes) for slopes in measured if slopes is not None):
        measured = [None] * len(sources)  # forward looks at no input any more, so it can't be asked
    shares = []
    for k, source in enumerate(sources):
        name = f"∂{names[0]}/∂{names[k + 1]}"
        if not all(np.shape(answer[k]) == np.shape(source.out) for answer in (sent, ones, others, boths)):
            shares.append(Share())
        elif not _close(boths[k], np.add(sent[k], others[k])):
            forgot = np.any(sent[k]) and _close(sent[k], others[k])
            remark = f"It is the same for any d_out of {names[0]}: backward has to multiply by its own d_out."
            shares.append(Share(remark=remark if forgot else ""))
        else:
            share = _scalar_share if np.size(upstream) == 1 else _array_share
            told, factors = share(node, upstream, other, sources, names, k, sent[k], ones[k], others[k], name)
            shares.append(Share(told, factors, _contradiction(measured[k], other, others[k], name)))
    return shares


def _scalar_share(node, upstream, other, sources, names, k, sent, local, others, name) -> tuple[str, str]:
    shape = f", shape {np.shape(sent)}" if np.ndim(sent) else ""
    return (
        f" = {full_text(upstream)} (upstream) · {factor_text(full_text(local))} ({name}){shape}",
        f"{short_text(upstream)} · {factor_text(short_text(local))}",
    )


def _array_share(node, upstream, other, sources, names, k, sent, slopes, others, name) -> tuple[str, str]:
    shapes = f"{np.shape(upstream)} → {np.shape(sent)}"
    if np.shape(sent) == np.shape(upstream) and _close(others, other * slopes):
        same = slopes.size and np.ptp(slopes) <= 1e-7 * np.abs(slopes).max()
        if same and np.isclose(slopes.flat[0], 1):
            return f" = upstream, passed on unchanged, shape {np.shape(sent)}", "upstream · 1"
        if same:
            factor = factor_text(short_text(slopes.flat[0]))
            return f" = upstream · {factor} ({name} of each entry), shape {np.shape(sent)}", f"upstream · {factor}"
        return (
            f" = upstream ⊙ {full_text(slopes)} ({name}, entry by entry), shape {np.shape(sent)}",
            f"upstream ⊙ {short_text(slopes)}",
        )
    found = []
    for i, source in enumerate(sources):
        if i != k:
            found += _products(np.asarray(source.out), names[i + 1], upstream, other, sent, others)
    if len(found) == 1:
        told, factors = found[0]
        return f" = {told} → {np.shape(sent)}", factors
    for axis in (None, *range(np.ndim(upstream))):
        if _fits(other.sum(axis=axis), others) and _fits(upstream.sum(axis=axis), sent):
            over = "all entries" if axis is None else f"axis {axis}"
            return f" = upstream, summed over {over}, shapes {shapes}", f"sum over {over}"
    jacobian = (*np.shape(upstream), *np.shape(sent))
    return (
        f" = upstream times {name} of shape {jacobian}, summed over the entries of upstream, shapes {shapes}",
        f"upstream · {name}",
    )


def _products(value: np.ndarray, name: str, upstream, other, sent, others) -> list[tuple[str, str]]:
    """The products of upstream and this value that give the share, as (words, words for the arrow)."""
    at = {"upstream": upstream.shape, name: value.shape}
    candidates = {
        f"outer(upstream, {name})": lambda u: np.outer(u, value) if u.ndim == value.ndim == 1 else None,
        f"outer({name}, upstream)": lambda u: np.outer(value, u) if u.ndim == value.ndim == 1 else None,
        f"{name}ᵀ · upstream": lambda u: value.T @ u if value.ndim == 2 else None,
        f"{name} · upstream": lambda u: value @ u if value.ndim else None,
        f"upstream · {name}ᵀ": lambda u: u @ value.T if value.ndim == u.ndim == 2 else None,
        f"upstream · {name}": lambda u: u @ value if value.ndim == u.ndim == 2 else None,
    }
    found = []
    for text, product in candidates.items():
        with contextlib.suppress(ValueError):  # shapes that do not fit
            if _fits(product(other), others) and _fits(product(upstream), sent):
                first, second = (at["upstream"], at[name]) if text.find("upstream") < text.find(name) else (
                    at[name], at["upstream"])  # fmt: skip
                found.append((f"{text}, shapes {first} and {second}", text))
    return found


def _fits(made, wanted: np.ndarray) -> bool:
    return made is not None and np.shape(made) == np.shape(wanted) and _close(made, wanted)


def _close(a, b) -> bool:
    """Equal up to the error of a measured derivative."""
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-7 * max(1.0, np.max(np.abs(b), initial=0.0)), equal_nan=True))


# ---- does the node's forward agree? --------------------------------------------------------------------------------


def _contradiction(slopes: np.ndarray | None, upstream: np.ndarray, sent: np.ndarray, name: str) -> str:
    """A sentence where ``forward`` changes otherwise than ``backward`` says, by more than an error of measuring."""
    if slopes is None or np.allclose(slopes, sent, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(slopes).max())):
        return ""
    if np.size(upstream) == 1:
        local = np.round(slopes / upstream.item(), 6)
        return f"But moving the input of its forward a little shows another {name}: {full_text(local)}."
    return f"But moving the input of its forward a little shows another {name}."


def _measured(node, source, upstream: np.ndarray) -> np.ndarray | None:
    """Upstream times the slopes of ``forward`` for this source, measured; None where that can't be done."""
    if not 0 < np.size(source.out) <= _MOST or np.asarray(source.out).dtype.kind != "f":
        return None
    out = np.array(node.out, dtype=float)
    try:
        with _kept(node, source), contextlib.redirect_stdout(io.StringIO()):
            value, slopes = np.array(source.out, dtype=float), np.zeros(np.shape(source.out))
            for index in np.ndindex(value.shape):
                step = 1e-5 * max(1.0, abs(value[index]))
                above, below = (_forward(node, source, value, index, move) for move in (step, -step))
                right, left = (np.sum(upstream * d) / step for d in (above - out, out - below))
                if not np.isclose(right, left, rtol=1e-2, atol=1e-4 * max(1.0, np.abs(out).max(initial=0.0))):
                    return None  # a kink, or a forward that is not the same twice
                slopes[index] = (right + left) / 2
    except Exception:
        return None
    return slopes


def _forward(node, source, value: np.ndarray, index: tuple, move: float) -> np.ndarray:
    moved = value.copy()
    moved[index] += move
    source.out = moved
    node.forward()
    return np.array(node.out, dtype=float)


@contextlib.contextmanager
def _kept(node, source) -> Iterator[None]:
    """Node and source are afterwards as before, with what ``forward`` may keep for ``backward``."""
    held = node.out, node.d_out, source.out
    try:
        yield
    finally:
        source.out = held[2]
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            node.forward()
        node.out, node.d_out = held[:2]
