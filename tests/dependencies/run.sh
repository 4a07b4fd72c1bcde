#!/usr/bin/env bash
# run.sh NAME VERSION FOLDER: fetches one pinned version of a dependency, builds libforgepool over it in FOLDER, and runs the tests of the
# layers that touch it. The other dependencies are those that the machine's setup has unpacked.
set -euo pipefail

name=$1 version=$2 folder=$3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=cmake/debian-sources.sh
. "$root/cmake/debian-sources.sh"

line=$(pinned "$name" | awk -v version="$version" '$2 == version')
read -r package _ suite source_hash debian_hash <<<"$line"
unpack_pin "$name" "$package" "$version" "$suite" "$source_hash" "$debian_hash" "$folder/source" || {
  echo "skipped: Debian's archive does not give $package $version ($suite) out from here"
  exit 77
}

options=()
case $name in
  boringssl) options+=("-DFORGEPOOL_BORINGSSL_SOURCE_DIR=$folder/source") ;;
  ngtcp2) options+=("-DFORGEPOOL_NGTCP2_SOURCE_DIR=$folder/source") ;;
  aws-lc) options+=(-DFORGEPOOL_CRYPTO=aws-lc "-DFORGEPOOL_AWS_LC_SOURCE_DIR=$folder/source/aws-lc") ;;
  *) echo "unknown dependency $name"; exit 1 ;;
esac
cmake --preset dev -S "$root" -B "$folder/build" -DFORGEPOOL_BUILD_TESTS=ON -DFORGEPOOL_BUILD_EXAMPLES=OFF "${options[@]}" >"$folder/configure.log" 2>&1 ||
  { cat "$folder/configure.log"; exit 1; }
tests=(crypto_test identity_test unit_transport conformance_transport)
cmake --build "$folder/build" --target forgepool "${tests[@]}" >"$folder/build.log" 2>&1 || { tail -60 "$folder/build.log"; exit 1; }
ctest --test-dir "$folder/build" --output-on-failure --no-tests=error -R "^($(IFS='|'; echo "${tests[*]}"))\$"
