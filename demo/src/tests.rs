//! The whole shop in one process, its spans collected as they would be exported.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::serve::{Serve, ServeError, router, serve};
use crate::services::Service;
use crate::telemetry::Telemetry;

/// Spans with the name of the service they come from.
type Collected = Arc<Mutex<Vec<(&'static str, SpanData)>>>;

#[derive(Clone, Debug)]
struct Collector {
    service: &'static str,
    spans: Collected,
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans
            .lock()
            .unwrap()
            .extend(batch.into_iter().map(|span| (self.service, span)));
        Ok(())
    }
}

/// A running shop: its gateway's URL and what it exported.
struct Shop {
    gateway: String,
    spans: Collected,
    _runtime: Runtime,
}

impl Shop {
    fn open(fault: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let spans = Collected::default();
        let mut urls = BTreeMap::new();
        for service in [
            Service::Inventory,
            Service::Payment,
            Service::Checkout,
            Service::Gateway,
        ] {
            let options = Serve {
                service,
                listen: ([127, 0, 0, 1], 0).into(),
                upstreams: urls.clone(),
                release: "2.0.0".to_owned(),
                fault: fault && service == Service::Payment,
            };
            let collector = Collector {
                service: service.name(),
                spans: Arc::clone(&spans),
            };
            let telemetry = Telemetry::for_tests(service.name(), &options.release, collector);
            let router = router(&options, &telemetry).unwrap();
            let listener = runtime.block_on(TcpListener::bind(options.listen)).unwrap();
            urls.insert(
                service.name().to_owned(),
                format!("http://{}", listener.local_addr().unwrap()),
            );
            runtime.spawn(async move { axum::serve(listener, router).await });
        }
        Self {
            gateway: urls.remove("gateway").unwrap(),
            spans,
            _runtime: runtime,
        }
    }

    /// Buys a mug; the answer's status.
    fn buy(&self, currency: &str, card: &str) -> u16 {
        let order = json!({
            "order_id": "ord_1", "sku": "mug", "quantity": 1, "amount_cents": 900, "currency": currency, "card_id": card,
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        agent
            .post(format!("{}/orders", self.gateway))
            .send_json(order)
            .unwrap()
            .status()
            .as_u16()
    }

    /// Service, kind, name, whether its status is error, exception: sorted. The gateway's span ends after its answer
    /// is on the way, hence the wait.
    fn spans(&self, expected: usize) -> Vec<(&'static str, SpanKind, String, bool, Option<String>)> {
        for _ in 0..500 {
            if self.spans.lock().unwrap().len() >= expected {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let spans = self.spans.lock().unwrap();
        let traces: std::collections::BTreeSet<_> = spans
            .iter()
            .map(|(_, span)| span.span_context.trace_id().to_string())
            .collect();
        assert_eq!(traces.len(), 1, "one request is one trace");
        let mut spans: Vec<_> = spans
            .iter()
            .map(|(service, span)| {
                let exception = span
                    .events
                    .iter()
                    .find(|event| event.name == "exception")
                    .map(|event| {
                        let stack = &event.attributes[2].value.as_str().into_owned();
                        assert!(
                            stack.contains("shop::services::"),
                            "the stack shows the shop's code: {stack}"
                        );
                        event.attributes[0].value.as_str().into_owned()
                    });
                let failed = matches!(span.status, Status::Error { .. });
                (
                    *service,
                    span.span_kind.clone(),
                    span.name.to_string(),
                    failed,
                    exception,
                )
            })
            .collect();
        spans.sort_by_key(|span| (span.0, span.2.clone()));
        spans
    }
}

#[test]
fn a_broken_charge_fails_its_callers_in_the_same_trace() {
    let shop = Shop::open(true);
    assert_eq!(shop.buy("USD", "card_1001"), 502);
    let broken = |name: &str| Some(name.to_owned());
    assert_eq!(
        shop.spans(9),
        [
            ("checkout", SpanKind::Client, "POST".to_owned(), false, None),
            ("checkout", SpanKind::Client, "POST".to_owned(), true, None),
            ("checkout", SpanKind::Client, "POST".to_owned(), false, None),
            (
                "checkout",
                SpanKind::Server,
                "POST /checkout".to_owned(),
                true,
                broken("shop::services::checkout::CheckoutError")
            ),
            ("gateway", SpanKind::Client, "POST".to_owned(), true, None),
            ("gateway", SpanKind::Server, "POST /orders".to_owned(), true, None),
            (
                "inventory",
                SpanKind::Server,
                "POST /releases".to_owned(),
                false,
                None
            ),
            (
                "inventory",
                SpanKind::Server,
                "POST /reservations".to_owned(),
                false,
                None
            ),
            (
                "payment",
                SpanKind::Server,
                "POST /charges".to_owned(),
                true,
                broken("shop::services::payment::ledger::CurrencyMismatch")
            ),
        ]
    );
}

#[test]
fn a_declined_card_is_no_servers_error() {
    let shop = Shop::open(false);
    assert_eq!(shop.buy("USD", "card_0002"), 402);
    let servers: Vec<_> = shop
        .spans(9)
        .into_iter()
        .filter(|span| span.1 == SpanKind::Server)
        .collect();
    assert_eq!(servers.len(), 5);
    assert!(
        servers.iter().all(|span| !span.3 && span.4.is_none()),
        "{servers:?}"
    );
}

#[test]
fn the_release_without_the_bug_serves_dollars_too() {
    assert_eq!(Shop::open(false).buy("USD", "card_1001"), 200);
}

#[test]
fn only_payment_has_a_faulty_release() {
    let spans = Collected::default();
    let telemetry = Telemetry::for_tests(
        "gateway",
        "1",
        Collector {
            service: "gateway",
            spans,
        },
    );
    let options = Serve {
        service: Service::Gateway,
        listen: ([127, 0, 0, 1], 0).into(),
        upstreams: BTreeMap::new(),
        release: "1".to_owned(),
        fault: true,
    };
    let error = serve(&options, &telemetry).unwrap_err();
    assert!(
        matches!(error, ServeError::NoFault { service: "gateway" }),
        "{error}"
    );
}
