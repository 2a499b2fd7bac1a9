# %% [markdown]
# # 04 · Ridge regression as a computation graph
#
# After this section you can
#
# * write a node: a forward and a backward method, a few lines each,
# * connect nodes into an objective in which one parameter is used twice,
# * check every gradient of it before you train, and read what a failed check says,
# * say what an ℓ2 penalty does to a fit, with numbers of your own.

# %% [markdown]
# **Time** about 90 minutes, the optional part 45 more. **Builds on** tutorials 1 and 2 of section 00: computation
# graphs, and linear regression. **Points** 30; the optional part is checked too but counts none.

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
from backprop.gradcheck import check_graph, check_node, check_order, check_values
from backprop.graph import ComputationGraphFunction
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode
from backprop.plots import plot_prediction_functions
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · The objective, and its graph
#
# We predict a number $y$ from a feature vector $x \in \mathbb{R}^d$ by $\hat y = w^\top x + b$. *Ridge regression* asks
# for a small error **and** for small weights. For one example it makes this small:
#
# $$J(w, b) = \underbrace{(w^\top x + b - y)^2}_{\text{square loss}}
# + \underbrace{\lambda \lVert w \rVert^2}_{\text{penalty}} \qquad \lVert w \rVert^2 = \sum_i w_i^2$$
#
# The number $\lambda \ge 0$ (`l2_reg` in the code) says how much small weights are worth. The intercept $b$ is **not**
# penalised: a data set shifted upwards needs a larger $b$, and nothing is wrong with that.

# %% [markdown]
# $\lVert w \rVert$ is the *ℓ2 norm*, hence *ℓ2 penalty* and `l2_reg`.
#
# Why small weights? In part 5 there are 400 features and only 100 points, so a fit may follow the noise of every
# point; small weights can't make large jumps.
#
# The same as a graph: the picture to keep in mind for this whole section.

# %% tags=["show"]
arrows = [("x", "prediction"), ("w", "prediction"), ("b", "prediction"), ("w", "penalty")]
arrows += [("prediction", "square loss"), ("y", "square loss"), ("square loss", "J"), ("penalty", "J")]
operators = {"prediction": "ŷ = w·x + b", "square loss": "(ŷ − y)²", "penalty": "λ ‖w‖²", "J": "+"}
draw_edges(arrows, operators=operators)
plt.show()


# %% [markdown]
# Two arrows leave $w$: it has two *consumers*, the prediction and the penalty. Each of them will hand a gradient back
# to $w$, and the chain rule says that the two **add up**:
#
# $$\frac{\partial J}{\partial w} = \text{(what arrives from the prediction)} + \text{(what arrives from the penalty)}$$
#
# That is why `backward` never writes `w.d_out = …` but always `w.d_out += …`, and why `forward` sets the node's own
# `d_out` back to zero.

# %% [markdown]
# ### Question 1 (2 points)
#
# Work out $\frac{\partial J}{\partial w}$ and $\frac{\partial J}{\partial b}$ for one example, and say which term
# arrives at $w$ along which path. Then: the backward pass visits `penalty` first and `prediction` after it. What would
# the gradient of $w$ be if `prediction` wrote `self.w.d_out = …`?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_paths", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# With $\hat y = w^\top x + b$,
#
# $$\frac{\partial J}{\partial w} = 2(\hat y - y)\,x + 2\lambda w, \qquad
# \frac{\partial J}{\partial b} = 2(\hat y - y).$$
#
# The first term arrives through the square loss and the prediction, the second through the penalty. An assignment in
# `prediction` would replace what `penalty` had added: $2(\hat y - y)\,x$ would be left, the gradient of plain linear
# regression, and the penalty would have no influence on training.
#
# **Rubric** 1: both derivatives, each term of the first with its path; 1: the contribution of the penalty is lost.
# ### END SOLUTION

# %% [markdown]
# ## 2 · The penalty: `L2NormPenaltyNode`
#
# A node computes `out` from its inputs on the way forward. On the way back it finds $\partial J / \partial\,\text{out}$
# in `self.d_out` (the *upstream gradient*), multiplies by its own local derivative and adds the result to `d_out` of
# each input:
#
# $$\text{out} = \lambda \sum_i w_i^2 \qquad\Rightarrow\qquad
# \frac{\partial\,\text{out}}{\partial w_i} = \;?$$
#
# There is no ½ in front of this penalty; some books put one there.

