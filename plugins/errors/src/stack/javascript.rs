//! JavaScript and TypeScript: `at charge (/app/dist/pay.js:12:5)`, in Node and browsers that follow V8.

use super::{Frame, Parsed};
use crate::text::{is_id, strip_digits};

/// Reads the outermost error; its causes follow indented.
pub(super) fn parse(text: &str) -> Parsed {
    let mut frames = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if !frames.is_empty() && (line.starts_with("[cause]") || line.starts_with("Caused by:")) {
            break;
        }
        frames.extend(frame(line));
    }
    Parsed::new(frames)
}

fn frame(line: &str) -> Option<Frame> {
    let call = line.strip_prefix("at ")?;
    let (function, location) = match call.strip_suffix(')').and_then(|call| call.rsplit_once(" (")) {
        Some((function, location)) => (function, location),
        None => ("<anonymous>", call.strip_prefix("async ").unwrap_or(call)),
    };
    let path = without_number(without_number(location)?)?;
    let function = function.strip_prefix("async ").unwrap_or(function);
    let function = function.strip_prefix("new ").unwrap_or(function);
    // `Object.charge [as handle]`: the alias is the caller's affair.
    let function = function.split(" [as ").next().unwrap_or(function);
    let in_app = !(path.contains("/node_modules/")
        || path.contains("\\node_modules\\")
        || path.starts_with("node:")
        || path.starts_with("internal/")
        || path.starts_with("native ")
        || path == "<anonymous>");
    Some(Frame {
        name: format!("{}:{}", file(path), strip_digits(function, "")),
        in_app,
    })
}

/// `path:12` without its number.
fn without_number(location: &str) -> Option<&str> {
    let (path, number) = location.rsplit_once(':')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(path)
}

/// The file's name without the hash that a bundler puts into it: `main.3f2a9c1b.js` is `main.js`.
fn file(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let parts: Vec<_> = name.split(['.', '-']).collect();
    let is_hash =
        |part: &str| is_id(part) || (part.len() >= 8 && part.bytes().any(|byte| byte.is_ascii_digit()));
    if parts.iter().any(|part| is_hash(part)) {
        parts
            .into_iter()
            .filter(|part| !is_hash(part))
            .collect::<Vec<_>>()
            .join(".")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = "CardDeclined: card 4711 declined
    at Cards.charge (/app/dist/pay.js:12:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async Orders.place [as handle] (file:///app/dist/main.3f2a9c1b.js:1:20541)
    at /app/dist/server.js:40:11
    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)
    at new Promise (<anonymous>)
    [cause]: Error: timeout
        at Socket.onTimeout (/app/dist/net.js:3:9)
";

    #[test]
    fn reads_the_outermost_error() {
        let expected = [
            "pay.js:Cards.charge",
            "main.js:Orders.place",
            "server.js:<anonymous>",
        ];
        assert_eq!(Stack::parse(TRACE).frames, expected);
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace(":12:5", ":13:7")
            .replace("3f2a9c1b", "0a91be77")
            .replace("/app/", "/srv/9/");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }

    #[test]
    fn windows_paths_have_names_too() {
        let text =
            "Error: x\n    at charge (C:\\shop\\pay.ts:3:4)\n    at f (C:\\shop\\node_modules\\a\\b.js:1:1)";
        assert_eq!(Stack::parse(text).frames, ["pay.ts:charge"]);
    }
}
