#include "sandbox/plan_writer.hpp"

#include "sandbox/limits.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

constexpr std::size_t alignment = 16;

/// Everything but the contents of files, which are written straight from where they are.
class PlanBuffer {
 public:
  PlanBuffer() : bytes_(sizeof(BoxPlan)) {}

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
  PlannedTmpfs add_tmpfs(const TmpfsSize& size) {
    return {add_text(std::to_string(size.bytes)), add_text(std::to_string(size.inodes))};
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
  return std::ranges::find(request.relaxations, SandboxRelaxation::spawn) != request.relaxations.end();
}

std::vector<PlannedFile> plan_files(PlanBuffer& buffer, const SandboxRequest& request) {
  std::vector<PlannedFile> files;
  for (const auto& file : request.files)
    files.push_back({buffer.add_text(file.name), 0, file.content->size(), file.executable ? 0555u : 0444u, 0});
  return files;
}

void plan_limits(BoxPlan& plan, const SandboxLimits& limits, bool group_limits) {
  const auto resources = resource_limits(limits, group_limits);
  plan.limit_count = static_cast<std::uint32_t>(std::min<std::size_t>(resources.size(), max_planned_limits));
  std::copy_n(resources.begin(), plan.limit_count, plan.limits);
}

}  // namespace

Result<UniqueFd> write_plan(const PlanInput& input) {
  const auto& request = input.request;
  PlanBuffer buffer;
  BoxPlan plan{};
  plan.drop_groups = input.drop_groups;
  plan.cgroup_count = input.cgroup_count;
  plan.may_execute = may_execute(request);
  plan.filter_length = static_cast<std::uint32_t>(input.filter.size());
  plan.filter = buffer.add(input.filter.data(), input.filter.size() * sizeof(sock_filter));
  std::vector<std::string_view> arguments{"/program"};
  arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
  plan.arguments = buffer.add_text_list(arguments);
  plan.environment = buffer.add_text_list({program_environment});
  plan.host_name = buffer.add_text(box_host_name);
  plan.root = buffer.add_tmpfs(root_size(request));
  plan.out = buffer.add_tmpfs(out_size(request.limits));
  plan.tmp = buffer.add_tmpfs(tmp_size(request.limits));
  plan_limits(plan, request.limits, input.group_limits);

  auto files = plan_files(buffer, request);
  plan.file_count = static_cast<std::uint32_t>(files.size());
  plan.files = buffer.add(files.data(), files.size() * sizeof(PlannedFile));
  std::uint64_t end = PlanBuffer::aligned(buffer.bytes().size());
  for (auto& file : files) {
    file.content = end;
    end = PlanBuffer::aligned(end + file.size);
  }
  plan.total_bytes = end;
  buffer.put(plan.files, files.data(), files.size() * sizeof(PlannedFile));
  buffer.put(0, &plan, sizeof plan);

  UniqueFd memory(memfd_create("forgepool-plan", MFD_CLOEXEC));
  bool written = memory && ftruncate(memory.get(), static_cast<off_t>(end)) == 0 && write_at(memory.get(), 0, buffer.bytes());
  for (std::size_t i = 0; written && i < files.size(); ++i)
    written = write_at(memory.get(), files[i].content, *request.files[i].content);
  if (!written) return fail(ErrorKind::internal, std::string("no memory for the run's plan: ") + std::strerror(errno));
  return memory;
}

}  // namespace forgepool::sandbox