# %% nbgrader={"grade_id": "l2_penalty", "solution": true}
class L2NormPenaltyNode(Node):
    """The penalty l2_reg · ‖w‖².

    l2_reg : number ≥ 0
    w      : node, w.out has shape (d,)
    out    : shape (), a single number

    >>> L2NormPenaltyNode(0.5, w, "penalty").forward()      # with w.out = np.array([1., 3., -3.])
    9.5
    """

    def __init__(self, l2_reg, w, node_name):
        super().__init__(node_name)
        self.l2_reg, self.w = l2_reg, w

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = self.l2_reg * np.sum(self.w.out**2)
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to self.w.d_out."""
        ### BEGIN SOLUTION
        self.w.d_out += self.d_out * 2 * self.l2_reg * self.w.out
        ### END SOLUTION

    def get_predecessors(self):
        return [self.w]


# %% [markdown]
# The cell below compares your `backward` with *finite differences*: it moves each $w_i$ a little, runs your `forward`
# and looks at how much `out` changes. It also feeds $w$ to a second node, runs a second pass, and more. It prints an
# *agreement table*, one line per variable: the entry that your code gives (exact), what the differences give (approx), and
# the largest difference.

# %% nbgrader={"grade": true, "grade_id": "l2_penalty_check", "points": 5}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-10.
check_node(L2NormPenaltyNode, l2_reg=0.3, w=np.array([1.0, 3.0, -3.0]), expected=5.7,
           also=[{"w": np.array([70.0, -200.0, 1.0, 0.0, 50.0]), "expected": 14220.3}])
# And at w = 0, where training starts.
check_node(L2NormPenaltyNode, l2_reg=0.3, w=np.zeros(3), expected=0.0)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/l2_penalty_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · Two numbers added: `SumNode`
#
# Square loss and penalty meet in one node:
#
# $$\text{out} = a + b \qquad\Rightarrow\qquad
# \frac{\partial\,\text{out}}{\partial a} = \frac{\partial\,\text{out}}{\partial b} = 1$$
#
# So both inputs receive the upstream gradient unchanged. Whoever calls `SumNode(a, a, …)` uses $a$ twice, and
# $a$ receives it twice: with `+=` this comes out right by itself.

# %% nbgrader={"grade_id": "sum_node", "solution": true}
class SumNode(Node):
    """The sum of two numbers.

    a, b : nodes, a.out and b.out have shape ()
    out  : shape (), a.out + b.out

    >>> SumNode(a, b, "J").forward()      # with a.out = np.array(1.0), b.out = np.array(19.0)
    20.0
    """

    def __init__(self, a, b, node_name):
        super().__init__(node_name)
        self.a, self.b = a, b

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = self.a.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to self.a.d_out and to self.b.d_out."""
        ### BEGIN SOLUTION
        self.a.d_out += self.d_out
        self.b.d_out += self.d_out
        ### END SOLUTION

    def get_predecessors(self):
        return [self.a, self.b]


# %% nbgrader={"grade": true, "grade_id": "sum_node_check", "points": 5}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-12.
check_node(SumNode, a=np.array(-1.5), b=np.array(19.0), expected=17.5,
           also=[{"a": np.array(s * 3e5), "b": np.array(s * 7e5), "expected": s * 1e6} for s in (1, -1)])
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/sum_node_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · The whole objective: `RidgeRegression`
#
# All the parts are there. `VectorScalarAffineNode(x, w, b, name)` computes $w^\top x + b$ and
# `SquaredL2DistanceNode(a, b, name)` computes $\lVert a - b \rVert^2$; you know both from linear regression. Your task
# is `__init__`: build the graph of the first picture and make a `ComputationGraphFunction` of it. Training and
# prediction are written for you: `sgd` takes one example at a time and moves each parameter by
# `-step_size` times its gradient.

