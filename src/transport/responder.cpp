#include "transport/responder.hpp"

#include "transport/message_rules.hpp"

#include <utility>

namespace forgepool::transport {
namespace {

struct Slot {
  explicit Slot(std::function<void(Response)> a) : answer(std::move(a)) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { give(no_answer()); }

  void give(Response response) {
    if (const auto once = std::exchange(answer, nullptr)) once(std::move(response));
  }

  std::function<void(Response)> answer;
};

}  // namespace

Responder make_responder(std::function<void(Response)> answer) {
  return [slot = std::make_shared<Slot>(std::move(answer))](Response response) { slot->give(std::move(response)); };
}

}  // namespace forgepool::transport
