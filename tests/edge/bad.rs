//! What goes wrong at the edge, and what doesn't become of it.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;

use aia::pull::WasmPlugins;
use aia::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use aia_edge::{Config, Memory, MemoryError, Note, Owner};
use aia_telemetry::{KeyId, ProjectId, RevocationList, TenantId};
use aia_tests::{Answer, Bundle, Worker, healthy_request};
use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::system::now;
use aia_tests::edge::{SECRET, TestBucket, deployment, ingest_key, post, project_keys, send, told, wait_for};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn entry(name: &str) -> PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    PathBuf::from(tests).join("edge/entries").join(name)
}

fn start(folder: &std::path::Path, secrets: &[(&str, &str)]) -> Result<Worker> {
    let mut all = vec![("AIA_SECRET_KEY", SECRET)];
    all.extend(secrets);
    Worker::start(&Bundle::first_party()?, folder, &all)
}

/// A request in JSON of one span of that name.
fn span(name: &str) -> Vec<u8> {
    let at = now();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cart"}}}}]}},
        "scopeSpans":[{{"spans":[{{"traceId":"{at:032x}","spanId":"{at:016x}","name":"{name}",
        "startTimeUnixNano":"{at}","endTimeUnixNano":"{at}"}}]}}]}}]}}"#
    )
    .into_bytes()
}

#[test]
fn who_may_not_send_is_refused_before_anything_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[])?;
    let bucket = TestBucket::of(&worker.s3())?;
    let mut revoked = RevocationList::default();
    let (tenant, project) = (TenantId::new("default")?, ProjectId::new("default")?);
    revoked.revoke(&tenant, &project, &KeyId::new("lost")?);
    bucket.put(
        RevocationList::OBJECT_KEY,
        revoked.seal(&deployment()?.segments()),
    )?;
    let lost = deployment()?
        .ingest()
        .mint(&tenant, &project, &KeyId::new("lost")?);
    let good = ingest_key("default")?;
    let foreign = good.replacen("default.default", "default.other", 1);
    let status = |key: &str| -> Result<u16> {
        let authorization = format!("Bearer {key}");
        Ok(post(
            &worker,
            "/v1/traces",
            &[PROTOBUF, ("authorization", &authorization)],
            &healthy_request(1),
        )?
        .status)
    };
    let statuses = [
        status(&foreign)?,
        status("aia_1.default.default.edge.AAAA")?,
        status(&lost)?,
    ];
    assert_eq!(told(Ok(statuses), &worker)?, [401, 401, 403]);
    assert_eq!(bucket.keys("segments/")?, Vec::<String>::new());
    assert_eq!(status(&good)?, 200);
    // A project of its own, which the other one's key doesn't reach.
    assert_eq!(status(&ingest_key("other")?)?, 200);
    let keys = bucket.keys("segments/")?;
    let of = |project: &str| {
        keys.iter()
            .filter(|key| key.starts_with(&format!("segments/default/{project}/")))
            .count()
    };
    assert_eq!((of("default"), of("other"), keys.len()), (1, 1, 2), "{keys:?}");
    Ok(())
}

#[test]
fn what_is_too_large_is_refused_also_if_it_hides() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let worker = start(folder.path(), &[])?;
    let large = vec![b' '; (8 << 20) + 1];
    let refused = |answer: Answer, words: &str| -> Result<()> {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            answer.status == 413 && text.contains(words),
            "{} {text}",
            answer.status
        );
        Ok(())
    };
    refused(post(&worker, "/v1/logs", &[JSON], &large)?, "8388608 bytes; send")?;
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        bomb.write_all(&large)?;
    }
    let gzip = [JSON, ("content-encoding", "gzip")];
    refused(
        post(&worker, "/v1/logs", &gzip, &bomb.finish()?)?,
        "after decompression",
    )?;
    let zstd = [JSON, ("content-encoding", "zstd")];
    assert_eq!(post(&worker, "/v1/logs", &zstd, b"")?.status, 415);
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
        let body = span("GET /cart");
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
        post(&worker, "/v1/traces", &headers, &span("GET /cart"))?.status,
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
        assert_eq!(post(&worker, "/v1/traces", &[JSON], &span(name))?.status, 200);
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
        assert_eq!(post(&worker, "/v1/traces", &[JSON], &span(name))?.status, 200);
        std::thread::sleep(std::time::Duration::from_secs(3));
        worker.kill_and_restart()?;
    }
    assert_eq!(
        post(&worker, "/v1/traces", &[JSON], &span("fine, too"))?.status,
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
