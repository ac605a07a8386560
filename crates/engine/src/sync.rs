//! Sync: carry out what the handshake finds, until the chain follows the native node's best chain.
//!
//! Every step is an ordinary connect or disconnect, so that stopping at any instant leaves a chain
//! from which the next sync goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use libmetachain_primitives::{Code, Error, NativeHash, Result};

use crate::handshake::{Handshake, NativeTip, Step};
use crate::metachain::Metachain;
use crate::native::NativeBlock;
use crate::query::ChainTip;

/// The native node's best chain, as it answers questions about it.
pub trait NativeSource {
    /// Its tip.
    fn tip(&mut self) -> Result<NativeTip>;

    /// The hash of its block at a height at or below the tip.
    fn hash(&mut self, native_height: u64) -> Result<Option<NativeHash>>;

    /// Its block at a height, or `None` if that block carries no metachain block.
    fn block(&mut self, native_height: u64) -> Result<Option<NativeBlock>>;
}

/// A native chain that moves while it is followed is asked again; one that moves all the time is not
/// followed for ever.
const ROUNDS_MAX: u32 = 1_000;

impl Metachain {
    /// Asks the native node what the handshake needs to know.
    ///
    /// # Errors
    /// What the source reports; `LOCKED_MISMATCH` if both are in sync and the lock balance is not the
    /// supply; `BAD_ARGUMENT` if the source lacks a block below its tip.
    pub fn handshake(&self, source: &mut dyn NativeSource) -> Result<Handshake> {
        let mut search = self.begin_handshake(source.tip()?)?;
        loop {
            match self.handshake_step(&search)? {
                Step::Done(result) => return Ok(result),
                Step::Ask(height) => {
                    let hash = source.hash(height)?;
                    self.handshake_answer(&mut search, height, hash)?;
                }
            }
        }
    }

    /// Unwinds and replays until the chain is in sync with the source, or the source is behind it.
    /// `progress` hears the blocks done and the blocks of this round in all.
    ///
    /// # Errors
    /// As [`Metachain::handshake`], [`Metachain::connect`] and [`Metachain::disconnect`]; `UNDO_TOO_DEEP`
    /// if the chains diverged further back than undo reaches; `ABORTED`.
    pub fn sync(
        &self,
        source: &mut dyn NativeSource,
        aborted: &AtomicBool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ChainTip> {
        for _ in 0..ROUNDS_MAX {
            match self.handshake(source)? {
                Handshake::InSync | Handshake::Ahead { .. } => return self.tip(),
                Handshake::Diverged { native_height } => return Err(diverged(native_height)),
                Handshake::Unwind { to_native_height } => {
                    self.unwind(to_native_height, aborted, progress)?;
                }
                Handshake::Replay { from_native_height } => {
                    let to = source.tip()?.height;
                    if !self.replay(source, from_native_height, to, aborted, progress)? {
                        return self.tip();
                    }
                }
            }
        }
        Err(Error::new(
            Code::UnknownParent,
            format!("the native chain kept moving: not in sync after {ROUNDS_MAX} rounds"),
        ))
    }

    fn unwind(
        &self,
        to_native_height: u64,
        aborted: &AtomicBool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let above = |tip: &ChainTip| {
            tip.tip
                .native
                .filter(|(height, _)| *height > to_native_height)
        };
        let mut tip = self.tip()?;
        let total = above(&tip).map_or(0, |(height, _)| {
            (height - to_native_height).min(tip.tip.height)
        });
        let mut done = 0;
        while let Some((_, native)) = above(&tip) {
            not_aborted(aborted)?;
            tip = self.disconnect(native)?;
            done += 1;
            progress(done, total);
        }
        Ok(())
    }

    /// Whether anything was connected.
    fn replay(
        &self,
        source: &mut dyn NativeSource,
        from: u64,
        to: u64,
        aborted: &AtomicBool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<bool> {
        let mut any = false;
        for native_height in from..=to {
            not_aborted(aborted)?;
            match source.block(native_height)? {
                Some(block) => {
                    self.connect(block)?;
                    any = true;
                }
                None if self.tip()?.tip.height > 0 => {
                    return Err(Error::new(
                        Code::BadArgument,
                        format!("native block {native_height} carries no metachain block, but one before it does"),
                    )
                    .with("nativeHeight", native_height));
                }
                // The metachain has not begun yet.
                None => {}
            }
            progress(native_height - from + 1, to - from + 1);
        }
        Ok(any)
    }
}

/// The error for chains that parted further back than undo reaches.
#[must_use]
pub fn diverged(native_height: u64) -> Error {
    Error::new(
        Code::UndoTooDeep,
        format!(
            "the native chain differs from native height {native_height} on, further back than undo reaches: the store must be built anew"
        ),
    )
    .with("nativeHeight", native_height)
}

fn not_aborted(aborted: &AtomicBool) -> Result<()> {
    if aborted.load(Ordering::Acquire) {
        return Err(Error::new(Code::Aborted, "sync was aborted"));
    }
    Ok(())
}
