//! Who of all instances leads a project: who runs its sessions. The key-value store has no compare-and-swap, so this is a
//! courtesy that spares work; what is right is decided by the commits in the bucket.
//!
//! The note of what is being done lies in the same value: whoever finds it with a lead that ran out knows that the instance
//! ended at that.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aia_edge::{Memory, MemoryError, Note, Scope};
use serde::{Deserialize, Serialize};
use spin_sdk::key_value::Store;

use crate::app::now;

/// How long a lead holds, in nanoseconds: so long a project waits where a leader ended without saying so. Several times
/// what a step takes.
const HOLDS_FOR: u64 = 20_000_000_000;

#[derive(Default, Deserialize, Serialize)]
struct Record {
    holder: String,
    until: u64,
    note: Note,
}

/// A lead that was taken.
pub(crate) struct Lead {
    store: Rc<Store>,
    key: String,
    holder: String,
    until: Cell<u64>,
    note: RefCell<Note>,
}

/// What came of taking a lead.
pub(crate) enum Taken {
    Mine(Lead),
    /// Somebody else's until then, or longer.
    Others(u64),
}

impl Lead {
    /// Takes the lead of a project if nobody has it.
    pub(crate) async fn take(store: &Rc<Store>, scope: &Scope, holder: &str) -> Result<Taken, String> {
        let lead = Self {
            store: Rc::clone(store),
            key: format!("lead/{}/{}", scope.0, scope.1),
            holder: holder.to_owned(),
            until: Cell::default(),
            note: RefCell::default(),
        };
        let found = lead.read().await?;
        if found.holder != lead.holder && found.until > now() {
            return Ok(Taken::Others(found.until));
        }
        lead.note.replace(found.note);
        lead.write().await?;
        // Who wrote last among those that came at once has it.
        let found = lead.read().await?;
        if found.holder != lead.holder {
            return Ok(Taken::Others(found.until));
        }
        Ok(Taken::Mine(lead))
    }

    /// Goes on leading; whether this instance still does.
    pub(crate) async fn hold(&self) -> Result<bool, String> {
        if self.until.get().saturating_sub(now()) > HOLDS_FOR / 2 {
            return Ok(true);
        }
        if self.read().await?.holder != self.holder {
            return Ok(false);
        }
        self.write().await?;
        Ok(true)
    }

    /// Leaves it to others.
    pub(crate) async fn release(&self) -> Result<(), String> {
        let record = Record {
            holder: String::new(),
            until: 0,
            note: self.note.borrow().clone(),
        };
        self.set(&record).await
    }

    async fn read(&self) -> Result<Record, String> {
        let value = self.store.get(&self.key).await;
        let value = value.map_err(|error| error.to_string())?;
        // One that another version wrote is a note that is lost.
        Ok(value
            .and_then(|value| serde_json::from_slice(&value).ok())
            .unwrap_or_default())
    }

    async fn write(&self) -> Result<(), String> {
        let until = now().saturating_add(HOLDS_FOR);
        let record = Record {
            holder: self.holder.clone(),
            until,
            note: self.note.borrow().clone(),
        };
        self.set(&record).await?;
        self.until.set(until);
        Ok(())
    }

    async fn set(&self, record: &Record) -> Result<(), String> {
        let text = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        self.store
            .set(&self.key, text)
            .await
            .map_err(|error| error.to_string())
    }
}

/// The note of a project that this instance leads.
pub(crate) struct LeadMemory(pub(crate) Rc<Lead>);

impl Memory for LeadMemory {
    async fn read(&self) -> Result<Note, MemoryError> {
        Ok(self.0.note.borrow().clone())
    }

    async fn write(&self, note: &Note) -> Result<(), MemoryError> {
        let failed = |reason: String| MemoryError {
            operation: "write",
            reason,
        };
        if self.0.until.get() <= now() {
            return Err(failed("the lead ran out".to_owned()));
        }
        self.0.note.replace(note.clone());
        self.0.write().await.map_err(failed)
    }
}
