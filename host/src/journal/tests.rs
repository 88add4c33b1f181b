//! The writer and its files.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use aia_telemetry::{ProjectId, SegmentId, TenantId};

use super::file::{self, MAGIC};
use super::*;
use crate::log::Note;
use crate::store::Scope;

/// Hands on what it is given.
struct TestSink(mpsc::Sender<Event>);

#[derive(Debug, Eq, PartialEq)]
enum Event {
    Stored(String, u64),
    Rolled(u64),
}

impl Sink for TestSink {
    fn stored(&mut self, stored: Vec<Stored>) {
        for entry in stored {
            self.0
                .send(Event::Stored(entry.scope.project.to_string(), entry.sequence))
                .unwrap();
        }
    }

    fn rolled(&mut self, file: u64) {
        self.0.send(Event::Rolled(file)).unwrap();
    }

    fn synced(&mut self, _: Duration, _: usize) {}
}

fn append(project: &str, id: u8, received_at: u64) -> Append {
    Append {
        scope: Scope {
            tenant: TenantId::new("t").unwrap(),
            project: ProjectId::new(project).unwrap(),
        },
        id: SegmentId([id; 16]),
        received_at,
        segment: vec![id; usize::from(id) + 1],
        note: Note {
            signal: None,
            rows: 0,
            footer: None,
            columns: None,
            weight: 0,
        },
    }
}

fn start(folder: &Path, start: Start) -> (Journal, JoinHandle<()>, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let (journal, thread) =
        Journal::start(JournalConfig::new(folder.to_owned()), start, TestSink(sender)).unwrap();
    (journal, thread, events)
}

#[test]
fn numbers_each_project_from_one_and_reads_back_what_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, thread, events) = start(
        folder.path(),
        Start {
            file: 1,
            ..Start::default()
        },
    );
    for (project, id, sequence) in [("a", 1, 1), ("b", 2, 1), ("a", 3, 2)] {
        assert_eq!(
            journal.append_blocking(append(project, id, 1)).unwrap(),
            Appended::Stored(sequence)
        );
    }
    drop(journal);
    thread.join().unwrap();
    let events: Vec<_> = events.iter().collect();
    let stored = |project: &str, sequence| Event::Stored(project.to_owned(), sequence);
    assert_eq!(
        events,
        [stored("a", 1), stored("b", 1), stored("a", 2), Event::Rolled(1)]
    );

    let mut frames = Vec::new();
    let damages = read_frames(folder.path(), 1, |_| false, |frame| frames.push(frame)).unwrap();
    assert_eq!(damages, []);
    let segments: Vec<_> = frames
        .iter()
        .map(|frame| (frame.sequence, frame.segment.clone()))
        .collect();
    assert_eq!(segments, [(1, vec![1; 2]), (1, vec![2; 3]), (2, vec![3; 4])]);
    for frame in frames {
        assert_eq!(
            read_segment(folder.path(), frame.position).unwrap(),
            frame.segment
        );
    }
}

#[test]
fn a_retry_is_stored_once_also_after_a_restart_and_only_within_its_project() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, thread, _events) = start(
        folder.path(),
        Start {
            file: 1,
            ..Start::default()
        },
    );
    assert_eq!(
        journal.append_blocking(append("a", 7, 5)).unwrap(),
        Appended::Stored(1)
    );
    assert_eq!(
        journal.append_blocking(append("a", 7, 6)).unwrap(),
        Appended::Duplicate
    );
    assert_eq!(
        journal.append_blocking(append("b", 7, 6)).unwrap(),
        Appended::Stored(1)
    );
    drop(journal);
    thread.join().unwrap();

    let known = append("a", 7, 5);
    let next = [(known.scope.clone(), 2)].into_iter().collect();
    let again = Start {
        file: 2,
        next,
        ids: vec![(5, known.scope, known.id)],
    };
    let (journal, thread, _events) = start(folder.path(), again);
    assert_eq!(
        journal.append_blocking(append("a", 7, 9)).unwrap(),
        Appended::Duplicate
    );
    assert_eq!(
        journal.append_blocking(append("a", 8, 9)).unwrap(),
        Appended::Stored(2)
    );
    drop(journal);
    thread.join().unwrap();
    assert_eq!(list(folder.path()).unwrap(), [1, 2]);
}

#[test]
fn a_folder_that_is_gone_gives_an_error_and_nothing_is_lost_when_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("journal");
    let (journal, thread, events) = start(
        &folder,
        Start {
            file: 1,
            ..Start::default()
        },
    );
    let error = journal.append_blocking(append("a", 1, 1)).unwrap_err();
    assert!(matches!(error, JournalError::Write(_)), "{error}");
    std::fs::create_dir(&folder).unwrap();
    // The failed attempt took no number, and its id is not remembered.
    assert_eq!(
        journal.append_blocking(append("a", 1, 1)).unwrap(),
        Appended::Stored(1)
    );
    drop(journal);
    thread.join().unwrap();
    assert_eq!(events.iter().next(), Some(Event::Stored("a".to_owned(), 1)));
}

