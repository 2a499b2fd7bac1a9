# %% [markdown]
# # Tutorial 2 · Linear regression, end to end
#
# After this tutorial you can
#
# * write linear regression as a computation graph of six nodes, two of which compute something,
# * check every gradient of it before the first training step, and read the report,
# * train it by stochastic gradient descent and judge the result on data it has not seen.
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

from backprop.datasets import load_problem
from backprop.draw import draw_graph
from backprop.estimator import mean_square_error, sgd
from backprop.gradcheck import CheckFailed, check_graph
from backprop.graph import ComputationGraphFunction
from backprop.linear_regression import LinearRegression
from backprop.nodes import SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode

# %% [markdown]
# ## 1 · The problem
#
# We are given 100 pairs $(x, y)$ of numbers, $x$ between 0 and 1, and look for a rule that predicts $y$ from $x$. The
# data come with 900 further pairs, the *validation set*: never used for learning, only for judging what was learned.

# %%
x_train, y_train, x_val, y_val, target_fn, coefs_true, featurize = load_problem()
print("training  ", x_train.shape, y_train.shape)
print("validation", x_val.shape, y_val.shape)

# %% tags=["show"]
grid = np.linspace(0, 1, 1000, endpoint=False)
plt.figure(figsize=(8, 3.5))
plt.plot(x_train, y_train, "o", markersize=4, label="100 training points")
plt.plot(grid, target_fn(grid), color="black", linewidth=1, label="the function behind the data")
plt.xlabel("x")
plt.ylabel("y")
plt.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncol=2);

# %% [markdown]
# The black line is what we would like to find. It has ten jumps; the points scatter around it by about
# 0.25. A straight line $w x + b$ cannot follow jumps, so we first describe each $x$ by *features*, numbers that
# make the job easier.

# %% [markdown]
# ## 2 · Four hundred steps
#
# Feature $k$ asks one question: is $x$ at least $k/400$? The answer is 1 or 0. So a number $x$ becomes a vector
# $\varphi(x)$ of 400 zeros and ones, and a weighted sum of these steps can be any staircase with jumps at multiples of
# $1/400$.

# %%
X_train, X_val = featurize(x_train), featurize(x_val)
print("training features:", X_train.shape, "  of x = 0.01:", featurize(0.01)[:8])

# %% tags=["show"]
plt.figure(figsize=(8, 2.2))
for k in [40, 160, 300]:
    plt.plot(grid, featurize(grid)[:, k], label=f"feature {k}: x ≥ {k / 400:g}")
plt.xlabel("x")
plt.ylabel("feature")
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3);

# %% [markdown]
# ## 3 · The graph
#
# For one example with the features $x \in \mathbb{R}^{400}$ and the outcome $y$:
#
# $$\hat y = w^\top x + b \qquad J = (\hat y - y)^2$$
#
# Four values enter ($x$, $y$, $w$, $b$), two nodes do the work. `VectorScalarAffineNode` computes $w^\top x + b$
# (*affine* means linear plus a constant), `SquaredL2DistanceNode` the squared distance.

# %%
x, y = ValueNode("x"), ValueNode("y")
w, b = ValueNode("w"), ValueNode("b")
prediction = VectorScalarAffineNode(x, w, b, "prediction")
objective = SquaredL2DistanceNode(prediction, y, "J")
graph = ComputationGraphFunction([x], [y], [w, b], prediction, objective)

# %% [markdown]
# Before 400 features, three. Here is a small example whose numbers run through the whole series: the vector
# $x = (260, 120, 140)$, the weights $w = (1, 3, -3)$ and the outcome $y = 199$. Work it out on paper first:
# $\hat y$, $J$, $\partial J/\partial \hat y$, $\partial J/\partial w$, $\partial J/\partial b$.
#
# <details><summary>Answer</summary>
#
# $\hat y = 260 + 360 - 420 = 200$, $J = 1$, $\partial J/\partial\hat y = 2(\hat y - y) = 2$,
# $\partial J/\partial w = 2x = (520, 240, 280)$, $\partial J/\partial b = 2$.
#
# </details>

# %%
graph.set_parameters({"w": [1.0, 3.0, -3.0], "b": 0.0})
J, gradients = graph.get_gradients({"x": [260.0, 120.0, 140.0]}, {"y": 199.0})
print("prediction", prediction.out, "  J", J)
print("gradients ", gradients)

# %% [markdown]
# The drawing holds the same numbers: values above the arrows, gradients below.

