"""Wrong and right solutions of `03-relu-net-by-hand`, function by function."""

from autograder.mutants import Exercise, Mutant, Variant

SECTION = "03-relu-net-by-hand"
Y = "d_loss_d_ypredicted(variable_dict, y_observed)"


def whole(signature: str, *lines: str) -> str:
    """A cell with one function."""
    return "\n".join([f"def {signature}:", *("    " + line for line in lines)]) + "\n"


def exercise(cell: str, mutants: list[Mutant], variants: list[Variant]) -> Exercise:
    return Exercise(f"{SECTION}/{cell}_check", cell, mutants, variants)


# -- 1 · the prediction --------------------------------------------------------------------------------------------

DY = 'return 2 * (variable_dict["y_predicted"] - y_observed)'
DY_HEAD = "d_loss_d_ypredicted(variable_dict, y_observed)"

d_ypredicted = exercise(
    "d_ypredicted",
    [
        Mutant("half", "factor", "2 * (", "("),
        Mutant("four", "factor", "2 * (", "4 * ("),
        Mutant("sign", "sign", DY, 'return 2 * (y_observed - variable_dict["y_predicted"])'),
        Mutant("sign and half", "factor", DY, 'return y_observed - variable_dict["y_predicted"]'),
        Mutant("absolute", "absolute", DY, 'return 2 * abs(variable_dict["y_predicted"] - y_observed)'),
        Mutant("brackets", "wrong_argument", DY, 'return 2 * variable_dict["y_predicted"] - y_observed'),
        Mutant("the loss", "wrong_argument", DY, 'return (variable_dict["y_predicted"] - y_observed) ** 2'),
        Mutant("half the loss", "wrong_argument", DY, 'return 0.5 * (variable_dict["y_predicted"] - y_observed) ** 2'),
        Mutant("plus", "wrong_argument", '"] - y', '"] + y'),
        Mutant("no observed value", "missing_term", DY, 'return 2 * variable_dict["y_predicted"]'),
        Mutant("no prediction", "missing_term", DY, "return -2 * y_observed"),
        Mutant("unknown key", "raises", '"y_predicted"', '"y_pred"'),
        Mutant("unquoted key", "raises", 'variable_dict["y_predicted"]', "variable_dict[y_predicted]"),
        Mutant("prints", "none", DY, DY.replace("return ", "print(") + ")"),
        Mutant("text", "type", DY, 'return str(2 * (variable_dict["y_predicted"] - y_observed))'),
        Mutant("nan", "nan", DY, 'return 0.0 / (0.0 * variable_dict["x"] / np.array(1.0))'),
        Mutant("the notebook's own network", "", 'variable_dict["y_predicted"]', 'variables["y_predicted"]'),
        Mutant("unfinished", "unfinished", DY, "raise NotImplementedError()"),
        Mutant("misspelt", "missing_name", "", whole("d_loss_d_y_predicted(variable_dict, y_observed)", DY)),
        Mutant("does not parse", "missing_name", "return 2", "return 2 2"),
        Mutant("constant", "", DY, "return 2.0"),
    ],
    [
        Variant("expanded", 'return 2 * variable_dict["y_predicted"] - 2 * y_observed', DY),
        Variant("shape (1,)", 'return np.array([2 * (variable_dict["y_predicted"] - y_observed)])', DY),
        Variant("0-d array", 'return np.array(2 * (variable_dict["y_predicted"] - y_observed))', DY),
        Variant("float()", 'return float(2 * (variable_dict["y_predicted"] - y_observed))', DY),
        Variant("float32", 'return np.float32(2 * (variable_dict["y_predicted"] - y_observed))', DY),
        Variant(
            "steps",
            "error = variable_dict['y_predicted'] - y_observed\n    print('error', error)\n    return error + error",
            DY,
        ),
        Variant("names", whole("d_loss_d_ypredicted(d, y)", "return 2. * (d['y_predicted'] - y)")),
        Variant("lambda", "d_loss_d_ypredicted = lambda v, y: -2 * (y - v['y_predicted'])\n"),
    ],
)

# -- 2 · W2 --------------------------------------------------------------------------------------------------------

W2 = f'return {Y} * variable_dict["h1"]'

