#include "story.hpp"

#include "identity/dsse.hpp"
#include "identity/enrolment_event.hpp"
#include "identity/svid.hpp"

#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/merkle.hpp>

#include <catch2/catch_test_macros.hpp>

#include <elf.h>

#include <cstring>

namespace forgepool::testing {
namespace {

template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// The least that is a static ELF: one segment that is the file itself, and code that ends.
Bytes tiny_program() {
  const std::uint8_t code[] = {0x31, 0xff, 0xb8, 0xe7, 0x00, 0x00, 0x00, 0x0f, 0x05};  // exit_group(0)
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_entry = 0x400000 + sizeof header + sizeof(Elf64_Phdr);
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = segment.p_paddr = 0x400000;
  segment.p_filesz = segment.p_memsz = sizeof header + sizeof segment + sizeof code;
  segment.p_align = 0x1000;
  Bytes file(segment.p_filesz);
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, &segment, sizeof segment);
  std::memcpy(file.data() + sizeof header + sizeof segment, code, sizeof code);
  return file;
}

constexpr std::string_view tally_manifest = R"({
  "format": "forgepool-adapter-manifest/1", "name": "tally", "version": "1", "description": "counts",
  "profiles": {
    "tally.v1": {
      "args": {"items": {"type": "integer", "min": 1, "max": 1000}},
      "split": {"by": "range", "over": "items", "shard_size": 2},
      "limits": {"cpu_ms": 1000, "wall_ms": 2000, "memory_bytes": 67108864, "processes": 1, "output_bytes": 4096, "output_files": 1},
      "determinism": "strict", "data_classes": ["public"], "compare": "exact", "reduce": {"by": "count"}},
    "data.v1": {
      "args": {"items": {"type": "integer", "min": 1, "max": 1000}, "data": {"type": "digest"}},
      "split": {"by": "range", "over": "items", "shard_size": 2},
      "inputs": [{"arg": "data", "name": "data.bin"}],
      "determinism": "strict", "data_classes": ["public"], "compare": "exact", "reduce": {"by": "count"}},
    "samples.v1": {
      "args": {"items": {"type": "integer", "min": 1, "max": 10000}},
      "split": {"by": "range", "over": "items", "shard_size": 1000},
      "determinism": "strict", "compare": {"by": "statistical", "significance": 1e-6}, "reduce": {"by": "summary", "unit": "x"}}}})";

}  // namespace

Time story_time() {
  return need(from_rfc3339("2026-01-31T08:15:00Z"));
}

const Bytes& tally_package() {
  static const Bytes package = need(pack_adapter(tally_manifest, tiny_program()));
  return package;
}

Bytes tally_output(std::uint64_t items) {
  return to_bytes("{\"count\":" + std::to_string(items) + ",\"format\":\"count/1\"}");
}

Bytes sample_output(std::uint64_t items, std::uint64_t of_ten) {
  const std::uint64_t of_twenty = items - of_ten;
  return to_bytes("{\"count\":" + std::to_string(items) + ",\"format\":\"summary/1\",\"histogram\":[[10," +
                  std::to_string(of_ten) + "],[20," + std::to_string(of_twenty) +
                  "]],\"max\":20,\"min\":10,\"saturated\":0,\"sum\":\"" + std::to_string(10 * of_ten + 20 * of_twenty) +
                  "\",\"sum_squares\":\"" + std::to_string(100 * of_ten + 400 * of_twenty) + "\"}");
}

Story::Story(const json::Object& policy, const std::string& profile, const json::Object& args, const json::Object& members)
    : hub(need(make_hub_identity("pool.example", story_time()))) {
  for (const char* name : {"alice", "bob", "carol", "mallory"})
    agents.emplace(name, need(identity::issue_member_credentials(hub, std::string("agent/") + name, story_time())));
  adapter = need(open_adapter(tally_package()));
  json::Object request{{"op", json::Object{{"name", "tally"}, {"version", "1"}, {"profile", profile}}},
                       {"args", args},
                       {"policy", policy},
                       {"artifacts", json::Object{{"include", json::Array{"result", "shard_outputs"}}}}};
  for (const auto& [name, value] : members) request.set(name, value);
  contract = need(parse_contract(json::canonicalize(request)));
  plan = need(adapter->plan(contract));
  if (const auto* items = args.find("items")) items_ = static_cast<std::uint64_t>(items->as_number());
  ledger_ = need(make_memory_ledger("pool.example", hub.log_key));
  verdict_key = hub.tls.key;

  samples_ = profile == "samples.v1";
  bundle_.outputs.emplace();
  for (std::uint32_t i = 0; i < plan.shards.size(); ++i) bundle_.outputs->emplace(i, right(i));
  std::vector<ByteView> outputs;
  for (const auto& [shard, output] : *bundle_.outputs) outputs.emplace_back(output);
  result = need(adapter->reduce(contract, outputs));
  append(to_bytes("a leaf of some other job"));
}

