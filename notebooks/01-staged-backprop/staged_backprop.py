# %% [markdown]
# # 01 · Staged back-propagation
#
# A long formula is a chain of short steps. Differentiate each step on its own, walk back through them, and the
# chain rule does the rest. That is all back-propagation is.
#
# **You will be able to** cut a formula into steps, draw it, write its forward and backward pass, and measure whether
# your gradients are right.

# %% [markdown]
# **Time** about 75 minutes, the optional parts 45 more. **Builds on** the product rule and the derivatives of exp, log
# and $1/x$; the tutorial on computation graphs helps, but is not needed. **Points** 30, none of them for optional parts.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import math

from backprop.draw import draw_edges
from backprop.gradcheck import check_edges, check_function, check_inputs_matter, check_values
from backprop.stepper import step_through

# %% [markdown]
# ## 1 · A formula is a graph
#
# Here is $h = a\,b + c$ for $a = 3$, $b = 2$, $c = 4$. Each box is a value; each arrow says "is used by". Grey boxes are
# inputs. Yellow boxes are results of an **operator**: a product $p = a\,b$ and a sum $h = p + c$.
#
# Above each arrow stands the value that travels forward. Below it stands its **gradient**: the derivative of the result
# with respect to that value, computed from right to left.

# %% tags=["show"]
ax = draw_edges(
    [("a", "p"), ("b", "p"), ("p", "h"), ("c", "h")],
    values={"a": 3.0, "b": 2.0, "c": 4.0, "p": 6.0, "h": 10.0},
    gradients={"a": 2.0, "b": 3.0, "c": 1.0, "p": 1.0, "h": 1.0},
    operators={"p": "×", "h": "+"},
)

# %% [markdown]
# Read the lower row from the right. The result's derivative with respect to itself is 1. A sum hands its gradient on
# unchanged. The product multiplies it by the *other* input: raising $a$ by 0.01 raises $h$ by $0.01 \cdot b = 0.02$.
#
# In symbols, $\partial h/\partial a = b = 2$. The ∂ in place of d says that $h$ depends on several values, and that the
# others, here $b$ and $c$, are held still.

# %% [markdown]
# ### Your turn: two steps
#
# From here on we work with
#
# $$f(x, y, z) = (x + y)\,z$$
#
# **Question 1** (2 points). Write $f$ as two functions, each with a single operator. Name the intermediate value $g$.

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_decompose", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# $$g(x, y) = x + y \qquad f(g, z) = g\,z$$
#
# Put together, $f(g(x, y), z) = (x + y)\,z$.
#
# **Rubric** 1: $g$ is the sum of $x$ and $y$; 1: $f$ is the product of $g$ and $z$ (written with $g$, not with $x$
# and $y$ again).
# ### END SOLUTION

# %% [markdown]
# **Exercise 1** (2 points). Describe the graph of $f$: one pair `(from, to)` for each arrow, with the names `"x"`, `"y"`,
# `"z"`, `"g"`, `"f"`. The first arrow is there. Here is how the graph of $h$ above was written:
#
# ```python
# [("a", "p"), ("b", "p"), ("p", "h"), ("c", "h")]
# ```
#
# In every exercise, your code takes the place of the line `raise NotImplementedError()`.

# %% nbgrader={"grade_id": "product_edges", "solution": true}
product_edges = [("x", "g")]  # add the other arrows
### BEGIN SOLUTION
product_edges = [("x", "g"), ("y", "g"), ("g", "f"), ("z", "f")]
### END SOLUTION

# %% tags=["show"]
# Your drawing: two arrows into each operator, and one value, f, that no arrow leaves.
ax = draw_edges(product_edges, operators={"g": "+", "f": "×"})


# %% nbgrader={"grade": true, "grade_id": "product_edges_check", "points": 2}
# Four arrows, each once, from input to result. Along them, x = 3, y = 4 and z = 5 should give g = 7 and f = 35.
def _check():
    def along_the_arrows():
        check_edges(product_edges, arrows={"g": 2, "f": 2}, inputs="xyz", result="f")
        values = {"x": 3.0, "y": 4.0, "z": 5.0}
        for name, operator in [("g", sum), ("f", math.prod)]:
            values[name] = operator(values[start] for start, end in product_edges if end == name)
        return {name: values[name] for name in "gf"}

    check_values("along your arrows", along_the_arrows, {"g": 7.0, "f": 35.0})


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/product_edges_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · Forward, then backward
#
# One operator is all you ever look at. On the way back it needs two things:
#
# | | | here, at $f = g\,z$ |
# |---|---|---|
# | **upstream** | what arrives from the right: ∂result/∂(its output) | $\partial f/\partial f = 1$ |
# | **local** | its own slope: ∂(its output)/∂(its input) | $\partial f/\partial g = z$ |
# | **downstream** | what it sends left: upstream × local | $1 \cdot z$ |
#
# Its downstream gradient is the next operator's upstream gradient. The chain rule is nothing more than that handing on.

