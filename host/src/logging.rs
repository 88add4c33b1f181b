//! Log lines: structured, to standard error, with control characters made harmless.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Starts logging for the process. Later calls change nothing, so that tests may call it, too.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second subscriber is refused; the first goes on.
    let _already_started = match log.format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            registry
                .with(fmt::layer().with_writer(io::stderr).with_ansi(colour))
                .try_init()
        }
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_writer(io::stderr);
            registry.with(layer).try_init()
        }
    };
}
