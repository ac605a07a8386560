// Blocks of the native chain and the custom transactions in them.
#ifndef NATIVE_NODE_BLOCK_H
#define NATIVE_NODE_BLOCK_H

#include "bytes.h"

namespace node {

/// Base units that a block gives to its miner.
constexpr std::int64_t kReward = 50'00000000;

/// A transaction that the metachain executes. A real node would also check its signature here: the
/// metachain relies on it.
struct Transaction {
  enum class Kind : std::uint8_t { DepositToMetachain = 0, WithdrawFromMetachain = 1, TransferOnMetachain = 2 };

  Kind kind = Kind::DepositToMetachain;
  std::string from;
  std::string to;
  std::int64_t amount = 0;
  /// Makes two transactions that say the same two.
  std::uint64_t nonce = 0;

  Bytes serialize() const;
  Hash id() const;
};

struct Header {
  Hash parent{};
  std::uint64_t height = 0;
  std::uint64_t time = 0;
  /// The address that gets the reward.
  std::string miner;
  Hash transactions_hash{};
  /// The metachain payload, by its hash: so it is under the hash of this header.
  Hash payload_hash{};
  std::uint64_t nonce = 0;

  Bytes serialize() const;
  Hash hash() const;
};

struct Block {
  Header header;
  std::vector<Transaction> transactions;
  Bytes payload;

  Bytes serialize() const;
  /// Throws Malformed for anything but what `serialize` gives.
  static Block deserialize(const Bytes& bytes);

  Hash transactions_hash() const;
  /// Makes the header commit to the body, and works until its hash is good enough.
  void seal();
  /// Why the block cannot be one, whatever the chain; empty if nothing is wrong.
  std::string fault() const;
};

/// Whether a hash shows enough work: a toy's eight bits.
inline bool enough_work(const Hash& hash) { return hash[0] == 0; }

}  // namespace node

#endif
