/// forgepool.h over the public C++ interface.
#include "forgepool.h"

#include <forgepool/audit.hpp>
#include <forgepool/contract.hpp>

#include "wire/json.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace {

using namespace forgepool;

static_assert(FORGEPOOL_INVALID_INPUT == static_cast<int>(ErrorKind::invalid_input) + 1 &&
                  FORGEPOOL_INTERNAL == static_cast<int>(ErrorKind::internal) + 1,
              "the numbers of the C interface are the error kinds in their order, after success");

forgepool_status status_of(ErrorKind kind) {
  return static_cast<forgepool_status>(static_cast<int>(kind) + 1);
}

/// malloc, because C and foreign languages know no other owner. Null if there is no memory.
char* copy_text(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) return nullptr;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

/// A null pointer with length 0 is an empty text, as C callers expect.
bool readable(const char* text, size_t length) {
  return text || length == 0;
}
std::string_view view_of(const char* text, size_t length) {
  return text ? std::string_view(text, length) : std::string_view();
}

forgepool_status refuse(const Error& error, char** text) {
  if (text) *text = copy_text(error.message);
  return status_of(error.kind);
}

/// Runs `work`, which gives a Result<std::string>, and hands out what it gave. Nothing thrown gets past.
template <class Work>
forgepool_status answer(Work&& work, char** out, char** error) {
  if (out) *out = nullptr;
  if (error) *error = nullptr;
  try {
    const Result<std::string> result = work();
    if (!result) return refuse(result.error(), error);
    if (!out) return FORGEPOOL_OK;
    *out = copy_text(*result);
    return *out ? FORGEPOOL_OK : FORGEPOOL_INTERNAL;
  } catch (const std::exception& thrown) {
    if (error) *error = copy_text(thrown.what());
  } catch (...) {
  }
  return FORGEPOOL_INTERNAL;
}

json::Array texts(const std::vector<std::string>& values) {
  return {values.begin(), values.end()};
}

std::string to_json(const AuditReport& report) {
  json::Array checks;
  for (const auto& check : report.checks) checks.push_back(json::Object{{"name", check.name}, {"detail", check.detail}});
  json::Array unchecked;
  for (const auto& check : report.unchecked) unchecked.push_back(json::Object{{"name", check.name}, {"detail", check.detail}});
  return json::canonicalize(json::Object{{"job", report.job.str()},
                                         {"contract", report.contract.str()},
                                         {"plan", report.plan.str()},
                                         {"adapter", report.adapter.str()},
                                         {"result", report.result.str()},
                                         {"shards", report.shards},
                                         {"receipts", report.receipts},
                                         {"ledger_size", report.ledger_size},
                                         {"agents", texts(report.agents)},
                                         {"rejected", texts(report.rejected)},
                                         {"checks", std::move(checks)},
                                         {"verified", report.complete()},
                                         {"unchecked", std::move(unchecked)},
                                         {"unpinned", texts(report.unpinned)}});
}

tl::unexpected<Error> null_argument(const char* name) {
  return fail(ErrorKind::invalid_input, std::string(name) + " is a null pointer with a length: pass the address of the text");
}

}  // namespace

const char* forgepool_version(void) {
  return FORGEPOOL_VERSION;
}

const char* forgepool_status_name(forgepool_status status) {
  if (status == FORGEPOOL_OK) return "ok";
  if (status < FORGEPOOL_OK || status > FORGEPOOL_INTERNAL) return "unknown";
  // The names are string literals, so they end with a zero.
  return to_string(static_cast<ErrorKind>(static_cast<int>(status) - 1)).data();
}

void forgepool_string_free(char* text) {
  std::free(text);
}

forgepool_status forgepool_contract_digest(const char* contract, size_t contract_length, char** digest, char** error) {
  return answer(
      [&]() -> Result<std::string> {
        if (!readable(contract, contract_length)) return null_argument("contract");
        const auto parsed = parse_contract(view_of(contract, contract_length));
        if (!parsed) return fail(parsed.error());
        return parsed->digest.str();
      },
      digest, error);
}

forgepool_status forgepool_verify_bundle(const char* bundle, size_t bundle_length, const char* trusted_root,
                                         size_t trusted_root_length, char** report, char** error) {
  return answer(
      [&]() -> Result<std::string> {
        if (!readable(bundle, bundle_length)) return null_argument("bundle");
        if (!readable(trusted_root, trusted_root_length)) return null_argument("trusted_root");
        const auto checked = verify_bundle(view_of(bundle, bundle_length), view_of(trusted_root, trusted_root_length));
        if (!checked) return fail(checked.error());
        return to_json(*checked);
      },
      report, error);
}
