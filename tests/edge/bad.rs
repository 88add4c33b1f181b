//! What goes wrong at the edge, and what doesn't become of it.

use std::cell::RefCell;
use std::path::PathBuf;

use aia::pull::WasmPlugins;
use aia::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use aia_edge::{Config, Memory, MemoryError, Note, Owner};
use aia_tests::edge::{SECRET, TestBucket, ingest_key, post, project_keys, send, told, wait_for};
use aia_tests::refused::{check_keys, check_sizes};
use aia_tests::{Answer, Bundle, JSON, PROTOBUF, Worker, healthy_request, json_span, now};
use anyhow::{Result, ensure};

fn entry(name: &str) -> PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    PathBuf::from(tests).join("edge/entries").join(name)
}

fn start(folder: &std::path::Path, secrets: &[(&str, &str)]) -> Result<Worker> {
    let mut all = vec![("AIA_SECRET_KEY", SECRET)];
    all.extend(secrets);
    Worker::start(&Bundle::first_party()?, folder, &all)
}

#[test]
fn who_may_not_send_is_refused_before_anything_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[])?;
    let bucket = TestBucket::of(&worker.s3())?;
    let status = |key: &str| {
        let authorization = format!("Bearer {key}");
        let headers = [PROTOBUF, ("authorization", authorization.as_str())];
        Ok(post(&worker, "/v1/traces", &headers, &healthy_request(1))?.status)
    };
    told(check_keys(&bucket, status), &worker)
}

#[test]
fn what_is_too_large_is_refused_also_if_it_hides() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[])?;
    told(
        check_sizes(|headers, body| post(&worker, "/v1/logs", headers, body)),
        &worker,
    )?;
    // The isolate lives on.
    assert_eq!(told(send(&worker, &healthy_request(1)), &worker)?, 200);
    Ok(())
}

#[test]
fn nothing_is_acknowledged_while_the_bucket_fails() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::first_party()?.with_worker(&folder.path().join("bundle"), &entry("faulty.mjs"))?;
    let worker = Worker::start(
        &bundle,
        &folder.path().join("worker"),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    let tell = |what: &str| Answer::post(&format!("{}{what}", worker.url()), &[], b"");
    tell("/fail")?;
    let body = healthy_request(1);
    let answer = post(&worker, "/v1/traces", &[PROTOBUF], &body)?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(bucket.keys("segments/")?, Vec::<String>::new());
    tell("/work")?;
    // The client comes again, twice: it is stored once.
    for _ in 0..2 {
        assert_eq!(told(send(&worker, &body), &worker)?, 200);
    }
    ensure!((1..=2).contains(&bucket.keys("segments/")?.len()));
    let consumed = wait_for("the segment consumed", || {
        let commits = bucket.commits("errors")?;
        let segments: usize = commits.iter().map(|commit| commit.segments.len()).sum();
        Ok(Some(segments).filter(|segments| *segments > 0))
    })?;
    assert_eq!(consumed, 1);
    Ok(())
}

#[test]
fn a_project_sends_its_quota_and_no_more() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[("AIA_PROJECT_BYTES_A_DAY", "3000")])?;
    let mut sent = 0;
    let refused = loop {
        let body = json_span("GET /cart");
        let answer = post(&worker, "/v1/traces", &[JSON], &body)?;
        if answer.status != 200 {
            break answer;
        }
        sent += body.len();
        ensure!(sent <= 3000, "{sent}");
    };
    assert_eq!(refused.status, 429, "{}", worker.log()?);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("the project may send 3000 bytes a day"), "{text}");
    assert!(refused.header("retry-after").is_some());
    ensure!(sent > 2000, "{sent}");
    // Another project has a quota of its own.
    let authorization = format!("Bearer {}", ingest_key("other")?);
    let headers = [JSON, ("authorization", authorization.as_str())];
    assert_eq!(
        post(&worker, "/v1/traces", &headers, &json_span("GET /cart"))?.status,
        200
    );
    Ok(())
}

/// Segments that a session consumed, and those of them that it was spared.
fn consumed(bucket: &TestBucket, plugin: &str) -> Result<(usize, usize)> {
    let commits = bucket.commits(plugin)?;
    let segments = commits.iter().flat_map(|commit| &commit.segments);
    Ok((
        segments.clone().count(),
        segments.filter(|consumed| consumed.is_skipped).count(),
    ))
}

