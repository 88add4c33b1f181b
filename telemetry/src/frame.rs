//! gRPC's frame around a message: a flag, a length, the message.

use crate::decompress::ContentEncoding;
use crate::refusal::Refusal;

/// Flag and length before a message.
pub const GRPC_FRAME_BYTES: usize = 5;

/// Takes the frame off the only message of a unary call, whose `grpc-encoding` is `encoding`. Says how the message is
/// compressed, which is up to the frame's flag, and gives the message. Nothing is allocated for a length that is claimed.
///
/// # Errors
/// If the body is shorter or longer than one message in its frame, or the flag says "compressed" without `grpc-encoding`
/// saying how.
pub fn unframe(body: &[u8], encoding: ContentEncoding) -> Result<(ContentEncoding, &[u8]), Refusal> {
    let undecodable = |reason: &str| Refusal::Undecodable {
        reason: reason.to_owned(),
    };
    let Some((&[flag, ref length @ ..], message)) = body.split_first_chunk::<GRPC_FRAME_BYTES>() else {
        return Err(Refusal::IncompleteBody);
    };
    let length = u32::from_be_bytes(*length) as usize;
    match message.len().cmp(&length) {
        std::cmp::Ordering::Less => return Err(Refusal::IncompleteBody),
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Greater => return Err(undecodable("Export takes one message")),
    }
    match (flag, encoding) {
        (0, _) => Ok((ContentEncoding::Identity, message)),
        (1, ContentEncoding::Identity) => Err(undecodable("compressed, but `grpc-encoding` doesn't say how")),
        (1, encoding) => Ok((encoding, message)),
        _ => Err(undecodable("the flag before the message is neither 0 nor 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_one_message() {
        use ContentEncoding::{Gzip, Identity};
        let message: &[u8] = b"ab";
        assert_eq!(unframe(b"\0\0\0\0\x02ab", Identity), Ok((Identity, message)));
        assert_eq!(unframe(b"\0\0\0\0\x02ab", Gzip), Ok((Identity, message)));
        assert_eq!(unframe(b"\x01\0\0\0\x02ab", Gzip), Ok((Gzip, message)));
        assert_eq!(unframe(b"\0\0\0\0\0", Identity), Ok((Identity, &b""[..])));
        for short in [&b""[..], b"\0\0\0\0", b"\0\xff\xff\xff\xffab"] {
            assert_eq!(unframe(short, Identity), Err(Refusal::IncompleteBody));
        }
        for bad in [&b"\0\0\0\0\x01ab"[..], b"\x01\0\0\0\x02ab", b"\x02\0\0\0\x02ab"] {
            assert!(matches!(unframe(bad, Identity), Err(Refusal::Undecodable { .. })));
        }
    }
}
