//! A Durable Object's storage as the owner's memory.

use aia_edge::{Memory, MemoryError, Note};
use worker::Storage;

/// Where the note lies.
const KEY: &str = "note";

pub(crate) struct ObjectMemory(pub(crate) Storage);

impl Memory for ObjectMemory {
    async fn read(&self) -> Result<Note, MemoryError> {
        let failed = |reason: String| MemoryError {
            operation: "read",
            reason,
        };
        let text: Option<String> = self.0.get(KEY).await.map_err(|error| failed(error.to_string()))?;
        // One that another version wrote is a note that is lost.
        Ok(text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    async fn write(&self, note: &Note) -> Result<(), MemoryError> {
        let failed = |reason: String| MemoryError {
            operation: "write",
            reason,
        };
        let text = serde_json::to_string(note).map_err(|error| failed(error.to_string()))?;
        self.0
            .put(KEY, text)
            .await
            .map_err(|error| failed(error.to_string()))?;
        // A put is durable only when it was synced: before, it waits to be written with others.
        self.0.sync().await.map_err(|error| failed(error.to_string()))
    }
}
