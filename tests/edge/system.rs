//! Promise: what the edge acknowledges becomes incidents, once, whatever is killed on the way.

use aia_tests::clients::export_javascript;
use aia_tests::{Bundle, Worker, failing_request, healthy_request, now};
use anyhow::Result;

use aia_tests::edge::{SECRET, TestBucket, host, send, told, wait_for};

/// A Worker that only has the bucket: what puts into that is there, what detects is gone.
const GONE: &str = "export default { fetch() { return new Response(null, { status: 503 }); } };";

#[test]
fn exports_of_an_sdk_become_one_incident_although_host_and_worker_are_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut worker = Worker::start(
        &Bundle::first_party()?,
        &folder.path().join("worker"),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let mut host = host(&folder.path().join("host"), &worker.s3(), &[])?;
    let mut traces = Vec::new();
    for number in 0..6 {
        traces.push(told(export_javascript(worker.url()), &worker)?);
        match number {
            1 => worker.kill_and_restart()?,
            3 => host.kill_and_restart()?,
            _ => {}
        }
    }
    let incident = told(host.wait_for_incident(aia_tests::edge::WITHIN), &worker)?;
    assert_eq!(incident["service"], "client", "{incident}");
    worker.kill_and_restart()?;
    host.kill_and_restart()?;
    traces.push(told(export_javascript(worker.url()), &worker)?);
    wait_for("the last trace at the host", || {
        let stored = host.stored()?;
        Ok(traces
            .iter()
            .all(|trace| stored.spans_of(trace) > 0)
            .then_some(()))
    })?;
    let stored = host.stored()?;
    for trace in &traces {
        assert_eq!(stored.spans_of(trace), 1, "{trace}");
    }
    // Once and only once, also in the commits.
    let bucket = TestBucket::of(&worker.s3())?;
    for plugin in ["errors", "latency", "logs", "metrics", "paths"] {
        let all = told(bucket.consumed_once(plugin), &worker)?;
        assert!(all >= 18, "{plugin}: {all}");
    }
    assert_eq!(host.incidents()?.len(), 1);
    Ok(())
}

#[test]
fn where_the_edge_stops_the_host_goes_on_and_the_edge_behind_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::first_party()?;
    let kept = folder.path().join("worker");
    let mut worker = Worker::start(&bundle, &kept, &[("AIA_SECRET_KEY", SECRET)])?;
    let host = host(
        &folder.path().join("host"),
        &worker.s3(),
        &["--set", "pull.takeover-after=3 s"],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    for number in 0..5 {
        assert_eq!(told(send(&worker, &healthy_request(number)), &worker)?, 200);
    }
    let before = wait_for("commits of the edge", || {
        Ok(bucket.commits("errors")?.last().map(|commit| commit.number))
    })?;
    // The isolate ends; segments are put, and nobody is told of them.
    worker.kill()?;
    let entry = folder.path().join("gone.mjs");
    std::fs::write(&entry, GONE)?;
    worker.restart_with(&bundle.with_entry(&folder.path().join("gone"), &entry)?)?;
    for number in 5..12 {
        bucket.put_segment(&failing_request(number), now())?;
    }
    let incident = told(host.wait_for_incident(aia_tests::edge::WITHIN), &worker)?;
    assert_eq!(incident["service"], "payment", "{incident}");
    let between = bucket.commits("errors")?;
    let last = between.last().map_or(0, |commit| commit.number);
    assert!(last > before, "{last} {before}");
    // The edge comes back and goes on behind the host's commits.
    worker.kill()?;
    worker.restart_with(&bundle)?;
    assert_eq!(told(send(&worker, &failing_request(12)), &worker)?, 200);
    wait_for("the edge's commit behind the host's", || {
        let commits = bucket.commits("errors")?;
        let segments = commits.iter().map(|commit| commit.segments.len()).sum::<usize>();
        Ok((segments == 13).then_some(()))
    })?;
    assert_eq!(host.incidents()?.len(), 1);
    Ok(())
}
