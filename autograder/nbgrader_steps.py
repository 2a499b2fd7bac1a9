"""nbgrader's own release steps, run without its command: no start-up time, no database."""

from __future__ import annotations

import logging

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from traitlets.config import Config
from traitlets.utils.importstring import import_item

LOG = logging.getLogger("autograder.release")


def _steps(config: Config | None) -> list:
    configured = (config or {}).get("GenerateAssignment", {}).get("preprocessors")
    return list(configured or GenerateAssignment.class_traits()["preprocessors"].default())


def _step_name(step: object) -> str:
    return step.rsplit(".", 1)[-1] if isinstance(step, str) else step.__name__


def _names(section: str, name: str) -> dict[str, str]:
    return {"student": ".", "assignment": section, "notebook": name, "db_url": ""}


def _run(nb: NotebookNode, steps: list, resources: dict, config: Config | None) -> NotebookNode:
    """The notebook after the steps, one after the other, changed in place: for what is looked at and not written."""
    for step in steps:
        make = import_item(step) if isinstance(step, str) else step
        nb, resources = make(config=Config(config or {}), log=LOG)(nb, resources)
    return nb


def _convert(nb: NotebookNode, steps: list, resources: dict, config: Config | None) -> NotebookNode:
    settings = Config(config or {})
    settings.Exporter.default_preprocessors = []
    exporter = NotebookExporter(config=settings)
    # Faults are reported by find_leaks, with their place; nbgrader's log would say it twice.
    exporter.log = LOG
    for step in steps:
        exporter.register_preprocessor(step)
    text, _ = exporter.from_notebook_node(nb, resources=resources)
    return nbformat.reads(text, as_version=4)