d_W2 = exercise(
    "d_W2",
    [
        Mutant("r1", "wrong_argument", '"h1"', '"r1"'),
        Mutant("h0", "wrong_argument", '"h1"', '"h0"'),
        Mutant("slope", "wrong_argument", 'variable_dict["h1"]', '(variable_dict["r1"] > 0)'),
        Mutant("no upstream", "missing_chain_factor", W2, 'return variable_dict["h1"]'),
        Mutant("no local", "missing_chain_factor", W2, f"return {Y} * np.ones(3)"),
        Mutant("half", "factor", "return d_loss", "return 0.5 * d_loss"),
        Mutant("twice", "factor", "return d_loss", "return 2 * d_loss"),
        Mutant("sign", "sign", "return d_loss", "return -d_loss"),
        Mutant("own half", "factor", W2, 'return (variable_dict["y_predicted"] - y_observed) * variable_dict["h1"]'),
        Mutant("own sign", "sign", W2, 'return 2 * (y_observed - variable_dict["y_predicted"]) * variable_dict["h1"]'),
        Mutant("squared", "upstream_twice", "return d_loss", f"return {Y} * d_loss"),
        Mutant("summed", "shape", W2, f'return np.sum({Y} * variable_dict["h1"])'),
        Mutant("outer with itself", "shape", W2, f'return {Y} * np.outer(variable_dict["h1"], variable_dict["h1"])'),
        Mutant("in place", "in_place", W2, f'grad = variable_dict["h1"]\n    grad *= {Y}\n    return grad'),
        Mutant(
            "in the type of h1",
            "dtype",
            W2,
            f'grad = np.zeros_like(variable_dict["h1"])\n    grad[:] = {Y} * variable_dict["h1"]\n    return grad',
        ),
        Mutant("unknown key", "raises", '"h1"', '"h2"'),
        Mutant("missing argument", "raises", "(variable_dict, y_observed) *", "(variable_dict) *"),
        Mutant(
            "local hides function",
            "raises",
            W2,
            f'd_loss_d_ypredicted = {Y}\n    return d_loss_d_ypredicted * variable_dict["h1"]',
        ),
        Mutant("unfinished", "unfinished", W2, "raise NotImplementedError"),
        Mutant("nothing returned", "none", "return d_loss", "grad = d_loss"),
        Mutant("zeros", "zero", W2, "return np.zeros(3)"),
        Mutant("whole numbers", "dtype", W2, f'return ({Y} * variable_dict["h1"]).astype(int)'),
        Mutant("reversed", "order", 'variable_dict["h1"]', 'variable_dict["h1"][::-1]'),
        Mutant("absolute", "sign", W2, f'return np.abs({Y}) * variable_dict["h1"]'),
        Mutant("nan", "nan", W2, f'return {Y} * variable_dict["h1"] * np.nan'),
        Mutant("the notebook's own network", "", 'variable_dict["h1"]', 'variables["h1"]'),
    ],
    [
        Variant("list", f'return [{Y} * h for h in variable_dict["h1"]]', W2),
        Variant("row", f'return np.array([[{Y} * h for h in variable_dict["h1"]]])', W2),
        Variant("column", f'return ({Y} * variable_dict["h1"]).reshape(3, 1)', W2),
        Variant("list of a list", f'return [[{Y} * h for h in variable_dict["h1"]]]', W2),
        Variant("tuple", f'return tuple({Y} * variable_dict["h1"])', W2),
        Variant("float32", f'return np.float32({Y} * variable_dict["h1"])', W2),
        Variant("no helper", 'return 2 * (variable_dict["y_predicted"] - y_observed) * variable_dict["h1"]', W2),
        Variant("dot", f'return np.dot(np.array([[{Y}]]), variable_dict["h1"].reshape(1, 3))', W2),
        Variant(
            "loop and prints",
            "out = np.zeros(3)\n    for i in range(3):\n        print(i)\n        "
            f"out[i] = {Y} * variable_dict['h1'][i]\n    return out",
            W2,
        ),
        Variant("relu again", f'return {Y} * relu(variable_dict["r1"])', W2),
        Variant("matrix", f'return {Y} * np.asmatrix(variable_dict["h1"])', W2),
        Variant(
            "warning",
            f'import warnings\n    warnings.warn("careful")\n    return np.multiply({Y}, variable_dict["h1"])',
            W2,
        ),
    ],
)

# -- 3 · h1 --------------------------------------------------------------------------------------------------------

H1 = f"return {Y} * W2"

d_h1 = exercise(
    "d_h1",
    [
        Mutant("no upstream", "missing_chain_factor", H1, "return W2"),
        Mutant("no W2", "missing_chain_factor", H1, f"return {Y} * np.ones(3)"),
        Mutant("no W2, a number", "shape", H1, f"return {Y}"),
        Mutant("h1 for W2", "wrong_argument", "* W2", '* variable_dict["h1"]'),
        Mutant("masked too early", "masked", "* W2", '* W2 * (variable_dict["r1"] > 0)'),
        Mutant("masked by the other layer", "masked", "* W2", '* W2 * (variable_dict["r0"] > 0)'),
        Mutant("half", "factor", "* W2", "* W2 / 2"),
        Mutant("own half", "factor", H1, 'return (variable_dict["y_predicted"] - y_observed) * W2'),
        Mutant("sign", "sign", "* W2", "* -W2"),
        Mutant("squared", "upstream_twice", "return d_loss", f"return {Y} * d_loss"),
        Mutant("dot product", "shape", H1, f'return np.dot({Y} * W2, variable_dict["h1"])'),
        Mutant("in place", "in_place", H1, f"W2 *= {Y}\n    return W2"),
        Mutant("in the type of W2", "dtype", H1, f"return ({Y} * W2).astype(W2.dtype)"),
        Mutant("global weights", "", H1, f'return {Y} * first["W2"]'),
        Mutant("weight of the dictionary", "raises", "* W2", '* variable_dict["W2"]'),
        Mutant("unfinished", "unfinished", H1, "raise NotImplementedError()"),
        Mutant("placeholder", "zero", H1, "grad = 0.0 * W2\n    return grad"),
        Mutant("nothing returned", "none", "return d_loss", "grad = d_loss"),
        Mutant("misspelt", "missing_name", "", whole("d_loss_d_H1(variable_dict, W2, y_observed)", H1)),
        Mutant("absolute", "absolute", H1, f"return np.abs({Y} * W2)"),
        Mutant("a shift", "offset", "* W2", "* W2 + 1.0"),
        Mutant("reversed", "order", "* W2", "* W2[::-1]"),
        Mutant("swapped arguments", "raises", "(variable_dict, y_observed) *", "(y_observed, variable_dict) *"),
    ],
    [
        Variant("list", f"return [{Y} * w for w in W2]", H1),
        Variant("row", f"return np.array({Y} * W2).reshape(1, 3)", H1),
        Variant("no helper", 'return 2 * (variable_dict["y_predicted"] - y_observed) * W2', H1),
        Variant("outer", f"return np.outer({Y}, W2)", H1),
        Variant("einsum", f'return np.einsum(",i->i", {Y}, W2)', H1),
        Variant("float32", f"return ({Y} * W2).astype(np.float32)", H1),
        Variant(
            "names", whole("d_loss_d_h1(vd, w, y)", "up = d_loss_d_ypredicted(vd, y)", "return np.multiply(up, w)")
        ),
        Variant("helper returns (1,)", f"return np.array([{Y}]) * W2", H1),
    ],
)

