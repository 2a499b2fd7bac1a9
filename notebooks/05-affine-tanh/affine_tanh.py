# %% [markdown]
# # 05 · The gradients of a layer, in five short proofs
#
# After this section you can
#
# * derive the gradient of a matrix, one entry at a time, without getting lost in indices,
# * turn what you derived into one line of numpy, and check it on layers of any size,
# * say where the outer product comes from, where the transpose, and where the product entry by entry.

# %% [markdown]
# **Time** about 90 minutes: five short proofs, each with a function of one line. **Builds on** the chain rule over many
# paths (section 02) and the numbers of section 03. **Points** 30.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import matplotlib.pyplot as plt
import numpy as np

from backprop.gradcheck import check_values, numeric_gradient

# %% [markdown]
# ## 1 · One layer, four arrays
#
# An *affine layer* takes a vector $x$ with $d$ entries and gives a vector $y$ with $m$ entries:
#
# $$y = Wx + b \qquad\text{that is}\qquad y_r = \sum_{c=1}^{d} W_{rc}\,x_c + b_r \quad\text{for } r = 1, \dots, m$$
#
# $W$ has $m$ rows and $d$ columns, one row for each output; $b$ has $m$ entries. The next cell has numbers you know:
# the first two units of the second layer in section 03. The cell after it only defines a drawing.

# %%
W = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0]])
x = np.array([10.0, 20.0, 30.0])
b = np.array([0.0, 0.0])
y = W @ x + b
print("W", W.shape, "  x", x.shape, "  b", b.shape, "  y = W x + b", y.shape, "=", y)


# %%
def draw_arrays(arrays, signs=()):
    """Draw vectors as columns and matrices as grids of one scale; `signs` stand between them."""
    grids = [np.reshape(a, (len(a), -1)) for a in arrays.values()]
    figure, axes = plt.subplots(1, len(grids), figsize=(9, 3), width_ratios=[1 + g.shape[1] for g in grids])
    for place, (axis, title, grid) in enumerate(zip(axes, arrays, grids, strict=True)):
        top = np.abs(grid).max() or 1.0
        axis.imshow(grid, cmap="RdBu_r", vmin=-2 * top, vmax=2 * top)
        for (r, c), value in np.ndenumerate(grid):
            axis.text(c, r, f"{value:g}", ha="center", va="center")
        axis.set(title=title, xticks=[], yticks=[], ylim=(max(map(len, grids)) - 0.5, -0.5))
        axis.spines[:].set_visible(False)
        if place:
            axis.text(-0.9, (len(grid) - 1) / 2, signs[place - 1], size=16, ha="center", va="center")


# %% tags=["show"]
draw_arrays({"y\n$(m,)$": y, "W\n$(m, d)$": W, "x\n$(d,)$": x, "b\n$(m,)$": b}, signs=["=", "·", "+"])
plt.show()


# %% [markdown]
# Row $r$ of $W$ meets $x$ and gives $y_r$: here $m = 2$ and $d = 3$, and $y_1 = 3 \cdot 10 + 4 \cdot 20 + 5 \cdot 30 = 260$.
#
# After the layer more follows, and at the end there is one number $J$, the objective. In section 03 the rest of the
# network was $J = (y_1 + 3 y_2 - 3 y_3 - 199)^2$; we hold the third unit at its value 140 there, so that two are left.

# %%
def rest(y):
    """J, everything that comes after the layer: a number."""
    return (y[0] + 3 * y[1] - 3 * 140 - 199) ** 2


dJ_dy = numeric_gradient(rest, y)
print("J =", rest(y), "  ∂J/∂y ≈", np.round(dJ_dy, 6))
dJ_dy = np.array([2.0, 6.0])  # what these are without rounding: 2 · 1 and 2 · 3


# %% [markdown]
# ### The question of this section
#
# Suppose that the rest of the network has told us $\frac{\partial J}{\partial y}$, the *upstream gradient*. What are
# $\frac{\partial J}{\partial W}$, $\frac{\partial J}{\partial x}$ and $\frac{\partial J}{\partial b}$? We never look into the
# rest: whatever $J$ is, it depends on $W$, $x$ and $b$ through $y$ only.

