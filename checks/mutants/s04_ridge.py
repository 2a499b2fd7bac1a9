"""Wrong and right solutions of section 04: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- L2NormPenaltyNode --------------------------------------------------------------------------------------------

OUT = "self.out = self.l2_reg * np.sum(self.w.out**2)"
BACK = "self.w.d_out += self.d_out * 2 * self.l2_reg * self.w.out"
RESET = "        self.d_out = np.zeros(self.out.shape)\n"
INIT = "self.l2_reg, self.w = l2_reg, w"

penalty_mutants = [
    Mutant("assigns to d_out", "assigned", "self.w.d_out +=", "self.w.d_out ="),
    Mutant("half the penalty, forward and backward alike", "half_penalty", OUT, OUT + " / 2\n        self.half = 0.5"),
    Mutant("half the penalty in forward", "half_penalty", OUT, OUT.replace("self.l2_reg *", "0.5 * self.l2_reg *")),
    Mutant("twice the penalty", "half_penalty", OUT, OUT.replace("self.l2_reg *", "2 * self.l2_reg *")),
    Mutant("no 2 in the gradient", "half_penalty", "self.d_out * 2 *", "self.d_out *"),
    Mutant("4 in the gradient", "half_penalty", "self.d_out * 2 *", "self.d_out * 4 *"),
    Mutant("gradient never added", "one_node_only", BACK, "return self.d_out"),
    Mutant("opposite sign", "sign", "self.w.d_out +=", "self.w.d_out -="),
    Mutant("upstream ignored", "upstream_ignored", "self.d_out * 2 *", "2 *"),
    Mutant("upstream twice", "upstream_twice", "self.d_out * 2 *", "self.d_out**2 * 2 *"),
    Mutant("l2_reg missing in forward", "wrong_argument", "self.l2_reg * np.sum", "np.sum"),
    Mutant("l2_reg missing in backward", "wrong_argument", "2 * self.l2_reg *", "2 *"),
    Mutant("l2_reg ignored from the start", "wrong_argument", INIT, "self.l2_reg, self.w = 1, w"),
    Mutant("norm not squared", "wrong_loss", OUT, "self.out = self.l2_reg * np.linalg.norm(self.w.out)"),
    Mutant("sum of absolute values", "wrong_loss", OUT, "self.out = self.l2_reg * np.sum(np.abs(self.w.out))"),
    Mutant("sum of the weights", "wrong_loss", OUT, "self.out = self.l2_reg * np.sum(self.w.out)"),
    Mutant("l2_reg squared too", "wrong_argument", OUT, "self.out = np.sum((self.l2_reg * self.w.out) ** 2)"),
    Mutant("mean of the squares", "wrong_argument", "np.sum(", "np.mean("),
    Mutant("stays a vector", "shape", OUT, "self.out = self.l2_reg * self.w.out**2"),
    Mutant(
        "w·w in place of w in the gradient",
        "wrong_argument",
        BACK,
        "self.w.d_out += self.d_out * 2 * self.l2_reg * (self.w.out.T @ self.w.out)",
    ),
    Mutant("w missing in the gradient", "missing_chain_factor", " * self.l2_reg * self.w.out\n", " * self.l2_reg\n"),
    Mutant(
        "value in place of the gradient",
        "wrong_argument",
        "self.l2_reg * self.w.out\n",
        "self.l2_reg * self.w.out**2\n",
    ),
    Mutant(
        "averaged gradient",
        "wrong_argument",
        "self.l2_reg * self.w.out\n",
        "self.l2_reg * self.w.out / len(self.w.out)\n",
    ),
    Mutant(
        "gradient by way of the norm, nan at zero",
        "nan",
        BACK,
        "n = np.linalg.norm(self.w.out)\n        self.w.d_out += self.d_out * 2 * self.l2_reg * n * (self.w.out / n)",
    ),
    Mutant("nan gradient", "nan", "+= self.d_out", "+= np.nan * self.d_out"),
    Mutant(
        "numerical derivative", "numeric", "2 * self.l2_reg * self.w.out\n", "self.l2_reg * (2 * self.w.out + 1e-5)\n"
    ),
    Mutant("d_out not reset", "stale", RESET, ""),
    Mutant(
        "d_out set once", "stale", RESET, "        self.d_out = np.zeros(()) if self.d_out is None else self.d_out\n"
    ),
    Mutant("value computed once", "stale", OUT, f"if self.out is None:\n            {OUT}"),
    Mutant(
        "weights scaled in place",
        "in_place",
        OUT,
        "w = self.w.out\n        w *= w\n        self.out = self.l2_reg * np.sum(w)",
    ),
    Mutant("upstream scaled in place", "in_place", BACK, "self.d_out *= 2\n        " + BACK.replace("* 2 ", "")),
    Mutant("not written", "unfinished", OUT, "raise NotImplementedError()"),
    Mutant("wrong name", "raises", OUT, OUT.replace("self.l2_reg", "l2_reg")),
    Mutant("no predecessors", "missing", "return [self.w]", "return []"),
    Mutant("cut to whole numbers", "dtype", OUT, "self.out = np.array(int(self.l2_reg * np.sum(self.w.out**2)))"),
    Mutant(
        "absolute values of the weights",
        "wrong_argument",
        BACK,
        "self.w.d_out += self.d_out * 2 * self.l2_reg * np.abs(self.w.out)",
    ),
    Mutant(
        "weights of the first pass in backward",
        "stale",
        BACK,
        "if not hasattr(self, 'first'):\n            self.first = self.w.out.copy()\n        "
        + BACK.replace("self.w.out", "self.first"),
    ),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
    Mutant(
        "forward returns nothing for weights of zero",
        "none",
        "return self.out",
        "return self.out if self.out else None",
    ),
    Mutant(
        "value kept while the array is the same",
        "stale",
        OUT,
        "if getattr(self, 'seen', None) is not self.w.out:\n            self.seen, self.kept = self.w.out, "
        "self.l2_reg * np.sum(self.w.out**2)\n        self.out = self.kept",
    ),
    Mutant(
        "value kept by the address of the array",
        "stale",
        OUT,
        "self.kept = getattr(self, 'kept', {})\n        self.out = self.kept.setdefault(id(self.w.out), "
        "self.l2_reg * np.sum(self.w.out**2))",
    ),
    Mutant(
        "no d_out for weights of zero", "", "np.zeros(self.out.shape)", "np.zeros(self.out.shape) if self.out else None"
    ),
    Mutant(
        "l2_reg = 0 stops early",
        "",
        OUT,
        f"if not self.l2_reg:\n            self.out = 0\n            return 0\n        {OUT}",
    ),
    Mutant(
        "cut off at 10000",
        "range",
        "self.l2_reg * np.sum(self.w.out**2)",
        "np.minimum(self.l2_reg * np.sum(self.w.out**2), 1e4)",
    ),
    Mutant(
        "w of an earlier size",
        "",
        BACK,
        "self.n = getattr(self, 'n', self.w.out.size)\n        "
        "self.w.d_out[: self.n] += (self.d_out * 2 * self.l2_reg * self.w.out)[: self.n]",
    ),
]

penalty_variants = [
    Variant("dot", "np.dot(self.w.out, self.w.out)", "np.sum(self.w.out**2)"),
    Variant("w.T @ w of a 1-D array", "(self.w.out.T @ self.w.out)", "np.sum(self.w.out**2)"),
    Variant("einsum", "np.einsum('i,i->', self.w.out, self.w.out)", "np.sum(self.w.out**2)"),
    Variant("norm squared", "np.linalg.norm(self.w.out) ** 2", "np.sum(self.w.out**2)"),
    Variant(
        "a loop",
        "sum(float(v) * float(v) for v in self.w.out)\n        self.out = np.array(self.out)",
        "np.sum(self.w.out**2)",
    ),
    Variant("out and d_out of shape (1,)", "np.array([np.sum(self.w.out**2)])", "np.sum(self.w.out**2)"),
    Variant("a new array for d_out", "self.w.d_out = self.w.d_out + 2 * self.l2_reg * self.d_out * self.w.out", BACK),
    Variant(
        "a loop in backward",
        "for i in range(len(self.w.out)):\n            self.w.d_out[i] += 2 * self.d_out * self.l2_reg * self.w.out[i]",
        BACK,
    ),
    Variant("returns d_out", BACK + "\n        return self.d_out", BACK),
    Variant("prints and warns", "print('forward'); import warnings; warnings.warn('hm')\n        " + OUT, OUT),
    Variant("predecessors as a tuple", "return (self.w,)", "return [self.w]"),
    Variant("zeros_like", "np.zeros_like(self.out)", "np.zeros(self.out.shape)"),
    Variant(
        "without Node, other names",
        """class L2NormPenaltyNode:
    def __init__(self, lam, weights, name):
        self.lam, self.weights, self.node_name = lam, weights, name
        self.out = None
        self.d_out = None

    def _squares(self):
        return np.square(self.weights.out)

    def forward(self):
        self.out = np.array(self.lam * self._squares().sum())
        self.d_out = np.array(0.0)
        return self.out

    def backward(self):
        self.weights.d_out = np.add(self.weights.d_out, self.d_out * self.lam * (self.weights.out + self.weights.out))
        return self.d_out

    def get_predecessors(self):
        return [self.weights]