std::uint64_t Story::append(Bytes leaf) {
  return need(ledger_->commit({{std::move(leaf)}, {}})).size - 1;
}

void Story::tell_apart(std::vector<wire::BundleEvent>& where, const std::string& kind, std::string content) {
  wire::BundleEvent event{kind, Bytes(32, next_salt_++), std::move(content), {}};
  event.position.index = append(wire::event_leaf(event.kind, event.salt, event.content));
  where.push_back(std::move(event));
}

void Story::event(const std::string& kind, const json::Object& content) {
  tell_apart(bundle_.events, kind, json::canonicalize(content));
}

void Story::contract_event() {
  event("contract", {{"contract", contract.digest.str()}, {"job", job.str()}});
}

void Story::plan_event() {
  event("plan", {{"adapter", adapter->digest().str()},
                 {"contract_salt", contract_salt.hex()},
                 {"job", job.str()},
                 {"plan", plan.digest().str()},
                 {"pseudonym", pseudonym},
                 {"shards", plan.shards.size()}});
  residency_event();
}

void Story::residency_event(const std::string& hub_region) {
  const ContractPolicy& policy = contract.policy;
  event("residency", {{"data_class", policy.data_class},
                      {"hub_region", hub_region},
                      {"job", job.str()},
                      {"profile", ""},
                      {"regions", json::Array(policy.regions.begin(), policy.regions.end())},
                      {"retention", json::Object{{"evidence_ms", 1}, {"inputs_ms", 0}, {"results_ms", 1}}},
                      {"target", policy.target}});
}

void Story::result_event() {
  event("result", {{"job", job.str()}, {"result", sha256(result).str()}});
  artifact_events();
}

void Story::artifact_events() {
  for (const auto& name : contract.artifacts.include) {
    Digest digest = sha256(result);
    if (name == "shard_outputs") {
      std::vector<Digest> hashes;
      for (const auto& [shard, output] : *bundle_.outputs) hashes.push_back(leaf_hash(output));
      digest = merkle_root(hashes);
    }
    event("artifact", {{"digest", digest.str()}, {"job", job.str()}, {"name", name}});
  }
}

void Story::enrol(const std::string& agent) {
  enrolled_.insert(agent);
  SchedulerAgent attested;
  attested.id = AgentId(agent);
  attested.region = agent_region;
  attested.tier = agent_tier;
  if (const auto found = operators.find(agent); found != operators.end()) attested.operator_id = found->second;
  if (!contract.policy.data_class.empty()) attested.data_classes = {contract.policy.data_class};
  tell_apart(enrolments_, "enrolment",
             identity::write_enrolment_event(attested, agents.at(agent).identity.key->public_key().pin()));
}

void Story::lease(const std::string& agent, const std::string& lease, const std::vector<std::uint32_t>& shards) {
  if (!enrolled_.contains(agent)) enrol(agent);
  granted_.insert(lease);
  json::Array indices;
  for (const auto shard : shards) indices.push_back(shard);
  tell_apart(leases_, "lease",
             json::canonicalize(json::Object{
                 {"admitted",
                  json::Object{{"data_class", contract.policy.data_class}, {"region", agent_region}, {"tier", agent_tier}}},
                 {"agent", agent},
                 {"job", job.str()},
                 {"lease", lease},
                 {"shards", std::move(indices)}}));
}

void Story::quarantine(const std::string& agent, std::uint32_t shard) {
  event("quarantine", {{"accepted", sha256(right(shard)).str()},
                       {"agent", agent},
                       {"job", job.str()},
                       {"returned", sha256(wrong(shard)).str()},
                       {"shard", shard}});
}

wire::BundleStatement Story::state(std::string_view payload, const Signer& key, std::vector<Bytes> chain) {
  wire::BundleStatement statement;
  statement.envelope = need(identity::sign_envelope(identity::in_toto_payload_type, as_bytes(payload), key));
  statement.chain = std::move(chain);
  const auto envelope = need(identity::parse_envelope(statement.envelope));
  statement.position.index =
      append(wire::statement_leaf(envelope.pae_digest(), envelope.signatures[0].signature, key.public_key().spki));
  return statement;
}

