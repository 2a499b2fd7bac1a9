"""A small class for one section, and what the gradebook says about it."""

from __future__ import annotations

import sqlite3

from autograder.course import Course
from autograder.demo.classroom import CLASS

SECTION = "04-ridge"
QUICK = tuple(student for student in CLASS if student.name in ("ada", "chi", "dov", "eli", "gus", "jan", "kim", "lea"))
ROWS = """
    select a.student_id, asg.name, n.name, b.name, g.auto_score, g.manual_score, g.needs_manual_grade
    from grade g join base_cell b on g.cell_id = b.id
    join submitted_notebook sn on g.notebook_id = sn.id join notebook n on sn.notebook_id = n.id
    join submitted_assignment a on sn.assignment_id = a.id join assignment asg on a.assignment_id = asg.id
    order by 1, 2, 3, 4
"""


def rows(course: Course) -> list[tuple]:
    with sqlite3.connect(course.gradebook_path) as db:
        return db.execute(ROWS).fetchall()
