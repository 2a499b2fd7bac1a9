"""What a check is made of: the student at the other end, random inputs, parts with points, a verdict.

A check reads like the specification of its exercise:

    @check("04-ridge/sum_node_check", points=5)
    def sum_node(student: Student, draw: Draw) -> None:
        \"\"\"SumNode adds two scalars and hands its upstream gradient to both.\"\"\"
        a, b, upstream = draw.scalar(), draw.scalar(), draw.scalar()
        run = student.run_node("SumNode", a=a, b=b, upstream=upstream)
        with part("forward", points=2):
            expect(run.out, a + b, name="out")
        with part("backward", points=3):
            expect(run.grad("a"), upstream, name="∂J/∂a")

The judge never runs a line of the student's code: it sends plain inputs, gets plain arrays back
and compares. A part earns its points when every `expect` in it holds and nothing was raised.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backprop.comparison import Comparison, compare
from backprop.mistakes import Mistake

from .inside.probe import Probe, too_large
from .inside.wire import Handle, WireError, copied
from .submission import visible

Array = np.ndarray
MOST_COMPARED = 10**6  # a result with so many entries more than the right one is not looked at any closer


class StudentError(Exception):
    """The student's code could not give an answer; the text says why, for the student to read."""

    def __init__(self, text: str, family: str = "raises"):
        super().__init__(text)
        self.mistake = Mistake(family, text)


class StudentGone(StudentError):
    """The student's process ended or hung and was killed, so nothing more can be asked of it."""


def nonsense() -> StudentGone:
    """The process does not keep to the protocol: it was tampered with, and nothing it says counts any more."""
    return StudentGone("The notebook's process sent an answer that makes no sense.", "died")


# -- the student at the other end ---------------------------------------------------------------------------------


@dataclass
class Remote:
    """A value in the student's process. `.value` is its plain copy, as it was when the reply was sent."""

    student: Student
    handle: Handle
    plain: Any = ...

    @property
    def value(self) -> Any:
        if self.plain is ...:
            self.plain = self.fetch()
        return self.plain

    @property
    def kind(self) -> str:
        return self.handle.kind

    def fetch(self) -> Any:
        """The plain value as it is now (it may have been changed in place since)."""
        return self.student.ask(op="fetch", target=self.handle).get("value")

    def attr(self, name: str) -> Remote:
        return self.student._remote(op="attr", target=self.handle, name=name)

    def set(self, name: str, value: Any) -> None:
        self.student.ask(op="set", target=self.handle, name=name, value=_bare(value))

    def __call__(self, *args: Any, **kwargs: Any) -> Remote:
        return self.student._remote(op="call", target=self.handle, args=_bare(args), kwargs=_bare(kwargs))

    def method(self, name: str, *args: Any, **kwargs: Any) -> Remote:
        return self.student._remote(op="call", target=self.handle, method=name, args=_bare(args), kwargs=_bare(kwargs))

    def item(self, key: int | str) -> Remote:
        return self.student._remote(op="item", target=self.handle, key=key)


