"""Downloads of learning platforms reach submitted/: whole, in the right place, and nothing else with them."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import shutil
import stat
import struct
import subprocess
import unicodedata
from pathlib import Path

import pytest
from downloads import DATE, NAME, NOTEBOOK, OTHER, PNG, SECTION, download, entry, hand_in, packed, tree, two_sections
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT, needs_bubblewrap

from autograder.__main__ import main
from autograder.course import Course
from autograder.demo.classroom import MadeUp, copy_course, solved
from autograder.errors import UserError
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.lms import collect as collecting
from autograder.lms import unpacking
from autograder.lms.collect import collect, swap
from autograder.lock import one_run_at_a_time
from autograder.submissions import archive as archives
from autograder.submissions.archive import Refused, read_zip, safe_parts
from autograder.submissions.files import read_files
from autograder.submissions.released import released_notebooks
from autograder.submissions.submission import read_contents, read_timestamp


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return two_sections(tmp_path)


# -- the platforms --------------------------------------------------------------------------------------------------


def test_a_canvas_download(course):
    path = download(
        course,
        {
            "smithana_101_9001_hand-in.zip": hand_in(),
            "lópezben_LATE_102_9002_ridge-1.ipynb": OTHER,
            "yuchi_103_9003_cifar.ipynb": NOTEBOOK,
            "yuchi_103_9004_best-2.npz": packed({"W1.npy": b"x"}),
        },
    )
    summary = collect(course, [path])
    assert summary.refused == []
    assert tree(course.submitted) == {
        f"101/{SECTION}/{NAME}": NOTEBOOK,
        f"102/{SECTION}/{NAME}": OTHER,
        f"102/{SECTION}/timestamp.txt": b"2026-03-01 12:00:00 UTC",
        "103/08-cifar/best.npz": packed({"W1.npy": b"x"}),
        "103/08-cifar/cifar.ipynb": NOTEBOOK,
    }
    assert summary.sentence == "3 submissions of 3 students collected; nothing refused."
    assert any("marks 1 submission as late" in text and f": 102/{SECTION}." in text for text in summary.notes)
    assert any("does not date 2 submissions: counted as in time" in text for text in summary.notes)


def test_what_is_not_collected_has_no_time_either_and_is_named_as_in_the_download(course):
    files = {
        "smithana_101_9001_ridge.ipynb": NOTEBOOK,
        "lovelaceada_LATE_107_9002_homework 4.ipynb": NOTEBOOK,
        "lovelaceada_LATE_107_9003_a.exe": b"MZ",
    }
    summary = collect(course, [download(course, files)])
    assert summary.placed == [f"101/{SECTION}"]
    assert any("does not date 1 submission:" in text for text in summary.notes)
    assert not any("as late" in text for text in summary.notes)
    who = "download.zip: 107 ('lovelaceada_LATE_107')"
    assert sorted(text.partition(" was left out")[0] for text in summary.refused) == [
        f"{who}: 'a.exe'",
        f"{who}: 'homework 4.ipynb'",
    ]


def test_canvas_names_that_two_readings_fit_are_not_guessed(course):
    """A student called a_-1_-2_x becomes a_1_2_x in Canvas's names, and would hand in as student 1."""
    forged = {"a_1_2_x_55_77_ridge.ipynb": OTHER, "a_1_55_77_ridge.ipynb": OTHER}
    summary = collect(course, [download(course, {"victim_1_2_ridge.ipynb": NOTEBOOK, **forged})])
    assert tree(course.submitted) == {f"1/{SECTION}/{NAME}": NOTEBOOK}
    assert len([text for text in summary.refused if "that of two students" in text]) == 2


def test_typed_texts_and_strange_names_in_a_canvas_download_are_said(course):
    files = {"smithana_101_text.html": b"hello", "smithana_101_9_ridge.ipynb": NOTEBOOK}
    summary = collect(course, [download(course, files)])
    assert summary.placed == [f"101/{SECTION}"] and "typed into Canvas" in summary.refused[0]
    summary = collect(course, [download(course, {"readme.txt": b"", **files})], source="canvas")
    assert any("no Canvas name" in text for text in summary.refused)


def test_a_moodle_download_in_folders_and_flat(course):
    path = download(
        course,
        {
            "Ana O'Neil-Smith_11_assignsubmission_file_/hand-in.zip": hand_in(),
            "Zoë  Q_12_assignsubmission_file_/ridge (1).ipynb": OTHER,
            "Ben_Li_13_assignsubmission_file_ridge.ipynb": NOTEBOOK,
            "Ben_Li_13_assignsubmission_onlinetext_/onlinetext.html": b"hi",
        },
    )
    summary = collect(course, [path])
    assert set(tree(course.submitted)) == {f"{number}/{SECTION}/{NAME}" for number in (11, 12, 13)}
    assert len(summary.refused) == 1 and "onlinetext" in summary.refused[0]


def test_a_file_or_a_person_can_t_be_named_like_another_participant(course):
    path = download(
        course,
        {
            "Eve_66_assignsubmission_file_a_11_assignsubmission_file_ridge.ipynb": OTHER,
            "Eve_11_assignsubmission_file_x_66_assignsubmission_file_/ridge.ipynb": OTHER,
        },
    )
    summary = collect(course, [path])
    assert not course.submitted.exists() and len(summary.refused) == 2


METADATA = """\
submission_1:
  :submitters:
  - :name: Ana
    :sid: ana1
    :email: ana@uni.example
  :created_at: 2026-03-01 13:30:00.123456789 +01:00
  :score: !ruby/object:BigDecimal 18:0.1e1
submission_2:
  :submitters:
  - :name: Ben
    :sid: &sid 77
    :email: ben@uni.example
  - :name: Chi
    :sid:
    :email: chi@uni.example
  :created_at: 2026-03-02 12:00:00 Z
submission_3:
  :submitters: []
"""


