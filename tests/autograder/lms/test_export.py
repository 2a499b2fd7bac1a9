"""Grade files: the right numbers in the right rows, nothing that a spreadsheet would run."""

import csv
import datetime
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Student
from small_course import ROOT, SECTIONS, enter, make_course

from autograder.__main__ import main
from autograder.course import Course
from autograder.errors import UserError
from autograder.lms.export import export_grades
from autograder.lms.table import number_cell, text_cell

SECTION_LIST = list(SECTIONS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """ana: all of both sections, graded by hand with a penalty; ben: the first section only; zoe: nothing."""
    course = make_course(tmp_path_factory.mktemp("course"))
    enter(course, "ana", timestamp=datetime.datetime(2026, 1, 5, 10))
    enter(course, "ana", "02-second", {"add_check": 0.0, "more_check": 3.0, "why": None})
    enter(course, "ben", scores={"add_check": 2.5, "more_check": 0.0, "why": None})
    with course.open_gradebook() as gradebook:
        person = gradebook.find_student("ana")
        person.first_name, person.last_name, person.email = "Ana", 'Li, "Jr"', "ana@example.org"
        gradebook.db.add(Student(id="zoe", first_name="=HYPERLINK(1)", last_name="+Ż", email="@x"))
        grade = gradebook.find_grade("why", "first", "01-first", "ana")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3.5, 1, False
        gradebook.find_grade("add_check", "first", "01-first", "ana").manual_score = 4
        gradebook.find_submission_notebook("first", "01-first", "ana").late_submission_penalty = 2.25
        gradebook.db.commit()
    return course


@pytest.fixture
def course(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "c", dirs_exist_ok=True)
    return Course(tmp_path / "c")


def written(*arguments):
    path, _ = export_grades(*arguments)
    return path


def table(path):
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def roster(course, name, text):
    course.exports.mkdir(exist_ok=True)
    (course.exports / name).write_bytes(text.encode("utf-8-sig"))


# -- csv -------------------------------------------------------------------------------------------------------------


def test_the_plain_table_has_every_score_as_nbgrader_counts_it(course):
    path = written(course, "csv", None, SECTION_LIST)
    assert path == course.exports / "grades-csv.csv"
    rows = {row["student"]: row for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}
    assert list(rows) == ["ana", "ben", "zoe"]
    ana, ben, zoe = rows.values()
    # 4 by hand in place of 5, 3, 3.5 by hand and 1 extra, less 2.25
    assert ana["01-first score"] == "9.25" and ana["01-first max"] == "12" and ana["01-first late penalty"] == "2.25"
    assert ana["01-first needs manual grading"] == "no" and ana["02-second needs manual grading"] == "yes"
    assert ana["01-first/add_check"] == "4" and ana["01-first/why"] == "4.5" and ana["02-second/more_check"] == "3"
    assert ana["total"] == "12.25" and ana["max"] == "24"
    assert ben["01-first score"] == "2.5" and ben["total"] == "2.5"
    assert ben["02-second score"] == ben["02-second/add_check"] == ben["02-second needs manual grading"] == ""
    assert zoe["total"] == "0" and zoe["01-first score"] == ""


def test_the_scores_are_those_of_nbgrader(course):
    rows = {row["student"]: row for row in csv.DictReader(written(course, "csv", None, SECTION_LIST).open())}
    with course.open_gradebook() as gradebook:
        for submission in gradebook.assignment_submissions("01-first"):
            expected = max(0.0, submission.score - submission.late_submission_penalty)
            assert float(rows[submission.student.id]["01-first score"]) == pytest.approx(expected)


def test_checks_stand_in_the_order_of_the_notebook(course):
    header = table(written(course, "csv", None, ["01-first"]))[0]
    assert header[-3:] == ["01-first/add_check", "01-first/more_check", "01-first/why"]


def test_commas_and_quotes_in_a_name_stay_in_their_cell(course):
    assert table(written(course, "csv", None, SECTION_LIST))[1][1] == 'Li, "Jr"'


def test_no_text_is_a_formula(course):
    for name in ("csv", "canvas", "moodle"):
        for row in table(written(course, name, None, SECTION_LIST)):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))], row


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_a_text_that_looks_like_a_formula_is_shown_as_text(text):
    assert text_cell(text).startswith("'")


