//! Whether a service's lines are distributed otherwise over its templates since a release.
//!
//! Lines are counted in blocks of five minutes or more. While there is one release, every template learns its share and
//! how far it strays from block to block; once a new release comes, only that release's lines are counted, after it has
//! settled, and compared with what was before. A template's share has changed if Student's test says so, with the
//! straying of the blocks as its measure: lines in clumps and traffic that sways are no news. Only times of receipt
//! matter, so that wrong clocks don't.
//!
//! The budget is one false signal in a thousand releases, shared out over the looks and the templates ([`limit`]).

mod statistics;

use std::collections::VecDeque;

use aia_plugin_sdk::stats::float;
use aia_plugin_sdk::{RowId, Time};
use serde::{Deserialize, Serialize};

use self::statistics::{deviation, students_chance};
use crate::miner::Miner;
use crate::stats::Stats;

/// Least ticks and lines of a block. With fewer lines a share of a twentieth can't be seen.
const BLOCK_TICKS: u32 = 30;
const BLOCK_LINES: u64 = 100;

/// Blocks that have to be known before a release is compared with them, and how many are remembered: two hours' worth.
const LEAST_BLOCKS: u32 = 7;
const REMEMBERED_BLOCKS: u32 = 24;

/// Ticks that a release is given to start: what it logs then, it doesn't log later.
const SETTLING_TICKS: u32 = 30;

/// Blocks of the new release after which it is compared.
const LOOKS: [u32; 3] = [2, 4, 8];

/// Ticks after which it is no longer waited for more lines of a release: six hours.
const TRIAL_TICKS: u32 = 2160;

/// False signals that may come of a release.
const BUDGET: f64 = 1e-3;

/// Least share of all lines that has to be elsewhere, and factor by which a template has to come more or less often.
/// Smaller changes may be certain, but are nobody's matter.
const LEAST_DISTANCE: f64 = 0.05;
const LEAST_FACTOR: f64 = 2.0;

/// Squared deviation from which a block counts as one that is different, too: three times what is usual.
const ODD_BLOCK: f64 = 9.0;

/// Releases that are remembered as known.
const KNOWN_RELEASES: usize = 8;

/// Most templates that are named.
const NAMED: usize = 5;

/// A template's part in the mix.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Share {
    /// Lines of the block, of the blocks before the release and of those after it.
    block: u32,
    before: u64,
    after: u64,
    /// Sum over the blocks before of how far each strayed from those before it, as squares; chance has 1.
    straying: f64,
    /// Blocks after the release that were different by themselves.
    odd_blocks: u8,
    /// A line of the new release.
    row: Option<RowId>,
}

impl Share {
    /// Counts a line.
    #[inline]
    pub(crate) fn add(&mut self, counted: Counted, row: RowId) {
        match counted {
            Counted::Not => return,
            Counted::Before => {}
            Counted::After => self.row = Some(row),
        }
        self.block = self.block.saturating_add(1);
    }

    /// Takes over what was counted of a template that turned out to be the same.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.block = self.block.saturating_add(other.block);
        self.before += other.before;
        self.after += other.after;
        // How far both together stray isn't known; as far as the worse of them, it is assumed.
        self.straying = self.straying.max(other.straying);
        self.odd_blocks = self.odd_blocks.max(other.odd_blocks);
        self.row = self.row.or(other.row);
    }

    fn begin_trial(&mut self) {
        (self.block, self.after, self.odd_blocks, self.row) = (0, 0, 0, None);
    }
}

/// Where a release's lines are counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Counted {
    /// Nowhere: they are of the release before, or of one that still starts.
    #[default]
    Not,
    /// As what is usual.
    Before,
    /// As what a new release writes.
    After,
}

/// The mix of a service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Mix {
    /// Hashes of the releases seen last.
    known: VecDeque<u64>,
    /// The release seen first most lately, and the one that it is compared with.
    newest: String,
    previous: String,
    /// Ticks and lines of the block.
    ticks: u32,
    lines: u64,
    /// Blocks and lines before.
    blocks: u32,
    before: u64,
    trial: Option<Trial>,
}

