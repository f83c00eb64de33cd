#include "runtime/node/control/Handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/random.h>

namespace of::rt {

namespace {

// Host order: all nodes of a run have one byte order, and another would not know the magic.
constexpr uint64_t kChallengeMagic = 0x316c61684346'4f01, kHelloMagic = 0x316f6c6c4846'4f01;
constexpr size_t kCodeBytes = 32, kDigestBytes = 32;

struct ChallengeBytes {
  uint64_t magic = kChallengeMagic;
  uint32_t version = kControlVersion;
  uint8_t reserved[12] = {};
  Nonce nonce{};
};
static_assert(sizeof(ChallengeBytes) == kChallengeBytes);

struct HelloBytes {
  uint64_t magic = kHelloMagic;
  uint32_t version = 0, node = 0;
  uint16_t port = 0;
  uint8_t reserved[30] = {};
  char digest[kDigestBytes] = {};
  Nonce nonce{};
  uint8_t code[kCodeBytes] = {};
};
static_assert(sizeof(HelloBytes) == kHelloBytes);

template <typename T> std::string bytesOf(const T &value, size_t bytes = sizeof(T)) {
  return std::string(reinterpret_cast<const char *>(&value), bytes);
}

std::string codeOf(const std::string &token, const std::string &text) {
  unsigned char code[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()),
       reinterpret_cast<const unsigned char *>(text.data()), text.size(), code, &length);
  return std::string(reinterpret_cast<const char *>(code), kCodeBytes);
}

/// The code of a hello is over all that stands before it and the challenge it answers.
std::string helloCode(const HelloBytes &hello, const std::string &token, const Nonce &challenge) {
  return codeOf(token, "hello" + bytesOf(hello, offsetof(HelloBytes, code)) + bytesOf(challenge));
}

} // namespace

Nonce freshNonce() {
  Nonce nonce;
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    std::abort(); // small requests are never cut short
  return nonce;
}

std::string freshToken() {
  std::string out;
  for (const uint8_t byte : freshNonce()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

std::string packChallenge(const Nonce &nonce) {
  ChallengeBytes bytes;
  bytes.nonce = nonce;
  return bytesOf(bytes);
}

std::optional<Challenge> readChallenge(const std::string &text) {
  ChallengeBytes bytes;
  if (text.size() != sizeof bytes)
    return std::nullopt;
  std::memcpy(&bytes, text.data(), sizeof bytes);
  if (bytes.magic != kChallengeMagic)
    return std::nullopt;
  return Challenge{bytes.version, bytes.nonce};
}

std::string packHello(const Hello &hello, const std::string &token, const Nonce &challenge) {
  HelloBytes bytes;
  bytes.version = hello.version;
  bytes.node = hello.node;
  bytes.port = hello.port;
  std::memcpy(bytes.digest, hello.digest.data(), std::min(hello.digest.size(), kDigestBytes));
  bytes.nonce = hello.nonce;
  std::memcpy(bytes.code, helloCode(bytes, token, challenge).data(), kCodeBytes);
  return bytesOf(bytes);
}

std::optional<Hello> readHello(const std::string &text, const std::string &token,
                               const Nonce &challenge) {
  HelloBytes bytes;
  if (text.size() != sizeof bytes)
    return std::nullopt;
  std::memcpy(&bytes, text.data(), sizeof bytes);
  if (bytes.magic != kHelloMagic ||
      !isSame(helloCode(bytes, token, challenge), bytesOf(bytes.code)))
    return std::nullopt;
  Hello hello;
  hello.version = bytes.version;
  hello.node = bytes.node;
  hello.port = bytes.port;
  hello.digest = std::string(bytes.digest, strnlen(bytes.digest, kDigestBytes));
  hello.nonce = bytes.nonce;
  return hello;
}

std::string proofOf(const Hello &hello, const std::string &token, const Nonce &challenge) {
  return codeOf(token, "proof" + bytesOf(hello.nonce) + bytesOf(challenge));
}

bool isSame(const std::string &a, const std::string &b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace of::rt
