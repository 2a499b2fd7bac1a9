"""Brings a course's checks to every worker of a Dask cluster, also to one that joins later: no shared file system."""

from __future__ import annotations

import tempfile
from pathlib import Path

from distributed import WorkerPlugin

from ..judging.load import files_of, package_of


class BringChecks(WorkerPlugin):
    name = "checks"

    def __init__(self, folder: Path):
        self.files = files_of(folder)

    def setup(self, worker: object) -> None:
        """Write the files where this process can import them from; they stay until it ends."""
        self.folder = tempfile.TemporaryDirectory(prefix="checks-")
        for name, content in self.files.items():
            path = Path(self.folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        package_of(Path(self.folder.name))

    def teardown(self, worker: object) -> None:
        self.folder.cleanup()