# -- 4 · the slope of ReLU -----------------------------------------------------------------------------------------

SLOPE = "return 1.0 if x > 0 else 0.0"

relu_derivative = exercise(
    "relu_derivative",
    [
        Mutant("1 at 0", "kink", "x > 0", "x >= 0"),
        Mutant("half at 0", "kink", SLOPE, "return np.heaviside(x, 0.5)"),
        Mutant("relu itself", "wrong_argument", SLOPE, "return relu(x)"),
        Mutant("always 1", "missing_mask", SLOPE, "return 1.0"),
        Mutant("always 0", "zero", SLOPE, "return 0.0"),
        Mutant("sign function", "", SLOPE, "return np.sign(x)"),
        Mutant("the other way round", "zero", "x > 0", "x < 0"),
        Mutant("threshold 1", "zero", "x > 0", "x > 1"),
        Mutant("x below 0", "missing_mask", "else 0.0", "else x"),
        Mutant("leaky", "", "else 0.0", "else 0.01"),
        Mutant("nothing below 0", "none", SLOPE, "if x > 0:\n        return 1.0"),
        Mutant("nan at 0", "nan", SLOPE, "return np.divide(relu(x), np.float64(x))"),
        Mutant("smooth", "", SLOPE, "return 1 / (1 + np.exp(-10 * x))"),
        Mutant("unfinished", "unfinished", SLOPE, "raise NotImplementedError()"),
        Mutant("for arrays only", "raises", SLOPE, "out = np.ones(x.shape)\n    out[x <= 0] = 0\n    return out"),
        Mutant("text", "type", SLOPE, 'return "1" if x > 0 else "0"'),
        Mutant("not x", "raises", "x > 0", "r > zero"),
        Mutant("numerical", "kink", SLOPE, "return (relu(x + 1e-6) - relu(x - 1e-6)) / 2e-6"),
        Mutant("the name of another", "missing_name", "", whole("derivative_relu(x)", SLOPE)),
        Mutant("twice", "factor", "1.0 if", "2.0 if"),
    ],
    [
        Variant("comparison", "return x > 0", SLOPE),
        Variant("where", "return np.where(x > 0, 1, 0)", SLOPE),
        Variant("heaviside", "return np.heaviside(x, 0)", SLOPE),
        Variant("branches", "if x <= 0:\n        return 0\n    return 1", SLOPE),
        Variant("int()", "return int(x > 0)", SLOPE),
        Variant("any shape", "x = np.asarray(x)\n    return (x > 0).astype(float)", SLOPE),
        Variant("shape (1,)", "return np.array([1.0 if x > 0 else 0.0])", SLOPE),
        Variant("lambda", "relu_derivative = lambda r: 1. * (r > 0)\n"),
        Variant("vectorize", "relu_derivative = np.vectorize(lambda r: 1.0 if r > 0 else 0.0)\n"),
        Variant("sign clipped", "return np.maximum(np.sign(x), 0)", SLOPE),
    ],
)

# -- 5 · r1 --------------------------------------------------------------------------------------------------------

W1_TEXT = 'return np.outer(d_loss_d_r1(variable_dict, W2, y_observed), variable_dict["h0"])'
GATES1 = 'slopes = np.array([relu_derivative(r) for r in variable_dict["r1"]])'
R1 = "return d_loss_d_h1(variable_dict, W2, y_observed) * slopes"
UP1 = "d_loss_d_h1(variable_dict, W2, y_observed)"

