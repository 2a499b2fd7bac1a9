# %% [markdown]
# # 12 · Batch normalisation and embeddings
#
# After this section you can
#
# * differentiate a layer that computes a mean and a variance on its way, in small steps and in one formula,
# * look numbers up in a table and send gradients back into it, also when a row was looked up several times,
# * build a model that writes text, letter by letter, and say what each of its parts is good for.

# %% [markdown]
# **An optional section**: it goes beyond the homework sheets. Its points count only where your instructor says so.
#
# **Time** about 2 hours. **Builds on** section 05 (affine layers, tanh) and section 08 (batches, softmax loss). **Points** 35.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import textwrap
import time

import matplotlib.pyplot as plt
import numpy as np

from backprop.batchnorm_checks import check_batchnorm_backward, check_batchnorm_forward
from backprop.draw import draw_edges
from backprop.embedding_checks import check_char_model, check_embedding, check_softmax
from backprop.gradcheck import check_values
from backprop.optim import SGD, DataSampler
from backprop.tale import load_tale, windows

# %% [markdown]
# ## 1 · Why normalise?
#
# A deep network multiplies by one weight matrix after another. If the weights are too large, tanh saturates: its outputs are
# near ±1 and its slope is near 0. If they are too small, the outputs fade from layer to layer. Both block the gradient.
#
# The picture: 8 layers of 100 tanh units, random weights of three sizes; how much the outputs spread after each layer.

# %% tags=["show"]
rng = np.random.default_rng(0)
plt.figure(figsize=(7, 3))
for size, style in ((0.5, "o-"), (1.0, "s-"), (4.0, "^-")):
    h, spread = rng.normal(size=(200, 100)), []
    for _ in range(8):
        h = np.tanh(h @ rng.normal(size=(100, 100)) * size / 10)
        spread.append(h.std())
    plt.plot(range(1, 9), spread, style, label=f"weights of size {size} / √100")
plt.xlabel("layer")
plt.ylabel("standard deviation of its outputs")
plt.legend(loc="center right", bbox_to_anchor=(1, 0.7))
plt.show()

# %% [markdown]
# *Expected picture:* with size 4 nearly all outputs are close to ±1; with size 0.5 hardly anything is left after eight layers.
#
# *Batch normalisation* takes this out of our hands. In front of the activation it shifts and scales each unit, so that over the
# batch its mean is 0 and its variance 1. Then the unit learns the mean $\beta$ and the scale $\gamma$ that it needs.

# %% [markdown]
# ## 2 · Forward, in small steps
#
# The batch is $x$, shape $(N, D)$: $N$ examples, $D$ units. Every step below works on each column by itself; $\mu$, $v$ and
# $s$ have shape $(D{,})$.
#
# | step | formula | |
# |---|---|---|
# | mean | $\mu = \frac1N \sum_i x_i$ | over the examples |
# | centre | $c_i = x_i - \mu$ | |
# | variance | $v = \frac1N \sum_i c_i^2$ | divided by $N$, not $N - 1$ |
# | deviation | $s = \sqrt{v + \varepsilon}$ | $\varepsilon = 10^{-5}$ avoids a division by 0 |
# | normalise | $\hat x_i = c_i / s$ | |
# | scale, shift | $\text{out}_i = \gamma\, \hat x_i + \beta$ | $\gamma$, $\beta$ have shape $(D{,})$ |

# %% tags=["show"]
edges = [("x", "μ"), ("x", "c"), ("μ", "c"), ("c", "v"), ("v", "s"), ("c", "x̂"), ("s", "x̂")]
edges += [("x̂", "out"), ("γ", "out"), ("β", "out")]
operators = {"μ": "mean", "c": "x − μ", "v": "mean of c²", "s": "√(v + ε)", "x̂": "c / s", "out": "γ x̂ + β"}
draw_edges(edges, operators=operators)
plt.show()


