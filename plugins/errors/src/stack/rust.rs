//! Rust: `3: shop::pay::charge::h0123456789abcdef`, innermost first, mostly with `at src/pay.rs:12:5` below. Of inlined
//! functions the path is missing: `3: charge`.

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
    let mut is_backtrace = false;
    let mut frames = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((number, function)) = numbered(line) else {
            continue;
        };
        // Frames count from their first number without a gap, which an enumeration in prose seldom does.
        if expected.is_some_and(|expected| expected != number) {
            continue;
        }
        expected = Some(number.saturating_add(1));
        let source = lines.peek().and_then(|below| source(below));
        is_backtrace |= function.contains("::");
        frames.push(frame(function, source));
    }
    // A lone number is no backtrace, and neither is a list without a path among it.
    if is_backtrace {
        Parsed::new(frames)
    } else {
        Parsed::default()
    }
}

/// The file of a line such as `at ./src/pay.rs:12:5`.
fn source(line: &str) -> Option<&str> {
    let place = line.trim_start().strip_prefix("at ")?;
    let (place, _column) = place.rsplit_once(':')?;
    Some(place.rsplit_once(':')?.0)
}

/// Whether a file is the language's or a package's: of a toolchain, of cargo's registry, or in a folder such as
/// `tokio-1.54.1`.
fn is_of_a_library(file: &str) -> bool {
    let has_version = |folder: &str| {
        let version = folder.rsplit_once('-').map_or("", |(_, version)| version);
        version.contains('.') && version.starts_with(|first: char| first.is_ascii_digit())
    };
    file.starts_with("/rustc/")
        || file.contains("/.cargo/")
        || file.contains("/registry/src/")
        || file.split(['/', '\\']).any(has_version)
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

fn frame(function: &str, source: Option<&str>) -> Frame {
    let function = match function.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => function,
    };
    let own_name = function.split('<').next().unwrap_or_default();
    if !own_name.is_empty() && !own_name.contains("::") {
        return inlined(function, own_name, source);
    }
    // `<shop::Pay as tower::Service<R>>::call` is the type's; `<T as core::…>` is nobody's.
    let subject = function.trim_start_matches(['<', '&']).trim_start_matches("dyn ");
    let is_library = begins_with_any(subject, &LIBRARIES) && !subject.starts_with("main::");
    let in_app = subject.contains("::")
        && !is_library
        && !subject.starts_with("T as ")
        && !source.is_some_and(is_of_a_library);
    Frame {
        name: strip_digits(&function.replace("::{{closure}}", ""), ""),
        in_app,
    }
}

/// A function without its path: only the file tells whose it is.
fn inlined(function: &str, own_name: &str, source: Option<&str>) -> Frame {
    let own = source.filter(|file| !is_of_a_library(file));
    // Closures have no name.
    let in_app = own.is_some() && !own_name.starts_with('{');
    let file = own.and_then(|file| file.rsplit(['/', '\\']).next());
    let name = file.map_or_else(|| function.to_owned(), |file| format!("{file}:{function}"));
    Frame {
        name: strip_digits(&name, ""),
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
    fn functions_without_a_path_are_told_apart_by_their_file() {
        let text = "   0: capture<shop::ledger::Mismatch>
             at /shop/src/failure.rs:47:20
   1: post
             at /shop/src/ledger.rs:72:13
   2: {closure#0}
             at /shop/src/server.rs:48:27
   3: poll<shop::server::work::{closure_env#0}>
             at /home/me/.cargo/registry/src/index/tokio-1.54.1/src/runtime/task.rs:42:21
   4: with_mut<shop::server::Work>
             at /build/tokio-1.54.1/src/loom/unsafe_cell.rs:16:9
   5: call_once<shop::server::Work>
             at /rustc/59807616/library/core/src/panic/unwind_safe.rs:274:9
   6: take
   7: tokio::runtime::task::UnownedTask<S>::run
";
        let mut stack = Stack::parse(text);
        let expected = ["failure.rs:capture<shop::ledger::Mismatch>", "ledger.rs:post"];
        assert_eq!(stack.frames, expected);
        stack.leave_makers_out("shop::ledger::Mismatch");
        assert_eq!(stack.frames, ["ledger.rs:post"]);
    }

    #[test]
    fn addresses_are_no_part_of_a_name() {
        let text = "   0:     0x55d0c8 - shop::pay::charge\n   1:     0x55d0c9 - main::run";
        assert_eq!(Stack::parse(text).frames, ["shop::pay::charge", "main::run"]);
    }
}