d_r1 = exercise(
    "d_r1",
    [
        Mutant("no mask", "missing_mask", " * slopes", ""),
        Mutant("mask of r0", "mask_of_wrong_layer", '"r1"', '"r0"'),
        Mutant("mask of h0", "mask_of_wrong_layer", '"r1"', '"h0"'),
        Mutant("no chain", "missing_chain_factor", R1, "return slopes"),
        Mutant("no W2", "missing_chain_factor", R1, f"return {Y} * slopes"),
        Mutant("no error", "missing_chain_factor", R1, "return W2 * slopes"),
        Mutant("value of ReLU", "wrong_argument", "relu_derivative(r)", "relu(r)"),
        Mutant("times r1", "wrong_argument", "* slopes", '* variable_dict["r1"]'),
        Mutant("relu of the gradient", "wrong_argument", R1, f"return relu({UP1})"),
        Mutant(
            "slope at the gradient",
            "wrong_argument",
            R1,
            f"up = {UP1}\n    return up * [relu_derivative(u) for u in up]",
        ),
        Mutant("half", "factor", "* slopes", "* slopes / 2"),
        Mutant("sign", "sign", "return d_loss", "return -d_loss"),
        Mutant("own half", "factor", R1, 'return (variable_dict["y_predicted"] - y_observed) * W2 * slopes'),
        Mutant("gates the other way round", "zero", R1, f"return {UP1} * (1 - slopes)"),
        Mutant("leaky", "missing_mask", "* slopes", "* np.where(slopes > 0, 1.0, 0.01)"),
        Mutant("array into a scalar function", "raises", GATES1, 'slopes = relu_derivative(variable_dict["r1"])'),
        Mutant("unknown key", "raises", '"r1"', '"r_1"'),
        Mutant("broadcast", "shape", "* slopes", "* slopes.reshape(3, 1)"),
        Mutant("dot product", "shape", " * slopes", " @ slopes"),
        Mutant(
            "in place",
            "in_place|dtype",
            R1,
            f'grad = variable_dict["r1"]\n    grad[:] = {UP1} * slopes\n    return grad',
        ),
        Mutant("unfinished", "unfinished", R1, "raise NotImplementedError()"),
        Mutant("nothing returned", "none", "return d_loss", "result = d_loss"),
        Mutant("local hides function", "raises", R1, f"d_loss_d_h1 = {UP1}\n    return d_loss_d_h1 * slopes"),
        Mutant("first gate for all", "", R1, f"return {UP1} * slopes[0]"),
    ],
    [
        Variant("comparison", f'return {UP1} * (variable_dict["r1"] > 0)', R1),
        Variant("mask of h1", "slopes = np.array([relu_derivative(h) for h in variable_dict['h1']])", GATES1),
        Variant("where", f'return np.where(variable_dict["r1"] > 0, {UP1}, 0)', R1),
        Variant("list", f"return [u * s for u, s in zip({UP1}, slopes)]", R1),
        Variant("row", f"return ({UP1} * slopes)[None]", R1),
        Variant("diagonal matrix", f"return {UP1} @ np.diag(slopes)", R1),
        Variant("copy and set", f"grad = np.array({UP1})\n    grad[variable_dict['r1'] <= 0] = 0\n    return grad", R1),
        Variant("vectorize", "slopes = np.vectorize(relu_derivative)(variable_dict['r1'])", GATES1),
        Variant(
            "no helpers", 'return 2 * (variable_dict["y_predicted"] - y_observed) * W2 * (variable_dict["h1"] > 0)', R1
        ),
        Variant(
            "loop",
            f"up, out = {UP1}, []\n    for i in range(3):\n        out.append(up[i] * relu_derivative("
            "variable_dict['r1'][i]))\n    return np.array(out)",
            R1,
        ),
        Variant("a later function unfinished", "raise NotImplementedError()", W1_TEXT, cell="d_W1"),
        Variant("a wrong helper", "return 2 * W2", H1, cell="d_h1", whole=False),
        Variant("a helper for arrays", "return np.where(np.asarray(x) > 0, 1.0, 0.0)", SLOPE, cell="relu_derivative"),
        Variant("a helper with another shape", f"return ({Y} * W2).reshape(1, 3)", H1, cell="d_h1"),
    ],
)

# -- 6 · W1 --------------------------------------------------------------------------------------------------------

UPR1 = "d_loss_d_r1(variable_dict, W2, y_observed)"
W1 = f'return np.outer({UPR1}, variable_dict["h0"])'

d_W1 = exercise(
    "d_W1",
    [
        Mutant("outer swapped", "outer_swapped", W1, f'return np.outer(variable_dict["h0"], {UPR1})'),
        Mutant("transposed", "outer_swapped", W1, W1 + ".T"),
        Mutant("no mask", "missing_mask", "d_loss_d_r1", "d_loss_d_h1"),
        Mutant("no mask, swapped", "outer_swapped", W1, f'return np.outer(variable_dict["h0"], {UP1})'),
        Mutant("mask of the other layer", "mask_of_wrong_layer", UPR1, f'{UP1} * (variable_dict["r0"] > 0)'),
        Mutant("no W2", "missing_chain_factor", UPR1, f'{Y} * (variable_dict["r1"] > 0)'),
        Mutant("no error", "missing_chain_factor", UPR1, 'W2 * (variable_dict["r1"] > 0)'),
        Mutant("no h0", "missing_chain_factor", W1, f"return np.outer({UPR1}, np.ones(3))"),
        Mutant("r0 for h0", "wrong_argument", '"h0"', '"r0"'),
        Mutant("h1 for h0", "wrong_argument", '"h0"', '"h1"'),
        Mutant("x for h0", "wrong_argument", 'variable_dict["h0"]', '3 * [variable_dict["x"]]'),
        Mutant("entry by entry", "shape", W1, f'return {UPR1} * variable_dict["h0"]'),
        Mutant("product of 1-D arrays", "shape", W1, f'return {UPR1}.T @ variable_dict["h0"]'),
        Mutant("half", "factor", "return np", "return 0.5 * np"),
        Mutant("sign", "sign", "return np", "return -np"),
        Mutant("unfinished", "unfinished", W1, "raise NotImplementedError()"),
        Mutant("unknown key", "raises", '"h0"', '"h_0"'),
        Mutant("forgotten W2", "raises", "(variable_dict, W2, y_observed)", "(variable_dict, y_observed)", count=2),
        Mutant("nothing returned", "none", "return np", "grad = np"),
        Mutant("flat", "shape", W1, W1 + ".ravel()"),
        Mutant("zeros never filled", "zero", W1, "grad = np.zeros((3, 3))\n    return grad"),
        Mutant("diagonal only", "masked", W1, f'return np.diag({UPR1} * variable_dict["h0"])'),
        Mutant("absolute", "absolute", W1, f"return np.abs({W1[7:]})"),
        Mutant(
            "in place",
            "in_place",
            W1,
            W1.replace("return", "grad =") + '\n    variable_dict["h0"] += 1\n    return grad',
        ),
        Mutant(
            "one buffer for all results",
            "shared_state",
            W1,
            'buffer = d_loss_d_W1.__dict__.setdefault("buffer", np.zeros((3, 3)))\n    buffer[...] = '
            + W1.removeprefix("return ")
            + "\n    return buffer",
        ),
        Mutant(
            "results in turn from two buffers",
            "shared_state",
            W1,
            'buffers = d_loss_d_W1.__dict__.setdefault("buffers", [np.zeros((3, 3)), np.zeros((3, 3))])\n'
            "    buffers.reverse()\n    buffers[0][...] = " + W1.removeprefix("return ") + "\n    return buffers[0]",
        ),
    ],
    [
        Variant("broadcast", f'return np.asarray({UPR1})[:, None] * variable_dict["h0"][None, :]', W1),
        Variant("einsum", f'return np.einsum("i,j->ij", {UPR1}, variable_dict["h0"])', W1),
        Variant(
            "loops",
            f"up, out = {UPR1}, np.zeros((3, 3))\n    for i in range(3):\n        for j in range(3):\n            "
            "out[i, j] = up[i] * variable_dict['h0'][j]\n    return out",
            W1,
        ),
        Variant("list of lists", f'return [[u * h for h in variable_dict["h0"]] for u in {UPR1}]', W1),
        Variant("list of arrays", f'return [u * variable_dict["h0"] for u in {UPR1}]', W1),
        Variant("matrix product", f'return np.reshape({UPR1}, (3, 1)) @ variable_dict["h0"].reshape(1, 3)', W1),
        Variant("float32", W1 + ".astype(np.float32)", W1),
        Variant("outer twice transposed", f'return np.outer(variable_dict["h0"], {UPR1}).T', W1),
        Variant(
            "no helpers",
            'up = 2 * (variable_dict["y_predicted"] - y_observed) * W2 * (variable_dict["r1"] > 0)\n    '
            'return np.outer(up, variable_dict["h0"])',
            W1,
        ),
        Variant("a wrong helper", "return d_loss_d_h1(variable_dict, W2, y_observed)", R1, cell="d_r1", whole=False),
        Variant(
            "a helper that gives rows",
            "return (d_loss_d_h1(variable_dict, W2, y_observed) * slopes)[None]",
            R1,
            cell="d_r1",
        ),
        Variant("an unfinished helper", "raise NotImplementedError()", R1, cell="d_r1", whole=False),
    ],
)

