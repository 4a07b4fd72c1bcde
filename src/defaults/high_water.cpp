#include "defaults/high_water.hpp"

#include <forgepool/defaults.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>
#include <set>

#include <fcntl.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr std::string_view title = "forgepool ledger head 1";
constexpr std::size_t max_bytes = 64u << 10;

/// What the file says.
struct Mark {
  std::string origin;
  LedgerHead head;
  std::set<std::string> keys;  ///< vkeys of the log, the one in use and all that were: they tell one pool from another.

  /// As long as its keys stay the same, so does its length: it can be overwritten in place.
  std::string text() const {
    std::string lines = fmt::format("{}\n{}\n{:020}\n{}\n", title, origin, head.size, head.root.str());
    for (const auto& key : keys) lines += key + "\n";
    return lines;
  }

  static Result<Mark> parse(std::string_view text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      if (end == text.npos) break;
      lines.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
    Mark mark;
    const Result<Digest> root = lines.size() < 4 ? fail(ErrorKind::corrupt, "") : Digest::parse(lines[3]);
    const char* const end = lines.size() < 4 ? nullptr : lines[2].data() + lines[2].size();
    if (!root || lines[0] != title || std::from_chars(lines[2].data(), end, mark.head.size).ptr != end)
      return fail(ErrorKind::corrupt, "is no record of a ledger's head");
    mark.origin = lines[1];
    mark.head.root = *root;
    mark.keys.insert(lines.begin() + 4, lines.end());
    return mark;
  }
};

class MarkedLedger final : public Ledger {
 public:
  MarkedLedger(std::unique_ptr<Ledger> inner, Mark mark, std::string path)
      : inner_(std::move(inner)), path_(std::move(path)), mark_(std::move(mark)) {}
  ~MarkedLedger() override {
    if (fd_ >= 0) ::close(fd_);
  }

  /// Writes the file anew. Once before anything else.
  Status begin() {
    const std::lock_guard lock(mutex_);
    return rewrite();
  }

  const std::string& origin() const override { return inner_->origin(); }
  const PublicKey& key() const override { return inner_->key(); }
  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) override {
    const auto vkey = to_vkey(inner_->origin(), key->public_key());
    if (const auto used = inner_->use_keys(std::move(key), std::move(earlier)); !used) return used;
    const std::lock_guard lock(mutex_);
    mark_.keys.insert(vkey);
    return rewrite();
  }
  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    auto head = inner_->commit(batch);
    if (!head || batch.leaves.empty()) return head;
    const std::lock_guard lock(mutex_);
    if (const auto noted = note(*head, false); !noted) return fail(noted.error());
    return head;
  }
  Status scrub() override { return inner_->scrub(); }
  LedgerHead head() const override { return inner_->head(); }
  Result<std::string> checkpoint() override {
    auto signed_note = inner_->checkpoint();
    if (!signed_note) return signed_note;
    const std::lock_guard lock(mutex_);
    // The head is at least what the checkpoint says.
    if (const auto noted = note(inner_->head(), true); !noted) return fail(noted.error());
    return signed_note;
  }
  Result<Bytes> leaf(std::uint64_t index) const override { return inner_->leaf(index); }
  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    return inner_->leaves(first, count);
  }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return inner_->hash_tile(level, index, width);
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return inner_->prove_inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return inner_->prove_consistency(old_size, size);
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return inner_->read(key); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view key, ByteView value)>& visit) const override {
    return inner_->scan(prefix, visit);
  }

 private:
  Status failed() const {
    return fail(ErrorKind::internal, fmt::format("cannot write the head of the ledger to {}: {}", path_, std::strerror(errno)));
  }
  Status rewrite() {
    if (const auto written = write_file(path_, as_bytes(mark_.text())); !written) return written;
    if (fd_ >= 0) ::close(fd_);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    synced_ = true;
    return fd_ < 0 ? failed() : Status();
  }
  Status note(const LedgerHead& head, bool durably) {
    if (head.size > mark_.head.size) {
      mark_.head = head;
      synced_ = false;
      const std::string text = mark_.text();
      if (::pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return failed();
    }
    if (!durably || synced_) return {};
    if (::fdatasync(fd_) != 0) return failed();
    synced_ = true;
    return {};
  }

  const std::unique_ptr<Ledger> inner_;
  const std::string path_;
  // Commits and checkpoints come from several threads. Guarded by mutex_.
  std::mutex mutex_;
  Mark mark_;
  int fd_ = -1;
  bool synced_ = false;
};

Status check_mark(const Ledger& ledger, const Mark& mark, const std::string& path) {
  const LedgerHead head = ledger.head();
  const std::string remedy =
      ": an older copy of the data directory was put back. To go on with it would fork the log, and whoever kept a later "
      "checkpoint, and each witness, would refuse it for good. Put back the newest copy there is. If that is lost, remove " +
      path + " to go on with this one, and tell auditors and witnesses why the log was cut";
  if (head.size < mark.head.size)
    return fail(ErrorKind::conflict,
                fmt::format("the ledger has {} entries, and it had {} (says {}){}", head.size, mark.head.size, path, remedy));
  if (mark.head.size == 0) return {};
  const auto path_of = ledger.prove_consistency(mark.head.size, head.size);
  if (!path_of) return fail(path_of.error());
  if (!verify_consistency(mark.head, head, *path_of))
    return fail(ErrorKind::conflict, fmt::format("the first {} entries of the ledger are others than they were (says {}){}",
                                                 mark.head.size, path, remedy));
  return {};
}

}  // namespace

std::string high_water_path(const std::string& data_directory, const std::string& organization) {
  const auto end = data_directory.find_last_not_of('/');
  return data_directory.substr(0, end == std::string::npos ? 0 : end + 1) + ".head" +
         (organization.empty() ? "" : "-" + organization);
}

Result<std::unique_ptr<Ledger>> keep_high_water(std::unique_ptr<Ledger> ledger, const HubIdentity& identity,
                                                const std::string& path, LogSink& log) {
  Mark mark{ledger->origin(), ledger->head(), {to_vkey(ledger->origin(), identity.log_key->public_key())}};
  for (const auto& earlier : identity.earlier_log_keys) mark.keys.insert(to_vkey(ledger->origin(), earlier.public_key));
  const auto content = read_file(path, max_bytes);
  if (!content && content.error().kind != ErrorKind::not_found) return fail(content.error());
  if (content) {
    auto there = Mark::parse(as_text(*content));
    if (!there) return fail(there.error().kind, path + " " + there.error().message + "; remove it if nothing else needs it");
    const bool same = there->origin == mark.origin &&
                      std::ranges::any_of(there->keys, [&](const std::string& key) { return mark.keys.contains(key); });
    if (same) {
      if (const auto sound = check_mark(*ledger, *there, path); !sound) return fail(sound.error());
      mark.keys.merge(there->keys);
    }
  }
  if (const auto written = write_file(path, as_bytes(mark.text())); !written) {
    log.write(LogLevel::warning, "no_high_water",
              {{"file", path},
               {"reason", written.error().message},
               {"advice", "an older copy of the ledger that is put back will not be noticed here, only by witnesses"}});
    return ledger;
  }
  auto marked = std::make_unique<MarkedLedger>(std::move(ledger), std::move(mark), path);
  if (const auto begun = marked->begin(); !begun) return fail(begun.error());
  return marked;
}

}  // namespace forgepool
