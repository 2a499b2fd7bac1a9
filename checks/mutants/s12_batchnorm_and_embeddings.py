"""Wrong and right solutions of section 12."""

from autograder.mutants import Exercise, Mutant, Variant

from .s08_cifar import softmax_mutants, softmax_variants

CENTRE, SPREAD = "c = x - x.mean(axis=0)", "s = np.sqrt((c**2).mean(axis=0) + eps)"
OUT = 'return gamma * x_hat + beta, {"c": c, "s": s, "x_hat": x_hat, "gamma": gamma}'
forward = [
    Mutant("eps forgotten", "missing_term|nan|infinite", "+ eps)", ")"),
    Mutant("eps after the root", "wrong_argument", SPREAD, "s = np.sqrt((c**2).mean(axis=0)) + eps"),
    Mutant("N − 1", "wrong_argument", SPREAD, "s = np.sqrt(x.var(axis=0, ddof=1) + eps)"),
    Mutant("the sum of squares", "wrong_argument", "(c**2).mean(axis=0)", "(c**2).sum(axis=0)"),
    Mutant("the variance, not its root", "wrong_argument", SPREAD, "s = (c**2).mean(axis=0) + eps"),
    Mutant("not centred", "missing_term", "x_hat = c / s", "x_hat = x / s"),
    Mutant("the mean of x²", "wrong_argument", "(c**2).mean", "(x**2).mean"),
    Mutant("not divided", "wrong_argument", "x_hat = c / s", "x_hat = c"),
    Mutant(
        "each example by itself",
        "wrong_argument",
        f"{CENTRE}\n    {SPREAD}",
        "c = x - x.mean(axis=1, keepdims=True)\n    s = np.sqrt((c**2).mean(axis=1, keepdims=True) + eps)",
    ),
    Mutant("one mean for all", "wrong_argument", "x.mean(axis=0)", "x.mean()"),
    Mutant(
        "one mean and variance for all",
        "wrong_argument",
        f"{CENTRE}\n    {SPREAD}",
        "c = x - x.mean()\n    s = np.sqrt(x.var() + eps)",
    ),
    Mutant("no gamma", "wrong_argument", "gamma * x_hat + beta", "x_hat + beta"),
    Mutant("no beta", "missing_term", "gamma * x_hat + beta", "gamma * x_hat"),
    Mutant("neither", "wrong_argument", "gamma * x_hat + beta", "x_hat"),
    Mutant("beta scaled too", "wrong_argument", "gamma * x_hat + beta", "gamma * (x_hat + beta)"),
    Mutant("beta subtracted", "wrong_argument", "gamma * x_hat + beta", "gamma * x_hat - beta"),
    Mutant("gamma and beta exchanged", "swapped_arguments", "gamma * x_hat + beta", "beta * x_hat + gamma"),
    Mutant("eps is 1e-5 whatever is given", "wrong_argument", "+ eps)", "+ 1e-5)"),
    Mutant("x centred in place", "in_place", CENTRE, "x -= x.mean(axis=0)\n    c = x.copy()"),
    Mutant("out alone", "type|none", OUT, "return gamma * x_hat + beta"),
    Mutant(
        "mean and variance of the first batch",
        "stale",
        CENTRE,
        "kept = batchnorm_forward.__dict__.setdefault(x.shape, x.copy())\n    c = x - kept.mean(axis=0)",
    ),
    Mutant(
        "single precision", "precision|numeric", CENTRE, "c = (x - x.mean(axis=0)).astype(np.float32).astype(float)"
    ),
    *(
        Mutant(f"cut off at {k} deviations", "", "x_hat = c / s", f"x_hat = np.clip(c / s, -{k}, {k})")
        for k in (2, 3, 5, 8)
    ),
    Mutant("examples that come again count once", "", CENTRE, "c = x - np.unique(x, axis=0).mean(axis=0)"),
    Mutant("not written", "unfinished", OUT, "raise NotImplementedError()"),
]
forward_variants = [
    Variant("np.var", "s = (np.var(x, axis=0) + eps) ** 0.5", SPREAD),
    Variant("std", "s = np.hypot(x.std(axis=0), np.sqrt(eps))", SPREAD),
    Variant("sums divided", "c = x - x.sum(axis=0) / len(x)", CENTRE),
    Variant(
        "the cache copied",
        'cache = {"c": c, "s": s, "x_hat": x_hat, "gamma": gamma}\n    return gamma * x_hat + beta, {**cache}',
        OUT,
    ),
    Variant(
        "a list comes back", 'return [x_hat * gamma + beta, {"c": c, "s": s, "x_hat": x_hat, "gamma": gamma}]', OUT
    ),
    Variant("column by column", "c = np.stack([column - column.mean() for column in x.T], axis=1)", CENTRE),
]

