# Verbs of Daguerre. `make demo` and `make test` do everything from a clean checkout.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 3
# homes of tests lie in memory, where there is plenty: they are synced some ten thousand times
ROOM ?= $(shell [ "$$(awk '/^MemAvailable/ {print $$2}' /proc/meminfo 2>/dev/null || echo 0)" -gt 16000000 ] && \
	[ "$$(df -k /dev/shm 2>/dev/null | awk 'END {print $$4}')" -gt 8000000 ] && echo /dev/shm)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo "$$p"; break; }; done)
export UV_COMPILE_BYTECODE := 1
export UV_PYTHON_DOWNLOADS := never
export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER := 0
# a run starts some hundred processes, and each would compile the project anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test lint audit sbom ui bench prove lock reset
help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

setup: $(READY) ## make the environment in .venv (the other verbs do this too)

demo: $(READY) ## four to ten minutes, captures to a monitored model: simulate, land, ingest, check, train, register, watch, report
	$(BIN)/python -m daguerre demo

test: $(READY) ## run all tests, in three processes; JOBS=0: in one
	@$(if $(ROOM),export PYTEST_DEBUG_TEMPROOT="$$(mktemp -d $(ROOM)/daguerre-tests-XXXXXX)"; trap 'rm -rf "$$PYTEST_DEBUG_TEMPROOT"' EXIT;) \
	$(BIN)/python -m pytest -n $(JOBS) --no-loadscope-reorder $(ARGS)

lint: $(READY) ## style, types, import contracts, workflows and files of a deployment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows docs/how-to/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docs/how-to/deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard docs/how-to/deploy/kubernetes/*.yaml))

audit: $(READY) ## look the locked packages up in published advisories, where a network allows it
	$(BIN)/python .ci/packages.py audit "$$(cat $(VENV)/.uv-path)"

sbom: $(READY) ## write the bill of materials of the locked packages (CycloneDX) to build/sbom.cdx.json
	$(BIN)/python .ci/packages.py sbom "$$(cat $(VENV)/.uv-path)"

ui: $(READY) ## Dagster and MLflow on loopback; new sessions are taken in and judged, and drift may train
	$(BIN)/python -m daguerre ui

bench: $(READY) ## run every benchmark and print its figures
	@for script in bench/*.py; do name=$$(basename "$$script" .py); echo "== $$name"; $(BIN)/python -m "bench.$$name" || exit 1; done

prove: $(READY) ## faults on purpose: SCHEDULES=60 of them, bit flips, beside a bare Dagster + Lance job; killed trainings; power cuts
	$(BIN)/python -m bench.prove --schedules $(or $(SCHEDULES),60)
	$(BIN)/python -m bench.prove.training
	$(BIN)/python -m bench.prove.power_cuts --cuts 100
	$(BIN)/python -m bench.prove.loop

lock: $(READY) ## resolve pyproject.toml again into requirements.lock
	$$(cat $(VENV)/.uv-path) pip compile pyproject.toml --group dev --universal --generate-hashes --upgrade \
		--no-emit-index-url --no-annotate --no-header -q -o requirements.lock

reset: ## delete all state (DAGUERRE_HOME, .daguerre by default)
	rm -rf "$${DAGUERRE_HOME:-.daguerre}"

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Daguerre needs Python 3.11, 3.12 or 3.13 on the PATH, or: make PYTHON=/path/to/python"; exit 1; }
	@test ! -L $(VENV) || { echo "$(VENV) is a link, and what is installed there is not of this checkout: remove the link to make an own one here"; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv --without-pip $(VENV)
	@uv="$$(command -v uv || true)"; \
	if [ -z "$$uv" ]; then \
		echo "uv is not installed: putting a copy into $(VENV)/uv"; \
		"$(PYTHON)" -m venv $(VENV)/uv && $(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv && uv="$(CURDIR)/$(VENV)/uv/bin/uv"; \
	fi; \
	test -n "$$uv" && echo "$$uv" > $(VENV)/.uv-path && \
	echo "installing the locked packages (about a minute, 8 GB)" && \
	"$$uv" pip sync --quiet --python $(BIN)/python requirements.lock && \
	"$$uv" pip install --quiet --python $(BIN)/python --no-deps --editable . && \
	$(BIN)/python -c "import torch, torchvision; torchvision.ops.nms(torch.rand(2, 4), torch.rand(2), 0.5)"
	@touch $@
