#!/usr/bin/env bash
# older_compiler.sh INCLUDE [ASIO_FLAG…]: clang 14, the oldest compiler that the public headers are written for, takes all of them.
set -uo pipefail
include=$1; shift
compiler=$(command -v clang++-14) || { echo "skipped: there is no clang++-14 here"; exit 77; }
failures=0
while IFS= read -r header; do
  name=${header#"$include"/}
  printf '#include <%s>\n' "$name" | "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I "$include" "$@" -x c++ - || { echo "FAILED: $name"; failures=$((failures + 1)); }
done < <(find "$include" -name '*.hpp' -o -name '*.h' | sort)
[ "$failures" = 0 ] && echo "all public headers compile with clang 14"
exit $((failures != 0))
