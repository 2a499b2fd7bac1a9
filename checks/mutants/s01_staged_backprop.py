"""Wrong and right solutions of 01-staged-backprop, to test its checks with."""

from autograder.mutants import Exercise, Mutant, Variant

SECTION = "01-staged-backprop"


ONE = "multiplies by dfdf, or by the slope of a sum: both are 1"


def whole(cell: str) -> str:
    """A solution cell of its own, typed as a student would: without the empty line at the top."""
    return cell.lstrip("\n")


PRODUCT_EDGES = Exercise(
    check=f"{SECTION}/product_edges_check",
    cell="product_edges",
    mutants=[
        Mutant("only the arrow that was there", "missing", "", 'product_edges = [("x", "g")]'),
        Mutant("arrow of y missing", "missing", ', ("y", "g")', ""),
        Mutant("arrow of z missing", "missing", ', ("z", "f")', ""),
        Mutant("g never used", "missing", ' ("g", "f"),', ""),
        Mutant("all arrows reversed", "swapped_arguments", "",
               'product_edges = [("g", "x"), ("g", "y"), ("f", "g"), ("f", "z")]'),
        Mutant("arrows into g reversed", "swapped_arguments", '[("x", "g"), ("y", "g")', '[("g", "x"), ("g", "y")'),
        Mutant("z into g as well", "wrong_argument", '("y", "g")', '("y", "g"), ("z", "g")'),
        Mutant("x + (y z)", "wrong_argument", "", 'product_edges = [("y", "g"), ("z", "g"), ("g", "f"), ("x", "f")]'),
        Mutant("no intermediate value", "missing", "", 'product_edges = [("x", "f"), ("y", "f"), ("z", "f")]'),
        Mutant("x into f as well", "wrong_argument", '("z", "f")', '("z", "f"), ("x", "f")'),
        Mutant("an arrow twice", "wrong_argument", '("y", "g")', '("y", "g"), ("y", "g")'),
        Mutant("another name for g", "missing|wrong_argument", '"g"', '"q"'),
        Mutant("names in one string", "type", "", 'product_edges = "x-g y-g g-f z-f"'),
        Mutant("numbers for arrows", "type", "", "product_edges = [1, 2, 3, 4]"),
        Mutant("empty", "type", "", "product_edges = []"),
        Mutant("None", "type", "", "product_edges = None"),
        Mutant("not defined", "missing_name", "", "pass"),
    ],
    variants=[
        Variant("another order", 'product_edges = [("z", "f"), ("g", "f"), ("y", "g"), ("x", "g")]'),
        Variant("lists for pairs", 'product_edges = [["x", "g"], ["y", "g"], ["g", "f"], ["z", "f"]]'),
        Variant("a tuple of pairs", 'product_edges = (("x", "g"), ("y", "g"), ("g", "f"), ("z", "f"))'),
        Variant("arrows added one by one",
                'product_edges = [("x", "g"), ("y", "g")]\nproduct_edges += [("g", "f")]\n'
                'product_edges.append(("z", "f"))\n'),
        Variant("a comprehension",
                'product_edges = [(start, end) for end, both in {"g": "xy", "f": "gz"}.items() for start in both]'),
        Variant("a loop over a dictionary",
                'arrows = {"g": ["x", "y"], "f": ["g", "z"]}\nproduct_edges = []\nfor end in arrows:\n'
                "    product_edges += [(start, end) for start in arrows[end]]\n"),
    ],
)  # fmt: skip

