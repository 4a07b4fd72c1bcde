#include <forgepool/backends/file_key_store.hpp>

#include "crypto/aead.hpp"
#include "crypto/keys.hpp"
#include "crypto/random.hpp"
#include "identity/key_epochs.hpp"
#include "wire/json_reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr std::size_t max_file_bytes = 1u << 20;
constexpr std::size_t salt_bytes = 16;
constexpr std::string_view passphrase_file = "passphrase";
// Encrypted under every store's passphrase, to tell a wrong one before a key is needed.
constexpr std::string_view passphrase_check = "forgepool key store v1";

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

tl::unexpected<Error> system_failure(std::string_view what, const std::string& path, int error) {
  const ErrorKind kind = error == ENOENT                                       ? ErrorKind::not_found
                         : error == EACCES || error == EPERM || error == EROFS ? ErrorKind::denied
                                                                               : ErrorKind::internal;
  return fail(kind, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The key that a store's private keys are encrypted under; empty if they are not.
using WrappingKey = std::shared_ptr<const SecretBytes>;

class FileKeyStore final : public KeyStore {
 public:
  FileKeyStore(std::string path, WrappingKey wrapping) : path_(std::move(path)), wrapping_(std::move(wrapping)) {}

  std::string name() const override { return (wrapping_ ? "encrypted files in " : "files in ") + path_; }

  Result<KeyInfo> generate(KeyPurpose purpose, Time now) override {
    const auto key = PrivateKey::generate(algorithm_of(purpose));
    if (!key) return fail(key.error());
    return put_key(purpose, *key, now);
  }

  Result<KeyInfo> adopt(KeyPurpose purpose, const std::shared_ptr<Signer>& key, Time now) override {
    if (const auto checked = identity::check_adoptable(purpose, key); !checked) return fail(checked.error());
    const auto held = PrivateKey::of(key);
    if (!held) return fail(held.error());
    return put_key(purpose, *held, now);
  }

  Result<std::vector<KeyInfo>> keys() const override {
    if (const auto tidied = tidy_after_crash(); !tidied) return fail(tidied.error());
    const auto ids = taken(false);
    if (!ids) return fail(ids.error());
    std::vector<KeyInfo> infos;
    for (const auto& id : *ids) {
      auto opened = open(id);
      if (!opened) return fail(opened.error());
      infos.push_back({id, opened->made, opened->signer->public_key()});
    }
    return infos;
  }

  Result<std::shared_ptr<Signer>> signer(const KeyId& id) const override {
    auto opened = open(id);
    if (!opened) return fail(opened.error());
    return std::move(opened->signer);
  }

  Status destroy(const KeyId& id) override {
    const auto lock = lock_for_writing();
    if (!lock) return fail(lock.error());
    const std::string path = path_of(id.str() + ".key");
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) return system_failure("destroy", path, errno);
    // The mark first: an epoch that was in use must not come back as another key.
    if (const auto marked = write(id.str() + ".destroyed", "", false); !marked && marked.error().kind != ErrorKind::conflict)
      return marked;
    if (const auto removed = remove(path, static_cast<std::size_t>(status.st_size)); !removed) return removed;
    if (const auto tidied = drop_older_marks(id); !tidied) return tidied;
    return sync();
  }

  Status put_text(std::string_view name, std::string_view text) override {
    if (const auto valid = identity::check_text_name(name); !valid) return valid;
    const auto lock = lock_for_writing();
    if (!lock) return fail(lock.error());
    return write(std::string(name), text, false);
  }
  Status replace_text(std::string_view name, std::string_view text) override {
    if (const auto valid = identity::check_text_name(name); !valid) return valid;
    const auto lock = lock_for_writing();
    if (!lock) return fail(lock.error());
    return write(std::string(name), text, true);
  }
  Result<std::string> text(std::string_view name) const override {
    if (const auto valid = identity::check_text_name(name); !valid) return fail(valid.error());
    return read(name, false);
  }

  /// `passphrase`: how a wrapping key is made, and a value to know it by.
  static Result<WrappingKey> make_wrapping(const std::string& path, const std::string& passphrase) {
    const ScryptCost cost;
    const Bytes salt = random_bytes(salt_bytes), nonce = random_bytes(aead_nonce_bytes);
    auto key = key_from_passphrase(passphrase, salt, cost);
    if (!key) return fail(key.error());
    const auto check = aead_seal(key->view(), nonce, as_bytes(passphrase_check), {});
    if (!check) return fail(check.error());
    FileKeyStore store(path, nullptr);
    const auto written = store.write(std::string(passphrase_file),
                                     json::canonicalize(json::Object{{"check", to_base64(*check)},
                                                                     {"n", static_cast<std::int64_t>(cost.n)},
                                                                     {"nonce", to_base64(nonce)},
                                                                     {"p", static_cast<std::int64_t>(cost.p)},
                                                                     {"r", static_cast<std::int64_t>(cost.r)},
                                                                     {"salt", to_base64(salt)}}),
                                     false);
    if (!written) return fail(written.error());
    return std::make_shared<const SecretBytes>(std::move(*key));
  }

  static Result<WrappingKey> open_wrapping(const std::string& path, const std::string& passphrase) {
    const auto text = FileKeyStore(path, nullptr).read(passphrase_file, true);
    if (!text && text.error().kind == ErrorKind::not_found) {
      if (passphrase.empty()) return nullptr;
      return fail(ErrorKind::denied, "the keys in " + path + " are not encrypted: leave the passphrase out");
    }
    if (!text) return fail(text.error());
    if (passphrase.empty()) return fail(ErrorKind::denied, "the keys in " + path + " are encrypted: give their passphrase");
    const auto value = json::parse_canonical(*text, max_file_bytes);
    if (!value) return fail(ErrorKind::corrupt, path + "/passphrase: " + value.error().message);
    json::ObjectReader reader(*value, "");
    ScryptCost cost;
    const Bytes check = reader.base64("check", 64);
    cost.n = static_cast<std::uint64_t>(reader.integer("n", 2, 1 << 20));
    const Bytes nonce = reader.base64("nonce", 64);
    cost.p = static_cast<std::uint64_t>(reader.integer("p", 1, 16));
    cost.r = static_cast<std::uint64_t>(reader.integer("r", 1, 32));
    const Bytes salt = reader.base64("salt", 64);
    if (const auto finished = reader.finish(); !finished)
      return fail(ErrorKind::corrupt, path + "/passphrase: " + finished.error().message);
    auto key = key_from_passphrase(passphrase, salt, cost);
    if (!key) return fail(ErrorKind::corrupt, path + "/passphrase: " + key.error().message);
    if (!aead_open(key->view(), nonce, as_bytes(passphrase_check), check))
      return fail(ErrorKind::denied, "this is not the passphrase of the keys in " + path);
    return std::make_shared<const SecretBytes>(std::move(*key));
  }

 private:
  struct Opened {
    Time made;
    std::shared_ptr<Signer> signer;
  };

  /// What a sealed key is bound to: it cannot be put in the place of another.
  static std::string context_of(const KeyId& id, std::int64_t made) {
    return fmt::format("forgepool key v1\n{}\n{}\n", id.str(), made);
  }

  // Plain: a line "Made: <seconds>", which readers of PEM skip, and PKCS#8. Encrypted: JSON.
  Result<KeyInfo> put_key(KeyPurpose purpose, const PrivateKey& key, Time now) {
    const auto lock = lock_for_writing();
    if (!lock) return fail(lock.error());
    const auto ids = taken(true);
    if (!ids) return fail(ids.error());
    const KeyId id{purpose, identity::next_epoch(*ids, purpose)};
    const auto made = std::chrono::floor<std::chrono::seconds>(now);
    const auto seconds =
        static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(made.time_since_epoch()).count());
    const auto pem = key.to_pem();
    if (pem.empty()) return fail(ErrorKind::internal, "a private key could not be encoded");
    std::string content;
    if (wrapping_) {
      const Bytes nonce = random_bytes(aead_nonce_bytes);
      const auto sealed = aead_seal(wrapping_->view(), nonce, as_bytes(context_of(id, seconds)), pem.view());
      if (!sealed) return fail(sealed.error());
      content =
          json::canonicalize(json::Object{{"made", seconds}, {"nonce", to_base64(nonce)}, {"sealed", to_base64(*sealed)}}) +
          "\n";
    } else {
      content = fmt::format("Made: {}\n{}", seconds, pem.text());
    }
    const auto written = write(id.str() + ".key", content, false);
    wipe({reinterpret_cast<std::uint8_t*>(content.data()), content.size()});
    if (!written) return fail(written.error());
    return KeyInfo{id, made, key.public_key()};
  }

  Result<Opened> open(const KeyId& id) const {
    auto content = read(id.str() + ".key", true);
    if (!content) return fail(content.error());
    const SecretBytes secret(to_bytes(*content));
    wipe({reinterpret_cast<std::uint8_t*>(content->data()), content->size()});
    const auto corrupt = [&](const std::string& why) {
      return fail(ErrorKind::corrupt, fmt::format("{}: {}", path_of(id.str() + ".key"), why));
    };
    std::string_view text = secret.text();
    std::int64_t seconds = 0;
    SecretBytes opened;
    if (wrapping_) {
      const auto value = json::parse(text, max_file_bytes);
      if (!value) return corrupt(value.error().message);
      json::ObjectReader reader(*value, "");
      seconds = reader.integer("made", 0, json::max_safe_integer);
      const Bytes nonce = reader.base64("nonce", 64), sealed = reader.base64("sealed", max_file_bytes);
      if (const auto finished = reader.finish(); !finished) return corrupt(finished.error().message);
      auto plain = aead_open(wrapping_->view(), nonce, as_bytes(context_of(id, seconds)), sealed);
      if (!plain) return corrupt(plain.error().message);
      opened = std::move(*plain);
      text = opened.text();
    } else {
      const auto end = text.find('\n');
      constexpr std::string_view label = "Made: ";
      if (!text.starts_with(label) || end == text.npos) return corrupt("expected a line that says when it was made");
      const auto [rest, error] = std::from_chars(text.data() + label.size(), text.data() + end, seconds);
      if (error != std::errc() || rest != text.data() + end) return corrupt("expected a line that says when it was made");
      text.remove_prefix(end + 1);
    }
    auto signer = signer_from_pem(text);
    if (!signer) return corrupt(signer.error().message);
    if ((*signer)->public_key().algorithm != algorithm_of(id.purpose))
      return corrupt("the key has another algorithm than its purpose");
    return Opened{Time(std::chrono::seconds(seconds)), std::move(*signer)};
  }

  /// The keys that are there; with those that were destroyed, if asked.
  Result<std::vector<KeyId>> taken(bool with_destroyed) const {
    std::vector<KeyId> ids;
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(path_, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      for (const std::string_view ending : {".key", ".destroyed"}) {
        if (!name.ends_with(ending) || (ending == ".destroyed" && !with_destroyed)) continue;
        if (const auto id = KeyId::parse(std::string_view(name).substr(0, name.size() - ending.size()))) ids.push_back(*id);
      }
    }
    if (error) return fail(ErrorKind::internal, "cannot list " + path_ + ": " + error.message());
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return ids;
  }

  /// So that the blocks that are given back to the file system do not hold it. (What a disk does below that is its own.)
  static Status overwrite(const std::string& path, std::size_t size) {
    const File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file || !write_all(file.get(), std::string(size, '\0')) || ::fsync(file.get()) != 0)
      return system_failure("overwrite", path, errno);
    return {};
  }

  static Status remove(const std::string& path, std::size_t size) {
    if (const auto overwritten = overwrite(path, size); !overwritten) return overwritten;
    if (::unlink(path.c_str()) != 0) return system_failure("destroy", path, errno);
    return {};
  }

  /// What writers that were killed left: keys that are marked as destroyed, whole, in part, or full of zeros; and files that
  /// had not got their names yet, or that have them besides.
  Status tidy_after_crash() const {
    const auto lock = lock_for_writing();
    if (!lock) return fail(lock.error());
    const auto left = half_written();
    if (!left) return fail(left.error());
    const auto ids = taken(true);
    if (!ids) return fail(ids.error());
    struct stat status;
    bool removed_any = false;
    for (const auto& path : *left) {
      if (::lstat(path.c_str(), &status) != 0) continue;
      // Under its own name, too, it is whole: only this name goes.
      if (status.st_nlink > 1 && ::unlink(path.c_str()) == 0) continue;
      if (const auto removed = remove(path, static_cast<std::size_t>(status.st_size)); !removed) return removed;
      removed_any = true;
    }
    for (const auto& id : *ids) {
      const std::string path = path_of(id.str() + ".key");
      if (::lstat(path_of(id.str() + ".destroyed").c_str(), &status) != 0 || ::lstat(path.c_str(), &status) != 0) continue;
      if (const auto removed = remove(path, static_cast<std::size_t>(status.st_size)); !removed) return removed;
      removed_any = true;
    }
    return removed_any ? sync() : Status();
  }

  /// Of keys and marks alone: other files may be somebody else's.
  Result<std::vector<std::string>> half_written() const {
    std::vector<std::string> paths;
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(path_, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      for (const std::string_view ending : {".key.new", ".destroyed.new"})
        if (name.ends_with(ending) && KeyId::parse(std::string_view(name).substr(0, name.size() - ending.size())))
          paths.push_back(path_of(name));
    }
    if (error) return fail(ErrorKind::internal, "cannot list " + path_ + ": " + error.message());
    return paths;
  }

  /// One mark per purpose remembers where its epochs go on: the keys of content would leave many.
  Status drop_older_marks(const KeyId& destroyed) const {
    const auto ids = taken(true);
    if (!ids) return fail(ids.error());
    for (const auto& id : *ids)
      if (id.purpose == destroyed.purpose && id.epoch < destroyed.epoch) ::unlink(path_of(id.str() + ".destroyed").c_str());
    return {};
  }

  std::string path_of(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

  // Written under another name, made durable, then linked to its own: a crash leaves the whole file or none, and link, unlike
  // rename, fails if the name is taken.
  Status write(const std::string& name, std::string_view text, bool replace) {
    const std::string path = path_of(name), temporary = path + ".new";
    struct stat status;
    if (!replace && ::lstat(path.c_str(), &status) == 0) return taken_already(path);
    ::unlink(temporary.c_str());  // Left by a crash.
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_failure("create", temporary, errno);
    const bool written = write_all(file.get(), text) && ::fsync(file.get()) == 0;
    const int write_error = errno;
    const bool placed =
        written && (replace ? ::rename(temporary.c_str(), path.c_str()) : ::link(temporary.c_str(), path.c_str())) == 0;
    const int place_error = errno;
    if (!placed || !replace) ::unlink(temporary.c_str());
    if (!written) return system_failure("write", temporary, write_error);
    if (!placed)
      return place_error == EEXIST ? Status(taken_already(path)) : Status(system_failure("create", path, place_error));
    return sync();
  }

  /// One writer at a time, of whatever process, or a writer's new file would look like one that was left.
  Result<File> lock_for_writing() const {
    File directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int locked = -1;
    do locked = directory ? ::flock(directory.get(), LOCK_EX) : -1;
    while (locked != 0 && errno == EINTR);
    if (locked != 0) return system_failure("lock", path_, errno);
    return directory;
  }

  Status sync() const {
    const File directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return system_failure("make durable", path_, errno);
    return {};
  }

  static tl::unexpected<Error> taken_already(const std::string& path) {
    return fail(ErrorKind::conflict,
                path + " exists already, and keys are never overwritten: choose another directory, or move the old files away");
  }

  Result<std::string> read(std::string_view name, bool secret) const {
    const std::string path = path_of(name);
    // Not to hang on a pipe that somebody put there.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return system_failure("open", path, errno);
    struct stat status;
    if (::fstat(file.get(), &status) != 0) return system_failure("read", path, errno);
    if (!S_ISREG(status.st_mode)) return fail(ErrorKind::corrupt, path + " is not a file");
    if (secret && (status.st_mode & 077) != 0)
      return fail(
          ErrorKind::denied,
          fmt::format("{} is a private key that others can read or change (mode {:04o}): run chmod 600 on it, and consider "
                      "whether the key is still secret",
                      path, status.st_mode & 07777));
    if (static_cast<std::uint64_t>(status.st_size) > max_file_bytes)
      return fail(ErrorKind::too_large,
                  fmt::format("{} has {} bytes; at most {} are expected", path, status.st_size, max_file_bytes));
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t at = 0;
    while (at < text.size()) {
      const auto got = ::read(file.get(), text.data() + at, text.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure("read", path, errno);
      if (got == 0) break;
      at += static_cast<std::size_t>(got);
    }
    text.resize(at);
    return text;
  }

  const std::string path_;
  const WrappingKey wrapping_;
};

Status check_directory(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_failure("open", path, errno);
  if (!S_ISDIR(status.st_mode)) return fail(ErrorKind::conflict, path + " is not a directory: name a directory for the keys");
  if ((status.st_mode & 022) != 0)
    return fail(ErrorKind::denied,
                fmt::format("{} can be changed by others (mode {:04o}): run chmod 700 on it, or choose another directory", path,
                            status.st_mode & 07777));
  return {};
}

}  // namespace

Result<std::unique_ptr<KeyStore>> make_file_key_store(const FileKeyStoreOptions& options) {
  const bool made = ::mkdir(options.path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return system_failure("create the directory", options.path, errno);
  if (const auto checked = check_directory(options.path); !checked) return fail(checked.error());
  // A directory that is there may be a store already: then this is opening it.
  if (options.passphrase.empty() || !std::filesystem::is_empty(options.path)) return open_file_key_store(options);
  auto wrapping = FileKeyStore::make_wrapping(options.path, options.passphrase);
  if (!wrapping) return fail(wrapping.error());
  return std::make_unique<FileKeyStore>(options.path, std::move(*wrapping));
}

Result<std::unique_ptr<KeyStore>> open_file_key_store(const FileKeyStoreOptions& options) {
  if (const auto checked = check_directory(options.path); !checked) return fail(checked.error());
  auto wrapping = FileKeyStore::open_wrapping(options.path, options.passphrase);
  if (!wrapping) return fail(wrapping.error());
  return std::make_unique<FileKeyStore>(options.path, std::move(*wrapping));
}

}  // namespace forgepool
