/// In place of the sandboxes for Linux on machines that they do not know.
#include <forgepool/backends/bubblewrap_sandbox.hpp>
#include <forgepool/backends/linux_sandbox.hpp>
#include <forgepool/numeric_class.hpp>

namespace forgepool {

Result<std::unique_ptr<Sandbox>> open_linux_sandbox(LinuxSandboxOptions) {
  return fail(ErrorKind::unsupported, "the Linux sandbox is for x86-64 only");
}

std::vector<SandboxMechanism> probe_linux_sandbox() {
  return {{"x86-64 processor", false, "this build is for another one"}};
}

Result<std::unique_ptr<Sandbox>> open_bubblewrap_sandbox(BubblewrapSandboxOptions) {
  return fail(ErrorKind::unsupported, "the bubblewrap sandbox is for x86-64 only");
}

Result<std::string> measure_numeric_class(Sandbox&) {
  return fail(ErrorKind::unsupported, "numeric classes are measured on x86-64 only");
}

}  // namespace forgepool