class Student:
    """The student's notebook as the judge sees it: names to get, functions to call, nodes to run.

    send : takes a request, returns the reply; the transport to the process that holds the notebook
    """

    def __init__(self, send: Callable[[dict[str, Any]], Any]):
        self._send = send

    @classmethod
    def here(cls, namespace: dict[str, Any]) -> Student:
        """The student's code lives in this very process (an instructor's kernel, the tests of the checks)."""
        probe = Probe(namespace)

        def send(request):
            reply = probe.answer(copied(request))
            try:
                return copied(reply)
            except (WireError, TypeError, ValueError) as error:
                return too_large(error)

        return cls(send)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request; raise StudentError when the student's code raised."""
        reply = self._send(request)
        if not isinstance(reply, dict) or not ({"value", "handle", "error"} & reply.keys()):
            raise nonsense()
        if "error" in reply:
            raise _student_error(reply["error"])
        return reply

    def _remote(self, **request: Any) -> Remote:
        return self._remote_of(self.ask(**request))

    def _remote_of(self, reply: dict[str, Any]) -> Remote:
        handle = reply.get("handle")
        if not isinstance(handle, Handle):
            raise nonsense()
        return Remote(self, handle, reply.get("value", ...))

    def has(self, name: str) -> bool:
        return self.ask(op="has", name=name).get("value") is True

    def get(self, name: str) -> Remote:
        """The value of a name of the notebook. Raises StudentError when it is not defined."""
        return self._remote(op="get", name=name)

    def put(self, value: Any) -> Remote:
        """A copy of a plain value in the student's process (to see whether it is changed there)."""
        return self._remote(op="put", value=_bare(value))

    def call(self, name: str, *args: Any, **kwargs: Any) -> Remote:
        """Call a function or class of the notebook."""
        return self._remote(op="call", name=name, args=_bare(args), kwargs=_bare(kwargs))

    def watched(self, name: str, *args: Any) -> tuple[Remote, list[Any]]:
        """Call it on copies of the arguments; return what it returned and what the arguments hold afterwards."""
        reply = self.ask(op="call", name=name, args=_bare(args), watch=True)
        after = reply.get("after")
        if not isinstance(after, list) or len(after) != len(args):
            raise nonsense()
        return self._remote_of(reply), after

    def load(self, source: str, *names: str) -> dict[str, Remote]:
        """Run reference source text there and return what it defines under the names.

        Only for checks marked `reveals=True`, which run after all others, since the student's
        code could read what is loaded. Definitions that the names do not need stay here.
        """
        handles = self.ask(op="load", source=needed(source, names), names=list(names)).get("value")
        if not isinstance(handles, dict) or not all(isinstance(handles.get(name), Handle) for name in names):
            raise nonsense()
        return {name: Remote(self, handles[name]) for name in names}

    @contextlib.contextmanager
    def shadow(self, **names: Any) -> Iterator[None]:
        """Put other values under names of the notebook for a while, e.g. reference nodes."""
        self.ask(op="shadow", names=_bare(names))
        try:
            yield
        finally:
            with contextlib.suppress(StudentGone):
                self.ask(op="unshadow")

    def run_node(
        self,
        name: str,
        *,
        upstream: Any = None,
        before: Mapping[str, Any] | None = None,
        share: Mapping[str, str] | None = None,
        passes: int = 1,
        replace_out: Any = None,
        **inputs: Any,
    ) -> NodeRun:
        """Build a node on inputs, run it forward and backward, return everything that can be seen.

        inputs      : in the order of the constructor's arguments (passed by position); arrays become
                      nodes holding them, plain Python numbers are passed as they are
        upstream    : the gradient put into the node's `d_out` before `backward`; None: forward only
        before      : input name -> gradient that another consumer has already added to its `d_out`
        share       : input name -> earlier input name: the same node is passed for both
        passes      : how often forward and backward run on the same node
        replace_out : put into the node's `out` between forward and backward

        Nothing is raised here for what the student's code does: the NodeRun raises when the
        missing result is asked for, so that a part loses only its own points.
        """
        try:
            reply = self.ask(
                op="node",
                name=name,
                inputs=[[key, value, isinstance(value, np.ndarray)] for key, value in inputs.items()],
                node_name=name.lower(),
                upstream=upstream,
                forward_only=upstream is None,
                before=dict(before or {}),
                share=dict(share or {}),
                passes=passes,
                replace_out=replace_out,
            )
        except StudentGone:
            raise
        except StudentError as error:
            return NodeRun(name, {}, error)
        result = reply.get("value")
        if not isinstance(result, dict):
            raise nonsense()
        return NodeRun(name, result, _student_error(result["error"]) if "error" in result else None)


@dataclass
class NodeRun:
    """What running one node showed. Asking for something it never reached raises StudentError."""

    name: str
    result: dict[str, Any]
    error: StudentError | None = None

    def _seen(self, key: str, kind: type = object) -> Any:
        if key not in self.result:
            raise self.error or nonsense()
        if not isinstance(self.result[key], kind):
            raise nonsense()
        return self.result[key]

    def _of_input(self, key: str, name: str) -> Any:
        seen = self._seen(key, dict)
        if name not in seen:
            raise nonsense()
        return seen[name]

    @property
    def out(self) -> Any:
        """`node.out` after forward."""
        return self._seen("out")

    @property
    def returned(self) -> Any:
        """What `forward` returned."""
        return self._seen("returned")

    @property
    def d_out(self) -> Any:
        """`node.d_out` after forward, before anything was added to it: should be zeros."""
        return self._seen("d_out")

    def grad(self, name: str) -> Any:
        """`d_out` of the named input after backward."""
        return self._of_input("grads", name)

    @property
    def upstream_after(self) -> Any:
        return self._seen("upstream_after")

    def input_after(self, name: str) -> Any:
        return self._of_input("inputs_after", name)

    @property
    def predecessors(self) -> list[str]:
        """Names of the inputs that `get_predecessors` listed."""
        return self._seen("predecessors", list)


