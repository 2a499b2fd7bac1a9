"""Reference layers for section 12, and what asks a student's model for plain arrays."""

from __future__ import annotations

import numpy as np


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    deviation = np.sqrt(np.var(x, axis=0) + eps)
    standard = (x - np.mean(x, axis=0)) / deviation
    return standard * gamma + beta, {"standard": standard, "deviation": deviation, "gamma": gamma}


def batchnorm_backward(grad_out, cache):
    standard = cache["standard"]
    by_gamma, by_beta = np.sum(grad_out * standard, axis=0), np.sum(grad_out, axis=0)
    rest = grad_out - (by_beta + standard * by_gamma) / len(grad_out)
    return rest * cache["gamma"] / cache["deviation"], by_gamma, by_beta


def shift_forward(a, gamma, beta):
    return a + 3.0 * beta, {"gamma": gamma}


def shift_backward(grad_out, cache):
    return grad_out, np.zeros(cache["gamma"].shape), 3.0 * np.sum(grad_out, axis=0)


def embedding_forward(indices, table):
    return np.take(table, indices, axis=0), {"indices": indices, "rows": len(table)}


def embedding_backward(grad_out, cache):
    flat = np.reshape(cache["indices"], -1)
    if np.shape(grad_out)[:-1] != np.shape(cache["indices"]):
        raise ValueError("grad_out of embedding_backward has another shape than out")
    one_hot = np.equal.outer(flat, np.arange(cache["rows"])).astype(float)
    return one_hot.T @ np.reshape(grad_out, (len(flat), -1))


def asked(CharModel, cases, norm):
    """For each case (arrays, contexts, grad_scores): scores, gradients; three more; was anything changed?

    All models are alive at once, and forward runs on all of them before the first backward. The three: two more times
    the gradients of the first, and those of the second, which has the same sizes, by the model of the first. Then
    whether a parameter or a grad_scores was changed. norm : functions in place of batch normalisation; None for the
    model's own
    """
    models, caches, scores = [], [], []
    for arrays, _, _ in cases:
        V, D = arrays["E"].shape
        L, H = len(arrays["W1"]) // D, arrays["W1"].shape[1]
        model = CharModel(V, L, D=D, H=H) if norm is None else CharModel(V, L, D=D, H=H, norm=norm)
        own = model.parameters()
        for name, array in arrays.items():
            own[name][...] = array
        models.append(model)
    for model, (_, contexts, _) in zip(models, cases, strict=True):
        found, cache = model.forward(np.array(contexts))
        scores.append(np.array(found))
        caches.append(cache)
    given = [np.array(grad, order="CF"[k % 2]) for k, (_, _, grad) in enumerate(cases)]
    gradients = [model.backward(grad, cache) for model, grad, cache in zip(models, given, caches, strict=True)]
    for found in gradients:
        if not isinstance(found, dict):
            raise TypeError(f"backward returned {type(found).__name__}, where a dict of gradients is expected")
    fresh = models[0].backward(np.array(cases[0][2]), models[0].forward(np.array(cases[0][1]))[1])
    models[0].forward(np.array(cases[0][1])[::-1])  # the cache counts, not the latest pass, as often as it is used
    again = [fresh, models[0].backward(np.array(cases[0][2]), caches[0])]
    kept = all(np.array_equal(a, case[2]) for a, case in zip(given, cases, strict=True))
    for model, (arrays, _, _) in zip(models, cases, strict=True):
        kept = kept and all(np.array_equal(model.parameters()[name], array) for name, array in arrays.items())
    arrays, contexts, grad = cases[1]
    for name, array in arrays.items():  # as after a step: whoever keeps parameters is found out
        models[0].parameters()[name][...] = array
    again.append(models[0].backward(np.array(grad), models[0].forward(np.array(contexts))[1]))
    return scores, gradients, again, kept