# -- 7 · h0 --------------------------------------------------------------------------------------------------------

H0 = f"return np.dot(W1.T, {UPR1})"

d_h0 = exercise(
    "d_h0",
    [
        Mutant("W1 not transposed", "wrong_argument", "W1.T", "W1"),
        Mutant("transposed from the left", "wrong_argument", H0, f"return np.dot({UPR1}, W1.T)"),
        Mutant("no mask", "missing_mask", "d_loss_d_r1", "d_loss_d_h1"),
        Mutant("no mask, not transposed", "wrong_argument", f"W1.T, {UPR1}", f"W1, {UP1}"),
        Mutant("mask of the other layer", "mask_of_wrong_layer", UPR1, f'{UP1} * (variable_dict["r0"] > 0)'),
        Mutant("masked too early", "masked", H0, H0 + ' * (variable_dict["r0"] > 0)'),
        Mutant("no W1", "missing_chain_factor", H0, f"return {UPR1}"),
        Mutant("no W2", "missing_chain_factor", UPR1, f'{Y} * (variable_dict["r1"] > 0)'),
        Mutant("no error", "missing_chain_factor", UPR1, 'W2 * (variable_dict["r1"] > 0)'),
        Mutant("no upstream", "missing_chain_factor", H0, "return W1.sum(axis=0)"),
        Mutant("diagonal only", "missing_term", H0, f"return np.diag(W1) * {UPR1}"),
        Mutant("first path only", "missing_term", H0, f"return W1[0] * {UPR1}[0]"),
        Mutant("first row for all", "missing_term", H0, f"return W1[0] * {UPR1}"),
        Mutant("entry by entry", "shape", H0, f"return W1 * {UPR1}"),
        Mutant("summed over the wrong axis", "wrong_argument", H0, f"return np.sum(W1 * {UPR1}, axis=1)"),
        Mutant("summed to a number", "shape", H0, f"return np.sum(W1.T * {UPR1})"),
        Mutant("half", "factor", "return np", "return 0.5 * np"),
        Mutant("sign", "sign", "return np", "return -np"),
        Mutant("averaged", "factor", H0, f"return np.mean(W1.T * {UPR1}, axis=1)"),
        Mutant("in the type of W1", "dtype", H0, f"return np.dot(W1.T, {UPR1}).astype(W1.dtype)"),
        Mutant("in place", "in_place", H0, f"W1 *= np.array({UPR1})[:, None]\n    return W1.sum(axis=0)"),
        Mutant(
            "transposed in place",
            "in_place",
            H0,
            f"out = np.dot(W1.T, {UPR1})\n    W1[:] = W1.T.copy()\n    return out",
        ),
        Mutant("unfinished", "unfinished", H0, "raise NotImplementedError()"),
        Mutant("weights of the dictionary", "raises", "W1.T", 'variable_dict["W1"].T'),
        Mutant("nothing returned", "none", "return np", "grad = np"),
        Mutant("swapped arguments", "raises", H0, "return np.dot(W1.T, d_loss_d_r1(W2, variable_dict, y_observed))"),
        Mutant("the notebook's own W1", "", "W1.T", 'first["W1"].T'),
    ],
    [
        Variant("from the left", f"return np.dot({UPR1}, W1)", H0),
        Variant("operator", f"return W1.T @ {UPR1}", H0),
        Variant("row vector", f"return np.reshape({UPR1}, (1, 3)) @ W1", H0),
        Variant("column vector", f"return W1.T @ np.reshape({UPR1}, (3, 1))", H0),
        Variant("einsum", f'return np.einsum("ij,i->j", W1, {UPR1})', H0),
        Variant("sum of columns", f"return (W1 * np.reshape({UPR1}, (3, 1))).sum(axis=0)", H0),
        Variant(
            "loops",
            f"up, out = {UPR1}, [0.0, 0.0, 0.0]\n    for i in range(3):\n        for j in range(3):\n            "
            "out[j] += up[i] * W1[i][j]\n    return out",
            H0,
        ),
        Variant("matmul and list", f"return np.matmul(np.transpose(W1), {UPR1}).tolist()", H0),
        Variant("float32", H0 + ".astype(np.float32)", H0),
        Variant("a wrong helper", "return d_loss_d_h1(variable_dict, W2, y_observed)", R1, cell="d_r1", whole=False),
        Variant("a wrong helper further up", "return 0.5 * W2", H1, cell="d_h1", whole=False),
        Variant(
            "a helper that gives rows",
            "return (d_loss_d_h1(variable_dict, W2, y_observed) * slopes)[None]",
            R1,
            cell="d_r1",
            whole=False,
        ),
    ],
)

