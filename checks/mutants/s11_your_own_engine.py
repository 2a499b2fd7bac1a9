"""Wrong and right solutions of section 11."""

from autograder.mutants import Exercise, Mutant, Variant

PLUS = 'return Number(self.out + other.out, [(self, 1.0), (other, 1.0)], "+")'
TIMES = 'return Number(self.out * other.out, [(self, other.out), (other, self.out)], "·")'
DELIVER = "source.d_out += self.d_out * slope"
LOOP = "for source, slope in self.arrows:"
SUM, PRODUCT = (f'"""self {sign} other, a new Number with two arrows."""' for sign in "+*")
SUM_OF_PLAIN = "if not hasattr(other, 'arrows'):\n            return Number(self.out + other, [(self, 1.0)])"
PRODUCT_OF_PLAIN = "if not hasattr(other, 'arrows'):\n            return Number(self.out * other, [(self, other)])"
SQUARED = "if other is self:\n            return Number(self.out**2, [(self, 2 * self.out)])"

number = [
    Mutant(
        "the slopes of a product exchanged",
        "swapped_arguments",
        "[(self, other.out), (other, self.out)]",
        "[(self, self.out), (other, other.out)]",
    ),
    Mutant(
        "a product with slopes of 1",
        "missing_chain_factor",
        "[(self, other.out), (other, self.out)]",
        "[(self, 1.0), (other, 1.0)]",
    ),
    Mutant("the product is a sum", "wrong_argument", "self.out * other.out", "self.out + other.out"),
    Mutant("the sum is a product", "wrong_argument", "self.out + other.out", "self.out * other.out"),
    Mutant("the sum is a difference", "wrong_argument", "self.out + other.out", "self.out - other.out"),
    Mutant("plus has no arrow to the second", "zero|one_node_only", "[(self, 1.0), (other, 1.0)]", "[(self, 1.0)]"),
    Mutant(
        "times has no arrow to the first",
        "zero|one_node_only",
        "[(self, other.out), (other, self.out)]",
        "[(other, self.out)]",
    ),
    Mutant("plus makes a float", "raises", PLUS, "return self.out + other.out"),
    Mutant("a product without arrows", "zero|one_node_only", TIMES, "return Number(self.out * other.out)"),
    Mutant(
        "plus changes its input", "in_place", PLUS, f"self.out += 0.0 * other.out; self.d_out = 1.0\n        {PLUS}"
    ),
    Mutant(
        "plus adds its arrows to the input",
        "in_place|zero|one_node_only",
        PLUS,
        "self.arrows += [(other, 1.0)]\n        return Number(self.out + other.out, [(self, 1.0)])",
    ),
    Mutant("plus returns the first", "", PLUS, "self.out += other.out\n        return self"),
    Mutant("assigned", "assigned", DELIVER, "source.d_out = self.d_out * slope"),
    Mutant("d_out left out", "upstream_ignored", DELIVER, "source.d_out += slope"),
    Mutant("the slope left out", "missing_chain_factor", DELIVER, "source.d_out += self.d_out"),
    Mutant("the size of d_out alone", "", DELIVER, "source.d_out += abs(self.d_out) * slope"),
    Mutant("subtracted", "sign", DELIVER, "source.d_out -= self.d_out * slope"),
    Mutant("delivered twice", "accumulated_twice", DELIVER, "source.d_out += 2 * self.d_out * slope"),
    Mutant("the first arrow alone", "missing_term", DELIVER, f"{DELIVER}\n            break"),
    Mutant(
        "goes on to the inputs of the inputs", "accumulated_twice", DELIVER, f"{DELIVER}\n            source.backward()"
    ),
    Mutant("nothing is delivered", "one_node_only", DELIVER, "pass"),
    Mutant("d_out is used up", "in_place", DELIVER, f"{DELIVER}\n        self.d_out = 0.0"),
    Mutant("values move", "in_place", DELIVER, f"{DELIVER}\n            source.out -= 0.1 * source.d_out"),
    Mutant(
        "arrows of one class",
        "",
        "self.out, self.arrows, self.node_name = float(out), list(arrows), node_name",
        "self.out, self.node_name = float(out), node_name\n        Number.arrows = list(arrows)",
    ),
    Mutant("of equal arrows one", "missing_term", LOOP, "for source, slope in set(self.arrows):"),
    Mutant(
        "of arrows with equal slopes one",
        "",
        LOOP,
        "for source, slope in {slope: (source, slope) for source, slope in self.arrows}.values():",
    ),
    Mutant("four arrows at most", "", LOOP, "for source, slope in self.arrows[:4]:"),
    Mutant("d_out of 0 is taken for 1", "upstream_ignored", DELIVER, "source.d_out += (self.d_out or 1.0) * slope"),
    Mutant("a slope of 0 is taken for 1", "", DELIVER, "source.d_out += self.d_out * (slope or 1.0)"),
    *(
        Mutant(f"one arrow alone where the other side of {sign} is plain", "missing", old, f"{old}\n        {new}")
        for sign, old, new in (("+", SUM, SUM_OF_PLAIN), ("·", PRODUCT, PRODUCT_OF_PLAIN))
    ),
    Mutant("one arrow of a · a", "missing", TIMES, f"{SQUARED}\n        {TIMES}"),
    Mutant("times 0 is times 1", "", PRODUCT, f"{PRODUCT}\n        other = other or 1.0"),
    Mutant("small slopes are dropped", "", LOOP, "for source, slope in [a for a in self.arrows if abs(a[1]) > 1e-3]:"),
    Mutant("not written", "unfinished", PLUS, "raise NotImplementedError()"),
]

