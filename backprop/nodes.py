"""The node protocol, and the three nodes that come with the course.

A computation graph is made of *nodes*. Anything with the following attributes and methods is a node; inheriting
from :class:`Node` is convenient, never required.

=====================  ====================================================================================
``node_name``          str, unique within a graph
``out``                numpy array: the value, set by ``forward``
``d_out``              numpy array of the shape of ``out``: the derivative of the graph's scalar output J with respect
                       to ``out``. ``forward`` resets it to zeros; the nodes that use this one add to it.
``forward()``          computes ``out`` from the ``out`` of the predecessors, resets ``d_out``, returns ``out``
``backward()``         *adds* the node's contribution to the ``d_out`` of each predecessor
``get_predecessors()`` list of the nodes this one reads from, [] for a value
=====================  ====================================================================================

Gradients have the shape of the variable they belong to.
"""

from __future__ import annotations

import numpy as np


class Node:
    """Base class for a node: a place for the attributes, and sentences for what is missing.

    Parameters
    ----------
    node_name : str, the name used in drawings, checks and error messages
    """

    node_name: str = "?"
    out: np.ndarray | None = None
    d_out: np.ndarray | None = None

    def __init__(self, node_name: str):
        self.node_name = node_name
        self.out = None
        self.d_out = None

    def forward(self) -> np.ndarray:
        """Compute ``self.out``, reset ``self.d_out`` to zeros, return ``self.out``."""
        raise NotImplementedError(f"{self!r} has no forward() yet: write one that sets self.out and self.d_out.")

    def backward(self):
        """Add d_out times the local derivative to the ``d_out`` of every predecessor."""
        raise NotImplementedError(f"{self!r} has no backward() yet: write one that adds to its predecessors' d_out.")

    def get_predecessors(self) -> list:
        """The nodes this one reads from."""
        raise NotImplementedError(f"{self!r} has no get_predecessors() yet: return the list of its input nodes.")

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.node_name!r}"


class ValueNode(Node):
    """A value that comes from outside the graph: an input, an outcome or a parameter.

    Set ``out`` before the forward pass; after the backward pass ``d_out`` is the gradient.
    """

    def forward(self) -> np.ndarray:
        """``out`` as it was set, with ``d_out`` back at zero.

        Raises ValueError if nobody has set ``out``.
        """
        if self.out is None:
            raise ValueError(f"{self!r} has no value: set its out (or pass it by name) before the forward pass.")
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self) -> np.ndarray:
        """Nothing to pass on: a value has no predecessors."""
        return self.d_out

    def get_predecessors(self) -> list:
        return []


class VectorScalarAffineNode(Node):
    """The number w·x + b.

    Parameters
    ----------
    x : node with ``out`` of shape (d,)
    w : node with ``out`` of shape (d,)
    b : node with ``out`` of shape ()

    ``out`` has shape (). Local derivatives: ∂out/∂x = w, ∂out/∂w = x, ∂out/∂b = 1.
    """

    def __init__(self, x, w, b, node_name: str):
        super().__init__(node_name)
        self.x, self.w, self.b = x, w, b

    def forward(self) -> np.ndarray:
        self.out = np.dot(self.x.out, self.w.out) + self.b.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self) -> np.ndarray:
        upstream = self.d_out if np.shape(self.d_out) == self.out.shape else np.reshape(self.d_out, self.out.shape)
        self.x.d_out += upstream * self.w.out
        self.w.d_out += upstream * self.x.out
        self.b.d_out += upstream
        return self.d_out

    def get_predecessors(self) -> list:
        return [self.x, self.w, self.b]


class SquaredL2DistanceNode(Node):
    """The number ‖a − b‖² = Σ (a_i − b_i)².

    Parameters
    ----------
    a, b : nodes whose ``out`` have the same shape, whatever it is (numbers, vectors, matrices)

    ``out`` has shape (). Local derivatives: ∂out/∂a = 2(a − b), ∂out/∂b = −2(a − b).
    Raises ValueError in the forward pass if the shapes differ: broadcasting would compare every entry with every
    other. Shapes () and (1,) count as the same.
    """

    def __init__(self, a, b, node_name: str):
        super().__init__(node_name)
        self.a, self.b = a, b
        self.difference = None

    def forward(self) -> np.ndarray:
        a, b = self.a.out, self.b.out
        if np.shape(a) != np.shape(b):
            if not np.size(a) == np.size(b) == 1:
                raise ValueError(f"{self!r} compares arrays of one shape, but got {np.shape(a)} and {np.shape(b)}.")
            b = np.reshape(b, np.shape(a))
        self.difference = np.subtract(a, b)
        # vdot of an array with itself: the sum of squares for any number of axes, in one call
        self.out = np.vdot(self.difference, self.difference)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self) -> np.ndarray:
        upstream = self.d_out if np.shape(self.d_out) == () else np.reshape(self.d_out, ())
        gradient = 2 * upstream * self.difference
        self.a.d_out += gradient
        self.b.d_out -= gradient if gradient.shape == np.shape(self.b.out) else gradient.reshape(np.shape(self.b.out))
        return self.d_out

    def get_predecessors(self) -> list:
        return [self.a, self.b]
