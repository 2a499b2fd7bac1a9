# %% [markdown]
# # Tutorial 5 · The layout Rosetta stone
#
# After this tutorial you can
#
# * recognise the three ways in which books, courses and programs lay out a gradient,
# * translate a formula from one to another without trial and error,
# * use shapes to find a misplaced transpose before you run anything.
#
# **Time** about 40 minutes. **Builds on** tutorial 1, and on multiplying matrices. Nothing here is graded.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import matplotlib.pyplot as plt
import numpy as np

from backprop.gradcheck import compare, numeric_gradient


# %% [markdown]
# ## 1 · One layer, three dialects
#
# A matrix $W$ takes a vector of 2 numbers to one of 3, then a number $J$ is computed. The gradient is always the same
# six numbers $\partial J/\partial W_{ij}$. The dialects differ in **where they write them**:
#
# | | a vector is | layer | gradient of $W$ is | who |
# |---|---|---|---|---|
# | **same shape** | a column, or plain 1-D | $y = W x$ | an array like $W$ | NYU, LIGN 167, this course's nodes |
# | **row derivative** | a column | $y = W x$ | the *transpose* of that | CS189 |
# | **batched** | a row of $X$ | $Y = X W$ | an array like $W$ | EECS 442, most programs |
#
# (NYU, LIGN 167, CS189 and EECS 442 are university courses.)

# %% [markdown]
# As a picture: each array is a rectangle, rows × columns, values in blue, gradients in red.

# %%
def rectangles(ax, title, boxes):
    """Draw arrays side by side; each is (text, rows, columns, colour), a sign between them has 0 rows."""
    left = 0.0
    for text, rows, columns, colour in boxes:
        corner = (left, -rows / 2)
        ax.add_patch(plt.Rectangle(corner, columns, rows, facecolor=colour, edgecolor="black", lw=rows > 0))
        shape = f"\n{rows}×{columns}" if rows else ""
        ax.text(left + columns / 2, 0, text + shape, ha="center", va="center", fontsize=9)
        left += columns + 0.2
    ax.set(xlim=(-0.2, 21.5), ylim=(-2.2, 2.2), aspect="equal")
    ax.set_title(title, loc="left", fontsize=11)
    ax.axis("off")


# %% tags=["show"]
blue, red = "#dcebf7", "#f9dcd6"
fig, axes = plt.subplots(3, 1, figsize=(9.5, 7.5))
rectangles(axes[0], "same shape:  y = W x,   gradient of W = (gradient of y) xᵀ", [
    ("y", 3, 1, blue), ("=", 0, 0.4, red), ("W", 3, 2, blue), ("x", 2, 1, blue), ("", 0, 0.6, red),
    ("dW", 3, 2, red), ("=", 0, 0.4, red), ("dy", 3, 1, red), ("xᵀ", 1, 2, blue),
])  # fmt: skip
rectangles(axes[1], "row derivative:  y = W x,   derivative by W = x (derivative by y)", [
    ("y", 3, 1, blue), ("=", 0, 0.4, red), ("W", 3, 2, blue), ("x", 2, 1, blue), ("", 0, 0.6, red),
    ("∂J/∂W", 2, 3, red), ("=", 0, 0.4, red), ("x", 2, 1, blue), ("∂J/∂y", 1, 3, red),
])  # fmt: skip
rectangles(axes[2], "batched, four examples:  Y = X W,   gradient of W = Xᵀ (gradient of Y)", [
    ("Y", 4, 3, blue), ("=", 0, 0.4, red), ("X", 4, 2, blue), ("W", 2, 3, blue), ("", 0, 0.6, red),
    ("dW", 2, 3, red), ("=", 0, 0.4, red), ("Xᵀ", 2, 4, blue), ("dY", 4, 3, red),
])  # fmt: skip

# %% [markdown]
# Read the picture with the shapes alone: in each line only one order of the factors fits. That is the most useful habit of this
# tutorial. (When everything is square, shapes do not help; then the index formula does, section 6.)
#
# We write `dW` for a gradient with the shape of its variable, in code and in formulas.

# %% [markdown]
# ## 2 · The network of the series
#
# One small network with fixed numbers runs through the whole course: a number $x$ goes in, two hidden layers of
# three, a prediction comes out, compared with an outcome $y$. Section 03 does it by hand, 04 with nodes, 05 and 06 with
# whole layers, 09 in PyTorch.
#
# $$r_0 = W_0\,x \quad h_0 = \mathrm{ReLU}(r_0) \quad r_1 = W_1 h_0 \quad h_1 = \mathrm{ReLU}(r_1) \quad
# \hat y = W_2 h_1 \quad J = (\hat y - y)^2$$
#
# $\mathrm{ReLU}(r) = \max(0, r)$ has slope 1 where $r > 0$ and slope 0 elsewhere.

# %%
x, y = 10.0, 199.0
W0 = np.array([1.0, 2.0, 3.0])
W1 = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]])
W2 = np.array([1.0, 3.0, -3.0])


