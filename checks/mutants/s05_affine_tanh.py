"""Wrong and right solutions of section 05: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- one weight ---------------------------------------------------------------------------------------------------

ENTRY = "return dJ_dy[i] * x[j]"


def known_by(name: str, arguments: str, result: str, part: str = "") -> list[Mutant]:
    """Results kept by which array one of the arguments is, and by the other one's shape."""
    arrays = arguments.split(", ")[-2:]
    return [
        Mutant(f"kept by which array {one} is", "shared_state", "",
               f"KNOWN = {{}}\ndef {name}({arguments}):\n"
               f"    return KNOWN.setdefault((id({one}), {other}.shape), ({one}, {result}))[1]{part}\n")
        for one, other in (arrays, arrays[::-1])
    ]  # fmt: skip


entry_mutants = [
    Mutant("i and j exchanged", "swapped_arguments|raises", ENTRY, "return dJ_dy[j] * x[i]"),
    Mutant("upstream ignored", "upstream_ignored", ENTRY, "return x[j]"),
    Mutant("x left out", "missing_chain_factor", ENTRY, "return dJ_dy[i]"),
    Mutant("sum of the upstream gradient", "upstream_summed", ENTRY, "return sum(dJ_dy) * x[j]"),
    Mutant("sum of x", "wrong_argument", ENTRY, "return dJ_dy[i] * np.sum(x)"),
    Mutant("all pairs", "wrong_argument", ENTRY, "return np.sum(np.outer(dJ_dy, x))"),
    Mutant("counts from 1", "wrong_argument", ENTRY, "return dJ_dy[i - 1] * x[j - 1]"),
    Mutant("adds the factors", "wrong_argument", ENTRY, "return dJ_dy[i] + x[j]"),
    Mutant("i twice", "wrong_argument|raises", ENTRY, "return dJ_dy[i] * x[i]"),
    Mutant("sign", "sign", ENTRY, "return -dJ_dy[i] * x[j]"),
    Mutant("factor 2", "factor", ENTRY, "return 2 * dJ_dy[i] * x[j]"),
    Mutant("the whole row", "shape", ENTRY, "return dJ_dy[i] * x"),
    Mutant("the whole column", "shape", ENTRY, "return dJ_dy * x[j]"),
    Mutant("the whole matrix", "shape", ENTRY, "return np.outer(dJ_dy, x)"),
    Mutant("delta for the output only", "zero|raises", ENTRY, "return dJ_dy[i] * x[j] * (i == j)"),
    Mutant("cut to a whole number", "dtype", ENTRY, "return int(dJ_dy[i] * x[j])"),
    Mutant("half precision", "", ENTRY, "return np.float16(dJ_dy[i]) * np.float16(x[j])"),
    Mutant("absolute value", "absolute", ENTRY, "return abs(dJ_dy[i] * x[j])"),
    Mutant("reads the numbers of the notebook", "", ENTRY, "return np.array([2.0, 6.0])[i % 2] * x[j]"),
    Mutant("prints", "none", ENTRY, "print(dJ_dy[i] * x[j])"),
    Mutant("a text", "type", ENTRY, "return f'{dJ_dy[i] * x[j]}'"),
    Mutant("misspelt", "raises", ENTRY, "return dJ_dY[i] * x[j]"),
    Mutant("not written", "unfinished", ENTRY, "raise NotImplementedError()"),
    Mutant("changes x", "in_place|raises", ENTRY, "x *= dJ_dy[i]\n    return x[j]"),
    Mutant("a zero in x counts as 1", "range", ENTRY, "return dJ_dy[i] * (x[j] or 1.0)"),
    Mutant("a zero in dJ_dy counts as 1", "range", ENTRY, "return (dJ_dy[i] or 1.0) * x[j]"),
    Mutant("a tiny number added to x", "", ENTRY, "return dJ_dy[i] * (x[j] + 1e-3 * (x[j] == 0))"),
    Mutant(
        "remembers by x",
        "shared_state",
        "",
        """known = {}
def affine_dW_entry(i, j, dJ_dy, x):
    return known.setdefault((i, j, x.tobytes()), dJ_dy[i] * x[j])
""",
    ),
    Mutant(
        "i and j exchanged for a square matrix",
        "swapped_arguments",
        ENTRY,
        "return dJ_dy[j] * x[i] if len(dJ_dy) == len(x) else dJ_dy[i] * x[j]",
    ),
    *(
        Mutant(
            f"the {name} of the notebook where the sizes agree",
            "",
            ENTRY,
            f"own = globals()['{name}']\n    {given} = own if len(own) == len({given}) else {given}\n    {ENTRY}",
        )
        for name, given in (("x", "x"), ("dJ_dy", "dJ_dy"), ("g", "dJ_dy"))
    ),
    Mutant(
        "rounded where x[j] is a whole number",
        "range|dtype",
        ENTRY,
        "return round(dJ_dy[i] * x[j]) if x[j] == round(x[j]) else dJ_dy[i] * x[j]",
    ),
    Mutant(
        "nothing where another input is 0",
        "range|zero",
        ENTRY,
        "return dJ_dy[i] * x[j] * (np.all(x != 0) or len(x) == 1)",
    ),
    *known_by("affine_dW_entry", "i, j, dJ_dy, x", "np.outer(dJ_dy, x)", "[i, j]"),
]

