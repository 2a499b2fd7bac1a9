# %% [markdown]
# # 06 · A multilayer perceptron
#
# After this section you can
#
# * turn the gradients of a layer into a node that works in any graph,
# * build and train a network with one hidden layer, and check every gradient of it first,
# * say why its weights must not start alike, and show what happens when they do.

# %% [markdown]
# **Time** about 2 hours, the optional part another hour. **Builds on** nodes and graphs (section 04) and the gradients of
# an affine and a tanh layer (section 05). **Points** 38; the optional part is checked too but counts none.

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

from backprop.datasets import load_problem
from backprop.draw import draw_edges, draw_graph
from backprop.estimator import mean_square_error, predict_rows, sgd
from backprop.gradcheck import check_graph, check_node, check_order, check_start, check_values
from backprop.graph import ComputationGraphFunction
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode
from backprop.plots import plot_learning_curves, plot_prediction_functions

# %% [markdown]
# ## 1 · One bend between two layers
#
# Two affine layers in a row are one affine layer: $w_2^\top(W_1 x + b_1) + b_2$ is again a weighted sum of the $x_j$
# plus a number. A *multilayer perceptron* (MLP) puts a bend in between, here tanh, applied to each entry:
#
# $$a = W_1 x + b_1, \qquad h = \tanh(a), \qquad \hat y = w_2^\top h + b_2, \qquad J = (\hat y - y)^2$$
#
# $x$ has $d$ entries; $a$ and $h$ have one for each of the $K$ *hidden units*. So $W_1$ has shape $(K, d)$, $b_1$ and $w_2$ have
# shape $(K{,})$, and $b_2$ is a number.

# %% tags=["show"]
arrows = [("x", "a"), ("W1", "a"), ("b1", "a"), ("a", "h"), ("h", "prediction"), ("w2", "prediction")]
arrows += [("b2", "prediction"), ("prediction", "J"), ("y", "J")]
operators = {"a": "W1 x + b1", "h": "tanh", "prediction": "w2 · h + b2", "J": "(ŷ − y)²"}
draw_edges(arrows, operators=operators)
plt.show()


# %% [markdown]
# Two of these boxes you know from the library: `VectorScalarAffineNode(h, w2, b2, name)` for $\hat y$ and
# `SquaredL2DistanceNode(a, b, name)` for $J$. The two for $a$ and $h$ are missing.

# %% [markdown]
# ## 2 · `AffineNode`
#
# $\text{out} = Wx + b$. In section 05 you showed what comes back, with $g$ for the upstream gradient $\frac{\partial J}{\partial\,\text{out}}$
# in `self.d_out`:
#
# | input | gets | shape |
# |---|---|---|
# | $W$ | the outer product of $g$ and $x$ | $(m, d)$ |
# | $x$ | $W^\top g$ | $(d{,})$ |
# | $b$ | $g$ | $(m{,})$ |

# %% [markdown]
# Each of them is **added** to the `d_out` that is there. For the bias, `self.b.d_out = self.d_out` would be wrong twice:
# what other nodes have added is gone, and both names now stand for *one* array, so that whatever is added to the bias later
# is added to the node's own `d_out` too.

