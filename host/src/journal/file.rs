//! Journal files: names, frames, and reading them back, past damage where there is some.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::Disk;

/// First bytes of every journal file: format 1.
pub(super) const MAGIC: &[u8; 8] = b"AIAJ\x01\0\0\0";

/// First bytes of every frame, to find the next one behind damage.
const MARKER: &[u8; 4] = b"\xA1AFr";

/// Bytes of a frame before its segment.
pub(super) const FRAME_HEADER: usize = 20;

/// Largest frame that is believed when reading; a larger length can only be damage. Segments are bounded by the
/// ingest limits, by default at a quarter of this.
const MAX_FRAME: u32 = 1 << 30;

/// Folder beside the journal's files for those that were found damaged.
const QUARANTINE: &str = "quarantine";

/// Where a frame lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FramePosition {
    /// Number of the journal file.
    pub file: u64,
    /// Offset of the segment in it (behind the frame's header).
    pub offset: u64,
    /// Length of the segment.
    pub length: u32,
}

/// A frame read back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// Where it lies.
    pub position: FramePosition,
    /// The project's sequence number.
    pub sequence: u64,
    /// The sealed segment.
    pub segment: Vec<u8>,
}

/// Bytes of a journal file that hold no frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Damage {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// What is wrong with them.
    pub reason: &'static str,
    /// They are the beginning of a frame at the end of the file: a write that was under way when the host died, which
    /// nobody was told is safe. Not so if there is a whole frame of bytes, or another one behind.
    pub is_torn: bool,
}

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum JournalReadError {
    /// The system refuses.
    #[error("cannot read the journal file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Written by a version of AIA to come.
    #[error(
        "the journal file {path} has format {format}; this version of AIA reads format 1: start the newer one"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u8,
    },
}

impl JournalReadError {
    /// Whether the file isn't there (any more).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Name of the journal file of this number.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.journal"))
}

/// Numbers of the journal files in a folder, oldest first.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".journal"))
            .and_then(|name| name.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Appends a frame to `buffer`; gives the offset of its segment within the buffer.
pub(super) fn encode(buffer: &mut Vec<u8>, sequence: u64, segment: &[u8]) -> Option<usize> {
    let length = u32::try_from(segment.len())
        .ok()
        .filter(|length| *length < MAX_FRAME)?;
    buffer.extend_from_slice(MARKER);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum(sequence, segment).to_le_bytes());
    buffer.extend_from_slice(&sequence.to_le_bytes());
    let offset = buffer.len();
    buffer.extend_from_slice(segment);
    Some(offset)
}

fn checksum(sequence: u64, segment: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(segment);
    hasher.finalize()
}

/// What stands before a segment.
struct FrameHeader {
    marker: [u8; 4],
    length: u32,
    crc: u32,
    sequence: u64,
}

impl FrameHeader {
    fn of(bytes: &[u8; FRAME_HEADER]) -> Self {
        let [m0, m1, m2, m3, l0, l1, l2, l3, c0, c1, c2, c3, sequence @ ..] = *bytes;
        Self {
            marker: [m0, m1, m2, m3],
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
            sequence: u64::from_le_bytes(sequence),
        }
    }
}

/// What stands at a place of a file.
enum Found<'a> {
    Frame { sequence: u64, segment: &'a [u8] },
    Damage { reason: &'static str, is_torn: bool },
}

/// Reads what stands at the beginning of `bytes`, which aren't empty.
fn frame(bytes: &[u8]) -> Found<'_> {
    let torn = |reason| Found::Damage {
        reason,
        is_torn: true,
    };
    if bytes.first() == Some(&0) && bytes.iter().all(|byte| *byte == 0) {
        // A file system may have made the file longer before the bytes reached the disk.
        return torn("nothing but zeros");
    }
    let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER>() else {
        return torn("it ends within a frame's header");
    };
    let FrameHeader {
        marker,
        length,
        crc,
        sequence,
    } = FrameHeader::of(header);
    if marker != *MARKER {
        return Found::Damage {
            reason: "no frame begins here",
            is_torn: false,
        };
    }
    let damaged = |reason| Found::Damage {
        reason,
        is_torn: false,
    };
    let Some(segment) = rest.get(..length as usize) else {
        return if checksum(sequence, rest) == crc {
            damaged("a frame's length is wrong")
        } else {
            torn("a frame is longer than the file")
        };
    };
    if checksum(sequence, segment) != crc {
        return damaged("a frame's checksum is wrong");
    }
    Found::Frame { sequence, segment }
}