entry_variants = [
    Variant("entry of the outer product", "return np.outer(dJ_dy, x)[i, j]", ENTRY),
    Variant("a float", "return float(dJ_dy[i]) * float(x[j])", ENTRY),
    Variant("a 0-d array", "return np.array(x[j] * dJ_dy[i])", ENTRY),
    Variant("shape (1,)", "return dJ_dy[i : i + 1] * x[j]", ENTRY),
    Variant(
        "the sums of the proof",
        "return sum(dJ_dy[r] * sum((r == i) * (c == j) * x[c] for c in range(len(x))) for r in range(len(dJ_dy)))",
        ENTRY,
    ),
    Variant("deltas by np.eye", "return dJ_dy @ np.eye(len(dJ_dy))[i] * (np.eye(len(x))[j] @ x)", ENTRY),
    Variant("other names, a print", "def affine_dW_entry(r, c, g, v):\n    print(r, c)\n    return g[r] * v[c]\n"),
]

# -- the matrix ---------------------------------------------------------------------------------------------------

OUTER = "return np.outer(dJ_dy, x)"

dW_mutants = [
    Mutant("the wrong way round", "outer_swapped", OUTER, "return np.outer(x, dJ_dy)"),
    Mutant("transposed", "outer_swapped", OUTER, "return np.outer(dJ_dy, x).T"),
    Mutant("entry by entry", "wrong_argument", OUTER, "return dJ_dy * x"),
    Mutant("inner product", "wrong_argument", OUTER, "return dJ_dy @ x"),
    Mutant("out.T @ out on 1-D arrays", "wrong_argument", OUTER, "return dJ_dy.T @ x"),
    Mutant("dot with a .T that does nothing", "wrong_argument", OUTER, "return np.dot(dJ_dy, x.T)"),
    Mutant("a diagonal", "wrong_argument", OUTER, "return np.diag(dJ_dy * x)"),
    Mutant("upstream ignored", "upstream_ignored", OUTER, "return np.tile(x, (len(dJ_dy), 1))"),
    Mutant("upstream ignored, one row", "upstream_ignored", OUTER, "return x"),
    Mutant("x left out", "missing_chain_factor", OUTER, "return np.outer(dJ_dy, np.ones(len(x)))"),
    Mutant(
        "sum of the upstream gradient",
        "upstream_summed",
        OUTER,
        "return np.outer(np.ones(len(dJ_dy)) * dJ_dy.sum(), x)",
    ),
    Mutant("outer sum", "wrong_argument", OUTER, "return dJ_dy[:, None] + x"),
    Mutant("x twice", "wrong_argument", OUTER, "return np.outer(x, x)"),
    Mutant("upstream twice", "wrong_argument", OUTER, "return np.outer(dJ_dy, dJ_dy)"),
    Mutant("sign", "sign", OUTER, "return -np.outer(dJ_dy, x)"),
    Mutant("factor 2", "factor", OUTER, "return 2 * np.outer(dJ_dy, x)"),
    Mutant("averaged over the outputs", "factor|averaged", OUTER, "return np.outer(dJ_dy, x) / len(dJ_dy)"),
    Mutant("flat", "shape", OUTER, "return np.outer(dJ_dy, x).ravel()"),
    Mutant("an axis too many", "shape", OUTER, "return np.outer(dJ_dy, x)[None]"),
    Mutant("einsum that sums", "wrong_argument", OUTER, "return np.einsum('i,i->', dJ_dy, x)"),
    Mutant(
        "right for square layers only",
        "outer_swapped",
        OUTER,
        "return np.outer(dJ_dy, x) if len(x) == len(dJ_dy) else np.outer(x, dJ_dy)",
    ),
    Mutant("for two outputs only", "shape", OUTER, "return np.array([dJ_dy[0] * x, dJ_dy[1] * x])"),
    Mutant("whole numbers", "dtype", OUTER, "return np.outer(dJ_dy, x).astype(int)"),
    Mutant("misspelt", "raises", OUTER, "return np.outter(dJ_dy, x)"),
    Mutant("not returned", "none", OUTER, "np.outer(dJ_dy, x)"),
    Mutant("nan", "nan", OUTER, "return np.outer(dJ_dy, x) * np.nan"),
    Mutant("not written", "unfinished", OUTER, "raise NotImplementedError()"),
    Mutant(
        "changes the upstream gradient",
        "in_place|range",
        OUTER,
        "for i in range(len(dJ_dy)):\n        dJ_dy[i] *= 1.5\n    return np.outer(dJ_dy / 1.5, x)",
    ),
    Mutant("one output loses its axis", "shape", OUTER, "return np.squeeze(np.outer(dJ_dy, x))"),
    Mutant(
        "remembers by x",
        "shared_state",
        "",
        """known = {}
def affine_dW(dJ_dy, x):
    return known.setdefault((x.tobytes(), dJ_dy.shape), np.outer(dJ_dy, x))
""",
    ),
    *known_by("affine_dW", "dJ_dy, x", "np.outer(dJ_dy, x)"),
]

