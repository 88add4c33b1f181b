//! The state machine: what is asked for when.

use aia_plugin_sdk::analyst::{
    Analyst, Answer, Budget, Case, Conclusion, Event, Item, Request, Selector, Step, TimeRange, Verdict,
};
use aia_plugin_sdk::{Manifest, NoConfig};

use crate::behaviour::{self, Severities};
use crate::calls::Calls;
use crate::figures::Figures;
use crate::names::Names;
use crate::pages::{Page, Pages, Rows, Side};
use crate::sample::Sample;
use crate::windows::{CHANGES_BEFORE, Windows};
use crate::{complaints, conclude, errors, latency, rank, releases, resources, silence};

/// Pages asked for in one step: up to 1,000 rows of a kibibyte or two each have to fit into the memory at once.
const PAGES_PER_STEP: usize = 8;

/// Most steps with pages.
const MAX_PAGE_STEPS: u32 = 16;

/// Severity number from which a log record is an error.
const ERROR: u8 = 17;

/// Spans that the stretch before needs; else the beginning of what is known is compared with.
const MIN_BASELINE_SPANS: u64 = 50;

/// What is waited for.
#[derive(Debug)]
enum Phase {
    /// Nothing yet.
    Start,
    /// Figures of operations, series, signals, changes and error records.
    Figures,
    /// Pages of spans and log records.
    Pages(Vec<Page>),
}

/// An investigation.
#[derive(Debug)]
pub struct Suspects {
    case: Case,
    windows: Windows,
    phase: Phase,
    steps_left: u32,
    page_steps: u32,
    figures: [Figures; 2],
    series: [Vec<Item>; 2],
    records: [Vec<Item>; 2],
    signals: Vec<Item>,
    changes: Vec<Item>,
    pages: Pages,
    samples: [Sample; 2],
    severities: Severities,
    names: Names,
}

impl Analyst for Suspects {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        Manifest::new(
            "suspects",
            env!("CARGO_PKG_VERSION"),
            "Ranks who may be the cause of an incident, without a model",
        )
    }

    fn open(case: Case, _: NoConfig, budget: Budget) -> Result<Self, String> {
        Ok(Self {
            windows: Windows::of(&case),
            case,
            phase: Phase::Start,
            steps_left: budget.max_steps,
            page_steps: 0,
            figures: Default::default(),
            series: Default::default(),
            records: Default::default(),
            signals: Vec::new(),
            changes: Vec::new(),
            pages: Pages::default(),
            samples: Default::default(),
            severities: Severities::new(),
            names: Names::default(),
        })
    }

    fn advance(&mut self, event: Event) -> Step {
        self.steps_left = self.steps_left.saturating_sub(1);
        match (event, std::mem::replace(&mut self.phase, Phase::Start)) {
            (Event::Begin, _) if self.steps_left > 0 => {
                self.phase = Phase::Figures;
                Step::Gather(self.first_requests())
            }
            (Event::Gathered(answers), Phase::Figures) => {
                self.take_figures(answers);
                self.next_pages()
            }
            (Event::Gathered(answers), Phase::Pages(pages)) => {
                for (page, answer) in pages.into_iter().zip(answers) {
                    self.take_page(page, answer);
                }
                self.next_pages()
            }
            (Event::Begin, _) => Step::Conclude(Conclusion::nothing(Verdict::NotEnoughEvidence)),
            (event, _) => Step::GiveUp(format!("an event that nothing led to: {}", name(&event))),
        }
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Begin => "begin",
        Event::Answered(_) => "answered",
        Event::NoModel(_) => "no-model",
        Event::Gathered(_) => "gathered",
    }
}

impl Suspects {
    fn first_requests(&self) -> Vec<Request> {
        let Windows {
            now,
            before,
            early,
            onset,
        } = self.windows;
        let changes = TimeRange::new(onset.saturating_sub(CHANGES_BEFORE), now.end);
        let mut requests = vec![Request::Signals(now), Request::Changes(changes)];
        for range in [Some(now), Some(before), early].into_iter().flatten() {
            requests.push(Request::Operations(range));
            requests.push(Request::Series(Selector::any(range)));
            requests.push(Request::Logs((Selector::any(range), ERROR)));
        }
        requests
    }

