"""Wrong and right solutions of section 06: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

RESET = "        self.d_out = np.zeros(self.out.shape)\n"

# -- AffineNode ---------------------------------------------------------------------------------------------------

AFFINE = "self.out = self.W.out @ self.x.out + self.b.out"
TO_W = "self.W.d_out += np.outer(self.d_out, self.x.out)"
TO_X = "self.x.d_out += self.W.out.T @ self.d_out"
TO_B = "self.b.d_out += self.d_out"
ALL = f"{TO_W}\n        {TO_X}\n        {TO_B}\n"

affine_mutants = [
    Mutant("b's gradient is the node's own array", "assigned", TO_B, "self.b.d_out = self.d_out"),
    Mutant("assigns to W", "assigned", "self.W.d_out +=", "self.W.d_out ="),
    Mutant("assigns to x", "assigned", "self.x.d_out +=", "self.x.d_out ="),
    Mutant("assigns to all", "assigned", "d_out += ", "d_out = "),
    Mutant(
        "outer product the wrong way round", "outer_swapped", TO_W, "self.W.d_out += np.outer(self.x.out, self.d_out)"
    ),
    Mutant("transposed as a whole", "outer_swapped", TO_W, TO_W.replace("self.x.out)", "self.x.out).T")),
    Mutant("out.T @ out on 1-D arrays", "wrong_argument", TO_W, "self.W.d_out += self.d_out.T @ self.x.out"),
    Mutant("dot for the outer product", "wrong_argument", TO_W, "self.W.d_out += np.dot(self.d_out, self.x.out.T)"),
    Mutant("entry by entry for the outer product", "wrong_argument", TO_W, "self.W.d_out += self.d_out * self.x.out"),
    Mutant(
        "einsum for matrices only", "raises", TO_W, "self.W.d_out += np.einsum('ij,kj->ik', self.d_out, self.x.out)"
    ),
    Mutant("x with itself", "wrong_argument", TO_W, "self.W.d_out += np.outer(self.x.out, self.x.out)"),
    Mutant("output in place of x", "wrong_argument", TO_W, "self.W.d_out += np.outer(self.d_out, self.out)"),
    Mutant("upstream ignored for W", "upstream_ignored", TO_W, "self.W.d_out += self.x.out"),
    Mutant("upstream ignored for x", "upstream_ignored", TO_X, "self.x.d_out += self.W.out.sum(axis=0)"),
    Mutant("upstream ignored for b", "upstream_ignored", TO_B, "self.b.d_out += 1"),
    Mutant("x left out of W's gradient", "missing_chain_factor", TO_W, "self.W.d_out += self.d_out[:, None]"),
    Mutant("W not transposed", "wrong_argument", TO_X, "self.x.d_out += self.W.out @ self.d_out"),
    Mutant(
        "contributions not added up",
        "raises|shape|wrong_argument",
        TO_X,
        "self.x.d_out = self.x.d_out + self.W.out * self.d_out[:, None]",
    ),
    Mutant("sum of b's gradient", "upstream_summed", TO_B, "self.b.d_out += self.d_out.sum()"),
    Mutant("mean of b's gradient", "averaged", TO_B, "self.b.d_out += self.d_out.mean()"),
    Mutant("b's gradient times b", "wrong_argument", TO_B, "self.b.d_out += self.d_out * self.b.out"),
    Mutant("x forgotten", "one_node_only", f"        {TO_X}\n", ""),
    Mutant("W forgotten", "one_node_only", f"        {TO_W}\n", "        pass\n"),
    Mutant("b forgotten", "one_node_only", f"        {TO_B}\n", ""),
    Mutant("backward does nothing", "one_node_only", ALL, "return self.d_out\n"),
    Mutant("b left out", "missing_term", " + self.b.out", ""),
    Mutant("b subtracted", "wrong_argument", "+ self.b.out", "- self.b.out"),
    Mutant("W transposed in forward", "wrong_argument", "self.W.out @ self.x.out", "self.W.out.T @ self.x.out"),
    Mutant("b added before the product", "wrong_argument", AFFINE, "self.out = self.W.out @ (self.x.out + self.b.out)"),
    Mutant("products not added up", "wrong_argument", AFFINE, "self.out = self.W.out * self.x.out + self.b.out"),
    Mutant("bias a single number", "wrong_argument", "+ self.b.out", "+ self.b.out.sum()"),
    Mutant("tanh included", "wrong_argument", AFFINE, "self.out = np.tanh(self.W.out @ self.x.out + self.b.out)"),
    Mutant("a column", "shape", AFFINE, "self.out = (self.W.out @ self.x.out + self.b.out)[:, None]"),
    Mutant("sign of x", "sign", "self.x.d_out +=", "self.x.d_out -="),
    Mutant("factor 2 for W", "factor", TO_W, TO_W.replace("+= ", "+= 2 * ")),
    Mutant("averaged over the outputs", "averaged", TO_X, TO_X + " / len(self.d_out)"),
    Mutant("accumulated twice", "factor", TO_B, f"{TO_B}\n        {TO_B}"),
    Mutant("nan", "nan", TO_W, TO_W + " * np.nan"),
    Mutant("d_out not reset", "stale", RESET, ""),
    Mutant(
        "d_out set once",
        "stale",
        RESET,
        "        self.d_out = np.zeros(len(self.out)) if self.d_out is None else self.d_out\n",
    ),
    Mutant("value computed once", "stale", AFFINE, f"if self.out is None:\n            {AFFINE}"),
    Mutant("upstream changed", "in_place", TO_B, TO_B + "\n        self.d_out *= 0"),
    Mutant(
        "x changed",
        "in_place",
        AFFINE,
        "x = self.x.out\n        x *= 2\n        self.out = self.W.out @ (x / 2) + self.b.out",
    ),
    Mutant(
        "b changed", "in_place", AFFINE, "self.b.out += self.W.out @ self.x.out\n        self.out = self.b.out.copy()"
    ),
    Mutant("b not listed", "missing", "[self.W, self.x, self.b]", "[self.W, self.x]"),
    Mutant(
        "nothing stored",
        "none",
        AFFINE,
        "out = self.W.out @ self.x.out + self.b.out\n        self.d_out = 0 * out\n        return out",
    ),
    Mutant(
        "cut to whole numbers",
        "dtype",
        AFFINE,
        AFFINE.replace("self.b.out", "self.b.out\n        self.out = self.out.astype(int)"),
    ),
    Mutant("not written", "unfinished", AFFINE, "raise NotImplementedError()"),
    Mutant("misspelt", "raises", AFFINE, "self.out = self.W.out @ self.X.out + self.b.out"),
    Mutant(
        "x of the first pass in backward",
        "stale",
        TO_W,
        "if not hasattr(self, 'first'):\n            self.first = self.x.out.copy()\n        "
        + TO_W.replace("self.x.out", "self.first"),
    ),
    Mutant("a single unit loses its axis", "shape", AFFINE, AFFINE.replace("= ", "= np.squeeze(") + ")"),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
    Mutant(
        "resets its inputs as well",
        "in_place",
        RESET,
        RESET + "        for node in self.get_predecessors():\n            node.d_out = np.zeros(node.out.shape)\n",
    ),
    Mutant("resets the bias as well", "in_place", RESET, RESET + "        self.b.d_out = np.zeros(self.b.out.shape)\n"),
    Mutant("starts the gradient of W in forward", "in_place", RESET, RESET + "        self.W.d_out *= 0\n"),
    Mutant(
        "runs forward of its inputs",
        "accumulated_twice",
        AFFINE,
        "[node.forward() for node in self.get_predecessors()]\n        " + AFFINE,
    ),
    Mutant(
        "W of the first pass where the array is the same",
        "",
        AFFINE,
        "if getattr(self, 'seen', None) is not self.W.out:\n            self.seen, self.first = self.W.out, "
        "self.W.out.copy()\n"
        "        self.out = self.first @ self.x.out + self.b.out",
    ),
    Mutant(
        "hands its own array on to b",
        "assigned",
        TO_B,
        "self.b.d_out = self.b.d_out + self.d_out if self.b.d_out.any() else self.d_out",
    ),
]

affine_variants = [
    Variant("dot", "self.out = np.dot(self.W.out, self.x.out) + self.b.out", AFFINE),
    Variant("einsum", "self.out = np.einsum('ij,j->i', self.W.out, self.x.out) + self.b.out", AFFINE),
    Variant(
        "a loop", "self.out = np.array([sum(row * self.x.out) + b for row, b in zip(self.W.out, self.b.out)])", AFFINE
    ),
    Variant("column times row", "self.W.d_out += self.d_out.reshape(-1, 1) @ self.x.out.reshape(1, -1)", TO_W),
    Variant("broadcasting", "self.W.d_out += self.d_out[:, None] * self.x.out", TO_W),
    Variant("einsum for W", "self.W.d_out += np.einsum('i,j->ij', self.d_out, self.x.out)", TO_W),
    Variant("vector first", "self.x.d_out += self.d_out @ self.W.out", TO_X),
    Variant(
        "loops over outputs", "for i, g in enumerate(self.d_out):\n            self.x.d_out += g * self.W.out[i]", TO_X
    ),
    Variant("new arrays", "self.b.d_out = self.b.d_out + self.d_out", TO_B),
    Variant("ones times the upstream", "self.b.d_out += np.eye(len(self.d_out)) @ self.d_out", TO_B),
    Variant("returns d_out", TO_B + "\n        return self.d_out", TO_B),
    Variant("another order of the predecessors", "return (self.b, self.x, self.W)", "return [self.W, self.x, self.b]"),
    Variant(
        "prints and warns", "print(self.W.out.shape); import warnings; warnings.warn('hm')\n        " + AFFINE, AFFINE
    ),
    Variant("float32", AFFINE + "\n        self.out = self.out.astype(np.float32)", AFFINE),
    Variant(
        "without Node, other names, helpers",
        """class AffineNode:
    def __init__(self, weights, inputs, bias, name):
        self.parts = weights, inputs, bias
        self.node_name = name
        self.out = self.d_out = None

    def _values(self):
        return [node.out for node in self.parts]

    def forward(self):
        W, x, b = self._values()
        self.out = np.add(np.matmul(W, x), b)
        self.d_out = np.zeros_like(self.out)
        return self.out

    def backward(self):
        W, x, _ = self._values()
        for node, gradient in zip(self.parts, (np.outer(self.d_out, x), W.T.dot(self.d_out), self.d_out)):
            node.d_out = node.d_out + gradient
        return self.d_out

    def get_predecessors(self):
        return list(self.parts)
