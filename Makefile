# `make demo` installs and runs the main job, `make test` installs and runs the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test test-slow test-explore check format bench bench-quality bench-speed bench-lexical bench-base-rate bench-relations bench-redaction bench-service clean

demo: $(INSTALLED)
	$(BIN)/ticketkin demo --out runs/demo
	@echo "(in a shell without its environment: $(BIN)/ticketkin serve --demo)"

test: $(INSTALLED)
	$(BIN)/pytest

test-slow: $(INSTALLED)
	$(BIN)/pytest -m slow

test-explore: $(INSTALLED)
	$(BIN)/pytest --hypothesis-profile=explore

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --collect-only -qq -n 0 >/dev/null

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench-lexical bench-base-rate bench-quality bench-speed bench-relations bench-redaction

bench-quality: $(INSTALLED)
	$(BIN)/python benchmarks/quality.py

bench-speed: $(INSTALLED)
	$(BIN)/python benchmarks/speed.py

bench-lexical: $(INSTALLED)
	$(BIN)/python benchmarks/lexical.py

bench-base-rate: $(INSTALLED)
	$(BIN)/python benchmarks/base_rate.py

bench-relations: $(INSTALLED)
	$(BIN)/python benchmarks/relations.py duraspace

bench-service: $(INSTALLED)
	$(BIN)/python benchmarks/service.py runs/demo/bundle --tickets 2000 --mixed-seconds 60

bench-redaction: $(INSTALLED)
	$(BIN)/python benchmarks/redaction.py

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"Ticketkin needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Name another: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[lora,names,offline,onnx,service,tune,dev]'
	@touch $(INSTALLED)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
