"""`python -m autograder COMMAND`: what instructors do, one command each.

Exit status 0: done; 1: something in the data was wrong, each item named; 2: wrong usage. For `grade`, 1 means that a
submission was not graded, or could not be read to the end; damage that was mended at nobody's cost is said and is no
reason for it. No traceback reaches a user for anything a user can cause.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .course import Course
from .errors import CourseError, UserError, WrongUsage
from .sandbox.bubblewrap import ONE_THREAD
from .text import count

if TYPE_CHECKING:
    from backprop.handin.answers import Options

    from .grading.run import Summary

# When this optional package is there, jsonschema (which nbformat loads) builds a whole grammar with it, for a kind of
# address that no notebook has: most of the time that a command takes to start.
sys.modules.setdefault("rfc3987_syntax", None)

# Or on its way out Python looks once more at every object of all these libraries: a third of a second.
atexit.register(gc.freeze)

app = typer.Typer(
    name="autograder",
    help="Release, grade and give back the notebooks of a course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True, emoji=False)

Sections = Annotated[list[str] | None, typer.Argument(help="Sections, e.g. 02-sums or 02; all when left out.")]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Worker processes.")]
CORES = os.cpu_count() or 1
FEW_COLLECTIONS = 100_000, 20, 20  # the libraries that a command loads are 400,000 objects and no garbage
STOPPED = 130  # what typer makes of Ctrl-C


def say(text: str) -> None:
    console.print(text, markup=False)


def say_unfinished(submissions: list[str]) -> None:
    """Name the first of the submissions that a person has still to grade."""
    if submissions:
        first = ", ".join(submissions[:3]) + (" and others" if len(submissions) > 3 else "")
        say(f"A person has still to grade answers in {count(len(submissions), 'submission')} ({first}).")


def find_course() -> Course:
    """The course of the working folder. Where its graders share a group, what is written is for all of them."""
    course = Course.find()
    if course.config.get("CourseDirectory", {}).get("groupshared"):
        os.umask(0o002)
    return course


def choose(course: Course, names: list[str] | None) -> list[str]:
    """The sections of these names. A name that fits none, or several, is wrong usage."""
    course.sections()  # what is wrong with the course itself is no wrong usage
    try:
        return course.choose(names)
    except CourseError as error:
        raise typer.BadParameter(str(error)) from None


def bar(what: str) -> Progress:
    """A progress bar with an estimate of the time left; plain lines where the output is no terminal."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    )


class Steps:
    """Shows the progress of long work as `(done, total, what)` is called."""

    def __init__(self, what: str):
        self.what, self.progress, self.task, self.shown = what, bar(what), None, 0

    def __enter__(self) -> Steps:
        if console.is_terminal:
            self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if console.is_terminal:
            self.progress.stop()

    def next(self, what: str) -> Steps:
        """Another piece of work, shown in place of the one before."""
        self.__exit__()
        self.__init__(what)
        return self.__enter__()

    def __call__(self, done: int, total: int, what: str = "") -> None:
        if not console.is_terminal:
            if done == total or done * 10 // total > self.shown:
                self.shown = done * 10 // total
                say(f"{self.what}: {done} of {total}")
            return
        if self.task is None:
            self.task = self.progress.add_task("", total=total)
        self.progress.update(self.task, completed=done, total=total, description=what)


@app.command()
def release(
    sections: Sections = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take the text also where the notebook in source/ was edited later.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Do not run the solutions, which must pass visible and hidden checks.")
    ] = False,
) -> None:
    """Build source/ and release/ from notebooks/, check that nothing leaks and that the solutions pass."""
    from .grading.trial import can_run, try_solutions
    from .release.build import release as build

    course = find_course()
    chosen = choose(course, sections)
    if not no_run and not can_run():
        say("The solutions were not run: that needs Linux.")
    with Steps("building") as steps:

        def trial(files: dict[Path, bytes]) -> list[str]:
            return try_solutions(course, files, progress=steps.next("running the solutions"))

        build(course, chosen, progress=steps, force=force, trial=None if no_run or not can_run() else trial)
    say(f"source/ and release/ are up to date: {', '.join(chosen) or 'no sections yet'}")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one made by an earlier publish.")],
    url: Annotated[
        str | None, typer.Option(help="The students' repository, https://github.com/OWNER/REPO; makes Colab badges.")
    ] = None,
    branch: Annotated[str, typer.Option(help="The branch there that students use.")] = "main",
    section: Annotated[list[str] | None, typer.Option(help="Only this section; may be repeated.")] = None,
) -> None:
    """Make a folder ready to push as the students' repository."""
    from .release.publish import publish as build

    course = find_course()
    chosen = choose(course, section)
    with Steps("publishing") as steps:
        build(course, folder, url, chosen, branch, progress=steps)
    say(f"{folder} is ready to push.")