""",
    ),
]

# -- TanhNode -----------------------------------------------------------------------------------------------------

TANH = "self.out = np.tanh(self.a.out)"
TO_A = "self.a.d_out += self.d_out * (1 - self.out**2)"

tanh_mutants = [
    Mutant(
        "small slopes taken for 0",
        "range|masked",
        TO_A,
        "slope = 1 - self.out**2\n        self.a.d_out += self.d_out * slope * (slope > 1e-3)",
    ),
    Mutant(
        "a unit is flat from 4.4 on",
        "range|masked",
        TO_A,
        "self.a.d_out += self.d_out * (1 - self.out**2) * (np.abs(self.a.out) < 4.4)",
    ),
    Mutant("computes tanh again", "recomputed", TO_A, "self.a.d_out += self.d_out * (1 - np.tanh(self.a.out) ** 2)"),
    Mutant("cosh of the input", "recomputed", TO_A, "self.a.d_out += self.d_out / np.cosh(self.a.out) ** 2"),
    Mutant(
        "slope stored in forward",
        "recomputed",
        TANH,
        TANH + "\n        self.slope = 1 - self.out**2\n"
        "        self.backward = lambda: setattr(self.a, 'd_out', self.a.d_out + self.d_out * self.slope)",
    ),
    Mutant("assigns", "assigned", "self.a.d_out +=", "self.a.d_out ="),
    Mutant("upstream ignored", "upstream_ignored", "self.d_out * (1", "(1"),
    Mutant("upstream twice", "upstream_twice", "self.d_out * (1", "self.d_out**2 * (1"),
    Mutant("slope left out", "missing_chain_factor", TO_A, "self.a.d_out += self.d_out"),
    Mutant("1 − out", "wrong_argument", "self.out**2", "self.out"),
    Mutant("out² − 1", "sign", "(1 - self.out**2)", "(self.out**2 - 1)"),
    Mutant("1 + out²", "wrong_argument", "1 - self.out**2", "1 + self.out**2"),
    Mutant("sigmoid's slope", "wrong_argument", "(1 - self.out**2)", "self.out * (1 - self.out)"),
    Mutant("tanh of out", "wrong_argument", "self.out**2", "np.tanh(self.out) ** 2"),
    Mutant("a² for out²", "wrong_argument", "self.out**2", "self.a.out**2"),
    Mutant("the function for its slope", "wrong_argument", "(1 - self.out**2)", "self.out"),
    Mutant("(1 − out)²", "wrong_argument", "(1 - self.out**2)", "(1 - self.out) ** 2"),
    Mutant(
        "matrix product of the slopes",
        "wrong_argument|raises|upstream_ignored|shape",
        TO_A,
        "self.a.d_out += self.d_out @ (1 - self.out**2)",
    ),
    Mutant(
        "out.T @ out for the square",
        "wrong_argument|raises|",
        TO_A,
        "self.a.d_out += self.d_out * (1 - self.out.T @ self.out)",
    ),
    Mutant(
        "einsum for matrices only",
        "raises",
        TO_A,
        "self.a.d_out += np.einsum('ij,ij->ij', self.d_out, 1 - self.out**2)",
    ),
    Mutant("sum of the upstream", "upstream_summed", "self.d_out * (1", "self.d_out.sum() * (1"),
    Mutant("factor 2", "factor", "self.d_out * (1", "2 * self.d_out * (1"),
    Mutant("subtracts", "sign", "self.a.d_out +=", "self.a.d_out -="),
    Mutant("gradient forgotten", "one_node_only", TO_A, "return self.d_out"),
    Mutant("sigmoid", "wrong_argument", TANH, "self.out = 1 / (1 + np.exp(-self.a.out))"),
    Mutant("sinh", "wrong_argument", TANH, "self.out = np.sinh(self.a.out)"),
    Mutant("tan", "wrong_argument", TANH, "self.out = np.tan(self.a.out)"),
    Mutant(
        "exponents without 2", "wrong_argument", TANH, "self.out = (np.exp(self.a.out) - 1) / (np.exp(self.a.out) + 1)"
    ),
    Mutant("no function at all", "missing_activation", TANH, "self.out = self.a.out.copy()"),
    Mutant(
        "sign of the exponents",
        "sign",
        TANH,
        "self.out = (np.exp(-self.a.out) - np.exp(self.a.out)) / (np.exp(-self.a.out) + np.exp(self.a.out))",
    ),
    Mutant("for numbers only", "raises", TANH, "import math\n        self.out = np.array(math.tanh(self.a.out))"),
    Mutant("flattened", "shape", TANH, "self.out = np.tanh(np.ravel(self.a.out))"),
    Mutant("by a series", "", TANH, "self.out = self.a.out - self.a.out**3 / 3"),
    Mutant("d_out not reset", "stale", RESET, ""),
    Mutant("value computed once", "stale", TANH, f"if self.out is None:\n            {TANH}"),
    Mutant(
        "d_out set once",
        "stale",
        RESET,
        "        self.d_out = np.zeros(self.out.shape) if self.d_out is None else self.d_out\n",
    ),
    Mutant(
        "input changed", "in_place", TANH, "np.tanh(self.a.out, out=self.a.out)\n        self.out = self.a.out.copy()"
    ),
    Mutant("upstream changed", "in_place", TO_A, "self.d_out *= 1 - self.out**2\n        self.a.d_out += self.d_out"),
    Mutant("no predecessors", "missing", "return [self.a]", "return []"),
    Mutant(
        "numerical slope",
        "numeric|recomputed",
        TO_A,
        "self.a.d_out += self.d_out * (np.tanh(self.a.out + 1e-5) - self.out) / 1e-5",
    ),
    Mutant("nan", "nan", TO_A, TO_A + " * np.nan"),
    Mutant("nothing stored", "none", TANH, "self.out = None\n        return np.tanh(self.a.out)"),
    Mutant("not written", "unfinished", TANH, "raise NotImplementedError()"),
    Mutant("backward not written", "unfinished", TO_A, "raise NotImplementedError()"),
    Mutant("misspelt", "raises", "self.out**2", "self.output**2"),
    Mutant(
        "slope of the first pass",
        "stale|recomputed",
        TO_A,
        "if not hasattr(self, 'slope'):\n            self.slope = 1 - self.out**2\n        "
        "self.a.d_out += self.d_out * self.slope",
    ),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
    Mutant(
        "exponentials",
        "nan",
        TANH,
        "p, n = np.exp(self.a.out), np.exp(-self.a.out)\n        self.out = (p - n) / (p + n)",
    ),
    Mutant("e^2a", "nan", TANH, "e = np.exp(2 * np.asarray(self.a.out))\n        self.out = (e - 1) / (e + 1)"),
    Mutant("sinh / cosh", "nan", TANH, "self.out = np.sinh(self.a.out) / np.cosh(self.a.out)"),
    Mutant(
        "2 sigmoid − 1, nan far out", "nan", TANH, "e = np.exp(2 * self.a.out)\n        self.out = 2 * e / (e + 1) - 1"
    ),
]

tanh_variants = [
    Variant(
        "exponentials that cannot overflow",
        "e = np.exp(-2 * np.abs(self.a.out))\n        self.out = np.sign(self.a.out) * (1 - e) / (1 + e)",
        TANH,
    ),
    Variant("np.square", "self.a.d_out += np.multiply(self.d_out, 1 - np.square(self.out))", TO_A),
    Variant("out times out", "self.a.d_out = self.a.d_out + (1 - self.out * self.out) * self.d_out", TO_A),
    Variant("(1 − out)(1 + out)", "self.a.d_out += self.d_out * (1 - self.out) * (1 + self.out)", TO_A),
    Variant(
        "a helper",
        "self.a.d_out += self._slope() * self.d_out\n\n    def _slope(self):\n"
        "        return 1.0 - np.power(self.out, 2)",
        TO_A,
    ),
    Variant(
        "einsum for any number of axes", "self.a.d_out += np.einsum('...,...->...', self.d_out, 1 - self.out**2)", TO_A
    ),
    Variant("returns d_out", TO_A + "\n        return self.d_out", TO_A),
    Variant("prints", "print('tanh')\n        " + TANH, TANH),
    Variant("zeros_like", "        self.d_out = np.zeros_like(self.out)\n", RESET),
    Variant("float32", "self.out = np.tanh(self.a.out).astype(np.float32)", TANH),
    Variant(
        "without Node, other names",
        """class TanhNode:
    def __init__(self, x, name):
        self.x, self.node_name, self.out, self.d_out = x, name, None, None

    def forward(self):
        self.out = np.vectorize(np.tanh)(self.x.out)
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self):
        local = 1 - self.out**2
        self.x.d_out = self.x.d_out + local * self.d_out

    def get_predecessors(self):
        return (self.x,)
