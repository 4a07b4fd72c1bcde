#pragma once
/// What makes one verifier different from another: when answers are enough. Everything else (who answered what, what was asked
/// for, quarantine and what follows from it) is the court's, court.hpp.
#include <string>

#include "verifier/job_case.hpp"

namespace forgepool {

/// What to do about an open shard.
struct Opinion {
  enum class What : std::uint8_t {
    accept,  ///< The leader is right.
    ask,     ///< `count` more executions are missing; none: those under way will do, and without any it is given up.
    wait,    ///< Until the rule names the shard in `settled`.
  };
  What what = What::ask;
  std::uint32_t count = 0;
};

/// What follows from a shard being settled.
struct Consequences {
  std::vector<std::uint32_t> reconsider;  ///< Shards of the same job that waited for it.
  bool canary = false;                    ///< Somebody is to be tested.
};

class Rule {
 public:
  virtual ~Rule() = default;
  /// Its kind and options, see terms.hpp.
  virtual std::string terms() const = 0;
  /// Of one shard, at most, those of agents in quarantine included; at least 1.
  virtual std::uint32_t max_executions() const = 0;
  virtual void begin(JobCase& job) const = 0;
  /// Of a shard that is open. Called again whenever something about it changes.
  virtual Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable& agents) const = 0;
  /// The shard was accepted or given up.
  virtual void settled(JobCase& job, std::uint32_t index, const AgentTable& agents, Consequences& consequences) const = 0;
  /// Who lost only loses what it earned, instead of being put in quarantine.
  virtual bool forgives() const { return false; }
  /// ShardVerdict::rule of a settled shard.
  virtual std::string name(const JobCase& job, std::uint32_t index) const = 0;
  /// Of an open shard: what it waits for, for people.
  virtual std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const = 0;
};

/// A draw from 0 to 1, without 1, that nobody can predict who does not have the job's secret.
double draw(const JobCase& job, std::string_view purpose, std::uint32_t number);

}  // namespace forgepool
