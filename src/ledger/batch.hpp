#pragma once
/// Rules that every backend shares: what it asks of a batch before it touches anything, what it says about a leaf it lacks.
#include <forgepool/ledger.hpp>

namespace forgepool {

/// Bounds one row of state. Larger values belong into a blob store, with their digest here.
inline constexpr std::size_t max_state_bytes = std::size_t{256} << 20;

/// `too_large` for a leaf over max_leaf_bytes or a key and value over max_state_bytes.
Status check_batch(const LedgerBatch& batch);

/// not_found, for `Ledger::leaf`.
tl::unexpected<Error> no_such_leaf(std::uint64_t index, std::uint64_t size);

/// The first key after all those that start with `prefix`; none if there is no such key (the prefix is empty or all 0xff).
std::optional<std::string> end_of_prefix(std::string_view prefix);

}  // namespace forgepool