# %% tags=["show"]
draw_graph(objective);

# %% [markdown]
# ## 4 · Where do the gradients come from?
#
# The upstream gradient of the affine node is $g = \partial J/\partial\hat y$, one number. With $\hat y = \sum_i w_i x_i + b$:
#
# $$\frac{\partial J}{\partial w_i} = g \cdot x_i \qquad \frac{\partial J}{\partial x_i} = g \cdot w_i \qquad
# \frac{\partial J}{\partial b} = g$$
#
# Each gradient has the **shape of its variable**: $w$ has three entries, and so has $\partial J/\partial w$. The node's
# `backward` is these three formulas, each with `+=`:
#
# ```python
# def backward(self):
#     self.x.d_out += self.d_out * self.w.out
#     self.w.d_out += self.d_out * self.x.out
#     self.b.d_out += self.d_out
# ```

# %% [markdown]
# ## 5 · Check before you train
#
# A wrong gradient rarely crashes. Training goes on and ends somewhere bad, and the reason is hard to find. So check
# first. `check_graph` moves each entry of each parameter a little, watches the objective, and compares:
#
# * `exact`: what the backward pass gave, `approx`: the finite difference,
# * `maxdiff`: the largest difference over all entries. Right code stays below about 1e-7 of the numbers' size.

# %%
rng = np.random.default_rng(0)
point = {"x": rng.normal(size=5)}, {"y": rng.normal()}, {"w": rng.normal(size=5), "b": rng.normal()}
check_graph(graph, *point, title="linear regression")


# %% [markdown]
# And this is a report with a mistake in it. The class below is **wrong on purpose**: it forgets that the
# derivative with respect to $w$ is $x$, not $w$. Read the report before you read the code.

# %%
class MistakenAffineNode(VectorScalarAffineNode):
    """WRONG ON PURPOSE: the gradient of w uses w."""

    def backward(self):
        self.x.d_out += self.d_out * self.w.out
        self.w.d_out += self.d_out * self.w.out
        self.b.d_out += self.d_out


wrong = MistakenAffineNode(x, w, b, "wrong prediction")
mistaken = ComputationGraphFunction([x], [y], [w, b], wrong, SquaredL2DistanceNode(wrong, y, "wrong J"))
try:
    check_graph(mistaken, *point, title="with a mistake")
except CheckFailed as report:
    print(report)

# %% [markdown]
# Only $w$ is marked; $b$ is `ok`. So the upstream gradient arrives as it should, and the mistake sits in the one line
# that serves $w$. This is how the table narrows things down: variable by variable. Often a sentence below the table also
# names the kind of mistake; when the numbers do not prove one, it says nothing rather than something false.

# %% [markdown]
# ## 6 · Train
#
# *Stochastic gradient descent* takes one example after the other, in random order, and moves every parameter a step
# against its gradient:
#
# $$w \leftarrow w - \eta\,\frac{\partial J}{\partial w} \qquad b \leftarrow b - \eta\,\frac{\partial J}{\partial b}$$
#
# One round through all 100 examples is an *epoch*; $\eta$ is the *step size*. Here is the loop for three examples, step
# by step, so that nothing is hidden.

# %%
graph.set_parameters({"w": np.zeros(400), "b": 0.0})
for i in [0, 1, 2]:
    J, gradients = graph.get_gradients({"x": X_train[i]}, {"y": y_train[i]})
    graph.increment_parameters({name: -0.005 * gradient for name, gradient in gradients.items()})
    print(f"example {i}   J before the step {float(J):.4f}   b after it {float(b.out):+.5f}")

# %% [markdown]
# `sgd` of the library is this loop over all examples and epochs; it returns the mean objective of each epoch.
# Twenty epochs, to see that it goes down:

# %%
history = sgd(graph, X_train, y_train, step_size=1e-3, max_num_epochs=20)
print(f"epoch 1: {history[0]:.4f}   epoch 20: {history[-1]:.4f}")


# %% [markdown]
# What step size? Too small, and nothing moves; too large, and each step overshoots by more than the last. With 400
# features that are mostly 1, the safe sizes are small. **Guess** before you run the next cell: which of 0.0001, 0.001,
# 0.004 fails?

# %%
def curve(step_size, epochs=15):
    """The mean objective of each epoch, from w = 0 and b = 0."""
    graph.set_parameters({"w": np.zeros(400), "b": 0.0})
    return sgd(graph, X_train, y_train, step_size, epochs)


curves = {step_size: curve(step_size) for step_size in [1e-4, 1e-3, 4e-3]}

