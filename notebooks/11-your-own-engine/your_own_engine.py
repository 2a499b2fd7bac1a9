# %% [markdown]
# # 11 · Your own engine
#
# After this section you can
#
# * make Python's `+` and `*` build a computation graph while they calculate,
# * write back-propagation for every formula in about 100 lines,
# * train a network with nothing but your own code,
# * say what PyTorch does when somebody calls `backward()`.

# %% [markdown]
# **An optional section**: it goes beyond the homework sheets. Its points count only where your instructor says so.
#
# **Time** about 90 minutes. **Builds on** tutorial 1 of section 00 (nodes, topological order) and section 04. **Points** 32.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np

from backprop.datasets import two_moons
from backprop.draw import draw_edges, draw_graph
from backprop.engine_checks import check_backpropagate, check_number, check_operators
from backprop.engine_checks import check_order, check_score, check_step
from backprop.gradcheck import check_function
from backprop.graph import backward_graph, sort_topological
from backprop.nodes import SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · A number that remembers
#
# In section 04 a formula was built by hand, one object for each step. Here the formula alone is enough:
#
# ```python
# J = (w * x + b) * w
# ```
#
# Python turns `w * x` into the call `w.__mul__(x)`. If $w$ is an object of *our* class, we decide what that does: it
# returns the product as an object that remembers what it was made from. This is *operator overloading*: the graph
# builds itself while the formula is computed.

# %% [markdown]
# What has to be remembered? For each number that went in, one *arrow*: which number it was, and the **slope**, the
# derivative of the result with respect to it, at the present values. For $p = w \cdot x$ with $w = 3$ and $x = -0.4$ the arrow
# to $w$ has the slope $x = -0.4$, and the arrow to $x$ the slope $w = 3$.
#
# The picture shows the formula above for $b = 1.5$. Below the arrows stands what we want in the end: the derivative of $J$.

# %% tags=["show"]
draw_edges(
    [("w", "p"), ("x", "p"), ("p", "s"), ("b", "s"), ("s", "J"), ("w", "J")],
    values={"w": 3, "x": -0.4, "b": 1.5, "p": -1.2, "s": 0.3, "J": 0.9},
    gradients={"w": -0.9, ("w", "p"): -1.2, ("w", "J"): 0.3, "x": 9, "b": 3, "p": 3, "s": 3, "J": 1},
    operators={"p": "w · x", "s": "p + b", "J": "s · w"},
)
plt.show()


# %% [markdown]
# ## 2 · Plus, times, and one step back
#
# A `Number` has
#
# | attribute | meaning |
# |---|---|
# | `out` | its value, a float |
# | `arrows` | a list of pairs `(input, slope)`: a `Number` that it was computed from, and $\partial\,\texttt{out} / \partial\,\texttt{input}$ |
# | `d_out` | $\partial J / \partial\,\texttt{out}$, a float; 0.0 until gradients arrive |
# | `node_name` | a name for drawings, which may stay empty |
#
# With slopes on the arrows, **one** `backward` serves every operator there will ever be: by the chain rule,
# each input receives `d_out` times the slope of its arrow. As always, it is *added*.

# %% [markdown]
# The right-hand side may be a plain number, as in `w * 2`. The function below makes a `Number` of it, without arrows.

# %% nbgrader={"grade_id": "as_number", "locked": true}
def as_number(value):
    """value itself if it is a Number; otherwise a new Number that holds it."""
    return value if hasattr(value, "arrows") else Number(value)


# %% [markdown]
# ### Exercise 1 (5 points)
#
# Fill the three gaps. `__add__` and `__mul__` return a new `Number`, made with
# `Number(value, arrows, name)`; `"+"` and `"·"` are good names. The other methods are the node protocol of section 00:
# thanks to them the drawings and functions of the course library work on your numbers.

