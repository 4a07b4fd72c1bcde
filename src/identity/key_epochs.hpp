#pragma once
/// What the key stores have in common: which names are free for texts, which epoch comes next.
#include <forgepool/ids.hpp>
#include <forgepool/key_store.hpp>

namespace forgepool::identity {

/// invalid_input unless a text may have this name.
Status check_text_name(std::string_view name);
/// The epoch after the last one of `purpose` among those that ever were.
std::uint32_t next_epoch(const std::vector<KeyId>& taken, KeyPurpose purpose);
/// invalid_input unless the key has the algorithm of its purpose.
Status check_adoptable(KeyPurpose purpose, const std::shared_ptr<Signer>& key);

}  // namespace forgepool::identity
