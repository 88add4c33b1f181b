//! Verdict and sentences.

use aia_plugin_sdk::analyst::{Claim, Conclusion, Sentence, Suspect, Verdict};

use crate::figures::Figures;
use crate::finding::{Finding, Kind};
use crate::math::float;
use crate::names::clip;
use crate::rank::Ranked;
use crate::windows::Windows;

/// Most suspects that are named.
const MAX_SUSPECTS: usize = 10;

/// Least probability of a suspect that is named.
const MIN_PROBABILITY: f64 = 0.01;

/// Log-odds below which the likeliest suspect is as good as any other.
const MIN_SCORE: f64 = 2.0;

/// Spans below which nothing can be said.
const MIN_SPANS: u64 = 20;

/// How much more traffic is by itself a reason to be slow.
const RUSH: f64 = 2.0;

/// Most claims of a suspect.
const MAX_CLAIMS: usize = 6;

/// How long a name of a suspect may be, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Concludes from the ranking.
pub(crate) fn conclude(ranked: &[Ranked], figures: [&Figures; 2], windows: &Windows) -> Conclusion {
    let verdict = verdict(ranked.first(), figures, windows);
    let likely = ranked
        .iter()
        .take(MAX_SUSPECTS)
        .filter(|ranked| ranked.probability >= MIN_PROBABILITY);
    let suspects: Vec<Suspect> = likely.map(|ranked| suspect(ranked, figures)).collect();
    let claims = match verdict {
        Verdict::NotEnoughEvidence => Vec::new(),
        Verdict::Cause | Verdict::NoCodeCause => summary(ranked, verdict, figures[0]),
    };
    Conclusion {
        verdict,
        claims,
        suspects,
        diff: String::new(),
    }
}

fn verdict(first: Option<&Ranked>, figures: [&Figures; 2], windows: &Windows) -> Verdict {
    let Some(first) = first.filter(|first| first.score >= MIN_SCORE) else {
        return Verdict::NotEnoughEvidence;
    };
    let spans = figures[0].spans();
    if spans < MIN_SPANS
        && first.weight(Kind::Resource) < MIN_SCORE
        && first.weight(Kind::Silence) < MIN_SCORE
    {
        return Verdict::NotEnoughEvidence;
    }
    // Slow work with nothing that explains it is laid to the code, unless there is a rush of requests.
    let work = if is_rush(&first.service, figures, windows) {
        0.0
    } else {
        first.weight(Kind::Work)
    };
    let code =
        first.weight(Kind::Errors) + first.weight(Kind::Behaviour) + first.weight(Kind::Release) + work;
    let other = first.weight(Kind::Resource)
        + first.weight(Kind::Network)
        + first.weight(Kind::Silence)
        + (first.weight(Kind::Work) - work);
    if other > code && first.weight(Kind::Release) <= 0.0 {
        Verdict::NoCodeCause
    } else {
        Verdict::Cause
    }
}

/// Whether a service got far more requests a second than before.
fn is_rush(service: &str, figures: [&Figures; 2], windows: &Windows) -> bool {
    let rate = |side: usize, nanos: u64| {
        let requests = figures[side]
            .services
            .get(service)
            .map_or(0, |service| service.requests);
        float(requests) / float(nanos).max(1.0)
    };
    let before = rate(1, windows.before.nanos());
    before > 0.0 && rate(0, windows.now.nanos()) > RUSH * before
}

fn suspect(ranked: &Ranked, figures: [&Figures; 2]) -> Suspect {
    let first = |get: fn(&Finding) -> &str| {
        let texts = ranked.findings.iter().map(get);
        texts
            .filter(|text| !text.is_empty())
            .map(|text| clip(text, MAX_NAME_BYTES).to_owned())
            .next()
            .unwrap_or_default()
    };
    let mut claims: Vec<Claim> = ranked
        .findings
        .iter()
        .flat_map(|finding| &finding.claims)
        .take(MAX_CLAIMS)
        .cloned()
        .collect();
    if claims.is_empty() {
        claims.extend(figures_of(&ranked.service, figures));
    }
    Suspect {
        service: ranked.service.clone(),
        operation: first(|finding| &finding.operation),
        release: first(|finding| &finding.release),
        code: code(ranked),
        probability: ranked.probability,
        claims,
    }
}

/// What its busiest operation did: for suspects of whom nothing else can be quoted.
fn figures_of(service: &str, figures: [&Figures; 2]) -> Option<Claim> {
    let now = figures[0].busiest(service)?;
    let sentence = Sentence::new()
        .text("The slowest of ")
        .figure(now, "operation")
        .text(" take ")
        .figure(now, "duration.p95");
    let sentence = match figures[1].operation(service, now.text("operation")) {
        Some(before) => sentence.text("; before it was ").figure(before, "duration.p95"),
        None => sentence,
    };
    sentence.text(".").claim()
}

/// The code that is named: that of a stack trace where an exception is at fault, else where the path turned; none where
/// something else than code is.
fn code(ranked: &Ranked) -> String {
    let of = |kind: Kind| {
        ranked
            .findings
            .iter()
            .filter(move |finding| finding.kind == kind && !finding.code.is_empty())
    };
    let stack = of(Kind::Complaint).next();
    let found = stack
        .or_else(|| of(Kind::Behaviour).next())
        .or_else(|| of(Kind::Errors).next());
    found
        .map(|finding| clip(&finding.code, MAX_NAME_BYTES).to_owned())
        .unwrap_or_default()
}

/// What the likeliest suspect's heaviest findings say, under a sentence that names it.
fn summary(ranked: &[Ranked], verdict: Verdict, now: &Figures) -> Vec<Claim> {
    let Some(first) = ranked.first() else {
        return Vec::new();
    };
    let said: Vec<&Claim> = first
        .findings
        .iter()
        .flat_map(|finding| &finding.claims)
        .take(3)
        .collect();
    let what = match (verdict, first.findings.first().map(|finding| finding.kind)) {
        (Verdict::NoCodeCause, Some(Kind::Resource)) => {
            " ran short of a resource; nothing points to its code."
        }
        (Verdict::NoCodeCause, Some(Kind::Network)) => " is slow to reach; nothing points to its code.",
        (Verdict::NoCodeCause, Some(Kind::Silence)) => " stopped answering; nothing points to its code.",
        (Verdict::NoCodeCause, _) => " got more than it can do; nothing points to its code.",
        (_, Some(Kind::Release)) => " is the likeliest cause: it was changed, and it behaves differently.",
        (_, Some(Kind::Work)) => " is the likeliest cause: its own work takes longer.",
        (_, Some(Kind::Behaviour)) => " is the likeliest cause: its code takes other ways than before.",
        _ => " is the likeliest cause: failures begin there.",
    };
    // A name may have digits, which can't stand among the words: it is quoted where it can be.
    let mut sentence = match now.busiest(&first.service) {
        Some(item) => Sentence::new().figure(item, "service"),
        None if first.service.chars().any(char::is_numeric) => Sentence::new().text("The first suspect"),
        None => Sentence::new().text(&first.service),
    };
    sentence = sentence.text(what);
    for id in said.iter().flat_map(|claim| &claim.evidence) {
        sentence = sentence.evidence_id(id);
    }
    sentence
        .claim()
        .into_iter()
        .chain(said.into_iter().cloned())
        .collect()
}
