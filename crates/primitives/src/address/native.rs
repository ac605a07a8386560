//! Native addresses: what the host chain pays to, kept as version and hash, printed back as written.

use bech32::{Fe32, Hrp, segwit};
use rkyv::{Archive, Deserialize, Serialize};

use super::{is_metachain_text, quoted};
use crate::error::{Code, Error};
use crate::network::{AddressRules, Network};

/// The longest native address of an opaque network, in bytes.
pub const NATIVE_ADDRESS_BYTES_MAX: usize = 128;

const HASH_BYTES: usize = 20;
const WITNESS_SCRIPT_HASH_BYTES: usize = 32;
const WITNESS_VERSION_MAX: u8 = 16;

/// An address of the native chain. Which network's is known from the chain that it is part of.
///
/// One address has one value: the variants do not overlap, and [`NativeAddress::is_valid_on`] is
/// false for a value that no text of the network spells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize)]
pub enum NativeAddress {
    /// Pays to the hash of a public key (base58check).
    PubkeyHash([u8; HASH_BYTES]),
    /// Pays to the hash of a script (base58check).
    ScriptHash([u8; HASH_BYTES]),
    /// Pays to the hash of a public key under witness version 0 (bech32, BIP-141).
    WitnessKeyHash([u8; HASH_BYTES]),
    /// Any other witness program: version 0 with 32 bytes (bech32), versions 1 to 16 with 2 to 40
    /// bytes (bech32m, BIP-350).
    Witness {
        /// The witness version, 0 to 16.
        version: u8,
        /// The witness program.
        program: Vec<u8>,
    },
    /// The text of an address on a network that this library knows no rules for.
    Opaque(Vec<u8>),
}

impl NativeAddress {
    /// Reads an address of the network. Fails with `INVALID_ADDRESS`.
    pub fn parse(text: &str, network: Network) -> Result<Self, Error> {
        if is_metachain_text(text) {
            return Err(refused(text, network, "begins like a metachain address"));
        }
        match network.address_rules() {
            None => {
                let address = NativeAddress::Opaque(text.as_bytes().to_vec());
                if address.is_valid_on(network) {
                    Ok(address)
                } else {
                    Err(refused(
                        text,
                        network,
                        "must be 1 to 128 printable ASCII bytes",
                    ))
                }
            }
            // A base58 text may begin as bech32 does; its own checksum then tells it apart.
            Some(rules) if has_hrp(text, rules.hrp) => parse_witness(text, network)
                .or_else(|error| parse_base58(text, network, rules).map_err(|_| error)),
            Some(rules) => parse_base58(text, network, rules),
        }
    }

    /// Whether some text spells this value on the network; values read from an archive may be of any shape.
    #[must_use]
    pub fn is_valid_on(&self, network: Network) -> bool {
        let ruled = network.address_rules().is_some();
        match self {
            NativeAddress::PubkeyHash(_)
            | NativeAddress::ScriptHash(_)
            | NativeAddress::WitnessKeyHash(_) => ruled,
            NativeAddress::Witness {
                version: 0,
                program,
            } => ruled && program.len() == WITNESS_SCRIPT_HASH_BYTES,
            NativeAddress::Witness { version, program } => {
                ruled && *version <= WITNESS_VERSION_MAX && (2..=40).contains(&program.len())
            }
            NativeAddress::Opaque(text) => {
                !ruled
                    && (1..=NATIVE_ADDRESS_BYTES_MAX).contains(&text.len())
                    && text.iter().all(|byte| (b' '..=b'~').contains(byte))
                    && !matches!(text.as_slice(), [b'0', b'x' | b'X', ..])
            }
        }
    }

    /// The canonical text on the network: base58check, bech32 in lower case, or the opaque text itself.
    ///
    /// Fails with `INVALID_ADDRESS` if the value is not [valid on](NativeAddress::is_valid_on) the network.
    pub fn to_text(&self, network: Network) -> Result<String, Error> {
        let impossible = || {
            Error::new(
                Code::InvalidAddress,
                format!("no address of {network} has this value: {self:?}"),
            )
        };
        if !self.is_valid_on(network) {
            return Err(impossible());
        }
        match (self, network.address_rules()) {
            (NativeAddress::PubkeyHash(hash), Some(rules)) => {
                Ok(base58(rules.pubkey_hash_prefix, hash))
            }
            (NativeAddress::ScriptHash(hash), Some(rules)) => {
                Ok(base58(rules.script_hash_prefix, hash))
            }
            (NativeAddress::WitnessKeyHash(hash), Some(rules)) => {
                witness_text(rules.hrp, 0, hash).ok_or_else(impossible)
            }
            (NativeAddress::Witness { version, program }, Some(rules)) => {
                witness_text(rules.hrp, *version, program).ok_or_else(impossible)
            }
            (NativeAddress::Opaque(text), None) => {
                String::from_utf8(text.clone()).map_err(|_| impossible())
            }
            _ => Err(impossible()),
        }
    }

