//! What a measurement comes to, as a table and as JSON.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use super::counts::Counts;
use super::error::Error;
use super::profile::Profile;

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Each file.
    pub files: Vec<FileReport>,
    /// All of them, with the alarms as the product gives them.
    pub total: Counts,
    /// The benchmark's score in each profile.
    pub profiles: Vec<ProfileReport>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileReport {
    /// Its path below `data/`.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// The alarms as the product gives them.
    pub counts: Counts,
    /// What it adds to the standard profile's sum: with the best threshold of the whole, and as the product is shipped.
    pub standard: Vec<f64>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileReport {
    /// Its weights.
    pub profile: Profile,
    /// The one threshold that is best for the whole set, as the benchmark chooses it.
    pub threshold: f64,
    /// The score with that.
    pub score: f64,
    /// The score with the alarms as the product gives them.
    pub score_as_shipped: f64,
}

impl Report {
    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write_json(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Write {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        fs::write(path, text + "\n").map_err(failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = Builder::default();
        builder.push_record([
            "file",
            "rows",
            "windows",
            "found",
            "false alarms",
            "a day",
            "delay",
            "sum, best threshold",
            "sum, as shipped",
        ]);
        for file in &self.files {
            // Names come with the data.
            let name: String = file.name.escape_debug().collect();
            builder.push_record(row(name, file.rows, &file.counts, &file.standard));
        }
        let rows = self.files.iter().map(|file| file.rows).sum();
        let sums: Vec<f64> = (0..2)
            .map(|at| self.files.iter().filter_map(|file| file.standard.get(at)).sum())
            .collect();
        builder.push_record(row("total".to_owned(), rows, &self.total, &sums));
        let mut table = builder.build();
        table
            .with(Style::psql())
            .modify(Columns::new(1..), Alignment::right());
        writeln!(formatter, "{table}\n")?;
        writeln!(
            formatter,
            "Alarms as shipped: precision {}, recall {}, F1 {}, mean delay {}, {} false alarms a day\n",
            figure(self.total.precision(), 3),
            figure(self.total.recall(), 3),
            figure(self.total.f1(), 3),
            duration(self.total.mean_delay_seconds()),
            figure(self.total.false_alarms_a_day(), 3),
        )?;
        for of in &self.profiles {
            writeln!(
                formatter,
                "{:<20} {:>6.2} (threshold {:.4}), as shipped {:>6.2}",
                of.profile.name, of.score, of.threshold, of.score_as_shipped
            )?;
        }
        Ok(())
    }
}

fn row(name: String, rows: usize, counts: &Counts, sums: &[f64]) -> [String; 9] {
    let sum = |at: usize| figure(sums.get(at).copied(), 2);
    [
        name,
        rows.to_string(),
        counts.windows.to_string(),
        counts.found.to_string(),
        counts.false_alarms.to_string(),
        figure(counts.false_alarms_a_day(), 2),
        duration(counts.mean_delay_seconds()),
        sum(0),
        sum(1),
    ]
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn duration(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) => format!("{:.1} h", seconds / 3600.0),
    }
}
