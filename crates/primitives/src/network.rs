//! The native networks: which addresses each one's node accepts.
//!
//! The DeFiChain values are those of the chain's `chainparams.cpp` as published in the npm package
//! `@defichain/jellyfish-network`; the Bitcoin values are those of Bitcoin Core's.

use core::fmt;

/// The native chain whose addresses a metachain speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network {
    /// DeFiChain's main network.
    DefichainMainnet,
    /// DeFiChain's test network; its devnet and Changi use the same addresses.
    DefichainTestnet,
    /// A private DeFiChain network.
    DefichainRegtest,
    /// Bitcoin's main network.
    BitcoinMainnet,
    /// Bitcoin's test networks.
    BitcoinTestnet,
    /// A private Bitcoin network.
    BitcoinRegtest,
    /// Any other host: 1 to 128 printable ASCII bytes that do not begin with `0x` are an address.
    Opaque,
}

/// What tells a network's addresses from those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRules {
    /// The human-readable part of bech32 addresses (BIP-173), in lower case.
    pub hrp: &'static str,
    /// The version byte of base58check addresses that pay to a public key's hash.
    pub pubkey_hash_prefix: u8,
    /// The version byte of base58check addresses that pay to a script's hash.
    pub script_hash_prefix: u8,
}

const fn rules(hrp: &'static str, pubkey_hash_prefix: u8, script_hash_prefix: u8) -> AddressRules {
    AddressRules {
        hrp,
        pubkey_hash_prefix,
        script_hash_prefix,
    }
}

impl Network {
    /// Every network.
    pub const ALL: [Network; 7] = [
        Network::DefichainMainnet,
        Network::DefichainTestnet,
        Network::DefichainRegtest,
        Network::BitcoinMainnet,
        Network::BitcoinTestnet,
        Network::BitcoinRegtest,
        Network::Opaque,
    ];

    /// The stable name, for example `defichain-mainnet`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Network::DefichainMainnet => "defichain-mainnet",
            Network::DefichainTestnet => "defichain-testnet",
            Network::DefichainRegtest => "defichain-regtest",
            Network::BitcoinMainnet => "bitcoin-mainnet",
            Network::BitcoinTestnet => "bitcoin-testnet",
            Network::BitcoinRegtest => "bitcoin-regtest",
            Network::Opaque => "opaque",
        }
    }

    /// The network of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Network> {
        Network::ALL
            .into_iter()
            .find(|network| network.as_str() == name)
    }

    /// What this network's addresses look like; `None` where any text is one.
    #[must_use]
    pub const fn address_rules(self) -> Option<AddressRules> {
        match self {
            Network::DefichainMainnet => Some(rules("df", 0x12, 0x5a)),
            Network::DefichainTestnet => Some(rules("tf", 0x0f, 0x80)),
            Network::DefichainRegtest => Some(rules("bcrt", 0x6f, 0xc4)),
            Network::BitcoinMainnet => Some(rules("bc", 0x00, 0x05)),
            Network::BitcoinTestnet => Some(rules("tb", 0x6f, 0xc4)),
            Network::BitcoinRegtest => Some(rules("bcrt", 0x6f, 0xc4)),
            Network::Opaque => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
