"""Numpy's one global generator, from which a student's start may come."""

import numpy as np


def start_again():
    np.random.seed(0)