void Story::receipt(const std::string& agent, const std::string& lease, const std::map<std::uint32_t, Bytes>& outputs,
                    const std::function<void(identity::Receipt&)>& edit) {
  if (!granted_.contains(lease)) {
    std::vector<std::uint32_t> shards;
    for (const auto& [index, output] : outputs) shards.push_back(index);
    this->lease(agent, lease, shards);
  }
  const Credentials& signer = agents.at(agent);
  identity::Receipt receipt;
  receipt.agent = signer.name;
  receipt.job = pseudonym;
  receipt.contract = identity::commit_to_contract(contract_salt.bytes, contract.digest, job);
  receipt.lease = LeaseId(lease);
  receipt.adapter = plan.adapter;
  receipt.sandbox = "fake";
  receipt.level = SandboxLevel::namespaces;
  receipt.determinism = plan.determinism;
  receipt.world = plan.world;
  receipt.limits = plan.limits;
  receipt.relaxations = plan.relaxations;
  receipt.salt = Bytes(identity::receipt_salt_bytes, next_salt_++);
  receipt.started_at = story_time() + std::chrono::minutes(1);
  receipt.finished_at = story_time() + std::chrono::minutes(2);
  for (const auto& [index, output] : outputs) {
    identity::ReceiptShard shard;
    shard.index = index;
    shard.params = sha256(plan.shards.at(index).params);
    for (const ShardInput& input : plan.shards.at(index).inputs) shard.inputs.push_back({input.name, input.digest});
    shard.outcome = {SandboxOutcome::Kind::exited, 0, ""};
    shard.output = sha256(output);
    receipt.shards.push_back(std::move(shard));
  }
  if (edit) edit(receipt);
  bundle_.receipts.push_back(
      state(need(identity::write_receipt(receipt)), *signer.identity.key, signer.identity.certificate_chain));
}

void Story::verdict(std::uint32_t shard, const Bytes& accepted, const std::vector<Named>& evidence,
                    const std::function<void(identity::Verdict&)>& edit) {
  identity::Verdict verdict;
  verdict.verifier = "spiffe://pool.example/hub";
  verdict.verified_at = story_time() + std::chrono::minutes(3);
  verdict.contract = contract.digest;
  verdict.shard.shard = {job, shard};
  verdict.shard.decision = Decision::accepted;
  verdict.shard.result = sha256(accepted);
  for (const Named& answer : evidence)
    verdict.shard.evidence.push_back(
        {{{job, shard}, AgentId(answer.agent), LeaseId(answer.lease), sha256(answer.output)}, answer.output == accepted});
  verdict.shard.rule = "as told";
  verdict.salt = Bytes(identity::verdict_salt_bytes, next_salt_++);
  if (edit) edit(verdict);
  bundle_.verdicts.push_back(state(need(identity::write_verdict(verdict)), *verdict_key, {}));
}

void Story::tell_until_verdicts() {
  contract_event();
  plan_event();
  receipt("alice", "l-a", {{0, right(0)}, {1, right(1)}, {2, right(2)}});
  receipt("bob", "l-b", {{0, right(0)}, {1, right(1)}});
  receipt("mallory", "l-m", {{2, wrong(2)}});
}

void Story::tell_verdicts() {
  verdict(0, right(0), {{"alice", "l-a", right(0)}, {"bob", "l-b", right(0)}});
  verdict(1, right(1), {{"alice", "l-a", right(1)}, {"bob", "l-b", right(1)}});
  receipt("bob", "l-b2", {{2, right(2)}});
  quarantine("mallory", 2);
  verdict(2, right(2), {{"alice", "l-a", right(2)}, {"mallory", "l-m", wrong(2)}, {"bob", "l-b2", right(2)}});
}

wire::Bundle Story::bundle(const std::string& checkpoint, std::uint64_t size) const {
  wire::Bundle bundle = bundle_;
  bundle.events.insert(bundle.events.end(), leases_.begin(), leases_.end());
  bundle.events.insert(bundle.events.end(), enrolments_.begin(), enrolments_.end());
  bundle.job = job;
  const auto& include = contract.artifacts.include;
  if (std::ranges::find(include, "result") != include.end()) bundle.result = result;
  bundle.contract = contract.canonical;
  bundle.plan = plan.canonical();
  bundle.adapter = adapter->bytes();
  bundle.checkpoint = checkpoint;
  bundle.root = root();
  const auto prove = [&](wire::LogPosition& position) {
    if (position.index < size) position.path = need(ledger_->prove_inclusion(position.index, size));
  };
  for (auto& event : bundle.events) prove(event.position);
  for (auto& receipt : bundle.receipts) prove(receipt.position);
  for (auto& verdict : bundle.verdicts) prove(verdict.position);
  return bundle;
}

std::string Story::sign(const wire::Bundle& bundle) const {
  return wire::write_bundle(bundle, need(hub.tls.key->sign(as_bytes(wire::bundle_body(bundle)))));
}

}  // namespace forgepool::testing
