"""What runs in the student's process: the only part of the autograder that a submission can see.

Nothing here knows a right answer. The modules import numpy, IPython and the standard library, and
nothing from the rest of `autograder`, because the sandbox shows them this folder alone.
"""
