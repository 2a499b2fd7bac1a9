# %% [markdown]
# # 07 · Which of three? Softmax and the negative log-likelihood
#
# After this section you can
#
# * turn the numbers that come out of a network into probabilities, without an overflow,
# * derive and check the matrix of derivatives behind it, and say why nobody builds that matrix while training,
# * write the loss that every classifier is trained with, and say what a value of 1.10 means,
# * build and train a network that tells three classes apart, and draw what it has learned.

# %% [markdown]
# **Time** about two hours. **Builds on** nodes and graphs (sections 00 and 04) and the δ of section 05. `AffineNode` and
# `TanhNode` of section 06 are of use in part 6, but you need not have them. **Points** 50.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import matplotlib.pyplot as plt
import numpy as np

from backprop.datasets import three_blobs
from backprop.draw import draw_edges, draw_graph
from backprop.estimator import predict_rows, sgd
from backprop.gradcheck import check_graph, check_node, check_order, check_start, check_values, numeric_gradient
from backprop.graph import ComputationGraphFunction, backward_graph, forward_graph
from backprop.measured import MeasuredNode
from backprop.nodes import Node, ValueNode
from backprop.plots import plot_learning_curves

# %% [markdown]
# ## 1 · Three classes, three scores
#
# So far our networks predicted a number. Now they choose one of $K$ *classes*. The data: points in the plane, 300 to train
# with and 200 to test with, in three clouds. The *label* of a point is the number of its cloud: 0, 1 or 2, an integer.
# Labels count from 0, like everything in Python.

# %%
x_train, y_train, x_test, y_test = three_blobs()
print("x_train", x_train.shape, "  y_train", y_train.shape, y_train.dtype, "  the first labels:", y_train[:8])


# %%
def plot_points(X, labels):
    """Dots for the points, in one colour and one shape for each class."""
    for k, marker in enumerate("os^"):
        plt.plot(*X[labels == k].T, marker, ms=4, color=f"C{k}", label=f"class {k}")
    plt.xlabel("first feature")
    plt.ylabel("second feature")
    plt.legend(loc="upper right")


# %% tags=["show"]
plt.figure(figsize=(7, 3.4))
plot_points(x_train, y_train)
plt.show()

# %% [markdown]
# The network we are heading for gives $K$ numbers for each point, the *scores* $z = (z_0, \dots, z_{K-1})$: the larger
# $z_k$, the more it looks like class $k$. Two new operators make a loss of them, and these are the subject of this section.

# %% tags=["show"]
arrows = [("x", "layer 1"), ("W1, b1", "layer 1"), ("layer 1", "bend"), ("bend", "layer 2")]
arrows += [("W2, b2", "layer 2"), ("layer 2", "p"), ("p", "J"), ("y", "J")]
operators = {"layer 1": "W1 x + b1", "bend": "tanh", "layer 2": "W2 h + b2", "p": "softmax", "J": "−log p[y]"}
draw_edges(arrows, operators=operators)
plt.show()

# %% [markdown]
# ### From scores to probabilities
#
# Probabilities are positive and add up to 1. *Softmax* gets there in two moves: take exponentials, so that everything is
# positive; divide by the sum, so that everything adds up:
#
# $$p_i = \frac{e^{z_i}}{\sum_{k} e^{z_k}} \qquad\text{for } i = 0, \dots, K-1$$
#
# For the scores $z = (0,\ \log 2,\ \log 5)$ the exponentials are 1, 2 and 5, their sum is 8, and so
# $p = (\tfrac18, \tfrac28, \tfrac58)$. These numbers will stay with us. (log is the natural logarithm: $\log 2 = 0.693$,
# $\log 5 = 1.609$.)

# %% tags=["show"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.4))
left.bar(range(3), np.log([1, 2, 5]), color=["C0", "C1", "C2"])
left.set(title="scores z", xlabel="class", xticks=range(3))
right.bar(range(3), np.array([1, 2, 5]) / 8, color=["C0", "C1", "C2"])
right.set(title="probabilities p = softmax(z)", xlabel="class", xticks=range(3), ylim=(0, 1))
plt.show()


# %% [markdown]
# ### Question 1 (2 points)
#
# Show that softmax gives the same probabilities for $z$ and for $z + c = (z_0 + c, \dots, z_{K-1} + c)$, whatever the number
# $c$ is. What does it give for scores that are all equal?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_shift", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# $$\frac{e^{z_i + c}}{\sum_k e^{z_k + c}} = \frac{e^c\,e^{z_i}}{e^c \sum_k e^{z_k}} = \frac{e^{z_i}}{\sum_k e^{z_k}},$$
#
# since $e^c > 0$ is a factor of every term of the sum and cancels. Equal scores: shift them to $z = 0$; then each
# exponential is 1, their sum is $K$, and $p_i = 1/K$ for every class.
#
# **Rubric** 1: $e^c$ taken out of numerator and sum, and cancelled; 1: $1/K$ each.
# ### END SOLUTION

