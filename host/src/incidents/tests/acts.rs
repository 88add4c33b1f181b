//! What people do to incidents.

use super::*;
use crate::incidents::{Act, ActError, Done, act};
use crate::store::IncidentState;

impl Fixture {
    fn act_on(&self, id: &str, expected: Option<u64>, what: &Act, text: &str) -> Result<Done, ActError> {
        let tenant = &self.scope.tenant;
        act(&self.store, tenant, id, expected, what, "ada", text, 500 * SECOND)
    }

    fn act(&self, id: &str, what: &Act) -> Incident {
        self.act_on(id, None, what, "").unwrap().incident
    }
}

/// Two unrelated incidents, `inc-00` of payment and `inc-01` of search.
fn two() -> Fixture {
    let mut fixture = Fixture::new();
    let search = Said {
        id: "01",
        service: "search",
        affected: &["web"],
        fingerprint: "g",
        trace: 2,
        ..SAID
    };
    assert_eq!(fixture.commit(&[SAID, search]), 2);
    fixture
}

#[test]
fn an_incident_is_acknowledged_resolved_and_reopened() {
    let fixture = two();
    let acknowledged = fixture
        .act_on("inc-00", None, &Act::Acknowledge, "on it")
        .unwrap();
    assert!(acknowledged.is_changed);
    assert_eq!(acknowledged.incident.state, IncidentState::Acknowledged);
    assert!(
        !fixture
            .act_on("inc-00", None, &Act::Acknowledge, "")
            .unwrap()
            .is_changed
    );
    let resolved = fixture.act("inc-00", &Act::Resolve);
    assert_eq!(
        (
            resolved.state,
            resolved.lifecycle.resolved_at,
            resolved.lifecycle.resolved_by.as_str()
        ),
        (IncidentState::Resolved, 500 * SECOND, "ada")
    );
    let error = fixture.act_on("inc-00", None, &Act::Acknowledge, "").unwrap_err();
    assert!(matches!(error, ActError::State(_)), "{error}");
    let reopened = fixture.act("inc-00", &Act::Reopen);
    assert_eq!(
        (
            reopened.state,
            reopened.lifecycle.resolved_at,
            reopened.lifecycle.active_at
        ),
        (IncidentState::Open, 0, 500 * SECOND)
    );
    fixture
        .act_on("inc-00", None, &Act::Note, "the disk was full")
        .unwrap();
    let error = fixture.act_on("inc-00", None, &Act::Note, " ").unwrap_err();
    assert!(matches!(error, ActError::Wrong(_)), "{error}");
    let timeline = fixture.timeline("inc-00");
    let texts: Vec<&str> = timeline.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Opened by errors: payment fails",
            "Acknowledged by ada: on it",
            "Resolved by ada",
            "Reopened by ada",
            "Note by ada: the disk was full",
        ]
    );
    assert_eq!(
        fixture.one("inc-01").version,
        1,
        "nothing happened to the other one"
    );
}

#[test]
fn an_act_on_what_has_changed_is_refused_and_changes_nothing() {
    let fixture = two();
    let version = fixture.one("inc-00").version;
    fixture
        .act_on("inc-00", Some(version), &Act::Acknowledge, "")
        .unwrap();
    let before = (fixture.one("inc-00"), fixture.timeline("inc-00"));
    let error = fixture
        .act_on("inc-00", Some(version), &Act::Resolve, "")
        .unwrap_err();
    assert!(
        matches!(error, ActError::Changed { found } if found == version + 1),
        "{error}"
    );
    assert_eq!((fixture.one("inc-00"), fixture.timeline("inc-00")), before);
    let error = fixture.act_on("inc-99", None, &Act::Resolve, "").unwrap_err();
    assert!(matches!(error, ActError::NotFound { .. }), "{error}");
    let stranger = TenantId::new("u").unwrap();
    let error = act(
        &fixture.store,
        &stranger,
        "inc-00",
        None,
        &Act::Resolve,
        "x",
        "",
        1,
    )
    .unwrap_err();
    assert!(matches!(error, ActError::NotFound { .. }), "{error}");
}

#[test]
fn acts_at_the_same_time_do_not_lose_one_another() {
    let fixture = two();
    let version = fixture.one("inc-00").version;
    let (threads, notes) = (8, 5);
    let winners: usize = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..notes {
                        fixture.act_on("inc-00", None, &Act::Note, "n").unwrap();
                    }
                    // All of them saw the same version: one of them is first.
                    usize::from(fixture.act_on("inc-01", Some(1), &Act::Acknowledge, "").is_ok())
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(winners, 1);
    assert_eq!(fixture.events("inc-00", "note").len(), threads * notes);
    assert_eq!(
        fixture.one("inc-00").version,
        version + u64::try_from(threads * notes).unwrap()
    );
}

