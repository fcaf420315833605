# From a bare machine with Python 3.11 or later: `make demo` or `make test`.
#
#   PYTHON=python3.12      the Python to build .venv with
#   TORCH_BACKEND=cpu      passed to uv: a torch without CUDA (much smaller download)
#   ARGS="..."             passed to napari-all demo or to pytest

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
endif
VENV := .venv
PY := $(VENV)/bin/python
UV_INSTALL := $(VENV)/bin/uv pip install --python $(PY) $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint wheel wheelhouse clean system

help:
	@echo 'make demo        install, then open napari with a segmented and classified smear (without a display: files)'
	@echo 'make test        install, then run the tests'
	@echo 'make lint        style, types, import rules and manifest'
	@echo 'make wheel       build dist/*.whl and check what is in it'
	@echo 'make wheelhouse  collect every wheel for a machine without internet'
	@echo 'make clean       remove what these commands made'

demo: system $(VENV)/.installed-all
	$(VENV)/bin/napari-all demo $(ARGS)

test: system $(VENV)/.installed-test
	$(PY) -m pytest $(ARGS)

lint: $(VENV)/.installed-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/npe2 validate --imports napari-all

wheel: $(VENV)/.installed-test
	rm -rf dist
	$(PY) -m build --wheel
	$(PY) scripts/check_wheel.py dist/*.whl

wheelhouse: $(PY)
	$(PY) -m pip wheel --wheel-dir wheelhouse '.[all]' $(ARGS)
	@echo 'Carry the folder wheelhouse to a machine of the same kind (system, Python version) and run there:'
	@echo '    python -m pip install --no-index --find-links wheelhouse "napari-all[all]"'

clean:
	rm -rf $(VENV) dist build wheelhouse .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

system:
	@$(if $(PYTHON),,echo 'Python 3.11 or later is needed; install it, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; $(PYTHON) is older")'
	@$(PYTHON) scripts/system_packages.py

$(PY): | system
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --quiet uv || echo 'uv cannot be had; pip does its work, slower'

$(VENV)/.installed-%: pyproject.toml | $(PY)
	if [ -x $(VENV)/bin/uv ]; then $(UV_INSTALL) -e '.[$*]'; else $(PY) -m pip install -e '.[$*]'; fi
	touch $@
