//! Investigations with a real log, store and runtime, and an analyst that does what it is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aia_plugin_evil_analyst::{Config, Deed};
use aia_telemetry::{ProjectId, SignalType, TenantId};
use serde_json::json;

use super::*;
use crate::incidents::{Found, decide, fingerprint_hash, from_row, report};
use crate::log::tests::{Fixture, append_json, scope};
use crate::log::{Log, Wanted};
use crate::metrics::Metrics;
use crate::runtime::{
    Answer, CompilerConfig, EvidenceKind, Fingerprint, Request, RowId, Runtime, RuntimeConfig, Selector,
    Severity, Signal, TimeRange, TraceId, Verdict,
};
use crate::store::{
    ChangeKind, ChangeRecord, ChangeSource, CommitRecord, Ending, PinnedSignal, Scope, Store,
};

const SECOND: u64 = 1_000_000_000;

/// When the telemetry of the tests begins.
const START: u64 = 1_000;

/// A request of a gateway that calls a payment service, whose text is hostile; it takes place at this second and fails.
fn trace(number: u64, second: u64) -> String {
    let span = |service: &str, name: &str, id: u64, parent: u64, milliseconds: u64| {
        let start = second * SECOND;
        json!({
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"spans": [{
                "traceId": format!("{number:032x}"), "spanId": format!("{id:016x}"), "name": name, "kind": 2,
                "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + milliseconds * 1_000_000).to_string(),
                "status": {"code": 2, "message": "<script>\u{1b}[31m\n# no"},
            }]}],
        })
    };
    json!({"resourceSpans": [span("gateway", "POST /orders", 1, 0, 100), span("payment", "POST /charge", 2, 1, 80)]}).to_string()
}

fn other() -> Scope {
    Scope {
        project: ProjectId::new("other").unwrap(),
        ..scope()
    }
}

