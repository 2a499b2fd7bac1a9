"""Check embeddings, and the model that writes letter by letter (section 12).

    check_embedding(embedding_forward, embedding_backward)
    check_softmax(softmax_loss)
    check_char_model(CharModel)

Each prints its report and returns None, or raises CheckFailed with the report as its message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .checking.comparison import compare, stop_if_wrong
from .checking.finite_differences import numeric_gradient
from .checking.function_checks import check_values
from .checking.student_code import student_code
from .layer_checks import check_classifier, check_layer, check_loss

__all__ = ["check_char_model", "check_embedding", "check_softmax", "embedding_slips"]

Array = np.ndarray


def embedding_slips(indices: Array, rows: int, upstream: Array) -> dict[str, Any]:
    """family -> what the gradient of a table with so many rows is after that mistake; indices of any shape."""
    flat, each = indices.ravel(), upstream.reshape(indices.size, -1)
    width = each.shape[1]
    total, first, last, count = (
        np.zeros((rows, width)),
        np.zeros((rows, width)),
        np.zeros((rows, width)),
        np.zeros(rows),
    )
    for k, gradient in zip(flat, each, strict=True):
        first[k] = gradient if not count[k] else first[k]
        total[k], last[k], count[k] = total[k] + gradient, gradient, count[k] + 1
    contexts: dict[str, Array] = {}
    apart = np.unique(np.column_stack([flat, each]), axis=0)
    if len(apart) < len(flat):
        alone = np.equal.outer(np.arange(rows), apart[:, 0]) @ apart[:, 1:]
        contexts["missing_term:equal contributions to a row count each by itself, and here only once"] = alone
    if indices.ndim > 1:
        contexts["wrong_argument:divided by the number of contexts"] = total / len(indices)
        once, places = np.unique(indices, axis=0, return_index=True)
        if len(once) < len(indices):
            alone = np.equal.outer(np.arange(rows), once.ravel()) @ upstream[places].reshape(-1, width)
            contexts["missing_term:a context that comes again counts each time, and here only once"] = alone
    by_place = np.zeros((rows, width))
    if indices.ndim == 1 and len(indices) <= rows:
        by_place[: len(indices)] = upstream
        contexts["wrong_argument:the place of a letter in the batch, where its number belongs"] = by_place
    return contexts | {
        "missing_term:a row that was looked up several times gets each contribution, and here only the last": last,
        "missing_term:a row that was looked up several times gets each contribution, and here only the first": first,
        "wrong_argument:the mean of what arrives at a row, where the sum belongs": (
            total / np.maximum(count, 1)[:, np.newaxis]
        ),
        "wrong_argument:divided by the number of look-ups": total / indices.size,
        "upstream_ignored": np.repeat(count[:, np.newaxis], width, axis=1),
        "wrong_argument:the rows are in another order": total[::-1],
        "one_based_labels": np.roll(total, -1, axis=0),
        "sign": -total,
    }


def check_embedding(forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
    """Check embedding_forward(indices, table) and embedding_backward(grad_out, cache); print the reports.

    Raises CheckFailed with the report when something is wrong.
    """
    rng = np.random.default_rng(9)
    contexts = rng.integers(0, 8, (7, 5)) % 6
    contexts[-1], contexts[1, 2] = contexts[0], 25  # one that comes again
    batches = {"(5,)": (np.array([4, 1, 4, 0, 4]), 6), "(7, 5)": (contexts, 30)}
    for shape, (indices, rows) in batches.items():
        table = rng.normal(size=(rows, 3))
        out = np.concatenate([table[k : k + 1] for k in indices.ravel()]).reshape(*indices.shape, 3)
        wrong = {"one_based_labels": np.take(table, indices - 1, axis=0), "wrong_argument:each column": table[:, :1]}
        slips = {family: _slip(family, indices, rows) for family in embedding_slips(indices, rows, out)}
        print(f"indices of shape {shape}:")
        check_layer(
            forward, backward, indices=indices, table=table, expected=out, mistakes={"out": wrong, "table": slips}
        )
        equal = np.full(out.shape, -0.7)
        with student_code("embedding_backward"):
            got = backward(equal.copy(), forward(indices.copy(), table.copy())[1])
        got = got[0] if isinstance(got, list | tuple) and len(got) == 1 else got
        count = np.bincount(indices.ravel(), minlength=rows)[:, np.newaxis]
        hints = embedding_slips(indices, rows, equal)
        line = compare("grad_table", got, np.repeat(-0.7 * count, 3, axis=1), candidates=hints, single=True)
        stop_if_wrong([(f"embedding_backward, indices of shape {shape}, grad_out −0.7 everywhere", [line])])


def _slip(family: str, indices: Array, rows: int) -> Callable[[Array], Any]:
    return lambda upstream: embedding_slips(indices, rows, upstream).get(family)


def check_softmax(softmax_loss: Callable[..., Any]) -> None:
    """Check softmax_loss(x, y) on 7 rows of 5 scores and on scores around ±1000; print the reports.

    Raises CheckFailed with the report when something is wrong.
    """
    x = np.random.default_rng(10).normal(size=(7, 5)) * 1.5
    y = np.array([3, 0, 4, 4, 1, 2, 3])
    total = float(sum(np.logaddexp.reduce(row) - row[k] for row, k in zip(x, y, strict=True)))
    wrong = {"missing_mean": total, "wrong_argument:the mean is taken over the classes too": total / 35}
    wrong["one_based_labels"] = np.mean([np.logaddexp.reduce(row) - row[k - 1] for row, k in zip(x, y, strict=True)])
    check_loss(softmax_loss, x, y, expected=total / 7, mistakes={"value": wrong})
    far = np.array([[1000.0, 0.3, -1000.0], [1000.0, -0.7, -1000.0], [-1000.0, -1000.0, -1000.0]])
    wanted = {"loss": (1000.7 + np.log(3)) / 3, "grad_x": np.array([[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]]) / 3}

    def far_apart(first: int = 0) -> dict[str, Any]:
        loss, gradient = softmax_loss(far[first:].copy(), np.array([0, 1, 2])[first:])
        return {"loss": loss, "grad_x": gradient}

    alone = {"loss": np.log(3), "grad_x": 3 * wanted["grad_x"][2:]}
    check_values("softmax_loss, scores of −1000", lambda: far_apart(2), alone)
    lost: dict[str, Any] = {"unstable": [np.nan, np.inf]}
    title = "softmax_loss, scores around ±1000"
    check_values(title, far_apart, wanted, mistakes={"loss": lost, "grad_x": {"unstable": np.full((3, 3), np.nan)}})


# -- the model --------------------------------------------------------------------------------------------------------


def check_char_model(CharModel: Callable[..., Any]) -> None:
    """Check backward of a CharModel with an alphabet of 6, contexts of 3, embeddings of 4 and 5 hidden units.

    Its forward is taken as it is; gradients are compared with differences of it. Raises CheckFailed with the report
    when something is wrong.
    """
    rng = np.random.default_rng(12)
    contexts = rng.integers(0, 6, (7, 3))
    parameters = {"E": rng.normal(size=(6, 4)), "W1": 0.5 * rng.normal(size=(12, 5))}
    parameters |= {"gamma": np.array([0.7, -1.3, 0.3, 1.9, -0.6]), "beta": np.array([0.4, -0.9, 0.1, -0.7, 0.6])}
    parameters |= {"W2": rng.normal(size=(5, 6)), "b2": rng.normal(size=6)}
    with student_code("CharModel"):
        model = CharModel(6, 3, D=4, H=5)
        other = CharModel(6, 3, D=4, H=5, seed=1)  # alive at the same time
    kept = {name: np.array(array) for name, array in other.parameters().items()}

    def wrong(upstream: Array) -> dict[str, dict[str, Any]]:
        return _model_slips(contexts, parameters, upstream)

    check_classifier(model, contexts, parameters, None, gradient_mistakes=wrong, smooth=True)
    moved = [compare(name, array, kept[name], labels=("yours", "right")) for name, array in other.parameters().items()]
    stop_if_wrong([("the parameters of another model, which was not used", moved)])
    contexts = rng.integers(0, 6, (5, 9))
    parameters = {"E": rng.normal(size=(6, 2)), "W1": 0.3 * rng.normal(size=(18, 20)), "gamma": rng.normal(size=20)}
    parameters |= {"beta": 0.3 * rng.normal(size=20), "W2": rng.normal(size=(20, 6)), "b2": rng.normal(size=6)}
    with student_code("CharModel"):
        shifted = CharModel(6, 9, D=2, H=20, norm=(_shift_forward, _shift_backward))
        scores, cache = shifted.forward(contexts)
        shifted.backward(np.ones_like(scores), cache)  # a step, before the parameters are others
    print("with another layer in place of batch normalisation, and more letters and units:")
    check_classifier(shifted, contexts, parameters, None, smooth=True)


def _shift_forward(a: Array, gamma: Array, beta: Array) -> tuple[Array, Array]:
    return a + 3 * beta, gamma


def _shift_backward(grad: Array, gamma: Array) -> tuple[Array, Array, Array]:
    return grad, np.zeros(gamma.shape), np.einsum("nd->d", 3 * grad)


def _model_slips(contexts: Array, parameters: Mapping[str, Array], upstream: Array) -> dict[str, dict[str, Any]]:
    """name -> family -> the gradient after that mistake, from differences of a model that is made wrong in this way."""
    rows = np.stack([parameters["E"][column] for column in contexts.T], axis=1)
    a, z = _up_to_z(rows, parameters)
    h = np.tanh(z)
    slopes = {
        "missing_chain_factor:(slope of tanh)": np.ones_like(h),
        "wrong_argument:the slope of tanh is taken at h, which has been through tanh already": 1 - np.tanh(h) ** 2,
        "wrong_argument:plus, where minus belongs in the slope of tanh": 1 + h**2,
        "wrong_argument:z, where tanh z belongs": 1 - z**2,
        "wrong_argument:h is not squared in the slope of tanh": 1 - h,
        "wrong_argument:the slope of ReLU, where that of tanh belongs": (h > 0) * 1.0,
    }
    found: dict[str, dict[str, Any]] = {name: {} for name in parameters}

    def differences(name: str, slope: Array, normalised: bool = True) -> Array:
        """The gradient by a parameter, or by the rows looked up, with this slope in place of that of tanh."""
        moved = {key: value.copy() for key, value in {**parameters, "rows": rows}.items()}

        def total(_: Array) -> Any:
            each = moved["rows"] if name == "rows" else np.stack([moved["E"][c] for c in contexts.T], axis=1)
            new_a, new_z = _up_to_z(each, moved)
            change = new_z - z if normalised else new_a - a
            return np.sum(upstream * ((h + slope * change) @ parameters["W2"]))

        return numeric_gradient(total, moved[name], 1e-5)

    for family, slope in slopes.items():
        for name in ("E", "W1", "gamma", "beta"):
            found[name][family] = differences(name, slope)
    for name in ("E", "W1"):
        found[name]["missing_chain_factor:(normalising layer)"] = differences(name, 1 - h**2, normalised=False)
    each = differences("rows", 1 - h**2)
    slips = embedding_slips(contexts, len(parameters["E"]), each)
    found["E"] |= {family: value for family, value in slips.items() if family.startswith("missing_term")}
    mixed = each.reshape(len(each), -1).reshape(len(each), each.shape[2], each.shape[1]).swapaxes(1, 2)
    table = np.zeros_like(parameters["E"])
    for letter, gradient in zip(contexts.ravel(), mixed.reshape(contexts.size, -1), strict=True):
        table[letter] = table[letter] + gradient
    found["E"]["wrong_argument:reshaped with the letters last"] = table
    found["W2"] = {"wrong_argument:z, where h belongs": z.T @ upstream}
    return found


def _up_to_z(rows: Array, p: Mapping[str, Array]) -> tuple[Array, Array]:
    a = rows.reshape(len(rows), -1) @ p["W1"]
    return a, p["gamma"] * (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + 1e-5) + p["beta"]
