//! One failing service is one incident, whatever the services around it and whoever complains first; two are two.

use std::collections::BTreeSet;

use super::*;

/// Generated cases of each kind.
const CASES: u64 = 150;

/// `SplitMix64`: the same seed gives the same graphs for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Services `<prefix>0` (the entry) to `<prefix>n`, each but the entry with at least one caller before it.
struct Graph {
    prefix: &'static str,
    /// Of each service.
    callers: Vec<Vec<usize>>,
}

impl Graph {
    fn new(random: &mut Random, prefix: &'static str) -> Self {
        let services = 3 + random.below(9);
        let callers = (0..services)
            .map(|service| {
                let wanted = 1 + random.below(3);
                let callers: BTreeSet<usize> = (0..wanted)
                    .filter(|_| service > 0)
                    .map(|_| random.below(service))
                    .collect();
                callers.into_iter().collect()
            })
            .collect();
        Self { prefix, callers }
    }

    /// A request on its way from the entry to a service.
    fn path(&self, random: &mut Random, to: usize) -> Vec<String> {
        let mut path = vec![to];
        let mut at = to;
        while let Some(callers) = self.callers.get(at).filter(|callers| !callers.is_empty()) {
            at = callers[random.below(callers.len())];
            path.push(at);
        }
        path.reverse();
        path.into_iter()
            .map(|service| format!("{}{service}", self.prefix))
            .collect()
    }
}

/// A complaint, before it is numbered and dated.
#[derive(Clone, Debug)]
struct Complaint {
    service: String,
    affected: Vec<String>,
    traces: Vec<u128>,
}

/// What detectors say when requests on these paths fail at the last service: that one's signal, and a complaint of
/// everybody on the way that sees no further than its own callers.
fn complaints(random: &mut Random, paths: &[Vec<String>], first_trace: u128) -> Vec<Complaint> {
    let services: BTreeSet<&String> = paths.iter().flatten().collect();
    services
        .into_iter()
        .map(|service| {
            let mut affected = BTreeSet::new();
            let mut traces = Vec::new();
            for (trace, path) in (first_trace..).zip(paths) {
                if let Some(place) = path.iter().position(|known| known == service) {
                    affected.extend(path[..place].iter().cloned());
                    traces.push(trace);
                }
            }
            random.shuffle(&mut traces);
            traces.truncate(2);
            Complaint {
                service: service.clone(),
                affected: affected.into_iter().collect(),
                traces,
            }
        })
        .collect()
}

/// Says all of it; gives the services at which incidents are laid, those that were merged left out.
fn laid(complaints: &[Complaint]) -> Vec<String> {
    let mut fixture = Fixture::new();
    let mut said = Vec::new();
    for (number, complaint) in (0_u64..).zip(complaints) {
        let affected: Vec<&str> = complaint.affected.iter().map(String::as_str).collect();
        let mut one = found(&Said {
            id: &format!("{number:04}"),
            at: SAID.at + number * SECOND,
            service: &complaint.service,
            affected: &affected,
            fingerprint: &complaint.service,
            ..SAID
        });
        one.evidence = complaint
            .traces
            .iter()
            .map(|trace| Evidence {
                id: format!("ev-{number}-{trace}"),
                trace_id: format!("{trace:032x}"),
                ..one.evidence[0].clone()
            })
            .collect();
        said.push(one);
    }
    fixture.commits += 1;
    fixture
        .store
        .transact(&fixture.scope, &mut |transaction| {
            decide(transaction, "p", &Rules::default(), &said).map(|_| ())
        })
        .unwrap();
    let mut services: Vec<String> = fixture
        .incidents()
        .into_iter()
        .filter(|incident| incident.lifecycle.merged_into.is_empty())
        .map(|incident| incident.service)
        .collect();
    services.sort_unstable();
    services
}

fn paths(random: &mut Random, graph: &Graph, fault: usize) -> Vec<Vec<String>> {
    (0..6).map(|_| graph.path(random, fault)).collect()
}

fn fault(random: &mut Random, graph: &Graph) -> (usize, String) {
    let fault = random.below(graph.callers.len());
    (fault, format!("{}{fault}", graph.prefix))
}

#[test]
fn one_fault_is_one_incident_laid_there_whoever_complains_first() {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let graph = Graph::new(&mut random, "s");
        let (at, name) = fault(&mut random, &graph);
        let paths = paths(&mut random, &graph, at);
        let mut said = complaints(&mut random, &paths, 1);
        random.shuffle(&mut said);
        assert_eq!(laid(&said), [name], "seed {seed}: {said:#?}");
    }
}

#[test]
fn two_faults_that_have_nothing_to_do_with_each_other_are_two() {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let (a, b) = (Graph::new(&mut random, "a"), Graph::new(&mut random, "b"));
        let ((at_a, name_a), (at_b, name_b)) = (fault(&mut random, &a), fault(&mut random, &b));
        let (paths_a, paths_b) = (paths(&mut random, &a, at_a), paths(&mut random, &b, at_b));
        let mut said = complaints(&mut random, &paths_a, 1);
        said.extend(complaints(&mut random, &paths_b, 1_000));
        random.shuffle(&mut said);
        assert_eq!(laid(&said), [name_a, name_b], "seed {seed}: {said:#?}");
    }
}

