// Every table of protocol.fbs: all but a few are the body of a request or of an answer, and the rest stand in those.
#include "../support/all_messages.hpp"
#include "../support/forged_message.hpp"
#include "targets.hpp"

namespace forgepool::fuzz {
namespace {

template <class T>
Target message() {
  const std::string name = T::TableType::GetFullyQualifiedName();
  const auto& rules = *wire::rules_of(name);
  test::ForgedMessage least, full;
  return {
      name.substr(name.rfind('.') + 1), {least.finish(least.table(rules)), full.finish(full.full(rules))}, [](ByteView input) {
        const auto read = wire::decode<T>(input);
        if (!read) return false;
        const Bytes written = wire::encode(*read);
        // Nothing is unpacked more often than it was there. What is optional and empty, and what is only alignment, may differ.
        hold(written.size() <= 3 * input.size() + 256, "a message comes to a small multiple of its body");
        hold(wire::decode<T>(written).has_value(), "a message that was read can be written and read");
        return true;
      }};
}

}  // namespace

std::vector<Target> message_targets() {
  std::vector<Target> targets;
  test::for_all_messages([&]<class T>(const T&) { targets.push_back(message<T>()); });
  return targets;
}

}  // namespace forgepool::fuzz
