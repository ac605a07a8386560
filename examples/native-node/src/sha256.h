// SHA-256, twice, as bitcoin-like chains name their blocks and transactions.
#ifndef NATIVE_NODE_SHA256_H
#define NATIVE_NODE_SHA256_H

#include "bytes.h"

namespace node {

/// The SHA-256 of the SHA-256 of bytes.
Hash sha256d(const Bytes& bytes);

}  // namespace node

#endif
