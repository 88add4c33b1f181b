//! Errors that came with a release.

use aia_plugin_sdk::Severity;

use crate::shop::{at, harness, run_failing, run_healthy};

#[test]
fn a_release_that_brings_errors_is_named_and_high() {
    let mut harness = harness();
    run_healthy(&mut harness, 0..30);
    for second in 30..60 {
        run_healthy(&mut harness, second..second + 1);
        if second % 5 == 0 {
            run_failing(&mut harness, second..second + 1, "1.1");
        }
    }
    let signals = harness.silence_until(at(90)).take_signals();
    let signal = &signals[0];
    assert!(signal.severity >= Severity::High, "{signal:?}");
    assert_eq!(
        (signal.service.as_str(), signal.release.as_str()),
        ("payment", "1.1")
    );
    let detail = |name: &str| {
        signal
            .details
            .iter()
            .find(|detail| detail.name == name)
            .map(|detail| detail.value.as_str())
    };
    assert_eq!(detail("release.previous"), Some("1.0"));
    assert_eq!(detail("release.first_seen"), Some("2023-11-14T22:13:50Z"));
    assert_eq!(detail("exception.type"), Some("com.shop.CardDeclined"));
    assert_eq!(detail("exception.message"), Some("card 4711 declined"));
    assert_eq!(
        detail("code.frames"),
        Some("com.shop.payment.Cards.charge\ncom.shop.payment.Api.post")
    );
    assert!(
        signals.iter().all(|signal| signal.service == "payment"),
        "{signals:?}"
    );
}

#[test]
fn errors_that_were_there_before_the_release_arent_its_fault() {
    let mut harness = harness();
    for second in 0..60 {
        run_healthy(&mut harness, second..second + 1);
        if second % 10 == 0 {
            run_failing(
                &mut harness,
                second..second + 1,
                if second < 30 { "1.0" } else { "1.1" },
            );
        }
    }
    let signals = harness.silence_until(at(90)).take_signals();
    assert!(!signals.is_empty());
    assert!(
        signals.iter().all(|signal| signal.severity <= Severity::Medium),
        "{signals:?}"
    );
}
