//! The line that a record's body is: its text, the message within structured bodies, the head of a stack trace.

use std::fmt::Write;

use aia_plugin_sdk::{LogRecord, Value};

/// Names under which structured bodies have their message.
const MESSAGES: [&str; 5] = ["message", "msg", "body", "event", "log"];

/// Gives the line of a record, and whether it is a text of the batch; `buffer` holds it where it has to be put together.
#[inline]
pub(crate) fn line<'a>(record: LogRecord<'a>, buffer: &'a mut String) -> (&'a [u8], bool) {
    match record.body_text() {
        Some(text) => (head(text.as_bytes()), true),
        None => of_other(record, buffer),
    }
}

/// The same for what isn't just a text.
fn of_other<'a>(record: LogRecord<'a>, buffer: &'a mut String) -> (&'a [u8], bool) {
    match record.body() {
        Value::Str(text) => (head(text.as_bytes()), true),
        Value::Bytes(bytes) => (head(bytes), false),
        Value::Empty => (record.event_name().as_bytes(), false),
        Value::Map(attributes) => {
            let message = MESSAGES.iter().map(|name| attributes.text(*name));
            if let Some(text) = message.into_iter().find(|text| !text.is_empty()) {
                return (head(text.as_bytes()), true);
            }
            buffer.clear();
            for (name, value) in attributes.iter().take(24) {
                // What is nested tells little of which statement it was.
                let _ = match value {
                    Value::Str(text) => write!(buffer, "{name}={} ", clip(text, 64)),
                    Value::Map(_) | Value::Array(_) | Value::Bytes(_) => write!(buffer, "{name}=null "),
                    other => write!(buffer, "{name}={other} "),
                };
            }
            (buffer.as_bytes(), false)
        }
        other => {
            buffer.clear();
            let _ = write!(buffer, "{other}");
            (buffer.as_bytes(), false)
        }
    }
}

/// Where the line that says something begins; the miner reads up to its end. A trace that begins with its callers has
/// its error at the end.
#[inline]
fn head(text: &[u8]) -> &[u8] {
    if text.starts_with(b"Traceback (") {
        return error_of(text);
    }
    text
}

/// The last line of a trace that isn't indented.
#[cold]
fn error_of(text: &[u8]) -> &[u8] {
    let read = text.get(..8192).unwrap_or(text);
    let mut lines = read.split(|byte| *byte == b'\n');
    lines
        .rfind(|line| !line.starts_with(b" ") && !line.trim_ascii().is_empty())
        .unwrap_or(text)
}

/// The first line of a text that isn't empty.
pub(crate) fn first_line(text: &[u8]) -> &[u8] {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines
        .find(|line| !line.trim_ascii().is_empty())
        .unwrap_or_default()
}

/// The longest start of `text` that has at most `max` bytes and ends between characters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{first_line, head};

    #[test]
    fn traces_have_a_head() {
        assert_eq!(first_line(head(b"\n boom\n\tat a.B(C.java:1)")), b" boom");
        assert_eq!(
            head(b"Traceback (most recent call last):\n  File \"a.py\"\nValueError: no\n"),
            b"ValueError: no"
        );
    }
}
