# %% [markdown]
# # Tutorial 3 · The gradient-check lab
#
# After this tutorial you can
#
# * measure a derivative by finite differences, with a step that is neither too large nor too small,
# * say what size of error is normal, in double and in single precision,
# * recognise when the *check* is wrong: kinks, tiny partials, not-a-number,
# * read from a failed check what kind of mistake was made.
#
# **Time** about 60 minutes. **Builds on** tutorial 1, computation graphs. Nothing here is graded.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import matplotlib.pyplot as plt
import numpy as np

from backprop.gradcheck import CheckFailed, check_node, numeric_gradient
from backprop.nodes import Node


# %% [markdown]
# ## 1 · Two ways to measure a slope
#
# The derivative is the slope of a function at a point. Take a second point nearby, at distance $h$, and divide:
#
# $$\underbrace{\frac{f(x + h) - f(x)}{h}}_{\text{forward difference}} \qquad\qquad
# \underbrace{\frac{f(x + h) - f(x - h)}{2h}}_{\text{central difference}}$$
#
# Both tend to $f'(x)$ as $h \to 0$. The picture shows why the second is nearer: it looks to both sides. (Its line has the
# slope from the left point to the right one; we draw it through the middle point, to compare it with the tangent.)

# %%
def forward_difference(f, x, h):
    """(f(x + h) − f(x)) / h"""
    return (f(x + h) - f(x)) / h


def central_difference(f, x, h):
    """(f(x + h) − f(x − h)) / 2h"""
    return (f(x + h) - f(x - h)) / (2 * h)


# %% tags=["show"]
x, h = 1.0, 0.7
t = np.linspace(0, 2, 200)
plt.figure(figsize=(7, 4))
plt.plot(t, np.exp(t), color="black", label="f(x) = exp(x)")
for name, slope, style in [
    ("tangent", np.e, "-"),
    ("forward difference", forward_difference(np.exp, x, h), "--"),
    ("central difference", central_difference(np.exp, x, h), ":"),
]:
    plt.plot(t, np.e + slope * (t - x), style, label=f"{name}: slope {slope:.2f}")
plt.plot([x - h, x, x + h], np.exp([x - h, x, x + h]), "o", color="black")
plt.ylim(-0.5, 8)
plt.xlabel("x")
plt.legend();


# %% [markdown]
# In numbers, for $f(x) = x^3$ at $x = 2$, where $f' = 12$. Make $h$ ten times smaller and look at what happens to the errors.

# %%
def cube(x):
    return x**3


print("      h    forward error   central error")
for h in [0.1, 0.01, 0.001, 0.0001]:
    errors = forward_difference(cube, 2.0, h) - 12, central_difference(cube, 2.0, h) - 12
    print(f"{h:7g}   {errors[0]:13.8f}   {errors[1]:13.8f}")


# %% [markdown]
# The forward error shrinks with $h$, the central error with $h^2$: ten times smaller steps, a hundred times smaller error.
# The Taylor series explains it: $f(x \pm h) = f \pm f'h + \tfrac12 f''h^2 \pm \tfrac16 f'''h^3 + \dots$ In the central
# difference the term with $f''$ cancels. What is left out, $\tfrac16 f'''h^2$, is the *truncation error*.

# %% [markdown]
# ## 2 · The V-curve
#
# So the smaller $h$, the better? **Guess** first: at $h = 10^{-15}$, how many digits of the derivative are right?

# %%
def f(x):
    return np.sin(x) * np.exp(x)


exact = np.exp(1.0) * (np.sin(1.0) + np.cos(1.0))
steps = 10.0 ** np.arange(-16, 0.01, 0.25)
forward_errors = [abs(forward_difference(f, 1.0, h) - exact) for h in steps]
central_errors = [abs(central_difference(f, 1.0, h) - exact) for h in steps]

# %% tags=["show"]
plt.figure(figsize=(8, 4.5))
plt.loglog(steps, forward_errors, "o-", markersize=3, label="forward difference")
plt.loglog(steps, central_errors, "s-", markersize=3, label="central difference")
plt.loglog(steps, 1e-16 * abs(f(1.0)) / steps, "--", color="grey", label="1e-16 · |f| / h")
plt.xlabel("step h")
plt.ylabel("error of the derivative")
plt.legend();

# %% [markdown]
# Two straight arms and a bottom: a V. On the right the truncation error rules, with slope 1 (forward) and 2 (central). On the
# left *rounding* does: a double holds about 16 digits, so $f(x+h)$ and $f(x-h)$ are each off by about $10^{-16}|f|$. Their
# difference is tiny, that error is not, and division by $h$ blows it up.

# %%
for name, errors in [("forward", forward_errors), ("central", central_errors)]:
    best = int(np.argmin(errors))
    print(f"{name}: best step {steps[best]:.0e}, error there {errors[best]:.0e}")

