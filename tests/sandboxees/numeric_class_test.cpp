/// The numeric class is measured by a program in the sandbox.
#include "plain_process.hpp"
#include "sandbox_support.hpp"

#include <forgepool/backends/in_process_sandbox.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/numeric_class.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

namespace forgepool::sandbox_test {
namespace {

TEST_CASE("a machine's numeric class is the same whenever it is measured", "[numeric]") {
  const auto first = measure_numeric_class(linux_sandbox());
  REQUIRE(first.has_value());
  INFO(*first);
  CHECK(is_valid_id(*first));
  for (const auto* part : {"x86-64.", ".fma", ".simd", ".libm-", ".nan-", ".denormal1", ".x87-", ".approx-", ".env-"})
    CHECK(first->find(part) != std::string::npos);
  for (int i = 0; i < 3; ++i) CHECK(measure_numeric_class(linux_sandbox()) == first);
}

TEST_CASE("libm gives the same bits in a sandbox written from the headers as in ours, or the machine is of another class",
          "[numeric]") {
  const auto result = [](Sandbox& sandbox) {
    const auto report = sandbox.run(request_for("libm_functions"));
    REQUIRE(report.outcome.ok());
    return to_text(report.outputs.at("result"));
  };
  PlainProcess plain, forgetful(std::span<const char*const>{});
  CHECK(result(plain) == result(linux_sandbox()));
  CHECK(measure_numeric_class(plain) == measure_numeric_class(linux_sandbox()));
  // Its libm differs where the processor has fused multiply-add, its class everywhere.
  const auto measured = measure_numeric_class(forgetful);
  REQUIRE(measured.has_value());
  CHECK(measured != measure_numeric_class(linux_sandbox()));
}

TEST_CASE("where programs cannot run, the numeric class is unknown, with the reason", "[numeric]") {
  const auto functions = make_in_process_sandbox({});
  const auto measured = measure_numeric_class(*functions);
  REQUIRE_FALSE(measured.has_value());
  CHECK(measured.error().kind == ErrorKind::unsupported);
  CHECK(measured.error().message.find("no function stands for the program") != std::string::npos);
}

TEST_CASE("an output that is not the probe's is not a numeric class", "[numeric]") {
  for (const std::string output : {"", "x86-64. with spaces", "another", "x86-64.\n"}) {
    testing::FakeSandboxOptions options;
    options.program = [&](const SandboxRequest&) { return testing::successful_run({{"result", to_bytes(output)}}); };
    testing::FakeSandbox sandbox(std::move(options));
    CHECK_FALSE(measure_numeric_class(sandbox).has_value());
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
