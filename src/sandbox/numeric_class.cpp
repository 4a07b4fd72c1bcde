#include <forgepool/numeric_class.hpp>

#include "sandbox/probe_images.hpp"

#include <forgepool/ids.hpp>

namespace forgepool {
namespace {

constexpr std::string_view architecture = "x86-64.";

SandboxRequest probe_request() {
  const auto image = sandbox::numeric_probe_image();
  SandboxRequest request;
  request.program = std::make_shared<const Bytes>(image.begin(), image.end());
  request.program_digest = sha256(image);
  request.limits.memory_bytes = 64u << 20;
  request.limits.processes = 1;
  request.limits.output_bytes = 4096;
  request.limits.output_files = 1;
  request.limits.stdio_bytes = 0;
  return request;
}

}  // namespace

Result<std::string> measure_numeric_class(Sandbox& sandbox) {
  const auto report = sandbox.run(probe_request());
  if (!report.outcome.ok())
    return fail(ErrorKind::unsupported,
                "the numeric class cannot be measured in this sandbox: the probe " + describe(report.outcome));
  const auto output = report.outputs.find("result");
  const auto text = output == report.outputs.end() ? std::string() : std::string(as_text(output->second));
  // Sandboxes are anybody's, fakes included: what comes back need not be from the probe.
  if (!is_valid_id(text) || !text.starts_with(architecture))
    return fail(ErrorKind::unsupported,
                "the numeric class cannot be measured in this sandbox: what it returned is not the probe's output");
  return text;
}

}  // namespace forgepool
