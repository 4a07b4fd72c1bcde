#pragma once
/// The other inhabitants of the process: OpenSSL itself, and libcurl and libpq over it. Each function throws std::runtime_error
/// with what went wrong; none knows of libforgepool.
#include <cstdint>
#include <string>

namespace mix {

/// Once per process, before anything else: libcurl's and libpq's preparations of OpenSSL.
void prepare_openssl_users();

/// The names that both libraries have must be OpenSSL's for everyone but libforgepool: its version, a digest, a signature.
void use_openssl_directly();

/// Gets https://127.0.0.1:port/ with the server's certificate as the only trusted one; returns the body.
std::string get_with_curl(std::uint16_t port, const std::string& certificate_path);

/// Connects with sslmode=require, which must fail; returns libpq's message.
std::string refusal_of_postgres(std::uint16_t port);

}  // namespace mix
