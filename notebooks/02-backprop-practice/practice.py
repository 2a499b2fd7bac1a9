# %% [markdown]
# # 02 · Back-propagation practice: from numbers to matrices
#
# After this section you can
#
# * differentiate along many paths at once, and write that as one matrix product,
# * derive every gradient of a two-layer network on paper, with indices, and *check* your derivation on random numbers,
# * take one gradient step without the classic mistake,
# * say what a gradient costs, why zero is a bad start, and what a narrow layer buys.

# %% [markdown]
# **Time** about two and a half hours; the seven parts can be done on different days. **Builds on** section 01: upstream, local,
# downstream, and that gradients of a value used twice add up. **Points** 73.

# %% [markdown]
# **In which order?** This is the steepest step of the series. Parts 1 and 2 (half an hour, 8 points) are all that
# [section 03](../03-relu-net-by-hand/relu_net.ipynb) needs. You may do section 03 right after them: it finds the
# gradients of one small network in numbers. Parts 3 to 7 then find those of any network in letters, and part 4 will look
# familiar. All of it belongs to this section's hand-in, whenever you do it.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

from backprop.draw import draw_edges
from backprop.gradcheck import check_edges, check_function, check_values

# %% [markdown]
# ## 1 · Many paths
#
# A value $u$ feeds two steps, $p = 2u$ and $q = u^2$, and both feed $f = p\,q$. Nudge $u$, and $f$ feels it twice: once
# by way of $p$, once by way of $q$.
#
# $$\frac{df}{du} = \underbrace{q \cdot 2}_{\text{through } p} + \underbrace{p \cdot 2u}_{\text{through } q}$$
#
# At $u = 3$ that is $9 \cdot 2 + 6 \cdot 6 = 54$. Values stand above the arrows, gradients below.

# %% tags=["show"]
draw_edges(
    [("u", "p"), ("u", "q"), ("p", "f"), ("q", "f")],
    values={"u": 3.0, "p": 6.0, "q": 9.0, "f": 54.0},
    gradients={"u": 54.0, ("u", "p"): 18.0, ("u", "q"): 36.0, "p": 9.0, "q": 6.0, "f": 1.0},
    operators={"p": "×2", "q": "square", "f": "×"},
);

# %% [markdown]
# Now in general. One variable $w$ feeds $n$ functions, and their values $x_i = g_i(w)$ are the inputs of one function:
#
# $$f\bigl(g_1(w), g_2(w), \ldots, g_n(w)\bigr)$$
#
# **Exercise 1** (2 points). Draw it for $n = 3$: one pair `(from, to)` for each arrow, with the names `"w"`, `"x1"`, `"x2"`,
# `"x3"` and `"f"`.

# %% nbgrader={"grade_id": "many_paths", "solution": true}
many_paths = [("w", "x1")]  # add the other arrows
### BEGIN SOLUTION
many_paths = [("w", "x1"), ("w", "x2"), ("w", "x3"), ("x1", "f"), ("x2", "f"), ("x3", "f")]
### END SOLUTION

# %% tags=["show"]
# Expected picture: w on the left, f on the right, three boxes between them. How many ways lead from w to f?
draw_edges(many_paths);


# %% nbgrader={"grade": true, "grade_id": "many_paths_check", "points": 2}
# w leads to each x_i, and each x_i to f. Expected: three arrows out of w, and three into f.
def _check():
    def arrows():
        check_edges(many_paths, arrows={"x1": 1, "x2": 1, "x3": 1, "f": 3}, inputs="w", result="f", title="many_paths")
        starts, ends = [start for start, _ in many_paths], [end for _, end in many_paths]
        return {"out of w": starts.count("w"), "into f": ends.count("f")}

    check_values("many_paths", arrows, {"out of w": 3, "into f": 3})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/many_paths_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Question 1** (3 points).
#
# 1. Write $\dfrac{df}{dw}$ in terms of $\dfrac{\partial f}{\partial x_i}$ and $\dfrac{dx_i}{dw}$. Why is it a sum, and what
#    does each term stand for in your drawing?
# 2. Now let $w$ be a vector, $w \in \mathbb{R}^d$. Collect $\dfrac{\partial f}{\partial x_i}$ in a row with $n$ entries, and
#    $\dfrac{\partial x_i}{\partial w_k}$ in a table with $n$ rows and $d$ columns (the *Jacobian*). Write
#    $\dfrac{\partial f}{\partial w}$ as one product. What shape does it have?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_many_paths", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# 1. $$\frac{df}{dw} = \sum_{i=1}^{n} \frac{\partial f}{\partial x_i}\,\frac{dx_i}{dw}$$
#    A small change $\varepsilon$ of $w$ changes every $x_i$, by $\frac{dx_i}{dw}\varepsilon$, and to first order these changes
#    act on $f$ independently, so their effects add. Each term is one path from $w$ to $f$: the product of the derivatives along
#    its two arrows.
# 2. For each $k$ the same sum gives $\frac{\partial f}{\partial w_k} = \sum_i \frac{\partial f}{\partial x_i}
#    \frac{\partial x_i}{\partial w_k}$. That is a row times a matrix,
#    $$\frac{\partial f}{\partial w} = \frac{\partial f}{\partial x}\,\frac{\partial x}{\partial w}
#    \qquad (1 \times n)(n \times d) = (1 \times d).$$
#
# **Rubric** 1: the sum over $i$ of products; 1: each term is a path, and effects of small changes add; 1: row times
# Jacobian, with $d$ entries.
# ### END SOLUTION

# %% [markdown]
# **Exercise 2** (3 points). The same as code, for both cases: `dx_dw` has shape `(n,)` when $w$ is a number, and `(n, d)`
# when $w$ is a vector.

# %% [markdown]
# The numbers in the example come from the small network that goes through this whole course; section 03 draws all of
# it. Here is one corner: the unit $h_0[0] = 10$ feeds three units with the weights 3, −5 and 3, and those feed the
# prediction $\hat y$ with the weights 1, 3 and −3. Below an arrow out of $h_0[0]$ stands the product along that path,
# such as $-5 \cdot 3 = -15$; below the box, what you are asked for.

# %% tags=["show"]
units = ["h1[0]", "h1[1]", "h1[2]"]
draw_edges(
    [("h0[0]", unit) for unit in units] + [(unit, "ŷ") for unit in units],
    values={"h0[0]": 10.0, "h1[0]": 260.0, "h1[1]": 120.0, "h1[2]": 140.0, "ŷ": 200.0},
    gradients={"h0[0]": -21.0, ("h0[0]", "h1[0]"): 3.0, ("h0[0]", "h1[1]"): -15.0, ("h0[0]", "h1[2]"): -9.0,
               "h1[0]": 1.0, "h1[1]": 3.0, "h1[2]": -3.0, "ŷ": 1.0},
);


# %% nbgrader={"grade_id": "total_derivative", "solution": true}
def total_derivative(df_dx, dx_dw):
    """The derivative of f(x_1(w), ..., x_n(w)) with respect to w.

    df_dx   : shape (n,), entry i is ∂f/∂x_i
    dx_dw   : shape (n,), entry i is dx_i/dw       or shape (n, d), entry [i, k] is ∂x_i/∂w_k
    returns : a number                             or shape (d,)

    >>> total_derivative(np.array([1.0, 3.0, -3.0]), np.array([3.0, -5.0, 3.0]))
    -21.0
    """
    ### BEGIN SOLUTION
    return df_dx @ dx_dw
    ### END SOLUTION


