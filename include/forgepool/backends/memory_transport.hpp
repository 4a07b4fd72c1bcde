#pragma once
/// Nodes in one process: the same identities and peer checks as over the network, no sockets and no encryption.
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/transport.hpp>

namespace forgepool {

/// What the transports of one process have in common: who listens where. Thread-safe; outlives its transports.
class MemoryNetwork;
FORGEPOOL_API std::shared_ptr<MemoryNetwork> make_memory_network();

/// The transports of one network may run on different loops. Addresses are names of your choice; port 0 takes a free one.
FORGEPOOL_API std::unique_ptr<Transport> make_memory_transport(EventLoop& loop, std::shared_ptr<MemoryNetwork> network,
                                                               std::shared_ptr<LogSink> log = nullptr);

}  // namespace forgepool