""",
    ),
]

# -- SumNode ------------------------------------------------------------------------------------------------------

SUM = "self.out = self.a.out + self.b.out"
TO_A, TO_B = "self.a.d_out += self.d_out", "self.b.d_out += self.d_out"
BOTH = f"{TO_A}\n        {TO_B}"

sum_mutants = [
    Mutant("assigns to both", "assigned", "d_out += ", "d_out = "),
    Mutant("assigns to a", "assigned", "self.a.d_out += ", "self.a.d_out = "),
    Mutant("assigns to b", "assigned", "self.b.d_out += ", "self.b.d_out = "),
    Mutant("a constant added", "offset", SUM, SUM + " + 1"),
    Mutant("a small constant added", "offset", SUM, SUM + " + 1e-3"),
    Mutant("difference", "wrong_argument", SUM, "self.out = self.a.out - self.b.out"),
    Mutant("product", "wrong_argument", SUM, "self.out = self.a.out * self.b.out"),
    Mutant("first number only", "missing_term", SUM, "self.out = self.a.out + 0.0"),
    Mutant("mean", "factor", SUM, "self.out = (self.a.out + self.b.out) / 2"),
    Mutant("upstream ignored", "upstream_ignored", "+= self.d_out", "+= 1"),
    Mutant("b forgotten", "one_node_only", f"        {TO_B}\n", ""),
    Mutant("a forgotten", "one_node_only", f"        {TO_A}\n", ""),
    Mutant("a twice, b never", "factor", TO_B, TO_A),
    Mutant("backward does nothing", "one_node_only", BOTH, "return self.d_out"),
    Mutant("sign of b", "sign", "self.b.d_out +=", "self.b.d_out -="),
    Mutant("factor 2", "factor", "self.b.d_out += self.d_out", "self.b.d_out += 2 * self.d_out"),
    Mutant("factor ½", "factor", "+= self.d_out", "+= self.d_out / 2"),
    Mutant(
        "rule for a product",
        "wrong_argument",
        BOTH,
        "self.a.d_out += self.d_out * self.b.out\n        self.b.d_out += self.d_out * self.a.out",
    ),
    Mutant(
        "times the input",
        "wrong_argument",
        BOTH,
        "self.a.d_out += self.d_out * self.a.out\n        self.b.d_out += self.d_out * self.b.out",
    ),
    Mutant("upstream twice", "upstream_twice", "+= self.d_out", "+= self.d_out**2"),
    Mutant("nan gradient", "nan", "+= self.d_out", "+= self.d_out * np.nan"),
    Mutant("d_out not reset", "stale", RESET, ""),
    Mutant(
        "d_out set once", "stale", RESET, "        self.d_out = np.zeros(()) if self.d_out is None else self.d_out\n"
    ),
    Mutant("value computed once", "stale", SUM, f"if self.out is None:\n            {SUM}"),
    Mutant(
        "inputs changed in place", "in_place", SUM, "self.a.out += self.b.out\n        self.out = np.array(self.a.out)"
    ),
    Mutant("upstream zeroed", "in_place", BOTH, BOTH + "\n        self.d_out *= 0"),
    Mutant("one predecessor", "missing", "return [self.a, self.b]", "return [self.a]"),
    Mutant("no value stored", "none", SUM, "self.out = None\n        return None"),
    Mutant(
        "a text",
        "type",
        SUM,
        "self.out = np.array(0.0)\n        self.d_out = 0.0\n        self.out = 'a + b'\n        return",
    ),
    Mutant("not written", "unfinished", SUM, "raise NotImplementedError()"),
    Mutant("misspelt", "raises", "self.b.out", "self.bb.out"),
    Mutant("absolute values", "", SUM, "self.out = abs(self.a.out) + abs(self.b.out)"),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
    Mutant("forward returns d_out", "", "return self.out", "return self.d_out"),
    Mutant(
        "runs backward of its inputs",
        "accumulated_twice",
        TO_B,
        TO_B + "\n        self.a.backward(), self.b.backward()",
    ),
    Mutant("runs forward of its inputs", "accumulated_twice", SUM, "self.out = self.a.forward() + self.b.forward()"),
    Mutant("runs backward of one input", "accumulated_twice", TO_B, TO_B + "\n        self.b.backward()"),
    Mutant(
        "hands on its own array where nothing is there",
        "assigned",
        BOTH,
        "for node in (self.a, self.b):\n            if node.d_out.any():\n                node.d_out = node.d_out + "
        "self.d_out\n"
        "            else:\n                node.d_out = self.d_out",
    ),
    Mutant(
        "one array for both inputs",
        "assigned",
        BOTH,
        "both = np.array(self.a.d_out + self.d_out)\n        if self.b.d_out == self.a.d_out:\n"
        "            self.a.d_out = self.b.d_out = both\n        else:\n            self.a.d_out = both\n"
        "            self.b.d_out = self.b.d_out + self.d_out",
    ),
    Mutant("cut off above 1000", "range", SUM, "self.out = np.minimum(self.a.out + self.b.out, 1000.0)"),
    Mutant("cut off below −1000", "range", SUM, "self.out = np.maximum(self.a.out + self.b.out, -1000.0)"),
    Mutant("cut off at 100000", "range", SUM, "self.out = np.clip(self.a.out + self.b.out, -1e5, 1e5)"),
    Mutant(
        "resets its inputs as well", "in_place", SUM, SUM + "\n        self.a.d_out = np.zeros(np.shape(self.a.out))"
    ),
]

sum_variants = [
    Variant("np.add", "self.out = np.add(self.a.out, self.b.out)", SUM),
    Variant("sum of a list", "self.out = np.sum([self.a.out, self.b.out])", SUM),
    Variant("an array from a list", "self.out = np.array([self.a.out, self.b.out]).sum()", SUM),
    Variant("float32", "self.out = np.float32(self.a.out + self.b.out)", SUM),
    Variant(
        "a loop over the inputs",
        "for node in self.get_predecessors():\n            node.d_out = node.d_out + self.d_out",
        BOTH,
    ),
    Variant("the other order", f"{TO_B}\n        {TO_A}\n        return self.d_out", BOTH),
    Variant("times 1", "self.a.d_out += 1 * self.d_out\n        self.b.d_out += 1 * self.d_out", BOTH),
    Variant("predecessors the other way round", "return (self.b, self.a)", "return [self.a, self.b]"),
    Variant("a number for d_out", "        self.d_out = 0.0\n", RESET),
    Variant(
        "subclass with a helper, other names",
        """class _Two(Node):
    def __init__(self, first, second, name):
        Node.__init__(self, name)
        self.inputs = [first, second]

    def get_predecessors(self):
        return list(self.inputs)

    def set(self, value):
        self.out, self.d_out = np.asarray(value), np.zeros(np.shape(value))
        return value


