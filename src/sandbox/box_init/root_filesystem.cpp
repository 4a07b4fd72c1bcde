#include "sandbox/box_init/root_filesystem.hpp"

#include <linux/fcntl.h>
#include <linux/mount.h>

#include <initializer_list>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long unmount_detached = 2;  // MNT_DETACH of <sys/mount.h>
constexpr std::uint64_t own_flags = MS_NOSUID | MS_NODEV;
constexpr std::uint64_t output_flags = MS_NOEXEC | MS_NOATIME;

void close_fd(long fd) {
  system_call(__NR_close, fd);
}

/// One call where the newer interface, which can prepare a mount anywhere, takes eight.
BoxFailure mount_tmpfs(const char* where, std::uint64_t flags, const char* options, BoxStep step) {
  return check(system_call(__NR_mount, "none", where, "tmpfs", flags, options), step);
}

BoxFailure mount_folder(const PlanView& view, const char* where, PlanOffset options, std::uint64_t more_flags) {
  return mount_tmpfs(where, own_flags | more_flags, view.at(options), BoxStep::writable_tmpfs);
}

/// What is executed from there are files that came with the request.
std::uint64_t input_flags(const PlanView& view) {
  return view.plan().may_execute ? 0u : MS_NOEXEC;
}

BoxFailure unmount(const char* where) {
  return check(system_call(__NR_umount2, where, unmount_detached), BoxStep::writable_tmpfs);
}

long create_file(const char* name, std::uint32_t mode, long folder = AT_FDCWD) {
  return system_call(__NR_openat, folder, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode);
}

long write_whole(long fd, const char* data, std::uint64_t size) {
  while (size > 0) {
    const long written = system_call(__NR_write, fd, data, size);
    if (written == -interrupted) continue;
    if (failed(written)) return written;
    data += written;
    size -= static_cast<std::uint64_t>(written);
  }
  return 0;
}

