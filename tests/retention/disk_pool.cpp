#include "disk_pool.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <algorithm>
#include <fstream>

#include <stdlib.h>
#include <string.h>

namespace forgepool::test {
namespace {

/// A hub owns its ledger; the test looks into it, too.
class LentLedger final : public Ledger {
 public:
  explicit LentLedger(std::shared_ptr<Ledger> inner) : inner_(std::move(inner)) {}
  const std::string& origin() const override { return inner_->origin(); }
  const PublicKey& key() const override { return inner_->key(); }
  Result<LedgerHead> commit(const LedgerBatch& batch) override { return inner_->commit(batch); }
  Status scrub() override { return inner_->scrub(); }
  LedgerHead head() const override { return inner_->head(); }
  Result<std::string> checkpoint() override { return inner_->checkpoint(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return inner_->leaf(index); }
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
  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    return inner_->scan(prefix, visit);
  }

 private:
  const std::shared_ptr<Ledger> inner_;
};

Bytes read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes content(std::filesystem::file_size(path));
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
  return content;
}

std::string input_text() {
  std::string text;
  for (int i = 0; i < 600; ++i) text += std::string(DiskPool::input_marker) + " " + std::to_string(i) + "\n";
  return text;
}
constexpr std::string_view program_text = "a program that nobody runs: the sandbox is a fake";

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "forgepool-retention-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Contents::Contents(const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    // The map of SQLite's write-ahead log: numbers of pages, rebuilt by whoever opens the file.
    if (entry.is_regular_file() && entry.path().extension() != ".db-shm") files.emplace(entry.path().string(), read_all(entry.path().string()));
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

struct DiskPool::LineLog final : public LogSink {
  void write(LogLevel, std::string_view event, const std::vector<LogField>& fields) override {
    std::string line(event);
    for (const auto& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

DiskPool::DiskPool(testing::VirtualEventLoop& loop, std::string directory, LedgerStore store, HubOptions options)
    : loop_(loop), directory_(std::move(directory)), store_(store), options_(std::move(options)), log_(std::make_shared<LineLog>()) {
  options_.port = 1;
  options_.enrolment_port = 2;
  const std::string keys = hub_identity_directory(directory_);
  if (!std::filesystem::exists(keys)) {
    std::shared_ptr<KeyStore> made = must(make_file_key_store({keys}));
    (void)must(make_hub_identity("disk.test", std::move(made), loop_.now()));
  }
  start_hub();
}

DiskPool::~DiskPool() = default;

std::unique_ptr<Transport> DiskPool::transport() {
  return make_memory_transport(loop_, network_, log_);
}

std::unique_ptr<Client> DiskPool::client(const std::string& path) {
  return must(connect_client(loop_, must(issue_credentials(identity_, path, loop_.now())), transport(), {"127.0.0.1", 1}));
}

const std::vector<std::string>& DiskPool::log() const {
  return log_->lines;
}

void DiskPool::start_hub() {
  std::shared_ptr<KeyStore> keys = must(open_file_key_store({hub_identity_directory(directory_)}));
  identity_ = must(open_hub_identity(std::move(keys), loop_.now()));
  ledger_ = must(open_hub_ledger(directory_, identity_, store_));
  HubParts parts;
  parts.transport = transport();
  parts.scheduler = make_fair_share_scheduler();
  parts.verifier = make_duplication_verifier();
  parts.ledger = std::make_unique<LentLedger>(ledger_);
  parts.adapters = {must(open_adapter(read_all(FORGEPOOL_PACKAGES_DIR "/exec-1.fpa")))};
  parts.log = log_;
  hub_ = must(open_hub(loop_, identity_, std::move(parts), options_));
  operator_client_ = client("operator");
  owner_ = client("client/claims/alice");
  stranger_ = client("client/mallory");
}

void DiskPool::stop_hub() {
  hub_.reset();
  ledger_.reset();
}

void DiskPool::start_agent() {
  const auto token = must(call<std::string>([&](auto done) { operator_().invite(Invitation{}, done); }));
  transports_.push_back(transport());
  auto credentials = must(call<Credentials>([&](auto done) { enrol(*transports_.back(), {"127.0.0.1", 2, token}, done); }));
  testing::FakeSandboxOptions sandbox;
  sandbox.program = [](const SandboxRequest&) {
    const std::string output = R"({"format":"concat/1","items":[{"code":0,"index":0,"outcome":"exited","stdout":")" +
                               to_base64(as_bytes(std::string(output_marker))) + R"("}]})";
    return testing::successful_run({{std::string(shard_output_name), to_bytes(output)}});
  };
  AgentOptions options;
  options.hub_port = 1;
  agent_ = must(forgepool::start_agent(loop_, std::move(credentials),
                                       {transport(), std::make_unique<testing::FakeSandbox>(sandbox), log_}, options));
}

void DiskPool::upload() {
  for (const std::string& content : {input_text(), std::string(program_text)})
    (void)must(call<Digest>([&](auto done) { owner().upload(to_bytes(content), done); }));
}

Result<JobStatus> DiskPool::submit(const std::string& retention, const std::string& include) {
  const std::string contract = R"({"ctx":{"trace_id":")" + std::string(contract_marker) +
                               R"("},"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" +
                               sha256(program_text).str() + R"(","items":[")" + sha256(input_text()).str() +
                               R"("]},"policy":{"verify":"none","retention":)" + retention + R"(},"artifacts":{"include":)" + include +
                               "}}";
  return call<JobStatus>([&](auto done) { owner().submit(contract, done); });
}

JobId DiskPool::run_job(const std::string& retention, const std::string& include) {
  upload();
  const auto submitted = must(submit(retention, include));
  const auto end = must(call<JobStatus>([&](auto done) { owner().wait(submitted.id, nullptr, done); }));
  INFO(end.failure);
  REQUIRE(end.state == JobState::done);
  return end.id;
}

Result<JobStatus> DiskPool::status(Client& client, const JobId& job) {
  return call<JobStatus>([&](auto done) { client.status(job, 0, Duration::zero(), done); });
}
Result<std::string> DiskPool::bundle(const JobId& job) {
  return call<std::string>([&](auto done) { owner().bundle(job, done); });
}
Status DiskPool::erase(Client& client, const JobId& job) {
  return call<void>([&](auto done) { client.erase(job, done); });
}
Result<JobStatus> DiskPool::hold(Client& client, const JobId& job, bool held) {
  return call<JobStatus>([&](auto done) { client.hold(job, held, done); });
}

}  // namespace forgepool::test
