#include "wire/bundle.hpp"

#include "base/parallel.hpp"
#include "crypto/digest.hpp"
#include "wire/json_reader.hpp"

#include <forgepool/adapter.hpp>
#include <forgepool/audit.hpp>

#include <algorithm>
#include <charconv>

namespace forgepool::wire {
namespace {

using json::Array;
using json::Object;
using json::ObjectReader;
using json::Value;

constexpr std::string_view bundle_media_type = "application/vnd.forgepool.bundle+json;version=1";

constexpr std::size_t max_plan_bytes = max_bundle_bytes;
constexpr std::size_t max_result_bytes = max_bundle_bytes;
constexpr std::size_t max_envelope_bytes = 8u << 20;
constexpr std::size_t max_checkpoint_bytes = 1u << 20;
constexpr std::size_t max_root_bytes = 1u << 20;
constexpr std::size_t max_certificate_bytes = 16u << 10;
constexpr std::size_t max_chain_length = 8;
constexpr std::size_t max_content_bytes = 64u << 10;
constexpr std::size_t max_statements = 1'000'000;
constexpr std::size_t max_path_length = 64;  // Of a tree with 2^64 leaves.
constexpr std::size_t max_signature_bytes = 256;
constexpr std::size_t salt_bytes = 32;
// A value costs the reader many times its one or two bytes in the text: without this limit a small file could ask for a lot of
// memory.
constexpr std::size_t max_values = 16'000'000;

// --- writing ---------------------------------------------------------------------------------------------------------

Value to_json(const LogPosition& position) {
  Array path;
  for (const Digest& sibling : position.path) path.emplace_back(to_base64(sibling.bytes));
  return Object{{"index", position.index}, {"path", std::move(path)}};
}

Value to_json(const BundleEvent& event) {
  return Object{
      {"content", event.content}, {"kind", event.kind}, {"position", to_json(event.position)}, {"salt", to_base64(event.salt)}};
}

Value to_json(const BundleStatement& statement) {
  Array chain;
  for (const Bytes& certificate : statement.chain) chain.emplace_back(to_base64(certificate));
  return Object{{"chain", std::move(chain)}, {"envelope", statement.envelope}, {"position", to_json(statement.position)}};
}

template <class T>
Array to_json(const std::vector<T>& items) {
  Array array;
  array.reserve(items.size());
  for (const T& item : items) array.push_back(to_json(item));
  return array;
}

Object to_json(const Bundle& bundle) {
  Object document{{"adapter", to_base64(bundle.adapter)},
                  {"checkpoint", bundle.checkpoint},
                  {"contract", bundle.contract},
                  {"events", to_json(bundle.events)},
                  {"job", bundle.job.str()},
                  {"mediaType", bundle_media_type},
                  {"plan", bundle.plan},
                  {"receipts", to_json(bundle.receipts)},
                  {"root", bundle.root},
                  {"verdicts", to_json(bundle.verdicts)}};
  if (bundle.result) document.set("result", *bundle.result);
  if (bundle.outputs) {
    std::vector<json::Member> outputs;
    for (const auto& [shard, bytes] : *bundle.outputs) outputs.emplace_back(std::to_string(shard), to_base64(bytes));
    document.set("outputs", Object::from_members(std::move(outputs)));
  }
  if (bundle.compared) {
    std::vector<json::Member> compared;
    for (const auto& [digest, bytes] : *bundle.compared) compared.emplace_back(digest.hex(), to_base64(bytes));
    document.set("compared", Object::from_members(std::move(compared)));
  }
  return document;
}

// --- reading ---------------------------------------------------------------------------------------------------------

/// The number of values in a JSON text is at most this.
std::size_t count_values(std::string_view text) {
  std::size_t count = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' || c == '[' || c == '{') ++count;
    if (c != '"') continue;
    // Most of a bundle is strings: to the quote that ends this one.
    for (bool escaped = true; escaped;) {
      i = text.find('"', i + 1);
      if (i == std::string_view::npos) return count;
      const auto before = text.substr(0, i).find_last_not_of('\\');
      escaped = (i - before) % 2 == 0;
    }
  }
  return count;
}

std::optional<Digest> read_sibling(const Value& value) {
  const auto* text = value.as_string();
  const auto bytes = text ? from_base64(*text) : Bytes();
  Digest sibling;
  if (!bytes || bytes->size() != sibling.bytes.size()) return std::nullopt;
  std::ranges::copy(*bytes, sibling.bytes.begin());
  return sibling;
}

LogPosition read_position(ObjectReader& parent) {
  LogPosition position;
  const Value* value = parent.object("position");
  if (!value) return position;
  ObjectReader reader(*value, parent.pointer("position"));
  position.index = static_cast<std::uint64_t>(reader.integer("index", 0, json::max_safe_integer));
  if (const Array* path = reader.array("path", 0, max_path_length)) {
    position.path.reserve(path->size());
    for (const Value& element : *path) {
      const auto sibling = read_sibling(element);
      if (!sibling) {
        const std::string pointer = json::pointer_to(reader.pointer("path"), position.path.size());
        reader.refuse(Error{ErrorKind::invalid_input,
                            json::at_pointer(pointer, "expected base64 of 32 bytes, got " + json::describe(element))});
        break;
      }
      position.path.push_back(*sibling);
    }
  }
  if (const auto read = reader.finish(); !read) parent.refuse(read.error());
  return position;
}

BundleEvent read_event(ObjectReader& reader) {
  BundleEvent event;
  event.content = reader.string("content", max_content_bytes);
  event.kind = reader.string("kind", 64, {}, 1);
  event.position = read_position(reader);
  event.salt = reader.base64("salt", salt_bytes);
  if (event.salt.size() != salt_bytes) reader.refuse("salt", "expected base64 of 32 bytes");
  return event;
}

BundleStatement read_statement(ObjectReader& reader) {
  BundleStatement statement;
  statement.envelope = reader.string("envelope", max_envelope_bytes, {}, 1);
  statement.position = read_position(reader);
  if (const Array* chain = reader.array("chain", 0, max_chain_length))
    for (const Value& value : *chain) {
      const std::string* text = value.as_string();
      auto der = text && text->size() <= max_certificate_bytes * 4 / 3 + 4 ? from_base64(*text) : Bytes();
      if (!der || der->empty()) {
        const std::string pointer = json::pointer_to(reader.pointer("chain"), statement.chain.size());
        reader.refuse(
            Error{ErrorKind::invalid_input, json::at_pointer(pointer, "expected base64 of a certificate of at most " +
                                                                          std::to_string(max_certificate_bytes) + " bytes")});
        break;
      }
      statement.chain.push_back(std::move(*der));
    }
  return statement;
}

/// A list of the document, read while the document is parsed.
template <class T>
class List {
 public:
  List(std::string_view key, T (*read_item)(ObjectReader&)) : key_(key), read_item_(read_item) {}

  json::ListReader reader() {
    return {key_, [this](std::size_t count) { items_.assign(count <= max_statements ? count : 0, T()); },
            [this](std::size_t i, const Value& element) {
              if (i < items_.size()) items_[i] = read(i, element);
            }};
  }

  std::vector<T> take(ObjectReader& parent) {
    std::vector<T> items;
    if (!parent.array(key_, 0, max_statements)) return items;
    items.reserve(items_.size());
    for (auto& item : items_) {
      if (!item) return parent.refuse(item.error()), items;
      items.push_back(std::move(*item));
    }
    return items;
  }

 private:
  Result<T> read(std::size_t i, const Value& element) const {
    ObjectReader reader(element, json::pointer_to(json::pointer_to("", key_), i));
    T item = read_item_(reader);
    if (const auto finished = reader.finish(); !finished) return fail(finished.error());
    return item;
  }

  std::string_view key_;
  T (*read_item_)(ObjectReader&);
  std::vector<Result<T>> items_;
};

struct Lists {
  List<BundleEvent> events{"events", read_event};
  List<BundleStatement> receipts{"receipts", read_statement}, verdicts{"verdicts", read_statement};
};

std::optional<std::uint32_t> parse_shard_number(std::string_view text) {
  std::uint32_t shard = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), shard);
  if (error != std::errc() || std::to_string(shard) != text) return std::nullopt;
  return shard;
}

std::optional<std::map<std::uint32_t, Bytes>> read_outputs(ObjectReader& parent) {
  const Value* value = parent.object("outputs", ObjectReader::Need::optional);
  if (!value) return std::nullopt;
  std::map<std::uint32_t, Bytes> outputs;
  for (const auto& [key, output] : *value->as_object()) {
    const auto shard = parse_shard_number(key);
    auto bytes = from_base64(output.as_string() ? *output.as_string() : "?");
    if (!shard || !bytes) {
      const std::string pointer = json::pointer_to(parent.pointer("outputs"), key);
      parent.refuse(Error{ErrorKind::invalid_input, json::at_pointer(pointer, "expected the number of a shard and base64")});
      return std::nullopt;
    }
    outputs.emplace(*shard, std::move(*bytes));
  }
  return outputs;
}

std::optional<std::map<Digest, Bytes>> read_compared(ObjectReader& parent) {
  const Value* value = parent.object("compared", ObjectReader::Need::optional);
  if (!value) return std::nullopt;
  std::map<Digest, Bytes> compared;
  for (const auto& [key, output] : *value->as_object()) {
    const auto digest = Digest::parse(key);
    auto bytes = from_base64(output.as_string() ? *output.as_string() : "?");
    if (!digest || digest->hex() != key || !bytes) {
      const std::string pointer = json::pointer_to(parent.pointer("compared"), key);
      parent.refuse(
          Error{ErrorKind::invalid_input, json::at_pointer(pointer, "expected a digest of 64 hex digits and base64")});
      return std::nullopt;
    }
    compared.emplace(*digest, std::move(*bytes));
  }
  return compared;
}

Result<SignedBundle> read_fields(const Value& document, Lists& lists) {
  SignedBundle read;
  Bundle& bundle = read.bundle;
  ObjectReader reader(document, "");
  constexpr std::string_view media_types[] = {bundle_media_type};
  reader.choice("mediaType", media_types);
  bundle.job = JobId(reader.id("job"));
  bundle.contract = reader.string("contract", max_contract_bytes);
  bundle.plan = reader.string("plan", max_plan_bytes);
  bundle.adapter = reader.base64("adapter", max_adapter_package_bytes);
  bundle.events = lists.events.take(reader);
  bundle.receipts = lists.receipts.take(reader);
  bundle.verdicts = lists.verdicts.take(reader);
  if (reader.has("result")) bundle.result = reader.string("result", max_result_bytes);
  bundle.outputs = read_outputs(reader);
  bundle.compared = read_compared(reader);
  bundle.checkpoint = reader.string("checkpoint", max_checkpoint_bytes);
  bundle.root = reader.string("root", max_root_bytes);
  read.signature = reader.base64("signature", max_signature_bytes);
  if (const auto finished = reader.finish(); !finished) return fail(finished.error());
  return read;
}

/// The digest of what `bundle_body` would give, if `text` without its newline is what `write_bundle` gives. In strings quotes
/// are escaped, no other member has this name, and base64 has no quotes.
Digest digest_without_signature(std::string_view text) {
  constexpr std::string_view start = ",\"signature\":\"";
  const auto at = text.find(start);
  if (at == text.npos) return {};
  const auto end = text.find('"', at + start.size());
  if (end == text.npos) return {};
  return Sha256().update(text.substr(0, at)).update(text.substr(end + 1)).finish();
}

/// All but the digest.
Result<SignedBundle> read_document(std::string_view text) {
  if (count_values(text) > max_values)
    return fail(ErrorKind::too_large, "it holds more than " + std::to_string(max_values) + " JSON values");
  Lists lists;
  const json::ListReader readers[] = {lists.events.reader(), lists.receipts.reader(), lists.verdicts.reader()};
  const auto parsed = json::parse_any_form(text, max_bundle_bytes, readers);
  if (!parsed) return fail(parsed.error());
  auto read = read_fields(parsed->value, lists);
  // Two documents of one meaning would mean bytes that nobody signed. Every member was asked for and has one spelling as a JSON
  // value (base64 is strict, numbers and digests are as they are written): that JSON has one is all that is left to see.
  if (read && !parsed->canonical)
    return fail(ErrorKind::invalid_input, "its JSON is not in canonical form (RFC 8785), so it is not what the hub wrote");
  return read;
}

}  // namespace

