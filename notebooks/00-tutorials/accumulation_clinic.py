# %% [markdown]
# # Tutorial 4 · The accumulation clinic
#
# After this tutorial you can
#
# * name the two places where gradients add up, and the one where they must not,
# * recognise the four usual accidents by their symptoms: lost, shared, stale, repeated,
# * say what a second backward pass does, here and in PyTorch, and why the two differ.
#
# **Time** about 45 minutes. **Builds on** tutorial 1, computation graphs. Nothing here is graded.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import matplotlib.pyplot as plt
import numpy as np

from backprop.draw import draw_edges
from backprop.gradcheck import CheckFailed, check_node
from backprop.graph import backward_graph, forward_graph
from backprop.nodes import Node, ValueNode
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · Where gradients add
#
# | place | added | by whom |
# |---|---|---|
# | over **consumers** | one share from each node that uses a value | `+=` in every `backward` |
# | over **examples** | one gradient per example of a batch | the sum or mean in the objective |
# | over **passes** | *nothing*: each pass starts from zero | the reset in every `forward` |
#
# Nearly every accident of this clinic is a `+=` missing in the first row or a reset missing in the third.

# %% [markdown]
# The graph that most of our patients share. The value $x$ has two consumers: two gradients will arrive there.

# %% tags=["show"]
draw_edges([("x", "3x"), ("x", "x+4"), ("3x", "J"), ("x+4", "J")], operators={"J": "×"});


# %% [markdown]
# Two nodes are enough to build it. `LineNode` computes a slope times its input plus an offset, both fixed
# numbers; `ProductNode` is that of tutorial 1.

# %%
class LineNode(Node):
    """out = slope · a + offset; slope and offset are plain numbers."""

    def __init__(self, slope, offset, a, node_name):
        super().__init__(node_name)
        self.slope, self.offset, self.a = slope, offset, a

    def forward(self):
        self.out = self.slope * self.a.out + self.offset
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.slope

    def get_predecessors(self):
        return [self.a]


