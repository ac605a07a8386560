// A native node's mint, timed: reads transactions as crates/rpc/examples/cost.rs does, and answers its questions
// `hash` and `timed N` about the library linked into this process.
#include <libmc.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

/// Mints before those that are timed.
static constexpr unsigned kUntimed = 20;

static rust::Vec<std::uint8_t> unhex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
  return metachain::bytes(bytes);
}

static std::vector<DmcTx> read(const char* path) {
  // All of it at once, as the other program does: what an allocator has given out and taken back decides how it
  // deals with large blocks from then on.
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  std::istringstream text(all.str());
  std::vector<DmcTx> txs;
  for (std::string line; std::getline(text, line);) {
    std::istringstream fields(line);
    std::string from, to, amount, txid;
    if (!std::getline(fields, from, '\t') || !std::getline(fields, to, '\t') || !std::getline(fields, amount, '\t') || !std::getline(fields, txid, '\t'))
      throw std::runtime_error("no transaction: " + line);
    txs.push_back({from, to, std::stoll(amount), unhex(txid)});
  }
  return txs;
}

int main(int count, char** words) {
  if (count < 2) return 2;
  try {
    start("memory=1 chain_id=bench network=defichain-regtest");
    const std::vector<DmcTx> txs = read(words[1]);
    for (std::string question; std::cin >> question;) {
      if (question == "hash") {
        std::string text;
        for (const std::uint8_t byte : mint_block(txs).hash) {
          char digits[3];
          std::snprintf(digits, sizeof digits, "%02x", byte);
          text += digits;
        }
        std::cout << '"' << text << '"' << std::endl;
        continue;
      }
      unsigned times = 0;
      std::cin >> times;
      if (question != "timed") throw std::runtime_error("there is no question " + question);
      // What comes back from waiting is slow at first, and would say nothing about the call.
      for (unsigned done = 0; done < kUntimed; ++done) mint_block(txs);
      std::vector<double> all;
      for (unsigned done = 0; done < times; ++done) {
        const auto begin = std::chrono::steady_clock::now();
        const DmcBlock minted = mint_block(txs);
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
        all.push_back(took.count());
      }
      std::cout << '[';
      for (std::size_t at = 0; at < all.size(); ++at) std::cout << (at > 0 ? "," : "") << all[at];
      std::cout << ']' << std::endl;
    }
    stop();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
