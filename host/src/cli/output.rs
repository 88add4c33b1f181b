//! Standard output and standard error: tables, JSON, errors.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use serde::Serialize;
use tabled::{
    builder::Builder,
    settings::{Padding, Style, object::Columns},
};

use super::{
    failure::Failure,
    text::{self, HarmlessJson},
};

/// Where a command prints.
pub struct Output {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Colours on standard output.
    colour: bool,
    /// Standard error is a terminal, on which a line can be written over.
    is_interactive: bool,
    /// JSON instead of text.
    pub(super) json: bool,
}

/// A colour of the terminal.
#[derive(Clone, Copy)]
pub(super) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Magenta = 35,
    Cyan = 36,
}

impl Output {
    /// The process's. Colours if standard output is a terminal and `NO_COLOR` isn't set.
    #[must_use]
    pub fn of_process() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = wanted && io::stdout().is_terminal();
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            colour,
            is_interactive: io::stderr().is_terminal(),
            json: false,
        }
    }

    /// Any other, without colours unless `colour`.
    #[must_use]
    pub fn to(out: Box<dyn Write>, err: Box<dyn Write>, colour: bool) -> Self {
        Self {
            out,
            err,
            colour,
            is_interactive: false,
            json: false,
        }
    }

    /// Says how far a command is, in one harmless line on standard error that the next one replaces. Where that is no
    /// terminal nothing is said.
    pub(super) fn progress(&mut self, line: &str) {
        if self.is_interactive {
            self.complain(&format!("\r{line}\x1b[K"));
        }
    }

    /// Keeps the last line of progress.
    pub(super) fn progress_ends(&mut self) {
        if self.is_interactive {
            self.complain("\n");
        }
    }

    /// Prints harmless lines to standard error: what isn't the result.
    pub(super) fn note(&mut self, text: &str) {
        self.progress("");
        self.complain(&format!("{text}\n"));
    }

    /// Prints lines that are harmless already.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        self.bytes(format!("{text}{newline}").as_bytes())
    }

    /// Prints bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.out.write_all(bytes).and_then(|()| self.out.flush()) {
            // Whoever reads this (`head`, a pager) has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed.map_err(Failure::Print),
        }
    }

    /// Prints a value as one line of JSON.
    pub(super) fn value(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, HarmlessJson);
        value
            .serialize(&mut serializer)
            .map_err(|error| Failure::Print(error.into()))?;
        json.push(b'\n');
        self.bytes(&json)
    }

    /// Prints a table of cells that are harmless already.
    pub(super) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        let mut builder = Builder::with_capacity(rows.len() + 1, head.len());
        builder.push_record(head.iter().copied());
        for row in rows {
            builder.push_record(row);
        }
        let mut table = builder.build();
        table
            .with(Style::blank())
            .modify(Columns::first(), Padding::new(0, 1, 0, 0));
        let lines: Vec<_> = table
            .to_string()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.text(&lines.join("\n"))
    }

    /// Harmless text in a colour, where colours are wanted.
    pub(super) fn coloured(&self, colour: Colour, text: &str) -> String {
        if self.colour {
            format!("\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }

    /// Prints an error with its causes and help; gives the exit code.
    pub(super) fn failed(&mut self, failure: &Failure) -> ExitCode {
        let mut message = format!("error: {}\n", text::lines(&failure.to_string()));
        let mut cause = failure.source();
        while let Some(error) = cause {
            message.push_str(&format!("cause: {}\n", text::lines(&error.to_string())));
            cause = error.source();
        }
        if let Some(help) = failure.help() {
            message.push_str(&format!("help: {}\n", text::lines(&help)));
        }
        self.complain(&message);
        ExitCode::from(if failure.is_usage() { 2 } else { 1 })
    }

    /// Prints what the argument parser says: help and version to standard output, mistakes to standard error.
    pub(super) fn usage(&mut self, error: &clap::Error) -> ExitCode {
        let message = text::lines(&error.render().to_string()).into_owned();
        if error.use_stderr() {
            self.complain(&message);
            ExitCode::from(2)
        } else {
            match self.text(&message) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => self.failed(&failure),
            }
        }
    }

    fn complain(&mut self, message: &str) {
        // There is nowhere left to say that standard error can't be written.
        let _nowhere = self
            .err
            .write_all(message.as_bytes())
            .and_then(|()| self.err.flush());
    }
}
