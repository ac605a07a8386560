//! Minting without a context while the tip moves.
//!
//! A mint that names no context asks where the tip is and then mints on it. In between another caller may
//! connect or disconnect a block, and the mint failed with `UNKNOWN_PARENT`, for a context that its caller
//! had never given.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use libmetachain_primitives::NativeHash;
use libmetachain_rpc::ChainService;
use libmetachain_rpc::wire::{MetaBlockInput, MetachainClient, MetachainServer};
use support::{chain, client, native_block, serve};

/// How often the tip moves up and down again.
const ROUNDS: usize = 3_000;

/// Ends the other threads' rounds, also where this one's fail.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_mint_without_a_context_never_fails_because_the_tip_moved() {
    let chain = chain();
    let server = serve(&chain, |_| ());
    let service = ChainService::new(std::sync::Arc::clone(&chain));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = Over(&over);
            for _ in 0..ROUNDS {
                let block = native_block(&chain, 1, &[]);
                chain.connect(block).expect("it follows the tip");
                let tip = chain.disconnect(NativeHash([1; 32]));
                tip.expect("it is the tip");
            }
        });
        scope.spawn(|| {
            let client = client(&server);
            while !over.load(Ordering::Acquire) {
                let minted = client.meta_mint_block(&MetaBlockInput::default());
                minted.expect("no context, no error of one");
            }
        });
        while !over.load(Ordering::Acquire) {
            let minted = service.meta_mint_block(MetaBlockInput::default());
            let height = minted.expect("no context, no error of one").height;
            assert!(height == 1 || height == 2);
        }
    });
}
