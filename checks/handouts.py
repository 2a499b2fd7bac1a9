"""Where each exercise of the five homework sheets has its home in this series, as a table: docs/coverage.md.

The rows below say which cell or heading answers which exercise. Points, checks and who grades are read from the
notebooks, so the table cannot say what they don't. `python -m checks.handouts` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import CourseError, UserError
from autograder.judging import Check
from autograder.judging.load import load
from autograder.release.text_notebook import read_text
from autograder.text import read_utf8
from backprop.files import write_atomically

PAGE = Path("docs", "coverage.md")


@dataclass(frozen=True)
class Row:
    """One exercise of a homework sheet.

    id    : the sheet's short name and the exercise's number there
    title : what is asked, in our own words
    where : the places that answer it, each "section/grade_id" or "section/# heading of a notebook"
    """

    id: str
    title: str
    where: tuple[str, ...]


def row(id: str, title: str, section: str, *cells: str) -> Row:
    return Row(id, title, tuple(f"{section}/{cell}" for cell in cells))


SHEETS = {
    "NYU21": "NYU machine learning, homework 7 of 2021: computation graphs (David Rosenberg's course)",
    "NYU18": "the same homework in 2018, numbered anew in each part",
    "B189": "UC Berkeley CS 189, a discussion sheet on back-propagation",
    "U442": "University of Michigan EECS 442, homework 4: back-propagation and convolutional networks",
    "L167": "UC San Diego LIGN 167, problem set 3: a ReLU network by hand",
}

TUTORIALS, STAGED, PRACTICE, RELU = (
    "00-tutorials",
    "01-staged-backprop",
    "02-backprop-practice",
    "03-relu-net-by-hand",
)
RIDGE, LAYER, MLP, SOFTMAX = "04-ridge", "05-affine-tanh", "06-mlp", "07-softmax-nll"
CIFAR, FASHION, IMAGENET = "08-cifar", "09-fashion-mnist", "10-imagenet"
ENGINE, LETTERS = "11-your-own-engine", "12-batchnorm-and-embeddings"

# Cells of the NYU homework that two years share.
_PENALTY, _SUM, _RIDGE = (RIDGE, "l2_penalty"), (RIDGE, "sum_node"), (RIDGE, "ridge_regression", "training_error")
_DW_ENTRY, _DW = (LAYER, "q_dW_entry", "affine_dW_entry"), (LAYER, "q_dW", "affine_dW")
_DX, _DB, _DA = (LAYER, "q_dx", "affine_dx"), (LAYER, "q_db", "affine_db"), (LAYER, "q_dA", "elementwise_dA")
_AFFINE, _TANH = (MLP, "affine_node"), (MLP, "tanh_node")
_MLP = (MLP, "mlp_regression", "q_start", "training_error", "q_fits")
_SOFTMAX, _NLL = (SOFTMAX, "softmax_node"), (SOFTMAX, "nll_node")

ROWS = (
    row("NYU21-pre1", "Read how a computation graph works", TUTORIALS, "# Tutorial 1 · Computation graphs from zero"),
    row(
        "NYU21-pre2",
        "Read the framework: nodes, the order, a graph as a function, its tests",
        TUTORIALS,
        "# 7 · The order, found automatically",
        "# 8 · A graph as a function to be learned",
        "# Tutorial 2 · Linear regression, end to end",
        "# Tutorial 3 · The gradient-check lab",
    ),
    row("NYU21-pre3", "Run linear regression and its tests", TUTORIALS, "# 5 · Check before you train", "# 6 · Train"),
    row("NYU21-1", "A node for the penalty λ‖w‖²", *_PENALTY),
    row("NYU21-2", "A node for the sum of two numbers", *_SUM),
    row("NYU21-3", "Ridge regression with a free bias; the training error for two settings", *_RIDGE),
    row("NYU21-4", "Prove ∂J/∂W_ij = (∂J/∂y_i) x_j", *_DW_ENTRY),
    row("NYU21-5", "Write ∂J/∂W as an outer product", *_DW),
    row("NYU21-6", "Prove ∂J/∂x = Wᵀ ∂J/∂y", *_DX),
    row("NYU21-7", "Prove ∂J/∂b = ∂J/∂y", *_DB),
    row("NYU21-8", "Prove ∂J/∂A = ∂J/∂S ⊙ σ′(A) for arrays of any shape", *_DA),
    row("NYU21-9", "A node for Wx + b", *_AFFINE),
    row("NYU21-10", "A node for tanh that uses its own output in backward", *_TANH),
    row("NYU21-11", "A multilayer perceptron; the training error for two settings", *_MLP),
    row("NYU21-12", "Optional there: a softmax node", *_SOFTMAX),
    row("NYU21-13", "Optional there: a node for the negative log-likelihood", *_NLL),
    row("NYU21-14", "Optional there: a classifier for several classes", SOFTMAX, "multiclass_classifier"),
    row("NYU18-3.1", "A node for the penalty λ‖w‖²", *_PENALTY),
    row("NYU18-3.2", "A node for the sum of two numbers", *_SUM),
    row("NYU18-3.3", "Ridge regression; the training error for two settings", *_RIDGE),
    row(
        "NYU18-3.4",
        "Optional: ridge on minibatches, and how much faster that is",
        RIDGE,
        "batch_affine",
        "minibatch_ridge",
        "q_speed_up",
    ),
    row("NYU18-4.1.1-1", "Prove ∂J/∂W_ij = (∂J/∂y_i) x_j", *_DW_ENTRY),
    row("NYU18-4.1.1-2", "Write ∂J/∂W as an outer product", *_DW),
    row("NYU18-4.1.1-3", "Prove ∂J/∂x = Wᵀ ∂J/∂y", *_DX),
    row("NYU18-4.1.1-4", "Prove ∂J/∂b = ∂J/∂y", *_DB),
    row("NYU18-4.1.2-1", "Prove ∂J/∂A = ∂J/∂S ⊙ σ′(A)", *_DA),
    row("NYU18-4.2-1", "A node for Wx + b", *_AFFINE),
    row("NYU18-4.2-2", "A node for tanh", *_TANH),
    row("NYU18-4.2-3", "A multilayer perceptron; the training error for two settings", *_MLP),
    row("NYU18-4.2-4", "Optional: a good fit from the scalar input alone, by any means", MLP, "scalar_fit", "q_scalar"),
    row("NYU18-4.3-1", "Optional there: a softmax node", *_SOFTMAX),
    row("NYU18-4.3-2", "Optional there: a node for the negative log-likelihood", *_NLL),
    row(
        "NYU18-4.3-3",
        "Optional there: train a classifier on the three blobs",
        SOFTMAX,
        "multiclass_classifier",
        "test_report",
        "q_regions",
    ),
    row("B189-1a", "Split (x + y)z into two functions", STAGED, "q_decompose"),
    row("B189-1b", "Draw its network", STAGED, "product_edges"),
    row("B189-1c", "Write its forward and backward pass", STAGED, "staged_product"),
    row("B189-1d", "Write the values of both passes into the drawing", STAGED, "by_hand", "q_read"),
    row(
        "B189-2a",
        "Draw f(g₁(w), …, gₙ(w)) and give df/dw",
        PRACTICE,
        "many_paths",
        "q_many_paths",
        "total_derivative",
    ),
    row("B189-2b", "Draw (y − Σ φ(wᵢᵀx + bᵢ))²", PRACTICE, "unit_sum_edges"),
    row("B189-2c", "Its derivatives by wᵢ and bᵢ for the sigmoid", PRACTICE, "q_unit_sum", "sigmoid_net_gradients"),
    row("B189-2d", "One step of gradient descent on wᵢ and bᵢ", PRACTICE, "q_unit_step", "sigmoid_net_step"),
    row(
        "B189-2e",
        "All derivatives of ½‖W₂Φ(W₁x + b) − y‖², also with indices and δ",
        PRACTICE,
        "back_through",
        "q_two_layers",
        "q_delta",
        "two_layer_gradients",
    ),
    row("B189-2f", "One step on W₁ and W₂ when Φ is the identity", PRACTICE, "q_linear_step", "linear_net_step"),
    row(
        "B189-2note",
        "What a numeric and what an analytic gradient costs",
        PRACTICE,
        "forward_difference",
        "q_cost",
    ),
    row("B189-3a", "Start with all zeros, or all equal: what happens?", PRACTICE, "q_init"),
    row("B189-3b", "Count the parameters of 8–10–10–3", PRACTICE, "q_count", "count_parameters"),
    row("B189-3c", "A narrow linear layer in between: for and against", PRACTICE, "merge_layers", "q_bottleneck"),
    row("U442-1.1a", "Optional: f1, a squared error", STAGED, "f1"),
    row("U442-1.1b", "Optional: f2, tanh in steps", STAGED, "f2"),
    row("U442-1.1c", "f3, the cross-entropy of two classes", STAGED, "f3"),
    row("U442-1.1d", "For fun: what are f1, f2 and f3?", STAGED, "q_guess"),
    row("U442-1.2", "Optional: a graph of one's own, drawn and programmed", STAGED, "f4_graph", "f4"),
    row("U442-2.1", "A fully-connected layer for batches", CIFAR, "fc"),
    row("U442-2.2", "ReLU", CIFAR, "relu"),
    row("U442-2.3", "The softmax loss, stable for large scores", CIFAR, "softmax_loss"),
    row("U442-2.4", "The L2 penalty", CIFAR, "l2_regularization"),
    row("U442-3.1", "A two-layer network of these layers", CIFAR, "two_layer_net"),
    row("U442-4.1", "One training step, weights regularised, biases not", CIFAR, "training_step"),
    row(
        "U442-4.1b",
        "Run the bad default settings and see them fail",
        CIFAR,
        "# 9 · A network that does not learn",
        "q_diagnosis",
    ),
    row(
        "U442-4.2",
        "The best settings, the plot, the test accuracy once",
        CIFAR,
        "best_settings",
        "test_accuracy",
        "q_report",
    ),
    row("U442-4.3", "Overfit on purpose, with its plot and settings", CIFAR, "overfit_settings", "q_report"),
    row("U442-5.1", "A convolutional network for Fashion-MNIST", FASHION, "fashion_net", "train_epoch", "accuracy"),
    row(
        "U442-5.2",
        "Its architecture, settings and curves, reported",
        FASHION,
        "# 7 · Train",
        "q_convolution",
        "q_report",
    ),
    row("U442-5.3", "Its test accuracy, once", FASHION, "# Save, and open the test pictures once", "weights"),
    row(
        "U442-6.1",
        "Two photographs through a pretrained network: one right, one wrong",
        IMAGENET,
        "preprocess",
        "classify",
        "own_pictures",
        "q_own_pictures",
    ),
    row("L167-0", "Read the forward pass", RELU, "# 1 · The network"),
    row("L167-1", "∂ℓ/∂ŷ", RELU, "d_ypredicted"),
    row("L167-2", "∂ℓ/∂W₂", RELU, "d_W2"),
    row("L167-3", "∂ℓ/∂h₁", RELU, "d_h1"),
    row("L167-4", "The derivative of ReLU", RELU, "relu_derivative"),
    row("L167-5", "∂ℓ/∂r₁", RELU, "d_r1"),
    row("L167-6", "∂ℓ/∂W₁", RELU, "d_W1"),
    row("L167-7", "∂ℓ/∂h₀", RELU, "d_h0"),
    row("L167-8", "∂ℓ/∂r₀", RELU, "d_r0"),
    row("L167-9", "∂ℓ/∂W₀", RELU, "d_W0"),
    row("L167-opt", "Optional: compare with PyTorch", RELU, "# 9 · Optional: compare with PyTorch (no points)"),
    row("L167-admin", "Name those you worked with", RELU, "q_collaborators"),
    row("L167-2023-10", "Later edition: the network as a PyTorch class", RELU, "torch_mlp"),
    row("L167-2023-11", "Later edition: its loss in PyTorch", RELU, "torch_gradient"),
    row("L167-2023-12", "Later edition: its gradients from PyTorch", RELU, "torch_gradient"),
)

# Optional sections of our own, which no sheet asks for.
BEYOND = (
    row("11-1", "A number that remembers what it was computed from: + and ·, one step back", ENGINE, "number"),
    row("11-2", "The topological order of any graph", ENGINE, "topological_order"),
    row("11-3", "All gradients of a formula with one call", ENGINE, "backpropagate"),
    row("11-4", "Why a graph is built anew for each step", ENGINE, "q_stored_slopes"),
    row("11-5", "The other operators, each with its slopes", ENGINE, "operators"),
    row("11-6", "A small net of numbers, trained on two moons", ENGINE, "small_net", "training_step"),
    row("11-7", "The cost of a gradient, forwards and backwards", ENGINE, "q_cost"),
    row("12-1", "Batch normalisation, forward", LETTERS, "batchnorm_forward"),
    row("12-2", "Its gradients, node by node", LETTERS, "batchnorm_backward"),
    row("12-3", "Its gradient in one formula, derived and coded", LETTERS, "q_one_formula", "batchnorm_backward_short"),
    row("12-4", "A shift in front of it is useless", LETTERS, "q_shift"),
    row("12-5", "Embeddings: look up rows, add gradients up", LETTERS, "embedding"),
    row("12-6", "A model that writes letter by letter", LETTERS, "softmax_loss", "char_model", "q_runs"),
)


# -- reading the notebooks ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Home:
    """A place in a notebook that answers an exercise.

    notebook : its text, relative to notebooks/
    cell     : the grade_id, or the heading
    check    : grade_id of the cell that carries the points; "" when there is none
    """

    notebook: str
    cell: str
    check: str = ""
    points: float = 0
    graded: str = "not graded"


def homes(course: Course, section: str) -> dict[str, list[Home]]:
    """Every cell and heading of a section that a row may name. Headings begin with "# ", whatever their level.

    A place that occurs twice has two homes. Raises CourseError for a notebook that cannot be read.
    """
    found: dict[str, list[Home]] = {}
    for script in course.scripts(section):
        where = f"{section}/{script.name}"
        nb = read_text(read_utf8(script, course.shown(script)), section, where)
        for home in [*_headings(nb, where), *_cells(nb, load(course.checks, section), where)]:
            found.setdefault(home.cell, []).append(home)
    return found


def _headings(nb: NotebookNode, where: str) -> Iterator[Home]:
    for cell in nb.cells:
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata:
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    yield Home(where, f"# {line.lstrip('#').strip()}")


def _cells(nb: NotebookNode, checks: dict[str, Check], where: str) -> Iterator[Home]:
    """The cells with a grade_id. A stub's check is the next cell with points, when that one is code."""
    cells = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
    for number, cell in enumerate(cells):
        meta = cell.metadata.nbgrader
        graded = next((c for c in cells[number:] if c.metadata.nbgrader.grade), None)
        if graded is None or (not meta.grade and graded.cell_type != "code"):
            yield Home(where, meta.grade_id)
            continue
        points, name = graded.metadata.nbgrader.points, graded.metadata.nbgrader.grade_id
        if graded.metadata.nbgrader.solution:
            who = "by hand"
        else:
            who = "by the judge" if name in checks else "by a test in the notebook"
        yield Home(where, meta.grade_id, name, points, who if points else f"{who}, without points")