number_variants = [
    Variant("no names", "return Number(self.out + other.out, [(self, 1.0), (other, 1.0)])", PLUS),
    Variant("whole slopes", "[(self, 1), (other, 1)]", "[(self, 1.0), (other, 1.0)]"),
    Variant(
        "arrows in a tuple, the other way round",
        "((other, self.out), (self, other.out))",
        "[(self, other.out), (other, self.out)]",
    ),
    Variant(
        "by index",
        "for i in range(len(self.arrows)):\n            source, slope = self.arrows[i]\n            "
        "source.d_out = source.d_out + slope * self.d_out",
        f"{LOOP}\n            {DELIVER}",
    ),
    Variant("an array of its own", "source.d_out += float(np.multiply(self.d_out, slope))", DELIVER),
    Variant(
        "both parts named",
        "left, right = (self, other.out), (other, self.out)\n        "
        "return Number(self.out * other.out, [left, right])",
        TIMES,
    ),
]

VISIT = "for predecessor in node.get_predecessors():\n            visit(predecessor)"
SEEN = "if id(node) in seen:\n            return\n        seen.add(id(node))\n        "
ITERATIVE = """
def topological_order(J):
    order, finished, waiting = [], set(), [J]
    while waiting:
        node = waiting[-1]
        left = [p for p in node.get_predecessors() if id(p) not in finished]
        if left:
            waiting.append(left[0])
        else:
            waiting.pop()
            if id(node) not in finished:
                finished.add(id(node))
                order.append(node)
    return order
"""
COUNTED = """
def topological_order(J):
    nodes, waiting = {}, [J]
    while waiting:
        node = waiting.pop()
        if id(node) not in nodes:
            nodes[id(node)] = node
            waiting.extend(node.get_predecessors())
    users = dict.fromkeys(nodes, 0)
    for node in nodes.values():
        for p in node.get_predecessors():
            users[id(p)] += 1
    order, free = [], [J]
    while free:
        node = free.pop()
        order.append(node)
        for p in node.get_predecessors():
            users[id(p)] -= 1
            if users[id(p)] == 0:
                free.append(p)
    return order[::-1]
"""
DEPTHS = """
def topological_order(J):
    depth, nodes = {}, {}

    def measure(node):
        if id(node) not in depth:
            nodes[id(node)] = node
            depth[id(node)] = 1 + max([measure(p) for p in node.get_predecessors()], default=0)
        return depth[id(node)]

    measure(J)
    return sorted(nodes.values(), key=lambda node: depth[id(node)])
"""
LEVELS = """
def topological_order(J):
    order, waiting = [], [J]
    while waiting:
        node = waiting.pop(0)
        if not any(node is other for other in order):
            order.append(node)
            waiting += node.get_predecessors()
    return order[::-1]
"""
TOO_EARLY = """
def topological_order(J, order=None):
    order = [] if order is None else order
    if not any(J is other for other in order):
        order.append(J)
        for p in J.get_predecessors():
            topological_order(p, order)
    return order[::-1] if order[0] is J else order
"""
LEFT_OVER = """
def topological_order(J, order=[]):
    if any(J is other for other in order):
        return order
    for p in J.get_predecessors():
        topological_order(p, order)
    order.append(J)
    return order
"""
BY_NAME = """
def topological_order(J):
    order, seen = [], set()

    def visit(node):
        if node.node_name not in seen:
            seen.add(node.node_name)
            for p in node.get_predecessors():
                visit(p)
            order.append(node)

    visit(J)
    return order
"""
order = [
    Mutant("an empty list", "missing", "order.append(node)", "pass"),
    Mutant("the other way round", "order", "return order", "return order[::-1]"),
    Mutant("visited too late", "order", f"{VISIT}\n        order.append(node)", "order.append(node)\n        " + VISIT),
    Mutant("by levels", "order", "", LEVELS),
    Mutant("a number at its first visit", "order", "", TOO_EARLY),
    Mutant("every visit counts", "accumulated_twice", SEEN, ""),
    Mutant("seen by another call", "accumulated_twice|missing|wrong_argument|stale", "", LEFT_OVER),
    Mutant("the first input alone", "missing", "in node.get_predecessors():", "in node.get_predecessors()[:1]:"),
    Mutant("without J", "missing", "visit(J)\n    return order", "visit(J)\n    return order[:-1]"),
    Mutant(
        "without the inputs", "missing", "order.append(node)", "order.append(node) if node.get_predecessors() else None"
    ),
    Mutant("told apart by name", "raises", "", BY_NAME),
    *(
        Mutant(f"told apart by {key}, where there is one", "missing", "id(node)", f"getattr(node, '{key}', id(node))")
        for key in ("out", "node_name")
    ),
    *(
        Mutant(f"{n} inputs of a node", "missing", "node.get_predecessors():", f"node.get_predecessors()[:{n}]:")
        for n in (8, 20, 50)
    ),
    Mutant(
        "asks for arrows", "raises", "for predecessor in node.get_predecessors():", "for predecessor, _ in node.arrows:"
    ),
    Mutant("names, not nodes", "", "order.append(node)", "order.append(id(node))"),
    Mutant("nothing returned", "none|raises", "    return order\n", "    order\n"),
    Mutant("J alone", "missing", "visit(J)\n    return order", "return [J]"),
    Mutant("a generator", "raises", "return order", "return iter(order)"),
    Mutant("not written", "unfinished", "visit(J)\n    return order", "raise NotImplementedError()"),
]
order_variants = [
    Variant("a loop", ITERATIVE),
    Variant("users counted", COUNTED),
    Variant("sorted by depth", DEPTHS),
    Variant(
        "a list in place of a set", "if any(node is other for other in order):\n            return\n        ", SEEN
    ),
    Variant("a tuple", "return tuple(order)", "return order"),
    Variant(
        "predecessors from the end",
        "for predecessor in reversed(node.get_predecessors()):",
        "for predecessor in node.get_predecessors():",
    ),
]