Bytes event_leaf(std::string_view kind, ByteView salt, std::string_view content) {
  const Digest commitment = Sha256().update(salt).update(content).finish();
  return to_bytes(json::canonicalize(Object{{"commitment", commitment.str()}, {"kind", kind}, {"v", 1}}));
}

// Field names: sigstore's rekor/v2/{entry,hashedrekord,verifier}.proto and sigstore_common.proto in the JSON mapping of
// protobuf.
Bytes statement_leaf(const Digest& pae_digest, ByteView signature, ByteView spki) {
  std::string leaf;
  leaf.reserve(512);
  leaf.append(
          R"({"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":")")
      .append(to_base64(pae_digest.bytes))
      .append(R"("},"signature":{"content":")")
      .append(to_base64(signature))
      .append(R"(","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":")")
      .append(to_base64(spki))
      .append(R"("}}}}}})");
  return to_bytes(leaf);
}

std::string bundle_body(const Bundle& bundle) {
  return json::canonicalize(to_json(bundle));
}

std::string write_bundle(const Bundle& bundle, ByteView signature) {
  Object document = to_json(bundle);
  document.set("signature", to_base64(signature));
  return json::canonicalize(std::move(document)) + "\n";
}

Result<SignedBundle> read_bundle(std::string_view document) {
  if (document.size() > max_bundle_bytes)
    return fail(ErrorKind::too_large, "not a bundle: it has " + std::to_string(document.size()) + " bytes; at most " +
                                          std::to_string(max_bundle_bytes) + " are read");
  if (!document.ends_with("}\n"))
    return fail(ErrorKind::invalid_input, "not a bundle: it must end in one brace and one newline; was it cut off?");
  const auto text = document.substr(0, document.size() - 1);
  auto [body, read] = concurrently([&] { return digest_without_signature(text); }, [&] { return read_document(text); });
  if (!read) return fail(read.error().kind, "not a bundle: " + read.error().message);
  read->body = body;
  return std::move(*read);
}

}  // namespace forgepool::wire
