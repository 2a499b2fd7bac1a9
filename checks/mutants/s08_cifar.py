"""Wrong and right solutions of section 08: what its checks must catch, and what they must accept."""

import re

from autograder.mutants import Exercise, Mutant, Variant

# -- the fully-connected layer ------------------------------------------------------------------------------------

FC = "return x @ w + b, (x, w)"
FC_BACK = "return grad_out @ w.T, x.T @ grad_out, grad_out.sum(axis=0)"

LATEST_ONLY = Mutant(
    "remembers the latest call only",
    "stale",
    "",
    """def fc_forward(x, w, b):
    fc_forward.last = (x, w)
    return x @ w + b, None


def fc_backward(grad_out, cache):
    x, w = fc_forward.last
    return grad_out @ w.T, x.T @ grad_out, grad_out.sum(axis=0)
""",
)

fc_mutants = [
    Mutant(
        "a row of grad_out itself for one picture",
        "in_place",
        "grad_out.sum(axis=0)",
        "grad_out[0] if len(grad_out) == 1 else grad_out.sum(axis=0)",
    ),
    Mutant(
        "reshaped for one picture",
        "in_place",
        "grad_out.sum(axis=0)",
        "grad_out.reshape(-1) if len(grad_out) == 1 else grad_out.sum(axis=0)",
    ),
    Mutant("no bias", "missing_term", "x @ w + b,", "x @ w,"),
    Mutant("bias subtracted", "wrong_argument", "x @ w + b,", "x @ w - b,"),
    Mutant("bias multiplied", "wrong_argument", "x @ w + b,", "x @ w * b,"),
    Mutant("sum of the biases", "wrong_argument", "x @ w + b,", "x @ w + b.sum(),"),
    Mutant("ReLU in the layer", "activation_on_output", FC, "return np.maximum(x @ w + b, 0), (x, w)"),
    Mutant("mean over the inputs", "averaged", "x @ w + b,", "x @ w / x.shape[1] + b,"),
    Mutant("no cache", "type", FC, "return x @ w + b"),
    Mutant("cache not opened", "raises", "    x, w = cache\n", ""),
    Mutant("transposed by mistake", "raises", "x @ w + b", "x.T @ w + b"),
    Mutant(
        "bias added to x in place", "in_place", FC, "x = np.asarray(x); out = x @ w + b; x += 1; return out, (x - 1, w)"
    ),
    Mutant("cast to whole numbers", "dtype", "return x @ w + b,", "return (x @ w + b).astype(int),"),
    Mutant("not written", "unfinished", FC, "raise NotImplementedError()"),
    Mutant("pass", "none", FC, "pass"),
    Mutant("backward returns nothing", "none", FC_BACK, "pass"),
    Mutant("grad_w transposed", "transposed", "x.T @ grad_out", "grad_out.T @ x"),
    Mutant("grad_w averaged", "averaged", "x.T @ grad_out", "x.T @ grad_out / len(x)"),
    Mutant("all averaged", "averaged", "x.T @ grad_out, grad_out.sum", "x.T @ grad_out / len(x), grad_out.mean"),
    Mutant("grad_b averaged", "averaged", "grad_out.sum(axis=0)", "grad_out.mean(axis=0)"),
    Mutant("grad_b over the wrong axis", "bias_axis", "grad_out.sum(axis=0)", "grad_out.sum(axis=1)"),
    Mutant("grad_b is grad_out", "batch_axis", "grad_out.sum(axis=0)", "grad_out"),
    Mutant("grad_b a single number", "shape", "grad_out.sum(axis=0)", "grad_out.sum()"),
    Mutant("grad_b as a row", "shape", "grad_out.sum(axis=0)", "grad_out.sum(axis=0, keepdims=True)"),
    Mutant("grad_b counts examples", "upstream_ignored", "grad_out.sum(axis=0)", "np.ones(grad_out.shape).sum(axis=0)"),
    Mutant("grad_b is one", "upstream_ignored", "grad_out.sum(axis=0)", "np.ones(w.shape[1])"),
    Mutant("grad_x is the sum of w", "upstream_ignored", "grad_out @ w.T", "np.ones(grad_out.shape) @ w.T"),
    Mutant("grad_w is the sum of x", "upstream_ignored", "x.T @ grad_out", "x.T @ np.ones(grad_out.shape)"),
    Mutant("one gradient per example", "batch_axis", "x.T @ grad_out", "np.einsum('nd,nm->ndm', x, grad_out)"),
    Mutant("the last example only", "wrong_argument", "x.T @ grad_out", "np.outer(x[-1], grad_out[-1])"),
    Mutant("order w, x, b", "swapped_arguments", "grad_out @ w.T, x.T @ grad_out", "x.T @ grad_out, grad_out @ w.T"),
    Mutant(
        "order b first", "swapped_arguments", FC_BACK, "return grad_out.sum(axis=0), x.T @ grad_out, grad_out @ w.T"
    ),
    Mutant("opposite sign", "sign", "return grad_out @ w.T", "return -grad_out @ w.T"),
    Mutant("two gradients only", "type", FC_BACK, "return grad_out @ w.T, x.T @ grad_out"),
    Mutant("grad_out doubled in place", "in_place", FC_BACK, f"grad_out *= 1.5\n    {FC_BACK}"),
    LATEST_ONLY,
    Mutant("zeros of the right shape", "zero", "return grad_out @ w.T", "return 0 * (grad_out @ w.T)"),
    Mutant(
        "one row keeps its axis in grad_b",
        "shape",
        "grad_out.sum(axis=0)",
        "(grad_out.sum(axis=0) if len(grad_out) > 1 else grad_out)",
    ),
    Mutant("a single row loses its axis", "shape|raises", "return x @ w + b,", "return np.squeeze(x @ w + b),"),
    Mutant(
        "b added to a square x in place",
        "",
        FC,
        "if x.shape[1] == len(b):\n        x += b\n        return x @ w, (x, w)\n    " + FC,
    ),
    Mutant(
        "x not transposed where the batch is square",
        "",
        FC_BACK,
        "return grad_out @ w.T, (x if x.shape == (len(w), len(w)) else x.T) @ grad_out, grad_out.sum(axis=0)",
    ),
    Mutant(
        "remembers by w",
        "",
        "",
        """known = {}
def fc_forward(x, w, b):
    return known.setdefault((w.tobytes(), x.shape), x @ w + b), (x, w)


def fc_backward(grad_out, cache):
    x, w = cache
    return grad_out @ w.T, x.T @ grad_out, grad_out.sum(axis=0)
""",
    ),
]

