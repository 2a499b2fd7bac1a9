"""Downloads and rosters as platforms of today and of before write them. docs/platforms.md names these tests."""

from __future__ import annotations

import datetime
import shutil
import zipfile
from pathlib import Path

import pytest
from downloads import NAME, NOTEBOOK, OTHER, SECTION, download, packed, tree, two_sections
from openpyxl import Workbook

from autograder.errors import UserError
from autograder.lms.collect import collect
from autograder.lms.dates import read_date_in_words
from autograder.lms.feedback_zip import pack_feedback
from autograder.submissions.submission import read_timestamp


@pytest.fixture
def course(tmp_path):
    return two_sections(tmp_path)


def placed(course) -> set[str]:
    return set(tree(course.submitted)) if course.submitted.exists() else set()


def roster(course, text: str, name: str = "roster.csv", encoding: str = "utf-8") -> Path:
    path = course.root / name
    path.write_bytes(text.encode(encoding))
    return path


def time_of(course, student: str) -> datetime.datetime | None:
    return read_timestamp(course.submitted / student / SECTION)


# -- Moodle ----------------------------------------------------------------------------------------------------------

FORMS = {
    "4.1 and later, a folder": "Ada Lovelace_101_assignsubmission_file/ridge.ipynb",
    "4.1 and later, a folder in it": "Ada Lovelace_101_assignsubmission_file/my work/ridge.ipynb",
    "3.1 to 4.0": "Ada Lovelace_101_assignsubmission_file_/ridge.ipynb",
    "before 3.1, or without folders": "Ada Lovelace_101_assignsubmission_file_ridge.ipynb",
    "unpacked and packed again with its folder": "course-HW4-77/Ada Lovelace_101_assignsubmission_file/ridge.ipynb",
    "renamed by a mail program": "Ada Lovelace_101_assignsubmission_file/ridge.ipynb.txt",
}


@pytest.mark.parametrize("form", FORMS)
def test_moodle_downloads_of_every_version(course, form):
    other = FORMS[form].replace("Ada Lovelace_101", "Ben Li_102")
    summary = collect(course, [download(course, {FORMS[form]: NOTEBOOK, other: OTHER})], section=SECTION)
    assert {f"{number}/{SECTION}/{NAME}" for number in (101, 102)} <= placed(course), summary.refused
    assert summary.refused == [] and "read as: moodle" in summary.notes[0]


def test_moodle_2_2_has_names_that_only_the_option_can_tell(course):
    path = download(course, {"Ada Lovelace_101_ridge.ipynb": NOTEBOOK})
    collect(course, [path], source="moodle")
    assert placed(course) == {f"101/{SECTION}/{NAME}"}


def test_a_text_typed_into_moodle_is_said_and_takes_no_file_along(course):
    files = {
        "Ada_101_assignsubmission_file/ridge.ipynb": NOTEBOOK,
        "Ada_101_assignsubmission_onlinetext/onlinetext.html": b"<p>x</p>",
        "Ben_102_assignsubmission_onlinetext_onlinetext.html": b"<p>x</p>",
    }
    summary = collect(course, [download(course, files)])
    assert placed(course) == {f"101/{SECTION}/{NAME}"} and len(summary.refused) == 2
    assert all("Moodle's onlinetext" in text for text in summary.refused)


TEAMS = {
    "Team A_7_assignsubmission_file/ridge.ipynb": NOTEBOOK,
    "Default group_assignsubmission_file/ridge.ipynb": OTHER,
}


