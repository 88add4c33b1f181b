//! How far groups and templates agree with labels.

use std::collections::BTreeMap;

use serde::Serialize;

use super::float;

/// How far they agree: shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Lines whose group has exactly the lines that its label has (GA, Zhu et al. 2019).
    pub grouping_accuracy: f64,
    /// Of the groups that have exactly the lines of a label, their share in those found and in those labelled, as a
    /// harmonic mean (FGA, Jiang et al. 2024): statements that write seldom count as much as those that write often.
    pub grouping_f1: f64,
    /// The same of the templates that say what the label says, of groups whose lines all have that label (FTA, Khan et
    /// al. 2022, Jiang et al. 2024).
    pub template_accuracy: f64,
    /// Lines whose template says what the label says (PA, Dai et al. 2020).
    pub parsing_accuracy: f64,
}

/// Scores groups and templates, found and labelled, line by line.
#[must_use]
pub fn score(found: &[(u64, String)], labelled: &[(&str, &str)]) -> Scores {
    let lines = found.len().min(labelled.len());
    let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut labels: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (line, ((group, _), (label, _))) in found.iter().zip(labelled).enumerate() {
        groups.entry(*group).or_default().push(line);
        labels.entry(label).or_default().push(line);
    }
    let (mut same_lines, mut same_groups, mut same_templates) = (0, 0, 0);
    let mut parsed = 0;
    for members in groups.values() {
        let Some((Some((_, text)), Some((label, template)))) = members
            .first()
            .map(|first| (found.get(*first), labelled.get(*first)))
        else {
            continue;
        };
        if labels.get(label) == Some(members) {
            same_lines += members.len();
            same_groups += 1;
        }
        let says = normalise(text);
        let is_one = members
            .iter()
            .all(|line| labelled.get(*line).is_some_and(|(other, _)| other == label));
        same_templates += usize::from(is_one && says == normalise(template));
        parsed += members
            .iter()
            .filter(|line| {
                labelled
                    .get(**line)
                    .is_some_and(|(_, template)| normalise(template) == says)
            })
            .count();
    }
    Scores {
        grouping_accuracy: float(same_lines) / float(lines.max(1)),
        grouping_f1: f1(same_groups, groups.len(), labels.len()),
        template_accuracy: f1(same_templates, groups.len(), labels.len()),
        parsing_accuracy: float(parsed) / float(lines.max(1)),
    }
}

/// The harmonic mean of the shares in both.
fn f1(same: usize, found: usize, labelled: usize) -> f64 {
    2.0 * float(same) / float((found + labelled).max(1))
}

/// A template in the form in which it is compared: spaces count once, and variables that only separators stand between
/// are one, since whether `10.0.0.1:80` is two variables or five is a matter of taste.
#[must_use]
pub fn normalise(template: &str) -> String {
    const SEPARATORS: [&str; 12] = ["", " ", ":", ".", "-", ",", ", ", "/", "#", "##", "|", ";"];
    let mut text = template.split_whitespace().collect::<Vec<_>>().join(" ");
    loop {
        let shorter = SEPARATORS.iter().fold(text.clone(), |text, separator| {
            text.replace(&format!("<*>{separator}<*>"), "<*>")
        });
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(groups: &[(u64, &str)]) -> Vec<(u64, String)> {
        groups
            .iter()
            .map(|(id, text)| (*id, (*text).to_owned()))
            .collect()
    }

    /// Six lines of three statements: `a` is found as it is, `b` is split, `c` is alone.
    #[test]
    fn by_hand() {
        let labelled = [
            ("E1", "a <*>"),
            ("E1", "a <*>"),
            ("E2", "b <*>"),
            ("E2", "b <*>"),
            ("E2", "b <*>"),
            ("E3", "c"),
        ];
        let groups = found(&[
            (1, "a <*>"),
            (1, "a <*>"),
            (2, "b x"),
            (2, "b x"),
            (3, "b <*>"),
            (4, "c d"),
        ]);
        let scores = score(&groups, &labelled);
        // Lines 1, 2 and 6 of six.
        assert_eq!(scores.grouping_accuracy, 0.5);
        // Two groups are right, of four found and three labelled: precision 1/2, recall 2/3.
        assert!((scores.grouping_f1 - 4.0 / 7.0).abs() < 1e-12);
        // `a <*>`, and the third line of `b`.
        assert!((scores.template_accuracy - 4.0 / 7.0).abs() < 1e-12);
        assert_eq!(scores.parsing_accuracy, 0.5);
    }

    #[test]
    fn groups_that_mix_labels_are_wrong() {
        let labelled = [("E1", "a"), ("E2", "b"), ("E2", "b"), ("E3", "c")];
        let scores = score(&found(&[(1, "a"), (1, "a"), (1, "a"), (2, "c")]), &labelled);
        assert_eq!(scores.grouping_accuracy, 0.25);
        // One of two found, one of three labelled.
        assert_eq!(scores.grouping_f1, 0.4);
        assert_eq!(scores.template_accuracy, 0.4);
        assert_eq!(scores.parsing_accuracy, 0.5);
    }

    #[test]
    fn all_right_is_one_and_nothing_is_none() {
        let labelled = [("E1", "at  <*>:<*> <*>.<*>")];
        let scores = score(&found(&[(9, "at <*>")]), &labelled);
        assert_eq!(scores.grouping_accuracy, 1.0);
        assert_eq!(scores.template_accuracy, 1.0);
        assert_eq!(score(&[], &[]).grouping_accuracy, 0.0);
    }
}