STAGED_PRODUCT = Exercise(
    check=f"{SECTION}/staged_product_check",
    cell="staged_product",
    mutants=[
        Mutant("x + y z: brackets forgotten", "wrong_argument", "    f = g * z", "    f = x + y * z"),
        Mutant("x y z", "wrong_argument", "g = x + y", "g = x * y"),
        Mutant("x + y z, differentiated rightly", "wrong_argument", "",
               whole("def staged_product(x, y, z):\n    return x + y * z, (1.0, z, y)\n")),
        Mutant("g + z", "wrong_argument", "f = g * z", "f = g + z"),
        Mutant("g without y", "missing_term", "g = x + y", "g = x"),
        Mutant("factors of the product exchanged", "swapped_arguments", "dfdz = dfdf * g\n    dfdg = dfdf * z",
               "dfdz = dfdf * z\n    dfdg = dfdf * g"),
        Mutant("upstream ignored at the sum", "upstream_ignored", "dfdg * 1.0", "1.0"),
        Mutant("upstream twice", "upstream_twice", "dfdg * 1.0", "dfdg * dfdg"),
        Mutant("sum treated as product of its inputs", "wrong_argument",
               "dfdx = dfdg * 1.0\n    dfdy = dfdg * 1.0", "dfdx = dfdg * y\n    dfdy = dfdg * x"),
        Mutant("sum multiplies by its own input", "wrong_argument",
               "dfdx = dfdg * 1.0\n    dfdy = dfdg * 1.0", "dfdx = dfdg * x\n    dfdy = dfdg * y"),
        Mutant("gradient shared out between x and y", "wrong_argument", "dfdg * 1.0", "dfdg * 0.5"),
        Mutant("dfdz is z", "wrong_argument", "dfdz = dfdf * g", "dfdz = dfdf * z"),
        Mutant("dfdz is f", "wrong_argument", "dfdz = dfdf * g", "dfdz = dfdf * f"),
        Mutant("dfdz uses x alone", "missing_term", "dfdz = dfdf * g", "dfdz = dfdf * x"),
        Mutant("dfdy never computed", "zero", "dfdy = dfdg * 1.0", "dfdy = 0.0"),
        Mutant("dfdy None", "none", "dfdy = dfdg * 1.0", "dfdy = None"),
        Mutant("dfdy not returned", "missing", "(dfdx, dfdy, dfdz)", "(dfdx, dfdz)"),
        Mutant("order z, x, y", "swapped_arguments", "(dfdx, dfdy, dfdz)", "(dfdz, dfdx, dfdy)"),
        Mutant("sign of dfdy", "sign", "dfdy = dfdg * 1.0", "dfdy = -dfdg"),
        Mutant("factor 2 in dfdx", "factor", "dfdx = dfdg * 1.0", "dfdx = dfdg * 2.0"),
        Mutant("value only", "missing", "return f, (dfdx, dfdy, dfdz)", "return f"),
        Mutant("four values in a row", "type", "return f, (dfdx, dfdy, dfdz)", "return f, dfdx, dfdy, dfdz"),
        Mutant("nothing returned", "none", "    return f, (dfdx, dfdy, dfdz)", "    pass"),
        Mutant("the numbers of the docstring", "constant_loss", "",
               "def staged_product(x, y, z):\n    return 12.0, (4.0, 4.0, 3.0)\n"),
        Mutant("gradients as text", "type", "(dfdx, dfdy, dfdz)", '"dfdx, dfdy, dfdz"'),
        Mutant("not a number", "nan", "dfdx = dfdg * 1.0", 'dfdx = float("nan")'),
        Mutant("misspelt name", "raises", "dfdg = dfdf * z", "dfdg = dfdf * Z"),
        Mutant("forward differences", "numeric", "", whole("""
def staged_product(x, y, z):
    f = lambda x, y, z: (x + y) * z
    h = 1e-7
    now = f(x, y, z)
    return now, ((f(x + h, y, z) - now) / h, (f(x, y + h, z) - now) / h, (f(x, y, z + h) - now) / h)
""")),
        Mutant("the first answer kept for ever", "constant_loss", "", whole("""
seen = []
def staged_product(x, y, z):
    seen.append(((x + y) * z, (z, z, x + y)))
    return seen[0]
""")),
        Mutant("lengths in place of slopes", "sign", "(dfdx, dfdy, dfdz)", "(abs(dfdx), abs(dfdy), abs(dfdz))"),
        Mutant("gradients for positive values only", "none", "    return f, (dfdx",
               "    if f > 0:\n        return f, (dfdx"),
        Mutant("gradients pile up", "", "", whole("""
total = [0.0, 0.0, 0.0]
def staged_product(x, y, z):
    for i, slope in enumerate((z, z, x + y)):
        total[i] += slope
    return (x + y) * z, tuple(total)
""")),
    ],
    variants=[
        Variant("one line", "def staged_product(x, y, z):\n    return (x + y) * z, (z, z, x + y)\n"),
        Variant("lists", "[f, [dfdx, dfdy, dfdz]]", old="f, (dfdx, dfdy, dfdz)"),
        Variant("other argument names", "def staged_product(p, q, r):\n    s = p + q\n    return s * r, (r, r, s)\n"),
        Variant("numpy numbers", whole("""
import numpy as np
def staged_product(x, y, z):
    x, y, z = np.float64(x), np.array(y), np.asarray(z)
    g = x + y
    return g * z, (z, z, g)
""")),
        Variant("gradients in an array", whole("""
import numpy as np
def staged_product(x, y, z):
    return (x + y) * z, np.array([z, z, x + y])
""")),
        Variant("helper functions and prints", whole("""
import sys
def product(a, b):
    return a * b, b, a
def staged_product(x, y, z):
    print("forward", x, y, z)
    print("careful", file=sys.stderr)
    f, dfdg, dfdz = product(x + y, z)
    return f, (dfdg, dfdg, dfdz)
""")),
        Variant("shape (1,)", whole("""
import numpy as np
def staged_product(x, y, z):
    g = np.array([x + y])
    return g * z, (np.array([z]), np.array([z]), g)
""")),
    ],
    equivalent={f"factor left out {number}": ONE for number in (4, 6, 7, 9)},
)  # fmt: skip

