//! What the app says its detectors cost.

use std::collections::BTreeMap;

/// Nanoseconds a row of each detector, by the app's log.
pub(super) fn nanoseconds_a_row(log: &str) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let told = log
        .lines()
        .filter_map(|line| line.split_once("detectors within ")?.1.split_once(':'));
    for (_, detectors) in told {
        for (name, rows, milliseconds) in detectors.split(';').filter_map(detector) {
            let (all, spent) = sums.entry(name).or_default();
            *all += rows;
            *spent += milliseconds;
        }
    }
    let of = |(name, (rows, milliseconds)): (String, (f64, f64))| (name, milliseconds * 1e6 / rows.max(1.0));
    sums.into_iter().map(of).collect()
}

/// `NAME ROWS rows MILLISECONDS ms, …`
fn detector(text: &str) -> Option<(String, f64, f64)> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_owned();
    let rows = words.next()?.parse().ok()?;
    let milliseconds = words.nth(1)?.parse().ok()?;
    Some((name, rows, milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_app_are_read() {
        let log = "info: detectors within 31 s: errors 1000 rows 0.100 ms, besides 2.000 ms; \
                   latency 1000 rows 0.400 ms, besides 0.000 ms\n\
                   error: something else: errors 5 rows\n\
                   info: detectors within 30 s: errors 3000 rows 0.500 ms, besides 1.000 ms";
        let costs = nanoseconds_a_row(log);
        assert_eq!(costs.len(), 2);
        assert!((costs["errors"] - 150.0).abs() < 1e-9, "{costs:?}");
        assert!((costs["latency"] - 400.0).abs() < 1e-9, "{costs:?}");
    }
}
