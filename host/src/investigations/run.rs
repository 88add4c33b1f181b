//! One investigation, from the case to what is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::charts::{self, Subject};
use super::{Checked, GatherLimits, Gatherer, check};
use crate::incidents::{from_signal, word};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::runtime::{
    AnalystEvent, AnalystSettings, AnalystStep, Case, Conclusion, Plugin, PluginError, Question, TimeRange,
    Verdict,
};
use crate::store::{
    ChartRecord, ConclusionRecord, Ending, Evidence, Incident, Investigated, InvestigationRecord,
    PinnedSignal, Result, Scope, Store, TimelineEvent,
};

/// How incidents are investigated.
#[derive(Clone, Debug)]
pub struct InvestigationConfig {
    /// Steps of an analyst. Default 16: one that asks for evidence four times and a model ten times gets through.
    pub max_steps: u32,
    /// Time of an investigation, the gathering included. Default 2 minutes: a hanging one holds up all others.
    pub time: Duration,
    /// What gathering may cost.
    pub gather: GatherLimits,
    /// How long after an incident's opening it is looked at again: detectors speak before all telemetry of the moment is
    /// in. Default 60 s of the data.
    pub settle: Duration,
    /// Least time between two looks at an incident that keeps changing. Default 5 minutes of the data.
    pub rest: Duration,
    /// Attempts at an incident on which an analyst fails.
    pub attempts: u32,
    /// Rest of an analyst after a failure; doubles with each further one in a row, up to an hour. Default 10 s.
    pub backoff: Duration,
}

impl Default for InvestigationConfig {
    fn default() -> Self {
        Self {
            max_steps: 16,
            time: Duration::from_secs(120),
            gather: GatherLimits::default(),
            settle: Duration::from_secs(60),
            rest: Duration::from_secs(300),
            attempts: 3,
            backoff: Duration::from_secs(10),
        }
    }
}

/// Longest rest of an analyst that keeps failing.
const MAX_BACKOFF: Duration = Duration::from_secs(3_600);

/// An analyst and its configuration.
#[derive(Clone)]
pub struct Analyst {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its configuration, JSON.
    pub config: String,
}

/// The language models that analysts may ask.
pub trait Models: Send + Sync {
    /// Whether a project has one.
    fn has_model(&self, scope: &Scope) -> bool;

    /// Asks it.
    ///
    /// # Errors
    /// Why there is no answer, for the analyst to read.
    fn ask(&self, scope: &Scope, question: &Question) -> std::result::Result<String, String>;
}

/// No project has a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModels;

impl Models for NoModels {
    fn has_model(&self, _: &Scope) -> bool {
        false
    }

    fn ask(&self, _: &Scope, _: &Question) -> std::result::Result<String, String> {
        Err("no model is configured".to_owned())
    }
}

/// Investigates incidents with all analysts.
pub struct Investigator {
    pub(super) config: InvestigationConfig,
    analysts: RwLock<Arc<Vec<Analyst>>>,
    pub(super) log: Arc<Log>,
    pub(super) store: Arc<dyn Store>,
    pub(super) metrics: Arc<Metrics>,
    models: Arc<dyn Models>,
    /// Analysts that failed: how often in a row, and when they may try again.
    resting: Mutex<BTreeMap<String, (u32, Instant)>>,
    /// Set when the host ends.
    pub(super) is_closing: AtomicBool,
}

/// What an analyst's part of an investigation came to.
enum Came {
    To(Box<Conclusion>),
    GaveUp(String),
    Failed(String),
}

impl Investigator {
    /// Puts together what investigations need.
    #[must_use]
    pub fn new(
        config: InvestigationConfig,
        analysts: Vec<Analyst>,
        log: Arc<Log>,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        models: Arc<dyn Models>,
    ) -> Self {
        Self {
            config,
            analysts: RwLock::new(Arc::new(analysts)),
            log,
            store,
            metrics,
            models,
            resting: Mutex::default(),
            is_closing: AtomicBool::new(false),
        }
    }

    /// Goes on with these analysts; what is under way ends with those it began with.
    pub fn replace(&self, analysts: Vec<Analyst>) {
        *self.analysts.write() = Arc::new(analysts);
    }

    /// The analysts in force.
    pub(super) fn analysts(&self) -> Arc<Vec<Analyst>> {
        Arc::clone(&self.analysts.read())
    }