# %% [markdown]
# A check prints an *agreement table*, one line per variable. **yours** or **exact** is the largest entry of your result (or
# the first wrong one). **right** is the same entry as it should be; **approx** has been measured, by moving the
# variable a little. **maxdiff** is the largest distance over *all* entries.

# %% nbgrader={"grade": true, "grade_id": "total_derivative_check", "points": 3}
# Expected: seven times "ok" with a maxdiff below 1e-8. By hand: -21, a list with 4, then -21, 4, 11.
def _check():
    last = np.array([1.0, 3.0, -3.0])
    middle = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]])
    # With lambda: the check itself calls your code, and an error in it becomes one sentence.
    check_values("the small network",
                 lambda: {"∂ŷ/∂h0[0]": total_derivative(last, middle[:, 0]),
                          "∂ŷ/∂h0[1:2]": total_derivative(last, middle[:, 1:2]),
                          "∂ŷ/∂h0": total_derivative(last, middle)},
                 {"∂ŷ/∂h0[0]": -21.0, "∂ŷ/∂h0[1:2]": [4.0], "∂ŷ/∂h0": [-21.0, 4.0, 11.0]}, scalar_like=False,
                 mistakes={"∂ŷ/∂h0": {"wrong_argument:rows and columns of dx_dw are exchanged": [[0.0, -2.0, 12.0]]}})

    def through_three(w):  # x = (w², sin w, exp w) and f = x_1 x_2 + x_3
        x, dx_dw = np.array([w**2, np.sin(w), np.exp(w)]), np.array([2 * w, np.cos(w), np.exp(w)])
        df_dx = np.array([x[1], x[0], 1.0])
        return x[0] * x[1] + x[2], (total_derivative(df_dx, dx_dw),)

    check_function(through_three, 0.7)
    rates = np.array([[0.3, -1.7], [2.9, 0.0], [0.7, 1.1]])
    pairs = {"f": (np.array([2.0, 0.0, -3.0]), rates), "g": (last, rates), "h": (last, rates[:, ::-1] + 0.4)}
    check_values("with zeros and fractions", lambda: {f"∂{name}/∂w": total_derivative(*pairs[name]) for name in pairs},
                 {"∂f/∂w": [-1.5, -6.7], "∂g/∂w": [6.9, -5.0], "∂h/∂w": [-4.6, 7.3]},
                 mistakes={"∂g/∂w": {"shared_state": np.array([-1.5, -6.7])},
                           "∂h/∂w": {"shared_state": np.array([6.9, -5.0])}})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/total_derivative_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · Rows, columns, shapes: one convention
#
# A row times a Jacobian gives a row. Books that call this the **derivative** lay it out with the variable's axes turned
# round. Programs use the **gradient**: an array of the *same shape as the variable*, so that `W -= epsilon * dW` makes
# sense. The numbers are the same, and one is the transpose of the other:
#
# | variable | shape | derivative (row layout) | gradient (this course) |
# |---|---|---|---|
# | vector $w$ | $(d{,})$ | $1 \times d$ | `dw`, shape `(d,)` |
# | matrix $W$ | $(m, d)$ | $d \times m$ | `dW`, shape `(m, d)` |

# %% [markdown]
# From here on $\partial f/\partial W$ is the gradient, and `dW` is its name in code. The
# [layout Rosetta stone](../00-tutorials/layouts.ipynb), tutorial 5 of section 00, has the whole story, batches included.
#
# **A good place for a break.** [Section 03](../03-relu-net-by-hand/relu_net.ipynb) may come now; parts 3 to 7 are easier
# after it.

# %% [markdown]
# ## 3 · A sum of units
#
# A *unit* computes $\varphi(w_i^\top x + b_i)$: a weighted sum of its inputs, plus a bias, through a curved function $\varphi$.
# Here the outputs of $n$ units are added, and the sum should be near $y$:
#
# $$f(W, b, x, y) = \Bigl(y - \sum_{i=1}^{n} \varphi(w_i^\top x + b_i)\Bigr)^2$$
#
# $x, w_i \in \mathbb{R}^d$; $b_i$ and $y$ are numbers. Row $i$ of the matrix $W$, shape $(n, d)$, is $w_i$. Cut into steps:
#
# $$z_i = w_i^\top x + b_i \qquad h_i = \varphi(z_i) \qquad s = \textstyle\sum_i h_i \qquad r = y - s \qquad f = r^2$$

# %% [markdown]
# **Exercise 3** (2 points). Draw it for two units, with the names `"x"`, `"w1"`, `"b1"`, `"z1"`, `"h1"`, `"w2"`, `"b2"`,
# `"z2"`, `"h2"`, `"s"`, `"y"`, `"r"`, `"f"`. A vector such as $w_1$ is one node here. Go through the five formulas and
# draw an arrow from each symbol on the right to the one on the left.

# %% nbgrader={"grade_id": "unit_sum_edges", "solution": true}
unit_sum_edges = [("w1", "z1")]  # add the other arrows: 13 in all
### BEGIN SOLUTION
unit_sum_edges = [
    ("w1", "z1"), ("x", "z1"), ("b1", "z1"), ("w2", "z2"), ("x", "z2"), ("b2", "z2"),
    ("z1", "h1"), ("z2", "h2"), ("h1", "s"), ("h2", "s"), ("s", "r"), ("y", "r"), ("r", "f"),
]
### END SOLUTION

# %% tags=["show"]
# Expected picture: two rows, one for each unit, which meet in s; x is the only input that both of them use.
draw_edges(unit_sum_edges, operators={"h1": "φ", "h2": "φ", "s": "+", "r": "−", "f": "square"});


# %% nbgrader={"grade": true, "grade_id": "unit_sum_edges_check", "points": 2}
# Every name but f is used by a later step; z takes three inputs, s and r take two.
def _check():
    def arrows():
        starts = [start for start, _ in unit_sum_edges]
        into = {"z1": 3, "z2": 3, "h1": 1, "h2": 1, "s": 2, "r": 2, "f": 1}
        inputs = ["w1", "b1", "w2", "b2", "x", "y"]
        check_edges(unit_sum_edges, arrows=into, inputs=inputs, result="f", title="unit_sum_edges")
        for name in ["w1", "b1", "z1", "h1", "w2", "b2", "z2", "h2", "s", "y", "r"]:
            assert starts.count(name) == 1, f"{name}: expected 1 arrow out, found {starts.count(name)}."
        return {"arrows": len(set(map(tuple, unit_sum_edges)))}

    check_values("unit_sum_edges", arrows, {"arrows": 13})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/unit_sum_edges_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# For $\varphi$ take the *sigmoid* $\sigma(z) = \dfrac{1}{1 + e^{-z}}$, a smooth step from 0 to 1. Its slope can be written with its
# own value: $\sigma'(z) = \sigma(z)\,(1 - \sigma(z))$, largest (¼) at $z = 0$.

# %%
def sigmoid(z):
    """1 / (1 + exp(-z)) for each entry of z."""
    return 1 / (1 + np.exp(-z))


