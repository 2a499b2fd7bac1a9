"""Wrong and right solutions of section 07: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- the Jacobian -------------------------------------------------------------------------------------------------

POWERS = "exponentials = np.exp(z - np.max(z))"
P = "p = exponentials / np.sum(exponentials)"
JACOBIAN = "return np.diag(p) - np.outer(p, p)"

jacobian_mutants = [
    Mutant("squeezed", "shape|range", JACOBIAN, "return np.squeeze(np.diag(p) - np.outer(p, p))"),
    Mutant(
        "a number for one class", "shape|range", JACOBIAN, "return np.diag(p) - np.outer(p, p) if len(p) > 1 else 0.0"
    ),
    Mutant(
        "in whole numbers where z is",
        "range|dtype",
        JACOBIAN,
        "J = np.diag(p) - np.outer(p, p)\n    return J.astype(z.dtype)",
    ),
    Mutant("the diagonal only", "missing_term", JACOBIAN, "return np.diag(p * (1 - p))"),
    Mutant("a vector, p (1 − p)", "missing_term|shape", JACOBIAN, "return p * (1 - p)"),
    Mutant("p on the diagonal, nothing else", "missing_term", JACOBIAN, "return np.diag(p)"),
    Mutant("no δ", "missing_term", JACOBIAN, "return -np.outer(p, p)"),
    Mutant("δ taken for 1", "wrong_argument", JACOBIAN, "return np.outer(p, 1 - p)"),
    Mutant("plus", "wrong_argument", JACOBIAN, "return np.diag(p) + np.outer(p, p)"),
    Mutant("opposite sign", "sign", JACOBIAN, "return np.outer(p, p) - np.diag(p)"),
    Mutant("made of z", "wrong_argument", JACOBIAN, "return np.diag(z) - np.outer(z, z)"),
    Mutant("identity", "wrong_argument", JACOBIAN, "return np.eye(len(p)) - np.outer(p, p)"),
    Mutant("a row of p below another", "wrong_argument", JACOBIAN, "return np.diag(p) - p"),
    Mutant(
        "off the diagonal positive",
        "wrong_argument",
        JACOBIAN,
        "J = np.outer(p, p)\n    np.fill_diagonal(J, p * (1 - p))\n    return J",
    ),
    Mutant("inner product for outer", "wrong_argument", JACOBIAN, "return np.diag(p) - p.T @ p"),
    Mutant("not divided", "wrong_argument", P, "p = np.exp(z)"),
    Mutant("e to the −z", "wrong_argument", POWERS, "exponentials = np.exp(-z)"),
    Mutant("of log p", "wrong_argument", JACOBIAN, "return np.eye(len(p)) - p"),
    Mutant(
        "forward differences",
        "numeric",
        JACOBIAN,
        """h = 1e-6
    q = [np.exp(v) / np.exp(v).sum() for v in z + h * np.eye(len(z))]
    return (np.array(q) - p).T / h""",
    ),
    Mutant("half precision", "", JACOBIAN, "return (np.diag(p) - np.outer(p, p)).astype(np.float16)"),
    Mutant("three classes only", "shape", JACOBIAN, "return np.diag(p[:3]) - np.outer(p[:3], p[:3])"),
    Mutant("the row sums", "shape", JACOBIAN, "return (np.diag(p) - np.outer(p, p)).sum(axis=0)"),
    Mutant("prints it", "none", JACOBIAN, "print(np.diag(p) - np.outer(p, p))"),
    Mutant("changes z", "in_place", POWERS, "z -= np.max(z)\n    exponentials = np.exp(z)"),
    Mutant("misspelt", "raises", JACOBIAN, "return np.diag(p) - np.outer(P, p)"),
    Mutant("not written", "unfinished", POWERS, "raise NotImplementedError()"),
]

jacobian_variants = [
    Variant("plain exponential", "exponentials = np.exp(z)", POWERS),
    Variant(
        "two loops",
        "return np.array([[p[i] * ((i == j) - p[j]) for j in range(len(p))] for i in range(len(p))])",
        JACOBIAN,
    ),
    Variant("broadcasting", "return p[:, None] * (np.eye(len(p)) - p[None, :])", JACOBIAN),
    Variant("einsum", "return np.diag(p) - np.einsum('i,j->ij', p, p)", JACOBIAN),
    Variant("columns", "q = p.reshape(-1, 1)\n    return np.diagflat(q) - q @ q.T", JACOBIAN),
    Variant("a list of lists", "return (np.diag(p) - np.outer(p, p)).tolist()", JACOBIAN),
    Variant("float32", "return (np.diag(p) - np.outer(p, p)).astype(np.float32)", JACOBIAN),
    Variant("diagonal filled in", "J = -np.outer(p, p)\n    J += np.diag(p)\n    return J", JACOBIAN),
    Variant(
        "other names, a helper, a print",
        """def sm(v):
    return np.exp(v) / np.sum(np.exp(v))


def softmax_jacobian(scores):
    q = sm(scores)
    print(q)
    return np.diag(q) - np.outer(q, q)