# %% nbgrader={"grade_id": "affine_node", "solution": true}
class AffineNode(Node):
    """The affine layer W x + b.

    W   : node, W.out has shape (m, d)
    x   : node, x.out has shape (d,)
    b   : node, b.out has shape (m,)
    out : shape (m,)

    >>> AffineNode(W, x, b, "a").forward()      # with the numbers in the cell below
    array([261., 118.])
    """

    def __init__(self, W, x, b, node_name):
        super().__init__(node_name)
        self.W, self.x, self.b = W, x, b

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = self.W.out @ self.x.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to d_out of self.W, self.x and self.b."""
        ### BEGIN SOLUTION
        self.W.d_out += np.outer(self.d_out, self.x.out)
        self.x.d_out += self.W.out.T @ self.d_out
        self.b.d_out += self.d_out
        ### END SOLUTION

    def get_predecessors(self):
        return [self.W, self.x, self.b]


# %% nbgrader={"grade": true, "grade_id": "affine_node_check", "points": 8}
# Check your work. Right code shows max differences below 1e-5, most often around 1e-11.
def _check():
    W, x, b = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0]]), np.array([10.0, 20.0, 30.0]), np.array([1.0, -2.0])
    also = [{"W": np.diag([0.3, -0.7, 1.2, 0.0, 5.0])[:, :4], "x": np.array([0.1, -2.0, 0.0, 7.0]), "b": np.arange(5.0)}]
    check_node(AffineNode, W=W, x=x, b=b, expected=[261.0, 118.0], also=also)
    check_node(AffineNode, W=W[1:], x=x, b=b[1:], expected=[118.0], title="AffineNode with one unit")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("06-mlp/affine_node_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · `TanhNode`
#
# $\text{out} = \tanh(a)$, entry by entry, for an array of any shape. Far out it is ±1 and never `nan`: `np.tanh` sees to
# that, a quotient of large exponentials does not. Its slope is
#
# $$\tanh'(a) = 1 - \tanh^2(a).$$
#
# Look twice: after `forward`, $\tanh(a)$ is in `self.out` already. There is no need to compute it again, and a tanh is far from
# free. A million of them, here and now:

# %% tags=["show"]
a = np.random.default_rng(0).normal(size=10**6)
out = np.tanh(a)
for label, slope in {"1 − tanh(a)²": lambda: 1 - np.tanh(a) ** 2, "1 − out²": lambda: 1 - out**2}.items():
    start = time.perf_counter()
    slope()
    print(f"{label:14s}{1000 * (time.perf_counter() - start):6.1f} ms")


# %% [markdown]
# So **`backward` must use `self.out`** and call no `tanh`. The check finds out: it puts another number into `self.out`
# between `forward` and `backward`.

# %% nbgrader={"grade_id": "tanh_node", "solution": true}
class TanhNode(Node):
    """tanh, entry by entry.

    a   : node, a.out has any shape
    out : the same shape

    >>> TanhNode(a, "h").forward()      # with a.out = np.array([0., 1., -1.])
    array([ 0.        ,  0.76159416, -0.76159416])
    """

    def __init__(self, a, node_name):
        super().__init__(node_name)
        self.a = a

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = np.tanh(self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to self.a.d_out, with the help of self.out."""
        ### BEGIN SOLUTION
        self.a.d_out += self.d_out * (1 - self.out**2)
        ### END SOLUTION

    def get_predecessors(self):
        return [self.a]