    /// Appends the canonical bytes that hashes commit to: a tag, for witness programs the version,
    /// the length, the bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (head, bytes): (&[u8], &[u8]) = match self {
            NativeAddress::PubkeyHash(hash) => (&[0], hash),
            NativeAddress::ScriptHash(hash) => (&[1], hash),
            NativeAddress::WitnessKeyHash(hash) => (&[2, 0], hash),
            NativeAddress::Witness { version, program } => (&[2, *version], program),
            NativeAddress::Opaque(text) => (&[3], text),
        };
        out.extend_from_slice(head);
        // Programs and texts of valid addresses are at most 128 bytes long; saturating keeps the
        // encoding of an invalid value from equalling that of a valid one.
        out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(bytes);
    }

    /// Reads what [`NativeAddress::encode`] wrote and moves past it; `None` if the bytes are no such thing.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<NativeAddress> {
        let tag = take_byte(bytes)?;
        let version = if tag == 2 { take_byte(bytes)? } else { 0 };
        let length = usize::from(take_byte(bytes)?);
        let (body, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        let hash = <[u8; HASH_BYTES]>::try_from(body);
        match (tag, version, hash) {
            (0, _, Ok(hash)) => Some(NativeAddress::PubkeyHash(hash)),
            (1, _, Ok(hash)) => Some(NativeAddress::ScriptHash(hash)),
            (2, 0, Ok(hash)) => Some(NativeAddress::WitnessKeyHash(hash)),
            (2, version, _) => Some(NativeAddress::Witness {
                version,
                program: body.to_vec(),
            }),
            (3, ..) => Some(NativeAddress::Opaque(body.to_vec())),
            _ => None,
        }
    }

    /// Bytes that an archive keeps outside of the fixed-size part of the address.
    pub(crate) fn out_of_line_bytes(&self) -> usize {
        match self {
            NativeAddress::Witness { program, .. } => program.len(),
            NativeAddress::Opaque(text) => text.len(),
            _ => 0,
        }
    }
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

/// Whether the text begins with `hrp` and the separator, in lower or upper case.
fn has_hrp(text: &str, hrp: &str) -> bool {
    text.rfind('1')
        .and_then(|separator| text.get(..separator))
        .is_some_and(|found| found == hrp || found == hrp.to_ascii_uppercase())
}

fn parse_witness(text: &str, network: Network) -> Result<NativeAddress, Error> {
    let (_, version, program) = segwit::decode(text).map_err(|error| {
        refused(
            text,
            network,
            &format!("is not valid bech32: {}", source_of(&error)),
        )
    })?;
    let version = version.to_u8();
    let address = match <[u8; HASH_BYTES]>::try_from(program.as_slice()) {
        Ok(hash) if version == 0 => NativeAddress::WitnessKeyHash(hash),
        _ => NativeAddress::Witness { version, program },
    };
    if address.is_valid_on(network) {
        Ok(address)
    } else {
        Err(refused(
            text,
            network,
            "has no witness program of a permitted length",
        ))
    }
}

fn parse_base58(text: &str, network: Network, rules: AddressRules) -> Result<NativeAddress, Error> {
    // Version, hash and checksum; nothing longer is worth the quadratic time of decoding it.
    const DECODED_BYTES: usize = 1 + HASH_BYTES + 4;
    const TEXT_BYTES_MAX: usize = 36;
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(refused(text, network, "is neither base58check nor bech32"));
    }
    let mut decoded = [0; DECODED_BYTES + 8];
    let length = bs58::decode(text)
        .with_check(None)
        .onto(&mut decoded)
        .map_err(|error| refused(text, network, &format!("is not valid base58check: {error}")))?;
    let body = decoded
        .get(..length)
        .and_then(|bytes| <&[u8; 1 + HASH_BYTES]>::try_from(bytes).ok())
        .ok_or_else(|| refused(text, network, "does not hold a version and 20 bytes"))?;
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&body[1..]);
    match body[0] {
        version if version == rules.pubkey_hash_prefix => Ok(NativeAddress::PubkeyHash(hash)),
        version if version == rules.script_hash_prefix => Ok(NativeAddress::ScriptHash(hash)),
        version => Err(refused(
            text,
            network,
            &format!("is of another network (version byte {version:#04x})"),
        )),
    }
}

fn base58(version: u8, hash: &[u8; HASH_BYTES]) -> String {
    let mut bytes = [0; 1 + HASH_BYTES];
    bytes[0] = version;
    bytes[1..].copy_from_slice(hash);
    bs58::encode(bytes).with_check().into_string()
}

fn witness_text(hrp: &str, version: u8, program: &[u8]) -> Option<String> {
    let hrp = Hrp::parse(hrp).ok()?;
    segwit::encode(hrp, Fe32::try_from(version).ok()?, program).ok()
}

