#include <forgepool/promise.hpp>

#include "identity/dsse.hpp"
#include "identity/promise.hpp"
#include "wire/json_reader.hpp"

namespace forgepool::identity {

std::string write_promise(const LogPromise& promise) {
  return json::canonicalize(json::Object{{"by", to_rfc3339(promise.by)},
                                         {"index", promise.index},
                                         {"leaf", promise.leaf.str()},
                                         {"lease", promise.lease.str()},
                                         {"log", promise.log},
                                         {"v", 1}});
}

Result<std::string> sign_promise(const LogPromise& promise, const Signer& hub) {
  return sign_envelope(promise_payload_type, as_bytes(write_promise(promise)), hub);
}

Result<LogPromise> read_promise(const Envelope& envelope) {
  if (envelope.payload_type != promise_payload_type || envelope.signatures.size() != 1)
    return fail(ErrorKind::invalid_input,
                "promise: expected an envelope of " + std::string(promise_payload_type) + " with one signature");
  const auto value = json::parse_canonical(as_text(envelope.payload), max_promise_bytes);
  if (!value) return fail(value.error().kind, "promise: " + value.error().message);
  json::ObjectReader reader(*value, "");
  LogPromise promise;
  const auto by = from_rfc3339(reader.string("by", 64));
  if (!by) reader.refuse("by", by.error().message);
  if (by) promise.by = *by;
  promise.index = static_cast<std::uint64_t>(reader.integer("index", 0, json::max_safe_integer));
  promise.leaf = reader.digest("leaf");
  promise.lease = LeaseId(reader.id("lease"));
  promise.log = reader.string("log", 255, {}, 1);
  (void)reader.integer("v", 1, 1);
  if (const auto done = reader.finish(); !done) return fail(done.error().kind, "promise: " + done.error().message);
  return promise;
}

}  // namespace forgepool::identity
