//! An empty WASI 0.2 for guests of toolchains that can't do without one: no environment, no files, no sockets, a clock
//! that stands still, random numbers that are the same in each instance, input that is at its end, and output of which
//! the first kilobytes go to the log.
//!
//! Our own rather than the `wasmtime-wasi` crate, which is made to reach the system: there a guest that sleeps holds up
//! the thread for as long as it likes, and whatever is empty has to be kept so with each release. Here nothing reaches
//! anything, nothing blocks, and the same guest gives the same bytes each time.
//!
//! Whatever isn't defined here fails when it is called, by name.

use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Val,
    types::ComponentItem,
};
use wasmtime::{Engine, Result, StoreContextMut};

use super::state::State;

/// The packages of WASI that a guest may import, and the version they begin with.
const PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
const VERSION: &str = "0.2.";

/// Bytes of output that are kept of a call; more are swallowed.
const MAX_WRITTEN: usize = 8 * 1024;

/// Streams, pollables and their like that an instance may hold at once: wasmtime keeps each of them in the host's memory.
const MAX_RESOURCES: u32 = 1_000;

/// Random bytes given in one call.
const MAX_RANDOM: u64 = 64 * 1024;

/// Seconds since the Unix epoch that the wall clock shows: 2001-09-09T01:46:40Z, plainly no time of today.
const WALL_CLOCK_SECONDS: u64 = 1_000_000_000;

/// Something that a guest did and can't.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(String);

/// What an instance sees of the world, and what it wrote.
#[derive(Debug, Default)]
pub(super) struct Wasi {
    random: u64,
    written: Vec<u8>,
    resources: u32,
}

struct InputStream;
struct OutputStream;
struct Pollable;
struct IoError;
/// Every other resource: there is never one.
struct Absent;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Whether a component may import an interface of this name: WASI, and such of it that exists here.
pub(super) fn has(import: &str) -> bool {
    interface(import).is_some_and(|interface| {
        interface
            .split_once('/')
            .is_some_and(|(package, _)| PACKAGES.contains(&package))
    })
}

/// `io/streams` of `wasi:io/streams@0.2.3`.
fn interface(import: &str) -> Option<&str> {
    let (name, version) = import.strip_prefix("wasi:")?.split_once('@')?;
    version.starts_with(VERSION).then_some(name)
}

/// Defines whatever a component imports of WASI.
pub(super) fn link(linker: &mut Linker<State>, component: &Component, engine: &Engine) -> Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        let (Some(interface), ComponentItem::ComponentInstance(instance)) = (interface(name), item.ty) else {
            continue;
        };
        let mut linker = linker.instance(name)?;
        for (export, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    linker.resource(export, resource(export), |mut store, _| {
                        let wasi = &mut store.data_mut().wasi;
                        wasi.resources = wasi.resources.saturating_sub(1);
                        Ok(())
                    })?;
                }
                ComponentItem::ComponentFunc(_) => define(&mut linker, interface, export)?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "error" => ResourceType::host::<IoError>(),
        _ => ResourceType::host::<Absent>(),
    }
}