# %% [markdown]
# Two nodes have two consumers: $x$ goes into $c$ and into $\mu$; $c$ goes into $\hat x$ and into $v$. So one example reaches the
# output of **every** example, by way of the mean and the variance. That is what makes this layer interesting to
# differentiate.

# %% [markdown]
# ### Exercise 1 (4 points)
#
# The forward pass. `cache` is whatever your backward passes will need, for
# instance a dict.

# %% nbgrader={"grade_id": "batchnorm_forward", "solution": true}
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """Normalise each column of x over the batch, then scale and shift it.

    x : shape (N, D)      gamma, beta : shape (D,)
    returns : out, shape (N, D), and cache

    >>> x = np.array([[1.0, 2.5], [4.0, -1.5], [-2.0, -4.5], [7.0, 1.5], [0.0, -0.5]])
    >>> out, cache = batchnorm_forward(x, np.array([0.7, -1.3]), np.array([0.4, 2.9]))
    >>> out[0]      # the means are 2 and −0.5, the variances 10 and 6
    array([0.17864067, 1.30783299])
    """
    ### BEGIN SOLUTION
    c = x - x.mean(axis=0)
    s = np.sqrt((c**2).mean(axis=0) + eps)
    x_hat = c / s
    return gamma * x_hat + beta, {"c": c, "s": s, "x_hat": x_hat, "gamma": gamma}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batchnorm_forward_check", "points": 4}
# Check your work: the example of the docstring, other sizes, and a unit that is the same for all examples.
# Right code shows max differences below 1e-8.
check_batchnorm_forward(batchnorm_forward)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/batchnorm_forward_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · Backward, node by node
#
# Go through the picture from right to left. Each step needs the derivative of one short formula, and where a node has two
# consumers, two contributions are added. The shapes help: what belongs to $\mu$, $v$ and $s$ has shape $(D{,})$, so it is a sum
# over the examples.
#
# | for | arrives from | shape |
# |---|---|---|
# | $\beta$, $\gamma$ | out | $(D{,})$ |
# | $\hat x$ | out | $(N, D)$ |
# | $s$ | $\hat x$ | $(D{,})$ |
# | $v$ | $s$ | $(D{,})$ |
# | $c$ | $\hat x$ **and** $v$ | $(N, D)$ |
# | $\mu$ | $c$ | $(D{,})$ |
# | $x$ | $c$ **and** $\mu$ | $(N, D)$ |

# %% [markdown]
# ### Exercise 2 (7 points)
#
# The backward pass in these steps. One line a step is enough; give the variables names like
# `grad_x_hat` and `grad_s`.

# %% nbgrader={"grade_id": "batchnorm_backward", "solution": true}
def batchnorm_backward(grad_out, cache):
    """The gradients of batchnorm_forward, node by node.

    grad_out : shape (N, D), the derivative of J by out      cache : from batchnorm_forward
    returns  : grad_x, shape (N, D); grad_gamma, shape (D,); grad_beta, shape (D,)

    >>> upstream = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    >>> grad_x, grad_gamma, grad_beta = batchnorm_backward(upstream, cache)      # the cache of exercise 1
    >>> grad_x[:, 0].round(4), grad_gamma.round(4), grad_beta
    (array([ 0.1727, -0.0354, -0.062 , -0.0221, -0.0531]), array([-0.3162,  0.    ]), array([1., 0.]))
    """
    ### BEGIN SOLUTION
    c, s, x_hat, gamma = cache.values()
    N = len(grad_out)
    grad_beta = grad_out.sum(axis=0)
    grad_gamma = (grad_out * x_hat).sum(axis=0)
    grad_x_hat = grad_out * gamma
    grad_s = -(grad_x_hat * c).sum(axis=0) / s**2
    grad_v = grad_s / (2 * s)
    grad_c = grad_x_hat / s + grad_v * 2 * c / N
    grad_mu = -grad_c.sum(axis=0)
    grad_x = grad_c + grad_mu / N
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batchnorm_backward_check", "points": 7}
# Check your work, with 7 examples and 5 units.
# Right code shows max differences below 1e-7, most often around 1e-11.
check_batchnorm_backward(batchnorm_forward, batchnorm_backward)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/batchnorm_backward_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · Backward, in one formula
#
# Each column by itself, with $g_i = \partial J / \partial\,\text{out}_i$ and the formulas of section 2:
#
# $$\frac{\partial J}{\partial x_i} = \frac{\gamma}{N s}
# \left( N g_i - \sum_j g_j - \hat x_i \sum_j g_j \hat x_j \right)$$
#
# The first term is the direct way through $\hat x_i$. The second came through the mean, the third through the variance.

