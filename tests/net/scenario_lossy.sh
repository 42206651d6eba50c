#!/usr/bin/env bash
# The same real blocks over links that lose 5 % of all frames and let the others overtake each other.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/drivenet.sh"
seed=${FAMA_TEST_SEED:-$(date +%s)}
say "seed $seed (FAMA_TEST_SEED)"
run_drivenet --loss 5 --delay 2 --jitter 1 --reorder 25 --seed "$seed"
