#include "wire/failure.hpp"

#include "wire/json.hpp"

namespace forgepool::wire {

using Kind = SandboxOutcome::Kind;

bool is_of_program(Kind kind) {
  return kind != Kind::setup_failed && kind != Kind::cancelled;
}

Digest failure_digest(Kind kind, int code) {
  const bool tells = kind == Kind::exited || kind == Kind::signalled || kind == Kind::policy_violation;
  return sha256("forgepool failed execution v1\n" +
                json::canonicalize(json::Object{{"code", tells ? code : 0}, {"kind", to_string(kind)}}));
}

}  // namespace forgepool::wire
