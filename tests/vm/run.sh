#!/usr/bin/env bash
# run.sh KERNEL PROCESSOR FOLDER: boots a Debian kernel (6.1, 6.12) on a processor that QEMU emulates, with cgroup v2 only, and has
# the sandbox checked there, as root and as a user with a delegated group (guest/checks.sh). What strict programs see there must be
# what they see here. Everything that was printed is left in FOLDER.
set -euo pipefail

kernel=$1 processor=$2 folder=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

skip() { printf 'skipped: %s; cmake/setup-debian.sh --with-vm gets what is needed\n' "$*"; exit 77; }
command -v qemu-system-x86_64 >/dev/null || skip "QEMU (qemu-system-x86) is not installed"
busybox=$(command -v busybox) && ! ldd "$busybox" >/dev/null 2>&1 || skip "a static busybox (busybox-static) is not installed"
image=$FORGEPOOL_KERNELS/$kernel/vmlinuz
[ -r "$image" ] || skip "there is no Linux $kernel in $FORGEPOOL_KERNELS"

# --- the machine's disk ----------------------------------------------------------------------------------------------

rm -rf "$folder"
root=$folder/root
mkdir -p "$root"/{bin,etc,lib,lib64,guest,tests/sandboxees}
cp "$busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
cp "$here"/guest/{machine,checks}.sh "$root/guest/"
install -m 755 "$here/guest/init" "$root/init"
printf '%s\n' root:x:0:0::/:/bin/sh agent:x:1000:1000::/:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: agent:x:1000: nogroup:x:65534: >"$root/etc/group"

programs=("$FORGEPOOL_PROGRAM:forgepool" "$FORGEPOOL_PROBE:probe" "$FORGEPOOL_HOSTILE:hostile" "$FORGEPOOL_DETERMINISM:determinism")
for program in "${programs[@]}"; do
  strip -o "$root/tests/${program##*:}" "${program%:*}"
  # Lines "name => path (address)" and, for the loader, "path (address)".
  ldd "${program%:*}" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}'
done | sort -u | while read -r library; do
  case $library in
    */ld-linux*) cp -L "$library" "$root/lib64/" ;;
    *) strip -o "$root/lib/$(basename "$library")" "$library" ;;
  esac
done
find "$FORGEPOOL_SANDBOXEES" -maxdepth 1 -type f -executable ! -name '*.*' -exec cp -t "$root/tests/sandboxees" {} +
(cd "$root" && find . | "$busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$folder/initrd"
rm -rf "$root"

# --- booting ---------------------------------------------------------------------------------------------------------

# vsyscall: Debian's kernels have no page for those system calls of long ago, unless asked; where others have it, strict programs are told
# the time there, else they get a signal. One processor: with more, emulation is slower, and not steady.
boot() {
  timeout --kill-after 10 2400 qemu-system-x86_64 -M q35 -accel tcg -cpu "$processor" -m 1024 -smp 1 -display none -no-reboot -nodefaults \
    -serial "file:$folder/console.txt" -serial "file:$folder/results.txt" \
    -kernel "$image" -initrd "$folder/initrd" -append "console=ttyS0 quiet panic=-1 vsyscall=xonly" </dev/null
}

FORGEPOOL_SANDBOXEES=$FORGEPOOL_SANDBOXEES "$FORGEPOOL_PROBE" answers >"$folder/answers-here.txt"
# An emulator that crashes (QEMU 7.2 sometimes does, with 6.12) has checked nothing. Whatever else goes wrong is a result.
for attempt in 1 2 3; do
  status=0
  boot || status=$?
  case $status in
    124 | 137) break ;;  # Out of time.
  esac
  [ "$status" -gt 128 ] || break
  echo "QEMU crashed (exit code $status), attempt $attempt"
done
rm -f "$folder/initrd"
cat "$folder/results.txt"

# --- what came of it -------------------------------------------------------------------------------------------------

failed=0
# rcpps and rsqrtps: processors approximate in different ways, and nothing traps them. It is part of the numeric class (approx-…).
comparable() { grep -v '^approximate reciprocal' "$1"; }
fault() { printf 'FAILED: %s\n' "$*"; failed=1; }
[ "$status" = 0 ] || fault "QEMU ended with exit code $status"
grep -qx "end of checks" "$folder/results.txt" || { fault "the machine ended early; its console:"; tail -30 "$folder/console.txt"; }
for check in "bare group" "crowded group" "read-only group" "others' group" "twin agents" "other hostile tests"; do
  grep -qx "check $check: 0" "$folder/results.txt" || fault "$check"
done
for who in root delegated; do
  for check in doctor answers renewals hostile determinism; do
    grep -qx "check $check $who: 0" "$folder/results.txt" || fault "$check as $who"
  done
  sed -n "/^--- answers $who /,/^check answers $who: /p" "$folder/results.txt" | grep = >"$folder/answers-$who.txt" || true
  diff <(comparable "$folder/answers-here.txt") <(comparable "$folder/answers-$who.txt") || fault "a strict program sees another world than here, as $who"
done
[ "$(grep -c '^level full$' "$folder/results.txt")" -ge 4 ] || fault "not everything ran at level full"
exit $failed
