"""Linear regression as a computation graph: the worked example of the course."""

from __future__ import annotations

import numpy as np

from .estimator import predict_rows, sgd
from .graph import ComputationGraphFunction
from .nodes import SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode


class LinearRegression:
    """Predict w·x + b, learned by stochastic gradient descent on the square loss (w·x + b − y)².

    Parameters
    ----------
    step_size : how far one step goes along the negative gradient
    max_num_epochs : how many times training goes through the data

    Attributes
    ----------
    graph : ComputationGraphFunction with input ``x`` (d,), outcome ``y`` (), parameters ``w`` (d,) and ``b`` ()
    history_ : after ``fit``, the mean objective of each epoch, shape (max_num_epochs,)
    """

    def __init__(self, step_size: float = 0.005, max_num_epochs: int = 5000):
        self.step_size = step_size
        self.max_num_epochs = max_num_epochs

        x = ValueNode("x")
        y = ValueNode("y")
        w = ValueNode("w")
        b = ValueNode("b")
        prediction = VectorScalarAffineNode(x, w, b, "prediction")
        objective = SquaredL2DistanceNode(prediction, y, "square loss")
        self.graph = ComputationGraphFunction([x], [y], [w, b], prediction, objective)

    def fit(self, X, y, progress=False) -> LinearRegression:
        """Learn from X, shape (n, d), and y, shape (n,), starting at w = 0 and b = 0; return self.

        ``progress`` is handed to :func:`backprop.estimator.sgd`, which also says what is raised.
        """
        self.graph.set_parameters({"w": np.zeros(np.shape(X)[1]), "b": np.array(0.0)})
        self.history_ = sgd(self.graph, X, y, self.step_size, self.max_num_epochs, progress=progress)
        return self

    def predict(self, X) -> np.ndarray:
        """The predictions for X, shape (n, d): an array of shape (n,)."""
        return predict_rows(self.graph, X)
