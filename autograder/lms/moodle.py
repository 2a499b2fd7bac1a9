"""Moodle: *Download all submissions* (mod_assign), the grading worksheet, *Grades → Import*, feedback files in a zip.

Folder of a student: <full name>_<number>_assignsubmission_<plugin>[_]/<path>. Source, in Moodle's own repository:

    mod/assign/classes/downloader.php               since 4.1: a folder without a last "_", paths of sub-folders kept
    mod/assign/locallib.php, download_submissions   3.1 to 4.0: the folder ends in "_"; before, or when "Download
                                                    submissions in folders" is off: no folder, …_<file>
    mod/assignment/lib.php                          2.2 and older: <full name>_<number>_<file>
    mod/assign/feedback/file/importziplib.php       what a feedback file must be called

"_" in names is written as a space. The number is the participant's of this one
assignment. With team submissions name and number are those of the group; the team of those without a group has no
number. With anonymous submissions the name is the word "Participant" in the site's language.
"""

from __future__ import annotations

import re

from ..course import Course
from ..gradebook.reader import Grades
from ..submissions.archive import Archive
from .delivery import ONE_NUMBER, Deliveries, Delivery, words_key
from .roster import Roster, read_roster
from .table import GradeFile, Titles, scores, text_cell, without_row

# Which columns of a roster name the student as the download does.
ROSTER = ("moodle", "identifier")
FILE = re.compile(r"(?P<name>.*?)_(?P<id>\d+)_assignsubmission_(?P<what>[a-z]+)(?:_(?P<file>.*))?\Z", re.DOTALL)
NO_GROUP = re.compile(r"[^_]+_assignsubmission_[a-z]+(?:_.*)?\Z", re.DOTALL)
OLD = re.compile(r"(?P<name>[^_]+)_(?P<id>\d+)_(?P<file>.+)\Z", re.DOTALL)
WHAT = re.compile(r"_assignsubmission_[a-z]+(_|\Z)")
# "Participant" (mod/assign/lang, string `participant`; "/" does not survive in a file's name) in Moodle's languages.
PARTICIPANT = {
    words_key(word)
    for word in (
        "Participant", "Teilnehmer/in", "Teilnehmerin", "Participante", "Partecipante", "Deelnemer", "Deltagare",
        "Deltager", "Deltaker", "Osallistuja", "Uczestnik", "Účastník", "Участник", "Учасник", "Katılımcı", "Partaidea",
        "参加者", "参与者", "參與者", "참가자", "مشارك", "משתתף", "Συμμετέχων", "Résztvevő", "Udeleženec", "Sudionik",
    )
}  # fmt: skip


def fits(paths: list[tuple[str, ...]]) -> bool:
    """Whether all files have names that Moodle makes: one student's file can't speak for the others."""
    return bool(paths) and all(FILE.match(path[0]) or NO_GROUP.match(path[0]) for path in paths)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(FILE.match(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused, unsure = [], []
    old = not some([entry.parts for entry in archive.entries])
    for entry in archive.entries:
        top, shown = entry.parts[0], "/".join(entry.parts)
        read = (OLD if old and len(entry.parts) == 1 else FILE).match(top)
        facts = read.groupdict() if read else {}
        if read is None or not (facts["file"] or entry.parts[1:]):
            group = NO_GROUP.match(top)
            text = "it is of students without a group, whom Moodle does not name; collect it by hand"
            refused.append((shown, text if group else "it has no Moodle name"))
            continue
        if WHAT.search(facts["file"] or "") or WHAT.search(facts["name"]):
            # A person or a file was given a name that holds another participant's number.
            refused.append((shown, "its name could be that of two students; collect it by hand"))
            continue
        if facts.get("what", "file") != "file":
            refused.append((shown, f"it is no file handed in but Moodle's {facts['what']}"))
            continue
        number, name = facts["id"], facts["name"]
        delivery = found.setdefault(number, Delivery(f"{name}_{number}", (number,), name=name))
        if name != delivery.name:
            unsure.append(number)
        delivery.back = f"{name}_{number}_assignsubmission_file_"
        delivery.files.append((((facts["file"],) if facts["file"] else ()) + entry.parts[1:], entry))
        delivery.order = max(filter(None, (delivery.order, entry.date)), default=None)
    refused += [(found.pop(number).label, ONE_NUMBER) for number in dict.fromkeys(unsure)]
    _mark_hidden(list(found.values()))
    return list(found.values()), refused


def _mark_hidden(deliveries: list[Delivery]) -> None:
    """Anonymous submissions: everybody has the one name, in whatever language the site is."""
    names = {words_key(delivery.name) for delivery in deliveries}
    for delivery in deliveries:
        delivery.hidden = words_key(delivery.name) in PARTICIPANT or (len(names) == 1 and len(deliveries) > 1)


# -- Grades → Import → CSV file --------------------------------------------------------------------------------------

KEYS = ("username", "id number", "email address", "identifier")
IDENTITY = ("Username", "Full name", "Email address")
KEPT = ("identifier", "username", "id number", "first name", "last name", "full name", "email address")


def grade_file(course: Course, grades: Grades, titles: Titles) -> GradeFile:
    """Rows for *Grades → Import*. With exports/moodle-roster.csv (a participants list, a grader report) its rows."""
    roster = read_roster(course.exports / "moodle-roster.csv", KEYS)
    if roster is None:
        roster = Roster(list(IDENTITY))
        roster.students = [[person.id, person.name, person.email] for person in grades.people]
        matched = dict(enumerate(grades.people))
    else:
        matched = roster.match(grades.people, KEYS)
    kept = sorted(i for name in KEPT if (i := roster.column(name)) is not None)
    rows = [[text_cell(roster.header[i]) for i in kept] + [text_cell(titles.name(s)) for s in grades.sections]]
    for number, row in enumerate(roster.students):
        rows.append([text_cell(row[i]) for i in kept] + scores(grades, matched.get(number)))
    return GradeFile(rows, without_row(grades, matched))
