# %% [markdown]
# # Tutorial 1 · Computation graphs from zero
#
# After this tutorial you can
#
# * cut a formula into small steps and draw them as a graph,
# * write a *node*: one step, with its value (forward) and its derivative (backward),
# * say why gradients are **added** when a variable is used twice,
# * run any graph forward and backward in the right order, and use it as a function to be learned.

# %% [markdown]
# **Time** about 60 minutes. **Builds on** derivatives of one variable, the chain rule, Python classes, numpy arrays.
# Nothing here is graded.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import numpy as np

from backprop.draw import draw_edges, draw_graph
from backprop.gradcheck import CheckFailed, check_graph, check_node
from backprop.graph import ComputationGraphFunction, backward_graph, forward_graph, sort_topological
from backprop.nodes import SquaredL2DistanceNode
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · A formula is a chain of small steps
#
# Take $J = (w \cdot x)^2$ with $w = 3$ and $x = 2$. A computer does it in two steps, and gives the result in between a
# name, $p$:

# %%
w, x = 3.0, 2.0
p = w * x
J = p**2
print("p =", p, "  J =", J)

# %% [markdown]
# How fast does $J$ change when $w$ changes? The chain rule multiplies the derivatives of the steps, from the end to the
# beginning:
#
# $$\frac{\partial J}{\partial p} = 2p = 12 \qquad
# \frac{\partial J}{\partial w} = \frac{\partial J}{\partial p} \cdot \frac{\partial p}{\partial w} = 12 \cdot x = 24$$
#
# (∂ in place of d says that the result depends on several values, and all others are held still.)
#
# Each factor needs one step and the numbers at that step, nothing else. That is the whole idea of *back-propagation*;
# the rest of this tutorial turns it into code that works for every formula.

# %%
dJ_dp = 2 * p
dJ_dw = dJ_dp * x
dJ_dx = dJ_dp * w
print("dJ/dp =", dJ_dp, "  dJ/dw =", dJ_dw, "  dJ/dx =", dJ_dx)

# %% [markdown]
# The same as a picture, a *computation graph*: a box for each value, an arrow wherever one value is computed from
# another. Above each arrow stands the value that flows along it; below, in red, its *gradient*: the derivative of $J$
# with respect to that value, which comes back from the right.

# %% tags=["show"]
draw_edges(
    [("w", "p"), ("x", "p"), ("p", "J")],
    values={"w": w, "x": x, "p": p, "J": J},
    gradients={"w": dJ_dw, "x": dJ_dx, "p": dJ_dp, "J": 1},
    operators={"p": "w · x", "J": "p²"},
);

# %% [markdown]
# Is 24 right? Move $w$ a little to both sides and look at how far $J$ moves. This is a *finite difference*; it is never
# exact, but it knows nothing of our chain rule, so it makes a good witness.

# %%
h = 1e-4
print(f"{(((w + h) * x) ** 2 - ((w - h) * x) ** 2) / (2 * h):.6f}")


# %% [markdown]
# ## 2 · A node: one step, with a memory
#
# Each step becomes an object, a *node*. It carries
#
# | attribute | meaning |
# |---|---|
# | `node_name` | what we call it |
# | `out` | its value, once computed |
# | `d_out` | $\partial J/\partial\,\texttt{out}$: how fast the final result $J$ changes with this value |
#
# and three methods: `forward()` computes `out`, `backward()` hands gradients on to the nodes it reads from,
# `get_predecessors()` lists those nodes. This is the *node protocol*; the course library asks for nothing more.

# %% [markdown]
# The first node has nothing to compute: it holds a value that somebody sets from outside. Its `forward` does one thing
# that matters later: it puts `d_out` back to zero, in the shape of `out`.

# %%
class ValueNode:
    """A value set from outside: an input or a parameter. out: array of any shape."""

    def __init__(self, node_name):
        self.node_name = node_name
        self.out = self.d_out = None

    def forward(self):
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        return self.d_out

    def get_predecessors(self):
        return []


# %% [markdown]
# ## 3 · Square
#
# $$\texttt{out} = a^2 \qquad \frac{\partial\,\texttt{out}}{\partial a} = 2a$$
#
# In `backward` the node knows its own `d_out`, which is $\partial J/\partial\,\texttt{out}$; we call it the *upstream
# gradient*, $g$ in formulas. The chain rule says what belongs to its input:
#
# $$\frac{\partial J}{\partial a} = g \cdot 2a$$
#
# It is **added** to `a.d_out`, with `+=`. Section 6 shows why.