""",
    ),
]

# -- SoftmaxNode --------------------------------------------------------------------------------------------------

SHIFTED = "exponentials = np.exp(self.z.out - np.max(self.z.out))"
OUT = "self.out = exponentials / np.sum(exponentials)"
BACK = "self.z.d_out += self.out * (self.d_out - np.dot(self.out, self.d_out))"
RESET = "        self.d_out = np.zeros(self.out.shape)\n"


def back(expression):
    """backward() that adds the expression, with p = self.out and g = self.d_out, whatever its shape."""
    return f"p, g, z = self.out, self.d_out, self.z.out\n        self.z.d_out = self.z.d_out + {expression}"


softmax_mutants = [
    Mutant("squeezed", "shape", OUT, "self.out = np.squeeze(exponentials / np.sum(exponentials))"),
    Mutant("no max-subtraction", "unstable", SHIFTED, "exponentials = np.exp(self.z.out)"),
    Mutant("subtracts the smallest", "unstable", "np.max(self.z.out)", "np.min(self.z.out)"),
    Mutant("subtracts the mean", "unstable", "np.max(self.z.out)", "np.mean(self.z.out)"),
    Mutant("subtracts the first score", "unstable", "np.max(self.z.out)", "self.z.out[0]"),
    Mutant("subtracts 500", "unstable", "np.max(self.z.out)", "500"),
    Mutant("subtracts the largest size", "unstable", "np.max(self.z.out)", "np.max(np.abs(self.z.out))"),
    Mutant("adds the largest", "unstable", "self.z.out - np.max", "self.z.out + np.max"),
    Mutant("clips", "wrong_argument", SHIFTED, "exponentials = np.exp(np.clip(self.z.out, -500, 500))"),
    Mutant("divides by the largest", "wrong_argument", SHIFTED, "exponentials = np.exp(self.z.out / self.z.out.max())"),
    Mutant("not divided", "wrong_argument", OUT, "self.out = exponentials"),
    Mutant("divided by the largest exponential", "wrong_argument", OUT, "self.out = exponentials / exponentials.max()"),
    Mutant("divided by the mean", "wrong_argument", OUT, "self.out = exponentials / np.mean(exponentials)"),
    Mutant("divided by the length", "wrong_argument", OUT, "self.out = exponentials / np.linalg.norm(exponentials)"),
    Mutant("scores divided by their sum", "wrong_argument", OUT, "self.out = self.z.out / np.sum(self.z.out)"),
    Mutant("e to the −z", "wrong_argument|unstable", "np.exp(self.z.out - np.max(self.z.out))", "np.exp(-self.z.out)"),
    Mutant("powers of 2", "wrong_argument", "np.exp(", "np.exp2("),
    Mutant("log softmax", "wrong_argument", OUT, "self.out = np.log(exponentials / np.sum(exponentials))"),
    Mutant("a sigmoid each", "wrong_argument", OUT, "self.out = 1 / (1 + np.exp(-self.z.out))"),
    Mutant("hard maximum", "wrong_argument", OUT, "self.out = (exponentials == 1) * 1.0"),
    Mutant(
        "small constant below the line",
        "numeric|factor",
        OUT,
        OUT.replace("np.sum(exponentials)", "(np.sum(exponentials) + 1e-3)"),
    ),
    Mutant("diagonal only", "missing_term", BACK, back("p * (1 - p) * g")),
    Mutant("p times g", "missing_term", BACK, back("p * g")),
    Mutant("δ left out", "missing_term", BACK, back("-p * (p @ g)")),
    Mutant(
        "Jacobian made of z, upstream unused", "wrong_argument", BACK, back("(np.diag(z) - np.outer(z, z)).sum(axis=0)")
    ),
    Mutant("Jacobian made of z", "wrong_argument", BACK, back("(np.diag(z) - np.outer(z, z)) @ g")),
    Mutant("upstream ignored", "upstream_ignored|zero", BACK, back("(np.diag(p) - np.outer(p, p)).sum(axis=1)")),
    Mutant("upstream ignored, diagonal", "upstream_ignored", BACK, back("p * (1 - p)")),
    Mutant("whole Jacobian", "shape", BACK, back("(np.diag(p) - np.outer(p, p)) * g")),
    Mutant("sum of g, not weighted", "wrong_argument", BACK, back("p * (g - g.sum())")),
    Mutant("mean of g", "wrong_argument", BACK, back("p * (g - g.mean())")),
    Mutant("s added", "wrong_argument", BACK, back("p * (g + p @ g)")),
    Mutant("p left out", "missing_chain_factor", BACK, back("(g - p @ g)")),
    Mutant("opposite sign", "sign", "self.z.d_out += self.out", "self.z.d_out -= self.out"),
    Mutant("twice", "factor", BACK, back("2 * p * (g - p @ g)")),
    Mutant("averaged", "averaged|factor", BACK, back("p * (g - p @ g) / len(p)")),
    Mutant("assigns", "assigned", "self.z.d_out +=", "self.z.d_out ="),
    Mutant("never added", "zero|one_node_only", BACK, "return self.out * (self.d_out - np.dot(self.out, self.d_out))"),
    Mutant("replaces p by p − 1", "wrong_argument", BACK, back("p - 1")),
    Mutant(
        "d_out set once",
        "stale",
        RESET,
        "        if self.d_out is None:\n            self.d_out = np.zeros(self.out.shape)\n",
    ),
    Mutant("out computed once", "stale", OUT, f"if self.out is None:\n            {OUT}"),
    Mutant(
        "shifts z in place",
        "in_place",
        SHIFTED,
        "self.z.out -= np.max(self.z.out)\n        exponentials = np.exp(self.z.out)",
    ),
    Mutant(
        "upstream changed",
        "in_place",
        BACK,
        "self.d_out -= np.dot(self.out, self.d_out)\n        self.z.d_out += self.out * self.d_out",
    ),
    Mutant("a row of shape (1, K)", "shape", OUT, "self.out = (exponentials / np.sum(exponentials))[None, :]"),
    Mutant("nan gradient", "nan", BACK, back("np.nan * p")),
    Mutant("no predecessors", "missing", "return [self.z]", "return []"),
    Mutant("out not stored", "none|raises", "self.out = exponentials", "out = exponentials"),
    Mutant("not written", "unfinished", SHIFTED, "raise NotImplementedError()"),
    Mutant("backward not written", "unfinished", BACK, "raise NotImplementedError()"),
    Mutant("upstream handed on, as if the loss were in it", "missing_chain_factor", BACK, "self.z.d_out += self.d_out"),
    Mutant(
        "shifted by the mean",
        "unstable",
        "np.max(self.z.out)",
        "np.mean(self.z.out)",
    ),
    Mutant("shifted by the largest absolute value", "unstable", "np.max(self.z.out)", "np.abs(self.z.out).max()"),
    Mutant("forward returns nothing", "none", "return self.out\n        ### END", "pass\n        ### END"),
    Mutant(
        "largest score of the first pass",
        "unstable",
        SHIFTED,
        "self.top = getattr(self, 'top', np.max(self.z.out))\n        exponentials = np.exp(self.z.out - self.top)",
    ),
    Mutant(
        "largest score of all nodes so far",
        "",
        SHIFTED,
        "SoftmaxNode.top = max(getattr(SoftmaxNode, 'top', 0.0), np.max(self.z.out))\n        "
        "exponentials = np.exp(self.z.out - SoftmaxNode.top)",
    ),
    Mutant(
        "scores kept while the array is the same",
        "",
        SHIFTED,
        "if getattr(self, 'seen', None) is not self.z.out:\n            self.seen, self.first = self.z.out, "
        "self.z.out.copy()\n"
        "        exponentials = np.exp(self.first - np.max(self.first))",
    ),
]

softmax_variants = [
    Variant("Jacobian", back("(np.diag(p) - np.outer(p, p)) @ g"), BACK),
    Variant("one's own softmax_jacobian", back("softmax_jacobian(z).T @ g"), BACK),
    Variant(
        "a wrong softmax_jacobian in the notebook",
        "return np.diag(p)",
        JACOBIAN,
        cell="softmax_jacobian",
    ),
    Variant(
        "two loops",
        """for i in range(len(self.out)):
            for j in range(len(self.out)):
                self.z.d_out[j] += self.d_out[i] * self.out[i] * ((i == j) - self.out[j])""",
        BACK,
    ),
    Variant("einsum", back("p * g - p * np.einsum('i,i->', p, g)"), BACK),
    Variant("new array", "self.z.d_out = self.z.d_out + self.out * (self.d_out - self.out @ self.d_out)", BACK),
    Variant(
        "by way of logarithms",
        "shift = self.z.out - self.z.out.max()\n        exponentials = np.exp(shift - np.log(np.exp(shift).sum()))",
        SHIFTED,
    ),
    Variant("float32", "self.out = (exponentials / np.sum(exponentials)).astype(np.float32)", OUT),
    Variant(
        "helper, no Node, other names, prints",
        """import warnings


