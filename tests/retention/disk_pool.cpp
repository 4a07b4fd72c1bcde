#include "disk_pool.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <stdlib.h>

namespace forgepool::test {
namespace {

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

DiskPool::DiskPool(testing::VirtualEventLoop& loop, std::string directory, LedgerStore store, HubOptions options)
    : loop_(loop),
      directory_(std::move(directory)),
      store_(store),
      options_(std::move(options)),
      log_(std::make_shared<LineLog>()) {
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
  parts.adapters = {must(open_adapter(read_file(FORGEPOOL_PACKAGES_DIR "/exec-1.fpa")))};
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
                               R"("]},"policy":{"verify":"none","retention":)" + retention + R"(},"artifacts":{"include":)" +
                               include + "}}";
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