def test_a_moodle_team_is_each_of_its_members_and_its_number_is_nobody_s(course):
    people = roster(
        course,
        "Username,Identifier,Full name,Groups\nada,Participant 7,Ada L,Team A\nben,Participant 8,Ben Li,Team A\n",
    )
    summary = collect(course, [download(course, TEAMS)], roster=people)
    assert placed(course) == {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")}
    assert len(summary.refused) == 1 and "students without a group" in summary.refused[0]


def test_a_moodle_team_is_not_taken_for_the_participant_of_that_number(course):
    people = roster(course, "Username,Identifier,Full name\nada,Participant 7,Ada Lovelace\n")
    summary = collect(course, [download(course, TEAMS)], roster=people)
    assert placed(course) == set()
    assert any("the roster has 'Ada Lovelace' for '7', and it is called 'Team A'" in text for text in summary.refused)


@pytest.mark.parametrize("word", ["Participant", "Teilnehmerin", "Participante", "Osanottaja"])
def test_anonymous_moodle_submissions_are_nobody_s_without_a_roster(course, word):
    files = {f"{word}_{number}_assignsubmission_file/ridge.ipynb": NOTEBOOK for number in (4711, 4712)}
    summary = collect(course, [download(course, files)])
    assert placed(course) == set() and all("hides whose it is" in text for text in summary.refused)
    assert len(summary.refused) == 2
    worksheet = roster(course, f"Identifier,Status,Grade\n{word} 4711,Submitted,-\n{word} 4712,Submitted,-\n")
    with pytest.raises(UserError, match="names no students.*reveal the identities"):
        collect(course, [download(course, files)], roster=worksheet)
    own = roster(course, "student,moodle\nada,4711\nben,4712\n")
    collect(course, [download(course, files)], roster=own)
    assert placed(course) == {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")}


WORKSHEETS = {
    "English": (
        "Identifier,Full name,Username,Status,Grade,Last modified (submission)\nParticipant 101,Ada Lovelace,ada,x,-,"
        '"Sunday, 1 March 2026, 11:02 PM"\n'
    ),
    "German": (
        "ID,Vollständiger Name,Anmeldename,Status,Bewertung,Zuletzt geändert (Abgabe)\n"
        "Teilnehmer/in101,Ada Lovelace,ada,x,-,"
        '"Sonntag, 1. März 2026, 23:02"\n'
    ),
    "French": (
        "Identifiant,Nom complet,Nom d’utilisateur,Statut,Note,Dernière modification (travail remis)\nParticipant101,"
        'Ada Lovelace,ada,x,-,"dimanche 1 mars 2026, 23:02"\n'
    ),
    "Spanish": (
        "Identificador,Nombre completo,Nombre de usuario,Estado,Calificación,Última modificación (entrega)\n"
        "Participante101,"
        'Ada Lovelace,ada,x,-,"domingo, 1 de marzo de 2026, 23:02"\n'
    ),
    "Dutch": (
        "Identificator,Volledige naam,Gebruikersnaam,Laatst gewijzigd (inzending),Identifier\nx,Ada Lovelace,ada,"
        '"zondag, 1 maart 2026, 23:02",Deelnemer101\n'
    ),
}


@pytest.mark.parametrize("language", WORKSHEETS)
@pytest.mark.parametrize("separator", [",", ";", "sep=;", "tab", "utf-16"])
def test_moodle_grading_worksheets_in_other_languages(course, language, separator):
    import csv
    import io

    rows, out = list(csv.reader(io.StringIO(WORKSHEETS[language]))), io.StringIO()
    csv.writer(out, delimiter={",": ",", "tab": "\t"}.get(separator, ";")).writerows(rows)
    text = ("sep=;\r\n" if separator == "sep=;" else "") + out.getvalue()
    path = roster(course, text, encoding="utf-16" if separator == "utf-16" else "utf-8-sig")
    files = {"Ada Lovelace_101_assignsubmission_file/ridge.ipynb": NOTEBOOK}
    summary = collect(course, [download(course, files)], roster=path)
    assert placed(course) == {f"ada/{SECTION}/{NAME}", f"ada/{SECTION}/timestamp.txt"}, summary.refused
    assert time_of(course, "ada") == datetime.datetime(2026, 3, 1, 23, 2)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Sonntag, 1. März 2026, 23:02", (2026, 3, 1, 23, 2)),
        ("domingo, 1 de marzo de 2026, 23:02", (2026, 3, 1, 23, 2)),
        ("neděle, 1. března 2026, 23.02", (2026, 3, 1, 23, 2)),
        ("воскресенье, 1 марта 2026, 23:02", (2026, 3, 1, 23, 2)),
        ("2026年 03月 1日(日曜日) 23:02", (2026, 3, 1, 23, 2)),
        ("1 Μαρτίου 2026", None),
        ("1 mars 2026, 11:02 PM", (2026, 3, 1, 23, 2)),
        ("31 février 2026, 10:00", None),
        ("irgendwann", None),
    ],
)
def test_dates_in_words_are_read_or_refused_never_guessed(text, time):
    if time is None:
        with pytest.raises(ValueError):
            read_date_in_words(text)
    else:
        assert read_date_in_words(text) == datetime.datetime(*time)


