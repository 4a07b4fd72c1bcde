#include "sandbox/request_check.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool::sandbox {
namespace {

TEST_CASE("a plain name is safe wherever it is written") {
  for (const auto name : {"a", "result.json", "A_b-9", "0", "a..b"}) CHECK(is_plain_name(name));
  CHECK(is_plain_name(std::string(64, 'x')));
  for (const auto name : {"", ".", "..", ".a", "-a", "a b", "a/b", "a\nb", "a\\b", "\xc3\xa9", "a:b", "a*"})
    CHECK_FALSE(is_plain_name(name));
  CHECK_FALSE(is_plain_name(std::string(65, 'x')));
  CHECK_FALSE(is_plain_name(std::string("a\0b", 3)));
}

TEST_CASE("an input's name is one path component") {
  for (const auto name : {"a", ".hidden", "with space", "-dash", "\xc3\xa9"}) CHECK(is_input_name(name));
  for (const auto name : {"", ".", "..", "a/b", "/a", "a\nb", "\x7f"}) CHECK_FALSE(is_input_name(name));
  CHECK(is_input_name(std::string(255, 'x')));
  CHECK_FALSE(is_input_name(std::string(256, 'x')));
}

TEST_CASE("requests are bounded in arguments and files") {
  SandboxRequest request;
  CHECK_FALSE(problem_with(request));
  request.arguments.assign(max_arguments, "x");
  CHECK_FALSE(problem_with(request));
  request.arguments.emplace_back("x");
  CHECK(problem_with(request));
  request.arguments = {std::string(128u << 10, 'x')};
  CHECK(problem_with(request));
  request.arguments.assign(3, std::string(100u << 10, 'x'));
  CHECK(problem_with(request));
  request.arguments.clear();
  for (std::size_t i = 0; i <= max_input_files; ++i)
    request.files.push_back({"f" + std::to_string(i), std::make_shared<const Bytes>(), false});
  CHECK(problem_with(request));
  request.files.pop_back();
  CHECK_FALSE(problem_with(request));
  request.files.back().content = nullptr;
  CHECK(problem_with(request));
}

}  // namespace
}  // namespace forgepool::sandbox