def find_homes(course: Course, rows: tuple[Row, ...] = ROWS) -> tuple[dict[str, list[Home]], list[str]]:
    """The homes of each row by its id, and a sentence for each home that is missing or not the only one."""
    known = {section: homes(course, section) for section in course.sections()}
    found: dict[str, list[Home]] = {}
    faults = []
    for one in rows:
        found[one.id] = []
        if not one.where:
            faults.append(f"{one.id} ({one.title}) has no home.")
        for place in one.where:
            section, _, cell = place.partition("/")
            there = known.get(section, {}).get(cell, [])
            if len(there) == 1:
                found[one.id].append(there[0])
            else:
                times = f"{len(there)} times" if there else "not"
                faults.append(f"{one.id}: {cell!r} is {times} in the notebooks of {section}.")
    return found, faults


# -- the page -------------------------------------------------------------------------------------------------------

HEAD = """# Coverage

Every exercise of the five homework sheets that this series grew from, and where it is now. This page is made by
`python -m checks.handouts`; points and checks are read from the notebooks.

"By the judge" means from outside the student's process, see the [security model](security.md). "By hand" means a
written answer that a person reads, with the rubric in the source notebook. ″ stands for the check and the points of the
line above. The sheets ask for screenshots of passed tests; here `python -m backprop pdf` puts the results of the checks
into the PDF.

"""

