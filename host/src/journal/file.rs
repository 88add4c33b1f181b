//! Journal files: names, frames, and reading them back.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// First bytes of every journal file: format 1.
pub(super) const MAGIC: &[u8; 8] = b"AIAJ\x01\0\0\0";

/// Bytes of a frame before its segment.
pub(super) const FRAME_HEADER: usize = 16;

/// Largest frame that is believed when reading; a larger length can only be damage. Segments are bounded by the
/// ingest limits, by default at a quarter of this.
const MAX_FRAME: u32 = 1 << 30;

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

/// Why reading a file ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum JournalDamage {
    /// The file can't be read.
    #[error("cannot read the journal file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Not a journal file, or of another format.
    #[error("{path} is no journal file of format 1")]
    Magic {
        /// Which file.
        path: PathBuf,
    },
    /// A frame is cut short or its checksum is wrong. At the end of the newest file that's a write that never
    /// was acknowledged; anywhere else it is damage.
    #[error("the journal file {path} is damaged at byte {offset}: {reason}")]
    Frame {
        /// Which file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
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
    let mut crc = crc32fast::Hasher::new();
    crc.update(&sequence.to_le_bytes());
    crc.update(segment);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&crc.finalize().to_le_bytes());
    buffer.extend_from_slice(&sequence.to_le_bytes());
    let offset = buffer.len();
    buffer.extend_from_slice(segment);
    Some(offset)
}

/// Calls `each` with every whole frame of a file, in order.
///
/// # Errors
/// Where the file stops making sense; what came before was handed out.
pub fn read_frames(folder: &Path, number: u64, mut each: impl FnMut(Frame)) -> Result<(), JournalDamage> {
    let path = path(folder, number);
    let read = |source| JournalDamage::Read {
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut magic = [0; MAGIC.len()];
    if size < MAGIC.len() as u64 {
        return Err(JournalDamage::Frame {
            path,
            offset: 0,
            reason: "it ends within the file's header",
        });
    }
    reader.read_exact(&mut magic).map_err(read)?;
    if &magic != MAGIC {
        return Err(JournalDamage::Magic { path });
    }
    let mut offset = MAGIC.len() as u64;
    while offset < size {
        let torn = |reason| JournalDamage::Frame {
            path: path.clone(),
            offset,
            reason,
        };
        if size - offset < FRAME_HEADER as u64 {
            return Err(torn("it ends within a frame's header"));
        }
        let mut length = [0; 4];
        let mut crc = [0; 4];
        let mut sequence = [0; 8];
        reader.read_exact(&mut length).map_err(read)?;
        reader.read_exact(&mut crc).map_err(read)?;
        reader.read_exact(&mut sequence).map_err(read)?;
        let length = u32::from_le_bytes(length);
        let start = offset + FRAME_HEADER as u64;
        if u64::from(length) > size - start {
            return Err(torn("a frame is longer than the file"));
        }
        let mut segment = vec![0; length as usize];
        reader.read_exact(&mut segment).map_err(read)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&sequence);
        hasher.update(&segment);
        if hasher.finalize() != u32::from_le_bytes(crc) {
            return Err(torn("a frame's checksum is wrong"));
        }
        let position = FramePosition {
            file: number,
            offset: start,
            length,
        };
        each(Frame {
            position,
            sequence: u64::from_le_bytes(sequence),
            segment,
        });
        offset = start + u64::from(length);
    }
    Ok(())
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
pub(crate) fn remove(folder: &Path, number: u64) -> io::Result<()> {
    std::fs::remove_file(path(folder, number))?;
    File::open(folder)?.sync_all()
}
