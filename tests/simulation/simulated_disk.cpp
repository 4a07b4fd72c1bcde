#include "simulated_disk.hpp"

#include "disk_image.hpp"

#include <forgepool/backends/sqlite_ledger.hpp>

#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace forgepool::simulation {
namespace {

namespace fs = std::filesystem;

/// One machine's disk. What SQLite's calls do to it.
class Disk {
 public:
  explicit Disk(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }

  /// Whether the next change may happen, and if not with which of SQLite's codes it fails.
  int admit(int broken) {
    if (dead_) return broken;
    if (full_) {
      ++injected_;
      return SQLITE_FULL;
    }
    if (changes_left_ && (*changes_left_)-- == 0) {
      dead_ = true;
      return broken;
    }
    return SQLITE_OK;
  }
  bool dead() const { return dead_; }

  /// SQLite's own view of a file is what is there; what was there before it opened it is durable.
  DiskImage& image(const std::string& path) {
    auto found = images_.find(path);
    if (found == images_.end()) {
      std::ifstream file(path, std::ios::binary);
      found = images_.emplace(path, DiskImage(Bytes(std::istreambuf_iterator<char>(file), {}))).first;
    }
    return found->second;
  }
  void forget(const std::string& path) { images_.erase(path); }

  void die_after(std::uint64_t changes) { changes_left_ = changes; }
  void set_full(bool full) { full_ = full; }
  void crash(testing::Random& random) {
    dead_ = true;
    for (auto& [path, image] : images_) injected_ += image.crash(random);
  }
  /// The machine is started again: the files are what the disk kept.
  void start() {
    if (!dead_) return;
    for (const auto& [path, image] : images_) {
      std::ofstream file(path, std::ios::binary | std::ios::trunc);
      file.write(reinterpret_cast<const char*>(image.durable().data()), static_cast<std::streamsize>(image.durable().size()));
    }
    fs::remove(folder_ + "/ledger.db-shm");  // Shared memory: nothing of it outlives a machine.
    images_.clear();
    dead_ = false;
    changes_left_.reset();
  }
  std::uint64_t injected() const { return injected_; }

 private:
  const std::string folder_;
  std::map<std::string, DiskImage> images_;
  std::optional<std::uint64_t> changes_left_;
  bool dead_ = false;
  bool full_ = false;
  std::uint64_t injected_ = 0;
};

std::set<Disk*>& disks() {
  static std::set<Disk*> all;
  return all;
}
Disk* disk_of(const char* path) {
  for (Disk* disk : disks())
    if (path && std::string_view(path).starts_with(disk->folder())) return disk;
  return nullptr;
}
sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}

/// What SQLite holds for an open file; the system's own follows it in memory.
struct File {
  sqlite3_file base;
  Disk* disk;
  const char* path;  // SQLite keeps it as long as the file is open.

  sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File& of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* inner(sqlite3_file* file) {
  return of(file).inner();
}

int close_file(sqlite3_file* file) {
  return inner(file)->pMethods->xClose(inner(file));
}
int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return inner(file)->pMethods->xRead(inner(file), into, size, offset);
}
int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (const int code = of(file).disk->admit(SQLITE_IOERR_WRITE); code != SQLITE_OK) return code;
  of(file)
      .disk->image(of(file).path)
      .write(static_cast<std::size_t>(offset),
             ByteView(static_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size)));
  return inner(file)->pMethods->xWrite(inner(file), bytes, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = of(file).disk->admit(SQLITE_IOERR_TRUNCATE); code != SQLITE_OK) return code;
  of(file).disk->image(of(file).path).truncate(static_cast<std::size_t>(size));
  return inner(file)->pMethods->xTruncate(inner(file), size);
}
int sync_file(sqlite3_file* file, int) {
  if (const int code = of(file).disk->admit(SQLITE_IOERR_FSYNC); code != SQLITE_OK) return code;
  of(file).disk->image(of(file).path).sync();
  return SQLITE_OK;  // The system's disk has nothing to do with it.
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return inner(file)->pMethods->xFileSize(inner(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return inner(file)->pMethods->xLock(inner(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return inner(file)->pMethods->xUnlock(inner(file), level);
}
int check_lock(sqlite3_file* file, int* locked) {
  return inner(file)->pMethods->xCheckReservedLock(inner(file), locked);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return inner(file)->pMethods->xSectorSize(inner(file));
}
int characteristics(sqlite3_file* file) {
  return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}
int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  return inner(file)->pMethods->xShmMap(inner(file), region, size, extend, memory);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) {
  inner(file)->pMethods->xShmBarrier(inner(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return inner(file)->pMethods->xShmUnmap(inner(file), remove);
}

constexpr sqlite3_io_methods methods{
    2,           close_file,     read_file,    write_file,   truncate_file, sync_file,       file_size,
    lock_file,   unlock_file,    check_lock,   control_file, sector_size,   characteristics, map_shared,
    lock_shared, barrier_shared, unmap_shared, nullptr,      nullptr};

int open_file(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* opened) {
  Disk* disk = disk_of(path);
  of(file).disk = disk;
  of(file).path = path;
  file->pMethods = nullptr;
  const int code = system_vfs()->xOpen(system_vfs(), path, inner(file), flags, opened);
  if (code != SQLITE_OK) return code;
  if (!disk) {
    // None of ours: temporary files. They behave as on a disk that nothing happens to.
    static Disk untouched("");
    of(file).disk = &untouched;
  } else {
    disk->image(path);
  }
  file->pMethods = &methods;
  return SQLITE_OK;
}
int delete_file(sqlite3_vfs*, const char* path, int sync) {
  if (Disk* disk = disk_of(path)) {
    if (disk->dead()) return SQLITE_IOERR_DELETE;
    disk->forget(path);
  }
  return system_vfs()->xDelete(system_vfs(), path, sync);
}

void install_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *system_vfs();
    made.pNext = nullptr;
    made.szOsFile = static_cast<int>(sizeof(File)) + system_vfs()->szOsFile;
    made.zName = "simulated disk";
    made.xOpen = open_file;
    made.xDelete = delete_file;
    return made;
  }();
  sqlite3_vfs_register(&vfs, 1);
}

class SimulatedDisk final : public testing::SimulatedStorage {
 public:
  SimulatedDisk() : disk_(make_folder()) {
    install_vfs();
    disks().insert(&disk_);
  }
  ~SimulatedDisk() override {
    disks().erase(&disk_);
    std::error_code ignored;
    fs::remove_all(disk_.folder(), ignored);
  }

  Result<std::unique_ptr<Ledger>> open(const std::string& origin, const std::shared_ptr<Signer>& key) override {
    disk_.start();
    return open_sqlite_ledger({.path = disk_.folder() + "/ledger.db", .origin = origin, .key = key});
  }
  void crash(testing::Random& random) override { disk_.crash(random); }
  void die_in_next_commit(std::uint64_t seed) override { disk_.die_after(testing::Random(seed).below(20)); }
  void set_full(bool full) override { disk_.set_full(full); }
  std::uint64_t injected() const override { return disk_.injected(); }

 private:
  static std::string make_folder() {
    std::string folder = (fs::temp_directory_path() / "forgepool-disk-XXXXXX").string();
    if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make " + folder);
    return folder;
  }

  Disk disk_;
};

}  // namespace

std::unique_ptr<testing::SimulatedStorage> make_simulated_disk() {
  return std::make_unique<SimulatedDisk>();
}

}  // namespace forgepool::simulation