/// Calls `each` with every whole frame of a file, in order, and tells what is damaged. Behind damage the next frame is
/// looked for, and believed only if `is_genuine` says so of its segment: telemetry may hold what looks like a frame.
///
/// # Errors
/// If the file can't be read, or is of a newer format.
pub fn read_frames(
    folder: &Path,
    number: u64,
    is_genuine: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(Frame),
) -> Result<Vec<Damage>, JournalReadError> {
    let path = path(folder, number);
    let failed = |source| JournalReadError::Read {
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut magic = Vec::new();
    let mut start = reader.by_ref().take(MAGIC.len() as u64);
    start.read_to_end(&mut magic).map_err(failed)?;
    let mut offset = 0;
    match *magic {
        [b'A', b'I', b'A', b'J', format, 0, 0, 0] if format > MAGIC[4] => {
            return Err(JournalReadError::Newer { path, format });
        }
        _ if magic == MAGIC => {
            // Nearly every file is whole: one frame at a time is in memory.
            offset = MAGIC.len() as u64;
            while let Some((sequence, segment)) = whole_frame(&mut reader, size - offset).map_err(failed)? {
                let position = FramePosition {
                    file: number,
                    offset: offset + FRAME_HEADER as u64,
                    length: u32::try_from(segment.len()).unwrap_or(u32::MAX),
                };
                offset = position.offset + segment.len() as u64;
                each(Frame {
                    position,
                    sequence,
                    segment,
                });
            }
        }
        _ => {}
    }
    if offset == size {
        return Ok(Vec::new());
    }
    let mut rest = Vec::new();
    reader.seek(SeekFrom::Start(offset)).map_err(failed)?;
    reader.read_to_end(&mut rest).map_err(failed)?;
    Ok(search(number, offset, &rest, is_genuine, each))
}

/// The next frame, if it is whole and right. Otherwise the reader may be anywhere behind.
fn whole_frame(reader: &mut impl Read, left: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    if left < FRAME_HEADER as u64 {
        return Ok(None);
    }
    let mut header = [0; FRAME_HEADER];
    reader.read_exact(&mut header)?;
    let header = FrameHeader::of(&header);
    if header.marker != *MARKER || u64::from(header.length) > left - FRAME_HEADER as u64 {
        return Ok(None);
    }
    let mut segment = vec![0; header.length as usize];
    reader.read_exact(&mut segment)?;
    let is_right = checksum(header.sequence, &segment) == header.crc;
    Ok(is_right.then_some((header.sequence, segment)))
}

/// Looks for frames in the rest of a damaged file, which begins with the damage at `start`.
fn search(
    number: u64,
    start: u64,
    bytes: &[u8],
    is_genuine: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(Frame),
) -> Vec<Damage> {
    let mut damages = Vec::new();
    let mut is_trusted = false;
    let mut position = 0;
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        let offset = start + position as u64;
        position += match frame(rest) {
            Found::Frame { sequence, segment } if is_trusted || is_genuine(segment) => {
                is_trusted = true;
                each(Frame {
                    position: FramePosition {
                        file: number,
                        offset: offset + FRAME_HEADER as u64,
                        length: u32::try_from(segment.len()).unwrap_or(u32::MAX),
                    },
                    sequence,
                    segment: segment.to_vec(),
                });
                FRAME_HEADER + segment.len()
            }
            Found::Frame { .. } => skip(&mut damages, rest, offset, "no frame begins here", false),
            Found::Damage { reason, is_torn } => {
                is_trusted = false;
                skip(&mut damages, rest, offset, reason, is_torn)
            }
        };
    }
    for damage in &mut damages {
        damage.is_torn &= damage.offset + damage.length == start + bytes.len() as u64;
    }
    damages
}

/// Notes damage up to the next place that may be a frame; gives how far away that is.
fn skip(damages: &mut Vec<Damage>, rest: &[u8], offset: u64, reason: &'static str, is_torn: bool) -> usize {
    let length = rest
        .windows(MARKER.len())
        .skip(1)
        .position(|window| window == MARKER)
        .map_or(rest.len(), |position| position + 1);
    match damages.last_mut() {
        // What looked like a frame is none: the damage goes on.
        Some(last) if last.offset + last.length == offset => last.length += length as u64,
        _ => damages.push(Damage {
            offset,
            length: length as u64,
            reason,
            is_torn,
        }),
    }
    length
}

/// Reads one segment back.
///
/// # Errors
/// If the file is gone (it was compacted meanwhile) or too short.
pub fn read_segment(folder: &Path, position: FramePosition) -> io::Result<Vec<u8>> {
    let mut segment = vec![0; position.length as usize];
    File::open(path(folder, position.file))?.read_exact_at(&mut segment, position.offset)?;
    Ok(segment)
}

/// Deletes a journal file.
pub(crate) fn remove(disk: &dyn Disk, folder: &Path, number: u64) -> io::Result<()> {
    disk.remove(&path(folder, number))?;
    disk.sync_folder(folder)
}

/// Puts a damaged journal file aside, for a person to look at; gives where it lies then.
pub(crate) fn quarantine(disk: &dyn Disk, folder: &Path, number: u64) -> io::Result<PathBuf> {
    let aside = folder.join(QUARANTINE);
    std::fs::create_dir_all(&aside)?;
    let to = path(&aside, number);
    disk.rename(&path(folder, number), &to)?;
    disk.sync_folder(&aside)?;
    disk.sync_folder(folder)?;
    Ok(to)
}
