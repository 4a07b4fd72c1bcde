#include "sandbox/cgroup.hpp"
#include "sandbox/cgroup_files.hpp"
#include "sandbox/cgroup_v2_place.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <set>

namespace forgepool::sandbox {
namespace {

TEST_CASE("own groups are found in hierarchies of version 1") {
  const auto groups =
      find_own_groups("4:memory:/user/a b\n3:cpu,cpuacct:/\n2:pids:/deep/er\n1:name=systemd:/x\n",
                      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                      "32 31 0:29 / /sys/fs/cgroup/cpu\\040dir rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
                      "35 31 0:32 /user /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                      "36 31 0:33 /elsewhere /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0] == OwnGroup{{"memory"}, "/sys/fs/cgroup/memory/a b", false});
  CHECK(groups[1] == OwnGroup{{"cpu", "cpuacct"}, "/sys/fs/cgroup/cpu dir", false});
}

TEST_CASE("the own group is found in the unified hierarchy") {
  const auto groups =
      find_own_groups("0::/user.slice/agent.scope\n", "41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  REQUIRE(groups.size() == 1);
  CHECK(groups[0] == OwnGroup{{}, "/sys/fs/cgroup/user.slice/agent.scope", true});
}

TEST_CASE("a group outside of the own cgroup namespace is not used") {
  CHECK(find_own_groups("0::/../other\n", "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").empty());
  // "/container" is not below "/cont".
  CHECK(find_own_groups("4:pids:/container\n", "36 31 0:33 /cont /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n").empty());
}

TEST_CASE("damaged tables give no groups and do no harm") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::string memberships = "4:memory:/a\n0::/b\n";
  const std::string mounts = "35 31 0:32 / /m\\040x rw - cgroup cgroup rw,memory\n41 31 0:38 / /u rw - cgroup2 cgroup2 rw\n";
  for (int round = 0; round < 5000; ++round) {
    auto a = memberships, b = mounts;
    a[random() % a.size()] = static_cast<char>(random());
    for (int i = 0; i < 3; ++i) b[random() % b.size()] = static_cast<char>(random());
    b.resize(random() % (b.size() + 1));
    CHECK(find_own_groups(a, b).size() <= 2);
  }
}

TEST_CASE("counters are read from texts of both versions") {
  CHECK(number_of("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill") == 3);
  CHECK(number_of("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n", "oom_kill") == 1);
  CHECK(number_of("max 7\n", "max") == 7);
  CHECK(number_of("usage_usec 123456", "usage_usec") == 123456);
  CHECK(number_of("", "max") == 0);
  CHECK(number_of("maximum 7\nmax x\n", "max") == 0);
  CHECK(first_number("18446744073709551615\n") == ~0ull);
  CHECK(first_number("max\n") == 0);
  CHECK(has_word("cpuset cpu memory pids\n", "pids"));
  CHECK_FALSE(has_word("hugetlb\n", "huge"));
  CHECK_FALSE(has_word("", "pids"));
}

TEST_CASE("a group's folder goes with its owner") {
  const TemporaryFolder parent;
  {
    const auto folder = GroupFolder::make(parent.path(), "x");
    REQUIRE(folder);
    CHECK(::access((parent.path() + "/x").c_str(), F_OK) == 0);
    CHECK_FALSE(GroupFolder::make(parent.path(), "x"));
  }
  CHECK(::access((parent.path() + "/x").c_str(), F_OK) != 0);
}

TEST_CASE("what is missing is told controller by controller") {
  std::vector<SandboxMechanism> mechanisms;
  CHECK(open_cgroup_site({{{"name=systemd"}, "/nowhere", false}}, mechanisms) == nullptr);
  REQUIRE(mechanisms.size() == 3);
  for (const auto& mechanism : mechanisms) CHECK_FALSE(mechanism.available);
  CHECK(mechanisms[0].name == "cgroup v1 memory");
}

TEST_CASE("where no hierarchy is mounted, the one to be mounted is that of today") {
  std::vector<SandboxMechanism> mechanisms;
  CHECK(open_cgroup_site({}, mechanisms) == nullptr);
  REQUIRE(mechanisms.size() == 1);
  CHECK(mechanisms[0].remedy.find("mount -t cgroup2") != std::string::npos);
}

/// A folder that looks like a v2 group as far as plain files can.
void make_v2_files(const TemporaryFolder& folder, const std::string& controllers, const std::string& enabled) {
  folder.write("cgroup.controllers", controllers);
  folder.write("cgroup.subtree_control", enabled);
  folder.write("cgroup.procs");
  folder.write("cgroup.type", "domain\n");
}

SandboxMechanism only_mechanism(const std::vector<OwnGroup>& groups) {
  std::vector<SandboxMechanism> mechanisms;
  CHECK(open_cgroup_site(groups, mechanisms) == nullptr);
  REQUIRE(mechanisms.size() == 1);
  CHECK_FALSE(mechanisms[0].available);
  return mechanisms[0];
}

TEST_CASE("a v2 group whose files cannot be written is not used, and the reason is told") {
  const TemporaryFolder folder;
  make_v2_files(folder, "cpu memory pids\n", "memory pids\n");
  // A new folder in it gets no memory.max: this is no cgroup.
  const auto mechanism = only_mechanism({{{}, folder.path(), true}});
  CHECK(mechanism.name == "cgroup v2 memory and pids");
  CHECK(mechanism.detail.find("memory.max") != std::string::npos);
}

TEST_CASE("a v2 group to which no controllers are handed down is told as such, and nobody is asked to mount version 1") {
  for (const std::string controllers : {"cpu\n", "memory\n", "pids\n", "\n"}) {
    const TemporaryFolder folder;
    make_v2_files(folder, controllers, "");
    const auto mechanism = only_mechanism({{{"name=systemd"}, "/nowhere", false}, {{}, folder.path(), true}});
    INFO(mechanism.detail << "; " << mechanism.remedy);
    CHECK(mechanism.name == "cgroup v2 memory and pids");
    CHECK(mechanism.detail.find("not handed down to the group " + folder.path()) != std::string::npos);
    CHECK(mechanism.remedy.find("Delegate=") != std::string::npos);
    CHECK(mechanism.remedy.find("mount") == std::string::npos);
  }
}

TEST_CASE("a hierarchy of version 2 without memory does not hide version 1, which has it") {
  const TemporaryFolder folder;
  make_v2_files(folder, "hugetlb\n", "");
  std::vector<SandboxMechanism> mechanisms;
  CHECK(open_cgroup_site({{{"memory"}, "/nowhere", false}, {{}, folder.path(), true}}, mechanisms) == nullptr);
  CHECK(mechanisms.size() == 3);
}

TEST_CASE("each thing in the way of v2 groups has a remedy of its own") {
  using Kind = CgroupObstacle::Kind;
  const TemporaryFolder folder;
  folder.write("cgroup.procs", std::to_string(getppid()) + "\n" + std::to_string(getpid()) + "\n");
  CHECK(obstacle_behind(EROFS, folder.path(), "x").kind == Kind::read_only);
  CHECK(obstacle_behind(EACCES, folder.path(), "x").kind == Kind::not_delegated);
  CHECK(obstacle_behind(EPERM, folder.path(), "x").kind == Kind::not_delegated);
  CHECK(obstacle_behind(ENODEV, folder.path(), "x").kind == Kind::unexpected);
  const auto crowded = obstacle_behind(EBUSY, folder.path(), "x");
  CHECK(crowded.kind == Kind::crowded);
  // Who lives there beside this process.
  REQUIRE(crowded.processes.size() == 1);
  CHECK(crowded.processes[0].starts_with(std::to_string(getppid()) + " ("));
  CHECK(describe(crowded).find(crowded.processes[0]) != std::string::npos);

  for (const bool root : {true, false}) {
    std::set<std::string> details, remedies;
    for (const auto kind : {Kind::no_controllers, Kind::none_at_all, Kind::read_only, Kind::not_delegated, Kind::crowded}) {
      const CgroupObstacle obstacle{kind, "/group", "a failure"};
      details.insert(describe(obstacle));
      const auto remedy = remedy_for(obstacle, root);
      remedies.insert(remedy);
      if (root) CHECK(remedy.find("or as root") == std::string::npos);
      if (kind == Kind::crowded) CHECK(remedy.find("as root") == std::string::npos);
      CHECK((kind == Kind::read_only) == (remedy.find("remount,rw") != std::string::npos));
    }
    CHECK(details.size() == 5);
    CHECK(remedies.size() == 5);
  }
}

TEST_CASE(
    "an agent in a group that hands its controllers down makes groups there, also one that another has moved into a leaf") {
  const TemporaryFolder folder;
  make_v2_files(folder, "memory pids\n", "memory pids\n");
  CHECK(find_place_for_groups(folder.path()) == folder.path());
  CHECK(find_place_for_groups(folder.path() + "/forgepool-agent") == folder.path());
}

TEST_CASE("an agent asks its group to hand the controllers down") {
  const TemporaryFolder folder;
  make_v2_files(folder, "cpu memory pids\n", "");
  CHECK(find_place_for_groups(folder.path()) == folder.path());
  CHECK(read_cgroup_file(folder.path() + "/cgroup.subtree_control") == "+memory +pids");
}

}  // namespace
}  // namespace forgepool::sandbox