class SumNode(_Two):
    def forward(self):
        print("adding")
        return self.set(sum(node.out for node in self.inputs))

    def backward(self):
        for node in self.inputs:
            node.d_out += self.d_out
""",
    ),
]

# -- RidgeRegression ----------------------------------------------------------------------------------------------

PENALTY = 'L2NormPenaltyNode(l2_reg, w, "penalty")'
OBJECTIVE = 'SumNode(square_loss, penalty, "J")'
PREDICTION = 'VectorScalarAffineNode(x, w, b, "prediction")'
GRAPH = "ComputationGraphFunction([x], [y], [w, b], prediction, objective)"

FROM_ZERO = 'self.graph.set_parameters({"w": np.zeros(X.shape[1]), "b": np.array(0.0)})'
SETTINGS = "self.step_size, self.max_num_epochs"


def of_models(name: str, prediction: str) -> list[Mutant]:
    """What goes wrong between two models, between two fits, and in the shape of the predictions."""
    return [
        Mutant("a second fit goes on", "stale", FROM_ZERO, f"if not hasattr(self, 'on'):\n            {FROM_ZERO}\n"
               "        self.on = True"),
        Mutant("a second fit starts from the old b", "", "np.array(0.0)", "self.graph.name_to_node['b'].out or 0.0"),
        Mutant("the graph in the class", "shared_state", "self.graph = C", f"{name}.graph = C"),
        Mutant("step_size in the class", "", SETTINGS, f"{name}.{SETTINGS[5:]}", count=1),
        Mutant("max_num_epochs in the class", "", SETTINGS, SETTINGS.replace("self.max", f"{name}.max"), count=1),
        Mutant("predictions as a column", "shape", prediction, f"np.reshape({prediction}, (-1, 1))"),
        Mutant("predictions as a row", "shape", prediction, f"np.reshape({prediction}, (1, -1))"),
        Mutant("no penalty where none is asked for", "", "l2_reg=1,", "l2_reg=0,"),
        Mutant("a penalty of 0.5 where none is asked for", "", "l2_reg=1,", "l2_reg=0.5,"),
    ]  # fmt: skip


ridge_mutants = [
    *of_models("RidgeRegression", "predict_rows(self.graph, X)"),
    Mutant("no penalty", "missing_penalty", f"objective = {OBJECTIVE}", "objective = square_loss"),
    Mutant("half the penalty", "half_penalty", PENALTY, PENALTY.replace("l2_reg", "l2_reg / 2")),
    Mutant("twice the penalty", "half_penalty", PENALTY, PENALTY.replace("l2_reg", "2 * l2_reg")),
    Mutant(
        "penalty added twice", "half_penalty", OBJECTIVE, 'SumNode(SumNode(square_loss, penalty, "s"), penalty, "J")'
    ),
    Mutant("l2_reg ignored: 1", "wrong_argument", PENALTY, PENALTY.replace("l2_reg", "1")),
    Mutant("l2_reg ignored: 0", "missing_penalty", PENALTY, PENALTY.replace("l2_reg", "0")),
    Mutant("penalty subtracted", "wrong_argument", PENALTY, PENALTY.replace("l2_reg", "-l2_reg")),
    Mutant(
        "bias penalised too",
        "bias_regularised",
        OBJECTIVE,
        'SumNode(SumNode(square_loss, penalty, "s"), L2NormPenaltyNode(l2_reg, b, "p2"), "J")',
    ),
    Mutant("bias penalised instead", "bias_regularised", PENALTY, PENALTY.replace("w", "b", 1)),
    Mutant("x penalised", "wrong_argument", PENALTY, PENALTY.replace(" w,", " x,")),
    Mutant(
        "penalty in the prediction, inside the square",
        "penalty_in_prediction",
        f"""        prediction = {PREDICTION}
        square_loss = SquaredL2DistanceNode(prediction, y, "square loss")
        penalty = {PENALTY}
        objective = {OBJECTIVE}
