"""Reading an archive that strangers have filled: names, links, sizes and dates are all taken for lies until checked.

Nothing is ever unpacked by the archive's own word. An entry has a name that was checked, and its content
is copied through limits into a file that the caller has opened.
"""

from __future__ import annotations

import datetime
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .files import NOISE, open_no_link

MAX_ENTRIES = 100_000  # of a whole class
MAX_STUDENT_ENTRIES = 2000  # of one student's zip
MAX_DIRECTORY = 32 * 2**20  # bytes of a zip's list of contents, which has to be read in one piece
MAX_STUDENT_BYTES = 256 * 2**20  # what one student's delivery may unpack to, kept or not
MAX_RATIO, RATIO_FROM = 200, 2**20  # text packs 10 to 30 times smaller; small entries may do what they like
MAX_DEPTH, MAX_NAME, MAX_PATH = 12, 200, 1000
CHUNK = 2**16
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError)

CLOCK = re.compile(r"(?<=\d):(?=\d\d(?!\d))")  # some sites of Brightspace write 21:26 into the names of folders
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|\Z)", re.IGNORECASE)
OTHER_PACKERS = {b"Rar!": "a RAR", b"7z\xbc\xaf": "a 7z", b"\x1f\x8b": "a gzip", b"BZh": "a bzip2", b"\xfd7zX": "an xz"}


class Refused(Exception):
    """Something in an archive is not taken. Its text is the reason, as a piece of a sentence."""


def shown(name: str) -> str:
    """A stranger's text in quotes, shortened, without anything that acts on a terminal."""
    return repr(name if len(name) <= 80 else f"{name[:50]}…{name[-25:]}")


def safe_parts(name: str) -> tuple[str, ...]:
    """The folders and the file of a path inside an archive, normalised to NFC.

    Joined below any folder, the result stays below it on every file system. Raises Refused for all
    else: paths that lead out or start at a root, drive letters, backslashes, control and invisible characters, names
    that Windows reserves or trims, and names too long or too deep.
    """
    name = unicodedata.normalize("NFC", name)
    if len(name.encode("utf-8", "surrogatepass")) > MAX_PATH:
        raise Refused("its name is too long")
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in name):
        raise Refused("its name has invisible characters")
    if "\\" in name:
        raise Refused("its name has a backslash")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise Refused("its path starts at a root or a drive")
    parts = name.removeprefix("./").rstrip("/").split("/")
    if ".." in parts:
        raise Refused("its path leads out of the archive")
    for part in parts:
        if part in ("", ".") or part != part.strip() or part.endswith(".") or RESERVED.match(part):
            raise Refused("its path has an empty, reserved or odd part")
        if ":" in CLOCK.sub("", part):
            raise Refused("its path has an empty, reserved or odd part")
        if len(part.encode()) > MAX_NAME:
            raise Refused("its name is too long")
    if len(parts) > MAX_DEPTH:
        raise Refused(f"it lies more than {MAX_DEPTH} folders deep")
    return tuple(parts)


@dataclass
class Budget:
    """How many more bytes may be read for one student."""

    left: int = MAX_STUDENT_BYTES


@dataclass(frozen=True)
class Entry:
    """One file in an archive. date: what the archive says, as if it were UTC; None when it says nothing sensible."""

    parts: tuple[str, ...]
    size: int
    date: datetime.datetime | None
    open: Callable[[], IO[bytes]]

    @property
    def name(self) -> str:
        return self.parts[-1]

    def copy(self, out: IO[bytes], limit: int, budget: Budget) -> int:
        """Copy the content into `out` and return its size in bytes. Raises Refused when it is damaged or too large."""
        size = 0
        if self.size > limit:
            raise Refused(f"it is larger than {megabytes(limit)}")
        try:
            source = self.open()
        except (*DAMAGE, OSError) as error:
            raise Refused(damage(error)) from None
        with source:
            while True:
                try:
                    chunk = source.read(CHUNK)
                except (*DAMAGE, OSError) as error:
                    raise Refused(damage(error)) from None
                if not chunk:
                    return size
                size += len(chunk)
                budget.left -= len(chunk)
                if size > limit:
                    raise Refused(f"it is larger than {megabytes(limit)}")
                if budget.left < 0:
                    raise Refused(
                        f"all of this student's files together unpack to more than {MAX_STUDENT_BYTES >> 20} MiB"
                    )
                out.write(chunk)


@dataclass
class Archive:
    """The files of an archive that may be looked at. refused : (name, reason) of every other entry."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def _add(self, name: str, make: Callable[[tuple[str, ...]], Entry], taken: dict[str, str]) -> None:
        """Check the name, and that no other file has it or could have it on another file system."""
        try:
            parts = safe_parts(name)
            if any(NOISE.fullmatch(part) for part in parts):
                return
            key = path_key(parts)
            if key in taken:
                raise Refused(
                    "another entry has the same name" + ("" if taken[key] == name else ", but for its letters")
                )
            if any("/".join(key.split("/")[:depth]) in taken for depth in range(1, len(parts))):
                raise Refused("it lies below a file")
            entry = make(parts)
            taken[key] = name
            self.entries.append(entry)
        except Refused as reason:
            self.refused.append((name, str(reason)))


def path_key(parts: tuple[str, ...]) -> str:
    """Equal for paths that are one file on a file system that ignores case or composes letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", "/".join(parts)).casefold())


