#include <forgepool/audit_log.hpp>

#include "crypto/random.hpp"
#include "crypto/reason.hpp"
#include "wire/json.hpp"

#include <forgepool/digest.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr int identity_and_access = 3, application_activity = 6;
constexpr int account_change = 3001, authentication = 3002, authorize_session = 3003, api_activity = 6003;
constexpr int logon = 1, unknown_activity = 0, other_activity = 99, assign_privileges = 1;
constexpr int create_account = 1, enable_account = 2, disable_account = 5, lock_account = 9;

std::string_view value_of(const std::vector<LogField>& fields, std::string_view key) {
  for (const auto& field : fields)
    if (field.key == key) return field.value;
  return {};
}

class AuditLog final : public LogSink {
 public:
  AuditLog(std::shared_ptr<LogSink> next, AuditWriter write, std::function<Time()> now)
      : next_(std::move(next)), write_(std::move(write)), now_(std::move(now)), key_(random_bytes(32)) {}

  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    if (next_) next_->write(level, event, fields);
    if (event == "peer_accepted") return add(authenticated(fields, ""));
    if (event == "peer_refused") return add(authenticated(fields, code_of(fields, "handshake")));
    if (event == "token_minted") return add(privileged(fields));
    if (event == "enrolled") return add(changed(value_of(fields, "name"), create_account));
    if (event == "agent_quarantined") return add(changed(agent_name(fields), lock_account));
    if (event == "appeal_upheld") return add(changed(agent_name(fields), enable_account));
    // Of keys and tokens it is no account's.
    if (event == "revoked" && !value_of(fields, "name").empty()) return add(changed(value_of(fields, "name"), disable_account));
    if (event == "request_allowed") return add(asked(fields, ""));
    if (event == "request_refused") return add(asked(fields, code_of(fields, value_of(fields, "kind"))));
  }

 private:
  static std::string code_of(const std::vector<LogField>& fields, std::string_view otherwise) {
    const Error told{ErrorKind::denied, std::string(value_of(fields, "reason"))};
    const auto code = reason_code(told);
    return std::string(!code.empty() ? code : !otherwise.empty() ? otherwise : "refused");
  }

  /// The same text gets the same one while the process runs; nobody without the key can try texts.
  std::string pseudonym(std::string_view text) const {
    Bytes keyed = key_;
    keyed.insert(keyed.end(), text.begin(), text.end());
    return "p-" + sha256(keyed).hex().substr(0, 16);
  }
  // Without the port: one machine is one endpoint.
  json::Object endpoint(std::string_view address) const {
    return json::Object{{"uid", pseudonym(address.substr(0, address.rfind(':')))}};
  }

  json::Object user(std::string_view name) const {
    constexpr std::string_view agent = "/agent/";
    json::Object user;
    const auto at = name.find(agent);
    if (!name.starts_with("spiffe://")) user = json::Object{{"uid", "anonymous"}, {"type", "Unknown"}, {"type_id", 0}};
    // Agents' ids are random; clients' names may be people's.
    else if (at != name.npos)
      user = json::Object{{"uid", std::string(name.substr(at + agent.size()))}, {"type", "System"}, {"type_id", 3}};
    else
      user = json::Object{{"uid", pseudonym(name)},
                          {"type", name.ends_with("/operator") ? "Admin" : "User"},
                          {"type_id", name.ends_with("/operator") ? 2 : 1}};
    return user;
  }

  json::Object common(int category, int event_class, int activity, std::string_view refused) const {
    const bool failed = !refused.empty();
    return json::Object{
        {"metadata", json::Object{{"version", "1.3.0"},
                                  {"product", json::Object{{"name", "forgepool hub"}, {"vendor_name", "libforgepool"}}}}},
        {"category_uid", category},
        {"class_uid", event_class},
        {"activity_id", activity},
        {"type_uid", event_class * 100 + activity},
        {"severity_id", failed ? 2 : 1},
        {"status_id", failed ? 2 : 1},
        {"status", failed ? "Failure" : "Success"},
        {"status_code", failed ? std::string(refused) : std::string("ok")},
        {"time", std::chrono::floor<std::chrono::milliseconds>(now_()).time_since_epoch().count()}};
  }

  json::Object authenticated(const std::vector<LogField>& fields, std::string_view refused) const {
    json::Object event = common(identity_and_access, authentication, logon, refused);
    const auto peer = value_of(fields, "peer"), address = value_of(fields, "address");
    event.set("user", user(peer));
    event.set("auth_protocol", "TLS client certificate");
    event.set("auth_protocol_id", 99);
    event.set("is_mfa", false);
    event.set("is_remote", true);
    event.set("service", json::Object{{"name", "forgepool hub"}});
    if (const auto from = address.empty() ? peer : address; !from.empty() && !from.starts_with("spiffe://"))
      event.set("src_endpoint", endpoint(from));
    return event;
  }

  static std::string agent_name(const std::vector<LogField>& fields) {
    return "spiffe:///agent/" + std::string(value_of(fields, "agent"));
  }

  json::Object changed(std::string_view name, int activity) const {
    json::Object event = common(identity_and_access, account_change, activity, "");
    event.set("user", user(name));
    return event;
  }

  json::Object privileged(const std::vector<LogField>& fields) const {
    json::Object event = common(identity_and_access, authorize_session, assign_privileges, "");
    event.set("user", user(value_of(fields, "peer")));
    event.set("session", json::Object{{"uid", std::string(value_of(fields, "token"))}});
    json::Array privileges;
    auto rest = value_of(fields, "permits");
    while (!rest.empty()) {
      const auto end = std::min(rest.find(' '), rest.size());
      privileges.push_back(std::string(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    event.set("privileges", std::move(privileges));
    return event;
  }

  json::Object asked(const std::vector<LogField>& fields, std::string_view refused) const {
    const auto action = value_of(fields, "action");
    json::Object event =
        common(application_activity, api_activity, action.empty() ? unknown_activity : other_activity, refused);
    const auto peer = value_of(fields, "peer");
    const auto address = value_of(fields, "address");
    event.set("actor", json::Object{{"user", user(peer)}});
    event.set("api", json::Object{{"operation", action.empty() ? std::string("unknown") : std::string(action)}});
    event.set("src_endpoint", endpoint(address.empty() ? peer : address));
    if (!action.empty()) event.set("activity_name", std::string(action));
    return event;
  }

  void add(const json::Object& event) {
    const std::lock_guard lock(mutex_);
    write_(json::canonicalize(event));
  }

  const std::shared_ptr<LogSink> next_;
  const AuditWriter write_;
  const std::function<Time()> now_;
  const Bytes key_;
  std::mutex mutex_;
};

class AuditFile {
 public:
  AuditFile(std::string path, std::uint64_t max_bytes, unsigned keep)
      : path_(std::move(path)), max_bytes_(max_bytes), keep_(keep) {}
  ~AuditFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  Status open() {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info {};
    if (fd_ < 0 || ::fstat(fd_, &info) != 0)
      return fail(errno == EACCES ? ErrorKind::denied : ErrorKind::internal,
                  "cannot open the audit log " + path_ + ": " + std::strerror(errno));
    size_ = static_cast<std::uint64_t>(info.st_size);
    return {};
  }

  void add(const std::string& line) {
    if (size_ + line.size() + 1 > max_bytes_) rotate();
    if (fd_ < 0) return;
    const std::string text = line + '\n';
    // One call: lines of a crash are whole or not there. A full disk costs lines, not the hub.
    if (::write(fd_, text.data(), text.size()) > 0) size_ += text.size();
  }

 private:
  void rotate() {
    const auto old = [&](unsigned number) { return path_ + "." + std::to_string(number); };
    for (unsigned number = keep_; number > 1; --number) (void)::rename(old(number - 1).c_str(), old(number).c_str());
    (void)::rename(path_.c_str(), old(1).c_str());
    ::close(fd_);
    fd_ = -1;
    (void)open();
  }

  const std::string path_;
  const std::uint64_t max_bytes_;
  const unsigned keep_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace

std::shared_ptr<LogSink> make_audit_log(std::shared_ptr<LogSink> next, AuditWriter write, std::function<Time()> now) {
  return std::make_shared<AuditLog>(std::move(next), std::move(write), std::move(now));
}

Result<AuditWriter> open_audit_file(std::string path, std::uint64_t max_bytes, unsigned keep) {
  const auto file = std::make_shared<AuditFile>(std::move(path), max_bytes, std::max(keep, 1u));
  if (auto opened = file->open(); !opened) return fail(opened.error());
  return AuditWriter([file](const std::string& line) { file->add(line); });
}

}  // namespace forgepool