# -- 8 · r0 --------------------------------------------------------------------------------------------------------

GATES0 = 'slopes = np.array([relu_derivative(r) for r in variable_dict["r0"]])'
UP0 = "d_loss_d_h0(variable_dict, W1, W2, y_observed)"
R0 = f"return {UP0} * slopes"

d_r0 = exercise(
    "d_r0",
    [
        Mutant("no mask", "missing_mask", " * slopes", ""),
        Mutant("mask of r1", "mask_of_wrong_layer", '"r0"', '"r1"'),
        Mutant("mask of h1", "mask_of_wrong_layer", '"r0"', '"h1"'),
        Mutant("both masks", "mask_of_wrong_layer", "* slopes", '* slopes * (variable_dict["r1"] > 0)'),
        Mutant("no upper mask", "missing_mask", UP0, f"np.dot(W1.T, {UP1})"),
        Mutant("no mask at all", "missing_mask", R0, f"return np.dot(W1.T, {UP1})"),
        Mutant("no W2", "missing_chain_factor", UP0, f"np.dot(W1.T, {Y} * (variable_dict['r1'] > 0))"),
        Mutant("no W1", "missing_chain_factor", UP0, UPR1),
        Mutant("no error", "missing_chain_factor", UP0, "np.dot(W1.T, W2 * (variable_dict['r1'] > 0))"),
        Mutant("no chain", "missing_chain_factor", R0, "return slopes"),
        Mutant("not transposed", "wrong_argument", UP0, f"np.dot(W1, {UPR1})"),
        Mutant("value of ReLU", "wrong_argument", "relu_derivative(r)", "relu(r)"),
        Mutant("times r0", "wrong_argument", "* slopes", '* variable_dict["r0"]'),
        Mutant("relu of the gradient", "wrong_argument", R0, f"return relu({UP0})"),
        Mutant("half", "factor", "* slopes", "* slopes * 0.5"),
        Mutant("sign", "sign", "* slopes", "* -slopes"),
        Mutant("gates the other way round", "zero", "* slopes", "* (1 - slopes)"),
        Mutant("broadcast", "shape", "* slopes", "* slopes[:, None]"),
        Mutant("dot product", "shape", " * slopes", " @ slopes"),
        Mutant("array into a scalar function", "raises", GATES0, 'slopes = relu_derivative(variable_dict["r0"])'),
        Mutant("unfinished", "unfinished", R0, "raise NotImplementedError()"),
        Mutant("unknown key", "raises", '"r0"', '"R0"'),
        Mutant("forgotten W1", "raises", "(variable_dict, W1, W2, y_observed) *", "(variable_dict, W2, y_observed) *"),
        Mutant("nothing returned", "none", "return d_loss", "grad = d_loss"),
        Mutant("in place", "in_place", R0, f'variable_dict["r0"][:] = slopes\n    return {UP0} * variable_dict["r0"]'),
    ],
    [
        Variant("comparison", f'return {UP0} * (variable_dict["r0"] > 0)', R0),
        Variant("mask of h0", "slopes = np.array([relu_derivative(h) for h in variable_dict['h0']])", GATES0),
        Variant("list", f"return [g * s for g, s in zip({UP0}, slopes)]", R0),
        Variant("row", f"return np.atleast_2d({UP0} * slopes)", R0),
        Variant("where", f'return np.where(variable_dict["r0"] > 0, {UP0}, 0.0)', R0),
        Variant("diagonal matrix", f"return np.diag(slopes) @ {UP0}", R0),
        Variant("copy and set", f"grad = np.array({UP0})\n    grad[variable_dict['r0'] <= 0] = 0\n    return grad", R0),
        Variant(
            "no helpers",
            'up = 2 * (variable_dict["y_predicted"] - y_observed) * W2 * (variable_dict["r1"] > 0)\n    '
            "return up @ W1 * slopes",
            R0,
        ),
        Variant(
            "a wrong helper",
            "return np.dot(W1, d_loss_d_r1(variable_dict, W2, y_observed))",
            H0,
            cell="d_h0",
            whole=False,
        ),
        Variant("a slope that is wrong at 0", "return 1.0 if x >= 0 else 0.0", SLOPE, cell="relu_derivative"),
    ],
)

