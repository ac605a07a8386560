// The metachain as this node uses it, in this process or in another one.
#ifndef NATIVE_NODE_METACHAIN_H
#define NATIVE_NODE_METACHAIN_H

#include <libain_rpc.h>

#include <memory>

#include "block.h"
#include "ledger.h"

namespace node {

/// The metachain's side of a native node. Every call throws Invalid where the metachain finds the
/// block bad, and anything else where the metachain itself fails: then the node must end.
class Metachain {
 public:
  virtual ~Metachain() = default;

  /// Builds the payload for the native block that `context` describes.
  virtual DmcBlock mint(const metachain::MetaContext& context, const std::vector<DmcTx>& txs) = 0;
  /// The verdict on a block that is not connected yet.
  virtual void check(const Block& block) = 0;
  /// Makes the block's payload the metachain's tip.
  virtual void connect(const Hash& hash, const Block& block) = 0;
  /// Takes the tip back.
  virtual metachain::MetaTip disconnect(const Hash& hash) = 0;
  virtual metachain::MetaTip tip() = 0;
  /// What the native chain is to release for a connected block.
  virtual rust::Vec<metachain::MetaWithdrawal> withdrawals(const Hash& native_hash) = 0;
  /// Base units of a metachain address.
  virtual std::uint64_t balance(const std::string& address) = 0;
  /// Brings the metachain to where the native chain is.
  virtual void sync(metachain::NativeSource& source) = 0;
  /// Ends the use of the metachain, before the node closes its own files.
  virtual void stop() = 0;
};

/// Runs the metachain in this process. `args` are those of `start`.
std::unique_ptr<Metachain> in_process(const std::string& args);

/// Uses the metachain that a server at `url` runs.
std::unique_ptr<Metachain> over_rpc(const std::string& url, const std::string& token);

/// A custom transaction as the metachain reads it.
DmcTx to_dmc(const Transaction& transaction);

/// A native block as the metachain connects it.
metachain::MetaNativeBlock to_native_block(const Hash& hash, const Block& block);

}  // namespace node

#endif
