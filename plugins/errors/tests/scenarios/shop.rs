//! A shop of three services, gateway → orders → payment, and what they send.

use std::time::Duration;

use aia_plugin_errors::Errors;
use aia_plugin_sdk::columns::SpanBatch;
use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};
use aia_plugin_sdk::{SpanKind, Time};

/// When the scenarios begin, on the grid of ticks.
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) const STACK: &str = "com.shop.CardDeclined: card 4711 declined
\tat com.shop.payment.Cards.charge(Cards.java:88)
\tat com.shop.payment.Api.post(Api.java:12)
\tat org.springframework.web.Servlet.service(Servlet.java:9)";

pub(crate) fn at(seconds: u64) -> Time {
    Time::from_secs(START + seconds)
}

pub(crate) fn harness() -> Harness<Errors> {
    Harness::new()
}

pub(crate) fn batch(service: &str, release: &str, seconds: u64, spans: Vec<TestSpan>) -> SpanBatch {
    let resource = [("service.name", service), ("service.version", release)];
    let builder = SpanBatchBuilder::new(at(seconds)).resource(&resource);
    spans.into_iter().fold(builder, SpanBatchBuilder::span).build()
}

/// Milliseconds after `seconds`, for so long.
fn during(seconds: u64, start: u64, length: u64) -> (Time, Duration) {
    (
        at(seconds).after(Duration::from_millis(start)),
        Duration::from_millis(length),
    )
}

pub(crate) fn server(trace: u64, id: u64, parent: u64, route: &str) -> TestSpan {
    TestSpan::new("POST")
        .kind(SpanKind::Server)
        .trace(trace)
        .id(id)
        .parent(parent)
        .attribute("http.request.method", "POST")
        .attribute("http.route", route)
}

/// A request that goes well through all three services, 1 to 5 being its spans.
pub(crate) fn healthy(trace: u64, seconds: u64) -> [SpanBatch; 3] {
    request(trace, seconds, "1.0", false)
}

/// A request that payment fails with an exception, and that fails the others.
pub(crate) fn failing(trace: u64, seconds: u64, payment_release: &str) -> [SpanBatch; 3] {
    request(trace, seconds, payment_release, true)
}

fn request(trace: u64, seconds: u64, payment_release: &str, fails: bool) -> [SpanBatch; 3] {
    let finish = |span: TestSpan, start: u64, length: u64| {
        let (start, length) = during(seconds, start, length);
        let span = span
            .at(start, length)
            .attribute("http.response.status_code", if fails { 500 } else { 200 });
        if fails { span.error("") } else { span }
    };
    let client = |id: u64, parent: u64| {
        TestSpan::new("POST")
            .kind(SpanKind::Client)
            .trace(trace)
            .id(id)
            .parent(parent)
    };
    let charge = TestSpan::new("charge").trace(trace).id(6).parent(5);
    let (start, length) = during(seconds, 41, 8);
    let charge = charge.at(start, length);
    let charge = if fails {
        charge
            .error("")
            .exception("com.shop.CardDeclined", "card 4711 declined", STACK)
    } else {
        charge
    };
    [
        batch(
            "gateway",
            "1.0",
            seconds,
            vec![
                finish(server(trace, 1, 0, "/checkout"), 0, 100),
                finish(client(2, 1), 10, 80),
            ],
        ),
        batch(
            "orders",
            "1.0",
            seconds,
            vec![
                finish(server(trace, 3, 2, "/orders"), 20, 60),
                finish(client(4, 3), 30, 40),
            ],
        ),
        batch(
            "payment",
            payment_release,
            seconds,
            vec![finish(server(trace, 5, 4, "/charge"), 40, 20), charge],
        ),
    ]
}

/// Feeds healthy requests, one a second.
pub(crate) fn run_healthy(harness: &mut Harness<Errors>, seconds: std::ops::Range<u64>) {
    for second in seconds {
        for batch in healthy(1_000_000 + second, second) {
            harness.spans(batch);
        }
    }
}

/// Feeds failing requests, one a second.
pub(crate) fn run_failing(
    harness: &mut Harness<Errors>,
    seconds: std::ops::Range<u64>,
    payment_release: &str,
) {
    for second in seconds {
        for batch in failing(2_000_000 + second, second, payment_release) {
            harness.spans(batch);
        }
    }
}