# %% [markdown]
# ### Question 1 (4 points)
#
# Derive this formula from the steps of exercise 2. Two hints: $c_i = s\,\hat x_i$, and the entries of $\hat x$ have the sum 0.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_one_formula", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# With $\frac{\partial J}{\partial \hat x_i} = \gamma g_i$:
#
# $$\frac{\partial J}{\partial s} = -\sum_j \gamma g_j \frac{c_j}{s^2} = -\frac{\gamma}{s} \sum_j g_j \hat x_j, \qquad
# \frac{\partial J}{\partial v} = \frac{1}{2s} \frac{\partial J}{\partial s} = -\frac{\gamma}{2 s^2} \sum_j g_j \hat x_j.$$
#
# $c_i$ has two consumers, $\hat x_i$ and $v$, where $\partial v/\partial c_i = 2 c_i / N = 2 s \hat x_i / N$:
#
# $$\frac{\partial J}{\partial c_i} = \frac{\gamma g_i}{s} - \frac{\gamma}{N s}\,\hat x_i \sum_j g_j \hat x_j.$$
#
# $\frac{\partial J}{\partial \mu} = -\sum_i \frac{\partial J}{\partial c_i} = -\frac{\gamma}{s} \sum_i g_i$, since the second
# term contains $\sum_i \hat x_i = 0$. Finally $x_i$ has two consumers, $c_i$ and $\mu$ with $\partial \mu / \partial x_i = 1/N$:
#
# $$\frac{\partial J}{\partial x_i} = \frac{\gamma g_i}{s} - \frac{\gamma}{N s}\,\hat x_i \sum_j g_j \hat x_j
# - \frac{\gamma}{N s} \sum_j g_j.$$
#
# Taking $\frac{\gamma}{N s}$ out of the sum gives the formula.
#
# **Rubric** 1: $\partial J/\partial s$ and $\partial J/\partial v$; 1: both contributions at $c_i$, with $\partial v/\partial c_i$;
# 1: $\partial J/\partial \mu$, where the sum of $\hat x$ vanishes, with the reason; 1: both contributions at $x_i$, put together.
# ### END SOLUTION

# %% [markdown]
# ### Exercise 3 (3 points)
#
# The same gradients, with the formula.

# %% nbgrader={"grade_id": "batchnorm_backward_short", "solution": true}
def batchnorm_backward_short(grad_out, cache):
    """The gradients of batchnorm_forward by the formula above: arguments and results as in batchnorm_backward.

    >>> grad_x, _, _ = batchnorm_backward_short(upstream, cache)      # as in exercise 2
    >>> grad_x[:, 0].round(4)
    array([ 0.1727, -0.0354, -0.062 , -0.0221, -0.0531])
    """
    ### BEGIN SOLUTION
    _, s, x_hat, gamma = cache.values()
    N = len(grad_out)
    total, along = grad_out.sum(axis=0), (grad_out * x_hat).sum(axis=0)
    return gamma / (N * s) * (N * grad_out - total - x_hat * along), along, total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batchnorm_backward_short_check", "points": 3}
