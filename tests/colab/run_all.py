"""Run all code cells of a notebook and save it, as a browser does: python run_all.py NOTEBOOK. Runs in the stand-in."""

import os
import sys

import nbformat
from nbclient import NotebookClient

path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": os.getcwd()}})
try:
    client.execute()
finally:
    nbformat.write(notebook, path)
