#pragma once
/// A look at every byte in a hub's data directory, and what to look for: what a job left there.
#include <forgepool/ids.hpp>
#include <forgepool/ledger.hpp>

#include <map>
#include <string>
#include <vector>

namespace forgepool::test {

Bytes read_file(const std::string& path);

/// Every file below a directory, as it is now.
struct Contents {
  explicit Contents(const std::string& directory);
  /// The names of those that hold these bytes.
  std::vector<std::string> files_with(ByteView needle) const;
  std::vector<std::string> files_with(std::string_view needle) const { return files_with(as_bytes(needle)); }
  friend bool operator==(const Contents&, const Contents&) = default;

  std::map<std::string, Bytes> files;  ///< By path.
};
inline std::vector<std::string> files_with(const std::string& directory, ByteView needle) {
  return Contents(directory).files_with(needle);
}
inline std::vector<std::string> files_with(const std::string& directory, std::string_view needle) {
  return files_with(directory, as_bytes(needle));
}

/// Needles for everything that stands in the state of a job and its inputs as it is on the disk: wrapped keys and ciphertext.
std::vector<Bytes> ciphertext_of(const Ledger& ledger, const JobId& job);

/// Those of a job's entries and receipts, as its bundle has them: raw, in hex, in base64.
std::vector<std::string> salts_of(const std::string& bundle);

}  // namespace forgepool::test