BEYOND_HEAD = """
## Beyond the handouts

Two sections of our own, optional as a whole: no sheet asks for them, and their points count only where the instructor
releases them and says so.

"""


def coverage_table(course: Course) -> str:
    """Return docs/coverage.md: a table for each sheet, and one of what goes beyond them.

    Raises CourseError naming every row without a home.
    """
    found, faults = find_homes(course, ROWS + BEYOND)
    if faults:
        raise CourseError("\n".join(faults))
    parts = [HEAD + "\n".join(f"* **{name}** – {text}" for name, text in SHEETS.items()) + "\n"]
    for sheet in SHEETS:
        rows = [one for one in ROWS if one.id.partition("-")[0] == sheet]
        parts.append(f"\n## {sheet}\n\n" + _table(rows, found))
    parts.append(BEYOND_HEAD + _table(BEYOND, found))
    return "".join(parts)


def _table(rows: Iterable[Row], found: Mapping[str, Sequence[Home]]) -> str:
    lines = ["| exercise | asks for | where | check | points | graded |", "|---" * 6 + "|"]
    for one in rows:
        said: set[str] = set()
        for number, home in enumerate(found[one.id]):
            first = (one.id, one.title) if number == 0 else ("", "")
            lines.append(f"| {' | '.join([*first, *_columns(home, said)])} |")
    return "\n".join(lines) + "\n"


def _columns(home: Home, said: set[str]) -> list[str]:
    """where, check, points, graded. A check that several cells of one row share has its points once."""
    section = home.notebook.partition("/")[0]
    name = home.cell.removeprefix("# ") if home.cell.startswith("# ") else f"`{home.cell}`"
    where = f"[{section}](../notebooks/{home.notebook}) {name}"
    if not home.check:
        return [where, "–", "–", home.graded]
    check = "–" if home.check == home.cell else f"`{home.check}`"
    if home.check in said:
        return [where, check, "″", "″"]
    said.add(home.check)
    return [where, check, f"{home.points:g}", home.graded]


def main() -> int:
    """Write docs/coverage.md of the course that the working folder lies in; return the exit status."""
    try:
        course = Course.find()
        write_atomically(course.root / PAGE, coverage_table(course).encode())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{PAGE} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