# %% nbgrader={"grade": true, "grade_id": "tanh_node_check", "points": 6}
# Check your work: a vector, a matrix, large numbers, and 0.5 put into self.out. Right code shows max
# differences below 1e-6.
def _check():
    also = [{"a": np.array([4.5, -5.0, 0.0, 3.0])}]  # nearly flat, and not quite
    check_node(TanhNode, a=np.array([0.2, 0.4, -1.1]), expected=[0.19737532, 0.37994896, -0.80049902], also=also)
    check_node(TanhNode, a=np.array([[0.2, 0.4, -1.1], [0.7, -0.3, 0.1]]), title="TanhNode of a matrix")
    check_node(TanhNode, a=np.array([1000.0, -800.0]), expected=[1.0, -1.0], title="TanhNode far out")

    def with_half():  # called by check_values, so that an error in your code becomes one sentence
        a = ValueNode("a")
        a.out = np.array(3.0)
        node = TanhNode(a, "h")
        a.forward(), node.forward()
        node.out, node.d_out = np.array(0.5), np.array(1.0)
        node.backward()
        return {"∂J/∂a": a.d_out}

    hint = {"recomputed:self.out": 1 - np.tanh(3.0) ** 2}
    check_values("backward, with 0.5 in self.out", with_half, {"∂J/∂a": 0.75}, mistakes={"∂J/∂a": hint})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("06-mlp/tanh_node_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · The network: `MLPRegression`
#
# Two things are for you to write. In `__init__`: build the graph of the first picture. In `fit`: the starting values. All four
# parameters start as independent random numbers, normal with mean 0 and standard deviation `init_param_scale`; use
# `rng.normal(size=…)`. Why small, and why random, is the subject of part 5.

# %% nbgrader={"grade_id": "mlp_regression", "solution": true}
class MLPRegression:
    """Predict w2 · tanh(W1 x + b1) + b2, with parameters that make (prediction − y)² small on average.

    graph : ComputationGraphFunction(inputs, outcomes, parameters, prediction, objective)
            input "x" of shape (d,), outcome "y" of shape (),
            parameters "W1", shape (K, d), "b1", shape (K,), "w2", shape (K,), "b2", shape ()
    K     : num_hidden_units

    >>> net = MLPRegression(num_hidden_units=3)
    >>> net.graph.set_parameters(thread)     # W1 = [[1.], [2.], [3.]], w2 = [1., 3., -3.], biases 0
    >>> net.graph.get_prediction({"x": np.array([0.1])})
    -0.1821438820551049
    """

    def __init__(self, num_hidden_units=10, step_size=0.005, init_param_scale=0.01, max_num_epochs=5000):
        self.num_hidden_units, self.init_param_scale = num_hidden_units, init_param_scale
        self.step_size, self.max_num_epochs = step_size, max_num_epochs
        x, y = ValueNode("x"), ValueNode("y")
        W1, b1, w2, b2 = ValueNode("W1"), ValueNode("b1"), ValueNode("w2"), ValueNode("b2")
        # Build the graph, then set self.graph.
        ### BEGIN SOLUTION
        a = AffineNode(W1, x, b1, "a")
        h = TanhNode(a, "h")
        prediction = VectorScalarAffineNode(h, w2, b2, "prediction")
        objective = SquaredL2DistanceNode(prediction, y, "J")
        self.graph = ComputationGraphFunction([x], [y], [W1, b1, w2, b2], prediction, objective)
        ### END SOLUTION

    def fit(self, X, y):
        """Learn from X, shape (n, d), and y, shape (n,), from a small random start; return self."""
        rng = np.random.default_rng(0)
        # Set the parameters of self.graph to their starting values.
        ### BEGIN SOLUTION
        K, scale = self.num_hidden_units, self.init_param_scale
        shapes = {"W1": (K, X.shape[1]), "b1": (K,), "w2": (K,), "b2": ()}
        self.graph.set_parameters({name: scale * rng.normal(size=shape) for name, shape in shapes.items()})
        ### END SOLUTION
        self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)
        return self

    def predict(self, X):
        """The predictions for X, shape (n, d): an array of shape (n,)."""
        return predict_rows(self.graph, X)


# %% [markdown]
# First the gradients of the whole graph. We take the weights of section 03, $W_0 = (1, 2, 3)$ as a column and
# $W_2 = (1, 3, -3)$, but make $x$ and $y$ smaller: 0.1 in place of 10, and 0.199 in place of 199. With $x = 10$ the units would have
# $a = 10, 20, 30$, where tanh is flat: its slope at 10 is $8 \cdot 10^{-9}$. Such a unit is called *saturated*; hardly any
# gradient gets through, and it hardly learns.

# %% [markdown]
# The biases of the check are not 0, so that none of them can be forgotten unnoticed.

