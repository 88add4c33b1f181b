//! Promise: what was acknowledged is there, once, whatever the disk does. The disk under the journal forgets what wasn't
//! synced, fills up, fails and tears.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use proptest::prelude::*;

use super::tests::{Fixture, append, columns, scope, try_append, wait_for_compaction};
use super::*;
use crate::journal::{Disk, DiskFile, SystemDisk};
use crate::store::CommitRecord;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// One operation fails and does nothing.
    Fail,
    /// One operation fails after half of it was done.
    Tear,
    /// There is no room for anything until the next start.
    Full,
    /// Nothing works any more until the next start, not even cleaning up.
    Die,
}

#[derive(Default)]
struct DiskState {
    /// Operations until the fault.
    fault: Option<(u32, Fault)>,
    is_full: bool,
    is_dead: bool,
    /// Bytes written and bytes synced of each file.
    files: BTreeMap<PathBuf, (u64, u64)>,
    /// Files whose folder wasn't synced since they came.
    new: BTreeSet<PathBuf>,
    /// Files whose folder wasn't synced since they went.
    gone: BTreeMap<PathBuf, Vec<u8>>,
}

/// A disk on top of a real folder.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<DiskState>>);

fn failed() -> io::Error {
    io::Error::other("the disk fails")
}

impl FaultyDisk {
    /// The next operation: `Ok` to do it, `Err(true)` to do half of it, `Err(false)` to do nothing.
    fn begin(&self, needs_room: bool) -> Result<(), bool> {
        let mut state = self.0.lock();
        if let Some((left, fault)) = &mut state.fault {
            if *left > 0 {
                *left -= 1;
            } else {
                let fault = *fault;
                state.fault = None;
                match fault {
                    Fault::Fail => return Err(false),
                    Fault::Tear => return Err(true),
                    Fault::Full => state.is_full = true,
                    Fault::Die => state.is_dead = true,
                }
            }
        }
        if state.is_dead || (state.is_full && needs_room) {
            return Err(state.is_full);
        }
        Ok(())
    }

    fn fail_after(&self, operations: u32, fault: Fault) {
        self.0.lock().fault = Some((operations, fault));
    }

