//! What a measurement gives: figures, some with a goal, as a table and as JSON.

use serde_json::{Value, json};

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

/// A measured figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The result.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is to be, where that is promised.
    pub goal: Option<Goal>,
}

impl Figure {
    /// A figure that is only told.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            goal: None,
        }
    }

    /// With what it is to be.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self {
            goal: Some(goal),
            ..self
        }
    }
}

/// A table that figures sum up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it is called in JSON.
    pub name: &'static str,
    /// Its columns.
    pub head: Vec<&'static str>,
    /// Its rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
    /// Whether it is printed, or only written to the file.
    pub is_printed: bool,
}

impl Table {
    fn text(&self) -> String {
        let lines = || {
            let head = std::iter::once(self.head.iter().map(|cell| (*cell).to_owned()).collect());
            head.chain(self.rows.iter().cloned())
        };
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let width = |line: Vec<String>| line.get(column).map_or(0, |cell| cell.chars().count());
                lines().map(width).max().unwrap_or(0)
            })
            .collect();
        let line = |line: Vec<String>| {
            let cells: Vec<String> = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            format!("  {}", cells.join("  ")).trim_end().to_owned()
        };
        lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells = self.head.iter().zip(row);
            cells
                .map(|(head, cell)| ((*head).to_owned(), json!(cell)))
                .collect::<serde_json::Map<_, _>>()
        });
        rows.collect::<Vec<_>>().into()
    }
}

/// All figures of a measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// In the order they are shown.
    pub figures: Vec<Figure>,
    /// What stands above them.
    pub tables: Vec<Table>,
}

impl Outcome {
    /// A table for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let width = self
            .figures
            .iter()
            .map(|figure| figure.name.chars().count())
            .max()
            .unwrap_or(0);
        let lines = self.figures.iter().map(
            |Figure {
                 name,
                 value,
                 unit,
                 goal,
             }| {
                let goal = match goal {
                    None => String::new(),
                    Some(goal) if goal.is_met(*value) => format!("  {}", goal.text()),
                    Some(goal) => format!("  {}: missed", goal.text()),
                };
                format!("  {name:<width$}  {value:>12.2} {unit:<8}{goal}")
                    .trim_end()
                    .to_owned()
            },
        );
        let tables = self.tables.iter().filter(|table| table.is_printed);
        let tables = tables.map(|table| table.text() + "\n");
        tables.chain(lines).collect::<Vec<_>>().join("\n")
    }

    /// For `NAME.json`.
    #[must_use]
    pub fn json(&self, name: &str) -> Value {
        let figures = self.figures.iter().map(
            |Figure {
                 name,
                 value,
                 unit,
                 goal,
             }| {
                let (at_most, at_least) = match goal {
                    None => (None, None),
                    Some(Goal::AtMost(limit)) => (Some(*limit), None),
                    Some(Goal::AtLeast(limit)) => (None, Some(*limit)),
                };
                json!({
                    "name": name, "value": value, "unit": unit, "at_most": at_most, "at_least": at_least,
                    "met": goal.map(|goal| goal.is_met(*value)),
                })
            },
        );
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        json!({
            "bench": name,
            "version": env!("CARGO_PKG_VERSION"),
            "optimized": !cfg!(debug_assertions),
            "machine": { "arch": std::env::consts::ARCH, "os": std::env::consts::OS, "cpus": cpus },
            "figures": figures.collect::<Vec<_>>(),
            "tables": self.tables.iter().map(|table| (table.name.to_owned(), table.json())).collect::<serde_json::Map<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said() {
        let outcome = Outcome {
            figures: vec![
                Figure::new("ratio", 4.0, "×").goal(Goal::AtLeast(5.0)),
                Figure::new("time", 9.5, "ns").goal(Goal::AtMost(25.0)),
                Figure::new("rows", 512.0, ""),
            ],
            ..Outcome::default()
        };
        assert_eq!(
            outcome.table(),
            "  ratio          4.00 ×         ≥ 5: missed\n  time           9.50 ns        ≤ 25\n  rows         512.00"
        );
        let json = outcome.json("x");
        assert_eq!(json["figures"][0]["met"], false);
        assert_eq!(json["figures"][1]["at_most"], 25.0);
        assert_eq!(json["figures"][2]["met"], Value::Null);
    }
}
