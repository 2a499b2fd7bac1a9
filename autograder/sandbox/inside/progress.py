"""Progress bars of tqdm as text: its bars for notebooks need a browser at the other end."""

from __future__ import annotations

import contextlib


def bars_as_text() -> None:
    """Let `tqdm.notebook`, `tqdm.auto` and `tqdm.autonotebook` draw what plain `tqdm` draws, nowhere but here."""
    with contextlib.suppress(ImportError):
        import warnings

        import tqdm

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tqdm.auto
            import tqdm.autonotebook
            import tqdm.notebook
        for module in (tqdm.notebook, tqdm.auto, tqdm.autonotebook):
            module.tqdm, module.trange = tqdm.tqdm, tqdm.trange
        tqdm.tqdm_notebook, tqdm.tnrange = tqdm.tqdm, tqdm.trange
        tqdm.notebook.tqdm_notebook, tqdm.notebook.tnrange = tqdm.tqdm, tqdm.trange
        tqdm.tqdm.monitor_interval = 0  # no thread that watches over bars