BETA, GAMMA = "grad_beta = grad_out.sum(axis=0)", "grad_gamma = (grad_out * x_hat).sum(axis=0)"
HAT, S = "grad_x_hat = grad_out * gamma", "grad_s = -(grad_x_hat * c).sum(axis=0) / s**2"
V, C = "grad_v = grad_s / (2 * s)", "grad_c = grad_x_hat / s + grad_v * 2 * c / N"
MU, X = "grad_mu = -grad_c.sum(axis=0)", "grad_x = grad_c + grad_mu / N"
BACK = "return grad_x, grad_gamma, grad_beta"
backward = [
    Mutant("beta as a mean", "averaged", BETA, "grad_beta = grad_out.mean(axis=0)"),
    Mutant("beta for each example", "batch_axis", BETA, "grad_beta = grad_out"),
    Mutant("gamma lacks x̂", "missing_chain_factor|swapped_arguments", GAMMA, "grad_gamma = grad_out.sum(axis=0)"),
    Mutant("gamma with c", "wrong_argument", GAMMA, "grad_gamma = (grad_out * c).sum(axis=0)"),
    Mutant("gamma as a mean", "averaged", GAMMA, "grad_gamma = (grad_out * x_hat).mean(axis=0)"),
    Mutant("gamma for each example", "batch_axis", GAMMA, "grad_gamma = grad_out * x_hat"),
    Mutant("gamma left out on the way to x", "missing_chain_factor", HAT, "grad_x_hat = grad_out"),
    Mutant("nothing through the variance", "missing_term", C, "grad_c = grad_x_hat / s"),
    Mutant("nothing through the mean", "missing_term", X, "grad_x = grad_c"),
    Mutant("mean and variance as constants", "missing_term", f"{MU}\n    {X}", "grad_x = grad_x_hat / s"),
    Mutant("the direct way forgotten", "missing_term", C, "grad_c = grad_v * 2 * c / N"),
    Mutant("the sign of s", "wrong_argument", S, S.replace("-(", "(")),
    Mutant("s, not s²", "wrong_argument", S, S.replace("s**2", "s")),
    Mutant("the 2 of the root", "wrong_argument", V, "grad_v = grad_s / s"),
    Mutant("the root lacks s", "wrong_argument", V, "grad_v = grad_s / 2"),
    Mutant("the 2 of the square", "wrong_argument", C, C.replace("* 2 *", "*")),
    Mutant("the square lacks 1 / N", "wrong_argument", C, C.replace(" / N", "")),
    Mutant("x̂, where c belongs", "wrong_argument", C, C.replace("2 * c", "2 * x_hat")),
    Mutant("the mean lacks 1 / N", "wrong_argument", X, "grad_x = grad_c + grad_mu"),
    Mutant("the sign of the mean", "wrong_argument", MU, "grad_mu = grad_c.sum(axis=0)"),
    Mutant(
        "the mean's way for one example only",
        "wrong_argument",
        X,
        "grad_x = grad_c.copy()\n    grad_x[0] += grad_mu",
    ),
    Mutant("gamma and beta exchanged", "swapped_arguments", BACK, "return grad_x, grad_beta, grad_gamma"),
    Mutant("the opposite sign", "sign", BACK, "return -grad_x, grad_gamma, grad_beta"),
    Mutant("the mean in all of x", "averaged", BACK, "return grad_x / N, grad_gamma, grad_beta"),
    Mutant("two gradients", "type", BACK, "return grad_x, grad_gamma"),
    Mutant("grad_out scaled in place", "in_place", HAT, "grad_out *= gamma\n    grad_x_hat = grad_out"),
    Mutant("the cache used up", "", MU, MU + "\n    x_hat *= 0.5"),
    Mutant(
        "the first forward pass",
        "stale|raises",
        "c, s, x_hat, gamma = cache.values()",
        "c, s, x_hat, gamma = batchnorm_backward.__dict__.setdefault('kept', cache).values()",
    ),
    Mutant("the size of the upstream gradient", "wrong_argument", HAT, "grad_x_hat = np.abs(grad_out) * gamma"),
    *(
        Mutant(f"x̂ is cut off at {k} deviations", "", BETA, f"{BETA}\n    x_hat = np.clip(x_hat, -{k}, {k})")
        for k in (3, 8)
    ),
    Mutant("nothing beyond 3 deviations", "", BACK, "return grad_x * (np.abs(x_hat) < 3), grad_gamma, grad_beta"),
    Mutant("what comes again counts once", "", BETA, "grad_beta = np.unique(grad_out, axis=0).sum(axis=0)"),
    Mutant("not written", "unfinished", BACK, "raise NotImplementedError()"),
]
BY_FORMULA = """c, s, x_hat, gamma = cache.values()
    N = len(grad_out)
    grad_gamma, grad_beta = np.sum(grad_out * x_hat, axis=0), np.sum(grad_out, axis=0)
    grad_x = gamma / s * (grad_out - grad_out.mean(axis=0) - x_hat * (grad_out * x_hat).mean(axis=0))
    return grad_x, grad_gamma, grad_beta"""