# %% nbgrader={"grade_id": "number", "solution": true}
class Number:
    """A number that remembers what it was computed from.

    >>> a, b = Number(0.6), Number(-1.7)
    >>> (a * b).out
    -1.02
    >>> [slope for _, slope in (a * b).arrows]      # first the arrow to a, then the arrow to b
    [-1.7, 0.6]
    """

    def __init__(self, out, arrows=(), node_name=""):
        self.out, self.arrows, self.node_name = float(out), list(arrows), node_name
        self.d_out = 0.0

    def __add__(self, other):
        """self + other, a new Number with two arrows."""
        other = as_number(other)
        ### BEGIN SOLUTION
        return Number(self.out + other.out, [(self, 1.0), (other, 1.0)], "+")
        ### END SOLUTION

    def __mul__(self, other):
        """self * other, a new Number with two arrows."""
        other = as_number(other)
        ### BEGIN SOLUTION
        return Number(self.out * other.out, [(self, other.out), (other, self.out)], "·")
        ### END SOLUTION

    def backward(self):
        """One step: for each arrow, add self.d_out times the slope to d_out of the input."""
        ### BEGIN SOLUTION
        for source, slope in self.arrows:
            source.d_out += self.d_out * slope
        ### END SOLUTION

    def forward(self):
        """The value is there already: only d_out goes back to zero."""
        self.d_out = 0.0
        return self.out

    def get_predecessors(self):
        return [source for source, _ in self.arrows]


# %% nbgrader={"grade": true, "grade_id": "number_check", "points": 5}
# Check your work, with a = 0.6, b = −1.7 and −2.5 for d_out of the result.
# Right code shows max differences below 1e-12.
check_number(Number)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/number_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# `a * a` has two arrows to the same number, each with the slope $a$. Both deliver, and $2a$ arrives: nothing special has to
# be done for it.

# %% [markdown]
# ## 3 · The order
#
# `backward` of a number may run once its own `d_out` is complete: after every number that was computed *from* it. So we need
# the numbers in topological order, each after those it reads from, and go through that list from its end.
#
# An example to think with: $v = x \cdot x$, $u = v \cdot v$, $J = u \cdot v$, which is $x^6$. Both $u$ and $v$ are one arrow
# away from $J$; but $v$ has to wait for $u$.

# %% tags=["show"]
draw_edges(
    [("x", "v"), ("v", "u"), ("u", "J"), ("v", "J")],
    values={"x": 1.1, "v": 1.1**2, "u": 1.1**4, "J": 1.1**6},
    operators={"v": "x · x", "u": "v · v", "J": "u · v"},
)
plt.show()


# %% [markdown]
# ### Exercise 2 (4 points)
#
# One way is to visit: before a number enters the list, its predecessors are visited; a number
# that has been visited is not visited again. Ask each number for `get_predecessors()`, and for nothing else: then your
# function works on every graph of this course, as you will see at the end.
#
# (Compare numbers by `is`, or collect their `id(…)` in a set. A function inside a function may be helpful.)

# %% nbgrader={"grade_id": "topological_order", "solution": true}
def topological_order(J):
    """All the nodes that J depends on, and J: a list in which every node stands after its predecessors.

    J : a Number, or any other object with get_predecessors()
    returns : list, each node in it once; J is the last

    >>> x = Number(1.1, node_name="x")
    >>> [node.node_name for node in topological_order(x * 2 + x)]      # "" is the 2
    ['x', '', '·', '+']
    """
    ### BEGIN SOLUTION
    order, seen = [], set()

    def visit(node):
        if id(node) in seen:
            return
        seen.add(id(node))
        for predecessor in node.get_predecessors():
            visit(predecessor)
        order.append(node)

    visit(J)
    return order
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "topological_order_check", "points": 4}
# Check your work: a chain, the graph above, a node that is used many times, two graphs with a part in common.
check_order(topological_order)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/topological_order_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · All gradients with one call
#
# ### Exercise 3 (4 points)
#
# Now put it together. `backpropagate(J)`
#
# 1. sorts the numbers that $J$ depends on,
# 2. sets the `d_out` of all of them to 0.0, since an earlier call may have left something there,
# 3. sets `d_out` of $J$ to 1.0, because $\partial J / \partial J = 1$,
# 4. calls `backward()` of each, from the last to the first.

# %% nbgrader={"grade_id": "backpropagate", "solution": true}
def backpropagate(J):
    """Set d_out of every number that J depends on to the derivative of J by it. Returns nothing.

    J : a Number

    >>> w, x, b = Number(3.0), Number(-0.4), Number(1.5)
    >>> backpropagate((w * x + b) * w)
    >>> print(f"{w.d_out:.4f} {x.d_out:.4f} {b.d_out:.4f}")
    -0.9000 9.0000 3.0000
    """
    ### BEGIN SOLUTION
    order = topological_order(J)
    for number in order:
        number.d_out = 0.0
    J.d_out = 1.0
    for number in order[::-1]:
        number.backward()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "backpropagate_check", "points": 4}
