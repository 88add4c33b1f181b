//! One instance of a plugin: a store with its limits, and how it is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use wasmtime::{Engine, Store};

use super::error::printable;
use super::limiter::Limiter;
use super::state::State;
use super::ticker::Ticker;
use super::trap::{Allowed, classify};
use super::wasi::Wasi;
use super::{Call, Failure, Granted, Limits, PluginError, PluginStats};

/// What all plugins share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    /// Held by whoever can call, so that no call is without a clock.
    pub(super) ticker: Ticker,
    pub(super) limits: Limits,
    pub(super) instances: Instances,
}

/// What is kept of one plugin while it runs: what it is called, what it may use, what it did.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) granted: Granted,
    pub(super) stats: Arc<PluginStats>,
    pub(super) shared: Arc<Shared>,
}

impl Account {
    /// An error of this plugin, counted.
    pub(super) fn error(&self, call: Call, failure: Failure) -> PluginError {
        if let Some(reason) = failure.reason() {
            self.stats.count_failure(reason);
        }
        PluginError {
            plugin: self.name.clone(),
            call,
            failure,
        }
    }
}

/// Counts the instances of all plugins.
#[derive(Debug)]
pub(super) struct Instances {
    live: AtomicU32,
    maximum: u32,
}

impl Instances {
    pub(super) fn new(maximum: u32) -> Self {
        Self {
            live: AtomicU32::new(0),
            maximum,
        }
    }

    pub(super) fn live(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// Takes a place, if there is one.
    fn take(&self) -> bool {
        let free = |live| (live < self.maximum).then_some(live + 1);
        self.live
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, free)
            .is_ok()
    }
}

/// A place among the instances, given back when it is dropped.
struct Place {
    account: Arc<Account>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.account.stats.count_gone();
        self.account.shared.instances.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A store in which one instance lives. Dropping it gives everything back.
pub(super) struct Room {
    store: Store<State>,
    /// Behind the store, so that the place is free only when the store's memory is.
    place: Place,
}

/// Which limit of time a call has.
#[derive(Clone, Copy)]
pub(super) enum Time {
    /// `call-time`.
    Call,
    /// `open-time`.
    Open,
}

impl Room {
    /// Makes an empty store for an instance of the plugin.
    pub(super) fn new(account: &Arc<Account>, call: Call) -> Result<Self, PluginError> {
        let shared = &account.shared;
        if !shared.instances.take() {
            return Err(account.error(
                call,
                Failure::Instances {
                    maximum: u64::from(shared.instances.maximum),
                },
            ));
        }
        account.stats.count_live();
        let place = Place {
            account: Arc::clone(account),
        };
        let limits = &shared.limits;
        let limiter = Limiter::new(
            account.granted.memory_bytes,
            limits.table_elements,
            limits.core_instances,
        );
        let state = State {
            limiter,
            wasi: Wasi::default(),
        };
        let mut store = Store::new(&shared.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.returned_bytes);
        Ok(Self { store, place })
    }

    /// Bytes of linear memory that the instance has.
    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// How many bytes the next calls may copy out, if not the usual limit.
    pub(super) fn set_returned_bytes(&mut self, bytes: usize) {
        self.store.set_hostcall_fuel(bytes);
    }

    /// An error of this plugin, counted.
    pub(super) fn error(&self, call: Call, failure: Failure) -> PluginError {
        self.place.account.error(call, failure)
    }

    /// Calls into the instance under its limits, and counts the call. Whatever fails ends the instance: the caller
    /// has to drop it.
    pub(super) fn call<R>(
        &mut self,
        call: Call,
        time: Time,
        body: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, PluginError> {
        let account = &self.place.account;
        let shared = &account.shared;
        let (time_limit, maximum) = match time {
            Time::Call => ("call-time", account.granted.call_time),
            Time::Open => ("open-time", shared.limits.open_time),
        };
        self.store.set_epoch_deadline(shared.ticker.epochs(maximum));
        let started = Instant::now();
        let result = body(&mut self.store);
        account.stats.count_call(started.elapsed());
        let refused = self.store.data_mut().limiter.take_refused();
        if let Some(written) = self.store.data_mut().wasi.take_written() {
            let (plugin, written) = (&account.name, printable(&written, shared.limits.log_line_bytes));
            // The last words of a guest that failed tell why; the others are its own affair.
            match &result {
                Ok(_) => tracing::debug!(plugin, %call, "a plugin printed: {written}"),
                Err(_) => tracing::warn!(plugin, %call, "a plugin printed before it failed: {written}"),
            }
        }
        result.map_err(|error| {
            let allowed = Allowed {
                time_limit,
                time_ms: maximum.as_millis(),
                stack_bytes: shared.limits.stack_bytes,
                returned_bytes: self.store.hostcall_fuel(),
                instances: shared.instances.maximum,
                text_bytes: shared.limits.log_line_bytes,
            };
            tracing::debug!(plugin = account.name, %call, error = %format_args!("{error:?}"), "a plugin failed");
            account.error(call, classify(&error, refused, &allowed))
        })
    }
}
