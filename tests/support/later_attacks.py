"""Twenty attacks on the design as it was after all others were mended, written after reading it again.

The inputs are frozen. What they did at first, before anything was mended, stands in docs/security.md.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from attacks import Attack, Notebook, graded
from attacks_on_the_design import PNG, text_cell, with_cells

# -- reading: submissions in a class --------------------------------------------------------------------------------


def renamed(name: str | bytes) -> Callable[[Path], None]:
    """The notebook under another name, and cut off in the middle."""

    def apply(folder: Path) -> None:
        content = (folder / "ridge.ipynb").read_bytes()
        (folder / "ridge.ipynb").unlink()
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as file:
            file.write(content[: len(content) // 2])

    return apply


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def nested_everywhere(notebook: Notebook) -> None:
    """Data that can be read, just, and are too deep for whoever goes through them a second time."""
    notebook["metadata"] |= {"deep": nested(900), "kernelspec": {"name": nested(900)}}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"deep": nested(900), "tags": [nested(900)]}
        cell["id"] = nested(900)
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "metadata": nested(900), "data": {
                "text/plain": nested(900), "image/svg+xml": nested(900)}}]  # fmt: skip
        cell["attachments"] = {"a.png": nested(900), "b.png": {"image/png": nested(900)}}


def half_letters(notebook: Notebook) -> bytes:
    """One half of a letter, as JSON may hold it, in every text of the notebook."""
    half = "\ud800"
    for cell in notebook["cells"]:
        cell["source"] += f"\n# {half}" if cell["cell_type"] == "code" else half
        cell["id"] = f"{half}{cell.get('id', '')}"
        cell["metadata"] |= {"tags": [half], half: half}
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": half, "text": half}, {
                "output_type": "error", "ename": half, "evalue": half, "traceback": [half]}]  # fmt: skip
        else:
            cell["attachments"] = {f"{half}.png": {"image/png": PNG, half: half}}
    notebook["metadata"] |= {"language_info": {"name": half, "version": half}}
    return json.dumps(notebook).encode()


def pictures_in_every_cell(notebook: Notebook) -> None:
    """2,900 texts with 50 pictures and 50 addresses each."""
    kept = {f"Bild {n}.png": {"image/png": PNG} for n in range(50)}
    text = " ".join(f"![x](attachment:bild%20{n}.PNG)" for n in range(50))
    notebook["cells"] += [text_cell(f"{number} {text}", kept) for number in range(2900)]


def zip_of_many_names(count: int) -> bytes:
    """A zip whose list of contents has so many entries, none of which is there."""
    entry = struct.Struct("<IHHHHHHIIIHHHHHII")
    parts = []
    for number in range(count):
        name = b"%06d" % number
        parts.append(entry.pack(0x02014B50, 20, 20, 0, 0, 0, 0x21, 0, 1, 1, len(name), 0, 0, 0, 0, 0, 0) + name)
    listed = b"".join(parts)
    return listed + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count & 0xFFFF, count & 0xFFFF, len(listed), 0, 0)


def zips_of_many_names(folder: Path) -> None:
    content = zip_of_many_names(600_000)
    for number in range(4):
        (folder / f"work{number}.zip").write_bytes(content)


IN_A_CLASS = [
    Attack("lines-in-a-name", folder=renamed("ridge\nFORGED 10 of 10 points\x1b[2J\n.ipynb")),
    Attack("half-letters-in-a-name", folder=renamed(b"ridge\xff\xfe.ipynb")),
    Attack("nested-900-deep", notebook=nested_everywhere),
    Attack("half-letters-in-every-text", notebook=half_letters),
    Attack("pictures-in-every-cell", notebook=pictures_in_every_cell),
    Attack("zips-of-many-names", folder=zips_of_many_names),
]

# -- written answers in a page --------------------------------------------------------------------------------------

# A formula that puts its letters somewhere else on the page, over what the judge has said.
ELSEWHERE = r"$\hspace{-30em}\raise{40em}{\text{FORGED 10 of 10 points}}\kern-30em \Huge 10$"

# -- printing -------------------------------------------------------------------------------------------------------


def endless_points(notebook: Notebook) -> None:
    for cell in graded(notebook):
        cell["metadata"]["nbgrader"]["points"] = 10**400


def half_a_name(notebook: Notebook) -> None:
    for cell in graded(notebook):
        cell["metadata"]["nbgrader"]["grade_id"] += "\ud800"


def kinds_900_deep(notebook: Notebook) -> None:
    for cell in notebook["cells"][::2]:
        cell["id"], cell["cell_type"] = nested(900), nested(900)


def odd_outputs(notebook: Notebook) -> None:
    odd = [[], {}, 5, None, 1e308, "x", [[["x"]]], {"a": [1]}]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": kind, "data": {"text/plain": one, "image/png": one, "text/html": one}, "text": one,
                 "name": one, "metadata": one, "ename": one, "evalue": one, "traceback": [one]}
                for one in odd for kind in ("stream", "display_data", "execute_result", "error", one)
            ]  # fmt: skip
        else:
            with_cells(*(text_cell("![x](attachment:a.png)", {"a.png": one}) for one in odd))(notebook)
            break


PRINTED: dict[str, Callable[[Notebook], None]] = {
    "points-of-400-digits": endless_points,
    "half-a-letter-in-a-name": half_a_name,
    "kinds-900-deep": kinds_900_deep,
    "outputs-of-odd-kinds": odd_outputs,
}

# -- downloads ------------------------------------------------------------------------------------------------------


def many_names() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(3):
            made.writestr(f"{number}.zip", zip_of_many_names(600_000))
    return buffer.getvalue()


YEAR_30000 = 884_541_340_800  # as a file time of Windows can say

# -- section 09: networks that are written down ---------------------------------------------------------------------

SCORES = 3  # the number of a constant: the scores that come out


def call(name: str, *args: Any, made: int, **named: Any) -> list[Any]:
    """One written call of PyTorch's. {"tensor": 3} is a tensor."""
    return ["", name, json.dumps([list(args), {"names": named}]), False, [made]]