""",
        f"""        penalty = {PENALTY}
        prediction = SumNode({PREDICTION.replace('"prediction"', '"affine"')}, penalty, "prediction")
        objective = SquaredL2DistanceNode(prediction, y, "J")
""",
    ),
    Mutant(
        "penalty inside the square of the objective only",
        "penalty_in_prediction",
        f"""        square_loss = SquaredL2DistanceNode(prediction, y, "square loss")
        penalty = {PENALTY}
        objective = {OBJECTIVE}
""",
        f"""        penalty = {PENALTY}
        objective = SquaredL2DistanceNode(SumNode(prediction, penalty, "s"), y, "J")
""",
    ),
    Mutant(
        "penalty alone",
        "missing_term",
        OBJECTIVE,
        """SumNode(
            SumNode(penalty, L2NormPenaltyNode(0, b, "0"), "s"), L2NormPenaltyNode(0, x, "1"), "J")""",
    ),
    Mutant("loss twice", "factor", OBJECTIVE, 'SumNode(square_loss, square_loss, "J")'),
    Mutant("objective as prediction", "raises", "prediction, objective)", "objective, objective)"),
    Mutant("b not learned", "raises", "[w, b], prediction", "[w], prediction"),
    Mutant("x and y exchanged", "raises", "([x], [y]", "([y], [x]"),
    Mutant(
        "no bias",
        "missing_term",
        f"        prediction = {PREDICTION}\n",
        """        zero = ValueNode("zero")
        zero.out = np.array(0.0)
        prediction = SumNode(
            VectorScalarAffineNode(x, w, zero, "without"), L2NormPenaltyNode(0, b, "nothing"), "prediction")
