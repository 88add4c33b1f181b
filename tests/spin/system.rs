//! Promise: what the app acknowledges becomes incidents, once, whatever ends on the way.

use aia_tests::clients::export_javascript;
use aia_tests::edge::{host, wait_for};
use aia_tests::spin::{Compiled, Reuse, SpinApp, SpinBundle, variables};
use aia_tests::{PROTOBUF, healthy_request};
use anyhow::{Context, Result, ensure};

use crate::app::{Case, each};

#[test]
fn exports_of_an_sdk_become_one_incident_although_the_app_ends_between_them() -> Result<()> {
    each(|mut case| {
        let host = host(&case.folder().join("host"), &case.s3.settings(), &[])?;
        let mut traces = Vec::new();
        for number in 0..6 {
            traces.push(case.told(export_javascript(case.app.url()))?);
            if number == 2 {
                case.app.restart()?;
            }
        }
        let incident = case.told(host.wait_for_incident(aia_tests::edge::WITHIN))?;
        assert_eq!(incident["service"], "client", "{incident}");
        for plugin in ["errors", "latency", "logs", "metrics", "paths"] {
            let found = wait_for(&format!("everything consumed by {plugin}"), || {
                Ok(Some(case.consumed(plugin)?).filter(|(all, _)| *all >= 18))
            });
            case.told(found)?;
            case.bucket.consumed_once(plugin)?;
        }
        let stored = wait_for("the last trace at the host", || {
            let stored = host.stored()?;
            Ok(traces
                .iter()
                .all(|trace| stored.spans_of(trace) > 0)
                .then_some(stored))
        })?;
        for trace in &traces {
            assert_eq!(stored.spans_of(trace), 1, "{trace}");
        }
        assert_eq!(host.incidents()?.len(), 1);
        Ok(())
    })
}

/// Sends so many requests at once; all are taken.
fn send_at_once(url: &str, requests: std::ops::Range<u64>) -> Result<()> {
    let threads: Vec<_> = requests
        .map(|number| {
            let url = url.to_owned();
            std::thread::spawn(move || -> Result<u16> {
                let body = healthy_request(number);
                Ok(aia_tests::edge::post_to(&url, "/v1/traces", &[PROTOBUF], &body)?.status)
            })
        })
        .collect();
    for thread in threads {
        let status = thread
            .join()
            .map_err(|_| anyhow::anyhow!("a sender panicked"))??;
        ensure!(status == 200, "{status}");
    }
    Ok(())
}

#[test]
fn two_apps_on_one_bucket_race_for_commits_and_consume_everything_once() -> Result<()> {
    each(|case| {
        // Its store is another one: it knows nothing of the first one's lead.
        let rival = SpinApp::start(&SpinBundle::first_party()?, variables(&case.s3.settings()))?;
        for round in 0..3 {
            let first = round * 20;
            case.told(send_at_once(case.app.url(), first..first + 10))?;
            send_at_once(rival.url(), first + 10..first + 20)?;
        }
        let found = wait_for("everything consumed", || {
            Ok(Some(case.consumed("errors")?).filter(|(all, _)| *all >= 60))
        });
        assert_eq!(case.told(found)?, (60, 0));
        case.bucket.consumed_once("errors")?;
        let logs = format!("{}{}", case.app.log(), rival.log());
        assert!(logs.contains("another owner was faster"), "{logs}");
        Ok(())
    })
}

#[test]
fn instances_that_serve_one_request_each_consume_everything_once() -> Result<()> {
    let case = Case::new()?;
    let compiled = Compiled::of(&SpinBundle::first_party()?.folder().join("spin.toml"))?;
    let reuse = Reuse {
        requests: 1,
        at_once: 1,
        ..Reuse::default()
    };
    let app = SpinApp::start_with(compiled, variables(&case.s3.settings()), reuse)?;
    for round in 0..4 {
        send_at_once(app.url(), round * 8..(round + 1) * 8)?;
    }
    let found = wait_for("everything consumed", || {
        Ok(Some(case.consumed("errors")?).filter(|(all, _)| *all >= 32))
    });
    assert_eq!(found.with_context(|| app.log())?, (32, 0));
    case.bucket.consumed_once("errors").map(drop)
}
