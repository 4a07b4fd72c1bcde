#pragma once
/// BoringSSL's and ngtcp2's C headers, which do not compile under our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-qualifiers"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/rand.h>
#include <openssl/siphash.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_boringssl.h>
#include "transport/older_ngtcp2.hpp"
#pragma GCC diagnostic pop

#if !defined(OPENSSL_IS_BORINGSSL) && !defined(OPENSSL_IS_AWSLC)
#error "OpenSSL's headers were found instead of BoringSSL's or AWS-LC's: check the order of the include paths"
#endif
