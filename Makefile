# The two commands: `make demo` and `make test`. A fresh Debian needs python3, python3-venv and make.
SPEED ?= 1
PORT ?= 8480
VENV := .venv
PY := $(VENV)/bin/python
.PHONY: demo test check bench console clean

demo: $(VENV)/.installed console
	@$(PY) -m campushub demo --speed $(SPEED) --port $(PORT)

test: $(VENV)/.installed console
	$(PY) -m pytest

check: $(VENV)/.installed console
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) hatch_build.py check

bench: $(VENV)/.installed console
	@for name in ingest modbus door screen outage; do $(PY) -m campushub bench $$name --json || exit 1; done

console: $(VENV)/.installed
	@$(PY) hatch_build.py

$(VENV)/.installed: requirements/dev.txt requirements/uv.txt
	@echo "Installing into $(VENV) ..."
	@python3 -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(VENV)/bin/uv pip install -q --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf var build dashboards/console/dist dashboards/console/node_modules
