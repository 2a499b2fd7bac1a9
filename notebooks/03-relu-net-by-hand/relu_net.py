# %% [markdown]
# # 03 · A ReLU network by hand
#
# After this section you can
#
# * write the backward pass of a small neural network as nine short functions, each a single use of the chain rule,
# * say when an outer product appears in a gradient, when a transpose, and where ReLU blocks the gradient,
# * hold every gradient against a measured one, also where units are dead,
# * take a step of gradient descent with your own gradients.

# %% [markdown]
# **Time** about 100 minutes; the optional part at the end 30 more. **Builds on** section 01 (forward, backward,
# upstream × local), parts 1 and 2 of section 02 (many paths, shapes) and matrix times vector. Parts 3 to 7 of section 02
# may wait until after this section. **Points** 50.

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
from backprop.gradcheck import check_values, compare, numeric_gradient, report
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · The network
#
# One number $x$ goes in, one number $\hat y$ comes out. Between them lie two layers of three *units*. A unit adds up what
# reaches it and then applies the *rectified linear unit*, $\operatorname{ReLU}(r) = \max(0, r)$, written `relu` below:
#
# $$r_0 = W_0\,x \qquad h_0 = \operatorname{ReLU}(r_0) \qquad r_1 = W_1 h_0 \qquad h_1 = \operatorname{ReLU}(r_1)
# \qquad \hat y = W_2 \cdot h_1$$
#
# $r$ is a unit's value before ReLU, its *pre-activation*; $h$ is the value after it. There are no biases.

# %% tags=["show"]
draw_edges(
    [("x", "r0"), ("W0", "r0"), ("r0", "h0"), ("h0", "r1"), ("W1", "r1"), ("r1", "h1"), ("h1", "ŷ"), ("W2", "ŷ")],
    operators={"r0": "W0 x", "h0": "ReLU", "r1": "W1 h0", "h1": "ReLU", "ŷ": "W2 · h1"},
);


# %%
def relu(x):
    """max(0, x), entry by entry; any shape."""
    return np.maximum(0.0, x)


def mlp(x, W0, W1, W2):
    """Forward pass: a dictionary with every value of the network.

    x : number      W0 : shape (3,)      W1 : shape (3, 3)      W2 : shape (3,)
    """
    r0 = W0 * x
    h0 = relu(r0)
    r1 = np.dot(W1, h0)
    h1 = relu(r1)
    y_predicted = np.dot(W2, h1)
    return {"x": x, "r0": r0, "h0": h0, "r1": r1, "h1": h1, "y_predicted": y_predicted}


# %% [markdown]
# These are the numbers of our first network, the thread of the whole course: here you work with it by hand, in section 04
# it becomes nodes, in 05 and 06 whole layers, in 09 PyTorch.

# %%
first = {
    "x": 10.0,
    "W0": np.array([1.0, 2.0, 3.0]),
    "W1": np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]]),
    "W2": np.array([1.0, 3.0, -3.0]),
}
variables = mlp(**first)
variables


# %% [markdown]
# The next two cells only define a drawing: a circle for each unit with its $h$ inside, a line for each weight. A unit whose
# pre-activation is negative would be drawn grey, and so would the lines around it.

# %%
def draw_weights(axes, units, weights, height):
    """Draw a line for each weight, grey where the unit at one of its ends is 0."""
    paper = {"ec": "none", "fc": "w", "pad": 0.8}
    for c in range(3):
        for (i, j), weight in np.ndenumerate(weights[c]):
            start, end = height[c][j], height[c + 1][i]
            colour = "C0" if units[c][j] != 0 and units[c + 1][i] != 0 else "0.75"
            axes.plot([c, c + 1], [start, end], color=colour, zorder=1)
            at = (c + 0.24, start + 0.24 * (end - start))
            axes.text(*at, f"{weight:g}", ha="center", va="center", bbox=paper)


# %%
def draw_units(inputs):
    """Draw the network with its values: x on the left, the prediction on the right."""
    v = mlp(**inputs)
    units = [np.array([v["x"]]), v["h0"], v["h1"], np.array([v["y_predicted"]])]
    weights = [inputs["W0"][:, None], inputs["W1"], inputs["W2"][None, :]]
    height = [(column.size - 1) / 2 - np.arange(column.size) for column in units]
    axes = plt.figure(figsize=(8, 3.6)).add_axes([0, 0, 1, 1], xlim=(-0.4, 3.4), ylim=(-1.5, 1.8))
    axes.axis("off")
    draw_weights(axes, units, weights, height)
    for c, name in enumerate(["x", "h0", "h1", "prediction"]):
        axes.text(c, 1.6, name, ha="center")
        for y, value in zip(height[c], units[c]):
            circle = {"boxstyle": "circle,pad=0.5", "ec": "0.4", "fc": "0.85" if value == 0 else "#dcebfa"}
            axes.text(c, y, f"{value:g}", ha="center", va="center", bbox=circle)


# %% tags=["show"]
draw_units(first)