dW_variants = [
    Variant("column times row", "return dJ_dy.reshape(-1, 1) @ x.reshape(1, -1)", OUTER),
    Variant("broadcasting", "return dJ_dy[:, None] * x[None, :]", OUTER),
    Variant("einsum", "return np.einsum('i,j->ij', dJ_dy, x)", OUTER),
    Variant("multiply.outer", "return np.multiply.outer(dJ_dy, x)", OUTER),
    Variant("a list of lists", "return [[g * v for v in x] for g in dJ_dy]", OUTER),
    Variant(
        "entry by entry, with one's own function",
        "return np.array([[affine_dW_entry(i, j, dJ_dy, x) for j in range(len(x))] for i in range(len(dJ_dy))])",
        OUTER,
    ),
    Variant("rows stacked", "return np.vstack([g * x for g in dJ_dy])", OUTER),
    Variant("the transpose of the other", "return np.outer(x, dJ_dy).T", OUTER),
    Variant("kron", "return np.kron(dJ_dy[:, None], x)", OUTER),
    Variant("float32", "return np.outer(dJ_dy, x).astype(np.float32)", OUTER),
    Variant("np.matrix", "return np.matrix(dJ_dy).T * np.matrix(x)", OUTER),
    Variant(
        "filled in place",
        "dW = np.zeros((len(dJ_dy), len(x)))\n    dW += dJ_dy[:, np.newaxis]\n    dW *= x\n    return dW",
        OUTER,
    ),
]

# -- the input ----------------------------------------------------------------------------------------------------

DX = "return W.T @ dJ_dy"