    fn take_figures(&mut self, answers: Vec<Answer>) {
        let mut answers = answers.into_iter().map(|answer| answer.into_items().0);
        let mut next = || answers.next().unwrap_or_default();
        self.signals = next();
        self.changes = next();
        let mut stretch = || (Figures::of(next()), next(), next());
        let now = stretch();
        let mut before = stretch();
        if let Some(range) = self.windows.early {
            let early = stretch();
            if before.0.spans() < MIN_BASELINE_SPANS.min(early.0.spans()) {
                before.0 = early.0;
                before.2 = early.2;
                self.windows.before = range;
            }
            if before.1.is_empty() {
                before.1 = early.1;
            }
        }
        self.pages.lay_out([
            (Side::Now, self.windows.now, now.0.spans()),
            (Side::Before, self.windows.before, before.0.spans()),
        ]);
        self.figures = [now.0, before.0];
        self.series = [now.1, before.1];
        self.records = [now.2, before.2];
    }

    fn take_page(&mut self, page: Page, answer: Answer) {
        if matches!(answer, Answer::Unavailable(_)) {
            // The host gives no more; what the other pages give is enough to go on with.
            self.page_steps = MAX_PAGE_STEPS;
            self.give_up(page);
            return;
        }
        let (items, more) = answer.into_items();
        if more {
            match page.halves() {
                Some(halves) => self.pages.push_halves(halves),
                None => self.give_up(page),
            }
        }
        let [now, before] = &mut self.samples;
        let sample = if page.side == Side::Now { now } else { before };
        for item in items {
            match page.rows {
                Rows::Spans => sample.add_span(item, &mut self.names),
                Rows::Logs => {
                    let severity = severity(&item);
                    let place = sample.add_log(item, &mut self.names);
                    let severest = self.severities.entry(place).or_default();
                    *severest = severity.max(*severest);
                }
            }
        }
    }

    /// Notes that a page's log records aren't all here.
    fn give_up(&mut self, page: Page) {
        if page.rows == Rows::Logs {
            let [now, before] = &mut self.samples;
            let sample = if page.side == Side::Now { now } else { before };
            sample.gaps.push(page.during);
        }
    }

    /// Asks for the next pages, or concludes.
    fn next_pages(&mut self) -> Step {
        if self.steps_left > 0 && self.page_steps < MAX_PAGE_STEPS {
            let pages = self.pages.take(PAGES_PER_STEP);
            if !pages.is_empty() {
                self.page_steps += 1;
                let requests = pages.iter().map(|page| page.request()).collect();
                self.phase = Phase::Pages(pages);
                return Step::Gather(requests);
            }
        }
        for page in self.pages.given_up() {
            self.give_up(page);
        }
        Step::Conclude(self.conclude())
    }

    fn conclude(&mut self) -> Conclusion {
        for sample in &mut self.samples {
            sample.finish();
        }
        let [now, before] = &self.figures;
        let [sample_now, sample_before] = &self.samples;
        let (figures, samples) = ([now, before], [sample_now, sample_before]);
        let [records_now, records_before] = &self.records;
        let calls = Calls::of(figures, samples, &self.names);
        let slowness = latency::find(samples, figures, &self.names);
        let behaviour = behaviour::find(samples, &self.severities, &self.names);
        let mut records = errors::find_records([records_now, records_before], figures, &self.windows, &calls);
        // The same records are part of the paths where they belong to spans.
        records.retain(|service, _| !behaviour.contains_key(service));
        let found = vec![
            errors::find(figures),
            records,
            behaviour,
            slowness.work,
            slowness.network,
            resources::find([&self.series[0], &self.series[1]], now),
            silence::find(figures, &self.windows),
            releases::find(&self.changes, figures, &self.windows),
            complaints::find(&self.case, &self.signals),
        ];
        conclude::conclude(&rank::rank(found, &calls), figures, &self.windows)
    }
}

/// OTLP's severity number of a record, from its name, which may be a logger's own.
fn severity(item: &Item) -> u8 {
    if let Some(number) = item
        .count("severity_number")
        .and_then(|number| u8::try_from(number).ok())
    {
        return number;
    }
    let name = item.text("severity").to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    if begins(&["fatal", "crit", "emerg", "alert", "panic"]) {
        21
    } else if begins(&["err", "sever"]) {
        17
    } else if begins(&["warn"]) {
        13
    } else {
        9
    }
}
