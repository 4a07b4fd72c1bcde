/// Packages: made, opened, and used. FORMAT.md, "Package".
#include "adapter/comparison.hpp"
#include "adapter/planner.hpp"
#include "adapter/reducer.hpp"
#include "adapter/shard_run.hpp"
#include "machine_code/elf.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace forgepool {
namespace {

constexpr std::string_view magic = "forgepool-adapter/1\n";

class Package final : public AdapterPackage {
 public:
  Package(Bytes bytes, std::string manifest_text, adapter::Manifest manifest, Bytes program)
      : bytes_(std::move(bytes)),
        digest_(sha256(bytes_)),
        manifest_text_(std::move(manifest_text)),
        manifest_(std::move(manifest)),
        program_(std::make_shared<const Bytes>(std::move(program))) {}

  const Digest& digest() const override { return digest_; }
  const std::string& name() const override { return manifest_.name; }
  const std::string& version() const override { return manifest_.version; }
  const std::string& manifest() const override { return manifest_text_; }
  const std::shared_ptr<const Bytes>& program() const override { return program_; }
  const Digest& program_digest() const override { return manifest_.program; }
  const Bytes& bytes() const override { return bytes_; }

  Result<Plan> plan(const Contract& contract) const override {
    auto plan = adapter::make_plan(manifest_, contract);
    if (plan) plan->adapter = digest_;
    return plan;
  }

  Result<PlanSize> measure(const Contract& contract) const override { return adapter::measure_plan(manifest_, contract); }

  Result<std::string> reduce(const Contract& contract, const std::vector<ByteView>& outputs) const override {
    const auto checked = adapter::check_contract(manifest_, contract);
    if (!checked) return fail(checked.error());
    return adapter::reduce(*checked, outputs);
  }

  Status check_output(const Contract& contract, ByteView output) const override {
    const auto checked = adapter::check_contract(manifest_, contract);
    if (!checked) return fail(checked.error());
    return adapter::check_output(*checked, output);
  }

  SandboxReport run(const SandboxRequest& shard, Sandbox& sandbox) const override {
    return adapter::run_shard(manifest_, shard, sandbox);
  }

  bool compares_exactly(const Contract& contract) const override {
    const auto checked = adapter::check_contract(manifest_, contract);
    return !checked || checked->profile->compare.by == adapter::CompareSpec::By::exact;
  }
  bool agree(const Contract& contract, ByteView a, ByteView b) const override {
    const auto checked = adapter::check_contract(manifest_, contract);
    return checked && adapter::agree(*checked, a, b);
  }
  std::optional<std::uint64_t> first_divergence(const Contract& contract, ByteView a, ByteView b) const override {
    const auto checked = adapter::check_contract(manifest_, contract);
    return checked ? adapter::first_divergence(*checked, a, b) : std::nullopt;
  }

 private:
  const Bytes bytes_;
  const Digest digest_;
  const std::string manifest_text_;
  const adapter::Manifest manifest_;
  const std::shared_ptr<const Bytes> program_;
};

std::string header_of(std::size_t manifest_size, std::size_t program_size) {
  return std::string(magic) + std::to_string(manifest_size) + " " + std::to_string(program_size) + "\n";
}

struct Sizes {
  std::size_t header = 0, manifest = 0, program = 0;
};

/// Reads the two lines at the start. Nothing unless they are exactly as `header_of` writes them.
std::optional<Sizes> read_header(std::string_view package) {
  constexpr std::size_t longest = magic.size() + 24;
  const std::size_t end =
      package.starts_with(magic) ? package.substr(0, longest).find('\n', magic.size()) : std::string_view::npos;
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view header = package.substr(0, end + 1);
  Sizes sizes;
  sizes.header = header.size();
  const char* const last = header.data() + header.size();
  const auto manifest = std::from_chars(header.data() + magic.size(), last, sizes.manifest);
  if (manifest.ec != std::errc() || manifest.ptr == last) return std::nullopt;
  const auto program = std::from_chars(manifest.ptr + 1, last, sizes.program);
  if (program.ec != std::errc() || header != header_of(sizes.manifest, sizes.program)) return std::nullopt;
  return sizes;
}

tl::unexpected<Error> corrupt(const std::string& reason) {
  return fail(ErrorKind::corrupt, "not a well-formed adapter package: " + reason);
}

/// A profile that does not ask for executable memory must not bring it along.
Status check_memory(const adapter::Manifest& manifest, ByteView program) {
  const auto bound = std::ranges::find_if(manifest.profiles, [](const auto& entry) {
    return !std::ranges::count(entry.second.relaxations, SandboxRelaxation::executable_memory);
  });
  if (bound == manifest.profiles.end()) return {};
  const auto kept = machine_code::check_write_or_execute(program);
  if (kept) return {};
  return fail(ErrorKind::unsupported,
              json::at_pointer(json::pointer_to(json::pointer_to("/profiles", bound->first), "relaxations"),
                               kept.error().message + ", or ask for executable_memory"));
}

/// A profile that promises the same bits on every machine must not have code that the sandbox cannot hold to that.
Status check_determinism(const adapter::Manifest& manifest, ByteView program) {
  constexpr std::size_t shown = 3;
  const auto strict = std::ranges::find_if(manifest.profiles,
                                           [](const auto& entry) { return entry.second.determinism == Determinism::strict; });
  if (strict == manifest.profiles.end()) return {};
  const auto found = scan_program(program);
  if (!found) return fail(found.error());
  if (found->empty()) return {};
  std::string text;
  for (std::size_t i = 0; i < std::min(shown, found->size()); ++i) text += (i ? "; " : "") + describe((*found)[i]);
  if (found->size() > shown) text += "; and " + std::to_string(found->size() - shown) + " more";
  const bool named = std::ranges::any_of(*found, [](const auto& instruction) { return !instruction.symbol.empty(); });
  return fail(
      ErrorKind::unsupported,
      json::at_pointer(
          json::pointer_to(json::pointer_to("/profiles", strict->first), "determinism"),
          "the program cannot be strict, since it has instructions whose results depend on the machine: " + text + ". " +
              (named ? "Do without them (-Wl,--gc-sections drops what is never called), or say standard"
                     : "Without a symbol table library code cannot be told apart: keep it (link without -s; strip with "
                       "--strip-debug), or say standard")));
}

}  // namespace

