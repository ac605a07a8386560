//! Decides what of the unsynced survives a crash.

use super::Crash;

/// One crash's decisions, in the order of what was pending.
pub(super) struct Chance {
    crash: Crash,
    state: u64,
    /// In `Prefix`: how many more pieces survive.
    left: u64,
    /// In `Scatter`: how many of 16 pieces survive.
    luck: u64,
    /// In `Scatter`: whether the sectors of a write share their fate.
    whole: Option<bool>,
}

impl Chance {
    pub(super) fn new(crash: Crash) -> Self {
        let (state, left) = match crash {
            Crash::Scatter(seed) => (seed, 0),
            Crash::Prefix(pieces) => (0, pieces),
            Crash::Process | Crash::DropAll => (0, 0),
        };
        let mut chance = Self {
            crash,
            state,
            left,
            luck: 0,
            whole: None,
        };
        // With even odds a long write is never lucky: some seeds are kinder, some judge it whole.
        chance.luck = [2, 8, 14, 8][usize::try_from(chance.next() % 4).unwrap_or(0)];
        if chance.next().is_multiple_of(3) {
            chance.whole = Some(chance.toss());
        }
        chance
    }

    pub(super) fn keeps(&mut self) -> bool {
        match self.crash {
            Crash::Process => true,
            Crash::DropAll => false,
            Crash::Prefix(_) => {
                let keeps = self.left > 0;
                self.left = self.left.saturating_sub(1);
                keeps
            }
            Crash::Scatter(_) => self.whole.unwrap_or_else(|| self.toss()),
        }
    }

    pub(super) fn write_ended(&mut self) {
        if self.whole.is_some() {
            self.whole = Some(self.toss());
        }
    }

    fn toss(&mut self) -> bool {
        self.next() % 16 < self.luck
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
