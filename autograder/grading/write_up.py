"""The graded notebook: verdicts as nbgrader reads them, outputs, the rubric and what was mended."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum, determine_grade

from ..judging.verdict import Verdict
from ..sandbox.process import CellResult
from ..submissions.released import RUBRIC_TAG, ReleasedCell
from ..submissions.repair import GradedCell
from ..text import visible

# In the metadata of a test cell: its check could not be finished, so a person decides (`nbgrader_hooks.SaveScores`).
UNDECIDED = {"backprop": {"undecided": True}}


def _unchanged(cell: dict[str, Any], wanted: ReleasedCell) -> bool:
    """Whether the cell is as released, by nbgrader's own checksum."""
    return compute_checksum(nbformat.from_dict(cell)) == wanted.nbgrader.get("checksum")


def _error(name: str, text: str) -> dict[str, Any]:
    text = visible(text)
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [text]}


def verdict_outputs(verdict: Verdict) -> list[dict[str, Any]]:
    """The verdict as nbgrader reads a test cell: nothing numeric for full marks, a number first for a part, an error
    for none and for a verdict that a person has to reach."""
    text = verdict.text
    if verdict.problem:
        return [{"output_type": "error", "ename": "Undecided", "evalue": text, "traceback": text.splitlines()}]
    if verdict.full:
        return [{"output_type": "stream", "name": "stdout", "text": text + "\n"}]
    if verdict.score > 0:
        number = {"text/plain": repr(float(verdict.score))}
        result = {"output_type": "execute_result", "data": number, "metadata": {}, "execution_count": None}
        return [result, {"output_type": "stream", "name": "stdout", "text": text + "\n"}]
    return [{"output_type": "error", "ename": "NoPoints", "evalue": text, "traceback": text.splitlines()}]


def _plain_test_outputs(done: CellResult, outputs: list[dict[str, Any]], points: float) -> list[dict[str, Any]]:
    """The outputs of an nbgrader test that ran in the student's process: no stderr (a warning costs nothing), no lines
    of the hidden tests, and no number that nbgrader would read as full marks or stumble over."""
    kept = [output for output in outputs if output.get("name") != "stderr"]
    for output in kept:
        if output["output_type"] == "error":
            output["traceback"] = [f"{output['ename']}: {output['evalue']}"]
        elif output["output_type"] == "execute_result":
            _settle_number(output, points)
    if not done.ok and not any(output["output_type"] == "error" for output in kept):
        kept.append(_error("Failed", "The test failed."))
    return kept


def _settle_number(result: dict[str, Any], points: float) -> None:
    """Write a partial score as a plain number; make one that is nan, negative or above the maximum an error."""
    text = result["data"].get("text/plain", "")
    numpy_scalar = re.fullmatch(r"np\.\w+\((.+)\)", text.strip())
    try:
        number = float(numpy_scalar[1] if numpy_scalar else text)
    except ValueError:
        return
    if 0 <= number <= points:
        result["data"] = {"text/plain": repr(number)}
    else:
        result.clear()
        result.update(_error("NoScore", f"The test gave {number:g}, which is no score between 0 and {points:g}."))


def _automatic_score(cell: dict[str, Any]) -> float | None:
    """nbgrader's own reading of a grade cell without a registered check; a crooked number earns nothing."""
    try:
        score, most = determine_grade(nbformat.from_dict(cell))
    except (ValueError, KeyError, TypeError, IndexError):
        return 0.0
    return score