# %% [markdown]
# **Question 2** (4 points). Walk back through your drawing, from $f$ to the left, one arrow at a time, and derive
#
# $$\frac{\partial f}{\partial w_i} \qquad\text{and}\qquad \frac{\partial f}{\partial b_i}$$
#
# in terms of $W$, $b$, $x$ and $y$. Give each intermediate derivative a line of its own. Which part of the result is the
# same for all units?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_unit_sum", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# $$\frac{\partial f}{\partial r} = 2r \qquad
# \frac{\partial f}{\partial s} = \frac{\partial f}{\partial r} \cdot (-1) = -2r \qquad
# \frac{\partial f}{\partial h_i} = \frac{\partial f}{\partial s} \cdot 1 = -2r$$
#
# $$\frac{\partial f}{\partial z_i} = \frac{\partial f}{\partial h_i}\,\sigma'(z_i) = -2r\,\sigma(z_i)\,(1 - \sigma(z_i))$$
#
# $z_i = w_i^\top x + b_i$, so $\partial z_i/\partial w_i = x$ and $\partial z_i / \partial b_i = 1$. With $r = y - \sum_j \sigma(z_j)$:
#
# $$\frac{\partial f}{\partial w_i} = 2\Bigl(\sum_{j=1}^n \sigma(w_j^\top x + b_j) - y\Bigr)
# \sigma(w_i^\top x + b_i)\bigl(1 - \sigma(w_i^\top x + b_i)\bigr)\,x$$
#
# and $\partial f / \partial b_i$ is the same without the factor $x$. (In row layout: $x^\top$ in place of $x$.) The factor in the
# large brackets is the same for all units: every unit hears of the same error, scaled by its own slope.
#
# **Rubric** 1: $2r$ and the minus sign of $r = y - s$; 1: the slope $\sigma(z_i)(1 - \sigma(z_i))$ of the *own* unit; 1: the factor
# $x$ for $w_i$, 1 for $b_i$ (row or column accepted when said); 1: the sum over *all* units stays inside, and is the
# common part. One line put together without intermediate steps: at most 3.
# ### END SOLUTION

# %% [markdown]
# **Exercise 4** (6 points). Your derivation as code, for all units at once: no loop is needed. The value comes first, then
# the gradients in a tuple, as in section 01.
#
# What does the shape of `dW` tell you? It has an entry for each unit $i$ and each input $k$: entry $[i, k]$ is
# something of unit $i$ times something of input $k$. NumPy calls this `np.outer`.

# %% nbgrader={"grade_id": "sigmoid_net_gradients", "solution": true}
def sigmoid_net_gradients(W, b, x, y):
    """f = (y - Σ_i sigmoid(w_i·x + b_i))² and its gradients.

    W       : shape (n, d), one row for each unit
    b, x, y : shape (n,), shape (d,), a number
    returns : f, (dW, db)      a number, and gradients of the shapes of W and b

    >>> sigmoid_net_gradients(np.zeros((3, 2)), np.zeros(3), np.array([1.0, 2.0]), 1.0)
    (0.25, (array([[0.25, 0.5], [0.25, 0.5], [0.25, 0.5]]), array([0.25, 0.25, 0.25])))
    """
    ### BEGIN SOLUTION
    h = sigmoid(W @ x + b)
    r = y - h.sum()
    dh = -2 * r
    dz = dh * h * (1 - h)
    return r**2, (np.outer(dz, x), dz)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sigmoid_net_gradients_check", "points": 6}
# Each entry of W and b is moved a little. Expected: value 0.9338, four times "ok" with a maxdiff below 1e-8.
def _check():
    x, y = np.array([1.0, 2.0]), 0.5
    W, b = np.array([[0.5, -1.0], [1.0, 0.3], [-0.2, 0.1]]), np.array([0.1, -0.4, 0.0])
    check_function(lambda W, b: sigmoid_net_gradients(W, b, x, y), W, b,
                   title="sigmoid_net_gradients", expected=0.9338147252, row_too=True)

    def large():  # z is 6.5 and −10.5: one sigmoid is nearly 1, the other nearly 0
        W, b, x = np.array([[4, 1], [-6, -2]]), np.array([0.5, -0.5]), np.array([1, 2])
        _, *found = sigmoid_net_gradients(W, b, x, 3.0)
        return {"∂f/∂W": found[0] if len(found) > 1 else found[0][0]}

    right = [[-0.006000132617, -0.012000265233], [-0.000110220885, -0.000220441770]]
    check_values("whole numbers, z far from 0", large, {"∂f/∂W": right}, only_here="for whole numbers and large z")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/sigmoid_net_gradients_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### One step downhill
#
# The gradient points where $f$ rises fastest. *Gradient descent* goes the other way, by the gradient times a small number
# $\varepsilon$, the *step size*.
#
# **Question 3** (2 points). Write one step of gradient descent, $w_i^{(t+1)} = \ldots$ and $b_i^{(t+1)} = \ldots$, in terms of
# $w_j^{(t)}$, $b_j^{(t)}$, $x$, $y$ and $\varepsilon$. (The superscript counts steps.) Which layout does $x$ have in it, and why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_unit_step", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# With $\sigma_i = \sigma\bigl(w_i^{(t)\top} x + b_i^{(t)}\bigr)$,
#
# $$w_i^{(t+1)} = w_i^{(t)} - 2\varepsilon \Bigl(\sum_j \sigma_j - y\Bigr)\,\sigma_i (1 - \sigma_i)\,x, \qquad
# b_i^{(t+1)} = b_i^{(t)} - 2\varepsilon \Bigl(\sum_j \sigma_j - y\Bigr)\,\sigma_i (1 - \sigma_i).$$
#
# $x$ is a column like $w_i$: only a gradient in the shape of the variable can be subtracted from it. Who derived the row
# $x^\top$ has to transpose it here.
#
# **Rubric** 1: both updates, minus sign and $\varepsilon$, everything on the right at time $t$; 1: $x$ as a column, with the reason.
# ### END SOLUTION

# %% [markdown]
# **Exercise 5** (3 points). Take that step. Return *new* arrays, and leave those you were given as they are: whoever called
# your function may still need them. (`W -= …` changes the caller's array; `W = W - …` makes a new one.)

# %% nbgrader={"grade_id": "sigmoid_net_step", "solution": true}
def sigmoid_net_step(W, b, x, y, epsilon):
    """W and b after one step of gradient descent on f = (y - Σ_i sigmoid(w_i·x + b_i))².

    W, b, x, y : as in sigmoid_net_gradients; they are not changed
    epsilon    : the step size, a positive number
    returns    : new_W, new_b, of the shapes of W and b

    >>> sigmoid_net_step(np.zeros((3, 2)), np.zeros(3), np.array([1.0, 2.0]), 1.0, 0.4)
    (array([[-0.1, -0.2], [-0.1, -0.2], [-0.1, -0.2]]), array([-0.1, -0.1, -0.1]))
    """
    ### BEGIN SOLUTION
    _, (dW, db) = sigmoid_net_gradients(W, b, x, y)
    return W - epsilon * dW, b - epsilon * db
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sigmoid_net_step_check", "points": 3}
# Expected: twice "ok". At b = log 3 each sigmoid is ¾. The check itself calls one_step().
def _check():
    W, b, x = np.zeros((3, 2)), np.full(3, np.log(3.0)), np.array([1.0, 2.0])

    def one_step():
        new_W, new_b = sigmoid_net_step(W, b, x, 1.0, 0.4)
        return {"new_W": new_W, "new_b": new_b}

    check_values("one step from W = 0", one_step,
                 {"new_W": [[-0.1875, -0.375]] * 3, "new_b": [np.log(3.0) - 0.1875] * 3})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/sigmoid_net_step_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · Two layers of weights
