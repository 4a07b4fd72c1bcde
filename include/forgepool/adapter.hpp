#pragma once
/// An adapter gives an operation its meaning: how a contract splits into shards, what program computes a shard, how the shards'
/// outputs become the result. It is a package of a manifest and a static ELF, addressed by digest, so that everybody can check
/// that the same thing ran everywhere. Formats: src/adapter/FORMAT.md.
///
/// Planning and reducing are pure functions of the contract and the manifest: they never depend on which agents exist.
#include <forgepool/contract.hpp>
#include <forgepool/sandbox.hpp>

#include <array>
#include <functional>
#include <memory>

namespace forgepool {

inline constexpr std::size_t max_adapter_package_bytes = 32u << 20;

/// An input that a shard needs besides its parameters, by digest; the program sees it as /in/<name>.
struct ShardInput {
  std::string name;
  Digest digest;
  bool executable = false;

  friend bool operator==(const ShardInput&, const ShardInput&) = default;
};

/// One unit of execution. `params` is RFC 8785 JSON that the program sees as /in/params.json; it holds the shard's range and
/// its seed, which is HKDF-SHA-256 of the root seed, the contract digest and the shard index.
struct ShardSpec {
  std::uint32_t index = 0;
  std::string params;
  std::vector<ShardInput> inputs;

  friend bool operator==(const ShardSpec&, const ShardSpec&) = default;
};

struct Plan {
  Digest contract;
  Digest adapter;                      ///< Of the package.
  Digest program;                      ///< Of the ELF in it.
  std::vector<std::string> arguments;  ///< argv[1…] of every shard.
  SandboxLimits limits;                ///< Of every shard.
  std::vector<SandboxRelaxation> relaxations;
  Determinism determinism = Determinism::standard;  ///< Of every shard. Its seed is the digest of the shard's parameters.
  std::uint32_t world = 0;                          ///< Which world strict shards see (sandbox.hpp); 0 for others.
  std::vector<ShardSpec> shards;

  FORGEPOOL_API std::string canonical() const;  ///< RFC 8785 JSON of all of the above, as it stands in bundles.
  FORGEPOOL_API Digest digest() const;          ///< SHA-256 of `canonical()`; goes into the ledger before the first lease.

  friend bool operator==(const Plan&, const Plan&) = default;
};
/// What a plan would come to.
struct PlanSize {
  std::uint64_t shards = 0;
  std::uint64_t bytes = 0;  ///< About, of the parameters and the names of the inputs of all shards.
};
/// Reads `Plan::canonical()` back; invalid_input if it is not exactly that.
FORGEPOOL_API Result<Plan> parse_plan(std::string_view json);

/// The file a shard's program writes its output to, in /out.
inline constexpr std::string_view shard_output_name = "result";

/// An opened package. Immutable and shared.
class AdapterPackage {
 public:
  virtual ~AdapterPackage() = default;
  virtual const Digest& digest() const = 0;  ///< SHA-256 of `bytes()`.
  virtual const std::string& name() const = 0;
  virtual const std::string& version() const = 0;
  virtual const std::string& manifest() const = 0;  ///< RFC 8785 JSON.
  virtual const std::shared_ptr<const Bytes>& program() const = 0;
  virtual const Digest& program_digest() const = 0;
  virtual const Bytes& bytes() const = 0;

  /// Splits the contract. invalid_input, starting with the JSON pointer (into the contract) of the offending value, if the
  /// profile does not exist or its arguments are not what the profile takes.
  virtual Result<Plan> plan(const Contract& contract) const = 0;
  /// What `plan` would come to, in time that does not grow with the number of shards. Refuses what `plan` refuses, but for what
  /// shows only with the shards.
  virtual Result<PlanSize> measure(const Contract& contract) const = 0;

  /// Runs a shard of a plan of this package in the sandbox: as it is or, if the profile isolates items, each item in a box of
  /// its own with the limits for itself, one after the other, and puts together what they gave. How an item ended is part of
  /// the shard's output then; the shard ends badly only where an item's run could not be set up, or was cancelled. Blocks, and
  /// is called from where `Sandbox::run` may be.
  virtual SandboxReport run(const SandboxRequest& shard, Sandbox& sandbox) const = 0;

  /// Computes the result (RFC 8785 JSON) from the accepted output of every shard, in shard order. The outputs are foreign
  /// bytes: `corrupt`, naming the shard, if one is not what the profile's reducer takes.
  virtual Result<std::string> reduce(const Contract& contract, const std::vector<ByteView>& outputs) const = 0;

  /// Checks one shard's output as `reduce` would, so that a malformed one is refused on arrival.
  virtual Status check_output(const Contract& contract, ByteView output) const = 0;

  /// False if outputs that differ may agree: numbers within a tolerance, samples of one distribution.
  virtual bool compares_exactly(const Contract& contract) const = 0;
  /// Whether two outputs that passed `check_output` agree. Symmetric, but not transitive.
  virtual bool agree(const Contract& contract, ByteView a, ByteView b) const = 0;
  /// Of outputs that say digests of their steps, the first step (from 0) after which they differ; nothing if there is none.
  virtual std::optional<std::uint64_t> first_divergence(const Contract& contract, ByteView a, ByteView b) const = 0;
};

/// Opens package bytes; `corrupt` if they are not a well-formed package.
FORGEPOOL_API Result<std::shared_ptr<const AdapterPackage>> open_adapter(Bytes package);
/// An instruction whose result depends on the machine or the moment, and that no sandbox can trap (rdrand, cpuid, …).
struct UnfixedInstruction {
  std::string mnemonic;
  std::string symbol;         ///< The function it is in, demangled. Empty if the program has no symbol there.
  std::uint64_t offset = 0;   ///< From the symbol's start, or from that of the segment.
  std::uint64_t address = 0;  ///< As linked.
  std::string reason;         ///< For people: what it lets the program see.
};
/// "rdrand in std::random_device::_M_getval()+0x12 (0x4012ab): the processor's random numbers"
FORGEPOOL_API std::string describe(const UnfixedInstruction& instruction);

/// Disassembles the executable segments and finds such instructions, those left out with which the C library's start-up code
/// chooses between equivalent functions (known by their symbols: a stripped program has none, so there they are found too). At
/// most 1,000. `unsupported` for a program that is not a static x86-64 ELF.
FORGEPOOL_API Result<std::vector<UnfixedInstruction>> scan_program(ByteView program);

/// Makes a package of a manifest (JSON text) and a program. invalid_input, with the JSON pointer, for a bad manifest;
/// unsupported for a program that is not a static x86-64 ELF, or if a profile is of determinism class `strict` and
/// `scan_program` finds something: the message names the first of it.
FORGEPOOL_API Result<Bytes> pack_adapter(std::string_view manifest, ByteView program);

}  // namespace forgepool
