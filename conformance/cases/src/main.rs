//! Writes random valid data of every function and event that Dusk's stake and transfer drivers name.
//!
//! `cases SEED COUNT` writes COUNT lines for each, tab-separated: driver, operation (`decodeInputFn`,
//! `decodeOutputFn` or `decodeEvent`), name, rkyv as hexadecimal digits. The same seed gives the same
//! lines. What the drivers make of the data is compared elsewhere; here it is only made.

use std::io::{BufWriter, Write, stdout};

use dusk_core::abi::ContractId;
use dusk_core::signatures::bls::{PublicKey, SecretKey};
use dusk_core::stake::{
    Reward, RewardReason, SlashEvent, Stake, StakeAmount, StakeConfig, StakeData, StakeEvent,
    StakeKeys, Withdraw as StakeWithdraw, WithdrawToContract,
};
use dusk_core::transfer::moonlight::AccountData;
use dusk_core::transfer::phoenix::{
    Note, PublicKey as PhoenixPublicKey, SecretKey as PhoenixSecretKey,
};
use dusk_core::transfer::withdraw::{Withdraw, WithdrawReceiver, WithdrawReplayToken};
use dusk_core::transfer::{
    ContractToAccount, ContractToAccountEvent, ContractToContract, ContractToContractEvent,
    ConvertEvent, DepositEvent, MoonlightTransactionEvent, PhoenixTransactionEvent,
    ReceiveFromContract, WithdrawEvent,
};
use dusk_core::{BlsScalar, JubJubScalar};
use ff::Field;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use rkyv::ser::serializers::AllocSerializer;
use rkyv::{Fallible, Serialize};

/// Makes values; keys are made once, since that is most of the time.
struct Source {
    random: StdRng,
    secrets: Vec<SecretKey>,
    notes: Vec<Note>,
}

impl Source {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let secrets = (0..12).map(|_| SecretKey::random(&mut random)).collect();
        let notes = (0..6).map(|_| note(&mut random)).collect();
        Source {
            random,
            secrets,
            notes,
        }
    }

    /// Small, large and any: each prints differently.
    fn number(&mut self) -> u64 {
        match self.random.gen_range(0..4) {
            0 => self.random.gen_range(0..3),
            1 => u64::MAX - self.random.gen_range(0..3),
            2 => (1 << 53) + self.random.gen_range(0..3),
            _ => self.random.next_u64(),
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.random.gen_range(0..=most)];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.random.gen_bool(0.5).then(|| make(self))
    }

    fn list<T>(&mut self, most: usize, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.random.gen_range(0..=most))
            .map(|_| make(self))
            .collect()
    }

    fn text(&mut self) -> String {
        self.list(12, |source| {
            char::from_u32(source.random.gen_range(1..0x3000)).unwrap_or('x')
        })
        .into_iter()
        .collect()
    }

    fn secret(&mut self) -> SecretKey {
        let at = self.random.gen_range(0..self.secrets.len());
        self.secrets[at].clone()
    }

    fn key(&mut self) -> PublicKey {
        PublicKey::from(&self.secret())
    }

    fn contract(&mut self) -> ContractId {
        let mut bytes = [0; 32];
        self.random.fill_bytes(&mut bytes);
        ContractId::from_bytes(bytes)
    }

    fn scalar(&mut self) -> BlsScalar {
        BlsScalar::random(&mut self.random)
    }

    fn note(&mut self) -> Note {
        let at = self.random.gen_range(0..self.notes.len());
        self.notes[at].clone()
    }

    fn receiver(&mut self) -> WithdrawReceiver {
        if self.random.gen_bool(0.5) {
            return WithdrawReceiver::Moonlight(self.key());
        }
        let key = PhoenixPublicKey::from(&PhoenixSecretKey::random(&mut self.random));
        let scalar = JubJubScalar::random(&mut self.random);
        WithdrawReceiver::Phoenix(key.gen_stealth_address(&scalar))
    }

    fn withdraw(&mut self) -> Withdraw {
        let (secret, contract, value) = (self.secret(), self.contract(), self.number());
        let receiver = WithdrawReceiver::Moonlight(self.key());
        let token = WithdrawReplayToken::Moonlight(self.number());
        Withdraw::new(&mut self.random, &secret, contract, value, receiver, token)
    }

    fn stake(&mut self) -> Stake {
        let (account, owner, value) = (self.secret(), self.secret(), self.number());
        let chain = self.random.r#gen();
        if self.random.gen_bool(0.3) {
            let contract = self.contract();
            return Stake::new_from_contract(&account, contract, value, chain);
        }
        Stake::new(&account, &owner, value, chain)
    }

    fn stake_keys(&mut self) -> StakeKeys {
        if self.random.gen_bool(0.3) {
            return StakeKeys::new(self.key(), self.contract());
        }
        StakeKeys::new(self.key(), self.key())
    }

    fn stake_data(&mut self) -> StakeData {
        StakeData {
            amount: self.maybe(|source| StakeAmount {
                value: source.number(),
                locked: source.number(),
                eligibility: source.number(),
            }),
            reward: self.number(),
            faults: self.random.r#gen(),
            hard_faults: self.random.r#gen(),
        }
    }

    fn stake_event(&mut self) -> StakeEvent {
        StakeEvent {
            keys: self.stake_keys(),
            value: self.number(),
            locked: self.number(),
        }
    }

    fn slash_event(&mut self) -> SlashEvent {
        SlashEvent {
            account: self.key(),
            value: self.number(),
            next_eligibility: self.number(),
        }
    }

    fn reward(&mut self) -> Reward {
        let reason = match self.random.gen_range(0..4) {
            0 => RewardReason::GeneratorFixed,
            1 => RewardReason::GeneratorExtra,
            2 => RewardReason::Voter,
            _ => RewardReason::Other,
        };
        Reward {
            account: self.key(),
            value: self.number(),
            reason,
        }
    }

    fn phoenix_event(&mut self) -> PhoenixTransactionEvent {
        PhoenixTransactionEvent {
            nullifiers: self.list(6, Self::scalar),
            notes: self.list(4, Self::note),
            memo: self.bytes(60),
            gas_spent: self.number(),
            refund_note: self.maybe(Self::note),
        }
    }

    fn moonlight_event(&mut self) -> MoonlightTransactionEvent {
        MoonlightTransactionEvent {
            sender: self.key(),
            receiver: self.maybe(Self::key),
            value: self.number(),
            memo: self.bytes(60),
            gas_spent: self.number(),
            refund_info: self.maybe(|source| (source.key(), source.number())),
        }
    }
}

