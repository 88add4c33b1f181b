//! Numbers. Logarithms and exponentials come from `libm` on every target, so that native code and Wasm give the same
//! bits.

/// Natural logarithm; 0 for what has none.
pub(crate) fn ln(value: f64) -> f64 {
    if value > 0.0 && value.is_finite() {
        libm::log(value)
    } else {
        0.0
    }
}

/// e to a power.
pub(crate) fn exp(value: f64) -> f64 {
    libm::exp(value)
}

/// A count as a number.
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Log-likelihood ratio of seeing `hits` in `of` tries when their share was `expected`; 0 if it isn't more than that.
pub(crate) fn surprise(hits: f64, of: f64, expected: f64) -> f64 {
    if !(of > 0.0 && hits > 0.0 && expected > 0.0 && expected < 1.0) {
        return 0.0;
    }
    let share = (hits / of).min(1.0);
    if share <= expected {
        return 0.0;
    }
    let mut ratio = hits * ln(share / expected);
    if share < 1.0 {
        ratio += (of - hits) * ln((1.0 - share) / (1.0 - expected));
    }
    ratio.max(0.0)
}

/// Log-likelihood ratio of two shares being two and not one: `hits` of `of` now, `seen` of `before` before; 0 if the
/// share isn't larger than before.
pub(crate) fn rise(hits: f64, of: f64, seen: f64, before: f64) -> f64 {
    if !(of > 0.0 && before > 0.0 && hits >= 0.0 && seen >= 0.0) {
        return 0.0;
    }
    let (now, then) = ((hits / of).min(1.0), (seen / before).min(1.0));
    if now <= then {
        return 0.0;
    }
    let one = (hits + seen) / (of + before);
    let part = |share: f64, of: f64| {
        let gain = |share: f64, one: f64| {
            if share > 0.0 {
                of * share * ln(share / one)
            } else {
                0.0
            }
        };
        gain(share, one) + gain(1.0 - share, 1.0 - one)
    };
    (part(now, of) + part(then, before)).max(0.0)
}

/// Log-likelihood ratio of a count of `seen` where `expected` were to come (Poisson), in either direction.
pub(crate) fn poisson(seen: f64, expected: f64) -> f64 {
    if !(expected > 0.0 && seen >= 0.0) {
        return 0.0;
    }
    let gain = if seen > 0.0 {
        seen * ln(seen / expected)
    } else {
        0.0
    };
    (gain - (seen - expected)).max(0.0)
}

/// A log-likelihood ratio on the scale of standard deviations.
pub(crate) fn deviations(ratio: f64) -> f64 {
    (2.0 * ratio.max(0.0)).sqrt()
}

/// The value that `share` percent of the sorted values don't exceed; 0 for none.
pub(crate) fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

/// Sum divided by count; 0 for none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / float(values.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_weighed_by_what_is_known() {
        assert_eq!(rise(52.0, 52.0, 28.0, 28.0), 0.0);
        assert_eq!(rise(1.0, 100.0, 5.0, 100.0), 0.0);
        assert!(rise(5.0, 10.0, 0.0, 8.0) < rise(5.0, 10.0, 0.0, 80.0));
        assert!(deviations(rise(60.0, 100.0, 1.0, 100.0)) > 8.0);
        assert_eq!(rise(f64::NAN, 1.0, 1.0, 1.0), 0.0);
        assert_eq!(rise(1.0, 0.0, 0.0, 0.0), 0.0);
    }
}
