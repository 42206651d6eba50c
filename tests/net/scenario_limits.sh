#!/usr/bin/env bash
# The benches of receiving and encoding print figures and ratios that a machine can read, for every case. How
# large they are is no test: this machine is shared.
. "$(dirname "$0")/harness.sh"
begin

# figures_of <command and options> -- <lines wanted> <figures...>: one round of it.
figures_of() {
    local command=() lines line
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    lines=$2
    shift 2
    "$bin/fama-bench" "${command[@]}" --rounds 1 --json >"$dir/lines" 2>"$dir/log" ||
        { cat "$dir/log" >&2; fail "fama-bench ${command[*]}"; }
    [ "$(wc -l <"$dir/lines")" -eq "$lines" ] || fail "not $lines lines of ${command[*]}"
    while read -r line; do
        for figure in block_bytes mtu ratio_primitives ratio_openssl "$@"; do
            jq -e ".case == \"${command[0]}\" and .$figure > 0" >/dev/null <<<"$line" ||
                fail "no $figure in: $line"
        done
        say "$line"
    done <"$dir/lines"
}

figures_of receive -- 6 fama_gbit_per_s primitives_gbit_per_s openssl_gbit_per_s
figures_of receive --mtu 9000 --loss 20 -- 1 fama_gbit_per_s parity
figures_of encode -- 6 fama_mb_per_s primitives_mb_per_s openssl_mb_per_s
figures_of encode --mtu 9000 --bytes 3000000 --parity 2 -- 1 fama_mb_per_s parity

for wrong in "receive --loss 21" "receive --mtu 1400" "encode --parity 9" "encode --bytes 10000001"; do
    status=0
    # shellcheck disable=SC2086 # options apart
    "$bin/fama-bench" $wrong >/dev/null 2>"$dir/log" || status=$?
    [ "$status" -eq 2 ] || fail "$wrong: exit code $status"
done