@app.command()
def collect(
    archives: Annotated[list[Path], typer.Argument(help="Downloads of a learning platform: zip files or folders.")],
    section: Annotated[str | None, typer.Option(help="All is of this section; found by name if left out.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="canvas, moodle, gradescope, blackboard, brightspace, folder or auto")
    ] = "auto",
    roster: Annotated[
        Path | None, typer.Option(help="CSV or Excel: column `student`, one with the platform's name of the student.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When handed in, where the download does not say: 2026-03-01 12:00 UTC.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Of times in the roster and --at that name none, e.g. Europe/Berlin; else UTC.")
    ] = None,
    groups: Annotated[
        bool, typer.Option("--groups", help="One hand-in counts for the whole group: column `group` of the roster.")
    ] = False,
) -> None:
    """Put the submissions of a platform's download into submitted/."""
    from .lms.collect import collect as take

    course = find_course()
    chosen = choose(course, [section])[0] if section is not None else None
    with Steps("collecting") as steps:
        summary = take(
            course,
            archives,
            section=chosen,
            source=source,
            roster=roster,
            at=at,
            timezone=timezone,
            groups=groups,
            progress=steps,
        )
    for text in [*summary.notes, *summary.refused]:
        say(text)
    say(summary.sentence)
    if summary.refused:
        raise SystemExit(1)


@app.command()
def grade(
    sections: Sections = None,
    student: Students = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave out this student; may be repeated.")] = None,
    workers: Workers = CORES,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade again what is already graded.")] = False,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Run submissions without protection: they can read and change all.")
    ] = False,
) -> None:
    """Grade everything in submitted/ that is new or changed. Can be stopped and started again at any time."""
    from .gradebook.reader import read_grades
    from .grading.run import grade_class
    from .grading.workers import Options
    from .results.check_stats import as_in_gradebook, check_table

    course = find_course()
    if no_sandbox:
        say("Without the sandbox, submissions can read and change this computer and the gradebook.")
    options = Options(workers=workers, force=force, confined=not no_sandbox, cluster=cluster)
    chosen = choose(course, sections)
    with Steps("grading") as steps:
        summary = grade_class(course, chosen, student or [], skip=skip or [], options=options, progress=steps)
    if summary.graded:
        console.print(check_table(as_in_gradebook(summary.graded, read_grades(course, chosen).sections)))
        students = count(len({result.student for result in summary.graded}), "student")
        say(f"{count(len(summary.graded), 'submission')} of {students} graded, {summary.skipped} up to date before.")
    elif summary.skipped:
        say(f"Nothing to grade: {count(summary.skipped, 'submission')} up to date.")
    else:
        say(f"{course.shown(course.submitted)}/ has nothing for {', '.join(chosen)}.")
    say_what_to_look_at(summary)


def say_what_to_look_at(summary: Summary) -> None:
    """A line for each fault, suspicion, score by hand and damaged submission.

    Raises UserError where a submission was not graded, or not as a whole.
    """
    for text in [*(f"FAULT {fault}" for fault in summary.faults), *summary.refused]:
        say(text)
    for result in summary.graded:
        if result.suspicions:
            say(f"look at {result.name}: {', '.join(result.suspicions)}")
    for result in summary.graded:
        if result.look_again:
            by_hand = ", ".join(result.look_again)
            say(f"{result.name}: graded again; look at the scores given by hand: {by_hand}")
    for result in summary.graded:
        if result.problems:
            first, *more = result.problems
            say(f"{result.name}: {first}" + (f" (and {len(more)} more, see the report)" if more else ""))
    if summary.own_times:
        first = ", ".join(summary.own_times[:3]) + (" and others" if len(summary.own_times) > 3 else "")
        say(
            f"The timestamp.txt of {count(len(summary.own_times), 'submission')} ({first}) was not written by "
            "`collect`: whoever put the folder there vouches for the time."
        )
    wrong = []
    if summary.faults:
        wrong.append(f"Faults of the grader or its checks: {len(summary.faults)}; grade those submissions by hand.")
    lost = len(summary.refused) + sum(bool(result.unread) for result in summary.graded)
    if lost:
        wrong.append(f"Not graded, or not as a whole: {lost} of the above; ask for them again or put them right.")
    if wrong:
        raise UserError("\n".join(wrong))