Result<std::shared_ptr<const AdapterPackage>> open_adapter(Bytes package) {
  if (package.size() > max_adapter_package_bytes)
    return corrupt("larger than " + std::to_string(max_adapter_package_bytes >> 20) + " MiB");
  const std::string_view text = as_text(package);
  const auto sizes = read_header(text);
  if (!sizes) return corrupt("it does not start with the package header");
  const std::size_t body = text.size() - sizes->header;
  if (sizes->manifest > adapter::max_manifest_bytes || sizes->manifest > body || body - sizes->manifest != sizes->program)
    return corrupt("its size is not what its header says");

  const std::string_view manifest_text = text.substr(sizes->header, sizes->manifest);
  const auto value = json::parse_canonical(manifest_text, adapter::max_manifest_bytes);
  if (!value) return corrupt("manifest: " + value.error().message);
  auto manifest = adapter::read_manifest(*value);
  if (!manifest) return corrupt("manifest: " + manifest.error().message);
  const ByteView program = ByteView(package).subspan(sizes->header + sizes->manifest);
  if (sha256(program) != manifest->program) return corrupt("the program is not the one that the manifest names");
  if (auto elf = machine_code::check_static_elf(program); !elf) return corrupt(elf.error().message);

  std::string manifest_copy(manifest_text);
  Bytes program_copy(program.begin(), program.end());
  return std::make_shared<const Package>(std::move(package), std::move(manifest_copy), std::move(*manifest),
                                         std::move(program_copy));
}

Result<Bytes> pack_adapter(std::string_view manifest, ByteView program) {
  auto value = json::parse(manifest, adapter::max_manifest_bytes);
  if (!value) return fail(ErrorKind::invalid_input, value.error().message);
  const std::string digest = sha256(program).str();
  if (json::Object* object = value->as_object()) {
    const json::Value* named = object->find("program");
    if (named && *named != json::Value(digest))
      return fail(ErrorKind::invalid_input, "/program: the program's digest is " + digest + "; correct it or leave it out");
    object->set("program", digest);
  }
  const auto read = adapter::read_manifest(*value);
  if (!read) return fail(read.error());
  if (auto elf = machine_code::check_static_elf(program); !elf) return fail(elf.error());
  if (auto kept = check_memory(*read, program); !kept) return fail(kept.error());
  if (auto kept = check_determinism(*read, program); !kept) return fail(kept.error());

  const std::string canonical = json::canonicalize(*value);
  const std::string header = header_of(canonical.size(), program.size());
  if (canonical.size() > adapter::max_manifest_bytes ||
      header.size() + canonical.size() + program.size() > max_adapter_package_bytes)
    return fail(ErrorKind::invalid_input,
                "(root): the package would be larger than " + std::to_string(max_adapter_package_bytes >> 20) +
                    " MiB, or its manifest larger than " + std::to_string(adapter::max_manifest_bytes >> 10) + " KiB");
  Bytes package;
  package.reserve(header.size() + canonical.size() + program.size());
  for (const std::string_view part : {std::string_view(header), std::string_view(canonical), as_text(program)})
    package.insert(package.end(), part.begin(), part.end());
  return package;
}

}  // namespace forgepool