# %% [markdown]
# Follow one number: $r_1$'s first entry is $3 \cdot 10 + 4 \cdot 20 + 5 \cdot 30 = 260$, so **row** $i$ of $W_1$ holds the
# weights that arrive at unit $i$.
#
# How wrong is the prediction? For one example with the observed value $y$ the *loss* is the squared error (no ½):
#
# $$\ell = (\hat y - y)^2$$

# %%
def loss(y_predicted, y_observed):
    """Squared error of one example, a number."""
    return (y_predicted - y_observed) ** 2


y_first = 199.0
print("prediction", variables["y_predicted"], "  observed", y_first)
print("loss", loss(variables["y_predicted"], y_first))


# %% [markdown]
# ## 2 · What you are going to write, and how it is checked
#
# Learning means changing $W_0$, $W_1$, $W_2$ so that $\ell$ falls. For that we need $\frac{\partial\ell}{\partial W_0}$,
# $\frac{\partial\ell}{\partial W_1}$ and $\frac{\partial\ell}{\partial W_2}$. **A gradient has the shape of its
# variable**: entry $[i, j]$ of $\frac{\partial \ell}{\partial W_1}$ says how fast $\ell$ grows with $W_1[i, j]$. (Some books
# transpose it: see the [layout Rosetta stone](../00-tutorials/layouts.ipynb).)

# %% [markdown]
# The road runs backwards through every value in between, from $\hat y$ down to $r_0$. One function per stop, each built
# on the one before.

# %% [markdown]
# Every stop can be *measured*. Hold one variable at a value of your choice, compute everything after it, look at the loss;
# move it a little up and down, and divide. That is a *finite difference*:
#
# $$\frac{\partial \ell}{\partial v} \approx \frac{\ell(v + \varepsilon) - \ell(v - \varepsilon)}{2\,\varepsilon}$$
#
# `loss_with` holds a variable. `measured` does the rest, entry by entry, with $\varepsilon = 10^{-6}$.

# %%
def loss_with(variable, value, inputs, y_observed):
    """The loss when `variable` is held at `value` and everything that depends on it is computed anew."""
    v = {**inputs, variable: value}
    r0 = v.get("r0", v["W0"] * v["x"])
    h0 = v.get("h0", relu(r0))
    r1 = v.get("r1", np.dot(v["W1"], h0))
    h1 = v.get("h1", relu(r1))
    return loss(v.get("y_predicted", np.dot(v["W2"], h1)), y_observed)


def measured(variable, inputs, y_observed):
    """∂ℓ/∂variable by finite differences, in the shape of the variable."""
    now = np.array({**inputs, **mlp(**inputs)}[variable], dtype=float)
    return numeric_gradient(lambda value: loss_with(variable, value, inputs, y_observed), now)


# %% [markdown]
# `check_gradient` prints your gradient beside the measured one: its largest entry, or the first wrong one. A vector of three may be a list or have the shape
# `(3,)`, `(1, 3)` or `(3, 1)`: only its numbers count. Right code shows a **maxdiff** below $10^{-5}$ here, over all entries; a
# forgotten factor shows far more than that.

# %%
def check_gradient(variable, your_function, inputs, y_observed, mistakes=None):
    """Compare the ∂ℓ/∂variable that your_function() returns with the measured one, for one network and one y."""
    right = measured(variable, inputs, y_observed)
    name, title = f"∂ℓ/∂{variable}", f"x = {inputs['x']:g}, y = {y_observed:g}"

    def yours():
        gradient = your_function()
        fits = gradient is not None and right.ndim < 2 and np.size(gradient) == right.size
        return {name: np.reshape(np.asarray(gradient), right.shape) if fits else gradient}

    check_values(title, yours, {name: right}, atol=1e-5, rtol=1e-5, mistakes={name: mistakes})


# %% [markdown]
# ## 3 · From the loss to the upper layer
#
# **Exercise 1** (3 points). The first stop is the prediction. Differentiate $\ell = (\hat y - y)^2$ with respect to
# $\hat y$. The value of $\hat y$ is in the dictionary that `mlp` returned, under `"y_predicted"`.

