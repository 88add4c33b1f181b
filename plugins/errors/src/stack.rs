//! Stack traces of six languages, reduced to what names the code at fault: the functions of the application, without
//! lines, hashes, generated numbers and build paths, the innermost first.

mod dotnet;
mod go;
mod java;
mod javascript;
mod python;
mod rust;

use crate::text::clip;

/// How much of a stack trace is looked at.
const MAX_INPUT_BYTES: usize = 64 * 1024;

/// How many frames name a failure; frames further out say who called, which differs for the same failure.
const MAX_FRAMES: usize = 5;

/// How long a frame's name may be.
const MAX_FRAME_BYTES: usize = 120;

/// A frame as a parser gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Frame {
    /// The function, without variable parts.
    name: String,
    /// Whether it is the application's and not a runtime's or a framework's.
    in_app: bool,
}

/// A stack trace's essence.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stack {
    /// Type of the innermost cause, where the trace names one.
    pub(crate) root_type: Option<String>,
    /// Names of the application's innermost functions, innermost first; none if all are a framework's.
    pub(crate) frames: Vec<String>,
    /// Whether any frame was found at all.
    pub(crate) is_stack: bool,
}

impl Stack {
    /// Reads a stack trace of any of the languages.
    pub(crate) fn parse(text: &str) -> Self {
        let text = clip(text, MAX_INPUT_BYTES);
        // The formats are told apart by their frames: each parser finds none in the others' traces, tried from the
        // most to the least peculiar.
        let parsers = [
            python::parse,
            go::parse,
            rust::parse,
            javascript::parse,
            java::parse,
            dotnet::parse,
        ];
        let parsed = parsers
            .iter()
            .map(|parse| parse(text))
            .find(|parsed| !parsed.frames.is_empty());
        parsed.map(Self::from_frames).unwrap_or_default()
    }

    /// Leaves the innermost functions out that are of the exception's own type, such as `capture<shop::CardError>`: they
    /// made the exception and aren't where it happened.
    pub(crate) fn leave_makers_out(&mut self, exception: &str) {
        let makers = self.frames.iter().take_while(|frame| {
            let argument = frame.strip_suffix('>').and_then(|frame| frame.split_once('<'));
            argument.is_some_and(|(_, argument)| !argument.is_empty() && argument == exception)
        });
        let makers = makers.count();
        // Those alone are better than none.
        if makers < self.frames.len() {
            self.frames.drain(..makers);
        }
    }

    fn from_frames(parsed: Parsed) -> Self {
        let mut frames: Vec<String> = Vec::new();
        for frame in parsed.frames.into_iter().filter(|frame| frame.in_app) {
            let name = clip(&frame.name, MAX_FRAME_BYTES);
            // Recursion and generated wrappers repeat a function.
            if frames.last().is_none_or(|last| last != name) {
                frames.push(name.to_owned());
            }
            if frames.len() == MAX_FRAMES {
                break;
            }
        }
        Self {
            root_type: parsed.root_type,
            frames,
            is_stack: true,
        }
    }
}

/// What a parser finds: frames, innermost first.
#[derive(Debug, Default)]
struct Parsed {
    root_type: Option<String>,
    frames: Vec<Frame>,
}

impl Parsed {
    fn new(frames: Vec<Frame>) -> Self {
        Self {
            root_type: None,
            frames,
        }
    }
}

/// Whether `name` begins with one of the prefixes.
fn begins_with_any(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The type at the start of a line like `java.lang.IllegalStateException: No instances`.
pub(crate) fn type_before_colon(line: &str) -> Option<&str> {
    let name = line.split(':').next()?.trim();
    let is_name = !name.is_empty()
        && name.len() <= 200
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || "._$`+/".contains(letter))
        && name.chars().next().is_some_and(char::is_alphabetic);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_no_stack() {
        for text in [
            "",
            "it failed at noon",
            "look at this (twice)",
            "a: b: c",
            "at",
            "File \"x\"",
            "1: 2",
        ] {
            assert_eq!(Stack::parse(text), Stack::default(), "{text}");
        }
    }

    #[test]
    fn makers_of_the_exception_are_left_out_unless_there_is_nothing_else() {
        let text = "   0: capture<shop::pay::Declined>\n   1: shop::pay::post\n   2: shop::pay::take<T>\n";
        let mut stack = Stack::parse(text);
        stack.leave_makers_out("shop::pay::Declined");
        assert_eq!(stack.frames, ["shop::pay::post", "shop::pay::take<T>"]);
        let before = stack.clone();
        for other in ["", "T"] {
            stack.leave_makers_out(other);
            assert_eq!(stack, before);
        }
        let mut alone = Stack::parse("   0: shop::make<shop::pay::Declined>\n");
        let before = alone.clone();
        alone.leave_makers_out("shop::pay::Declined");
        assert_eq!(alone, before);
    }

    #[test]
    fn is_bounded() {
        let text: String = (0..5000)
            .map(|n| format!("\tat com.shop.{}.f{n}(A.java:{n})\n", "x".repeat(300)))
            .collect();
        let stack = Stack::parse(&text);
        assert_eq!(stack.frames.len(), 1);
        assert!(stack.frames[0].len() <= MAX_FRAME_BYTES);
    }
}