def gradescope(metadata: str = METADATA) -> dict[str, bytes]:
    root = "assignment_5_export"
    return {
        f"{root}/submission_metadata.yml": metadata.encode(),
        f"{root}/submission_1/{SECTION}/{NAME}": NOTEBOOK,
        f"{root}/submission_2/hand-in.zip": hand_in(OTHER),
        f"{root}/submission_3/{NAME}": OTHER,
        f"{root}/submission_4/{NAME}": OTHER,
    }


def test_a_gradescope_export_with_a_group(course):
    metadata = METADATA.replace("!ruby/object:BigDecimal 18:0.1e1", "1.0")
    summary = collect(course, [download(course, gradescope(metadata))])
    files = tree(course.submitted)
    assert {name: files[name] for name in files if name.endswith(".ipynb")} == {
        f"ana1/{SECTION}/{NAME}": NOTEBOOK,
        f"77/{SECTION}/{NAME}": OTHER,
        f"chi@uni.example/{SECTION}/{NAME}": OTHER,
    }
    assert files[f"ana1/{SECTION}/timestamp.txt"] == b"2026-03-01 12:30:00 UTC"
    assert files[f"chi@uni.example/{SECTION}/timestamp.txt"] == b"2026-03-02 12:00:00 UTC"
    assert len(summary.refused) == 2 and all("whose it is" in text for text in summary.refused)


@pytest.mark.parametrize(
    "metadata",
    [
        METADATA,  # an object, which safe_load does not make
        "!!python/object/apply:os.system ['touch owned']",
        "- " * 300_000,  # libyaml's composer would overflow the C stack
        "[" * 300_000,
        "a: &a {k: 1}\nb: &b {<<: [*a, *a]}\n",
        "\x00",
        "just text",
        "submission_1: {:created_at: 2026-99-99 12:00:00}",
    ],
)
def test_hostile_metadata_is_refused_in_one_sentence(course, metadata, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    summary = collect(course, [download(course, gradescope(metadata))])
    assert len(summary.refused) == 1 and "submission_metadata.yml" in summary.refused[0]
    assert not course.submitted.exists() and not Path("owned").exists()


def test_folders_and_zips_of_students(course):
    files = {
        f"submitted/ana/{SECTION}/{NAME}": NOTEBOOK,
        f"submitted/ana/{SECTION}/pictures/cat.png": PNG,
        f"submitted/ana/{SECTION}/timestamp.txt": b"1999-01-01 UTC",
        "submitted/ben.zip": packed(
            {f"homework/{SECTION}/{NAME}": OTHER, "__MACOSX/homework/._x": b"", ".DS_Store": b""}
        ),
        "submitted/chi/ridge_chi_final.ipynb": NOTEBOOK,
        "submitted/dov/everything/week 4/ridge.ipynb": NOTEBOOK,
        "submitted/dov/everything/week 4/data/points.csv": b"1,2",
        f"submitted/eli/{SECTION}/everything.zip": packed({"week 4.ipynb": NOTEBOOK}),
        "submitted/stray.txt": b"",
    }
    summary = collect(course, [download(course, files)], at="2026-03-01 12:00 UTC")
    found = tree(course.submitted)
    assert {name for name in found if not name.endswith("timestamp.txt")} == {
        f"ana/{SECTION}/{NAME}",
        f"ana/{SECTION}/pictures/cat.png",
        f"ben/{SECTION}/{NAME}",
        f"chi/{SECTION}/ridge_chi_final.ipynb",
        f"eli/{SECTION}/week 4.ipynb",
        f"dov/{SECTION}/{NAME}",
        f"dov/{SECTION}/data/points.csv",
    }
    assert all(
        read_timestamp(course.submitted / s / SECTION) == datetime.datetime(*DATE) for s in ("ana", "ben", "dov")
    )
    assert len(summary.refused) == 2
    assert any("never from a student's file" in text for text in summary.refused)
    assert any("in no student's folder" in text for text in summary.refused)


def test_an_unpacked_download_is_read_as_it_lies_but_its_links_are_not_followed(course, tmp_path):
    folder = tmp_path / "unpacked"
    (folder / "ana").mkdir(parents=True)
    (folder / "ana" / NAME).write_bytes(NOTEBOOK)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "ana" / "notes.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "ana" / "more").symlink_to(tmp_path)
    os.mkfifo(folder / "ana" / "pipe.txt")
    summary = collect(course, [folder])
    assert set(tree(course.submitted)) == {f"ana/{SECTION}/{NAME}"}
    assert sorted(text.rpartition(": ")[2] for text in summary.refused) == [
        "it is a link.",
        "it is a link.",
        "it is no ordinary file.",
    ]


def test_an_unpacked_download_with_endless_folders_is_read_as_far_as_it_makes_sense(course, tmp_path):
    folder = tmp_path / "unpacked"
    (folder / "ana").mkdir(parents=True)
    (folder / "ana" / NAME).write_bytes(NOTEBOOK)
    here = os.getcwd()
    os.chdir(folder / "ana")
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(here)
    try:
        summary = collect(course, [folder])
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)  # Python's own way of removing it may not get to its end
    assert summary.placed == [f"ana/{SECTION}"]
    assert len(summary.refused) == 1 and "folders deep" in summary.refused[0]


def test_a_single_hand_in_belongs_to_nobody_until_it_lies_in_a_folder_under_a_student_s_name(course, tmp_path):
    path = download(course, hand_in(), "hand-in.zip")
    summary = collect(course, [path])
    assert not course.submitted.exists()
    assert "rename it <student>.zip, put it into a folder and collect the folder" in summary.refused[0]
    (tmp_path / "by-mail").mkdir()
    path.rename(tmp_path / "by-mail" / "zoe.zip")
    assert collect(course, [tmp_path / "by-mail"]).refused == []
    assert tree(course.submitted) == {f"zoe/{SECTION}/{NAME}": NOTEBOOK}


