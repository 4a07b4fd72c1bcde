#pragma once
/// The agent's side of zygote_protocol.hpp.
#include "sandbox/unique_fd.hpp"
#include "sandbox/zygote_protocol.hpp"

#include <cstddef>
#include <vector>

namespace forgepool::sandbox {

/// At most max_equipment_fds descriptors. False if nobody is there any more.
bool send_with_descriptors(int socket, const void* content, std::size_t size, const std::vector<int>& fds);

/// Blocks. False if nobody is there any more.
bool receive_started(int socket, BoxStarted& started, UniqueFd& process);

}  // namespace forgepool::sandbox
