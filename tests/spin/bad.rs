//! What goes wrong, and what doesn't become of it.

use std::path::Path;

use aia_telemetry::{KeyId, ProjectId, TenantId};
use aia_tests::edge::{deployment, wait_for};
use aia_tests::refused::{check_keys, check_sizes};
use aia_tests::spin::SpinBundle;
use aia_tests::{JSON, PROTOBUF, healthy_request, json_span};
use anyhow::{Result, ensure};

use crate::app::{each, each_with};

#[test]
fn who_may_not_send_is_refused_before_anything_is_read() -> Result<()> {
    each(|case| {
        let status = |key: &str| -> Result<u16> {
            let authorization = format!("Bearer {key}");
            let headers = [PROTOBUF, ("authorization", authorization.as_str())];
            Ok(case.post("/v1/traces", &headers, &healthy_request(1))?.status)
        };
        case.told(check_keys(&case.bucket, status))?;
        // Genuine, and of somebody whose telemetry another app takes: no instance serves two.
        let elsewhere = deployment()?.ingest().mint(
            &TenantId::new("acme")?,
            &ProjectId::new("default")?,
            &KeyId::new("edge")?,
        );
        assert_eq!(case.told(status(&elsewhere))?, 403);
        assert_eq!(case.bucket.keys("segments/acme/")?, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn what_is_too_large_is_refused_also_if_it_hides() -> Result<()> {
    each(|case| {
        case.told(check_sizes(|headers, body| case.post("/v1/logs", headers, body)))?;
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
                let body = json_span("GET /cart");
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
                case.told(case.post("/v1/traces", &[JSON], &json_span(name)))?
                    .status,
                200
            );
            sent += 1;
        }
        // Others go on sending, and every one of them is answered.
        let found = wait_for("the segment spared", || {
            let answer = case.post("/v1/traces", &[JSON], &json_span("fine, too"))?;
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
        case.bucket.consumed_once("errors")?;
        let log = case.app.log();
        assert!(
            log.contains("plugin `evil`: ended the isolate on the segment"),
            "{log}"
        );
        Ok(())
    })
}