fc_variants = [
    Variant("dot", "return np.dot(x, w) + b, (x, w)", FC),
    Variant("einsum", "return np.einsum('nd,dm->nm', x, w) + b[None, :], (x, w)", FC),
    Variant("a dictionary as cache", "return x @ w + b, {0: x, 1: w}.values()", FC),
    Variant("in-place on the new array", "out = x @ w\n    out += b\n    return out, (x, w)", FC),
    Variant("a list comes back", "return [x @ w + b, [x, w]]", FC),
    Variant("gradients in a list", "return [grad_out @ w.T, x.T @ grad_out, np.ones(len(x)) @ grad_out]", FC_BACK),
    Variant("sum of outer products", "return grad_out @ w.T, sum(map(np.outer, x, grad_out)), sum(grad_out)", FC_BACK),
    Variant("prints", "print('fc', x.shape)\n    import warnings\n    warnings.warn('slow')\n    " + FC, FC),
    Variant(
        "loops and other names",
        """def fc_forward(inputs, weights, bias):
    out = np.zeros((inputs.shape[0], weights.shape[1]))
    for n in range(len(inputs)):
        for m in range(weights.shape[1]):
            out[n, m] = sum(inputs[n, d] * weights[d, m] for d in range(inputs.shape[1])) + bias[m]
    return out, (inputs, weights, bias)


def fc_backward(dout, cache):
    inputs, weights, bias = cache
    dx, dw, db = np.zeros_like(inputs), np.zeros_like(weights), np.zeros_like(bias)
    for n in range(len(inputs)):
        dx[n] += weights @ dout[n]
        dw += np.outer(inputs[n], dout[n])
        db += dout[n]
    return dx, dw, db
""",
    ),
]

# -- ReLU ---------------------------------------------------------------------------------------------------------

RELU = "return np.maximum(x, 0), x > 0"
RELU_BACK = "return grad_out * cache"

relu_mutants = [
    Mutant(
        "grad_out itself where all pass", "in_place", RELU_BACK, "return grad_out if cache.all() else grad_out * cache"
    ),
    Mutant(
        "x itself where all are positive", "in_place", RELU, "return (x if x.min() >= 0 else np.maximum(x, 0)), x > 0"
    ),
    Mutant("a part of x itself", "in_place", RELU, "return x[:] if np.all(x > 0) else np.maximum(x, 0), x > 0"),
    Mutant("identity", "missing_activation", "np.maximum(x, 0)", "x * 1.0"),
    Mutant("minimum", "sign", "np.maximum(x, 0)", "np.minimum(x, 0)"),
    Mutant("absolute value", "absolute", "np.maximum(x, 0)", "np.abs(x)"),
    Mutant("0 and 1", "wrong_argument", "np.maximum(x, 0)", "(x > 0) * 1.0"),
    Mutant("leaky", "wrong_argument", "np.maximum(x, 0)", "np.maximum(x, 0.01 * x)"),
    Mutant("maximum with 1", "wrong_argument", "np.maximum(x, 0)", "np.maximum(x, 1)"),
    Mutant("one maximum for all", "shape", "np.maximum(x, 0)", "np.maximum(x, 0).max()"),
    Mutant("in place", "in_place", RELU, "x[x < 0] = 0\n    return x, x > 0"),
    Mutant("python's max", "raises", "np.maximum(x, 0)", "max(x, 0)"),
    Mutant("no cache", "type", RELU, "return np.maximum(x, 0)"),
    Mutant("not written", "unfinished", RELU, "raise NotImplementedError()"),
    Mutant("no mask", "missing_mask|missing_chain_factor", RELU_BACK, "return grad_out * 1.0"),
    Mutant("the slope alone", "upstream_ignored", RELU_BACK, "return cache * 1.0"),
    Mutant("mask the wrong way round", "wrong_argument", RELU_BACK, "return grad_out * ~cache"),
    Mutant("mask of grad_out", "wrong_argument", RELU_BACK, "return grad_out * (grad_out > 0)"),
    Mutant("ReLU of grad_out", "wrong_argument", RELU_BACK, "return np.maximum(grad_out, 0)"),
    Mutant("times x", "wrong_argument", "return np.maximum(x, 0), x > 0", "return np.maximum(x, 0), np.maximum(x, 0)"),
    Mutant("leaky slope", "wrong_argument", RELU_BACK, "return grad_out * np.where(cache, 1, 0.01)"),
    Mutant("grad_out masked in place", "in_place", RELU_BACK, "grad_out[~cache] = 0\n    return grad_out"),
    Mutant("grad_out multiplied in place", "in_place", RELU_BACK, "grad_out *= cache\n    return grad_out"),
    Mutant("opposite sign", "sign", RELU_BACK, "return -grad_out * cache"),
    Mutant("sum over the batch", "shape|raises", RELU_BACK, "return (grad_out * cache).sum(axis=0)"),
    Mutant("nan at the kink", "kink", RELU, "return np.maximum(x, 0), np.maximum(x, 0) / x"),
    Mutant("matrices only", "raises", RELU, "n, d = x.shape\n    return np.maximum(x, 0), x > 0"),
    Mutant("booleans come back", "dtype", RELU_BACK, "return (grad_out * cache) > 0"),
    Mutant("nothing comes back", "none", RELU_BACK, "grad_out * cache"),
    Mutant("upstream twice", "upstream_twice", RELU_BACK, "return grad_out**2 * cache"),
    Mutant("bounded above", "", RELU, "return np.clip(x, 0, 6), (x > 0) & (x < 6)"),
    Mutant(
        "mask of the latest call",
        "stale",
        "",
        """def relu_forward(x):
    global mask
    mask = x > 0
    return x * mask, None


def relu_backward(grad_out, cache):
    return grad_out * mask
""",
    ),
]

