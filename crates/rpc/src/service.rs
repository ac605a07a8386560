//! The service on a running metachain: every method of the specification, converted and delegated.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};

use libmetachain_engine::{
    Account, ConnectStatus, Connected, Handshake, Metachain, NativeTip, Step,
};
use libmetachain_primitives::{Code, Error, MetaAddress, NativeHash, Network, Result};

use crate::PROTOCOL_VERSION;
use crate::convert;
use crate::defaults::{events_after, mint_next};
use crate::wire::{
    MetaAccount, MetaAccountResult, MetaAddressRef, MetaBlock, MetaBlockInput,
    MetaBlockQueryResult, MetaBlockRef, MetaBlockResult, MetaCandidateBlock, MetaConnectResult,
    MetaConnectStatus, MetaEmpty, MetaEventsInput, MetaEventsResult, MetaHandshakeInput,
    MetaHandshakeResult, MetaHandshakeStatus, MetaNativeBlock, MetaNativeRef, MetaPayloadResult,
    MetaProof, MetaSupply, MetaTip, MetaTransactionRef, MetaTransactionResult, MetaVersion,
    MetaWithdrawalRef, MetaWithdrawalsResult, MetachainServer,
};

/// The service on one chain.
pub struct ChainService {
    chain: Arc<Metachain>,
}

impl ChainService {
    /// The service on this chain.
    #[must_use]
    pub fn new(chain: Arc<Metachain>) -> Self {
        ChainService { chain }
    }

    fn network(&self) -> Network {
        self.chain.genesis().network
    }
}

impl MetachainServer for ChainService {
    fn meta_mint_block(&self, input: MetaBlockInput) -> Result<MetaBlockResult> {
        let transactions = convert::transactions("txs", &input.txs, self.network())?;
        let minted = match &input.context {
            Some(given) => self.chain.mint(&convert::context(given)?, &transactions)?,
            None => mint_next(&self.chain, &transactions)?,
        };
        Ok(MetaBlockResult {
            payload: minted.payload,
            hash: minted.hash.0.into(),
            height: minted.header.height,
            rejected: minted
                .rejected
                .into_iter()
                .map(convert::rejection)
                .collect(),
            state_root: minted.header.state_root.0.into(),
            supply: minted.header.supply,
            accepted: minted.header.tx_count,
        })
    }

    fn meta_check_block(&self, input: MetaCandidateBlock) -> Result<MetaBlock> {
        let candidate = convert::candidate(input, self.network())?;
        let (block, hash) = self.chain.check(&candidate)?;
        convert::block(&block, &hash, None, self.network())
    }

    fn meta_connect_block(&self, input: MetaNativeBlock) -> Result<MetaConnectResult> {
        let native = convert::native_block(input, self.network())?;
        let Connected {
            status,
            hash,
            height,
        } = self.chain.connect(native)?;
        Ok(MetaConnectResult {
            status: match status {
                ConnectStatus::Connected => MetaConnectStatus::Connected,
                ConnectStatus::Known => MetaConnectStatus::Known,
            },
            hash: hash.0.into(),
            height,
        })
    }

    fn meta_disconnect_block(&self, input: MetaNativeRef) -> Result<MetaTip> {
        let native = convert::hash("nativeHash", &input.native_hash)?;
        self.chain.disconnect(native).map(|tip| convert::tip(&tip))
    }

    fn meta_finalize(&self, input: MetaNativeRef) -> Result<MetaTip> {
        let native = convert::hash("nativeHash", &input.native_hash)?;
        let (done, wait) = mpsc::sync_channel(1);
        // Nobody waits any more only if this thread has ended.
        self.chain
            .finalize_later(native, Box::new(move |result| drop(done.send(result))));
        wait.recv()
            .map_err(|_| Error::new(Code::Closed, "the metachain was closed"))??;
        self.meta_get_tip(MetaEmpty {})
    }

    fn meta_handshake(&self, input: MetaHandshakeInput) -> Result<MetaHandshakeResult> {
        let known = input
            .ancestors
            .iter()
            .map(|item| {
                Ok((
                    item.native_height,
                    convert::hash("ancestors", &item.native_hash)?,
                ))
            })
            .collect::<Result<HashMap<u64, NativeHash>>>()?;
        let mut search = self.chain.begin_handshake(NativeTip {
            height: input.native_height,
            hash: convert::hash("nativeHash", &input.native_hash)?,
            locked: input.locked,
        })?;
        loop {
            match self.chain.handshake_step(&search)? {
                Step::Done(result) => return Ok(handshake(result)),
                Step::Ask(height) => match known.get(&height) {
                    Some(hash) => self
                        .chain
                        .handshake_answer(&mut search, height, Some(*hash))?,
                    None => {
                        return Ok(MetaHandshakeResult {
                            status: MetaHandshakeStatus::Ask,
                            native_height: Some(height),
                        });
                    }
                },
            }
        }
    }

