"""How well, and how fast, the solution of section 09 learns Fashion-MNIST: the source notebook's own training cells.

    BACKPROP_DATA=... python benchmarks/fashion_mnist.py [--device cpu|cuda] [--threads N]

Aims: 93.5 % of the test pictures in 5 minutes on 2 cores, 94.5 % in 60 s on a GPU. Exit status 1 when the aim of the
device is missed. The time is that of the training cell: all epochs, and after each of them both accuracies.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import jupytext  # noqa: E402
import torch  # noqa: E402

from autograder.mutants.exercise import patched  # noqa: E402
from backprop.clothes import REAL  # noqa: E402

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "09-fashion-mnist" / "fashion_mnist.py"
AIMS = {"cpu": (0.935, 300.0), "cuda": (0.945, 60.0)}
DEVICE = 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")'


def run(device: str) -> tuple[float, float, float, str]:
    """Run the notebook on the device: (test accuracy, seconds, processor seconds, data set)."""
    scope: dict = {"__name__": "__main__"}
    seconds = cpu = 0.0
    for number, cell in enumerate(jupytext.read(NOTEBOOK, fmt="py:percent").cells):
        grading = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or grading.get("grade") or "show" in cell.metadata.get("tags", []):
            continue
        source = cell.source
        if DEVICE in source:
            source = patched(source, DEVICE, f"device = torch.device({device!r})")
        start, start_cpu = time.perf_counter(), time.process_time()
        exec(compile(source, f"cell {number}", "exec"), scope)
        if device == "cuda":
            torch.cuda.synchronize()
        if grading.get("grade_id") == "training":
            seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return scope["test_accuracy"], seconds, cpu, scope["data_set"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=sorted(AIMS), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2, help="threads that PyTorch uses on the CPU")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use here; leave out --device cuda.", file=sys.stderr)
        return 2
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:  # the weights file is written to the working folder
        os.chdir(folder)
        accuracy, seconds, cpu, data_set = run(options.device)
        os.chdir(NOTEBOOK.parent)
    if data_set != REAL:
        print(f"{REAL} is not here: name its folder in BACKPROP_DATA.", file=sys.stderr)
        return 1
    least, most = AIMS[options.device]
    where = torch.cuda.get_device_name() if options.device == "cuda" else f"CPU, {options.threads} threads"
    print(
        f"{REAL}, {where}: test accuracy {accuracy:.2%} (aim {least:.1%}) after {seconds:.0f} s "
        f"(aim {most:.0f} s; {cpu:.0f} s of processor time)"
    )
    return 0 if accuracy >= least and seconds <= most else 1


if __name__ == "__main__":
    sys.exit(main())
