//! Prints how long the detector takes for a row: `cargo run --release -p aia-plugin-logs --example speed`.

use std::time::Instant;

use aia_plugin_logs::LogLines;
use aia_plugin_sdk::testing::{LogBatchBuilder, TestLog};
use aia_plugin_sdk::{Detector, Logs, Outcome, Time};

fn main() {
    let mut batch =
        LogBatchBuilder::new(Time::from_secs(1_700_000_000)).resource(&[("service.name", "cart")]);
    for n in 0..512_u64 {
        let text = match n % 4 {
            0 => format!(
                "order {n} of customer {} took {} ms in 10.0.0.{n}:8080",
                n * 7,
                n % 90
            ),
            1 => format!(
                "GET /carts/{n}/items status=200 bytes={} agent=\"Mozilla/5.0\"",
                n * 13
            ),
            2 => format!("connection {n} from 10.1.2.{n} closed after {} requests", n % 17),
            _ => "reconciler swept the carts".to_owned(),
        };
        batch = batch.log(TestLog::new(9, text));
    }
    let batch = batch.build();
    let Ok(mut detector) = LogLines::open(aia_plugin_logs::Config::default(), None) else {
        return;
    };
    // The least of many rounds: whatever else the machine does only adds to it.
    let (start, mut least) = (Instant::now(), f64::INFINITY);
    while start.elapsed().as_millis() < 1000 {
        let round = Instant::now();
        for _ in 0..20 {
            let mut out = Outcome::default();
            if detector.observe_logs(Logs::new(&batch), &mut out).is_err() {
                return;
            }
        }
        least = least.min(round.elapsed().as_secs_f64() * 1e9 / (20.0 * 512.0));
    }
    println!("{least:.0} ns a row");
}
