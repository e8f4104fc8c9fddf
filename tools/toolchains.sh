#!/usr/bin/env bash
# Checks the toolchains that the project's commands start from, and names each one that is missing
# or too old, with how to get it. Installs nothing but Rust's own targets, by rustup.
set -euo pipefail

missing=0

# need NAME FOUND WANTED HOW: compares dotted versions.
need() {
  local name=$1 found=$2 wanted=$3 how=$4
  if [ -z "$found" ]; then
    echo "missing: $name $wanted or later; $how" >&2
    missing=1
  elif [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "too old: $name $found, needed is $wanted or later; $how" >&2
    missing=1
  fi
}

version() { "$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1 || true; }

need Rust "$(version rustup --version)" 1.25 "install rustup from https://rustup.rs"
need Python "$(version python3 --version)" 3.11 "install python3 and python3-venv"
need Go "$(version go version)" 1.26 "install it from https://go.dev/dl"
need Node "$(version node --version)" 20 "install it from https://nodejs.org"
python3 -c 'import ensurepip' 2>/dev/null || { echo "missing: Python's venv module; install python3-venv" >&2; missing=1; }
[ "$missing" = 0 ] || exit 1

# The pinned toolchain with its targets, from rust-toolchain.toml; a no-op once it is there.
if ! rustup show active-toolchain >/dev/null 2>&1 || ! rustup target list --installed 2>/dev/null | grep -q wasm32-wasip1; then
  echo "installing the Rust toolchain of rust-toolchain.toml"
  rustup toolchain install >/dev/null
fi
