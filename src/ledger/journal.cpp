#include "ledger/journal.hpp"

#include "crypto/digest.hpp"
#include "ledger/file_io.hpp"
#include "ledger/tile.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr std::string_view magic = "forgepool tile ledger journal 1\n";
constexpr std::size_t header_bytes = 4'096;
constexpr std::size_t slot_offsets[] = {header_bytes - 1'024, header_bytes - 512};
constexpr std::size_t slot_bytes = 8 + 32 + 32;
constexpr std::uint32_t edge_kind = 0x66704a65, commit_kind = 0x66704a63;  // "fpJe", "fpJc"
constexpr std::size_t prefix_bytes = 4 + 8;                                // Kind and length of a record.
constexpr std::size_t chain_bytes = 32;
/// A journal is started anew long before; this bounds what is read into memory.
constexpr std::uint64_t max_journal_bytes = std::uint64_t{8} << 30;

class Writer {
 public:
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void raw(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void counted(ByteView bytes) {
    u64(bytes.size());
    raw(bytes);
  }
  Bytes& bytes() { return bytes_; }

 private:
  void number(std::uint64_t value, unsigned size) {
    while (size-- > 0) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * size)));
  }
  Bytes bytes_;
};

/// Reads what Writer wrote; asking for more than there is makes `ok()` false for good.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  ByteView raw(std::uint64_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const ByteView bytes = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(bytes.size());
    return bytes;
  }
  ByteView counted() { return raw(u64()); }
  Digest digest() {
    Digest digest;
    std::ranges::copy(raw(digest.bytes.size()), digest.bytes.begin());
    return digest;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  std::uint64_t number(unsigned size) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : raw(size)) value = value << 8 | byte;
    return value;
  }
  ByteView rest_;
  bool ok_ = true;
};

Digest chained(const Digest& before, ByteView record) {
  return Sha256().update(before.bytes).update(record).finish();
}

void write_point(Writer& writer, const JournalPoint& point) {
  writer.u64(point.head.size);
  writer.raw(point.head.root.bytes);
  writer.u64(static_cast<std::uint64_t>(point.state_rows));
  writer.u64(point.state_sum);
}

JournalPoint read_point(Reader& reader) {
  JournalPoint point;
  point.head.size = reader.u64();
  point.head.root = reader.digest();
  point.state_rows = static_cast<std::int64_t>(reader.u64());
  point.state_sum = reader.u64();
  return point;
}

Bytes slot(std::uint64_t end, const Digest& chain) {
  Writer writer;
  writer.u64(end);
  writer.raw(chain.bytes);
  writer.raw(sha256(writer.bytes()).bytes);
  return std::move(writer.bytes());
}

/// A record's beginning, to which its content is added; `finish` sets the length and adds the chain.
Writer begin_record(std::uint32_t kind) {
  Writer writer;
  writer.u32(kind);
  writer.u64(0);
  return writer;
}

Digest finish_record(Writer& writer, const Digest& before) {
  Writer length;
  length.u64(writer.bytes().size() - prefix_bytes);
  std::ranges::copy(length.bytes(), writer.bytes().begin() + 4);
  const Digest chain = chained(before, writer.bytes());
  writer.raw(chain.bytes);
  return chain;
}

