"""Wrong and right solutions of section 02: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- many_paths -----------------------------------------------------------------------------------------------------

PATHS = '[("w", "x1"), ("w", "x2"), ("w", "x3"), ("x1", "f"), ("x2", "f"), ("x3", "f")]'

paths_mutants = [
    Mutant("as handed out", "missing", f"many_paths = {PATHS}", "pass"),
    Mutant("one path only", "missing", PATHS, '[("w", "x1"), ("x1", "f")]'),
    Mutant("an arrow from w forgotten", "missing", '("w", "x2"), ', ""),
    Mutant("an arrow into f forgotten", "missing", '("x2", "f"), ', ""),
    Mutant("all arrows turned round", "swapped_arguments", PATHS, f"[(b, a) for a, b in {PATHS}]"),
    Mutant(
        "arrows into f turned round",
        "swapped_arguments",
        '("x1", "f"), ("x2", "f"), ("x3", "f")',
        '("f", "x1"), ("f", "x2"), ("f", "x3")',
    ),
    Mutant("a chain", "wrong_argument|missing", PATHS, '[("w", "x1"), ("x1", "x2"), ("x2", "x3"), ("x3", "f")]'),
    Mutant("w feeds f directly as well", "wrong_argument", '("x3", "f")]', '("x3", "f"), ("w", "f")]'),
    Mutant("an arrow twice", "wrong_argument", '("x3", "f")]', '("x3", "f"), ("x3", "f")]'),
    Mutant(
        "the functions as nodes of their own",
        "wrong_argument",
        PATHS,
        '[("w", "g1"), ("w", "g2"), ("w", "g3"), ("g1", "f"), ("g2", "f"), ("g3", "f")]',
    ),
    Mutant("a stranger", "wrong_argument", '("x3", "f")]', '("x3", "f"), ("f", "loss")]'),
    Mutant("not pairs", "type", PATHS, '["w", "x1", "x2", "x3", "f"]'),
    Mutant("a picture in words", "type", PATHS, '"w -> x1, x2, x3 -> f"'),
    Mutant("misspelt", "missing", "many_paths = " + PATHS, "many_path = " + PATHS),
]

paths_variants = [
    Variant("another order", f"sorted({PATHS})", PATHS),
    Variant("lists for pairs", f"[list(pair) for pair in {PATHS}]", PATHS),
    Variant("a tuple of pairs", f"tuple({PATHS})", PATHS),
    Variant("a loop", '[p for i in "123" for p in (("w", "x" + i), ("x" + i, "f"))]', PATHS),
    Variant(
        "appended",
        'many_paths = [("w", "x1")]\nfor pair in ' + PATHS + "[1:]:\n    many_paths.append(pair)",
        "many_paths = " + PATHS,
    ),
    Variant("a space too many", PATHS.replace('"x3"', '"x3 "'), PATHS),
]

# -- total_derivative -----------------------------------------------------------------------------------------------

TOTAL = "return df_dx @ dx_dw"

total_mutants = [
    Mutant("not written", "none", TOTAL, "pass"),
    Mutant("not added", "shape", TOTAL, "return (df_dx * dx_dw.T).T"),
    Mutant("the first path only", "missing_term", TOTAL, "return df_dx[0] * dx_dw[0]"),
    Mutant("the last path only", "missing_term", TOTAL, "return df_dx[-1] * dx_dw[-1]"),
    Mutant("averaged", "averaged", TOTAL, "return df_dx @ dx_dw / len(df_dx)"),
    Mutant("∂f/∂x left out", "upstream_ignored", TOTAL, "return dx_dw.sum(axis=0)"),
    Mutant("∂x/∂w left out", "missing_chain_factor", TOTAL, "return df_dx.sum() * np.ones(dx_dw.shape[1:])"),
    Mutant("a product of sums", "upstream_summed", TOTAL, "return df_dx.sum() * dx_dw.sum(axis=0)"),
    Mutant("paths multiplied", "wrong_argument", TOTAL, "return (df_dx * dx_dw.T).T.prod(axis=0)"),
    Mutant("derivatives added", "wrong_argument", TOTAL, "return (df_dx + dx_dw.T).T.sum(axis=0)"),
    Mutant("opposite sign", "sign", TOTAL, "return -(df_dx @ dx_dw)"),
    Mutant("twice", "factor", TOTAL, "return 2 * (df_dx @ dx_dw)"),
    Mutant("in reverse", "order", TOTAL, "return df_dx[::-1] @ dx_dw"),
    Mutant("everything added up", "shape", TOTAL, "return np.sum((df_dx * dx_dw.T).T)"),
    Mutant("the product the other way round", "wrong_argument", TOTAL, "return dx_dw @ df_dx"),
    Mutant("an outer product", "shape", TOTAL, "return np.outer(df_dx, dx_dw)"),
    Mutant("a row", "shape", TOTAL, "return np.atleast_2d(df_dx) @ dx_dw"),
    Mutant(
        "in place",
        "in_place",
        TOTAL,
        "dx_dw *= df_dx.reshape(-1, *[1] * (dx_dw.ndim - 1))\n    return dx_dw.sum(axis=0)",
    ),
    Mutant("absolute values", "sign", TOTAL, "return abs(df_dx @ dx_dw)"),
    Mutant("whole numbers", "dtype", TOTAL, "return np.asarray(df_dx @ dx_dw).astype(int)"),
    Mutant("nan", "nan", TOTAL, "return df_dx @ dx_dw * np.nan"),
    Mutant("printed, not returned", "none", TOTAL, "print(df_dx @ dx_dw)"),
    Mutant(
        "the last path forgotten",
        "missing_term",
        TOTAL,
        "total = 0\n    for i in range(len(df_dx) - 1):\n        total = total + df_dx[i] * dx_dw[i]\n    return total",
    ),
    Mutant(
        "the other way round where it fits",
        "wrong_argument",
        TOTAL,
        "return dx_dw @ df_dx if dx_dw.shape == (len(df_dx),) * 2 else df_dx @ dx_dw",
    ),
    Mutant("one variable loses its axis", "shape", TOTAL, "return np.squeeze(df_dx @ dx_dw)"),
    Mutant("a number in an array", "shape", TOTAL, "return np.atleast_1d(df_dx @ dx_dw)"),
    Mutant(
        "a number in an array by a matrix product",
        "shape",
        TOTAL,
        "return df_dx[None, :] @ dx_dw if dx_dw.ndim == 1 else df_dx @ dx_dw",
    ),
    Mutant("a number as a list", "", TOTAL, "return [float(df_dx @ dx_dw)] if dx_dw.ndim == 1 else df_dx @ dx_dw"),
    Mutant(
        "remembers by dx_dw only",
        "shared_state",
        "",
        """known = {}
def total_derivative(df_dx, dx_dw):
    return known.setdefault(dx_dw.tobytes(), df_dx @ dx_dw)
""",
    ),
    Mutant(
        "remembers by df_dx only",
        "shared_state",
        "",
        """known = {}
def total_derivative(df_dx, dx_dw):
    return known.setdefault((df_dx.tobytes(), dx_dw.shape), df_dx @ dx_dw)
""",
    ),
    Mutant("zeros of one factor are replaced", "range", TOTAL, "return np.where(df_dx == 0, 1.0, df_dx) @ dx_dw"),
    Mutant(
        "a single zero in df_dx makes all of it zero",
        "range|zero",
        TOTAL,
        "return df_dx @ dx_dw * np.all(df_dx != 0)",
    ),
    Mutant(
        "a single zero in dx_dw makes all of it zero", "range|zero", TOTAL, "return df_dx @ dx_dw * np.all(dx_dw != 0)"
    ),
    Mutant(
        "rounded where df_dx has whole numbers",
        "range",
        TOTAL,
        "total = df_dx @ dx_dw\n    return np.round(total) if np.all(df_dx == np.round(df_dx)) else total",
    ),
    Mutant(
        "one buffer for all results",
        "shared_state",
        "",
        """BUFFERS = {}
def total_derivative(df_dx, dx_dw):
    result = BUFFERS.setdefault(dx_dw.shape[1:], np.zeros(dx_dw.shape[1:]))
    result[...] = df_dx @ dx_dw
    return result
