// The two ways to a metachain: linked into this process, or called over JSON-RPC.

#include "metachain.h"

namespace node {
namespace {

using metachain::MetaHandshakeStatus;
using metachain::MetaTip;

/// Runs a call, and tells a bad block from a failure.
template <typename Call>
auto judged(Call call) {
  try {
    return call();
  } catch (const std::exception& error) {
    // Only a verdict is about the block. Everything else would be our own fault, or the machine's.
    if (metachain::last_error().verdict) throw Invalid(error.what());
    throw;
  }
}

metachain::MetaCarried carried(const Block& block) {
  metachain::MetaCarried carried{};
  for (const Transaction& transaction : block.transactions) carried.txs.push_back(to_dmc(transaction));
  return carried;
}

metachain::MetaCandidateBlock to_candidate(const Block& block) {
  metachain::MetaCandidateBlock candidate{};
  candidate.native_height = block.header.height;
  candidate.native_parent_hash = metachain::bytes(block.header.parent);
  candidate.time = block.header.time;
  candidate.payload = metachain::bytes(block.payload);
  candidate.carried = carried(block);
  return candidate;
}

class InProcess final : public Metachain {
 public:
  explicit InProcess(const std::string& args) { metachain::start(args); }
  ~InProcess() override {
    try {
      metachain::stop();
    } catch (const std::exception&) {
      // `stop` was called before where it matters; a destructor has nobody to tell.
    }
  }

  DmcBlock mint(const metachain::MetaContext& context, const std::vector<DmcTx>& txs) override {
    return metachain::mint_block(context, txs);
  }
  void check(const Block& block) override {
    judged([&] { metachain::check_block(to_candidate(block)); });
  }
  void connect(const Hash& hash, const Block& block) override {
    judged([&] { metachain::connect_block(to_native_block(hash, block)); });
  }
  MetaTip disconnect(const Hash& hash) override {
    return metachain::disconnect_block({hash.data(), hash.size()});
  }
  MetaTip tip() override { return metachain::tip(); }
  rust::Vec<metachain::MetaWithdrawal> withdrawals(const Hash& native_hash) override {
    return metachain::withdrawals(metachain::by_native_hash(native_hash));
  }
  std::uint64_t balance(const std::string& address) override {
    return metachain::account(address).account.balance;
  }
  void sync(metachain::NativeSource& source) override { metachain::sync(source); }
  void stop() override { metachain::stop(); }
};

metachain::ClientSettings settings(const std::string& token) {
  metachain::ClientSettings settings{};
  settings.token = token;
  return settings;
}

class OverRpc final : public Metachain {
 public:
  OverRpc(const std::string& url, const std::string& token) : client_(NewClient(url, settings(token))) {}

  DmcBlock mint(const metachain::MetaContext& context, const std::vector<DmcTx>& txs) override {
    MetaBlockInput input{};
    for (const DmcTx& tx : txs) input.txs.push_back(tx);
    input.has_context = true;
    input.context = context;
    return CallMetaMintBlock(client_, std::move(input));
  }
  void check(const Block& block) override {
    judged([&] { CallMetaCheckBlock(client_, to_candidate(block)); });
  }
  void connect(const Hash& hash, const Block& block) override {
    judged([&] { CallMetaConnectBlock(client_, to_native_block(hash, block)); });
  }
  MetaTip disconnect(const Hash& hash) override {
    return CallMetaDisconnectBlock(client_, {metachain::bytes(hash)});
  }
  MetaTip tip() override { return CallMetaGetTip(client_, {}); }
  rust::Vec<metachain::MetaWithdrawal> withdrawals(const Hash& native_hash) override {
    return CallMetaGetWithdrawals(client_, metachain::by_native_hash(native_hash)).withdrawals;
  }
  std::uint64_t balance(const std::string& address) override {
    return CallMetaGetAccount(client_, {address}).account.balance;
  }
  void sync(metachain::NativeSource& source) override;
  void stop() override {}

 private:
  metachain::MetaHandshakeResult handshake(metachain::NativeSource& source);
  void unwind(std::uint64_t to_native_height);
  void replay(metachain::NativeSource& source, std::uint64_t from, std::uint64_t to);

  rust::Box<metachain::Client> client_;
};

/// Answers the server's questions until it knows how the chains stand to each other.
metachain::MetaHandshakeResult OverRpc::handshake(metachain::NativeSource& source) {
  const metachain::NativeTip tip = source.tip();
  metachain::MetaHandshakeInput input{};
  input.native_height = tip.native_height;
  input.native_hash = tip.native_hash;
  input.has_locked = tip.has_locked;
  input.locked = tip.locked;
  // The search halves what it does not know: more questions than this have no chain to be about.
  for (int questions = 0; questions < 200; ++questions) {
    const auto result = CallMetaHandshake(client_, input);
    if (result.status != MetaHandshakeStatus::Ask) return result;
    input.ancestors.push_back({result.native_height, source.hash(result.native_height)});
  }
  throw std::runtime_error("the metachain's handshake did not end");
}

void OverRpc::unwind(std::uint64_t to_native_height) {
  MetaTip tip = this->tip();
  while (tip.has_native_height && tip.native_height > to_native_height) {
    tip = CallMetaDisconnectBlock(client_, {tip.native_hash});
  }
}

void OverRpc::replay(metachain::NativeSource& source, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t height = from; height <= to; ++height) {
    metachain::MetaNativeBlock block{};
    if (source.block(height, block)) CallMetaConnectBlock(client_, std::move(block));
  }
}

void OverRpc::sync(metachain::NativeSource& source) {
  // This node's chain does not move meanwhile: unwinding, replaying and looking again are enough.
  for (int rounds = 0; rounds < 3; ++rounds) {
    const auto result = handshake(source);
    switch (result.status) {
      case MetaHandshakeStatus::InSync:
      case MetaHandshakeStatus::Ahead:
        return;
      case MetaHandshakeStatus::Unwind:
        unwind(result.native_height);
        break;
      case MetaHandshakeStatus::Replay:
        replay(source, result.native_height, source.tip().native_height);
        break;
      default:
        throw std::runtime_error("the metachain follows another native chain, from native height " +
                                 std::to_string(result.native_height) + " on");
    }
  }
  throw std::runtime_error("the metachain did not follow the native chain");
}

}  // namespace

std::unique_ptr<Metachain> in_process(const std::string& args) { return std::make_unique<InProcess>(args); }

std::unique_ptr<Metachain> over_rpc(const std::string& url, const std::string& token) {
  return std::make_unique<OverRpc>(url, token);
}

DmcTx to_dmc(const Transaction& transaction) {
  // Peers' texts may be no UTF-8: then they are no addresses either, and are found out as such.
  return {rust::String::lossy(transaction.from), rust::String::lossy(transaction.to), transaction.amount,
          metachain::bytes(transaction.id())};
}

metachain::MetaNativeBlock to_native_block(const Hash& hash, const Block& block) {
  metachain::MetaNativeBlock native{};
  native.native_hash = metachain::bytes(hash);
  native.native_height = block.header.height;
  native.native_parent_hash = metachain::bytes(block.header.parent);
  native.time = block.header.time;
  native.payload = metachain::bytes(block.payload);
  native.carried = carried(block);
  return native;
}

}  // namespace node
