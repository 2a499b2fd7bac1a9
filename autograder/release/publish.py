"""The students' repository: a folder ready to push, with the notebooks, the library's wheel, environment and README."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import nbformat

from backprop.files import is_left_over, write_atomically

from ..course import Course
from ..errors import CourseError
from .build import LeaksFound, encode, list_cells, out_of_step, remove_left_overs
from .hosting import Hosting, point_links, point_setup_cells
from .leaks import Leak, read_regions, repeats

MANIFEST = ".published.json"
_GUIDE = "student.md"


def publish(
    course: Course,
    dest: Path | str,
    base_url: str | None = None,
    sections: Sequence[str] | None = None,
    branch: str = "main",
    wheel: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Path]:
    """Make `dest` the students' repository and return the files that changed there.

    base_url : the GitHub repository it will be pushed to, for the Colab badges; without it there are none, and Colab
        cannot get the library
    sections : what to publish (all by default); sections published earlier and not named now are taken out again
    wheel : a ready wheel of the student library, instead of building one from this checkout
    progress : called with (done, total, what was done last) after each section and each step

    Everything is made before the first file is touched; a new folder appears whole. In a folder published before, only
    our own files are replaced: `.git` and files added by hand stay.

    Raises CourseError when the release is out of step, a notebook has no setup cell for Colab, this is not a checkout
    of the project, or `dest` holds files that are not ours or were edited; LeaksFound when the wheel gives a solution
    away.
    """
    dest = Path(dest).resolve()
    hosting = Hosting.parse(base_url, branch) if base_url else None
    chosen = course.choose(sections)
    steps = len(course.sections()) + 2
    _require_release(course, lambda done, total, section: progress(done, steps, section))
    with tempfile.TemporaryDirectory(prefix="publish-") as folder:
        wheel = wheel or build_wheel(Path(folder))
        check_wheel(course, wheel)
        progress(steps - 1, steps, wheel.name)
        files = _files(course, chosen, wheel, hosting)
    before = _read_manifest(dest)
    _refuse_to_lose_files(dest, files, before)
    changed = _put(dest, files, before)
    progress(steps, steps, "")
    return changed


def build_wheel(folder: Path) -> Path:
    """Build the student library's wheel into `folder`, without network, and return its path. Same source, same bytes.

    Raises CourseError where this is not a checkout of the project, or the build fails.
    """
    parts = ["pyproject.toml", "README.md", "LICENSE", "backprop"]
    project = _checkout(*parts)
    # Built from a copy: setuptools would take up what an earlier build left in build/.
    copy = folder / "project"
    copy.mkdir()
    for part in parts:
        if (project / part).is_dir():
            shutil.copytree(project / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(project / part, copy / part)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--wheel-dir", str(folder), str(copy)],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1577836800"},
        capture_output=True,
        text=True,
    )
    wheels = list(folder.glob("backprop_course-*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise CourseError(f"Cannot build the students' wheel ({last}). Install setuptools 77 or later and try again.")
    return wheels[0]


def _checkout(*parts: str) -> Path:
    """The checkout of the project. Raises CourseError where it lacks one of the parts."""
    project = Path(__file__).resolve().parents[2]
    missing = [part for part in parts if not (project / part).exists()]
    if missing:
        raise CourseError(f"Cannot make the students' folder: {project} has no {missing[0]}. Run this from a checkout.")
    return project


def check_wheel(course: Course, wheel: Path) -> None:
    """Raise LeaksFound if the wheel holds more than the student library, or repeats a solution of the course."""
    leaks = []
    regions = []
    for path in sorted(course.source.glob("*/*.ipynb")):
        regions += read_regions(nbformat.read(path, as_version=4), course.shown(path))[0]
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                top = PurePosixPath(name).parts[0]
                if top != "backprop" and not re.fullmatch(r"backprop_course-[^/]*\.dist-info", top):
                    leaks.append(Leak(wheel.name, f"{name} does not belong to the student library."))
                elif name.endswith(".py"):
                    leaks += repeats(regions, archive.read(name).decode("utf-8"), f"{wheel.name}: {name}")
    except (OSError, zipfile.BadZipFile) as error:
        raise CourseError(f"{wheel} is not a wheel ({error}). Build it again.") from error
    if leaks:
        raise LeaksFound(leaks)


def _require_release(course: Course, progress: Callable[[int, int, str], None]) -> None:
    behind = out_of_step(course, progress=progress)
    if behind:
        raise CourseError(
            f"{course.shown(behind[0])} is not in step with notebooks/. Run `python -m autograder release` first."
        )


def _files(course: Course, sections: list[str], wheel: Path, hosting: Hosting | None) -> dict[str, bytes]:
    """Return the content of each file of the students' repository, by its path there."""
    files: dict[str, bytes] = {wheel.name: wheel.read_bytes()}
    notebooks: dict[str, nbformat.NotebookNode] = {}
    for section in sections:
        folder = course.release / section
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(course.release).as_posix()
            if not path.is_file() or is_left_over(path) or ".ipynb_checkpoints" in path.parts:
                continue
            if path.suffix == ".ipynb":
                notebooks[name] = nbformat.read(path, as_version=4)
            else:
                files[name] = path.read_bytes()
    listed: dict[str, list[tuple[str, str]]] = {}
    for name, nb in notebooks.items():
        section, _, rest = name.partition("/")
        listed.setdefault(section, []).append((name, _title(nb) or PurePosixPath(rest).stem))
        listed[section].sort(key=lambda notebook: notebook[1])  # tutorials are numbered in their titles
    files[_GUIDE] = (_checkout("docs/student.md") / "docs" / "student.md").read_bytes()
    files["environment.yml"] = _environment(wheel.name).encode()
    files["README.md"] = _readme(listed, wheel.name, hosting).encode()
    files[".gitignore"] = b".ipynb_checkpoints/\n__pycache__/\n"
    published = {*files, *notebooks}
    for name, nb in notebooks.items():
        _point_to(nb, name, wheel.name, published, hosting)
        files[name] = encode(nb)
    return files