/// The rows of all traces of a project, as evidence.
fn rows(log: &Log, scope: &Scope) -> Vec<crate::store::Evidence> {
    let wanted = Wanted {
        end: u64::MAX,
        signal: Some(SignalType::Traces),
        ..Wanted::default()
    };
    let mut rows = Vec::new();
    let budget = GatherLimits::default().scan;
    log.scan(scope, &wanted, budget, &mut |segment| {
        let columns = segment.columns.as_ref().unwrap();
        let all = 0..u32::try_from(columns.rows()).unwrap();
        rows.extend(all.filter_map(|row| {
            Some(from_row(
                segment.id,
                row,
                aia_telemetry::describe_row(columns, row)?,
            ))
        }));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

/// Opens an incident of the payment service as a detector would.
fn open_incident(store: &dyn Store, scope: &Scope, log: &Log) -> String {
    let fingerprint = Fingerprint {
        version: 1,
        parts: vec![scope.to_string()],
    };
    let evidence: Vec<_> = rows(log, scope)
        .into_iter()
        .filter(|row| row.service == "payment")
        .take(2)
        .collect();
    let signal = PinnedSignal {
        id: blake3::hash(scope.to_string().as_bytes()).to_hex().to_string(),
        incident: String::new(),
        detector: "errors".to_owned(),
        fingerprint: fingerprint_hash("errors", &fingerprint),
        received_at: (START + 60) * SECOND,
        evidence: evidence.iter().map(|row| row.id.clone()).collect(),
        signal: Signal {
            kind: "errors.exception".to_owned(),
            severity: Severity::High,
            fingerprint,
            title: "payment fails".to_owned(),
            service: "payment".to_owned(),
            operation: "POST /charge".to_owned(),
            release: String::new(),
            affected: vec!["gateway".to_owned()],
            start_time: (START + 50) * SECOND,
            end_time: (START + 60) * SECOND,
            count: 10,
            measures: Vec::new(),
            details: Vec::new(),
            evidence: vec![RowId { segment: 1, row: 0 }],
        },
    };
    let commit = CommitRecord {
        plugin: "errors".to_owned(),
        number: 1,
        digest: String::new(),
        first_sequence: 1,
        last_sequence: 1,
        base_sequence: 0,
        received_at: 0,
        segments: Vec::new(),
        snapshot: None,
        snapshot_commit: 0,
    };
    let found = [Found { signal, evidence }];
    store
        .commit(scope, &commit, &mut |transaction| {
            decide(
                transaction,
                scope.project.as_str(),
                &crate::incidents::Rules::default(),
                &found,
            )
            .map(|_| ())
        })
        .unwrap();
    let incident = store.incidents(
        &scope.tenant,
        &crate::store::IncidentFilter {
            project: Some(scope.project.as_str().to_owned()),
            ..Default::default()
        },
    );
    incident.unwrap()[0].id.clone()
}

/// Two projects with telemetry, and an incident in the first.
struct World {
    fixture: Fixture,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    incident: String,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        let log = Arc::new(fixture.open_with(1 << 20, Arc::new(|_| {})));
        let store = fixture.store();
        for scope in [scope(), other()] {
            store.ensure_project(&scope, 1).unwrap();
            for number in 0..20 {
                let second = START + 41 + number;
                append_json(
                    &log,
                    &scope,
                    SignalType::Traces,
                    &trace(number + 1, second),
                    second * SECOND,
                );
            }
        }
        let incident = open_incident(store.as_ref(), &scope(), &log);
        Self {
            fixture,
            log,
            store,
            incident,
        }
    }

    fn investigator(&self, deed: Deed, config: InvestigationConfig) -> Investigator {
        let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
        let analyst = Analyst {
            plugin: runtime.load("evil-analyst", aia_plugins::EVIL_ANALYST).unwrap(),
            config: serde_json::to_string(&Config { deed, count: 0 }).unwrap(),
        };
        Investigator::new(
            config,
            vec![analyst],
            Arc::clone(&self.log),
            Arc::clone(&self.store),
            Arc::new(Metrics::default()),
            Arc::new(NoModels),
        )
    }

    /// Investigates as told; gives what is stored of it.
    fn investigate(&self, deed: Deed) -> (Ending, Option<crate::store::ConclusionRecord>) {
        let investigator = self.investigator(deed, InvestigationConfig::default());
        let records = investigator
            .investigate(&scope(), &self.incident, (START + 61) * SECOND)
            .unwrap()
            .unwrap();
        let conclusions = self.store.conclusions(&scope().tenant, &self.incident).unwrap();
        (records[0].ending.clone(), conclusions.into_iter().next())
    }
}

#[test]
fn a_conclusion_is_stored_with_its_evidence_and_reported() {
    let world = World::new();
    let (ending, conclusion) = world.investigate(Deed::Behave);
    let conclusion = conclusion.unwrap();
    assert_eq!(
        (ending, conclusion.verdict, conclusion.dropped),
        (Ending::Concluded, Verdict::Cause, 0)
    );
    assert_eq!(conclusion.suspects[0].service, "payment");
    // The last it was given is the signal, and says so.
    assert_eq!(conclusion.statements[0].text, "What it shows: payment fails");
    let tenant = scope().tenant;
    let evidence = world.store.evidence(&tenant, &world.incident).unwrap();
    for id in &conclusion.statements[0].evidence {
        let pinned = evidence.iter().find(|evidence| evidence.id == *id);
        assert_eq!(pinned.map(|evidence| evidence.kind.as_str()), Some("signal"));
    }
    let timeline = world.store.timeline(&tenant, &world.incident).unwrap();
    let last = timeline.last().unwrap();
    assert_eq!(
        (last.kind.as_str(), last.text.as_str()),
        (
            "analysis",
            "evil-analyst says what the cause is: What it shows: payment fails"
        )
    );

    let report = report::assemble(world.store.as_ref(), &tenant, &world.incident)
        .unwrap()
        .unwrap();
    assert_eq!(report.summary[0].text, "What it shows: payment fails");
    assert_eq!(report.conclusions[0].suspects[0].service, "payment");
    let ids: Vec<&String> = report.evidence.iter().map(|item| &item.id).collect();
    let statements = report
        .conclusions
        .iter()
        .flat_map(|conclusion| &conclusion.statements)
        .chain(&report.summary);
    for statement in statements {
        assert!(!statement.evidence.is_empty() && statement.evidence.iter().all(|id| ids.contains(&id)));
    }
    // A trace of the signal's evidence; its payment span is pinned.
    assert_eq!((report.exemplar.high, report.exemplar.low), (0, 1));
    assert!(
        report
            .evidence
            .iter()
            .any(|item| item.kind == EvidenceKind::Signal)
    );

    let charts: Vec<_> = report
        .charts
        .iter()
        .map(|chart| (chart.title.as_str(), chart.unit.as_str()))
        .collect();
    assert_eq!(
        charts,
        [
            ("Requests of payment POST /charge", "{request}/s"),
            ("Errors of payment POST /charge", "{error}/s"),
            ("Duration of payment POST /charge", "s"),
        ]
    );
    let requests = &report.charts[0];
    // Less than a quarter of an hour before the first occurrence, since telemetry begins here.
    assert_eq!(requests.start, (START + 41) * SECOND);
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let seconds = (requests.step / SECOND) as f64;
    let seen: f64 = requests.series[0]
        .values
        .iter()
        .filter(|value| value.is_finite())
        .map(|value| value * seconds)
        .sum();
    assert!((seen - 20.0).abs() < 1e-9, "{seen}");
    assert!(
        requests.series[0].values.iter().all(|value| value.is_finite()),
        "nothing is drawn of what isn't known: before the first telemetry, or yet to come"
    );
    let p95 = report.charts[2].series[1]
        .values
        .iter()
        .copied()
        .filter(|value| value.is_finite());
    for value in p95 {
        assert!((value / 0.08 - 1.0).abs() < 0.011, "{value}");
    }
    world.log.close();
}

#[test]
fn what_is_made_up_is_dropped() {
    for (deed, dropped, verdict) in [
        (Deed::InventEvidence, 1, Verdict::Cause),
        (Deed::InventField, 1, Verdict::Cause),
        (Deed::InventNumber, 1, Verdict::Cause),
        (Deed::InventPlace, 3, Verdict::Cause),
        (Deed::InventService, 1, Verdict::NotEnoughEvidence),
        (Deed::NoReason, 1, Verdict::NotEnoughEvidence),
    ] {
        let world = World::new();
        let (ending, conclusion) = world.investigate(deed);
        let conclusion = conclusion.unwrap();
        assert_eq!(
            (ending, conclusion.dropped, conclusion.verdict),
            (Ending::Concluded, dropped, verdict),
            "{deed:?}"
        );
        assert_eq!(conclusion.downgraded, verdict != Verdict::Cause);
        world.log.close();
    }
}

#[test]
fn evidence_of_another_project_cannot_be_had() {
    let world = World::new();
    let foreign = open_incident(world.store.as_ref(), &other(), &world.log);
    let foreign_rows: Vec<String> = rows(&world.log, &other()).into_iter().map(|row| row.id).collect();
    world.store.add_change(&other(), &change("chg-other")).unwrap();
    world.store.add_change(&scope(), &change("chg-own")).unwrap();
    let (scope, limits) = (scope(), GatherLimits::default());
    let mut gatherer = Gatherer::new(&world.log, world.store.as_ref(), &scope, &limits);
    let range = TimeRange {
        start: 0,
        end: u64::MAX,
    };
    let selector = Selector {
        service: String::new(),
        operation: String::new(),
        during: range,
        limit: u32::MAX,
    };
    let mut kinds = Vec::new();
    for request in [
        Request::Trace(TraceId { high: 0, low: 1 }),
        Request::Spans(selector.clone()),
        Request::Logs((selector.clone(), 0)),
        Request::Points(selector.clone()),
        Request::Operations(range),
        Request::Series(selector),
        Request::Signals(range),
        Request::Changes(range),
    ] {
        let Answer::Found((items, _)) = gatherer.answer(&request) else {
            panic!("{request:?}");
        };
        kinds.extend(items.iter().map(|item| format!("{:?}", item.kind)));
        for item in items {
            assert!(!foreign_rows.contains(&item.id), "{item:?}");
            assert!(!item.id.contains("other"), "{item:?}");
        }
    }
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "EvidenceKind::Span",
            "EvidenceKind::Operation",
            "EvidenceKind::Signal",
            "EvidenceKind::Change"
        ]
    );
    let own: Vec<&String> = gatherer
        .given()
        .keys()
        .filter(|id| id.starts_with("sig-"))
        .collect();
    assert_eq!(own.len(), 1);

    // Nor can another project's incident be investigated, whoever asks.
    let investigator = world.investigator(Deed::Behave, InvestigationConfig::default());
    assert_eq!(investigator.investigate(&scope, &foreign, 1).unwrap(), None);
    let stranger = Scope {
        tenant: TenantId::new("stranger").unwrap(),
        ..scope.clone()
    };
    assert_eq!(
        investigator.investigate(&stranger, &world.incident, 1).unwrap(),
        None
    );
    assert_eq!(
        world
            .store
            .conclusions(&stranger.tenant, &world.incident)
            .unwrap(),
        []
    );
    world.log.close();
}

