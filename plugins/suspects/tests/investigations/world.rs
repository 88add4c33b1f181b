//! A made-up system: services that call one another in a tree, and what telemetry tells of it.

use aia_plugin_sdk::analyst::{Case, TimeRange};
use aia_plugin_sdk::testing::{Script, TestCase, TestItem};

pub(crate) const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

/// When the incident is; what was before is known for about as long.
pub(crate) const DURING: TimeRange = TimeRange {
    start: 2_000 * SECOND,
    end: 2_060 * SECOND,
};
pub(crate) const KNOWN_SINCE: u64 = 1_880 * SECOND;

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    /// Most requests of the service fail by themselves.
    Errors,
    /// Its own work takes half a second longer.
    SlowWork,
    /// All ways to it take half a second longer.
    SlowWays,
    /// Its code ends early, and logs nothing more.
    Behaviour,
    /// It is gone.
    Silence,
}

/// Random numbers (`SplitMix64`), the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// A span that is being told.
struct Call {
    failed: bool,
    end: u64,
}

/// The system.
pub(crate) struct World {
    random: Random,
    /// The caller of each service but the first.
    parents: Vec<usize>,
    fault: Fault,
    culprit: usize,
    rows: Vec<TestItem>,
    figures: Vec<[Figure; 2]>,
    next_span: u64,
    is_now: bool,
}

/// What a service did: as a server and as a client.
#[derive(Clone, Default)]
struct Figure {
    count: u64,
    errors: u64,
    own: u64,
    own_nanos: u64,
}

pub(crate) fn name(service: usize) -> String {
    const NAMES: [&str; 12] = [
        "web", "cart", "pay", "stock", "mail", "price", "route", "seat", "user", "order", "food", "bank",
    ];
    NAMES
        .get(service)
        .map_or_else(|| format!("service-{service}"), |name| (*name).to_owned())
}

impl World {
    pub(crate) fn random(seed: u64, fault: Fault) -> Self {
        let mut random = Random(seed);
        let services = 4 + usize::try_from(random.below(8)).unwrap();
        let parents = (1..services)
            .map(|service| usize::try_from(random.below(service as u64)).unwrap())
            .collect();
        let culprit = 1 + usize::try_from(random.below(services as u64 - 1)).unwrap();
        Self::new(random, parents, fault, culprit)
    }

    /// `web` calls `cart`, which calls `pay`; `pay` is at fault.
    pub(crate) fn chain(fault: Fault) -> Self {
        Self::new(Random(1), vec![0, 1], fault, 2)
    }

    fn new(random: Random, parents: Vec<usize>, fault: Fault, culprit: usize) -> Self {
        Self {
            random,
            fault,
            culprit,
            rows: Vec::new(),
            figures: vec![Default::default(); parents.len() + 1],
            next_span: 0,
            parents,
            is_now: false,
        }
    }

    pub(crate) fn culprit(&self) -> String {
        name(self.culprit)
    }

    /// The incident, and all that is known.
    pub(crate) fn build(mut self, requests: u64) -> (Case, Script) {
        let mut script = Script::new();
        let before = TimeRange::new(KNOWN_SINCE, DURING.start - 30 * SECOND);
        for (is_now, range) in [(false, before), (true, DURING)] {
            self.is_now = is_now;
            self.figures = vec![Default::default(); self.parents.len() + 1];
            for request in 0..requests {
                let start = range.start + range.nanos() / requests * request;
                let trace = self.random.next();
                self.serve(0, trace, 0, start);
            }
            let items = self.items();
            script.operations(range, items);
        }
        script.rows(std::mem::take(&mut self.rows));
        let case = TestCase::new("web", DURING).known_since(KNOWN_SINCE).build();
        (case, script)
    }

