"""Where everything of a course lies: one folder with `nbgrader_config.py` at its root."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets.config import Config, ConfigFileNotFound, PyFileConfigLoader

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
from .errors import CourseError, reason
from .text import read_utf8

CONFIG = "nbgrader_config.py"
# A section's own list of data files and modules for students: one name a line, relative to its folder in notebooks/.
EXTRA_FILES = "files.txt"
# nbgrader makes folder names, database rows and URLs of these names.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
NOTEBOOK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?: [A-Za-z0-9._-]+)*\Z")

REVISION = re.compile(r"^((?:down_)?revision)\b[^=\n]*=\s*[\"'](\w+)[\"']", re.MULTILINE)


@dataclass(frozen=True)
class Course:
    """The folders of one course. `root` is the folder that holds `nbgrader_config.py`."""

    root: Path

    @classmethod
    def find(cls, start: Path | str | None = None) -> Course:
        """Return the course that `start` (the current folder by default) lies in.

        Raises CourseError where neither the folder nor any above it holds an `nbgrader_config.py`.
        """
        here = Path(start or Path.cwd()).resolve()
        for folder in [here, *here.parents]:
            if (folder / CONFIG).is_file():
                return cls(folder)
        raise CourseError(f"{here} is not inside a course: no {CONFIG} here or above. Change to the course's folder.")

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def checks(self) -> Path:
        """The folder of this course's checks: `c.Autograder.checks` where it is set, else checks/."""
        return self.root / self.config.get("Autograder", {}).get("checks", "checks")

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def state(self) -> Path:
        """Our own notes about finished work, which cost time when deleted and never a score; and replaced/, older
        submissions that `collect` has put aside."""
        return self.root / ".autograder"

    @property
    def gradebook_path(self) -> Path:
        return self.root / "gradebook.db"

    @functools.cached_property
    def config(self) -> Config:
        """What `nbgrader_config.py` says. Raises CourseError where it cannot be read."""
        try:
            return PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except ConfigFileNotFound as error:
            raise CourseError(f"{self.root} has no {CONFIG}, so it is not a course folder.") from error
        except Exception as error:
            raise CourseError(f"{self.root / CONFIG} cannot be read ({error}). Mend it and try again.") from error

    @property
    def gradebook_url(self) -> str:
        """The database of the grades: `c.CourseDirectory.db_url` where it is set, else gradebook.db in the course."""
        configured = self.config.get("CourseDirectory", {}).get("db_url", "")
        return configured or f"sqlite:///{self.gradebook_path}"

    def open_gradebook(self) -> Gradebook:
        """Return nbgrader's gradebook of this course, made when there is none; use it in a `with`.

        Raises CourseError when the database cannot be opened.
        """
        from nbgrader import api  # a second of imports that most commands do without
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import SQLAlchemyError

        # For a new database nbgrader starts the program `alembic` to ask for the schema's version: seconds.
        api.get_alembic_version = schema_version
        try:
            named = self.config.get("CourseDirectory", {}).get("course_id", "")
            return api.Gradebook(self.gradebook_url, named or "default_course")
        except (SQLAlchemyError, ImportError) as error:
            try:
                shown = make_url(self.gradebook_url).render_as_string(hide_password=True)
            except SQLAlchemyError:
                shown = "named by c.CourseDirectory.db_url in nbgrader_config.py"
            raise CourseError(f"The gradebook {shown} cannot be opened ({reason(error)}).") from None

    def sections(self) -> list[str]:
        """The names of the folders of `notebooks/` that hold at least one notebook, in order.

        Raises CourseError where a section's or notebook's name has characters nbgrader cannot keep.
        """
        if not self.notebooks.is_dir():
            return []
        found = sorted(folder.name for folder in self.notebooks.iterdir() if self.scripts(folder.name))
        for section in found:
            if not NAME.match(section):
                text = f"the name {section!r} may hold only letters, digits, '-', '_' and '.'"
                raise CourseError(f"notebooks/{section}: {text}. Rename it.")
            for name in (path.stem for path in self.scripts(section)):
                if not NOTEBOOK_NAME.match(name):
                    text = f"the name {name!r} may hold only letters, digits, '-', '_', '.' and single spaces"
                    raise CourseError(f"notebooks/{section}: {text}. Rename it.")
        return found

    def scripts(self, section: str) -> list[Path]:
        """The text notebooks of one section, in order: its Python files, but for the modules that files.txt names."""
        folder, modules = self.notebooks / section, self.extra_names(section)
        return sorted(path for path in folder.glob("*.py") if path.name not in modules or is_text_notebook(path))

    def extra_names(self, section: str) -> list[str]:
        """What notebooks/<section>/files.txt names: data files and modules for students, one name a line."""
        listing = self.notebooks / section / EXTRA_FILES
        if not listing.is_file():
            return []
        names = [line.strip() for line in read_utf8(listing, self.shown(listing)).splitlines()]
        return [name for name in names if name and not name.startswith("#")]

    def choose(self, names: list[str] | tuple[str, ...] | None = None) -> list[str]:
        """Return `names`, each checked to be a section (all when there are none). A unique beginning is enough.

        Raises CourseError for a name that fits no section or several.
        """
        known = self.sections()
        chosen = []
        for name in names or known:
            name = name.rstrip("/").removeprefix("notebooks/")
            fits = [name] if name in known else [section for section in known if section.startswith(name)]
            if len(fits) > 1:
                raise CourseError(f"{name!r} fits several: {', '.join(fits)}. Write more of it.")
            if not fits:
                raise CourseError(f"There is no section {name!r}. The sections are: {', '.join(known) or 'none yet'}.")
            chosen += fits
        return list(dict.fromkeys(chosen))

    def shown(self, path: Path) -> str:
        """Return `path` as it is shown to people: relative to the course where it lies inside it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def is_text_notebook(path: Path) -> bool:
    """Whether a Python file has the cells of a notebook."""
    return re.search(rb"^# %%", path.read_bytes(), re.MULTILINE) is not None


def schema_version() -> str:
    """The version of nbgrader's database schema, as `alembic heads` prints it: the one that none is built upon.

    Read from its scripts: alembic itself takes longer to load than a notebook to grade.
    """
    import nbgrader

    scripts = (Path(nbgrader.__file__).parent / "alembic" / "versions").glob("*.py")
    found = [dict(REVISION.findall(path.read_text(encoding="utf-8"))) for path in scripts]
    (head,) = {own["revision"] for own in found} - {own.get("down_revision") for own in found}
    return head