""",
    ),
]

total_variants = [
    Variant("dot", "return np.dot(df_dx, dx_dw)", TOTAL),
    Variant("transposed Jacobian", "return dx_dw.T @ df_dx", TOTAL),
    Variant("einsum", "return np.einsum('i,i...->...', df_dx, dx_dw)", TOTAL),
    Variant(
        "a loop over paths",
        "total = 0\n    for i in range(len(df_dx)):\n        total = total + df_dx[i] * dx_dw[i]\n    return total",
        TOTAL,
    ),
    Variant(
        "two cases",
        "if np.ndim(dx_dw) == 1:\n        return float(np.sum(df_dx * dx_dw))\n"
        "    return np.array([np.sum(df_dx * column) for column in dx_dw.T])",
        TOTAL,
    ),
    Variant("tensordot", "return np.tensordot(df_dx, dx_dw, axes=1)", TOTAL),
    Variant("single precision", "return (df_dx @ dx_dw).astype(np.float32)", TOTAL),
    Variant(
        "other names, prints",
        "def total_derivative(outer, inner):\n    print(outer.shape, inner.shape)\n"
        "    import warnings; warnings.warn('hm')\n    return outer @ inner",
    ),
]

# -- unit_sum_edges -------------------------------------------------------------------------------------------------

UNITS = "unit_sum_edges = [\n"

units_mutants = [
    Mutant("as handed out", "missing", UNITS, "_ = [\n"),
    Mutant("no biases", "missing", ' ("b1", "z1"),', ""),
    Mutant("x in one unit only", "missing", '("x", "z2"), ', ""),
    Mutant("y forgotten", "missing", '("y", "r"), ', ""),
    Mutant("the second unit not added", "missing", '("h2", "s"), ', ""),
    Mutant("no f", "missing", ', ("r", "f")', ""),
    Mutant("units straight into r", "missing", '("h1", "s"), ("h2", "s")', '("h1", "r"), ("h2", "r")'),
    Mutant("crossed biases", "wrong_argument|missing", '("b1", "z1")', '("b2", "z1")'),
    Mutant("x into the activation", "wrong_argument", '("z1", "h1")', '("z1", "h1"), ("x", "h1")'),
    Mutant("y into f", "wrong_argument", '("r", "f")', '("r", "f"), ("y", "f")'),
    Mutant("an arrow twice", "wrong_argument", '("r", "f")', '("r", "f"), ("r", "f")'),
    Mutant("the weights of the other unit", "wrong_argument|missing", '("w2", "z2")', '("w1", "z2")'),
    Mutant("a name of one's own", "wrong_argument", '("y", "r"),', '("target", "r"),'),
    Mutant(
        "turned round",
        "swapped_arguments",
        "]\n### END",
        "]\nunit_sum_edges = [(b, a) for a, b in unit_sum_edges]\n### END",
    ),
    Mutant("activation turned round", "swapped_arguments", '("z1", "h1"), ("z2", "h2")', '("h1", "z1"), ("h2", "z2")'),
    Mutant("not pairs", "type", UNITS, 'unit_sum_edges = ["x", "f"]\n_ = [\n'),
]

TURN = "]\n### END SOLUTION"

units_variants = [
    Variant("another order", "]\nunit_sum_edges = unit_sum_edges[::-1]\n### END SOLUTION", TURN),
    Variant("sorted", "]\nunit_sum_edges.sort()\n### END SOLUTION", TURN),
    Variant("lists for pairs", "]\nunit_sum_edges = [list(pair) for pair in unit_sum_edges]\n### END SOLUTION", TURN),
    Variant("a tuple", "]\nunit_sum_edges = tuple(unit_sum_edges)\n### END SOLUTION", TURN),
    Variant(
        "by units",
        """unit_sum_edges = [("s", "r"), ("y", "r"), ("r", "f")]
for i in "12":
    unit_sum_edges += [(name, "z" + i) for name in ("w" + i, "b" + i, "x")]
    unit_sum_edges += [("z" + i, "h" + i), ("h" + i, "s")]
""",
    ),
]

# -- sigmoid_net_gradients ------------------------------------------------------------------------------------------

H = "h = sigmoid(W @ x + b)"
R = "r = y - h.sum()"
DH = "dh = -2 * r"
DZ = "dz = dh * h * (1 - h)"
RET = "return r**2, (np.outer(dz, x), dz)"

net_mutants = [
    Mutant("not written", "none", RET, "pass"),
    Mutant(
        "half the loss, forward and backward alike",
        "factor",
        f"{DH}\n    {DZ}\n    {RET}",
        f"dh = -r\n    {DZ}\n    {RET.replace('r**2', 'r**2 / 2')}",
    ),
    Mutant("not squared", "wrong_loss", "return r**2", "return r"),
    Mutant("absolute error", "wrong_loss", "return r**2", "return abs(r)"),
    Mutant("a square for each unit", "wrong_loss", "return r**2", "return np.sum((y - h) ** 2)"),
    Mutant("mean over units", "averaged", R, "r = y - h.mean()"),
    Mutant("sum of y and s", "wrong_argument", R, "r = y + h.sum()"),
    Mutant("no bias", "missing_term", H, "h = sigmoid(W @ x)"),
    Mutant("no sigmoid in forward", "missing_activation", H, "h = W @ x + b"),
    Mutant("tanh", "wrong_argument", H, "h = np.tanh(W @ x + b)"),
    Mutant("minus of the difference lost", "sign", DH, "dh = 2 * r"),
    Mutant("no 2", "factor", DH, "dh = -r"),
    Mutant("factor 4", "factor", DH, "dh = -4 * r"),
    Mutant("no slope", "missing_chain_factor", DZ, "dz = dh * np.ones(len(b))"),
    Mutant("half the slope: no 1 − σ", "missing_chain_factor", DZ, "dz = dh * h"),
    Mutant("half the slope: no σ", "missing_chain_factor", DZ, "dz = dh * (1 - h)"),
    Mutant("error left out", "missing_chain_factor", DZ, "dz = h * (1 - h)"),
    Mutant("slope with z in it", "wrong_argument", DZ, "z = W @ x + b\n    dz = dh * z * (1 - z)"),
    Mutant("slope taken at h", "wrong_argument", DZ, "dz = dh * sigmoid(h) * (1 - sigmoid(h))"),
    Mutant("slope of tanh", "wrong_argument", DZ, "dz = dh * (1 - h**2)"),
    Mutant("slope of the sum", "wrong_argument", DZ, "s = h.sum()\n    dz = dh * s * (1 - s) * np.ones(len(b))"),
    Mutant("own error of each unit", "wrong_argument", DH, "dh = -2 * (y - h)"),
    Mutant("square of the error", "wrong_argument", DH, "dh = 2 * r**2"),
    Mutant("dW transposed", "transposed", "np.outer(dz, x)", "np.outer(x, dz)"),
    Mutant("dW without x", "missing_chain_factor", "np.outer(dz, x)", "np.outer(dz, np.ones(len(x)))"),
    Mutant("dW with W for x", "wrong_argument", "np.outer(dz, x)", "dz[:, None] * W"),
    Mutant("dW a number", "shape", "np.outer(dz, x)", "dz @ np.ones(len(b))"),
    Mutant("dW of the first unit", "shape", "np.outer(dz, x)", "dz[0] * x"),
    Mutant("db summed over units", "shape", "x), dz)", "x), dz.sum())"),
    Mutant("db times b", "wrong_argument", "x), dz)", "x), dz * b)"),
    Mutant("db averaged", "averaged", "x), dz)", "x), dz / len(dz))"),
    Mutant("gradients exchanged", "swapped_arguments", "(np.outer(dz, x), dz)", "(dz, np.outer(dz, x))"),
    Mutant("value only", "missing", RET, "return r**2"),
    Mutant("one gradient only", "missing", RET, "return r**2, (np.outer(dz, x),)"),
    Mutant("in place", "in_place", H, "b += W @ x\n    h = sigmoid(b)"),
    Mutant("wrong helper", "raises", "sigmoid(", "sigma("),
    Mutant(
        "a numerical gradient",
        "numeric",
        RET,
        "e = 1e-4\n    up = lambda d: (y - sigmoid(W @ x + b + d).sum()) ** 2\n"
        "    dz = np.array([(up(e * row) - up(0 * row)) / e for row in np.eye(len(b))])\n    " + RET,
    ),
    Mutant("rounded", "numeric", RET, "return r**2, (np.round(np.outer(dz, x), 5), np.round(dz, 5))"),
    Mutant("torch", "torch", H, "import torch\n    raise ImportError('not allowed here', name='torch')"),
    Mutant("a single unit loses its axis", "shape", H, "h = np.squeeze(sigmoid(W @ x + b))"),
    Mutant(
        "dW in the type of W",
        "dtype",
        RET,
        "dW = np.empty_like(W)\n    dW[:] = np.outer(dz, x)\n    return r**2, (dW, dz)",
    ),
    Mutant("dW in the type of x", "dtype", "np.outer(dz, x)", "np.outer(dz, x).astype(x.dtype)"),
    Mutant("z stops at 4", "range", H, "h = sigmoid(np.minimum(W @ x + b, 4))"),
    Mutant("z stops at -8", "range", H, "h = sigmoid(np.maximum(W @ x + b, -8))"),
]

net_variants = [
    Variant("all in a row", "return r**2, np.outer(dz, x), dz", RET),
    Variant("gradients in a list", "return [r**2, [np.outer(dz, x), dz]]", RET),
    Variant(
        "loops",
        """def sigmoid_net_gradients(W, b, x, y):
    import math
    s, slopes = 0.0, []
    for i in range(len(b)):
        z = b[i]
        for k in range(len(x)):
            z += W[i][k] * x[k]
        h = 1 / (1 + math.exp(-z))
        slopes.append(h * (1 - h))
        s += h
    dW, db = np.zeros(W.shape), np.zeros(b.shape)
    for i in range(len(b)):
        db[i] = 2 * (s - y) * slopes[i]
        for k in range(len(x)):
            dW[i, k] = db[i] * x[k]
    return (y - s) ** 2, (dW, db)
