#!/usr/bin/env bash
# run.sh MINT_TOKEN SOURCE WORK: fetches the pinned package into WORK unless it is there, then checks fresh tokens with it.
# Exit status 77: there is no npm, or it cannot reach a registry.
set -euo pipefail
mint_token=$1 source=$2 work=$3

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
command -v node >/dev/null || skip "node is not installed"

mkdir -p "$work"
if ! cmp -s "$source/package-lock.json" "$work/installed-lock.json" || [ ! -e "$work/node_modules/paseto/package.json" ]; then
  command -v npm >/dev/null || skip "npm is not installed"
  rm -rf "$work/node_modules" "$work/installed-lock.json"
  cp "$source/package.json" "$source/package-lock.json" "$work/"
  # The lock names a hash and no address: the package comes from whatever registry this machine uses.
  if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=30000) >"$work/npm.log" 2>&1; then
    if grep -Eq 'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT' "$work/npm.log" &&
       ! grep -q EINTEGRITY "$work/npm.log"; then
      skip "npm cannot reach a registry to fetch paseto 3.1.4 from ($(grep -Eo 'E[A-Z_]{5,}' "$work/npm.log" | head -1))"
    fi
    cat "$work/npm.log"
    exit 1
  fi
  cp "$source/package-lock.json" "$work/installed-lock.json"
fi

"$mint_token" >"$work/tokens.json"
cp "$source/check_tokens.js" "$work/"
node "$work/check_tokens.js" "$work/tokens.json"