def test_one_student_s_folder_can_t_speak_for_the_platform(course):
    files = {
        f"ana/{SECTION}/{NAME}": NOTEBOOK,
        "eve/submission_metadata.yml": METADATA.encode(),
        "eve/submission_1/ridge.ipynb": OTHER,
    }
    collect(course, [download(course, files)])
    assert not (course.submitted / "ana1").exists()
    files = {f"ana/{SECTION}/{NAME}": NOTEBOOK, "x_1_assignsubmission_file_/ridge.ipynb": OTHER}
    (refused,) = collect(course, [download(course, files)]).refused
    assert "--from" in refused


def test_section_takes_all_notebooks_and_leaves_other_sections(course):
    files = {"ana.zip": packed({f"{SECTION}/{NAME}": NOTEBOOK, "08-cifar/cifar.ipynb": OTHER}), "ben/hw4.ipynb": OTHER}
    summary = collect(course, [download(course, files)], section="04")
    assert set(tree(course.submitted)) == {f"ana/{SECTION}/{NAME}", f"ben/{SECTION}/hw4.ipynb"}
    assert summary.refused == [] and any("of 08-cifar" in text for text in summary.notes)
    shutil.rmtree(course.submitted)
    summary = collect(course, [download(course, files)])
    assert set(tree(course.submitted)) == {f"ana/{SECTION}/{NAME}", "ana/08-cifar/cifar.ipynb"}
    assert len(summary.refused) == 1 and "--section" in summary.refused[0]


# -- rosters and times ----------------------------------------------------------------------------------------------


def test_a_roster_names_the_students_and_their_times(course):
    roster = course.root / "roster.csv"
    roster.write_text("student,canvas,time\nana,101,2026-02-28 09:00 UTC\nben,102,\nchi,103,\n")
    files = {f"x_{number}_9_{NAME}": NOTEBOOK for number in (101, 102, 104, 105)}
    summary = collect(course, [download(course, files)], roster=roster)
    assert summary.placed == [f"ana/{SECTION}", f"ben/{SECTION}"]
    assert read_timestamp(course.submitted / "ana" / SECTION) == datetime.datetime(2026, 2, 28, 9)
    assert len(summary.refused) == 2 and all("no student" in text for text in summary.refused)


def test_a_canvas_grade_export_is_a_roster(course):
    roster = course.root / "canvas-roster.csv"
    roster.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,04-ridge (7)\n,,,,,Manual Posting\n    Points Possible,,,,,20\n"
        '"Li, Ana",101,S1,ana,Monday,\n"Be, Ben",102,S2,ben@uni.example,Monday,\n'
    )
    files = {f"x_{number}_9_{NAME}": NOTEBOOK for number in (101, 102)}
    summary = collect(course, [download(course, files)], roster=roster)
    assert summary.placed == [f"ana/{SECTION}", f"ben@uni.example/{SECTION}"] and summary.refused == []


def test_a_moodle_grading_worksheet_is_a_roster(course):
    roster = course.root / "worksheet.csv"
    roster.write_text(
        "Identifier,Full name,Email address,Last modified (submission)\n"
        'Participant 11,Ana,ana@uni.example,"Sunday, 1 March 2026, 11:02 PM"\nParticipant 12,Ben,ben@uni.example,-\n'
    )
    files = {f"{name}_assignsubmission_file_/{NAME}": NOTEBOOK for name in ("Ana_11", "Ben_12")}
    collect(course, [download(course, files)], roster=roster)
    assert read_timestamp(course.submitted / "ana@uni.example" / SECTION) == datetime.datetime(2026, 3, 1, 23, 2)
    assert read_timestamp(course.submitted / "ben@uni.example" / SECTION) is None


WORKSHEET = """\
Identifier,Full name,Email address,Last modified (submission)
Participant 11,Ana,ana@uni.example,"Monday, 2 March 2026, 12:34 PM"
Participant 12,Ben,ben@uni.example,"Thursday, 2 July 2026, 12:34 PM"
Participant 13,Chi,chi@uni.example,2026-07-02 12:34 +05:30
"""


@pytest.mark.parametrize(
    ("timezone", "hours"), [(None, ("12:34", "12:34")), ("Europe/Berlin", ("11:34", "10:34")), ("UTC", ("12:34",) * 2)]
)
def test_times_without_a_zone_are_those_of_the_zone_that_was_named(course, timezone, hours):
    roster = course.root / "worksheet.csv"
    roster.write_text(WORKSHEET)
    files = {f"{name}_assignsubmission_file_/{NAME}": NOTEBOOK for name in ("Ana_11", "Ben_12", "Chi_13")}
    summary = collect(course, [download(course, files)], roster=roster, timezone=timezone)
    times = [read_timestamp(course.submitted / f"{name}@uni.example" / SECTION) for name in ("ana", "ben", "chi")]
    assert tuple(f"{time:%H:%M}" for time in times) == (*hours, "07:04")
    assert sum("were read as UTC; --timezone says otherwise" in text for text in summary.notes) == (timezone is None)


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        ("2026-03-02 12:00", 11),
        ("2026-03-02 12:00 PM", 11),
        ("2026-03-02 02:00 PM", 13),
        ("2026-03-02 12:00 UTC", 12),
        ("2026-03-02 12:00 +0200", 10),
        ("2026-03-02T12:00:00Z", 12),
    ],
)
def test_the_time_on_the_command_line_is_read_like_those_of_a_roster(course, at, hour):
    path = download(course, {f"x_101_9_{NAME}": NOTEBOOK})
    summary = collect(course, [path], at=at, timezone="Europe/Berlin")
    assert read_timestamp(course.submitted / "101" / SECTION) == datetime.datetime(2026, 3, 2, hour)
    assert not any("read as UTC" in text for text in summary.notes)


