"""Functions that a check hands to a student's function: none that a student would have written into it."""

import numpy as np


def arctan_slope(c):
    """The slope of c · arctan, entry by entry."""

    def slope(A):
        return c / (1.0 + np.square(A))

    return slope


def log_slope(c):
    """The slope of c / 2 · log(1 + A²), entry by entry: of both signs, and 0 where A is."""

    def slope(A):
        return c * A / (1.0 + np.square(A))

    return slope


def phi_1(c):
    """A function and its slope, as a pair. Neither is tanh or relu, and the slope needs more than the value."""

    def phi(a):
        return c * np.sin(a) + 0.4 * a

    def phi_prime(a):
        return c * np.cos(a) + 0.4

    return phi, phi_prime


def phi_2(c):
    """Another pair of a function and its slope."""

    def phi(a):
        return np.arctan(a) + c * a * a

    def phi_prime(a):
        return 1 / (1 + a * a) + 2 * c * a

    return phi, phi_prime


def identity(c):
    """The identity, which hands back the very array that it is given, and its slope."""

    def phi(a):
        return a

    def phi_prime(a):
        return np.ones(np.shape(a))

    return phi, phi_prime


def falling(c):
    """A function that is flat below zero and falls above, and its slope: never positive, and exactly 0 below."""

    def phi(a):
        return -c * np.maximum(a, 0.0)

    def phi_prime(a):
        return np.where(a > 0, -c, 0.0)

    return phi, phi_prime


def gate_slope(c):
    """The slope of a function that is flat below zero, entry by entry."""

    def slope(A):
        return np.where(A > 0, c, 0.0)

    return slope


def transposed(A):
    """The transpose, as a view: the entries stay where they are in memory."""
    return A.T


def bowl(A, B, C):
    """A quadratic function of an array of the same shape, of which one-sided differences can be worked out."""

    def f(W):
        W = np.asarray(W)
        return np.sum(A * W**2) + np.sum(B * W) + np.sum(C * W) ** 2

    return f