fn define(linker: &mut LinkerInstance<'_, State>, interface: &str, function: &str) -> Result<()> {
    type Context<'a> = StoreContextMut<'a, State>;
    match (interface, function) {
        ("cli/environment", "get-environment") => linker.func_wrap(function, |_: Context<'_>, ()| {
            Ok((Vec::<(String, String)>::new(),))
        }),
        ("cli/environment", "get-arguments") => {
            linker.func_wrap(function, |_: Context<'_>, ()| Ok((Vec::<String>::new(),)))
        }
        ("cli/environment", "initial-cwd") => {
            linker.func_wrap(function, |_: Context<'_>, ()| Ok((None::<String>,)))
        }
        ("cli/stdin", "get-stdin") => linker.func_wrap(function, |store: Context<'_>, ()| {
            Ok((give::<InputStream>(store)?,))
        }),
        ("cli/stdout", "get-stdout") | ("cli/stderr", "get-stderr") => linker
            .func_wrap(function, |store: Context<'_>, ()| {
                Ok((give::<OutputStream>(store)?,))
            }),
        (
            "cli/terminal-stdin" | "cli/terminal-stdout" | "cli/terminal-stderr",
            "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr",
        ) => linker.func_wrap(function, |_: Context<'_>, ()| Ok((None::<Resource<Absent>>,))),
        ("clocks/monotonic-clock", "now") => linker.func_wrap(function, |_: Context<'_>, ()| Ok((0_u64,))),
        ("clocks/monotonic-clock", "resolution") => {
            linker.func_wrap(function, |_: Context<'_>, ()| Ok((1_u64,)))
        }
        // The time has come at once: who waits goes on, and who asks the clock sees that it stands still.
        ("clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => linker
            .func_wrap(function, |store: Context<'_>, (_,): (u64,)| {
                Ok((give::<Pollable>(store)?,))
            }),
        ("clocks/wall-clock", "now") => linker.func_wrap(function, |_: Context<'_>, ()| {
            Ok((Datetime {
                seconds: WALL_CLOCK_SECONDS,
                nanoseconds: 0,
            },))
        }),
        ("clocks/wall-clock", "resolution") => linker.func_wrap(function, |_: Context<'_>, ()| {
            Ok((Datetime {
                seconds: 0,
                nanoseconds: 1,
            },))
        }),
        ("filesystem/preopens", "get-directories") => linker.func_wrap(function, |_: Context<'_>, ()| {
            Ok((Vec::<(Resource<Absent>, String)>::new(),))
        }),
        ("io/poll", _) => poll(linker, function),
        ("io/streams", _) => streams(linker, function),
        ("random/random", "get-random-bytes") | ("random/insecure", "get-insecure-random-bytes") => linker
            .func_wrap(function, |mut store: Context<'_>, (count,): (u64,)| {
                if count > MAX_RANDOM {
                    return Err(Refused(format!(
                        "it asked for {count} random bytes; at most {MAX_RANDOM} are given"
                    ))
                    .into());
                }
                let wasi = &mut store.data_mut().wasi;
                Ok(((0..count)
                    .map(|_| wasi.random().to_le_bytes()[0])
                    .collect::<Vec<u8>>(),))
            }),
        ("random/random", "get-random-u64") | ("random/insecure", "get-insecure-random-u64") => linker
            .func_wrap(function, |mut store: Context<'_>, ()| {
                Ok((store.data_mut().wasi.random(),))
            }),
        ("random/insecure-seed", "insecure-seed") => {
            linker.func_wrap(function, |mut store: Context<'_>, ()| {
                let wasi = &mut store.data_mut().wasi;
                Ok(((wasi.random(), wasi.random()),))
            })
        }
        ("sockets/instance-network", "instance-network") => {
            linker.func_wrap(function, |store: Context<'_>, ()| Ok((give::<Absent>(store)?,)))
        }
        // An error rather than a failure: programs are made to live with networks that say no.
        ("sockets/tcp-create-socket", "create-tcp-socket")
        | ("sockets/udp-create-socket", "create-udp-socket")
        | ("sockets/ip-name-lookup", "resolve-addresses") => {
            linker.func_new(function, |mut store, _, parameters, results| {
                for parameter in parameters {
                    if let Val::Resource(borrowed) = parameter {
                        borrowed.resource_drop(&mut store)?;
                    }
                }
                if let Some(result) = results.first_mut() {
                    *result = Val::Result(Err(Some(Box::new(Val::Enum("access-denied".to_owned())))));
                }
                Ok(())
            })
        }
        _ => {
            let name = format!("wasi:{interface}#{function}");
            linker.func_new(function, move |_, _, _, _| {
                Err(Refused(format!("it called `{name}`, which plugins don't have")).into())
            })
        }
    }
}