def objective(W0, W1, W2):
    """J for the fixed example x, y."""
    h0 = np.maximum(W0 * x, 0)
    h1 = np.maximum(W1 @ h0, 0)
    return (W2 @ h1 - y) ** 2


print("J =", objective(W0, W1, W2))

# %% [markdown]
# ## 3 · Same shape
#
# Vectors are 1-D arrays, and each gradient is an array like its variable. Two rules carry everything, for $v = W u$:
#
# $$dW = dv \, u^\top \;\;\text{(outer product)} \qquad\qquad du = W^\top dv$$
#
# ReLU multiplies entry by entry: $dr = dh \odot \mathbf 1[r > 0]$, where $\odot$ is the product entry by entry and
# $\mathbf 1[\cdot]$ is 1 where the condition holds and 0 elsewhere.

# %%
r0 = W0 * x
h0 = np.maximum(r0, 0)
r1 = W1 @ h0
h1 = np.maximum(r1, 0)
d_pred = 2 * (W2 @ h1 - y)

same = {"W2": d_pred * h1}
d_r1 = d_pred * W2 * (r1 > 0)
same["W1"] = np.outer(d_r1, h0)
d_r0 = (W1.T @ d_r1) * (r0 > 0)
same["W0"] = d_r0 * x
for name, gradient in same.items():
    print(f"d{name}, shape {gradient.shape}:\n{gradient}")

# %% [markdown]
# **Order of reading**: the *last* step comes first, and the new factor is written on the **left**: $d r_0$ comes from
# $W_1^\top (\dots)$.

# %% [markdown]
# ## 4 · Row derivative
#
# Here a vector is a column, and the derivative of a number by a column is a **row**. The derivative of a vector by a vector is
# a matrix (outputs × inputs), so the chain rule reads like the path, from the result on the left to the
# variable on the **right**, with no transpose anywhere:
#
# $$\frac{\partial J}{\partial h_0} = \frac{\partial J}{\partial \hat y}\;
# \underbrace{W_2}_{1\times 3}\; \underbrace{D_1}_{3 \times 3}\; \underbrace{W_1}_{3\times 3}
# \qquad \frac{\partial J}{\partial W_1} = h_0\,\frac{\partial J}{\partial r_1}$$

# %% [markdown]
# $D_1$ is the diagonal matrix with the slopes of ReLU. The derivative by a matrix comes out **transposed**: row $j$, column $i$ holds
# $\partial J / \partial W_{ij}$.

# %%
column = {"x": np.array([[x]]), "W0": W0.reshape(3, 1), "W1": W1, "W2": W2.reshape(1, 3)}
r0 = column["W0"] @ column["x"]
h0 = np.maximum(r0, 0)
r1 = column["W1"] @ h0
h1 = np.maximum(r1, 0)
by_pred = 2 * (column["W2"] @ h1 - y)

row = {"W2": h1 @ by_pred}
by_r1 = by_pred @ column["W2"] @ np.diag((r1 > 0).astype(float).ravel())
row["W1"] = h0 @ by_r1
by_r0 = by_r1 @ column["W1"] @ np.diag((r0 > 0).astype(float).ravel())
row["W0"] = column["x"] @ by_r0
for name, derivative in row.items():
    print(f"∂J/∂{name}, shape {derivative.shape}; the variable has {column[name].shape}:\n{derivative}")


# %% [markdown]
# Compare $\partial J/\partial W_1$ with `dW1` above: the same numbers, mirrored. In this dialect an update needs a transpose at the end,
# $W \leftarrow W - \eta\,(\partial J/\partial W)^\top$. That is the whole difference:
#
# $$dW = \Big(\frac{\partial J}{\partial W}\Big)^{\!\top}$$

# %% [markdown]
# ## 5 · Batched, one example per row
#
# Programs take many examples at once: $X$ has one example per **row**. A layer is $Y = X W$, so $W$ has shape
# (inputs, outputs), the transpose of the $W$ above. Gradients have the shape of their variables again:
#
# $$dW = X^\top dY \qquad dX = dY\, W^\top \qquad db = \text{sum of the rows of } dY$$
#
# The product $X^\top dY$ sums over the examples by itself. (The bias $b$, added to each row, is not used by our network.)

# %%
def batched(X, y, W0, W1, W2):
    """Gradients of the sum of (prediction − y)²; X, y: (N, 1), W0: (1, 3), W1: (3, 3), W2: (3, 1)."""
    R0 = X @ W0
    H0 = np.maximum(R0, 0)
    R1 = H0 @ W1
    H1 = np.maximum(R1, 0)
    d_pred = 2 * (H1 @ W2 - y)
    d_R1 = (d_pred @ W2.T) * (R1 > 0)
    d_R0 = (d_R1 @ W1.T) * (R0 > 0)
    return {"W2": H1.T @ d_pred, "W1": H0.T @ d_R1, "W0": X.T @ d_R0}


