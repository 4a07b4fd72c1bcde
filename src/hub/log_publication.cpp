#include "hub/log_publication.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr Duration offer_life = std::chrono::seconds(10);
constexpr std::string_view witnessed_key = "witnessed";

tl::unexpected<Error> no_quorum() {
  return fail(ErrorKind::unavailable,
              "no checkpoint of this log has been cosigned by a quorum of its witnesses yet; see to it that they run");
}

}  // namespace

Result<LedgerHead> LogPublication::State::head_of(std::string_view note) const {
  auto head = verify_checkpoint(note, {ledger->origin(), ledger->key()});
  for (const auto& earlier : identity.earlier_log_keys) {
    if (head) break;
    if (auto by_earlier = verify_checkpoint(note, {ledger->origin(), earlier.public_key})) head = std::move(by_earlier);
  }
  return head;
}

Result<SignedHead> LogPublication::State::shown() const {
  if (witnessed.empty()) return no_quorum();
  const auto head = head_of(witnessed);
  // Its key may have been revoked since: then it proves nothing any more.
  if (!head) return no_quorum();
  return SignedHead{witnessed, *head};
}

Status LogPublication::open(WitnessPolicy policy, LogSink& log) {
  State& state = *state_;
  state.policy = std::move(policy);
  const auto kept = state.ledger->read(witnessed_key);
  if (!kept) return fail(kept.error());
  if (!*kept) return {};
  const std::string note = to_text(**kept);
  const auto head = state.head_of(note);
  if (!head) {
    log.write(LogLevel::warning, "witnessed_checkpoint_left_out",
              {{"log", state.ledger->origin()},
               {"reason", "no key that the log has, or had and that is not revoked, has signed it: " + head.error().message},
               {"remedy", "nothing that needs a quorum is given out until the witnesses have cosigned a newer one"}});
    return {};
  }
  if (head->size > state.ledger->head().size)
    return fail(ErrorKind::corrupt, "witnesses have cosigned a log of " + std::to_string(head->size) +
                                        " leaves, this one has " + std::to_string(state.ledger->head().size) +
                                        ": it was cut off or replaced by an older one");
  // The policy may have changed since.
  if (state.policy.check(note)) state.witnessed = note;
  return {};
}

void LogPublication::State::sign(Done done) {
  // Not the one under way: it may be of a head before the last commit.
  asking.push_back(std::move(done));
  if (!signing) begin_signing();
}

void LogPublication::State::begin_signing() {
  signing = true;
  auto note = std::make_shared<Result<std::string>>();
  loop.run_blocking([note, from = ledger] { *note = from->checkpoint(); },
                    [note, served = std::exchange(asking, {}), self = shared_from_this()] {
                      self->signing = false;
                      for (const auto& done : served)
                        if (self->alive) done(*note);
                      if (self->alive && !self->signing && !self->asking.empty()) self->begin_signing();
                    });
}

void LogPublication::checkpoint(Done done) {
  if (!state_->policy.needs_witnesses()) return state_->sign(std::move(done));
  auto shown = state_->shown();
  if (!shown) return done(fail(shown.error()));
  done(std::move(shown->note));
}

Result<std::optional<SignedHead>> LogPublication::for_bundle() const {
  if (!state_->policy.needs_witnesses()) return std::nullopt;
  return state_->shown();
}

Result<Bytes> read_log_resource(const Ledger& ledger, std::string_view path) {
  const auto resource = parse_log_path(path);
  if (!resource) return fail(resource.error());
  if (!resource->entries) return ledger.hash_tile(resource->level, resource->index, resource->width);
  if (resource->index >= (std::uint64_t{1} << 55)) return fail(ErrorKind::not_found, "the log does not have this bundle");
  const auto leaves = ledger.leaves(resource->index * tile_width, resource->width);
  if (!leaves) return fail(leaves.error());
  Bytes bundle;
  for (const Bytes& leaf : *leaves) append_entry(bundle, leaf);
  return bundle;
}

Result<LogPublication::Proof> LogPublication::State::offer_of(std::uint64_t old_size) const {
  const auto head = head_of(offered);
  if (!head) return fail(head.error());
  if (old_size > head->size)
    return fail(ErrorKind::conflict,
                fmt::format("the log has {} leaves, not the {} that this witness says it saw", head->size, old_size));
  return [old_size, size = head->size, note = offered, from = ledger]() -> Result<std::string> {
    MerklePath proof;
    if (old_size != 0) {
      auto path = from->prove_consistency(old_size, size);
      if (!path) return fail(path.error());
      proof = std::move(*path);
    }
    return write_add_checkpoint({old_size, std::move(proof), note});
  };
}

void LogPublication::offer(std::uint64_t old_size, std::function<void(Result<Proof>)> done) {
  State& state = *state_;
  const bool settled = !state.offered.empty() && state.policy.check(state.offered).has_value();
  const bool old = state.loop.steady() - state.offered_at >= offer_life;
  // Where nobody asks for witnesses, there may be some all the same: each gets the newest.
  if (!settled && !old && state.head_of(state.offered)) return done(state.offer_of(old_size));
  state.sign([old_size, done = std::move(done), self = state_](Result<std::string> note) {
    if (!note) return done(fail(note.error()));
    // The same head again keeps the cosignatures that it has.
    if (!self->offered.starts_with(*note)) self->offered = std::move(*note);
    self->offered_at = self->loop.steady();
    done(self->offer_of(old_size));
  });
}

void LogPublication::take(std::string_view note, Done done) {
  State& state = *state_;
  const auto split = note.rfind("\n\n");
  if (state.offered.empty() || split == std::string_view::npos || !state.offered.starts_with(note.substr(0, split + 2)))
    return done(fail(ErrorKind::conflict, "this checkpoint is not on offer any more; fetch the new one"));
  auto cosigned = add_cosignatures(state.offered, note.substr(split + 2), state.policy.keys());
  if (!cosigned) return done(fail(cosigned.error()));
  if (*cosigned == state.offered) {
    // Nothing has changed since its last look: no fault of a witness that looks often.
    const auto witnesses = state.policy.keys();
    if (witnesses.empty()) return done(std::string("this log asks for no witnesses"));
    if (std::ranges::any_of(witnesses, [&](const VerifierKey& key) { return verify_cosignature(note, key).has_value(); }))
      return done(std::string("nothing new"));
    return done(fail(ErrorKind::denied, "there is no cosignature by a witness of this log's policy on it"));
  }
  state.offered = std::move(*cosigned);
  if (!state.policy.check(state.offered)) return done(std::string("one more, no quorum yet"));
  // Kept before it is shown: what was published once must be there after a restart.
  auto outcome = std::make_shared<Result<LedgerHead>>();
  state.loop.run_commit(
      [outcome, from = state.ledger, kept = state.offered] {
        *outcome = from->commit({{}, {{std::string(witnessed_key), to_bytes(kept)}}});
      },
      [outcome, kept = state.offered, done = std::move(done), self = state_] {
        if (!self->alive) return;
        if (!*outcome) return done(fail(outcome->error()));
        const auto older = self->head_of(self->witnessed).value_or(LedgerHead{});
        const auto newer = self->head_of(kept);
        if (newer && newer->size >= older.size) self->witnessed = kept;
        done(std::string("quorum"));
      });
}

}  // namespace forgepool::hub
