#pragma once
/// Whether a foreign message keeps to the bounds of its table (message_rules.hpp). Looks at the bytes as they came, in time and
/// memory proportional to them, and before anything else does: a FlatBuffer may refer to one string or table from many places,
/// and whoever follows each reference works, and unpacks, as often.
#include "wire/message_rules.hpp"

#include <forgepool/bytes.hpp>

namespace forgepool::wire {

/// invalid_input, naming the field, for a body that is malformed, refers to anything twice, or has two equal items in a list
/// that may not; too_large for a string or a list over its bound.
Status check_message(const TableRules& table, ByteView body);

}  // namespace forgepool::wire