#
# Now a network with a matrix on either side of the curved function:
#
# $$\ell = \tfrac12 \bigl\lVert W_2\,\Phi(W_1 x + b) - y \bigr\rVert^2$$
#
# with $x \in \mathbb{R}^d$, $W_1$ of shape $(m, d)$, $b \in \mathbb{R}^m$, $W_2$ of shape $(p, m)$, $y \in \mathbb{R}^p$, and
# $\lVert v \rVert^2 = \sum_i v_i^2$. Most often $\Phi$ applies a function $\varphi$ to each entry, $h_i = \varphi(a_i)$. These $h_i$
# are the *hidden* units, neither input nor output. The steps:
#
# $$a = W_1 x + b \qquad h = \Phi(a) \qquad o = W_2 h \qquad r = o - y \qquad \ell = \tfrac12 \lVert r \rVert^2$$

# %% tags=["show"]
draw_edges(
    [("x", "a"), ("W1", "a"), ("b", "a"), ("a", "h"),
     ("h", "o"), ("W2", "o"), ("o", "r"), ("y", "r"), ("r", "ℓ")],
    operators={"a": "W1 x + b", "h": "Φ", "o": "W2 h", "r": "−", "ℓ": "½‖·‖²"},
);


# %% [markdown]
# First the step in the middle. When $\Phi$ is any smooth function from $\mathbb{R}^m$ to $\mathbb{R}^q$, each $a_i$ may change each
# $h_k$: $m$ variables, $q$ paths from each. The Jacobian holds all local derivatives, $J_{ki} = \partial h_k / \partial a_i$.
#
# **Exercise 6** (3 points). Given the upstream gradient $u = \partial \ell / \partial h$ and $J$, return
# $\partial \ell / \partial a$. Part 1 tells you how; only the layout differs: both are in the shape of their variable.

# %% nbgrader={"grade_id": "back_through", "solution": true}
def back_through(jacobian, upstream):
    """The gradient for the input a of a step h = Φ(a), from that for its output h.

    jacobian : shape (q, m), entry [k, i] is ∂h_k/∂a_i
    upstream : shape (q,), ∂ℓ/∂h
    returns  : shape (m,), ∂ℓ/∂a

    >>> back_through(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]), np.array([10.0, 100.0]))
    array([ 10., 100., 320.])
    """
    ### BEGIN SOLUTION
    return jacobian.T @ upstream
    ### END SOLUTION


# %% [markdown]
# When the check says that the two sides of `@` don't fit: is a transpose missing, or do two factors stand in the wrong
# order?

# %% [markdown]
# The check takes a $\Phi$ that is *not* entry by entry: $\Phi(a) = a / \lVert a \rVert$ scales a vector to length 1, so every entry
# depends on every other. With $h = \Phi(a)$ its Jacobian is $(I - h h^\top)/\lVert a \rVert$, where $I$ is the identity matrix.
# After it comes a matrix, whose Jacobian is the matrix itself.

# %% nbgrader={"grade": true, "grade_id": "back_through_check", "points": 3}
# Expected: four times "ok": your numbers by hand, of which 700 is the largest; whole numbers beside fractions; and two
# maps in a row, with a maxdiff below 1e-8.
def _check():
    J, u = np.array([[3.0, 0.0, 4.0], [0.0, 7.0, -1.0]]), np.array([10.0, 100.0])
    check_values("by hand", lambda: {"∂ℓ/∂a": back_through(J, u)}, {"∂ℓ/∂a": [30.0, 700.0, -60.0]})
    whole = lambda: {"in J": back_through(np.array([[3, 0, 4]]), np.array([0.5])),
                     "upstream": back_through(np.array([[0.5, 1.5]]), np.array([3]))}
    check_values("whole numbers", whole, {"in J": [1.5, 0.0, 2.0], "upstream": [1.5, 4.5]},
                 only_here="for whole numbers beside fractions")

    def scaled(a):  # ℓ = ½ ‖M a/‖a‖‖²
        M, size = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]), np.sqrt(a @ a)
        h = a / size
        dh = back_through(M, M @ h)
        return 0.5 * np.sum((M @ h) ** 2), (back_through((np.eye(3) - np.outer(h, h)) / size, dh),)

    check_function(scaled, np.array([0.6, -1.1, 0.4]))


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/back_through_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Question 4** (6 points). Derive the four gradients
#
# $$\frac{\partial \ell}{\partial x} \qquad \frac{\partial \ell}{\partial W_1} \qquad \frac{\partial \ell}{\partial W_2} \qquad
# \frac{\partial \ell}{\partial b}$$
#
# for a general $\Phi$ with Jacobian $J$ at $a$, each in the shape of its variable. Start at $\ell$ and give $r$, $o$, $h$ and $a$ a
# line each. Then say what becomes of $J^\top u$ when $\Phi$ works entry by entry (write $\odot$ for the product of two
# arrays entry by entry). Check that every product fits in its shapes.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_two_layers", "points": 6, "solution": true}
# ### BEGIN SOLUTION
# $$\frac{\partial \ell}{\partial r} = r \;(p), \qquad
# \frac{\partial \ell}{\partial o} = r \;(p), \qquad
# \frac{\partial \ell}{\partial h} = W_2^\top r \;(m), \qquad
# \frac{\partial \ell}{\partial a} = J^\top W_2^\top r \;(m)$$
#
# The ½ cancels the 2 of the square. Write $\delta = \partial\ell/\partial a$. Then
#
# $$\frac{\partial \ell}{\partial W_2} = r\,h^\top \;(p \times m), \qquad
# \frac{\partial \ell}{\partial W_1} = \delta\,x^\top \;(m \times d), \qquad
# \frac{\partial \ell}{\partial b} = \delta \;(m), \qquad
# \frac{\partial \ell}{\partial x} = W_1^\top \delta \;(d)$$
#
# Entry by entry: $\partial h_k / \partial a_i = 0$ for $k \ne i$, so $J$ is diagonal with $\varphi'(a_i)$ on its diagonal and
# $\delta = \varphi'(a) \odot (W_2^\top r)$.
#
# In row layout everything is transposed: $\partial \ell/\partial W_1 = x\,\delta^\top$, shape $d \times m$, and so on.
#
# **Rubric** 1: $r$, with the ½ gone; 1: $W_2^\top r$; 1: $J^\top$ of it, or $\varphi'(a) \odot$, with both cases named; 1: the outer
# product for $W_2$ (with $h$, not $a$); 1: that for $W_1$, and $b$; 1: $W_1^\top \delta$ for $x$. Consistent row layout
# throughout: full points.
# ### END SOLUTION

# %% [markdown]
# ### With indices: no guessing
#
# "It fits in its shapes" is a good memory aid and no proof. $\partial a / \partial W_1$ would need three indices, and no matrix
# product is waiting for it. Indices settle it. You need one symbol, the *Kronecker delta*: $\delta_{ki} = 1$ when $k = i$ and 0
# otherwise. It says that different variables don't depend on each other, and it picks one term out of a sum:
#
# $$\frac{\partial v_k}{\partial v_i} = \delta_{ki} \qquad\qquad \sum_k c_k\,\delta_{ki} = c_i$$