def test_text_keeps_to_one_line_and_harmless_text_stays_as_it_is():
    assert text_cell("a\r\nb\x00c") == "a b c"
    assert text_cell("Ł. O'Neil-Smith") == "Ł. O'Neil-Smith"


@pytest.mark.parametrize(
    "value, cell",
    [(None, ""), (0.0, "0"), (-0.0, "0"), (10.0, "10"), (2.5, "2.5"), (1 / 3, "0.3333"), (1e-7, "0"), (100, "100")],
)
def test_numbers_are_short_and_plain(value, cell):
    assert number_cell(value) == cell


# -- canvas ----------------------------------------------------------------------------------------------------------


def test_canvas_without_a_roster_finds_students_by_their_id(course):
    rows = table(written(course, "canvas", None, SECTION_LIST))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01-first", "02-second"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "12", "12"]
    assert rows[2] == ['Li, "Jr", Ana', "", "ana", "", "", "9.25", "3"]
    assert rows[3] == ["ben", "", "ben", "", "", "2.5", ""]


@pytest.mark.parametrize("format", ["canvas", "moodle"])
def test_without_a_roster_no_grade_is_lost_whatever_people_are_called(course, format):
    """The number of one person in the platform, or the e-mail address, may be the id of another."""
    with course.open_gradebook() as gradebook:
        gradebook.find_student("ana").lms_user_id = "ben"
        gradebook.db.add(Student(id="ana@example.org", lms_user_id="ana"))
        gradebook.db.commit()
    enter(course, "ana@example.org", scores={"add_check": 1.0, "more_check": 0.0, "why": None})
    rows = {row[2 if format == "canvas" else 0]: row for row in table(written(course, format, None, SECTION_LIST))}
    assert [rows[name][-2] for name in ("ana", "ana@example.org", "ben", "zoe")] == ["9.25", "1", "2.5", ""]


@pytest.mark.parametrize("format", ["csv", "canvas", "moodle"])
def test_of_all_sections_those_that_nobody_handed_in_are_left_out(tmp_path, format):
    course = make_course(tmp_path / "c")
    enter(course, "ben")
    header, *rows = table(written(course, format, None, SECTION_LIST))
    assert any(title.startswith("01-first") for title in header)
    assert not any(title.startswith("02-second") for title in header)
    assert {len(row) for row in rows} == {len(header)}
    if format == "csv":
        assert rows[0][header.index("max")] == "12"
    enter(course, "ana", "02-second")
    assert any(title.startswith("02-second") for title in table(written(course, format, None, SECTION_LIST))[0])
    assert any(title.startswith("01-first") for title in table(written(course, format, None, ["01-first"]))[0])


CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,01-first (4711),Old (3),Current Score
,,,,,Manual Posting,,(read only)
    Points Possible,,,,,12.00,5,(read only)