# %% nbgrader={"grade_id": "d_ypredicted", "solution": true}
def d_loss_d_ypredicted(variable_dict, y_observed):
    """∂ℓ/∂ŷ, a number.

    variable_dict : what mlp() returned      y_observed : number

    >>> d_loss_d_ypredicted(variables, 150.0)      # ŷ = 200 is 50 too large
    100.0
    """
    ### BEGIN SOLUTION
    return 2 * (variable_dict["y_predicted"] - y_observed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_ypredicted_check", "points": 3}
# Expected: 27 and "ok", then -15 and "ok"; maxdiff below 1e-5, as in all checks of this section.
# With lambda: the check itself calls your code, and an error in it becomes one sentence.
check_gradient("y_predicted", lambda: d_loss_d_ypredicted(variables, 186.5), first, 186.5)
check_gradient("y_predicted", lambda: d_loss_d_ypredicted(variables, 207.5), first, 207.5)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_ypredicted_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Exercise 2** (4 points). Written out, $\hat y = W_2[0]\,h_1[0] + W_2[1]\,h_1[1] + W_2[2]\,h_1[2]$. So the local
# derivative of $\hat y$ with respect to $W_2[i]$ is ... ? Multiply it by what arrives from above, which you have just
# written: call `d_loss_d_ypredicted`.

# %% nbgrader={"grade_id": "d_W2", "solution": true}
def d_loss_d_W2(variable_dict, y_observed):
    """∂ℓ/∂W2, three numbers, shape (3,) or (1, 3).

    >>> d_loss_d_W2(variables, 199.0)
    array([520., 240., 280.])
    """
    ### BEGIN SOLUTION
    return d_loss_d_ypredicted(variable_dict, y_observed) * variable_dict["h1"]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_W2_check", "points": 4}
# Three predictions, one of them too small. Expected: 7020, the largest entry, and "ok"; then twice "ok".
def _check():
    check_gradient("W2", lambda: d_loss_d_W2(variables, 186.5), first, 186.5)
    check_gradient("W2", lambda: d_loss_d_W2(variables, 223.5), first, 223.5)
    third = {**first, "x": -10.0, "W0": np.array([1.0, -2.0, -3.0])}
    check_gradient("W2", lambda: d_loss_d_W2(mlp(**third), 160.5), third, 160.5)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_W2_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Exercise 3** (4 points). The same product has a second input, $h_1$. Its gradient is what the layers below will wait
# for.

# %% nbgrader={"grade_id": "d_h1", "solution": true}
def d_loss_d_h1(variable_dict, W2, y_observed):
    """∂ℓ/∂h1, three numbers, shape (3,) or (1, 3).

    W2 : shape (3,)

    >>> d_loss_d_h1(variables, first["W2"], 199.0)
    array([ 2.,  6., -6.])
    """
    ### BEGIN SOLUTION
    return d_loss_d_ypredicted(variable_dict, y_observed) * W2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_h1_check", "points": 4}
# Expected: three times "ok". The last network has other weights above.
def _check():
    check_gradient("h1", lambda: d_loss_d_h1(variables, first["W2"], 186.5), first, 186.5)
    check_gradient("h1", lambda: d_loss_d_h1(variables, first["W2"], 223.5), first, 223.5)
    other = {**first, "x": -10.0, "W0": np.array([1.0, -2.0, -3.0]), "W2": np.array([0.7, -1.6, 2.5])}
    check_gradient("h1", lambda: d_loss_d_h1(mlp(**other), other["W2"], 160.5), other, 160.5)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_h1_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · ReLU is a gate
#
# Between $r_1$ and $h_1$ stands ReLU. Where $r$ is positive it passes its input on: slope 1. Where $r$ is negative it
# gives 0 whatever $r$ is: slope 0. At exactly 0 there is a *kink*: the slope is 0 on its left and 1 on its right, and
# neither is the right one there. **We choose 0**.

# %% tags=["show"]
r = np.linspace(-2, 2, 401)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
left.plot(r, relu(r))
left.set(title="ReLU(r)", xlabel="r")
right.plot([-2, 0], [0, 0], "C1", [0, 2], [1, 1], "C1")
right.plot([0], [0], "C1o", [0], [1], "C1o", markerfacecolor="w")
right.plot([0], [0], "C1o")
right.set(title="its slope: filled dot = the value at 0", xlabel="r");


# %% [markdown]
# **Exercise 4** (3 points). Write the slope of ReLU for one number. A picture of it is above.

# %% nbgrader={"grade_id": "relu_derivative", "solution": true}
def relu_derivative(x):
    """Slope of ReLU at the number x: a number.

    >>> relu_derivative(-3.5)
    0.0
    """
    ### BEGIN SOLUTION
    return 1.0 if x > 0 else 0.0
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "relu_derivative_check", "points": 3}
# Expected: five times "ok".
def _check():
    points = {"-2": 0.0, "-0.1": 0.0, "0.1": 1.0, "2": 1.0}
    slopes = lambda: {f"at {x}": relu_derivative(float(x)) for x in [*points, "0"]}
    wrong = {"at 2": {"wrong_argument:ReLU itself, where its slope belongs": 2.0}}
    right = {f"at {x}": slope for x, slope in points.items()}
    check_values("relu_derivative", slopes, right, mistakes=wrong)
    check_values("relu_derivative at the kink", slopes, {"at 0": 0.0}, mistakes={"at 0": {"kink": [0.5, 1.0]}})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/relu_derivative_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### A second network, with dead units
#
# In the first network every pre-activation is positive: all gates are open, and code that forgets ReLU altogether would
# pass. So we turn two weights negative. Now one unit in each layer gets a negative pre-activation, gives 0 and is called
# *dead* for this input.
#
# **Expected picture**: the third unit of $h_0$ and the second of $h_1$ are grey and hold 0.

