// libmetachain for native nodes written in C++: the client for a metachain in another process.
//
// `NewClient(url)`, then `CallMetaMintBlock(client, input)` and its like, one function for each method
// of the specification. Errors and names are those of libmc.h.
#ifndef LIBAIN_RPC_H
#define LIBAIN_RPC_H

#include "libmc.h"

#ifndef LIBMC_NAMESPACE_ONLY
using metachain::CallMetaMintBlock;
using metachain::MetaBlockInput;
using metachain::NewClient;
#endif

// The names that the wire's own specification gives to what C++ knows by a shorter name.
namespace metachain {
using MetaBlockResult = DmcBlock;
using MetaTransaction = DmcTx;
}  // namespace metachain

#endif