@pytest.mark.parametrize("name", ["Berlin", "Europe", "", "../UTC", "/etc/localtime"])
def test_a_zone_that_does_not_exist_is_one_sentence(course, name):
    with pytest.raises(UserError, match=r"There is no time zone .*Write it like Europe/Berlin"):
        collect(course, [download(course, {f"x_101_9_{NAME}": NOTEBOOK})], timezone=name)
    assert not course.submitted.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("student,canvas\n../evil,101\n", "can't be a student id"),
        ("student,moodle\nana,101\n", "none of the columns canvas"),
        ("student,canvas\nana,101\nben,101\n", "'101' is the canvas name of two students, ana and ben"),
        ("student,canvas\nana,101\nana,102\n", "the id 'ana' stands for two students, 101 and 102"),
        ("student,canvas,time\nana,101,tomorrow-ish\n", "is no time"),
        ("student,canvas,time\nana,101,2026-03-01 12:00 XYZ\n", "is no time"),
        ("a,b\n1,2\n", "none of the columns"),
        (None, "does not exist"),
    ],
)
def test_a_roster_that_can_t_be_used_is_said(course, text, said):
    roster = course.root / "roster.csv"
    if text is not None:
        roster.write_text(text)
    with pytest.raises(UserError, match=said):
        collect(course, [download(course, {f"x_101_9_{NAME}": NOTEBOOK})], roster=roster)
    assert not course.submitted.exists()


def test_the_time_is_not_the_student_s_to_forge(course):
    """Dates inside the hand-in and a timestamp in it count for nothing."""
    inner = packed(
        {f"{SECTION}/{NAME}": NOTEBOOK, f"{SECTION}/timestamp.txt": b"2000-01-01 UTC"}, date=(2001,) + DATE[1:]
    )
    collect(course, [download(course, {"x_LATE_101_9_hand-in.zip": inner})])
    assert read_timestamp(course.submitted / "101" / SECTION) == datetime.datetime(*DATE)


def test_the_exact_utc_date_of_an_entry_wins_over_the_dos_date(course):
    when = int(datetime.datetime(2026, 2, 2, 8, 0, tzinfo=datetime.timezone.utc).timestamp())
    info = entry(f"x_LATE_101_9_{NAME}", extra=struct.pack("<HHBi", 0x5455, 5, 1, when))
    collect(course, [download(course, [(info, NOTEBOOK)])])
    assert read_timestamp(course.submitted / "101" / SECTION) == datetime.datetime(2026, 2, 2, 8)


# -- handing in again -----------------------------------------------------------------------------------------------


def kept(course: Course) -> list[dict[str, bytes]]:
    folder = course.state / "replaced" / "101" / SECTION
    return [tree(path) for path in sorted(folder.iterdir())] if folder.is_dir() else []


def canvas(course: Course, notebook: bytes, day: int, name: str = "x_101_9_ridge.ipynb") -> Path:
    return download(course, {name: notebook}, date=(2026, 3, day, 12, 0, 0))


def test_a_newer_submission_replaces_and_the_older_one_is_kept(course):
    collect(course, [canvas(course, NOTEBOOK, 1)])
    summary = collect(course, [canvas(course, OTHER, 2)])
    assert summary.replaced == [f"101/{SECTION}"]
    assert tree(course.submitted) == {f"101/{SECTION}/{NAME}": OTHER}
    assert kept(course) == [{NAME: NOTEBOOK}]
    summary = collect(course, [canvas(course, NOTEBOOK, 1)])
    assert summary.older == [f"101/{SECTION}"] and "was skipped" in " ".join(summary.notes) and not summary.refused
    assert tree(course.submitted) == {f"101/{SECTION}/{NAME}": OTHER} and len(kept(course)) == 1


def test_both_in_one_call_end_with_the_newer_in_any_order(course):
    first, second = canvas(course, NOTEBOOK, 1).rename(course.root / "a.zip"), canvas(course, OTHER, 2)
    collect(course, [second, first])
    assert tree(course.submitted) == {f"101/{SECTION}/{NAME}": OTHER}


def test_the_same_download_again_changes_nothing(course):
    collect(course, [canvas(course, NOTEBOOK, 1, "x_LATE_101_9_ridge.ipynb")])
    before = tree(course.root)
    summary = collect(course, [canvas(course, NOTEBOOK, 3, "x_LATE_101_9_ridge.ipynb")])
    assert summary.unchanged == [f"101/{SECTION}"] and tree(course.root) == before


def test_a_time_that_the_instructor_says_counts_for_what_is_there_already(course):
    """Late work of Canvas is dated by the download first; the roster with its times comes afterwards."""
    path = canvas(course, NOTEBOOK, 9, "x_LATE_101_9_ridge.ipynb")
    folder = course.submitted / "101" / SECTION
    assert any("as late" in text for text in collect(course, [path]).notes)
    roster = course.root / "roster.csv"
    roster.write_text("student,canvas,time\n101,101,2026-03-02 12:00\n")
    summary = collect(course, [path], roster=roster)
    assert read_timestamp(folder) == datetime.datetime(2026, 3, 2, 12) and summary.unchanged == [f"101/{SECTION}"]
    assert "download.zip: the time of 1 submission was corrected." in summary.notes
    assert not any("as late" in text for text in summary.notes)
    collect(course, [path], roster=roster, timezone="Europe/Berlin")
    assert read_timestamp(folder) == datetime.datetime(2026, 3, 2, 11)
    collect(course, [path])
    assert read_timestamp(folder) == datetime.datetime(2026, 3, 2, 11), "a guess corrects nothing"
    collect(course, [path], at="2026-03-01 12:00 UTC")
    assert read_timestamp(folder) == datetime.datetime(2026, 3, 1, 12)


def test_what_was_mended_by_hand_stays_mended(course):
    collect(course, [canvas(course, NOTEBOOK, 1)])
    (course.submitted / "101" / SECTION / NAME).write_bytes(b"{}")
    summary = collect(course, [canvas(course, NOTEBOOK, 1)])
    assert tree(course.submitted) == {f"101/{SECTION}/{NAME}": b"{}"}
    assert any("changed here since" in text for text in summary.notes)


