"""The student at the other end: names to get, functions to call, nodes to run. The judge sees plain data only."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..sandbox.gone import StudentError, StudentGone, nonsense
from ..sandbox.inside.probe import Probe, too_large
from ..sandbox.inside.wire import MOST_ENTRIES, Absent, Handle, WireError, copied
from ..text import visible

CASTING = "UFuncTypeError"  # numpy's, where an array of integers is to take fractions
KNOWN_ERRORS = {CASTING, *(name for name, kind in vars(builtins).items() if isinstance(kind, type))}
SHORT = 24  # letters of a text that comes from a process which has seen reference code
TOGETHER = 16  # requests that do not wait for each other's answers go in one message
DEEPEST, WIDEST = 4, 16  # of an array from there, whose shape could say more; wider where the judge has sent wider ones
LARGEST_SIZE = 256  # or has asked for so many units in a call; a larger number there is no size, but a seed or a count


class JudgeError(Exception):
    """Something on the judge's side of a request failed. Its text names the error that was the cause."""


@dataclass(frozen=True)
class Oversized(Handle):
    """Stands for an array of a reply that is larger than the question allows. Nothing can be calculated with it."""


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

    def fetch(self, most: int = MOST_ENTRIES) -> Any:
        """The plain value as it is now (it may have been changed in place since); `most` as in `Student.ask`."""
        return self.student.ask(most=most, op="fetch", target=self.handle).get("value")

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


# What a call returned, what its arguments hold afterwards, and which of them came back: (its number, as which part)
Watched = tuple[Remote, list[Any], list[tuple[int, int]]]