/// A new release that is being compared.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Trial {
    first_seen: Time,
    ticks: u32,
    blocks: u32,
    lines: u64,
}

/// A changed mix.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) previous: String,
    pub(crate) release: String,
    pub(crate) first_seen: Time,
    /// Share of the lines that is elsewhere, 0 to 1.
    pub(crate) distance: f64,
    /// Lines of the new release.
    pub(crate) lines: u64,
    /// The templates that account for most of it.
    pub(crate) moved: Vec<Moved>,
}

/// A template whose share has changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) id: u64,
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) row: Option<RowId>,
}

impl Mix {
    /// Notes a release that sent something; says where its lines are counted. `hash` is that of its name.
    pub(crate) fn enter(&mut self, release: &str, hash: u64, now: Time, miner: &mut Miner<Stats>) -> Counted {
        if !release.is_empty() && self.newest != release && !self.known.contains(&hash) {
            self.begin(release, hash, now, miner);
        }
        match &self.trial {
            None => Counted::Before,
            Some(trial) if self.newest == release && trial.ticks >= SETTLING_TICKS => Counted::After,
            Some(_) => Counted::Not,
        }
    }

    /// Begins with a release that wasn't seen so far.
    fn begin(&mut self, release: &str, hash: u64, now: Time, miner: &mut Miner<Stats>) {
        if self.known.len() >= KNOWN_RELEASES {
            self.known.pop_front();
        }
        self.known.push_back(hash);
        let replaced = std::mem::replace(&mut self.newest, release.to_owned());
        if replaced.is_empty() {
            return;
        }
        // Where one release follows another quickly, the last is compared with what is known of the one before both.
        if self.trial.is_none() {
            self.previous = replaced;
        }
        if self.blocks < LEAST_BLOCKS {
            self.forget(miner);
            return;
        }
        self.trial = Some(Trial {
            first_seen: now,
            ..Trial::default()
        });
        (self.ticks, self.lines) = (0, 0);
        miner
            .iter_mut()
            .for_each(|template| template.extra.share.begin_trial());
    }

    /// Begins to learn anew.
    fn forget(&mut self, miner: &mut Miner<Stats>) {
        (self.ticks, self.lines, self.blocks, self.before) = (0, 0, 0, 0);
        self.trial = None;
        miner
            .iter_mut()
            .for_each(|template| template.extra.share = Share::default());
    }

    /// Counts lines.
    pub(crate) fn add(&mut self, counted: Counted, lines: u64) {
        if counted != Counted::Not {
            self.lines += lines;
        }
    }

    /// Goes on to the next tick; says whether the mix has changed with a release.
    pub(crate) fn tick(&mut self, miner: &mut Miner<Stats>) -> Option<Change> {
        if let Some(trial) = &mut self.trial {
            trial.ticks += 1;
            if trial.ticks >= TRIAL_TICKS {
                // So few lines say nothing of the release, and what was before it is long ago.
                self.forget(miner);
                return None;
            }
            if trial.ticks <= SETTLING_TICKS {
                return None;
            }
        }
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks < BLOCK_TICKS || self.lines < BLOCK_LINES {
            return None;
        }
        let lines = std::mem::take(&mut self.lines);
        self.ticks = 0;
        if self.trial.is_some() {
            return self.compare(lines, miner);
        }
        self.learn(lines, miner);
        None
    }

    /// Learns a block of what is usual.
    fn learn(&mut self, lines: u64, miner: &mut Miner<Stats>) {
        let before = self.before;
        self.before += lines;
        self.blocks += 1;
        let is_halved = self.blocks >= REMEMBERED_BLOCKS;
        if is_halved {
            self.before /= 2;
            self.blocks /= 2;
        }
        for template in miner.iter_mut() {
            let share = &mut template.extra.share;
            let block = u64::from(std::mem::take(&mut share.block));
            if before > 0 {
                share.straying += deviation(block, lines, share.before, before);
            }
            share.before += block;
            if is_halved {
                share.before /= 2;
                share.straying /= 2.0;
            }
        }
    }

