#pragma once
/// PEM (RFC 7468, the strict form in writing; in reading also CRLF and explanatory text outside the blocks).
#include <forgepool/bytes.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace forgepool {

std::string to_pem(std::string_view label, ByteView der);

/// The contents of all blocks with `label`, in order. invalid_input if there is none, or for a malformed block.
Result<std::vector<Bytes>> from_pem(std::string_view label, std::string_view text);

}  // namespace forgepool
