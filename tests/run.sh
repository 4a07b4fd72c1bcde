#!/usr/bin/env bash
# Sets up, builds and tests libforgepool: everything, or the tests of one CTest label. tests/README.md lists the labels. Tests that
# also have the label "long" take minutes each, and run only when a label of theirs is named.
#
#   tests/run.sh [--preset dev|release|asan|tsan|fuzz|aws-lc] [--no-setup] [LABEL]
#   tests/run.sh [--preset …] --list                                      the labels there are
#
# Works from any folder, as root or not. Exit status: 0 all passed, 1 something failed, 2 wrong usage.
# FORGEPOOL_TEST_JOBS: how many tests run at once (2). FORGEPOOL_BUILD_JOBS: how many compilers (one per processor).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
preset=dev
label=
list=no
setup=yes

say() { printf '== %s\n' "$*"; }
usage() { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    --preset) [ $# -ge 2 ] || usage; preset=$2; shift ;;
    --preset=*) preset=${1#*=} ;;
    --no-setup) setup=no ;;
    --list) list=yes ;;
    -*) usage ;;
    *) [ -z "$label" ] || usage; label=$1 ;;
  esac
  shift
done
case $preset in dev | release | asan | tsan | fuzz | aws-lc) ;; *) printf 'no such preset: %s\n' "$preset" >&2; usage ;; esac

build=$root/build/$preset
cd "$root"
# Paths relative to the clone, so that a second clone elsewhere finds what the first one compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-8G}
export CTEST_OUTPUT_ON_FAILURE=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1}

# --- set up and build ------------------------------------------------------------------------------------------------

# quiet_unless_it_fails LOG COMMAND…
quiet_unless_it_fails() {
  local log=$1; shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# A terminal gets Ninja's own progress line; a log gets every hundredth step and everything that is not a step.
thin_out() {
  if [ -t 1 ]; then cat; else awk '/^\[[0-9]+\/[0-9]+\] / {if (n++ % 100 == 0) print; last = $0; next} {print} END {if (last) print last}'; fi
}

started=$SECONDS
if [ "$setup" = yes ]; then
  say "set up"
  wanted=()
  case $preset in
    aws-lc) wanted+=(--with-aws-lc) ;;
    fuzz) wanted+=(--with-clang) ;;
  esac
  case $label in vm | long) wanted+=(--with-vm) ;; esac
  cmake/setup-debian.sh "${wanted[@]}"
fi
say "configure preset $preset"
mkdir -p "$build"
quiet_unless_it_fails "$build/configure.log" cmake --preset "$preset" -DFORGEPOOL_BUILD_TESTS=ON -DFORGEPOOL_BUILD_EXAMPLES=ON || {
  say "configuring failed (see above)"; exit 1; }
if [ "$list" = yes ]; then
  ctest --test-dir "$build" --print-labels | sed -n 's/^  //p'
  exit 0
fi
if [ -n "$label" ] && ! ctest --test-dir "$build" --print-labels | sed -n 's/^  //p' | grep -qxF -- "$label"; then
  printf 'no test has the label "%s". There are: %s\n' "$label" \
    "$(ctest --test-dir "$build" --print-labels | sed -n 's/^  //p' | tr '\n' ' ')" >&2
  exit 2
fi
configured=$SECONDS
say "build"
if [ -t 1 ]; then built=0; cmake --build "$build" ${FORGEPOOL_BUILD_JOBS:+-j "$FORGEPOOL_BUILD_JOBS"} || built=$?
else built=0; cmake --build "$build" ${FORGEPOOL_BUILD_JOBS:+-j "$FORGEPOOL_BUILD_JOBS"} 2>&1 | thin_out || built=$?; fi
[ "$built" = 0 ] || { say "the build failed (see above); nothing was tested"; exit 1; }
compiled=$SECONDS

# --- test ------------------------------------------------------------------------------------------------------------

# GCC 12's ThreadSanitizer cannot live with as much address randomization as newer kernels do.
wrapper=()
if [ "$preset" = tsan ] && setarch "$(uname -m)" -R true 2>/dev/null; then wrapper=(setarch "$(uname -m)" -R); fi

junit=$build/test-results.xml
closing=$build/closing-lines.txt
rm -f "$junit" "$closing"
: >"$closing"
say "test ${label:-everything}"
arguments=(--test-dir "$build" --parallel "${FORGEPOOL_TEST_JOBS:-2}" --timeout 600 --no-tests=error --no-label-summary
  --output-on-failure --test-output-size-passed 100000 --output-junit "$junit")
if [ -n "$label" ]; then arguments+=(-L "^$(printf '%s' "$label" | sed 's/[][().*+?^$\\|]/\\&/g')\$")
else arguments+=(-LE '^long$'); fi
status=0
# CTest's closing lines are kept back: they are the last thing printed. (The output of tests that passed is kept for what they skipped.)
"${wrapper[@]}" ctest "${arguments[@]}" 2>&1 |
  awk -v closing="$closing" '/^[0-9]+% tests passed/ {held = 1} held {print > closing; next} {print; fflush()}' || status=1

# Which tests were skipped, or parts of them, and why: the line beginning with "skipped: ", or Catch2's explanation.
skipped_tests() {
  [ -e "$junit" ] || return 0
  awk '
    /<testcase / {name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name); whole = 0; count = 0; split("", times)}
    /<skipped / {whole = 1}
    /skipped: / && whole {reason = $0; sub(/.*skipped: /, "", reason); sub(/<\/system-out>.*/, "", reason); note(reason)}
    /^explicitly with message:/ {getline; sub(/^ +/, ""); note($0)}
    /<\/testcase>/ {
      if (whole && count == 0) note("(no reason given)")
      for (i = 1; i <= count; ++i)
        printf("   %s %s: %s%s\n", whole ? "skipped:" : "in part:", name, reasons[i], (times[reasons[i]] > 1 ? " (" times[reasons[i]] " times)" : ""))
    }
    function note(reason) {if (!times[reason]++) reasons[++count] = reason}
  ' "$junit" | sed "s/&quot;/\"/g; s/&apos;/'/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g"
}
failed_tests() {
  [ -e "$junit" ] || return 0
  sed -n '/<testcase .*status="fail"/s/.*<testcase name="\([^"]*\)".*/   failed:  \1/p' "$junit"
}

say "preset $preset, ${label:-all labels}: set up $((configured - started)) s, build $((compiled - configured)) s, tests $((SECONDS - compiled)) s; results in ${junit#"$root"/}"
skipped_tests
failed_tests
[ "$status" = 0 ] || printf '   again:   ./tests/run.sh --preset %s %s  (one test: ctest --test-dir %s --output-on-failure -R NAME)\n' \
  "$preset" "$label" "${build#"$root"/}"
echo
[ -s "$closing" ] || { echo "CTest ended without its closing lines: no result"; exit 1; }
cat "$closing"
exit "$status"
