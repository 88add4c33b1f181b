//! The way of a gRPC request: frame, decompression, scan.

use aia_telemetry::{
    ContentEncoding, GRPC_FRAME_BYTES, ScanLimits, Scratch, SignalType, decompress, scan_protobuf, unframe,
};

const LIMIT: usize = 1 << 20;

/// The first byte says what `grpc-encoding` says, the rest is the body of a call.
pub fn grpc_frame(data: &[u8]) {
    let Some((encoding, body)) = data.split_first() else {
        return;
    };
    let header = match encoding % 4 {
        0 => None,
        1 => Some("identity"),
        2 => Some("gzip"),
        _ => Some("zstd"),
    };
    let encoding = ContentEncoding::from_header(header).expect("these are known");
    let Ok((compression, message)) = unframe(body, encoding) else {
        return;
    };
    assert_eq!(message, &body[GRPC_FRAME_BYTES..]);
    assert!(compression == encoding || compression == ContentEncoding::Identity);
    if let Ok(message) = decompress(compression, message, LIMIT) {
        let limits = ScanLimits::default();
        // Whether it is a request is the affair of other targets.
        let _scanned = scan_protobuf(SignalType::Logs, &message, &limits, &mut Scratch::with_seed(1));
    }
}