# %% [markdown]
# ## 2 · The derivatives of softmax
#
# tanh works entry by entry: one output depends on one input. Softmax doesn't. Raise one score, and *all* probabilities
# change, since all are divided by the same sum. So there are $K \times K$ derivatives. Written as a matrix they are called
# the *Jacobian*, with one row for each output and one column for each input:
#
# $$\mathsf{J}_{ij} = \frac{\partial p_i}{\partial z_j}$$

# %% [markdown]
# ### Question 2 (5 points)
#
# 1. Show that $\frac{\partial p_i}{\partial z_j} = p_i\,(\delta_{ij} - p_j)$, where $\delta_{ij}$ is 1 for $i = j$ and 0
#    otherwise.
# 2. Let $g = \frac{\partial J}{\partial p}$ be the upstream gradient, shape $(K{,})$. Show that
#    $\frac{\partial J}{\partial z} = p \odot (g - s)$ with one number $s = \sum_i p_i\,g_i$ (⊙: entry by entry; $s$ is taken
#    off every entry of $g$).
# 3. How many multiplications does that formula need, and how many does the matrix need?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_jacobian", "points": 5, "solution": true}
# ### BEGIN SOLUTION
# 1. Let $S = \sum_k e^{z_k}$, so $\frac{\partial S}{\partial z_j} = e^{z_j}$, and
#    $\frac{\partial e^{z_i}}{\partial z_j} = \delta_{ij}\,e^{z_i}$. Quotient rule:
#
#    $$\frac{\partial p_i}{\partial z_j} = \frac{\delta_{ij}\,e^{z_i}\,S - e^{z_i}\,e^{z_j}}{S^2}
#    = \frac{e^{z_i}}{S}\left(\delta_{ij} - \frac{e^{z_j}}{S}\right) = p_i\,(\delta_{ij} - p_j).$$
#
# 2. $z_j$ reaches $J$ through every $p_i$, so the contributions add up:
#
#    $$\frac{\partial J}{\partial z_j} = \sum_i g_i\,p_i\,(\delta_{ij} - p_j) = g_j\,p_j - p_j \sum_i p_i\,g_i = p_j\,(g_j - s).$$
#
# 3. The formula: $K$ for $s$ and $K$ for the product, $2K$ in all. The matrix: $K^2$ to fill it and $K^2$ to multiply it by
#    $g$. For $K = 1000$ classes that is 2,000 against 2,000,000.
#
# **Rubric** 1: derivative of the numerator with δ, and of the sum; 1: quotient rule (or by cases $i = j$, $i \ne j$), and
# the result; 1: sum over all outputs $i$; 1: the sum collapses to $p_j (g_j - s)$; 1: grows like $K$ against like $K^2$.
# ### END SOLUTION

# %% [markdown]
# **Exercise 1** (3 points). The Jacobian as code, so that you can look at it. The scores are small here; a plain
# exponential will do.

# %% nbgrader={"grade_id": "softmax_jacobian", "solution": true}
def softmax_jacobian(z):
    """The derivatives of softmax at z: entry [i, j] is ∂p_i/∂z_j, shape (K, K).

    z : shape (K,)

    >>> softmax_jacobian(np.log([1.0, 2.0, 5.0])) * 64      # p = (1/8, 2/8, 5/8)
    array([[  7.,  -2.,  -5.],
           [ -2.,  12., -10.],
           [ -5., -10.,  15.]])
    """
    ### BEGIN SOLUTION
    exponentials = np.exp(z - np.max(z))
    p = exponentials / np.sum(exponentials)
    return np.diag(p) - np.outer(p, p)
    ### END SOLUTION


# %% [markdown]
# The check takes differences of softmax itself, for five random scores: column $j$ shows what a small step of $z_j$ does
# to all probabilities. (`exp(z_i − log Σ exp(z_k))` is softmax once more, in other words.)

