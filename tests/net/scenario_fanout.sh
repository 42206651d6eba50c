#!/usr/bin/env bash
# The fan-out bench runs its senders and prints figures and ratios that a machine can read. How large
# they are is no test: this machine is shared.
. "$(dirname "$0")/harness.sh"
begin

for port in af_packet memif; do
    line=$("$bin/fama-bench" fanout --port $port --rounds 1 --seconds 0.5 --json 2>"$dir/log") ||
        { cat "$dir/log" >&2; fail "fama-bench fanout --port $port"; }
    for figure in fama_packets_per_s testpmd_packets_per_s sendmmsg_packets_per_s \
        testpmd_chained_packets_per_s fama_goodput_gbit_per_s fama_core_share ratio_testpmd \
        ratio_testpmd_chained ratio_sendmmsg ratio_testpmd_by_the_clock; do
        jq -e ".case == \"fanout\" and .port == \"$port\" and .$figure > 0" >/dev/null <<<"$line" ||
            fail "no $figure in: $line"
    done
    [ "$(jq -r .targets <<<"$line")" -eq 8 ] || fail "not 8 targets: $line"
    say "$line"
done
if ip netns list | grep -q '^fama-bench-'; then
    fail "the bench left namespaces behind"
fi

status=0
"$bin/fama-bench" fanout --targets 65 >/dev/null 2>"$dir/log" || status=$?
[ "$status" -eq 2 ] || fail "65 targets: exit code $status"