# %%
class ProductNode(Node):
    """out = a · b, entry by entry."""

    def __init__(self, a, b, node_name):
        super().__init__(node_name)
        self.a, self.b = a, b

    def forward(self):
        self.out = np.multiply(self.a.out, self.b.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * self.b.out
        self.b.d_out += self.d_out * self.a.out

    def get_predecessors(self):
        return [self.a, self.b]


# %%
def value(node_name, number):
    """A value node with its value set."""
    node = ValueNode(node_name)
    node.out = np.array(number, dtype=float)
    return node


# %% [markdown]
# A healthy graph first: $J = 3x \cdot (x + 4)$ at $x = 2$. **Guess** the two shares that arrive at $x$, and their sum, then
# step to the end.

# %%
x = value("x", 2)
J = ProductNode(LineNode(3, 0, x, "3x"), LineNode(1, 4, x, "x+4"), "J")
step_through(J, title="J = 3x·(x+4): two arrivals at x")


# %% [markdown]
# Both factors are 6. So $x+4$ receives 6 and sends $1 \cdot 6$; $3x$ receives 6 and sends $3 \cdot 6 = 18$. Together 24,
# and indeed the derivative of $3x^2 + 12x$ is $6x + 12 = 24$. One consumer comes first, the other adds to what it finds.

# %% [markdown]
# ## 2 · First patient: a share is lost
#
# **Wrong on purpose**: this `backward` assigns where it should add.

# %%
class AssigningLineNode(LineNode):
    """WRONG ON PURPOSE: = where += belongs."""

    def backward(self):
        self.a.d_out = self.d_out * self.slope


x = value("x", 2)
J = ProductNode(AssigningLineNode(3, 0, x, "3x"), AssigningLineNode(1, 4, x, "x+4"), "J")
step_through(J, title="WRONG ON PURPOSE: the second arrival replaces the first")


# %% [markdown]
# **Symptom**: right on a chain, too small where a value has two consumers. The check knows the symptom:

# %%
def try_node(node_class, *extra, **inputs):
    """Check a node and print the report, whether it passes or not."""
    try:
        check_node(node_class, *extra, **inputs)
    except CheckFailed as report:
        print(report)


try_node(AssigningLineNode, 3.0, 4.0, a=np.array([1.0, -2.0]))


# %% [markdown]
# ## 3 · Second patient: two names, one array
#
# An average hands half of its upstream gradient to each input: the same numbers twice. It looks harmless to hand over
# the same *array* twice. The next class does, and is **wrong on purpose**.

# %%
class SharingAverageNode(ProductNode):
    """WRONG ON PURPOSE: a and b end up with one and the same array as their d_out."""

    def forward(self):
        self.out = (self.a.out + self.b.out) / 2
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out = self.b.d_out = self.d_out / 2


# %%
x, y = value("x", [1.0, 2.0]), value("y", [5.0, 7.0])
average = SharingAverageNode(x, y, "average")
forward_graph(average)
average.d_out = np.array([1.0, 1.0])
average.backward()

x.d_out += 10  # a second consumer of x adds its share
print("x.d_out", x.d_out, "  y.d_out", y.d_out, "  same array:", x.d_out is y.d_out)

# %% [markdown]
# It should be 10.5 for $x$ and 0.5 for $y$: the share meant for $x$ turned up at $y$ too. An assignment in Python copies
# no numbers, it gives the same array a second name; `+=` then changes it under both. `a.d_out += ...` avoids this: every
# node keeps its own array. (`a.d_out = a.d_out + ...` is right as well: it makes a new array.)

# %% [markdown]
# ### Your turn
#
# What do these lines print? Decide first, then run the next cell.
#
# ```python
# g = np.zeros(2)
# h = g
# h += 1
# k = g
# k = k + 1
# print(g, h, k)
# ```

# %%
g = np.zeros(2)
h = g
h += 1
k = g
k = k + 1
print(g, h, k)


# %% [markdown]
# `h += 1` changed the one array that `g` and `h` both name. `k = k + 1` made a new array and gave it the name `k`; `g` did not
# notice.

# %% [markdown]
# ### Your turn: cure the average
#
# Write a `backward` that gives each input its half and leaves it an array of its own. The check is content when both
# lines say `ok`, with a `maxdiff` below 1e-9.

# %%
class MyAverageNode(SharingAverageNode):
    """out = (a + b) / 2, entry by entry.

    With d_out = [1, 3], a.d_out grows by [0.5, 1.5], and so does b.d_out.
    """

    def backward(self):
        raise NotImplementedError  # add to self.a.d_out and to self.b.d_out


pair = {"a": np.array([1.0, 2.0]), "b": np.array([5.0, 7.0])}
try_node(MyAverageNode, **pair)


# %% [markdown]
# The worked solution, folded: click on the three dots to open it.

# %% tags=["worked"]
class AverageNode(MyAverageNode):
    """out = (a + b) / 2, entry by entry: the worked solution."""

    def backward(self):
        self.a.d_out += self.d_out / 2
        self.b.d_out += self.d_out / 2


try_node(AverageNode, **pair)


# %% [markdown]
# ## 4 · Third patient: no reset
#
# `forward` puts `d_out` back to zero. The next class forgets it after the first time and is **wrong on purpose**.

# %%
class ForgetfulValueNode(ValueNode):
    """WRONG ON PURPOSE: d_out is reset only once."""

    def forward(self):
        if self.d_out is None:
            self.d_out = np.zeros(np.shape(self.out))
        return self.out


w = ForgetfulValueNode("w")
w.out = np.array(2.0)
J = ProductNode(w, w, "J")
for number in [1, 2, 3]:
    forward_graph(J)
    backward_graph(J)
    print(f"pass {number}: dJ/dw = {w.d_out}, it should be 4.0")


# %% [markdown]
# **Symptom**: the first pass is right, every later one too large. A gradient check with one pass is content. What does it
# do to training? Gradient descent on $J = w^2$ from $w = 2$, with step 0.05, both ways:

# %%
def descend(node_class, steps=60):
    """The values of w on the way down J = w²."""
    w = node_class("w")
    w.out, path = np.array(2.0), []
    J = ProductNode(w, w, "J")
    for _ in range(steps):
        forward_graph(J)
        backward_graph(J)
        path.append(float(w.out))
        w.out = w.out - 0.05 * w.d_out
    return path


# %% tags=["show"]
plt.figure(figsize=(8, 3.5))
plt.plot(descend(ValueNode), "o-", markersize=3, label="with the reset")
plt.plot(descend(ForgetfulValueNode), "s-", markersize=3, label="without the reset (wrong on purpose)")
plt.axhline(0, color="black", linewidth=0.6)
plt.xlabel("step")
plt.ylabel("w")
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2);

# %% [markdown]
# Without the reset every old gradient pushes for ever, like a ball that rolls through a valley without friction: it swings
# and never rests. On a training curve this looks like a step size that is too large, and people then turn the wrong knob.
#
# `get_gradients` of the library looks for this, and so does `check_graph`: it makes two passes.

