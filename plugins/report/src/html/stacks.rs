//! Stack traces, the application's own frames marked where they are known.

use maud::{Markup, html};

use super::text::{block, inner_list, short};
use super::{Page, more};
use crate::limits::LINES;
use crate::stack::{Stack, stacks};

pub(super) fn section(page: &Page<'_>) -> Option<Markup> {
    let (stacks, left_out) = stacks(page.report);
    if stacks.is_empty() {
        return None;
    }
    Some(html! {
        @for (position, stack) in stacks.iter().enumerate() {
            details open[position == 0] {
                summary {
                    bdi { (short(if stack.kind.trim().is_empty() { "Stack trace" } else { stack.kind })) }
                    @if !stack.service.trim().is_empty() { " in " bdi { (short(stack.service)) } }
                }
                p.quiet {
                    @if stack.knows_own() { "▸ marks frames of the application itself." }
                    (page.links(stack.evidence.iter().copied()))
                }
                pre tabindex="0" { code { (lines(stack)) } }
            }
        }
        (more(left_out, "stack traces"))
    })
}

fn lines(stack: &Stack<'_>) -> Markup {
    let knows_own = stack.knows_own();
    let lines = inner_list(stack.text.lines(), LINES, |line| {
        let is_own = stack.is_own(line);
        html! {
            @if is_own { b { "▸ " (block(line)) } } @else if knows_own { "  " (block(line)) } @else { (block(line)) }
            "\n"
        }
    });
    html! { (lines.body) @if lines.more > 0 { "… and " (lines.more) " more lines" } }
}
