"""What a check is made of: the student at the other end, random inputs, parts with points, a verdict.

A check reads like the specification of its exercise:

    @check("02-sums/add_check", points=5)
    def add(student: Student, draw: Draw) -> None:
        \"\"\"AddNode adds two scalars and hands its upstream gradient to both.\"\"\"
        a, b, upstream = draw.scalar(), draw.scalar(), draw.scalar()
        run = student.run_node("AddNode", a=a, b=b, upstream=upstream)
        with part("forward", points=2):
            expect(run.out, a + b, name="out")
        with part("backward", points=3):
            expect(run.grad("a"), upstream, name="∂J/∂a")

The judge never runs a line of the student's code: it sends plain inputs, gets plain arrays back
and compares. A part earns its points when every `expect` in it holds and nothing was raised.
"""

from backprop.checking.slips import Slip, Slips

from ..sandbox.gone import StudentError, StudentGone
from .answers import Answer, answers, fairly
from .calls import RESULT_CHANGED, Call, expect_all_left_alone, still_there, unchanged
from .check import Check, check
from .draw import Array, Draw
from .functions import FunctionRule, FunctionTrial
from .nodes import Case, NodeRule, NodeTrial, cases
from .regions import expect_in, inputs, near, one_at_a_time, refused, regions
from .shipped import source_of
from .student import NodeRun, Remote, Student, values
from .verdict import Verdict, expect, expect_true, note, part

__all__ = [
    "Answer", "Array", "Call", "Case", "Check", "Draw", "FunctionRule", "FunctionTrial", "NodeRule", "NodeRun",
    "NodeTrial", "RESULT_CHANGED", "Remote", "Slip", "Slips", "Student", "StudentError", "StudentGone", "Verdict",
    "answers", "cases", "check", "expect", "expect_all_left_alone", "expect_in", "expect_true", "fairly", "inputs",
    "near", "note", "one_at_a_time", "part", "refused", "regions", "source_of", "still_there", "unchanged",
    "values",
]  # fmt: skip