dx_mutants = [
    *known_by("affine_dx", "W, dJ_dy", "W.T @ dJ_dy"),
    Mutant("no transpose", "wrong_argument", DX, "return W @ dJ_dy"),
    Mutant("the vector first, and a transpose", "wrong_argument", DX, "return dJ_dy @ W.T"),
    Mutant("entry by entry", "wrong_argument", DX, "return W.T * dJ_dy"),
    Mutant("entry by entry, not transposed", "wrong_argument", DX, "return W * dJ_dy"),
    Mutant("sum left out", "wrong_argument", DX, "return W * dJ_dy[:, None]"),
    Mutant("summed over the wrong axis", "wrong_argument", DX, "return (W * dJ_dy[:, None]).sum(axis=1)"),
    Mutant("summed altogether", "shape", DX, "return np.sum(W * dJ_dy[:, None])"),
    Mutant("upstream ignored", "upstream_ignored", DX, "return W.sum(axis=0)"),
    Mutant("sum of the upstream gradient", "upstream_summed", DX, "return W.sum(axis=0) * dJ_dy.sum()"),
    Mutant("mean over the outputs", "averaged", DX, "return W.T @ dJ_dy / len(dJ_dy)"),
    Mutant("inverse", "wrong_argument", DX, "return np.linalg.pinv(W) @ dJ_dy"),
    Mutant("sign", "sign", DX, "return -W.T @ dJ_dy"),
    Mutant("factor 2", "factor", DX, "return 2 * W.T @ dJ_dy"),
    Mutant("one output only", "missing_term", DX, "return W[0] * dJ_dy[0]"),
    Mutant("first output forgotten", "missing_term", DX, "return W[1:].T @ dJ_dy[1:]"),
    Mutant("outer product", "shape|", DX, "return np.outer(dJ_dy, W.sum(axis=0))"),
    Mutant("a column", "shape", DX, "return (W.T @ dJ_dy)[:, None]"),
    Mutant("nan", "nan", DX, "return W.T @ dJ_dy * np.nan"),
    Mutant("whole numbers", "dtype", DX, "return (W.T @ dJ_dy).astype(int)"),
    Mutant("needs b", "raises", DX, "return W.T @ (dJ_dy + b)"),
    Mutant("misspelt", "raises", DX, "return W.t @ dJ_dy"),
    Mutant("not returned", "none", DX, "dx = W.T @ dJ_dy"),
    Mutant("not written", "unfinished", DX, "raise NotImplementedError()"),
    Mutant("changes W", "in_place|raises", DX, "W *= dJ_dy[:, None]\n    return W.sum(axis=0)"),
    Mutant("one input loses its axis", "shape", DX, "return np.squeeze(W.T @ dJ_dy)"),
    Mutant(
        "the W of the notebook where the shapes agree",
        "",
        DX,
        "own = globals()['W']\n    return (own if own.shape == W.shape else W).T @ dJ_dy",
    ),
    Mutant(
        "the W of the notebook's second layer where the shapes agree",
        "",
        DX,
        "own = layer['W']\n    return (own if own.shape == W.shape else W).T @ dJ_dy",
    ),
    Mutant(
        "one buffer for all results of a size",
        "shared_state",
        "",
        """BUFFERS = {}
def affine_dx(W, dJ_dy):
    return np.matmul(dJ_dy, W, out=BUFFERS.setdefault(W.shape[1], np.zeros(W.shape[1])))
""",
    ),
]

dx_variants = [
    Variant("the vector first", "return dJ_dy @ W", DX),
    Variant("dot", "return np.dot(dJ_dy, W)", DX),
    Variant("einsum", "return np.einsum('ij,i->j', W, dJ_dy)", DX),
    Variant("a sum over the rows", "return (W * dJ_dy[:, None]).sum(axis=0)", DX),
    Variant("sum of W.T * upstream", "return np.sum(W.T * dJ_dy, axis=1)", DX),
    Variant("loops", "return [sum(W[i, j] * dJ_dy[i] for i in range(len(dJ_dy))) for j in range(W.shape[1])]", DX),
    Variant("a column, flattened", "return (W.T @ dJ_dy.reshape(-1, 1)).ravel()", DX),
    Variant("tensordot", "return np.tensordot(dJ_dy, W, axes=1)", DX),
    Variant("float32", "return (W.T @ dJ_dy).astype(np.float32)", DX),
    Variant(
        "row by row",
        "total = np.zeros(W.shape[1])\n    for row, g in zip(W, dJ_dy):\n        total += g * row\n    return total",
        DX,
    ),
]

# -- the bias -----------------------------------------------------------------------------------------------------

DB = "return dJ_dy.copy()"