class SoftmaxNode:
    def __init__(self, a, name):
        self.a = a
        self.node_name = name
        self.out = None
        self.d_out = None

    def stable(self, v):
        warnings.warn("softmax")
        print("max", v.max())
        e = np.exp(v - v.max())
        return e / e.sum()

    def forward(self):
        self.out = self.stable(self.a.out)
        self.d_out = np.zeros_like(self.out)
        return self.out

    def backward(self):
        J = np.diag(self.out) - self.out[:, None] * self.out[None, :]
        self.a.d_out = self.a.d_out + np.dot(J, self.d_out)
        return self.d_out

    def get_predecessors(self):
        return (self.a,)
""",
    ),
]

# -- NLLNode ------------------------------------------------------------------------------------------------------

LOSS = "self.out = -np.log(self.y_hat.out[self.y_true.out])"
SLOPE = "self.y_hat.d_out[y] += self.d_out * (-1 / self.y_hat.out[y])"
ONE_HOT = "np.eye(len(self.y_hat.out))[self.y_true.out]"


def loss(expression):
    """forward() with the expression for the loss of the probabilities p and the label y."""
    return f"p, y = self.y_hat.out, self.y_true.out\n        self.out = np.asarray({expression})"


def slope(expression):
    """backward() that adds the expression, with p, y, the one-hot vector t of y and g = self.d_out."""
    start = f"p, g, t = self.y_hat.out, self.d_out, {ONE_HOT}\n        "
    return f"{start}self.y_hat.d_out = self.y_hat.d_out + {expression}"


nll_mutants = [
    Mutant("zeros replaced in place", "in_place", LOSS, "self.y_hat.out[self.y_hat.out == 0] = 1e-12\n        " + LOSS),
    Mutant(
        "clipped in place",
        "in_place|wrong_argument",
        LOSS,
        "np.clip(self.y_hat.out, 1e-15, 1, out=self.y_hat.out)\n        " + LOSS,
    ),
    Mutant(
        "binary cross-entropy",
        "wrong_loss",
        LOSS,
        loss(f"-np.sum({ONE_HOT} * np.log(p) + (1 - {ONE_HOT}) * np.log(1 - p))"),
    ),
    Mutant(
        "binary cross-entropy of the number",
        "one_hot_expected",
        LOSS,
        loss("-np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))"),
    ),
    Mutant("one-hot label expected", "one_hot_expected", LOSS, loss("-np.sum(y * np.log(p))")),
    Mutant("one-hot batch expected", "raises", LOSS, loss("-np.mean(np.log(p[np.arange(len(y)), y]))")),
    Mutant(
        "one-hot batch, argmax of the label",
        "raises|wrong_loss|wrong_argument",
        LOSS,
        loss("-np.log(p[np.argmax(y, axis=1)])"),
    ),
    Mutant(
        "argmax of the summed log, zero gradient",
        "constant_loss|wrong_loss",
        f"        {LOSS}",
        "        self.out = np.array(float(np.argmax(np.sum(np.log(self.y_hat.out)))))",
    ),
    Mutant("log K", "constant_loss", LOSS, loss("np.log(len(p))")),
    Mutant("the label itself", "constant_loss", LOSS, loss("float(y)")),
    Mutant("labels from 1", "one_based_labels", LOSS, "self.out = -np.log(self.y_hat.out[self.y_true.out - 1])"),
    Mutant("labels from 1 in backward", "one_based_labels", "y = self.y_true.out", "y = self.y_true.out - 1"),
    Mutant("epsilon 1e-8 in the logarithm", "epsilon_in_log", LOSS, loss("-np.log(p[y] + 1e-8)")),
    Mutant("epsilon 1e-10 in the logarithm", "epsilon_in_log", LOSS, loss("-np.log(p[y] + 1e-10)")),
    Mutant("epsilon 1e-5 in the logarithm", "epsilon_in_log", LOSS, loss("-np.log(p[y] + 1e-5)")),
    Mutant("clipped at 1e-7", "epsilon_in_log", LOSS, loss("-np.log(np.clip(p[y], 1e-7, 1))")),
    Mutant("log without minus", "sign", LOSS, loss("np.log(p[y])")),
    Mutant("probability without log", "wrong_loss", LOSS, loss("-p[y]")),
    Mutant("1 − p", "wrong_loss", LOSS, loss("1 - p[y]")),
    Mutant("mean over the classes", "averaged", LOSS, loss(f"-np.mean({ONE_HOT} * np.log(p))")),
    Mutant("sum over all classes", "wrong_loss", LOSS, loss("-np.sum(np.log(p))")),
    Mutant("most probable class", "wrong_loss", LOSS, loss("-np.log(np.max(p))")),
    Mutant("base 2", "wrong_loss", LOSS, loss("-np.log2(p[y])")),
    Mutant("log1p", "wrong_loss", LOSS, loss("-np.log1p(p[y])")),
    Mutant("entropy", "wrong_loss", LOSS, loss("-np.sum(p * np.log(p))")),
    Mutant("softmax again", "wrong_loss", LOSS, loss("-np.log(np.exp(p[y]) / np.sum(np.exp(p)))")),
    Mutant("square loss", "wrong_loss", LOSS, loss(f"np.sum((p - {ONE_HOT}) ** 2)")),
    Mutant("loss of shape (1,)", "shape", LOSS, loss("[-np.log(p[y])]")),
    Mutant("loss of shape (K,)", "shape", LOSS, loss(f"-{ONE_HOT} * np.log(p)")),
    Mutant("one-hot times log, nan at 0", "nan", LOSS, loss(f"-np.sum({ONE_HOT} * np.log(p))")),
    Mutant("one-hot over p, nan at 0", "nan", SLOPE, slope("-g * t / p")),
    Mutant("−1/p missing", "missing_chain_factor", SLOPE, slope("-g * t")),
    Mutant("p for 1/p", "wrong_argument", SLOPE, slope("-g * p * t")),
    Mutant("1/p²", "wrong_argument", SLOPE, slope("-g * t / p[y] ** 2")),
    Mutant("gradient of the scores", "wrong_argument", SLOPE, slope("g * (p - t)")),
    Mutant("−1/p for all classes", "wrong_loss", SLOPE, slope("-g / p")),
    Mutant(
        "the same for all classes", "wrong_argument", SLOPE, "self.y_hat.d_out += self.d_out * (-1 / self.y_hat.out[y])"
    ),
    Mutant("gradient of the binary cross-entropy", "wrong_loss", SLOPE, slope("g * ((1 - t) / (1 - p) - t / p[y])")),
    Mutant("averaged gradient", "averaged", SLOPE, slope("-g * t / p[y] / len(p)")),
    Mutant("opposite sign", "sign", "(-1 / self.y_hat.out[y])", "(1 / self.y_hat.out[y])"),
    Mutant("upstream ignored", "upstream_ignored", "self.d_out * (-1 /", "(-1 /"),
    Mutant("upstream twice", "upstream_twice", "self.d_out * (-1 /", "self.d_out**2 * (-1 /"),
    Mutant("assigns", "assigned", "self.y_hat.d_out[y] +=", "self.y_hat.d_out[y] ="),
    Mutant(
        "assigns the whole gradient", "assigned", SLOPE, slope("0").replace("self.y_hat.d_out + 0", "-g * t / p[y]")
    ),
    Mutant("never added", "zero|one_node_only", SLOPE, "return -self.d_out / self.y_hat.out[y]"),
    Mutant(
        "d_out set once",
        "stale",
        RESET,
        "        if self.d_out is None:\n            self.d_out = np.zeros(self.out.shape)\n",
    ),
    Mutant("out computed once", "stale", LOSS, f"if self.out is None:\n            {LOSS}"),
    Mutant(
        "changes the probabilities",
        "in_place",
        LOSS,
        f"self.y_hat.out /= self.y_hat.out.sum() * 2\n        {LOSS}\n        self.out -= np.log(2)",
    ),
    Mutant("changes the label", "in_place", SLOPE, SLOPE + "\n        self.y_true.out -= 1"),
    Mutant("upstream changed", "in_place", SLOPE, SLOPE + "\n        self.d_out *= 2"),
    Mutant("y_hat not listed", "missing", "[self.y_hat, self.y_true]", "[self.y_true]"),
    Mutant("nan", "nan", LOSS, loss("np.nan * p[y]")),
    Mutant("float label expected", "raises", LOSS, loss("-np.log(p[y.lower()])")),
    Mutant("not written", "unfinished", LOSS, "raise NotImplementedError()"),
    Mutant(
        "label of the first pass",
        "stale",
        LOSS,
        "if not hasattr(self, 'label'):\n            self.label = int(self.y_true.out)\n        "
        + LOSS.replace("self.y_true.out", "self.label"),
    ),
    Mutant(
        "a gradient for the label",
        "in_place",
        SLOPE,
        SLOPE + "\n        self.y_true.d_out += self.d_out * np.log(self.y_hat.out[y])",
    ),
    Mutant("sets the label's d_out to zero", "in_place", SLOPE, SLOPE + "\n        self.y_true.d_out = np.zeros(())"),
    Mutant(
        "hands the upstream gradient to the label",
        "in_place",
        SLOPE,
        SLOPE + "\n        self.y_true.d_out = self.y_true.d_out + self.d_out",
    ),
    Mutant(
        "makes the label a float",
        "in_place",
        LOSS,
        "self.y_true.out = np.array(float(self.y_true.out))\n        self.out = "
        "-np.log(self.y_hat.out[int(self.y_true.out)])\n        self.y = int(self.y_true.out)",
    ),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
]

nll_variants = [
    Variant("int(y)", "y = int(self.y_true.out)\n        self.out = -np.log(self.y_hat.out[y])", LOSS),
    Variant("an array", "self.out = np.array(-np.log(self.y_hat.out[self.y_true.out]))", LOSS),
    Variant("one-hot dot p, then the logarithm", loss(f"-np.log({ONE_HOT} @ p)"), LOSS),
    Variant("log of 1/p", loss("np.log(1 / p[y])"), LOSS),
    Variant("clipped at 1e-300", loss("-np.log(np.maximum(p[y], 1e-300))"), LOSS),
    Variant(
        "a mask",
        "mask = np.arange(len(self.y_hat.out)) == y\n"
        "        self.y_hat.d_out = self.y_hat.d_out - self.d_out * mask / self.y_hat.out[y]",
        SLOPE,
    ),
    Variant(
        "a vector of zeros",
        "slopes = np.zeros_like(self.y_hat.out)\n"
        "        slopes[y] = -1 / self.y_hat.out[y]\n"
        "        self.y_hat.d_out += self.d_out * slopes",
        SLOPE,
    ),
    Variant(
        "np.where",
        "self.y_hat.d_out += np.where(np.arange(len(self.y_hat.out)) == y, -self.d_out / self.y_hat.out[y], 0)",
        SLOPE,
    ),
    Variant("label not listed", "[self.y_hat]", "[self.y_hat, self.y_true]"),
    Variant("label first", "[self.y_true, self.y_hat]", "[self.y_hat, self.y_true]"),
    Variant("float32", loss("-np.log(p[y])") + "\n        self.out = self.out.astype(np.float32)", LOSS),
    Variant(
        "other names, no Node, prints",
        """import math