# %% nbgrader={"grade": true, "grade_id": "softmax_jacobian_check", "points": 3}
# Check your work. Right code shows max differences below 1e-8, most often around 1e-10.
def _check():
    z = np.random.default_rng(7).normal(size=5)
    rows = [numeric_gradient(lambda z, i=i: np.exp(z[i] - np.log(np.sum(np.exp(z)))), z) for i in range(5)]
    example = np.array([[7, -2, -5], [-2, 12, -10], [-5, -10, 15]]) / 64
    wrong = {"missing_term:the entries off the diagonal": np.diag([7, 12, 15]) / 64}
    wrong["missing_term:δ_ij on the diagonal"] = -np.array([[1, 2, 5], [2, 4, 10], [5, 10, 25]]) / 64
    # With lambda: the check itself calls your code, and an error in it becomes one sentence.
    yours = lambda: {"∂p/∂z": softmax_jacobian(np.log([1.0, 2.0, 5.0]))}
    check_values("3 classes", yours, {"∂p/∂z": example}, mistakes={"∂p/∂z": wrong})
    check_values("5 classes", lambda: {"∂p/∂z": softmax_jacobian(z)}, {"∂p/∂z": np.array(rows)}, atol=1e-8)
    whole = lambda: {"∂p/∂z": softmax_jacobian(np.array([7, 7]))}
    check_values("whole numbers", whole, {"∂p/∂z": [[0.25, -0.25], [-0.25, 0.25]]}, only_here="for whole numbers")
    one = lambda: {"∂p/∂z": softmax_jacobian(np.array([0.7]))}
    check_values("1 class", one, {"∂p/∂z": [[0.0]]}, scalar_like=False, only_here="for a single class")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/softmax_jacobian_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Rows and columns add up to 0. Columns: when $z_j$ moves, what one class gains the others lose, since the sum stays 1. Rows: a
# step of *all* scores together changes nothing, which you have shown in question 1.

# %% [markdown]
# ## 3 · Large scores
#
# In section 03 the second layer of our small network had the values $(260, 120, 140)$ for the input $x = 10$. For $x = 40$
# they are four times as large. Suppose these were scores:

# %% tags=["show"]
z = np.array([1040.0, 480.0, 560.0])
with np.errstate(all="ignore"):  # numpy would print two warnings
    exponentials = np.exp(z)
    print("exponentials ", exponentials)
    print("probabilities", exponentials / np.sum(exponentials))


# %% [markdown]
# The largest float is about $1.8 \cdot 10^{308}$, and $e^{1040}$ is beyond it: *overflow*. It becomes `inf`, and
# inf/inf is not a number (`nan`). Yet the probabilities themselves are harmless: 1, 0 and 0, to all digits. With scores around
# $-1000$ it is the other way round: all exponentials become 0, and 0/0 is `nan` again.

# %% [markdown]
# The way out is your question 1: any $c$ may be added to all scores first. Which $c$ makes sure that no exponential is
# larger than 1, and that at least one is exactly 1?

# %% [markdown]
# **Exercise 2** (8 points): the node. Forward and backward for ordinary scores are worth 3 points each; 2 more are for scores
# of ±1000. For `backward`, question 2.2 has the formula; `self.out` holds $p$, and `self.d_out` holds $g$.