BY_HAND = Exercise(
    check=f"{SECTION}/by_hand_check",
    cell="by_hand",
    mutants=[
        Mutant("only what was there", "none", "",
               'hand_values = {"x": -2.0, "y": 5.0, "z": -4.0}\nhand_gradients = {"f": 1.0}\n'),
        Mutant("sign of x lost", "wrong_argument", '"g": 3.0, "f": -12.0', '"g": 7.0, "f": -28.0'),
        Mutant("sign of f", "sign", '"f": -12.0}', '"f": 12.0}'),
        Mutant("f missing", "none", ', "f": -12.0}', "}"),
        Mutant("factors exchanged", "swapped_arguments", '"g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0',
               '"g": 3.0, "z": -4.0, "x": 3.0, "y": 3.0'),
        Mutant("upstream ignored at the sum", "upstream_ignored", '"x": -4.0, "y": -4.0', '"x": 1.0, "y": 1.0'),
        Mutant("sum multiplies by its inputs", "wrong_argument", '"x": -4.0, "y": -4.0', '"x": 8.0, "y": -20.0'),
        Mutant("signs of x and y", "sign", '"x": -4.0, "y": -4.0', '"x": 4.0, "y": 4.0'),
        Mutant("gradient of z is z", "wrong_argument", '"z": 3.0', '"z": -4.0'),
        Mutant("gradient of y forgotten", "none", ', "y": -4.0}', "}"),
        Mutant("gradient of y zero", "zero", '"y": -4.0}', '"y": 0.0}'),
        Mutant("g and z exchanged", "swapped_arguments", '"g": -4.0, "z": 3.0', '"g": 3.0, "z": -4.0'),
        Mutant("a list", "type", 'hand_gradients = {"f": 1.0, "g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0}',
               "hand_gradients = [1.0, -4.0, 3.0, -4.0, -4.0]"),
        Mutant("text for numbers", "type", '"g": 3.0', '"g": "3"'),
        Mutant("a given value changed", "", '"x": -2.0, "y": 5.0, "z": -4.0, "g"',
               '"x": 2.0, "y": 5.0, "z": -4.0, "g"'),
        Mutant("f's own gradient", "", '"f": 1.0, "g"', '"f": -12.0, "g"'),
        Mutant("deleted", "missing_name", "", "pass"),
    ],
    variants=[
        Variant("whole numbers", whole("""
hand_values = {"x": -2, "y": 5, "z": -4, "g": 3, "f": -12}
hand_gradients = {"f": 1, "g": -4, "z": 3, "x": -4, "y": -4}
""")),
        Variant("computed", whole("""
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0}
hand_values["g"] = hand_values["x"] + hand_values["y"]
hand_values["f"] = hand_values["g"] * hand_values["z"]
hand_gradients = dict(f=1.0, g=hand_values["z"], z=hand_values["g"], x=-4.0, y=-4.0)
""")),
        Variant("from the student's own function", whole("""
f, (dfdx, dfdy, dfdz) = staged_product(-2.0, 5.0, -4.0)
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0, "g": 3.0, "f": f}
hand_gradients = {"f": 1.0, "g": -4.0, "x": dfdx, "y": dfdy, "z": dfdz}
""")),
        Variant("numpy numbers", whole("""
import numpy as np
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0, "g": np.float64(3), "f": np.array(-12)}
hand_gradients = {"f": 1.0, "g": np.float32(-4), "z": np.array([3.0]), "x": -4.0, "y": -4.0}
""")),
        Variant("without the given ones", whole("""
hand_values = {"g": 3.0, "f": -12.0}
hand_gradients = {"g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0}
""")),
        Variant("more names than needed", whole("""
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0, "g": 3.0, "f": -12.0, "note": "done"}
hand_gradients = {"f": 1.0, "g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0}
""")),
    ],
)  # fmt: skip

SHARED_INPUT = Exercise(
    check=f"{SECTION}/shared_input_check",
    cell="shared_input",
    mutants=[
        Mutant("copy b1 forgotten", "missing_term", "dfdb = dfdb1 + dfdb2", "dfdb = dfdb2"),
        Mutant("copy b2 forgotten", "missing_term", "dfdb = dfdb1 + dfdb2", "dfdb = dfdb1"),
        Mutant("= for +=: the second replaces the first", "missing_term", "dfdb = dfdb1 + dfdb2",
               "dfdb = dfdb1\n    dfdb = dfdb2"),
        Mutant("arrivals multiplied", "wrong_argument", "dfdb1 + dfdb2", "dfdb1 * dfdb2"),
        Mutant("arrivals averaged", "factor", "dfdb1 + dfdb2", "(dfdb1 + dfdb2) / 2"),
        Mutant("arrivals subtracted", "wrong_argument", "dfdb1 + dfdb2", "dfdb1 - dfdb2"),
        Mutant("sign of the difference", "wrong_argument", "dfdb1 = -dfdd", "dfdb1 = dfdd"),
        Mutant("sign of the difference on both", "wrong_argument|sign", "dfda = dfdd", "dfda = -dfdd"),
        Mutant("factors exchanged", "wrong_argument", "dfdd = b2\n    dfdb2 = d", "dfdd = d\n    dfdb2 = b2"),
        Mutant("upstream ignored at the difference", "upstream_ignored", "dfda = dfdd\n    dfdb1 = -dfdd",
               "dfda = 1.0\n    dfdb1 = -1.0"),
        Mutant("each copy added twice", "factor", "dfdb1 + dfdb2", "dfdb1 + dfdb2 + dfdb1 + dfdb2"),
        Mutant("gradients exchanged", "swapped_arguments", "(dfda, dfdb)", "(dfdb, dfda)"),
        Mutant("gradient of b zero", "zero", "dfdb = dfdb1 + dfdb2", "dfdb = 0.0"),
        Mutant("three gradients: one for each copy", "missing", "(dfda, dfdb)", "(dfda, dfdb1, dfdb2)"),
        Mutant("a + b", "wrong_argument", "d = a - b1", "d = a + b1"),
        Mutant("b - a", "wrong_argument", "d = a - b1", "d = b1 - a"),
        Mutant("last product forgotten", "missing_chain_factor", "f = d * b2", "f = d"),
        Mutant("a - b b: brackets forgotten", "wrong_argument", "f = d * b2", "f = a - b * b"),
        Mutant("signs of both", "sign", "return f, (dfda, dfdb)", "return f, (-dfda, -dfdb)"),
        Mutant("no gradients", "missing", "return f, (dfda, dfdb)", "return f"),
        Mutant("nothing for values below zero", "none", "    return f, (dfda, dfdb)",
               "    if f > 0:\n        return f, (dfda, dfdb)"),
        Mutant("forward differences", "numeric", "", whole("""
def shared_input(a, b):
    f = lambda a, b: (a - b) * b
    h = 1e-7
    return f(a, b), ((f(a + h, b) - f(a, b)) / h, (f(a, b + h) - f(a, b)) / h)
""")),
    ],
    variants=[
        Variant("closed form", "def shared_input(a, b):\n    return (a - b) * b, (b, a - 2 * b)\n"),
        Variant("multiplied out", "def shared_input(a, b):\n    return a * b - b**2, [b, a - 2 * b]\n"),
        Variant("+= into a dictionary", whole("""
def shared_input(a, b):
    grad = {"a": 0.0, "b": 0.0}
    d = a - b
    grad["b"] += d
    grad["a"] += b
    grad["b"] += -b
    return d * b, tuple(grad.values())
""")),
        Variant("numpy arrays", whole("""
import numpy as np
def shared_input(a, b):
    a, b = np.array(a), np.array(b)
    return (a - b) * b, (b, a - 2 * b)
""")),
        Variant("other names, and a warning", whole("""
import warnings
def shared_input(p, q):
    warnings.warn("careful")
    return [(p - q) * q, [q, p - q - q]]
""")),
    ],
)  # fmt: skip

