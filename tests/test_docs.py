"""What README.md and docs/ tell people to type, open and click is there."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import create_autospec

import pytest
import typer
from nbgrader.apps.nbgraderapp import NbGraderApp
from places import ROOT
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from autograder.__main__ import app
from autograder.course import Course
from autograder.lms.export import FORMATS
from autograder.mutants.measure import measure
from autograder.release.build import out_of_step, release
from autograder.release.publish import _environment
from backprop.__main__ import _parser

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = "20-mean-square"  # the section that the maintainer guide makes up

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
OURS = re.compile(r"(?:\S*/)?python3? -m (autograder|backprop|checks)((?:\.\w+)*)(?: (.*))?\Z")
GROUP = typer.main.get_command(app)  # the commands of python -m autograder
PARSERS = _parser()._subparsers._group_actions[0].choices  # the commands of python -m backprop


@dataclass(frozen=True)
class Said:
    """A piece of code on a page. whole: it stands in a block of its own, so it must be complete."""

    page: Path
    text: str
    whole: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text}"


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name.strip() == language]


def said(page: Path) -> list[Said]:
    """Every line of the blocks without a language (and of shell blocks), and every piece of code in a sentence."""
    found = []
    for language in ("", "sh", "bash", "shell", "console"):
        for body in blocks(page, language):
            for line in re.sub(r"\\\n\s*", " ", body).splitlines():
                found.append(Said(page, re.sub(r"^[!$] ?", "", line.partition(" # ")[0]).strip(), True))
    return found + [Said(page, text, False) for text in INLINE.findall(prose(page))]


EVERYTHING = [one for page in PAGES for one in said(page)]


def commands(start: str) -> list[Said]:
    return [one for one in EVERYTHING if re.match(start, one.text)]


# -- commands -------------------------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """The arguments as the shell gives them; the marks of a synopsis, [ ] and …, are taken away."""
    return [word.strip("[]").replace("…", "") or "x" for word in shlex.split(text, comments=True)]


def fault(command: str, modules: str, rest: str, whole: bool) -> str:
    """What is wrong with `python -m command.modules rest`; "" when it can be typed."""
    if modules:
        if importlib.util.find_spec(command + modules) is None:
            return f"there is no module {command}{modules}"
        return "" if hasattr(importlib.import_module(command + modules), "main") else f"{modules} cannot be run"
    arguments = words(rest)
    if not arguments or arguments[0] in ("COMMAND", "--help"):
        return ""
    names = PARSERS if command == "backprop" else GROUP.commands
    if "|" in arguments and not whole:  # `python -m backprop check | pdf`: one or the other
        unknown = set(arguments) - {"|"} - set(names)
        return f"there is no command {unknown}" if unknown else ""
    if arguments[0] not in names:
        return f"there is no command {arguments[0]}"
    if len(arguments) == 1 and not whole:
        return ""
    try:
        if command == "backprop":
            PARSERS[arguments[0]].parse_args(arguments[1:])
            return ""
        context = GROUP.commands[arguments[0]].make_context(arguments[0], arguments[1:])
    except SystemExit as stop:
        return "wrong usage" if stop.code else ""
    except Exception as error:  # typer has kept its errors in more than one place
        return "" if getattr(error, "exit_code", 1) == 0 else str(error) or type(error).__name__
    kind = context.params.get("to")
    return f"there is no format {kind}" if kind and not set(kind.split("|")) <= set(FORMATS) else ""


OUR_COMMANDS = [one for one in EVERYTHING if OURS.match(one.text)]


@pytest.mark.parametrize("one", OUR_COMMANDS, ids=str)
def test_each_command_can_be_typed(one, capsys):
    command, modules, rest = OURS.match(one.text).groups(default="")
    problem = fault(command, modules, rest, one.whole)
    assert not problem, f"{one}: {problem} {capsys.readouterr().err}"


@pytest.mark.parametrize(
    "line",
    [
        "python -m autograder grad",
        "python -m autograder grade --studnet ada",
        "python -m autograder grade --workers many",
        "python -m autograder publish",
        "python -m autograder export --format excel",
        "python -m autograder pdf --paper a3",
        "python -m checks.handout",
        "python -m backprop chek ridge.ipynb",
        "python -m backprop pdf ridge.ipynb",
        "python -m backprop check ridge.ipynb --timeout soon",
    ],
)
def test_a_wrong_command_would_be_found(line, capsys):
    assert fault(*OURS.match(line).groups(default=""), True)


def test_the_guides_show_every_command():
    shown = {words(OURS.match(one.text)[3] or "x")[0] for one in OUR_COMMANDS}
    assert set(GROUP.commands) | set(PARSERS) <= shown


@pytest.mark.parametrize("one", commands(r"--\w"), ids=str)
def test_each_option_in_a_sentence_exists(one):
    name = one.text.split()[0].partition("=")[0]
    known = {option for command in GROUP.commands.values() for one in command.params for option in one.opts}
    for command in PARSERS.values():
        known |= set(command._option_string_actions)
    assert name in known, f"{one}: no command has the option {name}"


@pytest.mark.parametrize("one", commands(r"make(?: |\Z)"), ids=str)
def test_each_make_target_exists(one):
    makefile = (ROOT / "Makefile").read_text()
    for word in shlex.split(one.text)[1:]:
        if "=" in word:
            assert re.search(rf"^{word.partition('=')[0]} \?=|\$\({word.partition('=')[0]}\)", makefile, re.MULTILINE)
        else:
            assert re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE), f"{one}: no target {word}"


@pytest.mark.parametrize("one", commands("nbgrader "), ids=str)
def test_each_nbgrader_command_exists(one):
    known = NbGraderApp().subcommands
    for word in shlex.split(one.text)[1:]:
        if not known:
            break
        assert word in known, f"{one}: nbgrader has no {word}"
        program = known[word][0]
        known = (import_item(program) if isinstance(program, str) else program)().subcommands
    assert not known, f"{one}: say which of {sorted(known)}"


def test_environments_and_the_wheel_are_called_what_the_guides_call_them():
    (version,) = re.findall(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    named = {found for page in PAGES for found in re.findall(r"backprop_course-([\w.]+)-py3", page.read_text())}
    assert named <= {version}
    ours = re.search(r"^name: (\S+)", (ROOT / "environment.yml").read_text(), re.MULTILINE)[1]
    students = re.search(r"^name: (\S+)", _environment("a.whl"), re.MULTILINE)[1]
    for page, name in (("instructor.md", ours), ("student.md", students)):
        assert re.findall(r"conda activate (\S+)", (ROOT / "docs" / page).read_text()) == [name]


PRODUCED = [
    *("students.csv", "students-2.csv", "roster.csv", "canvas-roster.csv", "roster.xlsx", "week3.csv", "ada.pdf"),
    *("submissions.zip", "autograder.zip", "autograder-04.zip", "by-mail/zoe.zip", "exports/canvas-roster.csv"),
    *("gradebook.db", "gradebook.db-wal", "gradebook-backup.db", "gradebook-before-update.db", ".autograder/salt"),
    *(f"{folder}/ada/04-ridge/ridge.ipynb" for folder in ("submitted", "autograded", "feedback")),
]


def test_what_the_guide_makes_in_the_course_folder_never_gets_into_a_commit():
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git checkout")
    command = ["git", "-C", ROOT, "check-ignore", "--no-index"]
    ignored = subprocess.run([*command, *PRODUCED], capture_output=True, text=True).stdout.splitlines()
    assert sorted(ignored) == sorted(PRODUCED)
    ours = subprocess.run(["git", "-C", ROOT, "ls-files", "-ci", "--exclude-standard"], capture_output=True, text=True)
    assert ours.stdout == "", "files of the project are ignored"
    text = (ROOT / "docs" / "instructor.md").read_text()
    made = set(re.findall(r"(?<![\w./-])(?!by-mail)[\w-]+\.(?:csv|xlsx|zip|db)\b", text)) | {"ada.pdf"}
    made -= {"grades-csv.csv", "grades-canvas.csv", "grades-moodle.csv", "zoe.zip"}  # in a folder
    assert made <= set(PRODUCED)


# -- the matrix of platforms -----------------------------------------------------------------------------------------

MATRIX = re.compile(r"^\| *platform *\|.*?\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)


def names_of_tests() -> list[str]:
    folders = ("lms", "grading")
    files = (path for name in folders for path in sorted((ROOT / "tests/autograder" / name).glob("test_*.py")))
    return [name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)]


def unproved(table: str) -> list[str]:
    """The cells of a matrix of platforms that name no test, or one that is not there."""
    known, wrong = names_of_tests(), []
    for row in table.splitlines():
        platform, *cells = (cell.strip() for cell in row.strip("| ").split(" | "))
        for cell in cells:
            words = re.findall(r"`([a-z]\w*_\w+)`", cell)
            if cell != "–" and not words:
                wrong.append(f"{platform}: {cell!r} names no test")
            wrong += [f"{platform}: no test {word}" for word in words if not any(word in name for name in known)]
    return wrong


def test_each_cell_of_the_matrix_of_platforms_names_a_test_that_is_there():
    (table,) = MATRIX.findall((ROOT / "docs" / "platforms.md").read_text())
    assert len(table.splitlines()) >= 7 and all(row.count(" | ") == 6 for row in table.splitlines())
    assert unproved(table) == []
    assert unproved("| Canvas | `canvas_download` | any | – | `no_such_test` | – | – |") == [
        "Canvas: 'any' names no test",
        "Canvas: no test no_such_test",
    ]


# -- links and paths ------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(text.strip()) for text in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page):
    wrong = []
    for target in set(LINK.findall(prose(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or not path.is_relative_to(ROOT):
            wrong.append(f"{target}: there is no such file")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            wrong.append(f"{target}: there is no such heading")
    assert not wrong


FOLDERS = ("backprop", "checks", "autograder", "notebooks", "source", "release", "tests", "benchmarks", "docs", ".ci")
SUFFIXES = (".py", ".md", ".toml", ".yml")


def is_missing(text: str) -> bool:
    """Whether a piece of code is a path of this project that leads nowhere. <…> and … stand for any name."""
    if not re.fullmatch(r"[\w.*<>…/-]+", text) or EXAMPLE in text or "20_mean_square" in text:
        return False
    pattern = re.sub(r"<[^>]*>|…", "*", text).rstrip("/")
    if "/" in text:
        top = text.partition("/")[0]
        return top in FOLDERS and not any(ROOT.glob(pattern))
    if text == "Makefile" or text.endswith(SUFFIXES):
        folders = (
            ROOT,
            *(
                inner
                for name in ("backprop", "checks", "autograder", "docs")
                for inner in [ROOT / name, *(ROOT / name).rglob("*/")]
            ),
        )
        return not any(any(folder.glob(pattern)) for folder in folders)
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_path_exists(page):
    # A name that ends in (), or a module's attribute, is no path; a path with a line break is none either.
    missing = [text for text in INLINE.findall(prose(page)) if is_missing(text)]
    for body in blocks(page, ""):
        missing += [word for word in body.split() if "/" in word and is_missing(word.rstrip(",.:"))]
    assert not missing


def test_a_missing_path_would_be_found():
    assert is_missing("autograder/jugding.py") and is_missing("docs/no.md") and is_missing("nbgrader_confg.py")
    assert is_missing("checks/mutants/s99_*.py") and not is_missing("source/04-ridge/")
    assert not is_missing("backprop/gradcheck.py") and not is_missing("submitted/<student>/<section>/")


# -- code and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_python_example_is_python_and_its_imports_are_there(page):
    for text in blocks(page, "python"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module != "autograder":
                module = importlib.import_module(node.module)
                lacking = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not lacking, f"{page.name}: {node.module} has no {lacking}"


def example(page: str, containing: str) -> str:
    (found,) = [text for text in blocks(ROOT / "docs" / page, "python") if containing in text]
    return found


def test_the_late_penalty_of_the_guide():
    scope = {"c": Config()}
    exec(example("instructor.md", "LateSubmissionPlugin"), scope)
    plugin = scope["c"].AssignLatePenalties.plugin_class()
    assert plugin.late_submission_penalty("ada", 20, 1) == pytest.approx(2)
    assert plugin.late_submission_penalty("ada", 20, 86400 * 2 + 1) == pytest.approx(6)
    assert plugin.late_submission_penalty("ada", 20, 86400 * 99) == 20


def test_the_python_example_calls_what_is_there(monkeypatch, capsys):
    from autograder.grading import notebook

    graded = create_autospec(notebook.grade_notebook)
    graded.return_value = notebook.Result("04-ridge", "ridge", {"sum_node_check": 5.0, "q_paths": None})
    monkeypatch.setattr(notebook, "grade_notebook", graded)
    exec(example("instructor.md", "grade_notebook("), {})
    assert capsys.readouterr().out.startswith("5.0 ")


def test_the_example_of_the_maintainer_guide_works(tmp_path):
    """Notebook, check, mutants and variants as they stand on the page: released, measured, nothing survives."""
    text = (ROOT / "docs" / "maintainer.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"`([\w/.-]+\.py)`:\n\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    notebook = f"notebooks/{EXAMPLE}/mean_square.py"
    check, solutions = "checks/s20_mean_square.py", "checks/mutants/s20_mean_square.py"
    assert set(files) == {notebook, check, solutions}
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(files[name], encoding="utf-8")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    course = Course(tmp_path)

    release(course)
    assert out_of_step(course) == []
    released = (course.release / EXAMPLE / "mean_square.ipynb").read_text(encoding="utf-8")
    assert "NotImplementedError" in released and "Rubric" not in released and "difference.size" not in released

    outcome = measure(course, [EXAMPLE], 3)
    named, misnamed = outcome.naming(outcome.wrong)
    assert outcome.failures == []
    assert len(outcome.wrong) >= 10 and len(outcome.accepted) >= 5
    assert named >= 0.9 and misnamed <= 0.02


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_words_are_ours(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"\b(?:simply|obviously)\b|\bjust\b(?! as)", prose(page), re.IGNORECASE)
    assert not re.findall(r"(?<![\w.])/(?:work|root|home)/\S*", text), "a path of one machine"