STEPS = "\n    ".join(
    ["c, s, x_hat, gamma = cache.values()", "N = len(grad_out)", BETA, GAMMA, HAT, S, V, C, MU, X, BACK]
)
MATRIX = """c, s, x_hat, gamma = cache.values()
    N, D = grad_out.shape
    grad_x = np.empty_like(grad_out)
    for k in range(D):
        J = (np.eye(N) - 1 / N - np.outer(x_hat[:, k], x_hat[:, k]) / N) / s[k]
        grad_x[:, k] = gamma[k] * J.T @ grad_out[:, k]
    return grad_x, (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)"""
backward_variants = [
    Variant("by the formula", BY_FORMULA, STEPS),
    Variant("with the Jacobian", MATRIX, STEPS),
    Variant("c in two lines", "grad_c = grad_x_hat / s\n    grad_c += grad_v * 2 * c / N", C),
    Variant("a list", "return [grad_x, grad_gamma, grad_beta]", BACK),
    Variant("the mean of grad_c", "grad_x = grad_c - grad_c.mean(axis=0)", f"{MU}\n    {X}"),
    Variant("einsum", "grad_gamma = np.einsum('nd,nd->d', grad_out, x_hat)", GAMMA),
    Variant("s through x̂", "grad_s = -(grad_x_hat * x_hat).sum(axis=0) / s", S),
]

