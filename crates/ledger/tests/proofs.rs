//! Account proofs: what they prove, and that nothing else passes.

mod common;

use common::{Chain, deposit, genesis, meta, transfer};
use libmetachain_ledger::{Account, AccountProof, Ledger, verify_account_proof};
use libmetachain_primitives::{Code, MetaAddress, Root};

fn prove(ledger: &Ledger, address: &MetaAddress) -> Result<Option<Account>, Code> {
    let proof = ledger.prove_account(address).encode();
    verify_account_proof(&ledger.tip().state_root, address, &proof).map_err(|error| error.code())
}

/// Every shape of tree up to a few levels, every address in it and between.
#[test]
fn presence_and_absence_hold_at_every_number_of_accounts() {
    let mut chain = Chain::new(genesis(&[]));
    for count in 0..40u8 {
        if count > 0 {
            // Scattered, so that new accounts come between old ones.
            chain.extend(&[deposit(count.wrapping_mul(37) % 251, u64::from(count))]);
        }
        for number in 0..=255 {
            let address = meta(number);
            assert_eq!(
                prove(&chain.ledger, &address),
                Ok(chain.ledger.account(&address))
            );
        }
    }
}

#[test]
fn the_ends_of_the_order_are_proved_too() {
    let mut chain = Chain::new(genesis(&[(9, 5)]));
    let beyond = MetaAddress([0xff; 20]);
    let least = MetaAddress(std::array::from_fn(|at| u8::from(at == 19)));
    for address in [beyond, least, MetaAddress::ZERO] {
        assert_eq!(prove(&chain.ledger, &address), Ok(None));
    }
    chain.extend(&[transfer(9, 0, 2)]);
    let zero = Some(Account {
        balance: 2,
        sequence: 0,
    });
    assert_eq!(prove(&chain.ledger, &MetaAddress::ZERO), Ok(zero));
    assert_eq!(prove(&chain.ledger, &least), Ok(None));
}

#[test]
fn a_neighbour_proves_only_the_gap_behind_it() {
    let chain = Chain::new(genesis(&[(10, 1), (20, 2), (30, 3)]));
    let root = &chain.ledger.tip().state_root;
    let at_10 = chain.ledger.prove_account(&meta(10)).encode();
    let at_15 = chain.ledger.prove_account(&meta(15)).encode();
    assert_eq!(at_10, at_15, "one leaf proves both");
    let account = Some(Account {
        balance: 1,
        sequence: 0,
    });
    assert_eq!(verify_account_proof(root, &meta(10), &at_10), Ok(account));
    for inside in [11, 15, 19] {
        assert_eq!(verify_account_proof(root, &meta(inside), &at_10), Ok(None));
    }
    for outside in [0, 9, 20, 21, 30, 31] {
        let error = verify_account_proof(root, &meta(outside), &at_10).expect_err("no word of it");
        assert_eq!(error.code(), Code::InvalidProof);
    }
}

#[test]
fn a_proof_holds_for_its_own_root_only() {
    let mut chain = Chain::new(genesis(&[(1, 10), (2, 20)]));
    let before = chain.ledger.tip().state_root;
    let proof = chain.ledger.prove_account(&meta(1)).encode();
    chain.extend(&[transfer(2, 3, 1)]);
    let after = chain.ledger.tip().state_root;
    assert!(verify_account_proof(&before, &meta(1), &proof).is_ok());
    for root in [after, Root::ZERO] {
        let error = verify_account_proof(&root, &meta(1), &proof).expect_err("another root");
        assert_eq!(error.code(), Code::InvalidProof);
    }
}

#[test]
fn no_changed_byte_passes() {
    let balances: Vec<(u8, u64)> = (1..=13).map(|number| (number * 7, 5)).collect();
    let chain = Chain::new(genesis(&balances));
    let root = &chain.ledger.tip().state_root;
    // A leaf inside, the last leaf with its missing siblings, and one that proves absence.
    for address in [meta(28), meta(91), meta(50), MetaAddress::ZERO] {
        let proof = chain.ledger.prove_account(&address).encode();
        assert!(verify_account_proof(root, &address, &proof).is_ok());
        for at in 0..proof.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = proof.clone();
                changed[at] ^= flip;
                let error = verify_account_proof(root, &address, &changed).expect_err("changed");
                assert_eq!(error.code(), Code::InvalidProof, "byte {at}");
            }
            let error = AccountProof::decode(&proof[..at]).expect_err("cut");
            assert_eq!(error.code(), Code::InvalidProof, "cut at {at}");
        }
        for more in [1, 32, 64] {
            let longer = [proof.clone(), vec![0; more]].concat();
            let error = AccountProof::decode(&longer).expect_err("longer");
            assert_eq!(error.code(), Code::InvalidProof);
        }
    }
}

#[test]
fn noise_is_refused_quickly() {
    let mut noise = vec![0u8; 300];
    let mut state = 1u32;
    for round in 0..20_000 {
        for byte in &mut noise {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        noise[0] = 1;
        // A plausible head: few leaves, or as many as there can be.
        let count: u32 = if round % 2 == 0 { u32::MAX } else { 8 };
        noise[1..5].copy_from_slice(&count.to_le_bytes());
        noise[5..9].copy_from_slice(&(state % count).to_le_bytes());
        noise[65..73].fill(0);
        for length in [73, 73 + 32 * 3, noise.len()] {
            let refused = verify_account_proof(&Root([7; 32]), &meta(1), &noise[..length]);
            assert_eq!(refused.expect_err("noise").code(), Code::InvalidProof);
        }
    }
}

#[test]
fn a_proof_reads_back() {
    let chain = Chain::new(genesis(&[(1, 10), (2, 20), (3, 1)]));
    let proof = chain.ledger.prove_account(&meta(2));
    assert_eq!(AccountProof::decode(&proof.encode()), Ok(proof));
}
