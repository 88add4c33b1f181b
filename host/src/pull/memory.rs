//! A bucket in memory, for tests: with small pages, and with faults.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::FutureExt;
use parking_lot::Mutex;

use super::bucket::{Answer, Bucket, BucketError, Listed, Page, Query};
use crate::clock;

/// Entries of a page.
const PAGE: usize = 3;

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<String, Bytes>,
    /// When objects were put, if not now.
    pub(super) modified: BTreeMap<String, u64>,
    /// Nothing works.
    pub(super) is_down: bool,
    /// Nothing can be written.
    pub(super) is_read_only: bool,
    /// Objects that can't be got.
    pub(super) broken: BTreeSet<String>,
    /// Keys that were got, in order.
    pub(super) got: Vec<String>,
    pub(super) listed: usize,
}

#[derive(Default)]
pub(super) struct Memory(pub(super) Mutex<State>);

impl Memory {
    pub(super) fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.0.lock().objects.insert(key.to_owned(), bytes.into());
    }

    pub(super) fn keys(&self, prefix: &str) -> Vec<String> {
        let state = self.0.lock();
        let keys = state.objects.keys().filter(|key| key.starts_with(prefix));
        keys.cloned().collect()
    }

    fn write(&self, write: impl FnOnce(&mut State) -> Result<(), BucketError>) -> Result<(), BucketError> {
        let mut state = self.0.lock();
        if state.is_down {
            return Err(down());
        }
        if state.is_read_only {
            return Err(BucketError::Denied {
                operation: "write",
                source: "read only".into(),
            });
        }
        write(&mut state)
    }
}

fn down() -> BucketError {
    BucketError::Unreachable {
        operation: "reach the bucket",
        source: "down".into(),
    }
}

impl Bucket for Memory {
    fn list<'a>(&'a self, query: Query<'a>) -> Answer<'a, Page> {
        async move {
            let mut state = self.0.lock();
            if state.is_down {
                return Err(down());
            }
            state.listed += 1;
            let mut entries: BTreeMap<String, Option<Listed>> = BTreeMap::new();
            for (key, bytes) in &state.objects {
                let Some(rest) = key.strip_prefix(query.prefix) else {
                    continue;
                };
                if query.after.is_some_and(|after| key.as_str() <= after) {
                    continue;
                }
                match rest.find('/').filter(|_| query.folders) {
                    Some(slash) => {
                        let folder = key[..query.prefix.len() + slash + 1].to_owned();
                        entries.insert(folder, None);
                    }
                    None => {
                        let listed = Listed {
                            key: key.clone(),
                            size: bytes.len() as u64,
                            tag: blake3::hash(bytes).to_string(),
                            modified: state.modified.get(key).copied().unwrap_or_else(clock::now),
                        };
                        entries.insert(key.clone(), Some(listed));
                    }
                }
            }
            let mut behind = entries
                .into_iter()
                .filter(|(key, _)| query.token.is_none_or(|token| key.as_str() > token));
            let mut page = Page::default();
            let mut last = None;
            for (key, listed) in behind.by_ref().take(PAGE) {
                match listed {
                    Some(listed) => page.objects.push(listed),
                    None => page.folders.push(key.clone()),
                }
                last = Some(key);
            }
            page.next = behind.next().and(last);
            Ok(page)
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str, limit: u64) -> Answer<'a, Bytes> {
        async move {
            let mut state = self.0.lock();
            if state.is_down || state.broken.contains(key) {
                return Err(down());
            }
            state.got.push(key.to_owned());
            let bytes = state.objects.get(key).cloned().ok_or(BucketError::Missing)?;
            if bytes.len() as u64 > limit {
                return Err(BucketError::TooLarge { limit });
            }
            Ok(bytes)
        }
        .boxed()
    }

    fn create<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, bool> {
        async move {
            let mut is_new = false;
            self.write(|state| {
                is_new = !state.objects.contains_key(key);
                state.objects.entry(key.to_owned()).or_insert(bytes);
                Ok(())
            })?;
            Ok(is_new)
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        async move {
            self.write(|state| {
                state.objects.insert(key.to_owned(), bytes);
                Ok(())
            })
        }
        .boxed()
    }

    fn copy<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        async move {
            self.write(|state| {
                if from.contains("//") || from.contains("..") {
                    return Err(BucketError::Unnameable);
                }
                let bytes = state.objects.get(from).cloned().ok_or(BucketError::Missing)?;
                state.objects.insert(to.to_owned(), bytes);
                Ok(())
            })
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        async move {
            self.write(|state| {
                state.objects.remove(key);
                Ok(())
            })
        }
        .boxed()
    }
}

/// The test keeps one end.
impl Bucket for std::sync::Arc<Memory> {
    fn list<'a>(&'a self, query: Query<'a>) -> Answer<'a, Page> {
        self.as_ref().list(query)
    }

    fn get<'a>(&'a self, key: &'a str, limit: u64) -> Answer<'a, Bytes> {
        self.as_ref().get(key, limit)
    }

    fn create<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, bool> {
        self.as_ref().create(key, bytes)
    }

    fn put<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        self.as_ref().put(key, bytes)
    }

    fn copy<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        self.as_ref().copy(from, to)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.as_ref().delete(key)
    }
}