class NLLNode:
    def __init__(self, probabilities, label, name):
        self.p, self.label, self.node_name = probabilities, label, name
        self.out, self.d_out = None, None

    def forward(self):
        k = int(self.label.out)
        print("class", k)
        self.out = np.array(-math.log(self.p.out[k]))
        self.d_out = np.zeros_like(self.out)
        return self.out

    def backward(self):
        k = int(self.label.out)
        for i in range(len(self.p.out)):
            if i == k:
                self.p.d_out[i] += -self.d_out / self.p.out[i]
        return self.d_out

    def get_predecessors(self):
        return (self.label, self.p)
""",
    ),
]

# -- both together ------------------------------------------------------------------------------------------------

MINUS = "gradient[y] -= 1"
SOFT = "gradient = exponentials / np.sum(exponentials)"
RESULT = "return gradient"
TARGET = "np.eye(len(z))[y]"

both_mutants = [
    Mutant("of the type of z", "dtype", RESULT, "return gradient.astype(z.dtype)"),
    Mutant("probabilities of the type of z", "dtype", MINUS, "gradient = gradient.astype(z.dtype)\n    " + MINUS),
    Mutant("p alone", "missing_term", MINUS, "pass"),
    Mutant("a number for a single class", "", RESULT, "return np.squeeze(gradient)"),
    Mutant("remembers by the scores", "shared_state", RESULT,
           "return np.copy(softmax_nll_gradient.__dict__.setdefault(tuple(z), gradient))"),
    Mutant("remembers by how many and which class", "shared_state", RESULT,
           "return np.copy(softmax_nll_gradient.__dict__.setdefault((len(z), int(y)), gradient))"),
    Mutant("opposite sign", "sign", RESULT, "return -gradient"),
    Mutant("adds the one-hot vector", "wrong_argument", MINUS, "gradient[y] += 1"),
    Mutant("labels from 1", "one_based_labels", MINUS, "gradient[y - 1] -= 1"),
    Mutant("1 off everywhere", "wrong_argument", MINUS, "gradient -= 1"),
    Mutant("true class only", "missing_term", RESULT, f"return gradient * {TARGET}"),
    Mutant("scores minus one-hot", "wrong_argument", SOFT, "gradient = z.copy()"),
    Mutant("not divided", "wrong_argument", SOFT, "gradient = exponentials"),
    Mutant("gradient for p", "missing_chain_factor", RESULT, f"return -{TARGET} / (gradient + {TARGET})"),
    Mutant("averaged", "averaged|factor", RESULT, "return gradient / len(z)"),
    Mutant("minus the label", "wrong_argument", MINUS, "gradient -= y"),
    Mutant("most probable class", "wrong_argument", MINUS, "gradient[np.argmax(z)] -= 1"),
    Mutant("square loss", "wrong_loss", RESULT, "return 2 * gradient"),
    Mutant("derivative of p_y", "wrong_argument", RESULT, "return (gradient[y] + 1) * -gradient"),
    Mutant("no max-subtraction", "unstable", POWERS, "exponentials = np.exp(z)"),
    Mutant("subtracts the mean", "unstable", "np.max(z)", "np.mean(z)"),
    Mutant("clips", "wrong_argument", POWERS, "exponentials = np.exp(np.clip(z, -700, 700))"),
    Mutant(
        "by way of 1/p, nan when p underflows",
        "unstable",
        RESULT,
        f"""p = gradient + {TARGET}
    return (np.diag(p) - np.outer(p, p)) @ (-{TARGET} / p)""",
    ),
    Mutant("e to the −z", "wrong_argument", POWERS, "exponentials = np.exp(np.min(z) - z)"),
    Mutant("the loss", "shape|type", RESULT, f"return -np.log((gradient + {TARGET})[y])"),
    Mutant("both", "dtype|type|shape|", RESULT, "return 0.0, gradient"),
    Mutant("the true class's entry", "shape", RESULT, "return gradient[y]"),
    Mutant("float16", "", RESULT, "return gradient.astype(np.float16)"),
    Mutant("changes z", "in_place", POWERS, "z -= np.max(z)\n    exponentials = np.exp(z)"),
    Mutant("prints", "none", RESULT, "print(gradient)"),
    Mutant("one-hot label expected", "", MINUS, "gradient = gradient - np.asarray(y)"),
    Mutant("three classes only", "shape", RESULT, "return gradient[:3]"),
    Mutant("not written", "unfinished", POWERS, "raise NotImplementedError()"),
]  # fmt: skip

both_variants = [
    Variant("minus the one-hot vector", f"return gradient - {TARGET}", MINUS + "\n    return gradient"),
    Variant(
        "a loop", "return np.array([g - (k == y) for k, g in enumerate(gradient)])", MINUS + "\n    return gradient"
    ),
    Variant("a list", "return gradient.tolist()", RESULT),
    Variant("float32", "return gradient.astype(np.float32)", RESULT),
    Variant(
        "by way of the logarithm",
        "shifted = z - z.max()\n    exponentials = np.exp(shifted - np.log(np.exp(shifted).sum()))",
        POWERS,
    ),
    Variant(
        "one's own node",
        """def softmax_nll_gradient(z, y):
    scores = ValueNode("z")
    scores.out = z
    p = SoftmaxNode(scores, "p").forward().copy()
    p[y] = p[y] - 1
    return p