/// A mount of the host's /dev/null alone, taken while the host can still be seen. (mknod is not allowed in a user namespace.)
long take_null_device() {
  const long mount = system_call(__NR_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (failed(mount)) return mount;
  mount_attr attributes{};
  // Read-only keeps its mode and times from being changed; a device can be written to nevertheless.
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  const long result = system_call(__NR_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return failed(result) ? result : mount;
}

BoxFailure place_null_device(long mount, const char* where) {
  const long moved = system_call(__NR_move_mount, mount, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH);
  close_fd(mount);
  return check(moved, BoxStep::null_device);
}

BoxFailure create_entries() {
  // Whose they are differs between agents, and what a mode would forbid to others than the owner does too. So nothing is
  // forbidden but by the mount, which is read-only for all.
  for (const char* folder : {"in", "out", "tmp", "dev"})
    if (auto failure = check(system_call(__NR_mkdirat, AT_FDCWD, folder, 0777), BoxStep::root_tmpfs)) return failure;
  // Strict programs open the random devices too; what they read there is made by the handlers.
  for (const char* name : {"dev/null", "dev/urandom", "dev/random"}) {
    const long file = create_file(name, 0666);
    if (auto failure = check(file, BoxStep::null_device)) return failure;
    close_fd(file);
  }
  return {};
}

/// Programs that are not strict would read nothing from the random devices that there are: they find /dev/null alone.
BoxFailure cover_devices() {
  constexpr auto step = BoxStep::null_device;
  const long null_device = system_call(__NR_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (auto failure = check(null_device, step)) return failure;
  if (auto failure = mount_tmpfs("/dev", own_flags | MS_NOEXEC, "size=4k,nr_inodes=4,mode=0755", step)) return failure;
  const long file = create_file("/dev/null", 0666);
  if (auto failure = check(file, step)) return failure;
  close_fd(file);
  if (auto failure = place_null_device(null_device, "/dev/null")) return failure;
  return make_read_only("/dev");
}

/// With both arguments "." the old root ends up on top of the new one, from where it can be detached: no folder for it is
/// needed.
BoxFailure enter_root() {
  if (auto failure = check(system_call(__NR_pivot_root, ".", "."), BoxStep::pivot_root)) return failure;
  if (auto failure = check(system_call(__NR_umount2, ".", unmount_detached), BoxStep::pivot_root)) return failure;
  return check(system_call(__NR_chdir, "/"), BoxStep::pivot_root);
}

/// True if there is a file in it.
bool has_files(long folder) {
  alignas(8) char entries[256];
  // "." and ".." alone: each 24 bytes.
  return system_call(__NR_getdents64, folder, entries, sizeof entries) > 48;
}

BoxFailure renew_input_folder(const PlanView& view, long& folder) {
  constexpr auto step = BoxStep::input_files;
  const long listing = system_call(__NR_openat, folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (auto failure = check(listing, step)) return failure;
  // Whom nobody gave a file has nothing to leave: the program cannot write there.
  const bool used = has_files(listing);
  close_fd(listing);
  if (!used) return {};
  close_fd(folder);
  if (auto failure = unmount("/in")) return failure;
  if (auto failure = mount_input(view)) return failure;
  folder = open_input_folder();
  if (auto failure = check(folder, step)) return failure;
  return make_read_only("/in");
}

}  // namespace

BoxFailure build_root() {
  mount_attr propagation{};
  propagation.propagation =
      1ull << 18;  // MS_PRIVATE: nothing that we mount reaches the host, nothing the host mounts reaches us
  const long made_private = system_call(__NR_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &propagation, sizeof propagation);
  if (auto failure = check(made_private, BoxStep::private_mounts)) return failure;

  const long null_device = take_null_device();
  if (auto failure = check(null_device, BoxStep::null_device)) return failure;
  system_call(__NR_umask, 0);
  // Mounted over the old root, which every machine has; no other folder of the host is relied on.
  if (auto failure = mount_tmpfs("/", own_flags | MS_NOEXEC, "size=64k,nr_inodes=16,mode=0777", BoxStep::root_tmpfs))
    return failure;
  // "/" is still the old one, "/.." is what was mounted over it.
  if (auto failure = check(system_call(__NR_chdir, "/.."), BoxStep::root_tmpfs)) return failure;
  if (auto failure = create_entries()) return failure;
  if (auto failure = place_null_device(null_device, "dev/null")) return failure;
  if (auto failure = enter_root()) return failure;
  return make_read_only("/");
}

BoxFailure mount_input(const PlanView& view) {
  return mount_folder(view, "/in", view.plan().in, input_flags(view));
}

BoxFailure mount_outputs(const PlanView& view) {
  const auto& plan = view.plan();
  if (auto failure = mount_folder(view, "/out", plan.out, output_flags)) return failure;
  if (auto failure = mount_folder(view, "/tmp", plan.tmp, output_flags)) return failure;
  return plan.strict ? BoxFailure{} : cover_devices();
}

BoxFailure make_read_only(const char* mount) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return check(system_call(__NR_mount_setattr, AT_FDCWD, mount, 0, &attributes, sizeof attributes), BoxStep::read_only_root);
}

BoxFailure renew_folders(const PlanView& view, OutputWatch& outputs, long& input_folder) {
  outputs.look();
  for (auto& folder : outputs) {
    if (!folder.changed) continue;
    if (auto failure = unmount(folder.path)) return failure;
    if (auto failure = mount_folder(view, folder.path, folder.options, output_flags)) return failure;
    outputs.start(folder);
  }
  return renew_input_folder(view, input_folder);
}

long open_input_folder() {
  return system_call(__NR_open_tree, AT_FDCWD, "/in", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

BoxFailure write_input_files(long folder, const PlanView& view, const PlannedFile* files, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const long fd = create_file(view.at(files[i].name), files[i].mode, folder);
    if (auto failure = check(fd, BoxStep::input_files)) return failure;
    const long written = write_whole(fd, view.at(files[i].content), files[i].size);
    close_fd(fd);
    if (auto failure = check(written, BoxStep::input_files)) return failure;
  }
  return {};
}

}  // namespace forgepool::sandbox::box_init