db_mutants = [
    Mutant("summed", "wrong_argument", DB, "return dJ_dy.sum()"),
    Mutant("summed, one axis kept", "wrong_argument", DB, "return dJ_dy.sum(keepdims=True)"),
    Mutant("mean", "wrong_argument", DB, "return dJ_dy.mean()"),
    Mutant("averaged", "averaged", DB, "return dJ_dy / len(dJ_dy)"),
    Mutant("ones", "upstream_ignored", DB, "return np.ones(len(dJ_dy))"),
    Mutant("one", "shape", DB, "return 1.0"),
    Mutant("zeros", "zero", DB, "return np.zeros_like(dJ_dy)"),
    Mutant("sum in each entry", "upstream_summed", DB, "return np.full(len(dJ_dy), dJ_dy.sum())"),
    Mutant("sign", "sign", DB, "return -dJ_dy"),
    Mutant("factor 2", "factor", DB, "return 2 * dJ_dy"),
    Mutant("squared", "upstream_twice", DB, "return dJ_dy * dJ_dy"),
    Mutant("absolute values", "absolute|sign", DB, "return np.abs(dJ_dy)"),
    Mutant("a column", "shape", DB, "return dJ_dy[:, None]"),
    Mutant("a diagonal matrix", "wrong_argument", DB, "return np.diag(dJ_dy)"),
    Mutant("first entry", "shape", DB, "return dJ_dy[0]"),
    Mutant("two entries", "shape", DB, "return dJ_dy[:2]"),
    Mutant("turned round", "order", DB, "return dJ_dy[::-1]"),
    Mutant("times another vector of the notebook", "", DB, "return dJ_dy * layer['x']"),
    Mutant("whole numbers", "dtype", DB, "return dJ_dy.astype(int)"),
    Mutant("nan", "nan", DB, "return dJ_dy * np.nan"),
    Mutant("not returned", "none", DB, "db = dJ_dy"),
    Mutant("not written", "unfinished", DB, "raise NotImplementedError()"),
    Mutant("changes the upstream gradient", "in_place", DB, "kept = dJ_dy.copy()\n    dJ_dy += 1\n    return kept"),
    Mutant(
        "one buffer for all results of a size",
        "shared_state",
        "",
        """BUFFERS = {}
def affine_db(dJ_dy):
    buffer = BUFFERS.setdefault(len(dJ_dy), np.zeros(len(dJ_dy)))
    buffer[:] = dJ_dy
    return buffer
""",
    ),
    Mutant(
        "the upstream gradient of the notebook where the sizes agree",
        "",
        DB,
        "own = globals()['dJ_dy']\n    return 1 * (own if len(own) == len(dJ_dy) else dJ_dy)",
    ),
]

db_variants = [
    Variant("the array itself", "return dJ_dy", DB),
    Variant("times one", "return 1 * dJ_dy", DB),
    Variant("identity matrix", "return np.eye(len(dJ_dy)) @ dJ_dy", DB),
    Variant("a list", "return list(dJ_dy)", DB),
    Variant("a tuple", "return tuple(float(v) for v in dJ_dy)", DB),
    Variant("float32", "return dJ_dy.astype(np.float32)", DB),
    Variant("a view", "return dJ_dy[:]", DB),
]

# -- entry by entry -----------------------------------------------------------------------------------------------

DA = "return dJ_dS * sigma_prime(A)"

