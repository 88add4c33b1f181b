//! The sets of our own making, and folders that are no sets.

use std::fs;
use std::path::Path;

use aia_eval::logs::{Error, Report, evaluate};

fn own() -> Result<Report, Error> {
    evaluate(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/logs"))
}

#[test]
fn bakers_are_told_from_doors() {
    let report = own().unwrap();
    let bakery = &report.systems[0];
    assert_eq!(
        (bakery.name.as_str(), bakery.lines, bakery.labelled),
        ("Bakery", 80, 5)
    );
    // Ten bakers are a variable, two states of a door are not.
    assert_eq!((bakery.found, bakery.scores.grouping_accuracy), (5, 1.0));
}

#[test]
fn lists_paths_and_texts_in_quotes_are_variables() {
    let report = own().unwrap();
    let ferry = &report.systems[1];
    assert_eq!(
        (ferry.lines, ferry.found, ferry.scores.grouping_f1),
        (100, 5, 1.0)
    );
}

#[test]
fn two_names_are_too_few_to_tell() {
    let report = own().unwrap();
    let observatory = &report.systems[2];
    // `calibrated on Vega` and `calibrated on Rigel` are 20 of 80 lines, and two groups of four instead of one of three.
    assert_eq!(observatory.found, 4);
    assert_eq!(observatory.scores.grouping_accuracy, 0.75);
    assert!((observatory.scores.grouping_f1 - 4.0 / 7.0).abs() < 1e-12);
    assert!((report.average.grouping_accuracy - 2.75 / 3.0).abs() < 1e-12);
}

#[test]
fn the_report_is_a_table_and_json() {
    let report = own().unwrap();
    let table = report.to_string();
    assert!(
        table.contains("Observatory") && table.contains("average"),
        "{table}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["systems"][0]["grouping_accuracy"], 1.0);
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(evaluate(folder.path()), Err(Error::Nothing { .. })));
    assert!(matches!(
        evaluate(&folder.path().join("gone")),
        Err(Error::Folder { .. })
    ));
    let system = folder.path().join("Mill");
    fs::create_dir(&system).unwrap();
    let file = system.join("Mill_2k.log_structured.csv");
    fs::write(&file, "LineId,Content,EventTemplate\n1,a,a\n").unwrap();
    let error = evaluate(folder.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}:1: there is no column `EventId`; the first line has to name LineId, Content, EventId and EventTemplate",
            file.display()
        )
    );
    fs::write(
        &file,
        b"LineId,Content,EventId,EventTemplate\n1,a,E1,a\n2,\xff,E1,a\n",
    )
    .unwrap();
    assert!(matches!(evaluate(folder.path()), Err(Error::Row { line: 3, .. })));
}
