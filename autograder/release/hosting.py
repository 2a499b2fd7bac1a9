"""Where the students' repository is hosted, and how its notebooks lead there: what they install, where links go."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote

from nbformat import NotebookNode

from ..errors import WrongUsage

_GITHUB = re.compile(r"(?:(?:https://)?github\.com/)?(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?\Z", re.ASCII)
# What a setup cell installs, with its extras: in quotes of its own, or bare.
_REQUIREMENT = re.compile(
    r"(?P<quote>[\"'])backprop-course(?P<extras>\[[\w,-]+\])?(?P=quote)"
    r"|(?<![\w./-])backprop-course(?P<bare_extras>\[[\w,-]+\])?(?![\w./-])"
)
# [words](target) or ![words](target) of Markdown; words may hold pairs of brackets. Code and formulas are passed over.
_LINK = re.compile(
    r"(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)|\$\$.*?\$\$|\$[^$]+\$"
    r"|(?P<picture>!?)\[(?P<words>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL,
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|attachment:", re.IGNORECASE)


@dataclass(frozen=True)
class Hosting:
    """Where on GitHub the students' repository will be."""

    owner: str
    name: str
    branch: str

    @classmethod
    def parse(cls, base_url: str, branch: str = "main") -> Hosting:
        """Read `https://github.com/OWNER/REPO` or `OWNER/REPO`. Raises CourseError for anything else."""
        match = _GITHUB.match(base_url.strip())
        if not match:
            raise WrongUsage(
                f"{base_url!r} is not a GitHub repository, and Colab opens nothing else. Write https://github.com/OWNER/REPO."
            )
        return cls(match["owner"], match["name"], branch)

    def colab(self, path: str) -> str:
        return f"https://colab.research.google.com/github/{self._place('blob/', path)}"

    def page(self, path: str) -> str:
        return f"https://github.com/{self._place('blob/', path)}"

    def raw(self, path: str) -> str:
        return f"https://raw.githubusercontent.com/{self._place('', path)}"

    def _place(self, view: str, path: str) -> str:
        return f"{self.owner}/{self.name}/{view}{quote(self.branch)}/{quote(path)}"

    def badge(self, path: str) -> str:
        return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({self.colab(path)})"


def point_setup_cells(nb: NotebookNode, name: str, wheel: str, hosting: Hosting | None) -> int:
    """Let the setup cells of the notebook `name` install the published wheel; returns how often they do.

    With a host pip gets the wheel's address as `backprop-course[extras] @ address` (an address followed by extras means
    another file); without one, the path of the wheel in the published folder.
    """
    beside = "../" * name.count("/") + wheel

    def requirement(match: re.Match[str]) -> str:
        mark, extras = match["quote"] or "", match["extras"] or match["bare_extras"] or ""
        if hosting is None:
            return f"{mark}{beside}{extras}{mark}"
        at = " @ " if mark else "@"
        return f"{mark}backprop-course{extras}{at}{hosting.raw(wheel)}{mark}"

    replaced = 0
    for cell in nb.cells:
        if "setup" in cell.metadata.get("tags", []):
            cell.source, count = _REQUIREMENT.subn(requirement, cell.source)
            replaced += count
    return replaced


def point_links(nb: NotebookNode, name: str, published: Collection[str], hosting: Hosting | None) -> None:
    """Let the links of the notebook `name` to other files of the repository work where students read it.

    In Colab a notebook lies alone: links become addresses, of notebooks in Colab, of pictures and of GitHub's pages of
    other files. A link to what is not published keeps its words only. Cells that nbgrader knows are left as they are.
    """

    def link(match: re.Match[str]) -> str:
        if match["target"] is None or _ELSEWHERE.match(match["target"]):
            return match[0]
        target, hash_mark, place = match["target"].partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(target)))
        if path not in published:
            return match[0] if match["picture"] else match["words"]
        if hosting is None:
            return match[0]
        if match["picture"]:
            address = hosting.raw(path)
        else:
            address = hosting.colab(path) if path.endswith(".ipynb") else hosting.page(path)
        return f"{match['picture']}[{match['words']}]({address}{hash_mark}{place})"

    for cell in nb.cells:
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata:
            cell.source = _LINK.sub(link, cell.source)
