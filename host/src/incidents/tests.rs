//! Which signals become one incident, against a real store.

mod acts;
mod changes;
mod life;
mod topologies;

use aia_telemetry::{ProjectId, TenantId};

use super::{Decided, Found, Rules, decide, fingerprint_hash, report};
use crate::runtime::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
use crate::store::sqlite::Sqlite;
use crate::store::{
    CommitRecord, Evidence, Incident, IncidentFilter, PinnedSignal, Scope, Store, StoreError,
};

const SECOND: u64 = 1_000_000_000;

struct Fixture {
    store: Sqlite,
    scope: Scope,
    commits: u64,
    _folder: tempfile::TempDir,
}

/// What a test says of a signal.
#[derive(Clone, Copy)]
struct Said<'a> {
    id: &'a str,
    at: u64,
    service: &'a str,
    affected: &'a [&'a str],
    fingerprint: &'a str,
    trace: u128,
    severity: Severity,
    release: &'a str,
    count: u64,
}

const SAID: Said<'static> = Said {
    id: "00",
    at: 100 * SECOND,
    service: "payment",
    affected: &[],
    fingerprint: "f",
    trace: 1,
    severity: Severity::High,
    release: "2.0.0",
    count: 3,
};

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("aia.db")).unwrap();
        let scope = Scope {
            tenant: TenantId::new("t").unwrap(),
            project: ProjectId::new("p").unwrap(),
        };
        Self {
            store,
            scope,
            commits: 0,
            _folder: folder,
        }
    }

    fn try_commit(&self, number: u64, said: &[Said<'_>]) -> Result<Decided, StoreError> {
        let found: Vec<Found> = said.iter().map(found).collect();
        let commit = CommitRecord {
            plugin: "errors".to_owned(),
            number,
            digest: String::new(),
            first_sequence: 1,
            last_sequence: 1,
            base_sequence: 0,
            received_at: 0,
            segments: Vec::new(),
            snapshot: None,
            snapshot_commit: 0,
        };
        let mut decided = Decided::default();
        self.store.commit(&self.scope, &commit, &mut |transaction| {
            decided = decide(transaction, "p", &Rules::default(), &found)?;
            Ok(())
        })?;
        Ok(decided)
    }

    fn commit(&mut self, said: &[Said<'_>]) -> u64 {
        self.commits += 1;
        self.try_commit(self.commits, said).unwrap().opened
    }

    fn incidents(&self) -> Vec<Incident> {
        self.store
            .incidents(&self.scope.tenant, &IncidentFilter::default())
            .unwrap()
    }

    /// The only incident that wasn't merged into another.
    fn only(&self) -> Incident {
        let mut left = self.incidents();
        left.retain(|incident| incident.lifecycle.merged_into.is_empty());
        let [incident] = left.as_slice() else {
            panic!("{left:#?}")
        };
        incident.clone()
    }

    fn one(&self, id: &str) -> Incident {
        self.store.incident(&self.scope.tenant, id).unwrap().unwrap()
    }

    /// Kinds and texts of an incident's timeline.
    fn timeline(&self, id: &str) -> Vec<(String, String)> {
        self.store
            .timeline(&self.scope.tenant, id)
            .unwrap()
            .into_iter()
            .map(|event| (event.kind, event.text))
            .collect()
    }

    /// Texts of the events of a kind.
    fn events(&self, id: &str, kind: &str) -> Vec<String> {
        let timeline = self.timeline(id).into_iter();
        timeline
            .filter(|(of, _)| of == kind)
            .map(|(_, text)| text)
            .collect()
    }
}

/// A severe signal of that time.
pub(crate) fn found_at(at: u64) -> Found {
    found(&Said { at, ..SAID })
}

fn found(said: &Said<'_>) -> Found {
    let fingerprint = Fingerprint {
        version: 1,
        parts: vec![said.fingerprint.to_owned()],
    };
    let hash = fingerprint_hash("errors", &fingerprint);
    let evidence = Evidence {
        id: format!("ev-{}", said.id),
        segment: "00".repeat(16),
        row: 0,
        kind: "span".to_owned(),
        time: said.at,
        service: said.service.to_owned(),
        trace_id: format!("{:032x}", said.trace),
        span_id: "0000000000000001".to_owned(),
        title: "SERVER POST /pay".to_owned(),
        fields: vec![("name".to_owned(), "POST /pay".to_owned())],
    };
    let signal = Signal {
        kind: "errors.exception".to_owned(),
        severity: said.severity,
        fingerprint,
        title: format!("{} fails", said.service),
        service: said.service.to_owned(),
        operation: "POST /pay".to_owned(),
        release: said.release.to_owned(),
        affected: said
            .affected
            .iter()
            .map(|service| (*service).to_owned())
            .collect(),
        start_time: said.at,
        end_time: said.at + SECOND,
        count: said.count,
        measures: vec![Measure {
            name: "errors.share".to_owned(),
            unit: "1".to_owned(),
            value: 0.3,
            baseline: Some(0.0),
        }],
        details: vec![Detail {
            name: "exception.type".to_owned(),
            value: "Mismatch".to_owned(),
        }],
        evidence: vec![RowId { segment: 1, row: 0 }],
    };
    let signal = PinnedSignal {
        id: said.id.to_owned(),
        incident: String::new(),
        detector: "errors".to_owned(),
        fingerprint: hash,
        received_at: said.at,
        evidence: vec![evidence.id.clone()],
        signal,
    };
    Found {
        signal,
        evidence: vec![evidence],
    }
}

#[test]
fn one_failing_service_is_one_incident() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.commit(&[SAID]), 1);
    // The same trouble again; a caller that shares the trace; one that only names the cause; one further up.
    let again = Said {
        id: "01",
        at: 130 * SECOND,
        trace: 2,
        ..SAID
    };
    let caller = Said {
        id: "02",
        service: "checkout",
        fingerprint: "g",
        ..SAID
    };
    let names = Said {
        id: "03",
        service: "orders",
        affected: &["payment"],
        fingerprint: "h",
        trace: 9,
        ..SAID
    };
    assert_eq!(fixture.commit(&[again, caller, names]), 0);
    let incidents = fixture.incidents();
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}")
    };
    assert_eq!(incident.count, 12);
    assert_eq!(incident.start_time, 100 * SECOND);
    assert_eq!(incident.end_time, 131 * SECOND);
}

