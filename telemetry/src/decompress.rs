//! Decompression of request bodies within a limit: a bomb costs no more memory than the limit, and a body that says
//! truthfully how large it is costs one allocation of that size.

use std::borrow::Cow;
use std::io::Read;

use crate::refusal::{BodySize, Refusal};

/// The content encodings that are taken, as a refusal lists them.
#[cfg(feature = "zstd")]
const KNOWN: &str = "identity, gzip, zstd";
/// The content encodings that are taken, as a refusal lists them.
#[cfg(not(feature = "zstd"))]
const KNOWN: &str = "identity, gzip";

/// Deflate makes at most 1,032 bytes out of one: nothing larger is allocated on a body's word.
const MAX_DEFLATE_RATIO: usize = 1032;

/// Largest window of zstd, as a power of two: 8 MiB, which RFC 8878 asks every decoder to support. A frame may ask for
/// much more, and that is memory on top of the limit.
#[cfg(feature = "zstd")]
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

/// How a request's body is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentEncoding {
    /// Not at all.
    Identity,
    /// Gzip.
    Gzip,
    /// Zstandard.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl ContentEncoding {
    /// Reads a request's `Content-Encoding`, or gRPC's `grpc-encoding`; none is identity.
    ///
    /// # Errors
    /// If it isn't taken, or is a list of several.
    pub fn from_header(header: Option<&str>) -> Result<Self, Refusal> {
        let Some(header) = header else {
            return Ok(Self::Identity);
        };
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            #[cfg(feature = "zstd")]
            "zstd" => Ok(Self::Zstd),
            _ => Err(Refusal::UnsupportedEncoding { known: KNOWN }),
        }
    }
}

/// Decompresses a body to at most `limit` bytes. What isn't compressed is passed through.
///
/// # Errors
/// If it is damaged, or larger than `limit`.
pub fn decompress(encoding: ContentEncoding, body: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, Refusal> {
    match encoding {
        ContentEncoding::Identity if body.len() > limit => Err(too_large(limit)),
        ContentEncoding::Identity => Ok(Cow::Borrowed(body)),
        ContentEncoding::Gzip => {
            // The last four bytes are the size, modulo 2^32, of the last member; senders write only one.
            let said = body
                .last_chunk::<4>()
                .map_or(0, |size| u32::from_le_bytes(*size) as usize);
            let likely = said.min(body.len().saturating_mul(MAX_DEFLATE_RATIO));
            read_within("gzip", flate2::read::MultiGzDecoder::new(body), likely, limit).map(Cow::Owned)
        }
        #[cfg(feature = "zstd")]
        ContentEncoding::Zstd => {
            let damaged = |error: std::io::Error| Refusal::DamagedCompression {
                encoding: "zstd",
                reason: error.to_string(),
            };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(damaged)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(damaged)?;
            read_within("zstd", decoder, body.len().saturating_mul(4), limit).map(Cow::Owned)
        }
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::TooLarge {
        of: BodySize::Decompressed,
        limit,
    }
}

/// Reads everything, never holding more than `limit` bytes.
fn read_within(
    encoding: &'static str,
    mut reader: impl Read,
    likely: usize,
    limit: usize,
) -> Result<Vec<u8>, Refusal> {
    const SMALLEST_STEP: usize = 4096;
    let mut out = vec![0; likely.min(limit)];
    let mut filled = 0;
    loop {
        // At the limit, or where the size said is reached, one byte more tells whether there is any.
        let mut probe = [0];
        let is_full = filled == out.len();
        let target = if is_full {
            &mut probe[..]
        } else {
            out.get_mut(filled..).unwrap_or_default()
        };
        match reader.read(target) {
            Ok(0) => break,
            Ok(_) if is_full && filled == limit => return Err(too_large(limit)),
            Ok(_) if is_full => {
                let size = filled.saturating_mul(2).max(SMALLEST_STEP).min(limit);
                out.reserve_exact(size - out.len());
                out.resize(size, 0);
                if let Some(next) = out.get_mut(filled) {
                    *next = probe[0];
                }
                filled += 1;
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Refusal::DamagedCompression {
                    encoding,
                    reason: error.to_string(),
                });
            }
        }
    }
    out.truncate(filled);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn headers_are_read() {
        for (header, encoding) in [
            (None, ContentEncoding::Identity),
            (Some(""), ContentEncoding::Identity),
            (Some("identity"), ContentEncoding::Identity),
            (Some(" GZIP "), ContentEncoding::Gzip),
        ] {
            assert_eq!(ContentEncoding::from_header(header), Ok(encoding));
        }
        for header in ["br", "gzip, gzip", "deflate"] {
            let refusal = ContentEncoding::from_header(Some(header)).unwrap_err();
            assert_eq!(refusal, Refusal::UnsupportedEncoding { known: KNOWN });
        }
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(
            decompress(ContentEncoding::Gzip, &bomb, 1 << 20),
            Err(too_large(1 << 20))
        );
        // Also one that lies about its size.
        for said in [0, u32::MAX] {
            let mut liar = bomb.clone();
            let at = liar.len() - 4;
            liar[at..].copy_from_slice(&said.to_le_bytes());
            assert_eq!(
                decompress(ContentEncoding::Gzip, &liar, 1 << 20),
                Err(too_large(1 << 20))
            );
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let content = vec![b'x'; 10_000];
        for (encoding, body) in [
            (ContentEncoding::Identity, content.clone()),
            (ContentEncoding::Gzip, gzip(&content)),
        ] {
            assert_eq!(decompress(encoding, &body, 10_000).unwrap(), content);
            assert_eq!(decompress(encoding, &body, 9_999), Err(too_large(9_999)));
            assert_eq!(decompress(encoding, &body, 0), Err(too_large(0)));
        }
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let whole = gzip(b"some telemetry, and some more");
        for length in 0..whole.len() {
            let refusal = decompress(ContentEncoding::Gzip, &whole[..length], 1000).unwrap_err();
            assert_eq!(
                refusal.reason(),
                "damaged_compression",
                "cut after {length} bytes"
            );
        }
        let refusal = decompress(ContentEncoding::Gzip, b"{\"resourceSpans\":[]}", 1000).unwrap_err();
        insta::assert_snapshot!(refusal, @"the request's gzip body can't be decompressed: invalid gzip header");
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_bounded_too() {
        let content = vec![b'x'; 10_000];
        let body = zstd::encode_all(&content[..], 3).unwrap();
        assert_eq!(
            ContentEncoding::from_header(Some("zstd")),
            Ok(ContentEncoding::Zstd)
        );
        assert_eq!(decompress(ContentEncoding::Zstd, &body, 10_000).unwrap(), content);
        assert_eq!(
            decompress(ContentEncoding::Zstd, &body, 9_999),
            Err(too_large(9_999))
        );
        assert!(decompress(ContentEncoding::Zstd, &body[..body.len() - 1], 10_000).is_err());
    }

    proptest! {
        #[test]
        fn gzip_comes_back(content: Vec<u8>, second: Vec<u8>) {
            // Two members behind each other are one body.
            let body = [gzip(&content), gzip(&second)].concat();
            let whole = [content, second].concat();
            prop_assert_eq!(&*decompress(ContentEncoding::Gzip, &body, whole.len()).unwrap(), &whole[..]);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = decompress(ContentEncoding::Gzip, &bytes, 1000);
        }
    }
}
