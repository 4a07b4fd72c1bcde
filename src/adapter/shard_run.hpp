#pragma once
/// Running a shard: once, or item by item in boxes of their own (FORMAT.md, "Items in boxes of their own").
#include "adapter/manifest.hpp"

namespace forgepool::adapter {

/// As AdapterPackage::run.
SandboxReport run_shard(const Manifest& manifest, const SandboxRequest& shard, Sandbox& sandbox);

}  // namespace forgepool::adapter