#[test]
fn unrelated_trouble_is_another_incident() {
    let mut fixture = Fixture::new();
    let other = Said {
        id: "01",
        service: "search",
        fingerprint: "g",
        trace: 2,
        ..SAID
    };
    assert_eq!(fixture.commit(&[SAID, other]), 2);
    // Passing through the same gateway makes no cause.
    let a = Said {
        id: "02",
        service: "mail",
        affected: &["gateway"],
        fingerprint: "x",
        trace: 3,
        ..SAID
    };
    let b = Said {
        id: "03",
        service: "stock",
        affected: &["gateway"],
        fingerprint: "y",
        trace: 4,
        ..SAID
    };
    assert_eq!(fixture.commit(&[a, b]), 2);
}

#[test]
fn a_neighbour_counts_only_within_the_causal_window() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    let late = Said {
        id: "01",
        at: SAID.at + super::relate::CAUSAL_WINDOW + 1,
        service: "orders",
        affected: &["payment"],
        fingerprint: "h",
        trace: 9,
        ..SAID
    };
    assert_eq!(fixture.commit(&[late]), 1);
}

#[test]
fn is_laid_at_the_service_behind_whichever_complains_first() {
    let mut fixture = Fixture::new();
    let gateway = Said {
        service: "gateway",
        fingerprint: "g",
        severity: Severity::Medium,
        ..SAID
    };
    let origin = Said {
        id: "01",
        affected: &["gateway", "checkout"],
        ..SAID
    };
    fixture.commit(&[gateway]);
    fixture.commit(&[origin]);
    let incidents = fixture.incidents();
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}")
    };
    assert_eq!(
        (incident.service.as_str(), incident.title.as_str()),
        ("payment", "payment fails")
    );
    assert_eq!(incident.affected, ["checkout", "gateway"]);
    assert_eq!(incident.severity, Severity::High);
    let kinds: Vec<String> = fixture
        .store
        .timeline(&fixture.scope.tenant, &incident.id)
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds, ["opened", "signal", "laid", "severity"]);
}