@app.command()
def feedback(
    sections: Sections = None,
    student: Students = None,
    workers: Workers = CORES,
    pack: Annotated[
        bool, typer.Option("--zip", help="Also pack them for the upload to the platform that the work came from.")
    ] = False,
) -> None:
    """Write the feedback pages for students into feedback/."""
    from .lms.feedback_zip import pack_feedback
    from .results.feedback import write_feedback

    course = find_course()
    with Steps("feedback") as steps:
        pages, unfinished = write_feedback(
            course, choose(course, sections), student or [], workers=workers, progress=steps
        )
    if pages:
        say(f"{count(pages, 'page')} written to {course.shown(course.feedback)}/")
    else:
        say(f"All pages in {course.shown(course.feedback)}/ are up to date.")
    if pack:
        written, left = pack_feedback(course, choose(course, sections))
        for path in written:
            say(f"{course.shown(path)} written")
        if left:
            first = ", ".join(left[:3]) + (" and others" if len(left) > 3 else "")
            say(f"In no zip, since no platform takes it back by a name: {count(len(left), 'submission')} ({first}).")
    say_unfinished(unfinished)


@app.command()
def gradescope(
    section: Annotated[str, typer.Argument(help="The section.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The zip to write.")] = Path("autograder.zip"),
) -> None:
    """Make the zip with which Gradescope grades a section by the same checks."""
    from .lms.gradescope_package import package

    course = find_course()
    (chosen,) = choose(course, [section])
    if output.is_dir():
        raise UserError(f"{output} is a folder. Name a file with -o.")
    package(course, chosen, output)
    say(f"{output} written; upload it in Gradescope, Configure Autograder. It holds the solutions: keep it secret.")


@app.command()
def regrade(
    student: Annotated[str, typer.Argument(help="The student's id.")],
    section: Annotated[str, typer.Argument(help="The section.")],
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Run without protection, see `grade`.")] = False,
) -> None:
    """Grade one submission again and show what changed. Scores and comments given by hand stay."""
    from .gradebook.reader import read_grades
    from .grading.run import grade_class
    from .grading.workers import Options
    from .results.regrade import changes

    course = find_course()
    chosen = choose(course, [section])
    before = read_grades(course, chosen)
    options = Options(workers=1, force=True, confined=not no_sandbox)
    summary = grade_class(course, chosen, [student], options=options)
    if not summary.graded:
        raise UserError(f"{student} has handed in nothing for {chosen[0]}.")
    for line in changes(before, read_grades(course, chosen), student):
        say(line)
    say_what_to_look_at(summary)


@app.command()
def export(
    to: Annotated[
        Literal["canvas", "moodle", "gradescope", "blackboard", "brightspace", "csv"],
        typer.Option("--format", help="What the file is for."),
    ] = "csv",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write.")] = None,
    assignment: Annotated[
        list[str] | None, typer.Option(help="What the platform calls a section, 02-sums=Homework 4; may be repeated.")
    ] = None,
    excel: Annotated[bool, typer.Option("--excel", help="Mark the file as UTF-8 for Excel.")] = False,
    sections: Sections = None,
) -> None:
    """Write the grades as a file for the learning platform."""
    from .lms.export import export_grades

    course = find_course()
    names = {}
    for pair in assignment or []:
        section, equals, name = pair.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{pair!r} is not SECTION=NAME, such as 02-sums=Homework 4.")
        names[choose(course, [section.strip()])[0]] = name.strip()
    notes: list[str] = []
    try:
        path, unfinished = export_grades(
            course, to, output, choose(course, sections), assignments=names, excel=excel, notes=notes
        )
    finally:
        for note in notes:
            say(note)
    say(f"{course.shown(path)} written")
    say_unfinished(unfinished)


