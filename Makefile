# Every target does its own set-up; the second time that costs a moment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEMO_SECONDS ?=
FILES ?=
# A database server, a browser, an OpenID Connect provider that needs no database of its own, what
# judges a systemd unit, what ends TLS before an HL7 listener, what runs listeners of others, a PACS
# with DICOMweb, DICOM servers that fail on request, an SSH server, a receiver of alerts, Go with the
# library of its checksum database, which judges our logs, a token for keys, and OpenSSL.
PACKAGES := '/usr/lib/postgresql/*/bin/initdb=postgresql' chromium=chromium '/usr/bin/glewlwyd=glewlwyd dbconfig-no-thanks' systemd-analyze=systemd \
  /usr/sbin/nginx=nginx /usr/lib/nginx/modules/ngx_stream_module.so=libnginx-mod-stream stunnel4=stunnel4 node=nodejs npm=npm \
  /usr/sbin/Orthanc=orthanc '/usr/share/orthanc/plugins/libOrthancDicomWeb.so=orthanc-dicomweb' storescp=dcmtk /usr/sbin/sshd=openssh-server prometheus-alertmanager=prometheus-alertmanager \
  /usr/lib/softhsm/libsofthsm2.so=softhsm2 openssl=openssl /usr/bin/go=golang-go /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog=golang-golang-x-mod-dev
# Peers of the bench alone.
PEERS := prometheus=prometheus prometheus-blackbox-exporter=prometheus-blackbox-exporter
ROWS ?=
STEADY := $(addprefix collector/core/,outages.py quorum.py rejection.py segment.py system_state.py versions.py) \
  $(addprefix collector/attest/,merkle.py note.py checkpoint.py)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak mutate generate lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## Make .venv with every pinned dependency

$(STAMP): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Wardwatch needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@.ci/debian-packages python:ensurepip=python3-venv
	@echo "Setting up $(VENV): a minute the first time"
	@$(PYTHON) -m venv --clear $(VENV)
	@# requirements.txt is the whole of it: pip need not resolve, which of one package with and without an extra it cannot
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP) ## Watch a simulated hospital fail and recover (DEMO_SECONDS=60: once, then exit)
	@DEMO_SECONDS="$(DEMO_SECONDS)" $(BIN)/python -m tests.demo.story

test: $(STAMP) ## Lint, types, import rules and every test
	@.ci/debian-packages $(PACKAGES)
	@.ci/node-peers $(VENV)/peers
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -n 2 --dist loadgroup -q

lint: $(STAMP) ## Ruff, mypy strict, import directions, generated text up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.docs.generate --check

bench: $(STAMP) ## Speed as ratios against named peers, in one run (ROWS=http,tls: some)
	@.ci/debian-packages $(PEERS)
	@$(BIN)/python -m tests.bench.run $(ROWS)

soak: $(STAMP) ## The long forms: more examples, more kills (about an hour)
	@.ci/debian-packages $(PACKAGES)
	@.ci/node-peers $(VENV)/peers
	@WARDWATCH_SOAK=1 $(BIN)/pytest -n 2 --dist loadgroup -q --timeout 1800
	@$(MAKE) --no-print-directory mutate FILES="$(STEADY)"

mutate: $(STAMP) ## Change the pure core a little, expect a test to notice (FILES=... for some)
	@$(BIN)/python -m tests.mutation.run $(FILES)

generate: $(STAMP) ## Rewrite the tables in the READMEs from the code
	@$(BIN)/python -m tests.docs.generate

lock: ## Resolve pyproject.toml anew into requirements.txt, with hashes
	@$(BIN)/pip-compile --quiet --no-config --all-extras --generate-hashes --strip-extras --allow-unsafe \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
	  --output-file requirements.txt pyproject.toml

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
