#!/usr/bin/env bash
# What an operator gets wrong is one clear line and a non-zero exit code.
. "$(dirname "$0")/harness.sh"
begin
create Sipher:1 WhiteBox:1
home=$net/nodes/sipher0
crypto=$net/crypto/peerOrganizations/sipher.fama

# refuses WHAT WORDS: the node started from $dir/case says so in one line that has WORDS
refuses() {
    local what=$1 words=$2 status=0 lines
    FABRIC_CFG_PATH=$dir/case timeout 30 "$fama" node start >"$dir/out" 2>&1 || status=$?
    lines=$(grep -c . "$dir/out" || true)
    if [ "$status" -eq 0 ] || [ "$status" -ge 124 ]; then
        fail "$what: exit code $status: $(cat "$dir/out")"
    fi
    [ "$lines" -eq 1 ] || fail "$what: $lines lines instead of one: $(cat "$dir/out")"
    grep -q -i -E "$words" "$dir/out" || fail "$what: the line does not say /$words/: $(cat "$dir/out")"
    say "$what: $(cut -c1-150 "$dir/out")"
}

# A fresh case: the node's own configuration, with its socket and ledgers out of the way.
case_of() {
    rm -rf "$dir/case"
    mkdir -p "$dir/case"
    sed -e "s|fileSystemPath: .*|fileSystemPath: $dir/case/ledgers|" \
        -e "s|socket: .*|socket: $dir/case.sock|" \
        -e 's|^    memory: |    hugepages: off\n    memory: |' "$home/core.yaml" >"$dir/case/core.yaml"
}

case_of
sed -i 's/^  localMspId:/  localMspld:/' "$dir/case/core.yaml"
refuses "a key that does not exist" 'localMspld.*core.yaml:4'

case_of
sed -i 's/idle: adaptive/idle: sometimes/' "$dir/case/core.yaml"
refuses "a value that makes no sense" 'idle.*core.yaml:[0-9]+'

case_of
cp -r "$crypto/peers/peer0.sipher.fama/msp" "$dir/case/msp"
rm -r "$dir/case/msp/signcerts"
sed -i "s|mspConfigPath: .*|mspConfigPath: $dir/case/msp|" "$dir/case/core.yaml"
refuses "a missing certificate" 'signcerts'

case_of
sed -i "s|mspConfigPath: .*|mspConfigPath: $dir/case/nowhere|" "$dir/case/core.yaml"
refuses "a missing MSP directory" 'nowhere'

case_of
"$fama" ca issue --org-dir "$crypto" --role peer --name late --not-before -48h --not-after -1h >/dev/null
sed -i "s|mspConfigPath: .*|mspConfigPath: $crypto/peers/late.sipher.fama/msp|" "$dir/case/core.yaml"
refuses "an expired certificate" 'expired'

case_of
sed -i 's|iface=eth0|iface=nosuchport0|' "$dir/case/core.yaml"
refuses "a port that does not exist" 'nosuchport0'

status=0
"$fama" node start --config "$dir/absent.yaml" >"$dir/out" 2>&1 || status=$?
if [ "$status" -eq 0 ] || [ "$(grep -c . "$dir/out")" -ne 1 ] || ! grep -q absent.yaml "$dir/out"; then
    fail "a configuration that is not there: exit code $status: $(cat "$dir/out")"
fi
say "a configuration that is not there: $(cut -c1-150 "$dir/out")"
