//! Which group a fault belongs to. Reading a stack trace takes a thousand times longer than recognising it, so what
//! was read once is remembered.

use aia_plugin_sdk::{Span, Text};

use crate::attributes::Exception;
use crate::classify::Failure;
use crate::fault::{Fault, GroupId};
use crate::memo::Memo;
use crate::message;
use crate::operation::OperationSource;

/// What a fault is read from.
#[derive(Clone, Debug)]
pub(crate) enum Cause<'a> {
    /// An exception.
    Exception(Exception<'a>),
    /// A failure of a span without exception.
    Failure(Failure, OperationSource, Span<'a>),
}

impl Cause<'_> {
    /// Reads the fault.
    pub(crate) fn fault(&self, service: &str) -> Fault {
        match self {
            Self::Exception(exception) => Fault::from_exception(service, exception),
            Self::Failure(failure, operation, span) => {
                Fault::from_failure(service, &operation.name(span.batch()), failure, *span)
            }
        }
    }
}

/// Remembers the groups of faults.
#[derive(Debug, Default)]
pub(crate) struct Identify {
    /// By what a fault's fingerprint is made of. Nothing where a stack trace alone doesn't tell the group, so that
    /// the message is wanted too.
    groups: Memo<5, Option<GroupId>>,
}

impl Identify {
    /// The group of a fault, and the fault itself where it had to be read.
    pub(crate) fn group(&mut self, service: &str, cause: &Cause<'_>) -> (GroupId, Option<Fault>) {
        let keys = keys(service, cause);
        let known = match self.groups.get(&keys.short) {
            Some(None) => self.groups.get(&keys.long),
            known => known,
        };
        if let Some(Some(group)) = known {
            return (group, None);
        }
        let fault = cause.fault(service);
        let group = fault.group();
        if fault.is_exception() && fault.frames.is_empty() {
            self.groups.put(&keys.short, None);
            self.groups.put(&keys.long, Some(group));
        } else {
            self.groups.put(&keys.short, Some(group));
        }
        (group, Some(fault))
    }
}

/// Texts that tell a fault's group.
struct Keys<'a> {
    /// Enough for failures, and for exceptions with a stack trace of the application's own frames.
    short: [&'a [u8]; 5],
    /// Always enough.
    long: [&'a [u8]; 5],
}

fn keys<'a>(service: &'a str, cause: &Cause<'a>) -> Keys<'a> {
    let service = service.as_bytes();
    match cause {
        Cause::Exception(exception) => {
            let bytes = |text: Option<Text<'a>>| text.map_or(&[][..], Text::as_bytes);
            let (kind, stack) = (bytes(exception.kind), bytes(exception.stacktrace));
            let message = bytes(exception.message);
            // What lies behind isn't looked at, but for where a character begins.
            let message = message.get(..message::MAX_INPUT_BYTES + 4).unwrap_or(message);
            Keys {
                short: [b"stack", service, kind, stack, b""],
                long: [b"message", service, kind, stack, message],
            }
        }
        Cause::Failure(failure, operation, span) => {
            let [kind, first, second] = operation.texts(span.batch());
            let texts = [failure.class().as_bytes(), service, kind, first, second];
            Keys {
                short: texts,
                long: texts,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
    use aia_plugin_sdk::{Spans, Time};

    use super::*;
    use crate::attributes;
    use crate::classify::{Verdict, judge};

    #[test]
    fn what_is_recognised_is_what_is_read() {
        let java = |class: &str| format!("E: x\n\tat com.shop.{class}.run({class}.java:3)");
        let library = "E: x\n\tat java.util.List.of(List.java:3)";
        let spans = [
            TestSpan::new("a")
                .error("")
                .exception("E", "5 failed", &java("Pay")),
            TestSpan::new("a")
                .error("")
                .exception("E", "all failed", &java("Pay")),
            TestSpan::new("a")
                .error("")
                .exception("E", "5 failed", &java("Ship")),
            TestSpan::new("a")
                .error("")
                .exception("F", "5 failed", &java("Pay")),
            TestSpan::new("a").error("").exception("E", "5 failed", library),
            TestSpan::new("a")
                .error("")
                .exception("E", "none failed", library),
            TestSpan::new("a").error("").exception("E", "", library),
            TestSpan::new("a").error("").exception("E", "5 failed", ""),
            TestSpan::new("a").error("").exception("E", "6 failed", ""),
            TestSpan::new("a").error("").exception("E", "none failed", ""),
            TestSpan::new("a").error("").exception("E", "", ""),
            TestSpan::new("a").error("").exception("", &"ä".repeat(1000), ""),
            TestSpan::new("a")
                .error("")
                .exception("", &format!("{}!", "ä".repeat(511)), ""),
            TestSpan::new("a").error("5 failed"),
            TestSpan::new("b").error("5 failed"),
            TestSpan::new("a").attribute("http.route", "b").error(""),
            TestSpan::new("a").attribute("http.response.status_code", 500),
            TestSpan::new("a").attribute("http.response.status_code", 503),
            TestSpan::new("a").attribute("rpc.grpc.status_code", 13),
            TestSpan::new("a").attribute("rpc.grpc.status_code", 14),
        ];
        let batch = spans
            .into_iter()
            .fold(SpanBatchBuilder::new(Time::from_secs(1)), SpanBatchBuilder::span);
        let batch = batch.build();
        let batch = Spans::new(&batch);
        let names = attributes::of_spans(batch);
        let mut identify = Identify::default();
        let mut recognised = 0;
        for round in 0..3 {
            for service in ["shop", "stock", ""] {
                for span in batch.spans() {
                    let found = names.find(span.attributes());
                    let Verdict::Failed(failure) = judge(span.status(), &found) else {
                        panic!("{span:?}")
                    };
                    let exception = span.events().last();
                    let exception =
                        exception.and_then(|event| Exception::of_event(&names.find(event.attributes())));
                    let operation = OperationSource::of(span, &found);
                    let cause = exception.map_or(Cause::Failure(failure, operation, span), Cause::Exception);
                    let (group, fault) = identify.group(service, &cause);
                    let expected = cause.fault(service);
                    assert_eq!(group, expected.group(), "{expected:?}");
                    recognised += usize::from(fault.is_none());
                    assert!(fault.is_none_or(|fault| round == 0 && fault == expected));
                }
            }
        }
        // The second with the same stack trace is recognised at once, and so are the second code 5xx and the second
        // name of the operation `b`.
        assert_eq!(recognised, 3 * (2 * 20 + 2));
    }
}