# %% nbgrader={"grade_id": "ridge_regression", "solution": true}
class RidgeRegression:
    """Predict w·x + b; w and b make (w·x + b − y)² + l2_reg · ‖w‖² small, on average over the examples.

    graph : ComputationGraphFunction(inputs, outcomes, parameters, prediction, objective)
            input "x" of shape (d,), outcome "y" of shape (),
            parameters "w" of shape (d,) and "b" of shape ()
    """

    def __init__(self, l2_reg=1, step_size=0.005, max_num_epochs=5000):
        self.l2_reg, self.step_size, self.max_num_epochs = l2_reg, step_size, max_num_epochs
        x, y = ValueNode("x"), ValueNode("y")
        w, b = ValueNode("w"), ValueNode("b")
        # Build the graph, then set self.graph.
        ### BEGIN SOLUTION
        prediction = VectorScalarAffineNode(x, w, b, "prediction")
        square_loss = SquaredL2DistanceNode(prediction, y, "square loss")
        penalty = L2NormPenaltyNode(l2_reg, w, "penalty")
        objective = SumNode(square_loss, penalty, "J")
        self.graph = ComputationGraphFunction([x], [y], [w, b], prediction, objective)
        ### END SOLUTION

    def fit(self, X, y):
        """Learn from X, shape (n, d), and y, shape (n,), starting at zero; return self."""
        self.graph.set_parameters({"w": np.zeros(X.shape[1]), "b": np.array(0.0)})
        self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)
        return self

    def predict(self, X):
        """The predictions for X, shape (n, d): an array of shape (n,)."""
        return predict_rows(self.graph, X)


# %% [markdown]
# Before any training: are the gradients of the *whole* graph right? We take numbers that can be worked out by hand, the
# last layer of the small network of section 03: $x = (260, 120, 140)$ are the values of its second hidden layer,
# $w = (1, 3, -3)$ and $y = 199$. With $b = 0$ and $\lambda = 1$,
#
# | prediction | square loss | penalty | $J$ | gradient of $w$ from the loss | from the penalty | together |
# |---|---|---|---|---|---|---|
# | 200 | 1 | 19 | 20 | (520, 240, 280) | (2, 6, −6) | (522, 246, 274) |

# %% [markdown]
# The check uses another $b$ and $\lambda$, so that a penalty on $b$, or a forgotten $\lambda$, can't hide: with
# $b = 0.5$ and $\lambda = 0.1$ the objective is $1.5^2 + 0.1 \cdot 19 = 4.15$.

# %% nbgrader={"grade": true, "grade_id": "ridge_regression_check", "points": 10}
# Check your work. Right code shows max differences below 1e-6, around 1e-11 here.
def _check():
    hidden, weights = np.array([260.0, 120.0, 140.0]), np.array([1.0, 3.0, -3.0])
    example, outcome, parameters = {"x": hidden}, {"y": 199.0}, {"w": weights, "b": 0.5}
    wrong = {"missing_penalty": 2.25, "half_penalty": [3.2, 6.05], "bias_regularised": [4.175, 2.275]}
    wrong |= {"penalty_in_prediction": 11.56, "wrong_argument:l2_reg is not used": 21.25}

    # Two functions: the checks themselves call your code, and an error in it becomes one sentence.
    def graph():
        return RidgeRegression(l2_reg=0.1).graph

    def prediction():
        made = graph()
        made.set_parameters(parameters)
        return {"ŷ": made.get_prediction(example)}

    def two_steps():  # four models at once, each fitted twice, to one example, in two epochs: worked out by hand
        settings = {"step_size": 0.1, "max_num_epochs": 2}
        models = {f"λ = {l2_reg}": RidgeRegression(l2_reg, **settings) for l2_reg in (0.304, 0, 2)}
        models["λ left out"] = RidgeRegression(**settings)
        for model in [*models.values(), *models.values()]:  # the second fit starts at zero, too
            model.fit(np.array([[1.0, -2.0]]), np.array([3.0]))
        return {name: model.predict(np.array([[1.0, -2.0], [0.0, 0.0]])) for name, model in models.items()}

    check_values("prediction", prediction, {"ŷ": 200.5})
    check_graph(graph, example, outcome, parameters, expected=4.15, mistakes={"objective": wrong})
    right = {"λ = 0.304": [2.6976, 0.48], "λ = 2": [1.68, 0.48], "λ = 0": [2.88, 0.48], "λ left out": [2.28, 0.48]}
    slips = {"shared_state": np.array(right["λ left out"]), "stale:the second fit() goes on": np.array([2.8698517, 0.55535])}
    check_values("after two steps from zero", two_steps, right, mistakes={"λ = 0.304": slips})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/ridge_regression_check", globals())
