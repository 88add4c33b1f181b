//! What is slow is found, and laid where the time is spent.

use aia_plugin_sdk::{Severity, Signal};

use crate::shop::{HEALTHY, Shop, at, harness};

fn detail<'a>(signal: &'a Signal, name: &str) -> Option<&'a str> {
    signal
        .details
        .iter()
        .find(|detail| detail.name == name)
        .map(|detail| detail.value.as_str())
}

fn measure(signal: &Signal, name: &str) -> (f64, f64) {
    let measure = signal
        .measures
        .iter()
        .find(|measure| measure.name == name)
        .unwrap();
    (measure.value, measure.baseline.unwrap())
}

/// The signals of a healthy two minutes followed by one and a half like this.
fn signals_of(shop: Shop) -> Vec<Signal> {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    assert_eq!(harness.signals(), []);
    shop.run(&mut harness, 120..210);
    harness.take_signals()
}

#[test]
fn a_slow_service_is_found_and_its_callers_arent_blamed() {
    let signals = signals_of(Shop {
        payment: 400,
        ..HEALTHY
    });
    assert!((2..=3).contains(&signals.len()), "{signals:#?}");
    for signal in &signals {
        assert_eq!(signal.kind, "latency.slow");
        assert_eq!(
            (signal.service.as_str(), signal.operation.as_str()),
            ("payment", "POST /charges")
        );
        assert_eq!(
            signal.fingerprint.parts,
            ["latency.slow", "payment", "POST /charges"]
        );
        assert_eq!(signal.affected, ["gateway", "orders"]);
        assert!(signal.severity >= Severity::Medium);
    }
    // At first, the window has more requests from before.
    let signal = signals.last().unwrap();
    assert_eq!(signal.severity, Severity::High);
    assert!(
        signal
            .title
            .starts_with("POST /charges of payment is 12× slower than usual (median 41"),
        "{}",
        signal.title
    );
    let (now, usual) = measure(signal, "latency.self_time.p50");
    assert!(
        (395.0..=412.0).contains(&now) && (19.0..=27.0).contains(&usual),
        "{now} {usual}"
    );
    let (now, usual) = measure(signal, "latency.duration.p95");
    assert!(
        (410.0..=428.0).contains(&now) && (34.0..=40.0).contains(&usual),
        "{now} {usual}"
    );
    assert!(
        detail(signal, "latency.since")
            .unwrap()
            .starts_with("2023-11-14T22:15:20"),
        "{signal:#?}"
    );
    assert_eq!(detail(signal, "release.previous"), None);
    assert!((2..=16).contains(&signal.evidence.len()));
}

#[test]
fn a_slow_database_is_the_call_to_it() {
    let signals = signals_of(Shop {
        database: 600,
        ..HEALTHY
    });
    assert!(!signals.is_empty());
    for signal in &signals {
        assert_eq!(
            (signal.service.as_str(), signal.operation.as_str()),
            ("payment", "INSERT charges to postgresql")
        );
        assert_eq!(signal.affected, ["gateway", "orders"]);
    }
}

#[test]
fn a_release_that_made_it_slow_is_named() {
    let signals = signals_of(Shop {
        payment: 70,
        payment_release: "1.1",
        ..HEALTHY
    });
    let signal = signals.first().unwrap();
    assert_eq!(signal.release, "1.1");
    assert_eq!(detail(signal, "release.previous"), Some("1.0"));
    assert_eq!(detail(signal, "release.first_seen"), Some("2023-11-14T22:15:20Z"));
    assert_eq!(signal.severity, Severity::High);
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..60);
    // The release was there long before.
    let shop = Shop {
        payment_release: "1.1",
        ..HEALTHY
    };
    shop.run(&mut harness, 60..800);
    Shop { payment: 70, ..shop }.run(&mut harness, 800..860);
    let signal = harness.signals().first().unwrap();
    assert_eq!(detail(signal, "release.previous"), None);
    assert_eq!(signal.severity, Severity::Medium);
}

#[test]
fn it_is_repeated_while_it_lasts_and_ends_with_it() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    Shop {
        payment: 400,
        ..HEALTHY
    }
    .run(&mut harness, 120..300);
    let during = harness.take_signals();
    assert!((5..=6).contains(&during.len()), "{}", during.len());
    for millis in [200, 100, 60, 40] {
        let shop = Shop {
            payment: millis,
            ..HEALTHY
        };
        shop.run(&mut harness, 300..301);
    }
    HEALTHY.run(&mut harness, 301..400);
    harness.take_signals();
    HEALTHY.run(&mut harness, 400..700);
    assert_eq!(harness.signals(), []);
    // The incident wasn't learned: the next one is found as the first one was.
    Shop {
        payment: 400,
        ..HEALTHY
    }
    .run(&mut harness, 700..760);
    assert_eq!(harness.signals().len(), 1);
    assert!(measure(&harness.signals()[0], "latency.self_time.p50").1 < 28.0);
}

#[test]
fn a_gradual_recovery_ends_quietly() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    for (n, millis) in [400, 300, 220, 160, 120, 80, 50, 35, 25, 20, 20, 20]
        .into_iter()
        .enumerate()
    {
        let from = 120 + 30 * n as u64;
        let shop = Shop {
            payment: millis,
            ..HEALTHY
        };
        shop.run(&mut harness, from..from + 30);
    }
    let signals = harness.take_signals();
    assert!(
        signals.iter().all(|signal| signal.operation == "POST /charges"),
        "{signals:#?}"
    );
    let growth: Vec<_> = signals
        .iter()
        .map(|signal| measure(signal, "latency.self_time.p95").0)
        .collect();
    assert!(growth.len() > 5 && growth.first() > growth.last(), "{growth:?}");
    HEALTHY.run(&mut harness, 480..600);
    assert_eq!(harness.take_signals(), []);
}

#[test]
fn what_stays_becomes_usual() {
    let mut harness = harness();
    HEALTHY.run(&mut harness, 0..120);
    let slower = Shop {
        payment: 100,
        ..HEALTHY
    };
    slower.run(&mut harness, 120..2000);
    assert!(harness.take_signals().len() > 50);
    slower.run(&mut harness, 2000..2300);
    assert_eq!(harness.signals(), []);
}

#[test]
fn what_isnt_in_a_trace_is_judged_by_its_duration() {
    use aia_plugin_sdk::SpanKind;
    use aia_plugin_sdk::testing::TestSpan;

    use crate::shop::batch;

    let mut harness = harness();
    for second in 0..180 {
        let millis = if second < 120 { 20 } else { 300 };
        let span = |name, millis| {
            let length = std::time::Duration::from_millis(millis);
            TestSpan::new(name)
                .kind(SpanKind::Server)
                .trace(0)
                .at(at(second), length)
        };
        harness.spans(batch(
            "front",
            "",
            at(second),
            vec![span("GET /", millis + 5), span("GET /", millis + 6)],
        ));
        harness.spans(batch(
            "back",
            "",
            at(second),
            vec![span("GET /list", millis), span("GET /list", millis + 1)],
        ));
    }
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    for signal in signals {
        // Whoever waits for it is usually slower.
        assert_eq!(signal.service, "back");
        assert_eq!(signal.severity, Severity::Medium);
        assert_eq!(
            detail(&signal, "latency.spent"),
            Some("not known: too few of its traces were held")
        );
    }
}
