.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(HOME)/.cargo/bin:$(PATH)
PYTHON_CODE := mediaswitch signaling ivr routing recording
CASE ?= all

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1mmake %-8s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install what is missing, build what changed, start the server with a demo tenant
	@scripts/setup
	@exec mediaswitch serve

.PHONY: demo
demo: ## Let a real SIP phone and a real WebRTC customer call the running server
	@scripts/setup
	@exec mediaswitch demo

.PHONY: test
test: ## Lint, then run every test of every layer
	@scripts/setup test
	@scripts/run-tests

.PHONY: lint
lint: ## Check format, types, stubs, imports and clippy's rules
	@scripts/setup test
	@scripts/lint

.PHONY: bench
bench: ## Measure relayed calls beside a bare UDP forwarder (one alone: make bench CASE=relay)
	@scripts/setup
	@python -m load_tests.bench $(CASE)

.PHONY: video
video: ## Measure cameras between browsers on lossy and thin lines
	@scripts/setup test
	@python -m load_tests.video

.PHONY: soak
soak: ## Let two hundred legs come and go for half an hour (MINUTES=30) and see that nothing grows
	@scripts/setup
	@cargo build --release --quiet --locked -p load-generator
	@python -m load_tests.soak --minutes $(or $(MINUTES),30)

.PHONY: fuzz
fuzz: ## Fuzz what reads the network, ten minutes each target (SECONDS_EACH=600)
	@scripts/setup
	@scripts/fuzz $(or $(SECONDS_EACH),600)

.PHONY: digits
digits: ## Count 10,000 presses of each kind on a bad network, and listen for digits in hours of speech
	@scripts/setup test
	@cargo test --profile quick -p mediaswitch-engine --test digits -- --include-ignored --nocapture

.PHONY: answering
answering: ## Judge who answers, people and machines, in speech of many voices
	@scripts/setup test
	@cargo build --profile quick -p mediaswitch-engine --example call_progress
	@python -m load_tests.answering

.PHONY: sound
sound: ## Judge speech on bad networks, beside Chromium on the same packets (make sound CELLS=opus-bursty)
	@scripts/setup test
	@cargo build --profile quick --quiet --locked -p mediaswitch-engine --example sound
	@python -m load_tests.sound $(CELLS)

.PHONY: proof
proof: ## Play 10,000 random operations on a session and listen who hears whom
	@scripts/setup test
	@python -m load_tests.whisper

.PHONY: fmt
fmt: ## Format Rust and Python
	cargo fmt --all
	ruff format $(PYTHON_CODE) tests load_tests
	ruff check --fix --quiet $(PYTHON_CODE) tests load_tests

.PHONY: clean
clean: ## Remove what was built here (not data/, not the Debian packages)
	rm -rf build target .venv webclient/node_modules webclient/*/dist mediaswitch/_core*.so
	find $(PYTHON_CODE) tests -name __pycache__ -prune -exec rm -rf {} +