tl::unexpected<Error> damaged(const std::string& path, std::string_view what) {
  return fail(ErrorKind::corrupt, path + ": " + std::string(what));
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::create(const std::string& path, const Base& base) {
  Writer header;
  header.raw(as_bytes(magic));
  header.counted(as_bytes(base.origin));
  header.counted(base.key);
  write_point(header, base.point);
  header.raw(sha256(header.bytes()).bytes);
  if (header.bytes().size() > slot_offsets[0])
    return fail(ErrorKind::invalid_input, "a tile ledger's origin may have at most 2,000 bytes");
  Writer edge = begin_record(edge_kind);
  edge.u32(static_cast<std::uint32_t>(base.edge.size()));
  for (const ByteView leaf : base.edge) edge.counted(leaf);
  const Digest chain = finish_record(edge, sha256(header.bytes()));

  Bytes file = std::move(header.bytes());
  file.resize(header_bytes);
  file.insert(file.end(), edge.bytes().begin(), edge.bytes().end());
  const Bytes acknowledged = slot(file.size(), chain);
  for (const std::size_t offset : slot_offsets)
    std::ranges::copy(acknowledged, file.begin() + static_cast<std::ptrdiff_t>(offset));
  if (const auto written = file_io::replace(path, file, 0600, true); !written) return fail(written.error());

  const int opened = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (opened < 0) return file_io::failed("open", path);
  std::unique_ptr<Journal> journal(new Journal(opened, path));
  journal->end_ = file.size();
  journal->chain_ = chain;
  return journal;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& path, const std::function<Status(const Base&)>& begin,
                                               const std::function<Status(const JournalRecord&)>& visit) {
  const int opened = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (opened < 0) return file_io::failed("open", path);
  std::unique_ptr<Journal> journal(new Journal(opened, path));
  if (const auto read = journal->read_all(begin, visit); !read) return fail(read.error());
  return journal;
}

Journal::~Journal() {
  ::close(file_);
}

Status Journal::read_all(const std::function<Status(const Base&)>& begin,
                         const std::function<Status(const JournalRecord&)>& visit) {
  const auto content = file_io::read_whole(path_, max_journal_bytes);
  if (!content) return fail(content.error());
  const ByteView file(*content);
  if (file.size() < header_bytes) return damaged(path_, "it is shorter than its header");
  if (as_text(file.first(magic.size())) != magic) return damaged(path_, "it is no journal of a tile ledger of format 1");
  Base base;
  Reader header(file.subspan(magic.size(), slot_offsets[0] - magic.size()));
  base.origin = to_text(header.counted());
  const ByteView key = header.counted();
  base.key.assign(key.begin(), key.end());
  base.point = read_point(header);
  const std::size_t used = slot_offsets[0] - header.left();
  const Digest header_sum = header.digest();
  if (!header.ok() || header_sum != sha256(file.first(used))) return damaged(path_, "its header fails its checksum");

  Slot slot;
  for (const std::size_t offset : slot_offsets) {
    Reader reader(file.subspan(offset, slot_bytes));
    Slot read{reader.u64(), reader.digest()};
    if (reader.digest() == sha256(file.subspan(offset, slot_bytes - 32)) && read.end > slot.end) slot = read;
  }
  if (slot.end == 0) return damaged(path_, "neither of its acknowledgements can be read");
  if (slot.end > file.size())
    return damaged(path_, "it was cut off: " + std::to_string(slot.end) + " bytes were acknowledged, " +
                              std::to_string(file.size()) + " are there");

  Digest chain = sha256(file.first(used + 32));
  bool first = true;
  for (std::uint64_t at = header_bytes; at < file.size();) {
    Reader reader(file.subspan(static_cast<std::size_t>(at)));
    const std::uint32_t kind = reader.u32();
    const std::uint64_t length = reader.u64();
    const ByteView payload = reader.raw(length);
    const Digest claimed = reader.digest();
    const bool whole = reader.ok();
    const ByteView record = file.subspan(static_cast<std::size_t>(at), whole ? prefix_bytes + payload.size() : 0);
    const bool valid = whole && kind == (first ? edge_kind : commit_kind) && chained(chain, record) == claimed;
    if (!valid) {
      if (at < slot.end || first)
        return damaged(path_,
                       "a record at byte " + std::to_string(at) + " was changed, moved or lost after it was acknowledged");
      // A record is only begun when the one before it is durable, so a torn one has nothing after it.
      if (whole && reader.left() > 0)
        return damaged(path_, "a record at byte " + std::to_string(at) + " is damaged, and others follow it");
      torn_ = true;
      break;
    }
    chain = claimed;
    Reader content_reader(payload);
    if (first) {
      const std::uint32_t leaves = content_reader.u32();
      for (std::uint32_t i = 0; i < leaves && content_reader.ok(); ++i) base.edge.push_back(content_reader.counted());
      if (!content_reader.at_end() || base.edge.size() != base.point.head.size % Tile::width)
        return damaged(path_, "its first record is malformed");
      if (auto begun = begin(base); !begun) return begun;
    } else {
      JournalRecord entry;
      entry.after = read_point(content_reader);
      const std::uint64_t leaves = content_reader.u64(), writes = content_reader.u64();
      for (std::uint64_t i = 0; i < leaves && content_reader.ok(); ++i) entry.leaves.push_back(content_reader.counted());
      for (std::uint64_t i = 0; i < writes && content_reader.ok(); ++i) {
        const std::string_view written = as_text(content_reader.counted());
        const bool kept = content_reader.u32() != 0;
        const ByteView value = content_reader.counted();
        entry.writes.emplace_back(written, kept ? std::optional(value) : std::nullopt);
      }
      if (!content_reader.at_end()) return damaged(path_, "a record at byte " + std::to_string(at) + " is malformed");
      if (auto visited = visit(entry); !visited) return visited;
      ++records_;
    }
    first = false;
    at += prefix_bytes + payload.size() + chain_bytes;
    if (at == slot.end && chain != slot.chain) return damaged(path_, "its records are not those that were acknowledged");
    if (at > slot.end && end_ < slot.end) return damaged(path_, "its acknowledgement names no end of a record");
    end_ = at;
  }
  if (first) return damaged(path_, "it has no first record");
  chain_ = chain;
  return {};
}

Status Journal::append(const JournalPoint& after, std::span<const LedgerBatch* const> batches) {
  if (broken_ || torn_)
    return fail(ErrorKind::internal, "the ledger's disk failed earlier: open the ledger anew when the disk is well");
  std::uint64_t leaves = 0, writes = 0;
  std::size_t bytes = 128;
  for (const LedgerBatch* batch : batches) {
    leaves += batch->leaves.size();
    writes += batch->writes.size();
    for (const Bytes& leaf : batch->leaves) bytes += leaf.size() + 8;
    for (const StateWrite& write : batch->writes) bytes += write.key.size() + (write.value ? write.value->size() : 0) + 20;
  }
  Writer record = begin_record(commit_kind);
  record.bytes().reserve(bytes);
  write_point(record, after);
  record.u64(leaves);
  record.u64(writes);
  for (const LedgerBatch* batch : batches)
    for (const Bytes& leaf : batch->leaves) record.counted(leaf);
  for (const LedgerBatch* batch : batches) {
    for (const StateWrite& write : batch->writes) {
      record.counted(as_bytes(write.key));
      record.u32(write.value ? 1 : 0);
      record.counted(write.value ? ByteView(*write.value) : ByteView{});
    }
  }
  const Digest chain = finish_record(record, chain_);
  broken_ = true;  // Until all of it went well.
  if (auto written = file_io::write_all_at(file_, record.bytes(), end_, path_); !written) return written;
  if (::fdatasync(file_) != 0) return file_io::failed("make durable", path_);
  end_ += record.bytes().size();
  chain_ = chain;
  ++records_;
  if (auto done = acknowledge(); !done) return done;
  broken_ = false;
  return {};
}

Status Journal::acknowledge() {
  // Reaches the disk with the next record at the latest: when that one is torn, this one is known to have been whole.
  return file_io::write_all_at(file_, slot(end_, chain_), slot_offsets[acknowledged_++ % 2], path_);
}

}  // namespace forgepool
