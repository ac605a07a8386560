// How blocks are written, hashed and mined.

#include "block.h"

#include "sha256.h"

namespace node {
namespace {

Transaction read_transaction(const Bytes& bytes) {
  Reader reader(bytes);
  Transaction transaction;
  const auto kind = reader.number(1);
  if (kind > 2) throw Malformed("there is no such kind of transaction");
  transaction.kind = static_cast<Transaction::Kind>(kind);
  transaction.from = reader.text();
  transaction.to = reader.text();
  transaction.amount = static_cast<std::int64_t>(reader.number(8));
  transaction.nonce = reader.number(8);
  reader.finish();
  return transaction;
}

}  // namespace

Bytes Transaction::serialize() const {
  Writer writer;
  writer.number(static_cast<std::uint64_t>(kind), 1);
  writer.list(from);
  writer.list(to);
  writer.number(static_cast<std::uint64_t>(amount), 8);
  writer.number(nonce, 8);
  return writer.take();
}

Hash Transaction::id() const { return sha256d(serialize()); }

Bytes Header::serialize() const {
  Writer writer;
  writer.hash(parent);
  writer.number(height, 8);
  writer.number(time, 8);
  writer.list(miner);
  writer.hash(transactions_hash);
  writer.hash(payload_hash);
  writer.number(nonce, 8);
  return writer.take();
}

Hash Header::hash() const { return sha256d(serialize()); }

Bytes Block::serialize() const {
  Writer writer;
  writer.list(header.serialize());
  writer.number(transactions.size(), 4);
  for (const Transaction& transaction : transactions) writer.list(transaction.serialize());
  writer.list(payload);
  return writer.take();
}

Block Block::deserialize(const Bytes& bytes) {
  Reader reader(bytes);
  Block block;
  const Bytes raw = reader.bytes();
  Reader header(raw);
  block.header.parent = header.hash();
  block.header.height = header.number(8);
  block.header.time = header.number(8);
  block.header.miner = header.text();
  block.header.transactions_hash = header.hash();
  block.header.payload_hash = header.hash();
  block.header.nonce = header.number(8);
  header.finish();
  // Not reserved: the count is a claim until the transactions have been read.
  for (auto left = reader.number(4); left > 0; --left) block.transactions.push_back(read_transaction(reader.bytes()));
  block.payload = reader.bytes();
  reader.finish();
  return block;
}

Hash Block::transactions_hash() const {
  Writer writer;
  for (const Transaction& transaction : transactions) writer.hash(transaction.id());
  return sha256d(writer.take());
}

void Block::seal() {
  header.transactions_hash = transactions_hash();
  header.payload_hash = sha256d(payload);
  while (!enough_work(header.hash())) ++header.nonce;
}

std::string Block::fault() const {
  if (!enough_work(header.hash())) return "its hash shows too little work";
  if (header.transactions_hash != transactions_hash()) return "its transactions are not those of its header";
  if (header.payload_hash != sha256d(payload)) return "its payload is not that of its header";
  return {};
}

}  // namespace node