""",
    ),
    Mutant("another node for the penalised w", "raises", PENALTY, PENALTY.replace(" w,", ' ValueNode("w"),')),
    Mutant("graph not stored", "raises", "self.graph = Comp", "graph = Comp"),
    Mutant(
        "not written", "unfinished", f"        prediction = {PREDICTION}\n", "        raise NotImplementedError()\n"
    ),
    Mutant(
        "fits without its penalty",
        "missing_penalty",
        "        self.history =",
        "        self.__init__(0, self.step_size, self.max_num_epochs)\n"
        '        self.graph.set_parameters({"w": np.zeros(X.shape[1]), "b": np.array(0.0)})\n'
        "        self.history =",
    ),
    Mutant(
        "one epoch only",
        "",
        "self.step_size, self.max_num_epochs)\n        return",
        "self.step_size, 1)\n        return",
    ),
    Mutant("another step size", "", "self.graph, X, y, self.step_size,", "self.graph, X, y, 2 * self.step_size,"),
    Mutant("starts at one", "", "np.zeros(X.shape[1])", "np.ones(X.shape[1])"),
    Mutant("no way to switch the penalty off", "wrong_argument", PENALTY, PENALTY.replace("l2_reg", "l2_reg or 1")),
    Mutant(
        "one graph for all models",
        "",
        f"self.graph = {GRAPH}",
        f"RidgeRegression.one = getattr(RidgeRegression, 'one', None) or {GRAPH}\n        self.graph = self.one",
    ),
    Mutant("l2_reg of at most 1", "", PENALTY, PENALTY.replace("(l2_reg", "(min(l2_reg, 1)")),
    Mutant("l2_reg of at least 0.1", "", PENALTY, PENALTY.replace("(l2_reg", "(max(l2_reg, 0.1)")),
    Mutant("l2_reg rounded", "", PENALTY, PENALTY.replace("(l2_reg", "(round(l2_reg, 2)")),
    Mutant(
        "inputs and outcomes exchanged", "", "ComputationGraphFunction([x], [y]", "ComputationGraphFunction([y], [x]"
    ),
]

ridge_variants = [
    Variant("penalty first", 'SumNode(penalty, square_loss, "J")', OBJECTIVE),
    Variant(
        "distance the other way round", "SquaredL2DistanceNode(y, prediction,", "SquaredL2DistanceNode(prediction, y,"
    ),
    Variant("other names of nodes", '"p"', '"prediction"'),
    Variant("keywords", 'L2NormPenaltyNode(l2_reg=self.l2_reg, w=w, node_name="penalty")', PENALTY),
    Variant("parameters in another order", "[b, w], prediction", "[w, b], prediction"),
    Variant(
        "two penalties of half",
        'SumNode(SumNode(square_loss, penalty, "s"), L2NormPenaltyNode(l2_reg / 2, w, "q"), "J")'
        "\n        penalty.l2_reg = l2_reg / 2",
        OBJECTIVE,
    ),
    Variant(
        "a helper method",
        "self.graph = self._build(x, y, w, b, l2_reg)\n\n    def _build(self, x, y, w, b, l2_reg):\n"
        f"        prediction = {PREDICTION}\n"
        '        loss = SquaredL2DistanceNode(prediction, y, "loss")\n'
        f'        return ComputationGraphFunction([x], [y], [w, b], prediction, SumNode(loss, {PENALTY}, "J"))',
        f"""prediction = {PREDICTION}
        square_loss = SquaredL2DistanceNode(prediction, y, "square loss")
        penalty = {PENALTY}
        objective = {OBJECTIVE}
        self.graph = {GRAPH}""",
    ),
    Variant(
        "a loop of its own",
        "self.history = []\n        for _ in range(self.max_num_epochs):\n            for i in range(len(X)):\n"
        '                J, g = self.graph.get_gradients({"x": X[i]}, {"y": y[i]})\n'
        "                self.graph.increment_parameters({k: -self.step_size * v for k, v in g.items()})\n"
        "                print(J)",
        "self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)",
    ),
    Variant("fit returns nothing", "", "        return self\n"),
    Variant("wrong SumNode in the notebook", "self.out = self.a.out - self.b.out", SUM, cell="sum_node", whole=False),
    Variant("penalty node not written", "raise NotImplementedError()", OUT, cell="l2_penalty", whole=False),
]

# -- reported numbers ---------------------------------------------------------------------------------------------

RIDGE, PLAIN = "mse_with_penalty = 0.1890", "mse_without_penalty = 0.0309"

report_mutants = [
    Mutant(
        "exchanged", "swapped_arguments", f"{RIDGE}\n{PLAIN}", "mse_with_penalty = 0.0309\nmse_without_penalty = 0.1890"
    ),
    Mutant("objective with its penalty", "wrong_loss", RIDGE, "mse_with_penalty = 0.2744"),
    Mutant("validation error, penalty", "wrong_argument", RIDGE, "mse_with_penalty = 0.2038"),
    Mutant("validation error, no penalty", "wrong_argument", PLAIN, "mse_without_penalty = 0.1218"),
    Mutant("sum over the examples", "missing_mean", RIDGE, "mse_with_penalty = 18.90"),
    Mutant("sum over the examples, no penalty", "missing_mean", PLAIN, "mse_without_penalty = 3.09"),
    Mutant("roots", "wrong_loss", f"{RIDGE}\n{PLAIN}", "mse_with_penalty = 0.4347\nmse_without_penalty = 0.1758"),
    Mutant("one root, taken for nothing else", "", PLAIN, "mse_without_penalty = 0.1758"),
    Mutant("half", "factor", RIDGE, "mse_with_penalty = 0.0945"),
    Mutant("the same twice", "wrong_argument", PLAIN, "mse_without_penalty = mse_with_penalty"),
    Mutant("a constant prediction", "", RIDGE, "mse_with_penalty = 1.0803"),
    Mutant("nan", "nan", PLAIN, "mse_without_penalty = float('nan')"),
    Mutant("None", "none", PLAIN, "mse_without_penalty = None"),
    Mutant("a text", "type", RIDGE, "mse_with_penalty = '0.1890'"),
    Mutant(
        "computed, not typed", "missing_name", RIDGE, "mse_with_penalty = mean_square_error(with_penalty.predict(X), y)"
    ),
    Mutant("misspelt", "missing_name", PLAIN, "mse_witout_penalty = 0.0309"),
    Mutant("a list", "", "mse_with_penalty = 0.1890", "mse_with_penalty = [0.1890]"),
    Mutant("a tuple", "", "mse_without_penalty = 0.0309", "mse_without_penalty = (0.0309,)"),
]

report_variants = [
    Variant(
        "another order of the examples", "mse_with_penalty = 0.1896\nmse_without_penalty = 0.0562", f"{RIDGE}\n{PLAIN}"
    ),
    Variant("the exact minimiser", "mse_with_penalty = 0.1909", RIDGE),
    Variant("two digits", "mse_with_penalty = 0.19\nmse_without_penalty = 0.03", f"{RIDGE}\n{PLAIN}"),
    Variant("numpy numbers", "mse_with_penalty = np.float64(0.1890)", RIDGE),
    Variant("an array of one entry", "mse_with_penalty = np.array([0.1890])", RIDGE),
    Variant("float32", "mse_without_penalty = np.float32(0.0309)", PLAIN),
]

# -- BatchAffineNode ----------------------------------------------------------------------------------------------

AFFINE = "self.out = self.X.out @ self.w.out + self.b.out"
TO_X = "self.X.d_out += np.outer(self.d_out, self.w.out)"
TO_W = "self.w.d_out += self.X.out.T @ self.d_out"
TO_BIAS = "self.b.d_out += self.d_out.sum()"

batch_affine_mutants = [
    Mutant("assigns to X", "assigned", "self.X.d_out +=", "self.X.d_out ="),
    Mutant("assigns to w", "assigned", "self.w.d_out +=", "self.w.d_out ="),
    Mutant("assigns to b", "assigned", "self.b.d_out +=", "self.b.d_out ="),
    Mutant("mean for w", "averaged", TO_W, TO_W + " / len(self.d_out)"),
    Mutant("mean for b", "averaged", "self.d_out.sum()", "self.d_out.mean()"),
    Mutant("one gradient of b per row", "shape", TO_BIAS, "self.b.d_out = self.b.d_out + self.d_out"),
    Mutant("b's gradient does not fit", "raises", TO_BIAS, "self.b.d_out += self.d_out"),
    Mutant(
        "one gradient of w per row",
        "batch_axis",
        TO_W,
        "self.w.d_out = self.w.d_out + self.X.out * self.d_out[:, None]",
    ),
    Mutant(
        "outer product the wrong way round",
        "outer_swapped",
        TO_X,
        "self.X.d_out = self.X.d_out.T + np.outer(self.w.out, self.d_out)",
    ),
    Mutant("upstream ignored for w", "upstream_ignored", TO_W, "self.w.d_out += self.X.out.sum(axis=0)"),
    Mutant("upstream ignored for b", "upstream_ignored", "self.d_out.sum()", "len(self.d_out)"),
    Mutant("upstream ignored for X", "upstream_ignored", TO_X, "self.X.d_out += self.w.out"),
    Mutant(
        "sum of the upstream for w",
        "upstream_summed",
        TO_W,
        "self.w.d_out += self.X.out.sum(axis=0) * self.d_out.sum()",
    ),
    Mutant("X forgotten", "one_node_only", f"        {TO_X}\n", ""),
    Mutant("b forgotten", "one_node_only", f"        {TO_BIAS}\n", ""),
    Mutant("b left out", "missing_term", " + self.b.out", ""),
    Mutant("sign of w", "sign", "self.w.d_out +=", "self.w.d_out -="),
    Mutant("factor 2", "factor", TO_W, TO_W.replace("+= ", "+= 2 * ")),
    Mutant("b subtracted", "wrong_argument", "+ self.b.out", "- self.b.out"),
    Mutant("not transposed", "raises", "self.X.out.T @ self.d_out", "self.X.out @ self.d_out"),
    Mutant(
        "a column", "shape", AFFINE, AFFINE.replace("self.X.out @ self.w.out", "(self.X.out @ self.w.out)[:, None]")
    ),
    Mutant("nan", "nan", TO_W, TO_W + " * np.nan"),
    Mutant(
        "d_out set once",
        "stale",
        RESET,
        "        self.d_out = np.zeros(len(self.out)) if self.d_out is None else self.d_out\n",
    ),
    Mutant("value computed once", "stale", AFFINE, f"if self.out is None:\n            {AFFINE}"),
    Mutant("upstream changed", "in_place", TO_BIAS, TO_BIAS + "\n        self.d_out /= 2"),
    Mutant("X not listed", "missing", "[self.X, self.w, self.b]", "[self.w, self.b]"),
    Mutant("forward returns nothing", "none", "        return self.out\n", ""),
    Mutant(
        "as many rows as in the first pass",
        "",
        AFFINE,
        "self.m = getattr(self, 'm', len(self.X.out))\n        "
        "self.out = np.array([self.X.out[i] @ self.w.out + self.b.out for i in range(self.m)])",
    ),
    Mutant(
        "X not transposed where it is square",
        "",
        TO_W,
        "M = self.X.out if self.X.out.shape[0] == self.X.out.shape[1] else self.X.out.T\n        self.w.d_out += M "
        "@ self.d_out",
    ),
    Mutant(
        "the mean from the 50th row on",
        "",
        TO_BIAS,
        "self.b.d_out += self.d_out.sum() if len(self.d_out) < 50 else self.d_out.mean()",
    ),
]

batch_affine_variants = [
    Variant("einsum", "self.out = np.einsum('ij,j->i', self.X.out, self.w.out) + self.b.out", AFFINE),
    Variant("a loop", "self.out = np.array([np.dot(row, self.w.out) + self.b.out for row in self.X.out])", AFFINE),
    Variant("dot", "self.out = np.dot(self.X.out, self.w.out) + self.b.out", AFFINE),
    Variant("the product the other way round", "self.w.d_out += self.d_out @ self.X.out", TO_W),
    Variant(
        "sum over rows by hand", "for g, row in zip(self.d_out, self.X.out):\n            self.w.d_out += g * row", TO_W
    ),
    Variant("broadcasting", "self.X.d_out += self.d_out[:, None] * self.w.out[None, :]", TO_X),
    Variant("np.sum, new array", "self.b.d_out = self.b.d_out + np.sum(self.d_out)", TO_BIAS),
    Variant("b's gradient of shape (1,)", "self.b.d_out = self.b.d_out + self.d_out.sum(keepdims=True)", TO_BIAS),
    Variant("dot with ones", "self.b.d_out += np.ones(len(self.d_out)) @ self.d_out", TO_BIAS),
    Variant("prints", f"print(self.X.out.shape)\n        {AFFINE}", AFFINE),
]

# -- MinibatchRidge -----------------------------------------------------------------------------------------------

BATCH_OBJECTIVE = f'SumNode(loss, {PENALTY}, "J")'

minibatch_mutants = [
    *of_models("MinibatchRidge", 'self.graph.get_prediction({"X": X})'),
    Mutant("batch_size in the class", "", "self.batch_size = step", "MinibatchRidge.batch_size = step"),
    Mutant("no penalty", "missing_penalty", f"objective = {BATCH_OBJECTIVE}", "objective = loss"),
    Mutant("half the penalty", "half_penalty", PENALTY, PENALTY.replace("l2_reg", "l2_reg / 2")),
    Mutant("l2_reg ignored", "wrong_argument", PENALTY, PENALTY.replace("l2_reg", "1")),
    Mutant("bias penalised instead", "bias_regularised", PENALTY, PENALTY.replace(" w,", " b,")),
    Mutant(
        "bias penalised too",
        "bias_regularised",
        BATCH_OBJECTIVE,
        f'SumNode(SumNode(loss, {PENALTY}, "s"), L2NormPenaltyNode(l2_reg, b, "q"), "J")',
    ),
    Mutant(
        "sum, not mean",
        "missing_mean",
        'MeanSquareNode(prediction, y, "mean square loss")',
        'SquaredL2DistanceNode(prediction, y, "loss")',
    ),
    Mutant("penalty subtracted", "wrong_argument", PENALTY, PENALTY.replace("l2_reg", "-l2_reg")),
    Mutant(
        "penalty alone",
        "missing_term",
        BATCH_OBJECTIVE,
        """SumNode(
            SumNode(L2NormPenaltyNode(l2_reg, w, "p"), L2NormPenaltyNode(0, b, "0"), "s"),
            L2NormPenaltyNode(0, X, "1"), "J")""",
    ),
    Mutant(
        "penalty inside the square",
        "penalty_in_prediction",
        f"""        loss = MeanSquareNode(prediction, y, "mean square loss")
        objective = {BATCH_OBJECTIVE}