# %% [markdown]
# **A gradient has the shape of its variable.** $\frac{\partial J}{\partial W}$ is an array of shape $(m, d)$, and its entry
# $[i, j]$ is $\frac{\partial J}{\partial W_{ij}}$, the slope of $J$ along that one weight. (Some books transpose it: see the
# [layout Rosetta stone](../00-tutorials/layouts.ipynb).)

# %% [markdown]
# ### The tool: δ
#
# Weights don't depend on one another. So the derivative of one weight by another is 1 when they are the same, and 0 when
# they are not. The *Kronecker delta* writes this down:
#
# $$\delta_{ri} = \begin{cases} 1 & r = i \\ 0 & r \ne i \end{cases} \qquad\qquad
# \frac{\partial W_{rc}}{\partial W_{ij}} = \delta_{ri}\,\delta_{cj}$$
#
# Inside a sum it picks out one term: $\sum_{c} \delta_{cj}\,x_c = x_j$, since all the other terms are 0. Most of your
# proofs will be: chain rule, δ, one term is left.

# %% [markdown]
# ## 2 · One weight
#
# ### Question 1 (4 points)
#
# Show that
#
# $$\frac{\partial J}{\partial W_{ij}} = \frac{\partial J}{\partial y_i}\,x_j.$$
#
# Start from the chain rule over all outputs,
# $\frac{\partial J}{\partial W_{ij}} = \sum_{r=1}^{m} \frac{\partial J}{\partial y_r} \frac{\partial y_r}{\partial W_{ij}}$,
# and write $y_r$ as the sum above. Give the indices inside a sum other names than $i$ and $j$. Formulas go between dollar
# signs: `$\frac{\partial J}{\partial y_i}$`.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_dW_entry", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# With $y_r = \sum_c W_{rc}\,x_c + b_r$, and since neither $x$ nor $b$ depends on $W$,
#
# $$\frac{\partial y_r}{\partial W_{ij}} = \sum_c \frac{\partial W_{rc}}{\partial W_{ij}}\,x_c
# = \sum_c \delta_{ri}\,\delta_{cj}\,x_c = \delta_{ri}\,x_j .$$
#
# The last step: of the sum over $c$ only the term $c = j$ is left. Into the chain rule:
#
# $$\frac{\partial J}{\partial W_{ij}} = \sum_r \frac{\partial J}{\partial y_r}\,\delta_{ri}\,x_j
# = \frac{\partial J}{\partial y_i}\,x_j ,$$
#
# where the sum over $r$ has only the term $r = i$. In words: $W_{ij}$ is used in one output, $y_i$, and there it is
# multiplied by $x_j$.
#
# **Rubric** 1: writes $y_r$ as a sum with an index of its own and differentiates term by term; 1: the derivative of
# $W_{rc}$ by $W_{ij}$ is 1 for the same weight and 0 otherwise (δ, or in words); 1: the sum over the columns leaves $x_j$;
# 1: the chain rule over all outputs, of which only $r = i$ is left.
# ### END SOLUTION

# %% [markdown]
# **Exercise 1** (2 points). The same as code. Python counts from 0, so `i` is one of 0, …, m − 1.

# %% nbgrader={"grade_id": "affine_dW_entry", "solution": true}
def affine_dW_entry(i, j, dJ_dy, x):
    """∂J/∂W[i, j], a number.

    i, j  : whole numbers, 0 ≤ i < m and 0 ≤ j < d
    dJ_dy : shape (m,)      x : shape (d,)

    >>> affine_dW_entry(1, 2, np.array([2.0, 6.0]), np.array([10.0, 20.0, 30.0]))
    180.0
    """
    ### BEGIN SOLUTION
    return dJ_dy[i] * x[j]
    ### END SOLUTION


