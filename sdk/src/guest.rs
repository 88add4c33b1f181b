//! Adapters between the SDK's traits and the generated ones. Public only for the export macros.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::analyst::{Analyst, Budget, Event, Step};
use crate::bindings::analyst::exports::aia::plugin::analyst as wit_analyst;
use crate::bindings::detector::exports::aia::plugin::detector as wit_detector;
use crate::bindings::manifest::exports::aia::plugin::manifest as wit_manifest;
use crate::bindings::reporter::exports::aia::plugin::reporter as wit_reporter;
use crate::columns::{LogBatch, MetricBatch, SpanBatch};
use crate::config;
use crate::detector::{Detector, OpenError, Outcome};
use crate::manifest::Kind;
use crate::reporter::{Document, Report, Reporter};
use crate::time::Time;
use crate::view::{Logs, Metrics, Spans};

/// A component that exports the detector `D`.
pub struct DetectorComponent<D>(PhantomData<D>);

/// A session of the detector `D`.
pub struct DetectorSession<D>(RefCell<D>);

impl<D: Detector> wit_manifest::Guest for DetectorComponent<D> {
    fn describe() -> wit_manifest::Manifest {
        D::manifest().into_wit(Kind::Detector)
    }
}

impl<D: Detector> wit_detector::Guest for DetectorComponent<D> {
    type Session = DetectorSession<D>;
}

impl<D: Detector> DetectorSession<D> {
    /// Runs one call. Calls never overlap (the component model forbids to enter an instance twice), so a borrow
    /// that fails is an error and no reason to trap.
    fn call(
        &self,
        observe: impl FnOnce(&mut D, &mut Outcome) -> Result<(), String>,
    ) -> Result<wit_detector::Outcome, String> {
        let mut detector = self.0.try_borrow_mut().map_err(|error| error.to_string())?;
        let mut out = Outcome::default();
        observe(&mut detector, &mut out)?;
        Ok(out.into_wit())
    }
}

impl<D: Detector> wit_detector::GuestSession for DetectorSession<D> {
    fn open(
        config: String,
        snapshot: Option<Vec<u8>>,
    ) -> Result<wit_detector::Session, wit_detector::OpenError> {
        let config = config::parse(&config).map_err(OpenError::Config)?;
        let detector = D::open(config, snapshot.as_deref())?;
        Ok(wit_detector::Session::new(Self(RefCell::new(detector))))
    }

    fn observe_spans(&self, batch: SpanBatch) -> Result<wit_detector::Outcome, String> {
        self.call(|detector, out| detector.observe_spans(Spans::new(&batch), out))
    }

    fn observe_logs(&self, batch: LogBatch) -> Result<wit_detector::Outcome, String> {
        self.call(|detector, out| detector.observe_logs(Logs::new(&batch), out))
    }

    fn observe_metrics(&self, batch: MetricBatch) -> Result<wit_detector::Outcome, String> {
        self.call(|detector, out| detector.observe_metrics(Metrics::new(&batch), out))
    }

    fn tick(&self, now: u64) -> Result<wit_detector::Outcome, String> {
        self.call(|detector, out| detector.tick(Time::from_nanos(now), out))
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0
            .try_borrow()
            .map(|detector| detector.snapshot())
            .unwrap_or_default()
    }
}

/// Fails to compile where `D` is no detector.
pub fn assert_detector<D: Detector>() {}

/// A component that exports the reporter `R`.
pub struct ReporterComponent<R>(PhantomData<R>);

impl<R: Reporter> wit_manifest::Guest for ReporterComponent<R> {
    fn describe() -> wit_manifest::Manifest {
        R::manifest().into_wit(Kind::Reporter)
    }
}

impl<R: Reporter> wit_reporter::Guest for ReporterComponent<R> {
    fn render(report: Report, format: String, watermark: String) -> Result<Document, String> {
        R::render(&report, &format, &watermark)
    }
}

/// Fails to compile where `R` is no reporter.
pub fn assert_reporter<R: Reporter>() {}

/// A component that exports the analyst `A`.
pub struct AnalystComponent<A>(PhantomData<A>);

/// An investigation of the analyst `A`.
pub struct AnalystInvestigation<A>(RefCell<A>);

impl<A: Analyst> wit_manifest::Guest for AnalystComponent<A> {
    fn describe() -> wit_manifest::Manifest {
        A::manifest().into_wit(Kind::Analyst)
    }
}

impl<A: Analyst> wit_analyst::Guest for AnalystComponent<A> {
    type Investigation = AnalystInvestigation<A>;
}

impl<A: Analyst> wit_analyst::GuestInvestigation for AnalystInvestigation<A> {
    fn open(
        case: wit_analyst::Case,
        settings: wit_analyst::Settings,
    ) -> Result<wit_analyst::Investigation, String> {
        let config = config::parse(&settings.config)?;
        let budget = Budget {
            has_model: settings.has_model,
            max_steps: settings.max_steps,
        };
        let analyst = A::open(case, config, budget)?;
        Ok(wit_analyst::Investigation::new(Self(RefCell::new(analyst))))
    }

    fn advance(&self, event: Event) -> Step {
        match self.0.try_borrow_mut() {
            Ok(mut analyst) => analyst.advance(event),
            Err(error) => Step::GiveUp(error.to_string()),
        }
    }
}

/// Fails to compile where `A` is no analyst.
pub fn assert_analyst<A: Analyst>() {}