RESET = "for number in order:\n        number.d_out = 0.0\n    "
BACK = "for number in order[::-1]:\n        number.backward()"
propagate = [
    Mutant("from the inputs to J", "wrong_argument|zero", "order[::-1]", "order"),
    Mutant("nothing is reset", "stale", RESET, ""),
    Mutant("J alone is reset", "stale", RESET, "J.d_out = 0.0\n    "),
    Mutant("the 1 is forgotten", "zero", "J.d_out = 1.0\n    ", ""),
    Mutant("J starts at 2", "factor", "J.d_out = 1.0", "J.d_out = 2.0"),
    Mutant("J starts at its value", "factor|wrong_argument", "J.d_out = 1.0", "J.d_out = J.out"),
    Mutant("reset after the 1", "zero", f"{RESET}J.d_out = 1.0\n    ", f"J.d_out = 1.0\n    {RESET}"),
    Mutant("one step back alone", "", BACK, "J.backward()"),
    Mutant(
        "by levels",
        "wrong_argument|missing_term",
        BACK,
        "waiting, done = [J], []\n    while waiting:\n        number = waiting.pop(0)\n        "
        "if number not in done:\n            done.append(number)\n            number.backward()\n            "
        "waiting += number.get_predecessors()",
    ),
    Mutant(
        "every path by itself",
        "",
        f"{BACK}",
        "def walk(number):\n        number.backward()\n        for other in number.get_predecessors():\n            "
        "walk(other)\n\n    walk(J)",
    ),
    Mutant(
        "reset on the way",
        "",
        BACK,
        "for number in order[::-1]:\n        number.backward()\n        number.d_out = 0.0",
    ),
    Mutant("the inputs are left out of the reset", "stale", "number.d_out = 0.0", "number.d_out *= not number.arrows"),
    Mutant("values move", "in_place", BACK, f"{BACK}\n        number.out += 0.0 if number.arrows else 1e-3"),
    Mutant("negative gradients are cut off", "", BACK, f"{BACK}\n        number.d_out = max(number.d_out, 0.0)"),
    Mutant(
        "an order of the first call",
        "",
        "order = topological_order(J)",
        "order = backpropagate.__dict__.setdefault('order', topological_order(J))",
    ),
    Mutant("not written", "unfinished", "order = topological_order(J)", "raise NotImplementedError()"),
]
propagate_variants = [
    Variant("reversed", "for number in reversed(order):", "for number in order[::-1]:"),
    Variant("reset with forward", "number.forward()", "number.d_out = 0.0"),
    Variant("returns J", f"{BACK}\n    return J", BACK),
    Variant(
        "the steps written out",
        "for number in order[::-1]:\n        for source, slope in number.arrows:\n"
        "            source.d_out += slope * number.d_out",
        BACK,
    ),
    Variant("the library's order", "order = sort_topological(J)", "order = topological_order(J)"),
    Variant(
        "the order from the end",
        "order = list(topological_order(J))\n    while order:\n        order.pop().backward()",
        BACK,
    ),
    Variant("J is told apart", "number.d_out = 1.0 if number is J else 0.0", "number.d_out = 0.0\n    J.d_out = 1.0"),
]