# %%
second = {
    "x": 10.0,
    "W0": np.array([1.0, 2.0, -3.0]),
    "W1": np.array([[3.0, 4.0, 5.0], [-5.0, -4.0, 3.0], [3.0, 4.0, 1.0]]),
    "W2": np.array([1.0, 3.0, -3.0]),
}
second_variables = mlp(**second)
y_second = -219.0
print("r0", second_variables["r0"], "  r1", second_variables["r1"])
print("prediction", second_variables["y_predicted"], "  observed", y_second)

# %% tags=["show"]
draw_units(second)


# %% [markdown]
# **Exercise 5** (4 points). Unit $i$ turns $r_1[i]$ into $h_1[i]$ and has nothing to do with the other units. So the
# gradient passes gate by gate, **multiplied entry by entry** (written ⊙) by the slope of each gate:
#
# $$\frac{\partial \ell}{\partial r_1} = \frac{\partial \ell}{\partial h_1} \odot \operatorname{ReLU}'(r_1)$$
#
# If your `relu_derivative` takes one number at a time, call it once for each entry. (Given a whole array, `if` stops with
# *The truth value of an array … is ambiguous*.)

# %% nbgrader={"grade_id": "d_r1", "solution": true}
def d_loss_d_r1(variable_dict, W2, y_observed):
    """∂ℓ/∂r1, three numbers, shape (3,) or (1, 3).

    >>> d_loss_d_r1(variables, first["W2"], 199.0)      # all gates open: the same as ∂ℓ/∂h1
    array([ 2.,  6., -6.])
    """
    ### BEGIN SOLUTION
    slopes = np.array([relu_derivative(r) for r in variable_dict["r1"]])
    return d_loss_d_h1(variable_dict, W2, y_observed) * slopes
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_r1_check", "points": 4}
# From here on both networks are tried, the first with two y: the second one (y = -219) has dead units.
# Expected: three times "ok".
def _check():
    check_gradient("r1", lambda: d_loss_d_r1(variables, first["W2"], 186.5), first, 186.5)
    check_gradient("r1", lambda: d_loss_d_r1(variables, first["W2"], y_first), first, y_first)
    wrong = {"mask_of_wrong_layer:r1": np.array([-2.0, -6.0, 0.0])}
    check_gradient("r1", lambda: d_loss_d_r1(second_variables, second["W2"], y_second), second, y_second, wrong)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_r1_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · The layer below
#
# Now $r_1 = W_1 h_0$, one row at a time: $r_1[i] = \sum_j W_1[i, j]\,h_0[j]$. The weight $W_1[i, j]$ appears in $r_1[i]$
# and nowhere else, multiplied by $h_0[j]$. Therefore
#
# $$\frac{\partial \ell}{\partial W_1[i, j]} = \frac{\partial \ell}{\partial r_1[i]}\; h_0[j]$$
#
# A table of all products of two vectors, one index for the row and one for the column, is an *outer product*:
# `np.outer(a, b)[i, j]` is `a[i] * b[j]`.

# %% [markdown]
# **Exercise 6** (5 points). Which of the two vectors belongs to the rows? Look at the indices above.

# %% nbgrader={"grade_id": "d_W1", "solution": true}
def d_loss_d_W1(variable_dict, W2, y_observed):
    """∂ℓ/∂W1, shape (3, 3).

    >>> d_loss_d_W1(variables, first["W2"], 199.0)[0]      # the weights that arrive at the first unit
    array([20., 40., 60.])
    """
    ### BEGIN SOLUTION
    return np.outer(d_loss_d_r1(variable_dict, W2, y_observed), variable_dict["h0"])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_W1_check", "points": 5}
# Expected: three times "ok"; the largest entries have the sizes 2430, 180 and 120.
check_gradient("W1", lambda: d_loss_d_W1(variables, first["W2"], 186.5), first, 186.5)
check_gradient("W1", lambda: d_loss_d_W1(variables, first["W2"], y_first), first, y_first)
check_gradient("W1", lambda: d_loss_d_W1(second_variables, second["W2"], y_second), second, y_second)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_W1_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# $h_0[j]$ is used by *every* unit of the next layer, so several paths lead from it to the loss. Start from
# $r_1[i] = \sum_j W_1[i, j]\,h_0[j]$. Derive $\frac{\partial \ell}{\partial h_0[j]}$ in terms of the
# $\frac{\partial \ell}{\partial r_1[i]}$, write the result for the whole vector, and say in one sentence why it is not
# $W_1 \frac{\partial \ell}{\partial r_1}$.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_transpose", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# The loss depends on $h_0[j]$ through $r_1[0], r_1[1], r_1[2]$. The chain rule adds one term per path:
#
# $$\frac{\partial \ell}{\partial h_0[j]} = \sum_i \frac{\partial \ell}{\partial r_1[i]}
# \frac{\partial r_1[i]}{\partial h_0[j]} = \sum_i \frac{\partial \ell}{\partial r_1[i]}\, W_1[i, j],
# \qquad\text{so}\qquad \frac{\partial \ell}{\partial h_0} = W_1^\top \frac{\partial \ell}{\partial r_1}.$$
#
# The sum runs over the *first* index of $W_1$, down a column: forwards a row collects what arrives at one unit,
# backwards a column collects where one unit's value went. $W_1 \frac{\partial \ell}{\partial r_1}$ would sum over the
# second index and mix weights of other units.
#
# **Rubric** 1: sums over all paths $i$; 1: $\partial r_1[i] / \partial h_0[j] = W_1[i, j]$; 1: the vector form with
# $W_1^\top$ (or the row vector times $W_1$); 1: says that the sum runs over rows, down a column.
# ### END SOLUTION