# %% nbgrader={"grade": true, "grade_id": "mlp_regression_check", "points": 12}
# Check your work. Right code shows max differences below 1e-6.
def _check():
    thread = {"W1": [[1.0], [2.0], [3.0]], "b1": [0.1, 0.2, -0.2], "w2": [1.0, 3.0, -3.0], "b2": 0.5}
    graph = lambda: MLPRegression(num_hidden_units=3).graph  # the check calls it: an error becomes one sentence
    wrong = {"missing_activation": 1.962801, "activation_on_output": 0.508113}
    values = {"x": np.array([0.1])}, {"y": 0.199}, thread
    check_graph(graph, *values, title="MLP", expected=1.793505, mistakes={"objective": wrong}, atol=1e-6)
    # The start, seen after training for 0 epochs; then two models at once, trained.
    def start(scale):
        net = MLPRegression(200, init_param_scale=scale, max_num_epochs=0)
        net.fit(np.ones((1, 2)), np.ones(1))
        return {name: node.out for name, node in net.graph.name_to_node.items()}

    def trained():
        settings, y = [(0.1, 200), (0.1, 0), (0.0003, 200)], np.array([1.0, -2.0, 0.5])
        nets = [MLPRegression(5, step, 0.3, epochs) for step, epochs in settings]
        for net in nets:
            net.fit(np.eye(3), y)
        after, before, little = (mean_square_error(net.predict(np.eye(3)), y) for net in nets)
        return {"after 200 epochs": after, "0.01": 0.01, "before, and with tiny steps": min(before, little)}

    def again():  # a second fit starts anew: 0 epochs more leave nothing learned
        net, y = MLPRegression(5, 0.1, 0.3, 200), np.array([1.0, -2.0, 0.5])
        for net.max_num_epochs in (200, 0):
            net.fit(np.eye(3), y)
        return {"0.01": 0.01, "after a second fit, for 0 epochs": mean_square_error(net.predict(np.eye(3)), y)}

    for scale in (2.0, 0.001):
        check_start(start, {"W1": (200, 2), "b1": (200,), "w2": (200,), "b2": ()}, zero_or_random=["b1"],
                    row_too=["w2", "b2"], scale=scale, title=f"the start for {scale}")
    check_order(trained, "mean square error")
    check_order(again, "mean square error")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("06-mlp/mlp_regression_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# The same network with biases of 0, drawn with its values and gradients:

# %% tags=["show"]
thread = {"W1": [[1.0], [2.0], [3.0]], "b1": [0.0, 0.0, 0.0], "w2": [1.0, 3.0, -3.0], "b2": 0.0}
by_hand = MLPRegression(num_hidden_units=3)
by_hand.graph.set_parameters(thread)
by_hand.graph.get_gradients({"x": np.array([0.1])}, {"y": 0.199})
draw_graph(by_hand.graph, digits=3)
plt.show()

# %% [markdown]
# This is *your* graph with *your* gradients. *Expected picture:* $h$ is a little less than $a = (0.1, 0.2, 0.3)$, the prediction
# is −0.182, $J = 0.145$, and the gradient of $b_2$ is $2 \cdot (-0.182 - 0.199) = -0.762$. One column further to the left each
# entry gets multiplied by its own slope, between 1 and 0.9.

# %% [markdown]
# ## 5 · Why a random start?
#
# The data are those of section 04: 100 training points $(x, y)$ with $x$ between 0 and 1, and 900 validation points.
# Four units, started in three ways: all parameters 0; all 0.5; random. Each line below is the output $h_k$ of one unit as a
# function of $x$, after 300 epochs (rounds through the data).

# %%
x_train, y_train, x_val, y_val, target_fn, coefs_true, featurize = load_problem()
X_train, X_val = x_train[:, None], x_val[:, None]  # one feature: x itself
F_train, F_val = featurize(x_train), featurize(x_val)  # 400 features: is x at least k/400?
grid = np.linspace(0, 1, 1000, endpoint=False)
print("X_train", X_train.shape, "  F_train", F_train.shape, "  y_train", y_train.shape)


# %%
def units_after(start, max_num_epochs=300, step_size=0.02):
    """Train four units on the raw x; return the graph, and the units' outputs over the grid."""
    graph = MLPRegression(num_hidden_units=4).graph
    graph.set_parameters(start)
    sgd(graph, X_train, y_train, step_size, max_num_epochs)
    now = {name: graph.name_to_node[name].out for name in ("W1", "b1")}
    return graph, np.tanh(grid[:, None] @ now["W1"].T + now["b1"])


# %% tags=["train"]
rng = np.random.default_rng(1)
shapes = {"W1": (4, 1), "b1": (4,), "w2": (4,), "b2": ()}
starts = {
    "all 0": {name: np.zeros(shape) for name, shape in shapes.items()},
    "all 0.5": {name: np.full(shape, 0.5) for name, shape in shapes.items()},
    "random": {name: rng.normal(scale=0.5, size=shape) for name, shape in shapes.items()},
}

# %% tags=["train"]
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True)
for axis, (title, start) in zip(axes, starts.items(), strict=True):
    graph, units = units_after(start)
    for k, style in enumerate(["-", "--", "-.", ":"]):
        axis.plot(grid, units[:, k], style, lw=4 - k, label=f"unit {k + 1}")
    error = mean_square_error(predict_rows(graph, X_train), y_train)
    axis.set(title=f"{title}: error {error:.3f}", xlabel="x")
