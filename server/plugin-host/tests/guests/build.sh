#!/bin/sh
# Builds the guest once a role, as core modules; `cargo test … -- --ignored make_fixtures` makes components of them.
set -eu
cd "$(dirname "$0")/probe"
for role in classifier knowledge-base acking-puller webhook connector notifier steered; do
    cargo build --quiet --release --target wasm32-unknown-unknown --features "$role"
    cp target/wasm32-unknown-unknown/release/probe.wasm "target/$role.wasm"
done