# %% [markdown]
# **Exercise 7** (5 points). Turn your answer into code: three numbers, one for each unit of the lower layer.

# %% nbgrader={"grade_id": "d_h0", "solution": true}
def d_loss_d_h0(variable_dict, W1, W2, y_observed):
    """∂ℓ/∂h0, three numbers, shape (3,) or (1, 3).

    W1 : shape (3, 3)      W2 : shape (3,)

    >>> d_loss_d_h0(variables, first["W1"], first["W2"], 199.0)
    array([-42.,   8.,  22.])
    """
    ### BEGIN SOLUTION
    return np.dot(W1.T, d_loss_d_r1(variable_dict, W2, y_observed))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_h0_check", "points": 5}
# Expected: -567, -42, then 16, all "ok".
def _check():
    check_gradient("h0", lambda: d_loss_d_h0(variables, first["W1"], first["W2"], 186.5), first, 186.5)
    wrong = {"wrong_argument:rows and columns of W1 are exchanged": np.array([0.0, -4.0, 24.0])}
    check_gradient("h0", lambda: d_loss_d_h0(variables, first["W1"], first["W2"], y_first), first, y_first, wrong)
    check_gradient("h0", lambda: d_loss_d_h0(second_variables, second["W1"], second["W2"], y_second), second, y_second)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_h0_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Exercise 8** (4 points). The lower row of gates. Which array says whether *these* gates are open?

# %% nbgrader={"grade_id": "d_r0", "solution": true}
def d_loss_d_r0(variable_dict, W1, W2, y_observed):
    """∂ℓ/∂r0, three numbers, shape (3,) or (1, 3).

    >>> d_loss_d_r0(variables, first["W1"], first["W2"], 199.0)      # all gates open: the same as ∂ℓ/∂h0
    array([-42.,   8.,  22.])
    """
    ### BEGIN SOLUTION
    slopes = np.array([relu_derivative(r) for r in variable_dict["r0"]])
    return d_loss_d_h0(variable_dict, W1, W2, y_observed) * slopes
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_r0_check", "points": 4}
# Expected: -567, -42, then 16, all "ok".
def _check():
    check_gradient("r0", lambda: d_loss_d_r0(variables, first["W1"], first["W2"], 186.5), first, 186.5)
    check_gradient("r0", lambda: d_loss_d_r0(variables, first["W1"], first["W2"], y_first), first, y_first)
    gradient = lambda: d_loss_d_r0(second_variables, second["W1"], second["W2"], y_second)
    check_gradient("r0", gradient, second, y_second, {"mask_of_wrong_layer:r0": np.array([12.0, 0.0, -4.0])})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_r0_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Exercise 9** (4 points). The last stop: $r_0[i] = W_0[i]\,x$.

# %% nbgrader={"grade_id": "d_W0", "solution": true}
def d_loss_d_W0(variable_dict, W1, W2, y_observed):
    """∂ℓ/∂W0, three numbers, shape (3,) or (1, 3).

    >>> d_loss_d_W0(variables, first["W1"], first["W2"], 199.0)
    array([-420.,   80.,  220.])
    """
    ### BEGIN SOLUTION
    return d_loss_d_r0(variable_dict, W1, W2, y_observed) * variable_dict["x"]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "d_W0_check", "points": 4}
# Expected: -5670, -420, then 160, all "ok".
check_gradient("W0", lambda: d_loss_d_W0(variables, first["W1"], first["W2"], 186.5), first, 186.5)
check_gradient("W0", lambda: d_loss_d_W0(variables, first["W1"], first["W2"], y_first), first, y_first)
check_gradient("W0", lambda: d_loss_d_W0(second_variables, second["W1"], second["W2"], y_second), second, y_second)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/d_W0_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · Everything in one table, and in one drawing
#
# Eight gradients, two networks, **exact** (yours) against **approx** (measured). Each row shows the largest entry.
#
# **Expected**: sixteen times `ok`, and no maxdiff above $10^{-5}$.
#
# This *agreement table* goes with the network: section 04 finds the same numbers with nodes, 05 with whole layers, 09 in
# PyTorch.

# %%
def all_gradients(inputs, y_observed):
    """Your eight gradients by the name of the variable, from the loss downwards."""
    v, W1, W2 = mlp(**inputs), inputs["W1"], inputs["W2"]
    return {
        "y_predicted": d_loss_d_ypredicted(v, y_observed),
        "W2": d_loss_d_W2(v, y_observed),
        "h1": d_loss_d_h1(v, W2, y_observed),
        "r1": d_loss_d_r1(v, W2, y_observed),
        "W1": d_loss_d_W1(v, W2, y_observed),
        "h0": d_loss_d_h0(v, W1, W2, y_observed),
        "r0": d_loss_d_r0(v, W1, W2, y_observed),
        "W0": d_loss_d_W0(v, W1, W2, y_observed),
    }


