//! Go: a function's line, then an indented line of its file.

use super::{Frame, Parsed, begins_with_any};
use crate::text::strip_digits;

/// Packages of runtime, standard library and instrumentation. Those of the standard library have no dot in the first
/// part of their path, but neither has a module that somebody named so; these are the ones met in traces.
const LIBRARIES: [&str; 22] = [
    "context.",
    "crypto/",
    "database/",
    "encoding/",
    "errors.",
    "fmt.",
    "go.opentelemetry.io/",
    "golang.org/",
    "google.golang.org/",
    "gorm.io/",
    "internal/",
    "io.",
    "net.",
    "net/",
    "os.",
    "panic(",
    "reflect.",
    "runtime.",
    "runtime/",
    "sync.",
    "syscall.",
    "testing.",
];

/// Frameworks, by a part of their path.
const FRAMEWORKS: [&str; 8] = [
    "/echo/",
    "/fiber/",
    "/gin-gonic/",
    "/go-chi/",
    "/gorilla/",
    "/grpc-ecosystem/",
    "/julienschmidt/",
    "/otelhttp.",
];

/// Reads the first goroutine: the one that panicked.
pub(super) fn parse(text: &str) -> Parsed {
    let mut frames = Vec::new();
    let mut goroutines = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("goroutine ") {
            goroutines += 1;
            if goroutines > 1 {
                break;
            }
            continue;
        }
        if lines.peek().is_some_and(|next| is_location(next)) {
            frames.extend(frame(line.trim()));
        }
    }
    Parsed::new(frames)
}

/// `/app/pay/pay.go:12 +0x1d` behind a tab.
fn is_location(line: &str) -> bool {
    let location = line.trim_start();
    location.len() < line.len() && location.contains(".go:")
}

fn frame(line: &str) -> Option<Frame> {
    let function = line
        .strip_prefix("created by ")
        .map_or(line, |line| line.split(" in goroutine ").next().unwrap_or(line));
    let in_app =
        !begins_with_any(function, &LIBRARIES) && !FRAMEWORKS.iter().any(|part| function.contains(part));
    // The arguments' words: `main.(*Server).charge(0xc00012, 0x4)`.
    let name = match function.rfind('(') {
        Some(open) if function.ends_with(')') => function.get(..open)?,
        _ => function,
    };
    if name.is_empty() || name.contains(' ') {
        return None;
    }
    // The module's path may be a fork's or another version's; the package's last part and the function stay.
    let name = name.rsplit('/').next().unwrap_or(name);
    Some(Frame {
        name: strip_digits(name, ""),
        in_app,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = "panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48a5c1]

goroutine 34 [running]:
panic({0x4b4a20?, 0x5571f0?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
github.com/shop/pay/internal/cards.(*Cards).charge(0xc000012345, {0x1, 0x2})
\t/build/17/cards/cards.go:12 +0x1d
main.(*Server).place.func1({0x7f, 0x1})
\t/build/17/main.go:44 +0xa5
net/http.HandlerFunc.ServeHTTP(0xc0000b6000, {0x5a1c20, 0xc0000ca000})
\t/usr/local/go/src/net/http/server.go:2171 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3285 +0x4b4

goroutine 1 [IO wait]:
main.other()
\t/build/17/main.go:3 +0x1
";

    #[test]
    fn reads_the_first_goroutine() {
        assert_eq!(
            Stack::parse(TRACE).frames,
            ["cards.(*Cards).charge", "main.(*Server).place.func"]
        );
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace("/build/17/", "/w/")
            .replace(":12 +0x1d", ":13 +0x2e")
            .replace("func1", "func2");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }
}
