"""What is taken of one student's files, and where it goes: notebooks, declared weights, pictures and data."""

from __future__ import annotations

import datetime
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..course import Course
from ..errors import CourseError
from ..submissions.archive import (
    MAX_STUDENT_BYTES,
    MAX_STUDENT_ENTRIES,
    Budget,
    Entry,
    Refused,
    megabytes,
    path_key,
    read_zip,
    shown,
)
from ..submissions.files import MAX_ALL_FILES, MAX_FILE, MAX_FILES, SAFE_NAME, is_notebook, notebook_stem
from ..submissions.libraries import CONFIGURATION, shadowed, top_level
from ..submissions.notebook import MAX_NOTEBOOK
from .delivery import Delivery

MAX_NOTEBOOKS = 20
ZIPS_IN_ZIPS = 2
MOST_NAMED, MOST_REASONS = 3, 10  # left out for one and the same reason; and reasons
# The first bytes of each kind of file that is collected beside notebooks and declared weights.
KINDS: dict[str, tuple[bytes, ...]] = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF8",),
    ".webp": (b"RIFF",),
    ".pdf": (b"%PDF",),
    ".npy": (b"\x93NUMPY",),
    ".npz": (b"PK\x03\x04", b"PK\x05\x06"),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".json", ".safetensors", ".py"), (b"",)),
}
NO_NOTEBOOK = (b"PK\x03\x04", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\x7fELF")


@dataclass(frozen=True)
class Wanted:
    """What a section asks for: the names of its notebooks and the declared weights, each with its limit in bytes."""

    notebooks: tuple[str, ...]
    weights: dict[str, int]


def wanted_of(course: Course, section: str) -> Wanted:
    """What the release of a section asks for. Raises CourseError when a notebook of it can't be read."""
    notebooks, weights = [], {}
    for path in sorted((course.release / section).glob("*.ipynb")):
        notebooks.append(path.stem)
        try:
            facts = json.loads(path.read_bytes())["metadata"].get("backprop", {})
            weights |= {entry["file"]: int(entry["max_mb"] * 1e6) for entry in facts.get("weights", [])}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CourseError(f"{path} cannot be read. Run `python -m autograder release {section}` again.") from None
    return Wanted(tuple(notebooks), weights)


def refusals(label: str, refused: list[tuple[str, str]]) -> list[str]:
    """A sentence for each (name, reason) that is not taken; of many, the first few of each reason and their number."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused:
        by_reason.setdefault(reason, []).append(name)
    sentences, more = [], 0
    for number, (reason, names) in enumerate(by_reason.items()):
        if number >= MOST_REASONS:
            more += len(names)
            continue
        sentences += [f"{label}: {shown(name)} was left out: {reason}." for name in names[:MOST_NAMED]]
        if len(names) > MOST_NAMED:
            sentences.append(f"{label}: {len(names) - MOST_NAMED} more were left out: {reason}.")
    return [*sentences, *([f"{label}: {more} more were left out for other reasons."] if more else [])]


class Unpacking:
    """Copies what is wanted of one delivery into staging/<section>/.

    found   : section -> key of each path that is taken -> its parts
    refused : sentences; notes : sentences about what was rightly left out
    """

    def __init__(
        self,
        sections: dict[str, Wanted],
        chosen: str | None,
        label: str,
        staging: Path,
    ):
        self.sections, self.chosen, self.label, self.staging = sections, chosen, label, staging
        self.budget, self.entries = Budget(), MAX_STUDENT_ENTRIES
        self.found: dict[str, dict[str, tuple[str, ...]]] = {}
        self.spent: dict[str, int] = {}
        self.left_out: list[tuple[str, str]] = []
        self.notes: list[str] = []

    @property
    def refused(self) -> list[str]:
        return refusals(self.label, self.left_out)

    def refuse(self, name: str, reason: object) -> None:
        self.left_out.append((name, str(reason)))

    def unpack(self, delivery: Delivery) -> None:
        """Take all files of a delivery; a zip among them is opened, and a zip in that zip."""
        self._unpack([(parts, entry) for parts, entry in delivery.files], ZIPS_IN_ZIPS)

    def _unpack(self, files: list[tuple[tuple[str, ...], Entry]], depth: int) -> None:
        loose: list[tuple[tuple[str, ...], Entry]] = []
        for parts, entry in files:
            if not parts[-1].lower().endswith(".zip") or not depth:
                loose.append((parts, entry))
                continue
            with tempfile.TemporaryFile(dir=self.staging) as file:
                try:
                    if not self.entries:
                        raise Refused(f"all zips together hold more than {MAX_STUDENT_ENTRIES} entries")
                    entry.copy(file, MAX_STUDENT_BYTES, self.budget)
                    archive = read_zip(file, MAX_STUDENT_ENTRIES)
                except Refused as reason:
                    self.refuse("/".join(parts), reason)
                    continue
                self.entries = max(0, self.entries - len(archive.entries) - len(archive.refused))
                for name, reason in archive.refused:
                    self.refuse(f"{parts[-1]}: {name}", reason)
                self._unpack([((*parts[:-1], *inner.parts), inner) for inner in archive.entries], depth - 1)
        if loose:
            self.take(loose)

    def take(self, files: list[tuple[tuple[str, ...], Entry]]) -> None:
        """Take the files of one zip, or those that lie loose: what lies together belongs together."""
        homes: dict[str, list[tuple[str, ...]]] = {}
        placed, open_ = [], []
        for parts, entry in files:
            section, inner = self._by_folder(parts)
            chosen = self.chosen
            if section and chosen and section != chosen:
                self.notes.append(f"{self.label}: {shown('/'.join(parts))} is of {section} and was left where it is.")
                continue
            named = section or chosen or self._by_name(parts[-1])
            if named is None:
                open_.append((parts, entry))
                continue
            if not section:
                homes.setdefault(named, []).append(parts)
            placed.append((named, inner, bool(section), entry))
        only = next(iter(homes)) if len(homes) == 1 else None
        for parts, entry in open_:
            if only:
                homes[only].append(parts)
                placed.append((only, parts, False, entry))
            else:
                self.refuse("/".join(parts), "it belongs to no known section; name one with --section")
        for section, parts, inside, entry in placed:
            base = () if inside else _home(homes[section], self.sections[section])
            inner = parts[len(base) :] if parts[: len(base)] == base else parts[-1:]
            try:
                self.keep(section, inner, entry)
            except Refused as reason:
                self.refuse("/".join(parts), reason)

    def _by_folder(self, parts: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
        """The section whose name one of the folders has (the innermost such), and the path below that folder."""
        known = {name.lower(): name for name in self.sections}
        for number in reversed(range(len(parts) - 1)):
            if parts[number].lower() in known:
                return known[parts[number].lower()], parts[number + 1 :]
        return None, parts

    def _by_name(self, name: str) -> str | None:
        """The one section that a notebook or a file of weights can belong to by its name."""
        stem = notebook_stem(name).lower()
        same, alike = set(), set()
        for section, wanted in self.sections.items():
            for notebook in wanted.notebooks if stem else ():
                if stem == notebook.lower():
                    same.add(section)
                if stem.startswith(notebook.lower()):
                    alike.add(section)
            if _unnumbered(name, set(wanted.weights)) in wanted.weights:
                same.add(section)
        return next((next(iter(found)) for found in (same, alike) if len(found) == 1), None)

    def keep(self, section: str, parts: tuple[str, ...], entry: Entry) -> None:
        """Copy one file into the staged section. Raises Refused for a kind, size or name that is not taken."""
        wanted = self.sections[section]
        known = {*(f"{notebook}.ipynb" for notebook in wanted.notebooks), *wanted.weights}
        name = _unnumbered(parts[-1], known)
        suffix = Path(name).suffix.lower()
        if is_notebook(name):
            name = re.sub(r"[^\w .+=@-]", "_", notebook_stem(name)).lstrip(" .+=@-") + ".ipynb"
            limit, magic, parts = MAX_NOTEBOOK, None, (name,)
            if sum(taken[-1].endswith(".ipynb") for taken in self.found.get(section, {}).values()) >= MAX_NOTEBOOKS:
                raise Refused(f"there are more than {MAX_NOTEBOOKS} notebooks")
        elif name in wanted.weights:
            limit, magic, parts = min(wanted.weights[name], MAX_FILE), KINDS.get(suffix, (b"",)), (name,)
        elif name.lower() == "timestamp.txt":
            raise Refused("the time comes from the platform, never from a student's file")
        elif suffix == ".py" and CONFIGURATION.match(top_level("/".join(parts))):
            raise Refused("a file that configures Python or Jupyter is not collected")
        elif suffix == ".py" and shadowed(["/".join(parts)]):
            raise Refused("it has the name of a library, which would be imported instead of it")
        elif suffix in KINDS:
            limit, magic = MAX_FILE, KINDS[suffix]
        elif suffix == ".zip":
            raise Refused("zips are opened two deep, and no deeper")
        else:
            raise Refused(f"files of the kind {shown(suffix)} are not collected")
        odd = next((part for part in parts if not SAFE_NAME.match(part)), None)
        if odd is not None:
            raise Refused("its name has signs that are not allowed; use letters, digits, '-', '_' and '.'")
        taken = self.found.get(section, {})
        key = path_key(parts)
        if key in taken or any(other.startswith(f"{key}/") or key.startswith(f"{other}/") for other in taken):
            raise Refused("there is another file of that name")
        if len(taken) >= MAX_FILES:
            raise Refused(f"there are more than {MAX_FILES} files")
        if magic is not None:
            left = MAX_ALL_FILES - self.spent.get(section, 0)
            if left < min(entry.size, limit):
                raise Refused(f"all files beside the notebooks together are larger than {megabytes(MAX_ALL_FILES)}")
            limit = min(limit, left)
        path = self.staging.joinpath(section, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "xb") as file:
                size = entry.copy(file, limit, self.budget)
                file.flush()
                os.fsync(file.fileno())
            _check_kind(path, magic)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if entry.date:  # of several notebooks of other names, the newest is graded
            seconds = entry.date.replace(tzinfo=datetime.timezone.utc).timestamp()
            os.utime(path, (seconds, seconds))
        if magic is not None:
            self.spent[section] = self.spent.get(section, 0) + size
        self.found.setdefault(section, {})[key] = parts


def _home(paths: list[tuple[str, ...]], wanted: Wanted) -> tuple[str, ...]:
    """The folder that the notebooks of a section lie in: the topmost, that of the right name first."""
    notebooks = [path for path in paths if is_notebook(path[-1])]
    best = min(notebooks, key=lambda path: (notebook_stem(path[-1]) not in wanted.notebooks, len(path)), default=())
    return best[:-1]


def _unnumbered(name: str, known: set[str]) -> str:
    """The name without the number that a platform or a browser put behind it, where that makes it a known one."""
    plain = re.sub(r"(?:-\d+| ?\(\d+\))+(\.[^.]+)\Z", r"\1", name)
    return plain if name not in known and plain in known else name


def _check_kind(path: Path, magic: tuple[bytes, ...] | None) -> None:
    """Raises Refused when the content of a file is not of the kind that its name says. magic: None for a notebook."""
    with open(path, "rb") as file:
        start = file.read(16)
    if magic is None and (not start or start.startswith(NO_NOTEBOOK)):
        raise Refused("it is named as a notebook but is none")
    if magic is not None and not start.startswith(magic):
        raise Refused("its content is not of the kind that its name says")