def _point_to(nb: nbformat.NotebookNode, name: str, wheel: str, published: set[str], hosting: Hosting | None) -> None:
    """Let the notebook install the published wheel, and lead to what is published with it."""
    replaced = point_setup_cells(nb, name, wheel, hosting)
    point_links(nb, name, published, hosting)
    if hosting is not None:
        _add_badge(nb, name, hosting, replaced)
    list_cells(nb)


def _add_badge(nb: nbformat.NotebookNode, name: str, hosting: Hosting, replaced: int) -> None:
    if not replaced:
        raise CourseError(
            f"release/{name} has no cell tagged setup that installs backprop-course, so it cannot run in Colab. Add "
            "one to its text, or publish without an address."
        )
    nb.cells.insert(0, nbformat.v4.new_markdown_cell(hosting.badge(name), id="colab-badge"))


def _title(nb: nbformat.NotebookNode) -> str:
    for cell in nb.cells:
        match = re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if match:
            return match[1].strip()
    return ""


def _environment(wheel: str) -> str:
    return f"""# conda env create -f environment.yml
name: backprop-course
channels:
  - conda-forge
dependencies:
  - python>=3.10
  - jupyterlab>=4
  - pip
  - pip:
      - ./{wheel}[check,pdf]
"""


def _readme(listed: dict[str, list[tuple[str, str]]], wheel: str, hosting: Hosting | None) -> str:
    colab = " | in Colab" if hosting else ""
    rows = [f"| section | notebook{colab} |", "|---|---" + ("|---" if hosting else "") + "|"]
    for section, notebooks in listed.items():
        for path, title in notebooks:
            link = f"| {section} | [{title}]({path}) |"
            rows.append(link + (f" {hosting.badge(path)} |" if hosting else ""))
    in_colab = (
        "**In the browser.** Click a badge above. The first cell of the notebook installs the library. Keep a copy\n"
        "with *File → Save a copy in Drive*, or your work is gone when the tab closes.\n\n"
        if hosting
        else ""
    )
    return f"""# Backprop by doing

Notebooks in which you build back-propagation yourself, one small step at a time.

{chr(10).join(rows)}

## Start

{in_colab}**On your own machine, with pip** (Python 3.10 or later), in this folder. On Linux and macOS:

```
python3 -m venv .venv
source .venv/bin/activate
```

On Windows:

```
py -m venv .venv
.venv\\Scripts\\activate
```

then, on any of them:

```
python -m pip install "./{wheel}[check,pdf]" jupyterlab
jupyter lab
```

**With conda.**

```
conda env create -f environment.yml
conda activate backprop-course
jupyter lab
```

Only sections 09 and 10 need PyTorch: the [student guide]({_GUIDE}#pytorch) says how to get it.

## Work, check, hand in

Replace each `YOUR CODE HERE` and `YOUR ANSWER HERE`, and run the check under it. Leave the check cells as they are.
The [student guide]({_GUIDE}) tells more. Then, in the folder of the notebook:

```
python -m backprop check NOTEBOOK.ipynb      # is it ready?
python -m backprop pdf NOTEBOOK.ipynb -o answers.pdf
python -m backprop submit NOTEBOOK.ipynb     # makes the zip to hand in
```
"""


