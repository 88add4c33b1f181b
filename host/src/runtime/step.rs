//! Whether a step of an analyst is within the limits. What its conclusion claims is checked by whoever knows the evidence
//! that it was given.

use super::bindings::analyst::exports::aia::plugin::analyst::{Question, Step};
use super::bindings::reporter::aia::plugin::conclusions::{Claim, Conclusion, Fragment, Suspect};
use super::bindings::reporter::aia::plugin::evidence::{Request, Selector};
use super::check::at_most;
use super::error::printable;
use super::{Failure, Limits};

/// By how much the probabilities of all suspects may be more than 1: sums of doubles are never exact.
const SUM_TOLERANCE: f64 = 1e-6;

/// The step if all of it is valid; what it says when it gives up is cut to what is kept.
pub(super) fn check(step: Step, limits: &Limits) -> Result<Step, Failure> {
    match step {
        Step::Gather(requests) => {
            let most = limits.requests;
            at_most(
                || "a list".to_owned(),
                "requests",
                "requests",
                requests.len(),
                most,
            )?;
            for (index, request) in requests.iter().enumerate() {
                check_request(index, request, limits)?;
            }
            Ok(Step::Gather(requests))
        }
        Step::Ask(question) => check_question(&question, limits).map(|()| Step::Ask(question)),
        Step::Conclude(conclusion) => {
            check_conclusion(&conclusion, limits).map(|()| Step::Conclude(conclusion))
        }
        Step::GiveUp(reason) => Ok(Step::GiveUp(printable(&reason, limits.log_line_bytes))),
    }
}

fn text(subject: impl FnOnce() -> String, text: &str, limits: &Limits) -> Result<(), Failure> {
    at_most(subject, "text-bytes", "bytes", text.len(), limits.text_bytes)
}

fn check_request(index: usize, request: &Request, limits: &Limits) -> Result<(), Failure> {
    let of = |what: &'static str| move || format!("request {index} {what}");
    let selector = |selector: &Selector| {
        text(of("a service"), &selector.service, limits)?;
        text(of("an operation"), &selector.operation, limits)
    };
    match request {
        Request::Spans(narrowed) | Request::Points(narrowed) | Request::Series(narrowed) => {
            selector(narrowed)
        }
        Request::Logs((narrowed, _)) => selector(narrowed),
        Request::Code(region) => text(of("a path"), &region.path, limits),
        Request::Trace(_) | Request::Operations(_) | Request::Signals(_) | Request::Changes(_) => Ok(()),
    }
}

fn check_question(question: &Question, limits: &Limits) -> Result<(), Failure> {
    let texts = question.messages.iter().map(|message| message.text.len());
    let bytes = texts.fold(question.schema.len(), usize::saturating_add);
    let most = limits.question_bytes;
    at_most(|| "a question".to_owned(), "question-bytes", "bytes", bytes, most)
}

fn check_conclusion(conclusion: &Conclusion, limits: &Limits) -> Result<(), Failure> {
    check_claims("the conclusion", &conclusion.claims, limits)?;
    let suspects = &conclusion.suspects;
    at_most(
        || "a list".to_owned(),
        "suspects",
        "suspects",
        suspects.len(),
        limits.suspects,
    )?;
    let mut sum = 0.0;
    for (index, suspect) in suspects.iter().enumerate() {
        check_suspect(index, suspect, limits)?;
        sum += suspect.probability;
    }
    if sum > 1.0 + SUM_TOLERANCE {
        return Err(Failure::Invalid {
            what: format!("suspects whose probabilities add up to {sum:.3}, which is more than 1"),
        });
    }
    let most = limits.diff_bytes;
    at_most(
        || "a diff".to_owned(),
        "diff-bytes",
        "bytes",
        conclusion.diff.len(),
        most,
    )
}

fn check_suspect(index: usize, suspect: &Suspect, limits: &Limits) -> Result<(), Failure> {
    let Suspect {
        service,
        operation,
        release,
        code,
        probability,
        claims,
    } = suspect;
    let of = |what: &'static str| move || format!("suspect {index} {what}");
    text(of("a service"), service, limits)?;
    text(of("an operation"), operation, limits)?;
    text(of("a release"), release, limits)?;
    text(of("a place in the code"), code, limits)?;
    if !(0.0..=1.0).contains(probability) {
        return Err(Failure::Invalid {
            what: format!("suspect {index} a probability of {probability}, which is not from 0 to 1"),
        });
    }
    check_claims(&format!("suspect {index}"), claims, limits)
}

fn check_claims(whose: &str, claims: &[Claim], limits: &Limits) -> Result<(), Failure> {
    let of = |what: &'static str| move || format!("{whose} {what}");
    at_most(of("a list"), "claims", "claims", claims.len(), limits.claims)?;
    for claim in claims {
        let (pieces, most) = (claim.sentence.len(), limits.fragments);
        at_most(of("a sentence"), "fragments", "fragments", pieces, most)?;
        let texts = claim.sentence.iter().map(|fragment| match fragment {
            Fragment::Text(text) => text.len(),
            Fragment::Figure(figure) => figure.evidence.len().saturating_add(figure.field.len()),
        });
        let bytes = texts.fold(0, usize::saturating_add);
        at_most(
            of("a sentence"),
            "sentence-bytes",
            "bytes",
            bytes,
            limits.sentence_bytes,
        )?;
        let (ids, most) = (claim.evidence.len(), limits.evidence);
        at_most(of("a claim"), "evidence", "pieces of evidence", ids, most)?;
        for id in &claim.evidence {
            text(of("an id of evidence"), id, limits)?;
        }
    }
    Ok(())
}