def tensor(number: int) -> dict[str, int]:
    return {"tensor": number}


def zeros(made: int, *shape: int) -> list[Any]:
    return call("new_zeros", tensor(0), list(shape), made=made)


def described(N: int, steps: list[Any], out: int = SCORES, state: Any = None) -> dict[str, Any]:
    """What `examine` and `open_weights` of checks/shipped/fashion_bench.py would say of a network with these steps."""
    scores = np.float32(np.random.default_rng(0).normal(size=(N, 10)))
    made = {"steps": steps, "constants": {SCORES: scores}, "out": out}
    shown = {key: np.float64(scores) for key in ("eval", "again", "other", "train", "second", "second, later")}
    state = np.float32(np.ones((8, 1, 3, 3))) if state is None else state
    return {"kind": "", "names": ["conv.weight"], "frozen": [], "state": [state], **shown,
            "alone": np.float64(scores[:1]), "eval pass": made, "train pass": made, "pass": made, "scores": [N, 10],
            "trained_on": "drawn clothes"}  # fmt: skip


MANY = 2900  # steps
NETWORKS: dict[str, Callable[[int], dict[str, Any]]] = {
    "pool-over-everything": lambda N: described(N, [
        zeros(4, 1, 1, 4096, 4096), call("avg_pool2d", tensor(4), [2048, 2048], 1, made=5)]),
    "attention-of-all-to-all": lambda N: described(N, [
        zeros(4, 1, 1, 2**22, 1), call("scaled_dot_product_attention", tensor(4), tensor(4), tensor(4), made=5)]),
    "many-steps": lambda N: described(N, [zeros(4, 2**25), *[call("erf", tensor(4), made=5)] * MANY]),
    "product-of-four": lambda N: described(N, [zeros(4, 2048, 2048), *[
        call("einsum", "ab,bc,cd,da->", *[tensor(4)] * 4, made=5)] * MANY]),
    "whole-parameters": lambda N: described(N, [], state=np.arange(9, dtype=np.int64)),
    "scores-of-yes-and-no": lambda N: described(N, [call("gt", tensor(SCORES), 0, made=4)], out=4),
    "scores-that-are-nowhere": lambda N: described(N, [call("to", tensor(SCORES), "meta", made=4)], out=4),
}  # fmt: skip

# -- neighbours: more of each kind that did harm, written when it was mended ------------------------------------------


def half_ids(notebook: Notebook) -> bytes:
    """Only in the ids of cells: one half, the other half, both in the wrong order."""
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = ("\ud800", "\udc00", "\udc00\ud800")[number % 3] + str(number)
    return json.dumps(notebook).encode()


NEARBY = [
    Attack("half-letters-in-ids", notebook=half_ids),
    Attack("turned-round-in-a-name", folder=renamed("ridge\u202eFORGED\u2028FORGED 10 of 10.ipynb")),
    Attack("no-notebook-in-lines", folder=renamed("\rFORGED 10 of 10\x07.ipynb"), notebook=lambda notebook: b"{[" * 9),
]


def endless_weights(notebook: Notebook) -> None:
    notebook["metadata"]["backprop"] = {"weights": [{"file": "a.npz", "max_mb": 10**400}], "questions": [
        {"id": "a\ud800", "points": 10**400}], "digests": {"a": "b"}}  # fmt: skip


def points_that_are_none(notebook: Notebook) -> None:
    for cell, points in zip(
        graded(notebook), [float("nan"), float("-inf"), True, "\udfff", [], -(10**400)], strict=False
    ):
        cell["metadata"]["nbgrader"]["points"] = points


def half_answers(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["source"] = f"\udfff{cell['source']}\ud800"
        cell["metadata"]["tags"] = ["\ud800"]


PRINTED_NEARBY: dict[str, Callable[[Notebook], None]] = {
    "weights-of-400-digits": endless_weights,
    "points-that-are-none": points_that_are_none,
    "half-letters-in-answers": half_answers,
}

NETWORKS_NEARBY: dict[str, Callable[[int], dict[str, Any]]] = {
    "pool-in-padding": lambda N: described(N, [
        zeros(4, 1, 1, 2**20), call("max_pool1d", tensor(4), 2 * 10**9, 1, 10**9, made=5)]),
    "sums-over-channels": lambda N: described(N, [
        zeros(4, 1, 2**12, 2**12), call("local_response_norm", tensor(4), 2**24, made=5)]),
    "products-of-two": lambda N: described(N, [zeros(4, 5792, 5792), zeros(5, 1, 5792, 5792), *[
        call("bilinear", tensor(4), tensor(4), tensor(5), made=6)] * MANY]),
    "roots-in-place": lambda N: described(N, [zeros(4, 2**25), *[call("sqrt_", tensor(4), made=4)] * MANY]),
    "parameters-of-yes-and-no": lambda N: described(N, [], state=np.ones(9, dtype=bool)),
    "whole-scores": lambda N: described(N, [
        call("to", tensor(SCORES), {"dtype": "int8"}, made=4)], out=4),
    "half-of-it-is-nowhere": lambda N: described(N, [call("to", tensor(SCORES), "meta", made=4),
        call("add", tensor(SCORES), tensor(4), made=5)], out=5),
}  # fmt: skip