# --- putting it there -------------------------------------------------------------------------------------------------


def _read_manifest(dest: Path) -> dict[str, list[str]] | None:
    """Return the digests each of our files may have in `dest`, or None where nothing was published yet."""
    try:
        files = json.loads((dest / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): [str(digest) for digest in digests] for name, digests in files.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{dest / MANIFEST} cannot be read ({error}). Publish into a new folder.") from error


def _refuse_to_lose_files(dest: Path, files: dict[str, bytes], before: dict[str, list[str]] | None) -> None:
    if not dest.exists():
        return
    if not dest.is_dir():
        raise CourseError(f"{dest} is a file. Name a folder to publish into.")
    if before is None:
        foreign = sorted(path.name for path in dest.iterdir() if path.name != ".git")
        if foreign:
            raise CourseError(f"{dest} holds {foreign[0]} and was not made by publish. Name a new or empty folder.")
        return
    for name in sorted({*files, *before}):
        path = dest / name
        if not path.exists() and not path.is_symlink():
            continue
        if path.is_symlink() or not path.is_file():
            raise CourseError(f"{path} is in the way of a published file. Move it elsewhere, then publish again.")
        if _digest(path.read_bytes()) not in [*before.get(name, []), _digest(files.get(name, b""))]:
            raise CourseError(f"{path} was changed since it was published. Move it elsewhere, then publish again.")


def _put(dest: Path, files: dict[str, bytes], before: dict[str, list[str]] | None) -> list[Path]:
    after = {name: [_digest(content)] for name, content in files.items()}
    if not dest.exists():
        dest.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{dest.name}-", dir=dest.parent))
        try:
            staging.chmod(0o755)
            for name, content in files.items():
                write_atomically(staging / name, content)
            write_atomically(staging / MANIFEST, _manifest(after))
            staging.rename(dest)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return [dest / name for name in files]
    # First say which content may be met here from now on, so that an interrupted run can be repeated.
    before = before or {}
    both = {name: [*before.get(name, []), *after.get(name, [])] for name in {*before, *after}}
    write_atomically(dest / MANIFEST, _manifest(both))
    remove_left_overs({(dest / name).parent for name in both} | {dest})
    changed = []
    for name, content in files.items():
        if not (dest / name).is_file() or (dest / name).read_bytes() != content:
            write_atomically(dest / name, content)
            changed.append(dest / name)
    for name in sorted(set(before) - set(files)):
        if (dest / name).is_file():
            (dest / name).unlink()
            changed.append(dest / name)
            folder = (dest / name).parent
            if folder != dest and not any(folder.iterdir()):
                folder.rmdir()
    write_atomically(dest / MANIFEST, _manifest(after))
    return changed


def _manifest(files: dict[str, list[str]]) -> bytes:
    content = {"made by": "python -m autograder publish", "files": files}
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
