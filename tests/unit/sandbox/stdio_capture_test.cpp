#include "sandbox/stdio_capture.hpp"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

namespace forgepool::sandbox {
namespace {

TEST_CASE("what fits is kept, the rest is dropped, and the end is noticed") {
  auto capture = StdioCapture::open(5);
  REQUIRE(capture);
  REQUIRE(::write(capture->write_fd(), "abc", 3) == 3);
  capture->take();
  REQUIRE(::write(capture->write_fd(), "defgh", 5) == 5);
  capture->take();
  capture->take();  // Nothing there: does not block.
  CHECK(capture->read_fd() >= 0);
  capture->close_write_end();
  capture->take();
  CHECK(capture->read_fd() == -1);
  CHECK(to_text(capture->release()) == "abcde");
}

}  // namespace
}  // namespace forgepool::sandbox
