//! The table that is printed.

use std::fmt;

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use super::{Report, Scores};

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = Builder::default();
        builder.push_record([
            "system", "lines", "found", "labelled", "GA", "FGA", "FTA", "PA", "lines/s",
        ]);
        let row = |name: &str, counts: [usize; 3], scores: &Scores, speed: f64| {
            let shares = [
                scores.grouping_accuracy,
                scores.grouping_f1,
                scores.template_accuracy,
                scores.parsing_accuracy,
            ];
            let mut row = vec![name.to_owned()];
            row.extend(counts.iter().map(ToString::to_string));
            row.extend(shares.iter().map(|share| format!("{share:.3}")));
            row.push(format!("{speed:.0}"));
            row
        };
        for system in &self.systems {
            let counts = [system.lines, system.found, system.labelled];
            builder.push_record(row(&system.name, counts, &system.scores, system.lines_per_second));
        }
        let sum = |pick: fn(&super::System) -> usize| self.systems.iter().map(pick).sum();
        let counts = [
            sum(|system| system.lines),
            sum(|system| system.found),
            sum(|system| system.labelled),
        ];
        builder.push_record(row("average", counts, &self.average, self.lines_per_second));
        let mut table = builder.build();
        table
            .with(Style::blank())
            .modify(Columns::new(1..), Alignment::right());
        table.fmt(formatter)
    }
}
