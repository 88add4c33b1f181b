//! The shop's customers: requests at a steady rate, the same ones every time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use ureq::Agent;

/// Customers at once; more than enough for requests of some 20 ms.
const CUSTOMERS: usize = 8;

/// How much to buy.
#[derive(Clone, Debug)]
pub struct Load {
    /// The gateway's base URL.
    pub target: String,
    /// Requests per second.
    pub rate_per_second: u32,
    /// How long.
    pub duration: Duration,
}

/// What customers were answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// Requests sent.
    pub requests: u64,
    /// 2xx.
    pub served: u64,
    /// 4xx.
    pub refused: u64,
    /// 5xx.
    pub failed: u64,
    /// No answer at all.
    pub unanswered: u64,
}

impl Load {
    /// Shops until the time is over or `stop` is set. A request goes out when its time has come, however long others take, as long as
    /// one of the customers is free.
    #[must_use]
    pub fn run(&self, stop: &AtomicBool) -> Tally {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent("customer")
            .build()
            .new_agent();
        let next = AtomicU64::new(0);
        let start = Instant::now();
        thread::scope(|scope| {
            let customers: Vec<_> = (0..CUSTOMERS)
                .map(|_| scope.spawn(|| self.shop(&agent, start, &next, stop)))
                .collect();
            customers
                .into_iter()
                .filter_map(|customer| customer.join().ok())
                .fold(Tally::default(), Tally::add)
        })
    }

    fn shop(&self, agent: &Agent, start: Instant, next: &AtomicU64, stop: &AtomicBool) -> Tally {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = Duration::from_secs(number) / self.rate_per_second;
            if due >= self.duration {
                return tally;
            }
            thread::sleep(due.saturating_sub(start.elapsed()));
            if stop.load(Ordering::Relaxed) {
                return tally;
            }
            tally.requests += 1;
            let sent = match request(number) {
                Wish::Look { sku } => agent.get(format!("{}/products/{sku}", self.target)).call(),
                Wish::Buy(order) => agent.post(format!("{}/orders", self.target)).send_json(order),
            };
            match sent.map(|response| response.status().as_u16()) {
                Ok(200..=299) => tally.served += 1,
                Ok(400..=499) => tally.refused += 1,
                Ok(_) => tally.failed += 1,
                Err(_) => tally.unanswered += 1,
            }
        }
    }
}

impl Tally {
    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            served: self.served + other.served,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
            unanswered: self.unanswered + other.unanswered,
        }
    }
}

#[derive(Debug)]
enum Wish {
    Look { sku: &'static str },
    Buy(Value),
}

/// What customer `number` wants. Of 100: 30 look at something (2 at what there isn't), 70 buy; of the orders 3 are too
/// large, 3 are paid with a card that is declined, and about 30 in 100 are in dollars.
fn request(number: u64) -> Wish {
    let skus = ["apron", "kettle", "mug", "notebook", "teapot"];
    let mixed = mix(number);
    let sku = usize::try_from(mixed >> 32)
        .ok()
        .and_then(|pick| skus.get(pick % skus.len()))
        .copied()
        .unwrap_or("mug");
    match mixed % 100 {
        0..2 => Wish::Look { sku: "unicorn" },
        2..30 => Wish::Look { sku },
        kind => Wish::Buy(json!({
            // Time is in it so that no two runs have an order in common.
            "order_id": format!("ord_{:012x}", mix(mixed ^ run_id()) >> 16),
            "sku": sku,
            "quantity": if kind < 33 { 60 } else { 1 + mixed % 3 },
            "amount_cents": 500 + (mixed >> 8) % 20_000,
            "currency": if (mixed >> 16) % 10 < 3 { "USD" } else { "EUR" },
            "card_id": if (33..36).contains(&kind) { "card_0002".to_owned() } else { format!("card_{:04}", 1_000 + (mixed >> 24) % 9_000) },
        })),
    }
}

/// Differs between runs.
fn run_id() -> u64 {
    static RUN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *RUN.get_or_init(|| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        u64::from(std::process::id()) ^ now.as_secs().rotate_left(32) ^ u64::from(now.subsec_nanos())
    })
}

/// `SplitMix64`: spreads consecutive numbers evenly.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_want_what_is_promised() {
        let orders: Vec<_> = (0..1_000)
            .filter_map(|number| match request(number) {
                Wish::Buy(order) => Some(order),
                Wish::Look { .. } => None,
            })
            .collect();
        let dollars = orders.iter().filter(|order| order["currency"] == "USD").count();
        let declined = orders
            .iter()
            .filter(|order| order["card_id"] == "card_0002")
            .count();
        assert!((650..750).contains(&orders.len()), "{} orders", orders.len());
        assert!((150..260).contains(&dollars), "{dollars} in dollars");
        assert!((15..50).contains(&declined), "{declined} declined");
    }
}
