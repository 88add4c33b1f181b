//! `aia plugin`

mod bench;
mod build;
mod inspect;
mod list;
mod new;
mod test;

use std::sync::Arc;
use std::time::Duration;

use super::{args::PluginCommand, failure::Failure, output::Output};
use crate::{config::Config, runtime::Runtime, server::Backend};

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    command: PluginCommand,
    output: &mut Output,
) -> Result<(), Failure> {
    match command {
        PluginCommand::List => list::run(backend, config, output),
        PluginCommand::New(wanted) => new::run(&wanted, output),
        PluginCommand::Build(wanted) => build::run(&*runtime(backend, config)?, &wanted, output),
        PluginCommand::Test(wanted) => test::run(&*runtime(backend, config)?, config, &wanted, output),
        PluginCommand::Bench(wanted) => bench::run(&*runtime(backend, config)?, config, wanted, output),
        PluginCommand::Inspect { file } => inspect::run(&*runtime(backend, config)?, &file, output),
    }
}

fn runtime(backend: &dyn Backend, config: &Config) -> Result<Arc<Runtime>, Failure> {
    backend.runtime(config).map_err(Failure::Runtime)
}

/// A time of three digits, such as `21.4 µs`.
fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    match units.into_iter().find(|(unit, _)| nanoseconds >= *unit) {
        Some((unit, name)) => format!("{} {name}", digits(nanoseconds / unit)),
        None => format!("{nanoseconds} ns"),
    }
}

/// A size, such as `63.2 KiB`.
pub(super) fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    let units = [(1024.0 * 1024.0, "MiB"), (1024.0, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", digits(bytes / unit)),
        None => format!("{bytes} B"),
    }
}

/// Three digits of a number, more where it is 1,000 or larger.
fn digits(number: f64) -> String {
    let behind = match number {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.behind$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let times = [0, 999, 1_500, 21_440, 3_000_000, 1_234_000_000];
        let times = times.map(|nanoseconds| time(Duration::from_nanos(nanoseconds)));
        assert_eq!(times, ["0 ns", "999 ns", "1.5 µs", "21.4 µs", "3 ms", "1.23 s"]);
        assert_eq!(
            [0, 1023, 1024, 1 << 20, 70 << 20].map(size),
            ["0 B", "1023 B", "1 KiB", "1 MiB", "70 MiB"]
        );
    }
}