dA_mutants = [
    Mutant("upstream ignored", "upstream_ignored", DA, "return sigma_prime(A)"),
    Mutant("slope left out", "missing_chain_factor", DA, "return dJ_dS"),
    Mutant("A and upstream exchanged", "swapped_arguments", DA, "return A * sigma_prime(dJ_dS)"),
    Mutant("slope at the upstream gradient", "wrong_argument", DA, "return dJ_dS * sigma_prime(dJ_dS)"),
    Mutant("slope of the product", "wrong_argument", DA, "return sigma_prime(dJ_dS * A)"),
    Mutant("A in place of the slope", "wrong_argument", DA, "return dJ_dS * A"),
    Mutant("tanh, whatever is passed", "wrong_argument", DA, "return dJ_dS * (1 - np.tanh(A) ** 2)"),
    Mutant("as if A were tanh's output", "wrong_argument", DA, "return dJ_dS * (1 - A**2)"),
    Mutant("matrix product", "raises|wrong_argument", DA, "return dJ_dS @ sigma_prime(A)"),
    Mutant("transposed matrix product", "raises|wrong_argument", DA, "return sigma_prime(A).T @ dJ_dS"),
    Mutant("dot", "raises|wrong_argument", DA, "return np.dot(dJ_dS, sigma_prime(A))"),
    Mutant("outer product", "wrong_argument", DA, "return np.outer(dJ_dS, sigma_prime(A))"),
    Mutant("a diagonal matrix, for vectors only", "raises|shape", DA, "return np.diag(sigma_prime(A)) @ dJ_dS"),
    Mutant("einsum for matrices only", "raises", DA, "return np.einsum('ij,ij->ij', dJ_dS, sigma_prime(A))"),
    Mutant("einsum for vectors only", "raises", DA, "return np.einsum('i,i->i', dJ_dS, sigma_prime(A))"),
    Mutant("flattened", "shape", DA, "return (dJ_dS * sigma_prime(A)).ravel()"),
    Mutant("not for numbers", "raises", DA, "return np.array([g * s for g, s in zip(dJ_dS, sigma_prime(A))])"),
    Mutant(
        "two loops",
        "raises|shape",
        DA,
        "out = np.zeros(A.shape)\n    rows, columns = A.shape\n    for i in range(rows):\n"
        "        for j in range(columns):\n            out[i, j] = dJ_dS[i, j] * sigma_prime(A)[i, j]\n    return out",
    ),
    Mutant("summed", "wrong_argument", DA, "return np.sum(dJ_dS * sigma_prime(A))"),
    Mutant("sum of the upstream gradient", "upstream_summed", DA, "return np.sum(dJ_dS) * sigma_prime(A)"),
    Mutant("sum of the factors", "wrong_argument", DA, "return dJ_dS + sigma_prime(A)"),
    Mutant("upstream twice", "upstream_twice", DA, "return dJ_dS**2 * sigma_prime(A)"),
    Mutant("divided", "wrong_argument", DA, "return dJ_dS / sigma_prime(A)"),
    Mutant("transposed result", "transposed|shape", DA, "return (dJ_dS * sigma_prime(A)).T"),
    Mutant("sign", "sign", DA, "return -dJ_dS * sigma_prime(A)"),
    Mutant("factor 2", "factor", DA, "return 2 * dJ_dS * sigma_prime(A)"),
    Mutant("whole numbers", "dtype|zero", DA, "return (dJ_dS * sigma_prime(A)).astype(int)"),
    Mutant("the function, not called", "raises", DA, "return dJ_dS * sigma_prime"),
    Mutant("a function for numbers only", "raises", DA, "import math\n    return dJ_dS * (1 - math.tanh(A) ** 2)"),
    Mutant("nan", "nan", DA, "return dJ_dS * sigma_prime(A) * np.nan"),
    Mutant("not returned", "none", DA, "dA = dJ_dS * sigma_prime(A)"),
    Mutant("not written", "unfinished", DA, "raise NotImplementedError()"),
    Mutant("changes the upstream gradient", "in_place", DA, "dJ_dS *= sigma_prime(A)\n    return dJ_dS"),
    Mutant("changes A", "in_place", DA, "slope = sigma_prime(A)\n    A[...] = 0\n    return dJ_dS * slope"),
    Mutant("numbers come back in an array", "shape", DA, "return np.atleast_1d(dJ_dS * sigma_prime(A))"),
    Mutant(
        "numbers come back as a matrix",
        "shape",
        DA,
        "return dJ_dS * sigma_prime(A) if np.ndim(A) else np.array([[dJ_dS * sigma_prime(A)]])",
    ),
    Mutant(
        "slopes of 0 are replaced",
        "range",
        DA,
        "slope = sigma_prime(A)\n    return dJ_dS * np.where(slope == 0, 0.01, slope)",
    ),
    Mutant("absolute slopes", "wrong_argument", DA, "return dJ_dS * np.abs(sigma_prime(A))"),
    Mutant(
        "absolute slopes in matrices",
        "",
        DA,
        "slope = sigma_prime(A)\n    return dJ_dS * (np.abs(slope) if np.ndim(A) == 2 else slope)",
    ),
    Mutant("no slopes below 0", "", DA, "return dJ_dS * np.maximum(sigma_prime(A), 0)"),
    Mutant("slopes of at most 10", "range", DA, "return dJ_dS * np.clip(sigma_prime(A), -10, 10)"),
    Mutant("slopes of at least 0.001", "range|", DA, "return dJ_dS * np.maximum(sigma_prime(A), 1e-3)"),
    Mutant(
        "upstream where the slope is 0",
        "range",
        DA,
        "slope = sigma_prime(A)\n    return np.where(slope == 0, dJ_dS, dJ_dS * slope)",
    ),
    Mutant(
        "matrix products for stacks of square matrices",
        "",
        DA,
        "square = np.ndim(A) > 2 and A.shape[-1] == A.shape[-2]\n"
        "    return dJ_dS @ sigma_prime(A) if square else dJ_dS * sigma_prime(A)",
    ),
    Mutant(
        "the slopes of the first row for more than three rows",
        "",
        DA,
        "slope = sigma_prime(A)\n    return dJ_dS * (slope[0] if np.ndim(A) == 2 and len(A) > 3 else slope)",
    ),
    Mutant(
        "the slopes of the first row for more than ten rows",
        "",
        DA,
        "slope = sigma_prime(A)\n    return dJ_dS * (slope[0] if np.ndim(A) == 2 and len(A) > 10 else slope)",
    ),
    *(
        Mutant(
            f"{name} read in the order of memory",
            "",
            DA,
            f"{name} = np.reshape(np.ravel({name}, order='K'), np.shape(A))\n    {DA}",
        )
        for name in ("A", "dJ_dS")
    ),
    Mutant(
        "one buffer for all results of a shape",
        "shared_state",
        "",
        """BUFFERS = {}
def elementwise_dA(dJ_dS, A, sigma_prime):
    buffer = BUFFERS.setdefault(np.shape(A), np.zeros(np.shape(A)))
    buffer[...] = dJ_dS * sigma_prime(A)
    return buffer
""",
    ),
]

