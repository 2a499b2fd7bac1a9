"""Networks of section 09 that nobody has built: what the judge replays is data, and data can ask for anything."""

from __future__ import annotations

import os
import pickle
import resource
from typing import Any

import pytest
from later_attacks import NETWORKS, NETWORKS_NEARBY
from places import CHECKS

from autograder.judging import Student
from autograder.judging.load import all_checks
from autograder.sandbox.inside.wire import Handle

pytest.importorskip("torch")
CHECKED = {check.grade_id: check for check in all_checks(CHECKS) if check.section == "09-fashion-mnist"}
ALL = {**NETWORKS, **NETWORKS_NEARBY}
SECONDS, MEBI = 60, 2**20


def says(described: Any) -> Student:
    """A process that answers `examine` and `open_weights` with this description of a network."""

    def send(request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "load":
            return {"value": {name: Handle(1, "the function") for name in request["names"]}}
        if request["op"] == "call":
            sides = [len(arg) for arg in request["args"] if hasattr(arg, "shape")]
            says.pictures = sides[0] if sides else 1
            return {"handle": Handle(2, "a dict")}
        if request["op"] == "fetch":
            return {"value": described(says.pictures)}
        return {"handle": Handle(3, "the class FashionNet"), "value": True}

    return Student(send)


def judged(name: str, described: Any) -> tuple[float, str | None, float] | int:
    """(score, problem, processor seconds) in a process with the limits of a worker; its exit status if it dies."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + 1024 * MEBI,) * 2)
            used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(used) + SECONDS + 1,) * 2)
            verdict = CHECKED[name].judge(says(described), "a course")
            took = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - used
            os.write(sending, pickle.dumps((verdict.score, verdict.problem, took)))
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb") as file:
        told = file.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(told) if told else status


@pytest.mark.parametrize("check", ["fashion_net_check", "weights"])
@pytest.mark.parametrize("name", ALL)
def test_what_is_written_down_costs_neither_the_judge_nor_a_person_anything(name, check):
    told = judged(check, ALL[name])
    assert isinstance(told, tuple), f"the judge ended with status {told}"
    score, problem, took = told
    assert score == 0 and problem is None and took < SECONDS, told