# Check your work, on J = (w x + b) w of the first picture, and on x⁶.
# Right code shows max differences below 1e-12.
check_backpropagate(backpropagate, Number)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/backpropagate_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Since a `Number` keeps the node protocol, the step-through of the tutorials shows your own graph. Press **Next**. Each
# arrow sends `d_out` times its slope, and says so.

# %% tags=["show"]
w, x, b = Number(3.0, node_name="w"), Number(-0.4, node_name="x"), Number(1.5, node_name="b")
p = w * x
s = p + b
J = s * w
p.node_name, s.node_name, J.node_name = "p", "s", "J"
step_through(J, title="Your numbers: J = (w·x + b)·w")


# %% [markdown]
# ### Question 1 (2 points)
#
# $J$ has been computed at $w = 3$. Then somebody writes `w.out = 5.0` and calls `backpropagate(J)`.
#
# 1. To which $w$ do the gradients belong, and why?
# 2. A node of section 04 multiplies by `self.w.out` in its `backward`. What would come out there?
# 3. So what must a training loop do with your engine after each step?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_stored_slopes", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# 1. To $w = 3$: the slopes were computed together with the values and are stored on the arrows. They are the derivatives at
#    the point where $J$ was computed, and they fit the value `J.out`.
# 2. A mixture: this node would multiply by the new $w$, while others use an `out` that was stored with the old $w$. The
#    result is the gradient at neither point, until `forward` has run again.
# 3. It must compute the formula again, which builds a new graph with new values and slopes. (The old graph is thrown away.)
#
# **Rubric** 1: the gradients at $w = 3$, because slopes are stored when the number is made; 1: a node that reads
# `self.w.out` mixes old and new values, and a training loop computes the formula anew after each step.
# ### END SOLUTION

# %% [markdown]
# ## 5 · The other operators
#
# ### Exercise 4 (7 points, one each)
#
# The rest of arithmetic, and the functions that networks need. Each method may be put
# together from those that are there ($a - b = a + (-b)$), or make a `Number` with arrows of its own. `math.exp`, `math.tanh`
# and the like work on floats: give them `self.out`.
#
# The class has the same name as before and inherits from it, so all numbers made from now on have the new operators.

# %% nbgrader={"grade_id": "operators", "solution": true}
class Number(Number):
    """A Number with the rest of arithmetic.

    >>> a = Number(0.6)
    >>> print((1 - a).out, (a / 5).out, round((a**3).out, 3), Number(-1.7).relu().out)
    0.4 0.12 0.216 0.0
    """

    def __neg__(self):
        """-self."""
        ### BEGIN SOLUTION
        return Number(-self.out, [(self, -1.0)], "−")
        ### END SOLUTION

    def __sub__(self, other):
        """self - other; other is a Number or a plain number."""
        ### BEGIN SOLUTION
        return self + (-as_number(other))
        ### END SOLUTION

    def __pow__(self, exponent):
        """self ** exponent; exponent is a plain number, such as 2, 3 or -1."""
        ### BEGIN SOLUTION
        return Number(self.out**exponent, [(self, exponent * self.out ** (exponent - 1))], f"^{exponent}")
        ### END SOLUTION

    def __truediv__(self, other):
        """self / other; other is a Number or a plain number."""
        ### BEGIN SOLUTION
        return self * as_number(other) ** -1
        ### END SOLUTION

    def exp(self):
        """The exponential function of self."""
        ### BEGIN SOLUTION
        value = math.exp(self.out)
        return Number(value, [(self, value)], "exp")
        ### END SOLUTION

    def tanh(self):
        """The hyperbolic tangent of self, also for values such as 800 or -800."""
        ### BEGIN SOLUTION
        value = math.tanh(self.out)
        return Number(value, [(self, 1 - value**2)], "tanh")
        ### END SOLUTION

    def relu(self):
        """The larger of self and 0. At exactly 0 we choose the slope 0."""
        ### BEGIN SOLUTION
        return Number(max(self.out, 0.0), [(self, 1.0 if self.out > 0 else 0.0)], "relu")
        ### END SOLUTION

    # With a plain number on the left, as in 2 * a, Python asks the right-hand side: a.__rmul__(2).
    def __radd__(self, other):
        return as_number(other) + self

    def __rmul__(self, other):
        return as_number(other) * self

    def __rsub__(self, other):
        return as_number(other) - self

    def __rtruediv__(self, other):
        return as_number(other) / self


# %% nbgrader={"grade": true, "grade_id": "operators_check", "points": 7}
# Check your work, each operator by itself.
# Right code shows max differences below 1e-8, most often around 1e-12.
check_operators(Number)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/operators_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# And all of them in one formula, with everything that you have written so far. **Expected**: the value 7.7649, and max
# differences below 1e-9.