""",
    ),
]

# -- MLPRegression ------------------------------------------------------------------------------------------------

HIDDEN = 'a = AffineNode(W1, x, b1, "a")'
TANH_OF_A = 'h = TanhNode(a, "h")'
PREDICTION = 'prediction = VectorScalarAffineNode(h, w2, b2, "prediction")'
OBJECTIVE = 'objective = SquaredL2DistanceNode(prediction, y, "J")'
GRAPH = "ComputationGraphFunction([x], [y], [W1, b1, w2, b2], prediction, objective)"
START = "self.graph.set_parameters({name: scale * rng.normal(size=shape) for name, shape in shapes.items()})"
SHAPES = 'shapes = {"W1": (K, X.shape[1]), "b1": (K,), "w2": (K,), "b2": ()}'
TRAIN = "self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)"


def started(W1: str, w2: str = "scale * rng.normal(size=K)", b1: str = "np.zeros(K)", b2: str = "0.0") -> str:
    return f'self.graph.set_parameters({{"W1": {W1}, "b1": {b1}, "w2": {w2}, "b2": {b2}}})'


NORMAL = "scale * rng.normal(size=(K, X.shape[1]))"
SCALE = "K, scale = self.num_hidden_units, self.init_param_scale"
SETTINGS = ("num_hidden_units", "init_param_scale", "step_size", "max_num_epochs")


def sharing(w2: str) -> str:
    """A start whose w2 is made of the numbers of W1."""
    return f"W1 = {NORMAL}\n        {started('W1', w2)}"


mlp_mutants = [
    *(Mutant(f"{name} in the class", "", f"self.{name}", f"MLPRegression.{name}", count=1) for name in SETTINGS),
    Mutant("the graph in the class", "shared_state|wrong_argument", "self.graph = C", "MLPRegression.graph = C"),
    Mutant(
        "scale of at least 0.01",
        "wrong_argument",
        SCALE,
        "K, scale = self.num_hidden_units, max(0.01, self.init_param_scale)",
    ),
    Mutant(
        "scale of at most 1",
        "wrong_argument",
        SCALE,
        "K, scale = self.num_hidden_units, min(1.0, self.init_param_scale)",
    ),
    Mutant(
        "no number above 1",
        "wrong_argument",
        "scale * rng.normal(size=shape)",
        "np.clip(scale * rng.normal(size=shape), -1, 1)",
    ),
    Mutant(
        "rounded to three digits",
        "wrong_argument|",
        "scale * rng.normal(size=shape)",
        "np.round(scale * rng.normal(size=shape), 3)",
    ),
    Mutant(
        "scale of b1 of at most 0.1",
        "wrong_argument",
        START,
        started(NORMAL, b1="min(scale, 0.1) * rng.normal(size=K)"),
    ),
    Mutant("one number for all of b1", "wrong_argument", START, started(NORMAL, b1="np.full(K, scale * rng.normal())")),
    Mutant("w2 is the first column of W1", "wrong_argument", START, sharing("W1[:, 0]")),
    Mutant("w2 is W1 backwards", "wrong_argument", START, sharing("-W1.ravel()[::-1][:K]")),
    Mutant(
        "the generator starts again for each",
        "wrong_argument",
        "rng.normal(size=shape)",
        "np.random.default_rng(0).normal(size=shape)",
    ),
    Mutant(
        "half of W1 is the other half with its signs changed",
        "wrong_argument",
        START,
        started(
            "(lambda half: np.concatenate([half, -half])[:K])(scale * rng.normal(size=((K + 1) // 2, X.shape[1])))"
        ),
    ),
    Mutant(
        "a second fit keeps W1",
        "stale",
        START,
        f"old = self.graph.name_to_node['W1'].out\n        {START}\n"
        "        if old is not None and old.shape == (K, X.shape[1]):\n"
        "            self.graph.set_parameters({'W1': old})",
    ),
    Mutant("predictions as a column", "shape", "predict_rows(self.graph, X)", "predict_rows(self.graph, X)[:, None]"),
    Mutant(
        "one number for each unit, for all features",
        "wrong_argument",
        START,
        started("scale * rng.normal(size=(K, 1)) * np.ones((K, X.shape[1]))"),
    ),
    Mutant(
        "two numbers for each unit, again and again",
        "wrong_argument",
        START,
        started("np.resize(scale * rng.normal(size=(2, K)), (X.shape[1], K)).T"),
    ),
    Mutant("no tanh", "missing_activation", f"        {TANH_OF_A}\n", "        h = a\n"),
    Mutant(
        "tanh on the output",
        "activation_on_output",
        PREDICTION,
        'prediction = TanhNode(VectorScalarAffineNode(h, w2, b2, "p"), "prediction")',
    ),
    Mutant("tanh twice", "wrong_argument", TANH_OF_A, 'h = TanhNode(TanhNode(a, "h1"), "h")'),
    Mutant(
        "tanh of x",
        "wrong_argument",
        f"        {HIDDEN}\n        {TANH_OF_A}\n",
        '        h = AffineNode(W1, TanhNode(x, "t"), b1, "a")\n',
    ),
    Mutant(
        "w2 and b1 exchanged",
        "swapped_arguments",
        f"        {HIDDEN}\n        {TANH_OF_A}\n        {PREDICTION}\n",
        '        h = TanhNode(AffineNode(W1, x, w2, "a"), "h")\n'
        '        prediction = VectorScalarAffineNode(h, b1, b2, "prediction")\n',
    ),
    Mutant("a new node for b1", "raises", HIDDEN, 'a = AffineNode(W1, x, ValueNode("b1"), "a")'),
    Mutant("objective as prediction", "raises|wrong_loss", "prediction, objective)", "objective, objective)"),
    Mutant("prediction as objective", "wrong_loss|", "prediction, objective)", "prediction, prediction)"),
    Mutant("distance to x", "raises", OBJECTIVE, OBJECTIVE.replace("y,", "x,")),
    Mutant(
        "loss squared again",
        "wrong_loss",
        OBJECTIVE,
        'zero = ValueNode("zero")\n        zero.out = np.array(0.0)\n'
        '        objective = SquaredL2DistanceNode(SquaredL2DistanceNode(prediction, y, "l"), zero, "J")',
    ),
    Mutant("parameters of the output not learned", "raises|missing_name|missing", "[W1, b1, w2, b2]", "[W1, b1]"),
    Mutant("x and y exchanged", "raises", "([x], [y]", "([y], [x]"),
    Mutant("arguments of the affine node exchanged", "raises", "AffineNode(W1, x, b1", "AffineNode(x, W1, b1"),
    Mutant(
        "prediction without its bias",
        "missing_term|raises|missing_name",
        PREDICTION,
        'zero = ValueNode("zero")\n        zero.out = np.array(0.0)\n'
        '        prediction = VectorScalarAffineNode(h, w2, zero, "prediction")',
    ),
    Mutant("two units, whatever is asked for", "raises|shape", "K, scale = self.num_hidden_units", "K, scale = 2"),
    Mutant("graph not stored", "raises", "self.graph = Comp", "graph = Comp"),
    Mutant("parameter under another name", "missing_name|raises", 'ValueNode("w2")', 'ValueNode("v")'),
    Mutant("starts at zero", "zero", START, START.replace("scale * rng.normal(size=shape)", "np.zeros(shape)")),
    Mutant("W1 starts at zero", "zero", START, started("np.zeros((K, X.shape[1]))")),
    Mutant("w2 starts at zero", "zero", START, started(NORMAL, "np.zeros(K)")),
    Mutant("all weights alike", "wrong_argument", START, START.replace("rng.normal(size=shape)", "np.ones(shape)")),
    Mutant("all units alike", "wrong_argument", START, started("scale * np.tile(rng.normal(size=X.shape[1]), (K, 1))")),
    Mutant("init_param_scale ignored", "wrong_argument", "self.init_param_scale\n", "0.01\n"),
    Mutant(
        "init_param_scale overwritten in the constructor",
        "wrong_argument",
        "= num_hidden_units, init_param_scale",
        "= num_hidden_units, 0.01",
    ),
    Mutant("no scale at all", "wrong_argument", "scale * rng", "rng"),
    Mutant(
        "scaled by the number of inputs",
        "wrong_argument",
        START,
        started("rng.normal(size=(K, X.shape[1])) / np.sqrt(X.shape[1])"),
    ),
    Mutant("scale squared", "wrong_argument", "scale * rng", "scale**2 * rng"),
    Mutant(
        "divided by the scale", "wrong_argument", "scale * rng.normal(size=shape)", "rng.normal(size=shape) / scale"
    ),
    Mutant("all positive", "wrong_argument", "rng.normal(size=shape)", "rng.uniform(size=shape)"),
    Mutant("biases of 1", "wrong_argument", START, started(NORMAL, b1="np.ones(K)")),
    Mutant("W1 transposed", "raises|shape", SHAPES, SHAPES.replace("(K, X.shape[1])", "(X.shape[1], K)")),
    Mutant("ten units, whatever is asked for", "shape|raises", "K, scale = self.num_hidden_units", "K, scale = 10"),
    Mutant(
        "scale not a standard deviation",
        "wrong_argument",
        "scale * rng.normal(size=shape)",
        "rng.normal(loc=scale, size=shape)",
    ),
    Mutant("start not set", "raises|none", START, "pass"),
    Mutant(
        "one epoch only",
        "wrong_argument",
        "self.step_size, self.max_num_epochs)\n        return",
        "self.step_size, 1)\n        return",
    ),
    Mutant("step size of its own", "wrong_argument", "self.graph, X, y, self.step_size,", "self.graph, X, y, 0.005,"),
    Mutant("climbs", "sign", "self.graph, X, y, self.step_size,", "self.graph, X, y, -self.step_size,"),
    Mutant("starts again after training", "", TRAIN, f"{TRAIN}\n        {START}"),
    Mutant(
        "predicts the parameters",
        "shape",
        "return predict_rows(self.graph, X)",
        'return self.graph.name_to_node["w2"].out',
    ),
    Mutant("predicts one row", "shape", "return predict_rows(self.graph, X)", "return predict_rows(self.graph, X)[:1]"),
    Mutant(
        "not written", "unfinished", f"        {HIDDEN}\n", f"        raise NotImplementedError()\n        {HIDDEN}\n"
    ),
    Mutant("misspelt", "raises", HIDDEN, HIDDEN.replace("AffineNode", "AfineNode")),
    Mutant(
        "a second fit goes on from the first",
        "stale|wrong_argument",
        START,
        f"if not hasattr(self, 'history'):\n            {START}",
    ),
    Mutant(
        "uniform numbers", "wrong_argument", "scale * rng.normal(size=shape)", "scale * rng.uniform(-1, 1, size=shape)"
    ),
    Mutant(
        "uniform numbers with the right spread",
        "wrong_argument",
        "scale * rng.normal(size=shape)",
        "3**0.5 * scale * rng.uniform(-1, 1, size=shape)",
    ),
    Mutant(
        "plus or minus the scale",
        "wrong_argument",
        "scale * rng.normal(size=shape)",
        "scale * rng.choice([-1.0, 1.0], size=shape)",
    ),
]

TAIL = f"""        {HIDDEN}
        {TANH_OF_A}
        {PREDICTION}
        {OBJECTIVE}
        self.graph = {GRAPH}
        ### END SOLUTION

    def fit(self, X, y):
        \"\"\"Learn from X, shape (n, d), and y, shape (n,), from a small random start; return self.\"\"\"
        rng = np.random.default_rng(0)
        # Set the parameters of self.graph to their starting values.
        ### BEGIN SOLUTION
        K, scale = self.num_hidden_units, self.init_param_scale
        {SHAPES}
        {START}
        ### END SOLUTION
        {TRAIN}
        return self

    def predict(self, X):
        \"\"\"The predictions for X, shape (n, d): an array of shape (n,).\"\"\"
        return predict_rows(self.graph, X)"""
ROW = 'prediction = AffineNode(w2, h, b2, "prediction")'

mlp_variants = [
    Variant("last layer an AffineNode with a weight vector", ROW, PREDICTION, whole=False),
    Variant(
        "last layer an AffineNode with a row of weights and a bias of shape (1,)",
        f"""        {HIDDEN}
        {TANH_OF_A}
        {ROW}
        {OBJECTIVE}
        self.graph = {GRAPH}

    def fit(self, X, y):
        rng = np.random.default_rng(0)
        K, scale = self.num_hidden_units, self.init_param_scale
        shapes = {{"W1": (K, X.shape[1]), "b1": (K,), "w2": (1, K), "b2": (1,)}}
        {START}
        {TRAIN}
        return self

    def predict(self, X):
        return predict_rows(self.graph, X)