fn change(id: &str) -> ChangeRecord {
    ChangeRecord {
        id: id.to_owned(),
        project: String::new(),
        time: START * SECOND,
        kind: ChangeKind::Deploy,
        service: "payment".to_owned(),
        release: "2.0.0".to_owned(),
        release_previous: "1.0.0".to_owned(),
        author: String::new(),
        text: String::new(),
        link: String::new(),
        source: ChangeSource::Cli,
        received_at: START * SECOND,
    }
}

#[test]
fn every_request_is_answered_and_what_cannot_be_had_says_why() {
    let world = World::new();
    let (ending, conclusion) = world.investigate(Deed::Everything);
    assert_eq!(ending, Ending::Concluded);
    let texts: Vec<String> = conclusion
        .unwrap()
        .statements
        .into_iter()
        .map(|statement| statement.text)
        .collect();
    assert!(
        texts.contains(&"no source code is connected".to_owned()),
        "{texts:?}"
    );
    assert!(texts.iter().any(|text| text.contains("Operation")), "{texts:?}");
    world.log.close();

    let world = World::new();
    let (_, conclusion) = world.investigate(Deed::Ask);
    let texts: Vec<String> = conclusion
        .unwrap()
        .statements
        .into_iter()
        .map(|statement| statement.text)
        .collect();
    assert!(texts.contains(&"no model is configured".to_owned()), "{texts:?}");
    world.log.close();
}

