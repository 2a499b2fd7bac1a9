"""Drive as an ordinary folder in the stand-in's /content, wherever that lies."""

import os
from pathlib import Path


def mount(mountpoint):
    (Path(os.environ["STAND_IN_CONTENT"]) / "drive" / "MyDrive" / "Colab Notebooks").mkdir(parents=True, exist_ok=True)
    print(f"Mounted at {mountpoint}")
