//! How far two shares are from each other, and how likely that is.

use aia_plugin_sdk::stats::float;

/// How far the share `count` of `lines` is from another, squared and measured by what counting alone gives: about 1 by
/// chance.
pub(super) fn deviation(count: u64, lines: u64, other_count: u64, other_lines: u64) -> f64 {
    let (lines, other_lines) = (float(lines.max(1)), float(other_lines.max(1)));
    let (count, other_count) = (float(count), float(other_count));
    let all = lines + other_lines;
    // Merged templates may have more lines than are counted in all.
    let share = ((count + other_count) / all).min(1.0 - 1.0 / all);
    let variance = share * (1.0 - share) * (1.0 / lines + 1.0 / other_lines);
    let difference = count / lines - other_count / other_lines;
    if variance > 0.0 {
        difference * difference / variance
    } else {
        0.0
    }
}

/// The chance that Student's t, with so many degrees of freedom, is as far from 0 as the root of `squared`. For even
/// ones it is a sum (Abramowitz and Stegun, 26.7.4), so that every machine gives the same; odd ones are rounded down.
pub(super) fn students_chance(squared: f64, degrees: u32) -> f64 {
    let degrees = (degrees & !1).max(2);
    let cosine_squared = f64::from(degrees) / (f64::from(degrees) + squared);
    let sine = (1.0 - cosine_squared).sqrt();
    let (mut term, mut sum) = (1.0, 1.0);
    for n in (2..degrees).step_by(2) {
        term *= f64::from(n - 1) / f64::from(n) * cosine_squared;
        sum += term;
    }
    (1.0 - sine * sum).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_students_test() {
        for (t, degrees, expected) in [
            (4.303, 2, 0.05),
            (2.447, 6, 0.05),
            (5.959, 6, 0.001),
            (3.850, 20, 0.001),
        ] {
            let found = students_chance(t * t, degrees);
            assert!(
                (found / expected - 1.0_f64).abs() < 2e-3,
                "{t} {degrees}: {found}"
            );
        }
        assert_eq!(students_chance(0.0, 6), 1.0);
    }

    #[test]
    fn deviation_is_one_by_chance_and_sane_at_the_edges() {
        // A tenth of 100 and two tenths of 100: the usual test of two shares.
        assert!((deviation(10, 100, 20, 100) - 0.01 / (0.15 * 0.85 * 0.02)).abs() < 1e-9);
        for (count, lines, other, others) in [(0, 0, 0, 0), (5, 5, 5, 5), (9, 5, 9, 5), (0, 9, 0, 9)] {
            assert!(deviation(count, lines, other, others).is_finite());
        }
    }
}
