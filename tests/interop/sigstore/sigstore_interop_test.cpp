// A job's evidence before sigstore's own verifier (npm @sigstore/verify) and, for the proofs of events, before Go's sumdb.
#include "../../support/script.hpp"
#include "../../unit/audit/story.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

#include <stdlib.h>

using namespace forgepool;

namespace {

class ExportedJob {
 public:
  ExportedJob() {
    std::string name = (std::filesystem::temp_directory_path() / "forgepool-sigstore-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + name);
    path_ = name;
    testing::Story story;
    story.tell();
    const auto exported = export_to_sigstore(story.document(), story.root());
    if (!exported) throw std::runtime_error(exported.error().message);
    write("root.json", story.root());
    write("trusted_root.json", exported->trusted_root);
    write("keys.json", exported->keys);
    write("receipts.sigstore.jsonl", exported->receipts);
    write("verdicts.sigstore.jsonl", exported->verdicts);
    write("events.jsonl", exported->events);
  }
  ExportedJob(const ExportedJob&) = delete;
  ~ExportedJob() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  std::string path_;
};

}  // namespace

TEST_CASE("sigstore's verifier accepts the exported evidence, and refuses what was tampered with") {
  const ExportedJob job;
  const test::Ran ran = test::run_script("bash '" FORGEPOOL_SIGSTORE_SOURCE "/run.sh' '" FORGEPOOL_SIGSTORE_SOURCE
                                         "' '" FORGEPOOL_SIGSTORE_WORK "' '" +
                                         job.path() + "'");
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(ran.output.find("sigstore agrees, on Node v24.") != std::string::npos);
}
