//! What is left of conclusions that make things up.

use super::*;
use crate::incidents::derived;
use crate::runtime::{Severity, TimeRange};

fn given() -> BTreeMap<String, Evidence> {
    let fields = [
        ("name", "POST /charge"),
        ("duration", "1.31 s"),
        ("http.request.method", "POST"),
        ("http.route", "/charge/{id}"),
        ("resource.service.version", "2.0.0"),
        (
            "exception.stacktrace",
            "  at ./src/ledger.rs:42:9\nFile \"app.py\", line 7",
        ),
        ("exception.message", "first\n# second\u{1b}[31m"),
    ];
    let evidence = Evidence {
        service: "payment".to_owned(),
        title: "SERVER POST /charge".to_owned(),
        fields: fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..derived("span", "ev-1".to_owned())
    };
    [(evidence.id.clone(), evidence)].into_iter().collect()
}

fn case() -> Case {
    Case {
        incident: "inc-1".to_owned(),
        severity: Severity::High,
        title: String::new(),
        service: "gateway".to_owned(),
        operation: String::new(),
        release: String::new(),
        affected: Vec::new(),
        during: TimeRange { start: 0, end: 0 },
        known_since: 0,
        evidence: Vec::new(),
    }
}

fn text(text: &str) -> Fragment {
    Fragment::Text(text.to_owned())
}

fn figure(evidence: &str, field: &str) -> Fragment {
    Fragment::Figure(Figure {
        evidence: evidence.to_owned(),
        field: field.to_owned(),
    })
}

