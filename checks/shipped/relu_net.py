"""What a function of section 03 may call, written so that numbers and arrays are both welcome."""

import numpy as np


def relu(x):
    return np.maximum(0.0, x)


def mlp(x, W0, W1, W2):
    r0 = np.ravel(W0) * x
    h0 = relu(r0)
    r1 = np.dot(W1, h0)
    h1 = relu(r1)
    return {"x": x, "r0": r0, "h0": h0, "r1": r1, "h1": h1, "y_predicted": np.dot(np.ravel(W2), h1)}


def loss(y_predicted, y_observed):
    return (y_predicted - y_observed) ** 2


def d_loss_d_ypredicted(variable_dict, y_observed):
    return 2 * (variable_dict["y_predicted"] - y_observed)


def d_loss_d_W2(variable_dict, y_observed):
    return d_loss_d_ypredicted(variable_dict, y_observed) * variable_dict["h1"]


def d_loss_d_h1(variable_dict, W2, y_observed):
    return d_loss_d_ypredicted(variable_dict, y_observed) * np.asarray(W2)


def relu_derivative(x):
    slope = np.where(np.asarray(x) > 0, 1.0, 0.0)
    return slope if slope.ndim else float(slope)


def d_loss_d_r1(variable_dict, W2, y_observed):
    return d_loss_d_h1(variable_dict, W2, y_observed) * (np.asarray(variable_dict["r1"]) > 0)


def d_loss_d_W1(variable_dict, W2, y_observed):
    return np.outer(d_loss_d_r1(variable_dict, W2, y_observed), variable_dict["h0"])


def d_loss_d_h0(variable_dict, W1, W2, y_observed):
    return np.asarray(W1).T @ d_loss_d_r1(variable_dict, W2, y_observed)


def d_loss_d_r0(variable_dict, W1, W2, y_observed):
    return d_loss_d_h0(variable_dict, W1, W2, y_observed) * (np.asarray(variable_dict["r0"]) > 0)


def d_loss_d_W0(variable_dict, W1, W2, y_observed):
    return d_loss_d_r0(variable_dict, W1, W2, y_observed) * variable_dict["x"]


def slope_of_a_number(x):
    """For a notebook whose relu_derivative takes numbers only: calling it with an array is a mistake of the caller."""
    return 1.0 if x > 0 else 0.0
