#!/usr/bin/env bash
# What a node's packet threads ask of the kernel and the C library in `poll` mode once they are warm, while
# blocks come: nothing but what the port's driver asks. No page fault, no system call of ours, no memory taken
# or given back, no lock; net and verify lcores of a follower, then of the leader.
. "$(dirname "$0")/harness.sh"
begin
[ -x "$bin/lcore_watch" ] || { say "$bin/lcore_watch is not there"; exit 1; }

# net_af_packet's transmission is one sendto(2) per burst, and a poll(2) when its ring is full.
case $(uname -m) in
x86_64) driver_calls=44,7 ;;
aarch64) driver_calls=206,73 ;;
*) skip "no numbers are known for the driver's system calls on $(uname -m)" ;;
esac

# The watched threads get a CPU to themselves: what never sleeps is a bad neighbour.
mapfile -t cpus < <(taskset -cp $$ | sed 's/.*: //' | tr , '\n' | while IFS=- read -r from to; do
    seq "$from" "${to:-$from}"
done)
[ ${#cpus[@]} -ge 2 ] || skip "one CPU is too few"

# A watch that sees nothing proves nothing: first it sees a thread that does all of it.
mkdir "$dir/watch"
LD_PRELOAD=$bin/libcall_watch.so FAMA_CALL_WATCH=$dir/watch "$bin/lcore_watch" probe 2>"$dir/way" &
probe=$!
until_true 10 test -s "$dir/watch/$probe" || fail "the library cannot be preloaded"
sleep 0.2
"$bin/lcore_watch" 0.5 "$dir/watch" none "$probe" >"$dir/told" || true
kill "$probe"
jq -e '.minor_faults > 0 and .memory_calls > 0 and .locks > 0 and (.system_calls | length) > 0' \
    >/dev/null <"$dir/told" || fail "what a probe did was not seen: $(cat "$dir/told")"
grep -q 'libcall_watch' "$dir/way" || fail "it was not said where it happened"

blocks=1500 rate=15 warm=100 seconds=5 least=36
create Sipher:2
mkdir "$dir/blocks"
"$bin/fama-bench" blocks --out "$dir/blocks/drivenet" --genesis "$net/drivenet.block" \
    --orderer-msp "$(orderer_msp)" --client-msp "$(client_msp sipher SipherMSP)" \
    --endorser-msp "$(peer_msp sipher SipherMSP)" --blocks "$blocks" --min-bytes 40K --max-bytes 80K \
    >/dev/null 2>"$dir/bench.log" || { cat "$dir/bench.log" >&2; fail "no blocks"; }
up --blocks "$dir/blocks" --rate "$rate"

reaches() { # node, height
    [ "$(height_of "$1" 2>/dev/null || echo 0)" -ge "$2" ]
}

start_as() { # node, idle mode, CPU of its packet threads, environment...
    local node=$1 idle=$2 cpu=$3
    shift 3
    "$fama" network node kill --dir "$net" --node "$node" --signal 15 >/dev/null 2>&1 ||
        fail "$node does not stop"
    sed -i -e "s/^    idle: .*/    idle: $idle/" -e "s/^      control: .*/      control: ${cpus[0]}/" \
        -e "s/^      net: .*/      net: $cpu/" -e "s/^      verify: .*/      verify: $cpu/" \
        "$net/nodes/$node/core.yaml"
    env "$@" "$fama" network node start --dir "$net" --node "$node" >/dev/null 2>&1 ||
        fail "$node does not come back"
}

start_as sipher0 adaptive "${cpus[0]}"
start_as sipher1 adaptive "${cpus[0]}"
for node in sipher1 sipher0; do
    start_as "$node" poll "${cpus[1]}" "LD_PRELOAD=$bin/libcall_watch.so" "FAMA_CALL_WATCH=$dir/watch"
    until_true 60 reaches "$node" $(($(height_of "$node") + warm)) || fail "no blocks come to $node"
    before=$(height_of "$node") status=0
    "$bin/lcore_watch" "$seconds" "$dir/watch" "$driver_calls" \
        "$(cut -d ' ' -f 1 "/run/fama/$network/$node.pid")" >"$dir/told" || status=$?
    after=$(height_of "$node")
    say "$node, blocks $before to $after: $(tr '\n' ' ' <"$dir/told")"
    if [ "$status" -ne 0 ]; then
        grep -A 20 -F 'libcall_watch.so(' "$net/nodes/$node/node.log" | head -n 60 >&2 || true
        fail "the packet threads of $node did more than they should (exit code $status)"
    fi
    [ $((after - before)) -ge "$least" ] || fail "only $((after - before)) blocks came meanwhile"
    start_as "$node" adaptive "${cpus[0]}"
done
