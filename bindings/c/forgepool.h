#ifndef FORGEPOOL_H
#define FORGEPOOL_H
/* libforgepool for C, and for every language that can call C.
 *
 * What an auditor or a client of another language needs without a hub: the identity of a contract, and the offline check of a
 * bundle. The meaning is that of <forgepool/contract.hpp> and <forgepool/audit.hpp>.
 *
 * Every function may be called from any thread, keeps nothing of what it was given, and lets no exception out.
 *
 * Texts in are bytes with a length and need no terminator; they may hold anything. Texts out end with a zero, are UTF-8, and
 * belong to the caller: free them with forgepool_string_free. Of the two out-parameters, `error` is set if the call fails and
 * the other one if it succeeds; the one that is not set becomes NULL. Either pointer may be NULL if the caller does not want
 * the text.
 *
 * Stability: names, numbers and meaning below stay within one minor version of the library (its soname); after 1.0 within one
 * major version. */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FORGEPOOL_C_API __attribute__((visibility("default")))

/* Success, or what the caller can do about the error. The numbers are fixed. */
typedef enum forgepool_status {
  FORGEPOOL_OK = 0,
  FORGEPOOL_INVALID_INPUT = 1, /* Fix the input; the message names the place and what was expected. */
  FORGEPOOL_NOT_FOUND = 2,
  FORGEPOOL_CONFLICT = 3,
  FORGEPOOL_UNAUTHENTICATED = 4,
  FORGEPOOL_DENIED = 5,
  FORGEPOOL_TOO_LARGE = 6,   /* The message names the limit. */
  FORGEPOOL_UNAVAILABLE = 7, /* Try again later or elsewhere. */
  FORGEPOOL_UNSUPPORTED = 8,
  FORGEPOOL_CORRUPT = 9,  /* Signed or stored data fails its check: do not trust it. */
  FORGEPOOL_INTERNAL = 10 /* A bug, or out of memory; `error` may be NULL then. */
} forgepool_status;

/* "0.1.0"; a constant. */
FORGEPOOL_C_API const char* forgepool_version(void);

/* "corrupt" for FORGEPOOL_CORRUPT, and so on; "unknown" for a number that is none of the above. A constant. */
FORGEPOOL_C_API const char* forgepool_status_name(forgepool_status status);

/* Frees a text that a function below returned. NULL is allowed. */
FORGEPOOL_C_API void forgepool_string_free(char* text);

/* Checks a contract and gives its digest: "sha256:" and 64 hexadecimal digits, the SHA-256 of its RFC 8785 form. The same
 * contract with other spacing or order of keys has the same digest. FORGEPOOL_INVALID_INPUT or FORGEPOOL_TOO_LARGE, and then
 * the error starts with the JSON pointer of the offending value. */
FORGEPOOL_C_API forgepool_status forgepool_contract_digest(const char* contract, size_t contract_length, char** digest,
                                                           char** error);

/* Checks every byte of an artifact bundle against a trusted root. FORGEPOOL_OK means that nothing of it was refuted: that
 * everything was checked, too, is what "verified" in the report says. FORGEPOOL_CORRUPT means that it does not hold, and the error is the first thing that does not; FORGEPOOL_INVALID_INPUT or FORGEPOOL_TOO_LARGE that this is
 * no bundle or no root.
 *
 * The report is a JSON object in RFC 8785 form:
 *   "job", "contract", "plan", "adapter", "result"   strings; all but the first are digests
 *   "shards", "receipts", "ledger_size"              integers
 *   "agents", "rejected"                             arrays of SPIFFE ids: whose results were accepted, whose lost
 *   "checks"                                         array of {"name", "detail"}, in the order of checking
 *   "verified"                                       true if "unchecked" is empty
 *   "unchecked"                                      array of {"name", "detail"}: what the bundle does not allow to check
 *   "unpinned"                                       array of texts: what was the hub's choice */
FORGEPOOL_C_API forgepool_status forgepool_verify_bundle(const char* bundle, size_t bundle_length, const char* trusted_root,
                                                         size_t trusted_root_length, char** report, char** error);

#ifdef __cplusplus
}
#endif
#endif
