#include "../../support/all_messages.hpp"
#include "../../support/forged_message.hpp"

#include "crypto/reason.hpp"
#include "wire/job_messages.hpp"
#include "wire/message_check.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <new>
#include <set>

namespace {
std::size_t heap_bytes = 0;  // In use; this program has one thread.
}

void* operator new(std::size_t bytes) {
  auto* block = static_cast<std::size_t*>(std::malloc(bytes + 16));
  if (!block) throw std::bad_alloc();
  heap_bytes += * block = bytes;
  return reinterpret_cast<char*>(block) + 16;
}
void operator delete(void* at) noexcept {
  if (!at) return;
  auto* block = reinterpret_cast<std::size_t*>(static_cast<char*>(at) - 16);
  heap_bytes -= *block;
  std::free(block);
}
void operator delete(void* at, std::size_t) noexcept {
  operator delete(at);
}

namespace forgepool::wire {
namespace {

using test::ForgedMessage;
using Kind = FieldRules::Kind;

std::string code_of(const Status& status) {
  return status ? "" : std::string(reason_code(status.error()));
}
bool names(const Status& status, const TableRules& table, const FieldRules& field) {
  return !status && status.error().message.find(table.name + "." + field.name) != std::string::npos;
}

TEST_CASE("every string and every list of the protocol has a bound, and every list says whether it may repeat") {
  REQUIRE(protocol_rules().size() > 30);
  for (const auto& table : protocol_rules())
    for (const auto& field : table.fields) {
      INFO(table.name << '.' << field.name);
      CHECK(field.kind != Kind::unsupported);
      if (field.kind == Kind::string || field.kind == Kind::strings || ForgedMessage::is_bytes(field))
        CHECK(field.max_bytes > 0);
      if (!ForgedMessage::is_list(field)) continue;
      CHECK(field.max_items > 0);
      CHECK(field.unique != field.repeats);
      if (field.unique && field.kind == Kind::tables) CHECK(field.key);
    }
}

TEST_CASE("in every table, a list as long as it may be is taken, and one item more is refused") {
  for (const auto& table : protocol_rules())
    for (const auto& field : table.fields) {
      if (!ForgedMessage::is_list(field)) continue;
      INFO(table.name << '.' << field.name);
      const auto with = [&](std::size_t items) {
        ForgedMessage forged;
        const auto list = forged.list(field, items);
        return check_message(table, forged.finish(forged.table(table, {{&field, list}})));
      };
      CHECK(with(field.max_items));
      const auto over = with(field.max_items + 1);
      CHECK(code_of(over) == "message_bound");
      CHECK(names(over, table, field));
    }
}

TEST_CASE("in every table, a string or bytes as long as they may be are taken, and one byte more is refused") {
  for (const auto& table : protocol_rules())
    for (const auto& field : table.fields) {
      if (field.max_bytes == 0) continue;
      INFO(table.name << '.' << field.name);
      const auto with = [&](std::size_t bytes) {
        ForgedMessage forged;
        const auto value = ForgedMessage::is_bytes(field) ? forged.bytes(bytes)
                           : field.kind == Kind::strings  ? forged.references({forged.item(field, 0, bytes)})
                                                          : forged.item(field, 0, bytes);
        return check_message(table, forged.finish(forged.table(table, {{&field, value}})));
      };
      CHECK(with(field.max_bytes));
      const auto over = with(field.max_bytes + 1);
      CHECK(code_of(over) == "message_bound");
      CHECK(names(over, table, field));
    }
}

TEST_CASE("in every table, what is referred to from many places is refused") {
  for (const auto& table : protocol_rules()) {
    std::vector<const FieldRules*> strings;
    for (const auto& field : table.fields) {
      INFO(table.name << '.' << field.name);
      if (field.kind == Kind::string) strings.push_back(&field);
      if (field.kind != Kind::strings && field.kind != Kind::tables) continue;
      ForgedMessage forged;
      const auto items = std::min<std::size_t>(field.max_items, 500);
      const auto one = forged.item(field, 0, std::min<std::size_t>(field.max_bytes, 50));
      const auto list = forged.references(std::vector(items, one));
      const auto message = forged.finish(forged.table(table, {{&field, list}}));
      CHECK(code_of(check_message(table, message)) ==
            (field.unique && message.size() < 4 * items ? "message_repeats" : "message_shared"));
    }
    if (strings.size() < 2) continue;
    INFO(table.name);
    ForgedMessage forged;
    const auto one = forged.string(std::string(64, 'x'));
    std::vector<ForgedMessage::With> with;
    for (const auto* field : strings) with.push_back({field, one});
    CHECK(code_of(check_message(table, forged.finish(forged.table(table, with)))) == "message_shared");
  }
}

TEST_CASE("lists below lists cannot be shared either") {
  const auto& table = *rules_of("forgepool.fb.Explanation");
  const auto& shards = *table.find("shards");
  const auto& reasons = *shards.table->find("reasons");
  ForgedMessage forged;
  const auto list = forged.list(reasons, 100);
  std::vector<ForgedMessage::Place> places;
  for (std::uint32_t i = 0; i < 100; ++i) places.push_back(forged.table(*shards.table, {{&reasons, list}}, shards.key, i));
  const auto message = forged.finish(forged.table(table, {{&shards, forged.references(places)}}));
  CHECK(code_of(check_message(table, message)) == "message_shared");
}

TEST_CASE("in every table, two equal items of a list that may not repeat are refused, and the field is named") {
  for (const auto& table : protocol_rules())
    for (const auto& field : table.fields) {
      if (!field.unique) continue;
      INFO(table.name << '.' << field.name);
      ForgedMessage forged;
      const auto list = forged.list(field, 3, true);
      const auto checked = check_message(table, forged.finish(forged.table(table, {{&field, list}})));
      CHECK(code_of(checked) == "message_repeats");
      CHECK(names(checked, table, field));
    }
}

TEST_CASE("a message cut anywhere is refused or read, never past its end") {
  for (const auto& table : protocol_rules()) {
    ForgedMessage forged;
    std::vector<ForgedMessage::With> with;
    for (const auto& field : table.fields)
      if (ForgedMessage::is_list(field)) with.push_back({&field, forged.list(field, 2)});
    const Bytes whole = forged.finish(forged.table(table, with));
    INFO(table.name);
    CHECK(check_message(table, whole));
    for (std::size_t size = 0; size < whole.size(); ++size)
      (void)check_message(table, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

template <class T>
void unpacks_to_a_multiple() {
  const std::string name = T::TableType::GetFullyQualifiedName();
  const auto& table = *rules_of(name);
  for (const auto& field : table.fields) {
    if (field.kind == Kind::inline_value) continue;
    INFO(name << '.' << field.name);
    ForgedMessage forged;
    const auto value = ForgedMessage::is_list(field)    ? forged.list(field, std::min<std::size_t>(field.max_items, 5'000))
                       : ForgedMessage::is_bytes(field) ? forged.bytes(0)
                                                        : forged.item(field, 0);
    const Bytes message = forged.finish(forged.table(table, {{&field, value}}));
    const std::size_t before = heap_bytes;
    const auto read = decode<T>(message);
    const std::size_t unpacked = heap_bytes - before;
    REQUIRE(read);
    CHECK(unpacked <= max_unpacked_multiple * message.size() + 1024);
    // Others can read what we write.
    CHECK(decode<T>(encode(*read)));
  }
}

TEST_CASE("the smallest items that there can be unpack to a small multiple of what they took") {
  std::set<std::string> tried;
  test::for_all_messages([&]<class T>(const T&) {
    unpacks_to_a_multiple<T>();
    tried.insert(T::TableType::GetFullyQualifiedName());
  });
  std::set<std::string> all;
  for (const auto& table : protocol_rules()) all.insert(table.name);
  CHECK(tried == all);
}

TEST_CASE("a heartbeat of 180 KB that would be 2 GB is refused") {
  const auto& table = *rules_of("forgepool.fb.Heartbeat");
  for (const auto& [references, bytes] :
       {std::pair(20'000u, 100'000u), std::pair(4'096u, 128u), std::pair(100'000u, 1'600'000u)}) {
    ForgedMessage forged;
    const auto one = forged.string(std::string(bytes, 'l'));
    const auto list = forged.references(std::vector(references, one));
    const auto message = forged.finish(forged.table(table, {{table.find("leases"), list}}));
    CHECK_FALSE(decode<fb::HeartbeatT>(message));
  }
}

TEST_CASE("an error's message is cut to what can be read") {
  const auto read = decode_failure(encode_failure({ErrorKind::conflict, std::string(100'000, 'm')}), ErrorKind::internal);
  CHECK(read.kind == ErrorKind::conflict);
  CHECK(read.message == std::string(65'536, 'm'));
}

TEST_CASE("a certificate that an answer says ends beyond all times ends at the last one") {
  fb::AgentInfoT message;
  message.agent = "a-1";
  for (const auto ms : {std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 53, std::int64_t{10'000'000'000'000}}) {
    message.certificate_expires_ms = ms;
    CHECK(from_wire(message)->certificate_expires_at == Time::max());
  }
  message.certificate_expires_ms = std::numeric_limits<std::int64_t>::min();
  CHECK(from_wire(message)->certificate_expires_at == Time::min());
}

}  // namespace
}  // namespace forgepool::wire
