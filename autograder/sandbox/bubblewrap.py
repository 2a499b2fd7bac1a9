"""The walls around all students' processes: the bubblewrap command, and what of this computer it lets in."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import backprop

from ..errors import Unusable

INSIDE = Path(__file__).resolve().parent / "inside"
LIBRARY = Path(backprop.__file__).resolve().parent

INSTALL_BUBBLEWRAP = "Install it (Debian and Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)"
NO_BUBBLEWRAP = (
    "bubblewrap (the program `bwrap`) is not installed, and without it submissions could read and change this "
    f"computer. {INSTALL_BUBBLEWRAP}, or say --no-sandbox if every submission is trusted."
)


# One thread per process: processes run side by side, and a fork must not inherit threads.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")}
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLCONFIGDIR": "/tmp",
    "IPYTHONDIR": "/tmp",
    "MPLBACKEND": "agg",
    **ONE_THREAD,
}


def library_folders() -> list[str]:
    """The folders that hold numpy, matplotlib and IPython, in import order."""
    return list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


def inside(path: str | Path) -> str:
    """Where a file of this computer is found in the sandbox: /tmp is the student's there, so what is below it moves."""
    path = os.path.abspath(path)
    return f"/course{path}" if path.startswith("/tmp/") else path


def hidden_paths(torch: bool) -> list[Path]:
    """What lies beside the libraries and is not a submission's business: the graders, where the course is, torch."""
    names = ["autograder", "nbgrader", *(() if torch else ("torch", "torchvision"))]
    # An editable install leaves files here that name the course's folder.
    editable = "__editable__*backprop*"
    patterns = [*names, "backprop_autograder*", "backprop_course*", editable, f"__pycache__/{editable}"]
    found = [path for folder in library_folders() for pattern in patterns for path in Path(folder).glob(pattern)]
    return sorted(found) + list(Path(sys.executable).parent.glob("autograder"))


def bubblewrap(torch: bool) -> list[str]:
    """The bwrap command line. Raises Unusable when bubblewrap is not installed."""
    program = shutil.which("bwrap")
    if program is None:
        raise Unusable(NO_BUBBLEWRAP)
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "notebook"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            command += ["--ro-bind", folder, folder]
    for path in ("/etc/ld.so.cache", "/etc/fonts"):
        command += ["--ro-bind-try", path, path]
    for folder in _interpreter_folders():
        command += ["--ro-bind", folder, inside(folder)]
    for path in hidden_paths(torch):
        command += ["--tmpfs", inside(path)] if path.is_dir() else ["--ro-bind", "/dev/null", inside(path)]
    command += ["--ro-bind", str(LIBRARY), "/course/backprop"]
    command += ["--ro-bind", str(INSIDE), "/course/inside"]
    # /dev as well: what one student's process could leave there, others would find; over a terminal they could talk.
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/pts"]
    for folder in ("/dev/pts", "/dev"):
        command += ["--remount-ro", folder]
    command += ["--tmpfs", "/tmp", "--remount-ro", "/"]
    command += ["--chdir", "/tmp"]
    return [*command, "--"]


def _interpreter_folders() -> list[str]:
    """Folders outside /usr that the interpreter and its libraries live in."""
    wanted = [sys.base_prefix, *library_folders(), os.path.dirname(sys.executable)]
    wanted += [os.path.dirname(os.path.realpath(sys.executable))]
    config = Path(sys.prefix) / "pyvenv.cfg"
    folders = []
    for folder in sorted({os.path.realpath(f) for f in wanted} | {os.path.abspath(f) for f in wanted}):
        inside_another = any(folder == f or folder.startswith(f + "/") for f in folders)
        if not folder.startswith("/usr/") and folder != "/usr" and not inside_another:
            folders.append(folder)
    if config.exists() and str(config.parent) not in folders:
        folders.append(str(config))
    return folders
