#!/usr/bin/env bash
# Pins everything with hashes: run after a change of pyproject.toml's dependencies.
set -eu
cd "$(dirname "$0")/.."
common=(--generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command requirements/compile.sh -q)
.venv/bin/uv pip compile pyproject.toml --extra all --group dev --group build "${common[@]}" -o requirements/dev.txt
.venv/bin/uv pip compile pyproject.toml --extra all --group build "${common[@]}" -c requirements/dev.txt -o requirements/all.txt
.venv/bin/uv pip compile pyproject.toml --extra edge "${common[@]}" -c requirements/dev.txt -o requirements/edge.txt
echo 'uv==0.13.9' | .venv/bin/uv pip compile - "${common[@]}" -o requirements/uv.txt