### END HIDDEN TESTS

# %% tags=["show"]
hidden, weights = np.array([260.0, 120.0, 140.0]), np.array([1.0, 3.0, -3.0])
by_hand = RidgeRegression(l2_reg=1)
by_hand.graph.set_parameters({"w": weights, "b": 0.0})
by_hand.graph.get_gradients({"x": hidden}, {"y": 199.0})
draw_graph(by_hand.graph)
plt.show()

# %% [markdown]
# This drawing is made from *your* graph: values of the forward pass above the arrows, gradients below. *Expected picture:*
# the numbers of the table, with $b = 0$ and $\lambda = 1$. Find the two contributions at $w$, and their sum under its box.

# %% [markdown]
# Now see it flow, through your own nodes. Press *Next*: every node multiplies what has arrived (upstream) by its own slope.

# %% tags=["show"]
step_through(by_hand.graph, title="J = (w·x + b − y)² + λ ‖w‖²: two gradients arrive at w")

# %% [markdown]
# **Expected**, in the last steps: $w$ receives $(2, 6, -6) = 1 \cdot (2, 6, -6)$ from the penalty and
# $(520, 240, 280) = 2 \cdot (260, 120, 140)$ from the prediction. The second one is *added*.

# %% [markdown]
# ### The small network, now with nodes
#
# With $\lambda = 0$ only the square loss is left, and your graph is the last step of the small network: $w$ is its $W_2$, $x$
# its $h_1$. So the table of section 03 gets a new column. **Expected**: the same numbers twice in each line. (Section 05
# does this for the whole network.)

# %% tags=["show"]
small = RidgeRegression(l2_reg=0).graph
small.set_parameters({"w": np.array([1.0, 3.0, -3.0]), "b": 0.0})
_, by_nodes = small.get_gradients({"x": np.array([260.0, 120.0, 140.0])}, {"y": 199.0})
by_hand = {"∂ℓ/∂W2": [520.0, 240.0, 280.0], "∂ℓ/∂h1": [2.0, 6.0, -6.0]}
by_nodes = {"∂ℓ/∂W2": by_nodes["w"], "∂ℓ/∂h1": small.name_to_node["x"].d_out}
print(f"{'small network':16}{'by hand (03)':24}{'nodes (04)':24}")
for name, hand in by_hand.items():
    print(f"{name:16}{np.array(hand)!s:24}{by_nodes[name]!s:24}")

# %% [markdown]
# ## 5 · Train it
#
# The data: 100 training points with a scalar $x$ between 0 and 1, and 900 more to look at afterwards, the *validation*
# points. The outcome is a function of ten jumps plus noise (standard deviation 0.25). `featurize` turns $x$ into 400
# features: feature $k$ is 1 when $x \ge k/400$ and 0 otherwise, so weight $w_k$ is the height of the prediction's
# jump at $k/400$.

# %%
x_train, y_train, x_val, y_val, target_fn, coefs_true, featurize = load_problem()
X_train, X_val = featurize(x_train), featurize(x_val)
print("X_train", X_train.shape, "  y_train", y_train.shape, "  X_val", X_val.shape)

# %% tags=["show"]
grid = np.linspace(0, 1, 1000, endpoint=False)
plt.figure(figsize=(8, 3))
plt.plot(grid, target_fn(grid), "k", lw=1, label="the function behind the data")
plt.plot(x_train, y_train, ".", label="100 training points")
plt.xlabel("x")
plt.ylabel("y")
plt.legend()
plt.show()

# %% [markdown]
# Three runs: one with $\lambda = 1$ in many small steps; one without a penalty, with ten times the step in a quarter of
# the epochs (rounds through the data); and the same with a *little* penalty, $\lambda = 0.01$. Together they take about 15
# seconds. (Cells like the next are not run again when your notebook is graded; what they printed stays.)