    /// Has every analyst explain an incident, and stores what comes of it. `now` is the time of the data, nanoseconds since
    /// the Unix epoch. An analyst is left out where nothing has changed since it last explained this incident. None if the
    /// project has no incident of that id.
    ///
    /// # Errors
    /// If the store fails; a failing analyst is no error but an [`Ending`].
    pub fn investigate(&self, scope: &Scope, id: &str, now: u64) -> Result<Option<Vec<InvestigationRecord>>> {
        self.investigate_with(scope, id, now, |_| true)
    }

    /// As [`Self::investigate`], with the analysts of these names.
    pub(super) fn investigate_with(
        &self,
        scope: &Scope,
        id: &str,
        now: u64,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Vec<InvestigationRecord>>> {
        let Some(incident) = self
            .store
            .incident(&scope.tenant, id)?
            .filter(|incident| incident.project == scope.project.as_str())
        else {
            return Ok(None);
        };
        let signals = self.store.incident_signals(&scope.tenant, id)?;
        let pinned = self.store.evidence(&scope.tenant, id)?;
        let before = self.store.investigations(&scope.tenant, id)?;
        let conclusions = self.store.conclusions(&scope.tenant, id)?;
        let analysts = self.analysts();
        let mut all_done = Vec::new();
        let mut is_new = false;
        for analyst in analysts.iter().filter(|analyst| is_wanted(analyst.plugin.name())) {
            let name = analyst.plugin.name();
            let look = Look {
                scope,
                incident: &incident,
                signals: &signals,
                pinned: &pinned,
                analyst,
                now,
            };
            let last = before.iter().find(|record| record.analyst == name);
            let basis = look.basis(self.log.head(scope).telemetry_at);
            let is_known = |last: &&InvestigationRecord| {
                last.basis == basis && !matches!(last.ending, Ending::Failed(_))
            };
            if let Some(last) = last.filter(is_known) {
                self.metrics.investigated("unchanged", Duration::ZERO);
                all_done.push(look.unchanged(last));
                continue;
            }
            let previous = conclusions.iter().find(|conclusion| conclusion.analyst == name);
            let failures = last.map_or(0, |last| last.failures);
            is_new = true;
            all_done.push(self.look(&look, basis, previous, failures));
            if self.is_closing.load(Ordering::Relaxed) {
                return Ok(Some(Vec::new()));
            }
        }
        if is_new && let Some(last) = all_done.last_mut() {
            let newest = conclusions.iter().map(|known| (known.time, known));
            let suspected = newest
                .max_by_key(|(time, _)| *time)
                .and_then(|(_, known)| known.suspects.first());
            let suspected = last
                .conclusion
                .as_ref()
                .map_or(suspected, |new| new.suspects.first());
            let suspected = suspected.map(|suspect| Subject {
                service: suspect.service.clone(),
                operation: suspect.operation.clone(),
            });
            last.charts = self.charts(scope, &incident, suspected, now);
        }
        for done in &all_done {
            self.store.put_investigation(scope, done)?;
        }
        Ok(Some(all_done.into_iter().map(|done| done.record).collect()))
    }

    /// Whether an analyst has to rest because it failed.
    pub(super) fn is_resting(&self, analyst: &str) -> bool {
        let resting = self.resting.lock();
        resting
            .get(analyst)
            .is_some_and(|(_, until)| Instant::now() < *until)
    }

    fn look(
        &self,
        look: &Look<'_>,
        basis: String,
        previous: Option<&ConclusionRecord>,
        failures: u32,
    ) -> Investigated {
        let started = Instant::now();
        let name = look.analyst.plugin.name();
        let mut gatherer = Gatherer::new(&self.log, self.store.as_ref(), look.scope, &self.config.gather);
        let known_since = self.log.known_since(look.scope).unwrap_or_else(|error| {
            tracing::warn!(error = crate::chain(&error), scope = %look.scope, "cannot find out how old the telemetry is");
            look.incident.start_time
        });
        let case = look.case(known_since, &mut gatherer);
        let came = self
            .advance(look, &case, &mut gatherer)
            .unwrap_or_else(|error| Came::Failed(error.to_string()));
        let took = started.elapsed();
        let mut done = Investigated {
            record: look.record(basis, Ending::Concluded),
            conclusion: None,
            evidence: Vec::new(),
            event: None,
            charts: Vec::new(),
        };
        match came {
            Came::To(conclusion) => {
                self.rested(name);
                let checked = check(&conclusion, &case, gatherer.given());
                self.metrics.investigated(verdict(checked.verdict), took);
                self.metrics.claims_dropped(u64::from(checked.dropped));
                look.conclude(&mut done, checked, previous, gatherer.given());
            }
            Came::GaveUp(reason) => {
                self.rested(name);
                self.metrics.investigated("gave-up", took);
                tracing::info!(scope = %look.scope, analyst = name, incident = look.incident.id, reason, "an analyst gave up");
                done.record.ending = Ending::GaveUp(reason);
            }
            Came::Failed(reason) => {
                self.metrics.investigated("failed", took);
                let wait = self.rest(name);
                tracing::error!(reason, scope = %look.scope, incident = look.incident.id, "an analyst failed; it rests for {wait:?}");
                done.record.ending = Ending::Failed(reason);
                done.record.failures = failures.saturating_add(1);
            }
        }
        done
    }

    /// Asks the analyst for steps and does them until it is done.
    fn advance(
        &self,
        look: &Look<'_>,
        case: &Case,
        gatherer: &mut Gatherer<'_>,
    ) -> std::result::Result<Came, PluginError> {
        let settings = AnalystSettings {
            config: look.analyst.config.clone(),
            has_model: self.models.has_model(look.scope),
            max_steps: self.config.max_steps,
        };
        let deadline = Instant::now() + self.config.time;
        let mut investigation = look.analyst.plugin.open_investigation(case, &settings)?;
        let mut event = AnalystEvent::Begin;
        loop {
            event = match investigation.advance(&event)? {
                AnalystStep::Conclude(conclusion) => return Ok(Came::To(Box::new(conclusion))),
                AnalystStep::GiveUp(reason) => return Ok(Came::GaveUp(reason)),
                AnalystStep::Ask(question) => match self.models.ask(look.scope, &question) {
                    Ok(answer) => AnalystEvent::Answered(answer),
                    Err(reason) => AnalystEvent::NoModel(reason),
                },
                AnalystStep::Gather(requests) => {
                    AnalystEvent::Gathered(requests.iter().map(|request| gatherer.answer(request)).collect())
                }
            };
            if self.is_closing.load(Ordering::Relaxed) {
                return Ok(Came::GaveUp("the host ends".to_owned()));
            }
            if Instant::now() > deadline {
                let name = look.analyst.plugin.name();
                return Ok(Came::Failed(format!(
                    "plugin `{name}`: its investigation took longer than {:?}",
                    self.config.time
                )));
            }
        }
    }

    /// Charts of the incident's service, and of the first suspect where that is another one; none if the log can't be read.
    fn charts(
        &self,
        scope: &Scope,
        incident: &Incident,
        suspected: Option<Subject>,
        now: u64,
    ) -> Vec<ChartRecord> {
        let mut subjects = vec![Subject {
            service: incident.service.clone(),
            operation: incident.operation.clone(),
        }];
        subjects.extend(suspected.filter(|suspected| suspected.service != incident.service));
        subjects.retain(|subject| !subject.service.is_empty());
        let during = TimeRange {
            start: incident.start_time,
            end: incident.end_time,
        };
        charts::charts(&self.log, scope, during, &subjects, self.config.gather.scan, now).unwrap_or_else(
            |error| {
                tracing::warn!(error = crate::chain(&error), %scope, "cannot draw the charts of an incident");
                Vec::new()
            },
        )
    }

    fn rest(&self, analyst: &str) -> Duration {
        let mut resting = self.resting.lock();
        let failures = resting
            .get(analyst)
            .map_or(0, |(failures, _)| *failures)
            .saturating_add(1);
        let wait = self
            .config
            .backoff
            .saturating_mul(2_u32.saturating_pow(failures - 1))
            .min(MAX_BACKOFF);
        resting.insert(analyst.to_owned(), (failures, Instant::now() + wait));
        wait
    }

    fn rested(&self, analyst: &str) {
        self.resting.lock().remove(analyst);
    }
}

/// What one analyst looks at.
struct Look<'a> {
    scope: &'a Scope,
    incident: &'a Incident,
    signals: &'a [PinnedSignal],
    pinned: &'a [Evidence],
    analyst: &'a Analyst,
    now: u64,
}

