//! Python: `File "/app/shop/pay.py", line 12, in charge`, innermost last.

use super::{Frame, Parsed};
use crate::text::strip_digits;

/// Parts of paths of the interpreter, its library and installed packages.
const LIBRARIES: [&str; 5] = [
    "/site-packages/",
    "/dist-packages/",
    "/lib/python",
    "<frozen ",
    "\\lib\\",
];

/// Reads the last traceback: of a chain it is the one of the exception that was recorded.
pub(super) fn parse(text: &str) -> Parsed {
    let mut frames = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with("Traceback (most recent call last)") {
            frames.clear();
        } else if let Some(frame) = frame(line) {
            frames.push(frame);
        }
    }
    frames.reverse();
    Parsed::new(frames)
}

fn frame(line: &str) -> Option<Frame> {
    let (path, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let function = rest
        .split_once(", in ")
        .map_or("<module>", |(_, function)| function.trim());
    // Where the code was put differs from build to build; the file's name doesn't.
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let in_app = !LIBRARIES.iter().any(|library| path.contains(library)) && !path.starts_with('<');
    Some(Frame {
        name: format!("{file}:{}", strip_digits(function, "")),
        in_app,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = r#"Traceback (most recent call last):
  File "/app/shop/cards.py", line 8, in lookup
    return table[key]
KeyError: 'visa'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/local/lib/python3.12/site-packages/flask/app.py", line 1498, in wsgi_app
    response = self.full_dispatch_request()
  File "/app/shop/views.py", line 31, in checkout
    pay.charge(card)
  File "/app/shop/pay.py", line 12, in charge
    raise CardDeclined(card)
  File "<frozen importlib._bootstrap>", line 241, in _call
shop.pay.CardDeclined: card 4711 declined
"#;

    #[test]
    fn reads_the_last_traceback_from_inside() {
        assert_eq!(Stack::parse(TRACE).frames, ["pay.py:charge", "views.py:checkout"]);
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace("/app/", "/srv/build-17/")
            .replace("line 12", "line 14")
            .replace("3.12", "3.13");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }
}