# %% tags=["show"]
for title, inputs, y in [("first", first, y_first), ("second", second, y_second)]:
    rows = []
    for name, exact in all_gradients(inputs, y).items():
        approx = measured(name, inputs, y)
        exact = np.reshape(exact, approx.shape)
        rows.append(compare(f"∂ℓ/∂{name}", exact, approx, atol=1e-5, rtol=1e-5))
    print(report(f"{title} network", rows), end="\n\n")

# %% [markdown]
# The same for the second network as a drawing: above each arrow the value that travels forward, below it your gradient.
#
# **Expected picture**: below $r_1$ the second entry is 0, below $r_0$ the third, while the gradients of $h_1$ and $h_0$
# are not 0 there. The gates stand between them.

# %% tags=["show"]
values = {**second, **second_variables}
drawn = {name: np.reshape(g, np.shape(values[name])) for name, g in all_gradients(second, y_second).items()}
values, drawn = {**values, "ŷ": values["y_predicted"]}, {**drawn, "ŷ": drawn["y_predicted"]}
arrows = [("x", "r0"), ("W0", "r0"), ("r0", "h0"), ("h0", "r1"), ("W1", "r1"), ("r1", "h1"), ("h1", "ŷ"), ("W2", "ŷ")]
operators = {"r0": "W0 x", "h0": "ReLU", "r1": "W1 h0", "h1": "ReLU", "ŷ": "W2 · h1"}
draw_edges(arrows, values, drawn, operators);

# %% [markdown]
# **See it flow**, with your eight gradients. Press *Next*. Below each gradient stands what it is made of: an entry-by-entry
# product at a gate, an outer product at a matrix of weights, a transposed matrix on the way to the layer below. If a number
# of yours breaks the chain rule, its step says so.

# %% tags=["show"]
compute = {"r0": lambda x, W0: W0 * x, "h0": relu, "r1": lambda h0, W1: W1 @ h0, "h1": relu}
compute |= {"ŷ": lambda h1, W2: W2 @ h1, "ℓ": loss}
boxes = {name: (text, compute[name]) for name, text in {**operators, "ℓ": "(ŷ − y)²"}.items()}
seen = {**values, "y": y_second, "ℓ": loss(values["ŷ"], y_second)}
to_loss = [("ŷ", "ℓ"), ("y", "ℓ")]
step_through([*arrows, *to_loss], seen, drawn, boxes, title="Your gradients, second network")

# %% [markdown]
# ## 7 · What a dead unit learns
#
# Look at $\frac{\partial \ell}{\partial W_1}$ of the second network: the row of the dead unit is zero, and so is the column
# that starts at the dead unit below.

# %% tags=["show"]
np.array(d_loss_d_W1(second_variables, second["W2"], y_second)) + 0.0  # "+ 0.0" turns -0. into 0.

# %% [markdown]
# Zero gradient means: moving this weight a little changes nothing. The picture moves one weight that arrives at a live
# unit (left) and one that arrives at the dead unit (right), with all others held still.
#
# **Expected picture**: a parabola on the left; on the right a flat line, until the unit wakes up 13 further on. There the
# loss dips to 0 and shoots up.

# %% tags=["show"]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
for panel, (i, j), reach in [(axes[0], (0, 0), (-0.3, 0.5)), (axes[1], (1, 0), (-8, 13.3))]:
    moves = np.linspace(*reach, 2000)
    losses = []
    for move in moves:
        W1 = second["W1"].copy()
        W1[i, j] += move
        losses.append(loss_with("W1", W1, second, y_second))
    panel.plot(moves, losses)
    panel.plot([0], [1], "ko")
    panel.set(title=f"W1[{i}, {j}]", xlabel="change of the weight", ylim=(-1, 17))
axes[0].set_ylabel("loss");


