//! Steady noise gives nothing: a day of it, within the budget of one false signal.

use aia_plugin_logs::LogLines;
use aia_plugin_sdk::testing::Harness;

use crate::world::{Line, Random, run};

#[test]
fn hours_of_clumped_noise_are_quiet() {
    for seed in 1..4 {
        let mut random = Random(seed);
        let mut harness = Harness::<LogLines>::new().without_restoring();
        run(&mut harness, 0..2880, |_| {
            let mut lines: Vec<Line> = Vec::new();
            for kind in ["list", "show", "add", "change", "remove"] {
                // Clumps of up to eight lines at random.
                if random.below(3) == 0 {
                    for _ in 0..random.below(8) {
                        let severity = if kind == "remove" { 13 } else { 9 };
                        lines.push((severity, format!("{kind} cart {} done", random.below(1000))));
                    }
                }
            }
            lines
        });
        assert_eq!(harness.signals(), [], "seed {seed}");
    }
}