# %% [markdown]
# The bottom lies where both errors are equal. With $\varepsilon \approx 10^{-16}$:
#
# | | truncation | rounding | best step | error there |
# |---|---|---|---|---|
# | forward | $\sim h$ | $\sim \varepsilon/h$ | $\varepsilon^{1/2} \approx 10^{-8}$ | $10^{-8}$ |
# | central | $\sim h^2$ | $\sim \varepsilon/h$ | $\varepsilon^{1/3} \approx 10^{-5}$ | $10^{-10}$ to $10^{-11}$ |
#
# A rule to remember: central difference, $h = 10^{-5}$, and errors near $10^{-10}$ are perfect. (The single best point,
# printed above, may be better by luck.)

# %% [markdown]
# ### Your turn: another scale
#
# `numeric_gradient(f, x, h=1e-6)` is the central difference for arrays of any shape. For $f(x) = x^2$ at $x = 1234567.8$ the
# derivative is $2x$. Which of the steps $10^{-6}$, $10^{-2}$, $1$, $10^2$ is best, and why is $10^{-6}$ so bad here?

# %%
# your code here

# %% [markdown]
# The worked solution, folded: click on the three dots to open it.

# %% tags=["worked"]
for h in [1e-6, 1e-2, 1.0, 1e2]:
    slope = numeric_gradient(lambda v: v**2, np.array(1234567.8), h)
    print(f"h = {h:7g}   relative error {abs(slope / (2 * 1234567.8) - 1):.1e}")


# %% [markdown]
# Near $10^6$ neighbouring doubles are $2 \cdot 10^{-10}$ apart, and $f \approx 10^{12}$ is rounded to $2 \cdot 10^{-4}$: a
# step of $10^{-6}$ drowns in that. A step should be small *compared with the number it is added to*. For a parabola any large step is
# fine, since $f''' = 0$. `check_node` and its siblings choose the step by the scale of each input, and use six
# points where we used two.

# %% [markdown]
# ## 3 · Kinks
#
# ReLU, $\max(0, x)$, has slope 0 on the left of 0 and slope 1 on the right; at 0 it has a *kink* and no derivative. A
# difference whose two points lie on both sides of the kink measures a mixture:

# %%
def relu(x):
    return np.maximum(x, 0.0)


for x in [-1e-3, -4e-6, 0.0, 4e-6, 1e-3]:
    print(f"x = {x:7g}   central difference with h = 1e-5: {central_difference(relu, x, 1e-5):.2f}")

# %% tags=["show"]
t = np.linspace(-3, 3, 601)
plt.figure(figsize=(8, 3.5))
plt.plot([-3, 0, np.nan, 0, 3], [0, 0, np.nan, 1, 1], color="0.8", linewidth=8, label="the slope of ReLU")
for h in [1.0, 0.3, 0.01]:
    plt.plot(t, central_difference(relu, t, h), label=f"central difference, h = {h:g}")
plt.xlabel("x")
plt.ylabel("slope")
plt.legend();


# %% [markdown]
# The grey band is the truth. Closer to 0 than $h$ the measured slope is neither 0 nor 1, so a *right* backward
# fails the check. This happens in practice: a network with weights of size $10^{-3}$ has hidden values close to 0, hundreds of
# them, and some land within $h$ of the kink. The remedy is not a looser tolerance but inputs away from 0. The library's check refuses
# to judge at a kink:

# %%
class LeakyReluNode(Node):
    """out = a where a > 0, a/10 elsewhere."""

    def __init__(self, a, node_name):
        super().__init__(node_name)
        self.a = a

    def forward(self):
        self.out = np.where(self.a.out > 0, self.a.out, 0.1 * self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * np.where(self.a.out > 0, 1.0, 0.1)

    def get_predecessors(self):
        return [self.a]


# %%
def try_node(node_class, **inputs):
    """Check a node and print the report, whether it passes or not."""
    try:
        check_node(node_class, **inputs)
    except CheckFailed as report:
        print(report)


try_node(LeakyReluNode, a=np.array([-1.3, 0.4, 2.0]))
try_node(LeakyReluNode, a=np.array([-1.3, 0.0, 2.0]))

# %% [markdown]
# ## 4 · Single precision
#
# `float32` holds about 7 digits instead of 16. Graphics cards love it; gradient checks do not. The same V-curve:

# %%
single = [np.float32(1.0), *steps[steps > 1e-9].astype(np.float32)]
x32, steps32 = single[0], single[1:]
errors32 = [abs(float(central_difference(f, x32, h)) - exact) for h in steps32]
print(f"float32: best error {min(errors32):.0e} at h = {steps32[int(np.argmin(errors32))]:.0e}")

# %% tags=["show"]
plt.figure(figsize=(8, 4))
plt.loglog(steps, central_errors, "s-", markersize=3, label="central difference, float64")
plt.loglog(steps32, np.maximum(errors32, 1e-8), "^-", markersize=4, label="central difference, float32")
plt.xlabel("step h")
plt.ylabel("error of the derivative")
plt.legend();


# %% [markdown]
# With $\varepsilon \approx 10^{-7}$ the bottom of the V lies near $h = \varepsilon^{1/3} \approx 5 \cdot 10^{-3}$, and the error
# there is about $10^{-5}$, where double precision has $10^{-10}$. With $h = 10^{-8}$ nothing is left: $1 + 10^{-8}$ *is* 1 in
# single precision. So: check in `float64`, train in what you like. (Again the single best point is better by luck.)

# %% [markdown]
# ## 5 · Relative or absolute?
#
# Is a difference of $10^{-6}$ much? For a gradient of 1000 it is excellent, for a gradient of $10^{-6}$ it is everything. Hence
# the *relative error* of exact value $a$ and numerical value $n$: $|a - n| / \max(|a|, |n|)$. Alone, it cries wolf:
# partials that happen to be near zero have large relative errors, though nothing is wrong.

# %%
def errors_of_a_right_gradient(seed):
    """For the right gradient of (w·x − y)²: largest relative error; largest error beyond 1e-9 + 1e-6·size."""
    rng = np.random.default_rng(seed)
    w, x, y = rng.normal(size=20), rng.normal(size=20), rng.normal()
    a = 2 * (w @ x - y) * x
    n = numeric_gradient(lambda v: (v @ x - y) ** 2, w, h=1e-6)
    size = np.maximum(np.abs(a), np.abs(n))
    return np.max(np.abs(a - n) / size), np.max(np.abs(a - n) - (1e-9 + 1e-6 * size))


results = np.array([errors_of_a_right_gradient(seed) for seed in range(300)])
print(f"right code refused, relative error above 1e-7:    {np.mean(results[:, 0] > 1e-7):.0%}")

# %% [markdown]
# The gradient in this experiment is right in every run; still, in a class of a hundred, three people are told that they are
# wrong. A test that refuses right code teaches people to ignore tests. The cure is one rule with both kinds of tolerance:
#
# $$|a - n| \;\le\; \text{atol} + \text{rtol} \cdot \max(|a|, |n|)$$
#
# The absolute part forgives rounding on small numbers, the relative part scales with large ones.

# %%
print(f"right code refused, 1e-9 + 1e-6·size allowed:     {np.mean(results[:, 1] > 0):.0%}")


# %% [markdown]
# ### Not a number
#
# One more trap, small and nasty. `nan` compares as *false* with everything. The next function is **wrong on purpose**: it looks
# for the largest error and lets `nan` pass.

# %%
def largest_error(exact, numeric):
    """WRONG ON PURPOSE: nan is never larger than anything, so it is never noticed."""
    worst = -1.0
    for a, n in zip(exact, numeric, strict=True):
        worst = max(worst, abs(a - n))
    return worst


print("largest error:", largest_error([np.nan, np.nan], [1.0, 2.0]))


# %% [markdown]
# Write tests the other way round: not "fail when the error is large" but "pass only when the error is small". `nan` is not
# small either. With numpy: `np.all(error <= allowed)`.

# %% [markdown]
# ## 6 · Planted mistakes
#
# Now the part that saves evenings. A healthy node first; it multiplies a row vector, a matrix and a column vector into a number:
#
# $$\texttt{out} = u^\top A\, v \qquad \frac{\partial\,\texttt{out}}{\partial A_{ij}} = u_i v_j \qquad
# \frac{\partial\,\texttt{out}}{\partial u} = A v \qquad \frac{\partial\,\texttt{out}}{\partial v} = A^\top u$$

# %%
class BilinearNode(Node):
    """out = uᵀ A v, a number; u: (m,), A: (m, n), v: (n,)."""

    def __init__(self, u, A, v, node_name):
        super().__init__(node_name)
        self.u, self.A, self.v = u, A, v

    def forward(self):
        self.out = np.asarray(self.u.out @ self.A.out @ self.v.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.u.d_out += self.d_out * (self.A.out @ self.v.out)
        self.A.d_out += self.d_out * np.outer(self.u.out, self.v.out)
        self.v.d_out += self.d_out * (self.A.out.T @ self.u.out)

    def get_predecessors(self):
        return [self.u, self.A, self.v]


# %%
values = {
    "u": np.array([1.2, -0.7, 0.4]),
    "A": np.array([[0.3, -1.1, 0.8], [1.7, 0.2, -0.6], [-0.9, 0.5, 1.4]]),
    "v": np.array([-0.8, 1.5, 0.6]),
}
try_node(BilinearNode, **values)


# %% [markdown]
# Each of the next cells is **wrong on purpose**, and says how. Before you run one, decide which lines of the table
# will be marked.
#
# **Mistake 1.** The two vectors of the outer product are exchanged, so the gradient of $A$ is transposed. Since
# $A$ is square here, no shape gives it away.

# %%
class Mistake1(BilinearNode):
    """WRONG ON PURPOSE: outer product with its arguments exchanged."""

    def backward(self):
        self.u.d_out += self.d_out * (self.A.out @ self.v.out)
        self.A.d_out += self.d_out * np.outer(self.v.out, self.u.out)
        self.v.d_out += self.d_out * (self.A.out.T @ self.u.out)


try_node(Mistake1, **values)


# %% [markdown]
# A smaller node is enough for the others: a cube, right as it stands.

# %%
class CubeNode(Node):
    """out = a³, entry by entry."""

    def __init__(self, a, node_name):
        super().__init__(node_name)
        self.a = a

    def forward(self):
        self.out = self.a.out**3
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * 3 * self.a.out**2

    def get_predecessors(self):
        return [self.a]


# %% [markdown]
# **Mistake 2.** The upstream gradient is forgotten. When the node is the last of its graph, `d_out` is 1 and nobody
# notices; that is why `check_node` uses a random upstream gradient.

# %%
class Mistake2(CubeNode):
    """WRONG ON PURPOSE: the upstream gradient is left out."""

    def backward(self):
        self.a.d_out += 3 * self.a.out**2


a = np.array([0.5, -1.2, 2.0, 0.9])
try_node(Mistake2, a=a)


# %% [markdown]
# **Mistake 3.** A sign: $-3a^2$ for $3a^2$.

# %%
class Mistake3(CubeNode):
    """WRONG ON PURPOSE: the opposite sign."""

    def backward(self):
        self.a.d_out -= self.d_out * 3 * self.a.out**2


try_node(Mistake3, a=a)


# %% [markdown]
# **Mistake 4.** A factor: the derivative of $a^3$ written as $6a^2$.

# %%
class Mistake4(CubeNode):
    """WRONG ON PURPOSE: a factor of 2 too much."""

    def backward(self):
        self.a.d_out += self.d_out * 6 * self.a.out**2


try_node(Mistake4, a=a)


# %% [markdown]
# **Mistake 5.** `=` for `+=`. The first table would be all `ok`: it takes a second consumer to see it.

# %%
class Mistake5(CubeNode):
    """WRONG ON PURPOSE: assigns where it should add."""

    def backward(self):
        self.a.d_out = self.d_out * 3 * self.a.out**2


try_node(Mistake5, a=a)


# %% [markdown]
# **Mistake 6.** The upstream gradient is multiplied in place. The gradient of `a` comes out right; the damage is done to
# `self.d_out`, which others may still read.

# %%
class Mistake6(CubeNode):
    """WRONG ON PURPOSE: changes its own upstream gradient."""

    def backward(self):
        self.d_out *= 3 * self.a.out**2
        self.a.d_out += self.d_out


try_node(Mistake6, a=a)


# %% [markdown]
# **Mistake 7.** The slope is computed once and kept. The first pass is right, every later one uses old values. (From the
# numbers the check sees *that* something old was used; that it was the slope, you find in the code.)

# %%
class Mistake7(CubeNode):
    """WRONG ON PURPOSE: remembers the slope of the first pass."""

    slope = None

    def backward(self):
        if self.slope is None:
            self.slope = 3 * self.a.out**2
        self.a.d_out += self.d_out * self.slope


try_node(Mistake7, a=a)


# %% [markdown]
# ## 7 · What no gradient check can find
#
# **Mistake 8.** The class is called a cube and computes a square, forward *and* backward. Its gradient is the right
# gradient of the wrong function:

# %%
class Mistake8(CubeNode):
    """WRONG ON PURPOSE: a square, differentiated as a square."""

    def forward(self):
        self.out = self.a.out**2
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self):
        self.a.d_out += self.d_out * 2 * self.a.out


try_node(Mistake8, a=a)

# %% [markdown]
# Everything agrees. Only a **known value** shows it: compute one result by hand, and compare. The option `expected` does that:

# %%
try_node(Mistake8, a=a, expected=a**3)

# %% [markdown]
# ## What to remember
#
# * Central difference, `float64`, step about $10^{-5}$ of the number's size: errors near $10^{-10}$. Errors near
#   $10^{-2}$ mean a mistake; in between, suspect a kink, single precision or a bad step first.
# * Tolerance: absolute *plus* relative. Pass only what is small; `nan` is not.
# * Use a random upstream gradient, a second consumer, a second pass, and one value known by hand.

# %% [markdown]
# **Go further**: write your own `MistakeN` that `check_node` does not catch. (Hint: what if it is wrong only for
# inputs larger than 100?) Then read `backprop/gradcheck.py`.