F1 = Exercise(
    check=f"{SECTION}/f1_check",
    cell="f1",
    mutants=[
        Mutant("2 of the square forgotten", "missing_chain_factor", "grad_d = 2 * d", "grad_d = d"),
        Mutant("no square", "wrong_loss", "L = d**2", "L = d"),
        Mutant("absolute value", "wrong_loss", "L = d**2", "L = abs(d)"),
        Mutant("half the square, in both passes", "factor", "L = d**2\n    grad_d = 2 * d",
               "L = d**2 / 2\n    grad_d = d"),
        Mutant("bias forgotten", "missing_term", "y_hat = a1 + a2 + b", "y_hat = a1 + a2"),
        Mutant("a2 forgotten", "missing_term", "y_hat = a1 + a2 + b", "y_hat = a1 + b"),
        Mutant("ŷ + y", "wrong_argument", "d = y_hat - y", "d = y_hat + y"),
        Mutant("a2 uses w1", "wrong_argument", "a2 = x2 * w2", "a2 = x2 * w1"),
        Mutant("sums in place of products", "wrong_argument", "a1 = x1 * w1\n    a2 = x2 * w2",
               "a1 = x1 + w1\n    a2 = x2 + w2"),
        Mutant("gradient of y without its minus", "sign", "grad_y = -grad_d", "grad_y = grad_d"),
        Mutant("all signs but y's", "wrong_argument|sign", "grad_y_hat = grad_d", "grad_y_hat = -grad_d"),
        Mutant("all signs", "sign", "grad_d = 2 * d", "grad_d = -2 * d"),
        Mutant("x and w exchanged", "swapped_arguments", "(grad_x1, grad_w1, grad_x2, grad_w2,",
               "(grad_w1, grad_x1, grad_w2, grad_x2,"),
        Mutant("order x1, x2, w1, w2", "swapped_arguments", "(grad_x1, grad_w1, grad_x2, grad_w2,",
               "(grad_x1, grad_x2, grad_w1, grad_w2,"),
        Mutant("gradient of x2 uses w1", "wrong_argument", "grad_a2 * w2, grad_a2 * x2", "grad_a2 * w1, grad_a2 * x2"),
        Mutant("gradient of b times b", "wrong_argument", "grad_b, grad_y)", "grad_b * b, grad_y)"),
        Mutant("gradient of b is 1", "upstream_ignored", "grad_b, grad_y)", "1.0, grad_y)"),
        Mutant("gradient of b zero", "zero", "grad_b, grad_y)", "0.0, grad_y)"),
        Mutant("upstream ignored everywhere", "upstream_ignored", "grad_d = 2 * d", "grad_d = 1.0"),
        Mutant("slope of the square is 2L", "wrong_argument", "grad_d = 2 * d", "grad_d = 2 * L"),
        Mutant("gradient of y not returned", "missing", "grad_b, grad_y)", "grad_b)"),
        Mutant("loss without gradients", "missing", "return L, (grad_x1, grad_w1, grad_x2, grad_w2, grad_b, grad_y)",
               "return L"),
        Mutant("seven values in a row", "type", "(grad_x1, grad_w1, grad_x2, grad_w2, grad_b, grad_y)",
               "grad_x1, grad_w1, grad_x2, grad_w2, grad_b, grad_y"),
        Mutant("misspelt name", "raises", "grad_a1 * w1", "grada1 * w1"),
        Mutant("zeros", "zero", "", "def f1(x1, w1, x2, w2, b, y):\n    return 0.0, (0.0,) * 6\n"),
        Mutant("slope of the distance's square by its length", "sign", "grad_d = 2 * d", "grad_d = 2 * abs(d)"),
    ],
    variants=[
        Variant("closed form", whole("""
def f1(x1, w1, x2, w2, b, y):
    d = x1 * w1 + x2 * w2 + b - y
    return d * d, (2 * d * w1, 2 * d * x1, 2 * d * w2, 2 * d * x2, 2 * d, -2 * d)
""")),
        Variant("y - ŷ, consistently", whole("""
def f1(x1, w1, x2, w2, b, y):
    d = y - (x1 * w1 + x2 * w2 + b)
    g = -2 * d
    return d**2, [g * w1, g * x1, g * w2, g * x2, g, -g]
""")),
        Variant("numpy dot products", whole("""
import numpy as np
def f1(x1, w1, x2, w2, b, y):
    x, w = np.array([x1, x2]), np.array([w1, w2])
    r = 2 * (x @ w + b - y)
    gx, gw = r * w, r * x
    return (r / 2) ** 2, (gx[0], gw[0], gx[1], gw[1], r, -r)
""")),
        Variant("other argument names", whole("""
def f1(a, p, c, q, bias, target):
    error = a * p + c * q + bias - target
    print(error)
    return error**2, tuple(2 * error * factor for factor in (p, a, q, c, 1, -1))
""")),
        Variant("0-d arrays", whole("""
import numpy as np
def f1(x1, w1, x2, w2, b, y):
    x1, w1, x2, w2, b, y = map(np.array, (x1, w1, x2, w2, b, y))
    r = 2 * (x1 * w1 + x2 * w2 + b - y)
    return np.square(r / 2), (r * w1, r * x1, r * w2, r * x2, r, -r)
""")),
    ],
)  # fmt: skip

