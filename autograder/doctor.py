"""What this machine lacks for grading, each with what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backprop.datasets import FOLDERS

from .course import Course, schema_version
from .errors import UserError, reason

GIB = 2**30
LEAST_DISK = 2 * GIB
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVERS = "For PostgreSQL: pip install psycopg[binary], and begin db_url with postgresql+psycopg:// ."


@dataclass
class Finding:
    """One thing that was looked at. text says what is there, or what is missing and what to do.

    optional : grading works without it
    """

    good: bool
    text: str
    optional: bool = False


def examine(course: Course) -> Iterator[Finding]:
    """Look at everything, one thing after the other; takes a few seconds. Never raises for what it finds."""
    for look in (python, sandbox, namespaces, packages, torch, gradebook, disk, sections, data, chromium):
        try:
            yield from look(course)
        except UserError as error:
            yield Finding(False, str(error))
        except Exception as error:  # the doctor must get to the end
            what = (look.__doc__ or look.__name__).partition(".")[0]
            yield Finding(False, f"{what} could not be looked at ({type(error).__name__}: {error}).")


def python(course: Course) -> Iterator[Finding]:
    """The Python version."""
    yield Finding(True, f"Python {'.'.join(map(str, sys.version_info[:3]))}")


def sandbox(course: Course) -> Iterator[Finding]:
    """The sandbox, by running a cell in it."""
    from .sandbox.bubblewrap import NO_BUBBLEWRAP
    from .sandbox.process import Zygote

    program = shutil.which("bwrap")
    if program is None:
        yield Finding(False, NO_BUBBLEWRAP)
        return
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10).stdout.strip()
    try:
        with Zygote() as zygote:
            process = zygote.open()
            done = process.run_cell("answer = 6 * 7\nassert answer == 42", 0)
            process.end()
    except Exception as error:
        yield Finding(
            False,
            f"{version or 'bubblewrap'} is installed but no notebook can run in it: {error} In a container, allow user "
            "namespaces (Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined).",
        )
        return
    if done.ok:
        yield Finding(True, f"{version}: a notebook cell ran in the sandbox")
    else:
        yield Finding(
            False, f"{version}: a cell that is right failed in the sandbox. Is numpy installed in {sys.prefix}?"
        )


def namespaces(course: Course) -> Iterator[Finding]:
    """User namespaces."""
    root = os.geteuid() == 0
    switches = {
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap",
        ),
        "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
    }
    closed = [cure for path, (value, cure) in switches.items() if _first_line(path) == value]
    if closed:
        text = f"User namespaces are switched off for ordinary users. As root: {'; '.join(closed)}."
        yield Finding(False, text, optional=root)
    else:
        yield Finding(True, "ordinary users may make user namespaces")


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def packages(course: Course) -> Iterator[Finding]:
    """Python packages."""
    nbgrader = importlib.metadata.version("nbgrader")
    numbers = tuple(int(part) for part in nbgrader.split(".")[:2] if part.isdigit())
    if (0, 9) <= numbers < (0, 10):
        yield Finding(True, f"nbgrader {nbgrader}")
    else:
        yield Finding(
            False, f"nbgrader {nbgrader} was never tried with this course. pip install 'nbgrader>=0.9.5,<0.10'."
        )
    for module, package, purpose in (
        ("markdown_it", "markdown-it-py", "answers as PDF"),
        ("typst", "typst", "answers as PDF"),
        ("distributed", "distributed", "grading on a cluster"),
    ):
        if importlib.util.find_spec(module) is None:
            yield Finding(False, f"{package} is not installed ({purpose}). pip install {package}.", optional=True)
        else:
            yield Finding(True, f"{package} {_version(package)} ({purpose})", optional=True)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def torch(course: Course) -> Iterator[Finding]:
    """PyTorch, in a process of its own."""
    script = "import torch; print(torch.__version__, torch.cuda.is_available())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    if done.returncode == 0:
        version, cuda = done.stdout.split()
        yield Finding(True, f"torch {version}{', with a GPU' if cuda == 'True' else ', on the CPU'}")
    else:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        yield Finding(False, f"torch cannot be imported ({last}). The judge needs it: pip install torch.")


def gradebook(course: Course) -> Iterator[Finding]:
    """The gradebook."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        url = make_url(course.gradebook_url)
        shown = url.render_as_string(hide_password=True)
    except ArgumentError:
        yield Finding(False, "c.CourseDirectory.db_url in nbgrader_config.py is no database address. Correct it.")
        return
    if url.drivername.startswith("sqlite") and not Path(url.database or "").exists():
        folder = Path(url.database or course.gradebook_path).parent
        good = os.access(folder, os.W_OK)
        yield Finding(good, f"no gradebook yet; {folder} is {'' if good else 'not '}writable")
        return
    try:
        options = {} if url.drivername.startswith("sqlite") else {"connect_args": {"connect_timeout": 5}}
        engine = create_engine(url, **options)
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        engine.dispose()
    except ImportError as error:
        yield Finding(False, f"{shown}: the database driver {error.name} is missing. {DRIVERS}")
        return
    except NoSuchModuleError:
        yield Finding(False, f"{shown}: there is no such kind of database. Correct db_url in nbgrader_config.py.")
        return
    except SQLAlchemyError as error:
        yield Finding(False, f"{shown} cannot be read ({reason(error)}). Is its server running, and is it a gradebook?")
        return
    if found != schema_version():
        yield Finding(False, f"{shown} is of an older nbgrader. Copy the gradebook, then run: nbgrader db upgrade.")
    elif url.drivername.startswith("sqlite"):
        yield _writable(Path(url.database), shown)
    else:
        yield Finding(True, f"the gradebook {shown} answers")


