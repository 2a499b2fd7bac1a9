# %% [markdown]
# # Tutorial 6 · Open, work, check, hand in
#
# After this tutorial you can
#
# * open a notebook in Colab or in JupyterLab, and keep what you typed,
# * ask the library whether a notebook is ready, *before* you hand it in,
# * make the PDF of your answers and the one zip that you hand in.
#
# **Time** about 20 minutes. **Builds on** nothing. No step needs git. Nothing here is graded.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course"')

# %%
import importlib.util
import json
import sys
import tempfile
import zipfile
from pathlib import Path

from backprop.draw import draw_edges

# %% [markdown]
# ## 1 · The way of your work
#
# Every section goes the same way. The *notebook* is the file ending in `.ipynb` that you open and fill in. Some sections also have
# *weights*: a file of trained numbers that the notebook saves beside itself.

# %% tags=["show"]
draw_edges(
    [("notebook", "check"), ("check", "answers.pdf"), ("check", "hand-in.zip"), ("weights", "hand-in.zip")],
    operators={
        "notebook": "you fill it in",
        "check": "ready?",
        "answers.pdf": "to read",
        "hand-in.zip": "to hand in",
        "weights": "you train them",
    },
);

# %% [markdown]
# ## 2 · Open and save
#
# | | Colab (in the browser) | JupyterLab (on your machine) |
# |---|---|---|
# | open | click the badge *Open in Colab* at the top of the notebook | start `jupyter lab`, double-click the notebook |
# | **first of all** | *File → Save a copy in Drive*, and go on in the copy | nothing |
# | run a cell | Shift + Enter | Shift + Enter |
# | save | Ctrl + S (⌘ S on a Mac) | Ctrl + S (⌘ S on a Mac) |
# | your file is | in Google Drive, folder *Colab Notebooks* | where you opened it |
#
# In Colab, without the copy, everything you type is gone when the tab closes.

# %% [markdown]
# ## 3 · Work
#
# * Replace `# YOUR CODE HERE` and the line `raise NotImplementedError()` under it by your code, and each `YOUR ANSWER HERE` by
#   your text. Formulas go between dollar signs: `$\frac{\partial J}{\partial w}$` shows as
#   $\frac{\partial J}{\partial w}$.
# * Below an exercise stands its check. Run it as often as you like. It belongs to the course: leave it as it is, and
#   delete, copy or split no cell that came with the notebook. New cells of your own are welcome anywhere.

# %% [markdown]
# Before a break: save. After a break, run everything from the top (*Runtime → Run all* in Colab, *Run → Run All Cells* in
# JupyterLab): Python has forgotten all values.

# %% [markdown]
# ## 4 · Only in Colab: reach your file
#
# Colab keeps your notebook in Google Drive, but runs it on a machine that starts out empty. The next cell connects the two. Google
# asks you for permission; then the left side bar (folder icon) shows your Drive. In JupyterLab the cell does nothing.

# %%
if "google.colab" in sys.modules:
    importlib.import_module("google.colab.drive").mount("/content/drive")
    folder = Path("/content/drive/MyDrive/Colab Notebooks")
    print("\n".join(sorted(path.name for path in folder.glob("*.ipynb"))))

# %% [markdown]
# Two things to know in Colab:
#
# * Files written anywhere else than under `/content/drive` vanish with the session. So start a section that trains weights with
#   `%cd "/content/drive/MyDrive/Colab Notebooks"`, and they are saved beside the notebook.
# * After Ctrl + S it takes some seconds until the saved file arrives in Drive.
#
# Another way, without permission: *File → Download → Download .ipynb*, then drag the file onto the folder side bar.

# %% [markdown]
# ## 5 · Check: is it ready?
#
# We practise on a small notebook that the next cell writes: one exercise in code, one written answer, both still open, in a folder
# that is thrown away later. (You need not understand this cell.)

# %%
practice = Path(tempfile.mkdtemp()) / "practice.ipynb"


def cell(kind, source, **grading):
    """One cell of a notebook, as the file holds it."""
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": {"nbgrader": grading} if grading else {}, **code}


