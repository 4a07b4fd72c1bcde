#include "sample_packages.hpp"

#include "machine_code/elf.hpp"
#include "wire/json.hpp"

using namespace forgepool;
using namespace forgepool::test;

TEST_CASE("a package is opened as it was packed, and is addressed by its bytes") {
  const Bytes elf = tiny_elf();
  const auto bytes = pack_adapter(manifest_of("noop"), elf);
  REQUIRE(bytes.has_value());
  CHECK(pack_adapter(manifest_of("noop"), elf) == bytes);
  const auto package = open_adapter(*bytes);
  REQUIRE(package.has_value());
  CHECK((*package)->digest() == sha256(*bytes));
  CHECK((*package)->bytes() == *bytes);
  CHECK((*package)->name() == "noop");
  CHECK((*package)->version() == "1");
  CHECK(*(*package)->program() == elf);
  CHECK((*package)->program_digest() == sha256(elf));
  const auto manifest = json::parse_canonical((*package)->manifest(), 1 << 20);
  REQUIRE(manifest.has_value());
  CHECK(*manifest->as_object()->find("program")->as_string() == sha256(elf).str());
}

TEST_CASE("how a manifest is written does not change the package") {
  const auto value = json::parse(manifest_of("mc"), 1 << 20);
  REQUIRE(value.has_value());
  CHECK(pack_adapter(json::canonicalize(*value), tiny_elf()) == pack_adapter(manifest_of("mc"), tiny_elf()));
}

TEST_CASE("a manifest that names another program is refused") {
  auto value = json::parse(manifest_of("noop"), 1 << 20);
  value->as_object()->set("program", sha256("another").str());
  const auto package = pack_adapter(json::canonicalize(*value), tiny_elf());
  REQUIRE_FALSE(package.has_value());
  CHECK(package.error().kind == ErrorKind::invalid_input);
  CHECK(package.error().message.starts_with("/program: the program's digest is sha256:"));
}

TEST_CASE("no bit of a package can be flipped unnoticed") {
  const auto bytes = pack_adapter(manifest_of("noop"), tiny_elf());
  REQUIRE(bytes.has_value());
  const Digest digest = sha256(*bytes);
  int opened = 0;
  for (std::size_t bit = 0; bit < bytes->size() * 8; ++bit) {
    Bytes damaged = *bytes;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1u << bit % 8));
    const auto package = open_adapter(std::move(damaged));
    // A letter of a description may change and leave a well-formed package, but it is another one.
    if (package && (*package)->digest() == digest) FAIL("bit " << bit);
    if (!package && package.error().kind != ErrorKind::corrupt) FAIL("bit " << bit << ": " << package.error().message);
    opened += package.has_value();
  }
  INFO(opened << " damaged packages were well-formed");
  CHECK(static_cast<std::size_t>(opened) < bytes->size());
}

TEST_CASE("packages of another size than they say are corrupt") {
  const auto bytes = pack_adapter(manifest_of("noop"), tiny_elf());
  REQUIRE(bytes.has_value());
  for (std::size_t size = 0; size < bytes->size(); ++size) {
    const auto package = open_adapter(Bytes(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(size)));
    if (package || package.error().kind != ErrorKind::corrupt) FAIL("opened when cut to " << size);
  }
  Bytes longer = *bytes;
  longer.push_back(0);
  CHECK_FALSE(open_adapter(longer).has_value());
  CHECK_FALSE(open_adapter(Bytes(max_adapter_package_bytes + 1)).has_value());
}

TEST_CASE("hostile headers are corrupt, whatever sizes they claim") {
  for (const std::string header :
       {"forgepool-adapter/1\n", "forgepool-adapter/1\n ", "forgepool-adapter/1\n0 0\n", "forgepool-adapter/1\n1 1\n{",
        "forgepool-adapter/1\n18446744073709551615 2\n{}", "forgepool-adapter/1\n99999999999999999999999 1\n{}",
        "forgepool-adapter/1\n-1 1\n{}", "forgepool-adapter/1\n02 0\n{}", "forgepool-adapter/1\n2 0 \n{}",
        "forgepool-adapter/1\n2  0\n{}", "forgepool-adapter/1\n2 0\n{}", "forgepool-adapter/2\n2 0\n{}",
        "forgepool-adapter/1\n2 18446744073709551614\n{}", "forgepool-adapter/1\n2"}) {
    INFO(header);
    const auto package = open_adapter(to_bytes(header));
    REQUIRE_FALSE(package.has_value());
    CHECK(package.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("only static x86-64 programs are packed") {
  const auto refusal = [](const Bytes& program) {
    const auto package = pack_adapter(manifest_of("noop"), program);
    REQUIRE_FALSE(package.has_value());
    CHECK(package.error().kind == ErrorKind::unsupported);
    return package.error().message;
  };
  const auto changed = [](std::size_t offset, std::uint8_t value) {
    Bytes elf = tiny_elf();
    elf[offset] = value;
    return elf;
  };
  CHECK(refusal({}).find("does not start as an ELF file") != std::string::npos);
  CHECK(refusal(to_bytes("#!/bin/sh\n" + std::string(200, ' '))).find("does not start as an ELF file") != std::string::npos);
  CHECK(refusal(changed(offsetof(Elf64_Ehdr, e_machine), EM_AARCH64)).find("another machine") != std::string::npos);
  CHECK(refusal(changed(EI_CLASS, ELFCLASS32)).find("another machine") != std::string::npos);
  CHECK(refusal(changed(offsetof(Elf64_Ehdr, e_type), ET_REL)).find("not an executable") != std::string::npos);
  CHECK(refusal(changed(offsetof(Elf64_Ehdr, e_phnum), 0)).find("no usable program headers") != std::string::npos);
  CHECK(refusal(changed(offsetof(Elf64_Ehdr, e_phnum), 64)).find("lie outside the file") != std::string::npos);
  CHECK(refusal(changed(offsetof(Elf64_Ehdr, e_phoff) + 7, 0xff)).find("lie outside the file") != std::string::npos);
  CHECK(refusal(changed(sizeof(Elf64_Ehdr), PT_INTERP)).find("asks for an interpreter") != std::string::npos);
  CHECK(refusal(changed(sizeof(Elf64_Ehdr), PT_DYNAMIC)).find("no code") != std::string::npos);
  CHECK(refusal(changed(sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz) + 7, 0xff)).find("segment lies outside") !=
        std::string::npos);
  CHECK(refusal(changed(sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_flags), PF_R)).find("no code to start") !=
        std::string::npos);
  // This very test program is dynamically linked.
  CHECK_FALSE(machine_code::check_static_elf(as_bytes(read_text("/proc/self/exe"))).has_value());
  CHECK(machine_code::check_static_elf(tiny_elf()).has_value());
}
