#include <forgepool/log.hpp>

#include <fmt/core.h>

#include <cstdio>

namespace forgepool {
namespace {

// Control characters in a foreign string must not be able to forge a line or drive a terminal.
void append_escaped(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos;
  if (!plain) line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      line += fmt::format("\\x{:02x}", byte);
    else if (c == '"' || c == '\\')
      (line += '\\') += c;
    else
      line += c;
  }
  if (!plain) line += '"';
}

class StderrLog final : public LogSink {
 public:
  StderrLog(std::string name, LogLevel level) : name_(std::move(name)), level_(level) {}

  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    if (level < level_) return;
    static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
    std::string line = fmt::format("{}: {}: {}", name_, names[static_cast<int>(level)], event);
    for (const auto& field : fields) {
      line += fmt::format(" {}=", field.key);
      append_escaped(line, field.value);
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);  // One call: lines of several threads do not mix.
  }

 private:
  const std::string name_;
  const LogLevel level_;
};

class NullLog final : public LogSink {
 public:
  void write(LogLevel, std::string_view, const std::vector<LogField>&) override {}
};

}  // namespace

std::shared_ptr<LogSink> make_stderr_log(std::string name, LogLevel level) {
  return std::make_shared<StderrLog>(std::move(name), level);
}
std::shared_ptr<LogSink> make_null_log() {
  return std::make_shared<NullLog>();
}

}  // namespace forgepool