""",
    ),
    Variant("einsum", "return r**2, (np.einsum('i,k->ik', dz, x), dz)", RET),
    Variant("columns", "return r**2, (dz[:, None] @ x[None, :], dz)", RET),
    Variant("broadcasting", "return float(r) ** 2, (dz.reshape(-1, 1) * x, dz.copy())", RET),
    Variant("slope as a helper", "slope = lambda v: sigmoid(v) * sigmoid(-v)\n    dz = dh * slope(W @ x + b)", DZ),
    Variant(
        "s − y", "r = h.sum() - y\n    dh = 2 * r\n    " + DZ + "\n    " + RET, f"{R}\n    {DH}\n    {DZ}\n    {RET}"
    ),
    Variant("lists", "return r**2, (np.outer(dz, x).tolist(), dz.tolist())", RET),
    Variant("single precision", "return r**2, (np.outer(dz, x).astype(np.float32), dz.astype(np.float32))", RET),
    Variant("value of shape (1,)", "return np.array([r**2]), (np.outer(dz, x), dz)", RET),
    Variant("prints and warns", H + "\n    print(h)\n    import warnings; warnings.warn('hm')", H),
]

# -- sigmoid_net_step -----------------------------------------------------------------------------------------------

STEP_G = "_, (dW, db) = sigmoid_net_gradients(W, b, x, y)"
STEP = "return W - epsilon * dW, b - epsilon * db"

step_mutants = [
    Mutant("not written", "none", STEP, "pass"),
    Mutant("uphill", "sign", STEP, STEP.replace(" - ", " + ")),
    Mutant("uphill for b", "sign", STEP, STEP.replace("b - ", "b + ")),
    Mutant("no epsilon", "wrong_argument", STEP, "return W - dW, b - db"),
    Mutant("divided by epsilon", "wrong_argument", STEP, "return W - dW / epsilon, b - db / epsilon"),
    Mutant("the gradients", "wrong_argument", STEP, "return dW, db"),
    Mutant("the steps", "wrong_argument", STEP, "return -epsilon * dW, -epsilon * db"),
    Mutant("no step", "zero", STEP, "return W, b"),
    Mutant("exchanged", "swapped_arguments", STEP, "return b - epsilon * db, W - epsilon * dW"),
    Mutant("W in place", "in_place", STEP, "W -= epsilon * dW\n    return W, b - epsilon * db"),
    Mutant("b in place", "in_place", STEP, "b -= epsilon * db\n    return W - epsilon * dW, b"),
    Mutant(
        "both in place", "in_place", STEP, "W[...] = W - epsilon * dW\n    b[...] = b - epsilon * db\n    return W, b"
    ),
    Mutant("b not updated", "zero", STEP, "return W - epsilon * dW, b"),
    Mutant("W not updated", "zero", STEP, "return W, b - epsilon * db"),
    Mutant("W alone", "type", STEP, "return W - epsilon * dW"),
    Mutant("with the value", "missing", STEP, "return _, W - epsilon * dW, b - epsilon * db"),
    Mutant("half the step", "factor", STEP, "return W - epsilon * dW / 2, b - epsilon * db / 2"),
    Mutant("the gradient twice", "factor", STEP, "return W - 2 * epsilon * dW, b - 2 * epsilon * db"),
    Mutant(
        "a gradient of its own without the slope",
        "missing_chain_factor",
        STEP_G,
        "h = sigmoid(W @ x + b)\n    db = 2 * (h.sum() - y) * np.ones(len(b))\n    dW = np.outer(db, x)",
    ),
    Mutant(
        "two steps",
        "",
        STEP,
        "W, b = W - epsilon * dW, b - epsilon * db\n    _, (dW, db) = sigmoid_net_gradients(W, b, x, y)\n    " + STEP,
    ),
    Mutant(
        "b from the new W",
        "",
        STEP,
        "W = W - epsilon * dW\n    _, (_, db) = sigmoid_net_gradients(W, b, x, y)\n    return W, b - epsilon * db",
    ),
    Mutant(
        "W in the type of W",
        "dtype",
        STEP,
        "new_W = W.copy()\n    new_W[...] = W - epsilon * dW\n    return new_W, b - epsilon * db",
    ),
    Mutant("b in the type of b", "dtype", STEP, "return W - epsilon * dW, (b - epsilon * db).astype(b.dtype)"),
    Mutant("W is moved only where it is not 0", "range|zero", STEP, STEP.replace("dW,", "dW * (W != 0),")),
    Mutant("b is not moved where it is 0", "range", STEP, "return W - epsilon * dW, b - epsilon * db * b.all()"),
    Mutant(
        "z stops at 4",
        "range",
        STEP_G,
        "h = sigmoid(np.minimum(W @ x + b, 4))\n    db = 2 * (h.sum() - y) * h * (1 - h)\n    dW = np.outer(db, x)",
    ),
    Mutant("wrong call", "raises", STEP_G, STEP_G.replace("(W, b, x, y)", "(W, b, x)")),
    Mutant(
        "b's gradient at the new W",
        "wrong_argument",
        STEP,
        "W = W - epsilon * dW\n    return W, b - epsilon * sigmoid_net_gradients(W, b, x, y)[1][1]",
    ),
    Mutant(
        "hands back W where nothing moves",
        "in_place",
        STEP,
        "return (W - epsilon * dW if dW.any() else W), b - epsilon * db",
    ),
]

step_variants = [
    Variant("copies", "W, b = W.copy(), b.copy()\n    W -= epsilon * dW\n    b -= epsilon * db\n    return W, b", STEP),
    Variant("a list", "return [W - epsilon * dW, b - epsilon * db]", STEP),
    Variant("unpacked by index", "g = sigmoid_net_gradients(W, b, x, y)[1]\n    dW, db = g[0], g[1]", STEP_G),
    Variant("unpacked by keyword", "_, (dW, db) = sigmoid_net_gradients(W=W, b=b, x=x, y=y)", STEP_G),
    Variant(
        "its own gradients",
        "h = sigmoid(W @ x + b)\n    db = 2 * (h.sum() - y) * h * (1 - h)\n    dW = np.outer(db, x)",
        STEP_G,
    ),
    Variant(
        "gradients of another form",
        """def sigmoid_net_gradients(W, b, x, y):
    h = sigmoid(W @ x + b)
    db = 2 * (h.sum() - y) * h * (1 - h)
    return (h.sum() - y) ** 2, np.outer(db, x), db