F2 = Exercise(
    check=f"{SECTION}/f2_check",
    cell="f2",
    mutants=[
        Mutant("path through b forgotten", "missing_term", "grad_e = grad_t + grad_b", "grad_e = grad_t"),
        Mutant("path through t forgotten", "missing_term", "grad_e = grad_t + grad_b", "grad_e = grad_b"),
        Mutant("= for +=: the second replaces the first", "missing_term", "grad_e = grad_t + grad_b",
               "grad_e = grad_t\n    grad_e = grad_b"),
        Mutant("sign of the quotient", "wrong_argument", "grad_b = -t / b**2", "grad_b = t / b**2"),
        Mutant("arrivals multiplied", "", "grad_t + grad_b", "grad_t * grad_b"),
        Mutant("2 of 2x forgotten", "missing_chain_factor", "grad_x = grad_d * 2", "grad_x = grad_d"),
        Mutant("e of the exponential forgotten", "missing_chain_factor", "grad_d = grad_e * e", "grad_d = grad_e"),
        Mutant("power rule for the exponential", "wrong_argument", "grad_d = grad_e * e", "grad_d = grad_e * d"),
        Mutant("b in place of b²", "missing_chain_factor", "-t / b**2", "-t / b"),
        Mutant("t left out of the quotient", "missing_chain_factor", "-t / b**2", "-1 / b**2"),
        Mutant("exp(x)", "wrong_argument", "d = 2 * x", "d = x"),
        Mutant("exp(x), consistently", "wrong_argument", "d = 2 * x\n", "d = x\n"),
        Mutant("t and b exchanged", "swapped_arguments", "t = e - 1\n    b = e + 1", "t = e + 1\n    b = e - 1"),
        Mutant("slope 1 - y", "wrong_argument", "grad_x = grad_d * 2", "grad_x = 1 - y"),
        Mutant("slope 1 + y²", "wrong_argument", "grad_x = grad_d * 2", "grad_x = 1 + y * y"),
        Mutant("slope of the sigmoid", "wrong_argument", "grad_x = grad_d * 2", "grad_x = y * (1 - y)"),
        Mutant("sign", "sign", "grad_x = grad_d * 2", "grad_x = -grad_d * 2"),
        Mutant("factor 4", "factor", "grad_x = grad_d * 2", "grad_x = grad_d * 8"),
        Mutant("no comma: not a tuple", "type", "(grad_x,)", "(grad_x)"),
        Mutant("log in place of exp", "wrong_argument", "e = math.exp(d)", "e = math.log(d)"),
        Mutant("value only", "missing", "return y, (grad_x,)", "return y"),
        Mutant("zeros", "zero", "", "def f2(x):\n    return 0.0, (0.0,)\n"),
        Mutant("d stops at 6", "range", "d = 2 * x", "d = min(2 * x, 6.0)"),
        Mutant("d stops at -12", "range", "d = 2 * x", "d = max(2 * x, -12.0)"),
        Mutant("forward difference", "numeric", "", whole("""
def f2(x):
    y = lambda x: math.tanh(x)
    return y(x), ((y(x + 1e-7) - y(x)) / 1e-7,)
""")),
    ],
    variants=[
        Variant("tanh", "def f2(x):\n    y = math.tanh(x)\n    return y, (1 - y * y,)\n"),
        Variant("numpy", whole("""
import numpy as np
def f2(x):
    e = np.exp(2 * x)
    return (e - 1) / (e + 1), [4 * e / (e + 1) ** 2]
""")),
        Variant("stable for large x", whole("""
def f2(x):
    small = math.exp(-2 * abs(x))
    y = math.copysign((1 - small) / (1 + small), x)
    return y, (1 - y**2,)
""")),
        Variant("accumulation", whole("""
def f2(x):
    e = math.exp(2 * x)
    t, b = e - 1, e + 1
    grad_e = 0.0
    grad_e += 1 / b
    grad_e -= t / (b * b)
    return t / b, (grad_e * e * 2,)
""")),
        Variant("an array of one gradient", whole("""
import numpy as np
def f2(x):
    y = np.tanh(np.array([x]))
    return y, (1 - y**2,)
""")),
    ],
)  # fmt: skip