class Student:
    """The student's notebook as the judge sees it: names to get, functions to call, nodes to run.

    send     : takes a request, returns the reply; the transport to the process that holds the notebook
    send_all : takes requests, and whether they are linked (see `chain`), and returns their replies; in one message
    revealed : the process has been shown reference code. Text that it sends from then on could be that code, so none
               of it is shown to anybody: the judge's own words stand in its place
    answered : how many replies have come
    sent_single : float32 has been sent, so answers may have its precision
    missed_name : the student's code used a name that is not defined
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Any],
        send_all: Callable[[list[dict[str, Any]], bool], list[Any]] | None = None,
        revealed: bool = False,
    ):
        self._send, self._send_all = send, send_all or functools.partial(_one_by_one, send)
        self._chain: list[tuple[dict[str, Any], Remote | None]] | None = None
        self.revealed = revealed
        self.reveals = False  # whether the check that is running loads reference code
        self.answered = 0
        self.sent_single = False
        self.widest = WIDEST
        self.missed_name = False

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

    def ask(self, most: int = MOST_ENTRIES, **request: Any) -> dict[str, Any]:
        """Send one request; raise StudentError when the student's code raised.

        most : numbers and other entries that an answer may have in all. In place of what is larger stands an Oversized
        """
        if most != MOST_ENTRIES:
            request["most"] = most
        if self._chain is not None:
            if request["op"] != "set":
                raise RuntimeError("there is no answer before the end of a chain")
            self._chain.append((request, None))
            return {}
        self._look_at(request)
        with _faults_told():
            reply = self._send(request)
        return self._accepted(reply, request)

    def ask_all(self, requests: Sequence[dict[str, Any]], linked: bool = False) -> list[Callable[[], dict[str, Any]]]:
        """Send requests that do not wait for each other's answers, in few messages.

        Returns for each what returns its reply, or raises the StudentError of this request alone.
        linked : they are those of a `chain`
        """
        found: list[Callable[[], dict[str, Any]]] = []
        for request in requests:
            self._look_at(request)
        for start in range(0, len(requests), len(requests) if linked else TOGETHER):
            some = list(requests[start : start + (len(requests) if linked else TOGETHER)])
            with _faults_told():
                replies = self._send_all(some, linked)
            found += [functools.partial(self._accepted, *pair) for pair in zip(replies, some, strict=True)]
        return found

    @contextlib.contextmanager
    def chain(self) -> Iterator[None]:
        """Calls, attributes and methods asked for in here go in one message, at its end; what they give is there then.

        As without it, they are run in their order, and the first error ends them: it is raised at the end.
        """
        self._chain = chain = []
        try:
            yield
        finally:
            self._chain = None
        replies = self.ask_all([request for request, _ in chain], linked=True)
        for reply, (_, remote) in zip(replies, chain, strict=True):
            answer = reply()
            if remote is not None:
                came = self._remote_of(answer)
                remote.handle, remote.plain = came.handle, came.plain

    def _look_at(self, request: dict[str, Any]) -> None:
        """Note what is said in a request before it is sent."""
        self._look_over(request)
        self.widest = max(self.widest, _size_asked_for([request.get("args"), request.get("kwargs")]))
        self.revealed = self.revealed or (self.reveals and request.get("op") == "load")

    def _accepted(self, reply: Any, request: dict[str, Any]) -> dict[str, Any]:
        """The reply, as it may be looked at. Raises StudentError when the student's code raised."""
        self.answered += 1
        if not isinstance(reply, dict) or not ({"value", "handle", "error"} & reply.keys()):
            raise nonsense()
        if "error" in reply:
            raise self._error(reply["error"], request)
        left = [request.get("most", MOST_ENTRIES) + 64]  # the parts of the reply itself
        return {key: self._admitted(value, left) for key, value in reply.items()}

    def _look_over(self, value: Any) -> None:
        """Note whether there is a float32 (or float16) array in a request, and its longest array side and list."""
        if isinstance(value, (np.ndarray, np.generic)):
            if value.dtype.kind in "fc" and value.dtype.itemsize <= (4 if value.dtype.kind == "f" else 8):
                self.sent_single = True
            if value.shape:
                self.widest = max(self.widest, *value.shape)
        elif isinstance(value, dict):
            for item in value.values():
                self._look_over(item)
        elif isinstance(value, (list, tuple)):
            self.widest = max(self.widest, len(value))
            for item in value:
                self._look_over(item)

    def _error(self, error: Any, request: Mapping[str, Any] | None = None) -> StudentError:
        self.missed_name |= isinstance(error, dict) and error.get("type") == "NameError"
        return _error_untold(error, request or {}) if self.revealed else _student_error(error)

    def _admitted(self, value: Any, left: list[int]) -> Any:
        """The value of a reply with an Oversized in place of each part that is larger than what is left of the room."""
        if isinstance(value, Absent):
            return self._oversized("of another shape", f"of shape {value.shape}")
        if isinstance(value, (np.ndarray, np.generic)):
            odd = self.revealed and (value.ndim > DEEPEST or max(value.shape, default=0) > self.widest)
            if odd or value.size > left[0]:
                return self._oversized("of another shape", f"of shape {value.shape}")
            left[0] -= value.size
            return value
        left[0] -= 1
        if isinstance(value, Handle):  # on one line: more of them could look like the judge's
            return Handle(value.number, "of another kind" if self.revealed else " ".join(value.kind.split()))
        if isinstance(value, str) and self.revealed:
            return value[:SHORT]
        if isinstance(value, (list, tuple, dict)):
            if len(value) > left[0]:
                kind = f"a {type(value).__name__}"
                return self._oversized(f"{kind} of another length", f"{kind} of length {len(value)}")
            if isinstance(value, dict):
                short = SHORT if self.revealed else None
                return {k[:short] if isinstance(k, str) else k: self._admitted(v, left) for k, v in value.items()}
            return type(value)(self._admitted(item, left) for item in value)
        return value

    def _oversized(self, untold: str, told: str) -> Oversized:
        return Oversized(0, untold if self.revealed else told)

    def _remote(self, **request: Any) -> Remote:
        if self._chain is None:
            return self._remote_of(self.ask(**request))
        remote = Remote(self, Handle(-len(self._chain) - 1))
        self._chain.append((request, remote))
        return remote

    def _remote_of(self, reply: dict[str, Any]) -> Remote:
        handle = reply.get("handle")
        if not isinstance(handle, Handle) or handle.number < 1:
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

    def call_all(self, name: str, several: Sequence[Sequence[Any]]) -> list[Callable[[], Remote]]:
        """Call it again and again, by position. Returns for each call what returns its result, or raises its error."""
        replies = self.ask_all([{"op": "call", "name": name, "args": _bare(tuple(args))} for args in several])
        return [lambda reply=reply: self._remote_of(reply()) for reply in replies]

    def watched(self, name: str, *args: Any) -> Watched:
        """Call it on copies of the arguments.

        Returns what it returned, what the arguments hold afterwards, and the numbers of the arguments that came back
        as (part of) the result, the very same arrays, each with the place of that part (0 where it is the only one).
        """
        return self._seen(self.ask(**_watching(name, args)), args)

    def watched_all(self, name: str, several: Sequence[Sequence[Any]]) -> list[Callable[[], Watched]]:
        """Call it again and again, see `watched`. Returns for each call what returns the same, or raises its error."""
        replies = self.ask_all([_watching(name, args) for args in several])
        return [lambda reply=reply, args=args: self._seen(reply(), args)
                for reply, args in zip(replies, several, strict=True)]  # fmt: skip

    def fetch_all(self, remotes: Sequence[Remote]) -> list[Callable[[], Any]]:
        """For each what returns the plain value as it is now, see `Remote.fetch`."""
        replies = self.ask_all([{"op": "fetch", "target": remote.handle} for remote in remotes])
        return [lambda reply=reply: reply().get("value") for reply in replies]

    def _seen(self, reply: dict[str, Any], args: Sequence[Any]) -> Watched:
        after = reply.get("after")
        if not isinstance(after, list) or len(after) != len(args):
            raise nonsense()
        same = reply.get("handed_back", [])
        pairs = isinstance(same, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in same)
        if not pairs or not all(type(n) is type(at) is int and 0 <= n < len(args) for n, at in same):
            raise nonsense()
        return self._remote_of(reply), after, [(n, place) for n, place in same]

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
        how: dict[str, Any] = {"upstream": upstream, "before": dict(before or {})}
        if replace_out is not None:
            how["replace_out"] = replace_out
        one_pass = [(0, "forward", {})] + ([] if upstream is None else [(0, "backward", how)])
        found = self.run_steps(name, [(inputs, dict(share or {}))], one_pass * passes)
        result = {key: value for step in found[-len(one_pass) :] for key, value in step.result.items()}
        return NodeRun(name, result, next((step.error for step in found if step.error), None))

    def run_steps(
        self,
        name: str,
        instances: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]],
        steps: Sequence[tuple[int, str, Mapping[str, Any]]],
    ) -> list[NodeRun]:
        """Build instances of a node, run them step by step, return what each step showed.

        instances : (inputs in the order of the constructor's arguments, share), see `run_node`
        steps     : (number of the instance, action, how). Actions and what `how` may hold: "forward" (`values`: new
                    values of inputs, written into the arrays that are there where `in_place` is true; `left_over`: what
                    stands in the node's d_out before; `before`, see `run_node`), "look" (at out), "feed" (puts
                    `upstream` into the node's d_out), "backward" (`upstream`, which may have been fed before,
                    `before`, `replace_out`, see `run_node`)

        Nothing is raised here for what the student's code does: a NodeRun raises when the missing result is asked for.
        """

        def kind(key: str, value: Any, share: Mapping[str, str]) -> str:
            return share.get(key, "leaf") if isinstance(value, np.ndarray) else "plain"

        built = [[[key, value, kind(key, value, share)] for key, value in given.items()] for given, share in instances]
        asked = [[number, action, dict(how)] for number, action, how in steps]
        try:
            most = MOST_ENTRIES + 4 * len(steps) * _entries([given for given, _ in instances])
            reply = self.ask(most, op="node", name=name, node_name=name.lower(), instances=built, steps=asked)
        except StudentGone:
            raise
        except StudentError as error:
            return [NodeRun(name, {}, error) for _ in steps]
        found = reply.get("value")
        if not isinstance(found, list) or len(found) != len(steps) or not all(isinstance(one, dict) for one in found):
            raise nonsense()
        return [NodeRun(name, one, self._error(one["error"]) if "error" in one else None) for one in found]


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

    def grad_kept(self, name: str) -> Any:
        """`d_out` of the named input after forward: should be what it was."""
        return self._of_input("grads_kept", name)

    @property
    def ran_inputs(self) -> bool:
        """Whether forward ran a method of an input, which is the graph's work."""
        return self._seen("inputs_run") != 0

    @property
    def ran_inputs_back(self) -> bool:
        """Whether backward did."""
        return self._seen("inputs_run_back") != 0

    @property
    def one_array(self) -> list[str]:
        """Names of the inputs whose `d_out` is one array with the node's own `d_out` or `out`, or another input's."""
        return self._seen("one_array", list)

    @property
    def upstream_after(self) -> Any:
        return self._seen("upstream_after")

    @property
    def out_after(self) -> Any:
        """`node.out` after backward: should be what it was."""
        return self._seen("out_after")

    def input_after(self, name: str) -> Any:
        return self._of_input("inputs_after", name)

    @property
    def predecessors(self) -> list[str]:
        """Names of the inputs that `get_predecessors` listed."""
        return self._seen("predecessors", list)