def sigmoid_net_step(W, b, x, y, epsilon):
    _, dW, db = sigmoid_net_gradients(W, b, x, y)
    return W - epsilon * dW, b - epsilon * db
""",
    ),
    Variant("wrong gradients above, right step", "dz = dh * h", DZ, cell="sigmoid_net_gradients", whole=False),
    Variant(
        "no gradients above, right step", "raise NotImplementedError()", RET, cell="sigmoid_net_gradients", whole=False
    ),
]

# -- back_through ---------------------------------------------------------------------------------------------------

BACK = "return jacobian.T @ upstream"

back_mutants = [
    Mutant("not written", "none", BACK, "pass"),
    Mutant("no transpose", "transposed", BACK, "return jacobian @ upstream"),
    Mutant("no transpose, sum over rows", "transposed", BACK, "return (jacobian * upstream).sum(axis=1)"),
    Mutant("not added", "wrong_argument", BACK, "return jacobian.T * upstream"),
    Mutant("the upstream gradient itself", "missing_chain_factor|shape", BACK, "return upstream"),
    Mutant("upstream ignored", "upstream_ignored", BACK, "return jacobian.sum(axis=0)"),
    Mutant("upstream summed", "upstream_summed", BACK, "return jacobian.sum(axis=0) * upstream.sum()"),
    Mutant("the diagonal only", "missing_term|shape", BACK, "return np.diag(jacobian) * upstream"),
    Mutant("the inverse", "wrong_argument", BACK, "return np.linalg.inv(jacobian) @ upstream"),
    Mutant("the inverse, transposed", "wrong_argument", BACK, "return np.linalg.solve(jacobian.T, upstream)"),
    Mutant("averaged", "averaged", BACK, "return jacobian.T @ upstream / len(upstream)"),
    Mutant("opposite sign", "sign", BACK, "return -jacobian.T @ upstream"),
    Mutant("twice", "factor", BACK, "return 2 * jacobian.T @ upstream"),
    Mutant("a row", "shape", BACK, "return upstream[None, :] @ jacobian"),
    Mutant("a column", "shape", BACK, "return jacobian.T @ upstream[:, None]"),
    Mutant("a number", "shape", BACK, "return np.sum(jacobian.T @ upstream)"),
    Mutant("outer product", "shape", BACK, "return np.outer(jacobian, upstream)"),
    Mutant("in place", "in_place", BACK, "jacobian *= upstream[:, None]\n    return jacobian.sum(axis=0)"),
    Mutant("upstream in place", "in_place", BACK, "out = jacobian.T @ upstream\n    upstream[:] = 0\n    return out"),
    Mutant("nan", "nan", BACK, "return jacobian.T @ upstream * np.nan"),
    Mutant("in the type of upstream", "dtype", BACK, "return (jacobian.T @ upstream).astype(upstream.dtype)"),
    Mutant(
        "in the type of the Jacobian",
        "dtype",
        BACK,
        "out = np.zeros_like(jacobian[0])\n    out[:] = jacobian.T @ upstream\n    return out",
    ),
]

back_variants = [
    Variant("row times matrix", "return upstream @ jacobian", BACK),
    Variant("einsum", "return np.einsum('ki,k->i', jacobian, upstream)", BACK),
    Variant("sum of rows", "return (jacobian * upstream[:, None]).sum(axis=0)", BACK),
    Variant(
        "loops",
        "out = [0.0] * jacobian.shape[1]\n    for k in range(len(upstream)):\n        for i in range(len(out)):\n"
        "            out[i] += jacobian[k][i] * upstream[k]\n    return out",
        BACK,
    ),
    Variant("the function of section 1", "return total_derivative(upstream, jacobian)", BACK),
    Variant("other names", "def back_through(J, u):\n    return np.dot(J.T, u)"),
    Variant("single precision", "return (jacobian.T @ upstream).astype(np.float32)", BACK),
]

# -- two_layer_gradients --------------------------------------------------------------------------------------------

A = "a = W1 @ x + b"
TH = "h = phi(a)"
TR = "r = W2 @ h - y"
DA = "da = phi_prime(a) * (W2.T @ r)"
TRET = "return 0.5 * np.sum(r**2), (np.outer(da, x), np.outer(r, h), da, W1.T @ da)"

layers_mutants = [
    Mutant("not written", "none", TRET, "pass"),
    Mutant("no half in the value", "factor", "0.5 * np.sum", "np.sum"),
    Mutant(
        "no half, forward and backward alike",
        "factor",
        f"{DA}\n    {TRET}",
        "da = phi_prime(a) * (W2.T @ (2 * r))\n"
        "    return np.sum(r**2), (np.outer(da, x), np.outer(2 * r, h), da, W1.T @ da)",
    ),
    Mutant("the norm, not its square", "wrong_loss", "0.5 * np.sum(r**2)", "0.5 * np.linalg.norm(r)"),
    Mutant("squared sum", "wrong_loss", "0.5 * np.sum(r**2)", "0.5 * np.sum(r) ** 2"),
    Mutant("absolute values", "wrong_loss", "np.sum(r**2)", "np.sum(abs(r))"),
    Mutant("mean", "averaged", "np.sum(r**2)", "np.mean(r**2)"),
    Mutant("a loss for each output", "shape", "0.5 * np.sum(r**2)", "0.5 * r**2"),
    Mutant("no bias", "missing_term", A, "a = W1 @ x"),
    Mutant("no phi", "missing_activation", TH, "h = a"),
    Mutant("tanh typed in", "wrong_argument", TH, "h = np.tanh(a)"),
    Mutant("phi on the output too", "activation_on_output", TR, "r = phi(W2 @ h) - y"),
    Mutant("phi_prime for phi", "wrong_argument", TH, "h = phi_prime(a)"),
    Mutant("no y", "missing_term", TR, "r = W2 @ h"),
    Mutant("plus y", "wrong_argument", TR, "r = W2 @ h + y"),
    Mutant("y − o", "sign", TR, "r = y - W2 @ h"),
    Mutant("no slope", "missing_chain_factor", DA, "da = W2.T @ r"),
    Mutant("slope at h", "wrong_argument", DA, "da = phi_prime(h) * (W2.T @ r)"),
    Mutant("phi for its slope", "wrong_argument", DA, "da = phi(a) * (W2.T @ r)"),
    Mutant("slope without bias", "missing_term", DA, "da = phi_prime(W1 @ x) * (W2.T @ r)"),
    Mutant("slope of tanh typed in", "wrong_argument", DA, "da = (1 - h**2) * (W2.T @ r)"),
    Mutant("slope of the sigmoid typed in", "wrong_argument", DA, "da = h * (1 - h) * (W2.T @ r)"),
    Mutant("slope of relu typed in", "wrong_argument", DA, "da = (a > 0) * (W2.T @ r)"),
    Mutant("W2 left out", "missing_chain_factor", DA, "da = phi_prime(a) * r.sum()"),
    Mutant("r left out", "missing_chain_factor", DA, "da = phi_prime(a) * W2.sum(axis=0)"),
    Mutant("o for r in da", "wrong_argument", DA, "da = phi_prime(a) * (W2.T @ (r + y))"),
    Mutant("W2 not transposed", "wrong_argument", DA, "da = phi_prime(a) * (W2 @ r)"),
    Mutant("gradients of the other sign", "sign", DA, "r = -r\n    " + DA),
    Mutant("dW2 with a", "wrong_argument", "np.outer(r, h)", "np.outer(r, a)"),
    Mutant("dW2 with phi_prime", "wrong_argument", "np.outer(r, h)", "np.outer(r, phi_prime(a))"),
    Mutant("dW2 with o", "wrong_argument", "np.outer(r, h)", "np.outer(r + y, h)"),
    Mutant("dW2 transposed", "transposed", "np.outer(r, h)", "np.outer(h, r)"),
    Mutant("dW2 without h", "missing_chain_factor", "np.outer(r, h)", "np.outer(r, np.ones(len(h)))"),
    Mutant("dW2 without r", "missing_chain_factor", "np.outer(r, h)", "np.outer(np.ones(len(r)), h)"),
    Mutant("dW1 transposed", "transposed", "np.outer(da, x)", "np.outer(x, da)"),
    Mutant("dW1 with h", "wrong_argument", "np.outer(da, x)", "np.outer(da, h)"),
    Mutant("dW1 without x", "missing_chain_factor", "np.outer(da, x)", "np.outer(da, np.ones(len(x)))"),
    Mutant("dW1 a product of vectors", "shape", "np.outer(da, x)", "da.T @ x"),
    Mutant("db summed", "shape", " da, W1.T", " da.sum(), W1.T"),
    Mutant("db without the slope", "missing_chain_factor", " da, W1.T", " W2.T @ r, W1.T"),
    Mutant("db times b", "wrong_argument", " da, W1.T", " da * b, W1.T"),
    Mutant("dx without the slope", "missing_chain_factor", "W1.T @ da)", "W1.T @ (W2.T @ r))"),
    Mutant("dx a row", "shape", "W1.T @ da)", "da[None, :] @ W1)"),
    Mutant("dx without W1", "missing_chain_factor", "W1.T @ da)", "np.full(len(x), da.sum()))"),
    Mutant(
        "dW1 and dW2 exchanged",
        "swapped_arguments",
        "(np.outer(da, x), np.outer(r, h),",
        "(np.outer(r, h), np.outer(da, x),",
    ),
    Mutant(
        "order of the sheet: x first",
        "swapped_arguments",
        TRET,
        "return 0.5 * np.sum(r**2), (W1.T @ da, np.outer(da, x), np.outer(r, h), da)",
    ),
    Mutant("W1 not transposed", "wrong_argument", "W1.T @ da)", "W1 @ da)"),
    Mutant("three gradients", "missing", ", da, W1.T @ da)", ", da)"),
    Mutant(
        "row layout throughout",
        "transposed",
        TRET,
        "return 0.5 * np.sum(r**2), (np.outer(x, da), np.outer(h, r), da, W1.T @ da)",
    ),
    Mutant("in place", "in_place", A, "b += W1 @ x\n    a = b"),
    Mutant(
        "dx in the type of x",
        "dtype",
        TRET,
        "dx = np.zeros_like(x)\n    dx[:] = W1.T @ da\n    " + TRET.replace("W1.T @ da", "dx"),
    ),
    Mutant("dW1 in the type of W1", "dtype", "np.outer(da, x),", "np.outer(da, x).astype(W1.dtype),"),
    Mutant("h in the type of a", "", TH, "h = np.empty_like(a)\n    h[:] = phi(a)"),
    Mutant(
        "a slope of 0 becomes 0.01",
        "",
        DA,
        "slope = phi_prime(a)\n    da = np.where(slope == 0, 0.01, slope) * (W2.T @ r)",
    ),
    Mutant("no slope below 0", "", DA, DA.replace("phi_prime(a)", "np.maximum(phi_prime(a), 0)")),
    Mutant("absolute value of the slope", "", DA, DA.replace("phi_prime(a)", "abs(phi_prime(a))")),
    Mutant("numerical slope", "numeric", DA, "da = (phi(a + 1e-5) - phi(a)) / 1e-5 * (W2.T @ r)"),
    Mutant("misspelt", "raises", "phi_prime(a) *", "phi_primed(a) *"),
    Mutant("writes the slope into a, which may be h as well", "", DA, "a[:] = phi_prime(a)\n    da = a * (W2.T @ r)"),
    Mutant("writes the residual into h", "", TRET, TRET.replace("return", "h *= 1.0\n    a *= 0\n    return")),
    Mutant(
        "remembers by x and y",
        "",
        TR,
        "known = two_layer_gradients.__dict__\n    r = known.setdefault((x.tobytes(), y.tobytes(), W2.shape), W2 @ "
        "h - y)",
    ),
]

layers_variants = [
    Variant("all in a row", "return 0.5 * np.sum(r**2), np.outer(da, x), np.outer(r, h), da, W1.T @ da", TRET),
    Variant("a list", "return 0.5 * r @ r, [np.outer(da, x), np.outer(r, h), da, da @ W1]", TRET),
    Variant(
        "einsum",
        """def two_layer_gradients(W1, W2, b, x, y, phi, phi_prime):
    a = np.einsum("ik,k", W1, x) + b
    h = phi(a)
    r = np.einsum("ji,i", W2, h) - y
    da = np.einsum("i,ji,j->i", phi_prime(a), W2, r)
    dW1, dW2 = np.einsum("i,k->ik", da, x), np.einsum("j,i->ji", r, h)
    return np.einsum("j,j", r, r) / 2, (dW1, dW2, da, np.einsum("ik,i->k", W1, da))
