"""The probe: calls the student's functions and classes on request and returns plain arrays.

It is given requests (dictionaries, see `Probe.answer`) and gives replies. It knows no right
answer and takes no decision. Values that are not plain stay here, in a table, and the judge
names them by `Handle`.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import sys
import traceback
import warnings
from typing import Any

import numpy as np

from .wire import MAX_BYTES, Handle, WireError, encode, is_plain_array

PIGGYBACK = 2**20  # plain results up to this size travel with the reply; larger ones are fetched on demand


class Leaf:
    """An input of a computation graph: a node that holds a value (the protocol of `backprop.nodes`)."""

    def __init__(self, node_name: str, out: Any = None):
        self.node_name = node_name
        self.out = out
        self.d_out = None if out is None else np.zeros(np.shape(out))
        self.runs = 0  # how often forward or backward has run: that is the graph's work, no other node's

    def forward(self):
        self.runs += 1
        self.d_out = np.zeros(np.shape(self.out))
        return self.out

    def backward(self):
        self.runs += 1
        return self.d_out

    def get_predecessors(self):
        return []


class _Missing(Exception):
    """The notebook does not define this name."""

    def __init__(self, name: str):
        self.name = name


class Probe:
    """Answers the judge's requests about one notebook's namespace."""

    def __init__(self, namespace: dict[str, Any]):
        self.namespace = namespace
        self._values: dict[int, Any] = {}
        self._next = 1
        self._shadowed: list[dict[str, Any]] = []
        self._orders: dict[tuple[str, int], int] = {}
        self._given: dict[str, list[Any]] = {}
        self._together: list[Handle | None] = []
        self._linked: bool = False
        self._broken: dict[str, Any] | None = None

    # -- requests -----------------------------------------------------------------------------------------------

    def begin(self, linked: bool) -> None:
        """Requests that came together follow, see `answer_next`; linked: the first error answers all that come after
        it, and they are not run."""
        self._together, self._linked, self._broken = [], linked, None

    def answer_next(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to the next of the requests that came together. Handle(-n) stands for the result of their n-th."""
        reply: dict[str, Any] = {}
        try:
            reply = self._broken or self.answer(request)
        finally:  # an interrupt may come at any time
            self._together.append(reply.get("handle"))
            if self._linked and "handle" not in reply and "value" not in reply:
                self._broken = {"error": reply.get("error") or timeout()}
        return reply

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return {"handle": Handle, "value": plain} or {"error": {...}} for one request."""
        try:
            operation = getattr(self, "do_" + request["op"])
            with _Quiet():
                return operation(request)
        except KeyboardInterrupt:
            return {"error": timeout()}
        except WireError as error:
            return too_large(error)
        except _Missing as missing:
            return {"error": {"type": "Missing", "message": missing.name, **_place(None)}}
        except BaseException as error:  # the student's code may raise anything, SystemExit included
            return {"error": describe_error(error)}

    def do_has(self, request):
        return {"value": request["name"] in self.namespace}

    def do_get(self, request):
        return self._reply(self._named(request["name"]))

    def do_put(self, request):
        return self._reply(self._laid_out([self._load(request["value"])], "")[0], piggyback=False)

    def do_call(self, request):
        function = self._target(request)
        if request.get("method"):
            function = getattr(function, request["method"])
        args = [self._load(value) for value in request.get("args", [])]
        if request.get("watch"):
            args = self._laid_out(args, f"{request.get('name', request.get('target'))}.{request.get('method')}")
        kwargs = {key: self._load(value) for key, value in request.get("kwargs", {}).items()}
        returned = function(*args, **kwargs)
        reply = self._reply(returned)
        if request.get("watch"):
            reply["after"] = [self._plain(value) for value in args]
            parts = returned if isinstance(returned, list | tuple) else [returned]
            pairs = [(n, place) for n in range(len(args)) for place in range(len(parts))]
            reply["handed_back"] = [[n, place] for n, place in pairs if _overlap(parts[place], args[n])]
        return reply

    def do_attr(self, request):
        return self._reply(getattr(self._load(request["target"]), request["name"]))

    def do_set(self, request):
        setattr(self._load(request["target"]), request["name"], self._load(request["value"]))
        return {"value": None}

    def do_item(self, request):
        return self._reply(self._load(request["target"])[request["key"]])

    def do_fetch(self, request):
        return {"value": self._plain(self._load(request["target"]))}

    def do_load(self, request):
        """Run the judge's source text in a namespace of its own; return the names it defines."""
        scope: dict[str, Any] = {"__name__": "reference", "Leaf": Leaf}
        exec(compile(request["source"], "<reference>", "exec"), scope)
        return {"value": {name: self._keep(scope[name]) for name in request["names"]}}

    def do_shadow(self, request):
        """Put other values under the given names of the notebook until `unshadow`."""
        missing = object()
        before = {name: self.namespace.get(name, missing) for name in request["names"]}
        self._shadowed.append({name: value for name, value in before.items() if value is not missing})
        self._shadowed[-1]["\0absent"] = [name for name, value in before.items() if value is missing]
        self.namespace.update({name: self._load(value) for name, value in request["names"].items()})
        return {"value": None}

    def do_unshadow(self, request):
        before = self._shadowed.pop()
        for name in before.pop("\0absent"):
            self.namespace.pop(name, None)
        self.namespace.update(before)
        return {"value": None}

    def do_node(self, request):
        """Run instances of a node step by step; see `autograder.judging.nodes.run_steps`."""
        node_class = self._target(request)
        nodes = [
            _Instance(self, node_class, inputs, request["node_name"], "CF"[number % 2])
            for number, inputs in enumerate(request["instances"])
        ]
        # Each instance is there before the first step, so that what they share shows.
        return {"value": [nodes[number].answer(action, how) for number, action, how in request["steps"]]}

    # -- values -------------------------------------------------------------------------------------------------

    def _named(self, name: str) -> Any:
        if name not in self.namespace:
            raise _Missing(name)
        return self.namespace[name]

    def _target(self, request: dict[str, Any]) -> Any:
        """What a request is about: a value that an earlier reply told the handle of, or a name of the notebook."""
        return self._named(request["name"]) if "name" in request else self._load(request["target"])

    def _load(self, value: Any) -> Any:
        """The value of a request, with handles replaced by what they stand for and arrays writable."""
        if isinstance(value, Handle):
            number = value.number if value.number > 0 else self._together[-value.number - 1].number
            return self._values[number]
        if isinstance(value, list):
            return [self._load(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self._load(item) for item in value)
        if isinstance(value, dict):
            return {key: self._load(item) for key, item in value.items()}
        return value

    def _laid_out(self, values: list[Any], function: str) -> list[Any]:
        """Values as a notebook may have them as well: equal arrays are one array, also where the function got it the
        last time, and for every second set of values that a function gets a matrix of floats lies in memory column by
        column. What a function returns must not depend on either: what it keeps is not known by the array that it came
        with. The same values lie the same way each time: an answer that is looked at twice stays one."""
        arrays = [value for value in values if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim]
        known = (function, hash(tuple(value.tobytes() for value in arrays)))
        by_column = self._orders.setdefault(known, (len(self._orders) + 1) % 2)
        found: list[Any] = []
        for value in values:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim:
                if by_column and value.ndim > 1:
                    value = np.asfortranarray(value)
                same = [other for other in (*found, *self._given.get(function, ())) if _equal(value, other)]
                value = same[0] if same else value
            found.append(value)
        self._given[function] = found
        return found

    def _keep(self, value: Any) -> Handle:
        handle = Handle(self._next, describe(value))
        self._values[self._next] = value
        self._next += 1
        return handle

    def _reply(self, value: Any, piggyback: bool = True) -> dict[str, Any]:
        reply: dict[str, Any] = {"handle": self._keep(value)}
        if piggyback and _size(value) <= PIGGYBACK:
            reply["value"] = self._plain(value)
        return reply

    def _plain(self, value: Any, depth: int = 0) -> Any:
        """The value itself where it is plain; a Handle for each part that is not."""
        if value is None or isinstance(value, (bool, int, float, complex, str)):
            return _base(value)
        if is_plain_array(value):
            return np.array(value) if isinstance(value, np.ndarray) else value
        if depth < 8 and type(value) in (list, tuple) and len(value) <= 10_000:
            return type(value)(self._plain(item, depth + 1) for item in value)
        if depth < 8 and type(value) is dict and len(value) <= 10_000 and all(type(key) in (str, int) for key in value):
            return {key: self._plain(item, depth + 1) for key, item in value.items()}
        return self._keep(value)


class _Instance:
    """A node of the student's on leaves of ours. What one step raises is the answer to this step alone."""

    def __init__(self, probe: Probe, node_class: Any, inputs: list, node_name: str, order: str):
        """inputs : [name, value, kind] in the order of the arguments; kind is "leaf", "plain", or an earlier name
        order  : of the numbers of a matrix in memory, "C" or "F": what a node computes must not depend on it
        """
        self.probe = probe
        self.leaves: dict[str, Leaf] = {}
        self.error: dict[str, Any] | None = None
        self.node: Any = None
        args = []
        for name, value, kind in inputs:
            if kind == "plain":
                args.append(probe._load(value))
                continue
            # A copy: what is written into it in place is this instance's alone.
            if kind == "leaf":
                self.leaves[name] = Leaf(name, np.array(probe._load(value), order=order))
            else:
                self.leaves[name] = self.leaves[kind]
            args.append(self.leaves[name])
        with self._noting_errors():
            self.node = node_class(*args, node_name)

    @contextlib.contextmanager
    def _noting_errors(self):
        self.error = None
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = describe_error(error)

    def answer(self, action: str, how: dict[str, Any]) -> dict[str, Any]:
        if self.node is None or (self.error and action != "forward"):
            return {"error": self.error}  # nothing to run, or no forward pass to go back through
        found: dict[str, Any] = {}
        before = self.error
        with self._noting_errors():
            {"forward": self._forward, "backward": self._backward, "feed": self._feed, "look": self._look}[action](
                found, how
            )
        if self.error:
            found["error"] = self.error
        if action != "forward":
            self.error = before
        return found

    def _forward(self, found: dict[str, Any], how: dict[str, Any]) -> None:
        plain = self.probe._plain
        for name, value in how.get("values", {}).items():
            if how.get("in_place"):
                self.leaves[name].out[...] = self.probe._load(value)
            else:
                self.leaves[name].out = self.probe._load(value)
        for leaf in self.leaves.values():
            leaf.forward()
        for name, gradient in how.get("before", {}).items():
            self.leaves[name].d_out = self.leaves[name].d_out + self.probe._load(gradient)
        if "left_over" in how:
            self.node.d_out = np.array(self.probe._load(how["left_over"]))
        runs = self._runs()
        found["returned"] = plain(self.node.forward())
        found["out"] = plain(self.node.out)
        found["inputs_after"] = {name: plain(leaf.out) for name, leaf in self.leaves.items()}
        found["d_out"] = plain(self.node.d_out)
        found["grads_kept"] = {name: plain(leaf.d_out) for name, leaf in self.leaves.items()}
        found["inputs_run"] = self._runs() - runs

    def _look(self, found: dict[str, Any], how: dict[str, Any]) -> None:
        found["out"] = self.probe._plain(self.node.out)

    def _feed(self, found: dict[str, Any], how: dict[str, Any]) -> None:
        upstream, d_out = np.array(self.probe._load(how["upstream"])), self.node.d_out
        if isinstance(d_out, np.ndarray) and d_out.shape == upstream.shape:
            d_out[...] = upstream  # in place, as the += of a node that follows: an array that others have shows there
        else:
            self.node.d_out = upstream

    def _backward(self, found: dict[str, Any], how: dict[str, Any]) -> None:
        plain = self.probe._plain
        for name, gradient in how.get("before", {}).items():
            self.leaves[name].d_out = self.leaves[name].d_out + self.probe._load(gradient)
        if "replace_out" in how:
            self.node.out = self.probe._load(how["replace_out"])
        if "upstream" in how:
            self._feed(found, how)
        runs = self._runs()
        self.node.backward()
        found["inputs_run_back"] = self._runs() - runs
        found["one_array"] = self._one_array()
        found["grads"] = {name: plain(leaf.d_out) for name, leaf in self.leaves.items()}
        found["upstream_after"] = plain(self.node.d_out)
        found["out_after"] = plain(self.node.out)
        found["inputs_after"] = {name: plain(leaf.out) for name, leaf in self.leaves.items()}
        predecessors = self.node.get_predecessors()
        found["predecessors"] = [name for name, leaf in self.leaves.items() if any(p is leaf for p in predecessors)]

    def _runs(self) -> int:
        return sum(leaf.runs for leaf in self._different())

    def _one_array(self) -> list[str]:
        """Names of the inputs whose d_out is (part of) another array as well: the node's d_out or out, or another
        input's d_out. What is added to one of them later shows in the other."""
        leaves = self._different()
        found = []
        for leaf in leaves:
            others = [self.node.d_out, self.node.out, *(other.d_out for other in leaves if other is not leaf)]
            if any(_overlap(leaf.d_out, other) for other in others):
                found.append(leaf.node_name)
        return found

    def _different(self) -> list[Leaf]:
        return list({id(leaf): leaf for leaf in self.leaves.values()}.values())


def _equal(one: np.ndarray, other: Any) -> bool:
    alike = isinstance(other, np.ndarray) and other.dtype == one.dtype and other.shape == one.shape
    return alike and one.tobytes() == other.tobytes()  # 0.0 and -0.0 are two numbers


def _overlap(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.may_share_memory(one, other)


def _base(value: Any) -> Any:
    """The value as an instance of the built-in class, whatever subclass it came in."""
    for kind in (bool, int, float, complex, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _size(value: Any) -> int:
    if is_plain_array(value):
        return value.nbytes
    if type(value) in (list, tuple):
        return sum(_size(item) for item in value[:1000]) if len(value) <= 1000 else MAX_BYTES
    if type(value) is dict:
        return sum(_size(item) for item in value.values()) if len(value) <= 1000 else MAX_BYTES
    return 0


def describe(value: Any) -> str:
    """Say what a value is in a few words, for example "a torch.Tensor" or "a generator"."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        return f"a numpy array of {value.dtype}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if kind.__name__ in ("function", "method", "builtin_function_or_method"):
        return f"the function {getattr(value, '__name__', '')}"
    if kind.__module__.partition(".")[0] == "torch":
        return f"a torch.{kind.__name__}"
    name = kind.__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


# -- errors ---------------------------------------------------------------------------------------------------------


def describe_error(error: BaseException) -> dict[str, Any]:
    """The error's type and message, and the line of the student's own code where it came up."""
    try:
        message = str(error)
    except BaseException:
        message = "(its message cannot be printed)"
    told = {"type": type(error).__name__, "message": message[:500], **_place(error)}
    if isinstance(error, ImportError) and isinstance(error.name, str):
        told["module"] = error.name[:80]
    return told


def _place(error: BaseException | None) -> dict[str, Any]:
    for frame in reversed(traceback.extract_tb(error.__traceback__) if error is not None else []):
        if is_student_file(frame.filename):
            line = frame.line or linecache.getline(frame.filename, frame.lineno or 0)
            return {"function": frame.name, "line": line.strip()[:200]}
    return {"function": None, "line": None}


def is_student_file(filename: str) -> bool:
    """True for code typed in a notebook cell, in this sandbox or in an ordinary kernel."""
    return filename.startswith(("<cell", "<ipython-input", "<notebook")) or "ipykernel_" in filename


class _Sink(io.TextIOBase):
    """Swallows what student code prints while the judge calls it, however much that is."""

    def writable(self):
        return True

    def write(self, text):
        return len(text)


class _Quiet:
    """While it is open, nothing is printed and no warning is shown or raised, whatever filters the notebook has set.

    A request takes microseconds: contextlib and warnings.catch_warnings would be a tenth of it.
    """

    def __enter__(self):
        self._before = sys.stdout, sys.stderr, warnings.filters
        sys.stdout, sys.stderr = _Sink(), _Sink()
        warnings.filters = [("ignore", None, Warning, None, 0)]

    def __exit__(self, *error):
        sys.stdout, sys.stderr, warnings.filters = self._before


def encode_reply(reply: dict[str, Any]) -> bytes:
    """The reply's message; a short error message instead when the reply is too large to travel."""
    try:
        return encode(reply)
    except (WireError, TypeError, ValueError) as error:
        return encode(too_large(error))


def timeout() -> dict[str, Any]:
    """The error of a request that was interrupted."""
    return {"type": "Timeout", "message": "", **_place(None)}


def too_large(error: Exception) -> dict[str, Any]:
    """The reply in place of one that cannot travel."""
    return {"error": {"type": "TooLarge", "message": str(error), **_place(None)}}
