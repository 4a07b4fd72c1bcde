#pragma once
/// Witnesses: others who follow a log, check that it only ever grows, and say so by cosigning its checkpoints (C2SP
/// tlog-cosignature, cosignature/v1; tlog-witness; tlog-policy). Pure functions but for `Witness`, which keeps what it is told
/// to.
#include <forgepool/merkle.hpp>
#include <forgepool/time.hpp>

#include <functional>
#include <map>
#include <mutex>

namespace forgepool {

/// vkey of a cosigner's Ed25519 key (signature type 0x04). Empty if `key` is not Ed25519.
FORGEPOOL_API std::string to_cosigner_vkey(std::string_view name, const PublicKey& key);
/// invalid_input unless it is a well-formed vkey of type 0x04 whose hash fits its name and key.
FORGEPOOL_API Result<VerifierKey> parse_cosigner_vkey(std::string_view text);

/// The signature line, newline included, by which `name` says that it saw the log that `checkpoint` (any signed note) is of
/// grow to it, and no further, by `now`.
FORGEPOOL_API Result<std::string> cosign_checkpoint(std::string_view checkpoint, std::string_view name, const Signer& key,
                                                    Time now);
/// When `cosigner` cosigned, in seconds since 1970; `corrupt` if the note has no signature of its key, or one that does not
/// verify.
FORGEPOOL_API Result<std::uint64_t> verify_cosignature(std::string_view checkpoint, const VerifierKey& cosigner);
/// The note with those of `lines` (signature lines, as a witness answers them) that are valid cosignatures by keys in
/// `cosigners` and are not in it yet; all others are left out.
FORGEPOOL_API Result<std::string> add_cosignatures(std::string_view checkpoint, std::string_view lines,
                                                   const std::vector<VerifierKey>& cosigners);

/// Which cosignatures make a checkpoint good enough: a C2SP tlog-policy file.
class FORGEPOOL_API WitnessPolicy {
 public:
  struct Log {
    VerifierKey key;
    std::string url;
  };
  struct Cosigner {
    std::string name;  ///< In this file.
    VerifierKey key;
    std::string url;
  };

  /// Of `quorum none`: every checkpoint will do.
  WitnessPolicy() = default;
  /// invalid_input with the line, for anything that is not a policy.
  static Result<WitnessPolicy> parse(std::string_view text);

  const std::vector<Log>& logs() const { return logs_; }
  const std::vector<Cosigner>& witnesses() const { return witnesses_; }
  std::vector<VerifierKey> keys() const;
  /// False for `quorum none`.
  bool needs_witnesses() const { return quorum_ >= 0; }

  /// `unavailable`, with who is missing, unless the checkpoint has valid cosignatures of a quorum. Whose log it is is not
  /// checked.
  Status check(std::string_view checkpoint) const;

 private:
  struct Group {
    std::string name;
    std::size_t threshold = 0;
    std::vector<int> members;  ///< Numbers: the witnesses first, then the groups.
  };
  bool satisfied(int member, const std::vector<bool>& cosigned) const;

  std::vector<Log> logs_;
  std::vector<Cosigner> witnesses_;
  std::vector<Group> groups_;
  int quorum_ = -1;  // A number as in Group; -1: none.
};

/// The body of `add-checkpoint`: "this log has grown from what you saw to this".
struct AddCheckpoint {
  std::uint64_t old_size = 0;
  MerklePath proof;
  std::string checkpoint;
};
FORGEPOOL_API std::string write_add_checkpoint(const AddCheckpoint& request);
/// invalid_input for anything else.
FORGEPOOL_API Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);

/// Answers `add-checkpoint` as C2SP tlog-witness says. Thread-safe.
class FORGEPOOL_API Witness {
 public:
  struct Options {
    std::string name;             ///< Of its key in cosignatures.
    std::shared_ptr<Signer> key;  ///< Ed25519, used for nothing else.
    std::vector<VerifierKey> logs;
    /// Makes a cosigned checkpoint durable, before anybody sees it.
    std::function<Status(const std::string& origin, const std::string& checkpoint)> keep;
  };
  struct Answer {
    int status = 500;  ///< HTTP.
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;  ///< 200: signature lines. 409: the size of the latest cosigned checkpoint. Otherwise why.
  };

  /// invalid_input if the name or the key cannot sign.
  static Result<std::unique_ptr<Witness>> make(Options options);

  /// Takes back a checkpoint that was kept; `corrupt` unless the log and this witness signed it.
  Status restore(std::string_view checkpoint);
  Answer add_checkpoint(std::string_view body, Time now);
  /// What was cosigned last of a log, with the cosignature.
  std::optional<std::string> latest(const std::string& origin) const;
  /// Its size; 0 if there is none.
  std::uint64_t latest_size(const std::string& origin) const;
  std::string vkey() const;

 private:
  explicit Witness(Options options) : options_(std::move(options)) {}
  struct Seen {
    LedgerHead head;
    std::string checkpoint;
  };
  const VerifierKey* log_of(std::string_view origin) const;

  const Options options_;
  mutable std::mutex mutex_;
  std::map<std::string, Seen, std::less<>> seen_;  // By origin; guarded by mutex_.
};

}  // namespace forgepool
