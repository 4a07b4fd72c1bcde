# Sourced: what another program must say of a file.
failures=0
failed() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)); }

# accepts WHAT COMMAND…   refuses WHAT REASON COMMAND…
accepts() { local what=$1 output; shift; output=$("$@" 2>&1) && printf 'ok: %s\n' "$what" || failed "$what: $output"; }
refuses() {
  local what=$1 reason=$2 output; shift 2
  if output=$("$@" 2>&1); then failed "$what was accepted"
  elif grep -q -- "$reason" <<<"$output"; then printf 'ok: %s is refused: %s\n' "$what" "$reason"
  else failed "$what is refused for another reason than \"$reason\": $output"; fi
}
