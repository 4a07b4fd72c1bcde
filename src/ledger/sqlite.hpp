#pragma once
/// Owners for SQLite's objects, errors as values. One thread at a time per database and its statements.
#include <forgepool/bytes.hpp>

#include <memory>

struct sqlite3;
struct sqlite3_stmt;

namespace forgepool::sqlite {

/// A prepared statement. Positions of parameters count from 1, those of columns from 0, as in SQLite.
class Statement {
 public:
  /// `blob` is borrowed until `reset`.
  Statement& bind(int position, ByteView blob);
  Statement& bind(int position, std::int64_t value);

  /// True: there is a row. False: there are no more.
  Result<bool> step();
  /// For statements that return no row: runs and resets.
  Status run();
  /// Forgets the row and releases the read transaction, if it was the last one that needed it. Parameters stay bound.
  void reset();

  bool is_null(int column) const;
  /// `corrupt` unless the column holds that type. A blob is borrowed until the next step or reset.
  Result<std::int64_t> integer(int column) const;
  Result<ByteView> blob(int column) const;
  Result<std::string> text(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = 0;
};

/// Resets a shared statement when its user is done with it.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  Use(const Use&) = delete;
  ~Use() { statement_.reset(); }

  Statement& operator*() const { return statement_; }
  Statement* operator->() const { return &statement_; }

 private:
  Statement& statement_;
};

class Database {
 public:
  enum class Mode { read, write, create };

  static Result<Database> open(const std::string& path, Mode mode);

  /// One or more statements whose rows nobody wants.
  Status exec(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  /// First column of the first row, which must exist.
  Result<std::int64_t> query_integer(std::string_view sql);
  Result<std::string> query_text(std::string_view sql);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace forgepool::sqlite