# %% [markdown]
# The check moves a weight a little up and down, looks at $J$ each time and divides, as in section 03: a *finite
# difference*. `measured` does this for each entry of each variable that you name.
#
# The check prints an *agreement table*, one line per variable: the entry that your function gives (yours), the measured one
# (right), and the largest difference over all entries (maxdiff).

# %%
def measured(J, **variables):
    """The gradients of J(W x + b) for W, x and b by finite differences: a dictionary of arrays."""

    def gradient(name):
        return numeric_gradient(lambda v: J(now["W"] @ now["x"] + now["b"]), now[name])

    now = {name: np.array(value) for name, value in variables.items()}
    return {name: gradient(name) for name in now}


# %% nbgrader={"grade": true, "grade_id": "affine_dW_entry_check", "points": 2}
# Check your work. Right code shows max differences below 1e-4, most often around 1e-7.
def _check():
    right = measured(rest, W=W, x=x, b=b)["W"]
    places = [(0, 0), (0, 1), (1, 0), (1, 2)]
    # With lambda: the check itself calls your code, and an error in it becomes one sentence.
    check_values(
        "affine_dW_entry",
        lambda: {f"∂J/∂W[{i}, {j}]": affine_dW_entry(i, j, dJ_dy, x) for i, j in places},
        {f"∂J/∂W[{i}, {j}]": right[i, j] for i, j in places},
        atol=1e-4,
    )
    up, into = np.array([-0.7, 1.3, 0.4]), np.array([1.6, -2.3])  # a layer with 3 outputs and 2 inputs
    other = lambda: {"∂J/∂W[0, 0]": affine_dW_entry(0, 0, up, into), "∂J/∂W[2, 1]": affine_dW_entry(2, 1, up, into)}
    right = {"∂J/∂W[0, 0]": -1.12, "∂J/∂W[2, 1]": -0.92}
    check_values("another layer", other, right, only_here="for a layer with 3 outputs and 2 inputs")
    # Layers with 3, 2 and 4 outputs, with a zero here and there; twice the same x.
    into, ups = np.array([0.0, -2.0, 1.7]), [np.array([-0.7, 1.3, 0.0]), np.array([0.9, -0.4]), np.arange(4) - 1.3]
    for up in [*ups, -0.6 * ups[0]]:
        last, measured_here = len(up) - 1, numeric_gradient(lambda W, up=up: up @ (W @ into), np.zeros((len(up), 3)))
        right = {f"∂J/∂W[{i}, {j}]": measured_here[i, j] for i, j in [(0, 1), (last, 0), (last, 2)]}
        yours = lambda up=up, last=last: {
            f"∂J/∂W[{i}, {j}]": affine_dW_entry(i, j, up, into) for i, j in [(0, 1), (last, 0), (last, 2)]
        }
        check_values(f"{len(up)} outputs", yours, right, only_here="for other numbers, some of them 0 or whole")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("05-affine-tanh/affine_dW_entry_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · All weights at once
#
# Your function, called for each entry, gives the whole matrix. It is drawn below with the two vectors it is made of, like
# a table with a heading for each column and each row. Where does a number in the table come from?

# %% tags=["show"]
entries = np.array([[affine_dW_entry(i, j, dJ_dy, x) for j in range(3)] for i in range(2)])
table = np.block([[np.nan, x], [dJ_dy[:, None], entries]])
plt.figure(figsize=(5, 3))
plt.imshow(np.where(np.arange(4) * np.arange(3)[:, None] > 0, table, np.nan), cmap="Blues", vmax=400)
for (r, c), value in np.ndenumerate(table):
    plt.text(c, r, f"{value:g}" if r or c else "∂J/∂W", ha="center", va="center")
plt.xticks([2], ["x →"])
plt.yticks([1.5], ["∂J/∂y ↓"])
plt.gca().xaxis.tick_top()
plt.show()


# %% [markdown]
# *Expected picture:* in the coloured part the rows (20, 40, 60) and (60, 120, 180), the first two rows of
# $\frac{\partial \ell}{\partial W_1}$ in section 03; above them $x$, on their left $\frac{\partial J}{\partial y}$.

# %% [markdown]
# ### Question 2 (2 points)
#
# Let $x$ and $\frac{\partial J}{\partial y}$ be *column vectors*, of shape $d \times 1$ and $m \times 1$. Write
# $\frac{\partial J}{\partial W}$ as one product of matrices, and say why the product has the right shape and the right
# entries.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_dW", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# $$\frac{\partial J}{\partial W} = \frac{\partial J}{\partial y}\,x^\top$$
#
# Shape: $(m \times 1)$ times $(1 \times d)$ is $m \times d$, the shape of $W$. Entries: the sum in this matrix product
# runs over an index with one value, so entry $[i, j]$ is $\frac{\partial J}{\partial y_i}\,x_j$, as shown in question 1.
# This is the *outer product* of the two vectors.
#
# **Rubric** 1: the product, with the transpose on $x$; 1: its shape is that of $W$, and entry $[i, j]$ agrees with question 1.
# ### END SOLUTION

# %% [markdown]
# **Exercise 2** (3 points). One expression, no loop. In numpy the two vectors have one axis each, shapes `(m,)` and `(d,)`, and
# then `.T` changes nothing: `x.T` still has shape `(d,)`. A `@` between the two asks for $m = d$.

# %% nbgrader={"grade_id": "affine_dW", "solution": true}
def affine_dW(dJ_dy, x):
    """∂J/∂W, shape (m, d).

    dJ_dy : shape (m,)      x : shape (d,)

    >>> affine_dW(np.array([2.0, 6.0]), np.array([10.0, 20.0, 30.0]))
    array([[ 20.,  40.,  60.],
           [ 60., 120., 180.]])
    """
    ### BEGIN SOLUTION
    return np.outer(dJ_dy, x)
    ### END SOLUTION


# %% [markdown]
# From here on each check looks at two layers first: the one above, and one of random numbers with $m = 4$ and $d = 5$;
# then at layers with other numbers. For the random one $J = g \cdot y$ with a random vector $g$: then
# $\frac{\partial J}{\partial y} = g$, and so $g$ may be any upstream gradient.

# %%
rng = np.random.default_rng(5)
layer = {"W": rng.normal(size=(4, 5)), "x": rng.normal(size=5), "b": rng.normal(size=4)}
g = rng.normal(size=4)
small, large = measured(rest, W=W, x=x, b=b), measured(lambda y: g @ y, **layer)


# %% nbgrader={"grade": true, "grade_id": "affine_dW_check", "points": 3}
# Check your work. Right code shows max differences below 1e-4.
def _check():
    check_values("2 outputs, 3 inputs", lambda: {"∂J/∂W": affine_dW(dJ_dy, x)}, {"∂J/∂W": small["W"]}, atol=1e-4)
    check_values("4 outputs, 5 inputs", lambda: {"∂J/∂W": affine_dW(g, layer["x"])}, {"∂J/∂W": large["W"]}, atol=1e-4)
    check_values("1 output", lambda: {"∂J/∂W": affine_dW(g[:1], layer["x"])}, {"∂J/∂W": large["W"][:1]}, atol=1e-4)
    turned = numeric_gradient(lambda W: (1.3 - g) @ (W @ layer["x"]), np.zeros((4, 5)))
    other = lambda: {"∂J/∂W": affine_dW(1.3 - g, layer["x"])}
    check_values("another J", other, {"∂J/∂W": turned}, atol=1e-4, only_here="for another upstream gradient and the same x")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("05-affine-tanh/affine_dW_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · Back to the input
#
# $x$ may be the output of a layer below, and that layer waits for $\frac{\partial J}{\partial x}$. Now there *is*
# something to add up: one weight goes into one output, but $x_j$ goes into **all** of them.

# %% [markdown]
# ### Question 3 (4 points)
#
# Show that
#
# $$\frac{\partial J}{\partial x} = W^\top\,\frac{\partial J}{\partial y}.$$
#
# Work out $\frac{\partial J}{\partial x_j}$ first; then say which matrix product has these entries, and check the shapes.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_dx", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# The entries of $x$ don't depend on one another, so $\frac{\partial x_c}{\partial x_j} = \delta_{cj}$ and
#
# $$\frac{\partial y_r}{\partial x_j} = \sum_c W_{rc}\,\frac{\partial x_c}{\partial x_j} = \sum_c W_{rc}\,\delta_{cj} = W_{rj}.$$
#
# Chain rule over all outputs:
#
# $$\frac{\partial J}{\partial x_j} = \sum_r \frac{\partial J}{\partial y_r}\,W_{rj}
# = \sum_r \left(W^\top\right)_{jr} \frac{\partial J}{\partial y_r}.$$
#
# That is entry $j$ of $W^\top$ times the column vector $\frac{\partial J}{\partial y}$. Shapes: $(d \times m)$ times
# $(m \times 1)$ is $d \times 1$, the shape of $x$.
#
# **Rubric** 1: $\partial y_r / \partial x_j = W_{rj}$, with a reason; 1: the chain rule with the sum over all outputs; 1: the
# sum runs over the *first* index of $W$, so it is a product with $W^\top$; 1: shapes.
# ### END SOLUTION

# %% [markdown]
# **Exercise 3** (3 points). As code. In the example, $-24 = 3 \cdot 2 + (-5) \cdot 6$: a column of $W$ meets the upstream
# gradient.

# %% nbgrader={"grade_id": "affine_dx", "solution": true}
def affine_dx(W, dJ_dy):
    """∂J/∂x, shape (d,).

    W : shape (m, d)      dJ_dy : shape (m,)

    >>> affine_dx(np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0]]), np.array([2.0, 6.0]))
    array([-24.,  32.,  28.])
    """
    ### BEGIN SOLUTION
    return W.T @ dJ_dy
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "affine_dx_check", "points": 3}
# Check your work. Right code shows max differences below 1e-4.
def _check():
    check_values("2 outputs, 3 inputs", lambda: {"∂J/∂x": affine_dx(W, dJ_dy)}, {"∂J/∂x": small["x"]}, atol=1e-4)
    check_values("4 outputs, 5 inputs", lambda: {"∂J/∂x": affine_dx(layer["W"], g)}, {"∂J/∂x": large["x"]}, atol=1e-4)
    one = lambda: {"∂J/∂x": affine_dx(layer["W"][:, :1], g)}
    check_values("1 input", one, {"∂J/∂x": large["x"][:1]}, atol=1e-4, scalar_like=False)
    # Other weights of the same sizes, one after the other.
    for size, V, up in (("small", W[::-1] * 0.7, -dJ_dy), ("large", 1.3 - layer["W"], g[::-1])):
        two = lambda V=V, up=up: {"first": affine_dx(V, up), "second": affine_dx(0.3 - V, up)}
        right = [numeric_gradient(lambda x, V=V, up=up: up @ (V @ x), np.zeros(V.shape[1])) for V in (V, 0.3 - V)]
        known = dict(zip(("first", "second"), right))
        check_values(f"other weights, {size} layer", two, known, atol=1e-4, only_here="for other weights")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("05-affine-tanh/affine_dx_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# (In section 03 all three units sent something back: the third one $(-18, -24, -6)$. Added to
# $(-24, 32, 28)$ that makes the $(-42, 8, 22)$ you found there.)

# %% [markdown]
# ## 5 · The bias
#
# ### Question 4 (2 points)
#
# Show that
#
# $$\frac{\partial J}{\partial b} = \frac{\partial J}{\partial y}.$$

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_db", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# $y_r$ contains $b_r$ once, with the factor 1, and no other entry of $b$, so $\frac{\partial y_r}{\partial b_i} = \delta_{ri}$ and
#
# $$\frac{\partial J}{\partial b_i} = \sum_r \frac{\partial J}{\partial y_r}\,\delta_{ri} = \frac{\partial J}{\partial y_i}
# \qquad\text{for each } i = 1, \dots, m,$$
#
# which is the claim, entry by entry; both sides have $m$ entries.
#
# **Rubric** 1: $\partial y_r / \partial b_i = \delta_{ri}$ (or the same in words); 1: the chain rule, and its sum collapses.
# ### END SOLUTION

# %% [markdown]
# **Exercise 4** (2 points). As code.

# %% nbgrader={"grade_id": "affine_db", "solution": true}
def affine_db(dJ_dy):
    """∂J/∂b, shape (m,).

    dJ_dy : shape (m,)

    >>> affine_db(np.array([2.0, 6.0]))
    array([2., 6.])
    """
    ### BEGIN SOLUTION
    return dJ_dy.copy()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "affine_db_check", "points": 2}
# Check your work. Right code shows max differences below 1e-4.
def _check():
    check_values("2 outputs, 3 inputs", lambda: {"∂J/∂b": affine_db(dJ_dy)}, {"∂J/∂b": small["b"]}, atol=1e-4)
    check_values("4 outputs, 5 inputs", lambda: {"∂J/∂b": affine_db(g)}, {"∂J/∂b": large["b"]}, atol=1e-4)
    # Other J, one after the other, and a smaller layer.
    ups = {"first": g[::-1], "second": 1.3 - g, "2 outputs": np.array([0.9, -0.4])}
    right = {name: numeric_gradient(lambda b, up=up: up @ b, np.zeros(len(up))) for name, up in ups.items()}
    other = lambda: {name: affine_db(up) for name, up in ups.items()}
    check_values("other J", other, right, atol=1e-4, only_here="for other upstream gradients, one after the other")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("05-affine-tanh/affine_db_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · A function applied to each entry
#
# Between two affine layers stands an *activation function* $\sigma$, such as tanh, which bends. It is applied to each
# entry by itself: from an array $A$ comes an array $S$ of the same shape,
#
# $$S = \sigma(A).$$
#
# $\sigma'$ is its slope. For tanh this is $\sigma'(a) = 1 - \tanh^2(a)$: 1 in the middle, nearly 0 where tanh is flat.

# %% tags=["show"]
line = np.linspace(-4, 4, 401)
plt.figure(figsize=(7, 2.8))
plt.plot(line, np.tanh(line), label="tanh(a)")
plt.plot(line, 1 - np.tanh(line) ** 2, "--", label="its slope, 1 − tanh²(a)")
plt.xlabel("a")
plt.legend()
plt.show()


# %% [markdown]
# $A$ may be a vector (one layer, one example), a matrix (a batch of examples), or have more axes (pictures: height, width,
# colour). To have one proof for all of them, number the positions of the array through with **a single index**
# $k = 1, \dots, n$, whatever its shape. $A_k$ and $S_k$ are the entries at the same position $k$.

# %% [markdown]
# ### Question 5 (4 points)
#
# $J$ depends on $A$ through $S$ only. Show that, for arrays of any shape,
#
# $$\frac{\partial J}{\partial A} = \frac{\partial J}{\partial S} \odot \sigma'(A).$$
#
# The sign ⊙ is the *Hadamard product*: entry times entry, for two arrays of the same shape.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_dA", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# At position $l$ we have $S_l = \sigma(A_l)$: it depends on $A_l$ and on no other entry of $A$. So
#
# $$\frac{\partial S_l}{\partial A_k} = \sigma'(A_l)\,\frac{\partial A_l}{\partial A_k} = \sigma'(A_l)\,\delta_{lk},$$
#
# and by the chain rule over all positions
#
# $$\frac{\partial J}{\partial A_k} = \sum_{l=1}^{n} \frac{\partial J}{\partial S_l}\,\sigma'(A_l)\,\delta_{lk}
# = \frac{\partial J}{\partial S_k}\,\sigma'(A_k).$$
#
# This holds at each position $k$. The array with these entries is $\frac{\partial J}{\partial S} \odot \sigma'(A)$; all
# arrays involved have the shape of $A$, and what that shape is was used nowhere.
#
# **Rubric** 1: single index, $S_l$ depends on $A_l$ only; 1: $\partial S_l/\partial A_k = \sigma'(A_l)\,\delta_{lk}$; 1: the
# chain rule with the sum over all positions, which collapses; 1: back to arrays: entry by entry is what ⊙ means, and the
# shape plays no role.
# ### END SOLUTION

# %% [markdown]
# **Exercise 5** (4 points). As code, for numbers, vectors, matrices and arrays with any number of axes. `sigma_prime` is a
# function: `sigma_prime(A)` is an array in the shape of $A$ with the slope at each entry.

# %% nbgrader={"grade_id": "elementwise_dA", "solution": true}
def elementwise_dA(dJ_dS, A, sigma_prime):
    """∂J/∂A, in the shape of A.

    dJ_dS, A    : arrays of one shape, with any number of axes
    sigma_prime : function from an array to an array of the same shape

    >>> elementwise_dA(np.array([1.0, 10.0]), np.array([3.0, -3.0]), lambda A: 2 * A)      # σ(a) = a²
    array([  6., -60.])
    """
    ### BEGIN SOLUTION
    return dJ_dS * sigma_prime(A)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "elementwise_dA_check", "points": 4}
# Check your work: tanh, on arrays with 0 to 3 axes. Right code shows max differences below 1e-6.
def _check():
    rng = np.random.default_rng(6)
    slope = lambda A: 1 - np.tanh(A) ** 2
    arrays, right = {}, {}
    for shape in [(), (4,), (3, 3), (2, 3), (2, 3, 4), (12, 2), (2, 3, 3)]:
        A, G = np.array(rng.normal(size=shape)), np.array(rng.normal(size=shape))
        arrays[f"∂J/∂A {shape}"] = G, A
        right[f"∂J/∂A {shape}"] = numeric_gradient(lambda A, G=G: np.sum(G * np.tanh(A)), A)
    # One of them again, with other numbers, and transposed: rows in memory are columns then.
    G, A = arrays["∂J/∂A (2, 3)"]
    arrays |= {"other dJ/dS": (0.6 - G, A), "A transposed": (G.T.copy(), A.T), "dJ/dS transposed": (G.T, A.T.copy())}
    right["other dJ/dS"] = numeric_gradient(lambda A: np.sum((0.6 - G) * np.tanh(A)), A)
    right["A transposed"] = right["dJ/dS transposed"] = right["∂J/∂A (2, 3)"].T
    yours = lambda: {name: elementwise_dA(G, A, slope) for name, (G, A) in arrays.items()}
    first = "∂J/∂A (4,)"
    check_values("a vector", lambda: {first: elementwise_dA(*arrays[first], slope)}, {first: right[first]}, atol=1e-6)
    shapes = "in another shape, in another order in memory, or after other numbers"
    check_values("elementwise_dA", yours, right, atol=1e-6, scalar_like=False, only_here=shapes)
    # Any activation will do: the square, whose slope at a is 2a, so 0 at 0.
    square = lambda G, A: elementwise_dA(np.array(G), np.array(A), lambda A: 2 * A)
    both = lambda: {"∂J/∂A": square([0.5, -3.0], [-0.7, 1.1]), "one slope 0": square([0.9, -1.2], [0.0, 1.1])}
    known = {"∂J/∂A": [-0.7, -6.6], "one slope 0": [0.0, -2.64]}
    check_values("elementwise_dA of a square", both, known, only_here="for another activation, whose slope may be 0 or negative")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("05-affine-tanh/elementwise_dA_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 7 · Both layers together
#
# Your functions are the two steps of a whole backward pass. Here is $S = \tanh(Wx + b)$ with the random layer and $J = g \cdot S$:
# the last function first, then the three others with what it gave.

# %% tags=["show"]
W_, x_, b_ = layer["W"], layer["x"], layer["b"]
dJ_dA = elementwise_dA(g, W_ @ x_ + b_, lambda A: 1 - np.tanh(A) ** 2)
yours = {"∂J/∂W": affine_dW(dJ_dA, x_), "∂J/∂x": affine_dx(W_, dJ_dA), "∂J/∂b": affine_db(dJ_dA)}
right = measured(lambda A: g @ np.tanh(A), **layer)
right = {f"∂J/∂{name}": gradient for name, gradient in right.items()}
check_values("J = g · tanh(W x + b)", yours, right, atol=1e-6)

# %% [markdown]
# ## 8 · The small network, in layers
#
# Now the whole network of section 03 with your functions: three layers without a bias, ReLU (slope 1 or 0) between them,
# and $\ell = (\hat y - 199)^2$. Each layer hands to the one below what that one has been waiting for.

# %% tags=["show"]
W0, W1 = np.array([[1.0], [2.0], [3.0]]), np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]])
W2, start = np.array([[1.0, 3.0, -3.0]]), np.array([10.0])
r0 = W0 @ start
h0 = np.maximum(r0, 0)
r1 = W1 @ h0
h1 = np.maximum(r1, 0)
dy = 2 * (W2 @ h1 - 199)

