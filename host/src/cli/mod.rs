//! The command line.
//!
//! `aia up` is the host. Every other command works on the data folder directly, beside a running host or without one,
//! and needs no token: who can read the folder owns what is in it. Those for authors of plugins and `aia
//! eval` need no data folder. Results go to standard output, as tables or with
//! `--json`; everything else goes to standard error. Text that came with telemetry is made harmless before it reaches
//! a terminal ([`text`]).

mod args;
mod backtest;
mod bundle;
mod change;
mod eval;
mod failure;
mod incident;
mod incidents;
mod key;
mod output;
mod plugin;
mod replay;
mod report;
mod settings;
mod templates;
mod text;
mod token;
mod up;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::{
    config::{Loaded, Sources},
    core, logging,
    runtime::{COMPILE_COMMAND, compile_child_main},
    server::Backend,
};
use args::{Args, Command, KeyCommand, TokenCommand};
use failure::Failure;
pub use output::Output;

/// What `main` of the `aia` binary does.
#[must_use]
pub fn main() -> ExitCode {
    // The runtime starts this executable again to compile a plugin under resource limits. That is no command for
    // people, so the argument parser never sees it.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == COMPILE_COMMAND)
    {
        return compile_child_main();
    }
    run(
        &core::Host,
        std::env::args_os(),
        Sources::of_process(),
        &mut Output::of_process(),
    )
}

/// Runs a command: 0 is success, 1 a failure, 2 a mistake in how it was called.
pub fn run(
    backend: &dyn Backend,
    arguments: impl IntoIterator<Item = OsString>,
    sources: Sources,
    output: &mut Output,
) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return output.usage(&error),
    };
    output.json = args.common.json;
    match dispatch(backend, args, sources, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}

fn dispatch(backend: &dyn Backend, args: Args, sources: Sources, output: &mut Output) -> Result<(), Failure> {
    let loaded = args.sources(sources).load()?;
    start_logging(&args.command, &loaded);
    let config = &loaded.config;
    match args.command {
        Command::Up(_) => up::run(backend, config, output),
        Command::Incidents(incidents) => incidents::run(backend, config, &incidents, output),
        Command::Incident { command } => incident::run(backend, config, command, output),
        Command::Change { command } => change::run(backend, config, &command, output),
        Command::Report(report) => report::run(backend, config, &report, output),
        Command::Replay(wanted) => replay::run(backend, config, &wanted, output),
        Command::Backtest(wanted) => backtest::run(backend, config, wanted, output),
        Command::Templates(wanted) => templates::run(backend, config, &wanted, output),
        Command::Eval { command } => eval::run(&command, output),
        Command::Bundle { command } => bundle::run(backend, config, command, output),
        Command::Plugin { command } => plugin::run(backend, config, command, output),
        Command::Key {
            command: KeyCommand::Create(create),
        } => key::create(backend, config, &create, output),
        Command::Key {
            command: KeyCommand::List(of),
        } => key::list(backend, config, &of, output),
        Command::Key {
            command: KeyCommand::Revoke(revoke),
        } => key::revoke(backend, config, &revoke, output),
        Command::Token {
            command: TokenCommand::Create(create),
        } => token::create(backend, config, &create, output),
        Command::Token {
            command: TokenCommand::List(of),
        } => token::list(backend, config, &of, output),
        Command::Config => settings::run(&loaded, output),
    }
}

/// The host logs what `log.level` says. The other commands print their result: they only warn, unless told otherwise.
fn start_logging(command: &Command, loaded: &Loaded) {
    let mut log = loaded.config.log.clone();
    if !matches!(command, Command::Up(_)) && loaded.is_default("log.level") {
        "warn".clone_into(&mut log.level);
    }
    logging::start(&log);
}