axes[0].legend()
plt.show()

# %% [markdown]
# *Expected picture:* on the left a horizontal line at 0, four times over, and an error of 1.1, that of a constant
# prediction. In the middle the four lines lie on one another: four units, but the network can do what one unit can. On the
# right four different curves.

# %% [markdown]
# ### Question 1 (4 points)
#
# 1. Two hidden units have the same row in $W_1$, the same $b_1$ and the same $w_2$. Show from the formulas of
#    $\frac{\partial J}{\partial w_2}$, $\frac{\partial J}{\partial b_1}$ and $\frac{\partial J}{\partial W_1}$ that one step keeps them alike. Why do
#    they stay alike for ever?
# 2. All parameters are 0. Which gradients are 0, and which one is not? What does the network learn?
# 3. Why small numbers? What goes wrong with a very large `init_param_scale`?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_start", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# Let $r = 2(\hat y - y)$. For unit $k$:
#
# $$\frac{\partial J}{\partial w_{2,k}} = r\,h_k, \qquad
# \frac{\partial J}{\partial b_{1,k}} = r\,w_{2,k}\,(1 - h_k^2), \qquad
# \frac{\partial J}{\partial W_{1,kj}} = r\,w_{2,k}\,(1 - h_k^2)\,x_j .$$
#
# 1. $k$ comes in through $h_k$ and $w_{2,k}$ only. Units with the same row and the same $b_1$ have the same $h_k$ for every $x$, and
#    they have the same $w_{2,k}$: so the same gradients, the same step, and the same parameters after it. Then the same argument
#    holds again, for each following example.
# 2. $h = 0$, so $\partial J/\partial w_2 = 0$; $w_2 = 0$, so $\partial J/\partial b_1 = 0$ and $\partial J/\partial W_1 = 0$. Only
#    $\partial J/\partial b_2 = r$ is not 0. After the step $h$ and $w_2$ are still 0: only $b_2$ ever moves, and the network learns the
#    mean of the $y$.
# 3. Large weights make $|a|$ large, where tanh is flat: $1 - h_k^2$ is nearly 0, and $W_1$ and $b_1$ hardly get a gradient.
#    (The first predictions are far off as well.)
#
# **Rubric** 2: the three gradients of a unit depend on $k$ only through $h_k$ and $w_{2,k}$ (1), so equal units stay equal, by
# induction over the steps (1); 1: all gradients are 0 but that of $b_2$, a constant is learned; 1: saturation.
# ### END SOLUTION

# %% [markdown]
# ## 6 · Train it
#
# Two runs, with 10 hidden units each. One on the raw number $x$: 5000 epochs with tiny steps from a tiny start. The other on the 400
# features: 500 epochs. Together they take about a minute. (Cells like the next are not run again when your
# notebook is graded; what they printed stays.)

# %% tags=["train"]
raw = MLPRegression(num_hidden_units=10, step_size=1e-3, init_param_scale=5e-4, max_num_epochs=5000)
features = MLPRegression(num_hidden_units=10, step_size=5e-4, init_param_scale=0.01, max_num_epochs=500)
raw.fit(X_train, y_train)
features.fit(F_train, y_train)

for name, model, train, val in [("raw x", raw, X_train, X_val), ("400 features", features, F_train, F_val)]:
    training = mean_square_error(model.predict(train), y_train)
    validation = mean_square_error(model.predict(val), y_val)
    print(f"{name:13s} mean square error   training {training:.4f}   validation {validation:.4f}")

# %% tags=["train"]
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), width_ratios=[2, 1])
curves = {
    "the function behind the data": target_fn,
    "raw x": lambda x: raw.predict(x[:, None]),
    "400 features": lambda x: features.predict(featurize(x)),
}
plot_prediction_functions(grid, curves, x_train, y_train, ax=left)
plot_learning_curves({"raw x": raw.history, "400 features": features.history}, log=True, ax=right)
right.set_xscale("log")
plt.show()