relu_variants = [
    Variant("where", "return np.where(x > 0, x, 0), x > 0", RELU),
    Variant("times the mask", "return x * (x > 0), x > 0", RELU),
    Variant("by the absolute value", "return (x + np.abs(x)) / 2, x > 0", RELU),
    Variant("slope 1 at the kink", "return np.maximum(x, 0), x >= 0", RELU),
    Variant("slope ½ at the kink", "return np.maximum(x, 0), np.heaviside(x, 0.5)", RELU),
    Variant("clip", "return x.clip(min=0), x > 0", RELU),
    Variant("a copy, then in place", "grad = grad_out.copy()\n    grad[~cache] = 0\n    return grad", RELU_BACK),
    Variant("where in backward", "return np.where(cache, grad_out, 0.0)", RELU_BACK),
    Variant("a tuple of one", "return (grad_out * cache,)", RELU_BACK),
    Variant("float32", "return np.maximum(x, 0).astype(np.float32), x > 0", RELU),
    Variant(
        "the input as cache, other names",
        """def relu_forward(inputs):
    print("relu")
    out = inputs.copy()
    out[inputs < 0] = 0
    return out, inputs


def relu_backward(dout, cache):
    return dout * (cache > 0).astype(dout.dtype)
""",
    ),
]

# -- the softmax loss ---------------------------------------------------------------------------------------------

SHIFTED = "shifted = x - x.max(axis=1, keepdims=True)"
LOG_P = "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))"
LOSS = "loss = -log_p[rows, y].mean()"
ONE = "    grad_x[rows, y] -= 1\n"
RETURN = "return loss, grad_x / len(x)"
NAIVE = "p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)\n    log_p = np.log(p)"

softmax_mutants = [
    Mutant("no maximum", "unstable|infinite", SHIFTED, "shifted = x * 1.0"),
    Mutant("naive formula", "unstable|nan", LOG_P, NAIVE),
    Mutant("maxima of large scores alone", "nan|infinite", SHIFTED, f"{SHIFTED} if x.max() > 100 else x * 1.0"),
    Mutant("maxima above 990 alone", "nan|infinite", SHIFTED, f"{SHIFTED} if abs(x).max() > 990 else x * 1.0"),
    Mutant("maxima below 0 stay", "nan|infinite", SHIFTED, "shifted = x - np.maximum(x.max(axis=1, keepdims=True), 0)"),
    Mutant("maxima above 700 alone", "nan|infinite", SHIFTED, f"{SHIFTED} if abs(x).max() > 700 else x * 1.0"),
    Mutant("one maximum for all rows", "global_max", "x.max(axis=1, keepdims=True)", "x.max()"),
    Mutant("maximum down the columns", "wrong_argument", "x.max(axis=1, keepdims=True)", "x.max(axis=0)"),
    Mutant("mean in place of the maximum", "", "x.max(axis=1, keepdims=True)", "x.mean(axis=0)"),
    Mutant("logarithm of the probability", "infinite", LOG_P, LOG_P + "\n    log_p = np.log(np.exp(log_p))"),
    Mutant("epsilon 1e-8", "epsilon_in_log|numeric", LOSS, "loss = -np.log(np.exp(log_p)[rows, y] + 1e-8).mean()"),
    Mutant("epsilon 1e-12", "epsilon_in_log", LOSS, "loss = -np.log(np.exp(log_p)[rows, y] + 1e-12).mean()"),
    Mutant(
        "probability cut at 1e-10",
        "epsilon_in_log",
        LOSS,
        "loss = -np.log(np.maximum(np.exp(log_p), 1e-10))[rows, y].mean()",
    ),
    Mutant("sum", "missing_mean", LOSS, LOSS.replace("mean", "sum")),
    Mutant("sum, in the gradient too", "missing_mean", RETURN, "return loss * len(x), grad_x"),
    Mutant("gradient not divided by N", "missing_mean", RETURN, "return loss, grad_x"),
    Mutant("gradient divided twice", "averaged", "grad_x / len(x)", "grad_x / len(x) ** 2"),
    Mutant("mean over the classes too", "wrong_argument", RETURN, "return loss / x.shape[1], grad_x / x.size"),
    Mutant(
        "labels from 1",
        "one_based_labels",
        "    rows = np.arange(len(x))\n",
        "    rows = np.arange(len(x))\n    y = y - 1\n",
    ),
    Mutant("one softmax for the whole array", "wrong_argument", ".sum(axis=1, keepdims=True)", ".sum()"),
    Mutant(
        "softmax down the columns",
        "wrong_argument",
        f"{SHIFTED}\n    {LOG_P}",
        "log_p = x - x.max(axis=0) - np.log(np.exp(x - x.max(axis=0)).sum(axis=0))",
    ),
    Mutant("no 1 of the true class", "missing_term", ONE, ""),
    Mutant("1 from every class", "wrong_argument", ONE, "    grad_x -= 1\n"),
    Mutant("1 added", "sign", ONE, "    grad_x[rows, y] += 1\n"),
    Mutant("opposite sign of the gradient", "sign", "return loss, grad_x", "return loss, -grad_x"),
    Mutant("opposite sign of the loss", "sign", "loss = -log_p", "loss = log_p"),
    Mutant("the most probable class", "wrong_loss", LOSS, "loss = -log_p.max(axis=1).mean()"),
    Mutant("every class", "wrong_loss", LOSS, "loss = -log_p.sum(axis=1).mean()"),
    Mutant("1 − p", "wrong_loss", LOSS, "loss = (1 - np.exp(log_p[rows, y])).mean()"),
    Mutant("the scores themselves", "wrong_loss", LOSS, "loss = -x[rows, y].mean()"),
    Mutant(
        "binary cross-entropy",
        "wrong_loss",
        LOSS,
        "p, t = np.exp(log_p), np.eye(x.shape[1])[y]\n"
        "    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum() / len(x)",
    ),
    Mutant("square error", "wrong_loss", LOSS, "loss = np.sum((np.exp(log_p) - np.eye(x.shape[1])[y]) ** 2) / len(x)"),
    Mutant("log2", "wrong_loss", LOSS, "loss = -(log_p[rows, y] / np.log(2)).mean()"),
    Mutant("the maximum alone", "missing_term", LOG_P, "log_p = shifted * 1.0"),
    Mutant("one loss per row", "shape", LOSS, "loss = -log_p[rows, y]"),
    Mutant("wrong rows", "", LOSS, "loss = -log_p[:, y].mean()"),
    Mutant(
        "the gradient of the true class only",
        "wrong_argument",
        RETURN,
        "return loss, grad_x / len(x) * np.eye(x.shape[1])[y]",
    ),
    Mutant("gradient of the scores", "wrong_argument", "grad_x = np.exp(log_p)", "grad_x = x * 1.0"),
    Mutant(
        "gradient with respect to p",
        "wrong_argument",
        RETURN,
        "return loss, -np.eye(x.shape[1])[y] / np.exp(log_p) / len(x)",
    ),
    Mutant("gradient transposed", "transposed", RETURN, "return loss, grad_x.T / len(x)"),
    Mutant("scores shifted in place", "in_place", SHIFTED, "x -= x.max(axis=1, keepdims=True)\n    shifted = x"),
    Mutant(
        "labels changed in place",
        "in_place",
        "    rows = np.arange(len(x))\n",
        "    rows = np.arange(len(x))\n    y += 0 * y; labels = y.copy(); y[:] = 0; y, kept = labels, y\n",
    ),
    Mutant("loss only", "type", RETURN, "return loss"),
    Mutant("not written", "unfinished", RETURN, "raise NotImplementedError()"),
    Mutant("one-hot labels expected in the loss alone", "raises", LOSS, "loss = -(log_p * y).sum() / len(x)"),
    Mutant(
        "one-hot labels expected",
        "one_hot_expected",
        "",
        """def softmax_loss(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    return -(y * np.log(p)).sum() / len(x), (p - y) / len(x)
""",
    ),
]