@functools.lru_cache(maxsize=256)
def needed(source: str, names: Sequence[str]) -> str:
    """The source text without the functions and classes that those of the given names do not use."""
    body = ast.parse(source).body
    defined = {s.name: s for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef)}
    rest = [s for s in body if s not in defined.values()]
    kept: set[str] = set()
    waiting = [*names, *(name for statement in rest for name in _used(statement))]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in kept:
            kept.add(name)
            waiting += _used(defined[name])
    return ast.unparse(ast.Module([s for s in body if s in rest or s.name in kept], []))


def _used(statement: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _bare(value: Any) -> Any:
    """The value with each Remote replaced by its handle."""
    if isinstance(value, Remote):
        return value.handle
    if isinstance(value, (list, tuple)):
        return type(value)(_bare(item) for item in value)
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    return value


def _student_error(error: Any) -> StudentError:
    """The sentence for an error reply. Everything in it comes from the student's process."""
    if not isinstance(error, dict):
        return nonsense()
    said = {key: value for key, value in error.items() if isinstance(value, str)}
    kind, message = said.get("type", "Error")[:80], said.get("message", "")[:500].strip()
    where = ""
    if said.get("line"):
        function = said.get("function", "")[:80]
        inside = f" in {function}" if function and not function.startswith("<") else ""
        where = f"{inside}, at the line: {said['line'][:200]}"
    if kind == "Missing":
        return StudentError(
            f"{message} is not defined. Is the cell that defines it complete, and does it run without an error?",
            "missing_name",
        )
    if kind == "Timeout":
        return StudentError("The code did not finish in time and was stopped. Is there a loop that never ends?", "time")
    if kind == "TooLarge":
        return StudentError(f"The result is too large to be looked at: {message}.", "shape")
    if kind == "NotImplementedError":
        return StudentError(f"Not finished yet: NotImplementedError{where}", "unfinished")
    if kind in ("ImportError", "ModuleNotFoundError") and "torch" in message:
        return StudentError(f"{message}{where}", "torch")
    return StudentError(f"{kind}: {message or 'no message'}{where}", "raises")


# -- random inputs ------------------------------------------------------------------------------------------------


class Draw:
    """Random inputs of a check: well scaled, away from zero and from kinks, the same for every student.

    All arrays are float64. `signed` draws magnitudes in [low, high] with random signs, so no entry
    is near zero, where a relative error means nothing.
    """

    def __init__(self, seed: str | int):
        digest = hashlib.sha256(str(seed).encode()).digest()
        self.rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))

    def signed(self, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
        magnitude = self.rng.uniform(low, high, size=shape)
        return np.asarray(np.where(self.rng.random(size=shape) < 0.5, -magnitude, magnitude))

    def positive(self, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
        return np.asarray(self.rng.uniform(low, high, size=shape))

    def normal(self, *shape: int, scale: float = 1.0) -> Array:
        return np.asarray(self.rng.normal(scale=scale, size=shape))

    def scalar(self, low: float = 0.5, high: float = 2.0) -> Array:
        """A 0-d array: a random sign times a magnitude in [low, high]."""
        return self.signed(low=low, high=high)

    def number(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def integer(self, low: int, high: int) -> int:
        """An integer from low up to high - 1."""
        return int(self.rng.integers(low, high))

    def labels(self, count: int, classes: int) -> Array:
        """`count` class labels, shape (count,), int64, with every class present when count >= classes."""
        labels = np.concatenate([np.arange(classes), self.rng.integers(0, classes, size=max(0, count - classes))])
        return self.rng.permutation(labels)[:count]

    def distinct_sizes(self, count: int, low: int = 3, high: int = 9) -> list[int]:
        """Different sizes, so that no axis can be taken for another."""
        return [int(n) for n in self.rng.choice(np.arange(low, high), size=count, replace=False)]


# -- parts and verdicts -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartResult:
    """One part of a verdict: earned is points or 0; lines are the table rows; mistakes name what went wrong.

    passed tells a part worth 0 points that holds from one that doesn't.
    """

    name: str
    points: float
    earned: float
    passed: bool
    lines: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The judge's answer for one check.

    score   : sum of what the parts earned, 0 <= score <= points
    problem : not None when the check itself failed (our mistake, never the student's); a person must look
    """

    check: str
    points: float
    parts: tuple[PartResult, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return min(self.points, sum(part.earned for part in self.parts))

    @property
    def full(self) -> bool:
        """Every part holds, also those of an exercise that is worth no points."""
        return bool(self.parts) and all(part.passed for part in self.parts) and self.problem is None

    @property
    def families(self) -> tuple[str, ...]:
        """The named mistakes, each once, in the order they were found."""
        return tuple(dict.fromkeys(mistake.family for part in self.parts for mistake in part.mistakes))

    @property
    def text(self) -> str:
        """The feedback: one line per part, the table rows of what is wrong, each mistake's sentence once."""
        title = self.check.rpartition("/")[2].removesuffix("_check")
        lines = [f"{title} · {self.score:g} of {self.points:g} points"]
        if self.problem:
            lines.append("This check could not be finished because of a fault of ours. Your instructor has been told.")
        said: set[str] = set()
        for part in self.parts:
            lines.append(f"{part.name}: {part.earned:g} of {part.points:g}")
            lines += part.lines
            lines += ["   " + m.text for m in part.mistakes if not (m.text in said or said.add(m.text))]
        return visible("\n".join([*lines, *self.notes]))


@dataclass
class _Part:
    name: str
    points: float
    comparisons: list[Comparison] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    failed: bool = False

    def result(self) -> PartResult:
        wrong = [c for c in self.comparisons if not c.ok]
        lines = tuple(_hidden_line(c) for c in wrong)
        mistakes = [c.mistake for c in wrong if c.mistake] + self.mistakes
        failed = self.failed or bool(wrong)
        return PartResult(self.name, self.points, 0.0 if failed else self.points, not failed, lines, tuple(mistakes))


def _hidden_line(comparison: Comparison) -> str:
    """A table row that says how far off the result is without showing the hidden numbers."""
    if comparison.note:
        return f"   {comparison.name}   {comparison.note}   <-"
    where = f" at {list(comparison.index)}" if comparison.index else ""
    size = "" if math.isnan(comparison.max_difference) else f"   max difference {comparison.max_difference:.1e}{where}"
    return f"   {comparison.name}{size}   <-"


_current: contextvars.ContextVar[_Grading] = contextvars.ContextVar("grading")


class _Grading:
    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.open: _Part | None = None
        self.notes: list[str] = []
        self.gone: StudentGone | None = None


@contextlib.contextmanager
def part(name: str, points: float) -> Iterator[None]:
    """One part of the running check, worth `points` when everything in it holds.

    A StudentError ends this part alone; the check goes on with the next one.
    """
    grading = _current.get()
    this = _Part(name, points)
    grading.parts.append(this)
    grading.open = this
    try:
        yield
    except StudentGone as error:
        grading.gone = grading.gone or error  # later parts say why the process ended, not that it is gone
        this.failed = True
        this.mistakes.append(grading.gone.mistake)
    except StudentError as error:
        this.failed = True
        this.mistakes.append(error.mistake)
    finally:
        grading.open = None


def expect(
    got: Any,
    exact: Any,
    *,
    name: str = "the result",
    mistakes: Mapping[str, Any] | None = None,
    atol: float = 1e-9,
    rtol: float = 1e-7,
    scalar_like: bool = False,
    float32: bool = True,
    upstream: Any = None,
    batch_size: int | None = None,
) -> bool:
    """Note in the open part whether `got` is the exact value; return whether it is.

    got         : a Remote, an array, a number, a list of numbers: what the student's code gave
    exact       : the right value, computed here
    mistakes    : family -> the value that this mistake would give (or a list of such values)
    scalar_like : accept a number and the shapes (), (1,) and (1, 1) for one another
    float32     : accept a float32 result at the precision float32 has
    """
    open_part = _open_part()
    value = got.value if isinstance(got, Remote) else got
    exact = np.asarray(exact)
    huge = isinstance(value, np.ndarray) and value.size > exact.size + MOST_COMPARED
    if huge or isinstance(value, Handle):
        came = f"of shape {value.shape}" if huge else value.kind or "something else"
        text = f"{name} should be {_shape_words(exact)}, but it is {came}."
        open_part.failed = True
        open_part.mistakes.append(Mistake("shape" if huge else "type", text))
        return False
    if float32 and getattr(value, "dtype", None) == np.float32:
        rtol, atol = max(rtol, 2e-5), max(atol, 2e-5 * float(np.max(np.abs(exact), initial=0.0)))
    comparison = compare(
        name,
        value,
        exact,
        atol=atol,
        rtol=rtol,
        candidates=mistakes,
        upstream=upstream,
        batch_size=batch_size,
        scalar_like=scalar_like,
    )
    open_part.comparisons.append(comparison)
    return comparison.ok


def expect_true(condition: bool, text: str, family: str) -> bool:
    """Note in the open part that a condition must hold; `text` is what the student reads when it doesn't."""
    if not condition:
        open_part = _open_part()
        open_part.failed = True
        open_part.mistakes.append(Mistake(family, text))
    return bool(condition)


def note(text: str) -> None:
    """Add a sentence to the feedback that costs no points."""
    _current.get().notes.append(text)


def _open_part() -> _Part:
    grading = _current.get()
    if grading.open is None:
        raise RuntimeError("expect() is called inside `with part(...)`")
    return grading.open


def _shape_words(exact: Array) -> str:
    return "a number" if exact.shape == () else f"an array of shape {exact.shape}"


# -- checks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A registered check.

    name    : section/grade_id of the grade cell it decides
    points  : must equal the points of that cell
    reveals : it loads reference code into the student's process, so it runs after all others
    """

    name: str
    points: float
    function: Callable[[Student, Draw], None]
    reveals: bool = False

    @property
    def section(self) -> str:
        return self.name.partition("/")[0]

    @property
    def grade_id(self) -> str:
        return self.name.partition("/")[2]

    def judge(self, student: Student, seed: str | int = "") -> Verdict:
        """Run the check. Never raises for anything the student's process does."""
        grading = _Grading()
        token = _current.set(grading)
        problem = None
        try:
            with np.errstate(all="ignore"):
                self.function(student, Draw(f"{self.name}:{seed}"))
        except StudentError as error:
            done = sum(p.points for p in grading.parts)
            rest = _Part("the whole check" if not done else "the rest", self.points - done, failed=True)
            rest.mistakes.append(error.mistake)
            grading.parts.append(rest)
        except Exception as error:  # a fault of the check; it must not stop the run
            problem = visible(f"{self.name}: {type(error).__name__}: {str(error)[:500]}")
        finally:
            _current.reset(token)
        parts = tuple(p.result() for p in grading.parts)
        return Verdict(self.name, self.points, parts, problem, tuple(grading.notes))


REGISTRY: dict[str, Check] = {}


def check(name: str, *, points: float, reveals: bool = False) -> Callable[[Callable], Callable]:
    """Register the decorated function as the check of the grade cell `section/grade_id`."""

    def register(function: Callable[[Student, Draw], None]) -> Callable:
        if name in REGISTRY and REGISTRY[name].function.__code__ is not function.__code__:
            raise ValueError(f"two checks are registered for {name}")
        REGISTRY[name] = Check(name, points, function, reveals)
        return function

    return register


def values(got: Any) -> Sequence[Any]:
    """The parts of a returned tuple or list (a Remote or a plain value). Raises StudentError when it is neither."""
    value = got.value if isinstance(got, Remote) else got
    if not isinstance(value, (list, tuple)):
        what = value.kind if isinstance(value, Handle) else type(value).__name__
        raise StudentError(f"Expected several values returned together, separated by commas, but got {what}.", "type")
    return value


__all__ = [
    "Check", "Draw", "NodeRun", "Remote", "Student", "StudentError", "StudentGone", "Verdict",
    "check", "expect", "expect_true", "note", "part", "values",
]  # fmt: skip
