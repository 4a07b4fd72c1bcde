#include "data_directory.hpp"

#include "hub_parts.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

#include <string.h>

namespace forgepool::test {

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes content(std::filesystem::file_size(path));
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  return content;
}

Contents::Contents(const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    // The map of SQLite's write-ahead log: numbers of pages, rebuilt by whoever opens the file.
    if (entry.is_regular_file() && entry.path().extension() != ".db-shm")
      files.emplace(entry.path().string(), read_file(entry.path().string()));
}

std::vector<std::string> Contents::files_with(ByteView needle) const {
  std::vector<std::string> found;
  for (const auto& [path, content] : files)
    if (::memmem(content.data(), content.size(), needle.data(), needle.size()) != nullptr)
      found.push_back(std::filesystem::path(path).filename().string());
  return found;
}

std::vector<Bytes> ciphertext_of(const Ledger& ledger, const JobId& job) {
  std::vector<Bytes> needles;
  const auto scanned = ledger.scan("", [&](std::string_view key, ByteView value) {
    if ((key.find(job.str()) == key.npos && !key.starts_with("input_secret/") && !key.starts_with("input/")) ||
        key.starts_with("journal/") || key.starts_with("lease/"))
      return true;
    // Long enough not to be there by chance, short enough to stand in one page.
    if (value.size() >= 28) needles.emplace_back(value.begin(), value.begin() + std::min<std::ptrdiff_t>(value.size(), 64));
    return true;
  });
  REQUIRE(scanned);
  return needles;
}

std::vector<std::string> salts_of(const std::string& bundle) {
  std::vector<std::string> salts;
  const auto document = nlohmann::json::parse(bundle);
  for (const auto& event : document.at("events")) {
    // That agents enrolled is no job's: it outlives them all.
    if (event.at("kind") == "enrolment") continue;
    const Bytes raw = must(from_base64(event.at("salt").get<std::string>()));
    salts.insert(salts.end(), {to_text(raw), to_hex(raw), to_base64(raw)});
  }
  for (const auto& receipt : document.at("receipts")) {
    const auto envelope = nlohmann::json::parse(receipt.at("envelope").get<std::string>());
    const auto payload = to_text(must(from_base64(envelope.at("payload").get<std::string>())));
    const auto salt = nlohmann::json::parse(payload)
                          .at("predicate")
                          .at("buildDefinition")
                          .at("internalParameters")
                          .at("salt")
                          .get<std::string>();
    salts.insert(salts.end(), {salt, to_text(must(from_hex(salt)))});
  }
  REQUIRE(salts.size() >= 10);
  return salts;
}

}  // namespace forgepool::test