# %% [markdown]
# *Expected picture:* with the raw $x$ one smooth curve, which follows the large swings of the data and none of the jumps; with
# features a staircase close to the points. On the right, the raw run stays on a level for the first 200 epochs or so before it
# falls: starting so near to zero, it first has to grow its weights.

# %% [markdown]
# **Report** your two training errors: the mean of $(\hat y - y)^2$ over the 100 training points. Type the numbers,
# with three digits or more; a formula would need the models, and they are not trained when your notebook is graded.

# %% nbgrader={"grade_id": "training_error", "solution": true}
# mse_raw = ...         training error on the raw x
# mse_features = ...    training error on the 400 features
### BEGIN SOLUTION
mse_raw = 0.2820
mse_features = 0.0340
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "training_error_check", "points": 4}
# Both are numbers of the right size, and features help. (The same prediction everywhere has 1.08.)
def _check():
    order = lambda: {"0.02": 0.02, "features": mse_features, "0.1": 0.1, "0.2": 0.2, "raw": mse_raw, "0.4": 0.4}
    check_order(order, reported=["features", "raw"], examples=len(y_train))


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("06-mlp/training_error_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# 1. A unit computes $w_{2,k} \tanh(W_{1,k}\,x + b_{1,k})$ of the raw $x$. Which property of the unit makes a steep jump, and which its
#    place? Why does the raw run make none?
# 2. The features make the task easier. What do they already know about the answer?
# 3. Compare training and validation error of both runs. The noise in the data has a variance of about 0.06: what does that say
#    about a training error of 0.03?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_fits", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# 1. The slope of the unit at its middle is $w_{2,k} W_{1,k}$; how *short* the way from bottom to top is depends on $|W_{1,k}|$ alone: a jump within
#    0.01 needs $|W_{1,k}|$ of several hundred. It stands where $W_{1,k}\,x + b_{1,k} = 0$, at $x = -b_{1,k}/W_{1,k}$. Weights that start
#    at 0.0005 and take steps of 0.001 times the gradient don't get that large in 5000 epochs: the largest $|W_{1,k}|$ is about 5, and only three of the ten units are above 1.
# 2. Each feature is a jump from 0 to 1, at a known place. They say that the answer is made of jumps, and where these may
#    be; only heights are left to learn.
# 3. Raw: about 0.28 and 0.25, equally bad on both; the model is too stiff (*underfitting*). Features: 0.03 against 0.12. Even the true function
#    has a mean square error of about 0.06, so one of 0.03 means that part of the noise was learned (*overfitting*), and the
#    validation error shows the price. It is still the better predictor of the two.
#
# **Rubric** 1: $|W_{1,k}|$ for steepness, $-b_{1,k}/W_{1,k}$ for the place; 1: weights stay too small; 1: features contain the
# jumps; 1: underfitting against overfitting, with the numbers.
# ### END SOLUTION

# %% [markdown]
# ## 7 · Optional: a good fit from $x$ alone (no points)
#
# Can a network find the jumps by itself, from the one number $x$? **The task:** with $x$ as the only input, reach a training error
# about as small as the one with 400 features (0.05 or less), without making the validation error worse than that of the raw run. You may
# change anything: the number of units and layers, the starting values, the optimiser; you may use any framework.

# %% [markdown]
# Your code goes into the next cell, which is not run when grading. Keep its plot. *Expected picture:* jumps near the large
# jumps of the function, and between them a line that wriggles after single points.

# %% tags=["train", "optional"] nbgrader={"grade_id": "scalar_fit", "solution": true}
### BEGIN SOLUTION
def scalar_network(x, y, units=100, steps=1000, step_size=0.003, steepness=200.0):
    """One hidden layer of steep units spread over [0, 1], trained on all examples at once by Adam."""
    rng = np.random.default_rng(0)
    W1 = steepness * rng.choice([-1.0, 1.0], size=units)
    p = {"W1": W1, "b1": -W1 * rng.uniform(0, 1, units), "w2": 0.1 * rng.normal(size=units), "b2": np.array(0.0)}
    m, v = {k: np.zeros(q.shape) for k, q in p.items()}, {k: np.zeros(q.shape) for k, q in p.items()}
    for t in range(1, steps + 1):
        h = np.tanh(np.outer(x, p["W1"]) + p["b1"])
        e = 2 * (h @ p["w2"] + p["b2"] - y) / len(x)
        da = np.outer(e, p["w2"]) * (1 - h**2)
        g = {"W1": da.T @ x, "b1": da.sum(axis=0), "w2": h.T @ e, "b2": e.sum()}
        for k in p:
            m[k], v[k] = 0.9 * m[k] + 0.1 * g[k], 0.999 * v[k] + 0.001 * g[k] ** 2
            p[k] = p[k] - step_size * m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8)
    return lambda x: np.tanh(np.outer(x, p["W1"]) + p["b1"]) @ p["w2"] + p["b2"]