dA_variants = [
    Variant("np.multiply", "return np.multiply(dJ_dS, sigma_prime(A))", DA),
    Variant("the other order", "return sigma_prime(A) * dJ_dS", DA),
    Variant("einsum for any number of axes", "return np.einsum('...,...->...', dJ_dS, sigma_prime(A))", DA),
    Variant(
        "a single index",
        "flat = [g * s for g, s in zip(dJ_dS.ravel(), sigma_prime(A.ravel()))]\n"
        "    return np.array(flat).reshape(A.shape)",
        DA,
    ),
    Variant(
        "ndindex",
        "out, slope = np.zeros(A.shape), sigma_prime(A)\n    for k in np.ndindex(A.shape):\n"
        "        out[k] = dJ_dS[k] * slope[k]\n    return out",
        DA,
    ),
    Variant("nested lists", "return np.array(dJ_dS * sigma_prime(A)).tolist()", DA),
    Variant("in place on a copy", "dA = np.array(dJ_dS)\n    dA *= sigma_prime(A)\n    return dA", DA),
    Variant("vectorize", "return dJ_dS * np.vectorize(sigma_prime)(A)", DA),
    Variant("float32", "return np.asarray(dJ_dS * sigma_prime(A), dtype=np.float32)", DA),
    Variant(
        "a diagonal matrix of the flat array",
        "flat = np.diag(np.ravel(sigma_prime(A))) @ np.ravel(dJ_dS)\n    return flat.reshape(np.shape(A))",
        DA,
    ),
]

EXERCISES = [
    Exercise("05-affine-tanh/affine_dW_entry_check", "affine_dW_entry", entry_mutants, entry_variants),
    Exercise("05-affine-tanh/affine_dW_check", "affine_dW", dW_mutants, dW_variants),
    Exercise("05-affine-tanh/affine_dx_check", "affine_dx", dx_mutants, dx_variants),
    Exercise("05-affine-tanh/affine_db_check", "affine_db", db_mutants, db_variants),
    Exercise("05-affine-tanh/elementwise_dA_check", "elementwise_dA", dA_mutants, dA_variants),
]