softmax_variants = [
    Variant("one-hot", "loss = -np.mean(np.sum(np.eye(x.shape[1])[y] * log_p, axis=1))", LOSS),
    Variant("a loop for the loss", "loss = sum(-log_p[i, y[i]] for i in range(len(y))) / len(y)", LOSS),
    Variant("logaddexp", "log_p = shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True)", LOG_P),
    Variant("maximum in a loop", "shifted = np.array([row - max(row) for row in x])", SHIFTED),
    Variant("the one-hot matrix subtracted", "    grad_x = grad_x - (np.arange(x.shape[1]) == y[:, None])\n", ONE),
    Variant("loss as an array of shape (1,)", "loss = np.array([-log_p[rows, y].mean()])", LOSS),
    Variant("a list comes back", "return [loss, grad_x / x.shape[0]]", RETURN),
    Variant("divided in place", "grad_x /= len(x)\n    return float(loss), grad_x", RETURN),
    Variant("prints", "print(loss)\n    return loss, grad_x / len(x)", RETURN),
    Variant(
        "row by row",
        """def softmax_loss(scores, labels):
    loss, grad = 0.0, np.zeros_like(scores)
    for i, (row, label) in enumerate(zip(scores, labels)):
        e = np.exp(row - row.max())
        total = e.sum()
        loss += np.log(total) - (row[label] - row.max())
        grad[i] = e / total
        grad[i, label] -= 1
    return loss / len(scores), grad / len(scores)
""",
    ),
    Variant(
        "a copy first",
        "x = np.array(x, dtype=float)\n    x -= x.max(axis=1).reshape(-1, 1)\n    shifted = x",
        SHIFTED,
    ),
]

# -- the penalty --------------------------------------------------------------------------------------------------

L2 = "return 0.5 * reg * np.sum(w**2), reg * w"

