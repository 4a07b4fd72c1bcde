#pragma once
/// The process that boxes are forked from (zygote_protocol.hpp).

namespace forgepool::sandbox::box_init {

/// Makes the root and serves orders until the supervisor is gone. In each process that an order asks for, `box` is called: as
/// pid 1 of its namespaces, with the descriptors of the plan, its user and group mapped but not yet taken, and the
/// capabilities that it needs.
[[noreturn]] void serve_orders(void (*box)());

}  // namespace forgepool::sandbox::box_init
