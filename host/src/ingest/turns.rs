//! Who scans next: as many large bodies at once as there are processors, and of those that wait a tenant's after another
//! tenant's, so that a flood of one waits for itself and nobody else does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aia_telemetry::TenantId;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Hands out turns.
pub(super) struct Turns(Mutex<State>);

struct State {
    /// Turns that nobody has.
    free: usize,
    /// Those who wait, by tenant; none is empty.
    waiting: BTreeMap<TenantId, VecDeque<oneshot::Sender<Turn>>>,
    /// The tenant that had the last turn that was waited for.
    last: Option<TenantId>,
}

/// A turn; passed on when dropped.
pub(super) struct Turn {
    turns: Option<Arc<Turns>>,
}

impl Turns {
    /// So many at once.
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: at_once.max(1),
            waiting: BTreeMap::new(),
            last: None,
        })))
    }

    /// Waits for a turn of a tenant.
    pub(super) async fn wait(self: &Arc<Self>, tenant: &TenantId) -> Turn {
        let waiting = {
            let mut state = self.0.lock();
            if state.free > 0 {
                state.free -= 1;
                return self.turn();
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.entry(tenant.clone()).or_default().push_back(sender);
            receiver
        };
        match waiting.await {
            Ok(turn) => turn,
            // A turn is passed on to everybody who waits; without one there is nothing to count.
            Err(_) => Turn { turns: None },
        }
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn {
            turns: Some(Arc::clone(self)),
        }
    }

    /// Gives a turn to the next tenant in order, or back.
    fn pass_on(self: &Arc<Self>) {
        loop {
            let next = self.0.lock().next();
            let Some(next) = next else { return };
            // Who stopped waiting gives it back, and the next one is asked. Its own drop must not pass it on as well.
            match next.send(self.turn()) {
                Ok(()) => return,
                Err(mut refused) => refused.turns = None,
            }
        }
    }
}

impl State {
    /// Who is next; if nobody is, there is one more free.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let behind = self
            .last
            .as_ref()
            .and_then(|last| {
                let later = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
                self.waiting.range::<TenantId, _>(later).next()
            })
            .map(|(tenant, _)| tenant.clone());
        let tenant = behind.or_else(|| self.waiting.keys().next().cloned());
        let next = tenant.and_then(|tenant| {
            let queue = self.waiting.get_mut(&tenant)?;
            let next = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            }
            self.last = Some(tenant);
            next
        });
        if next.is_none() {
            self.free += 1;
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_flood_waits_for_itself() {
        let turns = Turns::new(1);
        let flood = tenant("flood");
        let first = poll(pin!(turns.wait(&flood))).unwrap();
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.wait(&flood))).collect();
        assert!(waiting.iter_mut().all(|wait| poll(wait.as_mut()).is_none()));
        let (neighbour, other) = (tenant("neighbour"), tenant("a"));
        let mut wait = pin!(turns.wait(&neighbour));
        assert!(poll(wait.as_mut()).is_none());
        let mut last = pin!(turns.wait(&other));
        assert!(poll(last.as_mut()).is_none());

        // In the order of tenants, each once before any has a second one: a, flood, neighbour, flood.
        drop(first);
        let turn = poll(last.as_mut()).unwrap();
        drop(turn);
        let turn = poll(waiting[0].as_mut()).unwrap();
        assert!(poll(waiting[1].as_mut()).is_none());
        drop(turn);
        let turn = poll(wait.as_mut()).unwrap();
        assert!(poll(waiting[1].as_mut()).is_none());
        drop(turn);
        assert!(poll(waiting[1].as_mut()).is_some());
    }

    #[test]
    fn who_stops_waiting_holds_up_nobody() {
        let turns = Turns::new(1);
        let one = tenant("one");
        let turn = poll(pin!(turns.wait(&one))).unwrap();
        {
            let mut gone = pin!(turns.wait(&one));
            assert!(poll(gone.as_mut()).is_none());
        }
        let mut wait = pin!(turns.wait(&one));
        assert!(poll(wait.as_mut()).is_none());
        drop(turn);
        let turn = poll(wait.as_mut()).unwrap();
        drop(turn);
        assert_eq!(turns.0.lock().free, 1);
        assert!(turns.0.lock().waiting.is_empty());
    }

    #[test]
    fn a_turn_that_was_given_to_somebody_who_is_gone_is_passed_on() {
        let turns = Turns::new(1);
        let one = tenant("one");
        let turn = poll(pin!(turns.wait(&one))).unwrap();
        let mut wait = Box::pin(turns.wait(&one));
        assert!(poll(wait.as_mut()).is_none());
        // Given, and never taken.
        drop(turn);
        drop(wait);
        assert_eq!(turns.0.lock().free, 1);
    }
}