# %% tags=["show"]
def long_formula(a, b):
    a, b = Number(a), Number(b)
    J = (1 - a * b) ** 3 / (2 + b.exp()) + (5 * a).tanh() * (a - b).relu() - b
    backpropagate(J)
    return J.out, (a.d_out, b.d_out)


check_function(long_formula, 0.6, -1.7, expected=7.7648985397)

# %% [markdown]
# ## 6 · Node by node, against two others
#
# Is yours the same as what other people use? Take $J = (w_1 x_1 + w_2 x_2 + b - y)^2$, and compute it in three ways: with your
# numbers; with the nodes of section 04, run by `backprop.graph`; and with PyTorch, if it is there (`pip install torch`; Colab has it).

# %%
values = {"w1": 0.7, "w2": -1.3, "x1": 1.9, "x2": 0.4, "b": -0.2, "y": 2.6}


def with_numbers():
    n = {name: Number(value, node_name=name) for name, value in values.items()}
    J = (n["w1"] * n["x1"] + n["w2"] * n["x2"] + n["b"] - n["y"]) ** 2
    backpropagate(J)
    return {name: number.d_out for name, number in n.items()}


# %%
def with_nodes():
    w, x, b, y = (ValueNode(name) for name in "wxby")
    w.out, x.out = np.array([values["w1"], values["w2"]]), np.array([values["x1"], values["x2"]])
    b.out, y.out = np.array(values["b"]), np.array(values["y"])
    J = SquaredL2DistanceNode(VectorScalarAffineNode(x, w, b, "prediction"), y, "J")
    for node in sort_topological(J):
        node.forward()
    backward_graph(J)
    gradients = [*w.d_out, *x.d_out, b.d_out, y.d_out]
    return {name: float(gradient) for name, gradient in zip(values, gradients)}


# %% tags=["optional"]
def with_torch():
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed here: its column stays empty.")
        return {}
    t = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in values.items()}
    ((t["w1"] * t["x1"] + t["w2"] * t["x2"] + t["b"] - t["y"]) ** 2).backward()
    return {name: tensor.grad.item() for name, tensor in t.items()}


# %% [markdown]
# **Expected**: the same numbers across each line.

# %% tags=["show"]
yours, nodes, torchs = with_numbers(), with_nodes(), with_torch()
print(f"{'':8}{'yours':>12}{'nodes (04)':>14}{'PyTorch':>14}")
for name in values:
    theirs = f"{torchs[name]:14.6f}" if torchs else " " * 14
    same = abs(yours[name] - nodes[name]) < 1e-12 and abs(torchs.get(name, yours[name]) - yours[name]) < 1e-12
    print(f"∂J/∂{name:4}{yours[name]:12.6f}{nodes[name]:14.6f}{theirs}   {'ok' if same else '<-'}")

# %% [markdown]
# PyTorch works as your engine does: each tensor that was computed carries a `grad_fn`, which knows the tensors it came from;
# `backward()` sorts them and sends gradients along the arrows. The differences: its values are whole arrays, and it keeps for each
# operator a function that computes the gradient, where you keep a slope.

# %% [markdown]
# ## 7 · A network of numbers
#
# Two half circles that reach into each other, the *two moons*: 100 points to learn from, 400 to test on. No straight line
# separates them.

# %%
x_train, y_train, x_test, y_test = two_moons()
targets = 2.0 * y_train - 1  # class 0 becomes −1, class 1 becomes +1
print("x_train", x_train.shape, "  y_train", y_train.shape, "  x_test", x_test.shape)

# %% tags=["show"]
plt.figure(figsize=(6, 3.2))
for label, marker in enumerate("os"):
    plt.plot(*x_train[y_train == label].T, marker, label=f"class {label}")
plt.xlabel("$x_1$")
plt.ylabel("$x_2$")
plt.legend()
plt.show()


# %% [markdown]
# The net has two inputs, $H$ hidden units and one *score*; its sign decides the class:
#
# $$\text{score}(x) = c + \sum_{k=1}^{H} v_k \tanh\left(w_{k1} x_1 + w_{k2} x_2 + b_k\right)$$
#
# ### Exercise 5 (3 points)
#
# Write `score`, with the operators of your engine.

