#pragma once
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace forgepool::sandbox {

/// Removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto path = (std::filesystem::temp_directory_path() / "forgepool-unit-XXXXXX").string();
    if (!mkdtemp(path.data())) FAIL("cannot make a temporary folder");
    path_ = path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& content = "") const {
    const auto path = (path_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace forgepool::sandbox
