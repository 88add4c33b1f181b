//! Lays an incident at the release that its failing spans ran, if all of them ran the same one.

use aia_plugin_sdk::analyst::{
    Answer, Budget, Case, Claim, Conclusion, Event, Figure, Fragment, Item, Request, Selector, Step, Suspect,
    Verdict,
};
use aia_plugin_sdk::{Analyst, Manifest, NoConfig, export_analyst, manifest};

/// The field of a span with the release it ran.
const RELEASE: &str = "resource.service.version";

struct Blame {
    case: Case,
}

impl Analyst for Blame {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        manifest!("Lays an incident at the release that all of its failing spans ran")
    }

    fn open(case: Case, _: NoConfig, _: Budget) -> Result<Self, String> {
        Ok(Self { case })
    }

    /// Does no I/O: says what it wants, and is called again with it.
    fn advance(&mut self, event: Event) -> Step {
        match event {
            Event::Begin => Step::Gather(vec![Request::Spans(Selector {
                service: self.case.service.clone(),
                operation: self.case.operation.clone(),
                during: self.case.during,
                limit: 100,
            })]),
            Event::Gathered(answers) => Step::Conclude(self.conclude(&answers)),
            Event::Answered(_) | Event::NoModel(_) => Step::GiveUp("no model was asked".into()),
        }
    }
}

impl Blame {
    fn conclude(&self, answers: &[Answer]) -> Conclusion {
        let found = answers.iter().flat_map(|answer| match answer {
            Answer::Found((items, _)) => items.as_slice(),
            Answer::Unavailable(_) => &[],
        });
        let failing: Vec<&Item> = found
            .filter(|item| field(item, "status") == Some("ERROR"))
            .collect();
        let mut releases: Vec<&str> = failing.iter().filter_map(|item| field(item, RELEASE)).collect();
        releases.sort_unstable();
        releases.dedup();
        let (Some(first), [release]) = (failing.first(), releases.as_slice()) else {
            return conclusion(Verdict::NotEnoughEvidence, Vec::new(), Vec::new());
        };
        // A claim says no figure by itself: the host prints it from the evidence.
        let claim = Claim {
            sentence: vec![
                Fragment::Text("All failing spans ran release ".into()),
                Fragment::Figure(Figure {
                    evidence: first.id.clone(),
                    field: RELEASE.into(),
                }),
                Fragment::Text(".".into()),
            ],
            evidence: failing.iter().take(8).map(|item| item.id.clone()).collect(),
        };
        let suspect = Suspect {
            service: self.case.service.clone(),
            operation: self.case.operation.clone(),
            release: (*release).to_owned(),
            code: String::new(),
            probability: 0.5,
            claims: vec![claim.clone()],
        };
        conclusion(Verdict::Cause, vec![claim], vec![suspect])
    }
}

fn conclusion(verdict: Verdict, claims: Vec<Claim>, suspects: Vec<Suspect>) -> Conclusion {
    Conclusion {
        verdict,
        claims,
        suspects,
        diff: String::new(),
    }
}

fn field<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    let mut fields = item.fields.iter();
    fields
        .find(|field| field.name == name)
        .map(|field| field.value.as_str())
}

export_analyst!(Blame);

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::Severity;
    use aia_plugin_sdk::analyst::{EvidenceKind, Field, TimeRange, TraceIdHalves};

    use super::*;

    fn blame() -> Blame {
        let case = Case {
            incident: "inc-1".into(),
            severity: Severity::High,
            title: "payment fails".into(),
            service: "payment".into(),
            operation: String::new(),
            release: String::new(),
            affected: Vec::new(),
            during: TimeRange { start: 1, end: 2 },
            known_since: 0,
            evidence: Vec::new(),
        };
        let budget = Budget {
            has_model: false,
            max_steps: 8,
        };
        Blame::open(case, NoConfig {}, budget).unwrap()
    }

    fn span(id: &str, status: &str, release: &str) -> Item {
        let fields = [("status", status), (RELEASE, release)];
        Item {
            id: id.into(),
            kind: EvidenceKind::Span,
            time: 1,
            service: "payment".into(),
            trace: TraceIdHalves { high: 0, low: 1 },
            span_id: 1,
            title: "POST /charges".into(),
            fields: fields
                .map(|(name, value)| Field {
                    name: name.into(),
                    value: value.into(),
                })
                .to_vec(),
        }
    }

    /// Plays the host: answers what is asked for, and gives the conclusion.
    fn investigate(spans: Vec<Item>) -> Conclusion {
        let mut blame = blame();
        let Step::Gather(requests) = blame.advance(Event::Begin) else {
            panic!("it gathers first")
        };
        assert_eq!(requests.len(), 1);
        match blame.advance(Event::Gathered(vec![Answer::Found((spans, false))])) {
            Step::Conclude(conclusion) => conclusion,
            _ => panic!("it concludes then"),
        }
    }

    #[test]
    fn one_release_of_all_failing_spans_is_the_suspect() {
        let spans = vec![
            span("ev-1", "OK", "1.4.2"),
            span("ev-2", "ERROR", "2.0.0"),
            span("ev-3", "ERROR", "2.0.0"),
        ];
        let conclusion = investigate(spans);
        assert!(matches!(conclusion.verdict, Verdict::Cause));
        assert_eq!(conclusion.suspects[0].release, "2.0.0");
        assert_eq!(conclusion.suspects[0].claims[0].evidence, ["ev-2", "ev-3"]);
    }

    #[test]
    fn two_releases_or_none_are_not_enough() {
        for spans in [
            vec![span("ev-1", "ERROR", "1.4.2"), span("ev-2", "ERROR", "2.0.0")],
            Vec::new(),
        ] {
            assert!(matches!(investigate(spans).verdict, Verdict::NotEnoughEvidence));
        }
    }
}