# %% tags=["train"]
with_penalty = RidgeRegression(l2_reg=1, step_size=5e-5, max_num_epochs=2000).fit(X_train, y_train)
without_penalty = RidgeRegression(l2_reg=0, step_size=5e-4, max_num_epochs=500).fit(X_train, y_train)
little_penalty = RidgeRegression(l2_reg=0.01, step_size=5e-4, max_num_epochs=500).fit(X_train, y_train)

for name, model in {"λ = 1": with_penalty, "λ = 0.01": little_penalty, "λ = 0": without_penalty}.items():
    training = mean_square_error(model.predict(X_train), y_train)
    validation = mean_square_error(model.predict(X_val), y_val)
    print(f"{name:8}   mean square error   training {training:.4f}   validation {validation:.4f}")

# %% tags=["train"]
plt.figure(figsize=(9, 4.5))
plot_prediction_functions(
    grid,
    {
        "the function behind the data": target_fn,
        "λ = 1": lambda x: with_penalty.predict(featurize(x)),
        "λ = 0": lambda x: without_penalty.predict(featurize(x)),
    },
    x_train,
    y_train,
    legend_loc="lower right",
)
plt.show()


# %% [markdown]
# *Expected picture:* all three are staircases of up to 400 steps. With $\lambda = 1$ the steps are so small that they
# look like one smooth wave, which cuts every corner of the true function. With $\lambda = 0$ the leaps are nearly there,
# and in between the curve zigzags after single points. (The run with $\lambda = 0.01$, which
# is not drawn, looks much like the one with $\lambda = 0$.)

# %% [markdown]
# So is a penalty a bad idea? Two runs at the ends say little about what lies between. This objective is simple enough
# to jump to its minimum: its gradient is zero there, which is a system of linear equations. That takes milliseconds, so we
# can try thirty $\lambda$.

# %%
def exact_fit(l2_reg):
    """w and b at the minimum of the mean objective over the training points."""
    mean_x, mean_y = X_train.mean(axis=0), y_train.mean()
    X, y = X_train - mean_x, y_train - mean_y  # b takes care of the means
    w = np.linalg.solve(X.T @ X / len(X) + l2_reg * np.eye(X.shape[1]), X.T @ y / len(X))
    return w, mean_y - w @ mean_x


# %% tags=["show"]
strengths = np.geomspace(1e-4, 3, 30)
fits = [exact_fit(l2_reg) for l2_reg in strengths]
plt.figure(figsize=(7, 3.2))
for name, X, y, style in [("training", X_train, y_train, "--"), ("validation", X_val, y_val, "-")]:
    errors = [mean_square_error(X @ w + b, y) for w, b in fits]
    plt.semilogx(strengths, errors, style, label=name)
    print(f"{name:10} left end {errors[0]:.3f}   smallest {min(errors):.3f} at λ = {strengths[np.argmin(errors)]:.4f}")
plt.xlabel("λ")
plt.ylabel("mean square error")
plt.legend()
plt.show()

# %% [markdown]
# *Expected picture:* the training error only rises with $\lambda$. The validation error has a shallow **valley**: 0.136 at its
# left end, 0.120 near $\lambda = 0.015$, and more than 0.2 at $\lambda = 1$. Never to regularise is as wrong as to do it by
# guesswork: $\lambda$ is chosen where the *validation* error is smallest.

# %% [markdown]
# **Report** your two training errors: the mean of $(\hat y - y)^2$ over the 100 training points, *without* the penalty.
# Type the numbers, with three digits or more; a formula would need the models, and they are not trained when
# your notebook is graded.

