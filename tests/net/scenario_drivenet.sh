#!/usr/bin/env bash
# Real blocks reach every ledger, unchanged.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/drivenet.sh"
run_drivenet "$@"
