#pragma once
/// Where a node says what happens. A host implements `LogSink` over its own logging; it is called on the node's loop or pool
/// threads and must be thread-safe. Records never hold secrets; every foreign string in them has its control characters
/// escaped.
#include <forgepool/export.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgepool {

enum class LogLevel { debug, info, warning, error };

struct LogField {
  std::string_view key;
  std::string value;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  /// `event` is a stable, machine-readable name ("peer_refused"); `fields` say the rest.
  virtual void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) = 0;
};

/// Lines on standard error, `level` and above. `name` stands at the start of each line.
FORGEPOOL_API std::shared_ptr<LogSink> make_stderr_log(std::string name, LogLevel level = LogLevel::info);
/// Drops everything.
FORGEPOOL_API std::shared_ptr<LogSink> make_null_log();

}  // namespace forgepool
