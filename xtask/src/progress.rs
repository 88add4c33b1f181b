//! Says what a long step is doing: one line that is overwritten on a terminal, a plain line every few seconds
//! anywhere else.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);
/// Between two turns of the spinner.
const SPINNER_INTERVAL: Duration = Duration::from_millis(100);
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// Columns that a line on a terminal takes at most, so that it never wraps.
const WIDTH: usize = 100;

/// The progress of one step. Dropped without [`Progress::done`], it just ends its line.
#[derive(Debug)]
pub(crate) struct Progress {
    name: String,
    started: Instant,
    shown: Option<Instant>,
    turns: usize,
    terminal: bool,
}

impl Progress {
    /// Begins a step.
    pub(crate) fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let terminal = stderr().is_terminal();
        if !terminal {
            eprintln!("{name} …");
        }
        Self {
            name,
            started: Instant::now(),
            shown: (!terminal).then(Instant::now),
            turns: 0,
            terminal,
        }
    }

    /// To be called often: shows the step and `detail` when it is time to.
    pub(crate) fn tick(&mut self, detail: impl FnOnce() -> String) {
        let interval = if self.terminal {
            SPINNER_INTERVAL
        } else {
            PLAIN_INTERVAL
        };
        if self.shown.is_some_and(|shown| shown.elapsed() < interval) {
            return;
        }
        self.shown = Some(Instant::now());
        let seconds = self.started.elapsed().as_secs();
        let detail = detail();
        if self.terminal {
            let turn = SPINNER.get(self.turns % SPINNER.len()).copied().unwrap_or('·');
            self.turns += 1;
            let line: String = format!("{turn} {} · {seconds} s · {detail}", self.name)
                .chars()
                .take(WIDTH)
                .collect();
            // Nothing can be done about a terminal that doesn't take it.
            let _ = write!(stderr(), "\r\x1b[K{line}").and_then(|()| stderr().flush());
        } else {
            eprintln!("  {} · {seconds} s · {detail}", self.name);
        }
    }

    /// Ends the step with its result.
    pub(crate) fn done(self, result: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.clear();
        eprintln!(
            "✓ {} · {seconds:.1} s{}{result}",
            self.name,
            if result.is_empty() { "" } else { " · " }
        );
    }

    fn clear(&self) {
        if self.terminal && self.turns > 0 {
            let _ = write!(stderr(), "\r\x1b[K").and_then(|()| stderr().flush());
        }
    }
}
