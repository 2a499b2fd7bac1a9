"""What each answer of this course must do: one module a section, `04-ridge` is judged by `s04_ridge`.

`common` holds what several sections share, `mutants` the wrong and right solutions that the checks are tested with.
The autograder finds this folder through `nbgrader_config.py` and imports it by its path.
"""
