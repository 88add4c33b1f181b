//! What goes wrong, and what doesn't become of it.

use std::io::Write;
use std::path::Path;

use aia_telemetry::{KeyId, ProjectId, RevocationList, TenantId};
use aia_tests::edge::{deployment, ingest_key, wait_for};
use aia_tests::spin::SpinBundle;
use aia_tests::{Answer, healthy_request};
use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::{JSON, PROTOBUF, each, each_with, span};

#[test]
fn who_may_not_send_is_refused_before_anything_is_read() -> Result<()> {
    each(|case| {
        let (tenant, project) = (TenantId::new("default")?, ProjectId::new("default")?);
        let lost = KeyId::new("lost")?;
        let mut revoked = RevocationList::default();
        revoked.revoke(&tenant, &project, &lost);
        case.bucket.put(
            RevocationList::OBJECT_KEY,
            revoked.seal(&deployment()?.segments()),
        )?;
        let ingest = deployment()?.ingest();
        let lost = ingest.mint(&tenant, &project, &lost);
        // Genuine, and of somebody whose telemetry another app takes: no instance serves two.
        let elsewhere = ingest.mint(&TenantId::new("acme")?, &project, &KeyId::new("edge")?);
        let good = ingest_key("default")?;
        let forged = good.replacen("default.default", "default.other", 1);
        let status = |key: &str| -> Result<u16> {
            let authorization = format!("Bearer {key}");
            let headers = [PROTOBUF, ("authorization", authorization.as_str())];
            Ok(case.post("/v1/traces", &headers, &healthy_request(1))?.status)
        };
        let statuses = [
            status(&forged)?,
            status("aia_1.default.default.edge.AAAA")?,
            status(&lost)?,
            status(&elsewhere)?,
        ];
        assert_eq!(case.told(Ok(statuses))?, [401, 401, 403, 403]);
        assert_eq!(case.bucket.keys("segments/")?, Vec::<String>::new());
        assert_eq!(status(&good)?, 200);
        // A project of its own, which the other one's key doesn't reach.
        assert_eq!(status(&ingest_key("other")?)?, 200);
        let keys = case.bucket.keys("segments/")?;
        let of = |project: &str| {
            keys.iter()
                .filter(|key| key.starts_with(&format!("segments/default/{project}/")))
                .count()
        };
        assert_eq!((of("default"), of("other"), keys.len()), (1, 1, 2), "{keys:?}");
        Ok(())
    })
}

#[test]
fn what_is_too_large_is_refused_also_if_it_hides() -> Result<()> {
    each(|case| {
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
        refused(case.post("/v1/logs", &[JSON], &large)?, "8388608 bytes; send")?;
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            bomb.write_all(&large)?;
        }
        let gzip = [JSON, ("content-encoding", "gzip")];
        refused(
            case.post("/v1/logs", &gzip, &bomb.finish()?)?,
            "after decompression",
        )?;
        assert_eq!(case.told(case.send(&healthy_request(1)))?, 200);
        Ok(())
    })
}

#[test]
fn a_project_sends_its_quota_and_no_more() -> Result<()> {
    each_with(
        &|_, bundle| Ok(bundle),
        &[("aia_project_bytes_a_day", "3000")],
        |case| {
            let mut sent = 0;
            let refused = loop {
                let body = span("GET /cart");
                let answer = case.post("/v1/traces", &[JSON], &body)?;
                if answer.status != 200 {
                    break answer;
                }
                sent += body.len();
                ensure!(sent <= 3000, "{sent}");
            };
            assert_eq!(refused.status, 429, "{}", case.app.log());
            let text = String::from_utf8_lossy(&refused.body).into_owned();
            assert!(text.contains("the project may send 3000 bytes a day"), "{text}");
            ensure!(sent > 2000, "{sent}");
            Ok(())
        },
    )
}

#[test]
fn an_app_that_isnt_set_up_says_so_to_the_operator_alone() -> Result<()> {
    each_with(
        &|_, bundle| Ok(bundle),
        &[("aia_secret_key", "hunter2")],
        |case| {
            let answer = case.post("/v1/traces", &[PROTOBUF], &healthy_request(1))?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 503, "{text}");
            assert!(text.contains("temporarily not available"), "{text}");
            let log = case.app.log();
            assert!(
                log.contains("the app isn't set up: the secret AIA_SECRET_KEY is not valid"),
                "{log}"
            );
            assert!(!log.contains("hunter2") && !text.contains("hunter2"), "{log}");
            Ok(())
        },
    )
}

/// A trap in a composition ends all of it: the instance that it happened in, not the app.
#[test]
fn a_plugin_that_traps_is_spared_the_segment_and_everything_else_goes_on() -> Result<()> {
    let bundle = |folder: &Path, bundle: SpinBundle| {
        let (errors, evil) = (folder.join("errors.wasm"), folder.join("evil.wasm"));
        std::fs::write(&errors, aia_plugins::ERRORS)?;
        std::fs::write(&evil, aia_plugins::EVIL)?;
        bundle.with_plugins(&folder.join("bundle"), &[&errors, &evil])
    };
    each_with(&bundle, &[], |case| {
        let mut sent = 0;
        for name in ["fine", "trap-now"] {
            assert_eq!(
                case.told(case.post("/v1/traces", &[JSON], &span(name)))?.status,
                200
            );
            sent += 1;
        }
        // Others go on sending, and every one of them is answered.
        let found = wait_for("the segment spared", || {
            let answer = case.post("/v1/traces", &[JSON], &span("fine, too"))?;
            ensure!(answer.status == 200, "{}", answer.status);
            sent += 1;
            std::thread::sleep(std::time::Duration::from_secs(2));
            Ok(Some(case.consumed("evil")?).filter(|(_, spared)| *spared > 0))
        });
        let (_, spared) = case.told(found)?;
        assert_eq!(spared, 1);
        let found = wait_for("the rest consumed by both", || {
            let (errors, evil) = (case.consumed("errors")?, case.consumed("evil")?);
            Ok((errors.0 >= sent && evil.0 >= sent).then_some((errors, evil)))
        });
        assert_eq!(case.told(found)?, ((sent, 0), (sent, 1)));
        case.assert_consumed_once("errors")?;
        let log = case.app.log();
        assert!(
            log.contains("plugin `evil`: ended the isolate on the segment"),
            "{log}"
        );
        Ok(())
    })
}
