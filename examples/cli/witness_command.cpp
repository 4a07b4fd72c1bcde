// A witness: somebody else's machine that looks at the log again and again, and says so.
#include "commands.hpp"
#include "output.hpp"

#include <fmt/core.h>

namespace forgepool_cli {

using namespace forgepool;

namespace {

/// What one look at the log came to.
struct Look {
  int code = exit_ok;
  bool caught = false;
  std::string what;
};

/// Keeps what proves that the log was rewritten: it is signed by the log's own key.
std::string keep_evidence(const WitnessOptions& options, const std::string& offer) {
  const std::string path = options.data + "/evidence-" + sha256(offer).hex().substr(0, 16);
  return write_file(path, as_bytes(offer)) ? path : "nowhere: it could not be written";
}

/// `delivered`: the head, as its checkpoint says it, that the hub has our cosignature of.
Look look(Session& session, Witness& witness, const WitnessOptions& options, const std::string& origin,
          std::string& delivered) {
  const std::uint64_t seen = witness.latest_size(origin);
  const auto offer = session.call<std::string>([&](auto done) { session.client().log_offer(seen, std::move(done)); });
  if (!offer) {
    if (offer.error().kind == ErrorKind::conflict)
      return {exit_failed, true,
              "the log shrank: it has fewer than the " + std::to_string(seen) + " entries that it had signed"};
    return {exit_code_of(offer.error().kind), false, offer.error().message};
  }
  const auto answer = witness.add_checkpoint(*offer, session.loop().now());
  if (answer.status == 422) return {exit_failed, true, answer.body + "  evidence: " + keep_evidence(options, *offer)};
  if (answer.status != 200) return {exit_failed, false, answer.body};
  const auto request = parse_add_checkpoint(*offer);
  if (!request) return {exit_failed, false, request.error().message};
  // Asking again with what the hub has would only fill its logs.
  const std::string seen_already = std::to_string(witness.latest_size(origin));
  if (request->checkpoint.substr(0, request->checkpoint.find("\n\n")) == delivered)
    return {exit_ok, false, "nothing new since " + seen_already + " entries"};
  const auto taken = session.call<std::string>(
      [&](auto done) { session.client().cosign(request->checkpoint + answer.body, std::move(done)); });
  const std::string size = std::to_string(witness.latest_size(origin));
  // Nothing is lost if another checkpoint is on offer by now, or the hub knew it already: the next look goes on from here.
  if (!taken && taken.error().kind != ErrorKind::conflict)
    return {exit_code_of(taken.error().kind), false, taken.error().message};
  if (taken) delivered = request->checkpoint.substr(0, request->checkpoint.find("\n\n"));
  return {exit_ok, false, "cosigned " + size + " entries" + (taken ? "" : "; the hub has moved on")};
}

}  // namespace

int witness(const Common& common, const WitnessOptions& options) {
  const auto key = log_key(options.log);
  if (!key) return complain(key.error(), common.json);
  const auto witness = open_witness(options.data, options.name, {*key});
  if (!witness) return complain(witness.error(), common.json);
  if (common.json)
    print_json({{"witness", (*witness)->vkey()}, {"log", key->name}});
  else
    fmt::print("witness {}\n", (*witness)->vkey());
  std::fflush(stdout);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  for (std::string delivered;;) {
    const Look seen = look(*session, **witness, options, key->name, delivered);
    if (common.json)
      print_json({{"outcome", seen.what}, {"caught", seen.caught}, {"size", (*witness)->latest_size(key->name)}});
    else
      fmt::print("{}{}\n", seen.caught ? "CAUGHT: " : "", printable(seen.what));
    std::fflush(stdout);
    // A hub that is away may come back; a log that was rewritten will not get better.
    if (options.once || seen.caught) return seen.code;
    session->loop().run_for(std::chrono::milliseconds(options.interval_ms));
  }
}

}  // namespace forgepool_cli
