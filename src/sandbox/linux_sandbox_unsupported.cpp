/// In place of the Linux sandbox on machines that it does not know.
#include <forgepool/backends/linux_sandbox.hpp>

namespace forgepool {

Result<std::unique_ptr<Sandbox>> open_linux_sandbox(LinuxSandboxOptions) {
  return fail(ErrorKind::unsupported, "the Linux sandbox is for x86-64 only");
}

std::vector<SandboxMechanism> probe_linux_sandbox() {
  return {{"x86-64 processor", false, "this build is for another one"}};
}

}  // namespace forgepool