fn poll(linker: &mut LinkerInstance<'_, State>, function: &str) -> Result<()> {
    type Context<'a> = StoreContextMut<'a, State>;
    match function {
        "[method]pollable.ready" => linker
            .func_wrap(function, |_: Context<'_>, (_,): (Resource<Pollable>,)| {
                Ok((true,))
            }),
        "[method]pollable.block" => {
            linker.func_wrap(function, |_: Context<'_>, (_,): (Resource<Pollable>,)| Ok(()))
        }
        // All of them are ready.
        _ => linker.func_wrap(function, |_: Context<'_>, (all,): (Vec<Resource<Pollable>>,)| {
            Ok(((0_u32..).zip(&all).map(|(index, _)| index).collect::<Vec<u32>>(),))
        }),
    }
}

fn streams(linker: &mut LinkerInstance<'_, State>, function: &str) -> Result<()> {
    type Context<'a> = StoreContextMut<'a, State>;
    type Written = std::result::Result<(), StreamError>;
    match function {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => linker.func_wrap(
            function,
            |_: Context<'_>, (_, _): (Resource<InputStream>, u64)| {
                Ok((std::result::Result::<Vec<u8>, _>::Err(StreamError::Closed),))
            },
        ),
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => linker.func_wrap(
            function,
            |_: Context<'_>, (_, _): (Resource<InputStream>, u64)| {
                Ok((std::result::Result::<u64, _>::Err(StreamError::Closed),))
            },
        ),
        "[method]input-stream.subscribe" => linker
            .func_wrap(function, |store: Context<'_>, (_,): (Resource<InputStream>,)| {
                Ok((give::<Pollable>(store)?,))
            }),
        "[method]output-stream.subscribe" => linker
            .func_wrap(function, |store: Context<'_>, (_,): (Resource<OutputStream>,)| {
                Ok((give::<Pollable>(store)?,))
            }),
        "[method]output-stream.check-write" => {
            linker.func_wrap(function, |_: Context<'_>, (_,): (Resource<OutputStream>,)| {
                Ok((std::result::Result::<u64, StreamError>::Ok(MAX_WRITTEN as u64),))
            })
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => linker.func_wrap(
            function,
            |mut store: Context<'_>, (_, bytes): (Resource<OutputStream>, Vec<u8>)| {
                store.data_mut().wasi.write(&bytes);
                Ok((Written::Ok(()),))
            },
        ),
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => linker
            .func_wrap(function, |_: Context<'_>, (_,): (Resource<OutputStream>,)| {
                Ok((Written::Ok(()),))
            }),
        _ => {
            let name = format!("wasi:io/streams#{function}");
            linker.func_new(function, move |_, _, _, _| {
                Err(Refused(format!("it called `{name}`, which plugins don't have")).into())
            })
        }
    }
}

/// Gives the guest a resource. All of a kind are alike, so that there is nothing to keep but their number.
fn give<T: 'static>(mut store: StoreContextMut<'_, State>) -> Result<Resource<T>> {
    let wasi = &mut store.data_mut().wasi;
    if wasi.resources >= MAX_RESOURCES {
        return Err(Refused(format!(
            "it holds {MAX_RESOURCES} streams and pollables, and wants one more"
        ))
        .into());
    }
    wasi.resources += 1;
    Ok(Resource::new_own(0))
}

impl Wasi {
    /// What was written since this was last asked.
    pub(super) fn take_written(&mut self) -> Option<String> {
        let written = std::mem::take(&mut self.written);
        (!written.is_empty()).then(|| String::from_utf8_lossy(&written).into_owned())
    }

    fn write(&mut self, bytes: &[u8]) {
        let room = MAX_WRITTEN.saturating_sub(self.written.len());
        self.written.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The next number of `SplitMix64` (Steele, Lea and Flood, 2014) from seed 0. Nothing secret hangs on it: what a
    /// guest makes of it never leaves it but as its findings.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
