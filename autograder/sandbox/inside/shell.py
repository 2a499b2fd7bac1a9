"""Runs notebook cells in an IPython shell without sockets and collects their outputs.

The outputs have nbformat's form. They are limited in size here so that an honest notebook which
prints in a loop stays readable; the judge limits them again because this process may lie.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import linecache
import os
import re
import sys
import traceback
from typing import Any

MAX_STREAM = 100_000  # characters of one cell's printed text that are kept
MAX_OUTPUTS = 200
CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*(?=\n)")
# Cell magics below which stands no Python, or Python that is not run here.
NOT_PYTHON = frozenset(
    ("writefile", "file", "html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG", "bash", "sh", "script")
    + ("perl", "ruby", "python", "python2", "python3", "pypy", "cmd", "system", "sx", "R", "sql", "bigquery", "cython")
    + ("shell", "cpp", "cu", "julia")
)
TORCH_REFUSAL = "torch is not available in this section: the exercise is to compute the gradients yourself with numpy"


class Outputs:
    """The outputs of the running cell."""

    def __init__(self) -> None:
        self.list: list[dict[str, Any]] = []
        self.printed = 0

    def clear(self) -> None:
        self.list, self.printed = [], 0

    def add(self, output: dict[str, Any]) -> None:
        if len(self.list) < MAX_OUTPUTS:
            self.list.append(output)

    def print(self, stream: str, text: str) -> None:
        room = MAX_STREAM - self.printed
        self.printed += len(text)
        if room <= 0:
            return
        text = text[:room] + ("\n[more output was cut off]\n" if len(text) > room else "")
        if self.list and self.list[-1].get("name") == stream:
            self.list[-1]["text"].append(text)
        else:
            self.add({"output_type": "stream", "name": stream, "text": [text]})

    def take(self) -> list[dict[str, Any]]:
        """The outputs so far, with the pieces of each stream joined."""
        for output in self.list:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        taken = self.list
        self.clear()
        return taken


class _Stream(io.TextIOBase):
    def __init__(self, outputs: Outputs, name: str):
        self.outputs, self.stream_name = outputs, name

    encoding = "utf-8"

    def writable(self):
        return True

    def isatty(self):
        return False

    def write(self, text):
        self.outputs.print(self.stream_name, str(text))
        return len(text)


class NoTorch:
    """An import hook that refuses torch with the handout's reason."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "tensorflow", "jax", "autograd"):
            raise ModuleNotFoundError(TORCH_REFUSAL.replace("torch", name.partition(".")[0], 1), name=name)


def _wake_loops_by_pipes() -> None:
    """Let asyncio, and with it `await` in a cell, work without sockets: its loops wake themselves by a pipe instead."""
    Loop = asyncio.selector_events.BaseSelectorEventLoop

    def make(loop: Any) -> None:
        loop._ssock, loop._csock = os.pipe()
        os.set_blocking(loop._ssock, False)
        os.set_blocking(loop._csock, False)
        loop._internal_fds += 1
        loop._add_reader(loop._ssock, read, loop)

    def read(loop: Any) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(loop._ssock, 4096)

    def write(loop: Any) -> None:
        with contextlib.suppress(OSError, TypeError):  # full: it will wake anyway; closed
            os.write(loop._csock, b"\0")

    def close(loop: Any) -> None:
        loop._remove_reader(loop._ssock)
        os.close(loop._ssock)
        os.close(loop._csock)
        loop._ssock = loop._csock = None
        loop._internal_fds -= 1

    Loop._make_self_pipe, Loop._write_to_self, Loop._close_self_pipe = make, write, close