#[test]
fn a_plugin_that_traps_is_spared_the_segment_and_the_others_go_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::first_party()?.with_worker(&folder.path().join("bundle"), &entry("evil.mjs"))?;
    let worker = Worker::start(
        &bundle,
        &folder.path().join("worker"),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    for name in ["fine", "trap-now", "fine, too"] {
        assert_eq!(
            post(&worker, "/v1/traces", &[JSON], &json_span(name))?.status,
            200
        );
    }
    for (plugin, wanted) in [("errors", (3, 0)), ("evil", (3, 1))] {
        let found = wait_for(&format!("three segments consumed by {plugin}"), || {
            Ok(Some(consumed(&bucket, plugin)?).filter(|(all, _)| *all == 3))
        });
        assert_eq!(told(found, &worker)?, wanted, "{plugin}");
    }
    assert!(
        worker
            .log()?
            .contains("plugin `evil`: `evil` failed: trapped: unreachable"),
        "{}",
        worker.log()?
    );
    Ok(())
}

/// workerd's own limit of processor time isn't enforced on this machine, so the isolate is ended as it would end it: from
/// outside, in the middle of a call.
#[test]
fn a_plugin_that_never_ends_is_found_by_its_note_and_spared_the_segment() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::first_party()?.with_worker(&folder.path().join("bundle"), &entry("evil.mjs"))?;
    let mut worker = Worker::start(
        &bundle,
        &folder.path().join("worker"),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    // Once at work on everything, once on this one call.
    for death in 0..2 {
        let name = if death == 0 { "loop-now" } else { "fine" };
        assert_eq!(
            post(&worker, "/v1/traces", &[JSON], &json_span(name))?.status,
            200
        );
        std::thread::sleep(std::time::Duration::from_secs(3));
        worker.kill_and_restart()?;
    }
    assert_eq!(
        post(&worker, "/v1/traces", &[JSON], &json_span("fine, too"))?.status,
        200
    );
    for (plugin, wanted) in [("evil", (3, 1)), ("errors", (3, 0))] {
        let found = wait_for(&format!("three segments consumed by {plugin}"), || {
            Ok(Some(consumed(&bucket, plugin)?).filter(|(all, _)| *all == 3))
        });
        assert_eq!(told(found, &worker)?, wanted, "{plugin}");
    }
    assert!(
        worker.log()?.contains("ended the isolate on the segment"),
        "{}",
        worker.log()?
    );
    Ok(())
}

#[derive(Default)]
struct TestMemory(RefCell<Note>);

impl Memory for TestMemory {
    async fn read(&self) -> Result<Note, MemoryError> {
        Ok(self.0.borrow().clone())
    }

    async fn write(&self, note: &Note) -> Result<(), MemoryError> {
        *self.0.borrow_mut() = note.clone();
        Ok(())
    }
}

#[test]
fn of_a_worker_and_another_owner_one_has_each_commit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[])?;
    let bucket = TestBucket::of(&worker.s3())?;
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess))?;
    let plugins = WasmPlugins::new([runtime.load("errors", aia_plugins::ERRORS)?]);
    let mut rival = Owner::new(
        bucket.clone(),
        plugins,
        TestMemory::default(),
        project_keys("default")?,
        Config::default(),
    );
    for round in 0..3 {
        for number in 0..3 {
            assert_eq!(
                told(send(&worker, &healthy_request(round * 10 + number)), &worker)?,
                200
            );
        }
        // The Worker has consumed these and not committed them yet.
        bucket.wait(rival.step(now()));
        bucket.wait(rival.close(now()));
    }
    let found = wait_for("everything consumed", || {
        // It looks for segments once a minute.
        Ok(Some(consumed(&bucket, "errors")?).filter(|(all, _)| *all >= 9))
    });
    assert_eq!(told(found, &worker)?, (9, 0));
    let mut ids: Vec<_> = bucket
        .commits("errors")?
        .iter()
        .flat_map(|commit| commit.segments.clone())
        .map(|consumed| consumed.id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    assert!(
        worker.log()?.contains("another owner was faster"),
        "{}",
        worker.log()?
    );
    Ok(())
}