""",
    ),
    Variant(
        "columns",
        """def two_layer_gradients(W1, W2, b, x, y, phi, phi_prime):
    x, b, y = x.reshape(-1, 1), b.reshape(-1, 1), y.reshape(-1, 1)
    a = W1 @ x + b
    h = phi(a)
    r = W2 @ h - y
    da = (W2.T @ r) * phi_prime(a)
    return 0.5 * (r.T @ r), (da @ x.T, r @ h.T, da.ravel(), (W1.T @ da).ravel())
""",
    ),
    Variant("phi one entry at a time", "h = np.array([phi(entry) for entry in a])", TH),
    Variant("a diagonal Jacobian", "da = np.diag(phi_prime(a)).T @ (W2.T @ r)", DA),
    Variant("back_through", "da = back_through(np.diag(phi_prime(a)), back_through(W2, r))", DA),
    Variant(
        "loops",
        """def two_layer_gradients(W1, W2, b, x, y, phi, phi_prime):
    m, d = W1.shape
    p = len(y)
    a = np.array([sum(W1[i, k] * x[k] for k in range(d)) + b[i] for i in range(m)])
    h, slope = phi(a), phi_prime(a)
    r = np.array([sum(W2[j, i] * h[i] for i in range(m)) - y[j] for j in range(p)])
    da = np.array([slope[i] * sum(W2[j, i] * r[j] for j in range(p)) for i in range(m)])
    dW1 = [[da[i] * x[k] for k in range(d)] for i in range(m)]
    dW2 = [[r[j] * h[i] for i in range(m)] for j in range(p)]
    dx = [sum(W1[i, k] * da[i] for i in range(m)) for k in range(d)]
    return sum(v * v for v in r) / 2, (dW1, dW2, list(da), dx)