# Check your work, as above. Right code shows max differences below 1e-7, most often around 1e-11.
check_batchnorm_backward(batchnorm_forward, batchnorm_backward_short)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/batchnorm_backward_short_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (2 points)
#
# 1. Add up the formula over all examples $i$. What comes out, and how can you see that without the formula, from what batch
#    normalisation does to a column when the same number is added to all its entries?
# 2. An affine layer $xW + b$ stands in front. What is the gradient of $b$, and what do you conclude?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_shift", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# 1. $N \sum_i g_i - N \sum_j g_j - \left(\sum_i \hat x_i\right) \sum_j g_j \hat x_j = 0$: the first two cancel, and the sum of
#    $\hat x$ is 0. Without the formula: if $t$ is added to all entries of a column, so is it to the mean; $c$ and everything after it stay the
#    same. So $J$ does not change with $t$, and $\mathrm{d}J/\mathrm{d}t = \sum_i \partial J/\partial x_i$ is 0.
# 2. $b$ is such a number, added to every entry of its column: its gradient is 0, it would never learn anything, and can be
#    left out. $\beta$ does its work.
#
# **Rubric** 1: the sum is 0, with the reason that a common shift drops out; 1: the gradient of $b$ is 0, so $b$ is superfluous.
# ### END SOLUTION

# %% [markdown]
# ## 5 · Against PyTorch
#
# Where PyTorch is installed, the next cell compares your layer with `torch.nn.functional.batch_norm`. **Expected**: differences around
# 1e-15, and of 1e-14 at most.

# %% tags=["show", "optional"]
try:
    import torch
except ImportError:
    print("PyTorch is not installed here. To see the comparison: pip install torch, or open this notebook on Colab.")
else:
    rng = np.random.default_rng(1)
    arrays = {"x": rng.normal(size=(7, 5)), "gamma": rng.normal(size=5), "beta": rng.normal(size=5)}
    upstream = rng.normal(size=(7, 5))
    t = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    theirs = torch.nn.functional.batch_norm(t["x"], None, None, t["gamma"], t["beta"], training=True)
    theirs.backward(torch.tensor(upstream))
    out, cache = batchnorm_forward(*arrays.values())
    print(f"out      {np.abs(out - theirs.detach().numpy()).max():.1e}")
    for name, gradient in zip(arrays, batchnorm_backward_short(upstream, cache)):
        print(f"{name:8} {np.abs(gradient - t[name].grad.numpy()).max():.1e}")

# %% [markdown]
# ## 6 · Embeddings: a table that learns
#
# A letter is no number: letter 7 is not "more" than letter 3. So each letter gets a row of numbers of its own in a
# table $E$, shape $(V, D)$ for an alphabet of $V$ letters. The row is called its *embedding*, and it is learned. The layer looks
# rows up, nothing more:
#
# $$\text{out}_i = E_{k_i} \qquad\text{for the letter numbers } k_1, k_2, \dots$$
#
# Below: $V = 6$, $D = 3$, and the letters 4, 1, 4, 0, 4. Row 4 was looked up three times.

# %% tags=["show"]
table, letters = np.arange(18.0).reshape(6, 3) - 7, [4, 1, 4, 0, 4]
figure, axes = plt.subplots(1, 2, figsize=(7, 2.8))
for axis, array, title in ((axes[0], table, "E"), (axes[1], table[letters], "out")):
    axis.imshow(array, cmap="PuOr", vmin=-20, vmax=20)
    for (row, column), number in np.ndenumerate(array):
        axis.text(column, row, f"{number:g}", ha="center", va="center")
    axis.set_title(title)
    axis.set_xticks([])
axes[0].set_yticks(range(6), [f"row {k}" for k in range(6)])
axes[1].set_yticks(range(5), [f"E[{k}]" for k in letters])
plt.show()


# %% [markdown]
# The way back: $\partial J/\partial\,\text{out}_i$ belongs to the row that was looked up for it. A row that was looked up three
# times has three consumers, and by now you know what happens to their contributions. Rows that nobody looked up receive 0. This is
# called *scatter-add*.

# %% [markdown]
# ### Exercise 4 (5 points)
#
# `indices` may have any shape: a batch of contexts has shape $(N, L)$, and then `out` has shape
# $(N, L, D)$.

