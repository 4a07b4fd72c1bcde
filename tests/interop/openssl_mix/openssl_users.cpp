#include "openssl_users.hpp"

#include <curl/curl.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace mix {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what);
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

}  // namespace

void prepare_openssl_users() {
  if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) give_up("curl_global_init failed");
  const std::string_view backend = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (!backend.starts_with("OpenSSL/")) give_up("this libcurl is built over " + std::string(backend) + ", which tests nothing");
  PQinitOpenSSL(1, 1);
}

void use_openssl_directly() {
  const std::string_view version = OpenSSL_version(OPENSSL_VERSION);
  if (!version.starts_with("OpenSSL ")) give_up("OpenSSL_version() says " + std::string(version));

  static constexpr unsigned char wanted[] = {0xba, 0x78, 0x16, 0xbf};  // SHA-256("abc"), FIPS 180-2, appendix B.1
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest("abc", 3, digest, &length, EVP_sha256(), nullptr) != 1 || length != 32 ||
      !std::equal(wanted, wanted + 4, digest))
    give_up("OpenSSL's SHA-256 is not SHA-256");

  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::vector<unsigned char> signature(256);
  std::size_t size = signature.size();
  if (!key || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, digest, length) != 1)
    give_up("OpenSSL cannot sign");
  EVP_MD_CTX_reset(context.get());
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), signature.data(), size, digest, length) != 1)
    give_up("OpenSSL does not accept its own signature");
}

std::string get_with_curl(std::uint16_t port, const std::string& certificate_path) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) give_up("curl_easy_init failed");
  std::string body;
  char explanation[CURL_ERROR_SIZE] = "";
  const std::string url = "https://127.0.0.1:" + std::to_string(port) + "/";
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_CAINFO, certificate_path.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, explanation);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &body);
  if (const auto code = curl_easy_perform(handle.get()); code != CURLE_OK)
    give_up("libcurl: " + std::string(curl_easy_strerror(code)) + ": " + explanation);
  return body;
}

std::string refusal_of_postgres(std::uint16_t port) {
  const std::string settings = "host=127.0.0.1 port=" + std::to_string(port) +
                               " sslmode=require gssencmode=disable connect_timeout=20 user=nobody dbname=nothing "
                               "sslrootcert=/nonexistent sslcert=/nonexistent";
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(settings.c_str()), PQfinish);
  if (!connection) give_up("PQconnectdb gave nothing");
  if (PQstatus(connection.get()) == CONNECTION_OK) give_up("libpq connected to something that is no database");
  return PQerrorMessage(connection.get());
}

}  // namespace mix