# %% [markdown]
# **Question 5** (4 points). Start from $a_k = \sum_l (W_1)_{kl}\,x_l + b_k$. Work out
# $\dfrac{\partial a_k}{\partial (W_1)_{ij}}$ with deltas, put it into the chain rule
# $\dfrac{\partial \ell}{\partial (W_1)_{ij}} = \sum_k \dfrac{\partial \ell}{\partial a_k}\,\dfrac{\partial a_k}{\partial (W_1)_{ij}}$, let the
# deltas do their work, and put the entries back together as a matrix.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_delta", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# Entries of $W_1$ are different variables: $\partial (W_1)_{kl} / \partial (W_1)_{ij} = \delta_{ki}\,\delta_{lj}$. The bias does not
# depend on $W_1$. So
#
# $$\frac{\partial a_k}{\partial (W_1)_{ij}} = \sum_l \delta_{ki}\,\delta_{lj}\,x_l = \delta_{ki}\,x_j,$$
#
# $$\frac{\partial \ell}{\partial (W_1)_{ij}} = \sum_k \frac{\partial \ell}{\partial a_k}\,\delta_{ki}\,x_j
# = \frac{\partial \ell}{\partial a_i}\,x_j.$$
#
# Entry $(i, j)$ of an outer product of two columns is the $i$-th of the first times the $j$-th of the second:
# $\partial \ell / \partial W_1 = \frac{\partial \ell}{\partial a}\,x^\top$.
#
# **Rubric** 1: the two deltas for the derivative of an entry; 1: the sum over $l$ collapses to $\delta_{ki} x_j$; 1: the chain rule
# sums over $k$, and collapses to $k = i$; 1: read as an outer product with the right order (row layout: transposed, with the
# order said).
# ### END SOLUTION

# %% [markdown]
# **Exercise 7** (8 points). All four gradients as code. $\varphi$ works entry by entry and comes as a pair of functions, `phi`
# and its derivative `phi_prime`: call them, whatever they are.
#
# The example is the course's small network once more, from its values `h0 = [10, 20, 30]` on: there $\hat y = 200$ and
# $y = 199$, so $r = 1$ and $\ell = \tfrac12$.

# %%
def relu(a):
    """max(a, 0) for each entry."""
    return np.maximum(a, 0.0)


def relu_prime(a):
    """The slope of relu: 1 where a > 0, else 0."""
    return np.where(a > 0, 1.0, 0.0)


def tanh_prime(a):
    """The slope of np.tanh."""
    return 1 - np.tanh(a) ** 2


# %% nbgrader={"grade_id": "two_layer_gradients", "solution": true}
def two_layer_gradients(W1, W2, b, x, y, phi, phi_prime):
    """ℓ = ½ ‖W2 phi(W1 x + b) - y‖² and its gradients.

    W1, W2, b, x, y : shapes (m, d), (p, m), (m,), (d,), (p,)
    phi, phi_prime  : functions of an array that work entry by entry
    returns         : ℓ, (dW1, dW2, db, dx)      each gradient in the shape of its variable

    >>> W1 = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]])
    >>> W2, h0, y = np.array([[1.0, 3.0, -3.0]]), np.array([10.0, 20.0, 30.0]), np.array([199.0])
    >>> two_layer_gradients(W1, W2, np.zeros(3), h0, y, relu, relu_prime)
    (0.5, (dW1, dW2, db, dx))      # with dW2 = [[260, 120, 140]] and dx = [-21, 4, 11]
    """
    ### BEGIN SOLUTION
    a = W1 @ x + b
    h = phi(a)
    r = W2 @ h - y
    da = phi_prime(a) * (W2.T @ r)
    return 0.5 * np.sum(r**2), (np.outer(da, x), np.outer(r, h), da, W1.T @ da)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "two_layer_gradients_check", "points": 8}
# Expected: values 0.5 and 1.2900; fourteen times "ok", with a maxdiff below 1e-6, then below 1e-8.
def _check():
    W1 = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]])
    W2, h0, y = np.array([[1.0, 3.0, -3.0]]), np.array([10.0, 20.0, 30.0]), np.array([199.0])
    with_relu = lambda W1, W2, b, x: two_layer_gradients(W1, W2, b, x, y, relu, relu_prime)
    check_function(with_relu, W1, W2, np.zeros(3), h0, title="the small network", expected=0.5, row_too=True,
                   mistakes={"x": {"wrong_argument:rows and columns of W1 are exchanged": [[0.0, -2.0, 12.0]]}})

    rng = np.random.default_rng(2)
    W1, W2, b, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=3)
    target = np.array([1.0, -0.5])
    with_tanh = lambda W1, W2, b, x: two_layer_gradients(W1, W2, b, x, target, np.tanh, tanh_prime)
    check_function(with_tanh, W1, W2, b, x, title="tanh, all sizes different", expected=1.2900183715, row_too=True)
    falling = lambda W1, W2, b, x: two_layer_gradients(
        W1, W2, b, x, target, lambda a: -2 * relu(a), lambda a: -2 * relu_prime(a))
    check_function(falling, W1, W2, b, x, title="−2 relu, with slopes of −2 and 0", row_too=True)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/two_layer_gradients_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### One step, two matrices
#
# Let $\Phi$ be the identity, $\Phi(a) = a$, so that $\varphi' = 1$: two *linear* layers.
#
# **Question 6** (2 points). Write one step of gradient descent for $W_1$ and $W_2$ with step size $\varepsilon$, in terms of
# $W_1^{(t)}$, $W_2^{(t)}$, $b$, $x$ and $y$ alone. Somebody computes the new $W_2$ first and uses it in the formula for the new
# $W_1$. What has gone wrong?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_linear_step", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# With $r^{(t)} = W_2^{(t)}\bigl(W_1^{(t)} x + b\bigr) - y$,
#
# $$W_1^{(t+1)} = W_1^{(t)} - \varepsilon\,W_2^{(t)\top}\,r^{(t)}\,x^\top, \qquad
# W_2^{(t+1)} = W_2^{(t)} - \varepsilon\,r^{(t)}\,\bigl(W_1^{(t)} x + b\bigr)^\top.$$
#
# Both gradients belong to one point, the old weights. With the new $W_2$ in the first formula, the step for $W_1$ mixes two
# points: it is not a step along the gradient of $\ell$ at either.
#
# **Rubric** 1: both updates, transposes in place; 1: everything on the right is at time $t$, and why.
# ### END SOLUTION

# %% [markdown]
# **Exercise 8** (4 points). Take that step; $b$ stays as it is. Again new arrays, and the old ones untouched.

# %% nbgrader={"grade_id": "linear_net_step", "solution": true}
def linear_net_step(W1, W2, b, x, y, epsilon):
    """W1 and W2 after one step of gradient descent on ℓ = ½ ‖W2 (W1 x + b) - y‖².

    W1, W2, b, x, y : shapes (m, d), (p, m), (m,), (d,), (p,); they are not changed
    epsilon         : the step size, a positive number
    returns         : new_W1, new_W2

    >>> W1, W2, b, x, y = np.array([[2.0]]), np.array([[3.0]]), np.zeros(1), np.ones(1), np.array([5.0])
    >>> linear_net_step(W1, W2, b, x, y, 0.1)
    (array([[1.7]]), array([[2.8]]))      # r = 6 - 5 = 1
    """
    ### BEGIN SOLUTION
    h = W1 @ x + b
    r = W2 @ h - y
    return W1 - epsilon * np.outer(W2.T @ r, x), W2 - epsilon * np.outer(r, h)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "linear_net_step_check", "points": 4}
