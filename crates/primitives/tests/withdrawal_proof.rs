//! Withdrawal proofs: they verify under their own root, and nothing else does.

mod support;

use libmetachain_primitives::{
    Code, Root, Transaction, prove_withdrawal, verify_withdrawal, withdrawals, withdrawals_root,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_withdrawal_of_a_block_is_proven(transactions in prop::collection::vec(support::transaction(), 0..60)) {
        let root = withdrawals_root(&transactions);
        let list = withdrawals(&transactions);
        for withdrawal in &list {
            let proof = prove_withdrawal(&transactions, withdrawal.index).unwrap();
            prop_assert_eq!(&verify_withdrawal(&root, &proof).unwrap(), withdrawal);
            prop_assert_eq!(verify_withdrawal(&Root([7; 32]), &proof).unwrap_err().code(), Code::InvalidProof);
        }
        let beyond = prove_withdrawal(&transactions, list.len() as u32);
        prop_assert_eq!(beyond.unwrap_err().code(), Code::BadArgument);
    }

    #[test]
    fn a_mutated_proof_proves_nothing(
        transactions in prop::collection::vec(support::transaction().prop_filter("withdrawals", |t| matches!(t, Transaction::Withdraw { .. })), 1..20),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bits in 1u8..,
    ) {
        let root = withdrawals_root(&transactions);
        let proof = prove_withdrawal(&transactions, which.index(transactions.len()) as u32).unwrap();
        let mut mutated = proof.clone();
        *at.get_mut(&mut mutated) ^= bits;
        prop_assert_eq!(verify_withdrawal(&root, &mutated).unwrap_err().code(), Code::InvalidProof);
        let cut = at.index(proof.len());
        prop_assert_eq!(verify_withdrawal(&root, &proof[..cut]).unwrap_err().code(), Code::InvalidProof);
        mutated = proof;
        mutated.push(bits);
        prop_assert_eq!(verify_withdrawal(&root, &mutated).unwrap_err().code(), Code::InvalidProof);
    }
}