scalar = scalar_network(x_train, y_train)
for name, x, y in [("training", x_train, y_train), ("validation", x_val, y_val)]:
    print(f"{name:11s} {mean_square_error(scalar(x), y):.4f}")
plt.figure(figsize=(9, 3.5))
plot_prediction_functions(grid, {"the function behind the data": target_fn, "x alone": scalar}, x_train, y_train)
plt.show()
### END SOLUTION

# %% [markdown] tags=["optional"]
# **Report** your training and your validation error.

# %% tags=["optional"] nbgrader={"grade_id": "scalar_error", "solution": true}
# mse_scalar = ...        training error, with x as the only input
# mse_scalar_val = ...    validation error of the same model
### BEGIN SOLUTION
mse_scalar = 0.0408
mse_scalar_val = 0.1440
### END SOLUTION

# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "scalar_error_check", "points": 0}
# Both are numbers that a model can reach: the task asks for about 0.05, and for no more than the raw run has. Noise alone
# makes a validation error above 0.05.
check_order(lambda: {"0": 0.0, "training": mse_scalar, "0.055": 0.055}, "x alone, training")
check_order(lambda: {"0.05": 0.05, "validation": mse_scalar_val, "0.255": 0.255}, "x alone, validation")
### BEGIN HIDDEN TESTS
from autograder import grade
grade("06-mlp/scalar_error_check", globals())
### END HIDDEN TESTS

# %% [markdown] tags=["optional"]
# ### Question 3 (optional)
#
# What did you change, one thing after another, and what did each change bring? Give the numbers. Which change
# mattered most, and why?

# %% [markdown] tags=["optional"] nbgrader={"grade": true, "grade_id": "q_scalar", "points": 0, "solution": true}
# ### BEGIN SOLUTION
# For example, with 100 units, Adam and 1000 steps on all examples at once. $W_1$ started at ±30: 0.08 to 0.10 training, 0.13 to 0.15 validation;
# at ±100: 0.047 to 0.056 training; at ±200: 0.041 training and 0.144 validation. $b_1 = -W_1 c$ with $c$ uniform in $[0, 1]$ puts the middle of each unit
# somewhere in the data. With 3000 steps the training error falls to 0.02, and the validation error rises to above 0.23.
#
# What mattered most was the scale of $W_1$: a unit can be as steep as a jump from the beginning, so that mostly heights have
# to be learned. From small weights, gradient descent would have to grow them first, and it grows slowly. Adam gives each
# parameter a step of its own, which helps since $w_2$ and $W_1$ have very different scales.
#
# **Rubric** 1: at least two changes with their numbers; 1: names the change that mattered, with a reason that fits the
# numbers; 1: the plot is there and fits the reported numbers, and the validation error is discussed.
# ### END SOLUTION

# %% [markdown]
# ## What you have now
#
# * `AffineNode` and `TanhNode` are all it takes: deeper networks are longer chains of the same two.
# * What `forward` has computed, `backward` can use. It saves time at no cost.
# * Equal units stay equal: a random start tells them apart. Small numbers keep tanh away from where it is flat.
# * What a network finds depends on where it starts and on what it is given as features, as much as on what it could represent.

# %% [markdown]
# ## Go further
#
# * Put a second hidden layer between $h$ and $\hat y$. Only `__init__` and the starting values change; which checks still hold?
# * Write a `ReluNode` and take it in place of `TanhNode`. What do the units of part 5 look like now?
# * Section 07 replaces the last node: probabilities of classes in place of a number.
