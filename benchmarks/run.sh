#!/usr/bin/env bash
# Builds and runs one benchmark in release mode: a table for people, then one JSON object with the figures as the last line.
#
#   benchmarks/run.sh [--no-setup] NAME [argument…]      NAME is transport, pool, …: the target bench_NAME in benchmarks/CMakeLists.txt
#   benchmarks/run.sh --list
#
# Works from any folder. Only the benchmark's own output is on standard output; building is told on standard error.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build/release
setup=yes

say() { printf '== %s\n' "$*" >&2; }
usage() { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
names() { sed -n 's/^[ \t]*forgepool_benchmark(bench_\([a-z0-9_]*\).*/\1/p' "$root/benchmarks/CMakeLists.txt"; }

while [ $# -gt 0 ]; do
  case $1 in
    --no-setup) setup=no; shift ;;
    --list) names; exit 0 ;;
    -*) usage ;;
    *) break ;;
  esac
done
[ $# -ge 1 ] || usage
name=$1; shift
names | grep -qxF -- "$name" || { printf 'no benchmark is called "%s". There are: %s\n' "$name" "$(names | tr '\n' ' ')" >&2; exit 2; }

cd "$root"
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-8G}
[ "$setup" = no ] || cmake/setup-debian.sh
say "configure preset release"
mkdir -p "$build"
cmake --preset release >"$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; exit 1; }
say "build bench_$name"
cmake --build "$build" --target "bench_$name" >"$build/build.log" 2>&1 || { grep -v '^\[[0-9]*/[0-9]*\] ' "$build/build.log" >&2; say "the build failed"; exit 1; }

if [ "$(uptime | sed 's/.*average: *\([0-9]*\).*/\1/')" -ge 1 ]; then say "note: this machine is busy with other things ($(uptime | sed 's/.*load average: /load average /')); the figures will be too low"; fi
say "run bench_$name"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$build/benchmarks/bench_$name" "$@" | tee "$output"
tail -n 1 "$output" | grep -Eq '^\{.*\}$' || { say "bench_$name did not end with a line of JSON"; exit 1; }