# %% nbgrader={"grade_id": "small_net", "solution": true}
class SmallNet:
    """Two inputs, H tanh units, one score.

    w : list of H pairs of Numbers     b, v : lists of H Numbers     c : Number

    >>> SmallNet(6).score([0.6, -1.7])      # a Number
    """

    def __init__(self, H, seed=0):
        rng = np.random.default_rng(seed)
        self.w = [[Number(1.2 * u) for u in rng.normal(size=2)] for _ in range(H)]
        self.b = [Number(0.5 * u) for u in rng.normal(size=H)]
        self.v = [Number(u / H**0.5) for u in rng.normal(size=H)]
        self.c = Number(0.0)

    def parameters(self):
        """All 4H + 1 Numbers that are learned, in one list."""
        return [number for pair in self.w for number in pair] + self.b + self.v + [self.c]

    def score(self, x):
        """The score of one point, a Number.

        x : two plain numbers
        """
        ### BEGIN SOLUTION
        total = self.c
        for (first, second), b, v in zip(self.w, self.b, self.v, strict=True):
            total = total + v * (first * x[0] + second * x[1] + b).tanh()
        return total
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "small_net_check", "points": 3}
# Check your work, with 5 hidden units: the score against numpy, its gradients against differences.
# Right code shows max differences below 1e-8, most often around 1e-11.
check_score(SmallNet, Number)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/small_net_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 (4 points)
#
# One step of gradient descent on the mean square error,
#
# $$J = \frac1N \sum_{i=1}^{N} \left(\text{score}(x_i) - t_i\right)^2.$$
#
# Build $J$ as a `Number`, call `backpropagate`, then move `out` of each parameter by `-step_size` times its gradient. This
# works with every object that has `score` and `parameters`.