dW2, dh1 = affine_dW(dy, h1), affine_dx(W2, dy)
dr1 = elementwise_dA(dh1, r1, lambda r: (r > 0) * 1.0)
dW1, dh0 = affine_dW(dr1, h0), affine_dx(W1, dr1)
dr0 = elementwise_dA(dh0, r0, lambda r: (r > 0) * 1.0)
dW0 = affine_dW(dr0, start)

# %% [markdown]
# The agreement table of the small network has grown: in section 04 the nodes knew its last step, your layers know all of it.
# **Expected**: the same numbers across each line.

# %% tags=["show"]
by_hand = {"W2": [520, 240, 280], "h1": [2, 6, -6], "r1": [2, 6, -6],
           "W1[0]": [20, 40, 60], "W1[1]": [60, 120, 180], "W1[2]": [-60, -120, -180],
           "h0": [-42, 8, 22], "r0": [-42, 8, 22], "W0": [-420, 80, 220]}
by_nodes = {"W2": [520, 240, 280], "h1": [2, 6, -6]}
by_layers = {"W2": dW2, "h1": dh1, "r1": dr1, "W1[0]": dW1[0], "W1[1]": dW1[1], "W1[2]": dW1[2],
             "h0": dh0, "r0": dr0, "W0": dW0}