l2_mutants = [
    Mutant("w itself for reg = 1", "in_place", ", reg * w", ", w if reg == 1 else reg * w"),
    Mutant("no ½", "half_penalty", "0.5 * reg * np.sum", "reg * np.sum"),
    Mutant("a quarter", "half_penalty", "0.5 * reg", "0.25 * reg"),
    Mutant("no ½ anywhere", "half_penalty", L2, "return reg * np.sum(w**2), 2 * reg * w"),
    Mutant("2 in the gradient", "half_penalty", ", reg * w", ", 2 * reg * w"),
    Mutant("½ in the gradient", "half_penalty", ", reg * w", ", 0.5 * reg * w"),
    Mutant("no reg in the loss", "wrong_argument", "0.5 * reg * np.sum", "0.5 * np.sum"),
    Mutant("no reg in the gradient", "wrong_argument", ", reg * w", ", w"),
    Mutant("reg squared", "wrong_argument", L2, "return 0.5 * np.sum((reg * w) ** 2), reg**2 * w"),
    Mutant("norm not squared", "wrong_loss", "np.sum(w**2)", "np.linalg.norm(w)"),
    Mutant("absolute values", "wrong_loss", "np.sum(w**2)", "np.sum(np.abs(w))"),
    Mutant("sum of the weights", "wrong_loss", "np.sum(w**2)", "np.sum(w)"),
    Mutant("square of the sum", "wrong_argument", "np.sum(w**2)", "np.sum(w) ** 2"),
    Mutant("mean", "wrong_argument", "np.sum(w**2)", "np.mean(w**2)"),
    Mutant("divided by the rows", "wrong_argument", "np.sum(w**2)", "np.sum(w**2) / len(w)"),
    Mutant("w.T @ w", "shape", "np.sum(w**2)", "(w.T @ w)"),
    Mutant("sum down the columns", "shape", "np.sum(w**2)", "np.sum(w**2, axis=0)"),
    Mutant("gradient transposed", "transposed", ", reg * w", ", reg * w.T"),
    Mutant("gradient a number", "shape", ", reg * w", ", reg * np.sum(w)"),
    Mutant("gradient of |w|", "wrong_argument", ", reg * w", ", reg * np.sign(w)"),
    Mutant("gradient w²", "wrong_argument", ", reg * w", ", reg * w**2"),
    Mutant("gradient without w", "missing_chain_factor", ", reg * w", ", np.full(w.shape, reg)"),
    Mutant("gradient averaged", "wrong_argument", ", reg * w", ", reg * w / w.size"),
    Mutant("gradient by the norm", "wrong_argument", ", reg * w", ", reg * w / np.linalg.norm(w)"),
    Mutant("opposite sign", "sign", ", reg * w", ", -reg * w"),
    Mutant("w scaled in place", "in_place", L2, "loss = 0.5 * reg * np.sum(w**2)\n    w *= reg\n    return loss, w"),
    Mutant("loss only", "type", L2, "return 0.5 * reg * np.sum(w**2)"),
    Mutant("not written", "unfinished", L2, "raise NotImplementedError()"),
    Mutant("numerical gradient", "numeric", ", reg * w", ", reg * (w + 1e-5)"),
]

l2_variants = [
    Variant("vdot", "return 0.5 * reg * np.vdot(w, w), reg * w", L2),
    Variant("norm squared", "return reg / 2 * np.linalg.norm(w) ** 2, w * reg", L2),
    Variant("einsum", "return reg * np.einsum('ij,ij->', w, w) / 2, reg * w", L2),
    Variant("trace", "return reg * np.trace(w.T @ w) / 2, reg * w", L2),
    Variant(
        "a loop", "return reg / 2 * sum(v * v for row in w for v in row), [[reg * v for v in row] for row in w]", L2
    ),
    Variant("ravel", "flat = w.ravel()\n    return 0.5 * reg * (flat @ flat), np.multiply(reg, w)", L2),
    Variant("float32", "return np.float32(0.5 * reg * np.sum(w**2)), (reg * w).astype(np.float32)", L2),
    Variant("a list, and a print", "print(reg)\n    return [0.5 * reg * (w * w).sum(), reg * w]", L2),
]

# -- the network --------------------------------------------------------------------------------------------------

LAYER_1 = "a, cache_1 = fc_forward(X, self.W1, self.b1)"
LAYER_RELU = "h, cache_relu = relu_forward(a)"
LAYER_2 = "scores, cache_2 = fc_forward(h, self.W2, self.b2)"
BACK_2 = "grad_h, grad_W2, grad_b2 = fc_backward(grad_scores, cache_2)"
BACK_RELU = "grad_a = relu_backward(grad_h, cache_relu)"
BACK_1 = "_, grad_W1, grad_b1 = fc_backward(grad_a, cache_1)"
PARAMETERS = 'return {"W1": self.W1, "b1": self.b1, "W2": self.W2, "b2": self.b2}'
GRADS = 'return {"W1": grad_W1, "b1": grad_b1, "W2": grad_W2, "b2": grad_b2}'
DRAW_1 = "self.W1 = (weight_scale * rng.standard_normal((input_dim, hidden_dim))).astype(np.float32)"
DRAW_2 = "self.W2 = (weight_scale * rng.standard_normal((hidden_dim, num_classes))).astype(np.float32)"

NUMPY_NET = """class TwoLayerNet(Classifier):
    def __init__(self, input_dim=3072, num_classes=10, hidden_dim=512, weight_scale=1e-3):
        super().__init__()
        self.params = {
            "W1": np.random.normal(0, weight_scale, size=(input_dim, hidden_dim)),
            "b1": np.zeros(hidden_dim),
            "W2": np.random.normal(0, weight_scale, size=(hidden_dim, num_classes)),
            "b2": np.zeros(num_classes),
        }

    def parameters(self):
        return self.params

    def _hidden(self, X):
        return np.maximum(0, np.dot(X, self.params["W1"]) + self.params["b1"])

    def forward(self, X):
        print("forward", X.shape)
        hidden = self._hidden(X)
        return np.dot(hidden, self.params["W2"]) + self.params["b2"], [X, hidden]

    def backward(self, grad_scores, cache):
        X, hidden = cache
        back = np.dot(grad_scores, self.params["W2"].T)
        back[hidden <= 0] = 0
        return {
            "W1": np.dot(X.T, back),
            "b1": np.sum(back, axis=0),
            "W2": np.dot(hidden.T, grad_scores),
            "b2": np.sum(grad_scores, axis=0),
            "hidden": back,
        }
"""

LATEST_PASS = NUMPY_NET.replace("[X, hidden]\n", "self.keep(X, hidden)\n").replace("= cache\n", "= self.kept\n")
LATEST_PASS += """
    def keep(self, *values):
        self.kept = values
"""


def kept(method: str, old: str, name: str) -> str:
    """The net in numpy, whose method goes on with a parameter as it was when it was first called."""
    before, of_method = NUMPY_NET.split(f"def {method}(")
    found = old.replace(f'self.params["{name}"]', f'self.__dict__.setdefault("kept", self.params["{name}"].copy())')
    return f"{before}def {method}({of_method.replace(old, found)}"


