/// Makes a package of a manifest and a program while building: forgepool_pack_tool MANIFEST PROGRAM PACKAGE.
#include <forgepool/adapter.hpp>

#include <fstream>
#include <iostream>
#include <iterator>

namespace {

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: forgepool_pack_tool MANIFEST PROGRAM PACKAGE\n";
    return 2;
  }
  const std::string program = read_file(argv[2]);
  const auto package = forgepool::pack_adapter(read_file(argv[1]), forgepool::as_bytes(program));
  if (!package) {
    std::cerr << argv[1] << ": " << package.error().message << '\n';
    return 1;
  }
  std::ofstream file(argv[3], std::ios::binary);
  file << forgepool::as_text(*package) << std::flush;
  if (!file) {
    std::cerr << "cannot write " << argv[3] << '\n';
    return 1;
  }
}
