// The node's own files: every block it knows, and which one is the tip.
#ifndef NATIVE_NODE_BLOCK_FILE_H
#define NATIVE_NODE_BLOCK_FILE_H

#include <optional>
#include <string>

#include "block.h"

namespace node {

/// An append-only file of blocks and a file with the tip's hash, each on disk before the call returns.
class BlockFile {
 public:
  /// Opens or creates both below `directory`, and cuts off a block that a crash left unfinished.
  /// Throws std::runtime_error where a file cannot be used, or another process uses it.
  explicit BlockFile(const std::string& directory);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  /// The blocks that were there, in the order in which they were appended; once.
  std::vector<Block> take_blocks() { return std::move(blocks_); }
  /// The tip that was there.
  const std::optional<Hash>& tip() const { return tip_; }

  void append(const Block& block);
  void set_tip(const Hash& hash);

 private:
  void load();

  std::string directory_;
  int blocks_fd_;
  std::vector<Block> blocks_;
  std::optional<Hash> tip_;
};

}  // namespace node

#endif