/// The bytes of a journal file of three frames, and where these end.
fn three_frames(folder: &Path) -> (Vec<u8>, Vec<usize>) {
    let (journal, thread, _events) = start(
        folder,
        Start {
            file: 1,
            ..Start::default()
        },
    );
    for id in 1..4 {
        journal.append_blocking(append("a", id, 1)).unwrap();
    }
    drop(journal);
    thread.join().unwrap();
    let mut ends = vec![MAGIC.len()];
    for segment in 2..5 {
        ends.push(ends[ends.len() - 1] + file::FRAME_HEADER + segment);
    }
    (std::fs::read(file::path(folder, 1)).unwrap(), ends)
}

/// Which segments are read from these bytes, by their first byte, and what is damaged.
fn read(folder: &Path, bytes: &[u8], is_genuine: impl Fn(&[u8]) -> bool) -> (Vec<u8>, Vec<Damage>) {
    std::fs::write(file::path(folder, 1), bytes).unwrap();
    let mut found = Vec::new();
    let damages = read_frames(folder, 1, is_genuine, |frame| found.push(frame.segment[0])).unwrap();
    (found, damages)
}

#[test]
fn a_write_that_was_under_way_is_torn_wherever_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, ends) = three_frames(folder.path());
    assert_eq!(ends.last(), Some(&whole.len()));
    for length in 0..=whole.len() {
        let (found, damages) = read(folder.path(), &whole[..length], |_| true);
        let frames = ends[1..].iter().filter(|end| **end <= length).count();
        assert_eq!(found, [1, 2, 3][..frames], "{length} bytes");
        // A file that was made and never written is nothing to speak of.
        let is_whole = length == 0 || ends.contains(&length);
        assert_eq!(damages.is_empty(), is_whole, "{length} bytes");
        assert!(
            damages.iter().all(|damage| damage.is_torn),
            "{length}: {damages:?}"
        );
        // The file's length reached the disk, its bytes didn't.
        let mut padded = whole[..length].to_vec();
        padded.resize(whole.len(), 0);
        if ends.contains(&length) {
            let (found, damages) = read(folder.path(), &padded, |_| true);
            assert_eq!(found, [1, 2, 3][..frames], "{length} bytes");
            assert!(
                damages.iter().all(|damage| damage.is_torn),
                "{length}: {damages:?}"
            );
        }
    }
}

#[test]
fn a_flipped_byte_costs_its_frame_alone_and_is_told_apart_from_a_torn_write() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, ends) = three_frames(folder.path());
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        if position == 4 {
            std::fs::write(file::path(folder.path(), 1), &damaged).unwrap();
            let newer = read_frames(folder.path(), 1, |_| true, |_| {}).unwrap_err();
            assert!(newer.to_string().contains("has format 17"), "{newer}");
            continue;
        }
        let (found, damages) = read(folder.path(), &damaged, |_| true);
        let hit = ends.iter().filter(|end| **end <= position).count();
        let left: Vec<u8> = [1, 2, 3]
            .into_iter()
            .filter(|id| usize::from(*id) != hit)
            .collect();
        assert_eq!(found, left, "byte {position}");
        assert_eq!(damages.len(), 1, "byte {position}: {damages:?}");
        assert!(!damages[0].is_torn, "byte {position}: {damages:?}");
    }
}

#[test]
fn what_telemetry_makes_look_like_a_frame_is_not_believed_behind_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut forged = Vec::new();
    file::encode(&mut forged, u64::MAX, &[7; 9]).unwrap();
    let mut bytes = MAGIC.to_vec();
    file::encode(&mut bytes, 1, &[&[1; 3][..], &forged].concat()).unwrap();
    file::encode(&mut bytes, 2, &[2; 5]).unwrap();
    let read = |bytes: &[u8]| read(folder.path(), bytes, |segment| segment[0] != 7);
    assert_eq!(read(&bytes), (vec![1, 2], Vec::new()));
    // The first frame's checksum is wrong now, and the search behind it meets the forged one.
    bytes[MAGIC.len() + 8] ^= 1;
    let (found, damages) = read(&bytes);
    assert_eq!(found, [2]);
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert!(!damages[0].is_torn);
}

#[test]
fn a_file_that_is_no_journal_gives_nothing_and_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (found, damages) = read(folder.path(), b"something else altogether", |_| true);
    assert!(found.is_empty());
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(
        (damages[0].offset, damages[0].length, damages[0].is_torn),
        (0, 25, false)
    );
}
