#pragma once
/// Reading a ledger's SQLite file from several threads, also while it is being written: each reader has a connection of its
/// own. Leaves and tiles never change, so a reader that sees more than it was asked about still answers right.
#include "ledger/sqlite.hpp"
#include "ledger/tree.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace forgepool {

/// One connection. One thread at a time.
class SqliteReader {
 public:
  static Result<std::unique_ptr<SqliteReader>> open(const std::string& path);

  /// `corrupt` if it is not there.
  Result<Bytes> leaf(std::uint64_t index);
  Result<TilePtr> tile(const TileId& id);

  Result<std::optional<Bytes>> value(std::string_view key);
  Status scan(std::string_view prefix, const std::function<bool(std::string_view key, ByteView value)>& visit);

 private:
  SqliteReader(sqlite::Database database, std::array<sqlite::Statement, 5> statements);

  sqlite::Database database_;
  sqlite::Statement leaf_, tile_, value_, scan_range_, scan_rest_;  // After the database: closed before it.
};

/// Hands out idle readers, and opens one more when none is idle. A reader that visits rows for somebody who then reads again is
/// busy, so that a nested read gets another one.
class SqliteReaders {
 public:
  explicit SqliteReaders(std::string path) : path_(std::move(path)) {}

  class Lease {
   public:
    Lease(SqliteReaders& home, std::unique_ptr<SqliteReader> reader) : home_(&home), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (reader_) home_->give_back(std::move(reader_));
    }
    SqliteReader& operator*() const { return *reader_; }
    SqliteReader* operator->() const { return reader_.get(); }

   private:
    SqliteReaders* home_;
    std::unique_ptr<SqliteReader> reader_;
  };

  Result<Lease> take();

 private:
  void give_back(std::unique_ptr<SqliteReader> reader);

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteReader>> idle_;  // Guarded by mutex_.
};

}  // namespace forgepool