impl Look<'_> {
    /// A digest of everything that the outcome depends on: the incident, its evidence, the analyst, and how far the
    /// telemetry reaches.
    fn basis(&self, telemetry_at: u64) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("AIA 2026-11 basis of an investigation");
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        let incident = self.incident;
        for text in [
            &self.analyst.plugin.digest(),
            &self.analyst.config,
            &incident.service,
            &incident.operation,
            &incident.release,
            word(incident.severity),
        ] {
            add(text);
        }
        for signal in self.signals {
            add(&signal.id);
            add(&signal.fingerprint);
        }
        for evidence in self.pinned.iter().filter(|evidence| !evidence.segment.is_empty()) {
            add(&evidence.id);
        }
        hasher.update(&telemetry_at.to_le_bytes());
        hasher.finalize().to_hex().to_string()
    }

    fn record(&self, basis: String, ending: Ending) -> InvestigationRecord {
        InvestigationRecord {
            incident: self.incident.id.clone(),
            analyst: self.analyst.plugin.name().to_owned(),
            time: self.now,
            service: self.incident.service.clone(),
            severity: self.incident.severity,
            basis,
            ending,
            failures: 0,
        }
    }

    /// That it was looked at, and nothing was new.
    fn unchanged(&self, last: &InvestigationRecord) -> Investigated {
        Investigated {
            record: self.record(last.basis.clone(), last.ending.clone()),
            conclusion: None,
            evidence: Vec::new(),
            event: None,
            charts: Vec::new(),
        }
    }

    /// The incident as the analyst gets it: signals first, then the rows that show them.
    fn case(&self, known_since: u64, gatherer: &mut Gatherer<'_>) -> Case {
        let incident = self.incident;
        let rows: BTreeSet<&str> = self
            .signals
            .iter()
            .flat_map(|signal| &signal.evidence)
            .map(String::as_str)
            .collect();
        let shown = self
            .pinned
            .iter()
            .filter(|evidence| rows.contains(evidence.id.as_str()));
        let evidence = gatherer.give(self.signals.iter().map(from_signal).chain(shown.cloned()));
        Case {
            incident: incident.id.clone(),
            severity: incident.severity,
            title: incident.title.clone(),
            service: incident.service.clone(),
            operation: incident.operation.clone(),
            release: incident.release.clone(),
            affected: incident.affected.clone(),
            during: TimeRange {
                start: incident.start_time,
                end: incident.end_time,
            },
            known_since,
            evidence,
        }
    }

    /// Fills in what is to be stored of a conclusion; one that says what the one before did adds nothing.
    fn conclude(
        &self,
        done: &mut Investigated,
        checked: Checked,
        previous: Option<&ConclusionRecord>,
        given: &BTreeMap<String, Evidence>,
    ) {
        let plugin = &self.analyst.plugin;
        let key = format!(
            "{}/{}/{}/{}",
            self.scope,
            self.incident.id,
            plugin.name(),
            self.now
        );
        let hash: String = blake3::hash(key.as_bytes()).to_hex().chars().take(12).collect();
        let conclusion = ConclusionRecord {
            id: format!("con-{hash}"),
            incident: self.incident.id.clone(),
            analyst: plugin.name().to_owned(),
            analyst_version: plugin.manifest().version.clone(),
            digest: plugin.digest(),
            time: self.now,
            verdict: checked.verdict,
            statements: checked.statements,
            suspects: checked.suspects,
            diff: String::new(),
            dropped: checked.dropped,
            downgraded: checked.downgraded,
        };
        let is_same = previous.is_some_and(|previous| {
            let again = ConclusionRecord {
                id: previous.id.clone(),
                time: previous.time,
                ..conclusion.clone()
            };
            again == *previous
        });
        if is_same {
            return;
        }
        let reasons = conclusion.suspects.iter().flat_map(|suspect| &suspect.reasons);
        let cited: BTreeSet<&String> = conclusion
            .statements
            .iter()
            .chain(reasons)
            .flat_map(|statement| &statement.evidence)
            .collect();
        done.evidence = cited
            .into_iter()
            .filter_map(|id| given.get(id).cloned())
            .collect();
        let first = conclusion.statements.first();
        let says = first.map_or_else(String::new, |first| format!(": {}", first.text));
        done.event = Some(TimelineEvent {
            time: self.now,
            kind: "analysis".to_owned(),
            text: format!("{} says {}{says}", plugin.name(), in_words(conclusion.verdict)),
            evidence: first.map_or_else(Vec::new, |first| first.evidence.clone()),
        });
        done.conclusion = Some(conclusion);
    }
}

/// A verdict's name, as in the contract.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Cause => "cause",
        Verdict::NoCodeCause => "no-code-cause",
        Verdict::NotEnoughEvidence => "not-enough-evidence",
    }
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Cause => "what the cause is",
        Verdict::NoCodeCause => "that the cause is not in the code",
        Verdict::NotEnoughEvidence => "that the evidence does not suffice",
    }
}
