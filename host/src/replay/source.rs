//! Recorded files, request by request: decompressed as they are read, never more of a file in memory than one request.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use aia_telemetry::{Encoding, SignalType};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::{Flaw, ReplayError};

/// A file to replay.
#[derive(Clone, Debug)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds, where its name doesn't say.
    pub signal: Option<SignalType>,
    /// By how many nanoseconds its times are moved.
    pub shift: i64,
}

impl Input {
    /// A file whose name says what it holds, as recorded.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            signal: None,
            shift: 0,
        }
    }
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kind {
    encoding: Encoding,
    compression: Compression,
    /// None where each request says it itself.
    signal: Option<SignalType>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Finds out what a file is.
pub(super) fn recognise(input: &Input) -> Result<Kind, ReplayError> {
    let file = input.path.clone();
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let (name, compression) = if let Some(name) = name.strip_suffix(".zst") {
        (name, Compression::Zstd)
    } else if let Some(name) = name.strip_suffix(".gz") {
        (name, Compression::Gzip)
    } else {
        (&*name, Compression::None)
    };
    let Some((stem, encoding)) = name.rsplit_once('.').and_then(|(stem, ending)| {
        let encoding = match ending {
            "otlp" => Encoding::Protobuf,
            "jsonl" | "json" => Encoding::Json,
            _ => return None,
        };
        Some((stem, encoding))
    }) else {
        return Err(ReplayError::UnknownFormat { file });
    };
    let named = stem.split('.').rev().find_map(|part| {
        let all = [SignalType::Traces, SignalType::Logs, SignalType::Metrics];
        all.into_iter().find(|signal| signal.as_str() == part)
    });
    let signal = input.signal.or(named);
    if signal.is_none() && encoding == Encoding::Protobuf {
        return Err(ReplayError::UnknownSignal { file });
    }
    Ok(Kind {
        encoding,
        compression,
        signal,
    })
}

/// A recorded request.
pub(crate) struct Request {
    /// From 0, counted by the file.
    pub(crate) number: u64,
    /// Where it begins behind decompression.
    pub(super) offset: u64,
    pub(crate) signal: SignalType,
    pub(crate) encoding: Encoding,
    pub(crate) body: Vec<u8>,
}

/// One recorded file, in the order in which it was recorded.
pub(crate) struct Recording(Requests);

impl Recording {
    /// Opens a file; `limit` is the largest request, in bytes.
    pub(crate) fn open(input: &Input, limit: usize) -> Result<Self, ReplayError> {
        let kind = recognise(input)?;
        Requests::open(&input.path, kind, limit, Rc::default()).map(Self)
    }

    /// The next request; none at the end.
    pub(crate) fn read(&mut self) -> Result<Option<Request>, ReplayError> {
        self.0.next()
    }
}

/// A file that is being read.
pub(super) struct Requests {
    path: PathBuf,
    kind: Kind,
    limit: usize,
    reader: BufReader<Box<dyn Read>>,
    /// Bytes read behind decompression.
    offset: u64,
    number: u64,
    has_ended: bool,
}

impl Requests {
    /// Opens a file. `read` counts its bytes as they are read, `limit` is the largest request.
    pub(super) fn open(
        path: &Path,
        kind: Kind,
        limit: usize,
        read: Rc<Cell<u64>>,
    ) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::Read {
            file: path.to_owned(),
            source,
        };
        let file = Counted {
            file: File::open(path).map_err(failed)?,
            read,
        };
        let reader: Box<dyn Read> = match kind.compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(file).map_err(failed)?),
        };
        Ok(Self {
            path: path.to_owned(),
            kind,
            limit,
            reader: BufReader::with_capacity(64 << 10, reader),
            offset: 0,
            number: 0,
            has_ended: false,
        })
    }

    /// The next request; none at the end. After an error the next call goes on behind the damage where that is possible, and
    /// gives the end where it isn't.
    pub(super) fn next(&mut self) -> Result<Option<Request>, ReplayError> {
        loop {
            if self.has_ended {
                return Ok(None);
            }
            let offset = self.offset;
            let read = match self.kind.encoding {
                Encoding::Protobuf => self.delimited(),
                Encoding::Json => self.line(),
            };
            let found = read.and_then(|body| {
                let Some(body) = body else { return Ok(None) };
                // An empty message or line carries nothing.
                let is_empty =
                    body.iter().all(u8::is_ascii_whitespace) && self.kind.encoding == Encoding::Json;
                if body.is_empty() || is_empty {
                    return Ok(Some(None));
                }
                let signal = match (self.kind.encoding, self.kind.signal) {
                    (Encoding::Protobuf, Some(signal)) => signal,
                    (_, expected) => detect(&body, expected)?,
                };
                Ok(Some(Some((signal, body))))
            });
            match found {
                Ok(None) => self.has_ended = true,
                Ok(Some(None)) => {}
                Ok(Some(Some((signal, body)))) => {
                    let number = self.number;
                    self.number += 1;
                    return Ok(Some(Request {
                        number,
                        offset,
                        signal,
                        encoding: self.kind.encoding,
                        body,
                    }));
                }
                Err(flaw) => {
                    self.number += 1;
                    self.has_ended = flaw.ends_file();
                    return Err(self.damaged(offset, flaw));
                }
            }
        }
    }

    /// The error for a flaw of the request at `offset`.
    pub(super) fn damaged(&self, offset: u64, flaw: Flaw) -> ReplayError {
        ReplayError::Damaged {
            file: self.path.clone(),
            offset,
            is_compressed: self.kind.compression != Compression::None,
            flaw,
        }
    }

    /// A message behind its length.
    fn delimited(&mut self) -> Result<Option<Vec<u8>>, Flaw> {
        let Some(length) = self.varint()? else {
            return Ok(None);
        };
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > self.limit {
            let skipped =
                io::copy(&mut self.reader.by_ref().take(length), &mut io::sink()).map_err(read_flaw)?;
            self.offset = self.offset.saturating_add(skipped);
            // A length beyond the file's end is no length.
            return Err(if skipped == length {
                Flaw::TooLarge { limit: self.limit }
            } else {
                Flaw::Truncated
            });
        }
        // Grows with what is there, not with what is claimed.
        let mut body = Vec::new();
        let read = self.reader.by_ref().take(length).read_to_end(&mut body);
        let read = read.map_err(read_flaw)?;
        self.offset += read as u64;
        if read < size {
            return Err(Flaw::Truncated);
        }
        Ok(Some(body))
    }

    fn varint(&mut self) -> Result<Option<u64>, Flaw> {
        let mut value: u64 = 0;
        for shift in (0..70).step_by(7) {
            let mut byte = [0];
            if self.reader.read(&mut byte).map_err(read_flaw)? == 0 {
                return if shift == 0 {
                    Ok(None)
                } else {
                    Err(Flaw::Truncated)
                };
            }
            self.offset += 1;
            let [byte] = byte;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Flaw::Length);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(Some(value));
            }
        }
        Err(Flaw::Length)
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Flaw> {
        let mut body = Vec::new();
        let most = (self.limit as u64).saturating_add(1);
        let read = self
            .reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut body)
            .map_err(read_flaw)?;
        self.offset += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if body.last() == Some(&b'\n') {
            body.pop();
        } else if body.len() > self.limit {
            self.skip_line()?;
            return Err(Flaw::TooLarge { limit: self.limit });
        }
        Ok(Some(body))
    }

    fn skip_line(&mut self) -> Result<(), Flaw> {
        loop {
            let buffer = self.reader.fill_buf().map_err(read_flaw)?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let skipped = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(skipped);
            self.offset += skipped as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Decoders tell damage as errors of reading.
fn read_flaw(error: io::Error) -> Flaw {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Flaw::Truncated
    } else {
        Flaw::Compression {
            reason: error.to_string(),
        }
    }
}

/// What an OTLP/JSON request holds.
fn detect(body: &[u8], expected: Option<SignalType>) -> Result<SignalType, Flaw> {
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "resourceSpans", alias = "resource_spans")]
        spans: Option<IgnoredAny>,
        #[serde(rename = "resourceLogs", alias = "resource_logs")]
        logs: Option<IgnoredAny>,
        #[serde(rename = "resourceMetrics", alias = "resource_metrics")]
        metrics: Option<IgnoredAny>,
    }
    let any: Any = serde_json::from_slice(body).map_err(|error| Flaw::Json {
        reason: error.to_string(),
    })?;
    let found = match any {
        Any { spans: Some(_), .. } => SignalType::Traces,
        Any { logs: Some(_), .. } => SignalType::Logs,
        Any { metrics: Some(_), .. } => SignalType::Metrics,
        // A request may be empty; what kind it is of doesn't matter then.
        Any { .. } if expected.is_some() => return Ok(expected.unwrap_or(SignalType::Traces)),
        Any { .. } => {
            return Err(Flaw::Json {
                reason: "it has none of resourceSpans, resourceLogs and resourceMetrics".to_owned(),
            });
        }
    };
    match expected {
        Some(expected) if expected != found => Err(Flaw::OtherSignal {
            found: found.as_str(),
            expected: expected.as_str(),
        }),
        _ => Ok(found),
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.set(self.read.get().saturating_add(read as u64));
        Ok(read)
    }
}
