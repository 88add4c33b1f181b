//! .NET: `at Shop.Pay.Cards.Charge(String card) in /src/Cards.cs:line 12`.

use super::{Frame, Parsed, begins_with_any, type_before_colon};
use crate::text::strip_digits;

/// Namespaces of runtime, frameworks and drivers.
const LIBRARIES: [&str; 12] = [
    "Castle.",
    "Dapper.",
    "Grpc.",
    "MassTransit.",
    "MediatR.",
    "Microsoft.",
    "MySql.",
    "Npgsql.",
    "OpenTelemetry.",
    "Polly.",
    "StackExchange.",
    "System.",
];

/// Reads the innermost exception, which stands first, up to where it was wrapped.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("--- End of inner exception stack trace ---") && !parsed.frames.is_empty() {
            break;
        }
        if let Some((_, inner)) = line.split_once("---> ") {
            parsed.root_type = type_before_colon(inner).map(str::to_owned);
        }
        parsed.frames.extend(frame(line));
    }
    parsed
}

fn frame(line: &str) -> Option<Frame> {
    let call = line.strip_prefix("at ")?;
    let open = call.find('(')?;
    let close = call.rfind(')')?;
    let (function, behind) = (call.get(..open)?, call.get(close + 1..)?);
    let is_end = behind.is_empty() || (behind.starts_with(" in ") && behind.contains(":line "));
    if !is_end || function.contains([' ', '/', ':']) || !function.contains('.') {
        return None;
    }
    let in_app = !begins_with_any(function, &LIBRARIES);
    Some(Frame {
        name: strip_digits(&without_generated(function), ""),
        in_app,
    })
}

/// Undoes what the compiler makes of asynchronous methods, iterators, lambdas and generics:
/// ``Shop.Cards.<ChargeAsync>d__5`1.MoveNext`` is `Shop.Cards.ChargeAsync`.
fn without_generated(function: &str) -> String {
    let mut names = Vec::new();
    for part in function.split('.') {
        let part = part.split(['`', '[']).next().unwrap_or(part);
        let part = match part.strip_prefix('<').and_then(|part| part.split_once('>')) {
            Some((name, _)) => name,
            None => part,
        };
        if !part.is_empty() && part != "MoveNext" {
            names.push(part);
        }
    }
    // `Cards.<>c__DisplayClass3_0.<Charge>b__0`: the class in between was made for the lambda.
    names.join(".")
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = "System.AggregateException: One or more errors occurred. (card 4711 declined)
 ---> Shop.Pay.CardDeclinedException: card 4711 declined
   at Shop.Pay.Cards.<>c__DisplayClass3_0.<Charge>b__0(String card) in /src/Pay/Cards.cs:line 12
   at Shop.Pay.Cards.<ChargeAsync>d__5`1.MoveNext() in /src/Pay/Cards.cs:line 30
--- End of stack trace from previous location ---
   at System.Runtime.CompilerServices.TaskAwaiter.ThrowForNonSuccess(Task task)
   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute(ObjectMethodExecutor executor)
   --- End of inner exception stack trace ---
   at Shop.Web.Orders.Place(Order order)
";

    #[test]
    fn reads_the_innermost_exception() {
        let stack = Stack::parse(TRACE);
        assert_eq!(stack.root_type.as_deref(), Some("Shop.Pay.CardDeclinedException"));
        assert_eq!(
            stack.frames,
            ["Shop.Pay.Cards.Charge", "Shop.Pay.Cards.ChargeAsync"]
        );
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace("line 12", "line 15")
            .replace("DisplayClass3_0", "DisplayClass4_1")
            .replace("b__0", "b__2")
            .replace("d__5", "d__6");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }
}