print(f"{'small network':16}{'by hand (03)':20}{'nodes (04)':20}{'layers (05)':20}")
for name, hand in by_hand.items():
    now = np.round(np.ravel(by_layers[name])).astype(int).tolist()
    print(f"∂ℓ/∂{name:12}{hand!s:20}{by_nodes.get(name, '')!s:20}{now!s:20}{'ok' if now == hand else '<-'}")

# %% [markdown]
# ## What you have now
#
# | from | to | rule | why |
# |---|---|---|---|
# | $y = Wx + b$ | $W$ | outer product of $\partial J/\partial y$ and $x$ | each weight meets one input and one output |
# | | $x$ | $W^\top$ times $\partial J/\partial y$ | each input reaches all outputs, so contributions add up |
# | | $b$ | $\partial J/\partial y$ as it is | slope 1, one output each |
# | $S = \sigma(A)$ | $A$ | $\odot\ \sigma'(A)$ | each entry by itself |
#
# Shapes are a test you can do in your head: for $m \ne d$ a forgotten transpose doesn't fit.

# %% [markdown]
# ## Go further
#
# * A batch has one example in each row of $X$, shape $(n, d)$, and $Y = XW^\top + b$, shape $(n, m)$. Add a third index to question 1 and
#   find $\frac{\partial J}{\partial W} = \left(\frac{\partial J}{\partial Y}\right)^{\!\top} X$. What becomes of $\frac{\partial J}{\partial b}$?
# * Where is $\sigma'(A)$ the *wrong* thing to multiply by? Softmax gives an array of the same shape, but each entry of it
#   depends on all entries of its input. Section 07 deals with it.
# * Section 06 makes nodes of these rules, and a network of the nodes.