def read_zip(file: IO[bytes], most: int) -> Archive:
    """The entries of a zip file of at most `most` entries; keep `file` open while they are used.

    Raises Refused when it is no zip file, is cut off, or has too many entries.
    """
    file.seek(0)
    start = file.read(8)
    try:
        opened = zipfile.ZipFile(_Guarded(file))
        infos = opened.infolist()
    except (*DAMAGE, OSError) as error:
        for magic, kind in OTHER_PACKERS.items():
            if start.startswith(magic):
                raise Refused(f"it is {kind} archive, not a zip") from None
        cut = start.startswith(b"PK\x03\x04")
        raise Refused("the zip is cut off or damaged" if cut else f"it is not a zip file ({error})") from None
    if len(infos) > most:
        raise Refused(f"it holds more than {most} entries")
    archive, taken = Archive(), {}
    for info in infos:
        if _is_folder(info) and _sanitized_folder(info):
            continue
        archive._add(_zip_name(info), lambda parts, info=info: _zip_entry(opened, info, parts), taken)
    return archive


def read_folder(folder: Path) -> Archive:
    """The files below an unpacked download. Links are refused, not followed."""
    archive, taken = Archive(), {}
    for base, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        too_deep = len(Path(base).relative_to(folder).parts) > MAX_DEPTH
        left = [name for name in folders if too_deep or Path(base, name).is_symlink()]
        folders[:] = [name for name in folders if name not in left]
        for name in sorted([*names, *left]):
            path = Path(base, name)
            if len(archive.entries) + len(archive.refused) >= MAX_ENTRIES:
                raise Refused(f"it holds more than {MAX_ENTRIES} files")
            archive._add(str(path.relative_to(folder)), lambda parts, path=path: _disk_entry(path, parts), taken)
    return archive


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: macOS and Brightspace write UTF-8 and don't say so, and zipfile reads it as DOS did."""
    name = info.orig_filename
    if name.isascii() or info.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # is_dir() fails on an empty name


def _sanitized_folder(info: zipfile.ZipInfo) -> bool:
    """A folder is never made, so only one that is a lie is worth a word."""
    try:
        safe_parts(_zip_name(info))
    except Refused:
        return info.orig_filename in ("./", "/")
    return stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFDIR)


def _zip_entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...]) -> Entry:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK or (info.create_system != 3 and info.external_attr & 0x400):
        raise Refused("it is a link")
    if kind not in (0, stat.S_IFREG) or _is_folder(info):
        raise Refused("it is no ordinary file")
    if info.flag_bits & 0x2041:
        raise Refused("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("it is packed in a way that is not read here")
    if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise Refused(f"it claims to unpack to {info.file_size // max(info.compress_size, 1)} times its size")
    return Entry(parts, info.file_size, _zip_date(info), lambda: opened.open(info))


def _zip_date(info: zipfile.ZipInfo) -> datetime.datetime | None:
    """When the entry was put there: the exact UTC time of extra field 0x5455 where there is one, else the DOS date."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return sensible(
                datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=struct.unpack_from("<i", extra, 5)[0])
            )
        extra = extra[4 + size :]
    try:
        return sensible(datetime.datetime(*info.date_time))
    except ValueError:
        return None


def sensible(date: datetime.datetime) -> datetime.datetime | None:
    """The date in UTC, without a zone; None when nobody can have handed anything in then. One without a zone is UTC."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    if date.tzinfo:
        try:
            date = date.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        except OverflowError:  # the first or the last hours of the calendar
            return None
    return date if datetime.datetime(2000, 1, 1) < date < now + datetime.timedelta(days=1) else None


def _disk_entry(path: Path, parts: tuple[str, ...]) -> Entry:
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        raise Refused("it is a link")
    if not stat.S_ISREG(facts.st_mode):
        raise Refused("it is no ordinary file")
    return Entry(parts, facts.st_size, _date_of(facts.st_mtime), lambda: open(open_no_link(path), "rb"))


def _date_of(seconds: float) -> datetime.datetime | None:
    """The date of a file's time, None for one that is on no calendar: Windows counts to the year 30828."""
    try:
        return sensible(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None))
    except (ValueError, OverflowError, OSError):
        return None


def megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB" if count >= 2**20 else f"{count} bytes"


def damage(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "it is packed in a way that is not read here"
    return "it is damaged"


class _Guarded:
    """A file that never reads much at once: zipfile reads the list of contents in one piece, however long it says."""

    def __init__(self, file: IO[bytes]):
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = MAX_DIRECTORY + 1
        if size > MAX_DIRECTORY + 1:
            raise zipfile.BadZipFile("its list of contents is too long")
        return self.file.read(size)

    def close(self) -> None:
        """Whoever opened the file closes it."""
