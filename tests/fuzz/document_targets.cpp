// Contracts, plans, notes, bundles and packages.
#include "targets.hpp"

#include "../unit/adapter/sample_packages.hpp"
#include "../unit/audit/story.hpp"

#include "crypto/signed_note.hpp"
#include "wire/json.hpp"

namespace forgepool::fuzz {
namespace {

Target bundle_target(const testing::Story& story) {
  const std::string document = story.document(), root = story.root();
  return {"bundle", {to_bytes(document)}, [=](ByteView input) {
            const auto report = verify_bundle(as_text(input), root);
            hold(!report || json::canonicalize(*json::parse(as_text(input), input.size())) == document ||
                     as_text(input) == document || report->job == JobId("job-1"),
                 "a bundle that verifies is about the job that the hub signed for");
            return report.has_value();
          }};
}

}  // namespace

std::vector<Target> document_targets() {
  testing::Story story;
  story.tell();
  std::vector<Target> targets;
  targets.push_back(
      {"contract",
       {to_bytes(
            R"({"op":{"name":"mc","version":"1","profile":"insurance.v1"},"args":{"iterations":1000,"claim_freq":2.5},"seed":{"mode":"explicit","value":7},"policy":{"min_agents":2,"timeout_ms":600000,"verify":"full","replicas":2},"artifacts":{"persist":true,"include":["result"]}})"),
        to_bytes(R"({"ctx":{"job_id":"j"},"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":3}})")},
       [](ByteView input) {
         const auto contract = parse_contract(as_text(input));
         if (!contract) return false;
         const auto again = parse_contract(contract->canonical);
         hold(again && again->digest == contract->digest && again->canonical == contract->canonical,
              "canonical form is a fixed point");
         return true;
       }});
  targets.push_back({"json",
                     {to_bytes(R"({"a":[1,2.5,-3e10,"\u00e9\ud83d\ude00",true,null],"b":{"c":{}}})"), to_bytes("[]")},
                     [](ByteView input) {
                       const auto value = json::parse(as_text(input), 1u << 20);
                       if (!value) return false;
                       const std::string canonical = json::canonicalize(*value);
                       const auto again = json::parse(canonical, canonical.size());
                       hold(again && json::canonicalize(*again) == canonical, "canonical form is a fixed point");
                       return true;
                     }});
  targets.push_back({"plan", {to_bytes(story.plan.canonical())}, [](ByteView input) {
                       const auto plan = parse_plan(as_text(input));
                       hold(!plan || plan->canonical() == as_text(input), "what is read is exactly what is written");
                       return plan.has_value();
                     }});
  const auto vkey = parse_vkey(to_vkey(story.hub.trust_domain, story.hub.log_key->public_key()));
  const std::string checkpoint = sign_checkpoint(story.hub.trust_domain, {1234, sha256(Bytes{1})}, *story.hub.log_key).value();
  targets.push_back({"checkpoint", {to_bytes(checkpoint)}, [key = *vkey](ByteView input) {
                       const auto head = verify_checkpoint(as_text(input), key);
                       hold(!head || (head->size == 1234 && head->root == sha256(Bytes{1})),
                            "only what was signed is believed");
                       return head.has_value();
                     }});
  targets.push_back({"note", {to_bytes(checkpoint)}, [](ByteView input) { return parse_note(as_text(input)).has_value(); }});
  targets.push_back(bundle_target(story));
  targets.push_back({"package",
                     {testing::tally_package(), test::sample_package("noop")->bytes(), test::sample_package("mc")->bytes()},
                     [](ByteView input) {
                       const auto package = open_adapter(Bytes(input.begin(), input.end()));
                       hold(!package || (*package)->digest() == sha256(input), "a package is its bytes");
                       return package.has_value();
                     }});
  targets.push_back(
      {"manifest",
       {to_bytes(test::manifest_of("noop")), to_bytes(test::manifest_of("mc")), to_bytes(test::manifest_of("exec"))},
       [elf = test::tiny_elf()](ByteView input) {
         const auto package = pack_adapter(as_text(input), elf);
         hold(!package || open_adapter(*package), "what is packed can be opened");
         return package.has_value();
       }});
  return targets;
}

}  // namespace forgepool::fuzz
