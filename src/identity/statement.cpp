#include "identity/statement.hpp"

#include <fmt/core.h>

namespace forgepool::identity {
namespace {

constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::size_t max_subjects = 4096;
constexpr std::size_t max_name_bytes = 512;

}  // namespace

json::Value to_json(const Resource& resource) {
  return json::Object{{"digest", json::Object{{"sha256", resource.digest.hex()}}}, {"name", resource.name}};
}

json::Value to_json(const std::vector<Resource>& resources) {
  json::Array list;
  list.reserve(resources.size());
  for (const auto& resource : resources) list.push_back(to_json(resource));
  return list;
}

Digest read_hex_digest(json::ObjectReader& reader, std::string_view key) {
  const std::string* text = reader.text(key, 64, 64);
  const auto digest = Digest::parse(text ? *text : "");
  if (!digest) reader.refuse(key, "expected 64 lower-case hex digits");
  return digest.value_or(Digest{});
}

Time read_time(json::ObjectReader& reader, std::string_view key) {
  const std::string text = reader.string(key, 40);
  const auto time = from_rfc3339(text);
  if (!time)
    reader.refuse(key, time.error().message);
  else if (to_rfc3339(*time) != text)
    reader.refuse(key, "expected whole seconds, like " + to_rfc3339(*time));
  return time.value_or(Time{});
}

std::vector<Resource> read_resources(json::ObjectReader& reader, std::string_view key, std::size_t max_items) {
  std::vector<Resource> resources;
  const auto* list = reader.array(key, 0, max_items);
  for (std::size_t i = 0; list && i < list->size() && reader.ok(); ++i) {
    const std::string pointer = json::pointer_to(reader.pointer(key), i);
    json::ObjectReader item((*list)[i], pointer);
    Resource resource;
    resource.name = item.string("name", max_name_bytes, {}, 1);
    if (const auto* digest = item.object("digest")) {
      json::ObjectReader set(*digest, item.pointer("digest"));
      resource.digest = read_hex_digest(set, "sha256");
      if (auto status = set.finish(); !status) item.refuse(status.error());
    }
    if (auto status = item.finish(); !status) reader.refuse(status.error());
    resources.push_back(std::move(resource));
  }
  return resources;
}

json::Value statement_to_json(const std::vector<Resource>& subject, std::string_view predicate_type, json::Value predicate) {
  return json::Object{{"_type", statement_type},
                      {"predicate", std::move(predicate)},
                      {"predicateType", predicate_type},
                      {"subject", to_json(subject)}};
}

Result<Statement> read_statement(std::string_view text, std::string_view predicate_type) {
  auto parsed = json::parse_any_form(text, max_statement_bytes);
  if (!parsed) return fail(parsed.error().kind, "statement: " + parsed.error().message);
  Statement statement;
  json::ObjectReader reader(parsed->value, "");
  const std::string_view types[] = {statement_type}, predicates[] = {predicate_type};
  reader.choice("_type", types);
  reader.choice("predicateType", predicates);
  statement.subject = read_resources(reader, "subject", max_subjects);
  reader.object("predicate");
  if (auto status = reader.finish(); !status) return fail(status.error().kind, "statement: " + status.error().message);
  statement.document = std::move(parsed->value);
  statement.canonical = parsed->canonical;
  return statement;
}

std::string shard_name(std::uint32_t index) {
  return fmt::format("shard-{}", index);
}

}  // namespace forgepool::identity