# %% [markdown]
# ### Question 2 (6 points)
#
# 1. In the second network, which entries of the gradients of $W_0$, $W_1$ and $W_2$ are zero? Explain each group with your
#    formulas.
# 2. All inputs of a data set are positive, and a *lower* unit has a negative weight $W_0[i]$. What does gradient descent do
#    with this unit? Why?
# 3. An *upper* unit is dead for every example. Can it come back to life, although its own weights get no gradient? Why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_dead", "points": 6, "solution": true}
# ### BEGIN SOLUTION
# 1. $\partial\ell/\partial W_2[1] = 0$, because it is a multiple of $h_1[1] = 0$. Row 1 of $\partial\ell/\partial W_1$ is
#    zero, because $\partial\ell/\partial r_1[1]$ was multiplied by the slope 0 of the closed gate. Column 2 of
#    $\partial\ell/\partial W_1$ is zero, because each entry is a multiple of $h_0[2] = 0$.
#    $\partial\ell/\partial W_0[2] = 0$, because $\partial\ell/\partial r_0[2]$ was multiplied by a slope of 0.
# 2. $r_0[i] = W_0[i]\,x < 0$ for every example, so the gate is closed for all of them and the gradient of $W_0[i]$ is
#    zero every time. Gradient descent subtracts zero: the weight never moves, the unit stays dead for good.
# 3. Yes. Its pre-activation $r_1[i] = \sum_j W_1[i, j]\,h_0[j]$ also depends on the lower layer. Other, living units of the
#    upper layer send gradients down to $W_0$; when $h_0$ changes, $r_1[i]$ changes too and may become positive.
#
# **Rubric** Part 1: 1 for $W_0[2]$ and row 1 of $W_1$, behind a closed gate; 1 for column 2 of $W_1$, a multiple of
# $h_0[2] = 0$; 1 for $W_2[1]$, a multiple of $h_1[1] = 0$. Part 2: 1 for the gradient, zero for every example, so that the
# weight never moves. Part 3: 1 for yes; 1 because $h_0$ can change through the other units.
# ### END SOLUTION

# %% [markdown]
# ## 8 · One step of gradient descent
#
# The gradient points where the loss grows fastest. So gradient descent moves every weight a small *step* against it:
#
# $$W \leftarrow W - \varepsilon\, \frac{\partial \ell}{\partial W} \qquad \text{for } W_0, W_1, W_2 \text{ at the same time}$$
#
# "At the same time": all three gradients belong to the *old* weights. The number $\varepsilon$ is the *step size*. Here the
# gradients are in the hundreds, so it has to be tiny.

# %% [markdown]
# **Exercise 10** (4 points). Write one step. Return new arrays and leave the old ones as they are.

# %% nbgrader={"grade_id": "gradient_step", "solution": true}
def gradient_step(x, W0, W1, W2, y_observed, step_size):
    """The weights after one step of gradient descent on one example: (W0, W1, W2), new arrays.

    x, y_observed, step_size : numbers      W0, W2 : shape (3,)      W1 : shape (3, 3)

    >>> new_W0, new_W1, new_W2 = gradient_step(**first, y_observed=199.0, step_size=1e-6)
    >>> new_W2
    array([ 0.99948,  2.99976, -3.00028])
    """
    ### BEGIN SOLUTION
    v = mlp(x, W0, W1, W2)
    new_W0 = W0 - step_size * d_loss_d_W0(v, W1, W2, y_observed)
    new_W1 = W1 - step_size * d_loss_d_W1(v, W2, y_observed)
    new_W2 = W2 - step_size * d_loss_d_W2(v, y_observed)
    return new_W0, new_W1, new_W2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient_step_check", "points": 4}
