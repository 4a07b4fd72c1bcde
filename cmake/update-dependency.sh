#!/usr/bin/env bash
# update-dependency.sh                     which versions of what is pinned Debian has now
# update-dependency.sh NAME VERSION        pins another version of it: boringssl, ngtcp2, aws-lc
#
# The new version comes first in dependencies.pins, and of the others the best stays behind it (--keep N: so many). Its hashes are those
# of what apt fetched, whose signature it has checked. DEPENDENCIES.md says what else belongs to an update.
set -euo pipefail

# shellcheck source=cmake/debian-sources.sh
. "$(dirname "${BASH_SOURCE[0]}")/debian-sources.sh"
suites=(sid trixie-backports trixie bookworm-backports bookworm)
usage() { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

package_of() { awk -v folder="$1" '$1 == folder {print $2; exit}' "$pins"; }

# available SUITE PACKAGE: its versions there.
available() { source_apt "$1" apt-cache showsrc "$2" 2>/dev/null | awk -v package="$2" '$1 == "Package:" {here = $2 == package} here && $1 == "Version:" {print $2}'; }

list() {
  local suite folder version
  for suite in "${suites[@]}"; do
    read_suite "$suite" || { say "$suite cannot be read"; continue; }
    for folder in $(awk '!/^#/ && NF {print $1}' "$pins" | uniq); do
      for version in $(available "$suite" "$(package_of "$folder")"); do
        printf '%-10s %-22s %-18s %s\n' "$folder" "$version" "$suite" \
          "$(pinned "$folder" | awk -v version="$version" '$2 == version {print "pinned"}')"
      done
    done
  done
}

update() {
  local folder=$1 version=$2 keep=$3 package suite work line
  package=$(package_of "$folder")
  [ -n "$package" ] || die "nothing called $folder is pinned; there are: $(awk '!/^#/ && NF {print $1}' "$pins" | uniq | tr '\n' ' ')"
  for suite in "${suites[@]}"; do
    read_suite "$suite" || continue
    available "$suite" "$package" | grep -qxF -- "$version" && break
    suite=
  done
  [ -n "$suite" ] || die "no suite has $package $version; $0 without arguments lists what there is"
  work=$(mktemp -d)
  download "$package" "$version" "$suite" "$work" || die "$package $version ($suite) could not be fetched"
  line=$(printf '%-10s %-35s %-18s %-9s %s %s' "$folder" "$package" "$version" "$suite" \
    "$(sha256sum "$work"/*.orig.tar.*z | cut -d' ' -f1)" "$(sha256sum "$work"/*.debian.tar.*z | cut -d' ' -f1)")
  awk -v folder="$folder" -v version="$version" -v line="$line" -v keep="$keep" '
    $1 == folder && !done {print line; done = 1}
    $1 == folder && ($3 == version || ++kept > keep) {next}
    {print}' "$pins" >"$work/pins"
  cp "$work/pins" "$pins"
  rm -rf "$work"
  unpack_source_anew "$folder"
  say "pinned. Now: ./tests/run.sh dependencies, then ./tests/run.sh"
}

# What is unpacked may be the version before, which is pinned still.
unpack_source_anew() {
  rm -f "$deps_dir/$1/.pin"
  unpack_source "$1"
}

keep=1
if [ "${1:-}" = --keep ]; then
  [ $# -ge 2 ] || usage
  keep=$2
  shift 2
fi
case $# in
  0) list ;;
  2) update "$1" "$2" "$keep" ;;
  *) usage ;;
esac