#[test]
fn answers_are_bounded() {
    let world = World::new();
    let scope = scope();
    let all = |limit| {
        Request::Spans(Selector {
            service: "payment".to_owned(),
            operation: "POST /charge".to_owned(),
            during: TimeRange {
                start: 0,
                end: u64::MAX,
            },
            limit,
        })
    };
    let found = |gatherer: &mut Gatherer<'_>, limit| match gatherer.answer(&all(limit)) {
        Answer::Found((items, has_more)) => (items.len(), has_more),
        Answer::Unavailable(reason) => panic!("{reason}"),
    };
    let limits = GatherLimits::default();
    let mut gatherer = Gatherer::new(&world.log, world.store.as_ref(), &scope, &limits);
    assert_eq!(found(&mut gatherer, 1_000), (20, false));
    assert_eq!(found(&mut gatherer, 20), (20, false));
    assert_eq!(found(&mut gatherer, 19), (19, true));
    assert_eq!(found(&mut gatherer, 0), (0, true));

    let limits = GatherLimits {
        items: 5,
        ..GatherLimits::default()
    };
    let mut gatherer = Gatherer::new(&world.log, world.store.as_ref(), &scope, &limits);
    assert_eq!(found(&mut gatherer, 1_000), (5, true));
    let limits = GatherLimits {
        answer_bytes: 3_000,
        total_bytes: 5_000,
        ..GatherLimits::default()
    };
    let mut gatherer = Gatherer::new(&world.log, world.store.as_ref(), &scope, &limits);
    let (few, has_more) = found(&mut gatherer, 1_000);
    assert!(few < 10 && has_more, "{few}");
    found(&mut gatherer, 1_000);
    assert!(
        matches!(gatherer.answer(&all(1)), Answer::Unavailable(reason) if reason.contains("as much as it may"))
    );
    world.log.close();
}

