// What a connection must show before a word of it is believed: that it knows the job's token.
//
//   who listens ── Challenge {magic, version, nonce} ──────────────────▶ who comes    40 bytes
//               ◀── Hello {magic, version, node, port, digest, nonce, code}          128 bytes
//               ── Proof {code} ───────────────────────────────────────▶              32 bytes
//
// The messages are of fixed size, so a stranger makes nobody allocate or wait. The codes are
// HMAC-SHA256 (RFC 2104) under the token over what the message says and both nonces; the nonces are
// fresh, so a recorded hello is worth nothing for another connection, and who comes knows that it
// has found its job. What follows is plain TCP: the token keeps strangers out of a run, it hides
// nothing from who can read or alter the network.
//
// Pure but for the nonces, which the operating system draws. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace of::rt {

/// Of what is said between nodes, and of who gives whom what (runtime/base/Exchange.h), which each
/// works out for itself; nodes of different versions do not run together.
inline constexpr uint32_t kControlVersion = 3;

using Nonce = std::array<uint8_t, 16>;
Nonce freshNonce();

inline constexpr size_t kChallengeBytes = 40, kHelloBytes = 128, kProofBytes = 32;

std::string packChallenge(const Nonce &nonce);
/// Nothing if it is no challenge of a node.
struct Challenge {
  uint32_t version = 0;
  Nonce nonce{};
};
std::optional<Challenge> readChallenge(const std::string &bytes);

struct Hello {
  uint32_t version = kControlVersion;
  uint32_t node = 0;
  uint16_t port = 0;  ///< where the node listens
  std::string digest; ///< of its plan; 32 characters at most
  Nonce nonce{};      ///< for the proof
};
std::string packHello(const Hello &hello, const std::string &token, const Nonce &challenge);
/// Nothing if who sent it does not know the token, or answers another challenge.
std::optional<Hello> readHello(const std::string &bytes, const std::string &token,
                               const Nonce &challenge);

/// What who listens answers to a hello.
std::string proofOf(const Hello &hello, const std::string &token, const Nonce &challenge);
/// Compares without telling by its time where they differ.
bool isSame(const std::string &a, const std::string &b);

/// A token of 128 random bits, as text.
std::string freshToken();

} // namespace of::rt
