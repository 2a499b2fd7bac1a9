# Two commands:  make demo   a whole course on a made-up class
#                make test   everything that is tested
# Each builds its own .venv on a machine that has Python 3.10 or later and make.

# Students' code is read by this Python, so it is the newest one here that can make an environment.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for minor in 13 12 11 10; do \
	python3.$$minor -c 'import ensurepip, venv' 2>/dev/null && echo python3.$$minor && exit; done; echo python3)
endif
VENV := .venv
BIN := $(VENV)/bin
CORES := $(shell nproc 2>/dev/null || echo 2)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint mutants coverage benchmarks release setup bubblewrap chromium proxy clean

demo: setup
	$(BIN)/python -m autograder demo

test: setup chromium proxy lint
	$(BIN)/python -m pytest -n $(CORES) --dist loadgroup $(PYTEST)

lint: setup
	$(BIN)/ruff check .

release: setup
	$(BIN)/python -m autograder release

# The figures of docs/checks.md: each wrong and right solution on SEEDS sets of random inputs. 20 take about two minutes
# on 2 cores; the published ones, over 1,000, more than an hour.
SEEDS ?= 20
mutants: setup
	$(BIN)/python -m autograder mutants --seeds $(SEEDS) --write docs/checks.md

coverage: setup
	$(BIN)/python -m checks.handouts

# The figures of the README about speed and memory, in about ten minutes on 2 cores.
benchmarks: setup
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/scale.py

setup: $(VENV)/installed bubblewrap

# torch first and pinned: asked for by a range, pip may choose a build with gigabytes of CUDA.
$(VENV)/installed: pyproject.toml autograder/pyproject.toml constraints.txt
	@echo "== making $(VENV); the first time this downloads about 600 MB and takes a few minutes"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed; $(PYTHON) is older. Say: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "== with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); } \
		|| { echo "Python's venv module is missing. Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "== 1 of 3: setuptools and torch"
	@$(BIN)/python -m pip install -q -c constraints.txt setuptools wheel torch
	@echo "== 2 of 3: the student library and the autograder"
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[check,pdf]' -e './autograder[dev]'
	@echo "== 3 of 3: torchvision, without its own choice of torch"
	@$(BIN)/python -m pip install -q -c constraints.txt --no-deps torchvision
	@touch $@

# The sandbox. As root it is installed; anybody else is told how.
bubblewrap:
	@command -v bwrap >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "== installing bubblewrap (the sandbox)"; \
			apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null; \
		else \
			echo "The sandbox needs bubblewrap: sudo apt-get install bubblewrap (Debian, Ubuntu) or dnf install bubblewrap."; \
			exit 1; \
		fi; }

# The browser tests. Without a Chromium they are skipped, and say so.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "== installing chromium (for the browser tests)"; \
			apt-get update -qq && apt-get install -y -qq chromium poppler-utils >/dev/null; \
		else \
			echo "No Chromium found: the browser tests will be skipped."; \
		fi; }

# The test of JupyterHub needs its proxy, a program of Node.js. Without npm the test is skipped, and says so.
proxy: setup
	@test -x $(BIN)/configurable-http-proxy || command -v configurable-http-proxy >/dev/null || { \
		if command -v npm >/dev/null; then \
			echo "== installing configurable-http-proxy (for the test of JupyterHub)"; \
			npm install --silent --global --prefix $(VENV) configurable-http-proxy >/dev/null || \
				echo "npm could not install it: the test of JupyterHub will be skipped."; \
		else \
			echo "No npm found: the test of JupyterHub will be skipped."; \
		fi; }

clean:
	rm -rf $(VENV) build dist *.egg-info autograder/*.egg-info
