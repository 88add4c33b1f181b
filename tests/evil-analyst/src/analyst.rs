//! The analyst: does what it is told.

use std::hint::black_box;

use aia_plugin_sdk::Manifest;
use aia_plugin_sdk::analyst::{
    Analyst, Answer, Budget, Case, Claim, CodeRegion, Conclusion, Event, Figure, Fragment, Item, Message,
    Question, Request, Role, Selector, Step, Suspect, TimeRange, TraceIdHalves, Verdict,
};

use crate::{Config, Deed};

/// An analyst that does what its configuration says.
#[derive(Debug)]
pub struct EvilAnalyst {
    config: Config,
    case: Case,
    /// All that it was given.
    items: Vec<Item>,
    /// What it was refused.
    refusals: Vec<String>,
}

impl Analyst for EvilAnalyst {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("evil-analyst", env!("CARGO_PKG_VERSION"), "Misbehaves, for tests")
    }

    fn open(case: Case, config: Config, _: Budget) -> Result<Self, String> {
        if config.deed == Deed::Refuse {
            return Err("as asked\n\u{1b}[31m".to_owned());
        }
        Ok(Self {
            items: case.evidence.clone(),
            refusals: Vec::new(),
            config,
            case,
        })
    }

    fn advance(&mut self, event: Event) -> Step {
        let count = self.config.count;
        match event {
            Event::Begin => self.begin(count),
            Event::Answered(text) | Event::NoModel(text) => {
                self.refusals.push(text);
                Step::Conclude(self.conclude(count))
            }
            Event::Gathered(answers) => {
                for answer in answers {
                    match answer {
                        Answer::Found((items, _)) => self.items.extend(items),
                        Answer::Unavailable(reason) => self.refusals.push(reason),
                    }
                }
                if self.config.deed == Deed::Steps {
                    return self.gather();
                }
                Step::Conclude(self.conclude(count))
            }
        }
    }
}

impl EvilAnalyst {
    fn begin(&mut self, count: usize) -> Step {
        match self.config.deed {
            Deed::Loop => loop {
                black_box(());
            },
            Deed::Allocate => {
                let mut all = Vec::new();
                loop {
                    all.push(vec![1_u8; 64 * 1024]);
                    black_box(&all);
                }
            }
            Deed::Trap => trap(),
            Deed::GiveUp => Step::GiveUp("x".repeat(count)),
            Deed::Requests => Step::Gather(vec![Request::Operations(self.range()); count]),
            Deed::LongService => Step::Gather(vec![Request::Spans(Selector {
                service: "x".repeat(count),
                ..self.selector()
            })]),
            Deed::Everything => self.everything(),
            Deed::Ask | Deed::LongQuestion => Step::Ask(Question {
                messages: vec![Message {
                    role: Role::User,
                    text: "why? ".repeat(count / 5 + 1),
                }],
                schema: String::new(),
                max_tokens: 100,
            }),
            _ => self.gather(),
        }
    }

    /// A quarter of an hour before the incident, to five minutes behind it.
    fn range(&self) -> TimeRange {
        TimeRange {
            start: self.case.during.start.saturating_sub(900_000_000_000),
            end: self.case.during.end.saturating_add(300_000_000_000),
        }
    }

    fn selector(&self) -> Selector {
        Selector {
            service: String::new(),
            operation: String::new(),
            during: self.range(),
            limit: u32::MAX,
        }
    }

    fn gather(&self) -> Step {
        Step::Gather(vec![
            Request::Operations(self.range()),
            Request::Signals(self.range()),
        ])
    }

    fn everything(&self) -> Step {
        let trace = self
            .items
            .iter()
            .map(|item| item.trace)
            .find(|trace| trace.low != 0);
        Step::Gather(vec![
            Request::Trace(trace.unwrap_or(TraceIdHalves { high: 0, low: 0 })),
            Request::Spans(self.selector()),
            Request::Logs((self.selector(), 0)),
            Request::Points(self.selector()),
            Request::Operations(self.range()),
            Request::Series(self.selector()),
            Request::Signals(self.range()),
            Request::Changes(self.range()),
            Request::Code(CodeRegion {
                path: "src/lib.rs".to_owned(),
                first_line: 1,
                last_line: 2,
            }),
        ])
    }

