//! The detector: does what it is told when it is told to, by its configuration or by a span's name.

use aia_plugin_sdk::{
    Detector, Level, LogRecord, Logs, Manifest, Metric, Metrics, OpenError, Outcome, Point, RowId, Span,
    Spans, Time,
};

use crate::{Config, Deed, Stage, deeds, description, signals};

/// A detector that does what its configuration says. Its state is the number of calls that it has seen.
#[derive(Debug)]
pub struct Evil {
    config: Config,
    calls: u8,
    /// The last row that it was given.
    last: RowId,
}

impl Detector for Evil {
    type Config = Config;

    fn manifest() -> Manifest {
        description::manifest()
    }

    fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        if config.deed == Deed::RefuseSnapshot && snapshot.is_some() {
            return Err(OpenError::Snapshot("as asked".to_owned()));
        }
        let calls = snapshot.and_then(|bytes| bytes.first().copied()).unwrap_or(0);
        let evil = Self {
            config,
            calls,
            last: RowId { segment: 1, row: 0 },
        };
        if evil.config.stage == Stage::Open {
            evil.act(&mut Outcome::default()).map_err(OpenError::Config)?;
        }
        Ok(evil)
    }

    fn observe_spans(&mut self, spans: Spans<'_>, out: &mut Outcome) -> Result<(), String> {
        // At the edge nobody gives it a configuration.
        for span in spans.spans() {
            match span.name() {
                "trap-now" => deeds::trap("a span"),
                "loop-now" => deeds::run_for_ever(),
                _ => {}
            }
        }
        self.observe(spans.spans().last().map(Span::row), out)
    }

    fn observe_logs(&mut self, logs: Logs<'_>, out: &mut Outcome) -> Result<(), String> {
        self.observe(logs.records().last().map(LogRecord::row), out)
    }

    fn observe_metrics(&mut self, metrics: Metrics<'_>, out: &mut Outcome) -> Result<(), String> {
        self.observe(
            metrics.metrics().flat_map(Metric::points).last().map(Point::row),
            out,
        )
    }

    fn tick(&mut self, _: Time, out: &mut Outcome) -> Result<(), String> {
        self.calls = self.calls.wrapping_add(1);
        if self.config.stage == Stage::Tick {
            self.act(out)
        } else {
            Ok(())
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        if self.config.stage != Stage::Snapshot {
            return vec![self.calls];
        }
        match self.config.deed {
            Deed::Bytes => vec![0; self.config.count],
            Deed::Nowhere => deeds::text_outside_of_memory(self.config.count).into_bytes(),
            _ => self
                .act(&mut Outcome::default())
                .map_or_else(String::into_bytes, |()| vec![self.calls]),
        }
    }
}

impl Evil {
    fn observe(&mut self, last: Option<RowId>, out: &mut Outcome) -> Result<(), String> {
        self.calls = self.calls.wrapping_add(1);
        self.last = last.unwrap_or(self.last);
        if self.config.stage == Stage::Observe {
            self.act(out)
        } else {
            Ok(())
        }
    }

    fn act(&self, out: &mut Outcome) -> Result<(), String> {
        let Config {
            deed,
            flaw,
            count,
            text,
            ..
        } = &self.config;
        match deed {
            Deed::Behave | Deed::RefuseSnapshot => Ok(()),
            Deed::Loop => deeds::run_for_ever(),
            Deed::Allocate => deeds::allocate_for_ever(),
            Deed::Recurse => Err(deeds::recurse(0).to_string()),
            Deed::Trap => deeds::trap("a call"),
            Deed::Error => Err("as asked\n\u{1b}[31m".to_owned()),
            Deed::Bytes => Err("x".repeat(*count)),
            Deed::Nowhere => Err(deeds::text_outside_of_memory(*count)),
            Deed::Signals => {
                (0..*count).for_each(|_| out.emit(signals::good(self.last)));
                Ok(())
            }
            Deed::Flaw => {
                out.emit(signals::flawed(*flaw, self.last));
                Ok(())
            }
            Deed::Log => {
                (0..*count).for_each(|_| out.log(Level::Info, "x\n".repeat(*count / 2)));
                Ok(())
            }
            Deed::Plant => {
                deeds::plant(text, *count);
                Ok(())
            }
            Deed::Scavenge => Err(deeds::scavenge(text, *count).to_string()),
        }
    }
}