# Expected: four times "ok". (old - new) / step size has to be the gradient of exercise 7.
def _check():
    W1, W2, b, x, y = np.array([[2.0]]), np.array([[3.0]]), np.zeros(1), np.ones(1), np.array([5.0])

    def step_by_hand():
        new_W1, new_W2 = linear_net_step(W1, W2, b, x, y, 0.1)
        return {"new_W1": new_W1, "new_W2": new_W2}

    check_values("by hand", step_by_hand, {"new_W1": [[1.7]], "new_W2": [[2.8]]},
                 mistakes={"new_W1": {"wrong_argument:the new W2, where the old one belongs": [[[1.72]], [[1.832]]]}})

    rng = np.random.default_rng(3)
    W1, W2, b, x, y = (rng.normal(size=shape) for shape in [(4, 3), (2, 4), 4, 3, 2])
    W1[0, 1] = W2[1, 2] = 0.0  # a weight of 0 moves as well
    _, (dW1, dW2, *_) = two_layer_gradients(W1, W2, b, x, y, lambda a: a, np.ones_like)

    def step_per_size():
        old_W1, old_W2 = W1.copy(), W2.copy()
        new_W1, new_W2 = linear_net_step(W1, W2, b, x, y, 0.5)
        kept = np.array_equal(W1, old_W1) and np.array_equal(W2, old_W2)
        assert kept, "W1 or W2 was changed in place: return new arrays."
        return {"W1": (W1 - new_W1) / 0.5, "W2": (W2 - new_W2) / 0.5}

    check_values("your step (yours) · your gradients (right)", step_per_size, {"W1": dW1, "W2": dW2})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/linear_net_step_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · What a gradient costs
#
# Why derive anything, when a gradient can be measured? This is the *forward difference*:
#
# $$\frac{\partial \ell}{\partial W_{ij}} \approx \frac{\ell(W \text{ with } W_{ij} + h) - \ell(W)}{h}$$
#
# **Exercise 9** (3 points). Write it for a matrix, or an array of any shape. Afterwards `W` must hold what it held before.

# %% nbgrader={"grade_id": "forward_difference", "solution": true}
def forward_difference(f, W, h=1e-6):
    """The gradient of the number f(W), measured entry by entry.

    f       : function of an array like W that returns a number
    W       : array of floats of any shape; it is the same afterwards as before
    h       : how far an entry is moved
    returns : array of the shape of W

    >>> forward_difference(lambda W: np.sum(W**2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.], [6., 8.]])      # to about six digits
    """
    ### BEGIN SOLUTION
    start = f(W)
    gradient = np.zeros(W.shape)
    for index in np.ndindex(W.shape):
        moved = W.copy()
        moved[index] += h
        gradient[index] = (f(moved) - start) / h
    return gradient
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "forward_difference_check", "points": 3}
# Expected: five times "ok". maxdiff shows the formula's own error here: about 1e-6, not 1e-9.
def _check():
    W, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.5, -0.7, 3.0])
    squares = lambda W: np.sum(W**2)
    both = lambda: {"a matrix": forward_difference(squares, W), "a vector": forward_difference(squares, w)}
    check_values("Σ W²", both, {"a matrix": 2 * W, "a vector": 2 * w}, atol=1e-5)

    def once_more():  # the same f and the same array, which holds other numbers by now
        V = W.copy()
        forward_difference(squares, V)
        V += 1.0
        return {"moved": forward_difference(squares, V)}

    check_values("Σ W², after a step", once_more, {"moved": 2 * W + 2}, atol=1e-5)
    # With a long step the formula shows: ((w + h)³ - w³) / h = 3 w² + 3 w h + h².
    long = lambda: {"h = 0.3": forward_difference(lambda W: np.sum(W**3), w, 0.3)}
    of_step = lambda h: 3 * w**2 + 3 * w * h + h**2
    wrong = {"wrong_argument:f(W) is subtracted from f(W with one entry + h), no other two values":
             [(of_step(0.3) + of_step(-0.3)) / 2, of_step(-0.3)], "wrong_argument:h is not the one that was given":
             [of_step(10.0**-k) for k in range(1, 10)]}
    check_values("Σ W³, a long step", long, {"h = 0.3": of_step(0.3)}, mistakes={"h = 0.3": wrong})

    b, x, y, W1 = np.array([0.1, -0.2]), np.array([0.3, -0.2]), np.array([1.0, 0.5]), 0.5 * W
    two_layers = lambda W1: two_layer_gradients(W1, np.eye(2), b, x, y, np.tanh, tanh_prime)
    check_values("measured (yours) · your formula (right)",
                 lambda: {"∂ℓ/∂W1": forward_difference(lambda W: two_layers(W)[0], W1)},
                 {"∂ℓ/∂W1": two_layers(W1)[1][0]}, atol=1e-5)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/forward_difference_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now measure what both ways cost, with all sizes equal to $d$, so that $W_1$ has $d^2$ entries. On logarithmic axes
# a cost of $c\,d^k$ is a straight line of slope $k$. How steep will each line be? Decide before you run the cell; it
# takes a few seconds. (Cells like this one are not run again when your notebook is graded; what they printed stays.)

# %% tags=["train"]
def seconds(call, repeats):
    """The shortest of several runs."""
    times = [time.perf_counter()]
    for _ in range(repeats):
        call()
        times.append(time.perf_counter())
    return np.diff(times).min()


def costs(d):
    """The seconds for ∂ℓ/∂W1 when all sizes are d: entry by entry, and by your formulas."""
    rng = np.random.default_rng(d)
    W1, W2, b, x, y = (rng.normal(size=shape) / d for shape in [(d, d), (d, d), d, d, d])
    loss = lambda W: 0.5 * np.sum((W2 @ np.tanh(W @ x + b) - y) ** 2)
    formulas = lambda: two_layer_gradients(W1, W2, b, x, y, np.tanh, tanh_prime)
    return seconds(lambda: forward_difference(loss, W1), 1), seconds(formulas, 20)


# %% tags=["train"]
sizes = [4, 8, 16, 32, 64, 128, 256]
measured = np.array([costs(d) for d in sizes])
for d, numeric, analytic in np.column_stack([sizes, measured]):
    print(f"d = {d:3.0f}   entry by entry {1e3 * numeric:9.3f} ms   formulas {1e3 * analytic:6.3f} ms",
          f"   ratio {numeric / analytic:6.0f}")

# %% tags=["train"]
plt.figure(figsize=(6, 4))
guide = np.array(sizes[-3:], dtype=float)
for column, name, power, colour in [(0, "entry by entry", 4, "C0"), (1, "formulas", 2, "C1")]:
    times = measured[:, column]
    plt.loglog(sizes, times, "o-", color=colour, label=name)
    line = times[-1] * (guide / guide[-1]) ** power
    plt.loglog(guide, line, "--", color=colour, label=f"slope {power}")
plt.xlabel("d")
plt.ylabel("time for ∂ℓ/∂W1 (seconds)")
plt.legend();

# %% [markdown]
# **Expected picture**: two rising lines, far apart. The lower one is flat at first, since for small arrays the time goes
# into calling NumPy and not into arithmetic; the upper one starts with slope 2 for the same reason ($d^2$ calls).
# Both become steeper on the right.