@contextlib.contextmanager
def _faults_told() -> Iterator[None]:
    """What goes wrong on our side of a request is a JudgeError."""
    try:
        yield
    except StudentError:
        raise
    except Exception as error:
        raise JudgeError(f"{type(error).__name__}: {error}") from error


def _watching(name: str, args: Sequence[Any]) -> dict[str, Any]:
    return {
        "op": "call",
        "name": name,
        "args": _bare(tuple(args)),
        "watch": True,
        "most": MOST_ENTRIES + _entries(args),
    }


def _one_by_one(send: Callable[[dict[str, Any]], Any], requests: list[dict[str, Any]], linked: bool) -> list[Any]:
    """The replies to requests that are sent one after the other, as `Probe.answer_next` would give them."""
    replies: list[Any] = []
    for request in requests:
        broken = next((one for one in replies if not isinstance(one, dict) or "error" in one), None) if linked else None
        replies.append(send(_with_results(request, replies)) if broken is None else broken)
    return replies


def _with_results(value: Any, replies: list[Any]) -> Any:
    """The value with the result of the n-th reply in place of Handle(-n)."""
    if isinstance(value, Handle) and -len(replies) <= value.number < 0:
        reply = replies[-value.number - 1]
        found = reply.get("handle") if isinstance(reply, dict) else None
        return found if isinstance(found, Handle) else value  # else there is none, which the answer will say
    if isinstance(value, (list, tuple)):
        return type(value)(_with_results(item, replies) for item in value)
    if isinstance(value, dict):
        return {key: _with_results(item, replies) for key, item in value.items()}
    return value


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