# %% nbgrader={"grade_id": "embedding", "solution": true}
def embedding_forward(indices, table):
    """Look up a row of the table for each index.

    indices : integers from 0 to V − 1, in any shape      table : shape (V, D)
    returns : out, shape indices.shape + (D,), and cache

    >>> out, cache = embedding_forward(np.array([2, 0, 2]), np.array([[0.5, 7.0], [3.0, -1.0], [-4.0, 6.0]]))
    >>> out
    array([[-4. ,  6. ],
           [ 0.5,  7. ],
           [-4. ,  6. ]])
    """
    ### BEGIN SOLUTION
    return table[indices], {"indices": indices, "shape": table.shape}
    ### END SOLUTION


def embedding_backward(grad_out, cache):
    """The gradient of the table, shape (V, D).

    grad_out : the derivative of J by out, in its shape

    >>> embedding_backward(np.array([[1.0, 10.0], [-5.0, 0.3], [0.6, 20.0]]), cache)      # of rows 2, 0, 2
    array([[-5. ,  0.3],
           [ 0. ,  0. ],
           [ 1.6, 30. ]])
    """
    ### BEGIN SOLUTION
    indices, shape = cache.values()
    grad_table = np.zeros(shape)
    np.add.at(grad_table, indices, grad_out)
    return grad_table
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "embedding_check", "points": 5}
# Check your work: one row of letters, then a batch of contexts; letters occur several times.
# Right code shows max differences below 1e-8.
check_embedding(embedding_forward, embedding_backward)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/embedding_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# An embedding is the same as a product: if each letter is written as a row of zeros with a 1 at its number (*one-hot*), then out is
# that matrix times $E$, and the gradient is its transpose times the upstream gradient, as for every affine layer. The
# lookup gives the same without multiplying by zeros.

# %% tags=["show"]
rng = np.random.default_rng(2)
k, E, upstream = np.array([4, 1, 4, 0, 4]), rng.normal(size=(6, 3)), rng.normal(size=(5, 3))
one_hot = np.eye(6)[k]
out, cache = embedding_forward(k, E)
check_values(
    "the same as a one-hot product",
    {"out": out, "∂J/∂E": embedding_backward(upstream, cache)},
    {"out": one_hot @ E, "∂J/∂E": one_hot.T @ upstream},
)

# %% [markdown]
# ## 7 · The text
#
# A short tale about a mill, written for this course. The model reads five letters and predicts the next one. Four fifths of the
# text are for learning, the rest for validation.

# %%
text, text_val = load_tale()
alphabet = "".join(sorted(set(text + text_val)))
V, L = len(alphabet), 5
X_train, y_train = windows(text, alphabet, L)
X_val, y_val = windows(text_val, alphabet, L)
print(textwrap.fill(text[:197], 76))
print("V =", V, "  X_train", X_train.shape, "  y_train", y_train.shape, "  X_val", X_val.shape)
print("".join(alphabet[k] for k in X_train[0]), "->", alphabet[y_train[0]])

# %% [markdown]
# What is a good loss? Guessing among all 29 characters gives $\log 29 = 3.37$. A *bigram* model counts in the training text which
# character follows which; a model that reads five of them should be better than that. **Expected**: 2.16 for the bigram model.

# %%
pairs = np.bincount(V * X_train[:, -1] + y_train, minlength=V * V).reshape(V, V) + 0.1
p = pairs / pairs.sum(axis=1, keepdims=True)
bigram = -np.mean(np.log(p[X_val[:, -1], y_val]))
print(f"validation loss: guessing {np.log(V):.2f}   bigram {bigram:.2f}")


# %% [markdown]
# ### Exercise 5 (2 points)
#
# The loss is the softmax loss of section 08, and you may take your solution from there: the mean
# over the rows of $-\log p$ of the true class, stable for large scores.

