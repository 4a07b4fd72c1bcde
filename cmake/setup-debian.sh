#!/usr/bin/env bash
# Installs everything that building and testing libforgepool needs on Debian 12 (bookworm).
#
# Idempotent and quiet: what is there already is left alone, and a line says what is being done. Needs root (or sudo) only
# for the packages that are missing. Third-party sources that Debian has no usable binary of (BoringSSL, ngtcp2) are unpacked
# into $FORGEPOOL_DEPS_DIR (default ~/.cache/forgepool/deps), where CMake looks for them; their hashes are pinned below.
#
#   cmake/setup-debian.sh            everything, for building, tests and benchmarks
#   cmake/setup-debian.sh --build    only what is needed to build and run the examples
#   … --with-aws-lc                  the source of AWS-LC too, for -DFORGEPOOL_CRYPTO=aws-lc
#   … --with-clang                   clang 16 and its run-time libraries too, for the preset fuzz
set -euo pipefail

deps_dir=${FORGEPOOL_DEPS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/forgepool/deps}
mode=all
aws_lc=no
clang=no

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

for argument in "$@"; do
  case $argument in
    --build) mode=--build ;;
    --with-aws-lc) aws_lc=yes ;;
    --with-clang) clang=yes ;;
    *) die "unknown argument $argument: expected --build, --with-aws-lc, --with-clang or nothing" ;;
  esac
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "'$*' needs root. Run this script as root once, or install the packages by hand."; fi
}

build_packages=(
  g++ cmake ninja-build pkg-config ccache
  libasio-dev libflatbuffers-dev flatbuffers-compiler libseccomp-dev libfmt-dev libsqlite3-dev libexpected-dev
  libp11-kit-dev libcli11-dev nlohmann-json3-dev libspdlog-dev libcap2-bin libzydis-dev)
build_backports=(libnghttp3-dev)
test_packages=(
  softhsm2 libbenchmark-dev libssl-dev openssl libpq-dev libcurl4-openssl-dev gnutls-bin golang-golang-x-mod-dev iproute2 python3
  python3-jsonschema chromium chromium-driver
  bubblewrap crun runc firejail)  # The last line: what ./benchmarks/run.sh sandbox compares with.
test_backports=(catch2 golang-1.23-go golang-github-lucas-clemente-quic-go-dev ngtcp2-client)

# --- Debian packages -------------------------------------------------------------------------------------------------

# The base URIs of the machine's own Debian entry for bookworm: this script names no host.
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

suites_ready() { [ -e /etc/apt/sources.list.d/forgepool.sources ]; }

add_suites() {
  suites_ready && return 0
  local uri keyring
  uri=$(debian_uri) || die "found no apt entry for Debian bookworm to copy the address from (is this Debian 12?)"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  say "adding Debian's bookworm-backports and the source packages of sid to apt (/etc/apt/sources.list.d/forgepool.sources)"
  as_root tee /etc/apt/sources.list.d/forgepool.sources >/dev/null <<SOURCES
# Added by libforgepool's cmake/setup-debian.sh. Backports are never installed unless asked for by name.
Types: deb deb-src
URIs: $uri
Suites: bookworm-backports
Components: main
Signed-By: $keyring

# Source packages only: nothing from sid is ever installed as a binary.
Types: deb-src
URIs: $uri
Suites: sid
Components: main
Signed-By: $keyring
SOURCES
  updated=no
}

updated=no
apt_update() {
  [ "$updated" = yes ] && return 0
  say "reading the package lists"
  as_root apt-get update -qq >/dev/null 2>&1 || as_root apt-get update -qq
  updated=yes
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

missing_of() { local p; for p in "$@"; do installed "$p" || printf '%s ' "$p"; done; }

# Of these, bookworm itself has versions under the same name that do not do.
oldest_usable() {
  case $1 in
    catch2) echo 3 ;;
    golang-github-lucas-clemente-quic-go-dev) echo 0.40 ;;  # Older ones cannot be built with the Go that is installed beside it.
    *) echo 0 ;;
  esac
}

missing_backports_of() {
  local p
  for p in "$@"; do
    if ! installed "$p" || dpkg --compare-versions "$(dpkg-query -W -f='${Version}' "$p")" lt "$(oldest_usable "$p")"; then printf '%s ' "$p"; fi
  done
}