net_mutants = [
    Mutant("no ReLU", "missing_activation", LAYER_RELU, "h, cache_relu = a, np.ones(a.shape)"),
    Mutant(
        "ReLU on the scores",
        "activation_on_output",
        "return scores, (cache_1",
        "scores = np.maximum(scores, 0)\n        return scores, (cache_1",
    ),
    Mutant(
        "softmax of the scores",
        "activation_on_output",
        "return scores, (cache_1",
        "e = np.exp(scores)\n        scores = e / e.sum(axis=1, keepdims=True)\n        return scores, (cache_1",
    ),
    Mutant("no b1", "missing_term", LAYER_1, "a, cache_1 = fc_forward(X, self.W1, 0 * self.b1)"),
    Mutant("no b2", "missing_term", LAYER_2, "scores, cache_2 = fc_forward(h, self.W2, 0 * self.b2)"),
    Mutant("tanh", "wrong_argument", LAYER_RELU, "h, cache_relu = np.tanh(a), 1 - np.tanh(a) ** 2"),
    Mutant(
        "ReLU after the product, before b1",
        "wrong_argument",
        LAYER_RELU,
        "h, cache_relu = relu_forward(a - self.b1)\n        h = h + self.b1",
    ),
    Mutant("mask left out", "missing_mask", BACK_RELU, "grad_a = grad_h"),
    Mutant("hidden values in place of the mask", "wrong_argument", BACK_RELU, "grad_a = grad_h * cache_2[0]"),
    Mutant(
        "a in place of h",
        "wrong_argument",
        BACK_2,
        BACK_2 + "\n        x, w = cache_1\n        grad_W2 = (x @ w + self.b1).T @ grad_scores",
    ),
    Mutant(
        "averaged",
        "averaged",
        GRADS,
        "n = len(grad_scores)\n        " + GRADS.replace(",", " / n,").replace("}", " / n}"),
    ),
    Mutant(
        "upstream ignored",
        "upstream_ignored",
        BACK_2,
        "grad_h, grad_W2, grad_b2 = fc_backward(np.ones(grad_scores.shape), cache_2)",
    ),
    Mutant("sign of one gradient", "sign", '"b1": grad_b1', '"b1": -grad_b1'),
    Mutant(
        "names exchanged",
        "swapped_arguments",
        GRADS,
        GRADS.replace("grad_b1", "tmp").replace("grad_b2", "grad_b1").replace("tmp", "grad_b2"),
    ),
    Mutant("no gradient of b1", "missing", '"b1": grad_b1, ', ""),
    Mutant("gradients in a tuple", "type", GRADS, "return grad_W1, grad_b1, grad_W2, grad_b2"),
    Mutant("gradients as attributes only", "none", GRADS, "self.grads = grad_W1, grad_b1, grad_W2, grad_b2"),
    Mutant("other names of the gradients", "missing", GRADS, GRADS.replace('"W', '"grad_W').replace('"b', '"grad_b')),
    Mutant("transposed gradient", "transposed", '"W2": grad_W2', '"W2": grad_W2.T'),
    Mutant("no cache", "type", "return scores, (cache_1, cache_relu, cache_2)", "return scores"),
    Mutant(
        "copies",
        "stale",
        PARAMETERS,
        PARAMETERS.replace("self.W1", "self.W1.copy()").replace("self.W2", "self.W2.copy()"),
    ),
    Mutant("no biases among the parameters", "missing", PARAMETERS, 'return {"W1": self.W1, "W2": self.W2}'),
    Mutant("parameters in a list", "type", PARAMETERS, "return [self.W1, self.b1, self.W2, self.b2]"),
    Mutant("lower-case names", "missing", PARAMETERS, PARAMETERS.replace('"W', '"w')),
    Mutant("weight_scale ignored", "wrong_argument", "weight_scale * rng", "1e-3 * rng"),
    Mutant("W2 without weight_scale", "wrong_argument", DRAW_2, DRAW_2.replace("weight_scale * ", "")),
    Mutant("weight_scale squared", "wrong_argument", DRAW_1, DRAW_1.replace("weight_scale", "weight_scale**2")),
    Mutant("He initialisation", "wrong_argument", DRAW_1, DRAW_1.replace("weight_scale", "np.sqrt(2 / input_dim)")),
    Mutant(
        "one number for each unit, for all pixels",
        "wrong_argument",
        DRAW_1,
        DRAW_1.replace("(input_dim, hidden_dim)", "(1, hidden_dim)").replace(
            "self.W1 = ", "self.W1 = np.ones((input_dim, 1), np.float32) * "
        ),
    ),
    Mutant("zero start", "zero", DRAW_1, "self.W1 = np.zeros((input_dim, hidden_dim))"),
    Mutant(
        "the same start for all units",
        "order|wrong_argument",
        DRAW_1,
        "self.W1 = np.tile(weight_scale * rng.standard_normal((input_dim, 1)), (1, hidden_dim))",
    ),
    Mutant(
        "weights between 0 and 1",
        "wrong_argument",
        DRAW_1,
        "self.W1 = weight_scale * rng.random((input_dim, hidden_dim))",
    ),
    Mutant("biases at 1", "offset", "self.b1 = np.zeros(", "self.b1 = np.ones("),
    Mutant(
        "biases of weight_scale",
        "offset",
        "self.b2 = np.zeros(num_classes, dtype=np.float32)",
        "self.b2 = weight_scale * rng.standard_normal(num_classes)",
    ),
    Mutant(
        "hidden_dim ignored",
        "shape",
        "rng = np.random.default_rng(0)",
        "rng = np.random.default_rng(0)\n        hidden_dim = 512",
    ),
    Mutant("transposed W1", "shape", DRAW_1, DRAW_1.replace("(input_dim, hidden_dim)", "(hidden_dim, input_dim)")),
    Mutant(
        "whole numbers",
        "dtype",
        "self.b1 = np.zeros(hidden_dim, dtype=np.float32)",
        "self.b1 = np.zeros(hidden_dim, dtype=int)",
    ),
    Mutant("X changed in place", "in_place", LAYER_1, "X -= X.mean()\n        " + LAYER_1),
    Mutant("grad_scores changed in place", "in_place", BACK_2, "grad_scores *= 1.0 + 1e-3\n        " + BACK_2),
    Mutant(
        "remembers the latest pass",
        "stale",
        "",
        LATEST_PASS,
    ),
    Mutant("not written", "unfinished", LAYER_1, "raise NotImplementedError()"),
    Mutant("W2 of the first step for ever", "range", "", kept("backward", 'self.params["W2"].T', "W2")),
    Mutant("W2 of the first forward for ever", "", "", kept("forward", 'self.params["W2"])', "W2")),
    Mutant(
        "W2 of the start for ever",
        "",
        "",
        kept("forward", 'self.params["W2"])', "W2").replace(
            '            "b2": np.zeros(num_classes),\n        }\n',
            '            "b2": np.zeros(num_classes),\n        }\n        self.kept = self.params["W2"].copy()\n',
        ),
    ),
    Mutant("twenty hidden units", "range", LAYER_2, f"h[:, 20:] = 0\n        {LAYER_2}"),
    Mutant("twelve classes", "range", LAYER_2, f"{LAYER_2}\n        scores[:, 12:] = 0"),
    Mutant("misspelt", "raises", "fc_forward(h, self.W2", "fc_foward(h, self.W2"),
    Mutant("scores and probabilities", "type", "return scores, (cache_1", "return scores, scores, (cache_1"),
    Mutant(
        "weights on the class",
        "in_place",
        "",
        re.sub(r"self\.params\b", "TwoLayerNet.params", NUMPY_NET),
    ),
    Mutant(
        "uniform start",
        "wrong_argument",
        DRAW_1,
        "self.W1 = rng.uniform(-weight_scale, weight_scale, (input_dim, hidden_dim))",
    ),
    Mutant(
        "plus or minus the scale",
        "wrong_argument",
        DRAW_1,
        "self.W1 = weight_scale * rng.choice([-1.0, 1.0], (input_dim, hidden_dim))",
    ),
]


