#include "hub/disposal.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr Duration retry_pause = std::chrono::seconds(10);

Status add_keys(const Ledger& ledger, const std::string& prefix, std::vector<std::string>& keys) {
  return ledger.scan(prefix, [&](std::string_view key, ByteView) {
    keys.emplace_back(key);
    return true;
  });
}

/// Of one job and the canaries that were made of it, all that there may be any number of.
Result<std::vector<std::string>> keys_of(const Ledger& ledger, const JobId& job) {
  std::vector<std::string> keys;
  const std::string canaries = canary_key(job, JobId());
  if (const auto scanned = add_keys(ledger, canaries, keys); !scanned) return fail(scanned.error());
  std::vector<std::string> ids{job.str()};
  for (const auto& key : keys) ids.push_back(key.substr(canaries.size()));
  for (const auto& id : ids)
    for (const std::string_view prefix : job_prefixes)
      if (const auto scanned = add_keys(ledger, std::string(prefix) + id + "/", keys); !scanned) return fail(scanned.error());
  return keys;
}

}  // namespace

/// Shared with what is under way on the pool, which may outlive the hub.
struct Disposal::State : std::enable_shared_from_this<State> {
  State(EventLoop& l, HubCore& c, Committer& o, std::shared_ptr<Ledger> g, HubIdentity& i, PeerWork& w, LogSink& s,
        std::function<void()> f)
      : loop(l), core(c), committer(o), ledger(std::move(g)), identity(i), peer_work(w), log(s), settle(std::move(f)) {}

  // --- deletions that need the ledger

  /// `peer`: whose turn it has to be; without a name the hub's own.
  void with_keys(const Peer& peer, const JobId& job, std::function<void(Result<std::vector<std::string>>)> then) {
    // What the state machine has put into its transactions must be in the ledger before it is asked.
    committer.after(core.effects().take(), [self = shared_from_this(), peer, job, then = std::move(then)] {
      if (!self->alive) return;
      auto keys = std::make_shared<Result<std::vector<std::string>>>();
      const bool taken = self->peer_work.run(
          peer, [keys, job, from = self->ledger] { *keys = keys_of(*from, job); },
          [self, keys, then] {
            if (self->alive) then(std::move(*keys));
          });
      if (!taken) then(fail(too_much_waits()));
    });
  }

  void delete_due() {
    for (const auto& due : core.take_due_deletions(loop.now()))
      with_keys({}, due.job, [this, due](Result<std::vector<std::string>> keys) {
        const Time now = loop.now();
        if (!keys) {
          log.write(LogLevel::error, "deletion_failed", {{"reason", keys.error().message}});
          core.postpone_deletion(due.job, now + retry_pause);
        } else if (due.all) {
          // Held in the meantime, perhaps: then it is due again when it is released.
          (void)core.erase(due.job, "retention", *keys, now);
        } else {
          core.delete_results(due.job, *keys, now);
        }
        settle();
      });
  }

  // --- what was deleted leaves the disk

  /// What the pool works on, and what came of it.
  struct Work {
    std::shared_ptr<KeyStore> store;
    std::uint32_t epoch = 0;
    std::shared_ptr<Signer> signer;
    std::optional<WrappingKey> wrapping;
    Status outcome;
  };

  void dispose() {
    disposing = true;
    not_before = loop.steady() + core.disposal_interval();
    core.dispose_at(std::nullopt);
    auto work = std::make_shared<Work>();
    work->store = identity.store;
    // Without a store the identity cannot change: the key that wraps stays.
    if (!work->store) return wrap(work);
    loop.run_blocking([work, now = loop.now()] { work->outcome = make_key(*work, now); },
                      [self = shared_from_this(), work] {
                        if (self->alive) self->wrap(work);
                      });
  }

