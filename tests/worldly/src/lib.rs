//! A detector that reaches for the world: what it gets is nothing. For tests only.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::BuildHasher;
use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use aia_plugin_sdk::{Detector, Level, Manifest, OpenError, Outcome, Time};
use serde::{Deserialize, Serialize};

/// What it does at a tick.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Reaches for everything, and logs what it got.
    #[default]
    Reach,
    /// Panics, with a message on standard error.
    Panic,
    /// Ends the process.
    Exit,
    /// Prints a megabyte.
    Print,
    /// Sleeps for an hour.
    Sleep,
    /// Waits for the clock to go on.
    Wait,
}

/// The configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it does.
    pub deed: Deed,
}

/// A detector that reaches for the world.
#[derive(Debug)]
pub struct Worldly {
    config: Config,
}

impl Detector for Worldly {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "worldly",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
    }

    fn open(config: Config, _: Option<&[u8]>) -> Result<Self, OpenError> {
        Ok(Self { config })
    }

    fn tick(&mut self, _: Time, out: &mut Outcome) -> Result<(), String> {
        match self.config.deed {
            Deed::Reach => reach(out),
            #[expect(clippy::panic, reason = "that is the deed")]
            Deed::Panic => panic!("as asked"),
            Deed::Exit => std::process::exit(3),
            Deed::Print => print!("{}", "x".repeat(1 << 20)),
            Deed::Sleep => std::thread::sleep(Duration::from_secs(3600)),
            Deed::Wait => {
                let start = Instant::now();
                while start.elapsed() < Duration::from_secs(1) {}
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn reach(out: &mut Outcome) {
    let mut say = |what: &str, got: &dyn Debug| out.log(Level::Info, format_args!("{what}: {got:?}"));
    say("environment", &std::env::vars_os().count());
    say("arguments", &std::env::args_os().count());
    say("folder", &std::env::current_dir().ok());
    say(
        "read",
        &std::fs::read_to_string("/etc/passwd").map_err(|error| error.kind()),
    );
    say(
        "list",
        &std::fs::read_dir("/")
            .map(Iterator::count)
            .map_err(|error| error.kind()),
    );
    say(
        "write",
        &std::fs::write("/tmp/aia", "").map_err(|error| error.kind()),
    );
    say(
        "connect",
        &TcpStream::connect(("127.0.0.1", 4318))
            .map(drop)
            .map_err(|error| error.kind()),
    );
    say(
        "bind",
        &UdpSocket::bind(("127.0.0.1", 0))
            .map(drop)
            .map_err(|error| error.kind()),
    );
    say(
        "resolve",
        &("localhost", 80)
            .to_socket_addrs()
            .map(Iterator::count)
            .map_err(|error| error.kind()),
    );
    let today = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    say("seconds since 1970", &today.map(|since| since.as_secs()).ok());
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(60));
    say("a minute's sleep", &start.elapsed());
    let state: RandomState = HashMap::<u8, u8>::new().hasher().clone();
    say("random", &state.hash_one("AIA"));
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input);
    say("input", &read.map_err(|error| error.kind()));
    println!("to standard output");
    eprintln!("to standard error");
}

aia_plugin_sdk::export_detector!(Worldly);
