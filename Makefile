# The two commands most people need: `make rehearsal` and `make test`. Both set up all they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
TOX := .venv/bin/tox

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## Install the Debian packages and the Python environment
	@scripts/setup-host.sh

.PHONY: bundle
bundle: setup ## Build the box, the snaps and the images of the rehearsal (cached)
	$(PYTHON) -m rehearsal build

.PHONY: rehearsal
rehearsal: bundle ## Bring a rehearsal lab up
	$(PYTHON) -m lab --edition rehearsal up

.PHONY: lint types unit scripts loopback
lint types unit scripts loopback: setup ## Run one of the checks that need no lab
	$(TOX) run -e $@

.PHONY: acceptance
acceptance: bundle ## Run the acceptance suite on the rehearsal lab that is ready, or on one brought up for it
	@export LAB_EDITION=rehearsal LAB_KEEP=$${LAB_KEEP:-never}; \
	if [ -z "$$LAB_NAME" ] && $(PYTHON) -m lab --name kubeflow status >/dev/null 2>&1; then export LAB_NAME=kubeflow; fi; \
	$(TOX) run -e acceptance

.PHONY: faults
faults: bundle ## Break a rehearsal lab in every way we know of, and see it go on (two hours)
	$(TOX) run -e faults

.PHONY: test
test: ## Run everything: lint, types, unit, scripts, loopback, and acceptance on a rehearsal
	@$(MAKE) --no-print-directory setup
	$(TOX) run -e lint,types,unit,scripts,loopback
	@$(MAKE) --no-print-directory acceptance

.PHONY: clean
clean: ## Remove what tools left in the checkout (labs and the cache stay)
	rm -rf .tox .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist *.egg-info