# %% [markdown]
# **Exercise 2** (5 points). Write the forward pass, one line per operator, then the backward pass, one line per arrow,
# starting at the result. Keep the intermediate $g$: the backward pass uses it again.
#
# Use plain numbers. A function that returns a value *and* its gradients looks like this in the whole section:
# `return value, (gradient of the first input, gradient of the second, ...)`.

# %% nbgrader={"grade_id": "staged_product", "solution": true}
def staged_product(x, y, z):
    """f = (x + y) z and its gradients, in two steps.

    x, y, z : numbers
    returns : f, (dfdx, dfdy, dfdz)   all numbers

    >>> staged_product(1.0, 2.0, 4.0)
    (12.0, (4.0, 4.0, 3.0))
    """
    ### BEGIN SOLUTION
    g = x + y
    f = g * z
    dfdf = 1.0
    dfdz = dfdf * g
    dfdg = dfdf * z
    dfdx = dfdg * 1.0
    dfdy = dfdg * 1.0
    return f, (dfdx, dfdy, dfdz)
    ### END SOLUTION


# %% [markdown]
# How can a gradient be checked? Move one input a little, see how much the value changes, and divide:
#
# $$\frac{\partial f}{\partial x} \approx \frac{f(x + \varepsilon, y, z) - f(x - \varepsilon, y, z)}{2\,\varepsilon}$$
#
# The check prints an *agreement table*, one line per input: **exact** is your gradient, **approx** is measured from your forward pass, and
# **maxdiff** is the distance between them. Right code shows less than $10^{-8}$ here; a forgotten term shows far more.

# %% nbgrader={"grade": true, "grade_id": "staged_product_check", "points": 5}
# Expected: values 9.25 and -4.5, and eight times "ok" with a maxdiff below 1e-8.
check_function(staged_product, 0.7, 3.0, 2.5, expected=9.25)
check_function(staged_product, -3.2, 6.8, -1.25, expected=-4.5)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/staged_product_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **Exercise 3** (3 points). Now with pencil and paper, for $x = -2$, $y = 5$, $z = -4$. Work out the value and the gradient
# $\partial f/\partial(\cdot)$ at each of the five names, and type in the numbers. No code: this is the one time in the
# course that you do the computer's work.

# %% nbgrader={"grade_id": "by_hand", "solution": true}
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0}  # add "g" and "f"
hand_gradients = {"f": 1.0}  # add "g", "z", "x" and "y"
### BEGIN SOLUTION
hand_values = {"x": -2.0, "y": 5.0, "z": -4.0, "g": 3.0, "f": -12.0}
hand_gradients = {"f": 1.0, "g": -4.0, "z": 3.0, "x": -4.0, "y": -4.0}
### END SOLUTION

# %% tags=["show"]
# Your numbers on your drawing: values above the arrows, gradients below them.
ax = draw_edges(product_edges, values=hand_values, gradients=hand_gradients, operators={"g": "+", "f": "×"})


# %% nbgrader={"grade": true, "grade_id": "by_hand_check", "points": 3}
# Does your paper agree with your code of exercise 2? Every maxdiff should be 0.
def _check():
    f, (dfdx, dfdy, dfdz) = staged_product(-2.0, 5.0, -4.0)
    code = {"g": f / -4.0, "f": f}  # g = f / z
    code |= {"∂f/∂g": dfdx, "∂f/∂x": dfdx, "∂f/∂y": dfdy, "∂f/∂z": dfdz}  # g is a sum: ∂f/∂x = ∂f/∂g
    code |= {"x": -2.0, "y": 5.0, "z": -4.0, "∂f/∂f": 1.0}  # these were given

    def paper():
        numbers = {name: hand_values.get(name) for name in "gf"}
        numbers |= {f"∂f/∂{name}": hand_gradients.get(name) for name in "gxyz"}
        given = {name: hand_values.get(name, code[name]) for name in "xyz"}
        return numbers | given | {"∂f/∂f": hand_gradients.get("f", 1.0)}

    check_values("your paper (yours) · your code (right)", paper, code)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/by_hand_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **See it flow.** Your numbers once more, one step at a time: press *Next*. On the way back every arrow says what its
