#pragma once
/// Changes a ledger's file behind the ledger's back.
#include <catch2/catch_test_macros.hpp>

#include <string>

#include <sqlite3.h>

namespace forgepool::test {

inline void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  const int done = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  const std::string error = sqlite3_errmsg(database);
  sqlite3_close(database);
  INFO(sql << ": " << error);
  REQUIRE(done == SQLITE_OK);
}

}  // namespace forgepool::test