ONE_LESS = "self.out ** (exponent - 1)"
POWER = 'return Number(self.out**exponent, [(self, exponent * self.out ** (exponent - 1))], f"^{exponent}")'
TANH = "[(self, 1 - value**2)]"
RELU = 'return Number(max(self.out, 0.0), [(self, 1.0 if self.out > 0 else 0.0)], "relu")'
B = "b = as_number(other)\n        return "
OVERFLOWS = "value = (math.exp(2 * self.out) - 1) / (math.exp(2 * self.out) + 1)"
operators = [
    Mutant("minus as plus", "sign", "-self.out, [(self, -1.0)]", "self.out, [(self, 1.0)]"),
    Mutant("the slope of −a is 1", "sign", "[(self, -1.0)]", "[(self, 1.0)]"),
    Mutant("the slope of −a is a", "", "[(self, -1.0)]", "[(self, -self.out)]"),
    Mutant("−a without arrows", "zero", 'return Number(-self.out, [(self, -1.0)], "−")', "return Number(-self.out)"),
    Mutant("a − b adds", "wrong_argument", "self + (-as_number(other))", "self + as_number(other)"),
    Mutant("a − b the other way round", "sign", "self + (-as_number(other))", "as_number(other) + (-self)"),
    Mutant(
        "a − b without the arrow to b",
        "zero",
        "return self + (-as_number(other))",
        "return Number(self.out - as_number(other).out, [(self, 1.0)])",
    ),
    Mutant(
        "a − b asks for a Number", "raises", "self + (-as_number(other))", "self + Number(-other.out, [(other, -1.0)])"
    ),
    Mutant(
        "the exponent is missing in the slope",
        "missing_chain_factor",
        "exponent * self.out ** (exponent - 1)",
        "self.out ** (exponent - 1)",
    ),
    Mutant(
        "the exponent is not reduced",
        "wrong_argument",
        "exponent * self.out ** (exponent - 1)",
        "exponent * self.out**exponent",
    ),
    Mutant("the slope of every power is 2 a", "", "exponent * self.out ** (exponent - 1)", "2 * self.out"),
    Mutant("the exponent alone", "missing_chain_factor", "exponent * self.out ** (exponent - 1)", "exponent"),
    Mutant("a times the exponent", "wrong_argument", "self.out**exponent, ", "self.out * exponent, "),
    *(
        Mutant(f"the exponent is {told}", "", POWER, f"exponent = {exponent}\n        {POWER}")
        for told, exponent in (
            ("1, where it is 0", "exponent or 1"),
            ("4 at most", "min(exponent, 3)"),
            ("−1 at least", "max(exponent, -1)"),
            ("whole below 0", "exponent if exponent > 0 else round(exponent)"),
        )
    ),
    Mutant("a / 1 is 1", "", "as_number(other) ** -1", "as_number(self if other == 1 else other) ** -1"),
    Mutant("a / b multiplies", "wrong_argument", "as_number(other) ** -1", "as_number(other)"),
    Mutant("b / a", "swapped_arguments", "self * as_number(other) ** -1", "as_number(other) * self**-1"),
    Mutant(
        "the slope of a / b by b lacks a",
        "missing_chain_factor",
        "return self * as_number(other) ** -1",
        B + "Number(self.out / b.out, [(self, 1 / b.out), (b, -1 / b.out**2)])",
    ),
    Mutant(
        "the slope of a / b by b lacks 1 / b",
        "missing_chain_factor",
        "return self * as_number(other) ** -1",
        B + "Number(self.out / b.out, [(self, 1 / b.out), (b, -self.out / b.out)])",
    ),
    Mutant(
        "the slope of a / b by b lacks its sign",
        "sign",
        "return self * as_number(other) ** -1",
        B + "Number(self.out / b.out, [(self, 1 / b.out), (b, self.out / b.out**2)])",
    ),
    Mutant(
        "a whole division",
        "",
        "return self * as_number(other) ** -1",
        B + "Number(self.out // b.out, [(self, 1 / b.out), (b, -self.out / b.out**2)])",
    ),
    Mutant(
        "the slope of exp by the power rule",
        "wrong_argument",
        "[(self, value)]",
        "[(self, self.out * math.exp(self.out - 1))]",
    ),
    Mutant("the slope of exp is 1", "missing_chain_factor", "[(self, value)]", "[(self, 1.0)]"),
    Mutant("2 to the a", "wrong_argument", "value = math.exp(self.out)", "value = 2**self.out"),
    Mutant("tan", "wrong_loss", "math.tanh", "math.tan"),
    Mutant("1 − tanh", "wrong_argument", TANH, "[(self, 1 - value)]"),
    Mutant("1 − a²", "wrong_argument", TANH, "[(self, 1 - self.out**2)]"),
    Mutant("1 + tanh²", "wrong_argument", TANH, "[(self, 1 + value**2)]"),
    Mutant("tanh twice", "wrong_argument", TANH, "[(self, 1 - math.tanh(value) ** 2)]"),
    Mutant("the slope of tanh is 1", "missing_chain_factor", TANH, "[(self, 1.0)]"),
    *(
        Mutant(
            f"tanh is ±1 beyond {edge}",
            "",
            "value = math.tanh(self.out)",
            f"value = math.tanh(self.out) if abs(self.out) < {edge} else math.copysign(1.0, self.out)",
        )
        for edge in (3, 5, 9, 13)
    ),
    *(
        Mutant(f"exp of {edge} at the most", "", "math.exp(self.out)", f"math.exp(max(min(self.out, {edge}), -{edge}))")
        for edge in (20, 50, 100, 500)
    ),
    *(
        Mutant(
            f"{tiny} beside a divisor",
            "",
            "return self * as_number(other) ** -1",
            f"return self * (as_number(other) + {tiny}) ** -1",
        )
        for tiny in (1e-8, 1e-15)
    ),
    Mutant("twelve digits", "", ONE_LESS, f"round({ONE_LESS}, 12)"),
    Mutant("tanh overflows", "unstable", "value = math.tanh(self.out)", OVERFLOWS),
    Mutant("relu lets everything back", "missing_mask", "1.0 if self.out > 0 else 0.0", "1.0"),
    Mutant("relu as absolute value", "absolute", "max(self.out, 0.0)", "abs(self.out)"),
    Mutant("relu takes the smaller", "wrong_argument", "max(self.out, 0.0)", "min(self.out, 0.0)"),
    Mutant("relu has the slope 1 at 0", "kink", "self.out > 0", "self.out >= 0"),
    Mutant("relu is alive above 0.1", "", "self.out > 0", "self.out > 0.1"),
    Mutant("relu leaks", "", "max(self.out, 0.0)", "max(self.out, 0.01 * self.out)"),
    Mutant("relu's slope is a", "wrong_argument", "1.0 if self.out > 0 else 0.0", "max(self.out, 0.0)"),
    Mutant(
        "−a changes a",
        "in_place",
        'return Number(-self.out, [(self, -1.0)], "−")',
        "self.out = -self.out\n        return Number(self.out, [(self, -1.0)])",
    ),
    Mutant("exp returns a float", "raises", 'return Number(value, [(self, value)], "exp")', "return value"),
    Mutant("tanh is not written", "unfinished", "value = math.tanh(self.out)", "raise NotImplementedError()"),
]
operators_variants = [
    Variant("−a as a product", "return self * -1", 'return Number(-self.out, [(self, -1.0)], "−")'),
    Variant(
        "a − b with arrows of its own",
        B + "Number(self.out - b.out, [(self, 1.0), (b, -1.0)])",
        "return self + (-as_number(other))",
    ),
    Variant(
        "a / b with arrows of its own",
        B + "Number(self.out / b.out, [(self, 1 / b.out), (b, -self.out / b.out**2)])",
        "return self * as_number(other) ** -1",
    ),
    Variant("np.exp and np.tanh", "value = np.exp(self.out)", "value = math.exp(self.out)"),
    Variant(
        "the slope of tanh with cosh", "[(self, 1 / math.cosh(self.out) ** 2 if abs(self.out) < 300 else 0.0)]", TANH
    ),
    Variant(
        "relu by a condition",
        "if self.out > 0:\n            return Number(self.out, [(self, 1.0)])\n"
        "        return Number(0.0, [(self, 0.0)])",
        RELU,
    ),
    Variant("relu by a product", "return self * float(self.out > 0)", RELU),
    Variant(
        "relu without an arrow below 0",
        "return Number(max(self.out, 0.0), [(self, 1.0)] if self.out > 0 else [])",
        RELU,
    ),
    Variant(
        "math.pow",
        "math.pow(self.out, exponent), [(self, exponent * math.pow(self.out, exponent - 1))]",
        "self.out**exponent, [(self, exponent * self.out ** (exponent - 1))]",
    ),
]