""",
        f"""        shifted = SumNode(prediction, {PENALTY}, "s")
        objective = MeanSquareNode(shifted, y, "J")
""",
    ),
    Mutant("one example at a time", "raises", "BatchAffineNode(X, w, b", "VectorScalarAffineNode(X, w, b"),
    Mutant("graph not stored", "raises", "self.graph = Comp", "graph = Comp"),
    Mutant("input called x", "raises", 'ValueNode("X")', 'ValueNode("x")'),
    Mutant("one epoch only", "", "range(self.max_num_epochs)", "range(1)"),
    Mutant("climbs", "", "-self.step_size", "self.step_size"),
    Mutant(
        "not written",
        "unfinished",
        "        prediction = BatchAff",
        "        raise NotImplementedError()\n        prediction = BatchAff",
    ),
    Mutant(
        "the mean over batch_size rows, however many there are",
        "",
        'loss = MeanSquareNode(prediction, y, "mean square loss")',
        """class BatchMean(MeanSquareNode):
            def forward(self):
                self.out = np.sum((self.a.out - self.b.out) ** 2) / batch_size
                self.d_out = np.zeros(())
                return self.out

        loss = BatchMean(prediction, y, "mean square loss")""",
    ),
    Mutant(
        "inputs and outcomes exchanged",
        "swapped_arguments",
        "ComputationGraphFunction([X], [y]",
        "ComputationGraphFunction([y], [X]",
    ),
    Mutant("l2_reg of at most 1", "", PENALTY, PENALTY.replace("(l2_reg", "(min(l2_reg, 1)")),
    Mutant("batch_size fixed", "wrong_argument", "max_num_epochs, batch_size\n", "max_num_epochs, 50\n"),
    Mutant("one batch", "wrong_argument", "range(0, len(X), self.batch_size)", "[0]"),
    Mutant("batches that overlap by a row", "", "start + self.batch_size]", "start + self.batch_size + 1]"),
    Mutant("the last row of each batch left out", "", "start + self.batch_size]", "start + self.batch_size - 1]"),
    Mutant("the last batch left out", "", "range(0, len(X),", "range(0, max(1, len(X) - self.batch_size),"),
]

minibatch_variants = [
    Variant("penalty first", f'SumNode({PENALTY}, loss, "J")', BATCH_OBJECTIVE),
    Variant("loss the other way round", "MeanSquareNode(y, prediction,", "MeanSquareNode(prediction, y,"),
    Variant("other names", '"p"', '"prediction"'),
    Variant("b first", "[b, w], prediction", "[w, b], prediction"),
    Variant(
        "keywords", 'BatchAffineNode(X=X, w=w, b=b, node_name="prediction")', 'BatchAffineNode(X, w, b, "prediction")'
    ),
    Variant(
        "wrong BatchAffineNode in the notebook",
        "self.out = self.X.out @ self.w.out",
        AFFINE,
        cell="batch_affine",
        whole=False,
    ),
]

EXERCISES = [
    Exercise("04-ridge/l2_penalty_check", "l2_penalty", penalty_mutants, penalty_variants),
    Exercise("04-ridge/sum_node_check", "sum_node", sum_mutants, sum_variants),
    Exercise("04-ridge/ridge_regression_check", "ridge_regression", ridge_mutants, ridge_variants),
    Exercise("04-ridge/training_error_check", "training_error", report_mutants, report_variants),
    Exercise("04-ridge/batch_affine_check", "batch_affine", batch_affine_mutants, batch_affine_variants),
    Exercise("04-ridge/minibatch_ridge_check", "minibatch_ridge", minibatch_mutants, minibatch_variants),
]
