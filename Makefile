# Everything a user does most. `make` lists it; `make experiments PROFILE=smoke` is a first try.

PROFILE ?= quick
PYTHON ?= python3
BIN := .venv/bin
STUDY := $(BIN)/cnn-study
UV := $(shell command -v uv 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help experiments figures report readme notebooks verify docs ui data test test-all lint audit dist bench lock constraints clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo "Options: PROFILE=smoke|quick|full (now $(PROFILE)), JOBS=N, ENGINE=ray, ADDRESS=auto|HOST:PORT|ray://HOST, GPUS_PER_RUN=0.25, CONFIRM=1, EXPERIMENTS='name name'"

experiments: .venv/$(if $(filter ray,$(ENGINE)),ray,installed) ## Train what is not stored yet; verdicts, figures, MLflow runs
	$(STUDY) run $(EXPERIMENTS) --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(ADDRESS),--address $(ADDRESS)) $(if $(GPUS_PER_RUN),--gpus-per-run $(GPUS_PER_RUN)) $(if $(CONFIRM),--confirm) --stand-in digits

figures: .venv/installed ## Draw the figures again from stored results, without training
	$(STUDY) figures $(EXPERIMENTS) --profile $(PROFILE)

report: .venv/installed ## Write the HTML page with claims, verdicts and figures
	$(STUDY) report $(EXPERIMENTS) --profile $(PROFILE)

readme: .venv/installed ## Put the tables of the reference results into README and documentation, and write their data card
	$(STUDY) claims --results results --into README.md
	$(STUDY) claims --results results --into docs/reference/results.md
	$(STUDY) claims --results results --profile full --into docs/reference/results.md
	$(BIN)/python -m cnn_study.croissant

notebooks: .venv/dev ## Make the notebooks in examples anew from their scripts
	$(BIN)/python .ci/notebooks.py

docs: .venv/docs ## Build the documentation into build/docs; a warning is an error
	$(BIN)/python -m sphinx -q -E -n -W --keep-going -b html -d build/doctrees docs build/docs
	@echo "documentation: build/docs/index.html"

verify: .venv/installed ## Train a sample of the stored runs again and compare
	$(STUDY) verify $(EXPERIMENTS) --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS))

ui: .venv/installed ## Browse the runs in MLflow on 127.0.0.1
	$(STUDY) ui --profile $(PROFILE)

data: .venv/installed ## Fetch all data sets into the cache
	$(STUDY) data

test: .venv/dev ## The tests; COVERAGE=1 counts the lines of the library that they reach, at a third more time
	$(BIN)/python -m pytest -n 2 -m "not slow" $(if $(COVERAGE),--cov --cov-report=term --cov-fail-under=90)

test-all: .venv/dev .venv/docs ## The tests and their long forms (minutes; needs the package registries)
	$(BIN)/python -m pytest -n 2

lint: .venv/dev ## Style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --pythonpath $(BIN)/python

audit: .venv/dev ## Known vulnerabilities of the locked packages, where a service answers
	$(BIN)/python .ci/audit.py

dist: .venv/dev ## Build the wheel and the sdist into dist
	$(BIN)/uv build

bench: .venv/dev ## How fast it is, beside plain Keras and PyTorch (15 minutes of an idle machine)
	$(BIN)/python -m benchmarks --json build/bench.json

lock: .venv/dev ## Resolve the dependencies anew
	$(BIN)/uv lock --upgrade
	$(MAKE) constraints

constraints: .venv/dev ## Repeat the versions of uv.lock for pip
	$(BIN)/uv export --quiet --all-extras --no-emit-project --no-hashes --output-file constraints.txt

clean: ## Remove the environment and the MLflow mirror; results stay
	rm -rf .venv mlflow.db mlartifacts

# What training, figures and MLflow need; and what the extras of pyproject.toml add: tests and lint, documentation, Ray.
.venv/installed .venv/dev .venv/docs .venv/ray: pyproject.toml uv.lock constraints.txt .ci/install.py | .venv/pyvenv.cfg
	$(BIN)/python .ci/install.py $(filter-out installed,$(@F))
	@touch $@

.venv/pyvenv.cfg:
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing .venv
else
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and f"cnn-study needs Python 3.11 to 3.13, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
endif