""",
    ),
    Variant(
        "norm squared", "return np.linalg.norm(r) ** 2 / 2, (np.outer(da, x), np.outer(r, h), da, W1.T @ da)", TRET
    ),
    Variant(
        "y − o throughout",
        "r = y - W2 @ h\n    da = -phi_prime(a) * (W2.T @ r)\n"
        "    return 0.5 * np.sum(r**2), (np.outer(da, x), -np.outer(r, h), da, W1.T @ da)",
        f"{TR}\n    {DA}\n    {TRET}",
    ),
    Variant(
        "single precision",
        "single = lambda v: np.asarray(v, dtype=np.float32)\n    return 0.5 * np.sum(r**2), "
        "(single(np.outer(da, x)), single(np.outer(r, h)), single(da), single(W1.T @ da))",
        TRET,
    ),
    Variant("prints and warns", A + "\n    print(a)\n    import warnings; warnings.warn('hm')", A),
]

# -- linear_net_step ------------------------------------------------------------------------------------------------

LH = "h = W1 @ x + b"
LR = "r = W2 @ h - y"
LRET = "return W1 - epsilon * np.outer(W2.T @ r, x), W2 - epsilon * np.outer(r, h)"

linear_mutants = [
    Mutant("not written", "none", LRET, "pass"),
    Mutant(
        "W2 first, then W1 with the new W2",
        "wrong_argument",
        LRET,
        "W2 = W2 - epsilon * np.outer(r, h)\n    W1 = W1 - epsilon * np.outer(W2.T @ r, x)\n    return W1, W2",
    ),
    Mutant(
        "W2 first, everything computed again",
        "wrong_argument",
        LRET,
        "W2 = W2 - epsilon * np.outer(r, h)\n    r = W2 @ h - y\n    return W1 - epsilon * np.outer(W2.T @ r, x), W2",
    ),
    Mutant(
        "W1 first, then h again",
        "wrong_argument",
        LRET,
        "W1 = W1 - epsilon * np.outer(W2.T @ r, x)\n    h = W1 @ x + b\n    return W1, W2 - epsilon * np.outer(r, h)",
    ),
    Mutant(
        "W1 first, everything computed again",
        "wrong_argument",
        LRET,
        "W1 = W1 - epsilon * np.outer(W2.T @ r, x)\n    h = W1 @ x + b\n    r = W2 @ h - y\n"
        "    return W1, W2 - epsilon * np.outer(r, h)",
    ),
    Mutant("uphill", "sign", LRET, LRET.replace("W1 - ", "W1 + ").replace("W2 - ", "W2 + ")),
    Mutant("y − o", "sign", LR, "r = y - W2 @ h"),
    Mutant("no bias", "missing_term", LH, "h = W1 @ x"),
    Mutant("no bias in dW2", "missing_term", "np.outer(r, h)", "np.outer(r, W1 @ x)"),
    Mutant("no epsilon", "wrong_argument", LRET, LRET.replace("epsilon * ", "")),
    Mutant("divided by epsilon", "wrong_argument", LRET, LRET.replace("epsilon * ", "1 / epsilon * ")),
    Mutant("factor 2", "factor", LR, "r = 2 * (W2 @ h - y)"),
    Mutant("half", "factor", LR, "r = (W2 @ h - y) / 2"),
    Mutant("no y", "wrong_argument", LR, "r = W2 @ h"),
    Mutant(
        "W2 missing in dW1", "missing_chain_factor", "np.outer(W2.T @ r, x)", "np.outer(np.full(len(b), r.sum()), x)"
    ),
    Mutant("r missing in dW1", "missing_chain_factor", "np.outer(W2.T @ r, x)", "np.outer(W2.sum(axis=0), x)"),
    Mutant("x missing in dW1", "missing_chain_factor", "np.outer(W2.T @ r, x)", "np.outer(W2.T @ r, np.ones(len(x)))"),
    Mutant("h missing in dW2", "missing_chain_factor", "np.outer(r, h)", "np.outer(r, np.ones(len(h)))"),
    Mutant("tanh in between", "wrong_argument", "np.outer(r, h)", "np.outer(r, np.tanh(h))"),
    Mutant("the gradients", "wrong_argument", LRET, "return np.outer(W2.T @ r, x), np.outer(r, h)"),
    Mutant(
        "exchanged",
        "swapped_arguments",
        LRET,
        "return W2 - epsilon * np.outer(r, h), W1 - epsilon * np.outer(W2.T @ r, x)",
    ),
    Mutant(
        "W1 in place",
        "in_place",
        LRET,
        "W1 -= epsilon * np.outer(W2.T @ r, x)\n    return W1, W2 - epsilon * np.outer(r, h)",
    ),
    Mutant(
        "both in place",
        "in_place",
        LRET,
        "dW1, dW2 = np.outer(W2.T @ r, x), np.outer(r, h)\n    W1 -= epsilon * dW1\n"
        "    W2 -= epsilon * dW2\n    return W1, W2",
    ),
    Mutant("W1 left as it is", "zero", LRET, "return W1, W2 - epsilon * np.outer(r, h)"),
    Mutant("W2 left as it is", "zero", LRET, "return W1 - epsilon * np.outer(W2.T @ r, x), W2"),
    Mutant("one matrix", "type", LRET, "return W1 - epsilon * np.outer(W2.T @ r, x)"),
    Mutant("b updated and returned too", "missing", LRET, LRET + ", b - epsilon * W2.T @ r"),
    Mutant("outer product turned round", "transposed", "np.outer(W2.T @ r, x)", "np.outer(x, W2.T @ r)"),
    Mutant("W2 is moved only where it is not 0", "range|one_entry", "np.outer(r, h)", "np.outer(r, h) * (W2 != 0)"),
    Mutant("W1 is moved only where it is not 0", "range|one_entry", "W2.T @ r, x)", "W2.T @ r, x) * (W1 != 0)"),
    Mutant("W2 is not moved where all of it is 0", "range", "np.outer(r, h)", "np.outer(r, h) * W2.any()"),
    Mutant("h in the type of b", "", LH, "h = np.empty_like(b)\n    h[:] = W1 @ x + b"),
    Mutant("no transpose", "wrong_argument", "W2.T @ r", "W2 @ r"),
    Mutant(
        "a ReLU in between",
        "wrong_argument",
        "",
        """def linear_net_step(W1, W2, b, x, y, epsilon):
    _, (dW1, dW2, *_) = two_layer_gradients(W1, W2, b, x, y, relu, relu_prime)
    return W1 - epsilon * dW1, W2 - epsilon * dW2
""",
    ),
    Mutant(
        "hands back W2 where nothing moves",
        "in_place",
        LRET,
        LRET.replace(
            "W2 - epsilon * np.outer(r, h)", "(W2 - epsilon * np.outer(r, h) if np.outer(r, h).any() else W2)"
        ),
    ),
]

linear_variants = [
    Variant(
        "two_layer_gradients",
        "_, (dW1, dW2, *_) = two_layer_gradients(W1, W2, b, x, y, lambda a: a, np.ones_like)\n"
        "    return W1 - epsilon * dW1, W2 - epsilon * dW2",
        LRET,
    ),
    Variant(
        "gradients first, then both",
        "dW1 = np.outer(W2.T @ r, x)\n    dW2 = np.outer(r, h)\n    W1 = W1 - epsilon * dW1\n"
        "    W2 = W2 - epsilon * dW2\n    return W1, W2",
        LRET,
    ),
    Variant(
        "copies",
        "W1, W2, old = W1.copy(), W2.copy(), W2\n    W1 -= epsilon * np.outer(old.T @ r, x)\n"
        "    W2 -= epsilon * np.outer(r, h)\n    return [W1, W2]",
        LRET,
    ),
    Variant(
        "y − o, and uphill",
        LRET.replace("W1 - ", "W1 + ").replace("W2 - ", "W2 + ").replace("return", "r = -r\n    return"),
        LRET,
    ),
    Variant(
        "columns",
        """def linear_net_step(W1, W2, b, x, y, epsilon):
    x, b, y = x[:, None], b[:, None], y[:, None]
    r = W2 @ (W1 @ x + b) - y
    return W1 - epsilon * W2.T @ r @ x.T, W2 - epsilon * r @ (W1 @ x + b).T