class Shell:
    """One IPython shell, made before the fork."""

    def __init__(self) -> None:
        from IPython.core.displayhook import DisplayHook
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        outputs = self.outputs = Outputs()

        class Publisher(DisplayPublisher):
            def publish(self, data, metadata=None, *, transient=None, update=False, **kwargs):
                outputs.add({"output_type": "display_data", "data": _texts(data), "metadata": {}})

            def clear_output(self, wait=False):
                outputs.clear()

        class Hook(DisplayHook):
            def write_output_prompt(self):
                pass

            def write_format_data(self, format_dict, md_dict=None):
                outputs.add({"output_type": "execute_result", "data": _texts(format_dict), "metadata": {}})

            def finish_displayhook(self):
                pass

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor" if _old_colors() else "nocolor"
        config.InteractiveShell.xmode = "Plain"
        self.ip = InteractiveShell.instance(
            config=config, display_pub_class=Publisher, displayhook_class=Hook, user_module=None
        )
        self.ip.system = self._no_system
        self.ip.getoutput = self._no_system
        _wake_loops_by_pipes()
        for name in (
            "matplotlib",
            "pip",
            "conda",
            "load_ext",
            "reload_ext",
            "autoreload",
            "aimport",
            "tensorflow_version",
        ):
            self.ip.register_magic_function(lambda *args, **kwargs: None, "line", name)
        self.own_folder = os.getcwd()

    def _no_system(self, command: str, *args: Any, **kwargs: Any) -> None:
        self.outputs.print("stdout", f"[not run while grading: !{command}]\n")

    def use_own_modules(self) -> None:
        """Make modules in the working folder importable, behind all others: none can stand in for a library."""
        self.own_folder = os.getcwd()
        sys.path.append(self.own_folder)

    def use_figures(self) -> None:
        """Make matplotlib show its figures through this shell."""
        import matplotlib

        from . import figures

        matplotlib.use("module://inside.figures")
        figures.emit = self.outputs.add

    @property
    def namespace(self) -> dict[str, Any]:
        return self.ip.user_ns

    def run_cell(self, source: str, number: int) -> dict[str, Any]:
        """Run one cell; return {"outputs": nbformat outputs, "ok": whether nothing was raised}."""
        self.outputs.clear()
        for path, finder in list(sys.path_importer_cache.items()):
            if path.startswith(self.own_folder) and finder is not None:
                finder.invalidate_caches()  # the cell before may have written a module
        filename = f"<cell {number}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        self.ip.compile.get_code_name = lambda *args, **kwargs: filename
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self.outputs, "stdout"), _Stream(self.outputs, "stderr")
        self.ip.showtraceback = self._show_error
        self.ip.showsyntaxerror = self._show_error
        try:
            source = _without_timing(source)
            result = self.ip.run_cell(source, store_history=False, silent=False)
            ok = bool(result.success)
            if isinstance(result.error_in_exec, (Exception, SystemExit)):
                self._run_the_rest(source, filename, result.error_in_exec)
            self._flush_figures()
        except KeyboardInterrupt:
            ok = False
            self._add_error("KeyboardInterrupt", "The cell took too long and was stopped.", [])
        except BaseException as error:  # run_cell lets SystemExit and the like through
            ok = False
            self._add_error(type(error).__name__, str(error)[:2000], [])
        finally:
            sys.stdout, sys.stderr = stdout, stderr
        return {"outputs": self.outputs.take(), "ok": ok}

    def _run_the_rest(self, source: str, filename: str, error: Exception) -> None:
        """Run what stands below the line at which a cell stopped, statement by statement.

        A first line that works on the student's machine only, or a `raise` left over above the answer, does not take
        the answer along. What fails down there as well is left out.
        """
        stopped = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
        try:
            body = ast.parse(self.ip.transform_cell(source)).body if stopped else []
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        at = (stopped[0].lineno or 0, getattr(stopped[0], "colno", None) or 0) if stopped else (0, 0)
        awaits = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        for statement in _rest(body, at):
            with contextlib.suppress(Exception, SystemExit):
                code = compile(ast.Module([statement], []), filename, "exec", flags=awaits)
                waiting = eval(code, self.namespace)
                if inspect.iscoroutine(waiting):
                    asyncio.run(waiting)

    def _flush_figures(self) -> None:
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        if helpers and helpers.Gcf.get_num_fig_managers():
            from . import figures

            figures.show()

    def _show_error(self, *args: Any, **kwargs: Any) -> None:
        kind, error, trace = sys.exc_info()
        if kind is None:
            return
        lines = [
            f"{frame.name}, line {frame.lineno}: {(frame.line or '').strip()}"
            for frame in traceback.extract_tb(trace)
            if frame.filename.startswith("<cell")
        ]
        if isinstance(error, SyntaxError):
            lines = [f"line {error.lineno}: {(error.text or '').strip()}"]
        self._add_error(kind.__name__, str(error)[:2000], lines[-10:])

    def _add_error(self, name: str, text: str, lines: list[str]) -> None:
        self.outputs.add(
            {"output_type": "error", "ename": name, "evalue": text, "traceback": [*lines, f"{name}: {text}"]}
        )


def _without_timing(source: str) -> str:
    """The cell without a first line such as %%time or %%capture: what stands below it is Python all the same."""
    magic = CELL_MAGIC.match(source)
    if magic is None or magic[1] in NOT_PYTHON:
        return source
    return source[: magic.start(1) - 2] + "# " + source[magic.start(1) - 2 :]


def _rest(body: list[ast.stmt], at: tuple[int, int]) -> list[ast.stmt]:
    """What stands behind the statement at a line and column: in its block, then in the blocks around it."""
    begun = [one for one in body if (one.lineno, one.col_offset) <= at]
    inner: list[ast.stmt] = []
    if begun and isinstance(begun[-1], (ast.If, ast.Try, ast.With)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(begun[-1], name, [])
            if block and block[0].lineno <= at[0] <= (block[-1].end_lineno or 0):
                inner = _rest(block, at)
    return inner + body[len(begun) :]


def _old_colors() -> bool:
    import IPython

    return IPython.version_info[0] < 9


def _texts(data: dict[str, Any]) -> dict[str, str]:
    """A mime bundle as text; images as base64."""
    import base64

    bundle = {}
    for mime, value in data.items():
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(value, str):
            bundle[str(mime)] = value if mime.startswith("image/") else value[:MAX_STREAM]
    return bundle
