#include "sandbox/plan_writer.hpp"

#include "sandbox/limits.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

constexpr std::size_t alignment = 16;

/// Everything but the contents of files, which are written straight from where they are.
class PlanBuffer {
 public:
  /// Starts with room for what describes the rest.
  explicit PlanBuffer(std::size_t head = sizeof(BoxPlan)) : bytes_(head) {}

  PlanOffset add(const void* data, std::size_t size) {
    const auto offset = aligned(bytes_.size());
    bytes_.resize(offset + size);
    if (size > 0) std::memcpy(bytes_.data() + offset, data, size);
    return offset;
  }
  PlanOffset add_text(std::string_view text) {
    const auto offset = add(text.data(), text.size());
    bytes_.push_back(0);
    return offset;
  }
  PlanOffset add_text_list(const std::vector<std::string_view>& texts) {
    std::vector<PlanOffset> offsets;
    for (const auto text : texts) offsets.push_back(add_text(text));
    offsets.push_back(0);
    return add(offsets.data(), offsets.size() * sizeof(PlanOffset));
  }
  PlanOffset add_tmpfs(const TmpfsSize& size) {
    return add_text("size=" + std::to_string(size.bytes) + ",nr_inodes=" + std::to_string(size.inodes) + ",mode=0755");
  }
  void put(PlanOffset offset, const void* data, std::size_t size) {
    if (size > 0) std::memcpy(bytes_.data() + offset, data, size);
  }

  static std::size_t aligned(std::size_t offset) { return (offset + alignment - 1) / alignment * alignment; }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

bool write_at(int fd, std::uint64_t offset, ByteView data) {
  while (!data.empty()) {
    const auto written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

bool may_execute(const SandboxRequest& request) {
  return request.policy.allows(SandboxRelaxation::spawn);
}

std::vector<PlannedFile> plan_files(PlanBuffer& buffer, const SandboxRequest& request) {
  std::vector<PlannedFile> files;
  for (const auto& file : request.files)
    files.push_back({buffer.add_text(file.name), 0, file.content->size(), file.executable ? 0555u : 0444u, 0});
  return files;
}

void plan_limits(BoxPlan& plan, const std::vector<PlannedLimit>& resources) {
  plan.limit_count = static_cast<std::uint32_t>(std::min<std::size_t>(resources.size(), max_planned_limits));
  std::copy_n(resources.begin(), plan.limit_count, plan.limits);
}

/// Where the contents of files go, behind everything else. The end of the last.
std::uint64_t lay_out(std::vector<PlannedFile>& files, std::uint64_t begin) {
  auto end = PlanBuffer::aligned(begin);
  for (auto& file : files) {
    file.content = end;
    end = PlanBuffer::aligned(end + file.size);
  }
  return end;
}

Status write_contents(int memory, std::uint64_t begin, ByteView head, const std::vector<PlannedFile>& files,
                      const SandboxRequest& request, std::uint64_t end) {
  bool written = ftruncate(memory, static_cast<off_t>(begin + end)) == 0 && write_at(memory, begin, head);
  for (std::size_t i = 0; written && i < files.size(); ++i)
    written = write_at(memory, begin + files[i].content, *request.files[i].content);
  if (!written) return fail(ErrorKind::internal, std::string("no memory for the run's plan: ") + std::strerror(errno));
  return {};
}

}  // namespace

Result<UniqueFd> write_plan(const PlanInput& input) {
  const auto& request = input.request;
  const bool strict = request.determinism == Determinism::strict;
  PlanBuffer buffer;
  BoxPlan plan{};
  plan.drop_groups = input.drop_groups;
  plan.cgroup_count = input.cgroup_count;
  plan.may_execute = may_execute(request);
  plan.strict = strict;
  plan.prepared_root = input.prepared_root;
  plan.reusable = input.reusable;
  plan.rewritten_count = input.image.rewritten_count;
  plan.rewritten_offset = input.image.rewritten_offset;
  plan.filter_length = static_cast<std::uint32_t>(input.filter.size());
  plan.filter = buffer.add(input.filter.data(), input.filter.size() * sizeof(sock_filter));
  std::vector<std::string_view> arguments{surroundings::program_name};
  arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
  plan.arguments = buffer.add_text_list(arguments);
  plan.environment = buffer.add_text_list({std::begin(surroundings::environment), std::end(surroundings::environment)});
  plan.in = buffer.add_tmpfs(strict ? strict_in_size() : in_size(request));
  plan.out = buffer.add_tmpfs(out_size(request.limits));
  plan.tmp = buffer.add_tmpfs(tmp_size(request.limits));
  plan_limits(plan, strict ? strict_resource_limits(request.limits) : resource_limits(request.limits, input.group_limits));

  std::vector<PlannedFile> files;
  if (!strict) files = plan_files(buffer, request);
  plan.file_count = static_cast<std::uint32_t>(files.size());
  plan.files = buffer.add(files.data(), files.size() * sizeof(PlannedFile));
  plan.total_bytes = lay_out(files, buffer.bytes().size());
  buffer.put(plan.files, files.data(), files.size() * sizeof(PlannedFile));
  buffer.put(0, &plan, sizeof plan);

  UniqueFd memory(memfd_create("forgepool-plan", MFD_CLOEXEC));
  if (!memory) return fail(ErrorKind::internal, std::string("no memory for the run's plan: ") + std::strerror(errno));
  if (auto status = write_contents(memory.get(), 0, buffer.bytes(), files, request, plan.total_bytes); !status)
    return fail(status.error());
  return memory;
}

Result<Bytes> write_run(int plan, const SandboxRequest& request) {
  PlanBuffer buffer(sizeof(PlannedRun));
  auto files = plan_files(buffer, request);
  PlannedRun run{};
  std::ranges::copy(request.seed.bytes, run.seed);
  run.file_count = files.size();
  run.files = buffer.add(files.data(), files.size() * sizeof(PlannedFile));
  RunMessage message{0, lay_out(files, buffer.bytes().size())};
  buffer.put(run.files, files.data(), files.size() * sizeof(PlannedFile));
  buffer.put(0, &run, sizeof run);
  const bool small =
      std::ranges::all_of(files, [&](const PlannedFile& file) { return file.size <= request.limits.output_bytes; });
  if (small && message.size <= max_inline_run_bytes) {
    Bytes inlined(sizeof message + message.size);
    std::memcpy(inlined.data(), &message, sizeof message);
    std::ranges::copy(buffer.bytes(), inlined.begin() + sizeof message);
    for (std::size_t i = 0; i < files.size(); ++i)
      std::ranges::copy(*request.files[i].content,
                        inlined.begin() + static_cast<std::ptrdiff_t>(sizeof message + files[i].content));
    return inlined;
  }
  struct stat status {};
  if (fstat(plan, &status) != 0) return fail(ErrorKind::internal, std::string("the plan is gone: ") + std::strerror(errno));
  message.begin = whole_pages(static_cast<std::uint64_t>(status.st_size));
  if (auto written = write_contents(plan, message.begin, buffer.bytes(), files, request, message.size); !written)
    return fail(written.error());
  Bytes header(sizeof message);
  std::memcpy(header.data(), &message, sizeof message);
  return header;
}

}  // namespace forgepool::sandbox