  static Status make_key(Work& work, Time now) {
    const auto made = work.store->generate(KeyPurpose::content, now);
    if (!made) return fail(made.error());
    auto signer = work.store->signer(made->id);
    if (!signer) return fail(signer.error());
    auto wrapping = WrappingKey::of(**signer, made->id.epoch);
    if (!wrapping) return fail(wrapping.error());
    work.epoch = made->id.epoch;
    work.signer = std::move(*signer);
    work.wrapping = std::move(*wrapping);
    return {};
  }

  void wrap(const std::shared_ptr<Work>& work) {
    if (!work->outcome) return finish(work->outcome);
    served = std::exchange(waiting, {});  // What is deleted from here on is for the next one.
    if (work->wrapping) identity.content_keys.emplace(work->epoch, work->signer);
    core.rewrap(work->wrapping ? *work->wrapping : core.wrapping());
    committer.after(core.effects().take(), [self = shared_from_this(), work] {
      self->loop.run_blocking([work, from = self->ledger] { work->outcome = clean(*work, *from); },
                              [self, work] {
                                if (!self->alive) return;
                                if (work->outcome)
                                  std::erase_if(self->identity.content_keys,
                                                [&](const auto& key) { return work->wrapping && key.first != work->epoch; });
                                self->finish(work->outcome);
                              });
    });
  }

  static Status clean(const Work& work, Ledger& ledger) {
    if (const auto scrubbed = ledger.scrub(); !scrubbed) return scrubbed;
    if (!work.store) return {};
    const auto keys = work.store->keys();
    if (!keys) return fail(keys.error());
    for (const auto& info : *keys) {
      if (info.id.purpose != KeyPurpose::content || info.id.epoch == work.epoch) continue;
      if (const auto destroyed = work.store->destroy(info.id); !destroyed) return destroyed;
    }
    return {};
  }

  void finish(const Status& outcome) {
    disposing = false;
    if (outcome) {
      core.disposed();
    } else {
      log.write(LogLevel::error, "disposal_failed", {{"reason", outcome.error().message}});
      core.dispose_at(loop.now() + retry_pause);
    }
    // Answers after what `disposed` wrote is durable, too.
    for (auto& done : std::exchange(served, {}))
      committer.after(core.effects().take(), [done = std::move(done), outcome] { done(outcome); });
    settle();
  }

  EventLoop& loop;
  HubCore& core;
  Committer& committer;
  const std::shared_ptr<Ledger> ledger;
  HubIdentity& identity;
  PeerWork& peer_work;
  LogSink& log;
  const std::function<void()> settle;
  std::vector<std::function<void(Status)>> waiting;  ///< For the next disposal,
  std::vector<std::function<void(Status)>> served;   ///< and for the one under way.
  bool disposing = false;
  Time not_before{};  ///< The next one, by the loop's steady clock.
  bool alive = true;
};

Disposal::Disposal(EventLoop& loop, HubCore& core, Committer& committer, std::shared_ptr<Ledger> ledger, HubIdentity& identity,
                   PeerWork& work, LogSink& log, std::function<void()> settle)
    : state_(std::make_shared<State>(loop, core, committer, std::move(ledger), identity, work, log, std::move(settle))) {}

Disposal::~Disposal() {
  state_->alive = false;
}

void Disposal::run() {
  State& state = *state_;
  state.delete_due();
  const auto due = state.core.disposal_due();
  if (!due || state.disposing) return;
  const Time now = state.loop.now();
  const Duration pause = state.not_before - state.loop.steady();
  if (pause > Duration::zero())
    state.core.dispose_at(std::max(*due, now + pause));
  else if (*due <= now)
    state.dispose();
}

void Disposal::erase(const Peer& peer, const JobId& job, std::function<void(Status)> done) {
  state_->with_keys(peer, job,
                    [state = state_.get(), job, done = std::move(done)](Result<std::vector<std::string>> keys) mutable {
                      if (!keys) return done(fail(keys.error()));
                      if (const auto erased = state->core.erase(job, "request", *keys, state->loop.now()); !erased)
                        return done(erased);
                      state->core.dispose_at(state->loop.now());
                      state->waiting.push_back(std::move(done));
                      state->settle();
                    });
}

}  // namespace forgepool::hub
