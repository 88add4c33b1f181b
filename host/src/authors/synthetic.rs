//! Generated telemetry to measure with: OTLP requests as applications send them, the same ones every time.

use serde_json::{Value, json};

use aia_telemetry::SignalType;

/// Rows of a batch: what an SDK sends at once.
pub(super) const ROWS: u64 = 512;

/// Time of the first row, in nanoseconds since the Unix epoch; a multiple of ten seconds.
pub(super) const START: u64 = 1_767_225_600_000_000_000;

const SERVICES: [&str; 6] = ["gateway", "checkout", "payment", "inventory", "search", "profile"];
const ROUTES: [&str; 6] = [
    "/",
    "/orders",
    "/orders/{id}",
    "/products/{sku}",
    "/customers/{id}/basket",
    "/healthz",
];
const EXCEPTIONS: [&str; 6] = [
    "ledger.CurrencyMismatch",
    "checkout.PaymentFailed",
    "inventory.OutOfShelf",
    "search.IndexClosed",
    "profile.SessionExpired",
    "gateway.UpstreamTimeout",
];

/// Numbers that look random and are the same for the same seed: `SplitMix64`.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }

    fn pick(&mut self, from: &[&'static str; 6]) -> &'static str {
        let [first, ..] = *from;
        let wanted = self.below(6);
        (0..)
            .zip(from)
            .find(|(index, _)| *index == wanted)
            .map_or(first, |(_, found)| found)
    }
}

/// The request with a number, OTLP/JSON: of one service.
pub(super) fn request(signal: SignalType, number: u64) -> Value {
    let mut random = Random(number);
    let service = random.pick(&SERVICES);
    let resource = json!({"attributes": [
        text("service.name", service),
        text("service.version", "1.4.2"),
        text("service.instance.id", &format!("{service}-{:08x}", random.below(1 << 32))),
        text("deployment.environment.name", "production"),
        text("telemetry.sdk.language", "rust"),
    ]});
    let scope = json!({"name": "http", "version": "0.9.1"});
    match signal {
        SignalType::Traces => {
            let spans: Vec<_> = (0..ROWS).map(|row| span(&mut random, row)).collect();
            json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
        }
        SignalType::Logs => {
            let records: Vec<_> = (0..ROWS).map(|row| record(&mut random, row)).collect();
            json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]})
        }
        SignalType::Metrics => {
            let points: Vec<_> = (0..ROWS).map(|row| point(&mut random, row)).collect();
            let histogram = json!({"aggregationTemporality": 2, "dataPoints": points});
            let metric = json!({"name": "http.server.request.duration", "unit": "s", "histogram": histogram});
            json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": scope, "metrics": [metric]}]}]})
        }
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn integer(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

/// A request that a server answered; one in fifty failed.
fn span(random: &mut Random, row: u64) -> Value {
    let route = random.pick(&ROUTES);
    let failed = random.below(50) == 0;
    let start = START + row * 50_000;
    let end = start + 200_000 + random.below(40_000_000);
    let mut span = json!({
        "traceId": format!("{:016x}{:016x}", random.number() | 1, random.number()),
        "spanId": format!("{:016x}", random.number() | 1),
        "parentSpanId": if random.below(3) == 0 { String::new() } else { format!("{:016x}", random.number() | 1) },
        "name": format!("GET {route}"),
        "kind": 2,
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": end.to_string(),
        "attributes": [
            text("http.request.method", "GET"),
            text("http.route", route),
            integer("http.response.status_code", if failed { 500 } else { 200 }),
            text("url.path", &format!("{route}/{:x}", random.below(1 << 40))),
            text("url.scheme", "https"),
            text("server.address", "shop.example"),
            integer("server.port", 443),
            text("client.address", &format!("10.0.{}.{}", random.below(256), random.below(256))),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            text("network.protocol.version", "1.1"),
        ],
    });
    if failed && let Some(fields) = span.as_object_mut() {
        let name = random.pick(&EXCEPTIONS);
        let message = format!("order {:08x} can't be booked", random.below(1 << 32));
        let event = json!({
            "timeUnixNano": end.to_string(),
            "name": "exception",
            "attributes": [text("exception.type", name), text("exception.message", &message)],
        });
        fields.insert("events".to_owned(), json!([event]));
        fields.insert("status".to_owned(), json!({"code": 2}));
    }
    span
}

/// A line of a log; one in fifty is an error.
fn record(random: &mut Random, row: u64) -> Value {
    let (severity, name) = if random.below(50) == 0 {
        (17, "ERROR")
    } else {
        (9, "INFO")
    };
    let time = (START + row * 50_000).to_string();
    let body = format!("order {:08x} took {} ms", random.below(1 << 32), random.below(40));
    json!({
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": severity,
        "severityText": name,
        "body": {"stringValue": body},
        "attributes": [
            text("http.route", random.pick(&ROUTES)),
            text("code.function.name", "shop::orders::book"),
            integer("code.line.number", 40 + random.below(200)),
        ],
    })
}

/// A point of a histogram.
fn point(random: &mut Random, row: u64) -> Value {
    let counts: Vec<String> = (0..6).map(|_| random.below(100).to_string()).collect();
    json!({
        "startTimeUnixNano": START.to_string(),
        "timeUnixNano": (START + row * 50_000).to_string(),
        "count": "300",
        "sum": 12.5,
        "bucketCounts": counts,
        "explicitBounds": [0.005, 0.01, 0.05, 0.1, 1.0],
        "attributes": [text("http.route", random.pick(&ROUTES)), integer("http.response.status_code", 200)],
    })
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{ScanLimits, Scratch, scan_json};

    use super::*;

    #[test]
    fn requests_are_whole_and_the_same_every_time() {
        for signal in [SignalType::Traces, SignalType::Logs, SignalType::Metrics] {
            let body = request(signal, 7).to_string();
            assert_eq!(body, request(signal, 7).to_string());
            assert_ne!(body, request(signal, 8).to_string());
            let scanned = scan_json(
                signal,
                body.as_bytes(),
                &ScanLimits::default(),
                &mut Scratch::default(),
            )
            .unwrap();
            assert_eq!(
                (scanned.columns.rows() as u64, scanned.refused.total()),
                (ROWS, 0)
            );
        }
    }
}