# %% nbgrader={"grade_id": "softmax_node", "solution": true}
class SoftmaxNode(Node):
    """Probabilities from scores.

    z   : node, z.out has shape (K,)
    out : shape (K,), positive numbers with sum 1

    >>> SoftmaxNode(z, "p").forward()      # with z.out = np.log([1., 2., 5.])
    array([0.125, 0.25 , 0.625])
    """

    def __init__(self, z, node_name):
        super().__init__(node_name)
        self.z = z

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        exponentials = np.exp(self.z.out - np.max(self.z.out))
        self.out = exponentials / np.sum(exponentials)
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to self.z.d_out."""
        ### BEGIN SOLUTION
        self.z.d_out += self.out * (self.d_out - np.dot(self.out, self.d_out))
        ### END SOLUTION

    def get_predecessors(self):
        return [self.z]


# %% nbgrader={"grade": true, "grade_id": "softmax_node_check", "points": 8}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-11.
def _check():
    wrong = {"missing_term:the entries off the diagonal of the Jacobian": lambda g: g * np.array([7, 12, 15]) / 64}
    also = [{"z": np.array([0.7]), "expected": [1.0]}]
    z, p = np.log([1.0, 2.0, 5.0]), np.array([1, 2, 5]) / 8
    check_node(SoftmaxNode, z=z, expected=p, mistakes={"z": wrong}, also=also)
    # Now large scores. Two that differ by log 3 have probabilities in the ratio 3 to 1, however large they are.
    scores = ValueNode("z")
    node = SoftmaxNode(scores, "p")
    three = np.array([np.log(3.0), 0.0, -900.0])

    def probabilities():
        node.forward()
        return {"out": node.out}

    shifts = {"around 1000": 1000.0, "around -1000": -1000.0, "from -1800 to 900": [900.0, 900.0, -900.0]}
    for title, shift in shifts.items():
        scores.out = three + shift
        check_values(f"scores {title}", probabilities, {"out": [0.75, 0.25, 0.0]})
    scores.out = three[::-1] + 1000.0  # the smallest one first
    check_values("scores the other way", probabilities, {"out": [0.0, 0.25, 0.75]})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/softmax_node_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · What a probability is worth: `NLLNode`
#
# The label says which class was right. A good model gives *that* class a high probability. The *likelihood* of an example is
# the probability of its true class, $p_y$; for independent examples likelihoods multiply. Logarithms turn the product
# into a sum, and the minus sign makes small mean good. That is the *negative log-likelihood*:
#
# $$J = -\log p_y$$

# %% tags=["show"]
p = np.linspace(0.001, 1, 500)
plt.figure(figsize=(6, 2.8))
plt.plot(p, -np.log(p))
plt.plot(1 / 3, np.log(3), "o", color="C1", label="1/3, a guess among three: log 3 = 1.10")
plt.plot(0.25, np.log(4), "s", color="C2", label="1/4: log 4 = 1.39")
plt.xlabel("p[y], the probability of the true class")
plt.ylabel("J")
plt.legend()
plt.show()


# %% [markdown]
# $J$ looks at one entry of $p$ and takes no notice of the others. So what is $\frac{\partial J}{\partial p_i}$ for $i = y$, and for $i \ne y$?

# %% [markdown]
# **Exercise 3** (7 points). `y_true.out` is the number of the class, a whole number from 0 to $K - 1$ in an array of shape
# `()`. It is an index, nothing that a gradient could move: leave `y_true.d_out` alone. Another class may have probability
# exactly 0, as above; nothing may become `nan` then (1 of the 7 points).

# %% nbgrader={"grade_id": "nll_node", "solution": true}
class NLLNode(Node):
    """The negative log-likelihood of one example: −log of the probability of its true class.

    y_hat  : node, y_hat.out has shape (K,), probabilities
    y_true : node, y_true.out has shape (), the true class as an integer, 0 ≤ y_true.out < K
    out    : shape (), a single number

    >>> NLLNode(y_hat, y_true, "J").forward()      # with y_hat.out = [0.125, 0.25, 0.625], y_true.out = 1
    1.3862943611198906
    """

    def __init__(self, y_hat, y_true, node_name):
        super().__init__(node_name)
        self.y_hat, self.y_true = y_hat, y_true

    def forward(self):
        """Set self.out, set self.d_out to zeros of its shape, return self.out."""
        ### BEGIN SOLUTION
        self.out = -np.log(self.y_hat.out[self.y_true.out])
        self.d_out = np.zeros(self.out.shape)
        return self.out
        ### END SOLUTION

    def backward(self):
        """Add to self.y_hat.d_out, at the place of the true class."""
        ### BEGIN SOLUTION
        y = self.y_true.out
        self.y_hat.d_out[y] += self.d_out * (-1 / self.y_hat.out[y])
        ### END SOLUTION

    def get_predecessors(self):
        return [self.y_hat, self.y_true]


# %% nbgrader={"grade": true, "grade_id": "nll_node_check", "points": 7}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-11.
def _check():
    p, y = np.array([0.125, 0.25, 0.625]), np.array(1)
    wrong = {"one_based_labels": -np.log(0.125), "averaged": np.log(4) / 3}
    wrong |= {"wrong_loss:binary cross-entropy": -np.log([0.25, 0.875, 0.375]).sum()}
    every = {"wrong_argument:every class, where the true one alone counts": lambda g: -g / p}
    also = [{"y_hat": np.array([0.7, 0.3, 0.0]), "y_true": np.array(0)}]
    check_node(NLLNode, y_hat=p, y_true=y, expected=np.log(4), mistakes={"out": wrong, "y_hat": every}, also=also)
    # A probability of 10⁻⁹ is small, and still has a logarithm. Another class has probability 0.
    def rare():
        y_hat, y_true = ValueNode("y_hat"), ValueNode("y_true")
        y_hat.out, y_true.out = np.array([1e-9, 1.0, 0.0]), np.array(0)
        node = NLLNode(y_hat, y_true, "J")
        forward_graph(node)
        backward_graph(node)
        return {"out": node.out, "∂J/∂y_hat": y_hat.d_out}

    check_values("10⁻⁹, 1 and 0", rare, {"out": 20.7232658, "∂J/∂y_hat": [-1e9, 0, 0]})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/nll_node_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · Both together
#
# Softmax has a $K \times K$ Jacobian, the logarithm has $-1/p_y$, which is huge when $p_y$ is small. One after the other they
# give something surprisingly plain.

# %% [markdown]
# ### Question 3 (4 points)
#
# Let $J = -\log p_y$ with $p = \operatorname{softmax}(z)$. Show that
#
# $$\frac{\partial J}{\partial z} = p - e_y, \qquad e_y = (0, \dots, 0, 1, 0, \dots, 0) \text{ with the 1 at place } y.$$
#
# ($e_y$ is called the *one-hot* vector of $y$.) What is the largest size that an entry can have? When you take a small step
# downhill, which scores go up, which go down, and which of them most?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_both", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# By the rules of both nodes: the upstream gradient of softmax is $g_i = -\delta_{iy} / p_y$, so
# $s = \sum_i p_i\,g_i = -1$ and
#
# $$\frac{\partial J}{\partial z_j} = p_j\,(g_j + 1) = p_j - \frac{p_j}{p_y}\,\delta_{jy} = p_j - \delta_{jy}.$$
#
# (Or directly: $J = -z_y + \log \sum_k e^{z_k}$; the derivative of the first term is $-\delta_{jy}$, that of the second
# $e^{z_j} / \sum_k e^{z_k} = p_j$.)
#
# Entries lie between $-1$ (at $y$, when $p_y$ is nearly 0) and 1: the factor $1/p_y$ has cancelled, so a step stays
# moderate however wrong the model is. A step against the gradient raises $z_y$ by $1 - p_y$ times the step size, and lowers
# every other score in proportion to its probability: most where the model believed most in a wrong class.
#
# **Rubric** 2: derivation, by the Jacobian or directly; 1: entries between −1 and 1, with a reason; 1: the score of
# the true class goes up, all others go down, in proportion to their probability.
# ### END SOLUTION

# %% [markdown]
# **Exercise 4** (3 points). This gradient as a function of $z$ and $y$; 1 of the 3 points is for scores of ±1000.

# %% nbgrader={"grade_id": "softmax_nll_gradient", "solution": true}
def softmax_nll_gradient(z, y):
    """∂J/∂z for J = −log softmax(z)[y], shape (K,).

    z : shape (K,), scores
    y : the true class, an integer from 0 to K − 1

    >>> softmax_nll_gradient(np.log([1.0, 2.0, 5.0]), 1)
    array([ 0.125, -0.75 ,  0.625])
    """
    ### BEGIN SOLUTION
    exponentials = np.exp(z - np.max(z))
    gradient = exponentials / np.sum(exponentials)
    gradient[y] -= 1
    return gradient
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softmax_nll_gradient_check", "points": 3}
# Check your work. Right code shows max differences below 1e-8, most often around 1e-10.
def _check():
    z, y = np.random.default_rng(8).normal(size=5), 3
    right = numeric_gradient(lambda z: np.log(np.sum(np.exp(z))) - z[y], z)
    small = lambda: {"∂J/∂z": softmax_nll_gradient(np.log([1.0, 2.0, 5.0]), 1)}
    wrong = {"∂J/∂z": {"missing_term:the 1 of the true class": np.array([1, 2, 5]) / 8}}
    check_values("3 classes", small, {"∂J/∂z": [0.125, -0.75, 0.625]}, mistakes=wrong)
    check_values("5 classes", lambda: {"∂J/∂z": softmax_nll_gradient(z, y)}, {"∂J/∂z": right}, atol=1e-8)
    whole = lambda: {"∂J/∂z": softmax_nll_gradient(np.array([7, 7]), 0)}
    check_values("whole numbers", whole, {"∂J/∂z": [-0.5, 0.5]}, only_here="for whole numbers")
    large = np.array([-1000.0, 1000.0, 1000.0 + np.log(3.0), -3000.0])
    check_values("large scores", lambda: {"∂J/∂z": softmax_nll_gradient(large, 1)}, {"∂J/∂z": [0, -0.75, 0.75, 0]})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/softmax_nll_gradient_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Your two nodes in a row must agree with it. The drawing is made from them: values above the arrows, gradients below.
# Follow the gradients from right to left: 1, then $-1/p_y = -4$ in one place, then $p - e_y$.

# %% tags=["show"]
z, y = ValueNode("z"), ValueNode("y")
z.out, y.out = np.log([1.0, 2.0, 5.0]), np.array(1)
loss = NLLNode(SoftmaxNode(z, "p"), y, "J")
forward_graph(loss)
backward_graph(loss)
draw_graph(loss)
plt.show()
formula = lambda: {"∂J/∂z": softmax_nll_gradient(z.out, 1)}
check_values("your formula (yours) · your two nodes (right)", formula, {"∂J/∂z": z.d_out})


# %% [markdown]
# ## 6 · The network
#
# The scores come from two affine layers with a bend in between, as in section 06:
#
# $$h = \tanh(W_1 x + b_1), \qquad z = W_2 h + b_2, \qquad p = \operatorname{softmax}(z), \qquad J = -\log p_y$$

# %% [markdown]
# For that we need `AffineNode` and `TanhNode`. If you have them, use yours, a few cells below. If not, the *stand-ins* of the
# next cell do the same. They say what they compute and know no derivative: the library's `MeasuredNode` measures it, entry
# by entry, which costs more than a formula. (How it gets all digits right: run
# `MeasuredNode?`.)

# %%
class AffineNode(MeasuredNode):
    """AffineNode(W, x, b, node_name): W x + b, with W (m, d), x (d,) and b (m,)."""

    def value(self, W, x, b):
        return np.einsum("...ij,...j->...i", W, x) + b


class TanhNode(MeasuredNode):
    """TanhNode(a, node_name): tanh of each entry of a."""

    def value(self, a):
        return np.tanh(a)


# %% [markdown]
# ### ✂ Paste here: your own nodes of section 06
#
# Into the next cell, and nowhere else. Left as it is, the stand-ins are used; the grading of this section is not
# affected by either.

# %%
# Paste your AffineNode and TanhNode under this line, or import them from a file of yours, beside this notebook:
# from my_nodes import AffineNode, TanhNode

# %% tags=["show"]
# Do they work? Nothing is graded here. Right code shows max differences below 1e-6.
check_node(AffineNode, W=np.array([[3.0, 4.0], [-5.0, 4.0]]), x=np.array([1.0, 2.0]), b=np.array([0.5, -1.0]))
check_node(TanhNode, a=np.array([0.5, -1.0, 2.0]))


# %% [markdown]
# **Exercise 5** (12 points). Two things to write. In `__init__`, build the graph of the four formulas. The prediction is the
# node with the probabilities. In `initial_parameters`, give the values to start from: $W_1$ and $W_2$ random, normally
# distributed with standard deviation `init_param_scale`, and biases of zero. (All hidden units equal at the start would stay
# equal for ever: see section 02.) The shapes are in the docstring.

# %% nbgrader={"grade_id": "multiclass_classifier", "solution": true}
class MulticlassClassifier:
    """Probabilities of num_class classes by a network with one hidden layer, trained by SGD on −log p_y.

    graph : ComputationGraphFunction(inputs, outcomes, parameters, prediction, objective)
            input "x" of shape (d,), outcome "y" of shape (), an integer,
            parameters "W1" of shape (num_hidden_units, d), "b1" of shape (num_hidden_units,),
                       "W2" of shape (num_class, num_hidden_units), "b2" of shape (num_class,)

    >>> start = MulticlassClassifier().initial_parameters(2)
    >>> start["W1"].shape, start["b2"]
    ((10, 2), array([0., 0., 0.]))
    """

    def __init__(self, num_hidden_units=10, step_size=0.005, init_param_scale=0.01, max_num_epochs=1000, num_class=3):
        self.num_hidden_units, self.num_class = num_hidden_units, num_class
        self.init_param_scale = init_param_scale
        self.step_size, self.max_num_epochs = step_size, max_num_epochs
        x, y = ValueNode("x"), ValueNode("y")
        W1, b1, W2, b2 = ValueNode("W1"), ValueNode("b1"), ValueNode("W2"), ValueNode("b2")
        # Build the graph, then set self.graph.
        ### BEGIN SOLUTION
        hidden = TanhNode(AffineNode(W1, x, b1, "layer 1"), "hidden")
        prediction = SoftmaxNode(AffineNode(W2, hidden, b2, "scores"), "prediction")
        objective = NLLNode(prediction, y, "J")
        self.graph = ComputationGraphFunction([x], [y], [W1, b1, W2, b2], prediction, objective)
        ### END SOLUTION

    def initial_parameters(self, d):
        """The values that training starts from, for d features: a dictionary with the keys W1, b1, W2 and b2."""
        rng = np.random.default_rng(0)
        ### BEGIN SOLUTION
        units, classes, scale = self.num_hidden_units, self.num_class, self.init_param_scale
        return {
            "W1": rng.normal(scale=scale, size=(units, d)),
            "b1": np.zeros(units),
            "W2": rng.normal(scale=scale, size=(classes, units)),
            "b2": np.zeros(classes),
        }
        ### END SOLUTION

    def fit(self, X, y):
        """Learn from X, shape (n, d), and labels y, shape (n,); return self."""
        self.graph.set_parameters(self.initial_parameters(X.shape[1]))
        self.history = sgd(self.graph, X, y, self.step_size, self.max_num_epochs)
        return self

    def predict(self, X):
        """The probabilities for X, shape (n, d): an array of shape (n, num_class)."""
        return predict_rows(self.graph, X)


# %% [markdown]
# The check sets parameters of its own and knows what comes out: with the point $x = (1, -2)$, two hidden units and three classes, the
# objective is 2.998 for $y = 2$. A gradient check alone would not do: a graph without tanh has perfectly good gradients, of
# another function.

# %% nbgrader={"grade": true, "grade_id": "multiclass_classifier_check", "points": 12}
# Check your work. Right code shows max differences below 1e-6, most often around 1e-11.
def _check():
    values = {"W1": [[0.5, 0.25], [-1.0, 0.5]], "b1": [0.5, 1.0]}
    values |= {"W2": [[1.0, -1.0], [2.0, 0.5], [-1.0, 1.5]], "b2": [0.1, -0.2, 0.3]}
    wrong = {"missing_activation:tanh": 3.5695804, "activation_on_output:tanh": 2.2967976}
    graph = lambda: MulticlassClassifier(num_hidden_units=2).graph  # the check calls it: an error becomes one sentence
    point, label = {"x": np.array([1.0, -2.0])}, {"y": np.array(2)}
    check_graph(graph, point, label, values, title="classifier", expected=2.9979990, mistakes={"objective": wrong})
    # The start, seen after training for 0 epochs: sizes and shapes. Then two models at once, trained.
    def start(scale):
        model = MulticlassClassifier(200, init_param_scale=scale, max_num_epochs=0, num_class=4)
        for size in (3, 5):  # data of a different size first: each fit starts anew
            model.fit(np.ones((1, size)), np.array([2]))
        return {name: node.out for name, node in model.graph.name_to_node.items()}

    def trained():
        X, y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.array([2, 0, 1])
        models = [MulticlassClassifier(7, step, 0.3, epochs) for step, epochs in ((0.5, 100), (0.01, 100), (0.5, 0))]
        for model in models:
            model.fit(X, y)
        check_values("most probable classes", {"y": np.argmax(np.array(models[0].predict(X)), axis=1)}, {"y": y})
        return [np.mean([model.graph.get_objective({"x": x}, {"y": c}) for x, c in zip(X, y)]) for model in models]

    def again():  # a second fit starts anew: after its one step little has been learned
        model, x = MulticlassClassifier(7, 0.5, 0.1, 1), np.array([[1.0, 0.0]])
        for rows in (200, 1):
            model.fit(np.repeat(x, rows, axis=0), np.full(rows, 2))
        return {"0.5": 0.5, "a second fit, of one step": model.graph.get_objective({"x": x[0]}, {"y": np.array(2)})}

    shapes = {"W1": (200, 5), "b1": (200,), "W2": (4, 200), "b2": (4,)}
    for scale in (2.0, 0.001):
        check_start(start, shapes, zero=["b1", "b2"], scale=scale, title=f"the start for {scale}")
    names = ["after 100 epochs", "small steps", "before"]
    check_order(lambda: dict(zip(names, trained())) | {"2.5": 2.5}, "mean loss")
    check_order(again, "loss")


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/multiclass_classifier_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 7 · Train it
#
# First a short run: 10 *epochs*, rounds through the data, of 300 steps. Before the first step all scores are nearly 0, so each class has about ⅓ and
# the objective must be about $\log 3 = 1.10$. If it isn't, something is wrong, and you know before you have trained.
# The *accuracy* is the fraction of points whose most probable class is the true one.

# %%
def accuracy(model, X, y):
    return np.mean(np.argmax(model.predict(X), axis=1) == y)


def mean_loss(model, X, y):
    return np.mean([model.graph.get_objective({"x": X[i]}, {"y": y[i]}) for i in range(len(X))])


# %% tags=["show"]
short = MulticlassClassifier(max_num_epochs=10).fit(x_train, y_train)
for epoch in (0, 1, 4, 9):
    print(f"epoch {epoch + 1:2d}   mean objective {short.history[epoch]:.3f}   (log 3 = {np.log(3):.3f})")
print(f"after them, test points: accuracy {accuracy(short, x_test, y_test):.3f}", end="   ")
print(f"mean loss {mean_loss(short, x_test, y_test):.4f}")


# %%
def plot_regions(model):
    """Colour each place of the plane by the class with the largest probability; pale where it is below 0.9."""
    a, b = np.meshgrid(np.linspace(-5, 5, 81), np.linspace(-4, 5, 73))
    p = np.asarray(model.predict(np.column_stack([a.ravel(), b.ravel()]))).reshape(*a.shape, -1)
    for k in range(p.shape[-1]):
        lead = p[..., k] - np.delete(p, k, axis=-1).max(axis=-1)
        plt.contourf(a, b, lead, levels=[0, 1], colors=[f"C{k}"], alpha=0.25)
        plt.contourf(a, b, p[..., k], levels=[0.9, 1], colors=[f"C{k}"], alpha=0.35)


# %% tags=["show"]
figure = plt.figure(figsize=(7, 4))
plot_regions(short)
plot_points(x_test, y_test)
plt.title("after 10 epochs")
plt.show()

# %% [markdown]
# *Expected picture:* three regions whose borders form a Y: the middle class has the wedge at the top, and below it the other two
# meet. All test points lie in the region of their own colour, the middle cloud mostly in its pale part: between the
# full colours runs a broad band where no class has more than 0.9.

# %% [markdown]
# Now the whole run, 1000 epochs: about 15 seconds with nodes of your own, up to a minute with the stand-ins. (This cell is
# not run again when your notebook is graded; what it printed stays.)

# %% tags=["train"]
model = MulticlassClassifier().fit(x_train, y_train)
print(f"test points: accuracy {accuracy(model, x_test, y_test):.3f}", end="   ")
print(f"mean loss {mean_loss(model, x_test, y_test):.3e}")

# %% tags=["train"]
figure = plt.figure(figsize=(7, 4))
plot_regions(model)
plot_points(x_test, y_test)
plt.title("after 1000 epochs")
plt.show()
plt.figure(figsize=(7, 2.8))
plot_learning_curves({"training": model.history}, ylabel="mean objective", log=True)
plt.show()

# %% [markdown]
# *Expected pictures:* the Y as before, a little wider, and the pale band has shrunk to a thin seam. The curve falls steeply in the first
# 20 epochs and goes on falling slowly, without an end in sight.

# %% [markdown]
# **Report** accuracy and mean loss on the test points after 1000 epochs: type the numbers, the accuracy as a fraction between
# 0 and 1, the loss with two digits or more. (A formula would need the model, and it is not trained when your notebook is
# graded.)

# %% nbgrader={"grade_id": "test_report", "solution": true}
# test_accuracy = ...     fraction of the 200 test points that are classified rightly
# test_loss = ...         mean of −log p_y over the test points
### BEGIN SOLUTION
test_accuracy = 1.000
test_loss = 2.2e-4
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_report_check", "points": 2}
# The accuracy is a fraction, and hardly a point is missed; the loss is below 0.001. (Before training it is log 3.)
check_order(lambda: {"0.95": 0.95, "accuracy": test_accuracy, "1": 1 + 1e-9}, "accuracy", reported=["accuracy"])
check_order(lambda: {"0": 0.0, "mean loss": test_loss, "0.001": 0.001}, "mean loss", reported=["mean loss"])
### BEGIN HIDDEN TESTS
from autograder import grade
grade("07-softmax-nll/test_report_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Question 4 (4 points)
#
# 1. The accuracy is perfect after 10 epochs. Why does the loss go on falling, and which numbers in the network must grow?
# 2. What does the model say about a point far from all data, such as $(0, 100)$? Compute its probabilities. Would you trust
#    them?
# 3. Where is the model unsure, and what would the square loss between $p$ and $e_y$ change? Compare
#    $\frac{\partial J}{\partial z}$ of both for a point with $p_y$ close to 0.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_regions", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# 1. $-\log p_y$ is never 0 as long as $p_y < 1$. The points can be told apart without an error, so scaling up the scores brings
#    all $p_y$ nearer to 1: weights, above all $W_2$, grow on and on, ever more slowly, since the gradient $p - e_y$ shrinks.
# 2. Far out, all tanh units sit at ±1, so the scores stop changing and $p$ stays what it is at the edge: at $(0, 100)$
#    class 1 gets more than 0.99. Nothing of the kind was ever seen in training, so this certainty means nothing:
#    softmax compares the classes with each other and can't say "none of these".
# 3. In the pale seams between the regions, where two scores are nearly equal. With the square loss
#    $\frac{\partial J}{\partial p} = 2(p - e_y)$ is multiplied by the Jacobian, whose entries all contain factors $p_i (\delta_{ij} - p_j)$: for $p$
#    near a wrong corner they are nearly 0. A model that is surely wrong would hardly learn; with the negative log-likelihood
#    the gradient there has size 1.
#
# **Rubric** 1: $-\log p_y > 0$ always, and weights (scores) grow; 1: numbers for a far point, with the reason (saturated tanh, or
# scores that only compare) and no trust; 1: unsure along the borders, where scores are nearly equal; 1: square loss has a
# vanishing gradient at $p_y \approx 0$, NLL one of size about 1.
# ### END SOLUTION

# %% [markdown]
# ## What you have now
#
# * Softmax makes probabilities of scores; only differences of scores count. So the largest may be taken off all, and nothing
#   overflows.
# * Where each output depends on each input, the local derivative is a matrix. Backward needs its product with the
#   upstream gradient, and that is often far cheaper than the matrix.
# * The negative log-likelihood looks at the true class alone; $\log K$ is what guessing costs.
# * Both together have the gradient $p - e_y$: predicted minus true.

# %% [markdown]
# ## Go further
#
# * Write a node `SoftmaxNLLNode(z, y_true, node_name)` that does both in one, with the formula of exercise 4. What does it
#   give when a true class has probability 0, and what do the two nodes?
# * Section 01 had a function `f3(s1, s2, y)` of two scores. Find its two gradients in $p - e_y$.
# * With two classes softmax becomes the sigmoid of one number. Of which?
# * Section 08 does the same for many examples at once, a maximum for each row.
