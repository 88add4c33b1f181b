//! Decompression of request bodies.

use std::io::Write;

use aia_telemetry::{BodySize, ContentEncoding, Refusal, decompress};

/// The first byte chooses the encoding, the second the limit, the rest is a body: it comes out within the limit, or is
/// refused. Compressed first, it comes back whole.
pub fn decompression(data: &[u8]) {
    let [choice, limit, body @ ..] = data else {
        return;
    };
    let limit = 1_usize << (limit % 20);
    let encoding = match choice % 3 {
        0 => ContentEncoding::Identity,
        1 => ContentEncoding::Gzip,
        _ => ContentEncoding::Zstd,
    };
    match decompress(encoding, body, limit) {
        Ok(out) => {
            assert!(
                out.len() <= limit,
                "{} bytes, but the limit is {limit}",
                out.len()
            );
            // One byte less than it takes is too little, one byte more changes nothing.
            let roomy = decompress(encoding, body, limit + 1).expect("it fits in less");
            assert_eq!(roomy, out);
            if let Some(less) = out.len().checked_sub(1) {
                assert!(too_large(&decompress(encoding, body, less)));
            }
        }
        Err(Refusal::TooLarge {
            of: BodySize::Decompressed,
            limit: named,
        }) => assert_eq!(named, limit),
        Err(Refusal::DamagedCompression { .. }) => assert_ne!(encoding, ContentEncoding::Identity),
        Err(refusal) => panic!("refused as {refusal:?}"),
    }
    let compressed = compress(encoding, body);
    let back = decompress(encoding, &compressed, body.len()).expect("what was just compressed");
    assert_eq!(back, body);
}

fn too_large(result: &Result<std::borrow::Cow<'_, [u8]>, Refusal>) -> bool {
    matches!(result, Err(Refusal::TooLarge { .. }))
}

fn compress(encoding: ContentEncoding, body: &[u8]) -> Vec<u8> {
    match encoding {
        ContentEncoding::Identity => body.to_vec(),
        ContentEncoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(body).expect("writing to memory");
            encoder.finish().expect("writing to memory")
        }
        ContentEncoding::Zstd => zstd::encode_all(body, 1).expect("writing to memory"),
    }
}