# %% [markdown]
# **Question 7** (3 points). Count multiplications. How does the cost of *one* value $\ell$ grow with $d$? That of all of
# $\partial\ell/\partial W_1$ by forward differences? By your formulas? Compare with your picture. What would the two cost
# for the 784 × 784 matrix of a small image network, if one evaluation takes 1 ms?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_cost", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# One value: two products of a $d \times d$ matrix with a vector, about $2d^2$ multiplications, so $O(d^2)$. Forward differences
# need one value for each of the $d^2$ entries and one more: $(d^2 + 1) \cdot 2d^2 = O(d^4)$. The formulas need the forward
# pass ($2d^2$), $W_2^\top r$ ($d^2$) and an outer product ($d^2$): about $4d^2 = O(d^2)$, twice one value, however many
# entries there are. The picture: slopes approach 4 and 2 where arithmetic outweighs the calls; below that the slopes are
# about 2 and 0.
#
# $784^2 = 614\,656$ entries: about 615 s, ten minutes, for one gradient, against about 2 ms.
#
# **Rubric** 1: $O(d^2)$ for a value, hence $O(d^4)$ for all entries; 1: $O(d^2)$ for the formulas, as a count of products; 1: ten
# minutes against a few milliseconds, and a word on the measured slopes.
# ### END SOLUTION

# %% [markdown]
# So why do we measure at all? Because a measured gradient needs no derivation. It is far too slow to train with, and it
# is what you hold your derivation against, once, on small arrays. That is what every check in this course does.

# %% [markdown]
# ## 6 · Where to start
#
# Training starts from some weights. Which? Zero looks neutral. Here is the loss of the smallest two-layer network,
# $\ell = \tfrac12 (w_2 \tanh(w_1 x) - y)^2$, averaged over a few points, seen from above: one axis for each weight. Your
# `two_layer_gradients` walks downhill from three places.

# %% tags=["show"]
points = [(x, 1.5 * np.tanh(1.2 * x)) for x in (-2.0, -1.0, -0.4, 0.5, 1.0, 1.8)]


def walk(w1, w2, steps=150, epsilon=0.1):
    """The places (w1, w2) visited by gradient descent, shape (steps + 1, 2)."""
    number = lambda value, ndim: np.full((1,) * ndim, value)
    places = [(w1, w2)]
    for _ in range(steps):
        found = []
        for x, y in points:
            inputs = number(w1, 2), number(w2, 2), number(0.0, 1), number(x, 1), number(y, 1)
            _, (dW1, dW2, *_) = two_layer_gradients(*inputs, np.tanh, tanh_prime)
            found.append((np.sum(dW1), np.sum(dW2)))
        w1, w2 = np.array([w1, w2]) - epsilon * np.mean(found, axis=0)
        places.append((w1, w2))
    return np.array(places)


# %% tags=["show"]
w1, w2 = np.meshgrid(np.linspace(-2.5, 2.5, 101), np.linspace(-2.5, 2.5, 101))
loss = np.mean([0.5 * (w2 * np.tanh(w1 * x) - y) ** 2 for x, y in points], axis=0)
plt.figure(figsize=(6, 5))
plt.contourf(w1, w2, loss, levels=np.geomspace(0.01, loss.max(), 20), norm="log", cmap="Blues", alpha=0.6, extend="min")
looks = {(0.0, 0.0): ("purple", "^"), (0.1, 0.02): ("black", "o"), (-0.6, 0.5): ("darkorange", "s")}
for start, (colour, marker) in looks.items():
    places = walk(*start)
    end = f"({places[-1, 0]:.2f}, {places[-1, 1]:.2f})"
    plt.plot(*places.T, ".-", ms=3, color=colour)
    plt.plot(*places[0], marker, color=colour, label=f"from {start} to {end}")
plt.xlabel("w1")
plt.ylabel("w2")
plt.legend(loc="lower right", fontsize=8);


# %% [markdown]
# **Expected picture**: light is low. Two valleys lie opposite each other: turning both signs changes nothing, because tanh is odd. Between them,
# at $(0, 0)$, the ground is level, a *saddle*: uphill one way, downhill another, and a gradient of exactly zero. The walk
# that starts there never leaves.

# %% [markdown]
# And if all weights are equal but not zero? Four sigmoid units (part 3), one input, twenty points of a bump to fit. Your
# `sigmoid_net_step` trains them twice: once from equal values, once from random ones, each for 400 *epochs*, rounds through
# all points. It takes a second or two.

# %% tags=["show"]
def bump(t):
    """What the four units should add up to."""
    return 2 + 1.5 * np.exp(-(t**2))


def train_units(W, b, epochs=400, epsilon=0.05):
    """The weights of all units after each epoch, and the trained W and b."""
    history = [W[:, 0]]
    for _ in range(epochs):
        for t in np.linspace(-3, 3, 20):
            W, b = sigmoid_net_step(W, b, np.array([t]), bump(t), epsilon)
        history.append(W[:, 0])
    return np.array(history), W, b


rng = np.random.default_rng(4)
starts = {"equal": (np.full((4, 1), 0.5), np.full(4, 0.1)),
          "random": (rng.normal(size=(4, 1)), rng.normal(size=4))}
trained = {name: train_units(*start) for name, start in starts.items()}

# %% tags=["show"]
figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
ts = np.linspace(-3, 3, 200)
for column, (name, (history, W, b)) in enumerate(trained.items()):
    axes[column].plot(history, lw=2)
    axes[column].set(title=f"{name} start: the 4 weights", xlabel="epoch", ylabel="w")
    axes[2].plot(ts, [sigmoid(W[:, 0] * t + b).sum() for t in ts], label=f"{name} start")
axes[2].plot(ts, bump(ts), "k--", lw=1, label="to be fitted")
axes[2].set(title="after training", xlabel="x")
axes[2].legend(fontsize=8);


# %% [markdown]
# **Expected picture**: on the left *one* line, four units on top of each other from the first step to the last. In the
# middle four lines that go their own ways. On the right: four equal units can only do what one unit does, four times
# as high: rise or fall, and never both. Four different ones draw the bump.

# %% [markdown]
# **Question 8** (4 points). Argue with your formulas, not with the pictures.
#
# 1. All weights and biases of $\ell = \tfrac12\lVert W_2 \tanh(W_1 x + b) - y\rVert^2$ are zero. Which of the gradients
#    $\partial\ell/\partial W_1, \partial\ell/\partial W_2, \partial\ell/\partial b$ are zero? What does training do?
# 2. All weights have the same non-zero value. Why do the hidden units stay equal for ever?
# 3. What would you start from, and what about the biases?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_init", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# 1. All three. $h = \tanh(0) = 0$, so $\partial\ell/\partial W_2 = r h^\top = 0$; and $W_2^\top r = 0$, so
#    $\delta = 0$ and with it $\partial\ell/\partial W_1 = \delta x^\top$ and $\partial\ell/\partial b$. Every step changes
#    nothing: training never begins, whatever the data. (With sigmoid units $h = ½$, so $W_2$ moves; but all units
#    move alike, as in 2.)
# 2. If rows $i$ and $j$ of $W_1$, $b_i$ and $b_j$, and columns $i$ and $j$ of $W_2$ are equal, then $a_i = a_j$, $h_i = h_j$ and
#    $\delta_i = \delta_j$. So their gradients are equal and they are still equal after the step, and so on. $m$ units are worth
#    one. Nothing in the rule can tell the two apart: this *symmetry* has to be broken at the start.
# 3. Small random weights, different for each unit, not so small that the gradients vanish (a spread of about
#    $1/\sqrt{\text{number of inputs}}$ keeps the values of a layer at the size of those before it). Biases may be zero: random
#    weights have broken the symmetry already.
#
# **Rubric** 1: both $h = 0$ and $W_2^\top r = 0$, hence no gradient and no training; 1: equal values give equal gradients;
# 1: so they stay equal, and the layer is worth one unit; 1: small random weights; zero biases are fine.
# ### END SOLUTION