# gradient is made of, **upstream · local**, and where a number of yours breaks the chain rule, the step says so.

# %% tags=["show"]
signs = {"g": "+", "f": "×"}
step_through(product_edges, hand_values, hand_gradients, signs, title="f = (x + y) z, your numbers")

# %% [markdown]
# **Question 2** (3 points). Look at your drawing with its numbers.
#
# 1. You may move each input by 0.1, up or down, to make $f$ *larger*. Which way do you move $x$, $y$ and $z$?
# 2. What does the operator $g$ receive from the right (its upstream gradient), what is its local derivative for $x$, and
#    what does it send to $x$? Does it need to know that $f$ is a product?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_read", "points": 3, "solution": true}
# ### BEGIN SOLUTION
# 1. $\partial f/\partial x = \partial f/\partial y = -4$, so $x$ and $y$ go down; $\partial f/\partial z = 3$, so $z$ goes up.
# 2. $g$ receives $\partial f/\partial g = z = -4$. Its local derivative is $\partial g/\partial x = 1$, and it sends
#    $-4 \cdot 1 = -4$. It knows nothing about $f$: the upstream gradient is all it needs. Back-propagation is local.
#
# **Rubric** 1: all three directions, argued with the signs of the gradients; 1: upstream −4, local 1, downstream −4;
# 1: the step is local, $g$ need not know what comes after it.
# ### END SOLUTION

# %% [markdown]
# ## 3 · A value used twice
#
# Sometimes one value feeds two operators, or one operator twice, as in $k = c \cdot c$. Draw an explicit **copy** for each
# use: $c_1 = c$ and $c_2 = c$. If $c$ rises by 0.01, *both* copies rise by 0.01, and the result feels both.

# %% [markdown]
# So on the way back two gradients arrive at $c$, and they **add**. You know what has to come out here: the derivative of
# $c^2$ is $2c$, and for $c = 3$ that is 6.

# %% tags=["show"]
ax = draw_edges(
    [("c", "c1"), ("c", "c2"), ("c1", "k"), ("c2", "k")],
    values={"c": 3.0, "c1": 3.0, "c2": 3.0, "k": 9.0},
    gradients={("c", "c1"): 3.0, ("c", "c2"): 3.0, "c": 6.0, "c1": 3.0, "c2": 3.0, "k": 1.0},
    operators={"c1": "copy", "c2": "copy", "k": "×"},
)

# %% [markdown]
# Below the box of $c$ stands the sum of its two arrivals. Now the same with two different arrivals:
#
# $$f(a, b) = (a - b)\,b$$

# %% tags=["show"]
ax = draw_edges(
    [("b", "b1"), ("b", "b2"), ("a", "d"), ("b1", "d"), ("d", "f"), ("b2", "f")],
    operators={"b1": "copy", "b2": "copy", "d": "−", "f": "×"},
)


# %% [markdown]
# **Exercise 4** (5 points). Write both passes with the names of the drawing: `b1`, `b2`, `d`, `f` on the way forward, then
# a gradient for each arrow, and at last the one for `b` from the two that arrive there.

# %% nbgrader={"grade_id": "shared_input", "solution": true}
def shared_input(a, b):
    """f = (a - b) b and its gradients; b is copied, because two operators use it.

    a, b    : numbers
    returns : f, (dfda, dfdb)   all numbers

    >>> shared_input(5.0, 2.0)
    (6.0, (2.0, 1.0))
    """
    ### BEGIN SOLUTION
    b1 = b
    b2 = b
    d = a - b1
    f = d * b2
    dfdd = b2
    dfdb2 = d
    dfda = dfdd
    dfdb1 = -dfdd
    dfdb = dfdb1 + dfdb2
    return f, (dfda, dfdb)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "shared_input_check", "points": 5}
# Expected: values 4.42 and -1.87, six times "ok" with a maxdiff below 1e-8.
def _check():
    one_of_two = {"b": {"missing_term:two gradients arrive at b, and this is one of them": [-1.7, 2.6]}}
    check_function(shared_input, 4.3, 1.7, expected=4.42, mistakes=one_of_two)
    check_function(shared_input, -0.6, -1.7, expected=-1.87)