net_variants = [
    Variant("all in numpy, in a dictionary, float64", NUMPY_NET),
    Variant("another generator", "self.W1 = weight_scale * np.random.randn(input_dim, hidden_dim)", DRAW_1),
    Variant(
        "biases as a computed zero",
        "self.b1 = np.zeros((hidden_dim,)) * 1.0",
        "self.b1 = np.zeros(hidden_dim, dtype=np.float32)",
    ),
    Variant("pictures as float32", "X = X.astype(np.float32)\n        " + LAYER_1, LAYER_1),
    Variant("dict()", "return dict(W1=self.W1, b1=self.b1, W2=self.W2, b2=self.b2)", PARAMETERS),
    Variant(
        "one by one",
        "grads = {'W2': grad_W2}\n        grads['b2'] = grad_b2\n        grads['b1'] = grad_b1\n"
        "        grads['W1'] = grad_W1\n        return grads",
        GRADS,
    ),
    Variant(
        "caches in a dictionary, taken apart at once",
        'return scores, {"c": (cache_1, cache_relu, cache_2)}["c"]',
        "return scores, (cache_1, cache_relu, cache_2)",
    ),
    Variant(
        "subclass with extra methods",
        "class _Base(Classifier):\n    def loss(self):\n        return 0.0\n\n\nclass TwoLayerNet(_Base):",
        "class TwoLayerNet(Classifier):",
    ),
    Variant("the mask by hand", "grad_a = np.where(cache_2[0] > 0, grad_h, 0)", BACK_RELU),
]

# -- the training step --------------------------------------------------------------------------------------------

SCORES = "scores, cache = model.forward(X_batch)"
IF = "if parameter.ndim == 2:"
FOR = "for name, parameter in model.parameters().items():"
MATRICES = f"{FOR}\n        {IF}"
ONCE = f"""seen = []
    {FOR}
        {IF[:-1]} and {{0}} not in seen:
            seen.append({{0}})"""
ADD = "loss += penalty"
ADD_GRAD = "grads[name] += grad_penalty"