# %% nbgrader={"grade_id": "training_error", "solution": true}
# mse_with_penalty = ...        training error with l2_reg=1
# mse_without_penalty = ...     training error with l2_reg=0
### BEGIN SOLUTION
mse_with_penalty = 0.1890
mse_without_penalty = 0.0309
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "training_error_check", "points": 4}
# Both are numbers of the right size, and the second is the smaller one. (The same prediction everywhere has 1.08.)
def _check():
    order = lambda: {"0.02": 0.02, "λ = 0": mse_without_penalty, "0.1": 0.1, "λ = 1": mse_with_penalty, "0.2": 0.2}
    check_order(order, reported=["λ = 0", "λ = 1"], examples=len(y_train))


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/training_error_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# 1. Which run has the smaller training error, and why must it be that one?
# 2. What does the penalty do to the weights, and how does that show? Point to a place in the picture.
# 3. Which $\lambda$ would you use for new points, and which number did you look at? The run without a penalty started at
#    zero and had 500 epochs: what would many more do to its training and validation error?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_two_fits", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# 1. The run without a penalty: about 0.03 against 0.19. It minimises the training error itself; with $\lambda = 1$ a
#    part of the training error is traded for smaller weights. (Strictly, this compares the two minima, and a run stops
#    before it has reached its own; here the gap is far larger than that.)
# 2. Each jump is a weight, and weights are pulled towards zero, large ones most. Large jumps become lower, and
#    are spread over neighbouring features: many small jumps have a smaller $\sum w_k^2$ than one large jump of the same
#    height.
# 3. The validation error decides, since the training error is always on the side of the freer model: 0.204 with
#    $\lambda = 1$, 0.122 with 0, 0.121 with 0.01, so a little penalty; $\lambda = 1$ is too strong. That $\lambda = 0$ comes so
#    near is because it was held back too: from zero, in 500 epochs, it has not gone all the way. With more epochs its
#    training error falls further (to 0.007 after 8000) while its validation error rises (to 0.137, as on the left of
#    the valley), as it begins to follow the noise; with $\lambda = 0.01$ it stays at 0.121.
#
# **Rubric** 1: λ = 0, with the reason that it minimises this very number; 1: weights, hence jumps, shrink, with a place
# in the picture; 1: decides by the validation error and reads it off rightly (a small λ); 1: more epochs lower the training error,
# and the validation error stops falling or rises.
# ### END SOLUTION

# %% [markdown]
# ## 6 · Optional: many examples at once (no points)
#
# `sgd` sends one example through the graph at a time, so Python spends its time on calling nodes, hardly any on
# arithmetic. A *minibatch* of $m$ examples goes through in the same number of calls: rows of a matrix
# $X$ of shape $(m, d)$, one prediction per row, and the mean of their square losses:
#
# $$\hat y = Xw + b \in \mathbb{R}^m, \qquad
# J = \frac{1}{m} \sum_{i=1}^{m} (\hat y_i - y_i)^2 + \lambda \lVert w \rVert^2$$
#
# Two nodes have to change. The mean square loss is ready:

# %%
class MeanSquareNode(Node):
    """The mean over the examples of (a_i − b_i)²; a.out and b.out have shape (m,), out has shape ()."""

    def __init__(self, a, b, node_name):
        super().__init__(node_name)
        self.a, self.b = a, b

    def forward(self):
        self.out = np.mean((self.a.out - self.b.out) ** 2)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        each = 2 * self.d_out / len(self.a.out) * (self.a.out - self.b.out)
        self.a.d_out += each
        self.b.d_out -= each

    def get_predecessors(self):
        return [self.a, self.b]


# %% [markdown]
# The other is yours. Row $i$ of $X$ meets $w$ and gives $\hat y_i$, so $w$ and $b$ are used by **every** row, and their
# gradients are sums over the rows. A good test of a formula is its shape: the gradient of $w$ has shape
# $(d{,})$; how can you make that of $X$, shape $(m, d)$, and the upstream gradient, shape $(m{,})$?

