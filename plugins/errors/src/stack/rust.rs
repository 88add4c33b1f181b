//! Rust: `3: shop::pay::charge::h0123456789abcdef`, innermost first.

use super::{Frame, Parsed, begins_with_any};
use crate::text::strip_digits;

/// Crates of the language and of frameworks.
const LIBRARIES: [&str; 27] = [
    "__libc",
    "__rust",
    "_start",
    "actix",
    "alloc::",
    "anyhow::",
    "axum",
    "backtrace::",
    "clone",
    "core::",
    "eyre::",
    "futures",
    "hyper",
    "main",
    "opentelemetry",
    "poll_fn",
    "rust_begin_unwind",
    "rust_panic",
    "sqlx",
    "start_thread",
    "std::",
    "tokio",
    "tonic",
    "tower",
    "tracing",
    "unknown",
    "warp::",
];

/// Reads a backtrace as `std::backtrace` and panics print it.
pub(super) fn parse(text: &str) -> Parsed {
    let mut expected = None;
    let mut frames = Vec::new();
    for line in text.lines() {
        let Some((number, function)) = numbered(line) else {
            continue;
        };
        // Frames count from their first number without a gap, which an enumeration in prose seldom does.
        if expected.is_some_and(|expected| expected != number) {
            continue;
        }
        expected = Some(number.saturating_add(1));
        frames.push(frame(function));
    }
    // A lone number is no backtrace, and neither is a list without a path among it.
    if frames.iter().any(|frame| frame.name.contains("::")) {
        Parsed::new(frames)
    } else {
        Parsed::default()
    }
}

/// `  3: function` or `  3: 0x55d0 - function`.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, function) = line.trim_start().split_once(": ")?;
    let function = match function.split_once(" - ") {
        Some((address, function)) if address.trim().starts_with("0x") => function,
        _ => function,
    };
    Some((number.parse().ok()?, function.trim()))
}

fn frame(function: &str) -> Frame {
    let function = match function.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => function,
    };
    // `<shop::Pay as tower::Service<R>>::call` is the type's; `<T as core::…>` is nobody's.
    let subject = function.trim_start_matches(['<', '&']).trim_start_matches("dyn ");
    let is_library = begins_with_any(subject, &LIBRARIES) && !subject.starts_with("main::");
    let in_app = subject.contains("::") && !is_library && !subject.starts_with("T as ");
    Frame {
        name: strip_digits(&function.replace("::{{closure}}", ""), ""),
        in_app,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = "thread 'tokio-runtime-worker' panicked at src/pay.rs:12:5:
card 4711 declined
stack backtrace:
   0: rust_begin_unwind
             at /rustc/59807616/library/std/src/panicking.rs:697:5
   1: core::panicking::panic_fmt
             at /rustc/59807616/library/core/src/panicking.rs:75:14
   2: shop::pay::charge::h0123456789abcdef
             at ./src/pay.rs:12:5
   3: <shop::Orders as tower_service::Service<R>>::call::{{closure}}::hfedcba9876543210
             at ./src/orders.rs:80:9
   4: <core::pin::Pin<P> as core::future::future::Future>::poll
   5: tokio::runtime::task::core::Core<T,S>::poll
   6: std::sys::thread::unix::Thread::new::thread_start
   7: start_thread
";

    #[test]
    fn reads_a_panic() {
        let expected = [
            "shop::pay::charge",
            "<shop::Orders as tower_service::Service<R>>::call",
        ];
        assert_eq!(Stack::parse(TRACE).frames, expected);
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace("h0123456789abcdef", "haaaaaaaaaaaaaaaa")
            .replace(":12:5", ":13:1")
            .replace("./src/", "/build/src/");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }

    #[test]
    fn addresses_are_no_part_of_a_name() {
        let text = "   0:     0x55d0c8 - shop::pay::charge\n   1:     0x55d0c9 - main::run";
        assert_eq!(Stack::parse(text).frames, ["shop::pay::charge", "main::run"]);
    }
}