/// The innermost reason: the outer ones of `bech32` say only that decoding failed.
fn source_of(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn refused(text: &str, network: Network, why: &str) -> Error {
    Error::new(
        Code::InvalidAddress,
        format!("{:?} is no {network} address: it {why}", quoted(text)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, network: Network) -> Option<Code> {
        NativeAddress::parse(text, network).err().map(|e| e.code())
    }

    #[test]
    fn addresses_print_back_as_written() {
        for (text, network) in [
            (
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                Network::BitcoinMainnet,
            ),
            (
                "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
                Network::BitcoinMainnet,
            ),
            (
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                Network::BitcoinMainnet,
            ),
            (
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                Network::BitcoinMainnet,
            ),
            (
                "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
                Network::BitcoinTestnet,
            ),
        ] {
            let address = NativeAddress::parse(text, network).unwrap();
            assert_eq!(address.to_text(network).unwrap(), text);
        }
    }

    #[test]
    fn upper_case_bech32_is_the_same_address() {
        let lower = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        let network = Network::BitcoinMainnet;
        let address = NativeAddress::parse(&lower.to_uppercase(), network).unwrap();
        assert_eq!(address, NativeAddress::parse(lower, network).unwrap());
        assert_eq!(address.to_text(network).unwrap(), lower);
    }

    #[test]
    fn every_value_prints_and_reads_on_every_network_with_rules() {
        for network in Network::ALL {
            let Some(rules) = network.address_rules() else {
                continue;
            };
            for address in [
                NativeAddress::PubkeyHash([7; 20]),
                NativeAddress::ScriptHash([8; 20]),
                NativeAddress::WitnessKeyHash([9; 20]),
                NativeAddress::Witness {
                    version: 0,
                    program: vec![1; 32],
                },
                NativeAddress::Witness {
                    version: 1,
                    program: vec![2; 32],
                },
                NativeAddress::Witness {
                    version: 16,
                    program: vec![3; 2],
                },
                NativeAddress::Witness {
                    version: 2,
                    program: vec![4; 20],
                },
            ] {
                let text = address.to_text(network).unwrap();
                assert_eq!(
                    NativeAddress::parse(&text, network).unwrap(),
                    address,
                    "{text} {rules:?}"
                );
            }
        }
    }

    /// This script's address was taken for bech32 in mixed case, and deposits from it refused.
    #[test]
    fn base58_that_begins_like_bech32_is_base58() {
        let main = Network::DefichainMainnet;
        let text = "dF1QuGXeA6aTiLgnrx78xvbDQSCvwqQwyB";
        let address = NativeAddress::parse(text, main).unwrap();
        assert!(matches!(address, NativeAddress::ScriptHash(_)));
        assert_eq!(address.to_text(main).unwrap(), text);
        // Neither of the two: the error is that of what it looks like.
        let error = NativeAddress::parse("df1qqqqqqqqqqqqqqqqqqqqqqqqqqqqq", main).unwrap_err();
        assert!(error.message().contains("bech32"), "{error}");
    }

    #[test]
    fn what_the_host_refuses_is_refused() {
        let main = Network::BitcoinMainnet;
        for text in [
            "",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN",
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0X52908400098527886E0F7030069857D2E4169EE7",
            "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
            // BIP-350's list of invalid addresses: bech32 for version 1, bech32m for version 0,
            // version 17, mixed case, program too short and too long, padding.
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq54wells",
            "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
            "bc1pw5dgrnzv",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
            "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
            "bc1gmk9yu",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        ] {
            assert_eq!(code(text, main), Some(Code::InvalidAddress), "{text}");
        }
        assert_eq!(
            code(&"1".repeat(1_000_000), main),
            Some(Code::InvalidAddress)
        );
    }

    #[test]
    fn opaque_takes_printable_ascii_that_is_not_a_metachain_address() {
        let opaque = Network::Opaque;
        for text in ["a", "cosmos1xyz", "0", "x0x", &"z".repeat(128)] {
            let address = NativeAddress::parse(text, opaque).unwrap();
            assert_eq!(address.to_text(opaque).unwrap(), text);
        }
        for text in ["", "0x", "0Xab", "tab\t", "\u{e9}", &"z".repeat(129)] {
            assert_eq!(code(text, opaque), Some(Code::InvalidAddress), "{text}");
        }
    }

    #[test]
    fn a_value_that_no_text_spells_is_not_valid() {
        let main = Network::DefichainMainnet;
        for address in [
            NativeAddress::Witness {
                version: 0,
                program: vec![0; 20],
            },
            NativeAddress::Witness {
                version: 17,
                program: vec![0; 32],
            },
            NativeAddress::Witness {
                version: 1,
                program: vec![0; 41],
            },
            NativeAddress::Witness {
                version: 1,
                program: vec![0; 1],
            },
            NativeAddress::Opaque(b"x".to_vec()),
        ] {
            assert!(!address.is_valid_on(main), "{address:?}");
            assert!(address.to_text(main).is_err());
        }
        assert!(!NativeAddress::PubkeyHash([0; 20]).is_valid_on(Network::Opaque));
    }
}
