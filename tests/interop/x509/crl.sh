#!/usr/bin/env bash
# crl.sh WORK: agents and clients enrol at a live hub, one of each is revoked, and OpenSSL and GnuTLS go by the hub's list.
set -euo pipefail
work=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
rm -rf "$work"
mkdir -p "$work"
cd "$work"
source "$here/verdicts.sh"
die() { printf 'FAILED: %s\n' "$*"; [ ! -e hub.log ] || sed 's/^/  hub: /' hub.log; exit 1; }

forgepool() { timeout 60 "$FORGEPOOL_PROGRAM" "$@"; }
forgepool hub init --data data --trust-domain crl.example >init.log 2>&1 || die "hub init: $(cat init.log)"
hub=
trap '[ -z "$hub" ] || { kill "$hub" 2>/dev/null || true; wait "$hub" 2>/dev/null || true; }' EXIT
start_hub() {
  rm -f ports
  "$FORGEPOOL_HUB_PROGRAM" --data data --port 0 --enrol-port 0 --port-file ports 2>>hub.log &
  hub=$!
  for _ in $(seq 400); do
    [ ! -s ports ] || break
    kill -0 "$hub" 2>/dev/null || die "the hub ended at once"
    sleep 0.05
  done
  read -r port enrol_port <ports || die "the hub does not listen"
}
operator() { forgepool --hub "127.0.0.1:$port" --credentials data/operator "$@"; }
# enroll agent|client FOLDER
enroll() {
  local token
  token=$(operator --json hub invite --role "$1" | grep -o 'fpj1[^"]*') || die "no join token"
  forgepool --hub "127.0.0.1:$enrol_port" "$1" enroll --join "$token" --output "$2" >enroll.log 2>&1 || die "enroll $2: $(cat enroll.log)"
}
id_of() { openssl x509 -in "$1/node.pem" -noout -ext subjectAltName | grep -o 'URI:.*' | sed 's|.*/||'; }
serial_of() { openssl x509 -in "$1/node.pem" -noout -serial | cut -d= -f2; }
number_of() { openssl crl -in "$1" -noout -crlnumber | cut -d= -f2; }

start_hub
ca=data/identity/ca-1.pem
for kind in agent client; do enroll $kind $kind-good; enroll $kind $kind-bad; done
openssl x509 -in "$ca" -noout -ext keyUsage | grep -q 'CRL Sign' || failed "the CA may not sign lists"

strict=(openssl verify -x509_strict -check_ss_sig -no-CApath -no-CAstore -crl_check -CAfile "$ca")
operator hub crl --output empty.pem
for node in agent-good agent-bad client-good client-bad; do
  accepts "$node before anybody was revoked" "${strict[@]}" -CRLfile empty.pem "$node/node.pem"
done
openssl crl -in empty.pem -noout -text | grep -q 'No Revoked Certificates' || failed "the first list is not empty"

operator revoke agent "$(id_of agent-bad)" --reason stolen >revoke.log || die "revoke agent"
operator revoke client "$(id_of client-bad)" >>revoke.log || die "revoke client"
operator hub crl --output crl.pem
operator hub crl >printed.pem

text=$(openssl crl -in crl.pem -noout -text -CAfile "$ca" 2>&1)
for expected in 'verify OK' 'Version 2 (0x1)' 'ecdsa-with-SHA256' 'CN = crl.example issuing CA' 'X509v3 Authority Key Identifier' 'Privilege Withdrawn'; do
  grep -q -- "$expected" <<<"$text" || failed "the list lacks \"$expected\": $text"
done
[ "$(grep -c 'Serial Number:' <<<"$text")" = 2 ] || failed "expected two certificates in the list: $text"
for node in agent-bad client-bad; do grep -q "Serial Number: $(serial_of "$node")" <<<"$text" || failed "$node is not in the list: $text"; done
update() { date -d "$(openssl crl -in crl.pem -noout "-$1" | cut -d= -f2)" +%s; }
[ $(($(update nextupdate) - $(update lastupdate))) = 86400 ] || failed "the next list is not due after a day"
[ $((16#$(number_of empty.pem | sed 's/^0x//'))) -lt $((16#$(number_of crl.pem | sed 's/^0x//'))) ] || failed "numbers of lists do not grow"

forgepool --hub "127.0.0.1:$port" --credentials client-good hub crl --output stolen.pem >refused.log 2>&1 && failed "a client got the list"
[ ! -e stolen.pem ] || failed "a refused client has a file"

kill "$hub" && wait "$hub" || true
start_hub
operator hub crl --output again.pem
[ $((16#$(number_of printed.pem | sed 's/^0x//'))) -lt $((16#$(number_of again.pem | sed 's/^0x//'))) ] || failed "a restart gives numbers out again"

for list in crl.pem printed.pem again.pem; do
  for node in agent client; do
    accepts "$node-good by $list" "${strict[@]}" -CRLfile "$list" "$node-good/node.pem"
    refuses "$node-bad by $list" "certificate revoked" "${strict[@]}" -CRLfile "$list" "$node-bad/node.pem"
  done
done
refuses "agent-good by a list that ran out" "CRL has expired" "${strict[@]}" -attime "$(($(update nextupdate) + 1))" -CRLfile crl.pem agent-good/node.pem

if command -v certtool >/dev/null; then
  info=$(certtool --crl-info --infile crl.pem 2>&1) || failed "certtool --crl-info: $info"
  for expected in 'Version: 2' 'Revoked certificates (2)' 'CRL Number' 'Authority Key Identifier'; do
    grep -q -- "$expected" <<<"$info" || failed "certtool does not see \"$expected\": $info"
  done
  accepts "the list itself (GnuTLS)" certtool --verify-crl --load-ca-certificate "$ca" --infile crl.pem
  for node in agent client; do
    accepts "$node-good (GnuTLS)" certtool --verify --verify-profile medium --load-ca-certificate "$ca" --load-crl crl.pem --infile "$node-good/node.pem"
    refuses "$node-bad (GnuTLS)" "revoked" certtool --verify --verify-profile medium --load-ca-certificate "$ca" --load-crl crl.pem --infile "$node-bad/node.pem"
  done
else
  echo "note: no certtool here, so GnuTLS was not asked"
fi

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
echo "OpenSSL agrees: $(openssl version)"
