"""A reference engine for section 11, and what asks a student's engine for plain numbers.

`Number` here is the reference, and `Operators` the same with all operators, which are sent when the student's have been
judged; the judge itself follows the arrows of a formula. Programs are lists of steps on a growing list of numbers:
("+", i, j) adds two of them, ("·", i, j) multiplies them.
"""

from __future__ import annotations

import math


class Number:
    def __init__(self, out, arrows=(), node_name=""):
        self.out, self.arrows, self.node_name = float(out), list(arrows), node_name
        self.d_out = 0.0

    def forward(self):
        self.d_out = 0.0
        return self.out

    def backward(self):
        for source, slope in self.arrows:
            source.d_out += self.d_out * slope

    def get_predecessors(self):
        return [source for source, _ in self.arrows]

    def made(self, out, *arrows):
        return type(self)(out, arrows)

    def __add__(self, other):
        other = number(other)
        return self.made(self.out + other.out, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = number(other)
        return self.made(self.out * other.out, (self, other.out), (other, self.out))


class Operators(Number):
    """With all operators, those of plain numbers on the left included."""

    def __pow__(self, k):
        return self.made(self.out**k, (self, k * self.out ** (k - 1)))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + operators(other) * -1.0

    def __truediv__(self, other):
        return self * operators(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return operators(other) - self

    def __rtruediv__(self, other):
        return operators(other) / self

    def exp(self):
        value = math.exp(self.out)
        return self.made(value, (self, value))

    def tanh(self):
        value = math.tanh(self.out)
        return self.made(value, (self, 1 - value**2))

    def relu(self):
        return self.made(max(self.out, 0.0), (self, 1.0 if self.out > 0 else 0.0))


def number(value):
    return value if hasattr(value, "arrows") else Number(value)


def operators(value):
    return value if hasattr(value, "arrows") else Operators(value)


def topological_order(J):
    order, seen, path = [], {id(J)}, [(J, iter(J.get_predecessors()))]
    while path:
        node, rest = path[-1]
        found = next((other for other in rest if id(other) not in seen), None)
        if found is None:
            order.append(path.pop()[0])
        else:
            seen.add(id(found))
            path.append((found, iter(found.get_predecessors())))
    return order


def backpropagate(J):
    order = topological_order(J)
    for node in order:
        node.d_out = 0.0
    J.d_out = 1.0
    for node in order[::-1]:
        for source, slope in node.arrows:
            source.d_out += node.d_out * slope


def derivatives(J, inputs):
    """∂J/∂input for each of the inputs, from the arrows alone; nothing is changed."""
    received = {id(J): 1.0}
    for node in topological_order(J)[::-1]:
        for source, slope in node.arrows:
            received[id(source)] = received.get(id(source), 0.0) + received.get(id(node), 0.0) * slope
    return [float(received.get(id(source), 0.0)) for source in inputs]


def patched(Theirs):
    """The student's class with the reference's constructor, +, · and one step back."""
    own = ("__init__", "forward", "backward", "get_predecessors", "__add__", "__mul__")
    methods = {name: vars(Number)[name] for name in own}
    methods["made"] = lambda self, out, *arrows: Patched(out, arrows)
    Patched = type("Number", (Theirs,), methods)
    return Patched


def required(result, what):
    if result is None or result is Ellipsis:
        raise TypeError(f"{what} is {result}, where a Number is expected. Is it finished?")
    if not all(hasattr(result, name) for name in ("out", "arrows", "d_out")):
        raise TypeError(f"{what} is of type {type(result).__name__}, where a Number is expected")
    return result


def drawn(J, inputs):
    """The place of J, and each arrow behind it: place of the result, place of the source, slope. Inputs come first."""
    place, arrows, seen, waiting = {id(x): i for i, x in enumerate(inputs)}, [], set(), [J]
    place.setdefault(id(J), len(place))
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for source, slope in node.arrows:
            place.setdefault(id(source), len(place))
            arrows.append([place[id(node)], place[id(source)], float(slope)])
            waiting.append(source)
    return place[id(J)], arrows


def operated(Class, text, pairs):
    """For each pair (a, b): the value of the formula in a and b, its place, and the arrows behind it, see `drawn`.

    All results are made before the first is looked at. Then what the inputs hold, which should be as before.
    """
    code = compile(text, "<formula>", "eval")
    inputs = [[Class(value) for value in pair] for pair in pairs]
    results = [required(eval(code, {"a": a, "b": b}), text) for a, b in inputs]
    found = [[float(J.out), *drawn(J, pair)] for J, pair in zip(results, inputs, strict=True)]
    return found, [[[float(x.out), float(x.d_out), float(len(x.arrows))] for x in pair] for pair in inputs]


def stepped_back(Class, cases):
    """For each case (slopes, which input, d_out, held): what each of two inputs holds after one backward().

    `which` says for each arrow whether it goes to input 0 or 1. All numbers are made first.
    """
    made = []
    for slopes, which, upstream, held in cases:
        base = [Class(0.7), Class(-1.9)]
        inputs = [Class(1.5, [(source, -0.6)]) for source in base]
        for source, value in zip(inputs, held, strict=True):
            source.d_out = value
        result = Class(2.3, [(inputs[k], slope) for k, slope in zip(which, slopes, strict=True)])
        result.d_out = upstream
        made.append((result, inputs, base))
    for result, _, _ in made:
        result.backward()
    received = [[float(source.d_out) for source in inputs] for _, inputs, _ in made]
    beyond = [[float(source.d_out) for source in base] for _, _, base in made]
    kept = [[float(r.out), float(r.d_out), *(float(s) for _, s in r.arrows), inputs[0].out] for r, inputs, _ in made]
    return received, beyond, kept


class Node:
    """A node of a graph; without values, where none are given."""

    def __init__(self, values):
        self.before = []
        vars(self).update(values)

    def get_predecessors(self):
        return list(self.before)


def listed(function, count, edges, sinks, alike=()):
    """For each sink: the places of the nodes in the list that the function gives; −1 for what is no such node.

    alike : attributes that all nodes have, with the same values
    """
    nodes = [Node(alike) for _ in range(count)]
    for start, end in edges:
        nodes[end].before.append(nodes[start])
    place = {id(node): i for i, node in enumerate(nodes)}
    found = []
    for sink in sinks:
        order = function(nodes[sink])
        if not isinstance(order, (list, tuple)):
            raise TypeError(f"topological_order returned {type(order).__name__}, where a list is expected")
        found.append([place.get(id(node), -1) for node in order])
    return found


def calculated(Class, values, program):
    numbers = [Class(value) for value in values]
    for sign, i, j in program:
        numbers.append(numbers[i] + numbers[j] if sign == "+" else numbers[i] * numbers[j])
    return numbers


def propagated(function, Class, values, program, sinks):
    """d_out of every number of the program after each call of the function, with these numbers as J."""
    numbers = calculated(Class, values, program)
    found = []
    for sink in sinks:
        function(numbers[sink])
        found.append([float(x.d_out) for x in numbers])
    return found, [float(x.out) for x in numbers]


def fill(net, Class, w, b, v, c):
    net.w = [[Class(u) for u in pair] for pair in w]
    net.b, net.v, net.c = [Class(u) for u in b], [Class(u) for u in v], Class(c)
    return net


def scored(SmallNet, Class, nets, points):
    """For each point and each net (w, b, v, c): the score and its derivatives by w, b, v, c in this order, flat.

    Then how many numbers the nets have in common, as they are made.
    """
    made = [SmallNet(len(b)) for _, b, _, _ in nets]
    numbers = [u for net in made for u in net.parameters()]
    shared = len(numbers) - len({id(u) for u in numbers})
    for net in made:  # once before, with other numbers: whoever remembers scores is found out
        for point in points:
            net.score(list(point))
    made = [fill(net, Class, *arrays) for net, arrays in zip(made, nets, strict=True)]
    found = []
    for point in points:
        for net in made:
            score = required(net.score(list(point)), "score")
            flat = [u for pair in net.w for u in pair] + net.b + net.v + [net.c]
            found.append([float(score.out), *derivatives(score, flat)])
    return found, shared


class Line:
    """score = a x[0] + b x[1] + c x[0] x[1], and all further weights"""

    def __init__(self, Class, weights):
        self.weights = [Class(u) for u in weights]

    def score(self, x):
        a, b, c, *others = self.weights
        total = a * x[0] + b * x[1] + c * (x[0] * x[1])
        for weight in others:
            total = total + weight
        return total

    def parameters(self):
        return list(self.weights)


def trained(step, Class, cases, rounds):
    """For each round and each case (weights, X, t, step size): what a step returned, and the weights after it.

    Then whether X and t are what they were.
    """
    nets = [Line(Class, weights) for weights, _, _, _ in cases]
    data = [([list(x) for x in X], list(t)) for _, X, t, _ in cases]
    losses, after = [], []
    for _ in range(rounds):
        for net, (X, t), (_, _, _, size) in zip(nets, data, cases, strict=True):
            losses.append(step(net, X, t, size))
            after.append([float(u.out) for u in net.weights])
    kept = all([list(x) for x in case[1]] == X and t == list(case[2]) for (X, t), case in zip(data, cases, strict=True))
    return losses, after, kept