FOR_EACH = "for (first, second), b, v in zip(self.w, self.b, self.v, strict=True):"
TERM = "total = total + v * (first * x[0] + second * x[1] + b).tanh()"
EACH = f"total = self.c\n        {FOR_EACH}\n            {TERM}\n"
FIRST = "        self.b = self.b[:{}]\n"
net = [
    Mutant("no tanh", "missing_activation", ".tanh()", ""),
    Mutant("tanh over everything", "activation_on_output", "return total", "return total.tanh()"),
    Mutant("no c", "missing_term", "total = self.c\n", "total = Number(0.0)\n"),
    Mutant("no b", "missing_term", " + b).tanh()", ").tanh()"),
    Mutant("x exchanged", "swapped_arguments", "first * x[0] + second * x[1]", "first * x[1] + second * x[0]"),
    Mutant("the first input twice", "", "second * x[1]", "second * x[0]"),
    Mutant("one input", "missing_term", "first * x[0] + second * x[1] + b", "first * x[0] + b"),
    Mutant("no v", "missing_chain_factor", "v * (", "("),
    Mutant(
        "v inside tanh",
        "wrong_argument",
        "v * (first * x[0] + second * x[1] + b).tanh()",
        "(v * (first * x[0] + second * x[1] + b)).tanh()",
    ),
    Mutant(
        "b after tanh",
        "wrong_argument",
        "(first * x[0] + second * x[1] + b).tanh()",
        "((first * x[0] + second * x[1]).tanh() + b)",
    ),
    Mutant("c for each unit", "wrong_argument", "total = total + v *", "total = total + self.c + v *"),
    Mutant("the last unit alone", "wrong_argument", "total = total + v", "total = self.c + v"),
    Mutant("relu", "", ".tanh()", ".relu()"),
    Mutant(
        "the mean over the units",
        "wrong_argument",
        "total + v * (first * x[0] + second * x[1] + b).tanh()",
        "total + v * (first * x[0] + second * x[1] + b).tanh() / len(self.v)",
    ),
    Mutant(
        "no gradient to the weights", "", "first * x[0] + second * x[1] + b", "first.out * x[0] + second.out * x[1] + b"
    ),
    Mutant("a float", "raises", "return total", "return total.out"),
    Mutant("the first net's score", "", "total = self.c\n", "total = SmallNet.c0 = getattr(SmallNet, 'c0', self.c)\n"),
    Mutant("returned too early", "", "            total = total + v", "            return total + v"),
    Mutant(
        "of equal units one",
        "",
        FOR_EACH,
        "for (first, second), b, v in {w[0].out: (w, b, v) for w, b, v in zip(self.w, self.b, self.v)}.values():",
    ),
    Mutant("equal inputs are one", "", "+ second * x[1]", "+ second * (x[1] if x[1] != x[0] else 0.0)"),
    *(Mutant(f"the first {n} units", "", "total = self.c\n", f"total = self.c\n{FIRST.format(n)}") for n in (5, 8, 16)),
    Mutant("not written", "unfinished", "total = self.c\n", "raise NotImplementedError()\n"),
]
net_variants = [
    Variant(
        "a sum",
        "return sum((v * (w[0] * x[0] + w[1] * x[1] + b).tanh() for w, b, v in zip(self.w, self.b, self.v)), self.c)",
        f"{EACH}        return total",
    ),
    Variant(
        "c at the end",
        f"{EACH.replace('self.c', 'Number(0)')}        return total + self.c",
        f"{EACH}        return total",
    ),
    Variant(
        "by index",
        "for k in range(len(self.b)):\n            z = self.b[k]\n            for i in range(2):\n"
        "                z = z + self.w[k][i] * x[i]\n            total += self.v[k] * z.tanh()",
        f"{FOR_EACH}\n            {TERM}",
    ),
    Variant("x on the left", "(x[0] * first + x[1] * second + b)", "(first * x[0] + second * x[1] + b)"),
    Variant("x made numbers", "x = [Number(u) for u in x]\n        total = self.c\n", "total = self.c\n"),
    Variant(
        "arrays of numbers",
        "z = np.array(self.w) @ np.array(x) + np.array(self.b)\n        "
        "return np.array([u.tanh() for u in z]) @ np.array(self.v) + self.c",
        f"{EACH}        return total",
    ),
]

