//! Runs an analyst as a host does.

use std::collections::{BTreeMap, VecDeque};

use crate::Severity;
use crate::analyst::{
    Analyst, Answer, Budget, Case, Claim, Conclusion, Event, Fragment, Item, Request, Step, TimeRange,
};
use crate::config;
use crate::testing::script::Script;

/// Steps that an investigation has here.
const MAX_STEPS: u32 = 64;

/// Most requests of one step.
const MAX_REQUESTS: usize = 16;

/// Most suspects of a conclusion.
const MAX_SUSPECTS: usize = 20;

/// A case that a test makes.
#[derive(Clone, Debug)]
pub struct TestCase(Case);

impl TestCase {
    /// An incident laid at a service; the project has telemetry from the beginning of time on.
    #[must_use]
    pub fn new(service: &str, during: TimeRange) -> Self {
        Self(Case {
            incident: "incident".to_owned(),
            severity: Severity::High,
            title: format!("{service} fails"),
            service: service.to_owned(),
            operation: String::new(),
            release: String::new(),
            affected: Vec::new(),
            during,
            known_since: 0,
            evidence: Vec::new(),
        })
    }

    /// Sets the first moment that there is telemetry of.
    #[must_use]
    pub fn known_since(mut self, time: u64) -> Self {
        self.0.known_since = time;
        self
    }

    /// Adds evidence that the incident has from the start.
    #[must_use]
    pub fn evidence(mut self, items: impl IntoIterator<Item = Item>) -> Self {
        self.0.evidence.extend(items);
        self
    }

    /// The case.
    #[must_use]
    pub fn build(self) -> Case {
        self.0
    }
}

/// Runs an analyst as a host does: answers its requests from a [`Script`] and its questions from a list, and panics
/// where a host would drop what it concludes: claims without evidence, with evidence that was never given, with digits
/// among the words or figures that aren't there; probabilities that are none or add up to more than 1.
#[derive(Debug)]
pub struct InvestigationHarness<A: Analyst> {
    analyst: A,
    script: Script,
    answers: VecDeque<String>,
    has_model: bool,
    given: BTreeMap<String, Item>,
    steps: Vec<Step>,
}

#[expect(
    clippy::panic,
    reason = "a harness for tests reports by panicking, as assertions do"
)]
impl<A: Analyst> InvestigationHarness<A> {
    /// Opens an investigation with the default configuration and without a model.
    ///
    /// # Panics
    /// When the analyst doesn't open.
    #[must_use]
    pub fn new(case: Case, script: Script) -> Self {
        Self::with_config(case, script, "{}")
    }

    /// Opens an investigation with a configuration in JSON.
    ///
    /// # Panics
    /// When the analyst doesn't open.
    #[must_use]
    pub fn with_config(case: Case, script: Script, json: &str) -> Self {
        Self::open(case, script, json, false, VecDeque::new())
    }

    /// Opens an investigation with a model that gives these answers, and fails behind the last.
    ///
    /// # Panics
    /// When the analyst doesn't open.
    #[must_use]
    pub fn with_model(case: Case, script: Script, answers: impl IntoIterator<Item = String>) -> Self {
        Self::open(case, script, "{}", true, answers.into_iter().collect())
    }

    fn open(case: Case, script: Script, json: &str, has_model: bool, answers: VecDeque<String>) -> Self {
        let config =
            config::parse(json).unwrap_or_else(|error| panic!("the configuration was refused: {error}"));
        let budget = Budget {
            has_model,
            max_steps: MAX_STEPS,
        };
        let analyst = A::open(case.clone(), config, budget)
            .unwrap_or_else(|error| panic!("the analyst doesn't open: {error}"));
        Self {
            analyst,
            given: case
                .evidence
                .iter()
                .map(|item| (item.id.clone(), item.clone()))
                .collect(),
            script,
            answers,
            has_model,
            steps: Vec::new(),
        }
    }

    /// Runs it to its conclusion.
    ///
    /// # Panics
    /// When it gives up, doesn't come to an end, breaks a limit or concludes what a host would refuse.
    #[must_use]
    pub fn conclusion(mut self) -> Conclusion {
        match self.run() {
            Step::Conclude(conclusion) => conclusion,
            step => panic!("the analyst didn't conclude: {step:?}"),
        }
    }

    /// Runs it to its end: a conclusion or the reason why it gave up.
    ///
    /// # Panics
    /// When it doesn't come to an end, breaks a limit or concludes what a host would refuse.
    pub fn run(&mut self) -> Step {
        let mut event = Event::Begin;
        for _ in 0..MAX_STEPS {
            let step = self.analyst.advance(event);
            self.steps.push(step.clone());
            event = match step {
                Step::Gather(requests) => self.gather(&requests),
                Step::Ask(_) => match self.answers.pop_front() {
                    Some(answer) if self.has_model => Event::Answered(answer),
                    _ => Event::NoModel("the script has no answer".to_owned()),
                },
                Step::Conclude(conclusion) => {
                    self.check(&conclusion);
                    return Step::Conclude(conclusion);
                }
                Step::GiveUp(reason) => return Step::GiveUp(reason),
            };
        }
        panic!("the analyst came to no end within {MAX_STEPS} steps")
    }

    /// What it asked for and said so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The sentence with its figures, as the host prints it.
    ///
    /// # Panics
    /// When a figure isn't there.
    #[must_use]
    pub fn print(&self, claim: &Claim) -> String {
        let fragments = claim.sentence.iter().map(|fragment| match fragment {
            Fragment::Text(text) => text.as_str(),
            Fragment::Figure(figure) => self
                .given
                .get(&figure.evidence)
                .and_then(|item| item.quotable(&figure.field))
                .unwrap_or_else(|| panic!("{figure:?} isn't there")),
        });
        fragments.collect()
    }

    fn gather(&mut self, requests: &[Request]) -> Event {
        assert!(
            requests.len() <= MAX_REQUESTS,
            "{} requests in one step",
            requests.len()
        );
        let answers: Vec<_> = requests
            .iter()
            .map(|request| self.script.answer(request))
            .collect();
        for item in answers.iter().flat_map(Answer::items) {
            self.given.insert(item.id.clone(), item.clone());
        }
        Event::Gathered(answers)
    }

    fn check(&self, conclusion: &Conclusion) {
        assert!(conclusion.suspects.len() <= MAX_SUSPECTS, "too many suspects");
        let mut sum = 0.0;
        for suspect in &conclusion.suspects {
            let probability = suspect.probability;
            assert!((0.0..=1.0).contains(&probability), "{suspect:?}");
            sum += probability;
        }
        assert!(sum <= 1.0 + 1e-9, "the probabilities add up to {sum}");
        let claims = conclusion.suspects.iter().flat_map(|suspect| &suspect.claims);
        for claim in claims.chain(&conclusion.claims) {
            assert!(!claim.evidence.is_empty(), "without evidence: {claim:?}");
            for id in &claim.evidence {
                assert!(self.given.contains_key(id), "{id} was never given: {claim:?}");
            }
            for fragment in &claim.sentence {
                if let Fragment::Text(text) = fragment {
                    assert!(!text.chars().any(char::is_numeric), "a made-up figure: {text:?}");
                }
            }
            let _ = self.print(claim);
        }
    }
}
