//! The published Dusk stake driver, linked as it is: every export is the dependency's.

#![no_std]

// Named so that its exports are linked; nothing of it is called from here.
extern crate dusk_stake_contract_dd as _;
