#pragma once
/// A box that is being made, while the agent prepares what it starts with.
#include "sandbox/launch.hpp"

namespace forgepool::sandbox {

/// Destruction waits for the box and ends it.
class OrderedBox {
 public:
  /// `control`: our end of the socket whose other end has gone with an order.
  explicit OrderedBox(UniqueFd control) : control_(std::move(control)) {}
  /// It could not be ordered.
  explicit OrderedBox(BoxFailure failure, std::string reason = {}) : failure_(failure), reason_(std::move(reason)) {}
  OrderedBox(OrderedBox&&) noexcept = default;
  OrderedBox& operator=(OrderedBox&&) = delete;
  ~OrderedBox();

  /// Once. Hands over what it starts with; on return the first process sets up the box, starts the program and reports on the
  /// control socket. False, with no failure, if the zygote has died with the order in its hands.
  bool complete(const LaunchInput& input, Launched& launched);

 private:
  bool await(Launched& launched);

  UniqueFd control_;
  BoxFailure failure_;
  std::string reason_;
};

}  // namespace forgepool::sandbox