_check()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/shared_input_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · A graph from machine learning: `f3`
#
# Two scores $s_1$ and $s_2$ go in, one *loss* $L$ comes out, a number that is small when the right class has the larger
# score:
#
# $$e_1 = \exp(s_1) \qquad e_2 = \exp(s_2) \qquad d = e_1 + e_2 \qquad p_1 = e_1 / d \qquad p_2 = e_2 / d$$
#
# Then `choose` picks one: $p_+ = p_1$ if $y = 1$, and $p_+ = p_2$ if $y = 2$. Last, $L = -\log p_+$ with the natural
# logarithm. There is no gradient for $y$: it is a whole number, always 1 or 2.

# %% tags=["show"]
f3_edges = [
    ("s1", "e1"), ("s2", "e2"), ("e1", "d"), ("e2", "d"), ("e1", "p1"), ("d", "p1"),
    ("e2", "p2"), ("d", "p2"), ("p1", "p₊"), ("p2", "p₊"), ("y", "p₊"), ("p₊", "L"),
]
names = {"e1": "exp", "e2": "exp", "d": "+", "p1": "÷", "p2": "÷", "p₊": "choose", "L": "−log"}
ax = draw_edges(f3_edges, operators=names)


# %% [markdown]
# **Exercise 5** (10 points). Forward pass, then backward pass. Count the arrows that leave $e_1$, $e_2$ and $d$ before
# you start: that many gradients arrive there.
#
# If you would rather warm up first, begin with `f1` and `f2` in part 5.

# %% nbgrader={"grade_id": "f3", "solution": true}
def f3(s1, s2, y):
    """L = -log(p1) if y is 1 and -log(p2) if y is 2, with its gradients; p_i = e_i / (e1 + e2).

    s1, s2  : numbers
    y       : 1 or 2
    returns : L, (grad_s1, grad_s2)   all numbers

    >>> f3(math.log(3.0), math.log(2.0), 1)            # p1 = 0.6, and log(0.6) = -0.5108
    (0.5108, (-0.4, 0.4))                              # rounded
    """
    ### BEGIN SOLUTION
    e1, e2 = math.exp(s1), math.exp(s2)
    d = e1 + e2
    p1, p2 = e1 / d, e2 / d
    p_plus = p1 if y == 1 else p2
    L = -math.log(p_plus)

    grad_p_plus = -1 / p_plus
    grad_p1, grad_p2 = (grad_p_plus, 0.0) if y == 1 else (0.0, grad_p_plus)
    grad_d = -grad_p1 * e1 / d**2 - grad_p2 * e2 / d**2
    grad_e1 = grad_p1 / d + grad_d
    grad_e2 = grad_p2 / d + grad_d
    return L, (grad_e1 * e1, grad_e2 * e2)
    ### END SOLUTION


# %% nbgrader={"grade_id": "f3_helpers", "locked": true}
# The same graph with y fixed: functions of two numbers, handy for checking.
def f3_y1(s1, s2):
    return f3(s1, s2, 1)


def f3_y2(s1, s2):
    return f3(s1, s2, 2)


# %% nbgrader={"grade": true, "grade_id": "f3_check", "points": 10}
# Expected: values 0.5108 and 0.9163, then 14.4000 where class 1 is improbable; nine times "ok", maxdiff below 1e-8.
check_function(f3_y1, math.log(7.5), math.log(5.0), expected=math.log(5 / 3),
               mistakes={"s1": {"missing_chain_factor:e1": -0.4 / 7.5}, "s2": {"missing_chain_factor:e2": 0.4 / 5}})
check_function(f3_y2, math.log(7.5), math.log(5.0), expected=math.log(5 / 2),
               mistakes={"s1": {"missing_chain_factor:e1": 0.6 / 7.5}, "s2": {"missing_chain_factor:e2": -0.6 / 5}})
check_function(f3_y1, 30.3, 44.7, title="f3_y1, another place", expected=14.4 + math.log1p(math.exp(-14.4)))
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/f3_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# **See it flow** for $s_1 = \log 3$, $s_2 = \log 2$ and $y = 1$, the example in the docstring (the text between triple
# quotes). Here the computer does the sums: it measures each local derivative, and multiplies. Two gradients arrive at $e_1$ and two at $e_2$; one of them is 0,
# because `choose` passes nothing on to $p_2$. ($y$ gets 0 as well: a small move of it chooses nothing else.) *Expected in the last step:* $s_1$ has −0.4, and $s_2$ has 0.4.