    /// The machine is started again. If its power was lost, nothing is left of what wasn't synced but `kept` of 255
    /// parts of the bytes, and what wasn't synced of a folder never happened.
    fn restart(&self, power_lost: Option<u8>) {
        let mut state = self.0.lock();
        let DiskState { files, new, gone, .. } = std::mem::take(&mut *state);
        let Some(kept) = power_lost else { return };
        for (path, (written, synced)) in files {
            if new.contains(&path) {
                // It may have been put aside or deleted since.
                let _ = std::fs::remove_file(&path);
            } else if let Ok(file) = std::fs::OpenOptions::new().write(true).open(&path) {
                let torn = written.saturating_sub(synced) * u64::from(kept) / 255;
                file.set_len(synced + torn).unwrap();
            }
        }
        for (path, bytes) in gone {
            std::fs::write(path, bytes).unwrap();
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.begin(true).map_err(|_| failed())?;
        let is_new = !path.exists();
        let inner = SystemDisk.create(path)?;
        let mut state = self.0.lock();
        state.files.insert(path.to_owned(), (0, 0));
        if is_new {
            state.new.insert(path.to_owned());
        }
        Ok(Box::new(FaultyFile {
            disk: self.clone(),
            path: path.to_owned(),
            inner,
        }))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.begin(false).map_err(|_| failed())?;
        let mut state = self.0.lock();
        state.new.retain(|path| path.parent() != Some(folder));
        state.gone.retain(|path, _| path.parent() != Some(folder));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.begin(false).map_err(|_| failed())?;
        let bytes = std::fs::read(path)?;
        SystemDisk.remove(path)?;
        let mut state = self.0.lock();
        state.files.remove(path);
        if !state.new.remove(path) {
            state.gone.insert(path.to_owned(), bytes);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin(false).map_err(|_| failed())?;
        SystemDisk.rename(from, to)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    inner: Box<dyn DiskFile>,
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let begun = self.disk.begin(true);
        let done = match begun {
            Ok(()) => bytes,
            Err(true) => &bytes[..bytes.len() / 2],
            Err(false) => &[],
        };
        self.inner.append(done)?;
        let mut state = self.disk.0.lock();
        if let Some((written, _)) = state.files.get_mut(&self.path) {
            *written += done.len() as u64;
        }
        begun.map_err(|_| failed())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.begin(false).map_err(|_| failed())?;
        let mut state = self.disk.0.lock();
        if let Some((written, synced)) = state.files.get_mut(&self.path) {
            *synced = *written;
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk.begin(false).map_err(|_| failed())?;
        self.inner.cut(length)?;
        self.disk
            .0
            .lock()
            .files
            .insert(self.path.clone(), (length, length));
        Ok(())
    }
}

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A request that wasn't sent before.
    Send,
    /// One that was, with the same bytes.
    SendAgain(prop::sample::Index),
    /// The journal's file is complete.
    Roll,
    /// Something goes wrong after so many operations.
    Fault(u32, Fault),
    /// The host is killed, and with it the power where it says how much is kept of what wasn't synced.
    Restart(Option<u8>),
}

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![
        Just(Fault::Fail),
        Just(Fault::Tear),
        Just(Fault::Full),
        Just(Fault::Die)
    ];
    prop_oneof![
        8 => Just(Event::Send),
        3 => any::<prop::sample::Index>().prop_map(Event::SendAgain),
        1 => Just(Event::Roll),
        3 => (0_u32..8, fault).prop_map(|(after, fault)| Event::Fault(after, fault)),
        2 => prop::option::of(any::<u8>()).prop_map(Event::Restart),
    ]
}

/// Every acknowledged request is there under the number it was given, with its rows, and no request is there twice.
fn assert_holds(log: &Log, acknowledged: &BTreeMap<u32, u64>) {
    for (number, sequence) in acknowledged {
        let segment = log.peek(&scope(), *sequence).unwrap();
        assert_eq!(segment.columns, Some(columns(*number).0), "request {number}");
    }
    let mut ids = BTreeSet::new();
    for sequence in 1..=log.head(&scope()).sequence {
        let segment = log.peek(&scope(), sequence).unwrap();
        assert!(ids.insert(segment.id), "segment {sequence} is there twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there_once_whatever_the_disk_does(
        events in prop::collection::vec(event(), 1..40)
    ) {
        let fixture = Fixture::new();
        let disk = FaultyDisk::default();
        let mut log = fixture.open_on(Arc::new(disk.clone()));
        let mut sent = 0;
        let mut acknowledged = BTreeMap::new();
        let mut send = |log: &Log, number: u32| match try_append(log, number) {
            Ok(Appended::Stored(sequence)) => {
                let before = acknowledged.insert(number, sequence);
                assert_eq!(before, None, "request {number} was stored once more");
            }
            Ok(Appended::Duplicate) => {
                // Also one that wasn't acknowledged, if it came through all the same: then it is there.
                acknowledged.entry(number).or_insert_with(|| {
                    let is_it = |sequence: &u64| {
                        log.peek(&scope(), *sequence).unwrap().columns == Some(columns(number).0)
                    };
                    (1..=log.head(&scope()).sequence).find(is_it).unwrap()
                });
            }
            // Nothing was promised.
            Err(_) => {}
        };
        for event in events {
            match event {
                Event::Send => {
                    sent += 1;
                    send(&log, sent);
                }
                Event::SendAgain(index) if sent > 0 => {
                    let number = u32::try_from(index.index(sent as usize)).unwrap() + 1;
                    send(&log, number);
                }
                Event::SendAgain(_) => {}
                Event::Roll => log.roll(),
                Event::Fault(after, fault) => disk.fail_after(after, fault),
                Event::Restart(power_lost) => {
                    // Ending in order would roll and clean up: nothing of that reaches the disk.
                    disk.fail_after(0, Fault::Die);
                    log.close();
                    disk.restart(power_lost);
                    log = fixture.open_on(Arc::new(disk.clone()));
                }
            }
        }
        disk.restart(None);
        log.close();
        let log = fixture.open_on(Arc::new(disk.clone()));
        for number in 1..=sent {
            send(&log, number);
        }
        prop_assert_eq!(acknowledged.len(), sent as usize, "a healthy disk takes everything");
        assert_holds(&log, &acknowledged);
        log.close();
    }
}

/// Requests 0 to `count`, as a journal file that a killed host leaves behind.
fn left_behind(fixture: &Fixture, count: u32) -> (PathBuf, Vec<u8>) {
    // A host of its own writes it, whose blocks and store nobody looks at.
    let other = Fixture::new();
    let log = other.open(1 << 20);
    for number in 0..count {
        append(&log, number);
    }
    let file = std::fs::read_dir(other.journal())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&file).unwrap();
    log.close();
    std::fs::create_dir_all(fixture.journal()).unwrap();
    (fixture.journal().join(file.file_name().unwrap()), bytes)
}

#[test]
fn a_flipped_byte_in_the_journal_is_put_aside_and_the_rest_goes_on() {
    let fixture = Fixture::new();
    let (path, mut bytes) = left_behind(&fixture, 5);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();

    let log = fixture.open(1 << 20);
    let whole = || -> Vec<u64> {
        (1..=5)
            .filter(|sequence| log.peek(&scope(), *sequence).is_ok())
            .collect()
    };
    assert_eq!(whole(), [1, 2, 4, 5]);
    assert!(log.peek(&scope(), 3).err().unwrap().is_lost());
    wait_for_compaction(&fixture.journal(), 0);
    let aside = fixture
        .journal()
        .join("quarantine")
        .join(path.file_name().unwrap());
    assert_eq!(std::fs::read(aside).unwrap(), bytes);
    assert_eq!(whole(), [1, 2, 4, 5]);
    // The sender's retry of what was lost is welcome, under a number of its own.
    assert_eq!(append(&log, 2), Appended::Stored(6));
    log.close();
}

#[test]
fn numbers_that_sessions_consumed_are_not_given_out_again() {
    let fixture = Fixture::new();
    let (path, bytes) = left_behind(&fixture, 5);
    let store = fixture.store();
    let commit = CommitRecord {
        plugin: "errors".to_owned(),
        number: 1,
        digest: String::new(),
        first_sequence: 1,
        last_sequence: 5,
        base_sequence: 0,
        received_at: 1,
        segments: Vec::new(),
        snapshot: None,
        snapshot_commit: 0,
    };
    store.register_sessions(&scope(), &[commit]).unwrap();
    // The last write, which was acknowledged, is damaged beyond recognition.
    std::fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let log = fixture.open(1 << 20);
    assert!(log.peek(&scope(), 4).is_ok());
    assert!(log.peek(&scope(), 5).err().unwrap().is_lost());
    assert_eq!(append(&log, 7), Appended::Stored(6));
    log.close();
}