# %% nbgrader={"grade_id": "training_step", "solution": true}
def training_step(net, X, t, step_size):
    """One step of gradient descent. Returns J before the step, a plain float.

    net : has score(x), which returns a Number, and parameters(), a list of Numbers
    X   : N points, each two numbers      t : N targets, numbers

    >>> training_step(net, [[0.6, -1.7]], [-1.0], 0.1)      # with the score 0.5 before the step: (0.5 + 1)²
    2.25
    """
    ### BEGIN SOLUTION
    J = Number(0.0)
    for x, target in zip(X, t, strict=True):
        J = J + (net.score(x) - target) ** 2
    J = J / len(X)
    backpropagate(J)
    for parameter in net.parameters():
        parameter.out -= step_size * parameter.d_out
    return J.out
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "training_step_check", "points": 4}
# Check your work: two steps with a straight line, score = a x₁ + b x₂, on 7 points.
# Right code shows max differences below 1e-8.
check_step(training_step, Number)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("11-your-own-engine/training_step_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now train: 8 hidden units, 800 steps, 20 points drawn at random in each. Every step builds a graph of about 1,500 numbers
# and throws it away; all of them take a few seconds. **Expected**: an error of 0.68 in the first step, below 0.1 over the
# last 50, and more than 95 % of the test points on the right side.

# %% tags=["train"]
net, history, rng = SmallNet(8), [], np.random.default_rng(1)
start = time.perf_counter()
for _ in range(800):
    rows = rng.permutation(100)[:20]
    history.append(training_step(net, x_train[rows].tolist(), targets[rows].tolist(), 0.2))
print(f"mean square error: first step {history[0]:.4f}, last 50 steps {np.mean(history[-50:]):.4f}")

right = np.mean([(net.score(x).out > 0) == label for x, label in zip(x_test.tolist(), y_test)])
print(f"test points on the right side: {right:.1%}   {time.perf_counter() - start:.1f} s")

# %% tags=["train"]
u, v = np.meshgrid(np.linspace(-1.7, 2.7, 45), np.linspace(-1.2, 1.7, 30))
scores = [net.score(point).out for point in np.stack([u, v], axis=-1).reshape(-1, 2).tolist()]
plt.figure(figsize=(6, 3.4))
scores = np.reshape(scores, u.shape)
plt.contourf(u, v, scores, levels=np.linspace(-2, 2, 9), cmap="PuOr_r", extend="both", alpha=0.6)
plt.colorbar(label="score")
plt.contour(u, v, scores, levels=[0], colors="k")
for label, marker in enumerate("os"):
    plt.plot(*x_train[y_train == label].T, marker, color=("C4", "C1")[label], mec="k", label=f"class {label}")
plt.legend(loc="lower left")
plt.show()

# %% [markdown]
# *Expected picture:* the black line, where the score is 0, winds between the two moons like an S. Among the points the
# score is near −1 on one side of it and near +1 on the other.

# %% [markdown]
# ### Question 2 (3 points)
#
# The graph of one training step has $E$ arrows.
#
# 1. How many multiplications does the backward pass take, compared with the forward pass?
# 2. The net has $P = 33$ parameters. How many forward passes do central differences need for its gradient? And with a million
#    parameters?
# 3. Slopes could be multiplied from the inputs towards $J$ instead. How many such passes does the gradient by $P$ parameters
#    take, and why is one enough the other way?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_cost", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# 1. $E$: one for each arrow (and one addition each). A product has two arrows and took one multiplication forward, so the
#    backward pass costs a small constant times the forward pass, whatever the formula.
# 2. Two for each parameter: 66 here, two million there. Backward takes the time of a few forward passes in both cases.
# 3. From the inputs one pass follows the change of *one* parameter through the graph, to every number at once; so $P$ passes
#    are needed. From the end, one pass follows the one number $J$ back, and meets all the parameters. It is enough because
#    there is a single output; for one input and many outputs it would be the other way round.
#
# **Rubric** 1: one multiplication for each arrow, hence a constant times the cost of forward; 1: $2P$ forward passes, with
# both numbers; 1: $P$ passes from the inputs, one from the end, because $J$ is one number.
# ### END SOLUTION

# %% [markdown]
# How long is it really? One gradient of the net with your engine, and the forward passes that central differences need.
# **Expected**: the differences take several times as long, and with each further parameter longer.

# %% tags=["show"]
net = SmallNet(8)
points, wanted = x_train.tolist(), targets.tolist()
start = time.perf_counter()
training_step(net, points, wanted, 0.0)
one = time.perf_counter() - start
start = time.perf_counter()
for _ in range(2 * len(net.parameters())):  # 66
    sum((net.score(x).out - t) ** 2 for x, t in zip(points, wanted, strict=True))
differences = time.perf_counter() - start
print(f"forward and backward: {1000 * one:.0f} ms   66 forward passes: {1000 * differences:.0f} ms")


# %% [markdown]
# ## 8 · What `graph.py` does, in eight lines
#
# The library's `forward_graph` and `backward_graph` have run every graph of this course. Without their error messages they
# are these lines, and **your** `topological_order` does the sorting. It asked for nothing but `get_predecessors`, so it sorts the
# nodes of section 04 as well as numbers.

# %%
def forward_and_backward(J):
    order = topological_order(J)
    for node in order:
        node.forward()
    J.d_out = np.ones(np.shape(J.out))
    for node in order[::-1]:
        node.backward()
    return J.out


# %% tags=["show"]
a, b = ValueNode("a"), ValueNode("b")
a.out, b.out = np.array([0.6, -1.7, 2.2]), np.array([1.0, 0.4, -0.3])
J = SquaredL2DistanceNode(a, b, "J")
print("eight lines:", forward_and_backward(J), a.d_out)
forward = [node.forward() for node in sort_topological(J)]
backward_graph(J)
print("graph.py:   ", J.out, a.d_out)

# %% [markdown]
# And the other way round: the library's functions run your numbers.

# %% tags=["show"]
x = Number(1.1, node_name="x")
v = x * x
u = v * v
J = u * v
v.node_name, u.node_name, J.node_name = "v", "u", "J"
print([node.node_name for node in sort_topological(J)])
forward = [node.forward() for node in sort_topological(J)]
backward_graph(J)
print(f"graph.py: {x.d_out:.6f}   6 x⁵ = {6 * 1.1**5:.6f}")
draw_graph(J)
plt.show()

# %% [markdown]
# ## What you have now
#
# * An operator computes a value, and remembers its inputs with a slope for each.
# * Backward is the same for all operators: `input.d_out += d_out · slope`, in reverse topological order.
# * Every calculation builds the graph anew, so `if` and `for` need no special treatment.
# * One backward pass costs as much as a few forward passes, for any number of parameters.
#
# Between your engine and PyTorch lie arrays, speed and error messages, not another idea.

# %% [markdown]
# ## Go further
#
# * Chain 2,000 additions. If your `topological_order` calls itself, it stops with a `RecursionError`: write it with a loop.
# * Let `a ** b` take a `Number` as its exponent. For which $a$ has it no slope by $b$?
# * Let `out` be a numpy array. Which slopes stay as they are, and what replaces them for `@` and sums?
# * Multiply the slopes from the inputs to the end, along with the values (*forward mode*). When is that better?
