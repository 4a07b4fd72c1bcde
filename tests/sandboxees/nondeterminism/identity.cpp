#include "probe.hpp"

#include <grp.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>

extern char** environ;

namespace {

std::string names() {
  utsname it{};
  uname(&it);
  return text("%s|%s|%s|%s|%s", it.sysname, it.nodename, it.release, it.version, it.machine);
}

std::string groups() {
  gid_t list[64];
  const int count = getgroups(64, list);
  std::string seen = text("%d:", count);
  for (int i = 0; i < count; ++i) seen += text(" %u", list[i]);
  return seen;
}

std::string environment() {
  std::string seen;
  for (char** variable = environ; *variable; ++variable) seen += std::string(*variable) + "\n";
  return hashed(seen);
}

std::string signals() {
  sigset_t blocked{};
  sigprocmask(SIG_SETMASK, nullptr, &blocked);
  std::string seen;
  for (int signal = 1; signal < 65; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) seen += text("%d ignored,", signal);
    if (sigismember(&blocked, signal) == 1) seen += text("%d blocked,", signal);
  }
  return seen;
}

std::string auxiliary(unsigned long type) {
  return text("%lx", getauxval(type));
}

std::string auxiliary_text(unsigned long type) {
  const auto* value = reinterpret_cast<const char*>(getauxval(type));
  return value ? value : "none";
}

}  // namespace

void add_identity(Probes& probes) {
  probes.insert(
      probes.end(),
      {{"process id", [] { return text("%d", getpid()); }},
       {"parent's process id", [] { return text("%d", getppid()); }},
       {"thread id", [] { return text("%d", gettid()); }},
       {"process group", [] { return text("%d", getpgrp()); }},
       {"session", [] { return text("%d", getsid(0)); }},
       {"user and group", [] { return text("%u %u %u %u", getuid(), geteuid(), getgid(), getegid()); }},
       {"supplementary groups", groups},
       {"names of the system", names},
       {"host name",
        [] {
          char name[256] = {};
          gethostname(name, sizeof name - 1);
          return std::string(name);
        }},
       {"environment", environment},
       {"working folder",
        [] {
          char path[4096];
          return std::string(getcwd(path, sizeof path) ? path : "none");
        }},
       {"umask",
        [] {
          const auto mask = umask(0);
          umask(mask);
          return text("%o", mask);
        }},
       {"blocked and ignored signals", signals},
       {"personality", [] { return text("%x", static_cast<unsigned>(personality(0xffffffff))); }},
       {"name of the thread",
        [] {
          char name[32] = {};
          prctl(PR_GET_NAME, name);
          return std::string(name);
        }},
       {"dumpable", [] { return result(prctl(PR_GET_DUMPABLE)); }},
       {"AT_HWCAP", [] { return auxiliary(AT_HWCAP); }},
       {"AT_HWCAP2", [] { return auxiliary(AT_HWCAP2); }},
       {"AT_MINSIGSTKSZ", [] { return auxiliary(51); }},
       {"AT_CLKTCK", [] { return auxiliary(AT_CLKTCK); }},
       {"AT_SECURE", [] { return auxiliary(AT_SECURE); }},
       {"AT_UID and its like",
        [] { return auxiliary(AT_UID) + " " + auxiliary(AT_EUID) + " " + auxiliary(AT_GID) + " " + auxiliary(AT_EGID); }},
       {"AT_RSEQ_FEATURE_SIZE", [] { return auxiliary(27) + " " + auxiliary(28); }},
       {"AT_PLATFORM", [] { return auxiliary_text(AT_PLATFORM); }},
       {"AT_EXECFN", [] { return auxiliary_text(AT_EXECFN); }}});
}
