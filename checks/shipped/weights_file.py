"""Opens a weights file of section 08 where the submission is: nothing in it is ever run."""


def read(name):
    from backprop.classifiers import read_weights

    return read_weights(name)
