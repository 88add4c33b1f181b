//! Gives a set to the detector and judges what it says.

use std::path::Path;

use aia_plugin_metrics::{Series, alarm_surprise};
use aia_plugin_sdk::Time;

use super::corpus::{Corpus, File};
use super::counts::Counts;
use super::error::Error;
use super::profile::{PROFILES, Profile};
use super::report::{FileReport, ProfileReport, Report};
use super::sweep::{Sweep, best_threshold, normalised};

/// What a detector says of a file: one value per row in each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alarms {
    /// How unusual each row is, from 0 to 1.
    pub scores: Vec<f64>,
    /// Whether the product would tell of it, with its own threshold.
    pub alarms: Vec<bool>,
}

/// Measures the product's detector of metrics on a folder.
///
/// # Errors
/// When the folder isn't such a set.
pub fn run(folder: &Path) -> Result<Report, Error> {
    Ok(evaluate(&Corpus::read(folder)?, detect))
}

/// The product's detector on one file: a series that sees each value once, in order.
fn detect(file: &File) -> Alarms {
    let mut series = Series::new();
    let mut said = Alarms::default();
    for row in &file.rows {
        let time = Time::from_secs(u64::try_from(row.seconds).unwrap_or_default());
        let score = series.observe(time, row.value);
        said.scores.push(score.anomaly);
        // As in a project that has no other series, with the budget of false alarms that is the default.
        let bar = alarm_surprise(1, series.interval_seconds(), 1.0);
        said.alarms.push(score.news >= bar);
    }
    said
}

/// Measures any detector on a set. It is given a file at a time and is to look at rows in order.
pub fn evaluate(corpus: &Corpus, mut detect: impl FnMut(&File) -> Alarms) -> Report {
    let said: Vec<Alarms> = corpus.files.iter().map(&mut detect).collect();
    let mut total = Counts::default();
    let mut files = Vec::with_capacity(corpus.files.len());
    for (file, said) in corpus.files.iter().zip(&said) {
        let counts = Counts::of(file, &said.alarms);
        total.add(&counts);
        files.push(FileReport {
            name: file.name.clone(),
            rows: file.rows.len(),
            counts,
            standard: Vec::new(),
        });
    }
    let profiles: Vec<ProfileReport> = PROFILES
        .iter()
        .map(|profile| judge(corpus, &said, profile))
        .collect();
    // What each file adds under the standard profile, by the threshold that is best for the whole, and as shipped.
    let [standard, ..] = PROFILES;
    let best = profiles.first().map_or(1.1, |profile| profile.threshold);
    for ((report, file), said) in files.iter_mut().zip(&corpus.files).zip(&said) {
        report.standard = vec![
            sum_of(file, &said.scores, best, &standard),
            sum_of(file, &as_scores(&said.alarms), 0.5, &standard),
        ];
    }
    Report {
        files,
        total,
        profiles,
    }
}

fn judge(corpus: &Corpus, said: &[Alarms], profile: &Profile) -> ProfileReport {
    let (mut scored, mut shipped) = (Sweep::default(), Sweep::default());
    for (file, said) in corpus.files.iter().zip(said) {
        scored.add(file, &said.scores, profile);
        shipped.add(file, &as_scores(&said.alarms), profile);
    }
    let (threshold, sum) = best_threshold(&scored, profile);
    ProfileReport {
        profile: *profile,
        threshold,
        score: normalised(sum, scored.windows(), profile),
        score_as_shipped: normalised(shipped.sum(0.5, profile), shipped.windows(), profile),
    }
}

fn sum_of(file: &File, scores: &[f64], threshold: f64, profile: &Profile) -> f64 {
    let mut sweep = Sweep::default();
    sweep.add(file, scores, profile);
    sweep.sum(threshold, profile)
}

fn as_scores(alarms: &[bool]) -> Vec<f64> {
    alarms
        .iter()
        .map(|is_alarm| f64::from(u8::from(*is_alarm)))
        .collect()
}