""",
    ),
    Variant(
        "einsum",
        "return W1 - epsilon * np.einsum('ji,j,k->ik', W2, r, x), W2 - epsilon * np.einsum('j,i->ji', r, h)",
        LRET,
    ),
]

# -- forward_difference ---------------------------------------------------------------------------------------------

START = "start = f(W)\n"
MOVED = "moved = W.copy()"
PLUS = "moved[index] += h"
SLOPE = "gradient[index] = (f(moved) - start) / h"
LOOP = "for index in np.ndindex(W.shape):"

difference_mutants = [
    Mutant("not written", "none", "    return gradient\n", "    pass\n"),
    Mutant("entries not put back", "in_place", MOVED, "moved = W"),
    Mutant(
        "a copy once, entries stay moved", "in_place", f"    {LOOP}\n        {MOVED}\n", f"    {MOVED}\n    {LOOP}\n"
    ),
    Mutant("all entries moved together", "wrong_argument", PLUS, "moved += h"),
    Mutant("not divided by h", "missing_chain_factor", SLOPE, "gradient[index] = f(moved) - start"),
    Mutant("divided by 2 h", "factor", SLOPE, "gradient[index] = (f(moved) - start) / (2 * h)"),
    Mutant(
        "central, divided by h",
        "factor",
        SLOPE,
        "down = W.copy()\n        down[index] -= h\n        gradient[index] = (f(moved) - f(down)) / h",
    ),
    Mutant("the difference turned round", "sign", SLOPE, "gradient[index] = (start - f(moved)) / h"),
    Mutant("backward, the sign lost", "sign", PLUS, "moved[index] -= h"),
    Mutant("a step of its own", "wrong_argument", START, "h = 1e-6\n    start = f(W)\n"),
    Mutant("another step of its own", "wrong_argument", START, "h = 1e-5\n    start = f(W)\n"),
    Mutant("f(W) not subtracted", "missing_term", SLOPE, "gradient[index] = f(moved) / h"),
    Mutant("for matrices only", "raises", LOOP, "rows, columns = W.shape\n    " + LOOP),
    Mutant("W itself", "shape|factor", "return gradient", "return W"),
    Mutant("one row", "shape", "return gradient", "return gradient[0]"),
    Mutant("flat", "shape", "return gradient", "return gradient.ravel()[:, None]"),
    Mutant("transposed", "transposed", "return gradient", "return gradient.T if gradient.ndim > 1 else gradient[::-1]"),
    Mutant("first entry only", "", "    return gradient", "        break\n    return gradient"),
    Mutant("rounded", "numeric", "return gradient", "return np.round(gradient, 4)"),
    Mutant("moves by a factor", "", PLUS, "moved[index] *= 1 + h"),
    Mutant("W left moved", "in_place", "    return gradient", "    W += h\n    return gradient"),
    Mutant(
        "put back by hand, one off",
        "in_place",
        f"{MOVED}\n        {PLUS}\n        {SLOPE}",
        "W[index] += h\n        gradient[index] = (f(W) - start) / h\n        W[index] -= h / 2",
    ),
    Mutant("f called without W", "raises", "f(moved)", "f()"),
    Mutant("f(W) remembered by f", "shared_state", START, "start = vars(f).setdefault('start', f(W))\n"),
    Mutant("f(W) remembered by f and the array", "shared_state|offset", START,
           "start = vars(f).setdefault(id(W), (f(W), W))[0]\n"),
    Mutant(
        "the gradient remembered by f and the array",
        "shared_state|offset",
        "    return gradient",
        "    return vars(f).setdefault(('gradient', id(W)), (gradient, W))[0]",
    ),
    Mutant(
        "central",
        "wrong_argument",
        SLOPE,
        "down = W.copy()\n        down[index] -= h\n        gradient[index] = (f(moved) - f(down)) / (2 * h)",
    ),
    Mutant("backward", "wrong_argument", SLOPE, "gradient[index] = (start - f(2 * W - moved)) / h"),
    Mutant(
        "twice the step",
        "",
        PLUS,
        "moved[index] += 2 * h\n        h2 = 2 * h",
    ),
]

difference_variants = [
    Variant(
        "in place and put back",
        "old = W[index]\n        W[index] = old + h\n        gradient[index] = (f(W) - start) / h\n"
        "        W[index] = old",
        f"{MOVED}\n        {PLUS}\n        {SLOPE}",
    ),
    Variant(
        "flat iteration",
        """def forward_difference(f, W, h=1e-6):
    out = []
    for i in range(W.size):
        step = np.zeros(W.size)
        step[i] = h
        out.append((f(W + step.reshape(W.shape)) - f(W)) / h)
    return np.array(out).reshape(W.shape)
""",
    ),
    Variant(
        "a list comprehension over a matrix of steps",
        """def forward_difference(function, at, step=1e-6):
    units = step * np.eye(at.size).reshape(at.size, *at.shape)
    return np.reshape([(function(at + unit) - function(at)) / step for unit in units], at.shape)
""",
    ),
    Variant(
        "nditer",
        """def forward_difference(f, W, h=1e-6):
    W = np.array(W, dtype=float)
    gradient = np.empty_like(W)
    it = np.nditer(W, flags=["multi_index"])
    for value in it:
        i = it.multi_index
        kept = float(W[i])
        W[i] = kept + h
        above = f(W)
        W[i] = kept
        gradient[i] = (above - f(W)) / h
    return gradient