# %% [markdown]
# ## 5 · When to reset
#
# Before `backward`, every `d_out` must be zero, except that of the last node, which is 1. In this course `forward` does the reset, so
# the rule is short: **one forward, then one backward**. Where is the reset in other places?
#
# | | who resets | when |
# |---|---|---|
# | this course | every node's `forward` | before each pass, without your doing |
# | PyTorch | you: `optimizer.zero_grad()` | when you want a new sum to start |
# | functions that *return* gradients | nobody needs to | each call makes new arrays |

# %% [markdown]
# ## 6 · Fourth patient: a second backward
#
# Now on purpose: one forward, two backward passes, nothing reset in between. $J = p^2$ with $p = w \cdot x$, so
# $\partial J/\partial w = 24$ at $w = 3$, $x = 2$. **Guess** what `w.d_out` holds after the second pass: 24, 48, or something else?

# %%
w, x = value("w", 3), value("x", 2)
p = ProductNode(w, x, "p")
J = ProductNode(p, p, "J")
step_through(J, title="J = (w·x)²: one forward, two backward passes", backward_passes=2)

# %% [markdown]
# 72, three times the gradient. The second pass adds 12 to the 12 that $p$ still holds, so $p$ hands on 24 instead of 12, and
# $w$ gets $24 \cdot x = 48$ **on top of** its 24. The values in between accumulate as well, not only the parameters.
#
# **Question.** And after a third pass?
#
# <details><summary>Answer</summary>
#
# $p$ holds $36$, sends $36 \cdot x = 72$, and $w$ holds $24 + 48 + 72 = 144$: six times the gradient, $1 + 2 + 3$.
#
# </details>

# %%
forward_graph(J)
for number in [1, 2, 3]:
    backward_graph(J)
    print(f"after backward {number}: p.d_out = {p.d_out}   w.d_out = {w.d_out} = {float(w.d_out) / 24:g} × 24")

# %% [markdown]
# ## 7 · The same in PyTorch
#
# PyTorch keeps a gradient, `.grad`, for *leaves* only: the tensors you made and marked with `requires_grad=True`. What
# flows through the values in between is thrown away after each `backward()`. So a second backward adds the gradient **once**
# more: 24, then 48, then 72. And since it frees what a second pass would need, you have to ask for it with `retain_graph=True`.

# %% tags=["show", "optional"]
try:
    import torch
except ImportError:
    print("PyTorch is not installed here; the cell would print 24, 48 and 72.")
else:
    w_torch = torch.tensor(3.0, requires_grad=True)
    J_torch = (w_torch * 2.0) ** 2
    for number in [1, 2, 3]:
        J_torch.backward(retain_graph=True)
        print(f"after backward {number}: w.grad = {w_torch.grad.item():g}")

# %% [markdown]
# The usual PyTorch accident is the third patient again: a training loop without `optimizer.zero_grad()`. There, each
# iteration runs a new forward, and `.grad` still sums the gradients of all iterations.

# %% [markdown]
# ## 8 · Accumulation on purpose
#
# Gradients add over examples, so a batch that is too large for the memory can be taken in parts: sum the gradients of
# the parts, then make **one** step. For $J = \sum_i (w x_i - y_i)^2$, twelve examples at once and in three parts:

# %%
rng = np.random.default_rng(0)
xs, ys, w = rng.normal(size=12), rng.normal(size=12), 0.7


def gradient(part):
    """∂/∂w of the sum of (w·x − y)² over some of the examples."""
    return np.sum(2 * (w * xs[part] - ys[part]) * xs[part])


accumulated = 0.0
for part in [slice(0, 4), slice(4, 8), slice(8, 12)]:
    accumulated += gradient(part)
print(f"at once {gradient(slice(None)):.12f}   in parts {accumulated:.12f}")

# %% [markdown]
# **Question.** The objective is now the *mean* over the batch, and each part returns the mean over its four examples.
# What has to change so that the result is right?
#
# <details><summary>Answer</summary>
#
# The sum of three means of four is three times the mean of twelve: divide by the number of parts. If the parts differ
# in size, weight each with its share of the examples.
#
# </details>

# %% [markdown]
# ## What to remember
#
# | symptom | cause | cure |
# |---|---|---|
# | right on a chain, too small with two consumers | `=` for `+=` | add |
# | a gradient changes though nobody touched it | two names for one array | `+=` into one's own array, or a new array |
# | first pass right, later ones grow | no reset | `d_out = np.zeros(...)` in `forward`; `zero_grad()` in PyTorch |
# | 1, 3, 6 times the gradient | several backward passes after one forward | one forward, one backward |
#
# **Go further**: make $J = ((w^2)^2)^2$, three products in a row. What does `w.d_out` hold after two backward passes? Predict the
# factor, then look with `step_through(J, backward_passes=2)`.