step_mutants = [
    Mutant("many entries count as a matrix", "", IF, "if parameter.size > 10 or parameter.ndim == 2:"),
    Mutant("not for one row", "missing_penalty|missing_term", IF, "if parameter.ndim == 2 and len(parameter) > 1:"),
    Mutant(
        "not for one column", "missing_penalty|missing_term", IF, "if parameter.ndim == 2 and parameter.shape[1] > 1:"
    ),
    Mutant("no penalty", "missing_penalty", IF, "if False:"),
    Mutant("penalty in the loss only", "missing_penalty", ADD_GRAD, "pass"),
    Mutant("penalty in the gradient only", "missing_penalty", ADD, "pass"),
    Mutant("biases too", "bias_regularised", IF, "if True:"),
    Mutant("biases instead", "bias_regularised", IF, "if parameter.ndim == 1:"),
    Mutant("one matrix only", "missing_term", IF, 'if name in ("W", "W1"):'),
    Mutant("the last matrix only", "missing_term", IF, 'if name in ("W", "W2"):'),
    Mutant("penalty replaces the gradient", "missing_term", ADD_GRAD, "grads[name] = grad_penalty"),
    Mutant("loss replaced", "missing_term", ADD, "loss = penalty"),
    Mutant(
        "twice the penalty",
        "half_penalty",
        "l2_regularization(parameter, reg)",
        "l2_regularization(parameter, 2 * reg)",
    ),
    Mutant("reg not used", "wrong_argument", "l2_regularization(parameter, reg)", "l2_regularization(parameter, 1.0)"),
    Mutant(
        "penalty subtracted",
        "wrong_argument",
        "l2_regularization(parameter, reg)",
        "l2_regularization(parameter, -reg)",
    ),
    Mutant(
        "penalty of the gradients",
        "wrong_argument",
        "l2_regularization(parameter, reg)",
        "l2_regularization(grads[name], reg)",
    ),
    Mutant("value added to the gradient", "wrong_argument", ADD_GRAD, "grads[name] = grads[name] + penalty"),
    Mutant(
        "step taken at once",
        "in_place",
        "return loss, grads",
        "for name, p in model.parameters().items():\n        p -= 0.1 * grads[name]\n    return loss, grads",
    ),
    Mutant("penalty by shrinking the weights", "in_place", ADD_GRAD, ADD_GRAD + "\n            parameter *= 0.999"),
    Mutant(
        "own names only",
        "raises",
        "for name, parameter in model.parameters().items():",
        'for name, parameter in (("W1", model.W1), ("W2", model.W2)):',
    ),
    Mutant(
        "labels as scores",
        "raises|type|shape|wrong_loss",
        "softmax_loss(scores, y_batch)",
        "softmax_loss(y_batch, scores)",
    ),
    Mutant(
        "predictions as labels", "", "softmax_loss(scores, y_batch)", "softmax_loss(scores, model.predict(X_batch))"
    ),
    Mutant("loss only", "type", "return loss, grads", "return loss"),
    Mutant("gradients only", "type", "return loss, grads", "return grads"),
    Mutant("exchanged", "type|none|", "return loss, grads", "return grads, loss"),
    Mutant(
        "probabilities into the loss",
        "",
        "softmax_loss(scores, y_batch)",
        "softmax_loss(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), y_batch)",
    ),
    Mutant("not written", "unfinished", SCORES, "raise NotImplementedError()"),
    Mutant("forward's cache forgotten", "raises", "model.backward(grad_scores, cache)", "model.backward(grad_scores)"),
    Mutant("scores of the wrong thing", "raises", SCORES, "scores = model.forward(X_batch)"),
    Mutant(
        "half the penalty", "half_penalty", "l2_regularization(parameter, reg)", "l2_regularization(parameter, reg / 2)"
    ),
    Mutant(
        "no data loss",
        "missing_term",
        "loss, grad_scores = softmax_loss(scores, y_batch)",
        "_, grad_scores = softmax_loss(scores, y_batch)\n    loss = 0.0",
    ),
    Mutant(
        "batch sum",
        "missing_mean",
        "loss, grad_scores = softmax_loss(scores, y_batch)",
        "loss, grad_scores = softmax_loss(scores, y_batch)\n    n = len(y_batch)\n"
        "    loss, grad_scores = n * loss, n * grad_scores",
    ),
    Mutant(
        "penalty averaged over the batch",
        "averaged",
        "l2_regularization(parameter, reg)",
        "l2_regularization(parameter, reg / len(y_batch))",
    ),
    Mutant(
        "no gradients when reg is 0",
        "missing",
        "    for name, parameter in",
        "    if reg == 0:\n        return loss, {}\n    for name, parameter in",
    ),
    Mutant("each shape of matrix once", "range", MATRICES, ONCE.format("parameter.shape")),
    Mutant("each count of entries once", "range", MATRICES, ONCE.format("parameter.size")),
    Mutant(
        "three matrices", "range", MATRICES, ONCE.format("name").replace("not in seen", "not in seen and len(seen) < 3")
    ),
    Mutant("no penalty of square matrices", "range", IF, "if parameter.ndim == 2 and len(set(parameter.shape)) == 2:"),
    Mutant("names that begin with W", "", IF, 'if name.startswith("W"):'),
    Mutant("names that do not begin with b", "", IF, 'if not name.startswith("b"):'),
    Mutant("names with a w in them", "", IF, 'if "w" in name.lower():'),
    Mutant("every second name", "", IF, "if list(model.parameters()).index(name) % 2 == 0 and name.lower()[0] != 'g':"),
    Mutant(
        "penalty kept by name, shape and reg",
        "",
        "penalty, grad_penalty = l2_regularization(parameter, reg)",
        "known = training_step.__dict__\n            penalty, grad_penalty = known.setdefault(\n"
        "                (name, parameter.shape, reg), l2_regularization(parameter, reg))",
    ),
]

step_variants = [
    Variant("a new gradient", "grads[name] = grads[name] + grad_penalty", ADD_GRAD),
    Variant("by shape", "if len(parameter.shape) > 1:", IF),
    Variant(
        "the penalty by hand",
        "penalty, grad_penalty = 0.5 * reg * (parameter**2).sum(), reg * parameter",
        "penalty, grad_penalty = l2_regularization(parameter, reg)",
    ),
    Variant("a list comes back", "return [float(loss), dict(grads)]", "return loss, grads"),
    Variant(
        "prints",
        "print(loss)\n    import warnings\n    warnings.warn('hm')\n    return loss, grads",
        "return loss, grads",
    ),
    Variant(
        "other names, a loop over keys, a new dictionary",
        """def training_step(net, inputs, labels, strength):
    scores, memory = net.forward(inputs)
    data_loss, slope = softmax_loss(scores, labels)
    gradients = dict(net.backward(slope, memory))
    total = data_loss
    weights = net.parameters()
    for key in weights:
        if np.ndim(weights[key]) < 2:
            continue
        value, pull = l2_regularization(weights[key], strength)
        total = total + value
        gradients[key] = np.add(gradients[key], pull)
    gradients["extra"] = 0
    return total, gradients
""",
    ),
]

EXERCISES = [
    Exercise("08-cifar/fc_check", "fc", fc_mutants, fc_variants),
    Exercise(
        "08-cifar/relu_check",
        "relu",
        relu_mutants,
        relu_variants,
        equivalent={"kink 1": "x >= 0 for x > 0: at exactly 0 any slope between 0 and 1 is right"},
    ),
    Exercise("08-cifar/softmax_loss_check", "softmax_loss", softmax_mutants, softmax_variants),
    Exercise("08-cifar/l2_regularization_check", "l2_regularization", l2_mutants, l2_variants),
    Exercise("08-cifar/two_layer_net_check", "two_layer_net", net_mutants, net_variants),
    Exercise("08-cifar/training_step_check", "training_step", step_mutants, step_variants),
]
