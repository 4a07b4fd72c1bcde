#pragma once
/// Where the groups of runs are made in a hierarchy of version 2: the agent's own group, once it may hand the controllers of
/// memory and processes down. That takes controllers that are handed down to it, write access, and nobody in it: the agent
/// itself moves into a leaf of it.
#include <forgepool/result.hpp>

#include <string>
#include <vector>

namespace forgepool::sandbox {

/// What is in the way, as found.
struct CgroupObstacle {
  enum class Kind {
    no_controllers,  ///< The group above hands none down.
    none_at_all,     ///< The kernel has none for version 2.
    read_only,       ///< The file system is.
    not_delegated,   ///< Others own the group's files.
    crowded,         ///< Others live in the group.
    unexpected,      ///< Something else, said in `failure`.
  };
  Kind kind = Kind::unexpected;
  std::string group;                     ///< Its folder.
  std::string failure;                   ///< What was tried, and the system's answer. Empty if nothing had to be.
  std::vector<std::string> processes{};  ///< Who lives there, "number (name)".
};

/// For people: what is wrong, and what an operator of an agent that runs as root or not can do about it.
std::string describe(const CgroupObstacle& obstacle);
std::string remedy_for(const CgroupObstacle& obstacle, bool root);

/// The folder in which groups can be made, `own` being the one of this process. Moves the process into a leaf if need be, where
/// it stays, and waits a moment for others that are in the group to do the same.
tl::expected<std::string, CgroupObstacle> find_place_for_groups(const std::string& own);

/// The leaf that agents have moved into, if there is one: such a group takes no processes itself any more. Empty if there is
/// none.
std::string leaf_of(const std::string& group);

/// What an error of the system's means for a write to, or a folder in, a group.
CgroupObstacle obstacle_behind(int error, const std::string& group, std::string failure);

}  // namespace forgepool::sandbox