def _writable(path: Path, shown: str) -> Finding:
    """Whether a SQLite file can be written, by beginning a change and taking it back."""
    connection = sqlite3.connect(path, timeout=2)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE doctor (x)")
        connection.rollback()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return Finding(False, f"{shown} is in use by another program. Wait for it to end.", optional=True)
        return Finding(False, f"{shown} cannot be written ({error}). Give yourself write access to it and its folder.")
    finally:
        connection.close()
    return Finding(True, f"the gradebook {shown} can be written")


def disk(course: Course) -> Iterator[Finding]:
    """Free disk space."""
    free = shutil.disk_usage(course.root).free
    text = f"{free / GIB:.1f} GiB free where the course lies"
    if free < LEAST_DISK:
        text += ". Autograded notebooks and feedback need about 1 MB a submission: make room for at least 2 GiB."
    yield Finding(free >= LEAST_DISK, text)


def sections(course: Course) -> Iterator[Finding]:
    """The sections of the course."""
    known = course.sections()
    missing = [name for name in known if not any((course.release / name).glob("*.ipynb"))]
    if not known:
        yield Finding(False, "notebooks/ has no section, so there is nothing to grade. Is this the course's folder?")
    elif missing:
        yield Finding(
            False, f"not released yet: {', '.join(missing)}. Run `python -m autograder release`.", optional=True
        )
    else:
        yield Finding(True, f"{len(known)} sections, all released")


def data(course: Course) -> Iterator[Finding]:
    """The data sets."""
    named = os.environ.get("BACKPROP_DATA")
    if not named:
        text = f"BACKPROP_DATA is not set: {', '.join(FOLDERS)} are downloaded when they are used."
        yield Finding(False, text, optional=True)
        return
    folder = Path(named).expanduser()
    if not folder.is_dir():
        yield Finding(False, f"BACKPROP_DATA names {folder}, which is no folder. Correct it or unset it.")
        return
    for name, inside in FOLDERS.items():
        if (folder / inside).is_dir() and any((folder / inside).iterdir()):
            yield Finding(True, f"{name} is in BACKPROP_DATA", optional=True)
        else:
            text = f"{name} is not in BACKPROP_DATA ({folder / inside}): it is downloaded when it is used."
            yield Finding(False, text, optional=True)


def chromium(course: Course) -> Iterator[Finding]:
    """A browser for the browser tests."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found:
        yield Finding(True, f"a browser for the browser tests: {found}", optional=True)
    else:
        text = "no Chromium, so the browser tests are skipped (Debian and Ubuntu: apt-get install chromium)."
        yield Finding(False, text, optional=True)
