//! The least that the metachain's work costs on this machine: the rows called `limit` of `npm run bench`.
//!
//! A reference written for speed alone, apart from the ledger and the store: accounts in one flat
//! array, changed in place, the state tree over them, a file filled beforehand, one write and one
//! `fdatasync` a block. It has no undo, no overlay, no checks of anything, no indexes, no readers
//! beside the writer and no recovery; it reads no payload, and writes one only where asked to. Its state root is the
//! ledger's, which the benchmark compares, so that it does the same execution and not another.
//!
//! It obeys commands on standard input, one a line, and answers each with one line of JSON:
//!
//! ```text
//! accounts N                          begins a state with N accounts
//! execute COUNTER TXS BLOCKS          executes blocks in memory
//! mint COUNTER TXS BLOCKS             the same, with tx root, payload and block hash
//! file PATH BYTES                     makes the file that `commit` and `append` write to
//! commit COUNTER TXS BLOCKS BYTES     the same, with a write of BYTES and a sync for each block
//! revert COUNTER TXS BLOCKS BYTES     takes the blocks executed last back, the last first, each with a
//!                                     write and a sync, and executes them again unmeasured
//! append BYTES TIMES                  a write and a sync alone
//! copy BYTES TIMES                    a copy of so many bytes in memory
//! save PATH                           writes all accounts to a file
//! load PATH                           reads them back: look-up table, and the whole tree
//! ```

mod log;
mod payload;
mod state;
mod workload;

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use libmetachain_primitives::Transaction;
use log::Log;
use state::State;
use workload::{Transfer, transfers};

/// What follows a block's execution.
enum Then {
    Nothing,
    Encode,
    Commit { bytes: usize },
}

type Answer = Result<String, Box<dyn Error>>;

#[derive(Default)]
struct Limits {
    state: Option<State>,
    log: Option<Log>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::default();
    for line in stdin().lock().lines() {
        let line = line?;
        let answer = match limits.obey(&line) {
            Ok(answer) => answer,
            Err(error) => format!("{{\"error\":{:?}}}", format!("{line}: {error}")),
        };
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

impl Limits {
    fn obey(&mut self, line: &str) -> Answer {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let mut word = || words.next().ok_or("a word is missing");
        match command {
            "accounts" => self.accounts(word()?.parse()?),
            "execute" | "mint" | "commit" => {
                let blocks = [word()?.parse()?, word()?.parse()?, word()?.parse()?];
                let then = match command {
                    "execute" => Then::Nothing,
                    "mint" => Then::Encode,
                    _ => Then::Commit {
                        bytes: word()?.parse()?,
                    },
                };
                self.blocks(blocks, &then)
            }
            "revert" => {
                let blocks = [word()?.parse()?, word()?.parse()?, word()?.parse()?];
                self.revert(blocks, word()?.parse()?)
            }
            "file" => {
                self.log = Some(Log::create(Path::new(word()?), word()?.parse()?)?);
                Ok("{}".into())
            }
            "append" => self.append(word()?.parse()?, word()?.parse()?),
            "copy" => copy(word()?.parse()?, word()?.parse()?),
            "save" => self.save(Path::new(word()?)),
            "load" => self.load(Path::new(word()?)),
            other => Err(format!("unknown command {other}").into()),
        }
    }

    fn accounts(&mut self, count: u32) -> Answer {
        self.state = None;
        let state = State::new(count);
        let answer = format!("{{\"root\":\"{}\"}}", state.root());
        self.state = Some(state);
        Ok(answer)
    }

    /// Executes blocks and does with each what `then` says. Inventing the transactions is not part
    /// of the time.
    fn blocks(&mut self, words: [u32; 3], then: &Then) -> Answer {
        let [mut counter, txs, blocks] = words;
        let state = self.state.as_mut().ok_or("there are no accounts yet")?;
        let record = vec![
            0x5a;
            if let Then::Commit { bytes } = then {
                *bytes
            } else {
                0
            }
        ];
        let (mut total, mut accounts, mut tree) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..blocks {
            let list: Vec<Transfer> = transfers(&mut counter, txs, state.accounts());
            let transactions: Vec<Transaction> = match then {
                Then::Encode => list
                    .iter()
                    .map(Transfer::transaction)
                    .collect::<Result<_, _>>()?,
                _ => Vec::new(),
            };
            let start = Instant::now();
            state.execute(&list)?;
            let executed = start.elapsed();
            state.hash_changes();
            let hashed = start.elapsed();
            match then {
                Then::Nothing => {}
                Then::Encode => drop(black_box(payload::build(transactions, state.root())?)),
                Then::Commit { .. } => {
                    let log = self.log.as_mut().ok_or("there is no file yet")?;
                    log.append(&record)?;
                }
            }
            total.push(start.elapsed().as_nanos());
            accounts.push(executed.as_nanos());
            tree.push((hashed - executed).as_nanos());
        }
        let root = state.root();
        Ok(format!(
            "{{\"ns\":{total:?},\"accountsNs\":{accounts:?},\"treeNs\":{tree:?},\"root\":\"{root}\"}}"
        ))
    }

    /// Takes blocks back in place. What was moved is known beforehand: it is kept in memory.
    fn revert(&mut self, words: [u32; 3], bytes: usize) -> Answer {
        let [mut counter, txs, blocks] = words;
        let state = self.state.as_mut().ok_or("there are no accounts yet")?;
        let log = self.log.as_mut().ok_or("there is no file yet")?;
        let record = vec![0x5a; bytes];
        let lists: Vec<Vec<Transfer>> = (0..blocks)
            .map(|_| transfers(&mut counter, txs, state.accounts()))
            .collect();
        let mut ns = Vec::new();
        for list in lists.iter().rev() {
            let start = Instant::now();
            state.revert(list)?;
            state.hash_changes();
            log.append(&record)?;
            ns.push(start.elapsed().as_nanos());
        }
        for list in &lists {
            state.execute(list)?;
            state.hash_changes();
        }
        Ok(format!("{{\"ns\":{ns:?},\"root\":\"{}\"}}", state.root()))
    }

    fn append(&mut self, bytes: usize, times: u32) -> Answer {
        let log = self.log.as_mut().ok_or("there is no file yet")?;
        let record = vec![0x5a; bytes];
        timed(times, || Ok(log.append(&record)?))
    }

    fn save(&mut self, path: &Path) -> Answer {
        let state = self.state.as_ref().ok_or("there are no accounts yet")?;
        state.save(path)?;
        Ok("{}".into())
    }

    fn load(&mut self, path: &Path) -> Answer {
        self.state = None;
        let start = Instant::now();
        let state = State::load(path)?;
        let ns = start.elapsed().as_nanos();
        let answer = format!("{{\"ns\":[{ns}],\"root\":\"{}\"}}", state.root());
        self.state = Some(state);
        Ok(answer)
    }
}

fn copy(bytes: usize, times: u32) -> Answer {
    let from = vec![0x5a; bytes];
    let mut to = vec![0; bytes];
    timed(times, || {
        to.copy_from_slice(black_box(&from));
        black_box(&to);
        Ok(())
    })
}

fn timed(times: u32, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Answer {
    let mut ns = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        work()?;
        ns.push(start.elapsed().as_nanos());
    }
    Ok(format!("{{\"ns\":{ns:?}}}"))
}
