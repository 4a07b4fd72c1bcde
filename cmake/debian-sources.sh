# Sourced by the scripts beside it: third-party sources out of Debian's archive, pinned in dependencies.pins, with Debian's patches.
# Nothing here needs root: apt gets lists and folders of its own, and the machine's are left alone.

deps_dir=${FORGEPOOL_DEPS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/forgepool/deps}
pins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/dependencies.pins
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf '%s: %s\n' "$(basename "$0" | sed 's/-.*//')" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# The base URIs of the machine's own Debian entry for bookworm: these scripts name no host.
debian_uri() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    awk '/^URIs:/ {uri=$2} /^Suites:/ {for (i=2;i<=NF;i++) if ($i=="bookworm") found=1}
         /^$/ {if (found) exit; uri=""} END {if (found && uri != "") print uri}' "$file" | grep . && return 0
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] || continue
    awk '$1=="deb" {i=2; if ($i ~ /^\[/) {while ($i !~ /\]$/) i++; i++} if ($(i+1)=="bookworm") {print $i; exit}}' "$file" |
      grep . && return 0
  done
  return 1
}

# source_apt SUITE PROGRAM ARGUMENT…: apt-get or apt-cache, knowing the source packages of one suite and nothing else.
source_apt() {
  local own=$deps_dir/apt/$1 program=$2; shift 2
  "$program" -o "Dir::Etc::SourceList=$own/sources.list" -o Dir::Etc::SourceParts=/nonexistent -o "Dir::State::Lists=$own/lists" \
    -o "Dir::Cache=$own/cache" -o APT::Sandbox::User=root -qq "$@"
}

# read_suite SUITE: what there is now. Once in a script's life.
read_suite() {
  local own=$deps_dir/apt/$1 uri
  if [[ " ${suites_read:-} " == *" $1 "* ]]; then return 0; fi
  uri=$(debian_uri) || die "found no apt entry for Debian bookworm to copy the address from (is this Debian 12?)"
  mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
  printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$1" >"$own/sources.list"
  say "reading the list of Debian's source packages ($1)"
  source_apt "$1" apt-get update >/dev/null 2>&1 || return 1
  suites_read="${suites_read:-} $1"
}

# pinned FOLDER: its lines of the pins, best first: "package version suite hash-of-source hash-of-debian's-part".
pinned() { awk -v folder="$1" '$1 == folder {print $2, $3, $4, $5, $6}' "$pins"; }

# download PACKAGE VERSION SUITE FOLDER: the two archives of a source package, as Debian signed them.
download() {
  (cd "$4" && source_apt "$3" apt-get source --download-only --tar-only "$1=$2" >/dev/null 2>&1 &&
    source_apt "$3" apt-get source --download-only --diff-only "$1=$2" >/dev/null 2>&1)
}

# unpack_pin FOLDER PACKAGE VERSION SUITE SOURCE-HASH DEBIAN-HASH INTO: fetched, checked, patched. 1 if it is not to be had.
unpack_pin() {
  local folder=$1 package=$2 version=$3 suite=$4 source_hash=$5 debian_hash=$6 into=$7 work patch
  local mark="$package $version $source_hash $debian_hash"
  if [ -e "$into/.pin" ] && [ "$(cat "$into/.pin")" = "$mark" ]; then return 0; fi
  work=$(mktemp -d)
  if ! read_suite "$suite" || ! say "fetching the source of $package $version ($suite)" || ! download "$package" "$version" "$suite" "$work"; then
    rm -rf "$work"
    return 1
  fi
  # Either hash being another one is no accident to be passed over: the archive signs what it serves, and never changes a version.
  printf '%s  %s\n' "$source_hash" "$(echo "$work"/*.orig.tar.*z)" "$debian_hash" "$(echo "$work"/*.debian.tar.*z)" |
    sha256sum --check --quiet - >/dev/null || die "$package $version is not what $pins says it is"
  mkdir "$work/tree"
  tar xf "$work"/*.orig.tar.*z -C "$work/tree" --strip-components=1
  rm -rf "$work/tree/debian"
  tar xf "$work"/*.debian.tar.*z -C "$work/tree"
  while read -r patch; do
    patch --quiet --directory "$work/tree" --strip 1 --input "debian/patches/$patch" || die "$package $version: Debian's $patch does not apply"
  done < <(sed 's/ *#.*//; /^ *$/d' "$work/tree/debian/patches/series" 2>/dev/null || true)
  printf '%s' "$mark" >"$work/tree/.pin"
  mkdir -p "$(dirname "$into")"
  rm -rf "$into.old" "$into.new"
  mv "$work/tree" "$into.new"
  if [ -e "$into" ]; then mv "$into" "$into.old"; fi
  mv "$into.new" "$into"
  rm -rf "$into.old" "$work"
}

# unpack_source FOLDER: the first of its pins that can be had, into $deps_dir/FOLDER. Rolling suites drop old versions.
unpack_source() {
  local folder=$1 package version suite source_hash debian_hash
  local into=$deps_dir/$folder
  if [ -e "$into/.pin" ] && pinned "$folder" | awk '{print $1, $2, $4, $5}' | grep -qxF -- "$(cat "$into/.pin")"; then return 0; fi
  while read -r package version suite source_hash debian_hash; do
    unpack_pin "$folder" "$package" "$version" "$suite" "$source_hash" "$debian_hash" "$into" </dev/null && return 0
    say "$package $version is not to be had; trying the next pinned version, if any"
  done < <(pinned "$folder")
  die "no pinned source of $folder could be fetched. Unpack one yourself and pass -DFORGEPOOL_${folder^^}_SOURCE_DIR=… to CMake."
}