#[test]
fn a_failing_analyst_rests_and_harms_nothing() {
    let world = World::new();
    let config = InvestigationConfig {
        backoff: Duration::from_millis(50),
        ..InvestigationConfig::default()
    };
    let investigator = world.investigator(Deed::Trap, config.clone());
    let started = Instant::now();
    // What a host does: look for what is due until nothing is.
    while world
        .store
        .investigations(&scope().tenant, &world.incident)
        .unwrap()
        .first()
        .map(|last| last.failures)
        != Some(config.attempts)
    {
        investigator.investigate_due(&scope()).unwrap();
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(
        started.elapsed() >= Duration::from_millis(50 + 100),
        "it rests in between"
    );
    let plugin = Arc::clone(&investigator.analysts()[0].plugin);
    assert_eq!(plugin.stats().all_failures(), u64::from(config.attempts));
    assert_eq!(
        world.store.conclusions(&scope().tenant, &world.incident).unwrap(),
        []
    );
    let last = world
        .store
        .investigations(&scope().tenant, &world.incident)
        .unwrap();
    assert!(
        matches!(&last[0].ending, Ending::Failed(reason) if reason.contains("advance trapped")),
        "{last:?}"
    );
    world.log.close();
}

#[test]
fn nothing_is_done_twice_for_nothing() {
    let world = World::new();
    let investigator = world.investigator(Deed::Behave, InvestigationConfig::default());
    let calls = || investigator.analysts()[0].plugin.stats().calls();
    let now = (START + 61) * SECOND;
    investigator.investigate(&scope(), &world.incident, now).unwrap();
    let (after_first, events) = (
        calls(),
        world
            .store
            .timeline(&scope().tenant, &world.incident)
            .unwrap()
            .len(),
    );
    // Nothing has changed: the analyst isn't asked.
    let records = investigator
        .investigate(&scope(), &world.incident, now + 60 * SECOND)
        .unwrap()
        .unwrap();
    assert_eq!((calls(), records[0].time), (after_first, now + 60 * SECOND));
    // More telemetry: it is asked, and says the same; nothing is added.
    let second = START + 130;
    append_json(
        &world.log,
        &scope(),
        SignalType::Traces,
        &trace(500, second),
        second * SECOND,
    );
    investigator
        .investigate(&scope(), &world.incident, second * SECOND)
        .unwrap();
    assert!(calls() > after_first);
    assert_eq!(
        world
            .store
            .conclusions(&scope().tenant, &world.incident)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        world
            .store
            .timeline(&scope().tenant, &world.incident)
            .unwrap()
            .len(),
        events
    );
    world.log.close();
}

#[test]
fn the_thread_finds_what_was_left_undone_and_what_is_new() {
    let world = World::new();
    // Nobody wakes it for what happened before it started.
    let investigator = Arc::new(world.investigator(Deed::Behave, InvestigationConfig::default()));
    let wake = Wake::default();
    let running = Investigations::start(Arc::clone(&investigator), wake.clone()).unwrap();
    let wait = |scope: &Scope, incident: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while world
            .store
            .conclusions(&scope.tenant, incident)
            .unwrap()
            .is_empty()
        {
            assert!(Instant::now() < deadline, "no conclusion of {incident}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait(&scope(), &world.incident);
    let second = open_incident(world.store.as_ref(), &other(), &world.log);
    wake.wake(&other());
    wait(&other(), &second);
    running.close();
    assert!(investigator.is_closing.load(Ordering::Relaxed));
    world.log.close();
    drop(world.fixture);
}

#[test]
fn the_same_again_gives_the_same() {
    let conclusion = || {
        let world = World::new();
        let (_, conclusion) = world.investigate(Deed::Everything);
        let charts = world.store.charts(&scope().tenant, &world.incident).unwrap();
        world.log.close();
        (conclusion, charts)
    };
    assert_eq!(conclusion(), conclusion());
}

#[test]
fn hostile_text_is_evidence_and_nothing_else() {
    let world = World::new();
    let (scope, limits) = (scope(), GatherLimits::default());
    let mut gatherer = Gatherer::new(&world.log, world.store.as_ref(), &scope, &limits);
    let Answer::Found((items, _)) = gatherer.answer(&Request::Trace(TraceId { high: 0, low: 1 })) else {
        panic!("the trace is there");
    };
    assert_eq!(items.len(), 2);
    let message = items[0]
        .fields
        .iter()
        .find(|field| field.name == "status.message")
        .unwrap();
    assert_eq!(message.value, "<script>\u{1b}[31m\n# no");
    world.log.close();
}