TOTALS = "total, along = grad_out.sum(axis=0), (grad_out * x_hat).sum(axis=0)"
FORMULA = "return gamma / (N * s) * (N * grad_out - total - x_hat * along), along, total"
short = [
    Mutant("gamma forgotten", "missing_chain_factor", "return gamma / (N * s)", "return 1 / (N * s)"),
    Mutant("N forgotten in front", "missing_mean", "gamma / (N * s)", "gamma / s"),
    Mutant("N forgotten at the direct way", "wrong_argument", "N * grad_out - total", "grad_out - total"),
    Mutant("the mean's way forgotten", "missing_term", "N * grad_out - total - x_hat", "N * grad_out - x_hat"),
    Mutant("the variance's way forgotten", "missing_term", " - x_hat * along", ""),
    Mutant("both forgotten", "missing_term", "N * grad_out - total - x_hat * along", "N * grad_out"),
    Mutant("plus at the mean's way", "wrong_argument", "- total", "+ total"),
    Mutant("plus at the variance's way", "wrong_argument", "- x_hat", "+ x_hat"),
    Mutant("s forgotten", "missing_chain_factor", "(N * s)", "N"),
    Mutant("s squared", "wrong_argument", "(N * s)", "(N * s**2)"),
    Mutant("x̂ forgotten at the end", "missing_chain_factor", "x_hat * along", "along"),
    Mutant("the sum over the units", "shape", TOTALS, TOTALS.replace("sum(axis=0)", "sum(axis=1, keepdims=True)", 1)),
    Mutant("x̂ is cut off at 3 deviations", "", FORMULA, f"x_hat = np.clip(x_hat, -3, 3)\n    {FORMULA}"),
    Mutant("the results exchanged", "swapped_arguments", ", along, total", ", total, along"),
    Mutant("means in place of sums", "averaged|wrong_argument", TOTALS, TOTALS.replace("sum", "mean")),
    Mutant("grad_out in place", "in_place", TOTALS, TOTALS + "\n    grad_out *= 1.0 + 1e-12"),
    Mutant("not written", "unfinished", FORMULA, "raise NotImplementedError()"),
]
short_variants = [
    Variant("means", "return (grad_out - total / N - x_hat * along / N) * (gamma / s), along, total", FORMULA),
    Variant(
        "centred first",
        "g = grad_out - total / N\n    return gamma / s * (g - x_hat * along / N), along, total",
        FORMULA,
    ),
    Variant("einsum", "total, along = grad_out.sum(axis=0), np.einsum('nd,nd->d', grad_out, x_hat)", TOTALS),
    Variant(
        "a list",
        "grad_x = gamma * (N * grad_out - total - x_hat * along) / (N * s)\n    return [grad_x, along, total]",
        FORMULA,
    ),
    Variant("by the steps", "return batchnorm_backward(grad_out, cache)", FORMULA),
]

LOOK, ADD = (
    'return table[indices], {"indices": indices, "shape": table.shape}',
    "np.add.at(grad_table, indices, grad_out)",
)
RETURN = "return grad_table"
ONCE = """if indices.ndim > 1:
        indices, first = np.unique(indices, axis=0, return_index=True)
        grad_out = grad_out[first]
    """
