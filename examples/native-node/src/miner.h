// Makes blocks: picks transactions, has the metachain mint them, and embeds what it gives.
#ifndef NATIVE_NODE_MINER_H
#define NATIVE_NODE_MINER_H

#include "chain.h"
#include "mempool.h"

namespace node {

/// A transaction that no block can carry now, and why.
struct Dropped {
  Transaction transaction;
  std::string reason;
};

/// Builds the next block on the tip. What the metachain rejects is left out of the native block as
/// well: a deposit locked here that does not exist there would part the two for ever.
Block build_block(const Chain& chain, Metachain& metachain, const Mempool& mempool, const std::string& miner,
                  std::uint64_t time, std::vector<Dropped>& dropped);

/// Ways in which a dishonest miner may cheat; the metachain finds out each.
enum class Lie { Payload, InventedDeposit, NoDeposit };

/// A block on the tip with a lie in it and enough work for it.
Block forge_block(const Chain& chain, Metachain& metachain, const std::string& miner, std::uint64_t time, Lie lie);

}  // namespace node

#endif
