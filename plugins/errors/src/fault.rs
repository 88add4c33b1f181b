//! What went wrong: an exception or a failed status, and the fingerprint that makes two of them the same.

use aia_plugin_sdk::{LogRecord, Span, Text};
use serde::{Deserialize, Serialize};

use crate::attributes::Exception;
use crate::classify::Failure;
use crate::message;
use crate::stack::{Stack, type_before_colon};
use crate::text::clip;

/// Version of the way fingerprints are made. Whatever changes the parts of any fault needs a new one, or incidents
/// that are open would be grouped anew.
pub(crate) const FINGERPRINT_VERSION: u32 = 2;

/// Longest part of a fingerprint that comes from telemetry, in bytes.
const MAX_PART_BYTES: usize = 200;

/// Longest example of a message kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 512;

/// Longest example of a stack trace kept, in bytes: what a signal's detail may hold.
pub(crate) const MAX_STACK_BYTES: usize = 16 * 1024;

/// Identifies a group of the same faults in the detector's state: a hash of the fingerprint's parts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct GroupId(u64);

/// Kinds of faults, which are the kinds of signals.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum FaultKind {
    /// An exception.
    Exception,
    /// HTTP 5xx.
    Http,
    /// An RPC status that is the server's fault.
    Rpc,
    /// A span's status.
    Status,
    /// A log record that says no more than that it is an error.
    Record,
}

impl FaultKind {
    /// The signal's kind.
    pub(crate) fn signal_kind(self) -> &'static str {
        match self {
            Self::Exception => "errors.exception",
            Self::Http => "errors.http",
            Self::Rpc => "errors.rpc",
            Self::Status => "errors.status",
            Self::Record => "errors.record",
        }
    }
}

/// What went wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Fault {
    /// What it is.
    pub(crate) kind: FaultKind,
    /// `exception.type`; empty if unknown.
    pub(crate) exception_type: String,
    /// One example of the message.
    pub(crate) message: String,
    /// One example of the stack trace.
    pub(crate) stacktrace: String,
    /// The application's innermost functions.
    pub(crate) frames: Vec<String>,
    /// Status code or name; empty for an exception.
    pub(crate) status: String,
    /// Parts of the fingerprint.
    pub(crate) parts: Vec<String>,
}

impl Fault {
    /// An exception.
    pub(crate) fn from_exception<'a>(service: &str, exception: &Exception<'a>) -> Self {
        let text = |text: Option<Text<'a>>| text.map_or("", Text::as_str);
        let (kind, message) = (text(exception.kind), text(exception.message));
        Self::exception(service, kind, message, text(exception.stacktrace))
    }

    /// The exception in a log record's body, where that is a stack trace or names a nested exception.
    pub(crate) fn from_body(service: &str, record: LogRecord<'_>) -> Option<Self> {
        let body = record.body().as_str()?;
        if body.contains('\n') && Stack::parse(body).is_stack {
            let head = body.lines().find_map(|line| {
                let line = line.trim_start_matches("Exception in thread ").trim();
                let kind = type_before_colon(line).filter(|name| is_exception(name))?;
                Some((kind, line.get(kind.len()..)?.trim_start_matches(':').trim()))
            });
            let (kind, text) = head.unwrap_or_default();
            let text = if text.is_empty() {
                body.lines().next().unwrap_or_default()
            } else {
                text
            };
            return Some(Self::exception(service, kind, text, body));
        }
        let nested = body
            .rsplit_once("nested exception is ")
            .or_else(|| body.rsplit_once("Unhandled exception: "))?
            .1;
        let kind = type_before_colon(nested).filter(|name| is_exception(name))?;
        let text = nested.get(kind.len()..)?.trim_start_matches(':').trim();
        // Tomcat's way of ending such a line.
        let text = text.strip_suffix("] with root cause").unwrap_or(text);
        Some(Self::exception(service, kind, text, ""))
    }

    /// A log record of an error that tells of no exception: the place that wrote it, or its text without what varies.
    pub(crate) fn from_record(service: &str, record: LogRecord<'_>) -> Option<Self> {
        let text = record.body().as_str()?.trim();
        if text.is_empty() {
            return None;
        }
        let template = message::normalise(text);
        let parts = [FaultKind::Record.signal_kind(), service, &template];
        Some(Self {
            kind: FaultKind::Record,
            exception_type: String::new(),
            message: clip(text, MAX_MESSAGE_BYTES).to_owned(),
            stacktrace: String::new(),
            frames: Vec::new(),
            status: String::new(),
            parts: clipped(&parts),
        })
    }

    /// The failure of a span without exception.
    pub(crate) fn from_failure(service: &str, operation: &str, failure: &Failure, span: Span<'_>) -> Self {
        let (kind, status) = match failure {
            Failure::Http(code) => (FaultKind::Http, code.to_string()),
            Failure::Rpc(name) => (FaultKind::Rpc, (*name).to_owned()),
            Failure::Status => (FaultKind::Status, "error".to_owned()),
        };
        let parts = [kind.signal_kind(), service, operation, failure.class()];
        Self {
            kind,
            exception_type: String::new(),
            message: clip(span.status_message(), MAX_MESSAGE_BYTES).to_owned(),
            stacktrace: String::new(),
            frames: Vec::new(),
            status,
            parts: clipped(&parts),
        }
    }

    fn exception(service: &str, kind: &str, text: &str, stacktrace: &str) -> Self {
        let mut stack = Stack::parse(stacktrace);
        stack.leave_makers_out(kind);
        let root = stack.root_type.as_deref().unwrap_or(kind);
        let mut parts = clipped(&[FaultKind::Exception.signal_kind(), service, root]);
        if stack.frames.is_empty() {
            parts.push(message::normalise(text));
        } else {
            parts.extend(stack.frames.iter().cloned());
        }
        Self {
            kind: FaultKind::Exception,
            exception_type: clip(kind, MAX_PART_BYTES).to_owned(),
            message: clip(text, MAX_MESSAGE_BYTES).to_owned(),
            stacktrace: clip(stacktrace, MAX_STACK_BYTES).to_owned(),
            frames: stack.frames,
            status: String::new(),
            parts,
        }
    }

    /// The group it belongs to. FNV-1a: it needs no key, as a sender that makes its own errors collide only hides
    /// them from itself.
    pub(crate) fn group(&self) -> GroupId {
        GroupId(hash(self.parts.iter().map(String::as_str)))
    }

    /// Whether it says more than that something failed.
    pub(crate) fn is_exception(&self) -> bool {
        self.kind == FaultKind::Exception
    }

    /// What the fault is, whichever service has it and whichever service it names: one that comes and goes all over a
    /// system is one trouble of the system. Nothing for faults without a text of their own.
    pub(crate) fn family(&self, is_service: impl Fn(&str) -> bool) -> Option<u64> {
        if self.kind != FaultKind::Exception || self.message.is_empty() {
            return None;
        }
        let template = message::normalise(&self.message);
        let words = template.split_whitespace().map(|word| {
            let name = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            if is_service(name) { "<service>" } else { word }
        });
        Some(hash([self.exception_type.as_str()].into_iter().chain(words)))
    }

    /// Bytes it takes in a snapshot, roughly.
    pub(crate) fn weight(&self) -> usize {
        let texts = [
            &self.exception_type,
            &self.message,
            &self.stacktrace,
            &self.status,
        ];
        let lists = self.frames.iter().chain(&self.parts);
        texts.into_iter().chain(lists).map(|text| text.len() + 3).sum()
    }
}