F3 = Exercise(
    check=f"{SECTION}/f3_check",
    cell="f3",
    mutants=[
        Mutant("paths through the numerators forgotten", "missing_term", "grad_p1 / d + grad_d", "grad_d", cell="f3"),
        Mutant("both paths through the numerators forgotten", "missing_term",
               "grad_e1 = grad_p1 / d + grad_d\n    grad_e2 = grad_p2 / d + grad_d", "grad_e1 = grad_e2 = grad_d"),
        Mutant("paths through the sum forgotten", "missing_term",
               "grad_e1 = grad_p1 / d + grad_d\n    grad_e2 = grad_p2 / d + grad_d",
               "grad_e1 = grad_p1 / d\n    grad_e2 = grad_p2 / d"),
        Mutant("scores stop at 20", "range", "e1, e2 = math",
               "s1, s2 = min(s1, 20.0), min(s2, 20.0)\n    e1, e2 = math"),
        Mutant("scores stop at 50", "range", "e1, e2 = math",
               "s1, s2 = min(s1, 50.0), min(s2, 50.0)\n    e1, e2 = math"),
        Mutant("scores stop at -20", "range", "e1, e2 = math",
               "s1, s2 = max(s1, -20.0), max(s2, -20.0)\n    e1, e2 = math"),
        Mutant("sum forgotten for the chosen one", "missing_term",
               "grad_e1 = grad_p1 / d + grad_d\n    grad_e2 = grad_p2 / d + grad_d",
               "grad_e1 = grad_p1 / d or grad_d\n    grad_e2 = grad_p2 / d or grad_d"),
        Mutant("classes exchanged", "wrong_argument", "y == 1", "y == 2"),
        Mutant("classes counted from 0", "wrong_argument", "y == 1", "y == 0"),
        Mutant("index counted from 0", "wrong_argument", "p_plus = p1 if y == 1 else p2", "p_plus = (p1, p2)[y]"),
        Mutant("y ignored", "wrong_argument", "", whole("""
def f3(s1, s2, y):
    p1 = math.exp(s1) / (math.exp(s1) + math.exp(s2))
    return -math.log(p1), (p1 - 1, 1 - p1)
""")),
        Mutant("minus of the logarithm forgotten", "sign", "L = -math.log", "L = math.log"),
        Mutant("minus forgotten, consistently", "sign", "", whole("""
def f3(s1, s2, y):
    e1, e2 = math.exp(s1), math.exp(s2)
    p1, p2 = e1 / (e1 + e2), e2 / (e1 + e2)
    if y == 1:
        return math.log(p1), (1 - p1, -p2)
    return math.log(p2), (-p1, 1 - p2)
""")),
        Mutant("no logarithm", "wrong_loss", "L = -math.log(p_plus)", "L = p_plus"),
        Mutant("one minus the probability", "wrong_loss", "L = -math.log(p_plus)", "L = 1 - p_plus"),
        Mutant("logarithm to base 2", "wrong_loss", "math.log(p_plus)", "math.log2(p_plus)"),
        Mutant("logarithm to base 10", "wrong_loss", "math.log(p_plus)", "math.log10(p_plus)"),
        Mutant("epsilon inside the logarithm", "epsilon_in_log", "math.log(p_plus)", "math.log(p_plus + 1e-8)"),
        Mutant("both classes in the loss", "wrong_loss", "L = -math.log(p_plus)", "L = -math.log(p1) - math.log(p2)"),
        Mutant("binary cross-entropy with y as a number", "wrong_loss", "L = -math.log(p_plus)",
               "L = -y * math.log(p1) - (1 - y) * math.log(p2)"),
        Mutant("no exponential", "", "e1, e2 = math.exp(s1), math.exp(s2)", "e1, e2 = s1, s2"),
        Mutant("logarithm in place of the exponential", "", "e1, e2 = math.exp(s1), math.exp(s2)",
               "e1, e2 = math.log(abs(s1)), math.log(abs(s2))"),
        Mutant("not divided by the sum", "wrong_argument", "p1, p2 = e1 / d, e2 / d", "p1, p2 = e1, e2"),
        Mutant("1/p of the logarithm forgotten", "missing_chain_factor", "= -1 / p_plus", "= -1.0"),
        Mutant("p in place of 1/p", "wrong_argument", "grad_p_plus = -1 / p_plus", "grad_p_plus = -p_plus"),
        Mutant("minus of the logarithm's slope", "sign", "grad_p_plus = -1 / p_plus", "grad_p_plus = 1 / p_plus"),
        Mutant("sign of the quotient", "wrong_argument", "grad_d = -grad_p1 * e1 / d**2 - grad_p2 * e2 / d**2",
               "grad_d = grad_p1 * e1 / d**2 + grad_p2 * e2 / d**2"),
        Mutant("d in place of d²", "missing_chain_factor", "d**2", "d"),
        Mutant("e of the exponentials forgotten", "missing_chain_factor", "(grad_e1 * e1, grad_e2 * e2)",
               "(grad_e1, grad_e2)"),
        Mutant("s in place of e", "wrong_argument", "(grad_e1 * e1, grad_e2 * e2)", "(grad_e1 * s1, grad_e2 * s2)"),
        Mutant("gradients exchanged", "sign", "(grad_e1 * e1, grad_e2 * e2)", "(grad_e2 * e2, grad_e1 * e1)"),
        Mutant("half", "factor", "(grad_e1 * e1, grad_e2 * e2)", "(grad_e1 * e1 / 2, grad_e2 * e2 / 2)"),
        Mutant("twice", "factor", "grad_p_plus = -1 / p_plus", "grad_p_plus = -2 / p_plus"),
        Mutant("gradient of s2 zero when y is 1", "missing_term|zero", "(grad_e1 * e1, grad_e2 * e2)",
               "(grad_e1 * e1, 0.0 if y == 1 else grad_e2 * e2)"),
        Mutant("second gradient never computed", "zero", "(grad_e1 * e1, grad_e2 * e2)", "(0.0, 0.0)"),
        Mutant("gradient for y too", "missing", "(grad_e1 * e1, grad_e2 * e2)", "(grad_e1 * e1, grad_e2 * e2, 0.0)"),
        Mutant("loss without gradients", "missing", "return L, (grad_e1 * e1, grad_e2 * e2)", "return L"),
        Mutant("loss and None", "none", "return L, (grad_e1 * e1, grad_e2 * e2)", "return L, None"),
        Mutant("nothing returned", "none", "return L, (grad_e1 * e1, grad_e2 * e2)", "pass"),
        Mutant("constant, right at equal scores", "constant_loss", "",
               "def f3(s1, s2, y):\n    return math.log(2.0), (-0.5, 0.5) if y == 1 else (0.5, -0.5)\n"),
        Mutant("not written", "unfinished", "", "def f3(s1, s2, y):\n    raise NotImplementedError()\n"),
        *(
            Mutant(f"a probability of at least {least}", "range", "", whole(f"""
def f3(s1, s2, y):
    e1, e2 = math.exp(s1), math.exp(s2)
    p1, p2 = e1 / (e1 + e2), e2 / (e1 + e2)
    return -math.log(max((p1, p2)[y - 1], {least})), (p1 - (y == 1), p2 - (y == 2))
"""))
            for least in (0.01, 0.001, 1e-5)
        ),
        Mutant("a loss of at most 10", "range", "", whole("""
def f3(s1, s2, y):
    e1, e2 = math.exp(s1), math.exp(s2)
    p1, p2 = e1 / (e1 + e2), e2 / (e1 + e2)
    return min(-math.log((p1, p2)[y - 1]), 10.0), (p1 - (y == 1), p2 - (y == 2))
""")),
        Mutant("central differences", "numeric", "", whole("""
def f3(s1, s2, y):
    def L(s1, s2):
        return -math.log(math.exp(s1 if y == 1 else s2) / (math.exp(s1) + math.exp(s2)))
    h = 1e-5
    return L(s1, s2), ((L(s1 + h, s2) - L(s1 - h, s2)) / (2 * h), (L(s1, s2 + h) - L(s1, s2 - h)) / (2 * h))
""")),
    ],
    variants=[
        Variant("p minus one-hot", whole("""
import numpy as np
def f3(s1, s2, y):
    e = np.exp([s1, s2])
    p = e / e.sum()
    grad = p.copy()
    grad[y - 1] -= 1
    return -np.log(p[y - 1]), grad
""")),
        Variant("log-sum-exp, stable", whole("""
def f3(s1, s2, y):
    top = max(s1, s2)
    total = math.log(math.exp(s1 - top) + math.exp(s2 - top)) + top
    p1, p2 = math.exp(s1 - total), math.exp(s2 - total)
    return total - (s1, s2)[y - 1], [p1 - (y == 1), p2 - (y == 2)]
""")),
        Variant("logistic function", whole("""
def f3(s1, s2, y):
    m = s1 - s2 if y == 1 else s2 - s1
    q = 1 / (1 + math.exp(m))
    return math.log1p(math.exp(-m)), ((-q, q) if y == 1 else (q, -q))
""")),
        Variant("two branches, step by step", whole("""
def f3(s1, s2, y):
    e1 = math.exp(s1)
    e2 = math.exp(s2)
    d = e1 + e2
    if y == 1:
        p = e1 / d
        dp = -1 / p
        de1 = dp / d
        dd = -dp * e1 / d ** 2
        de1 += dd
        de2 = dd
    elif y == 2:
        p = e2 / d
        dp = -1 / p
        de2 = dp / d
        dd = -dp * e2 / d ** 2
        de2 += dd
        de1 = dd
    else:
        raise ValueError(y)
    print(p)
    return (-math.log(p), (de1 * e1, de2 * e2))
""")),
        Variant("other names, numpy scalars", whole("""
import numpy as np
def f3(a, b, label):
    ea, eb = np.exp(a), np.exp(b)
    pa, pb = ea / (ea + eb), eb / (ea + eb)
    picked = {1: pa, 2: pb}[label]
    return np.array([-np.log(picked)]), (np.array([pa - (label == 1)]), np.array([pb - (label == 2)]))
""")),
    ],
)  # fmt: skip