def _with_saved_figures(fresh: list[dict[str, Any]], saved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs of this run, with each figure that was not drawn replaced by the picture the student saved."""
    pictures = [output for output in saved if any(mime.startswith("image/") for mime in output.get("data", {}))]
    merged = []
    for output in fresh:
        if output.get("metadata", {}).get("figure") and "image/png" not in output["data"] and pictures:
            output = {**pictures.pop(0), "output_type": "display_data", "metadata": {}}
            output.pop("execution_count", None)
        merged.append(output)
    return merged


def written_cells(
    cells: Sequence[GradedCell], outputs: dict[int, list[dict[str, Any]]], verdicts: dict[str, Verdict]
) -> list[dict[str, Any]]:
    """The cells as they stand in the autograded notebook, each with what this run or the judge put below it.

    outputs : index of a cell -> its outputs of this run
    """
    written, used = [], {"problems"}
    for index, item in enumerate(cells):
        cell = _written(index, item, outputs.get(index), used)
        if item.template is not None and item.template.check is not None:
            verdict = verdicts[item.template.grade_id]
            cell["outputs"] = verdict_outputs(verdict)
            if verdict.problem:
                cell["metadata"] |= UNDECIDED
            elif not verdict.full:
                cell["metadata"]["backprop"] = {"wrong": _wrong(verdict)}
        written.append(cell)
    return written


def _wrong(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """The name of each part that does not hold with the sentences about it, each once: for the head of the feedback."""
    said: set[str] = set()
    wrong = []
    for part in verdict.parts:
        if not part.passed:
            texts = [mistake.text for mistake in part.mistakes]
            wrong.append((visible(part.name), [visible(t) for t in texts if not (t in said or said.add(t))]))
    return wrong


def _written(index: int, item: GradedCell, fresh: list[dict[str, Any]] | None, used: set[str]) -> dict[str, Any]:
    wanted = item.template
    metadata = {"nbgrader": dict(wanted.nbgrader)} if wanted is not None and wanted.grade_id else {}
    if wanted is not None and wanted.metadata.get("tags"):
        metadata["tags"] = list(wanted.metadata["tags"])
    cell_id = wanted.id if wanted is not None and wanted.id not in used else f"added-{index}"
    used.add(cell_id)
    cell = {"cell_type": item.cell_type, "id": cell_id, "metadata": metadata, "source": item.source}
    if item.cell_type == "code":
        saved = item.cell.outputs if item.cell is not None else []
        cell["outputs"] = saved if fresh is None else _with_saved_figures(fresh, saved)
        cell["execution_count"] = None
    elif item.cell is not None and item.cell.attachments:
        cell["attachments"] = item.cell.attachments
    return cell


def write_up(
    section: str, cells: Sequence[GradedCell], written: Sequence[dict[str, Any]], problems: Sequence[str]
) -> dict[str, Any]:
    """The autograded notebook: the cells, what was mended in front of them, a rubric before each written answer."""
    everything = [_note_cell(problems)] if problems else []
    for item, cell in zip(cells, written, strict=True):
        wanted = item.template
        if wanted is not None and wanted.is_grade and wanted.is_solution:
            everything.append(_rubric_cell(wanted))
        everything.append(cell)
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "backprop": {"section": section},
    }
    return {"cells": everything, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _note_cell(problems: Sequence[str]) -> dict[str, Any]:
    lines = "\n".join(f"* {html.escape(_inert(problem))}" for problem in dict.fromkeys(problems))
    source = f"**About this submission**\n\n{lines}"
    return {"cell_type": "markdown", "id": "problems", "metadata": {}, "source": source}


def _rubric_cell(wanted: ReleasedCell) -> dict[str, Any]:
    """The model answer and the rubric, for whoever grades by hand; pages for students leave it out."""
    text = "\n".join(line for line in wanted.source.splitlines() if "### BEGIN SOLUTION" not in line)
    quoted = "\n".join(f"> {line}" for line in text.replace("### END SOLUTION", "").strip().splitlines())
    source = f"**For the grader** · {wanted.grade_id}, {wanted.points:g} points\n\n{quoted}"
    metadata = {"tags": [RUBRIC_TAG], "deletable": False, "editable": False}
    return {"cell_type": "markdown", "id": f"rubric-{wanted.id}"[:64], "metadata": metadata, "source": source}


def _inert(text: str) -> str:
    """The text without characters that Markdown would act on."""
    return re.sub(r"([\\`*_{}\[\]()#!|~$])", r"\\\1", " ".join(text.split()))