# %% tags=["show"]
inputs = {"s1": math.log(3.0), "s2": math.log(2.0), "y": 1}
step_through(f3_edges, inputs, operators=names, title="f3, step by step")

# %% [markdown]
# ## 5 · Two more graphs (optional)
#
# `f1` and `f2` carry no points, and their checks tell you as much as the others: one line per operator forwards, one per
# arrow backwards.

# %% [markdown]
# ### `f1` (optional)
#
# $$a_1 = x_1 w_1 \qquad a_2 = x_2 w_2 \qquad \hat y = a_1 + a_2 + b \qquad d = \hat y - y \qquad L = d^2$$

# %% tags=["show"]
f1_edges = [
    ("x1", "a1"), ("w1", "a1"), ("x2", "a2"), ("w2", "a2"), ("a1", "ŷ"), ("a2", "ŷ"), ("b", "ŷ"),
    ("ŷ", "d"), ("y", "d"), ("d", "L"),
]
ax = draw_edges(f1_edges, operators={"a1": "×", "a2": "×", "ŷ": "+", "d": "−", "L": "square"})


# %% tags=["optional"] nbgrader={"grade_id": "f1", "solution": true}
def f1(x1, w1, x2, w2, b, y):
    """L = (x1 w1 + x2 w2 + b - y)² and its gradients.

    x1, w1, x2, w2, b, y : numbers
    returns : L, (grad_x1, grad_w1, grad_x2, grad_w2, grad_b, grad_y)   all numbers

    >>> f1(260.0, 1.0, 120.0, 3.0, -420.0, 199.0)      # ŷ = 200, d = 1
    (1.0, (2.0, 520.0, 6.0, 240.0, 2.0, -2.0))
    """
    ### BEGIN SOLUTION
    a1 = x1 * w1
    a2 = x2 * w2
    y_hat = a1 + a2 + b
    d = y_hat - y
    L = d**2
    grad_d = 2 * d
    grad_y = -grad_d
    grad_y_hat = grad_d
    grad_a1 = grad_a2 = grad_b = grad_y_hat
    grad_x1, grad_w1 = grad_a1 * w1, grad_a1 * x1
    grad_x2, grad_w2 = grad_a2 * w2, grad_a2 * x2
    return L, (grad_x1, grad_w1, grad_x2, grad_w2, grad_b, grad_y)
    ### END SOLUTION


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "f1_check", "points": 0}
# Expected: value 5.76, seven times "ok" with a maxdiff below 1e-8.
check_function(f1, 0.5, 2.0, -1.0, 1.5, 0.7, 2.6, expected=5.76)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/f1_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# The numbers in the docstring of `f1` come from the small network that goes through this whole course: ŷ = 200 where
# 199 was observed. Its last layer has the weights 1, 3 and −3; the third product, −420, stands in for the bias here. The
# gradients 520 and 240 will come back in section 03.

# %% [markdown]
# ### `f2` (optional)
#
# $$d = 2x \qquad e = \exp(d) \qquad t = e - 1 \qquad b = e + 1 \qquad y = t / b$$
#
# Mind that $e$ is used twice.

# %% tags=["show"]
f2_edges = [("x", "d"), ("d", "e"), ("e", "t"), ("e", "b"), ("t", "y"), ("b", "y")]
ax = draw_edges(f2_edges, operators={"d": "×2", "e": "exp", "t": "−1", "b": "+1", "y": "÷"})


# %% tags=["optional"] nbgrader={"grade_id": "f2", "solution": true}
def f2(x):
    """y = (exp(2x) - 1) / (exp(2x) + 1) and its gradient.

    x       : number
    returns : y, (grad_x,)   a number, and a tuple with one number in it

    >>> f2(math.log(2.0))                              # e = 4, t = 3, b = 5
    (0.6, (0.64,))
    """
    ### BEGIN SOLUTION
    d = 2 * x
    e = math.exp(d)
    t = e - 1
    b = e + 1
    y = t / b
    grad_t = 1 / b
    grad_b = -t / b**2
    grad_e = grad_t + grad_b
    grad_d = grad_e * e
    grad_x = grad_d * 2
    return y, (grad_x,)
    ### END SOLUTION


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "f2_check", "points": 0}
# Expected: value 0.8, twice "ok" with a maxdiff below 1e-8. The comma in (grad_x,) makes it a tuple.
check_function(f2, math.log(3.0), expected=0.8)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/f2_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Can you guess what they are?
#
# **Question 3** (for fun, no points). `f1`, `f2` and `f3` are used every day in machine learning. Which of them is
#
# * the error of a linear prediction,
# * a smooth switch between −1 and 1,
# * the price of giving the right one of two classes too little probability?
#
# What is each usually called? Did you notice how short the gradients of `f2` and `f3` become when you tidy them up?

