#!/usr/bin/env bash
# Installs everything that building and testing libforgepool needs on Debian 12 (bookworm).
#
# Idempotent and quiet: what is there already is left alone, and a line says what is being done. Needs root (or sudo) only
# for the packages that are missing. Third-party sources that Debian has no usable binary of (BoringSSL, ngtcp2) are unpacked
# into $FORGEPOOL_DEPS_DIR (default ~/.cache/forgepool/deps), where CMake looks for them, as pinned in dependencies.pins.
#
#   cmake/setup-debian.sh            everything, for building, tests and benchmarks
#   cmake/setup-debian.sh --build    only what is needed to build and run the examples
#   … --with-aws-lc                  the source of AWS-LC too, for -DFORGEPOOL_CRYPTO=aws-lc
#   … --with-clang                   clang 16 and its run-time libraries too, for the preset fuzz
#   … --with-vm                      QEMU and Debian's kernels too, for the tests with the label vm; they are skipped without
set -euo pipefail

# shellcheck source=cmake/debian-sources.sh
. "$(dirname "${BASH_SOURCE[0]}")/debian-sources.sh"

mode=all
aws_lc=no
clang=no
vm=no

for argument in "$@"; do
  case $argument in
    --build) mode=--build ;;
    --with-aws-lc) aws_lc=yes ;;
    --with-clang) clang=yes ;;
    --with-vm) vm=yes ;;
    *) die "unknown argument $argument: expected --build, --with-aws-lc, --with-clang, --with-vm or nothing" ;;
  esac
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "'$*' needs root. Run this script as root once, or install the packages by hand."; fi
}

build_packages=(
  g++ cmake ninja-build pkg-config ccache patch xz-utils
  libasio-dev libflatbuffers-dev flatbuffers-compiler libseccomp-dev libfmt-dev libsqlite3-dev libexpected-dev
  libp11-kit-dev libcli11-dev nlohmann-json3-dev libspdlog-dev libcap2-bin libzydis-dev)
build_backports=(libnghttp3-dev)
test_packages=(
  softhsm2 libbenchmark-dev libssl-dev openssl libpq-dev libcurl4-openssl-dev gnutls-bin golang-golang-x-mod-dev iproute2 python3
  python3-jsonschema chromium chromium-driver
  bubblewrap crun runc firejail)  # The last line: what ./benchmarks/run.sh sandbox compares with.
test_backports=(catch2 golang-1.23-go golang-github-lucas-clemente-quic-go-dev ngtcp2-client)

# --- Debian packages -------------------------------------------------------------------------------------------------

suites_ready() { [ -e /etc/apt/sources.list.d/forgepool.sources ]; }

add_suites() {
  suites_ready && return 0
  local uri
  uri=$(debian_uri) || die "found no apt entry for Debian bookworm to copy the address from (is this Debian 12?)"
  say "adding Debian's bookworm-backports to apt (/etc/apt/sources.list.d/forgepool.sources)"
  as_root tee /etc/apt/sources.list.d/forgepool.sources >/dev/null <<SOURCES
# Added by libforgepool's cmake/setup-debian.sh. Backports are never installed unless asked for by name.
Types: deb
URIs: $uri
Suites: bookworm-backports
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

# --- virtual machines ------------------------------------------------------------------------------------------------

# fetch_kernel LINE SUITE: the kernel alone, not installed, as $deps_dir/kernels/LINE/vmlinuz.
fetch_kernel() {
  local line=$1 suite=$2 into=$deps_dir/kernels/$1 package work
  if [ -e "$into/vmlinuz" ]; then return 0; fi
  add_suites
  apt_update
  package=$(apt-cache show "linux-image-amd64/$suite" 2>/dev/null | sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -1)
  case $package in "linux-image-$line."*) ;; *) return 1 ;; esac
  say "fetching the kernel of $package ($suite)"
  work=$(mktemp -d)
  chmod 755 "$work"
  if (cd "$work" && apt-get download -qq "$package" >/dev/null 2>&1 && dpkg --fsys-tarfile "$package"_*.deb | tar x --wildcards './boot/vmlinuz-*'); then
    mkdir -p "$into"
    mv "$work"/boot/vmlinuz-* "$into/vmlinuz"
  fi
  rm -rf "$work"
  [ -e "$into/vmlinuz" ]
}

# The tests say that they were skipped, and why: nothing else needs any of this.
set_up_vm() {
  local need
  need=$(missing_of qemu-system-x86 busybox-static)
  if [ -n "$need" ]; then
    apt_update
    say "installing $need"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends $need >/dev/null || say "could not install $need"
  fi
  fetch_kernel 6.1 bookworm || say "Linux 6.1 is not to be had"
  fetch_kernel 6.12 bookworm-backports || say "Linux 6.12 is not to be had"
}

# --- all of it -------------------------------------------------------------------------------------------------------

install_packages
unpack_source boringssl
unpack_source ngtcp2
[ "$aws_lc" = no ] || unpack_source aws-lc
[ "$vm" = no ] || set_up_vm
say "ready (sources in $deps_dir)"