F4 = Exercise(
    check=f"{SECTION}/f4_check",
    cell="f4",
    mutants=[
        Mutant("zero for everything", "constant_loss", "", "def f4(x, m, s):\n    return 0, (0, 0, 0)\n"),
        Mutant("zero and one zero", "constant_loss", "", "def f4(*inputs):\n    return 0, (0,)\n"),
        Mutant("a constant", "constant_loss", "", "def f4(x, m, s):\n    return 3.5, (0.0, 0.0, 0.0)\n"),
        Mutant("linear", "missing", "", "def f4(x, m, s):\n    return x + 2 * m - s, (1.0, 2.0, -1.0)\n"),
        Mutant("an input without effect", "missing_term", "",
               "def f4(x, m, s):\n    return x * x * m, (2 * x * m, x * x, 0.0)\n"),
        Mutant("inputs that play the same part", "swapped_arguments", "",
               "def f4(x, m, s):\n    return (x + m) * s**2, (s**2, s**2, 2 * s * (x + m))\n"),
        Mutant("a path to s forgotten", "", "grad_s1 + grad_s2", "grad_s1"),
        Mutant("the other path to s forgotten", "", "grad_s1 + grad_s2", "grad_s2"),
        Mutant("sign of m", "sign", "-grad_d,", "grad_d,"),
        Mutant("gradients exchanged", "swapped_arguments", "(grad_d, -grad_d, grad_s1 + grad_s2)",
               "(grad_d, grad_s1 + grad_s2, -grad_d)"),
        Mutant("2 of the square forgotten", "factor", "grad_q * 2 * u", "grad_q * u"),
        Mutant("all twice", "factor", "(grad_d, -grad_d, grad_s1 + grad_s2)",
               "(2 * grad_d, -2 * grad_d, 2 * (grad_s1 + grad_s2))"),
        Mutant("a gradient zero", "zero", "(grad_d, -grad_d,", "(grad_d, 0.0,"),
        Mutant("a gradient missing", "missing", "(grad_d, -grad_d, grad_s1 + grad_s2)", "(grad_d, -grad_d)"),
        Mutant("no gradients", "missing", "return L, (grad_d, -grad_d, grad_s1 + grad_s2)", "return L"),
        Mutant("kinks everywhere", "kink", "L = e / s", "L = e / s + abs(math.sin(1e6 * x))"),
        Mutant("another value each time", "kink", "L = e / s", "import random\n    L = e / s + random.random()"),
        Mutant("four operators drawn", "missing", "", 'f4_at = {"x": 1.3, "m": 0.4, "s": 0.8}\n'
               'f4_edges = [("x", "d"), ("m", "d"), ("d", "u"), ("s", "u"), ("u", "q"), ("q", "L"), ("s", "L")]',
               cell="f4_graph"),
        Mutant("drawing as given", "missing", "",
               'f4_at = {"x": 1.3, "m": 0.4, "s": 0.8}\nf4_edges = [("x", "a"), ("m", "a")]', cell="f4_graph"),
        Mutant("an input not drawn", "missing", '("m", "d"), ', "", cell="f4_graph"),
        Mutant("two results", "missing", '("s", "L")]', '("s", "L"), ("q", "R")]', cell="f4_graph"),
        Mutant("a circle", "swapped_arguments", '("s", "L")]', '("s", "L"), ("h", "u")]', cell="f4_graph"),
        Mutant("arrows reversed", "swapped_arguments", '("x", "d")', '("d", "x")', cell="f4_graph"),
        Mutant("no drawing", "missing_name", "", 'f4_at = {"x": 1.3, "m": 0.4, "s": 0.8}', cell="f4_graph"),
        Mutant("not written", "unfinished", "", "def f4(*inputs):\n    raise NotImplementedError()\n"),
        Mutant("forward differences", "numeric", "", whole("""
def f4(x, m, s):
    def L(x, m, s):
        return math.exp(-0.5 * ((x - m) / s) ** 2) / s
    h, now = 5e-7, L(x, m, s)
    return now, ((L(x + h, m, s) - now) / h, (L(x, m + h, s) - now) / h, (L(x, m, s + h) - now) / h)
""")),
    ],
    variants=[
        Variant("a list, other names", whole("""
def f4(value, mean, spread):
    u = (value - mean) / spread
    L = math.exp(-u * u / 2) / spread
    return L, [-L * u / spread, L * u / spread, L * (u * u - 1) / spread]
""")),
        Variant("two inputs, another function", whole("""
f4_at = {"a": 0.7, "b": -1.2}
f4_edges = [("a", "p"), ("b", "p"), ("p", "s"), ("s", "t"), ("a", "q"), ("q", "r"), ("t", "r")]
def f4(a, b):
    s = math.sin(a * b)
    t = s * s
    r = a**2 + t
    grad_p = 2 * s * math.cos(a * b)
    return r, (2 * a + grad_p * b, grad_p * a)
""")),
        Variant("one input, numpy", whole("""
import numpy as np
f4_at = {"x": 0.8}
f4_edges = [["x", "a"], ["a", "b"], ["b", "c"], ["c", "d"], ["d", "e"]]
def f4(x):
    c = np.log(1 + np.exp(-x))
    e = np.sqrt(c * c)
    return e, (-np.exp(-x) / (1 + np.exp(-x)),)
""")),
        Variant("five inputs, whole numbers in f4_at, constants drawn", whole("""
f4_at = {"a": 2, "b": 3, "c": 1, "d": 5, "e": -1}
f4_edges = [("a", "p"), ("b", "p"), ("p", "q"), ("c", "q"), ("q", "r"), ("d", "r"), ("r", "s"), ("e", "s"), ("3", "t"),
            ("s", "t")]
def f4(a, b, c, d, e):
    q = a * b + c
    t = 3 * (q / d + e**2)
    return t, (3 * b / d, 3 * a / d, 3 / d, -3 * q / d**2, 6 * e)
""")),
        Variant("steep, with a large value", whole("""
f4_at = {"x": 2.0, "y": 1.5}
f4_edges = [("x", "p"), ("y", "p"), ("p", "q"), ("q", "e"), ("e", "L"), ("y", "L"), ("x", "r"), ("r", "L")]
def f4(x, y):
    e = math.exp(3 * x * y)
    print("forward")
    return e / y + x**3, (3 * y * e / y + 3 * x**2, 3 * x * e / y - e / y**2)
""")),
        Variant("close to the edge of its domain", whole("""
f4_at = {"x": 0.02, "y": 1.5}
f4_edges = [("x", "a"), ("a", "b"), ("y", "c"), ("b", "d"), ("c", "d"), ("d", "e")]
def f4(x, y):
    a, c = math.log(x), math.sqrt(y)
    return (a * a + c) ** 2, (4 * (a * a + c) * a / x, (a * a + c) / c)
""")),
        Variant("the operators of the drawing in another order", whole("""
f4_at = {"x": 1.3, "m": 0.4, "s": 0.8}
f4_edges = (("s", "L"), ("e", "L"), ("h", "e"), ("q", "h"), ("u", "q"), ("s", "u"), ("d", "u"), ("m", "d"), ("x", "d"))
""") + """
def f4(x, m, s):
    L = math.exp(-0.5 * ((x - m) / s) ** 2) / s
    return L, (-L * (x - m) / s**2, L * (x - m) / s**2, L * ((x - m) ** 2 / s**3 - 1 / s))
"""),
    ],
)  # fmt: skip

EXERCISES = [PRODUCT_EDGES, STAGED_PRODUCT, BY_HAND, SHARED_INPUT, F1, F2, F3, F4]
