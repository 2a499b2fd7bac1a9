"""A notebook in a tab of JupyterLab: its cells, what stands before them, running them."""

from __future__ import annotations

import json
import time
from pathlib import Path

RUNS = 120  # seconds for all cells of a notebook, with its training, beside other tests
SAVES = 60  # seconds until a saved notebook lies on the disk, beside other tests
# Students have the library only: nothing they run may need the instructor's package.
NO_AUTOGRADER = "import sys\nsys.modules['autograder'] = None\n"


def cell(page, number: int):
    return page.locator(".jp-Notebook .jp-Cell").nth(number)


def prompts(page) -> list[str]:
    """What stands before each code cell: "[ ]:" not run, "[*]:" running, "[3]:" done."""
    return page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").all_inner_texts()


def run(page, what: str = "Run All Cells") -> None:
    """Choose an entry of the menu Run as soon as the kernel is ready, and wait until nothing runs any more."""
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=what, exact=True).click()
    settle(page)


def settle(page) -> None:
    until = time.monotonic() + RUNS
    while True:
        now = prompts(page)
        if any("1" in text for text in now) and not any("*" in text for text in now):
            return
        assert time.monotonic() < until, f"still running after {RUNS} s: {now}"
        page.wait_for_timeout(200)


def save(page, path: Path, typed: dict[int, str]) -> bytes:
    """Save the notebook, wait until each cell has on the disk what was typed into it, and return the file."""
    page.keyboard.press("Control+s")
    until = time.monotonic() + SAVES
    while not holds(saved := path.read_bytes(), typed):
        assert time.monotonic() < until, "what was typed in was not saved"
        page.wait_for_timeout(200)
    return saved


def holds(saved: bytes, typed: dict[int, str]) -> bool:
    """Whether this is a notebook with these sources; Jupyter writes in place, so it may be half of one."""
    try:
        cells = json.loads(saved)["cells"]
    except ValueError:
        return False
    return all("".join(cells[number]["source"]) == source for number, source in typed.items())