weights = {"W0": W0.reshape(1, 3), "W1": W1.T, "W2": W2.reshape(3, 1)}
batch = batched(np.array([[x]]), np.array([[y]]), **weights)
for name, gradient in batch.items():
    print(f"d{name}, shape {gradient.shape}:\n{gradient}")

# %% [markdown]
# With more examples nothing changes in the code. Three of them, once together and once one by one:

# %%
X3, y3 = np.array([[10.0], [-2.0], [0.5]]), np.array([[199.0], [3.0], [-1.0]])
together = batched(X3, y3, **weights)
one_by_one = [batched(X3[i : i + 1], y3[i : i + 1], **weights) for i in range(3)]
for name in together:
    difference = np.abs(together[name] - sum(single[name] for single in one_by_one)).max()
    print(f"{name}: shape {together[name].shape}, differs from the sum of the single ones by {difference:.1e}")

# %% [markdown]
# ## 6 · They agree
#
# Brought into the same-shape layout, and compared with finite differences, which know no dialect at all:

# %%
arrays = {"W0": W0, "W1": W1, "W2": W2}
for name, array in arrays.items():
    numeric = numeric_gradient(lambda _: objective(**arrays), array, h=1e-4)
    print(name)
    for dialect, gradient in [
        ("same shape", same[name]),
        ("row, transposed", row[name].T.reshape(array.shape)),
        ("batched, transposed", batch[name].T.reshape(array.shape)),
    ]:
        print(compare(dialect, gradient, numeric, rtol=1e-6).line(width=19))

# %% [markdown]
# This agreement table (variable · exact · approximate · largest difference) returns in every section.
#
# When two dialects seem to disagree, go down to the indices, where there is only one language. For $y_r = \sum_c W_{rc} x_c$
# the weight $W_{ij}$ touches $y_i$ only, so $\partial J/\partial W_{ij} = (\partial J/\partial y_i)\, x_j$. Whoever stores
# this number in row $i$, column $j$, speaks "same shape"; in row $j$, column $i$, "row derivative".

# %% [markdown]
# ## 7 · The dictionary
#
# | | same shape | row derivative | batched |
# |---|---|---|---|
# | a vector | `(d,)` or column | column `(d, 1)` | row of `X`, `(N, d)` |
# | layer | $y = Wx + b$ | $y = Wx + b$ | $Y = XW + b$ |
# | shape of $W$ | (out, in) | (out, in) | (in, out) |
# | by the input | $W^\top dy$ | $\frac{\partial J}{\partial y} W$ | $dY\,W^\top$ |
# | by the weights | $dy\,x^\top$ | $x\,\frac{\partial J}{\partial y}$, shape (in, out) | $X^\top dY$ |
# | by the bias | $dy$ | $\frac{\partial J}{\partial y}$ | $\sum_n dY_n$ |
# | entry by entry | $dh \odot \sigma'(r)$ | $\frac{\partial J}{\partial h}\,\mathrm{diag}(\sigma'(r))$ | $dH \odot \sigma'(R)$ |
# | update | $W - \eta\,dW$ | $W - \eta\,(\frac{\partial J}{\partial W})^\top$ | $W - \eta\,dW$ |
#
# ($\sigma$ stands for any function applied entry by entry.)

# %% [markdown]
# ### Your turn
#
# 1. A text in the row dialect says $\partial\ell/\partial A = v\,u^\top$ for the number $\ell = u^\top A\,v$. What is $dA$ in the
#    same-shape dialect, and the update of $A$ in each?
# 2. Shapes: `X` (64, 100), `W` (100, 10), `dY` (64, 10). Which products give `dW` and `dX`?
# 3. `u` and `v` are 1-D arrays of 3 numbers. What are the shapes of `u.T @ v`, `np.outer(u, v)` and `u.reshape(3, 1) - v`?

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. $dA = u\,v^\top$. The update is the same in both: $A \leftarrow A - \eta\,u\,v^\top$. Dialects change how a gradient is
#    written, never where the step goes.
# 2. `dW = X.T @ dY`, (100, 64) times (64, 10); `dX = dY @ W.T`, (64, 10) times (10, 100).
# 3. `()`: a 1-D array has no transpose, so this is the scalar product. `(3, 3)`: the outer product. `(3, 3)` again: a column
#    minus a row is broadcast, a frequent accident with predictions (N, 1) and outcomes (N,).
#
# </details>

# %%
u, v = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
print((u.T @ v).shape, np.outer(u, v).shape, (u.reshape(3, 1) - v).shape)

# %% [markdown]
# ## What to remember
#
# * Three dialects, one set of numbers. This course's nodes speak **same shape**; sections 08 and later are **batched**.
# * Row derivative: factors in the order of the path, no transposes inside, one transpose at the update.
# * Shapes first: usually one order of the factors fits. If all are square, write the index formula.

# %% [markdown]
# **Go further**: add a bias to each layer of the batched network and check its gradient with `numeric_gradient`. Then
# do the same network with weights in CS189's layout and a batch of rows: which products need a transpose now?