def _size_asked_for(value: Any) -> int:
    """The largest whole number among the arguments of a call that may be a size: so many units, classes, inputs."""
    if isinstance(value, (list, tuple)):
        return max(map(_size_asked_for, value), default=0)
    if isinstance(value, dict):
        return max(map(_size_asked_for, value.values()), default=0)
    return value if isinstance(value, int) and value <= LARGEST_SIZE else 0


def _entries(value: Any) -> int:
    """How many numbers the arrays of a request hold."""
    if isinstance(value, dict):
        return sum(map(_entries, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_entries, value))
    return value.size if isinstance(value, np.ndarray) else 0


# What the judge says without quoting, by the type of the error that the student's process tells.
UNTOLD = {
    "Timeout": ("The code did not finish in time and was stopped. Is there a loop that never ends?", "time"),
    "TooLarge": ("The result is too large to be looked at.", "shape"),
    "NotImplementedError": ("Not finished yet: NotImplementedError", "unfinished"),
}


def _error_untold(error: Any, request: Mapping[str, Any]) -> StudentError:
    """The sentence for an error reply of a process that has seen reference code: none of its words."""
    kind = error.get("type") if isinstance(error, dict) else None
    if not isinstance(kind, str):
        return nonsense()
    if kind == "Missing":
        return StudentError(_missing(str(request.get("name", "a name"))), "missing_name")
    if kind in UNTOLD:
        return StudentError(*UNTOLD[kind])
    known = kind if kind in KNOWN_ERRORS else ""
    text = f"{known or 'An error'} was raised in your code. The check in the notebook shows where."
    return StudentError(text, "raises", kind=known)


def _missing(name: str) -> str:
    return f"{name} is not defined. Is the cell that defines it complete, and does it run without an error?"


def _student_error(error: Any) -> StudentError:
    """The sentence for an error reply. What comes from the student's process is marked, line by line."""
    if not isinstance(error, dict):
        return nonsense()
    said = {key: value for key, value in error.items() if isinstance(value, str)}
    kind, message = said.get("type", "Error")[:80], said.get("message", "")[:500].strip()
    kind = kind if kind.isidentifier() else "Error"
    said = {key: " ".join(value.split()) for key, value in said.items()}
    where = ""
    if said.get("line"):
        function = said.get("function", "")[:80]
        inside = f" in {function}" if function and not function.startswith("<") else ""
        where = f"{inside}, at the line: {said['line'][:200]}"
    if kind == "Missing":
        return StudentError(_missing(" ".join(message.split())[:80]), "missing_name")
    if kind in ("Timeout", "TooLarge"):
        return StudentError(*UNTOLD[kind])
    if kind == "NotImplementedError":
        return StudentError(f"Not finished yet: NotImplementedError{where}", "unfinished")
    family = "torch" if said.get("module", "").partition(".")[0] in ("torch", "torchvision") else "raises"
    text = _marked(f"{kind}: {message or 'no message'}{where}")
    return StudentError(text, family, " ".join(message.split()), kind)


def _marked(text: str) -> str:
    """Text of the student's process, with a bar in front of each of its lines: it cannot pass for the judge's."""
    return "\n".join(f"| {line}" for line in visible(text).splitlines())


def values(got: Any) -> Sequence[Any]:
    """The parts of a returned tuple or list (a Remote or a plain value). Raises StudentError when it is neither."""
    value = got.value if isinstance(got, Remote) else got
    if not isinstance(value, (list, tuple)):
        what = value.kind if isinstance(value, Handle) else type(value).__name__
        raise StudentError(f"Expected several values returned together, separated by commas, but got {what}.", "type")
    return value