""",
    ),
    Variant("nested lists", "return gradient.tolist()", "return gradient"),
    Variant("single precision", "return gradient.astype(np.float32)", "return gradient"),
    Variant("prints", START + "    print(start)\n", START),
]

# -- count_parameters -----------------------------------------------------------------------------------------------

COUNT = "return sum((d[i] + (1 if biases else 0)) * d[i + 1] for i in range(len(d) - 1))"
EXTRA = "(1 if biases else 0)"

count_mutants = [
    Mutant("not written", "none", COUNT, "pass"),
    Mutant("biases always", "wrong_argument", EXTRA, "1"),
    Mutant("biases never", "missing_term", EXTRA, "0"),
    Mutant("flag turned round", "wrong_argument", EXTRA, "(0 if biases else 1)"),
    Mutant("last layer forgotten", "missing_term", "len(d) - 1)", "len(d) - 2)"),
    Mutant("first layer forgotten", "missing_term", "range(len(d) - 1)", "range(1, len(d) - 1)"),
    Mutant("one layer too many", "raises", "range(len(d) - 1)", "range(len(d))"),
    Mutant(
        "round in a circle",
        "wrong_argument",
        "d[i + 1] for i in range(len(d) - 1)",
        "d[(i + 1) % len(d)] for i in range(len(d))",
    ),
    Mutant("product of all sizes", "wrong_argument", COUNT, "return int(np.prod(d))"),
    Mutant(
        "32 bits",
        "",
        COUNT,
        "sizes = np.array(d, dtype=np.int32)\n"
        "    return int(np.sum(sizes[:-1] * sizes[1:], dtype=np.int32) + sizes[1:].sum() * bool(biases))",
    ),
    Mutant(
        "single precision",
        "",
        COUNT,
        "sizes = np.array(d, dtype=np.float32)\n    return sizes[:-1] @ sizes[1:] + sizes[1:].sum() * bool(biases)",
    ),
    Mutant(
        "biases stay on",
        "wrong_argument",
        COUNT,
        "count_parameters.on = biases = biases or getattr(count_parameters, 'on', False)\n    " + COUNT,
    ),
    Mutant("units, not connections", "wrong_argument", COUNT, "return sum(d)"),
    Mutant("sizes added", "wrong_argument", ") * d[i + 1]", ") + d[i + 1]"),
    Mutant("squares", "wrong_argument", COUNT, "return sum(n * n for n in d)"),
    Mutant(
        "inputs have biases",
        "wrong_argument",
        COUNT,
        "return sum(d[i] * d[i + 1] for i in range(len(d) - 1)) + (sum(d) if biases else 0)",
    ),
    Mutant(
        "biases of the wrong layer",
        "wrong_argument",
        COUNT,
        "return sum(d[i] * (d[i + 1] + (1 if biases else 0)) for i in range(len(d) - 1))",
    ),
    Mutant(
        "one bias a layer",
        "wrong_argument",
        COUNT,
        "return sum(d[i] * d[i + 1] + (1 if biases else 0) for i in range(len(d) - 1))",
    ),
    Mutant(
        "one bias altogether",
        "wrong_argument",
        COUNT,
        "return sum(d[i] * d[i + 1] for i in range(len(d) - 1)) + (1 if biases else 0)",
    ),
    Mutant(
        "no bias for the outputs",
        "",
        COUNT,
        "return sum(d[i] * d[i + 1] for i in range(len(d) - 1)) + (sum(d[1:-1]) if biases else 0)",
    ),
    Mutant("twice", "factor", "return sum(", "return 2 * sum("),
    Mutant("210 typed in", "", COUNT, "return 233 if biases else 210"),
    Mutant("three layers only", "raises", COUNT, "a, b, c = d\n    return a * b + b * c + (b + c if biases else 0)"),
    Mutant(
        "a list of counts",
        "shape",
        COUNT,
        "return [(d[i] + (1 if biases else 0)) * d[i + 1] for i in range(len(d) - 1)]",
    ),
    Mutant(
        "eats the list",
        "in_place",
        COUNT,
        "total, before = 0, d.pop(0)\n    while d:\n        after = d.pop(0)\n"
        "        total, before = total + (before + bool(biases)) * after, after\n    return total",
    ),
    Mutant("text", "type", COUNT, COUNT.replace("return ", "return str(") + ")"),
    Mutant("equal pairs counted once", "", COUNT, "return sum((m + bool(biases)) * n for m, n in {*zip(d, d[1:])})"),
    Mutant("equal sizes counted once", "", COUNT, "d = list(dict.fromkeys(d))\n    " + COUNT),
    Mutant(
        "pairs in a dictionary by their first size",
        "",
        COUNT,
        "return sum((m + bool(biases)) * n for m, n in dict(zip(d, d[1:])).items())",
    ),
]

count_variants = [
    Variant("zip", "return sum((m + biases) * n for m, n in zip(d[:-1], d[1:]))", COUNT),
    Variant("dot", "d = np.array(d)\n    return int(d[:-1] @ d[1:]) + (int(d[1:].sum()) if biases else 0)", COUNT),
    Variant(
        "a loop",
        "total = 0\n    for i in range(1, len(d)):\n        total += d[i - 1] * d[i]\n        if biases:\n"
        "            total += d[i]\n    return total",
        COUNT,
    ),
    Variant("a float", "return float(np.dot(d[:-1], d[1:]) + bool(biases) * sum(d[1:]))", COUNT),
    Variant(
        "other names",
        "def count_parameters(sizes, with_biases=False):\n"
        "    pairs = [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]\n"
        "    return sum(a * b for a, b in pairs) + (sum(b for _, b in pairs) if with_biases else 0)",
    ),
    Variant(
        "recursion",
        "if len(d) < 2:\n        return 0\n    return (d[0] + int(biases)) * d[1] + count_parameters(d[1:], biases)",
        COUNT,
    ),
    Variant(
        "arrays are built and measured",
        "return sum(np.zeros((n, m)).size + (np.zeros(n).size if biases else 0) for m, n in zip(d, d[1:]))",
        COUNT,
    ),
]

# -- merge_layers ---------------------------------------------------------------------------------------------------

MERGE = "return W_out @ W_in, W_out @ b_in + b_out"

merge_mutants = [
    Mutant("not written", "none", MERGE, "pass"),
    Mutant("the product the other way round", "swapped_arguments", "W_out @ W_in,", "W_in @ W_out,"),
    Mutant("entry by entry", "wrong_argument", "W_out @ W_in,", "W_out * W_in,"),
    Mutant("matrices added", "wrong_argument", "W_out @ W_in,", "W_out + W_in,"),
    Mutant("W_in alone", "missing_chain_factor", "W_out @ W_in,", "W_in,"),
    Mutant("W_out alone", "missing_chain_factor", "W_out @ W_in,", "W_out,"),
    Mutant("a transpose too many", "wrong_argument", "W_out @ W_in,", "W_out.T @ W_in,"),
    Mutant("another transpose too many", "wrong_argument", "W_out @ W_in,", "W_out @ W_in.T,"),
    Mutant("the result transposed", "transposed", "W_out @ W_in,", "(W_out @ W_in).T,"),
    Mutant("biases added", "missing_chain_factor", "W_out @ b_in + b_out", "b_in + b_out"),
    Mutant("second bias forgotten", "missing_term", " + b_out", ""),
    Mutant("first bias forgotten", "missing_term", "W_out @ b_in + b_out", "b_out"),
    Mutant("first bias through W_in", "wrong_argument", "W_out @ b_in + b_out", "W_in @ b_in + b_out"),
    Mutant("both biases through W_out", "wrong_argument", "W_out @ b_in + b_out", "W_out @ (b_in + b_out)"),
    Mutant("biases exchanged", "wrong_argument", "W_out @ b_in + b_out", "W_out @ b_out + b_in"),
    Mutant("W_out transposed for the bias", "wrong_argument", "W_out @ b_in", "W_out.T @ b_in"),
    Mutant("minus", "", "b_in + b_out", "b_in - b_out"),
    Mutant("exchanged", "shape|swapped_arguments", MERGE, "return W_out @ b_in + b_out, W_out @ W_in"),
    Mutant("weights only", "type", MERGE, "return W_out @ W_in"),
    Mutant("in place", "in_place", MERGE, "b_out += W_out @ b_in\n    return W_out @ W_in, b_out"),
    Mutant("a row", "shape", "W_out @ b_in + b_out", "(W_out @ b_in + b_out)[None, :]"),
    Mutant("a relu in between", "", "W_out @ b_in", "W_out @ np.maximum(b_in, 0)"),
    Mutant("misspelt", "raises", "W_out @ b_in", "W_out @ bin_"),
    Mutant(
        "b in the type of b_out",
        "dtype",
        MERGE,
        "b = b_out.copy()\n    b[:] = W_out @ b_in + b_out\n    return W_out @ W_in, b",
    ),
    Mutant("b in the type of b_in", "dtype", "W_out @ b_in + b_out", "(W_out @ b_in + b_out).astype(b_in.dtype)"),
    Mutant("W in the type of W_out", "dtype", "W_out @ W_in,", "(W_out @ W_in).astype(W_out.dtype),"),
    Mutant(
        "W_in scaled in place where W_out is a number",
        "in_place",
        MERGE,
        "W_in *= W_out[0, 0] if W_out.size == 1 else 1.0\n    return (W_in.copy() if W_out.size == 1 else W_out @ "
        "W_in), W_out @ b_in + b_out",
    ),
    Mutant(
        "b_out added to in place where it is a number",
        "in_place",
        MERGE,
        "b_out += W_out @ b_in if b_out.size == 1 else 0\n    return W_out @ W_in, b_out.copy() if b_out.size == 1 "
        "else W_out @ b_in + b_out",
    ),
    Mutant(
        "remembers by W_out",
        "shared_state",
        "",
        """known = {}
def merge_layers(W_in, b_in, W_out, b_out):
    return known.setdefault((W_out.tobytes(), W_in.shape), (W_out @ W_in, W_out @ b_in + b_out))
""",
    ),
]

merge_variants = [
    Variant("dot", "return np.dot(W_out, W_in), np.dot(W_out, b_in) + b_out", MERGE),
    Variant("einsum", "return np.einsum('ij,jk->ik', W_out, W_in), np.einsum('ij,j->i', W_out, b_in) + b_out", MERGE),
    Variant("transposes", "return (W_in.T @ W_out.T).T, b_in @ W_out.T + b_out", MERGE),
    Variant(
        "measured on unit vectors",
        """def merge_layers(W_in, b_in, W_out, b_out):
    both = lambda h: W_out @ (W_in @ h + b_in) + b_out
    b = both(np.zeros(W_in.shape[1]))
    return np.column_stack([both(unit) - b for unit in np.eye(W_in.shape[1])]), b
""",
    ),
    Variant("a list", "return [W_out @ W_in, W_out @ b_in + b_out]", MERGE),
    Variant(
        "one matrix with the bias as a column",
        """def merge_layers(W1, b1, W2, b2):
    wide = W2 @ np.column_stack([W1, b1])
    return wide[:, :-1], wide[:, -1] + b2
""",
    ),
    Variant("single precision", "return np.float32(W_out @ W_in), np.float32(W_out @ b_in + b_out)", MERGE),
]

SECTION = "02-backprop-practice"

EXERCISES = [
    Exercise(f"{SECTION}/{cell}_check", cell, mutants, variants)
    for cell, mutants, variants in [
        ("many_paths", paths_mutants, paths_variants),
        ("total_derivative", total_mutants, total_variants),
        ("unit_sum_edges", units_mutants, units_variants),
        ("sigmoid_net_gradients", net_mutants, net_variants),
        ("sigmoid_net_step", step_mutants, step_variants),
        ("back_through", back_mutants, back_variants),
        ("two_layer_gradients", layers_mutants, layers_variants),
        ("linear_net_step", linear_mutants, linear_variants),
        ("forward_difference", difference_mutants, difference_variants),
        ("count_parameters", count_mutants, count_variants),
        ("merge_layers", merge_mutants, merge_variants),
    ]
]