# -- Blackboard, Brightspace -----------------------------------------------------------------------------------------


def test_a_blackboard_download_takes_the_newest_attempt_at_its_local_time(course):
    head = "Homework_4 ridge"
    files = {
        f"{head}_ada_l_attempt_2026-03-01-12-00-00_ridge.ipynb": NOTEBOOK,
        f"{head}_ada_l_attempt_2026-03-02-09-30-00_ridge.ipynb": OTHER,
        f"{head}_ada_l_attempt_2026-03-02-09-30-00.txt": b"Name: Ada (ada_l)",
        f"{head}_ben_attempt_2026-03-01-10-00-00_x_eve_attempt_2026-03-05-10-00-00_ridge.ipynb": NOTEBOOK,
    }
    summary = collect(course, [download(course, files)], timezone="Europe/Berlin", section=SECTION)
    assert "read as: blackboard" in summary.notes[0] and summary.refused == []
    assert (course.submitted / "ada_l" / SECTION / NAME).read_bytes() == OTHER
    assert time_of(course, "ada_l") == datetime.datetime(2026, 3, 2, 8, 30)
    assert sorted(path.name for path in course.submitted.iterdir()) == ["ada_l", "ben"], "nobody hands in for eve"


def test_a_blackboard_download_of_one_student_is_told_by_the_roster(course):
    files = {"HW_4_ada_l_attempt_2026-03-01-12-00-00_ridge.ipynb": NOTEBOOK}
    people = roster(course, "Last Name,First Name,Username,Student ID\nLovelace,Ada,ada_l,S1\n")
    collect(course, [download(course, files)], roster=people)
    assert f"ada_l/{SECTION}/{NAME}" in placed(course)


BRIGHTSPACE = "397063-2557369 - {} - Sep 24, 2024 926 PM"
CLASSLIST = "OrgDefinedId,Username,Last Name,First Name\n#20067930,#ada,Lovelace,Ada\n#20067931,#ben,Li,Ben\n"


