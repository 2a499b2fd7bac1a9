"""Put the submissions of a learning platform's download into submitted/<student>/<section>/.

    download ──► deliveries (whose, when) ──► checked copy in .autograder/ ──► submitted/<student>/<section>/
                                                                          └──► .autograder/replaced/… (what was there)

Everything in a download is hostile. What is refused is named, in one sentence each, and takes nothing else along.
A submission is replaced whole, in one step, by a newer one, and what was there is kept.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import datetime
import hashlib
import io
import json
import os
import shutil
import tempfile
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError, WrongUsage, stops_the_run
from ..lock import one_run_at_a_time
from ..submissions.archive import (
    MAX_ENTRIES,
    Archive,
    Budget,
    Refused,
    path_key,
    read_folder,
    read_zip,
    sensible,
    shown,
)
from ..submissions.files import is_notebook
from ..submissions.submission import read_timestamp
from ..text import count, visible
from .delivery import Delivery
from .platforms import read_platform
from .roster import read_roster
from .students import STUDENT_COLUMNS, Clock, People, read_people, students_of
from .unpacking import Unpacking, Wanted, refusals, wanted_of

MAX_INDEX = 32 * 2**20  # bytes of a download's own list of contents


@dataclass
class Collected:
    """What a collection did.

    placed, replaced, unchanged, older : student/section of each submission
    refused, notes                     : sentences, each naming the archive and the entry
    """

    placed: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        students = len({name.rpartition("/")[0] for name in self.placed})
        text = f"{count(len(self.placed), 'submission')} of {count(students, 'student')} collected"
        for number, what in (
            (len(self.replaced), "in place of another"),
            (len(self.unchanged), "there already"),
            (len(self.older), "skipped as older than what is there"),
        ):
            text += f", {number} {what}" if number else ""
        return (
            f"{text}; {len(self.refused)} refused, each named above." if self.refused else f"{text}; nothing refused."
        )


def collect(
    course: Course,
    archives: Sequence[Path],
    *,
    section: str | None = None,
    source: str = "auto",
    roster: Path | None = None,
    at: str | None = None,
    timezone: str | None = None,
    groups: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Collected:
    """Collect the submissions of some downloads: zip files, or folders they were unpacked into.

    section : everything belongs to this section; found by folder and notebook name when None
    source  : a platform's name, see `platforms.PLATFORMS`, or auto
    groups  : what one member hands in counts for the whole group, by a column `group` of the roster
    at      : when they were handed in, where the download does not say
    timezone: of times in the roster and of `at` that name none, such as Europe/Berlin; UTC when None
    progress: called with (finished, of how many, the student just finished)

    Raises UserError for wrong arguments, a roster that can't be used, and when a grading run is at work.
    """
    sections = {name: wanted_of(course, name) for name in course.choose()}
    chosen = course.choose([section])[0] if section else None
    clock = Clock.of(timezone)
    try:
        time = clock.read(at, "--at") if at is not None else None
    except UserError as error:
        raise WrongUsage(str(error)) from None
    missing = [str(path) for path in archives if not path.exists()]
    if missing:
        raise UserError(f"{', '.join(missing)} does not exist. Check the name of the download.")
    table = read_roster(roster, [*STUDENT_COLUMNS, "identifier"]) if roster else None
    if roster and table is None:
        raise UserError(f"{roster} does not exist. Check the name of the roster.")
    collection = _Collection(course, sections, chosen, time, Collected(), progress, clock, groups)
    with one_run_at_a_time(course):
        for path in course.state.glob("collecting-*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in archives:
            with contextlib.ExitStack() as stack:
                try:
                    archive = _open(path, stack)
                    platform, (deliveries, refused) = read_platform(archive, source, list(sections))
                except Refused as reason:
                    collection.summary.refused.append(f"{path.name}: nothing was collected from it: {reason}.")
                    continue
                collection.summary.refused += refusals(path.name, [*archive.refused, *refused])
                collection.summary.notes.append(f"{path.name} was read as: {platform}.")
                collection.take(path.name, platform, deliveries, read_people(table, roster, platform, clock))
    if clock.guessed:
        collection.summary.notes.append(
            "Times that name no zone were read as UTC; --timezone says otherwise, for example --timezone Europe/Berlin."
        )
    return collection.summary


def _open(path: Path, stack: contextlib.ExitStack) -> Archive:
    if path.is_dir():
        return read_folder(path)
    return read_zip(stack.enter_context(open(path, "rb")), MAX_ENTRIES)


# -- one collection -------------------------------------------------------------------------------------------------


@dataclass
class _Collection:
    course: Course
    sections: dict[str, Wanted]
    chosen: str | None
    at: datetime.datetime | None
    summary: Collected
    progress: Callable[[int, int, str], None]
    clock: Clock
    groups: bool = False
    guessed: list[str] = field(default_factory=list)
    untimed: list[str] = field(default_factory=list)
    redated: int = 0
    indexed: dict[str, str] = field(default_factory=dict)

    def take(self, archive: str, platform: str, deliveries: list[Delivery], people: People | None) -> None:
        """Place what the students of one archive handed in, the oldest first."""
        there = {path_key((name,)): name for name in self._students()}
        self.guessed, self.untimed, self.redated = [], [], 0
        for delivery in deliveries:
            if delivery.local and sensible(delivery.local):
                delivery.time = delivery.order = self.clock.to_utc(delivery.local)
        deliveries = sorted(deliveries, key=lambda delivery: delivery.order or datetime.datetime.min)
        for number, delivery in enumerate(deliveries, 1):
            said = f"{archive}: {shown(delivery.label)} was left out"
            try:
                students = students_of(delivery, people, self.groups)
            except Refused as reason:
                self.summary.refused.append(f"{said}: {reason}.")
                continue
            if len(students) > 1 and platform == "moodle":
                delivery.back = ""  # Moodle takes feedback files for participants, and this number is a group's
            for student in students:
                if there.setdefault(path_key((student,)), student) != student:
                    self.summary.refused.append(
                        f"{said}: {student!r} differs from {there[path_key((student,))]!r} in case only."
                    )
                    continue
                one, time = copy.copy(delivery), people.times.get(student) if people else None
                if time or (self.at and not (one.time and one.exact)):
                    one.time, one.exact, one.said = time or self.at, True, True
                    one.order = one.time if time else one.order or self.at
                try:
                    self._take_one(archive, student, one, platform)
                except Exception as error:  # whatever one delivery makes a step raise costs that delivery alone
                    if stops_the_run(error):
                        raise
                    self.summary.refused.append(f"{said}: {type(error).__name__}: {visible(str(error))[:200]}.")
            self.progress(number, len(deliveries), students[0])
        if self.redated:
            self.summary.notes.append(f"{archive}: the time of {count(self.redated, 'submission')} was corrected.")
        if self.guessed:
            self.summary.notes.append(
                f"{archive} marks {count(len(self.guessed), 'submission')} as late and does not say when. Counted "
                f"as of the download, the latest it can have been: {', '.join(sorted(self.guessed))}. "
                "A column `time` of a roster can say it better."
            )
        if self.untimed:
            self.summary.notes.append(
                f"{archive} does not date {count(len(self.untimed), 'submission')}: counted as in time; "
                "--at or a roster's column `time` can say it."
            )

    def _students(self) -> list[str]:
        return os.listdir(self.course.submitted) if self.course.submitted.is_dir() else []

    def _take_one(self, archive: str, student: str, delivery: Delivery, platform: str) -> None:
        self.course.state.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=self.course.state, prefix="collecting-"))
        try:
            named = "" if delivery.label.rpartition("/")[2].removesuffix(".zip") == student else delivery.label
            who = f"{archive}: {student}" + (f" ({shown(named)})" if named else "")
            unpacking = Unpacking(self.sections, self.chosen, who, staging)
            unpacking.unpack(delivery)
            self.summary.refused += unpacking.refused
            self.summary.notes += unpacking.notes
            for section in sorted(unpacking.found):
                if not any(is_notebook(parts[-1]) for parts in unpacking.found[section].values()):
                    self.summary.refused.append(f"{archive}: {student}/{section} was left out: it has no notebook.")
                    continue
                try:
                    self._place(student, section, staging / section, delivery, archive, platform)
                    self._keep_index(section, delivery, archive)
                except Refused as reason:
                    self.summary.refused.append(f"{archive}: {student}/{section} was left out: {reason}.")
            if not unpacking.found and not unpacking.refused and not unpacking.notes:
                self.summary.refused.append(f"{archive}: {student} was left out: there is no file in it.")
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _place(
        self, student: str, section: str, staging: Path, delivery: Delivery, archive: str, platform: str
    ) -> None:
        """Put a staged submission where it belongs, in one step. Raises Refused when something odd is there."""
        final = self.course.submitted / student / section
        for path in (final.parent, final):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise Refused(f"{self.course.shown(path)} is no folder; remove it and collect again")
        name, digest = f"{student}/{section}", folder_digest(staging)
        note_path = self.course.state / "collected" / section / (urllib.parse.quote(student, safe="@") + ".json")
        stamp = f"{delivery.time:%Y-%m-%d %H:%M:%S} UTC" if delivery.time else None
        if final.exists():
            note = _read_note(note_path)
            recorded = read_timestamp(final)
            there = folder_digest(final)
            if digest in (note.get("digest"), there):
                # The same work again. What the instructor says always counts; a platform's word only where it makes a
                # known time later, and a guess nowhere.
                later = recorded and delivery.time and delivery.exact and delivery.time > recorded
                if stamp and (recorded is None or delivery.said or later) and delivery.time != recorded:
                    write_atomically(final / "timestamp.txt", stamp.encode())
                    self.redated += recorded is not None
                if recorded is None:
                    self._note_time(name, delivery)
                if digest != there:
                    self.summary.notes.append(
                        f"{archive}: {name} was collected before and changed here since, so it was left as it is; "
                        f"remove {self.course.shown(final)}/ to take it anew."
                    )
                elif (note.get("digest"), note.get("back")) != (digest, delivery.back):
                    _write_note(note_path, digest, delivery, platform)
                self.summary.unchanged.append(name)
                return
            order = _read_order(note) or recorded
            if order and delivery.order and delivery.order < order:
                self.summary.older.append(name)
                self.summary.notes.append(
                    f"{archive}: {name} was skipped: it is of {delivery.order:%Y-%m-%d %H:%M}, what is there of "
                    f"{order:%Y-%m-%d %H:%M} (UTC)."
                )
                return
        if stamp:
            write_atomically(staging / "timestamp.txt", stamp.encode())
        staging.chmod(0o755)
        if final.exists():
            kept = self._kept(student, section)
            os.rename(staging, kept)
            swap(kept, final)
            self.summary.replaced.append(name)
            self.summary.notes.append(f"{archive}: {name} is new; what was there is in {self.course.shown(kept)}/.")
        else:
            final.parent.mkdir(parents=True, exist_ok=True)
            os.rename(staging, final)
        _write_note(note_path, digest, delivery, platform)
        self.summary.placed.append(name)
        self._note_time(name, delivery)

    def _keep_index(self, section: str, delivery: Delivery, archive: str) -> None:
        """Keep the download's own list of contents as it is, for the zip with the feedback."""
        if delivery.index is None or self.indexed.get(section) == archive:
            return
        self.indexed[section] = archive
        content = io.BytesIO()
        try:
            delivery.index.copy(content, MAX_INDEX, Budget())
        except Refused as reason:
            self.summary.notes.append(f"{archive}: its {delivery.index.name} was left out: {reason}.")
            return
        write_atomically(self.course.state / "collected" / section / delivery.index.name, content.getvalue())

    def _note_time(self, name: str, delivery: Delivery) -> None:
        if delivery.time is None:
            self.untimed.append(name)
        elif not delivery.exact:
            self.guessed.append(name)

    def _kept(self, student: str, section: str) -> Path:
        """A new name below .autograder/replaced/ for what is replaced now."""
        folder = self.course.state / "replaced" / student / section
        folder.mkdir(parents=True, exist_ok=True)
        now = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d-%H%M%S}"
        number = 1
        while (folder / f"{now}-{number}").exists():
            number += 1
        return folder / f"{now}-{number}"