""",
        TAIL,
        whole=False,
    ),
    Variant("names W2 and b2", '"W2"', '"w2"'),
    Variant("b2 as an array of one number", SHAPES.replace('"b2": ()', '"b2": (1,)'), SHAPES),
    Variant(
        "distance the other way round", "SquaredL2DistanceNode(y, prediction,", "SquaredL2DistanceNode(prediction, y,"
    ),
    Variant("other names of nodes", '"layer 1"', '"a"'),
    Variant(
        "all in one expression",
        'prediction = VectorScalarAffineNode(TanhNode(AffineNode(W1, x, b1, "a"), "h"), w2, b2, "prediction")',
        PREDICTION,
    ),
    Variant("parameters in another order", "[b2, w2, b1, W1]", "[W1, b1, w2, b2]"),
    Variant("biases at zero", started(NORMAL), START),
    Variant("numpy's global generator", "scale * np.random.standard_normal(shape)", "scale * rng.normal(size=shape)"),
    Variant(
        "randn",
        started(
            "np.random.randn(K, X.shape[1]) * scale",
            "np.random.randn(K) * scale",
            "np.random.randn(K) * scale",
            "np.random.randn() * scale",
        ),
        START,
    ),
    Variant("an unseeded generator", "rng = np.random.default_rng()", "rng = np.random.default_rng(0)"),
    Variant("scale as an argument", "rng.normal(0, scale, shape)", "scale * rng.normal(size=shape)"),
    Variant("fit returns nothing", "", "        return self\n"),
    Variant("prints while it trains", f"print(X.shape)\n        {TRAIN}", TRAIN),
    Variant(
        "a loop of its own",
        "self.history = []\n        for _ in range(self.max_num_epochs):\n            for i in range(len(X)):\n"
        '                J, g = self.graph.get_gradients({"x": X[i]}, {"y": y[i]})\n'
        "                self.graph.increment_parameters({k: -self.step_size * v for k, v in g.items()})\n"
        "                self.history.append(J)",
        TRAIN,
    ),
    Variant(
        "wrong AffineNode in the notebook",
        "self.out = self.W.out @ self.x.out",
        AFFINE,
        cell="affine_node",
        whole=False,
    ),
    Variant("TanhNode not written", "raise NotImplementedError()", TANH, cell="tanh_node", whole=False),
]

# -- reported numbers ---------------------------------------------------------------------------------------------

RAW, FEATURES = "mse_raw = 0.2820", "mse_features = 0.0340"
BOTH = f"{RAW}\n{FEATURES}"

report_mutants = [
    Mutant("exchanged", "swapped_arguments", BOTH, "mse_raw = 0.0340\nmse_features = 0.2820"),
    Mutant("validation error, raw", "wrong_argument", RAW, "mse_raw = 0.2453"),
    Mutant("validation error, features", "wrong_argument", FEATURES, "mse_features = 0.1209"),
    Mutant("sum over the examples", "missing_mean", RAW, "mse_raw = 28.2"),
    Mutant("sum over the examples, features", "missing_mean", FEATURES, "mse_features = 3.4"),
    Mutant("roots", "wrong_loss", BOTH, "mse_raw = 0.531\nmse_features = 0.1844"),
    Mutant("one root, taken for nothing else", "wrong_argument", FEATURES, "mse_features = 0.1844"),
    Mutant("the same twice", "wrong_argument", FEATURES, "mse_features = mse_raw"),
    Mutant("a net that did not learn", "wrong_argument", RAW, "mse_raw = 1.0803"),
    Mutant("stopped on the plateau", "wrong_argument", RAW, "mse_raw = 0.53"),
    Mutant("nan", "nan", FEATURES, "mse_features = float('nan')"),
    Mutant("None", "none", FEATURES, "mse_features = None"),
    Mutant("a text", "type", RAW, "mse_raw = '0.2820'"),
    Mutant("a whole list", "shape", RAW, "mse_raw = [0.29, 0.2825, 0.2820]"),
    Mutant("computed, not typed", "missing_name", RAW, "mse_raw = mean_square_error(raw.predict(X_train), y_train)"),
    Mutant("misspelt", "missing_name", FEATURES, "mse_feature = 0.0340"),
]

report_variants = [
    Variant("another start", "mse_raw = 0.2848\nmse_features = 0.0480", BOTH),
    Variant("two digits", "mse_raw = 0.28\nmse_features = 0.03", BOTH),
    Variant("numpy numbers", "mse_raw = np.float64(0.2811)", RAW),
    Variant("an array of one entry", "mse_raw = np.array([0.2820])", RAW),
    Variant("float32", "mse_features = np.float32(0.034)", FEATURES),
]

SCALAR, SCALAR_VAL = "mse_scalar = 0.0408", "mse_scalar_val = 0.1440"

scalar_mutants = [
    Mutant("no better than the raw run", "wrong_argument", SCALAR, "mse_scalar = 0.2820"),
    Mutant("not quite", "wrong_argument", SCALAR, "mse_scalar = 0.083"),
    Mutant("learned by heart", "wrong_argument", SCALAR_VAL, "mse_scalar_val = 0.61"),
    Mutant("less than the noise", "wrong_argument", SCALAR_VAL, "mse_scalar_val = 0.02"),
    Mutant("exchanged", "wrong_argument", f"{SCALAR}\n{SCALAR_VAL}", "mse_scalar = 0.1440\nmse_scalar_val = 0.0408"),
    Mutant("nan", "nan", SCALAR, "mse_scalar = float('nan')"),
    Mutant("None", "none", SCALAR, "mse_scalar = None"),
    Mutant("a text", "type", SCALAR, "mse_scalar = '0.04'"),
    Mutant("negative", "wrong_argument", SCALAR, "mse_scalar = -0.0408"),
    Mutant("one number missing", "missing_name", f"{SCALAR_VAL}\n", ""),
    Mutant("computed, not typed", "missing_name", SCALAR, "mse_scalar = mean_square_error(scalar(x_train), y_train)"),
]

scalar_variants = [
    Variant("a torch run", "mse_scalar = 0.0312\nmse_scalar_val = 0.1502", f"{SCALAR}\n{SCALAR_VAL}"),
    Variant("closer to the points", "mse_scalar = 0.0243\nmse_scalar_val = 0.2337", f"{SCALAR}\n{SCALAR_VAL}"),
    Variant("two digits", "mse_scalar = 0.05", SCALAR),
    Variant("numpy numbers", "mse_scalar = np.float32(0.041)", SCALAR),
    Variant("an array of one entry", "mse_scalar_val = np.array([0.144])", SCALAR_VAL),
]

EXERCISES = [
    Exercise("06-mlp/affine_node_check", "affine_node", affine_mutants, affine_variants),
    Exercise("06-mlp/tanh_node_check", "tanh_node", tanh_mutants, tanh_variants),
    Exercise("06-mlp/mlp_regression_check", "mlp_regression", mlp_mutants, mlp_variants),
    Exercise("06-mlp/training_error_check", "training_error", report_mutants, report_variants),
    Exercise("06-mlp/scalar_error_check", "scalar_error", scalar_mutants, scalar_variants),
]
