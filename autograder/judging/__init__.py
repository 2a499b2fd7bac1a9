"""What a check is made of: the student at the other end, random inputs, parts with points, a verdict.

A check reads like the specification of its exercise:

    @check("04-ridge/sum_node_check", points=5)
    def sum_node(student: Student, draw: Draw) -> None:
        \"\"\"SumNode adds two scalars and hands its upstream gradient to both.\"\"\"
        a, b, upstream = draw.scalar(), draw.scalar(), draw.scalar()
        run = student.run_node("SumNode", a=a, b=b, upstream=upstream)
        with part("forward", points=2):
            expect(run.out, a + b, name="out")
        with part("backward", points=3):
            expect(run.grad("a"), upstream, name="∂J/∂a")

The judge never runs a line of the student's code: it sends plain inputs, gets plain arrays back
and compares. A part earns its points when every `expect` in it holds and nothing was raised.
"""

from ..sandbox.gone import StudentError, StudentGone
from .check import Check, check
from .draw import Array, Draw
from .student import NodeRun, Remote, Student, values
from .verdict import Verdict, expect, expect_true, note, part

__all__ = [
    "Array", "Check", "Draw", "NodeRun", "Remote", "Student", "StudentError", "StudentGone", "Verdict",
    "check", "expect", "expect_true", "note", "part", "values",
]  # fmt: skip
