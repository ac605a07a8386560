//! Native addresses: every value that is one prints as a text that reads back as that value.

mod support;

use libmetachain_primitives::{NativeAddress, Network};
use proptest::prelude::*;

proptest! {
    // One base58 text in some thousands begins as a bech32 text does.
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn an_address_survives_its_text_on_every_network(address in support::native_address()) {
        for network in Network::ALL.into_iter().filter(|network| address.is_valid_on(*network)) {
            let text = address.to_text(network).unwrap();
            prop_assert_eq!(NativeAddress::parse(&text, network).unwrap(), address.clone(), "{}", text);
        }
    }
}