embedding = [
    Mutant("the last contribution", "missing_term", ADD, "grad_table[indices] += grad_out"),
    Mutant("the last contribution, assigned", "missing_term", ADD, "grad_table[indices] = grad_out"),
    Mutant(
        "the first contribution",
        "missing_term",
        ADD,
        "flat, each = indices.ravel(), grad_out.reshape(indices.size, -1)\n    grad_table[flat[::-1]] = each[::-1]",
    ),
    Mutant(
        "the mean for each letter",
        "wrong_argument",
        RETURN,
        "return grad_table / np.maximum(np.bincount(np.ravel(indices), minlength=shape[0]), 1)[:, None]",
    ),
    Mutant("the mean over all", "wrong_argument|averaged", RETURN, "return grad_table / np.size(indices)"),
    Mutant("each context once", "missing_term", ADD, ONCE + ADD),
    Mutant(
        "equal contexts one after the other once",
        "missing_term",
        ADD,
        "if indices.ndim == 2:\n"
        "        kept = [not (indices[:k] == indices[k]).all(axis=1).any() for k in range(len(indices))]\n"
        f"        indices, grad_out = indices[kept], grad_out[kept]\n    {ADD}",
    ),
    Mutant(
        "equal gradients of a letter once",
        "missing_term",
        ADD,
        "kept = {(k, *g): (k, g) for k, g in zip(np.ravel(indices), grad_out.reshape(np.size(indices), -1))}.values()\n"
        "    np.add.at(grad_table, [k for k, _ in kept], [g for _, g in kept])",
    ),
    Mutant("twenty rows", "", ADD, f"{ADD}\n    grad_table[20:] = 0"),
    Mutant("counted", "upstream_ignored", ADD, "np.add.at(grad_table, indices, 1.0)"),
    Mutant("subtracted", "sign", ADD, "np.subtract.at(grad_table, indices, grad_out)"),
    Mutant("letters from 1", "one_based_labels", "table[indices]", "table[indices - 1]"),
    Mutant("letters from 1 on the way back", "one_based_labels", ADD, "np.add.at(grad_table, indices - 1, grad_out)"),
    Mutant("columns", "", "table[indices]", "table[:, indices]"),
    Mutant("grad_out as it came", "shape", RETURN, "return grad_out"),
    Mutant("only the rows looked up", "shape", RETURN, "return grad_table[np.unique(indices)]"),
    Mutant("transposed", "transposed", RETURN, "return grad_table.T"),
    Mutant("nothing arrives", "zero", ADD, "pass"),
    Mutant(
        "the row of the batch",
        "wrong_argument|raises",
        ADD,
        "np.add.at(grad_table, np.arange(len(grad_out)), grad_out)",
    ),
    Mutant("for flat indices only", "shape", "table[indices]", "np.array([table[k] for k in np.ravel(indices)])"),
    Mutant(
        "added to an earlier one",
        "stale",
        "grad_table = np.zeros(shape)",
        "grad_table = embedding_backward.__dict__.setdefault(shape, np.zeros(shape))",
    ),
    Mutant("the table is changed", "in_place", LOOK, f"table[0] += 1e-9\n    {LOOK}"),
    Mutant("grad_out is changed", "in_place", ADD, f"{ADD}\n    grad_out *= 0.5"),
    Mutant("whole numbers", "dtype", "np.zeros(shape)", "np.zeros(shape, dtype=int)"),
    Mutant("the cache is forgotten", "type|none", LOOK, "return table[indices]"),
    Mutant("not written", "unfinished", "indices, shape = cache.values()", "raise NotImplementedError()"),
]
embedding_variants = [
    Variant(
        "one-hot",
        "flat = np.ravel(indices)\n    grad_table = np.eye(shape[0])[flat].T @ grad_out.reshape(len(flat), -1)",
        ADD,
    ),
    Variant(
        "a loop",
        "for k, each in zip(np.ravel(indices), grad_out.reshape(np.size(indices), -1)):\n        grad_table[k] += each",
        ADD,
    ),
    Variant("np.take", 'return np.take(table, indices, axis=0), {"indices": indices, "shape": table.shape}', LOOK),
    Variant("the table in the cache", "return table[indices], dict(indices=indices, shape=tuple(table.shape))", LOOK),
    Variant(
        "by row",
        "for k in range(shape[0]):\n        grad_table[k] = grad_out[np.asarray(indices) == k].sum(axis=0)",
        ADD,
    ),
    Variant(
        "bincount",
        "flat, each = np.ravel(indices), grad_out.reshape(np.size(indices), -1)\n    grad_table = "
        "np.stack([np.bincount(flat, weights=w, minlength=shape[0]) for w in each.T], axis=1)",
        ADD,
    ),
]