#[test]
fn two_faults_behind_the_same_gateway_are_two() {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let (a, b) = (Graph::new(&mut random, "a"), Graph::new(&mut random, "b"));
        let ((at_a, name_a), (at_b, name_b)) = (fault(&mut random, &a), fault(&mut random, &b));
        let through = |paths: Vec<Vec<String>>| -> Vec<Vec<String>> {
            let gateway = ["web".to_owned(), "gateway".to_owned()];
            paths
                .into_iter()
                .map(|path| gateway.iter().cloned().chain(path).collect())
                .collect()
        };
        let paths_a = through(paths(&mut random, &a, at_a));
        let paths_b = through(paths(&mut random, &b, at_b));
        let mut said = complaints(&mut random, &paths_a, 1);
        said.extend(complaints(&mut random, &paths_b, 1_000));
        // Both pass on the trouble of either side, in one signal each: its evidence is of both.
        said.retain(|complaint| !["web", "gateway"].contains(&complaint.service.as_str()));
        for (service, affected) in [("web", vec![]), ("gateway", vec!["web".to_owned()])] {
            said.push(Complaint {
                service: service.to_owned(),
                affected,
                traces: vec![1, 1_000],
            });
        }
        random.shuffle(&mut said);
        assert_eq!(laid(&said), [name_a, name_b], "seed {seed}: {said:#?}");
    }
}

#[test]
fn two_detectors_that_complain_of_the_same_service_are_one_incident() {
    let mut fixture = Fixture::new();
    let slow = Said {
        id: "01",
        at: SAID.at + 10 * SECOND,
        fingerprint: "slow",
        trace: 7,
        ..SAID
    };
    assert_eq!(fixture.commit(&[SAID, slow]), 1);
    // Long after the last signal it is something else.
    let later = Said {
        id: "02",
        at: slow.at + super::super::relate::CAUSAL_WINDOW + 1,
        fingerprint: "other",
        trace: 8,
        ..SAID
    };
    assert_eq!(fixture.commit(&[later]), 1);
}

#[test]
fn incidents_that_turn_out_to_be_one_trouble_are_merged_into_the_oldest() {
    let mut fixture = Fixture::new();
    let mobile = Said {
        service: "mobile",
        fingerprint: "mobile",
        ..SAID
    };
    let web = Said {
        id: "01",
        at: mobile.at + SECOND,
        service: "web",
        fingerprint: "web",
        trace: 2,
        ..SAID
    };
    assert_eq!(fixture.commit(&[mobile, web]), 2);
    let cause = Said {
        id: "02",
        at: web.at + SECOND,
        affected: &["web", "mobile"],
        fingerprint: "cause",
        trace: 3,
        ..SAID
    };
    assert_eq!(fixture.commit(&[cause]), 0);
    let incident = fixture.only();
    assert_eq!(
        (incident.id.as_str(), incident.service.as_str(), incident.count),
        ("inc-00", "payment", 9)
    );
    assert_eq!(incident.affected, ["mobile", "web"]);
    let gone = fixture.one("inc-01");
    assert_eq!(gone.state, crate::store::IncidentState::Resolved);
    assert_eq!(gone.lifecycle.merged_into, "inc-00");
    assert_eq!(
        fixture.events("inc-00", "merged"),
        ["inc-01 was merged into this by AIA: web fails"]
    );
    assert_eq!(fixture.events("inc-01", "merged"), ["Merged into inc-00 by AIA"]);
    // Signals, evidence and what is to come are with the one that stays.
    let tenant = &fixture.scope.tenant;
    let signals = fixture.store.incident_signals(tenant, "inc-00").unwrap();
    assert!(
        signals.len() == 3 && signals.iter().all(|signal| signal.incident == "inc-00"),
        "{signals:?}"
    );
    assert_eq!(fixture.store.evidence(tenant, "inc-00").unwrap().len(), 3);
    assert_eq!(fixture.store.evidence(tenant, "inc-01").unwrap(), []);
    let again = Said {
        id: "03",
        at: web.at + 2000 * SECOND,
        ..web
    };
    assert_eq!(fixture.commit(&[again]), 0);
    // It came after half an hour of quiet: the one that stayed is back.
    assert_eq!(fixture.only().state, crate::store::IncidentState::Regressed);
}

#[test]
fn services_that_call_each_other_do_not_push_the_blame_to_and_fro() {
    let mut fixture = Fixture::new();
    let a = Said {
        service: "a",
        fingerprint: "a",
        affected: &["b"],
        ..SAID
    };
    let b = Said {
        service: "b",
        fingerprint: "b",
        affected: &["a"],
        ..SAID
    };
    for round in 0..5 {
        let (id_a, id_b) = (format!("a{round}"), format!("b{round}"));
        let at = SAID.at + round * 30 * SECOND;
        fixture.commit(&[Said { id: &id_a, at, ..a }, Said { id: &id_b, at, ..b }]);
    }
    let incident = fixture.only();
    assert_eq!(incident.service, "b");
    assert_eq!(fixture.events(&incident.id, "laid"), ["Laid at b instead of a"]);
}
