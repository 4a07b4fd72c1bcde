#pragma once
/// Keys in this process's memory, gone with it: for tests, simulations and single-process pools.
#include <forgepool/key_store.hpp>

namespace forgepool {

FORGEPOOL_API std::unique_ptr<KeyStore> make_memory_key_store();

}  // namespace forgepool