# %% [markdown] tags=["optional"] nbgrader={"grade": true, "grade_id": "q_guess", "points": 0, "solution": true}
# ### BEGIN SOLUTION
# `f1` is the squared error of a linear unit (linear regression with two features). `f2` is the hyperbolic tangent, tanh,
# with slope $1 - y^2$. `f3` is the softmax of two scores with the cross-entropy loss (negative log-likelihood); its
# gradients are $p_1 - 1$ and $p_2$ if $y = 1$, and $p_1$ and $p_2 - 1$ if $y = 2$.
#
# **Rubric** no points. Say which of the three names are right.
# ### END SOLUTION

# %% [markdown]
# ## 6 · Your own graph (optional)
#
# Make up a function with **at least five operators** and two or three inputs, and differentiate it as you did above.
# Three rules make it worth checking:
#
# * every input has an effect on the result;
# * no two inputs play the same part, so that exchanging their gradients would be noticed;
# * at least one derivative changes from point to point, so not additions alone.

# %% [markdown]
# (Want to watch it? `step_through` takes your arrows too, with an operator for each result: a name such as `"×"` or `"exp"`,
# or a function of the inputs in the order of the arrows, such as `lambda a, b: a * b`.)

# %% [markdown]
# `f4_at` names the inputs, in order, with a value for each: a point where your function is smooth, and stays so when an
# input moves by a tenth. `f4_edges` are the arrows, as in exercise 1; they start at the inputs and end in one result.

# %% tags=["optional"] nbgrader={"grade_id": "f4_graph", "solution": true}
f4_at = {"u": 1.5, "v": -0.5}  # your inputs
f4_edges = [("u", "a"), ("v", "a")]  # your arrows
### BEGIN SOLUTION
f4_at = {"x": 1.3, "m": 0.4, "s": 0.8}
f4_edges = [("x", "d"), ("m", "d"), ("d", "u"), ("s", "u"), ("u", "q"), ("q", "h"), ("h", "e")]
f4_edges += [("e", "L"), ("s", "L")]
### END SOLUTION

# %% tags=["show"]
ax = draw_edges(f4_edges)


# %% tags=["optional"] nbgrader={"grade_id": "f4", "solution": true}
def f4(*inputs):
    """Your function and its gradients. Put the names of your inputs in place of *inputs.

    returns : value, (gradient for each input, in order)   all numbers
    """
    ### BEGIN SOLUTION
    x, m, s = inputs  # the normal density of x for mean m and spread s, without its constant
    d = x - m
    u = d / s
    q = u**2
    e = math.exp(-0.5 * q)
    L = e / s
    grad_e, grad_s2 = 1 / s, -e / s**2
    grad_q = grad_e * e * -0.5
    grad_u = grad_q * 2 * u
    grad_d, grad_s1 = grad_u / s, grad_u * -d / s**2
    return L, (grad_d, -grad_d, grad_s1 + grad_s2)
    ### END SOLUTION


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "f4_check", "points": 0}
# Works for any number of inputs. Steep functions may show a maxdiff somewhat above 1e-8.
check_edges(lambda: f4_edges, inputs=lambda: list(f4_at), operators=5)
check_function(lambda *at: f4(*at), *map(float, f4_at.values()), names=tuple(f4_at), title="f4")
check_inputs_matter(f4, f4_at)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("01-staged-backprop/f4_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## What you know now
#
# * A formula is a graph of small operators. The forward pass keeps every intermediate value, because the backward pass
#   needs it.
# * Each operator multiplies its **upstream** gradient by its **local** derivative and hands the **downstream** gradient on.
#   It knows nothing else.
# * A value used twice gets two gradients. They add.
# * A gradient can be measured: move an input, watch the result.

# %% [markdown]
# ## Go further
#
# * Give `staged_product` wrong gradients on purpose and read what the check says. Which mistakes does it recognise?
# * Try `f3(800.0, 0.0, 1)`. What happens, and which of your lines causes it? Subtract the larger score from both before
#   the exponentials: $p_1$ and $p_2$ stay the same. Why?
# * Section 02 takes the same rules to many inputs at once; section 03 to a whole network, by hand.