    fn serve(&mut self, service: usize, trace: u64, parent: u64, start: u64) -> Call {
        let is_hit = self.is_now && service == self.culprit;
        let id = self.span_id();
        let wobble = self.random.below(MILLI);
        let mut time = start + 2 * MILLI + wobble;
        if is_hit && self.fault == Fault::SlowWork {
            time += 500 * MILLI;
        }
        let mut own_nanos = time - start;
        self.log(service, trace, id, start + 1_000, "start");
        let ends_early = is_hit && self.fault == Fault::Behaviour && self.random.below(10) < 8;
        let mut callee_failed = false;
        if !ends_early {
            let callees: Vec<usize> = (1..=self.parents.len())
                .filter(|callee| self.parents[callee - 1] == service)
                .collect();
            for callee in callees {
                let call = self.call(service, callee, trace, id, time);
                callee_failed |= call.failed;
                time = call.end;
            }
            self.log(service, trace, id, time, "done");
        }
        let fails_itself = (is_hit && self.fault == Fault::Errors && self.random.below(10) < 7)
            || self.random.below(200) == 0;
        let failed = callee_failed || fails_itself;
        time += MILLI;
        own_nanos += MILLI;
        self.span(service, 0, trace, (id, parent), (start, time), failed);
        let figure = &mut self.figures[service][0];
        figure.count += 1;
        figure.errors += u64::from(failed);
        figure.own += u64::from(failed && !callee_failed);
        figure.own_nanos += own_nanos;
        Call { failed, end: time }
    }

    fn call(&mut self, service: usize, callee: usize, trace: u64, parent: u64, start: u64) -> Call {
        let id = self.span_id();
        let is_hit = self.is_now && callee == self.culprit;
        let way = MILLI
            + if is_hit && self.fault == Fault::SlowWays {
                250 * MILLI
            } else {
                0
            };
        let call = if is_hit && self.fault == Fault::Silence {
            Call {
                failed: true,
                end: start + way,
            }
        } else {
            self.serve(callee, trace, id, start + way)
        };
        let end = call.end + way;
        self.span(service, 1, trace, (id, parent), (start, end), call.failed);
        let figure = &mut self.figures[service][1];
        figure.count += 1;
        figure.errors += u64::from(call.failed);
        figure.own += u64::from(call.failed && is_hit && self.fault == Fault::Silence);
        figure.own_nanos += 2 * way;
        Call {
            failed: call.failed,
            end,
        }
    }

    fn span_id(&mut self) -> u64 {
        self.next_span += 1;
        self.next_span
    }

    fn span(
        &mut self,
        service: usize,
        kind: usize,
        trace: u64,
        ids: (u64, u64),
        times: (u64, u64),
        failed: bool,
    ) {
        let item = TestItem::span(&name(service), operation(kind), times.0, times.1 - times.0);
        let item = item
            .at(trace, ids.0)
            .field("kind", KINDS[kind])
            .field("status", if failed { "ERROR" } else { "" });
        self.rows.push(if ids.1 == 0 { item } else { item.parent(ids.1) });
    }

    fn log(&mut self, service: usize, trace: u64, span: u64, time: u64, text: &str) {
        let line = if text == "start" { 10 } else { 20 };
        let body = format!("shop.{}.Handler:{line} {text}", name(service));
        self.rows
            .push(TestItem::log(&name(service), time, 9, &body).at(trace, span));
    }

    fn items(&self) -> Vec<TestItem> {
        let mut items = Vec::new();
        for (service, figures) in self.figures.iter().enumerate() {
            for (kind, figure) in figures.iter().enumerate().filter(|(_, figure)| figure.count > 0) {
                let mean = figure.own_nanos / figure.count;
                let mut item = TestItem::operation(&name(service), operation(kind))
                    .field("kind", KINDS[kind])
                    .field("count", figure.count)
                    .field("errors", figure.errors)
                    .field("errors.own", figure.own)
                    .field("self.p95", format!("{} ms", mean / MILLI))
                    .field("self.p95_ns", mean);
                if service > 0 && kind == 0 {
                    item = item.field("callers", name(self.parents[service - 1]));
                }
                items.push(item);
            }
        }
        items
    }
}

const KINDS: [&str; 2] = ["SERVER", "CLIENT"];

fn operation(kind: usize) -> &'static str {
    ["POST /work", "POST"][kind]
}
