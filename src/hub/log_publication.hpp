#pragma once
/// The log as others may read it, at the paths of C2SP tlog-tiles, and the collection of its witnesses' cosignatures. Where the
/// policy asks for witnesses, a checkpoint is given out only when a quorum has cosigned it. Loop thread only; what may block
/// runs on the pool, or is handed to the caller to be run there.
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/tiled_log.hpp>
#include <forgepool/witness.hpp>

#include <memory>

namespace forgepool::hub {

/// A tile or an entry bundle. invalid_input for another path, not_found for one that the log does not have. Blocking, on any
/// thread.
Result<Bytes> read_log_resource(const Ledger& ledger, std::string_view path);

/// A checkpoint, and what it is of.
struct SignedHead {
  std::string note;
  LedgerHead head;
};

class LogPublication {
 public:
  using Done = std::function<void(Result<std::string>)>;

  /// `identity` is read with every call: the log's keys change.
  LogPublication(EventLoop& loop, std::shared_ptr<Ledger> ledger, const HubIdentity& identity)
      : state_(std::make_shared<State>(loop, std::move(ledger), identity)) {}
  ~LogPublication() { state_->alive = false; }

  /// What the ledger's state remembers of earlier cosignatures. Before anything else. A checkpoint that was signed by none but
  /// revoked keys is left out, and `log` told so.
  Status open(WitnessPolicy policy, LogSink& log);

  /// For everybody who may read the log: with a quorum's cosignatures where the policy asks for one (`unavailable` while there
  /// is none), else signed now: those who ask while one is being signed get the next one together.
  void checkpoint(Done done);
  /// Blocking, on any thread.
  using Proof = std::function<Result<std::string>()>;
  /// For a witness that saw `old_size` leaves: what makes the body of an add-checkpoint. The same checkpoint is offered until a
  /// quorum has cosigned it, or for ten seconds. `conflict` if the log is smaller than that.
  void offer(std::uint64_t old_size, std::function<void(Result<Proof>)> done);
  /// Takes cosignature lines on the checkpoint that is offered, and keeps them. `conflict` if it is offered no more.
  void take(std::string_view note, Done done);
  /// The checkpoint for a bundle: none if the ledger's own will do. `unavailable` as above.
  Result<std::optional<SignedHead>> for_bundle() const;

 private:
  struct State : std::enable_shared_from_this<State> {
    State(EventLoop& l, std::shared_ptr<Ledger> g, const HubIdentity& i) : loop(l), ledger(std::move(g)), identity(i) {}
    /// Asks the ledger for a checkpoint, off the loop; one at a time.
    void sign(Done done);
    void begin_signing();
    Result<Proof> offer_of(std::uint64_t old_size) const;
    /// Of a checkpoint by any key of the log that is not revoked.
    Result<LedgerHead> head_of(std::string_view note) const;
    /// The last one that a quorum cosigned, if it still holds.
    Result<SignedHead> shown() const;

    EventLoop& loop;
    const std::shared_ptr<Ledger> ledger;
    const HubIdentity& identity;  ///< Not after the publication's end: `alive`.
    WitnessPolicy policy;
    std::string offered;    ///< A checkpoint and the cosignatures it has so far; empty: none yet.
    std::string witnessed;  ///< The last one that a quorum cosigned.
    Time offered_at{};
    std::vector<Done> asking;  ///< For the next checkpoint.
    bool signing = false;
    bool alive = true;
  };
  std::shared_ptr<State> state_;
};

}  // namespace forgepool::hub