W2, Z = (
    'grads = {"W2": h.T @ grad_scores, "b2": grad_scores.sum(axis=0)}',
    'grad_z = (grad_scores @ p["W2"].T) * (1 - h**2)',
)
NORM = 'grad_a, grads["gamma"], grads["beta"] = self.norm_backward(grad_z, normed)'
W1, ROWS = 'grads["W1"] = e.T @ grad_a', 'grad_rows = (grad_a @ p["W1"].T).reshape(rows_shape)'
TABLE, GRADS = 'grads["E"] = embedding_backward(grad_rows, looked_up)', "return grads"
KEPT = "self.__dict__.setdefault('kept', p['{}'].copy()).T"
model = [
    Mutant("no slope of tanh", "missing_chain_factor", " * (1 - h**2)", ""),
    Mutant("h not squared", "wrong_argument", "(1 - h**2)", "(1 - h)"),
    Mutant("tanh once more", "wrong_argument", "(1 - h**2)", "(1 - np.tanh(h) ** 2)"),
    Mutant("plus", "wrong_argument", "(1 - h**2)", "(1 + h**2)"),
    Mutant("the slope of ReLU", "wrong_argument", "(1 - h**2)", "(h > 0)"),
    Mutant(
        "no normalising layer",
        "missing_chain_factor",
        'grads["W1"] = e.T @ grad_a',
        'grad_a = grad_z\n        grads["W1"] = e.T @ grad_a',
    ),
    Mutant("always batchnorm", "wrong_argument|raises", "self.norm_backward(", "batchnorm_backward_short("),
    Mutant(
        "gamma and beta exchanged",
        "swapped_arguments",
        'grads["gamma"], grads["beta"]',
        'grads["beta"], grads["gamma"]',
    ),
    Mutant("b2 as a mean", "averaged", "grad_scores.sum(axis=0)", "grad_scores.mean(axis=0)"),
    Mutant("b2 for each example", "batch_axis", "grad_scores.sum(axis=0)", "grad_scores"),
    Mutant("W2 transposed", "transposed", "h.T @ grad_scores", "grad_scores.T @ h"),
    Mutant("W1 transposed", "transposed", "e.T @ grad_a", "grad_a.T @ e"),
    Mutant("W1 as a mean", "averaged", "e.T @ grad_a", "e.T @ grad_a / len(e)"),
    Mutant(
        "letters last",
        "wrong_argument",
        ".reshape(rows_shape)",
        ".reshape(rows_shape[0], rows_shape[2], rows_shape[1]).swapaxes(1, 2)",
    ),
    Mutant(
        "the table's last contribution",
        "missing_term",
        TABLE,
        "found = looked_up['indices']\n        "
        'grads["E"] = np.zeros_like(p["E"])\n        grads["E"][found] += grad_rows',
    ),
    Mutant("no gradient for the table", "missing", f"{TABLE}\n        ", ""),
    Mutant("the gradient of the rows", "shape", TABLE, 'grads["E"] = grad_rows'),
    Mutant("uphill", "sign", Z, Z.replace("(grad_scores @", "(-grad_scores @")),
    *(
        Mutant(f"{name} of the first step for ever", "stale", f'p["{name}"].T', KEPT.format(name))
        for name in ("W1", "W2")
    ),
    Mutant("sixteen hidden units", "", Z, f"{Z}\n        grad_z[:, 16:] = 0"),
    Mutant("eight letters of a context", "", ROWS, f"{ROWS}\n        grad_rows[:, 8:] = 0"),
    Mutant("W2 is scaled", "in_place", GRADS, 'p["W2"] *= 1 + 1e-9\n        return grads'),
    Mutant("grad_scores is scaled", "in_place", Z, f"{Z}\n        grad_scores *= 0.5"),
    Mutant("a list", "raises|type", GRADS, "return list(grads.values())"),
    Mutant("the size of the upstream gradient", "", Z, Z.replace("grad_scores @", "np.abs(grad_scores) @")),
    Mutant("divided by the batch", "averaged", GRADS, "return {k: g / len(e) for k, g in grads.items()}"),
    Mutant("not written", "unfinished", GRADS, "raise NotImplementedError()"),
]
model_variants = [
    Variant("named steps", 'grad_h = grad_scores @ p["W2"].T\n        grad_z = grad_h - grad_h * h * h', Z),
    Variant("more in the dict", 'grads["note"] = None\n        return grads', GRADS),
    Variant("float32 free", "return {name: np.array(value, dtype=float) for name, value in grads.items()}", GRADS),
    Variant("np.dot", 'grads["W1"] = np.dot(np.transpose(e), grad_a)', W1),
    Variant("rows by name", 'grad_e = grad_a @ p["W1"].T\n        grad_rows = np.reshape(grad_e, rows_shape)', ROWS),
    Variant("in another order", f"{TABLE}\n        grads = dict(reversed(grads.items()))", TABLE),
]

S12 = "12-batchnorm-and-embeddings"
EXERCISES = [
    Exercise(f"{S12}/batchnorm_forward_check", "batchnorm_forward", forward, forward_variants),
    Exercise(f"{S12}/batchnorm_backward_check", "batchnorm_backward", backward, backward_variants),
    Exercise(f"{S12}/batchnorm_backward_short_check", "batchnorm_backward_short", short, short_variants),
    Exercise(f"{S12}/embedding_check", "embedding", embedding, embedding_variants),
    Exercise(f"{S12}/softmax_loss_check", "softmax_loss", softmax_mutants, softmax_variants),
    Exercise(f"{S12}/char_model_check", "char_model", model, model_variants),
]