    fn meta_get_tip(&self, _: MetaEmpty) -> Result<MetaTip> {
        self.chain.tip().map(|tip| convert::tip(&tip))
    }

    fn meta_get_account(&self, input: MetaAddressRef) -> Result<MetaAccountResult> {
        let address = MetaAddress::parse(&input.address)?;
        let account = self.chain.account(&address)?;
        Ok(MetaAccountResult {
            account: account.map(|Account { balance, sequence }| MetaAccount {
                address: address.to_string(),
                balance,
                sequence,
            }),
        })
    }

    fn meta_get_block(&self, input: MetaBlockRef) -> Result<MetaBlockQueryResult> {
        let found = self.chain.block(convert::block_ref(&input)?)?;
        let block = found.map(|block| convert::stored_block(&block, self.network()));
        Ok(MetaBlockQueryResult {
            block: block.transpose()?,
        })
    }

    fn meta_get_payload(&self, input: MetaBlockRef) -> Result<MetaPayloadResult> {
        let payload = self.chain.payload(convert::block_ref(&input)?)?;
        Ok(MetaPayloadResult {
            payload: payload.map(|payload| payload.to_vec()),
        })
    }

    fn meta_get_withdrawals(&self, input: MetaBlockRef) -> Result<MetaWithdrawalsResult> {
        let found = self.chain.withdrawals(convert::block_ref(&input)?)?;
        let withdrawals = found
            .iter()
            .map(|found| convert::withdrawal(found, self.network()));
        Ok(MetaWithdrawalsResult {
            withdrawals: withdrawals.collect::<Result<_>>()?,
        })
    }

    fn meta_get_transaction(&self, input: MetaTransactionRef) -> Result<MetaTransactionResult> {
        let found = self
            .chain
            .transaction(&convert::hash("txid", &input.txid)?)?;
        let found = found.map(|found| convert::placed(&found, self.network()));
        Ok(MetaTransactionResult {
            found: found.transpose()?,
        })
    }

    fn meta_get_events(&self, input: MetaEventsInput) -> Result<MetaEventsResult> {
        let events = events_after(&self.chain, input.after.as_deref(), input.max)?;
        let events = events
            .into_iter()
            .map(|event| convert::event(event, self.network()));
        Ok(MetaEventsResult {
            events: events.collect::<Result<_>>()?,
        })
    }

    fn meta_prove_account(&self, input: MetaAddressRef) -> Result<MetaProof> {
        let proven = self
            .chain
            .prove_account(&MetaAddress::parse(&input.address)?)?;
        Ok(MetaProof {
            height: proven.height,
            root: proven.state_root.0.into(),
            proof: proven.proof,
        })
    }

    fn meta_prove_withdrawal(&self, input: MetaWithdrawalRef) -> Result<MetaProof> {
        let block = convert::block_ref(&input.block)?;
        let proven = self.chain.prove_withdrawal(block, input.index)?;
        Ok(MetaProof {
            height: proven.height,
            root: proven.withdrawals_root.0.into(),
            proof: proven.proof,
        })
    }

    fn meta_get_supply(&self, _: MetaEmpty) -> Result<MetaSupply> {
        let supply = self.chain.supply()?;
        Ok(MetaSupply {
            supply,
            locked: supply,
        })
    }

    fn meta_get_version(&self, _: MetaEmpty) -> Result<MetaVersion> {
        let genesis = self.chain.genesis();
        Ok(MetaVersion {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL_VERSION,
            chain_id: genesis.chain_id.clone(),
            network: genesis.network.as_str().to_owned(),
            genesis_hash: genesis.hash().0.into(),
        })
    }
}

fn handshake(result: Handshake) -> MetaHandshakeResult {
    let (status, native_height) = match result {
        Handshake::InSync => (MetaHandshakeStatus::InSync, None),
        Handshake::Replay {
            from_native_height: height,
        } => (MetaHandshakeStatus::Replay, Some(height)),
        Handshake::Unwind {
            to_native_height: height,
        } => (MetaHandshakeStatus::Unwind, Some(height)),
        Handshake::Ahead {
            common_native_height: height,
        } => (MetaHandshakeStatus::Ahead, Some(height)),
        Handshake::Diverged {
            native_height: height,
        } => (MetaHandshakeStatus::Diverged, Some(height)),
    };
    MetaHandshakeResult {
        status,
        native_height,
    }
}