# %%
class SquareNode:
    """out = a², entry by entry."""

    def __init__(self, a, node_name):
        self.a, self.node_name = a, node_name
        self.out = self.d_out = None

    def forward(self):
        self.out = np.square(self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * 2 * self.a.out

    def get_predecessors(self):
        return [self.a]


# %% [markdown]
# Try it: $J = a^2$ at $a = 3$. The last node of a graph starts with `d_out` equal to 1, since
# $\partial J / \partial J = 1$. We expect 9 and the derivative $2 \cdot 3 = 6$.

# %%
a = ValueNode("a")
a.out = np.array(3.0)
J = SquareNode(a, "J")

a.forward()
J.forward()
J.d_out = np.array(1.0)
J.backward()
print("J =", J.out, "  dJ/da =", a.d_out)

# %% [markdown]
# `draw_graph` draws a graph of nodes with the numbers they hold: values above the arrows, gradients below.

# %% tags=["show"]
draw_graph(J);

# %% [markdown]
# ## 4 · Steps in a row
#
# The output of a node may be the input of the next. Two squares make a fourth power, $J = (a^2)^2 = a^4$, with the
# derivative $4a^3 = 108$ at $a = 3$. No new code is needed: each node knows its own step.

# %%
s = SquareNode(a, "s")
J = SquareNode(s, "J")

for node in [a, s, J]:  # forward: from the input to the result
    node.forward()
J.d_out = np.array(1.0)
for node in [J, s, a]:  # backward: the other way round
    node.backward()
print("J =", J.out, "  dJ/ds =", s.d_out, "  dJ/da =", a.d_out)


# %% [markdown]
# **Question.** `s.backward()` computed $18 \cdot 2 \cdot 3 = 108$. Where does the 18 come from, and what would happen if
# `s.backward()` ran before `J.backward()`?
#
# <details><summary>Answer</summary>
#
# 18 is `s.d_out`: $\partial J/\partial s = 2s = 2 \cdot 9$, put there by `J.backward()`. Run too early, `s` would still
# hold the zero from its `forward`, and `a` would receive $0 \cdot 2 \cdot 3 = 0$. So the order matters: a node may run
# `backward` only after every node that *uses* it.
#
# </details>

# %% [markdown]
# ## 5 · Product: two inputs
#
# $$\texttt{out} = a \cdot b \qquad \frac{\partial J}{\partial a} = g \cdot b \qquad
# \frac{\partial J}{\partial b} = g \cdot a$$
#
# A node with two inputs hands a gradient to each of them. For a product, each input gets the *other* one as its factor.

# %%
class ProductNode:
    """out = a · b, entry by entry; a and b have one shape."""

    def __init__(self, a, b, node_name):
        self.a, self.b, self.node_name = a, b, node_name
        self.out = self.d_out = None

    def forward(self):
        self.out = np.multiply(self.a.out, self.b.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.b.out
        self.b.d_out += self.d_out * self.a.out

    def get_predecessors(self):
        return [self.a, self.b]


# %% [markdown]
# With these three classes, $J = (w x)^2$ from the beginning is a graph. Setting a value and naming it takes two lines
# each time, so a small function does it.

# %%
def value(node_name, number):
    """A value node with its value set."""
    node = ValueNode(node_name)
    node.out = np.array(number, dtype=float)
    return node


w, x = value("w", 3), value("x", 2)
p = ProductNode(w, x, "p")
J = SquareNode(p, "J")

# %% [markdown]
# Press **Next** (after the first click the → key does the same) and watch: values go from left to right, gradients from
# right to left. Under each gradient stands what it is made of, **upstream · local**. The numbers 12, 24 and 36 of section 1
# come back.

# %%
step_through(J, title="J = (w·x)²")


# %% [markdown]
# ### Your turn: `ExpNode`
#
# $\texttt{out} = e^{a}$, and its derivative is $e^{a}$ again. Fill the two gaps below, then run the cell after it. One
# hint: in `backward` the number $e^{a}$ has been computed already.

# %%
class MyExpNode:
    """out = exp(a), entry by entry.

    >>> MyExpNode(value("a", [0, 1]), "e").forward()
    array([1.        , 2.71828183])
    """

    def __init__(self, a, node_name):
        self.a, self.node_name = a, node_name
        self.out = self.d_out = None

    def forward(self):
        raise NotImplementedError  # set self.out, reset self.d_out, return self.out

    def backward(self):
        raise NotImplementedError  # add to self.a.d_out

    def get_predecessors(self):
        return [self.a]


# %% [markdown]
# `check_node` compares the gradients of a node (`exact`) with finite differences (`approx`), on numbers you give it, and
# says in words what is wrong. It stops with an error when something is; here we print its report instead, so that the
# notebook goes on. A right node shows `ok` and a `maxdiff` below 1e-9.
#
# Of an array you see one entry: the largest, or the first that is wrong.

# %%
def try_node(node_class, **inputs):
    """Check a node and print the report, whether it passes or not."""
    try:
        check_node(node_class, **inputs)
    except CheckFailed as report:
        print(report)


try_node(MyExpNode, a=np.array([0.5, -1.2, 2.0]))


# %% [markdown]
# The worked solution follows, folded: click on the three dots to open it. It uses `self.out` in `backward`: what `forward` has computed is there to be used.

# %% tags=["worked"]
class ExpNode(MyExpNode):
    """out = exp(a), entry by entry: the worked solution."""

    def forward(self):
        self.out = np.exp(self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.out


try_node(ExpNode, a=np.array([0.5, -1.2, 2.0]))

# %% [markdown]
# Why is the number under `exact` not $e^2 = 7.39$? The check draws a random upstream gradient, and $e^2$ is multiplied by
# it. With an upstream gradient of 1 nobody would notice that it was forgotten.

# %% [markdown]
# ## 6 · One input, used twice
#
# Now the point where most mistakes are made. Let
#
# $$p = x \cdot y \qquad q = x^2 \qquad J = p \cdot q \qquad (= x^3 y)$$
#
# with $x = 2$, $y = 3$. The value $x$ has two *consumers*, $p$ and $q$. When $x$ moves, $J$ moves for two reasons, and
# the chain rule for several variables adds them:
#
# $$\frac{\partial J}{\partial x}
# = \underbrace{\frac{\partial J}{\partial p}\frac{\partial p}{\partial x}}_{q \cdot y \,=\, 12}
# + \underbrace{\frac{\partial J}{\partial q}\frac{\partial q}{\partial x}}_{p \cdot 2x \,=\, 24} = 36$$

# %%
x, y = value("x", 2), value("y", 3)
p = ProductNode(x, y, "p")
q = SquareNode(x, "q")
J = ProductNode(p, q, "J")
step_through(J, title="J = (x·y)·x²: two gradients arrive at x")


# %% [markdown]
# Go to the last steps. One of the two consumers runs first and leaves its share in `x.d_out`; the other finds it there
# and adds its own. Neither knows of the other, and neither needs to: `+=` is what makes a node independent of
# the rest of the graph. The derivative of $x^3 y$ agrees: $3x^2y = 36$.

# %% [markdown]
# What if a node writes `=` where `+=` belongs? The next class is **wrong on purpose**: its `backward` assigns.

# %%
class AssigningSquareNode(SquareNode):
    """WRONG ON PURPOSE: backward() assigns where it should add."""

    def backward(self):
        self.a.d_out = self.d_out * 2 * self.a.out


p, q = ProductNode(x, y, "p"), AssigningSquareNode(x, "q")
for J in [ProductNode(q, p, "q·p"), ProductNode(p, q, "p·q")]:
    forward_graph(J)  # all forward(), in the right order; section 7 shows how
    backward_graph(J)  # all backward(), in reverse
    print(f"J = {J.node_name}:  dJ/dx = {x.d_out}")

# %% [markdown]
# The same product, written in two ways, and two answers. In the first, $q$ runs last and wipes out the 12 that $p$ had left.
# In the second, $q$ runs first, finds a zero, and the result 36 is right **by luck**. A test on one chain would
# never notice. `check_node` lets every input feed a second node as well, and does:

# %%
try_node(AssigningSquareNode, a=np.array(1.5))


# %% [markdown]
# ## 7 · The order, found automatically
#
# Forward needs every node *after* the nodes it reads from. Such an order is called *topological*. Backward runs
# it in reverse: then every node comes after all its consumers, and its `d_out` is complete.
#
# To find it: before a node enters the list, its predecessors do. Written as a function that calls itself:

# %%
def topological(node, order):
    """Append to order the nodes that node depends on, then the node; each once."""
    if any(node is other for other in order):
        return order
    for predecessor in node.get_predecessors():
        topological(predecessor, order)
    order.append(node)
    return order


J = ProductNode(ProductNode(x, y, "p"), SquareNode(x, "q"), "J")
print([node.node_name for node in topological(J, [])])

# %% [markdown]
# The library has the same as `sort_topological`, fast on large graphs, with a clear message when a graph has a cycle;
# and two loops that use it: `forward_graph(J)` and `backward_graph(J)`, which also sets `J.d_out` to 1.

# %%
print([node.node_name for node in sort_topological(J)])
forward_graph(J)
backward_graph(J)
print("J =", J.out, "  dJ/dx =", x.d_out, "  dJ/dy =", y.d_out)

# %% tags=["show"]
draw_graph(J);

# %% [markdown]
# **Question.** Would it do to go backwards level by level: first $J$, then every node one arrow away from $J$, then every
# node two arrows away, and so on? Try it in your head on $v = x^2,\; u = v^2,\; J = u \cdot v$.

# %% [markdown]
# <details><summary>Answer</summary>
#
# No. Both $u$ and $v$ are one arrow away from $J$, so nothing stops $v$ from running before $u$. Then $v$ passes on what
# came from $J$ alone; the share that $u$ adds to `v.d_out` afterwards never reaches $x$. In reverse topological order
# $u$ comes first, since $u$ reads from $v$.
#
# </details>

# %% [markdown]
# ## 8 · A graph as a function to be learned
#
# Learning needs a graph in three roles: *inputs* (features of one example), *outcomes* (what should come out) and
# *parameters* (what may be changed). `ComputationGraphFunction` keeps them by name.
#
# Our model for a growing quantity: prediction $\hat y = e^{w x}$, objective $J = (\hat y - y)^2$. The library brings the
# node for the squared distance.

# %%
x, y, w = ValueNode("x"), ValueNode("y"), ValueNode("w")
prediction = ExpNode(ProductNode(w, x, "wx"), "prediction")
objective = SquaredL2DistanceNode(prediction, y, "J")

growth = ComputationGraphFunction(
    inputs=[x], outcomes=[y], parameters=[w], prediction=prediction, objective=objective
)

# %% [markdown]
# It goes in by name and comes out by name. With $w = 0.5$ and $x = 2$ the prediction is $e^1 = 2.718$; the outcome was 4.

# %%
growth.set_parameters({"w": 0.5})
print("prediction", growth.get_prediction({"x": 2.0}))
J_now, gradients = growth.get_gradients({"x": 2.0}, {"y": 4.0})
print("J", J_now, "  gradients", gradients)

# %% tags=["show"]
draw_graph(growth);

# %% [markdown]
# Before training, check all gradients of the graph at once. The table has one line per parameter: `exact` is what our
# `backward` methods gave, `approx` the finite difference. You will meet it in every section.

# %%
check_graph(growth, {"x": 2.0}, {"y": 4.0}, {"w": 0.5})

# %% [markdown]
# *Gradient descent* moves each parameter a small step against its gradient, again and again:
#
# $$w \leftarrow w - 0.01\,\frac{\partial J}{\partial w}$$
#
# $J$ falls where the gradient is right. The exact answer is $w = \ln(4)/2 = 0.693$.

# %%
growth.set_parameters({"w": 0.5})
for step in range(8):
    J_now, gradients = growth.get_gradients({"x": 2.0}, {"y": 4.0})
    print(f"step {step}   w = {float(growth.name_to_node['w'].out):.4f}   J = {float(J_now):.6f}")
    growth.increment_parameters({"w": -0.01 * gradients["w"]})

# %% [markdown]
# ## What to remember
#
# * A graph is a formula cut into steps. A node knows its step: `forward` for the value, `backward` for
#   *upstream gradient times local derivative*.
# * Gradients **add up** where a value has several consumers, so `backward` uses `+=` and `forward` resets `d_out`.
# * Forward runs in topological order, backward in reverse. A gradient has the shape of its variable.

# %% [markdown]
# **Next** The tutorial on linear regression puts this framework to work on data. **Go further**: build
# $J = e^{x^2} \cdot x$ from the nodes above, guess how many gradients arrive at $x$, and look with `step_through`. Then read
# the library's `backprop/graph.py`: you know all its ideas.
