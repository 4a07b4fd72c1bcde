#include "sandbox/box_init/root_filesystem.hpp"

#include <linux/fcntl.h>
#include <linux/mount.h>

namespace forgepool::sandbox::box_init {
namespace {

constexpr long unmount_detached = 2;  // MNT_DETACH of <sys/mount.h>
constexpr std::uint64_t always = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t writable_flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

void close_fd(long fd) {
  system_call(__NR_close, fd);
}

long set_option(long context, const char* key, const char* value) {
  return system_call(__NR_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

/// A tmpfs that is mounted nowhere yet. Its descriptor, or -errno.
long make_tmpfs(const PlanView& view, const PlannedTmpfs& planned, std::uint64_t attributes) {
  const long context = system_call(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (failed(context)) return context;
  long result = set_option(context, "size", view.at(planned.size));
  if (!failed(result)) result = set_option(context, "nr_inodes", view.at(planned.inodes));
  if (!failed(result)) result = set_option(context, "mode", "0755");
  if (!failed(result)) result = system_call(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (!failed(result)) result = system_call(__NR_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  close_fd(context);
  return result;
}

long attach(long mount, const char* where) {
  return system_call(__NR_move_mount, mount, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH);
}

long make_folder(const char* name) {
  return system_call(__NR_mkdirat, AT_FDCWD, name, 0755);
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

BoxFailure create_empty(const char* name, std::uint32_t mode) {
  const long file = create_file(name, mode);
  if (auto failure = check(file, BoxStep::null_device)) return failure;
  close_fd(file);
  return {};
}

BoxFailure place_null_device(long mount) {
  if (auto failure = check(make_folder("dev"), BoxStep::null_device)) return failure;
  if (auto failure = create_empty("dev/null", 0666)) return failure;
  const auto failure = check(attach(mount, "dev/null"), BoxStep::null_device);
  close_fd(mount);
  return failure;
}

BoxFailure add_writable(const PlanView& view, const PlannedTmpfs& planned, const char* name) {
  if (auto failure = check(make_folder(name), BoxStep::writable_tmpfs)) return failure;
  const long mount = make_tmpfs(view, planned, always | MOUNT_ATTR_NOEXEC);
  if (auto failure = check(mount, BoxStep::writable_tmpfs)) return failure;
  const auto failure = check(attach(mount, name), BoxStep::writable_tmpfs);
  close_fd(mount);
  return failure;
}

/// In place of what is mounted there.
BoxFailure replace_writable(const PlanView& view, const PlannedTmpfs& planned, const char* path) {
  constexpr auto step = BoxStep::writable_tmpfs;
  if (auto failure = check(system_call(__NR_umount2, path, unmount_detached), step)) return failure;
  // One call where the newer interface, which can prepare a mount anywhere, takes eight.
  return check(system_call(__NR_mount, "none", path, "tmpfs", writable_flags, view.at(planned.options)), step);
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
  if (auto failure = replace_writable(view, view.plan().root, "/in")) return failure;
  folder = open_input_folder();
  if (auto failure = check(folder, step)) return failure;
  return make_read_only("/in");
}

/// With both arguments "." the old root ends up on top of the new one, from where it can be detached: no folder for it is
/// needed.
BoxFailure enter_root() {
  return check(system_call(__NR_pivot_root, ".", "."), BoxStep::pivot_root);
}

}  // namespace

BoxFailure build_root(const PlanView& view) {
  const auto& plan = view.plan();
  mount_attr propagation{};
  propagation.propagation =
      1ull << 18;  // MS_PRIVATE: nothing that we mount reaches the host, nothing the host mounts reaches us
  const long made_private = system_call(__NR_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &propagation, sizeof propagation);
  if (auto failure = check(made_private, BoxStep::private_mounts)) return failure;

  const long null_device = take_null_device();
  if (auto failure = check(null_device, BoxStep::null_device)) return failure;
  const long root = make_tmpfs(view, plan.root, always | (plan.may_execute ? 0u : MOUNT_ATTR_NOEXEC));
  if (auto failure = check(root, BoxStep::root_tmpfs)) return failure;
  // Mounted over the old root, which every machine has; no other folder of the host is relied on.
  if (auto failure = check(attach(root, "/"), BoxStep::root_tmpfs)) return failure;
  if (auto failure = check(system_call(__NR_fchdir, root), BoxStep::root_tmpfs)) return failure;
  close_fd(root);

  // A file system of its own where it will be exchanged for a new one.
  if (auto failure = plan.strict ? add_writable(view, plan.root, "in") : check(make_folder("in"), BoxStep::input_files))
    return failure;
  if (auto failure = add_writable(view, plan.out, "out")) return failure;
  if (auto failure = add_writable(view, plan.tmp, "tmp")) return failure;
  if (auto failure = place_null_device(null_device)) return failure;
  // Strict programs open these too; what they read there is made by the handlers.
  if (plan.strict) {
    if (auto failure = create_empty("dev/urandom", 0666)) return failure;
    if (auto failure = create_empty("dev/random", 0666)) return failure;
  }
  return enter_root();
}

BoxFailure drop_host() {
  if (auto failure = check(system_call(__NR_umount2, ".", unmount_detached), BoxStep::pivot_root)) return failure;
  return check(system_call(__NR_chdir, "/"), BoxStep::pivot_root);
}

BoxFailure make_read_only(const char* mount) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return check(system_call(__NR_mount_setattr, AT_FDCWD, mount, 0, &attributes, sizeof attributes), BoxStep::read_only_root);
}

BoxFailure renew_root(const PlanView& view, long& folder) {
  const auto& plan = view.plan();
  if (auto failure = replace_writable(view, plan.out, "/out")) return failure;
  if (auto failure = replace_writable(view, plan.tmp, "/tmp")) return failure;
  return renew_input_folder(view, folder);
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