install_packages() {
  local plain=("${build_packages[@]}") backports=("${build_backports[@]}") need need_bp
  if [ "$mode" != --build ]; then plain+=("${test_packages[@]}"); backports+=("${test_backports[@]}"); fi
  if [ "$clang" = yes ]; then plain+=(clang-16 libclang-rt-16-dev); fi
  command -v node >/dev/null || [ "$mode" = --build ] || plain+=(nodejs)
  command -v npm >/dev/null || [ "$mode" = --build ] || plain+=(npm)
  need=$(missing_of "${plain[@]}")
  need_bp=$(missing_backports_of "${backports[@]}")
  [ -z "$need$need_bp" ] && return 0
  add_suites
  apt_update
  export DEBIAN_FRONTEND=noninteractive
  if [ -n "$need" ]; then
    say "installing $need"
    # shellcheck disable=SC2086
    as_root apt-get install -y -qq --no-install-recommends $need >/dev/null || die "apt-get could not install: $need"
  fi
  if [ -n "$need_bp" ]; then
    say "installing from backports: $need_bp"
    # shellcheck disable=SC2086
    as_root apt-get install -y -qq --no-install-recommends -t bookworm-backports $need_bp >/dev/null ||
      die "apt-get could not install from backports: $need_bp"
  fi
}

# --- third-party sources ---------------------------------------------------------------------------------------------

# fetch_source FOLDER then any number of PACKAGE=VERSION TARBALL SHA256, tried in order: rolling suites drop old versions.
fetch_source() {
  local folder=$1 package tarball hash; shift
  while [ $# -gt 0 ]; do
    package=$1 tarball=$2 hash=$3; shift 3
    if [ -e "$deps_dir/$folder/.sha256" ] && [ "$(cat "$deps_dir/$folder/.sha256")" = "$hash" ]; then return 0; fi
  done
  return 1
}

unpack_source() {
  local folder=$1 package tarball hash work; shift
  fetch_source "$folder" "$@" && return 0
  add_suites
  apt_update
  work=$(mktemp -d)
  chmod 755 "$work"
  while [ $# -gt 0 ]; do
    package=$1 tarball=$2 hash=$3; shift 3
    say "fetching the source of $package"
    if (cd "$work" && apt-get source -qq --download-only --tar-only "$package" >/dev/null 2>&1) &&
       printf '%s  %s\n' "$hash" "$work/$tarball" | sha256sum --check --quiet - 2>/dev/null; then
      rm -rf "${deps_dir:?}/$folder.new"
      mkdir -p "$deps_dir/$folder.new"
      tar xf "$work/$tarball" -C "$deps_dir/$folder.new" --strip-components=1
      printf '%s' "$hash" >"$deps_dir/$folder.new/.sha256"
      rm -rf "${deps_dir:?}/$folder" "$work"
      mv "$deps_dir/$folder.new" "$deps_dir/$folder"
      return 0
    fi
    say "$package is not to be had with the pinned hash; trying the next pinned version, if any"
  done
  rm -rf "$work"
  die "no pinned source of $folder could be fetched. Unpack one yourself and pass -DFORGEPOOL_${folder^^}_SOURCE_DIR=… to CMake."
}

install_packages
unpack_source boringssl \
  android-platform-external-boringssl=14.0.0+r45-3 android-platform-external-boringssl_14.0.0+r45.orig.tar.xz \
  f9223e8c15ad5d9e3f1cd50861f4c272658864661e2332bea5d60952aa0930cd
unpack_source ngtcp2 \
  ngtcp2=1.24.0-1 ngtcp2_1.24.0.orig.tar.xz 7fa5ec2be0f0cbed8bc4ec89c0787dfa9d8ce678f1ed9477c52f30eb1a591207 \
  ngtcp2=1.11.0-1~bpo12+1 ngtcp2_1.11.0.orig.tar.xz 382c15bf66b630f26021631b25b7eb1feac42c67c1d6826189d61091dfaa4d09
[ "$aws_lc" = no ] || unpack_source aws-lc \
  rust-aws-lc-sys=0.42.0+dfsg-1 rust-aws-lc-sys_0.42.0+dfsg.orig.tar.gz \
  620e70a494cb11290e5a9665a739d97bef57971faf902da969a2b636cdd4bf1c
say "ready (sources in $deps_dir)"
