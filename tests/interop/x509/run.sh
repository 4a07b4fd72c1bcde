#!/usr/bin/env bash
# run.sh WRITE_CERTIFICATES WORK
set -euo pipefail
write_certificates=$1 work=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
rm -rf "$work"
mkdir -p "$work"
"$write_certificates" "$work"
cd "$work"

source "$here/verdicts.sh"

strict=(openssl verify -x509_strict -check_ss_sig -policy_check -no-CApath -no-CAstore)
leaves=(pool-hub/hub-1.pem pool-member/node.pem pool-client/node.pem pool-operator/node.pem)

accepts "the CA's own certificate" "${strict[@]}" -CAfile pool-hub/ca-1.pem pool-hub/ca-1.pem
for leaf in "${leaves[@]}"; do
  accepts "$leaf" "${strict[@]}" -CAfile pool-hub/ca-1.pem "$leaf"
  for purpose in sslclient sslserver; do
    accepts "$leaf as $purpose" "${strict[@]}" -purpose "$purpose" -CAfile pool-hub/ca-1.pem "$leaf"
  done
  # What the extensions deny.
  for purpose in smimesign crlsign timestampsign; do
    refuses "$leaf as $purpose" "purpose" "${strict[@]}" -purpose "$purpose" -CAfile pool-hub/ca-1.pem "$leaf"
  done
  refuses "$leaf in another pool of the same name" "signature failure\|unable to get local issuer" "${strict[@]}" -CAfile other-hub/ca-1.pem "$leaf"
  end=$(date -d "$(openssl x509 -in "$leaf" -noout -enddate | cut -d= -f2)" +%s)
  accepts "$leaf in its last second" "${strict[@]}" -attime "$((end - 1))" -CAfile pool-hub/ca-1.pem "$leaf"
  refuses "$leaf a second after its end" "expired" "${strict[@]}" -attime "$((end + 1))" -CAfile pool-hub/ca-1.pem "$leaf"
  refuses "$leaf a year ago" "not yet valid" "${strict[@]}" -attime $(($(date +%s) - 365 * 86400)) -CAfile pool-hub/ca-1.pem "$leaf"
done

# The SPIFFE profile, as another parser sees it.
for leaf in "${leaves[@]}"; do
  text=$(openssl x509 -in "$leaf" -noout -ext basicConstraints,keyUsage,extendedKeyUsage,subjectAltName -subject -nameopt RFC2253)
  grep -q 'CA:TRUE' <<<"$text" && failed "$leaf is a CA: $text"
  grep -A1 'X509v3 Key Usage: critical' <<<"$text" | grep -qx ' *Digital Signature' || failed "$leaf: key usage is not exactly digitalSignature, critical: $text"
  grep -qx ' *TLS Web Server Authentication, TLS Web Client Authentication' <<<"$text" || failed "$leaf: extended key usage: $text"
  san=$(grep -A1 'Subject Alternative Name' <<<"$text" | tail -1)
  # Exactly one SPIFFE id and no other URI. A hub may have host names beside it, for clients that are no nodes.
  [ "$(grep -o 'URI:' <<<"$san" | wc -l)" = 1 ] && grep -Eq 'URI:spiffe://x509\.example/(hub|operator|client/apollo/one|client/two)(,|$)' <<<"$san" ||
    failed "$leaf: expected exactly one SPIFFE id, got $san"
  [ "$leaf" = pool-hub/hub-1.pem ] || [ "$(grep -o ':' <<<"${san//spiffe:/}" | wc -l)" = 1 ] || failed "$leaf: other names than the SPIFFE id: $san"
done

# Files fit together: key and certificate, certificate and pin.
spki_of() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER; }
for folder in pool-member pool-client pool-operator; do
  cmp -s <(spki_of "$folder/node.pem") <(openssl pkey -in "$folder/node-1.key" -pubout -outform DER) || failed "$folder: key and certificate differ"
  [ "$(head -n 1 "$folder/hub.pin")" = "$(spki_of pool-hub/hub-1.pem | sha256sum | cut -d' ' -f1)" ] || failed "$folder/hub.pin is not the hub's pin"
done
cmp -s <(spki_of pool-hub/hub-1.pem) <(openssl pkey -in pool-hub/hub-1.key -pubout -outform DER) || failed "the hub's key and certificate differ"
for key in pool-*/*.key; do
  [ "$(stat -c %a "$key")" = 600 ] || failed "$key has mode $(stat -c %a "$key")"
  openssl pkey -in "$key" -check -noout >/dev/null 2>&1 || openssl pkey -in "$key" -noout || failed "$key is no key to OpenSSL"
done

if command -v certtool >/dev/null; then
  for leaf in "${leaves[@]}"; do
    accepts "$leaf (GnuTLS)" certtool --verify --verify-profile medium --load-ca-certificate pool-hub/ca-1.pem --infile "$leaf"
    refuses "$leaf in another pool (GnuTLS)" "NOT trusted" certtool --verify --load-ca-certificate other-hub/ca-1.pem --infile "$leaf"
  done
else
  echo "note: no certtool here, so GnuTLS was not asked"
fi

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
echo "OpenSSL agrees: $(openssl version)"