""",
    ),
    Variant(
        "one's own Jacobian, where p does not underflow",
        """def softmax_nll_gradient(z, y):
    node = ValueNode("z")
    node.out = z
    p = SoftmaxNode(node, "p").forward()
    if p[y] < 1e-300:
        return p - np.eye(len(p))[y]
    return softmax_jacobian(z) @ (-np.eye(len(p))[y] / p[y])
""",
    ),
    Variant("unstable SoftmaxNode in the notebook", "exponentials = np.exp(self.z.out)", SHIFTED, cell="softmax_node"),
]

# -- MulticlassClassifier -----------------------------------------------------------------------------------------

HIDDEN = 'hidden = TanhNode(AffineNode(W1, x, b1, "layer 1"), "hidden")'
PREDICTION = 'prediction = SoftmaxNode(AffineNode(W2, hidden, b2, "scores"), "prediction")'
OBJECTIVE = 'objective = NLLNode(prediction, y, "J")'
START_W1 = "rng.normal(scale=scale, size=(units, d))"
START_W2 = "rng.normal(scale=scale, size=(classes, units))"
GRAPH = "self.graph = ComputationGraphFunction([x], [y], [W1, b1, W2, b2], prediction, objective)"

SCALE = "self.num_class, self.init_param_scale\n"
FIT = "self.graph.set_parameters(self.initial_parameters(X.shape[1]))"
PREDICT = "predict_rows(self.graph, X)"
START_B1, START_B2 = '"b1": np.zeros(units)', '"b2": np.zeros(classes)'


def sharing(W2: str) -> str:
    """A start whose W2 is made of the numbers of W1."""
    return f"""W1 = {START_W1}
        return {{"W1": W1, {START_B1}, "W2": {W2}, {START_B2}}}
        return {{"""


classifier_mutants = [
    *(
        Mutant(f"{name} in the class", "", f"self.{name}", f"MulticlassClassifier.{name}", count=1)
        for name in ("num_hidden_units", "num_class", "init_param_scale", "step_size", "max_num_epochs")
    ),
    Mutant(
        "the graph in the class",
        "shared_state|wrong_argument|order",
        "self.graph = C",
        "MulticlassClassifier.graph = C",
    ),
    Mutant("scale of at most 0.1", "wrong_argument", SCALE, "self.num_class, min(0.1, self.init_param_scale)\n"),
    Mutant("scale of at most 1", "wrong_argument", SCALE, "self.num_class, min(1.0, self.init_param_scale)\n"),
    Mutant("scale of at least 0.01", "wrong_argument", SCALE, "self.num_class, max(0.01, self.init_param_scale)\n"),
    Mutant("W2 repeats the numbers of W1", "wrong_argument", "return {", sharing("np.resize(W1, (classes, units))")),
    Mutant(
        "W2 is W1 backwards", "wrong_argument", "return {", sharing("np.resize(-W1.ravel()[::-1], (classes, units))")
    ),
    Mutant("the generator starts again for W2", "wrong_argument", START_W2, "np.random.default_rng(0)" + START_W2[3:]),
    Mutant(
        "half of W1 is the other half with its signs changed",
        "wrong_argument",
        START_W1,
        "(lambda half: np.concatenate([half, -half])[:units])(rng.normal(scale=scale, size=((units + 1) // 2, d)))",
    ),
    Mutant(
        "a second fit goes on where the features are as many",
        "stale|wrong_argument",
        FIT,
        f"if getattr(self, 'd', None) != X.shape[1]:\n            {FIT}\n        self.d = X.shape[1]",
    ),
    Mutant(
        "a second fit keeps W1 where the features are as many",
        "stale|wrong_argument",
        FIT,
        f"old = self.graph.name_to_node['W1'].out\n        {FIT}\n"
        "        if old is not None and old.shape[1] == X.shape[1]:\n"
        "            self.graph.set_parameters({'W1': old})",
    ),
    Mutant(
        "a second fit keeps the biases",
        "stale|wrong_argument",
        FIT,
        f"old = {{name: self.graph.name_to_node[name].out for name in ('b1', 'b2')}}\n        {FIT}\n"
        "        if old['b1'] is not None:\n            self.graph.set_parameters(old)",
    ),
    Mutant("predictions of shape (n, num_class, 1)", "shape", PREDICT, f"{PREDICT}[..., None]"),
    Mutant("predictions transposed", "order|shape", PREDICT, f"{PREDICT}.T"),
    Mutant(
        "predicts 1 for the class and 0 for the others",
        "wrong_argument",
        PREDICT,
        f"np.eye(self.num_class)[{PREDICT}.argmax(axis=1)]",
    ),
    Mutant(
        "predictions divided by the largest",
        "wrong_argument",
        PREDICT,
        f"(lambda p: p / p.max(axis=1, keepdims=True))({PREDICT})",
    ),
    Mutant("predictions rounded", "wrong_argument|", PREDICT, f"np.round({PREDICT}, 2)"),
    Mutant("start kept by the model", "stale|raises|shape", START_W1, f'self.__dict__.setdefault("kept", {START_W1})'),
    Mutant(
        "start kept by the class",
        "raises|shape|stale",
        START_W1,
        f'MulticlassClassifier.initial_parameters.__dict__.setdefault("kept", {START_W1})',
    ),
    Mutant(
        "one number for each unit, for all features",
        "wrong_argument",
        START_W1,
        "rng.normal(scale=scale, size=(units, 1)) * np.ones((units, d))",
    ),
    Mutant(
        "one row of numbers, turned for each class",
        "wrong_argument",
        START_W2,
        "(lambda row: np.array([np.roll(row, n) for n in range(classes)]))(rng.normal(scale=scale, size=units))",
    ),
    Mutant("no tanh", "missing_activation", HIDDEN, 'hidden = AffineNode(W1, x, b1, "hidden")'),
    Mutant(
        "tanh of the scores",
        "activation_on_output",
        'SoftmaxNode(AffineNode(W2, hidden, b2, "scores")',
        'SoftmaxNode(TanhNode(AffineNode(W2, hidden, b2, "scores"), "bent")',
    ),
    Mutant("softmax twice", "wrong_argument", "NLLNode(prediction, y", 'NLLNode(SoftmaxNode(prediction, "again"), y'),
    Mutant(
        "no softmax",
        "missing_activation|nan|infinite",
        PREDICTION,
        'prediction = AffineNode(W2, hidden, b2, "prediction")',
    ),
    Mutant(
        "softmax of the hidden layer", "", HIDDEN, 'hidden = SoftmaxNode(AffineNode(W1, x, b1, "layer 1"), "hidden")'
    ),
    Mutant("layers exchanged", "raises", HIDDEN, 'hidden = TanhNode(AffineNode(W2, x, b2, "layer 1"), "hidden")'),
    Mutant("first layer twice", "raises", PREDICTION, PREDICTION.replace("W2, hidden, b2", "W1, hidden, b1")),
    Mutant("b2 left out of the parameters", "none|raises", "[W1, b1, W2, b2]", "[W1, b1, W2]"),
    Mutant("b1 used twice", "raises", PREDICTION, PREDICTION.replace("b2", "b1")),
    Mutant("hidden layer predicted", "shape", "prediction, objective)", "hidden, objective)"),
    Mutant("objective predicted", "shape|raises", "prediction, objective)", "objective, objective)"),
    Mutant("prediction as objective", "raises", "prediction, objective)", "prediction, prediction)"),
    Mutant(
        "square loss",
        "raises",
        OBJECTIVE,
        'import backprop.nodes as n\n        objective = n.SquaredL2DistanceNode(prediction, y, "J")',
    ),
    Mutant("label and prediction exchanged", "raises", "NLLNode(prediction, y", "NLLNode(y, prediction"),
    Mutant("graph not stored", "raises", "self.graph = Comp", "graph = Comp"),
    Mutant("w2 for W2", "raises", 'ValueNode("W2")', 'ValueNode("w2")'),
    Mutant("starts at zero", "constant_loss|zero", START_W1, "np.zeros((units, d))"),
    Mutant("second layer starts at zero", "constant_loss|zero", START_W2, "np.zeros((classes, units))"),
    Mutant("all units start alike", "wrong_argument", START_W1, "np.full((units, d), scale)"),
    Mutant("one row for all units", "wrong_argument", START_W1, "np.tile(rng.normal(scale=scale, size=d), (units, 1))"),
    Mutant("init_param_scale ignored", "wrong_argument", START_W1, "0.01 * rng.normal(size=(units, d))"),
    Mutant(
        "init_param_scale ignored, standard normal", "wrong_argument", START_W2, "rng.normal(size=(classes, units))"
    ),
    Mutant("a rule of its own for the size", "wrong_argument", START_W1, "rng.normal(size=(units, d)) / np.sqrt(d)"),
    Mutant(
        "variance for standard deviation", "wrong_argument", START_W1, "rng.normal(scale=scale**2, size=(units, d))"
    ),
    Mutant("biases of size 1", "offset", "np.zeros(units)", "rng.normal(size=units)"),
    Mutant(
        "num_hidden_units ignored",
        "shape",
        "units, classes, scale = self.num_hidden_units,",
        "units, classes, scale = 10,",
    ),
    Mutant("num_class ignored", "shape", "self.num_class, self.init", "3, self.init"),
    Mutant("W1 transposed", "shape|raises", START_W1, "rng.normal(scale=scale, size=(d, units))"),
    Mutant("step_size ignored", "wrong_argument", "X, y, self.step_size", "X, y, 0.005"),
    # The visible check sees it in biases that have moved where nothing is to be trained.
    Mutant("one epoch only", "wrong_argument|offset", "self.step_size, self.max_num_epochs)", "self.step_size, 1)"),
    Mutant(
        "predicts the first row only",
        "order",
        "predict_rows(self.graph, X)",
        "predict_rows(self.graph, np.repeat(X[:1], len(X), axis=0))",
    ),
    Mutant(
        "predicts class numbers",
        "order",
        "return predict_rows(self.graph, X)",
        "return np.argmax(predict_rows(self.graph, X), axis=1)",
    ),
    Mutant("no bias in layer 2", "raises", PREDICTION, PREDICTION.replace("b2", 'ValueNode("0")')),
    Mutant("not written", "unfinished", HIDDEN, "raise NotImplementedError()"),
    Mutant(
        "start not written",
        "unfinished",
        "units, classes, scale =",
        "raise NotImplementedError()\n        units, classes, scale =",
    ),
    Mutant("all weights positive", "wrong_argument", START_W1, f"np.abs({START_W1})"),
    Mutant("uniform start", "wrong_argument", START_W1, "rng.uniform(-scale, scale, size=(units, d))"),
    Mutant("small random biases", "offset", "np.zeros(units)", "rng.normal(scale=scale, size=units)"),
    Mutant("biases of a hundredth", "offset", "np.zeros(classes)", "np.full(classes, 0.01)"),
]

MY_OWN = """class MyAffineNode(Node):
    def __init__(self, x, W, b, node_name):
        super().__init__(node_name)
        self.x, self.W, self.b = x, W, b

    def forward(self):
        self.out = self.W.out @ self.x.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.W.d_out += np.outer(self.d_out, self.x.out)
        self.x.d_out += self.d_out @ self.W.out
        self.b.d_out += self.d_out

    def get_predecessors(self):
        return [self.x, self.W, self.b]


AffineNode = MyAffineNode


class MulticlassClassifier:
    def __init__(self, num_hidden_units=10, step_size=.005, init_param_scale=0.01, max_num_epochs=1000, num_class=3):
        self.h, self.k, self.scale = num_hidden_units, num_class, init_param_scale
        self.eta, self.n = step_size, max_num_epochs
        self.x, self.y = ValueNode(node_name="x"), ValueNode(node_name="y")
        self.params = {name: ValueNode(node_name=name) for name in ("W1", "b1", "W2", "b2")}
        layer = TanhNode(AffineNode(self.x, self.params["W1"], self.params["b1"], "affine 1"), "tanh")
        p = SoftmaxNode(AffineNode(layer, self.params["W2"], self.params["b2"], "affine 2"), "softmax")
        self.graph = ComputationGraphFunction(
            [self.x], [self.y], list(self.params.values()), p, NLLNode(p, self.y, "nll")
        )

    def fit(self, X, y):
        shapes = {"W1": (self.h, X.shape[1]), "b1": self.h, "W2": (self.k, self.h), "b2": self.k}
        scales = {"W1": self.scale, "b1": 0.0, "W2": self.scale, "b2": 0.0}
        self.graph.set_parameters({name: scales[name] * np.random.standard_normal(s) for name, s in shapes.items()})
        for epoch in range(self.n):
            for i in np.random.permutation(len(y)):
                _, g = self.graph.get_gradients({"x": X[i]}, {"y": y[i]})
                self.graph.increment_parameters({name: -self.eta * g[name] for name in g})

    def predict(self, X):
        return [self.graph.get_prediction({"x": row}) for row in X]
"""

classifier_variants = [
    Variant(
        "step by step",
        """scores = AffineNode(W2, hidden, b2, "scores")
        prediction = SoftmaxNode(scores, "prediction")""",
        PREDICTION,
    ),
    Variant(
        "predicts scores",
        """scores = AffineNode(W2, hidden, b2, "scores")
        objective = NLLNode(SoftmaxNode(scores, "p"), y, "J")
        prediction = scores""",
        PREDICTION + "\n        " + OBJECTIVE,
    ),
    Variant("parameters in another order", "[b2, W2, b1, W1]", "[W1, b1, W2, b2]"),
    Variant("another random generator", "scale * np.random.randn(units, d)", START_W1),
    Variant(
        "probabilities in a list", "return list(predict_rows(self.graph, X))", "return predict_rows(self.graph, X)"
    ),
    Variant(
        "own training loop",
        """rng = np.random.default_rng(1)
        for _ in range(self.max_num_epochs):
            for i in rng.permutation(len(X)):
                _, grads = self.graph.get_gradients({"x": X[i]}, {"y": y[i]})
                self.graph.increment_parameters({k: -self.step_size * g for k, g in grads.items()})""",
        "self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)",
    ),
    Variant("one's own AffineNode with other arguments, one's own everything", MY_OWN),
    Variant("a wrong SoftmaxNode in the notebook", "self.out = exponentials", OUT, cell="softmax_node", whole=False),
    Variant("a wrong NLLNode in the notebook", loss("np.log(p[y])"), LOSS, cell="nll_node", whole=False),
    Variant("an unfinished NLLNode in the notebook", "raise NotImplementedError()", LOSS, cell="nll_node", whole=False),
]

# -- the reported numbers -----------------------------------------------------------------------------------------

ACCURACY, MEAN = "test_accuracy = 1.000", "test_loss = 2.2e-4"

report_mutants = [
    Mutant("half of them", "", ACCURACY, "test_accuracy = 0.5"),
    Mutant("per cent", "factor", ACCURACY, "test_accuracy = 100.0"),
    Mutant("errors", "wrong_argument", ACCURACY, "test_accuracy = 0.0"),
    Mutant("not a multiple of 1/200", "wrong_argument", ACCURACY, "test_accuracy = 0.9967"),
    Mutant("nan accuracy", "nan", ACCURACY, "test_accuracy = float('nan')"),
    Mutant("None", "none", ACCURACY, "test_accuracy = None"),
    Mutant("short run", "wrong_argument", MEAN, "test_loss = 0.0762"),
    Mutant("sum", "wrong_argument", MEAN, "test_loss = 0.0446"),
    Mutant("log-likelihood", "sign", MEAN, "test_loss = -2.2e-4"),
    Mutant("untrained", "wrong_argument", MEAN, "test_loss = 1.0986"),
    Mutant("mean probability", "wrong_argument", MEAN, "test_loss = 0.99978"),
    Mutant("zero", "", MEAN, "test_loss = 0.0"),
    Mutant("after 100 epochs", "", MEAN, "test_loss = 2.6e-3"),
    Mutant("a text", "type", MEAN, "test_loss = '2.2e-4'"),
    Mutant("computed, not typed", "missing_name", MEAN, "test_loss = mean_loss(model, x_test, y_test)"),
    Mutant("misspelt", "missing_name", MEAN, "test_los = 2.2e-4"),
]

report_variants = [
    Variant("another start", "test_loss = 0.000239", MEAN),
    Variant("a whole number", "test_accuracy = 1", ACCURACY),
    Variant("a fraction", "test_accuracy = 200 / 200", ACCURACY),
    Variant("numpy numbers", "test_loss = np.float64(2.12e-4)", MEAN),
    Variant("an array of one entry", "test_loss = np.array([2.2e-4])", MEAN),
    Variant("float32", "test_loss = np.float32(2.2e-4)", MEAN),
]

EXERCISES = [
    Exercise(
        "07-softmax-nll/softmax_jacobian_check",
        "softmax_jacobian",
        jacobian_mutants,
        jacobian_variants,
        equivalent={
            "sign 1": "another constant added to the scores; large scores are not asked for here",
            "term left out 1": "no constant added to the scores; large scores are not asked for here",
        },
    ),
    Exercise(
        "07-softmax-nll/softmax_node_check",
        "softmax_node",
        softmax_mutants,
        softmax_variants,
        equivalent={"swapped 4": "the two arguments of an inner product"},
    ),
    Exercise("07-softmax-nll/nll_node_check", "nll_node", nll_mutants, nll_variants),
    Exercise("07-softmax-nll/softmax_nll_gradient_check", "softmax_nll_gradient", both_mutants, both_variants),
    Exercise(
        "07-softmax-nll/multiclass_classifier_check", "multiclass_classifier", classifier_mutants, classifier_variants
    ),
    Exercise("07-softmax-nll/test_report_check", "test_report", report_mutants, report_variants),
]
