//! A shop of three services, gateway → orders → payment → its database, and what they send.

use std::time::Duration;

use aia_plugin_latency::Latency;
use aia_plugin_sdk::columns::SpanBatch;
use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};
use aia_plugin_sdk::{SpanKind, Time};

/// When the scenarios begin, on the grid of ticks.
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) fn at(seconds: u64) -> Time {
    Time::from_secs(START + seconds)
}

pub(crate) fn harness() -> Harness<Latency> {
    Harness::new().without_restoring()
}

/// How the shop does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop {
    /// Milliseconds that payment spends by itself, and that its database takes.
    pub(crate) payment: u64,
    pub(crate) database: u64,
    pub(crate) payment_release: &'static str,
    /// Of so many requests, one fails at payment; 0 is none.
    pub(crate) fails: u64,
    /// Requests a second.
    pub(crate) rate: u64,
}

pub(crate) const HEALTHY: Shop = Shop {
    payment: 20,
    database: 10,
    payment_release: "1.0",
    fails: 0,
    rate: 2,
};

pub(crate) fn batch(service: &str, release: &str, received: Time, spans: Vec<TestSpan>) -> SpanBatch {
    let resource = [("service.name", service), ("service.version", release)];
    let builder = SpanBatchBuilder::new(received).resource(&resource);
    spans.into_iter().fold(builder, SpanBatchBuilder::span).build()
}

fn span(kind: SpanKind, trace: u64, id: u64, begin: Time, (start, length): (u64, u64)) -> TestSpan {
    TestSpan::new("POST")
        .kind(kind)
        .trace(trace)
        .id(id)
        .parent(id - 1)
        .at(
            begin.after(Duration::from_millis(start)),
            Duration::from_millis(length),
        )
}

impl Shop {
    /// The batches of a request that comes at `begin`, by service from the outermost in; ids are 1 to 6.
    pub(crate) fn request(self, trace: u64, begin: Time) -> [SpanBatch; 3] {
        // A little different every time.
        let payment = self.payment + trace % 7;
        let database = self.database + trace % 3;
        let all = payment + database;
        let fails = self.fails > 0 && trace.is_multiple_of(self.fails);
        let finish = |span: TestSpan| if fails { span.error("") } else { span };
        let server = |id, route: &str, times| {
            let span = span(SpanKind::Server, trace, id, begin, times);
            finish(
                span.attribute("http.request.method", "POST")
                    .attribute("http.route", route),
            )
        };
        let client = |id, peer: &str, times| {
            finish(span(SpanKind::Client, trace, id, begin, times).attribute("peer.service", peer))
        };
        let query = span(SpanKind::Client, trace, 6, begin, (18, database));
        let query = query
            .attribute("db.system.name", "postgresql")
            .attribute("db.query.summary", "INSERT charges");
        [
            batch(
                "gateway",
                "1.0",
                begin,
                vec![
                    server(1, "/checkout", (0, all + 30)),
                    client(2, "orders", (5, all + 20)),
                ],
            ),
            batch(
                "orders",
                "1.0",
                begin,
                vec![
                    server(3, "/orders", (7, all + 15)),
                    client(4, "payment", (12, all + 5)),
                ],
            ),
            batch(
                "payment",
                self.payment_release,
                begin,
                vec![server(5, "/charges", (14, all)), query],
            ),
        ]
    }

    /// Sends requests over these seconds.
    pub(crate) fn run(self, harness: &mut Harness<Latency>, seconds: std::ops::Range<u64>) {
        for second in seconds {
            for n in 0..self.rate {
                let trace = (START + second) * self.rate + n;
                for batch in self.request(trace, at(second)) {
                    harness.spans(batch);
                }
            }
        }
    }
}