    fn conclude(&self, count: usize) -> Conclusion {
        let item = self.items.last();
        let id = item.map_or_else(String::new, |item| item.id.clone());
        let claim = claim(&id);
        let suspect = Suspect {
            service: item.map_or_else(String::new, |item| item.service.clone()),
            operation: String::new(),
            release: String::new(),
            code: String::new(),
            probability: 0.6,
            claims: vec![claim.clone()],
        };
        let mut good = Conclusion {
            verdict: Verdict::Cause,
            claims: vec![claim.clone()],
            suspects: vec![suspect.clone()],
            diff: String::new(),
        };
        match self.config.deed {
            Deed::Suspects => {
                good.suspects = vec![
                    Suspect {
                        probability: 0.0,
                        ..suspect
                    };
                    count
                ];
            }
            Deed::Claims => good.claims = vec![claim; count],
            Deed::Fragments => good.claims = vec![words(vec![Fragment::Text("x".to_owned()); count], &id)],
            Deed::LongSentence => good.claims = vec![words(vec![Fragment::Text("x".repeat(count))], &id)],
            Deed::ManyEvidence => {
                good.claims = vec![Claim {
                    evidence: vec![id; count],
                    ..claim
                }];
            }
            Deed::Diff => good.diff = "+".repeat(count),
            Deed::Probability => {
                good.suspects = vec![Suspect {
                    probability: 1.5,
                    ..suspect
                }];
            }
            Deed::NanProbability => {
                good.suspects = vec![Suspect {
                    probability: f64::NAN,
                    ..suspect
                }];
            }
            Deed::Sum => good.suspects = vec![suspect.clone(), suspect],
            Deed::InventEvidence => good
                .claims
                .push(self::claim("ev-00000000000000000000000000000000-0")),
            Deed::InventField => {
                good.claims.push(words(
                    vec![Fragment::Figure(Figure {
                        evidence: id.clone(),
                        field: "no.such.field".to_owned(),
                    })],
                    &id,
                ));
            }
            Deed::InventNumber => good
                .claims
                .push(words(vec![Fragment::Text("It took 42 s.".to_owned())], &id)),
            Deed::InventService => {
                good.suspects = vec![Suspect {
                    service: "no-such-service".to_owned(),
                    ..suspect
                }];
            }
            Deed::InventPlace => {
                good.suspects = vec![Suspect {
                    operation: "GET /no/such".to_owned(),
                    release: "99.9".to_owned(),
                    code: "no/such.rs:1".to_owned(),
                    ..suspect
                }];
            }
            Deed::NoReason => {
                good.suspects = vec![Suspect {
                    claims: Vec::new(),
                    ..suspect
                }];
            }
            // What was refused is said, so that a test can read it.
            Deed::Everything | Deed::Ask => {
                let refusals = self
                    .refusals
                    .iter()
                    .map(|text| words(vec![Fragment::Text(text.clone())], &id));
                good.claims.extend(refusals);
                // Of each kind of evidence that it got, one.
                let mut items: Vec<&Item> = self.items.iter().collect();
                items.dedup_by_key(|item| item.kind);
                let kinds = items.into_iter().map(|item| Claim {
                    evidence: vec![item.id.clone()],
                    ..words(vec![Fragment::Text(format!("{:?}", item.kind))], "")
                });
                good.claims.extend(kinds.take(20));
            }
            _ => {}
        }
        good
    }
}

/// Names the evidence by its own title.
fn claim(id: &str) -> Claim {
    let figure = Fragment::Figure(Figure {
        evidence: id.to_owned(),
        field: "title".to_owned(),
    });
    words(vec![Fragment::Text("What it shows: ".to_owned()), figure], id)
}

fn words(sentence: Vec<Fragment>, id: &str) -> Claim {
    Claim {
        sentence,
        evidence: vec![id.to_owned()],
    }
}

/// Panics.
#[expect(clippy::panic, reason = "that is the misdeed")]
fn trap() -> ! {
    panic!("as asked")
}