def write_practice(code, answer):
    """Write the practice notebook with this code and this answer in it."""
    question = cell("markdown", "# Practice\n\nWrite `double(x)`, and say why $2x = x + x$.")
    cells = [question, cell("code", code, grade_id="double", solution=True, grade=False)]
    cells.append(cell("markdown", answer, grade_id="why", solution=True, grade=True, points=1))
    book = {"cells": cells, "metadata": {"backprop": {"section": "practice"}}}
    practice.write_text(json.dumps({**book, "nbformat": 4, "nbformat_minor": 4}), encoding="utf-8")


# %%
write_practice("def double(x):\n    raise NotImplementedError", "YOUR ANSWER HERE")
python = f'"{sys.executable}"'  # the Python that runs this notebook; in a terminal, type python

# %% [markdown]
# `check` runs all cells of a notebook in order in a fresh Python, as the grader will, and lists what is missing. The line starts
# with `!` because it is a command, not Python.

# %%
# !{python} -m backprop check "{practice}"

# %% [markdown]
# Two things to do, each with the number and the name of its cell. Now the same notebook, filled in:

# %%
write_practice("def double(x):\n    return 2 * x", "Because $x + x = (1 + 1)\\,x = 2x$.")
# !{python} -m backprop check "{practice}"

# %% [markdown]
# `check` changes nothing in your file. It does not run cells that train for a long time; their saved output and the weights
# count. It says nothing about whether the answers are *right*: that is what the checks inside the notebook are for.

# %% [markdown]
# ## 6 · The PDF
#
# `pdf` puts your written answers, your code, the figures and the results of the checks into one PDF. Several notebooks may
# follow each other. It needs two more packages, which this cell gets when they are not there:

# %%
if not (importlib.util.find_spec("markdown_it") and importlib.util.find_spec("typst")):
    get_ipython().run_line_magic("pip", "install -q markdown-it-py typst==0.14.9")

# %%
pdf = practice.with_name("answers.pdf")
# !{python} -m backprop pdf "{practice}" -o "{pdf}" --name "Ada Lovelace"

# %% [markdown]
# Open it and look: is every formula there, every figure? What is missing in the PDF was not saved in the notebook: run the
# cell, save, and make the PDF again.

# %% [markdown]
# ## 7 · The zip
#
# `submit` packs the notebooks, and the weights that belong to them, into one file, under the names that the grader expects.

# %%
handin = practice.with_name("hand-in.zip")
# !{python} -m backprop submit "{practice}" -o "{handin}"
print("inside:", zipfile.ZipFile(handin).namelist())

# %% [markdown]
# ## 8 · For real
#
# The three commands for a section of yours, say ridge regression. In JupyterLab: *File → New → Terminal*, in the folder of the
# notebook:
#
# ```
# python -m backprop check ridge.ipynb
# python -m backprop pdf ridge.ipynb -o answers.pdf --name "Your Name"
# python -m backprop submit ridge.ipynb
# ```

# %% [markdown]
# In Colab: the same lines in cells **of this tutorial**, each with a `!` in front, after the cell of section 4 and
# `%cd "/content/drive/MyDrive/Colab Notebooks"`. Colab calls your copy `Copy of ridge.ipynb`: rename it first (click on its
# name) to `ridge.ipynb`.

# %% [markdown]
# **Hand in** `hand-in.zip` as it is, on the page your instructor has named, and the PDF too if they ask for it. In Colab, get
# the file from the folder side bar: right-click, *Download*. You may hand in again until the deadline; the last one
# counts unless your instructor says otherwise.

# %% [markdown]
# ## When something goes wrong
#
# | what you see | what to do |
# |---|---|
# | `No module named backprop` | run the first code cell of the notebook, then go on |
# | a cell stops with `NameError` | run everything from the top: an earlier cell was not run |
# | `check` says a cell was changed or deleted | copy that cell from the notebook you were given |
# | `check` says the weights are missing | run the training cell, and save beside the notebook |
# | the file in Colab is old | Ctrl + S, wait a few seconds, run the command again |
# | Colab ended the session | nothing typed is lost if you worked in the copy; *Runtime → Run all* |

# %% [markdown]
# ## What to remember
#
# Copy in Drive first · work · save · `check` · `pdf` · `submit` · hand in one zip.
#
# **Go further**: `python -m backprop --help` lists the commands, `python -m backprop check --help` their options.