SQUARE = "J = J + (net.score(x) - target) ** 2"
MOVE = "parameter.out -= step_size * parameter.d_out"
step = [
    Mutant("the sum", "missing_mean", "J = J / len(X)\n    ", ""),
    Mutant("half the square", "factor", "J = J / len(X)", "J = J / (2 * len(X))"),
    Mutant("not squared", "wrong_loss", ") ** 2", ")"),
    Mutant("plus the target", "", "net.score(x) - target", "net.score(x) + target"),
    Mutant("uphill", "wrong_argument", "parameter.out -=", "parameter.out +="),
    Mutant("the step size left out", "wrong_argument", MOVE, "parameter.out -= parameter.d_out"),
    Mutant("the step replaces the parameter", "wrong_argument", MOVE, "parameter.out = -step_size * parameter.d_out"),
    Mutant("ten points", "", "J = Number(0.0)\n", "J = Number(0.0)\n    X, t = X[:10], t[:10]\n"),
    Mutant("no gradients", "wrong_argument", "backpropagate(J)\n    ", ""),
    *(
        Mutant(f"a point that comes again counts once{how}", "missing_term", "zip(X, t, strict=True)", once)
        for how, once in (
            (", with its last target", "{tuple(x): (x, u) for x, u in zip(X, t)}.values()"),
            (" if the target is the same", "{(*x, u): (x, u) for x, u in zip(X, t)}.values()"),
        )
    ),
    Mutant("the last point alone", "wrong_argument", SQUARE, "J = (net.score(x) - target) ** 2"),
    Mutant(
        "the error after the step",
        "wrong_loss",
        "return J.out",
        "return sum((net.score(x).out - u) ** 2 for x, u in zip(X, t)) / len(X)",
    ),
    Mutant("a Number returned", "type|raises", "return J.out", "return J"),
    Mutant("nothing returned", "none", "return J.out", "pass"),
    Mutant("the first parameter alone", "missing_term", MOVE, f"{MOVE}\n        break"),
    Mutant("all but the last parameter", "missing_term", "in net.parameters():", "in net.parameters()[:-1]:"),
    Mutant("only downwards", "", MOVE, "parameter.out -= step_size * abs(parameter.d_out)"),
    Mutant(
        "a step for each point",
        "",
        "J = J / len(X)\n    backpropagate(J)",
        "for x, target in zip(X, t):\n        backpropagate((net.score(x) - target) ** 2)\n    J = J / len(X)",
    ),
    Mutant("the root", "wrong_loss", "return J.out", "return J.out**0.5"),
    Mutant(
        "divided twice",
        "wrong_argument",
        "parameter.out -= step_size * parameter.d_out",
        "parameter.out -= step_size * parameter.d_out / len(X)",
    ),
    Mutant("always ten points", "", "J = J / len(X)", "J = J / 10"),
    Mutant("the targets move", "in_place", "backpropagate(J)", "backpropagate(J)\n    t[0] = t[0] + 1e-9"),
    Mutant("not written", "unfinished", "J = Number(0.0)", "raise NotImplementedError()"),
]
step_variants = [
    Variant(
        "a sum",
        "J = sum((net.score(x) - u) ** 2 for x, u in zip(X, t)) / len(X)\n    backpropagate(J)",
        f"J = Number(0.0)\n    for x, target in zip(X, t, strict=True):\n        {SQUARE}\n    J = J / len(X)\n"
        "    backpropagate(J)",
    ),
    Variant("a product with 1 / N", "J = J * (1 / len(t))", "J = J / len(X)"),
    Variant("a product of differences", "d = net.score(x) - target\n        J = J + d * d", SQUARE),
    Variant("the value kept first", "value = J.out\n    backpropagate(J)", "backpropagate(J)"),
    Variant("a new value", "parameter.out = parameter.out - step_size * parameter.d_out", MOVE),
    Variant("each term divided", "J = J + (net.score(x) - target) ** 2 / len(X)", f"{SQUARE}\n    J = J / len(X)"),
    Variant("a numpy float", "return np.float64(J.out)", "return J.out"),
    Variant("a 0-d array", "return np.array(J.out)", "return J.out"),
]

S = "11-your-own-engine"
EXERCISES = [
    Exercise(f"{S}/number_check", "number", number, number_variants),
    Exercise(f"{S}/topological_order_check", "topological_order", order, order_variants),
    Exercise(f"{S}/backpropagate_check", "backpropagate", propagate, propagate_variants),
    Exercise(f"{S}/operators_check", "operators", operators, operators_variants),
    Exercise(f"{S}/small_net_check", "small_net", net, net_variants),
    Exercise(
        f"{S}/training_step_check",
        "training_step",
        step,
        step_variants,
        equivalent={"swapped 1": "(target − score)² is the same square"},
    ),
]
