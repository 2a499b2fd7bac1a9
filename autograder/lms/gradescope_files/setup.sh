#!/usr/bin/env bash
# Runs once, when Gradescope builds the image: the sandbox, and this project in an environment of its own.
set -euo pipefail
apt-get update -qq
apt-get install -y -qq python3 python3-venv python3-pip bubblewrap
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
    || { echo "Python 3.10 or later is needed: choose a newer base image in Gradescope."; exit 1; }
python3 -m venv /autograder/venv
cd /autograder/source/project
/autograder/venv/bin/pip install -q -c constraints.txt setuptools wheel torch
/autograder/venv/bin/pip install -q -c constraints.txt '.[check,pdf]' ./autograder
/autograder/venv/bin/pip install -q -c constraints.txt --no-deps torchvision