@app.command()
def report(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The page to write.")] = None,
    sections: Sections = None,
) -> None:
    """Write the class report, one HTML page with plots."""
    from .results.report import write_report

    course = find_course()
    say(f"{course.shown(write_report(course, output, choose(course, sections)))} written")


@app.command()
def pdf(
    what: Annotated[list[str] | None, typer.Argument(help="Notebooks, or sections; all when left out.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The PDF, when notebooks are given.")] = None,
    name: Annotated[str, typer.Option(help="The student's name, when notebooks are given.")] = "",
    student: Students = None,
    template: Annotated[
        Literal["compact", "gradescope"], typer.Option(help="gradescope: one question a page, the same for everybody.")
    ] = "compact",
    paper: Annotated[Literal["a4", "us-letter"], typer.Option(help="Paper.")] = "a4",
    question: Annotated[list[str] | None, typer.Option(help="Only this question; may be repeated.")] = None,
    new_pages: Annotated[bool, typer.Option("--new-pages", help="Begin each question on a new page.")] = False,
    workers: Workers = CORES,
) -> None:
    """Print answers: of the class into exports/answers/, or of single notebooks as one PDF."""
    from backprop.handin.answers import Options

    options = Options(name, "", template, paper, tuple(question or ()), new_pages)
    if any(word.lower().endswith(".ipynb") or Path(word).is_file() for word in what or []):
        _print_notebooks(what or [], output, options)
        return
    if output or name:
        raise typer.BadParameter("-o and --name go with notebooks; a class is written into exports/answers/.")
    from .results.answers import export_answers

    course = find_course()
    with Steps("printing") as steps:
        done = export_answers(course, choose(course, what), student or [], options, workers=workers, progress=steps)
    for problem in done.problems:
        say(problem)
    up_to_date = f", {done.kept} up to date" if done.kept else ""
    say(f"{count(len(done.written), 'PDF')} written to {course.shown(course.exports / 'answers')}/{up_to_date}")
    if done.problems:
        raise SystemExit(1)


def _print_notebooks(notebooks: list[str], output: Path | None, options: Options) -> None:
    from backprop.handin.answers import make_pdf
    from backprop.handin.notebook import NotebookError

    from .submissions.find import behind_a_link

    if output is None:
        raise typer.BadParameter("Say where to write the PDF: -o OUT.pdf.")
    if output.is_dir():
        raise UserError(f"{output} is a folder. Name a file with -o.")
    links = [name for name in notebooks if behind_a_link(Path(name))]
    if links:
        text = "a link may lead anywhere and was not followed. Ask for a copy of the file."
        raise UserError(f"{', '.join(links)}: {text}")
    try:
        made = make_pdf(notebooks, output, options)
    except NotebookError as error:
        raise UserError(str(error)) from None
    for line in [*made.problems, *made.state]:
        say(line)
    say(f"Wrote {output}.")


@app.command()
def mutants(
    sections: Sections = None,
    seeds: Annotated[int, typer.Option(min=1, help="Random inputs to try each solution on.")] = 20,
    workers: Workers = CORES,
    unseen: Annotated[bool, typer.Option("--unseen", help="Judge answers of people who never saw the checks.")] = False,
    learn: Annotated[bool, typer.Option("--learn", help="Write down which slips visible checks know.")] = False,
    secrets: Annotated[
        int, typer.Option("--secrets", min=0, help="Do points depend on the course's secret? Under so many of them.")
    ] = 0,
    regions: Annotated[
        bool, typer.Option("--regions", help="Judge right answers that are wrong in one region of inputs only.")
    ] = False,
    visible: Annotated[
        bool, typer.Option("--visible", help="Measure what the visible checks of notebooks say.")
    ] = False,
    write: Annotated[Path | None, typer.Option(dir_okay=False, help="Also write the table as Markdown.")] = None,
) -> None:
    """Test the checks: every wrong solution caught, every right one accepted?"""
    from .mutants.measure import measure
    from .mutants.page import write_section

    if sum([learn, visible, regions, unseen, secrets > 0]) > 1:
        raise WrongUsage("--learn, --visible, --regions, --unseen and --secrets each measure another thing. Name one.")
    if learn:
        return learn_slips(sections, workers)
    if visible:
        return look_at_visible_checks(sections, workers, write)
    if regions:
        return face_adversaries(sections, workers, write)
    if unseen:
        return judge_unseen(sections, seeds, workers, write)

    course = find_course()
    with Steps("solutions") as steps:
        outcome = measure(course, choose(course, sections), secrets or seeds, workers=workers, progress=steps)
    if secrets:
        for line in [*outcome.lucky, outcome.luck_sentence]:
            say(line)
        if write:
            write_section(write, "secrets", outcome.luck_table())
        if outcome.lucky:
            raise UserError("No verdict may depend on the secret.")
        return
    console.print(outcome.table())
    say(outcome.sentence)
    if write:
        write_section(write, "hidden", outcome.markdown())
    if not outcome.good:
        raise UserError("\n".join(outcome.failures))