# How far did each weight move, per unit of step size? It should be the measured gradient, downhill.
def _check():
    names = ["W0", "W1", "W2"]

    def moved(step_size):
        given = first | {name: first[name].copy() for name in names}
        new_weights = gradient_step(**given, y_observed=y_first, step_size=step_size)
        for name in names:
            assert np.array_equal(given[name], first[name]), f"{name} was changed in place: return a new array."
        return {name: np.reshape(new, first[name].shape) for name, new in zip(names, new_weights)}

    short = 2.0**-20  # about 1e-6; a power of two loses no digit
    moves = lambda: {f"{name}, move / step": (new - first[name]) / short for name, new in moved(short).items()}
    right = {f"{name}, move / step": -measured(name, first, y_first) for name in names}
    check_values("gradient_step", moves, right, atol=1e-5, rtol=1e-5)
    # Expected: the loss falls from 1 to about 0.394.
    print("loss", loss(variables["y_predicted"], y_first), "->", loss(mlp(10.0, **moved(1e-6))["y_predicted"], y_first))


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("03-relu-net-by-hand/gradient_step_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# How long may the step be? The dashed line is what the gradient promises: the loss falls by $\varepsilon$ times the sum of all
# squared gradient entries. The promise holds for a short step only.
#
# **Expected picture**: the curve starts on the dashed line, reaches 0 near $\varepsilon = 2.7 \cdot 10^{-6}$ and climbs above 1, the
# loss we started from, at about twice that.

# %% tags=["show"]
steps = np.linspace(0, 6e-6, 200)
after = []
for step in steps:
    W0, W1, W2 = gradient_step(**first, y_observed=y_first, step_size=step)
    after.append(loss(mlp(10.0, np.ravel(W0), W1, np.ravel(W2))["y_predicted"], y_first))
slope = sum(np.sum(np.square(measured(name, first, y_first))) for name in ["W0", "W1", "W2"])
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(steps, after, label="loss after the step")
axes.plot(steps, 1 - slope * steps, "k--", label="promise of the gradient")
axes.set(xlabel="step size ε", ylabel="loss", ylim=(-0.1, 1.8))
axes.legend();

# %% [markdown]
# ## 9 · Optional: compare with PyTorch (no points)
#
# PyTorch records the forward pass and walks back by itself. It does what you have done above, for any network. If it is not
# installed, the next cells say so and do nothing; everything graded works without it.

# %% tags=["show", "optional"]
try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed here, so this part is skipped. `pip install torch` brings it.")

# %% tags=["show", "optional"]
if torch is not None:
    for title, inputs, y in [("first", first, y_first), ("second", second, y_second)]:
        weights = {name: torch.tensor(inputs[name], requires_grad=True) for name in ["W0", "W1", "W2"]}
        h0 = torch.relu(weights["W0"] * inputs["x"])
        h1 = torch.relu(weights["W1"] @ h0)
        ((weights["W2"] @ h1 - y) ** 2).backward()
        mine, rows = all_gradients(inputs, y), []
        for name, weight in weights.items():
            yours = np.reshape(mine[name], weight.shape)
            rows.append(compare(f"∂ℓ/∂{name}", yours, weight.grad.numpy(), labels=("yours", "torch")))
        print(report(f"{title} network", rows))

# %% [markdown]
# ### A network class of your own (no points)
#
# The same idea with other sizes: 4 units in the lower layer, 2 in the upper one, so $W_0$ has shape `(4,)`, $W_1$ `(2, 4)` and
# $W_2$ `(2,)`. Write it as a `torch.nn.Module` whose weights are `torch.nn.Parameter` objects (start them with
# `torch.randn`), its loss, and a function that fills in `.grad` of every weight.

# %% tags=["show", "optional"] nbgrader={"grade_id": "torch_mlp", "solution": true}
if torch is not None:

    class TorchMLP(torch.nn.Module):
        """W0 (4,), W1 (2, 4), W2 (2,); forward(x) gives the prediction for the number x."""

        def __init__(self):
            super().__init__()
            ### BEGIN SOLUTION
            self.W0 = torch.nn.Parameter(torch.randn(4))
            self.W1 = torch.nn.Parameter(torch.randn(2, 4))
            self.W2 = torch.nn.Parameter(torch.randn(2))
            ### END SOLUTION

        def forward(self, x):
            ### BEGIN SOLUTION
            h0 = torch.relu(self.W0 * x)
            h1 = torch.relu(self.W1 @ h0)
            return self.W2 @ h1
            ### END SOLUTION


# %% tags=["show", "optional"] nbgrader={"grade_id": "torch_gradient", "solution": true}
def torch_loss(y_predicted, y_observed):
    """Squared error of one example, a torch number."""
    ### BEGIN SOLUTION
    return (y_predicted - y_observed) ** 2
    ### END SOLUTION


def torch_compute_gradient(x, y_observed, model):
    """Fill in .grad of every weight of the model for one example; return the model."""
    ### BEGIN SOLUTION
    model.zero_grad()
    torch_loss(model(x), y_observed).backward()
    return model
    ### END SOLUTION


# %% [markdown]
# Your nine functions say nothing about the number three. If they work on whole vectors, they work for these sizes too, and the
# two can be compared.

# %% tags=["show", "optional"]
if torch is not None:
    try:
        torch.manual_seed(4)
        model = torch_compute_gradient(1.5, 0.7, TorchMLP().double())
        sizes = {name: getattr(model, name).detach().numpy() for name in ["W0", "W1", "W2"]}
        mine = all_gradients({"x": 1.5, **sizes}, 0.7)
        rows = []
        for name in sizes:
            theirs = getattr(model, name).grad.numpy()
            yours = np.reshape(mine[name], theirs.shape)
            rows.append(compare(f"∂ℓ/∂{name}", yours, theirs, labels=("yours", "torch")))
        print(report("4 and 2 units", rows))
    except NotImplementedError:
        print("The network class is not written yet; it is optional.")

# %% [markdown]
# ## 10 · Who you worked with (no points)
#
# You may work on this section with up to two others, but everyone writes and hands in their own notebook. Name the people
# you worked with and say what each of you contributed. If you worked alone, write that.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_collaborators", "points": 0, "solution": true}
# ### BEGIN SOLUTION
# I worked alone.
#
# **Rubric** No points. There should be a statement: names and what each person did, or that there were none.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# * Backwards, each stop needs two things: what arrived from above, and the slope of one small step.
# * Through a matrix product, the weights get an outer product, the layer below a sum over all paths.
# * A gate multiplies by 1 or 0, looked up in the pre-activation of its *own* layer.
# * A gradient has the shape of its variable.
# * A test with all gates open doesn't test the gates.
# * A dead unit gets no gradient and passes none on.

# %% [markdown]
# ## Go further
#
# * Give both layers a bias, $r_0 = W_0\,x + b_0$ and $r_1 = W_1 h_0 + b_1$. Which of your functions change, and what are
#   $\frac{\partial\ell}{\partial b_0}$ and $\frac{\partial\ell}{\partial b_1}$?
# * A *leaky* ReLU has the slope 0.1 where ReLU has 0. What becomes of the dead units of part 7?
# * Section 04 turns each function into a *node*, so that the order of the calls is found by itself. Section 08 does this
#   section's work for whole batches of examples.
