//! How likely a difference between counts is by chance.

/// Below this share of the likeliest one, outcomes don't count.
const NEGLIGIBLE: f64 = 1e-40;

/// The probability that of `of` requests at least `marked` are marked, if they are marked as often as others, of which
/// `usual_marked` out of `usual_of` are: Fisher's exact test. It needs no assumption about how durations are
/// distributed, and it knows how little a short baseline says. Sums and products only, so that every machine gives the
/// same.
#[must_use]
pub fn chance(marked: u64, of: u64, usual_marked: u64, usual_of: u64) -> f64 {
    let all_marked = marked.saturating_add(usual_marked);
    let lowest = all_marked.saturating_sub(usual_of);
    let highest = of.min(all_marked);
    if marked <= lowest {
        return 1.0;
    }
    // How much likelier `n + 1` marked ones are than `n`.
    let rise = |n: u64| {
        let (up, down) = (all_marked - n, n + 1);
        let (others, rest) = (of - n, usual_of + n + 1 - all_marked);
        (float(up) / float(down)) * (float(others) / float(rest))
    };
    let likeliest = {
        let product = u128::from(of + 1) * u128::from(all_marked + 1);
        let total = u128::from(of) + u128::from(usual_of) + 2;
        u64::try_from(product / total)
            .unwrap_or(u64::MAX)
            .clamp(lowest, highest)
    };
    let (mut sum, mut tail) = (1.0, if likeliest >= marked { 1.0 } else { 0.0 });
    let (mut n, mut weight) = (likeliest, 1.0);
    while n < highest && weight > NEGLIGIBLE {
        weight *= rise(n);
        n += 1;
        sum += weight;
        if n >= marked {
            tail += weight;
        }
    }
    let (mut n, mut weight) = (likeliest, 1.0);
    while n > lowest && weight > NEGLIGIBLE {
        n -= 1;
        weight /= rise(n);
        sum += weight;
        if n >= marked {
            tail += weight;
        }
    }
    tail / sum
}

/// Counts as doubles; those that matter are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a count above 2^53 may be rounded")]
#[must_use]
pub fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn is_fishers_test() {
        // Tea: three of four cups guessed, and one of the other four.
        assert_near(chance(3, 4, 1, 4), 17.0 / 70.0);
        assert_near(chance(4, 4, 0, 4), 1.0 / 70.0);
        // All of ten among 13 marked of 60: C(13,10) / C(60,10).
        assert_near(chance(10, 10, 3, 50), 286.0 / 75_394_027_566.0);
    }

    #[test]
    fn edges_are_sane() {
        for (marked, of, usual_marked, usual_of) in [
            (0, 0, 0, 0),
            (0, 10, 0, 10),
            (5, 5, 5, 5),
            (1, 10, 0, 0),
            (0, 5, 5, 5),
        ] {
            assert_near(chance(marked, of, usual_marked, usual_of), 1.0);
        }
        assert_eq!(chance(1_000_000, 1_000_000, 50_000, 1_000_000), 0.0);
        assert!(chance(50_000, 1_000_000, 50_000, 1_000_000) > 0.4);
    }
}
