#pragma once
/// The write-ahead journal of a tile ledger: one file, appended to, in which each group of commits is one record. A record is
/// bound by a hash chain to all before it, so that none can be changed, lost or moved; two small slots in the file's head say
/// how far the chain was acknowledged, so that what a crash tore off is told from what somebody cut off. Format: FORMAT.md.
///
/// One thread at a time.
#include "ledger/sqlite_file.hpp"

#include <span>

namespace forgepool {

/// Everything a record leads to: the tree and the state after it.
struct JournalPoint {
  LedgerHead head;
  std::int64_t state_rows = 0;
  std::uint64_t state_sum = 0;
};

struct JournalRecord {
  JournalPoint after;
  std::vector<ByteView> leaves;
  std::vector<std::pair<std::string_view, std::optional<ByteView>>> writes;
};

class Journal {
 public:
  /// Where a journal begins: whose it is, and the point before its first record. `edge` are the last `head.size` mod 256
  /// leaves.
  struct Base {
    std::string origin;
    Bytes key;  ///< SubjectPublicKeyInfo.
    JournalPoint point;
    std::vector<ByteView> edge;
  };

  /// Puts a new journal at `path`, in place of any there, whole and durable or not at all; and opens it.
  static Result<std::unique_ptr<Journal>> create(const std::string& path, const Base& base);

  /// Reads an existing one: calls `begin` with its base and `visit` with each record, in order; what they are given is borrowed
  /// for the call. `corrupt` for damage; a torn record at the end that was never acknowledged is left out, and then
  /// `torn()` is true: nothing may be appended until a new journal was created.
  static Result<std::unique_ptr<Journal>> open(const std::string& path, const std::function<Status(const Base&)>& begin,
                                               const std::function<Status(const JournalRecord&)>& visit);
  ~Journal();
  Journal(const Journal&) = delete;

  bool torn() const { return torn_; }
  /// Of the file.
  std::uint64_t size() const { return end_; }
  /// Since the base.
  std::uint64_t records() const { return records_; }

  /// Durable when it returns. After an error nobody knows what the disk kept: every further one fails.
  Status append(const JournalPoint& after, std::span<const LedgerBatch* const> batches);

 private:
  Journal(int file, std::string path) : file_(file), path_(std::move(path)) {}

  struct Slot {
    std::uint64_t end = 0;
    Digest chain;
  };
  Status read_all(const std::function<Status(const Base&)>& begin, const std::function<Status(const JournalRecord&)>& visit);
  Status acknowledge();

  const int file_;
  const std::string path_;
  std::uint64_t end_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t acknowledged_ = 0;  ///< Counts writes of slots: they alternate.
  Digest chain_;
  bool torn_ = false;
  bool broken_ = false;
};

}  // namespace forgepool
