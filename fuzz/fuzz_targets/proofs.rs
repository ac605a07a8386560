//! Proofs of accounts and withdrawals: a root accepts the proof that was made, and no other bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libmetachain_engine::{BlockRef, Metachain, OpenOptions};
use libmetachain_fuzz::{genesis, live, patch};
use libmetachain_ledger::verify_account_proof;
use libmetachain_primitives::{MetaAddress, Root, verify_withdrawal};

/// A withdrawal's proof, then those of an account and of none.
type Proofs = (Root, Vec<u8>, [(Root, MetaAddress, Vec<u8>); 2]);

static PROOFS: LazyLock<Proofs> = LazyLock::new(|| {
    let options = OpenOptions {
        genesis: Some(genesis()),
        ..OpenOptions::default()
    };
    let chain = Metachain::open(&options).expect("it opens in memory");
    live(&chain, 18);
    let withdrawal = chain
        .prove_withdrawal(BlockRef::Height(3), 1)
        .expect("it is there");
    let account = |byte| {
        let address = MetaAddress([byte; 20]);
        let proven = chain.prove_account(&address).expect("it is open");
        (proven.state_root, address, proven.proof)
    };
    (
        withdrawal.withdrawals_root,
        withdrawal.proof,
        [account(5), account(99)],
    )
});

fuzz_target!(|input: &[u8]| {
    let Some((mode, rest)) = input.split_first() else {
        return;
    };
    let (root, withdrawal, accounts) = &*PROOFS;
    let changed = |proof: &Vec<u8>| {
        if mode & 1 == 0 {
            return rest.to_vec();
        }
        let mut proof = proof.clone();
        patch(&mut proof, rest);
        proof
    };
    let proof = changed(withdrawal);
    assert_eq!(
        verify_withdrawal(root, &proof).is_ok(),
        proof == *withdrawal
    );
    for (root, address, whole) in accounts {
        let proof = changed(whole);
        assert_eq!(
            verify_account_proof(root, address, &proof).is_ok(),
            proof == *whole
        );
    }
});