# -- 9 · W0 --------------------------------------------------------------------------------------------------------

UPR0 = "d_loss_d_r0(variable_dict, W1, W2, y_observed)"
W0 = f'return {UPR0} * variable_dict["x"]'

d_W0 = exercise(
    "d_W0",
    [
        Mutant("no x", "missing_chain_factor", ' * variable_dict["x"]', ""),
        Mutant("no mask", "missing_mask", "d_loss_d_r0", "d_loss_d_h0"),
        Mutant("no mask at all", "missing_mask", UPR0, f"np.dot(W1.T, {UP1})"),
        Mutant("no upper mask", "missing_mask", UPR0, f"np.dot(W1.T, {UP1}) * (variable_dict['r0'] > 0)"),
        Mutant("mask of r1", "mask_of_wrong_layer", UPR0, f"{UP0} * (variable_dict['r1'] > 0)"),
        Mutant(
            "no W2",
            "missing_chain_factor",
            UPR0,
            f"np.dot(W1.T, {Y} * (variable_dict['r1'] > 0)) * (variable_dict['r0'] > 0)",
        ),
        Mutant("no W1", "missing_chain_factor", UPR0, f"{UPR1} * (variable_dict['r0'] > 0)"),
        Mutant(
            "no error",
            "missing_chain_factor",
            UPR0,
            "np.dot(W1.T, W2 * (variable_dict['r1'] > 0)) * (variable_dict['r0'] > 0)",
        ),
        Mutant("not transposed", "wrong_argument", UPR0, f"np.dot(W1, {UPR1}) * (variable_dict['r0'] > 0)"),
        Mutant("h0 for x", "wrong_argument", '"x"', '"h0"'),
        Mutant("r0 for x", "wrong_argument", '"x"', '"r0"'),
        Mutant("gradient of r1", "missing_chain_factor", UPR0, UPR1),
        Mutant("outer with h0", "shape", W0, f'return np.outer({UPR0}, variable_dict["h0"])'),
        Mutant("half", "factor", "return d_loss", "return 0.5 * d_loss"),
        Mutant("sign", "sign", "return d_loss", "return -d_loss"),
        Mutant("divided by x", "factor", '* variable_dict["x"]', '/ variable_dict["x"]'),
        Mutant("x squared", "factor", 'variable_dict["x"]', 'variable_dict["x"] ** 2'),
        Mutant("x without its sign", "sign", 'variable_dict["x"]', 'abs(variable_dict["x"])'),
        Mutant("the notebook's x", "factor", 'variable_dict["x"]', 'first["x"]'),
        Mutant("dot product", "shape", W0, f'return np.sum({UPR0} * variable_dict["x"])'),
        Mutant("unknown key", "raises", '"x"', '"X"'),
        Mutant("an x that is not there", "raises", 'variable_dict["x"]', "x"),
        Mutant("unfinished", "unfinished", W0, "raise NotImplementedError()"),
        Mutant("nothing returned", "none", "return d_loss", "grad = d_loss"),
        Mutant("weights changed", "in_place", W0, W0.replace("return", "grad =") + "\n    W1 -= 0.01\n    return grad"),
        Mutant("zero", "zero", 'variable_dict["x"]', '(variable_dict["x"] - variable_dict["x"])'),
    ],
    [
        Variant("row", f'return np.reshape({UPR0}, (1, 3)) * variable_dict["x"]', W0),
        Variant("column by outer", f'return np.outer({UPR0}, variable_dict["x"])', W0),
        Variant("row by outer", f'return np.outer(variable_dict["x"], {UPR0})', W0),
        Variant("list", f'return [g * variable_dict["x"] for g in {UPR0}]', W0),
        Variant("dot", f'return np.dot({UPR0}, variable_dict["x"])', W0),
        Variant("einsum", f'return np.einsum("i,->i", {UPR0}, variable_dict["x"])', W0),
        Variant("float32", f'return ({UPR0} * variable_dict["x"]).astype(np.float32)', W0),
        Variant(
            "no helpers",
            "v, error = variable_dict, variable_dict['y_predicted'] - y_observed\n    "
            "return 2 * error * (W2 * (v['r1'] > 0)) @ W1 * (v['r0'] > 0) * v['x']",
            W0,
        ),
        Variant(
            "a wrong helper", "return d_loss_d_h0(variable_dict, W1, W2, y_observed)", R0, cell="d_r0", whole=False
        ),
        Variant("every helper unfinished", "raise NotImplementedError()", R0, cell="d_r0", whole=False),
        Variant(
            "a helper with a key that is not there",
            'slopes = variable_dict["slopes"]',
            GATES0,
            cell="d_r0",
            whole=False,
        ),
    ],
)

# -- 10 · one step -------------------------------------------------------------------------------------------------

S0 = "new_W0 = W0 - step_size * d_loss_d_W0(v, W1, W2, y_observed)"
S1 = "new_W1 = W1 - step_size * d_loss_d_W1(v, W2, y_observed)"
S2 = "new_W2 = W2 - step_size * d_loss_d_W2(v, y_observed)"
OUT = "return new_W0, new_W1, new_W2"
STEP_HEAD = "gradient_step(x, W0, W1, W2, y_observed, step_size)"
V = "v = mlp(x, W0, W1, W2)"