"Jr, Ana",101,S9,ANA,Monday,1.0,5,99
"Be, Ben",102,ben,ben@example.org,Monday,,2,1
"=cmd()",103,x,y,Monday,,2,1
"Student, Test",104,,hash,Monday,,,
"""


def test_canvas_with_its_own_export_fills_the_columns_it_has(course):
    roster(course, "canvas-roster.csv", CANVAS)
    rows = table(written(course, "canvas", None, SECTION_LIST))
    assert rows[0][5:] == ["01-first (4711)", "02-second"]
    assert rows[2] == ["Jr, Ana", "101", "S9", "ANA", "Monday", "9.25", "3"]
    assert rows[3] == ["Be, Ben", "102", "ben", "ben@example.org", "Monday", "2.5", ""]
    assert rows[4] == ["'=cmd()", "103", "x", "y", "Monday", "", ""]
    assert rows[5][:2] == ["Student, Test", "104"] and len(rows) == 6


def test_students_who_go_by_their_canvas_number_are_found_too(course):
    enter(course, "103", scores={"add_check": 1.0, "more_check": 0.0, "why": None})
    roster(course, "canvas-roster.csv", CANVAS)
    assert table(written(course, "canvas", None, SECTION_LIST))[4][1:6] == ["103", "x", "y", "Monday", "1"]


def test_a_student_with_grades_who_is_not_in_the_roster_is_named(course):
    roster(course, "canvas-roster.csv", "\n".join(CANVAS.splitlines()[:4]))
    with pytest.raises(UserError, match=r"canvas-roster.csv has no row for ben"):
        written(course, "canvas", None, SECTION_LIST)
    assert table(course.exports / "grades-canvas.csv")[2][5] == "9.25"


@pytest.mark.parametrize(
    "content", [b"", b"Name,Score\nx,1\n", b"\xff\xfe\x00", b'Student,ID\n"a' + b"x" * 200_000, b"\x00\x01"]
)
def test_a_roster_that_is_none_is_one_sentence(course, content):
    course.exports.mkdir()
    (course.exports / "canvas-roster.csv").write_bytes(content)
    with pytest.raises(UserError, match="canvas-roster.csv"):
        written(course, "canvas", None, SECTION_LIST)


# -- moodle ----------------------------------------------------------------------------------------------------------


def test_moodle_without_a_roster_finds_students_by_their_user_name(course):
    rows = table(written(course, "moodle", None, SECTION_LIST))
    assert rows[0] == ["Username", "Full name", "Email address", "01-first", "02-second"]
    assert rows[1] == ["ana", 'Ana Li, "Jr"', "ana@example.org", "9.25", "3"]


def test_moodle_with_a_participants_list_keeps_its_rows(course):
    text = (
        "Identifier;Full name;Email address;Grade\nParticipant 7;Ana L;ANA@example.org;-\nParticipant 8;B;ben@x.org;-\n"
    )
    roster(course, "moodle-roster.csv", text)
    rows = table(written(course, "moodle", None, SECTION_LIST))
    assert rows == [
        ["Identifier", "Full name", "Email address", "01-first", "02-second"],
        ["Participant 7", "Ana L", "ANA@example.org", "9.25", "3"],
        ["Participant 8", "B", "ben@x.org", "2.5", ""],
    ]


# -- removed students ------------------------------------------------------------------------------------------------


def test_a_student_and_a_submission_are_removed_as_the_guide_says(course, monkeypatch):
    enter(course, "xia")
    enter(course, "xia", "02-second")
    enter(course, "xia-2")
    guide = (ROOT / "docs" / "instructor.md").read_text(encoding="utf-8")
    chapter = (
        guide.partition("\n## Remove a student or a submission\n")[2]
        .partition("\n## ")[0]
        .replace("04-ridge", "01-first")
    )
    student, submission, folders = re.findall(r"^```\w*\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")

    def left() -> tuple[list[str], list[str]]:
        """The sections of xia in the export, and the files and folders that have the name."""
        rows = {row["student"]: row for row in csv.DictReader(written(course, "csv", None, SECTION_LIST).open())}
        assert rows["xia-2"]["01-first score"] and rows["ana"]["01-first score"]
        files = [path for path in course.root.rglob("*") if re.search(r"/xia(?!-2)", str(path))]
        return [name for name in SECTION_LIST if rows.get("xia", {}).get(f"{name} score")], files

    assert len(left()[0]) == 2
    exec(submission, {})
    subprocess.run(["bash", "-ec", folders], check=True)
    sections, files = left()
    assert sections == ["02-second"] and files and not [path for path in files if "01-first" in str(path)]
    subprocess.run(["bash", "-ec", student], check=True)
    assert left() == ([], [])


# -- all -------------------------------------------------------------------------------------------------------------


def test_an_unknown_format_lists_those_there_are(course):
    with pytest.raises(UserError, match="'excel'.*csv, canvas, moodle"):
        written(course, "excel", None, SECTION_LIST)


def test_the_file_may_lie_anywhere_and_an_old_one_stays_whole(course, tmp_path):
    path = tmp_path / "new/grades.csv"
    assert written(course, "csv", path, ["01-first"]) == path and path.exists()
    with pytest.raises(UserError, match="is a folder"):
        written(course, "csv", tmp_path, ["01-first"])


def test_nothing_graded_is_one_sentence(tmp_path):
    course = make_course(tmp_path)
    with pytest.raises(UserError, match="autograder grade"):
        written(course, "csv", None, SECTION_LIST)


def test_what_a_person_has_still_to_grade_is_listed(course):
    assert export_grades(course, "csv", None, SECTION_LIST)[1] == ["ana/02-second", "ben/01-first"]


def test_the_gradebook_is_read_once(course, monkeypatch):
    opened = []
    whole = Course.open_gradebook
    monkeypatch.setattr(Course, "open_gradebook", lambda self: opened.append(1) or whole(self))
    monkeypatch.chdir(course.root)
    assert main(["export"]) == 0
    assert len(opened) == 1


# -- Canvas as it is -------------------------------------------------------------------------------------------------

SPLIT = (
    "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,01-first (778)\n    Points Possible,,,,,,50.00\n"
    "Li,Ana,9001,S1,ana,Lec A,\nRoe,Hand,9004,S4,hand,Lec A,41.00\nPoe,Free,9005,S5,free,Lec A,EX\n"
    "Be,Ben,9002,S2,ben,Lec A,3\n"
)


def test_canvas_s_own_columns_stay_and_a_grade_given_there_is_left_alone(course):
    roster(course, "canvas-roster.csv", SPLIT)
    notes = []
    export_grades(course, "canvas", None, ["01-first"], notes=notes)
    header, _, *rows = table(course.exports / "grades-canvas.csv")
    assert header == ["LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Section", "01-first (778)"]
    assert {row[4]: row[6] for row in rows} == {"ana": "9.25", "hand": "41.00", "free": "EX", "ben": "2.5"}
    assert notes == [
        "01-first (778) is out of 50 points in Canvas and of 12 here: Canvas takes the points as they are. Change it "
        "there, or expect other percentages."
    ]


FORMS = [
    ["Student", "ID", "SIS Login ID", "Section"],
    ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"],
    ["Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section"],
    ["LastName", "FirstName", "ID", "SIS Login ID", "Section"],
    ["LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Section"],
]


def taken_by_canvas(header: list[str]) -> bool:
    """The rule of Canvas's lib/gradebook_importer.rb: which columns a file must begin with."""
    split = header[:2] == ["LastName", "FirstName"]
    if not split and not ("Student" in header[0] and "ID" in header[1]):
        return False
    names = 4 if split else 3
    count, rest = names, header[names - 1 :]
    if rest[0] == "SIS Login ID":
        count += 1
    elif rest[:2] == ["SIS User ID", "SIS Login ID"]:
        count += 2 + ("Integration ID" in rest) + ("Root Account" in rest)
    return "Section" in header[count - 1]


