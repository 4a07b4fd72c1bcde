#pragma once
/// The record of every decision about who may come in and who may do what, for the tools that watch over such things: OCSF 1.3
/// (https://schema.ocsf.io) as JSON Lines. A handshake is an Authentication event (class 3002), a request an API Activity
/// (6003), each with its outcome and, if it was refused, the reason code. A token that was given out is an Authorize Session
/// event (3003): who got it, its id, and what it permits. Who enrolled (created), was revoked (disabled), put in quarantine
/// (locked) or let in again (enabled) is an Account Change (3001). A request that its sender may make, and that is
/// refused for what it asks, leaves two: that it was allowed, and that it was refused. An enrolment names who the newcomer
/// became.
///
/// It is a LogSink in front of another one: it passes everything on and writes a line for each record that is a decision. Lines
/// hold no secrets, no addresses, no names that people chose, no paths and no free text: peers are known by a pseudonym,
/// addresses likewise, which is the same for the same peer as long as the process runs, and agents by their random id.
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/result.hpp>

#include <functional>

namespace forgepool {

/// Where lines go: one JSON object each, without the newline. Called on any thread, one call at a time.
using AuditWriter = std::function<void(const std::string& line)>;

/// `next` may be null. `now` gives the time of an event; it is called on any thread.
FORGEPOOL_API std::shared_ptr<LogSink> make_audit_log(std::shared_ptr<LogSink> next, AuditWriter write,
                                                      std::function<Time()> now);

/// Appends to the file at `path` (mode 0600). At `max_bytes` it becomes `path`.1, what was that `path`.2, and so on up to
/// `keep` old ones: whoever floods the hub does not fill its disk. `denied` or `internal` if the file cannot be opened.
FORGEPOOL_API Result<AuditWriter> open_audit_file(std::string path, std::uint64_t max_bytes = 64u << 20, unsigned keep = 7);

}  // namespace forgepool