gradient_step = exercise(
    "gradient_step",
    [
        Mutant("uphill", "sign", " - step_size", " + step_size"),
        Mutant(
            "W2 first, then its new value",
            "wrong_argument",
            "",
            whole(
                STEP_HEAD,
                V,
                "W2 = W2 - step_size * d_loss_d_W2(v, y_observed)",
                "W1 = W1 - step_size * d_loss_d_W1(v, W2, y_observed)",
                "W0 = W0 - step_size * d_loss_d_W0(v, W1, W2, y_observed)",
                "return W0, W1, W2",
            ),
        ),
        Mutant("a new forward pass in between", "wrong_argument", S1, "v = mlp(x, new_W0, W1, W2)\n    " + S1),
        Mutant("no step size", "missing_chain_factor", "step_size * ", ""),
        Mutant("half a step", "factor", "step_size * ", "0.5 * step_size * "),
        Mutant("W2 in the type of W2", "dtype", OUT, f"new_W2, to = W2.copy(), new_W2\n    new_W2[:] = to\n    {OUT}"),
        Mutant("W1 in the type of W1", "dtype", OUT, f"new_W1 = new_W1.astype(W1.dtype)\n    {OUT}"),
        Mutant("W0 forgotten", "missing_term", S0, "new_W0 = W0"),
        Mutant("W1 forgotten", "missing_term", S1, "new_W1 = W1.copy()"),
        Mutant("W2 forgotten", "missing_term", S2, "new_W2 = W2"),
        Mutant("gradients returned", "wrong_argument", " - step_size *", "* 0 +"),
        Mutant(
            "in place",
            "in_place",
            "",
            whole(
                STEP_HEAD,
                V,
                "W0 -= step_size * d_loss_d_W0(v, W1, W2, y_observed)",
                "W1 -= step_size * d_loss_d_W1(v, W2, y_observed)",
                "W2 -= step_size * d_loss_d_W2(v, y_observed)",
                "return W0, W1, W2",
            ),
        ),
        Mutant("two weights returned", "type", OUT, "return new_W1, new_W2"),
        Mutant("nothing returned", "none", OUT, "print(new_W0, new_W1, new_W2)"),
        Mutant("wrong order", "swapped_arguments", OUT, "return new_W2, new_W1, new_W0"),
        Mutant("wrong order of W0 and W1", "shape", OUT, "return new_W1, new_W0, new_W2"),
        Mutant("unfinished", "unfinished", OUT, "raise NotImplementedError()"),
        Mutant(
            "W1's gradient transposed",
            "transposed",
            "d_loss_d_W1(v, W2, y_observed)",
            "d_loss_d_W1(v, W2, y_observed).T",
        ),
        Mutant("loss times step", "", "d_loss_d_W2(v, y_observed)", 'loss(v["y_predicted"], y_observed)'),
        Mutant("no forward pass", "", V, "v = variables"),
        Mutant(
            "weights swapped in the call",
            "raises",
            "d_loss_d_W0(v, W1, W2, y_observed)",
            "d_loss_d_W0(v, W2, y_observed)",
        ),
    ],
    [
        Variant(
            "loop",
            whole(
                STEP_HEAD,
                V,
                "grads = (d_loss_d_W0(v, W1, W2, y_observed), d_loss_d_W1(v, W2, y_observed), "
                "d_loss_d_W2(v, y_observed))",
                "return [w - step_size * g for w, g in zip((W0, W1, W2), grads)]",
            ),
        ),
        Variant("rows", S0 + "\n    new_W0 = np.reshape(new_W0, (1, 3))", S0),
        Variant(
            "gradients as rows",
            S2.replace("d_loss_d_W2(v, y_observed)", "np.reshape(d_loss_d_W2(v, y_observed), (1, 3))"),
            S2,
        ),
        Variant(
            "copies moved in place",
            whole(
                STEP_HEAD,
                V,
                "W0_new, W1_new, W2_new = W0.copy(), W1.copy(), W2.copy()",
                "W0_new -= step_size * d_loss_d_W0(v, W1, W2, y_observed)",
                "W1_new -= step_size * d_loss_d_W1(v, W2, y_observed)",
                "W2_new -= step_size * d_loss_d_W2(v, y_observed)",
                "return W0_new, W1_new, W2_new",
            ),
        ),
        Variant("a tuple in brackets", OUT.replace("return ", "return (") + ")", OUT),
        Variant("a list", OUT.replace("return ", "return [") + "]", OUT),
        Variant(
            "from below",
            whole(
                STEP_HEAD,
                V,
                "W0 = W0 - step_size * d_loss_d_W0(v, W1, W2, y_observed)",
                "W1 = W1 - step_size * d_loss_d_W1(v, W2, y_observed)",
                "W2 = W2 - step_size * d_loss_d_W2(v, y_observed)",
                "return W0, W1, W2",
            ),
        ),
        Variant("every helper wrong", "return np.zeros(3)", W2, cell="d_W2", whole=False),
        Variant(
            "a helper that gives lists",
            'return [2 * (variable_dict["y_predicted"] - y_observed) * h for h in variable_dict["h1"]]',
            W2,
            cell="d_W2",
            whole=False,
        ),
        Variant("float32", OUT.replace("new_W1", "new_W1.astype(np.float32)"), OUT),
        Variant("prints", 'print("loss before", loss(v["y_predicted"], y_observed))\n    ' + S0, S0),
    ],
)

EXERCISES = [
    d_ypredicted, d_W2, d_h1, relu_derivative, d_r1, d_W1, d_h0, d_r0, d_W0, gradient_step,
]  # fmt: skip
