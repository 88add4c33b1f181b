//! Restoring at any point is the same as never having stopped.

use aia_plugin_metrics::MetricsDetector;
use aia_plugin_sdk::testing::{TestMetric, TestPoint};
use aia_plugin_sdk::{Detector, Metrics, Outcome};
use proptest::prelude::*;

use crate::fleet::{at, batch, gauge, noise};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn at_any_point(
        stops in prop::collection::btree_set(0_u64..260, 1..6),
        height in 0.0_f64..1e6,
        from in 60_u64..240,
    ) {
        let open = |snapshot: Option<&[u8]>| MetricsDetector::open(Default::default(), snapshot).unwrap();
        let (mut whole, mut parts) = (open(None), open(None));
        for number in 0..260 {
            let value = if number < from { noise(number) } else { height + noise(number) };
            let counter = TestMetric::new("n", "").sum(true, true);
            let metrics = vec![
                gauge("g", value),
                counter.point(TestPoint::Double(100.0 * value), &[("a", "b")]),
                gauge(&format!("passing.{}", number / 20), value),
            ];
            let batch = batch(number, "cart", metrics);
            let mut given = Vec::new();
            if stops.contains(&number) {
                let snapshot = parts.snapshot();
                parts = open(Some(&snapshot));
                prop_assert_eq!(parts.snapshot(), snapshot);
            }
            for detector in [&mut whole, &mut parts] {
                let mut out = Outcome::default();
                detector.observe_metrics(Metrics::new(&batch), &mut out).unwrap();
                detector.tick(at(number), &mut out).unwrap();
                given.push(out.into_signals());
            }
            prop_assert_eq!(&given[0], &given[1]);
        }
        prop_assert_eq!(whole.snapshot(), parts.snapshot());
    }
}
