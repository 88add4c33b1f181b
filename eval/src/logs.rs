//! How well templates are mined: `aia eval logs DIR`.
//!
//! `DIR` has a folder per system with `<System>_2k.log_structured.csv` in it, of which the column `Content` is mined,
//! line by line, by one miner with its one configuration; `EventId` and `EventTemplate` are only compared with
//! afterwards. A line's group is its template's id as it stands after the last line, since templates are merged as
//! lines come.

mod error;
mod read;
mod score;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use aia_plugin_logs::Miner;
use serde::Serialize;

pub use self::error::Error;
pub use self::read::{Line, Set, sets};
pub use self::score::{Scores, normalise, score};

/// Templates that a miner may keep while it is measured: more than any set has, so that none is given up.
const TEMPLATES: u32 = 4000;

/// How long speed is measured for, at least.
const MEASURED_FOR: Duration = Duration::from_millis(250);

/// What came of a folder of sets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Each set, in the order of their names.
    pub systems: Vec<System>,
    /// The mean over the sets.
    pub average: Scores,
    /// The mean of lines mined in a second.
    pub lines_per_second: f64,
}

/// What came of one set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct System {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: usize,
    /// Templates that were found.
    pub found: usize,
    /// Templates that there are.
    pub labelled: usize,
    /// How well they agree.
    #[serde(flatten)]
    pub scores: Scores,
    /// Lines mined in a second, on one core.
    pub lines_per_second: f64,
}

/// Mines all sets of a folder and compares.
///
/// # Errors
/// When the folder has no set, or one can't be read.
pub fn evaluate(folder: &Path) -> Result<Report, Error> {
    let systems: Vec<System> = sets(folder)?.iter().map(evaluate_set).collect();
    let mean = |pick: fn(&System) -> f64| systems.iter().map(pick).sum::<f64>() / float(systems.len());
    Ok(Report {
        average: Scores {
            grouping_accuracy: mean(|system| system.scores.grouping_accuracy),
            grouping_f1: mean(|system| system.scores.grouping_f1),
            template_accuracy: mean(|system| system.scores.template_accuracy),
            parsing_accuracy: mean(|system| system.scores.parsing_accuracy),
        },
        lines_per_second: mean(|system| system.lines_per_second),
        systems,
    })
}

/// A group by number and the template of each line.
#[must_use]
pub fn mine(contents: &[&str]) -> Vec<(u64, String)> {
    let mut miner = Miner::<()>::new(TEMPLATES);
    let ids: Vec<u64> = contents.iter().map(|line| miner.line(line.as_bytes())).collect();
    let texts: BTreeMap<u64, String> = miner
        .templates()
        .into_iter()
        .map(|(id, text, _)| (id, text))
        .collect();
    let groups = ids.into_iter().map(|id| {
        let id = miner.resolve(id);
        (id, texts.get(&id).cloned().unwrap_or_default())
    });
    groups.collect()
}

/// Mines one set and compares.
#[must_use]
pub fn evaluate_set(set: &Set) -> System {
    let contents: Vec<&str> = set.lines.iter().map(|line| line.content.as_str()).collect();
    let found = mine(&contents);
    let labelled: Vec<(&str, &str)> = set
        .lines
        .iter()
        .map(|line| (line.event_id.as_str(), line.event_template.as_str()))
        .collect();
    let groups: std::collections::BTreeSet<u64> = found.iter().map(|(id, _)| *id).collect();
    let labels: std::collections::BTreeSet<&str> = labelled.iter().map(|(id, _)| *id).collect();
    System {
        name: set.name.clone(),
        lines: set.lines.len(),
        found: groups.len(),
        labelled: labels.len(),
        scores: score(&found, &labelled),
        lines_per_second: speed(&contents),
    }
}

/// Lines that are mined in a second by one miner that sees them again and again.
fn speed(contents: &[&str]) -> f64 {
    let mut miner = Miner::<()>::new(TEMPLATES);
    let (start, mut lines) = (Instant::now(), 0);
    while start.elapsed() < MEASURED_FOR {
        for line in contents {
            std::hint::black_box(miner.line(line.as_bytes()));
        }
        lines += contents.len().max(1);
    }
    float(lines) / start.elapsed().as_secs_f64()
}

/// Counts as doubles; those here are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}