# %% tags=["show"]
plt.figure(figsize=(8, 3.5))
for step_size, seen in curves.items():
    plt.semilogy(range(1, len(seen) + 1), seen, "o-", markersize=3, label=f"step size {step_size:g}")
plt.xlabel("epoch")
plt.ylabel("mean square loss")
plt.legend();

# %% [markdown]
# The rule behind it: for one example, a step multiplies the error $\hat y - y$ by $1 - 2\eta(\lVert x \rVert^2 + 1)$.
#
# **Question.** $\lVert x \rVert^2$ is the number of steps that are 1, up to 400. For which $\eta$ does the error of such
# an example grow?
#
# <details><summary>Answer</summary>
#
# It grows when $2\eta \cdot 401 > 2$, so for $\eta > 1/401 \approx 0.0025$. With $\eta = 0.004$ the error of an
# example with large $x$ is multiplied by up to $-2.2$ at each step.
#
# </details>

# %% [markdown]
# ## 7 · The estimator
#
# `LinearRegression` packs all this: the graph in `__init__`, training in `fit`, answers in `predict`.

# %%
model = LinearRegression(step_size=1e-3, max_num_epochs=300).fit(X_train, y_train)
print("mean square error, training  ", round(mean_square_error(model.predict(X_train), y_train), 4))
print("mean square error, validation", round(mean_square_error(model.predict(X_val), y_val), 4))

# %% tags=["show"]
plt.figure(figsize=(8, 3))
plt.semilogy(range(1, 301), model.history_)
plt.xlabel("epoch")
plt.ylabel("mean square loss");

# %% [markdown]
# **Expected picture**: a steep fall in the first ten epochs, from about 0.5 to below 0.2, then a slow, ragged decline to
# about 0.04. (The curve takes each example's loss before its own step; the error printed above is measured after all
# steps.)

# %% tags=["show"]
plt.figure(figsize=(8, 3.5))
plt.plot(x_train, y_train, "o", markersize=4, label="training points")
plt.plot(grid, target_fn(grid), color="black", linewidth=1, label="the function behind the data")
plt.plot(grid, model.predict(featurize(grid)), color="tab:red", linewidth=1, label="learned")
plt.xlabel("x")
plt.ylabel("y")
plt.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncol=3);

# %% [markdown]
# **Expected picture**: a red staircase of many small steps that follows the training points, also their noise. The black
# line has few, large steps.

# %% [markdown]
# ## 8 · Is that good?
#
# The noise has a standard deviation of 0.25, so even the black line has a mean square error of about
# $0.25^2 \approx 0.06$. A training error below that means: the model has learned the noise of these 100 points. The
# validation error shows the price.

# %%
print("the function behind the data, validation:", round(mean_square_error(target_fn(x_val), y_val), 4))
print("always the mean, validation:             ", round(float(np.mean((y_train.mean() - y_val) ** 2)), 4))

# %% [markdown]
# ### Your turn: fewer features
#
# Keep every tenth feature only (`X[:, ::10]`): 40 steps, 40 weights. Train with the same settings, also for 300 epochs.
# What do you expect of the training error, what of the validation error?

# %%
# your code here

# %% [markdown]
# The worked solution, folded: click on the three dots to open it.

# %% tags=["worked"]
coarse = LinearRegression(step_size=1e-3, max_num_epochs=300).fit(X_train[:, ::10], y_train)
for name, features, outcomes in [("training", X_train, y_train), ("validation", X_val, y_val)]:
    print(name, round(mean_square_error(coarse.predict(features[:, ::10]), outcomes), 4))

# %% [markdown]
# Forty steps cannot follow every point, so the training error is larger, about 0.10 instead of 0.03. For the validation
# error two things pull in opposite directions: less noise is learned, but the true jumps now fall between the coarse
# steps. Here the second wins, with about 0.16 instead of 0.12. Section 04, ridge regression, goes another way: it keeps
# all 400 features and discourages large weights. It starts from this tutorial's graph and adds two nodes.

# %% [markdown]
# ## What to remember
#
# * A model is a graph; its objective is the last node; parameters are value nodes that training may change.
# * Check the gradients on a small random point **before** training. The table says which variable is wrong.
# * Training error alone says little: look at data the model has not seen.

# %% [markdown]
# **Go further**: read `backprop/linear_regression.py` and `backprop/estimator.py`; they are what you have seen here.
# Then make the objective a mean over ten examples: which node would need a new axis?