def learn_slips(sections: list[str] | None, workers: int) -> None:
    from backprop.checking.known_slips import FILE
    from backprop.files import write_atomically

    from .mutants.visible import learn

    course = find_course()
    with Steps("solutions") as steps:
        text = learn(course, choose(course, sections), workers=workers, progress=steps)
    write_atomically(FILE, text.encode())
    say(f"{course.shown(FILE)} written: {text.count(chr(10))} lines.")


def look_at_visible_checks(sections: list[str] | None, workers: int, write: Path | None) -> None:
    from .mutants.page import write_section
    from .mutants.visible import measure_visible

    course = find_course()
    with Steps("solutions") as steps:
        outcome = measure_visible(course, choose(course, sections), workers=workers, progress=steps)
    for line in outcome.failures:
        say(line)
    console.print(outcome.table())
    say(outcome.sentence)
    if write:
        write_section(write, "visible", outcome.markdown())


def face_adversaries(sections: list[str] | None, workers: int, write: Path | None) -> None:
    from .mutants.adversaries import face_all, markdown, sentence
    from .mutants.page import write_section

    course = find_course()
    with Steps("exercises") as steps:
        found = face_all(course, choose(course, sections), workers=workers, progress=steps)
    for line in [*(line for one in found for line in one.failures), sentence(found)]:
        say(line)
    if write:
        write_section(write, "regions", markdown(found))


def judge_unseen(sections: list[str] | None, seeds: int, workers: int, write: Path | None) -> None:
    from .mutants.page import write_section
    from .mutants.unseen import FIRST_CONTACT, measure_unseen, note_first_contact, sets, survivors, table

    course, tables = find_course(), []
    for answers in sets(course.checks):
        with Steps(f"answers of the {answers.name} set") as steps:
            tried = measure_unseen(course, answers, choose(course, sections), seeds, workers=workers, progress=steps)
        if not sections and not (answers / FIRST_CONTACT).exists():
            note_first_contact(course, answers, seeds, tried)
            say(f"{course.shown(answers / FIRST_CONTACT)} written: this was first contact.")
        tables.append(table(course.checks, answers, tried))
        for line in [*survivors(tried), tables[-1]]:
            say(line)
    if write:
        write_section(write, "unseen", "\n".join(tables))


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Argument(help="Where; a new temporary folder when left out.")] = None,
    workers: Workers = CORES,
) -> None:
    """Run a whole course on a made-up class: release, hand in, grade, feed back, report."""
    from .demo.demo import run_demo

    run_demo(find_course(), folder, workers=workers, say=say, steps=Steps)


@app.command()
def doctor() -> None:
    """Say what is missing on this machine."""
    from .doctor import examine

    missing = False
    for finding in examine(Course.find()):  # each is said as soon as it is known
        mark = "ok     " if finding.good else "note   " if finding.optional else "MISSING"
        say(f"{mark} {finding.text}")
        missing |= not (finding.good or finding.optional)
    if missing:
        raise SystemExit(1)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    for name, value in ONE_THREAD.items():  # work is shared among processes; threads in each would be in their way
        os.environ.setdefault(name, value)
    gc.set_threshold(*FEW_COLLECTIONS)
    try:
        app(args=arguments, standalone_mode=True)
    except WrongUsage as error:
        print(error, file=sys.stderr)
        return 2
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except SystemExit as stop:
        if stop.code == STOPPED:
            print("Stopped. What is finished is kept; the same command goes on from here.", file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