fn note(random: &mut StdRng) -> Note {
    let key = PhoenixPublicKey::from(&PhoenixSecretKey::random(&mut *random));
    let blinder = JubJubScalar::random(&mut *random);
    let sender = [
        JubJubScalar::random(&mut *random),
        JubJubScalar::random(&mut *random),
    ];
    let value = random.next_u64();
    Note::obfuscated(random, &key, &key, value, blinder, sender)
}

type Serializer = AllocSerializer<1024>;

fn rkyv_of<T>(value: &T) -> Vec<u8>
where
    T: Serialize<Serializer>,
    <Serializer as Fallible>::Error: std::fmt::Debug,
{
    rkyv::to_bytes::<T, 1024>(value)
        .expect("memory is all that it takes")
        .into_vec()
}

type Case = (&'static str, &'static str, Vec<u8>);

fn stake_cases(source: &mut Source) -> Vec<Case> {
    let (input, output, event) = ("decodeInputFn", "decodeOutputFn", "decodeEvent");
    let withdraw = |source: &mut Source| {
        let (account, owner) = (source.secret(), source.secret());
        rkyv_of(&StakeWithdraw::new(&account, &owner, source.withdraw()))
    };
    let to_contract = |source: &mut Source| {
        rkyv_of(&WithdrawToContract::new(
            source.key(),
            source.number(),
            source.text(),
        ))
    };
    let mut cases = vec![
        (input, "stake", rkyv_of(&source.stake())),
        (input, "unstake", withdraw(source)),
        (input, "withdraw", withdraw(source)),
        (
            input,
            "stake_from_contract",
            rkyv_of(&ReceiveFromContract {
                contract: source.contract(),
                value: source.number(),
                data: source.bytes(40),
            }),
        ),
        (input, "unstake_from_contract", to_contract(source)),
        (input, "withdraw_from_contract", to_contract(source)),
        (input, "get_stake", rkyv_of(&source.key())),
        (input, "get_stake_keys", rkyv_of(&source.key())),
        (
            output,
            "get_stake",
            rkyv_of(&source.maybe(Source::stake_data)),
        ),
        (
            output,
            "get_stake_keys",
            rkyv_of(&source.maybe(Source::stake_keys)),
        ),
        (output, "burnt_amount", rkyv_of(&source.number())),
        (output, "get_version", rkyv_of(&source.number())),
        (
            output,
            "get_config",
            rkyv_of(&StakeConfig {
                warnings: source.random.r#gen(),
                minimum_stake: source.number(),
            }),
        ),
        (
            output,
            "stakes",
            rkyv_of(&(source.stake_keys(), source.stake_data())),
        ),
        (
            output,
            "prev_state_changes",
            rkyv_of(&(source.key(), source.maybe(Source::stake_data))),
        ),
        (event, "stake", rkyv_of(&source.stake_event())),
        (event, "unstake", rkyv_of(&source.stake_event())),
        (event, "withdraw", rkyv_of(&source.stake_event())),
        (event, "reward", rkyv_of(&source.list(5, Source::reward))),
        (event, "slash", rkyv_of(&source.slash_event())),
        (event, "hard_slash", rkyv_of(&source.slash_event())),
    ];
    for name in [
        "burnt_amount",
        "get_version",
        "get_config",
        "stakes",
        "prev_state_changes",
    ] {
        cases.push((input, name, rkyv_of(&())));
    }
    for name in [
        "stake",
        "unstake",
        "withdraw",
        "stake_from_contract",
        "unstake_from_contract",
    ] {
        cases.push((output, name, rkyv_of(&())));
    }
    cases.push((output, "withdraw_from_contract", rkyv_of(&())));
    cases
}

