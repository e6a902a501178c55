# `make bench` measures this machine and `make test` runs every test: both make the environment they
# need first (tools/bootstrap.sh), and neither repeats an installation that is still right.

PYTHON ?= python3
VENV := .venv
BENCH_ARGS ?=
TEST_ARGS ?=
# Processes that the tests are split over, a file at a time.
TEST_JOBS ?= 2

# mypy refuses a folder without Python files, so it is given those that have some.
TYPED := $(patsubst %/,%,$(sort $(dir $(wildcard resnet_bench/*.py benchmarks/*.py tests/*.py tools/*.py))))
IN_VENV = "$(VENV)/bin/python" -m

export PYTHON VENV
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help bench test test-fast lint format environment dev-environment

help:
	@echo 'make bench      measure ResNet-50 here      (BENCH_ARGS="--preset smoke" adds options of bench-cli run)'
	@echo 'make test       run all tests               (TEST_ARGS="-k words" adds options of pytest)'
	@echo 'make test-fast  run the tests without TensorFlow and without processes, in under a minute'
	@echo 'make lint       check format, lint and types'
	@echo 'make format     repair format and lint'
	@echo 'Each makes $(VENV) first if need be; PYTHON=python3.12 chooses its Python.'

bench: environment
	@"$(VENV)/bin/bench-cli" run $(BENCH_ARGS)

test: dev-environment
	@$(IN_VENV) pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

test-fast: dev-environment
	@$(IN_VENV) pytest -n $(TEST_JOBS) --dist worksteal -m "not tensorflow and not process" $(TEST_ARGS)

lint: dev-environment
	$(IN_VENV) ruff format --check .
	$(IN_VENV) ruff check .
	$(IN_VENV) mypy --strict $(TYPED)

format: dev-environment
	$(IN_VENV) ruff format .
	$(IN_VENV) ruff check --fix .

environment:
	@sh tools/bootstrap.sh runtime

dev-environment:
	@sh tools/bootstrap.sh dev