@pytest.mark.parametrize("own", FORMS, ids=" ".join)
@pytest.mark.parametrize("excel", [False, True])
def test_canvas_takes_the_header_in_every_form_that_it_writes(course, own, excel):
    cells = {"LastName": "Li", "FirstName": "Ana", "Student": "Li, Ana", "ID": "9001", "SIS Login ID": "ana"}
    lines = [
        [*own, "Custom", "01-first (778)", "Current Score", "Override Score"],
        [""] * (len(own) + 1) + ["Manual Posting", "", ""],
        ["    Points Possible", *[""] * len(own), "12.00", "(read only)", ""],
        [*(cells.get(title, "x") for title in own), "", "N/A", "50.00", ""],
    ]
    roster(course, "canvas-roster.csv", "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines))
    with pytest.raises(UserError, match="no row for ben"):
        export_grades(course, "canvas", None, ["01-first"], excel=excel)
    text = (course.exports / "grades-canvas.csv").read_bytes().decode()
    header, possible, ana = csv.reader(io.StringIO(text))
    assert taken_by_canvas(header), header
    assert header[len(own) :] == ["01-first (778)"]
    assert "Points Possible" in possible[0] and ana[len(own) :] == ["9.25"]


def test_a_section_may_have_another_name_in_the_platform(course, monkeypatch, capsys):
    roster(course, "canvas-roster.csv", SPLIT.replace("01-first (778)", "Homework 1 (778)").replace("50.00", "12"))
    monkeypatch.chdir(course.root)
    assert main(["export", "01", "--format", "canvas", "--assignment", "01=Homework 1"]) == 0
    assert "Homework" not in capsys.readouterr().out
    assert table(course.exports / "grades-canvas.csv")[0][-1] == "Homework 1 (778)"
    assert main(["export", "01", "--format", "canvas"]) == 0
    assert "Canvas has no assignment 01-first" in capsys.readouterr().out
    assert main(["export", "01", "--assignment", "Homework 1"]) == 2


# -- Blackboard, Brightspace, Gradescope, Excel ----------------------------------------------------------------------


def test_blackboard_fills_the_column_that_carries_its_number(course):
    title = "01-first [Total Pts: 12 Score] |1234"
    roster(
        course,
        "blackboard-roster.csv",
        f"Last Name\tFirst Name\tUsername\tStudent ID\t{title}\nLi\tAna\tana\tS1\t\nBe\tBen\tben\tS2\t\n",
    )
    notes = []
    export_grades(course, "blackboard", None, ["01-first"], notes=notes)
    header, *rows = table(course.exports / "grades-blackboard.csv")
    assert header[-1] == title and notes == []
    assert (course.exports / "grades-blackboard.csv").read_text().startswith('"Last Name","First Name","Username",')
    assert {row[2]: row[-1] for row in rows} == {"ana": "9.25", "ben": "2.5"}


def test_brightspace_s_file_has_points_grades_and_ends_of_lines(course):
    text = "OrgDefinedId,Username,01-first Points Grade <Numeric MaxPoints:12>,End-of-Line Indicator\n"
    text += "#1,#ana,,#\n#2,#ben,,#\n"
    roster(course, "brightspace-roster.csv", text)
    export_grades(course, "brightspace", None, ["01-first"])
    header, *rows = table(course.exports / "grades-brightspace.csv")
    assert header == [
        "OrgDefinedId",
        "Username",
        "01-first Points Grade <Numeric MaxPoints:12>",
        "End-of-Line Indicator",
    ]
    assert rows == [["1", "ana", "9.25", "#"], ["2", "ben", "2.5", "#"]]


@pytest.mark.parametrize("format", ["blackboard", "brightspace", "gradescope"])
def test_other_platforms_without_a_roster_find_students_by_their_user_name(course, format):
    export_grades(course, format, None, ["01-first"])
    header, *rows = table(course.exports / f"grades-{format}.csv")
    column = header.index({"gradescope": "SID"}.get(format, "Username"))
    score = next(i for i, title in enumerate(header) if title.startswith("01-first"))
    assert {row[column]: row[score] for row in rows} == {"ana": "9.25", "ben": "2.5", "zoe": ""}


def test_a_file_for_excel_begins_with_its_mark(course):
    export_grades(course, "csv", None, ["01-first"], excel=True)
    assert (course.exports / "grades-csv.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,")