# %% [markdown]
# ## 7 · Counting parameters
#
# A *fully connected* network has a weight for each connection between a unit and a unit of the next layer, and, if
# it uses biases, one for each unit that computes something. The inputs compute nothing. Its sizes are a list: $d = [d_0, d_1,
# \ldots, d_N]$, inputs first, outputs last.

# %% [markdown]
# **Question 9** (2 points). Give a formula for the number of weights, and one for weights and biases together. Evaluate both
# for 8 inputs, two hidden layers of 10 units, and 3 outputs.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_count", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# $$\sum_{i=0}^{N-1} d_i\,d_{i+1} \qquad\qquad \sum_{i=0}^{N-1} (d_i + 1)\,d_{i+1}$$
#
# $8 \cdot 10 + 10 \cdot 10 + 10 \cdot 3 = 210$ weights; with $10 + 10 + 3 = 23$ biases, 233 parameters.
#
# **Rubric** 1: both formulas; 1: 210 and 233.
# ### END SOLUTION

# %% [markdown]
# **Exercise 10** (3 points). The formula as a function.

# %% nbgrader={"grade_id": "count_parameters", "solution": true}
def count_parameters(d, biases=False):
    """The number of weights, or of weights and biases, of a fully connected network.

    d       : list of two or more sizes, [inputs, units of the first layer, ..., outputs]
    biases  : True counts a bias for each unit that is not an input
    returns : a whole number

    >>> count_parameters([4, 2, 1]), count_parameters([4, 2, 1], biases=True)
    (10, 13)
    """
    ### BEGIN SOLUTION
    return sum((d[i] + (1 if biases else 0)) * d[i + 1] for i in range(len(d) - 1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "count_parameters_check", "points": 3}
# Does the function agree with your paper? The check knows the example, and a network with one layer more.
def _check():
    def counted():
        print("8-10-10-3 has", count_parameters([8, 10, 10, 3]), "weights and, with biases,",
              count_parameters([8, 10, 10, 3], True), "parameters")
        return {"4-2-1": count_parameters([4, 2, 1]), "4-2-1 with biases": count_parameters([4, 2, 1], True),
                "2-3-4-5": count_parameters(sizes), "3-3-3": count_parameters([3, 3, 3])}

    sizes = [2, 3, 4, 5]  # still the same afterwards
    check_values("count_parameters", counted, {"4-2-1": 10, "4-2-1 with biases": 13, "2-3-4-5": 38, "3-3-3": 18})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/count_parameters_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### A narrow layer in between
#
# Two networks: in **A**, a layer of 100 units feeds the next layer of 100 units directly. In **B** there are 10 *linear* units
# in between (no curved function, $\Phi(a) = a$). Is B the more powerful one, having a layer more?

# %% tags=["show"]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 1.8), width_ratios=[2, 3])
draw_edges([("100 units", "next 100 units")], ax=left)
draw_edges([("100 units", "10 linear units"), ("10 linear units", "next 100 units")], ax=right)
left.set_title(f"A: {count_parameters([100, 100])} weights")
right.set_title(f"B: {count_parameters([100, 10, 100])} weights");


# %% [markdown]
# **Exercise 11** (3 points). A can do whatever B does. Show it: for the two steps of B, $u = W_{in}\,h + b_{in}$ and
# $v = W_{out}\,u + b_{out}$, return the *one* weight matrix and the one bias that give the same $v$ for every $h$.

# %% nbgrader={"grade_id": "merge_layers", "solution": true}
def merge_layers(W_in, b_in, W_out, b_out):
    """W and b with W h + b = W_out (W_in h + b_in) + b_out for every h.

    W_in, b_in   : shapes (k, n), (k,)
    W_out, b_out : shapes (m, k), (m,)
    returns      : W, b      of shapes (m, n), (m,)

    >>> merge_layers(np.array([[2.0]]), np.array([1.0]), np.array([[3.0]]), np.array([5.0]))
    (array([[6.]]), array([8.]))      # 3 (2 h + 1) + 5 = 6 h + 8
    """
    ### BEGIN SOLUTION
    return W_out @ W_in, W_out @ b_in + b_out
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "merge_layers_check", "points": 3}
# Expected: five times "ok". The second network has a narrow layer: 2 units between 4 and 3.
def _check():
    def merged(*arrays):
        W, b = merge_layers(*arrays)
        return {"W": W, "b": b}

    def one_layer():
        W, b = merge_layers(W_in, b_in, W_out, b_out)
        print("rank of your W:", np.linalg.matrix_rank(W))
        return {"v": W @ h + b}

    tiny = {"W_in": np.array([[2]]), "b_in": np.array([0.7]), "W_out": np.array([[3]]), "b_out": np.array([5])}
    check_values("by hand", lambda: merged(*tiny.values()), {"W": [[6.0]], "b": [7.1]})
    tiny |= {"W_in": np.array([[-0.3]]), "b_in": np.array([-1.3])}
    check_values("the same W_out, another W_in", lambda: merged(*tiny.values()), {"W": [[-0.9]], "b": [1.1]})
    rng = np.random.default_rng(5)
    W_in, b_in, W_out, b_out, h = (rng.normal(size=shape) for shape in [(2, 4), 2, (3, 2), 3, 4])
    check_values("one layer (yours) · two layers (right)",
                 one_layer, {"v": W_out @ (W_in @ h + b_in) + b_out})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("02-backprop-practice/merge_layers_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Question 10** (3 points). Give an advantage of A over B, and one of B over A, each with a reason and where possible with a
# number. Your `merge_layers` shows that A can do what B does: why does the converse fail? (Think of the *rank*, the number of
# independent rows: the check above printed one.)

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_bottleneck", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# The converse fails: the merged matrix $W_{out} W_{in}$ passes through 10 numbers, so its rank is at most 10; a matrix of A may
# have rank 100.
#
# *A over B*: more expressive, since it can represent everything B can, and more. One layer fewer: gradients pass through
# one matrix product less, so they vanish or explode less easily.
#
# *B over A*: $100 \cdot 10 + 10 \cdot 100 = 2000$ weights in place of $100 \cdot 100 = 10\,000$ (2,110 and 10,100 with biases):
# a fifth of the memory and of the multiplications, and less to overfit with. The 10 numbers in the middle are a compact
# description of the layer (a *bottleneck*) that can be looked at and used elsewhere.
#
# **Rubric** 1: an advantage of A with a reason; 1: one of B with a reason, with the counts 10,000 and 2,000 where it is about
# size; 1: rank at most 10.
# ### END SOLUTION

# %% [markdown]
# ## What you know now
#
# * Many paths: multiply along each, add over all. With vectors: one product with a Jacobian.
# * Shapes remind, indices prove, finite differences catch what both have missed.
# * One step uses gradients of one point, and makes new arrays.
# * Formulas cost a few evaluations in all; measuring costs one for each parameter.
# * The start decides whether training can begin, and whether units differ.
# * A layer more is not always a network that can do more.

# %% [markdown]
# ## Go further
#
# * Put the two linear layers of exercise 8 together with `merge_layers` and take gradient steps for the *one* matrix
#   instead. Is the path the same?
# * Multiply the random start of part 6 by 0.001, or by 10. What happens to the three pictures?
# * Replace forward by central differences, $\bigl(\ell(W + h) - \ell(W - h)\bigr) / 2h$. How many digits do you gain, at what price?
# * Section 03 does all of this by hand for the small network, ReLU units that are off included.