# %% tags=["optional"] nbgrader={"grade_id": "batch_affine", "solution": true}
class BatchAffineNode(Node):
    """The predictions X w + b for all rows of X.

    X   : node, X.out has shape (m, d)
    w   : node, w.out has shape (d,)
    b   : node, b.out has shape ()
    out : shape (m,)

    >>> BatchAffineNode(X, w, b, "prediction").forward()
    array([26., 48.])      # with X.out = [[1., 2.], [3., 4.]], w.out = [1., 10.], b.out = 5.
    """

    def __init__(self, X, w, b, node_name):
        super().__init__(node_name)
        self.X, self.w, self.b = X, w, b

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = self.X.out @ self.w.out + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to d_out of self.X, self.w and self.b."""
        ### BEGIN SOLUTION
        self.X.d_out += np.outer(self.d_out, self.w.out)
        self.w.d_out += self.X.out.T @ self.d_out
        self.b.d_out += self.d_out.sum()
        ### END SOLUTION

    def get_predecessors(self):
        return [self.X, self.w, self.b]


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "batch_affine_check", "points": 0}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-11.
def _check():
    rng = np.random.default_rng(0)
    X, w, b = rng.normal(size=(4, 3)), rng.normal(size=3), np.array(0.5)
    also = [{"X": rng.normal(size=shape), "w": rng.normal(size=shape[1])} for shape in ((3, 3), (60, 2))]
    check_node(BatchAffineNode, X=X, w=w, b=b, expected=[row @ w + b for row in X], also=also)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/batch_affine_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now the graph: as in `RidgeRegression`, with `BatchAffineNode` and `MeanSquareNode` in their places. The input is
# called `"X"`. `fit` shows what a training loop does: new random order, a few rows, gradients, one step.

# %% tags=["optional"] nbgrader={"grade_id": "minibatch_ridge", "solution": true}
class MinibatchRidge:
    """Ridge regression whose graph takes m examples at once.

    graph : input "X" of shape (m, d), outcome "y" of shape (m,),
            parameters "w" of shape (d,) and "b" of shape ()
    """

    def __init__(self, l2_reg=1, step_size=0.005, max_num_epochs=5000, batch_size=50):
        self.step_size, self.max_num_epochs, self.batch_size = step_size, max_num_epochs, batch_size
        X, y = ValueNode("X"), ValueNode("y")
        w, b = ValueNode("w"), ValueNode("b")
        # Build the graph, then set self.graph.
        ### BEGIN SOLUTION
        prediction = BatchAffineNode(X, w, b, "prediction")
        loss = MeanSquareNode(prediction, y, "mean square loss")
        objective = SumNode(loss, L2NormPenaltyNode(l2_reg, w, "penalty"), "J")
        self.graph = ComputationGraphFunction([X], [y], [w, b], prediction, objective)
        ### END SOLUTION

    def fit(self, X, y):
        """Learn from X, shape (n, d), and y, shape (n,), starting at zero; return self."""
        rng = np.random.default_rng(0)
        self.graph.set_parameters({"w": np.zeros(X.shape[1]), "b": np.array(0.0)})
        for _ in range(self.max_num_epochs):
            order = rng.permutation(len(X))
            for start in range(0, len(X), self.batch_size):
                rows = order[start : start + self.batch_size]
                _, gradients = self.graph.get_gradients({"X": X[rows]}, {"y": y[rows]})
                self.graph.increment_parameters({name: -self.step_size * g for name, g in gradients.items()})
        return self

    def predict(self, X):
        """The predictions for X, shape (n, d), in one pass: an array of shape (n,)."""
        return self.graph.get_prediction({"X": X})


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "minibatch_ridge_check", "points": 0}
# Check your work: the rows are the example of part 4 and twice that example, so the residuals are 1.5 and 2.5,
# the mean square loss is 4.25 and the penalty 1.9.
# Right code shows max differences around 1e-10 here.
def _check():
    rows, targets = np.array([[260.0, 120.0, 140.0], [520.0, 240.0, 280.0]]), np.array([199.0, 398.0])
    values = {"X": rows}, {"y": targets}, {"w": [1.0, 3.0, -3.0], "b": 0.5}
    wrong = {"missing_penalty": 4.25, "half_penalty": [5.2, 8.05], "missing_mean": 10.4}
    batch = lambda: MinibatchRidge(l2_reg=0.1).graph
    check_graph(batch, *values, title="minibatch ridge", expected=6.15, mistakes={"objective": wrong})

    def trained():  # one row, two epochs, as in part 4; then that row twice, in batches of one and of two
        X, y, found = np.array([[1.0, -2.0]]), np.array([3.0]), {}
        settings = [(0.304, 1, 2, 5), (2, 1, 2, 5), (0, 2, 1, 1), (0, 2, 1, 2)]
        models = [MinibatchRidge(l2_reg, 0.1, epochs, batch_size) for l2_reg, _, epochs, batch_size in settings]
        for model, (l2_reg, rows, _, batch_size) in zip(models, settings):
            for _ in range(2):  # the second fit starts at zero, too
                model.fit(np.repeat(X, rows, 0), np.repeat(y, rows))
            found[f"λ {l2_reg}, by {batch_size}"] = model.predict(np.array([[1.0, -2.0], [0.0, 0.0]]))
        model = MinibatchRidge(step_size=0.1, max_num_epochs=2, batch_size=5)
        model.fit(X, y)
        return found | {"λ left out": model.predict(np.array([[1.0, -2.0], [0.0, 0.0]]))}

    right = {"λ 0.304, by 5": [2.6976, 0.48], "λ 2, by 5": [1.68, 0.48], "λ left out": [2.28, 0.48]}
    right |= {"λ 0, by 1": [2.88, 0.48], "λ 0, by 2": [3.6, 0.6]}
    check_values("after training from zero", trained, right)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/minibatch_ridge_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# How much faster? Time one way against the other, for as many epochs each. A batch of 50 takes 2 steps an epoch instead
# of 100, so compare the errors too, and see what a larger step does for the minibatches.

# %% tags=["train", "optional"]
def seconds(model):
    """Train the model, and return how long that took and the training error it reached."""
    start = time.perf_counter()
    model.fit(X_train, y_train)
    return time.perf_counter() - start, mean_square_error(model.predict(X_train), y_train)


took, error = seconds(RidgeRegression(l2_reg=1, step_size=5e-5, max_num_epochs=200))
print(f"one by one       step 5.0e-05   {took:6.3f} s   training error {error:.3f}")
for batch_size, step_size in [(10, 5e-4), (50, 2.5e-3), (100, 5e-3)]:
    took, error = seconds(MinibatchRidge(1, step_size, 200, batch_size))
    print(f"batches of {batch_size:3d}   step {step_size:.1e}   {took:6.3f} s   training error {error:.3f}")

# %% [markdown]
# ### Question 3 (optional)
#
# Report the times and the speed-up you measured. Why is it less than the batch size? Why may the step be larger
# for a larger batch, and what would go wrong if you went on like this?

# %% [markdown] tags=["optional"] nbgrader={"grade": true, "grade_id": "q_speed_up", "points": 0, "solution": true}
# ### BEGIN SOLUTION
# For example, 200 epochs on one machine: 0.53 s one by one, 0.074 s in batches of 10 (7 times as fast), 0.023 s in
# batches of 50 (23 times), 0.017 s with all 100 (31 times), each with a training error of 0.191 to 0.192.
#
# A pass through the graph costs Python calls, the same for any batch, and arithmetic, which grows with the batch.
# Batches save the calls only, so the gain falls behind the batch size as arithmetic takes over. The gradient of a batch
# is a mean, less noisy than that of one example, and an epoch has fewer steps: with $m$ times the step both ways go
# equally far in an epoch. Beyond some step size, set by the curvature of $J$, a step overshoots the minimum by more than
# it was away from it, and the error grows without limit.
#
# **Rubric** (feedback only) times with batch sizes, and their ratio; a call of a node costs time of its own, while arithmetic
# grows with the batch; the mean over a batch is less noisy, so a step may be larger, up to where steps overshoot.
# ### END SOLUTION

# %% [markdown]
# ## What you have now
#
# * A node is three things: `out` on the way forward, `+=` into each input's `d_out` on the way back, a list of inputs.
# * A variable with two consumers collects two gradients, which add up.
# * A gradient check compares backward with *your* forward. A wrong objective, differentiated well, passes: so the checks
#   here also know the value.
# * The penalty trades training error for smaller weights; the validation error judges the trade, and chooses $\lambda$.

# %% [markdown]
# ## Go further
#
# * Draw the staircases of `exact_fit(0.01)` and `exact_fit(1e-4)` over the points. Which follows the noise?
# * Replace the penalty by $\lambda \sum_i |w_i|$ (the *lasso*) in a node of your own. What is its derivative at
#   $w_i = 0$, and what becomes of the staircase?
# * How far from the minimum in `exact_fit` did your runs stop?
# * Section 05 turns the vector $w$ into a matrix, section 06 stacks two such layers with a bend in between.