#[test]
fn a_merged_incident_gives_everything_away() {
    let mut fixture = two();
    let into = || Act::Merge {
        into: "inc-00".to_owned(),
    };
    let kept = fixture
        .act_on("inc-01", None, &into(), "same disk")
        .unwrap()
        .incident;
    assert_eq!(
        (kept.id.as_str(), kept.service.as_str(), kept.count),
        ("inc-00", "payment", 6)
    );
    assert_eq!(kept.affected, ["search", "web"]);
    let gone = fixture.one("inc-01");
    assert_eq!(
        (gone.state, gone.lifecycle.merged_into.as_str()),
        (IncidentState::Resolved, "inc-00")
    );
    // Links to it still lead to its report.
    let report = report::assemble(&fixture.store, &fixture.scope.tenant, "inc-01").unwrap();
    assert_eq!(report.unwrap().incident, "inc-00");
    let kinds: Vec<String> = fixture
        .timeline("inc-00")
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["opened", "opened", "note", "merged"]);
    // Its fingerprint, services and traces lead to the other one from now on.
    let again = |id, fingerprint, trace| Said {
        id,
        at: SAID.at + 10 * SECOND,
        service: "search",
        fingerprint,
        trace,
        ..SAID
    };
    assert_eq!(fixture.commit(&[again("02", "g", 50), again("03", "h", 2)]), 0);
    assert_eq!(fixture.one("inc-00").count, 12);
    for what in [Act::Reopen, Act::Acknowledge, into()] {
        let error = fixture.act_on("inc-01", None, &what, "").unwrap_err();
        assert!(
            matches!(&error, ActError::Merged { into, .. } if into == "inc-00"),
            "{error}"
        );
    }
    let error = fixture.act_on("inc-00", None, &into(), "").unwrap_err();
    assert!(matches!(error, ActError::Wrong(_)), "{error}");
    let unknown = Act::Merge {
        into: "inc-99".to_owned(),
    };
    let error = fixture.act_on("inc-00", None, &unknown, "").unwrap_err();
    assert!(matches!(error, ActError::NotFound { .. }), "{error}");
}

#[test]
fn what_is_open_is_not_merged_into_what_is_over() {
    let fixture = two();
    fixture.act("inc-00", &Act::Resolve);
    let into = |id: &str| Act::Merge { into: id.to_owned() };
    let error = fixture.act_on("inc-01", None, &into("inc-00"), "").unwrap_err();
    assert!(matches!(error, ActError::State(_)), "{error}");
    assert_eq!(fixture.one("inc-01").state, IncidentState::Open);
    assert_eq!(fixture.act("inc-00", &into("inc-01")).count, 6);
}

#[test]
fn what_is_split_off_stays_apart() {
    let mut fixture = Fixture::new();
    // One incident of two troubles in the same trace.
    let other = Said {
        id: "01",
        at: SAID.at + SECOND,
        service: "search",
        fingerprint: "g",
        affected: &["web"],
        ..SAID
    };
    assert_eq!(fixture.commit(&[SAID, other]), 1);
    let fingerprint = fingerprint_hash(
        "errors",
        &Fingerprint {
            version: 1,
            parts: vec!["g".to_owned()],
        },
    );
    let split = Act::Split {
        signals: Vec::new(),
        fingerprints: vec![fingerprint],
    };
    let new = fixture.act("inc-00", &split);
    assert_eq!(
        (new.service.as_str(), new.count, new.lifecycle.split_from.as_str()),
        ("search", 3, "inc-00")
    );
    let old = fixture.one("inc-00");
    assert_eq!(
        (old.service.as_str(), old.count, old.affected.len()),
        ("payment", 3, 0)
    );
    let tenant = &fixture.scope.tenant;
    let ids = |id: &str| -> Vec<String> {
        let evidence = fixture.store.evidence(tenant, id).unwrap();
        evidence.into_iter().map(|evidence| evidence.id).collect()
    };
    assert_eq!(
        (ids("inc-00"), ids(&new.id)),
        (vec!["ev-00".to_owned()], vec!["ev-01".to_owned()])
    );
    let signals = fixture.store.incident_signals(tenant, &new.id).unwrap();
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].incident, new.id);
    // What comes of either goes where it belongs, though they share a trace and a service that complains.
    let later = |id, said: Said<'static>| Said {
        id,
        at: SAID.at + 20 * SECOND,
        affected: &["payment", "search", "web"],
        ..said
    };
    assert_eq!(fixture.commit(&[later("02", other), later("03", SAID)]), 0);
    assert_eq!((fixture.one("inc-00").count, fixture.one(&new.id).count), (6, 6));
    assert_eq!(fixture.one(&new.id).lifecycle.merged_into, "");
    assert_eq!(fixture.events(&new.id, "opened"), ["Split off inc-00 by ada"]);
    // Resolved and back, it still is an incident of its own.
    fixture.act(&new.id, &Act::Resolve);
    let back = Said {
        id: "04",
        at: 600 * SECOND,
        ..other
    };
    assert_eq!(fixture.commit(&[back]), 0);
    assert_eq!(fixture.one(&new.id).state, IncidentState::Regressed);
}

#[test]
fn a_split_names_some_of_the_signals() {
    let mut fixture = Fixture::new();
    fixture.commit(&[
        SAID,
        Said {
            id: "01",
            trace: 2,
            ..SAID
        },
    ]);
    let split = |signals: &[&str], fingerprints: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        fixture.act_on(
            "inc-00",
            None,
            &Act::Split {
                signals: owned(signals),
                fingerprints: owned(fingerprints),
            },
            "",
        )
    };
    for (signals, fingerprints) in [
        (vec![], vec![]),
        (vec!["99"], vec![]),
        (vec!["00", "01"], vec![]),
        (vec![], vec!["no"]),
    ] {
        let error = split(&signals, &fingerprints).unwrap_err();
        assert!(matches!(error, ActError::Wrong(_)), "{error}");
    }
    let new = split(&["01"], &[]).unwrap().incident;
    assert_eq!((new.count, fixture.one("inc-00").count), (3, 3));
    // The fingerprint has a signal left: what comes belongs to the old one.
    assert_eq!(
        fixture.commit(&[Said {
            id: "02",
            trace: 3,
            ..SAID
        }]),
        0
    );
    assert_eq!(fixture.one("inc-00").count, 6);
}
