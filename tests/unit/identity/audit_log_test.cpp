#include <forgepool/audit_log.hpp>

#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace forgepool;

namespace {

struct Written {
  std::vector<std::string> lines;
  std::shared_ptr<LogSink> log = make_audit_log(
      nullptr, [this](const std::string& line) { lines.push_back(line); },
      [] { return Time(std::chrono::seconds(1'800'000'000)); });
  json::Object last() const {
    REQUIRE_FALSE(lines.empty());
    const auto value = json::parse(lines.back(), 1u << 16);
    INFO(lines.back() << (value ? "" : value.error().message));
    REQUIRE(value);
    REQUIRE(value->as_object());
    return *value->as_object();
  }
};

std::int64_t number(const json::Object& object, std::string_view key) {
  const auto* value = object.find(key);
  REQUIRE(value);
  REQUIRE(value->as_integer());
  return *value->as_integer();
}
std::string text(const json::Object& object, std::string_view key) {
  const auto* value = object.find(key);
  REQUIRE(value);
  REQUIRE(value->as_string());
  return *value->as_string();
}
const json::Object& object(const json::Object& from, std::string_view key) {
  const auto* value = from.find(key);
  REQUIRE(value);
  REQUIRE(value->as_object());
  return *value->as_object();
}

/// What OCSF 1.3 requires of every event, and that the numbers fit together.
void check_base(const json::Object& event, int category, int event_class) {
  CHECK(number(event, "category_uid") == category);
  CHECK(number(event, "class_uid") == event_class);
  CHECK(number(event, "type_uid") == event_class * 100 + number(event, "activity_id"));
  CHECK(number(event, "severity_id") >= 1);
  CHECK(number(event, "time") == 1'800'000'000'000);
  CHECK(text(object(event, "metadata"), "version") == "1.3.0");
  CHECK(text(object(object(event, "metadata"), "product"), "vendor_name") == "libforgepool");
  CHECK(text(event, "status") == (number(event, "status_id") == 1 ? "Success" : "Failure"));
}

}  // namespace

TEST_CASE("handshakes are Authentication events") {
  Written audit;
  audit.log->write(LogLevel::debug, "peer_accepted", {{"peer", "spiffe://pool/agent/a-17"}});
  auto event = audit.last();
  check_base(event, 3, 3002);
  CHECK(number(event, "activity_id") == 1);
  CHECK(text(event, "status_code") == "ok");
  CHECK(text(object(event, "user"), "uid") == "a-17");
  CHECK(text(object(event, "service"), "name") == "forgepool hub");
  audit.log->write(LogLevel::warning, "peer_refused",
                   {{"peer", "192.0.2.7:5555"}, {"reason", "certificate_expired: the certificate of alice expired"}});
  event = audit.last();
  check_base(event, 3, 3002);
  CHECK(number(event, "status_id") == 2);
  CHECK(text(event, "status_code") == "certificate_expired");
  audit.log->write(LogLevel::warning, "peer_refused", {{"peer", "192.0.2.7:5556"}, {"reason", "it showed no certificate"}});
  CHECK(text(audit.last(), "status_code") == "handshake");
  CHECK(text(object(audit.last(), "src_endpoint"), "uid") == text(object(event, "src_endpoint"), "uid"));
}

TEST_CASE("requests are API Activity events") {
  Written audit;
  audit.log->write(LogLevel::debug, "request_allowed",
                   {{"peer", "spiffe://pool/agent/a-17"}, {"address", "192.0.2.7:5555"}, {"action", "take a lease"}});
  auto event = audit.last();
  check_base(event, 6, 6003);
  CHECK(text(object(event, "api"), "operation") == "take a lease");
  CHECK(text(object(object(event, "actor"), "user"), "uid") == "a-17");
  CHECK(text(event, "status_code") == "ok");
  audit.log->write(LogLevel::warning, "request_refused",
                   {{"peer", "spiffe://pool/client/alice"},
                    {"address", "192.0.2.7:5555"},
                    {"action", "read a job"},
                    {"request", "GET /v1/jobs/alices-salary"},
                    {"kind", "not_found"},
                    {"reason", "job_unknown: there is no job alices-salary of yours"}});
  event = audit.last();
  check_base(event, 6, 6003);
  CHECK(text(event, "status_code") == "job_unknown");
  CHECK(object(event, "src_endpoint").find("uid"));
}

TEST_CASE("tokens are Authorize Session events, and what becomes of identities are Account Changes") {
  Written audit;
  audit.log->write(LogLevel::debug, "token_minted",
                   {{"peer", "spiffe://pool/client/alice"}, {"token", "t-17"}, {"permits", "read cancel"}});
  auto event = audit.last();
  check_base(event, 3, 3003);
  CHECK(number(event, "activity_id") == 1);
  CHECK(text(object(event, "session"), "uid") == "t-17");
  REQUIRE(event.find("privileges")->as_array()->size() == 2);
  CHECK(*event.find("privileges")->as_array()->at(1).as_string() == "cancel");
  CHECK(text(object(event, "user"), "uid").starts_with("p-"));
  const auto change = [&](std::string_view name, const std::vector<LogField>& fields, int activity, std::string_view type) {
    audit.log->write(LogLevel::info, name, fields);
    const auto changed = audit.last();
    check_base(changed, 3, 3001);
    CHECK(number(changed, "activity_id") == activity);
    CHECK(text(object(changed, "user"), "type") == type);
    if (type == "System") CHECK(text(object(changed, "user"), "uid") == "a-17");
  };
  change("enrolled", {{"name", "spiffe://pool/agent/a-17"}}, 1, "System");
  change("revoked", {{"kind", "operator"}, {"id", "00"}, {"name", "spiffe://pool/operator"}}, 5, "Admin");
  change("agent_quarantined", {{"agent", "a-17"}, {"reason", "it lied"}}, 9, "System");
  change("appeal_upheld", {{"agent", "a-17"}}, 2, "System");
  const auto before = audit.lines.size();
  audit.log->write(LogLevel::warning, "revoked", {{"kind", "key"}, {"id", "token-1"}, {"name", ""}});
  CHECK(audit.lines.size() == before);
}

TEST_CASE("lines hold no addresses, no chosen names, no paths, no free text and no secrets") {
  Written audit;
  audit.log->write(LogLevel::debug, "peer_accepted", {{"peer", "spiffe://pool/client/alice"}});
  audit.log->write(LogLevel::warning, "peer_refused",
                   {{"peer", "192.0.2.7:5555"}, {"reason", "svid_names: alice\n{\"forged\":1}"}});
  audit.log->write(LogLevel::warning, "request_refused",
                   {{"peer", "spiffe://pool/client/alice"},
                    {"address", "192.0.2.7:5555"},
                    {"request", "GET /v1/jobs/alices-salary"},
                    {"kind", "denied"},
                    {"reason", "alice may not\n{\"forged\":1}"}});
  CHECK(audit.lines.size() == 3);
  for (const auto& line : audit.lines) {
    for (const char* word : {"alice", "salary", "192.0.2", "5555", "forged", "/v1", "\n"})
      CHECK(line.find(word) == std::string::npos);
    CHECK(json::parse(line, 1u << 16));
  }
}

TEST_CASE("pseudonyms are the same within a process and others in the next") {
  Written one, two;
  for (Written* audit : {&one, &one, &two})
    audit->log->write(LogLevel::debug, "peer_accepted", {{"peer", "spiffe://pool/client/alice"}});
  CHECK(one.lines[0] == one.lines[1]);
  CHECK(one.lines[0] != two.lines[0]);
}

TEST_CASE("everything is passed on, and what is no decision leaves no line") {
  struct Counting final : LogSink {
    void write(LogLevel, std::string_view, const std::vector<LogField>&) override { ++count; }
    int count = 0;
  };
  const auto next = std::make_shared<Counting>();
  int lines = 0;
  const auto log = make_audit_log(
      next, [&](const std::string&) { ++lines; }, [] { return Time{}; });
  log->write(LogLevel::info, "job_accepted", {{"job", "job-1"}});
  log->write(LogLevel::debug, "request_allowed", {{"peer", "spiffe://pool/operator"}, {"action", "invite"}});
  CHECK(next->count == 2);
  CHECK(lines == 1);
}

TEST_CASE("a file of lines is private, grows to its limit, and takes a bounded number of old ones along") {
  const auto folder = std::filesystem::temp_directory_path() / ("forgepool-audit-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "audit.jsonl";
  {
    const auto write = open_audit_file(path, 100, 2);
    REQUIRE(write);
    for (int i = 0; i < 20; ++i) (*write)(std::string(39, static_cast<char>('a' + i)));
  }
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::size_t files = 0, bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) ++files, bytes += entry.file_size();
  CHECK(files == 3);
  CHECK(bytes <= 300);
  std::ifstream file(path);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  CHECK(content.ends_with(std::string(39, 't') + "\n"));
  CHECK_FALSE(open_audit_file(folder / "missing" / "audit.jsonl"));
  std::filesystem::remove_all(folder);
}