#[test]
fn a_low_signal_joins_but_opens_nothing() {
    let mut fixture = Fixture::new();
    let low = Said {
        severity: Severity::Low,
        ..SAID
    };
    assert_eq!(fixture.commit(&[low]), 0);
    assert_eq!(fixture.incidents(), []);
    assert_eq!(
        fixture.commit(&[Said { id: "01", ..SAID }, Said { id: "02", ..low }]),
        1
    );
    assert_eq!(
        fixture.incidents().first().map(|incident| incident.count),
        Some(6)
    );
}

#[test]
fn nothing_counts_twice() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    // The same signal in another commit: its id says that it is stored.
    assert_eq!(fixture.commit(&[SAID]), 0);
    assert_eq!(
        fixture.incidents().first().map(|incident| incident.count),
        Some(3)
    );
    // A commit whose number is taken changes nothing at all.
    let error = fixture.try_commit(1, &[Said { id: "05", ..SAID }]).unwrap_err();
    assert!(
        matches!(error, StoreError::CommitExists { number: 1, .. }),
        "{error}"
    );
    assert_eq!(
        fixture.incidents().first().map(|incident| incident.count),
        Some(3)
    );
}

#[test]
fn another_tenant_sees_nothing() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    let id = fixture
        .incidents()
        .first()
        .map(|incident| incident.id.clone())
        .unwrap();
    let stranger = TenantId::new("u").unwrap();
    assert_eq!(
        fixture
            .store
            .incidents(&stranger, &IncidentFilter::default())
            .unwrap(),
        []
    );
    assert_eq!(fixture.store.incident(&stranger, &id).unwrap(), None);
    assert_eq!(fixture.store.incident_signals(&stranger, &id).unwrap(), []);
    assert_eq!(fixture.store.timeline(&stranger, &id).unwrap(), []);
    assert_eq!(fixture.store.evidence(&stranger, &id).unwrap(), []);
    assert_eq!(report::assemble(&fixture.store, &stranger, &id).unwrap(), None);
}

#[test]
fn every_statement_of_the_report_names_evidence_that_exists() {
    let mut fixture = Fixture::new();
    let caller = Said {
        id: "01",
        service: "checkout",
        fingerprint: "g",
        ..SAID
    };
    fixture.commit(&[SAID, caller]);
    let id = fixture
        .incidents()
        .first()
        .map(|incident| incident.id.clone())
        .unwrap();
    let report = report::assemble(&fixture.store, &fixture.scope.tenant, &id)
        .unwrap()
        .unwrap();
    let known: Vec<&str> = report.evidence.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(known, ["ev-00", "ev-01"]);
    assert!(report.summary.len() >= 3, "{:?}", report.summary);
    for statement in &report.summary {
        assert!(!statement.evidence.is_empty(), "{statement:?}");
        assert!(
            statement.evidence.iter().all(|id| known.contains(&id.as_str())),
            "{statement:?}"
        );
    }
    let texts: Vec<&str> = report
        .summary
        .iter()
        .map(|statement| statement.text.as_str())
        .collect();
    insta::assert_debug_snapshot!(texts, @r#"
[
    "payment, operation POST /pay, release 2.0.0: Mismatch",
    "errors.share was 0.300 (usually 0).",
    "checkout complains too: the trouble passed through it.",
    "2 signals say so, 6 occurrences in all; the severity is high.",
]
"#);
}

#[test]
fn what_goes_on_for_hours_stays_bounded_and_still_counts() {
    let mut fixture = Fixture::new();
    for number in 0..260_u64 {
        let id = format!("{number:04}");
        fixture.commit(&[Said {
            id: &id,
            at: SAID.at + number * SECOND,
            trace: u128::from(number) + 1,
            ..SAID
        }]);
    }
    let incidents = fixture.incidents();
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}")
    };
    assert_eq!(incident.count, 780);
    let evidence = fixture
        .store
        .evidence(&fixture.scope.tenant, &incident.id)
        .unwrap();
    let timeline = fixture
        .store
        .timeline(&fixture.scope.tenant, &incident.id)
        .unwrap();
    assert!(
        evidence.len() <= 201 && timeline.len() <= 201,
        "{} {}",
        evidence.len(),
        timeline.len()
    );
}
