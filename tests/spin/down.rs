//! Promise: while the bucket doesn't answer, what is acknowledged lies in the key-value store, and in the bucket later.

use std::time::Duration;

use aia_tests::edge::wait_for;
use aia_tests::spin::SpinApp;
use aia_tests::{PROTOBUF, Wire, healthy_request};
use anyhow::{Result, ensure};

use crate::app::Case;

fn kept(app: &SpinApp) -> Result<usize> {
    let values = app.store()?.values();
    Ok(values.keys().filter(|key| key.starts_with("kept/")).count())
}

#[test]
fn what_the_store_keeps_while_the_bucket_is_down_is_in_the_bucket_later_and_consumed_once() -> Result<()> {
    let mut case = Case::new()?;
    assert_eq!(case.told(case.send(&healthy_request(0)))?, 200);
    case.s3.set(Wire::Closed);
    for number in 1..6 {
        assert_eq!(case.told(case.send(&healthy_request(number)))?, 200);
    }
    assert_eq!(kept(&case.app)?, 5, "{}", case.app.log());
    // An instance that was never told which keys are revoked finds it in the store.
    case.app.restart()?;
    assert_eq!(case.told(case.send(&healthy_request(6)))?, 200);
    assert_eq!(kept(&case.app)?, 6, "{}", case.app.log());
    // A store that takes nothing either: nothing is acknowledged.
    case.app.store()?.set_full(true);
    let answer = case.post("/v1/traces", &[PROTOBUF], &healthy_request(7))?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    case.app.store()?.set_full(false);
    case.s3.set(Wire::Whole);
    // What was refused comes again, as an SDK does it, and others go on sending: whoever does takes the lead of an app that
    // was restarted.
    let mut sent = 7;
    let found = wait_for("what was kept consumed", || {
        ensure!(case.send(&healthy_request(sent))? == 200, "{}", case.app.log());
        sent += 1;
        std::thread::sleep(Duration::from_secs(2));
        Ok((kept(&case.app)? == 0).then_some(()))
    });
    case.told(found)?;
    let sent = usize::try_from(sent)?;
    let found = wait_for("everything consumed", || {
        Ok(Some(case.consumed("errors")?).filter(|(all, _)| *all >= sent))
    });
    assert_eq!(case.told(found)?, (sent, 0));
    case.bucket.consumed_once("errors").map(drop)
}

#[test]
fn the_store_keeps_so_much_and_no_more() -> Result<()> {
    let case = Case::new()?;
    assert_eq!(case.told(case.send(&healthy_request(0)))?, 200);
    case.s3.set(Wire::Closed);
    // As many as may be kept, of another project.
    for number in 0..1_024 {
        let key = format!("kept/10/segments/default/other/{number}");
        case.app.store()?.put(&key, b"0123456789".to_vec());
    }
    let answer = case.post("/v1/traces", &[PROTOBUF], &healthy_request(1))?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    let log = case.app.log();
    assert!(
        log.contains("keeps 1024 segments of 10240 bytes already"),
        "{log}"
    );
    Ok(())
}