fn transfer_cases(source: &mut Source) -> Vec<Case> {
    let (input, output, event) = ("decodeInputFn", "decodeOutputFn", "decodeEvent");
    let call = |source: &mut Source| {
        rkyv_of(&ContractToContract {
            contract: source.contract(),
            value: source.number(),
            fn_name: source.text(),
            data: source.bytes(40),
        })
    };
    let moved = |source: &mut Source| {
        rkyv_of(&ContractToContractEvent {
            sender: source.contract(),
            receiver: source.contract(),
            value: source.number(),
        })
    };
    let withdrawn = |source: &mut Source| {
        rkyv_of(&WithdrawEvent {
            sender: source.contract(),
            receiver: source.receiver(),
            value: source.number(),
        })
    };
    let mut cases = vec![
        (input, "convert", rkyv_of(&source.withdraw())),
        (input, "mint", rkyv_of(&source.withdraw())),
        (input, "withdraw", rkyv_of(&source.withdraw())),
        (input, "mint_to_contract", call(source)),
        (input, "contract_to_contract", call(source)),
        (
            input,
            "contract_to_account",
            rkyv_of(&ContractToAccount {
                account: source.key(),
                value: source.number(),
            }),
        ),
        (input, "account", rkyv_of(&source.key())),
        (input, "contract_balance", rkyv_of(&source.contract())),
        (
            input,
            "existing_nullifiers",
            rkyv_of(&source.list(5, Source::scalar)),
        ),
        (output, "root", rkyv_of(&source.scalar())),
        (output, "num_notes", rkyv_of(&source.number())),
        (output, "chain_id", rkyv_of(&source.random.r#gen::<u8>())),
        (
            output,
            "account",
            rkyv_of(&AccountData {
                nonce: source.number(),
                balance: source.number(),
            }),
        ),
        (output, "contract_balance", rkyv_of(&source.number())),
        (
            output,
            "existing_nullifiers",
            rkyv_of(&source.list(5, Source::scalar)),
        ),
        (output, "sync_nullifiers", rkyv_of(&source.scalar())),
        (
            output,
            "sync_contract_balances",
            rkyv_of(&(source.contract(), source.number())),
        ),
        (
            output,
            "sync_accounts",
            rkyv_of(&(
                AccountData {
                    nonce: source.number(),
                    balance: source.number(),
                },
                source.key().to_raw_bytes(),
            )),
        ),
        (event, "moonlight", rkyv_of(&source.moonlight_event())),
        (event, "phoenix", rkyv_of(&source.phoenix_event())),
        (event, "contract_to_contract", moved(source)),
        (event, "mint_c", moved(source)),
        (
            event,
            "contract_to_account",
            rkyv_of(&ContractToAccountEvent {
                sender: source.contract(),
                receiver: source.key(),
                value: source.number(),
            }),
        ),
        (event, "withdraw", withdrawn(source)),
        (event, "mint", withdrawn(source)),
        (
            event,
            "deposit",
            rkyv_of(&DepositEvent {
                sender: source.maybe(Source::key),
                receiver: source.contract(),
                value: source.number(),
            }),
        ),
        (
            event,
            "convert",
            rkyv_of(&ConvertEvent {
                sender: source.maybe(Source::key),
                receiver: source.receiver(),
                value: source.number(),
            }),
        ),
    ];
    for name in [
        "deposit",
        "opening",
        "leaves_from_height",
        "leaves_from_pos",
    ] {
        cases.push((input, name, rkyv_of(&source.number())));
    }
    for name in [
        "sync",
        "sync_nullifiers",
        "sync_contract_balances",
        "sync_accounts",
    ] {
        cases.push((input, name, rkyv_of(&(source.number(), source.number()))));
    }
    for name in ["root", "num_notes", "chain_id"] {
        cases.push((input, name, rkyv_of(&())));
    }
    for name in [
        "convert",
        "deposit",
        "mint",
        "withdraw",
        "opening",
        "leaves_from_pos",
        "sync",
    ] {
        cases.push((output, name, rkyv_of(&())));
    }
    cases
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let [seed, count] = arguments[..] else {
        eprintln!("usage: cases SEED COUNT");
        std::process::exit(2);
    };
    let mut source = Source::new(seed);
    let mut out = BufWriter::new(stdout().lock());
    for _ in 0..count {
        let stake = stake_cases(&mut source)
            .into_iter()
            .map(|case| ("stake", case));
        let transfer = transfer_cases(&mut source)
            .into_iter()
            .map(|case| ("transfer", case));
        for (driver, (operation, name, data)) in stake.chain(transfer).collect::<Vec<_>>() {
            write!(out, "{driver}\t{operation}\t{name}\t")?;
            data.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            writeln!(out)?;
        }
    }
    out.flush()
}