fn claim(sentence: Vec<Fragment>, evidence: &[&str]) -> Claim {
    Claim {
        sentence,
        evidence: evidence.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn good() -> Claim {
    claim(
        vec![text("It took "), figure("ev-1", "duration"), text(".")],
        &["ev-1"],
    )
}

fn suspect(service: &str) -> Suspect {
    Suspect {
        service: service.to_owned(),
        operation: String::new(),
        release: String::new(),
        code: String::new(),
        probability: 0.5,
        claims: vec![good()],
    }
}

fn conclusion() -> Conclusion {
    Conclusion {
        verdict: Verdict::Cause,
        claims: vec![good()],
        suspects: vec![suspect("payment")],
        diff: String::new(),
    }
}

fn checked(conclusion: &Conclusion) -> Checked {
    check(conclusion, &case(), &given())
}

#[test]
fn figures_are_printed_and_cited() {
    let found = checked(&conclusion());
    assert_eq!(
        (found.verdict, found.dropped, found.downgraded),
        (Verdict::Cause, 0, false)
    );
    let statement = &found.statements[0];
    assert_eq!(
        (statement.text.as_str(), statement.evidence.as_slice()),
        ("It took 1.31 s.", &["ev-1".to_owned()][..])
    );
    assert_eq!(found.suspects[0].reasons, found.statements);

    // A figure's evidence is cited without being named again; an item's own service and title are fields, too.
    let implied = claim(
        vec![figure("ev-1", "service"), text(": "), figure("ev-1", "title")],
        &[],
    );
    let found = checked(&Conclusion {
        claims: vec![implied],
        ..conclusion()
    });
    assert_eq!(found.statements[0].text, "payment: SERVER POST /charge");
    assert_eq!(found.statements[0].evidence, ["ev-1"]);
}

#[test]
fn claims_that_make_something_up_are_dropped() {
    for made_up in [
        claim(vec![text("So it is.")], &["ev-2"]),
        claim(vec![text("So it is.")], &["ev-1", "ev-2"]),
        claim(vec![text("So it is.")], &[]),
        claim(vec![], &["ev-1"]),
        claim(vec![text(" ")], &["ev-1"]),
        claim(vec![figure("ev-1", "no.such.field")], &["ev-1"]),
        claim(vec![figure("ev-2", "duration")], &["ev-1"]),
        claim(vec![text("It took 42 s.")], &["ev-1"]),
        // Digits of other scripts, and what stands for numbers.
        claim(vec![text("٤٢ times")], &["ev-1"]),
        claim(vec![text("½ of them")], &["ev-1"]),
    ] {
        let found = checked(&Conclusion {
            claims: vec![good(), made_up.clone()],
            ..conclusion()
        });
        assert_eq!((found.statements.len(), found.dropped), (1, 1), "{made_up:?}");
        assert_eq!(found.verdict, Verdict::Cause);
    }
}

#[test]
fn nothing_left_is_not_enough_evidence() {
    let made_up = claim(vec![text("So it is.")], &["ev-2"]);
    let without_claims = Conclusion {
        claims: vec![made_up.clone()],
        ..conclusion()
    };
    let without_suspects = Conclusion {
        suspects: vec![suspect("no-such-service")],
        ..conclusion()
    };
    let without_reasons = Conclusion {
        suspects: vec![Suspect {
            claims: vec![made_up.clone()],
            ..suspect("payment")
        }],
        ..conclusion()
    };
    let no_code_cause = Conclusion {
        verdict: Verdict::NoCodeCause,
        claims: vec![made_up],
        suspects: Vec::new(),
        diff: String::new(),
    };
    for (conclusion, dropped) in [
        (without_claims, 1),
        (without_suspects, 1),
        (without_reasons, 2),
        (no_code_cause, 1),
    ] {
        let found = checked(&conclusion);
        assert_eq!(
            (found.verdict, found.downgraded, found.dropped),
            (Verdict::NotEnoughEvidence, true, dropped),
            "{conclusion:?}"
        );
    }
    let honest = checked(&Conclusion {
        verdict: Verdict::NotEnoughEvidence,
        suspects: Vec::new(),
        ..conclusion()
    });
    assert!(!honest.downgraded);
}

#[test]
fn places_that_nobody_has_seen_are_emptied() {
    let placed = |operation: &str, release: &str, code: &str| {
        let suspect = Suspect {
            operation: operation.to_owned(),
            release: release.to_owned(),
            code: code.to_owned(),
            ..suspect("payment")
        };
        let found = checked(&Conclusion {
            suspects: vec![suspect],
            ..conclusion()
        });
        let kept = found.suspects.into_iter().next().unwrap();
        (kept.operation, kept.release, kept.code, found.dropped)
    };
    for code in ["src/ledger.rs:42", "app.py:7", ""] {
        for operation in ["POST /charge", "POST /charge/{id}", ""] {
            let (kept, release, place, dropped) = placed(operation, "2.0.0", code);
            assert_eq!(
                (kept.as_str(), release.as_str(), place.as_str(), dropped),
                (operation, "2.0.0", code, 0)
            );
        }
    }
    let empty = String::new;
    assert_eq!(
        placed("GET /no", "9.9", "src/other.rs:42"),
        (empty(), empty(), empty(), 3)
    );
}

#[test]
fn a_diff_that_nothing_can_be_applied_to_is_dropped() {
    let found = checked(&Conclusion {
        diff: "--- a\n+++ b\n".to_owned(),
        ..conclusion()
    });
    assert_eq!((found.dropped, found.verdict), (1, Verdict::Cause));
}

#[test]
fn hostile_values_stay_on_one_line_and_are_cut() {
    let found = checked(&Conclusion {
        claims: vec![claim(
            vec![text("a\nb\u{7} "), figure("ev-1", "exception.message")],
            &["ev-1"],
        )],
        ..conclusion()
    });
    assert_eq!(found.statements[0].text, "a b  first # second [31m");
    let mut given = given();
    given.get_mut("ev-1").unwrap().fields = vec![("name".to_owned(), "ä".repeat(1_000))];
    let claims = vec![claim(vec![figure("ev-1", "name")], &[])];
    let found = check(
        &Conclusion {
            claims,
            ..conclusion()
        },
        &case(),
        &given,
    );
    assert_eq!(found.statements[0].text, format!("{}…", "ä".repeat(100)));
}