@pytest.mark.parametrize("form", ["{}/ridge.ipynb", "{} - ridge.ipynb"])
def test_a_brightspace_download_is_told_by_names_in_the_class_list(course, form):
    files = {form.format(BRIGHTSPACE.format(name)): NOTEBOOK for name in ("Ada Lovelace", "Ben Li")}
    files["index.html"] = b"<html>"
    people = roster(course, CLASSLIST)
    summary = collect(course, [download(course, files)], roster=people, timezone="UTC")
    assert "read as: brightspace" in summary.notes[0] and summary.refused == []
    assert {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")} <= placed(course)
    assert time_of(course, "ada") == datetime.datetime(2024, 9, 24, 21, 26)


TIMES = {
    "Sep 24, 2024 926 PM": (2024, 9, 24, 21, 26),
    "December 5, 2025 2:30 PM": (2025, 12, 5, 14, 30),
    "Oct 5, 2024 1430": (2024, 10, 5, 14, 30),
    "24 september 2024 21:26": (2024, 9, 24, 21, 26),
    "24 sept. 2024 21h26": (2024, 9, 24, 21, 26),
    "24 Lúnasa 2024 2126": None,
    "Sep 24, 9999 926 PM": None,
    "Jan 1, 0001 1201 AM": None,
}


@pytest.mark.parametrize("time", TIMES)
def test_brightspace_dates_of_every_site_are_read_or_said_to_be_missing(course, time):
    files = {f"397063-2557369 - Ada Lovelace - {time}/ridge.ipynb": NOTEBOOK}
    summary = collect(course, [download(course, files)], roster=roster(course, CLASSLIST), timezone="UTC")
    assert "read as: brightspace" in summary.notes[0] and summary.placed == [f"ada/{SECTION}"], summary.refused
    assert time_of(course, "ada") == (TIMES[time] and datetime.datetime(*TIMES[time]))
    assert any("does not date 1 submission" in note for note in summary.notes) == (TIMES[time] is None)


def test_a_brightspace_group_s_hand_in_counts_for_the_members_in_the_roster(course):
    files = {BRIGHTSPACE.format("Group 3 - Ada Lovelace") + "/ridge.ipynb": NOTEBOOK}
    archive = download(course, files)
    summary = collect(course, [archive], roster=roster(course, CLASSLIST))
    assert placed(course) == set() and "write its name into a column `group`" in summary.refused[0]
    lines = CLASSLIST.splitlines()
    text = "\n".join([f"{lines[0]},group", *(f"{line},Group 3" for line in lines[1:])])
    collect(course, [archive], roster=roster(course, text))
    assert {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")} <= placed(course)


def test_nobody_hands_in_for_a_brightspace_group_by_a_name_alone(course):
    text = "OrgDefinedId,Username,Last Name,First Name,group\n#1,ada,Lovelace,Ada,Group 3\n#2,eve,Group 3 - Eve,,\n"
    people = roster(course, text)
    names = ("Group 3 - Eve", "Group 3 - Zoe", "Group 4 - Ada Lovelace")
    files = {BRIGHTSPACE.format(name) + "/ridge.ipynb": NOTEBOOK for name in names}
    summary = collect(course, [download(course, files)], roster=people, timezone="UTC")
    assert {path.split("/")[0] for path in placed(course)} == {"eve"} and len(summary.refused) == 2


def test_the_numbers_of_a_brightspace_folder_name_nobody(course):
    """All hand-ins of one folder may begin with the same two numbers."""
    people = roster(course, "student,brightspace\nada,397063-2557369\nben,Ben Li\n")
    files = {BRIGHTSPACE.format(name) + "/ridge.ipynb": NOTEBOOK for name in ("Eve Ross", "Ben Li")}
    summary = collect(course, [download(course, files)], roster=people, timezone="UTC")
    assert summary.placed == [f"ben/{SECTION}"] and "no student for 'Eve Ross'" in summary.refused[0]


def test_names_in_utf_8_are_read_where_the_zip_does_not_say_so(course):
    """As macOS and Brightspace write them; zipfile takes such names for those of DOS."""
    name = BRIGHTSPACE.format("Zoë Müller") + "/ridge.ipynb"
    plain = name.replace("ë", "##").replace("ü", "%%")
    zipped = packed({plain: NOTEBOOK}).replace(b"##", "ë".encode()).replace(b"%%", "ü".encode())
    people = roster(course, "OrgDefinedId,Username,Last Name,First Name\n#1,zoe,Müller,Zoë\n")
    summary = collect(course, [download(course, zipped)], roster=people, timezone="UTC")
    assert summary.placed == [f"zoe/{SECTION}"], summary.refused


def test_names_of_dos_stay_what_they_are(course):
    zipped = packed({"ada/r##sum##.ipynb": NOTEBOOK}).replace(b"##", b"\x82\x82")
    assert collect(course, [download(course, zipped)], section=SECTION).placed == [f"ada/{SECTION}"]
    assert f"ada/{SECTION}/réésuméé.ipynb" in placed(course)


def test_feedback_for_brightspace_brings_the_download_s_own_list_along(course):
    """Public tools that write this zip copy index.html as it was; one they make is not always taken."""
    files = {BRIGHTSPACE.format("Ada Lovelace") + "/ridge.ipynb": NOTEBOOK, "index.html": b"<html>the list</html>"}
    collect(course, [download(course, files)], roster=roster(course, CLASSLIST), timezone="UTC")
    page = course.feedback / "ada" / SECTION / "ridge.html"
    page.parent.mkdir(parents=True)
    page.write_text("feedback")
    (path,), _ = pack_feedback(course, [SECTION])
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [BRIGHTSPACE.format("Ada Lovelace") + "/ridge.html", "index.html"]
        assert archive.read("index.html") == b"<html>the list</html>"


def test_two_students_of_one_name_in_a_class_list_are_an_error_that_names_both(course):
    people = roster(course, CLASSLIST + "#20067932,#ada2,Lovelace,Ada\n")
    files = {BRIGHTSPACE.format("Ada Lovelace") + "/ridge.ipynb": NOTEBOOK}
    with pytest.raises(UserError, match="two students, ada and ada2"):
        collect(course, [download(course, files)], roster=people)
    assert placed(course) == set()


# -- hostile downloads -----------------------------------------------------------------------------------------------


def exported(sid: str = "ada", created: str = "2026-03-01 12:00:00 Z") -> dict:
    """A Gradescope export of one submission."""
    facts = f"submission_1:\n  :created_at: {created}\n  :submitters:\n  - :sid: {sid}\n"
    folder = "assignment_1_export"
    return {f"{folder}/submission_metadata.yml": facts.encode(), f"{folder}/submission_1/ridge.ipynb": NOTEBOOK}


ADA = BRIGHTSPACE.format("Ada Lovelace") + "/ridge.ipynb"
# what it is -> (download, roster, zone, who gets a submission, what is said)
HOSTILE_DOWNLOADS: dict[str, tuple[dict, str, str, list[str], str]] = {
    "handed in in the year 1": (exported(created="0001-01-01 00:00:00 +05:00"), "", "UTC", ["ada"], "does not date"),
    "in the year 9999": (exported(created="9999-12-31 23:59:59 -12:00"), "", "UTC", ["ada"], "does not date"),
    "in a zone that is none": (exported(created="2026-03-01 12:00:00 +99:99"), "", "UTC", [], "cannot be read"),
    "a number of 7,000 digits": (exported(sid="0x" + "f" * 6000), "", "UTC", [], "does not say whose it is"),
    "minutes of minutes": (exported(sid="1" + ":59" * 3000), "", "UTC", [], "does not say whose it is"),
    "a truth for a name": (exported(sid="yes"), "", "UTC", [], "does not say whose it is"),
    "a path for a name": (exported(sid="../../ada"), "", "UTC", [], "can't be a student id"),
    "an escape for a name": (exported(sid='"\\e[2Jada"'), "", "UTC", [], "can't be a student id"),
    "Blackboard, year 1": (
        {"HW_ada_attempt_0001-01-01-00-00-00_ridge.ipynb": NOTEBOOK}, "", "Asia/Tokyo", ["ada"], "does not date"
    ),
    "Blackboard, year 9999": (
        {"HW_ada_attempt_9999-12-31-23-59-59_ridge.ipynb": NOTEBOOK}, "", "America/New_York", ["ada"], "does not date"
    ),
    "Moodle, two people of one number": (
        {"Ada_101_assignsubmission_file/ridge.ipynb": NOTEBOOK, "Ben_101_assignsubmission_file/more.ipynb": OTHER,
         "Eve_102_assignsubmission_file/ridge.ipynb": OTHER}, "", "UTC", ["102"], "two names in the download"
    ),
    "Moodle, digits of another script": (
        {"Ada_١٠١_assignsubmission_file/ridge.ipynb": NOTEBOOK}, "student,moodle\nben,101\n", "UTC", [], "no student"
    ),
    "Canvas, two people of one number": (
        {"ada_101_9_ridge.ipynb": NOTEBOOK, "ben_101_10_more.ipynb": OTHER, "eve_LATE_102_11_ridge.ipynb": OTHER,
         "eve_102_12_x.ipynb": OTHER}, "", "UTC", ["102"], "two names in the download"
    ),
    "Brightspace, a long name": ({BRIGHTSPACE.format("A" * 190) + "/ridge.ipynb": NOTEBOOK}, "", "UTC", [], "too long"),
    "Brightspace, two folders of one student": (
        {ADA: NOTEBOOK, ADA.replace("Sep 24", "Sep 25"): OTHER}, CLASSLIST, "UTC", ["ada", "ada"], "is new"
    ),
    "Brightspace, a list of contents that is a bomb": (
        {ADA: NOTEBOOK, "index.html": bytes(2**22)}, CLASSLIST, "UTC", ["ada"], "times its size"
    ),
    "a roster with a field of a megabyte": (
        {ADA: NOTEBOOK}, f"student,brightspace\nada,{'A' * 2**20}\n", "UTC", [], "not a CSV"
    ),
    "a roster with a null": ({ADA: NOTEBOOK}, "student,brightspace\nada\0,Ada Lovelace\n", "UTC", [], "student id"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE_DOWNLOADS)
def test_a_hostile_download_ends_in_sentences_and_gives_nobody_another_s_work(course, case):
    files, people, zone, placed_for, said = HOSTILE_DOWNLOADS[case]
    table = roster(course, people) if people else None
    try:
        summary = collect(course, [download(course, files)], roster=table, timezone=zone, section=SECTION)
    except UserError as error:
        assert said in str(error) and str(error).isprintable() and not placed_for and placed(course) == set()
        return
    sentences = [*summary.refused, *summary.notes]
    assert any(said in text for text in sentences) and all(text.isprintable() for text in sentences), sentences
    assert summary.placed == [f"{student}/{SECTION}" for student in placed_for]


# -- folders ---------------------------------------------------------------------------------------------------------


def test_clones_of_github_classroom_lose_the_name_of_the_assignment_and_their_history(course, tmp_path):
    for user in ("ada", "ben-li"):
        folder = tmp_path / "hw4-submissions" / f"hw4-{user}"
        (folder / ".git" / "objects").mkdir(parents=True)
        for number in range(70):
            (folder / ".git" / "objects" / str(number)).write_bytes(b"x")
        (folder / "ridge.ipynb").write_bytes(NOTEBOOK)
    shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path, "hw4-submissions")
    summary = collect(course, [tmp_path / "all.zip"])
    assert placed(course) == {f"{user}/{SECTION}/{NAME}" for user in ("ada", "ben-li")} and summary.refused == []


def test_a_folder_of_students_as_drives_pack_it_has_any_name(course):
    files = {f"Homework 4 (File responses)/{user}/{NAME}": NOTEBOOK for user in ("ada", "ben")}
    collect(course, [download(course, files)])
    assert placed(course) == {f"{user}/{SECTION}/{NAME}" for user in ("ada", "ben")}


@pytest.mark.parametrize("column", ["github", "github_username"])
def test_github_users_are_told_by_the_roster_and_their_time_by_the_option(course, column):
    files = {f"hw4-submissions/hw4-{user}/{NAME}": NOTEBOOK for user in ("lovelace", "ben-li")}
    people = roster(course, f"student,{column}\nada,lovelace\nben,Ben-Li\n")
    summary = collect(course, [download(course, files)], roster=people, at="2026-03-02 09:30 UTC")
    assert placed(course) >= {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")}, summary.refused
    assert {time_of(course, student) for student in ("ada", "ben")} == {datetime.datetime(2026, 3, 2, 9, 30)}


def test_folders_are_told_by_the_roster_with_groups_and_times(course):
    files = {f"shared/{name}/{NAME}": NOTEBOOK for name in ("Ada Lovelace", "chi")}
    people = roster(
        course, "student,folder,group,time\nada,Ada Lovelace,G1,2026-03-02 09:30 UTC\nben,Ben Li,G1,\nchi,chi,G2,\n"
    )
    summary = collect(course, [download(course, files)], roster=people, groups=True, at="2026-03-03 12:00 UTC")
    assert placed(course) >= {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben", "chi")}, summary.refused
    assert time_of(course, "ada") == datetime.datetime(2026, 3, 2, 9, 30)
    assert time_of(course, "chi") == datetime.datetime(2026, 3, 3, 12)


def test_a_zip_in_a_student_s_zip_is_opened_and_many_alike_refusals_are_few_lines(course):
    files = {"ada.zip": packed({"hand-in.zip": packed({f"{SECTION}/{NAME}": NOTEBOOK})})}
    files |= {f"notes {number}.docx": b"x" for number in range(140)}
    summary = collect(course, [download(course, files)])
    assert placed(course) == {f"ada/{SECTION}/{NAME}"}
    assert len(summary.refused) == 4 and "137 more were left out" in summary.refused[-1]


# -- Canvas ----------------------------------------------------------------------------------------------------------


def test_a_canvas_download_wrapped_in_a_folder_and_its_test_student(course):
    files = {f"submissions (3)/lovelaceada_101_9_{NAME}": NOTEBOOK, f"submissions (3)/studenttest_1_8_{NAME}": OTHER}
    summary = collect(course, [download(course, files)])
    assert placed(course) == {f"101/{SECTION}/{NAME}"}
    assert len(summary.refused) == 1 and "Test Student" in summary.refused[0]


def test_a_canvas_group_s_work_is_each_member_s_when_asked_for(course):
    people = roster(course, "name,canvas_user_id,login_id,group_name\nAda,101,ada,G1\nBen,102,ben,G1\nChi,103,chi,G2\n")
    path = download(course, {f"g1_101_9_{NAME}": NOTEBOOK})
    collect(course, [path], roster=people, groups=True)
    assert placed(course) == {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")}


# -- rosters ---------------------------------------------------------------------------------------------------------


def test_an_excel_file_is_a_roster_and_what_is_none_is_one_sentence(course):
    book = Workbook()
    for row in (["student", "canvas", "name"], ["ada", 101, "Ada"], ["ben", 102.0, None]):
        book.active.append(row)
    path = course.root / "roster.xlsx"
    book.save(path)
    collect(course, [download(course, {f"x_{number}_9_{NAME}": NOTEBOOK for number in (101, 102)})], roster=path)
    assert placed(course) == {f"{student}/{SECTION}/{NAME}" for student in ("ada", "ben")}
    shutil.copy(path, course.root / "renamed.csv")
    for name, content in (("renamed.csv", None), ("empty.xlsx", b""), ("text.xlsx", b"student,canvas")):
        if content is not None:
            (course.root / name).write_bytes(content)
        with pytest.raises(UserError, match="Excel file"):
            collect(course, [download(course, {})], roster=course.root / name)


# -- feedback, back to the platform ----------------------------------------------------------------------------------

BACK = {
    "canvas": ({"lovelaceada_101_9_ridge.ipynb": NOTEBOOK}, "101", "lovelaceada_101_9_ridge.html"),
    "moodle": (
        {"Ada Lovelace_101_assignsubmission_file/ridge.ipynb": NOTEBOOK},
        "101",
        "Ada Lovelace_101_assignsubmission_file_/ridge.html",
    ),
    "brightspace": (
        {BRIGHTSPACE.format("Ada Lovelace") + "/ridge.ipynb": NOTEBOOK},
        "ada",
        BRIGHTSPACE.format("Ada Lovelace") + "/ridge.html",
    ),
}


@pytest.mark.parametrize("platform", BACK)
def test_feedback_goes_back_under_the_names_that_the_platform_knows(course, platform):
    files, student, name = BACK[platform]
    people = roster(course, CLASSLIST) if platform == "brightspace" else None
    collect(course, [download(course, files)], roster=people, timezone="UTC")
    for who in (student, "zoe"):
        page = course.feedback / who / SECTION / "ridge.html"
        page.parent.mkdir(parents=True)
        page.write_text(who)
    (path,), left = pack_feedback(course, [SECTION])
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [name] and archive.read(name) == student.encode()
    assert path.name == f"feedback-{SECTION}-{platform}.zip" and left == [f"zoe/{SECTION}"]
    before = path.read_bytes()
    pack_feedback(course, [SECTION])
    assert path.read_bytes() == before


def packed_page(course, student: str) -> str:
    """The name that this student's only feedback page has in the zip to upload."""
    page = course.feedback / student / SECTION / "ridge.html"
    page.parent.mkdir(parents=True)
    page.write_text("x")
    (path,), _ = pack_feedback(course, [SECTION])
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
    return name


def finds_a_moodle_student(path: str, participants: set[int]) -> tuple[int, str] | None:
    """The rule of Moodle's mod/assign/feedback/file/importziplib.php: participant and plugin of a feedback file."""
    for part in path.split("/"):
        pieces = part.split("_", 4)
        if len(pieces) >= 4 and pieces[1].isdigit() and int(pieces[1]) in participants:
            return int(pieces[1]), "_".join(pieces[2:4])
    return None


@pytest.mark.parametrize("form", [form for form in FORMS if "mail" not in form])
def test_moodle_finds_the_student_of_each_feedback_page(course, form):
    collect(course, [download(course, {FORMS[form]: NOTEBOOK})], section=SECTION)
    assert finds_a_moodle_student(packed_page(course, "101"), {101}) == (101, "assignsubmission_file")


def test_canvas_finds_the_student_of_each_feedback_page(course):
    """The rule of Canvas's infer_comment_context_from_filename: the first two numbers between underscores."""
    collect(course, [download(course, {f"lovelaceada_LATE_101_9_{NAME}": NOTEBOOK})])
    assert [piece for piece in packed_page(course, "101").split("_") if piece.isdigit()][:2] == ["101", "9"]


def test_no_feedback_is_one_sentence(course):
    with pytest.raises(UserError, match="no feedback pages"):
        pack_feedback(course, [SECTION])