def _write_note(path: Path, digest: str, delivery: Delivery, platform: str) -> None:
    """What was collected last, where it stands in the order of what a student handed in, and how feedback goes back."""
    order = f"{delivery.order:%Y-%m-%d %H:%M:%S}" if delivery.order else None
    note = {"digest": digest, "order": order, "platform": platform, "back": delivery.back}
    write_atomically(path, json.dumps(note).encode())


def _read_note(path: Path) -> dict:
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _read_order(note: dict) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(note.get("order") or "", "%Y-%m-%d %H:%M:%S")
    except (ValueError, TypeError):
        return None


def folder_digest(folder: Path) -> str:
    """A hash of the files in a folder, their names and contents, but for the timestamp."""
    digest = hashlib.sha256()
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(base, name)
            relative = str(path.relative_to(folder))
            if relative == "timestamp.txt":
                continue
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            digest.update(repr((relative, hashlib.sha256(content).hexdigest())).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def swap(first: Path, second: Path) -> None:
    """Exchange two folders in one step, so that neither name is ever without one (Linux; elsewhere in three)."""
    exchange, at_cwd = 2, -100
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None).renameat2(at_cwd, os.fsencode(first), at_cwd, os.fsencode(second), exchange) == 0:
            return
    aside = first.with_name(f"{first.name}.new")
    os.rename(first, aside)
    os.rename(second, first)
    os.rename(aside, second)
