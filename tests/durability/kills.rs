//! SIGKILL at random moments under load, again and again: what was acknowledged is found after each, once.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aia_telemetry::Columns;
use aia_tests::{Host, Sender, default_scope, failing_request, open_log};
use anyhow::{Context, Result, ensure};

/// How often it is killed, unless `AIA_TEST_KILLS` says otherwise.
const KILLS: u32 = 20;

/// Clients that send at the same time.
const SENDERS: usize = 4;

/// Spans of a request.
pub(crate) const ROWS: usize = 3;

/// A request as it was sent, and whether it was acknowledged.
struct Sent {
    body: Vec<u8>,
    is_acknowledged: bool,
}

/// What all clients share: requests by their number.
#[derive(Default)]
struct Load {
    next: AtomicU64,
    sent: Mutex<BTreeMap<u64, Sent>>,
}

impl Load {
    fn sent(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Sent>> {
        self.sent
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sends new requests, and every eighth one a second time, until the host is gone.
    fn run(&self, sender: &Sender, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let body = failing_request(number);
            let sent = Sent {
                body: body.clone(),
                is_acknowledged: false,
            };
            self.sent().insert(number, sent);
            self.send(sender, number, &body);
            if number.is_multiple_of(8) {
                self.send(sender, number, &body);
            }
        }
    }

    /// Sends a request, and notes it if it is acknowledged. While a host is being killed anything may become of it.
    fn send(&self, sender: &Sender, number: u64, body: &[u8]) {
        if sender.send_traces(body).is_ok_and(|status| status == 200)
            && let Some(sent) = self.sent().get_mut(&number)
        {
            sent.is_acknowledged = true;
        }
    }

    /// Compares with what the data folder holds: all rows of each acknowledged request, and of the others all or none.
    fn check(&self, data: &Path) -> Result<()> {
        let rows = stored(data)?;
        for (number, sent) in self.sent().iter() {
            let found = rows.get(number).copied().unwrap_or(0);
            ensure!(
                found == ROWS || (found == 0 && !sent.is_acknowledged),
                "request {number} has {found} rows; acknowledged: {}",
                sent.is_acknowledged
            );
        }
        let known = self.sent();
        ensure!(
            rows.keys().all(|number| known.contains_key(number)),
            "rows that nobody sent"
        );
        Ok(())
    }
}

/// How many rows of each request the folder holds.
pub(crate) fn stored(data: &Path) -> Result<BTreeMap<u64, usize>> {
    let log = open_log(data)?;
    let mut rows: BTreeMap<u64, usize> = BTreeMap::new();
    for (sequence, _) in log.view().segments() {
        let Some(Columns::Spans(columns)) = log.view().read(sequence)?.columns else {
            continue;
        };
        for trace in &columns.spans.trace_id_low {
            *rows.entry(trace - 1).or_default() += 1;
        }
    }
    Ok(rows)
}

/// A duration that nobody foresees.
pub(crate) fn moment(least: u64, most: u64) -> Duration {
    Duration::from_millis(least + RandomState::new().hash_one(0) % (most - least))
}

/// Has clients send until `end` has ended the host.
fn under_load(load: &Load, sender: &Sender, end: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| load.run(sender, &is_over));
        }
        std::thread::sleep(moment(10, 400));
        let ended = end();
        is_over.store(true, Ordering::Relaxed);
        ended
    })
}

#[test]
fn what_was_acknowledged_is_found_once_after_any_number_of_kills() -> Result<()> {
    let kills = match std::env::var("AIA_TEST_KILLS") {
        Ok(kills) => kills.parse().context("AIA_TEST_KILLS is a number")?,
        Err(_) => KILLS,
    };
    let folder = tempfile::tempdir()?;
    let mut host = Host::start(folder.path())?;
    let data = host.data();
    let sender = host.sender();
    let load = Load::default();
    for kill in 1..=kills {
        under_load(&load, &sender, || host.kill())
            .and_then(|()| load.check(&data))
            .with_context(|| format!("kill {kill}"))?;
        host.kill_and_restart()?;
        // Clients send again what wasn't acknowledged, and some what was: the answer may have been lost.
        let again: Vec<(u64, Vec<u8>)> = load
            .sent()
            .iter()
            .filter(|(number, sent)| !sent.is_acknowledged || number.is_multiple_of(16))
            .map(|(number, sent)| (*number, sent.body.clone()))
            .collect();
        for (number, body) in again {
            ensure!(sender.send_traces(&body)? == 200, "request {number} is refused");
            if let Some(sent) = load.sent().get_mut(&number) {
                sent.is_acknowledged = true;
            }
        }
    }
    host.kill()?;
    load.check(&data)?;
    let requests = load.sent().len();
    println!("{kills} kills, {requests} requests, none lost, none twice");
    ensure!(requests > kills as usize, "only {requests} requests were sent");
    Ok(())
}

#[test]
fn ending_in_order_loses_nothing_and_leaves_nothing_to_be_done() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut host = Host::start(folder.path())?;
    let data = host.data();
    let sender = host.sender();
    let load = Load::default();
    under_load(&load, &sender, || host.stop())?;
    load.check(&data)?;
    let log = open_log(&data)?;
    let last = log.view().segments().last().map_or(0, |(sequence, _)| *sequence);
    ensure!(last > 0, "nothing was sent");
    for (plugin, _, position) in log.store().session_positions(&default_scope()?)? {
        ensure!(
            position == last,
            "{plugin} has committed {position} of {last} segments"
        );
    }
    Ok(())
}
