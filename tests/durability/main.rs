//! Promise: nothing acknowledged is lost, and nothing counts twice, whenever `aia` dies.

mod bucket;
mod kills;
mod pull;

use std::time::Duration;

use aia_tests::{Host, failing_request, healthy_request};
use anyhow::Result;

/// Detectors hold a trace for ten seconds of the data before they judge it; a busy machine needs its time.
const FOUND_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn kill_9_in_the_middle_ends_in_the_same_single_incident() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut host = Host::start(folder.path())?;
    for number in 0..20 {
        assert_eq!(host.send_traces(&healthy_request(number))?, 200);
    }
    // Killed while the detector holds what it was given, and again after more of it.
    for round in 1..=3 {
        for number in 0..10 {
            assert_eq!(host.send_traces(&failing_request(round * 100 + number))?, 200);
        }
        host.kill_and_restart()?;
    }
    let incident = host.wait_for_incident(FOUND_WITHIN)?;
    for (field, expected) in [
        ("service", "payment"),
        ("operation", "POST /charge"),
        ("release", "2.0.0"),
    ] {
        assert_eq!(incident[field], expected, "{incident}");
    }
    let id = incident["id"].as_str().unwrap_or_default().to_owned();
    let detail = host.get(&format!("/api/v1/incidents/{id}"))?.to_string();
    assert!(detail.contains("payment::ledger::CurrencyMismatch"), "{detail}");

    // Killed once more, and the same requests sent again: the incident is the same, and counts no more than was sent.
    host.kill_and_restart()?;
    for number in 0..10 {
        assert_eq!(host.send_traces(&failing_request(100 + number))?, 200);
    }
    std::thread::sleep(Duration::from_secs(12));
    let incidents = host.incidents()?;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0]["id"], id.as_str());
    Ok(())
}

#[test]
fn a_healthy_system_opens_no_incident() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    for number in 0..60 {
        assert_eq!(host.send_traces(&healthy_request(number))?, 200);
        std::thread::sleep(Duration::from_millis(400));
    }
    assert_eq!(host.incidents()?, Vec::<serde_json::Value>::new());
    Ok(())
}