def test_something_put_there_by_hand_is_kept_too(course):
    (course.submitted / "101" / SECTION).mkdir(parents=True)
    (course.submitted / "101" / SECTION / "note.txt").write_bytes(b"by hand")
    collect(course, [canvas(course, NOTEBOOK, 1)])
    assert kept(course) == [{"note.txt": b"by hand"}]


@pytest.mark.parametrize("exchange", [True, False])
def test_folders_are_swapped_with_and_without_the_help_of_linux(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(collecting.ctypes, "CDLL", lambda name: object())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    swap(tmp_path / "a", tmp_path / "b")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["a", "a/b", "b", "b/a"]


@pytest.mark.parametrize("stop", ["rename", "swap", "_write_note"])
def test_killed_between_any_two_steps_nothing_is_lost_and_the_next_run_goes_on(course, monkeypatch, stop):
    collect(course, [canvas(course, NOTEBOOK, 1)])

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*((collecting.os, "rename") if stop == "rename" else (collecting, stop)), die)
        collect(course, [canvas(course, OTHER, 2)])
    everything = set(tree(course.root).values())
    assert NOTEBOOK in everything
    assert list(tree(course.submitted)) == [f"101/{SECTION}/{NAME}"], "there is always a whole one"
    collect(course, [canvas(course, OTHER, 2)])
    assert tree(course.submitted) == {f"101/{SECTION}/{NAME}": OTHER}
    assert {NAME: NOTEBOOK} in kept(course) and not list(course.state.glob("collecting-*"))


def test_not_while_grading(course):
    with one_run_at_a_time(course), pytest.raises(UserError, match="Another grading run"):
        collect(course, [canvas(course, NOTEBOOK, 1)])


# -- hostile hand-ins -----------------------------------------------------------------------------------------------

LONG = "n" * 240
NFD = unicodedata.normalize("NFD", f"{SECTION}/é.csv")
DEEP = "/".join(["d"] * 20)


def bomb() -> bytes:
    """An entry of 1 MiB whose header says 10 bytes."""
    data = packed({f"{SECTION}/big.csv": bytes(2**20)})
    return data.replace(struct.pack("<I", 2**20), struct.pack("<I", 10))


def overlapping() -> bytes:
    """Two entries of the list of contents that share one piece of data."""
    data = bytearray(packed({f"{SECTION}/a.csv": b"1" * 100, f"{SECTION}/b.csv": b"2" * 100}))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    return bytes(data)