    /// Takes a block of the new release and, where it is time, compares.
    fn compare(&mut self, lines: u64, miner: &mut Miner<Stats>) -> Option<Change> {
        let (before, comparisons) = (self.before, self.blocks.saturating_sub(1).max(1));
        let trial = self.trial.as_mut()?;
        trial.blocks += 1;
        trial.lines += lines;
        for template in miner.iter_mut() {
            let share = &mut template.extra.share;
            let block = u64::from(std::mem::take(&mut share.block));
            let usual = (share.straying / f64::from(comparisons)).max(1.0);
            let is_odd = deviation(block, lines, share.before, before) > ODD_BLOCK * usual;
            share.odd_blocks = share.odd_blocks.saturating_add(u8::from(is_odd));
            share.after += block;
        }
        let trial = trial.clone();
        if !LOOKS.contains(&trial.blocks) {
            return None;
        }
        let (moved, distance) = self.moved(&trial, comparisons, miner);
        let is_changed = !moved.is_empty() && distance >= LEAST_DISTANCE;
        if is_changed || LOOKS.last() == Some(&trial.blocks) {
            self.end(&trial, is_changed, miner);
        }
        is_changed.then(|| Change {
            previous: self.previous.clone(),
            release: self.newest.clone(),
            first_seen: trial.first_seen,
            distance,
            lines: trial.lines,
            moved,
        })
    }

    /// The templates whose share is another, those that moved most first, and the share of all lines that moved.
    fn moved(&self, trial: &Trial, comparisons: u32, miner: &Miner<Stats>) -> (Vec<Moved>, f64) {
        let shares = || miner.iter().map(|template| (template.id, &template.extra.share));
        let looked_at = shares()
            .filter(|(_, share)| share.before + share.after > 0)
            .count();
        let limit = limit(looked_at as u64);
        let (all_before, all_after) = (float(self.before.max(1)), float(trial.lines.max(1)));
        let (mut moved, mut distance) = (Vec::new(), 0.0);
        for (id, share) in shares() {
            let (before, after) = (float(share.before) / all_before, float(share.after) / all_after);
            distance += (after - before).abs() / 2.0;
            let usual = (share.straying / f64::from(comparisons)).max(1.0);
            let squared = deviation(share.after, trial.lines, share.before, self.before) / usual;
            let is_else = after.max(before) >= LEAST_FACTOR * after.min(before);
            // A single block, as of rows that were sent again and again, is no new mix.
            let is_lasting = 3 * u32::from(share.odd_blocks) >= 2 * trial.blocks;
            if is_else && is_lasting && students_chance(squared, comparisons) < limit {
                let row = share.row;
                moved.push(Moved {
                    id,
                    before,
                    after,
                    row,
                });
            }
        }
        moved.sort_by(|a, b| {
            let by = |one: &Moved| (one.after - one.before).abs();
            by(b).total_cmp(&by(a)).then(a.id.cmp(&b.id))
        });
        moved.truncate(NAMED);
        (moved, distance)
    }

    /// Ends a comparison: what the release writes is usual now, beside what was before or, if it is another, instead.
    fn end(&mut self, trial: &Trial, is_changed: bool, miner: &mut Miner<Stats>) {
        self.trial = None;
        if is_changed {
            (self.before, self.blocks) = (trial.lines, trial.blocks);
        } else {
            self.before += trial.lines;
        }
        for template in miner.iter_mut() {
            let share = &mut template.extra.share;
            let after = std::mem::take(&mut share.after);
            if is_changed {
                (share.before, share.straying) = (after, 0.0);
            } else {
                share.before += after;
            }
            share.begin_trial();
        }
    }
}

/// The chance below which a template's share is another, with so many templates of which one might be.
fn limit(templates: u64) -> f64 {
    BUDGET / float(templates.max(1)) / float(LOOKS.len() as u64)
}