# %% nbgrader={"grade_id": "softmax_loss", "solution": true}
def softmax_loss(x, y):
    """Mean cross-entropy of softmax(x), row by row, and its gradient.

    x : scores, shape (N, C)      y : integers, shape (N,), the number of the true class of each row
    returns : loss, a number; grad_x, shape (N, C)

    >>> softmax_loss(np.zeros((1, 4)), np.array([2]))
    (1.3862943611198906, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[rows, y].mean()
    grad_x = np.exp(log_p)
    grad_x[rows, y] -= 1
    return loss, grad_x / len(x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax_loss_check", "points": 2}
# Check your work, with 7 rows and 5 classes, then with scores around ±1000. Right code shows max differences below 1e-8.
check_softmax(softmax_loss)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/softmax_loss_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 8 · The model
#
# Five letters → five embeddings, one after the other in a row of $5 D$ numbers → affine → batch normalisation → tanh → affine → 29
# scores. With a batch of $N$ contexts:
#
# $$\begin{aligned}
# e &= \text{rows of } E, \text{ shape } (N, L D) & a &= e\,W_1, \text{ shape } (N, H) \\
# z &= \text{batchnorm}(a; \gamma, \beta) & h &= \tanh z \\
# \text{scores} &= h\,W_2 + b_2, \text{ shape } (N, V) &&
# \end{aligned}$$
#
# $W_1$ needs no bias, by question 2.

# %% tags=["show"]
edges = [("letters", "e"), ("E", "e"), ("e", "a"), ("W1", "a"), ("a", "z"), ("γ", "z"), ("β", "z"), ("z", "h")]
edges += [("h", "scores"), ("W2", "scores"), ("b2", "scores"), ("scores", "loss"), ("targets", "loss")]
operators = {"e": "look up", "a": "e W1", "z": "batchnorm", "h": "tanh", "scores": "h W2 + b2", "loss": "softmax loss"}
draw_edges(edges, operators=operators)
plt.show()


# %% [markdown]
# The forward pass is there: it calls your functions. To compare with a model without normalisation, the two functions of the
# normalising layer are given to the model; the pair below only adds $\beta$.

# %%
def shift_forward(a, gamma, beta):
    """The stand-in for batch normalisation: it adds beta and leaves gamma alone."""
    return a + beta, gamma


def shift_backward(grad, gamma):
    return grad, np.zeros_like(gamma), np.sum(grad, axis=0)


# %% [markdown]
# ### Exercise 6 (5 points)
#
# `backward`: a few lines, from the scores back to the table. Call `self.norm_backward` and
# `embedding_backward` where they belong. $e$ has shape $(N, L D)$, but `embedding_backward` wants $(N, L, D)$: there is
# `reshape`.

# %% nbgrader={"grade_id": "char_model", "solution": true}
class CharModel:
    """Predicts the next letter from L letters: E → W1 → normalise → tanh → W2, b2.

    scale : size of the first weights; norm : functions (forward, backward) in place of batch normalisation

    >>> model = CharModel(29, 5)
    >>> scores, cache = model.forward(X_train[:7])      # shape (7, 29)
    """

    def __init__(self, V, L, D=7, H=60, scale=0.2, norm=None, seed=0):
        norm = norm or (batchnorm_forward, batchnorm_backward_short)
        rng = np.random.default_rng(seed)
        self.norm_forward, self.norm_backward = norm
        self.arrays = {"E": rng.normal(size=(V, D)), "W1": scale * rng.normal(size=(L * D, H))}
        self.arrays |= {"gamma": np.ones(H), "beta": np.zeros(H)}
        self.arrays |= {"W2": 0.06 * rng.normal(size=(H, V)), "b2": np.zeros(V)}

    def parameters(self):
        """The arrays that are learned, by name: E, W1, gamma, beta, W2, b2."""
        return self.arrays

    def forward(self, contexts):
        """scores, shape (N, V), and cache. contexts : integers, shape (N, L)"""
        p = self.arrays
        rows, looked_up = embedding_forward(contexts, p["E"])
        e = rows.reshape(len(contexts), -1)
        z, normed = self.norm_forward(e @ p["W1"], p["gamma"], p["beta"])
        h = np.tanh(z)
        return h @ p["W2"] + p["b2"], (looked_up, rows.shape, e, normed, h)

    def backward(self, grad_scores, cache):
        """A dict with the gradient of each parameter, in its shape.

        grad_scores : shape (N, V), the derivative of J by the scores      cache : from forward
        """
        looked_up, rows_shape, e, normed, h = cache
        p = self.arrays
        ### BEGIN SOLUTION
        grads = {"W2": h.T @ grad_scores, "b2": grad_scores.sum(axis=0)}
        grad_z = (grad_scores @ p["W2"].T) * (1 - h**2)
        grad_a, grads["gamma"], grads["beta"] = self.norm_backward(grad_z, normed)
        grads["W1"] = e.T @ grad_a
        grad_rows = (grad_a @ p["W1"].T).reshape(rows_shape)
        grads["E"] = embedding_backward(grad_rows, looked_up)
        return grads
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "char_model_check", "points": 5}
# Check your work: 7 contexts of 3 letters out of 6, 5 hidden units.
# Right code shows max differences below 1e-7, most often around 1e-11.
check_char_model(CharModel)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("12-batchnorm-and-embeddings/char_model_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 9 · Train it, with and without
#
# Four runs of 20 epochs: first weights of a good size (0.2) and far too large ones (3), each with batch normalisation and without.
# Together they take a few seconds.

# %%
def train_model(model, epochs=20, learning_rate=0.5):
    """Train the model; return the validation loss after each epoch."""
    optimizer, curve = SGD(model.parameters(), learning_rate), []
    for epoch in range(epochs):
        if epoch == epochs * 2 // 3:
            optimizer.learning_rate /= 10
        for contexts, targets in DataSampler(X_train, y_train, batch_size=64, seed=epoch):
            scores, cache = model.forward(contexts)
            _, grad_scores = softmax_loss(scores, targets)
            optimizer.step(model.backward(grad_scores, cache))
        curve.append(softmax_loss(model.forward(X_val)[0], y_val)[0])
    return curve


# %% tags=["train"]
normed, plain = (batchnorm_forward, batchnorm_backward_short), (shift_forward, shift_backward)
models, curves, start = {}, {}, time.perf_counter()
for scale in (0.2, 3.0):
    for name, norm in (("with batchnorm", normed), ("without", plain)):
        model = models[scale, name] = CharModel(V, L, scale=scale, norm=norm)
        curves[scale, name] = train_model(model)
        training = softmax_loss(model.forward(X_train)[0], y_train)[0]
        print(f"size {scale}  {name:15} loss: training {training:.2f}   validation {curves[scale, name][-1]:.2f}")
print(f"{time.perf_counter() - start:.1f} s")

# %% tags=["train"]
plt.figure(figsize=(7, 3.2))
for (scale, name), curve in curves.items():
    plt.plot(range(1, 21), curve, "-" if scale < 1 else "--", color="C0" if name == "without" else "C1",
             label=f"first weights of size {scale}, {name}")  # fmt: skip
plt.axhline(bigram, color="0.6", lw=1)
plt.text(20, bigram, "bigram", ha="right", va="bottom", color="0.4")
plt.ylim(1.8, 3.2)
plt.xticks(range(0, 21, 4))
plt.xlabel("epoch")
plt.ylabel("validation loss")
plt.legend()
plt.show()


# %% [markdown]
# *Expected picture:* with weights of size 0.2 both runs end near 2.0, below the bigram model. With weights of size 3 the run
# with batch normalisation ends near the bigram model, the one without far above.

# %% [markdown]
# ### Question 3 (3 points)
#
# 1. Why does the size of the first weights matter so much less with batch normalisation? Say what happens to $a$, to $z$ and to the
#    slope of tanh when $W_1$ is 15 times as large, with it and without.
# 2. The training loss is far below the validation loss. Why?
# 3. What would batch normalisation make of a batch of **one** context? So how can the trained model be used on one?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_runs", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# 1. $a$ is 15 times as large. Without batch normalisation so is $z$: tanh saturates, $1 - h^2$ is nearly 0, and hardly any
#    gradient reaches $W_1$ and $E$; the model works with random features. With it, $c$ and $s$ grow by the same factor (apart from
#    $\varepsilon$), so $\hat x$ and $z$ stay the same and tanh keeps its slope. (The gradient of $W_1$ is 15 times as *small*, and so are the steps
#    compared with the weights: that is why this run still falls behind.)
# 2. The model has thousands of parameters and fewer than 3,000 examples: it has memorised sequences of the training text that do
#    not occur in the rest. More text, or fewer parameters, would bring the two together.
# 3. The mean is the example itself, so $c = 0$, $\hat x = 0$ and out is $\beta$, whatever the letters were. One needs a mean and
#    a variance from elsewhere: from training data, for instance as averages that are kept during training.
#
# **Rubric** 1: saturation without, the factor cancels with batch normalisation; 1: overfitting, few examples; 1: the
# output is $\beta$ for any input, so mean and variance of training data are used.
# ### END SOLUTION

# %% [markdown]
# ## 10 · Let it write
#
# Each letter is drawn with the probabilities of the model (a factor of 1.5 makes rare letters rarer), then it joins the context.
# For batch normalisation the context is put among 200 contexts of the training text, which give it a mean and a variance. **Expected**: hardly any sentence, but many words
# of the tale.

# %%
def write(model, length=300, seed=0):
    """Text written by the model, after the first five letters of the tale."""
    rng = np.random.default_rng(seed)
    company, written = X_train[:200], list(X_train[0])
    for _ in range(length):
        batch = np.vstack([company, written[-L:]])
        scores = model.forward(batch)[0][-1]
        p = np.exp(1.5 * (scores - scores.max()))
        written.append(rng.choice(V, p=p / p.sum()))
    return "".join(alphabet[k] for k in written)


# %% tags=["train"]
print(textwrap.fill(write(models[0.2, "with batchnorm"]), 76))

# %% [markdown]
# And the table. Every look-up of a letter sent one gradient into its row. So how far has each row moved from where it began,
# and how often does its letter occur in the text?

# %% tags=["train"]
begin = CharModel(V, L).parameters()["E"]
moved = np.linalg.norm(models[0.2, "with batchnorm"].parameters()["E"] - begin, axis=1)
often = np.bincount(X_train[:, -1], minlength=V)
plt.figure(figsize=(7, 4))
plt.semilogx(often, moved, ".")
plt.margins(0.12)
for letter, x, y in zip(alphabet, often, moved):
    shown = {"\n": "line end", " ": "space"}.get(letter, letter)
    plt.annotate(shown, (x, y), xytext=(4, 2), textcoords="offset points")
plt.xlabel("how often it occurs")
plt.ylabel("how far its row moved")
plt.show()

# %% [markdown]
# *Expected picture:* rare letters such as q, x and z have hardly moved; nearly all frequent ones have moved further. For a rare
# letter the model still works with the random row that it was given at the beginning.

# %% [markdown]
# ## What you have now
#
# * A layer may mix the examples of a batch. Its gradient follows from the graph: step by step, adding where a value has two
#   consumers. The short formula comes from the same steps.
# * A table lookup sends gradients back by scatter-add; a row that is used twice gets two contributions.
# * Batch normalisation makes the outputs independent of the size of the weights before it, training far less sensitive to it,
#   and a shift before it useless.

# %% [markdown]
# ## Go further
#
# * Keep averages of mean and variance during training, and use them in `write` in place of the 200 contexts.
# * *Layer normalisation* takes mean and variance over the $D$ units of one example. What changes in the formulas, and what no longer
#   needs an answer at test time?
# * Take $L = 3$ and $L = 8$ letters. What happens to training and validation loss?
# * Set all embeddings to 0 at the beginning. Does the model learn? And all of $W_1$?