def flagged(bit: int) -> bytes:
    data = bytearray(packed({f"{SECTION}/x.csv": b"1"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(magic) + offset
        data[place] |= bit
    return bytes(data)


def method(number: int) -> bytes:
    data = bytearray(packed({f"{SECTION}/x.csv": b"1"}))
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + offset] = number
    return bytes(data)


def flipped(files: dict) -> bytes:
    data = bytearray(packed(files))
    data[data.index(b"PK\x01\x02") - 3] ^= 0xFF
    return bytes(data)


def link(target: str, **more) -> list:
    return [(entry(f"{SECTION}/x.csv", mode=stat.S_IFLNK | 0o777, **more), target)]


# name -> (what the student's zip holds beside an honest notebook, a piece of the sentence)
HOSTILE: dict[str, tuple[object, str]] = {
    "dots": ({"../../../evil.csv": b""}, "leads out"),
    "dots inside": ({f"{SECTION}/../../evil.csv": b""}, "leads out"),
    "dots as a folder": ({"../evil/": b""}, "leads out"),
    "absolute": ({"/tmp/evil.csv": b""}, "root or a drive"),
    "drive": ({"C:/evil.csv": b""}, "root or a drive"),
    "backslashes": ({f"{SECTION}\\..\\..\\evil.csv": b""}, "backslash"),
    "network share": ({"\\\\host\\evil.csv": b""}, "backslash"),
    "stream": ({f"{SECTION}/x.csv:evil": b""}, "odd part"),
    "empty part": ({f"{SECTION}//x.csv": b""}, "odd part"),
    "null": ({f"{SECTION}/x.csv\0.png": b""}, "invisible"),
    "terminal escape": ({f"{SECTION}/\x1b[2J.csv": b""}, "invisible"),
    "right to left": ({f"{SECTION}/x\u202egnp.csv": b""}, "invisible"),
    "zero width": ({f"{SECTION}/x\u200b.csv": b""}, "invisible"),
    "newline": ({f"{SECTION}/x\n.csv": b""}, "invisible"),
    "device name": ({f"{SECTION}/nul.csv": b""}, "odd part"),
    "trailing dot": ({f"{SECTION}/x.csv.": b""}, "odd part"),
    "shell signs": ({f"{SECTION}/$(reboot);'.csv": b""}, "not allowed"),
    "option": ({f"{SECTION}/-rf.csv": b""}, "not allowed"),
    "long": ({f"{SECTION}/{LONG}.csv": b""}, "too long"),
    "very long": ({f"{SECTION}/{'n' * 60000}.csv": b""}, "too long"),
    "deep": ({f"{SECTION}/{DEEP}/x.csv": b""}, "folders deep"),
    "link": (link("/etc/passwd"), "a link"),
    "link to a folder": ([(entry(f"{SECTION}/x", mode=stat.S_IFLNK), ".."), (f"{SECTION}/x/y.csv", b"")], "a link"),
    "link made on Windows": ([(entry(f"{SECTION}/x.csv", 0, system=0, external_attr=0x400), "y")], "a link"),
    "link that says Windows": (link("/etc/passwd", system=0), "a link"),
    "device": ([(entry(f"{SECTION}/x.csv", stat.S_IFBLK), b"")], "no ordinary file"),
    "pipe": ([(entry(f"{SECTION}/x.csv", stat.S_IFIFO), b"")], "no ordinary file"),
    "link as a folder": ([(entry(f"{SECTION}/x/", stat.S_IFLNK), b"/etc")], "a link"),
    "twice": ([(f"{SECTION}/x.csv", b"1"), (f"{SECTION}/x.csv", b"2")], "same name"),
    "twice but for case": ({f"{SECTION}/x.csv": b"1", f"{SECTION}/X.csv": b"2"}, "but for its letters"),
    "twice but for composing": ({f"{SECTION}/é.csv": b"1", NFD: b"2"}, "but for its letters"),
    "twice but for width": ({f"{SECTION}/x.csv": b"1", f"{SECTION}/ｘ.csv": b"2"}, "but for its letters"),
    "file and folder": ([(f"{SECTION}/x.csv", b"1"), (f"{SECTION}/x.csv/y.csv", b"2")], "below a file"),
    "folder and file": ([(f"{SECTION}/x.csv/y.csv", b"1"), (f"{SECTION}/x.csv", b"2")], "another file"),
    "other case of the folder": ({f"{SECTION.upper()}/x.csv": b"1", f"{SECTION}/X.csv": b"2"}, "but for its letters"),
    "ratio": ({f"{SECTION}/big.csv": bytes(2**21)}, "times its size"),
    "program": ({f"{SECTION}/numpy.py": b"import os"}, "has the name of a library"),
    "program in a package": ({f"{SECTION}/numpy/__init__.py": b"import os"}, "has the name of a library"),
    "start-up program": ({f"{SECTION}/sitecustomize.py": b"import os"}, "configures Python"),
    "library": ({f"{SECTION}/numpy.so": b"\x7fELF"}, "not collected"),
    "start-up file": ({f"{SECTION}/usercustomize.pth": b"import os"}, "not collected"),
    "configuration": ({f"{SECTION}/ipython_config.py": b"c"}, "not collected"),
    "page": ({f"{SECTION}/x.svg": b"<svg onload=alert(1)>"}, "not collected"),
    "picture that is a program": ({f"{SECTION}/x.png": b"\x7fELF"}, "not of the kind"),
    "notebook that is a zip": ({f"{SECTION}/y.ipynb": packed({"a": b""})}, "named as a notebook"),
    "empty notebook": ({f"{SECTION}/y.ipynb": b""}, "named as a notebook"),
    "zips in zips": ({f"{SECTION}/more.zip": packed({"a.zip": packed({"ridge.ipynb": OTHER})})}, "two deep"),
    "forged time": ({f"{SECTION}/timestamp.txt": b"1999-01-01"}, "comes from the platform"),
    "hidden": ({f"{SECTION}/.bashrc.txt": b""}, "not allowed"),
    "outside all sections": ({"readme.txt": b""}, "no known section"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_entry_is_refused_alone(course, case):
    files, said = HOSTILE[case]
    outside = tree(course.root.parent)
    inner = packed([(f"{SECTION}/{NAME}", NOTEBOOK), *(files.items() if isinstance(files, dict) else files)])
    path = download(course, {"ana.zip": inner, "ben.zip": hand_in(OTHER)})
    outside[path.name] = path.read_bytes()
    summary = collect(course, [path])
    assert any(said in text for text in summary.refused), summary.refused
    assert all(text.isprintable() and "\x1b" not in text for text in summary.refused)
    assert summary.placed == [f"ana/{SECTION}", f"ben/{SECTION}"], "honest work goes in all the same"
    found = tree(course.submitted)
    assert found.pop(f"ana/{SECTION}/{NAME}") == NOTEBOOK and found.pop(f"ben/{SECTION}/{NAME}") == OTHER
    assert all(name.startswith(f"ana/{SECTION}/") and name.endswith("csv") for name in found), found
    assert not any(p.is_symlink() for p in course.root.rglob("*"))
    after = {
        name for name in tree(course.root.parent) if not name.startswith(("course/submitted/", "course/.autograder/"))
    }
    assert after == set(outside)
    files, problems = read_files(course.submitted / "ana" / SECTION)
    assert problems == [], "what is collected, grading reads"


# Zips that are broken as a whole, or in the entry that is asked for.
BROKEN: dict[str, tuple[object, str]] = {
    "empty": (b"", "not a zip"),
    "text": (b"hello", "not a zip"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(50), "RAR archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip archive"),
    "picture": (PNG, "not a zip"),
    "cut off": (hand_in()[:-30], "cut off"),
    "half": (hand_in()[:60], "cut off"),
    "encrypted": (flagged(1), "encrypted"),
    "strongly encrypted": (flagged(0x40), "encrypted"),
    "other packing": (method(12), "packed in a way"),
    "unknown packing": (method(99), "packed in a way"),
    "bit flipped": (flipped({f"{SECTION}/x.csv": b"1" * 500}), "damaged"),
    "size lied": (bomb(), "damaged"),
    "overlapping": (overlapping(), "damaged"),
    "too many entries": (packed({f"{SECTION}/{n}.csv": b"" for n in range(2001)}), "more than 2000 entries"),
    "endless contents": (
        hand_in()[:-10] + struct.pack("<IIH", 2**31, 0, 0),
        "cut off",
    ),
    "random": (bytes(range(256)) * 9 + b"PK\x05\x06" + bytes(range(18)), "not a zip"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_zip_is_refused_and_the_others_are_taken(course, case):
    content, said = BROKEN[case]
    summary = collect(course, [download(course, {"ana.zip": content, "ben.zip": hand_in(OTHER)})])
    assert any(said in text for text in summary.refused), summary.refused
    assert tree(course.submitted) == {f"ben/{SECTION}/{NAME}": OTHER}
    assert not list(course.state.glob("collecting-*"))


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_download_ends_in_sentences(course, case):
    content, _ = BROKEN[case]
    summary = collect(course, [download(course, content, "broken.zip"), download(course, {"ben.zip": hand_in(OTHER)})])
    assert summary.refused and all(text.startswith("broken.zip: ") for text in summary.refused)
    assert tree(course.submitted) == {f"ben/{SECTION}/{NAME}": OTHER}


def test_what_is_read_is_counted_not_what_is_declared(course, monkeypatch):
    """Many entries below every other limit end at the student's budget; so do zips beside each other."""
    monkeypatch.setattr(archives.Budget, "__init__", lambda self: setattr(self, "left", 3 * 2**20))
    noise = os.urandom(2**20)
    inner = packed({f"{SECTION}/{NAME}": NOTEBOOK, **{f"{SECTION}/{n}.csv": noise for n in range(2)}})
    summary = collect(course, [download(course, {"ana.zip": inner, "ben.zip": hand_in(OTHER)})])
    assert any("together unpack to more" in text for text in summary.refused)
    assert f"ben/{SECTION}" in summary.placed
    assert sum(len(data) for data in tree(course.submitted).values()) < 3 * 2**20


def test_a_list_of_contents_is_read_only_up_to_its_limit(monkeypatch):
    data = io.BytesIO(packed({f"{SECTION}/{n}.csv": b"" for n in range(100)}))
    assert len(read_zip(data, 100).entries) == 100
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 1000)
    with pytest.raises(Refused):
        read_zip(data, 100)


@pytest.mark.parametrize(
    ("limit", "value", "files", "said"),
    [
        ("MAX_NOTEBOOK", 10, {"z.ipynb": NOTEBOOK}, "larger than"),
        ("MAX_FILE", 10, {"z.csv": b"1" * 11}, "larger than"),
        ("MAX_ALL_FILES", 10, {"y.csv": b"1" * 6, "z.csv": b"1" * 6}, "all files beside the notebooks"),
        ("MAX_FILES", 1, {"y.csv": b"1"}, "more than 1 files"),
        ("MAX_NOTEBOOKS", 1, {"y.ipynb": NOTEBOOK}, "more than 1 notebooks"),
    ],
)
def test_each_limit_of_what_is_kept(course, monkeypatch, limit, value, files, said):
    monkeypatch.setattr(unpacking, limit, value)
    inner = packed({f"{SECTION}/{name}": content for name, content in {NAME: b"{}", **files}.items()})
    summary = collect(course, [download(course, {"ana.zip": inner})])
    assert len(summary.refused) == 1 and said in summary.refused[0]
    assert f"ana/{SECTION}/{NAME}" in tree(course.submitted)


def test_weights_are_taken_by_their_declared_name_and_size(course):
    good, large = packed({"W1.npy": b"1"}), packed([(entry("W1.npy", compress_type=0), os.urandom(10**6))])
    files = {"cifar.ipynb": NOTEBOOK, "weights/best (1).npz": good}
    collect(course, [download(course, {"ana.zip": packed({f"08-cifar/{n}": c for n, c in files.items()})})])
    assert tree(course.submitted)["ana/08-cifar/best.npz"] == good
    summary = collect(course, [download(course, {"ben/cifar.ipynb": NOTEBOOK, "ben/best.npz": large})])
    assert "larger than" in summary.refused[0] and "ben/08-cifar/best.npz" not in tree(course.submitted)


def test_weights_alone_do_not_replace_a_notebook(course):
    collect(course, [download(course, {"ana/cifar.ipynb": NOTEBOOK})])
    summary = collect(course, [download(course, {"ana/best.npz": packed({"a": b""})})])
    assert "it has no notebook" in summary.refused[0]
    assert tree(course.submitted) == {"ana/08-cifar/cifar.ipynb": NOTEBOOK}


@pytest.mark.parametrize("student", ["..", ".hidden", "a b", "-rf", "é", "a" * 80, "gradebook.db/", "CON"])
def test_folder_names_that_are_no_student_ids_are_refused(course, student):
    summary = collect(course, [download(course, {f"{student}/{NAME}": NOTEBOOK, f"ben/{NAME}": OTHER})])
    assert tree(course.submitted) == {f"ben/{SECTION}/{NAME}": OTHER} and summary.refused


def test_students_that_differ_in_case_only_are_not_mixed(course):
    summary = collect(course, [download(course, {f"ana/{NAME}": NOTEBOOK})])
    summary = collect(course, [download(course, {f"Ana/{NAME}": OTHER})])
    assert "in case only" in summary.refused[0] and tree(course.submitted) == {f"ana/{SECTION}/{NAME}": NOTEBOOK}


def test_links_in_the_course_are_not_written_through(course, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (course.submitted / "ana").mkdir(parents=True)
    (course.submitted / "ana" / SECTION).symlink_to(tmp_path / "elsewhere")
    (course.submitted / "ben").symlink_to(tmp_path / "elsewhere")
    summary = collect(course, [download(course, {f"{name}/{NAME}": NOTEBOOK for name in ("ana", "ben")})])
    assert len(summary.refused) == 2 and not list((tmp_path / "elsewhere").iterdir())


# -- for any name ---------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["..", ".", "", "/", "\\", "C:", "~", "a", "é", "\0", "nul", " ", "x.csv", "\u202e", "．．", "%2e%2e", SECTION]
)
NAMES = st.one_of(
    st.text(max_size=40), st.lists(PIECES, max_size=8).map("/".join), st.lists(PIECES, max_size=8).map("".join)
)


@settings(max_examples=400, deadline=None)
@given(NAMES)
def test_no_checked_path_leads_out_of_a_folder(name):
    try:
        parts = safe_parts(name)
    except Refused as reason:
        assert str(reason)
        return
    base = Path("/base/folder")
    assert parts and all(part not in ("", ".", "..") and "/" not in part and "\\" not in part for part in parts)
    assert Path(os.path.normpath(base.joinpath(*parts))).is_relative_to(base)
    assert Path(os.path.normpath(base.joinpath(*parts))) == base.joinpath(*parts)
    assert safe_parts("/".join(parts)) == parts, "checking twice changes nothing"
    for form in ("NFC", "NFD"):
        assert ".." not in unicodedata.normalize(form, "/".join(parts)).split("/")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, st.binary(max_size=30)), max_size=6))
def test_any_names_in_a_zip_end_inside_the_section(tmp_path_factory, files):
    staging = tmp_path_factory.mktemp("staging")
    usable = [(name, data) for name, data in files if len(name.encode("utf-8", "replace")) < 60000 and name]
    with contextlib.suppress(UnicodeEncodeError), contextlib.ExitStack() as stack:
        made = packed([(f"{SECTION}/{NAME}", NOTEBOOK), *usable])
        (staging / "in").mkdir()
        taking = unpacking.Unpacking({SECTION: unpacking.Wanted(("ridge",), {})}, SECTION, "x", staging / "in")
        (staging / "hand-in.zip").write_bytes(made)
        archive = read_zip(stack.enter_context(open(staging / "hand-in.zip", "rb")), 100)
        taking.take([(e.parts, e) for e in archive.entries])
        found = {str(p.relative_to(staging)) for p in staging.rglob("*") if not p.is_dir()}
        assert found - {"hand-in.zip"} == {
            "/".join(("in", SECTION, *parts)) for parts in taking.found[SECTION].values()
        }
        assert taking.found[SECTION][NAME] == (NAME,)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_zip_with_any_bytes_changed_never_ends_in_a_traceback(data):
    content = bytearray(packed({f"{SECTION}/{NAME}": NOTEBOOK, f"{SECTION}/x.csv": b"1,2" * 50}))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        archive = read_zip(io.BytesIO(content), 100)
        for found in archive.entries:
            with contextlib.suppress(Refused):
                found.copy(io.BytesIO(), 10**6, archives.Budget())
    except Refused as reason:
        assert str(reason)


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did_and_its_exit_status_tells(course, capsys, monkeypatch):
    monkeypatch.chdir(course.root)

    def command(*arguments: object) -> tuple[int, str, str]:
        status = main(["collect", *map(str, arguments)])
        return (status, *capsys.readouterr())

    status, out, _ = command(download(course, {"x_101_9_ridge.ipynb": NOTEBOOK}), "--at", "2026-03-01 12:00 UTC")
    assert status == 0 and "1 submission of 1 student collected; nothing refused." in out
    status, out, err = command(
        download(course, {"ana.zip": hand_in(), "ben.zip": b"\x1b[2J[bold]"}), "--from", "folder"
    )
    assert status == 1 and "'ben.zip' was left out: it is not a zip file" in out and not err
    assert "1 submission of 1 student collected; 1 refused, each named above." in out
    status, out, _ = command(canvas(course, OTHER, 5), "--at", "2026-03-05 12:00", "--timezone", "Europe/Berlin")
    assert status == 0
    assert read_timestamp(course.submitted / "101" / SECTION) == datetime.datetime(2026, 3, 5, 11)
    status, out, err = command("nowhere.zip")
    assert (status, err) == (1, "nowhere.zip does not exist. Check the name of the download.\n")
    assert command()[0] == 2
    assert command("--from", "nowhere", download(course, hand_in()))[0] == 2


@needs_bubblewrap
@pytest.mark.sandbox
def test_collected_submissions_are_graded(tmp_path):
    from backprop.handin.archive import make_zip

    course = copy_course(Course(ROOT), tmp_path / "course")
    template = released_notebooks(course, SECTION)["ridge"]
    own = tmp_path / "student" / NAME
    own.parent.mkdir()
    own.write_text(json.dumps({**solved(template, MadeUp("ana", "")), "metadata": released(course)["metadata"]}))
    make_zip([own], tmp_path / "hand-in.zip")
    path = tmp_path / "submissions.zip"
    path.write_bytes(packed({"smithana_LATE_101_9_hand-in-1.zip": (tmp_path / "hand-in.zip").read_bytes()}))
    assert collect(course, [path]).refused == []
    summary = grade_class(course, [SECTION], options=Options(workers=1))
    assert summary.faults == [] and summary.problems == []
    (result,) = summary.graded
    assert result.student == "101"
    scores = {g: s for notebook in result.notebooks.values() for g, s in notebook.scores.items() if s is not None}
    assert sum(scores.values()) == sum(cell.points for cell in template.grade_cells if cell.is_test) > 0
    assert read_timestamp(course.autograded / "101" / SECTION) == datetime.datetime(*DATE)


def released(course: Course) -> dict:
    return json.loads((course.release / SECTION / NAME).read_text())


@pytest.mark.parametrize(
    "name",
    [
        "RIDGE.IPYNB",
        "ridge.ipynb.txt",
        "ridge.ipynb.json",
        "ridge-Copy1.ipynb",
        "ridge (1).ipynb",
        "Copy of ridge.ipynb",
    ],
)
def test_a_notebook_under_another_name_is_collected_and_read(course, name):
    summary = collect(course, [download(course, {"ana.zip": packed({f"{SECTION}/{name}": NOTEBOOK})})])
    assert summary.placed == [f"ana/{SECTION}"] and summary.refused == []
    wanted = released_notebooks(Course(ROOT), SECTION)
    assert read_contents(course.submitted / "ana" / SECTION, wanted).unread(wanted) == []


def test_modules_beside_a_notebook_are_collected_with_their_folders(course):
    files = {"mine.py": b"import inner.nodes\n", "inner/nodes.py": b"x = 1\n", "inner/__init__.py": b""}
    inner = packed({f"{SECTION}/{name}": content for name, content in {NAME: NOTEBOOK, **files}.items()})
    summary = collect(course, [download(course, {"ana.zip": inner})])
    assert summary.placed == [f"ana/{SECTION}"] and summary.refused == []
    assert read_contents(course.submitted / "ana" / SECTION, released_notebooks(Course(ROOT), SECTION)).files == files
