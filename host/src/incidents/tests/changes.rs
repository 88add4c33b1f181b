//! Changes beside incidents.

use super::*;
use crate::incidents::changes::{Announcement, ChangeError, announce, see_release};
use crate::store::{ChangeKind, ChangeRecord, ChangeSource};

const HOUR: u64 = 3600 * SECOND;

/// Late enough that an hour before is a time.
const START: u64 = 100 * HOUR;

fn deploy(service: &str, release: &str, time: Option<u64>) -> Announcement {
    Announcement {
        kind: ChangeKind::Deploy,
        time,
        service: service.to_owned(),
        release: release.to_owned(),
        release_previous: String::new(),
        author: "ada".to_owned(),
        text: String::new(),
        link: String::new(),
    }
}

impl Fixture {
    fn tell(&self, told: &Announcement, now: u64) -> (ChangeRecord, bool) {
        announce(&self.store, &self.scope, told, ChangeSource::Api, now).unwrap()
    }

    fn changes(&self) -> Vec<ChangeRecord> {
        self.store.changes(&self.scope, 0, u64::MAX).unwrap()
    }
}

#[test]
fn an_incident_shows_the_changes_of_its_services_from_an_hour_before() {
    let mut fixture = Fixture::new();
    fixture.tell(&deploy("payment", "1", Some(START - HOUR - 1)), START);
    fixture.tell(&deploy("payment", "2", Some(START - HOUR)), START);
    fixture.tell(&deploy("web", "3", Some(START - 1)), START);
    fixture.tell(&deploy("search", "4", Some(START - 1)), START);
    let dns = Announcement {
        kind: ChangeKind::Infrastructure,
        text: "DNS".to_owned(),
        ..deploy("", "", Some(START - 2))
    };
    fixture.tell(&dns, START);
    fixture.commit(&[Said {
        at: START,
        affected: &["web"],
        ..SAID
    }]);
    let incident = fixture.only();
    let listed = |fixture: &Fixture| fixture.events(&incident.id, "change");
    let at_start = [
        "Deploy of payment 2 by ada",
        "Infrastructure by ada: DNS",
        "Deploy of web 3 by ada",
    ];
    assert_eq!(listed(&fixture), at_start);
    // In the timeline they stand before the opening, which they precede.
    assert_eq!(fixture.timeline(&incident.id)[3].0, "opened");
    // One that is told later, and one of a service that is affected from now on.
    assert!(
        fixture
            .tell(&deploy("payment", "5", Some(START + 1)), START + 9)
            .1
    );
    fixture.commit(&[Said {
        id: "01",
        at: START + SECOND,
        affected: &["search"],
        ..SAID
    }]);
    assert_eq!(
        listed(&fixture),
        [
            &at_start[..2],
            &[
                "Deploy of web 3 by ada",
                "Deploy of search 4 by ada",
                "Deploy of payment 5 by ada"
            ]
        ]
        .concat()
    );
    // Told again, or gathered again, nothing is listed twice.
    assert!(
        !fixture
            .tell(&deploy("payment", "5", Some(START + 1)), START + 99)
            .1
    );
    fixture.commit(&[Said {
        id: "02",
        at: START + 2 * SECOND,
        affected: &["other"],
        ..SAID
    }]);
    assert_eq!(listed(&fixture).len(), 5);
}

#[test]
fn a_resolved_incident_shows_no_later_change() {
    let mut fixture = Fixture::new();
    fixture.commit(&[Said { at: START, ..SAID }]);
    super::super::tend(
        &fixture.store,
        &fixture.scope,
        START + HOUR,
        &Rules::default(),
        false,
    )
    .unwrap();
    let end = fixture.only().lifecycle.resolved_at;
    fixture.tell(&deploy("payment", "fix", Some(end)), START + HOUR);
    fixture.tell(&deploy("payment", "later", Some(end + 1)), START + HOUR);
    assert_eq!(
        fixture.events(&fixture.only().id, "change"),
        ["Deploy of payment fix by ada"]
    );
}

#[test]
fn a_retry_counts_once() {
    let fixture = Fixture::new();
    let (first, is_new) = fixture.tell(&deploy("payment", "2", None), START);
    assert!(is_new && first.time == START);
    let (again, is_new) = fixture.tell(&deploy("payment", "2", None), START + 800 * SECOND);
    assert_eq!((again, is_new), (first, false));
    // After a quarter of an hour it is another deploy of the same release; so is one with a time of its own.
    assert!(
        fixture
            .tell(&deploy("payment", "2", None), START + 901 * SECOND)
            .1
    );
    assert!(
        fixture
            .tell(&deploy("payment", "2", Some(START + 1)), START + 2)
            .1
    );
    assert!(
        !fixture
            .tell(&deploy("payment", "2", Some(START + 1)), START + HOUR)
            .1
    );
    assert!(fixture.tell(&deploy("payment", "3", None), START + 2).1);
    assert_eq!(fixture.changes().len(), 4);
}

#[test]
fn what_is_incomplete_or_too_long_is_refused() {
    let fixture = Fixture::new();
    let refused = |told: &Announcement| -> ChangeError {
        announce(&fixture.store, &fixture.scope, told, ChangeSource::Cli, 1).unwrap_err()
    };
    assert!(matches!(
        refused(&deploy("", "2", None)),
        ChangeError::Missing("service")
    ));
    assert!(matches!(
        refused(&deploy("payment", "", None)),
        ChangeError::Missing("release")
    ));
    let long = "x".repeat(201);
    assert!(matches!(
        refused(&deploy(&long, "2", None)),
        ChangeError::TooLong { field: "service", .. }
    ));
    let link = Announcement {
        link: "javascript:alert(1)".to_owned(),
        ..deploy("payment", "2", None)
    };
    assert!(matches!(refused(&link), ChangeError::Link));
    let empty = Announcement {
        kind: ChangeKind::Flag,
        ..deploy("", "", None)
    };
    assert!(matches!(refused(&empty), ChangeError::Empty));
    assert_eq!(fixture.changes(), []);
}

#[test]
fn a_new_release_in_telemetry_is_a_change_and_the_first_one_is_none() {
    let mut fixture = Fixture::new();
    let see = |fixture: &Fixture, service: &str, release: &str, at: u64| {
        see_release(&fixture.store, &fixture.scope, service, release, at).unwrap();
    };
    see(&fixture, "payment", "1", START);
    see(&fixture, "web", "9", START);
    assert_eq!(fixture.changes(), []);
    fixture.commit(&[Said { at: START, ..SAID }]);
    see(&fixture, "payment", "2", START + SECOND);
    // Both run beside each other for a while, and are seen again after a restart.
    for at in 2..6 {
        see(&fixture, "payment", "1", START + at * SECOND);
        see(&fixture, "payment", "2", START + at * SECOND);
    }
    let changes = fixture.changes();
    let [change] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (
            change.kind,
            change.source,
            change.time,
            change.release_previous.as_str()
        ),
        (ChangeKind::Deploy, ChangeSource::Telemetry, START + SECOND, "1")
    );
    assert_eq!(
        fixture.events(&fixture.only().id, "change"),
        ["Deploy of payment 2 after 1, first seen in telemetry"]
    );
    // Somebody announced it: that is the change.
    fixture.tell(&deploy("web", "10", Some(START)), START);
    see(&fixture, "web", "10", START + HOUR);
    assert_eq!(fixture.changes().len(), 2);
}