/// FNV-1a of texts.
fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether the last part of a type's name says that it is thrown.
fn is_exception(name: &str) -> bool {
    ["Exception", "Error", "Throwable", "Fault", "Failure"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn clipped(parts: &[&str]) -> Vec<String> {
    parts
        .iter()
        .map(|part| clip(part, MAX_PART_BYTES).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{LogBatchBuilder, TestLog};
    use aia_plugin_sdk::{Logs, Time};

    use super::*;
    use crate::attributes;

    fn of_log(log: TestLog) -> Option<Fault> {
        let batch = LogBatchBuilder::new(Time::from_secs(1)).log(log).build();
        let batch = Logs::new(&batch);
        let keys = attributes::of_logs(batch);
        let record = batch.records().next()?;
        match Exception::of_log(&keys, record) {
            Some(exception) => Some(Fault::from_exception("shop", &exception)),
            None => Fault::from_body("shop", record),
        }
    }

    #[test]
    fn fingerprints_of_version_1_never_change() {
        let trace = "a.B: x\n\tat com.shop.Pay.charge(Pay.java:3)\n\tat java.util.List.of(List.java:1)";
        let with_stack = Fault::exception("shop", "com.shop.CardDeclined", "card 17 declined", trace);
        assert_eq!(
            with_stack.parts,
            [
                "errors.exception",
                "shop",
                "com.shop.CardDeclined",
                "com.shop.Pay.charge"
            ]
        );
        let without = Fault::exception("shop", "com.shop.CardDeclined", "card 17 declined", "");
        assert_eq!(
            without.parts,
            [
                "errors.exception",
                "shop",
                "com.shop.CardDeclined",
                "card <n> declined"
            ]
        );
        assert_eq!(with_stack.group(), GroupId(0xea65_84d7_615d_d0a7));
    }

    #[test]
    fn bodies_of_logs_are_read() {
        let body = "c.C#175 Servlet.service() threw exception [Request processing failed; nested exception is \
                    java.lang.IllegalStateException: No instances available for ts-seat-service] with root cause";
        let fault = of_log(TestLog::new(17, body)).unwrap();
        assert_eq!(fault.exception_type, "java.lang.IllegalStateException");
        assert_eq!(fault.message, "No instances available for ts-seat-service");

        let body = "could not charge\nTraceback (most recent call last):\n  File \"/app/pay.py\", line 3, in charge\n    \
                    raise X\nshop.CardError: no\n";
        let fault = of_log(TestLog::new(17, body)).unwrap();
        assert_eq!(fault.exception_type, "shop.CardError");
        assert_eq!(fault.frames, ["pay.py:charge"]);

        assert_eq!(of_log(TestLog::new(17, "order 5 is wrong\nand so on")), None);
        assert_eq!(
            of_log(TestLog::new(17, "queryForTravel: catch price exception")),
            None
        );
    }

    #[test]
    fn attributes_come_first() {
        let fault = of_log(TestLog::new(17, "boom").exception("E", "5 failed", "")).unwrap();
        assert_eq!(fault.parts, ["errors.exception", "shop", "E", "<n> failed"]);
    }
}
