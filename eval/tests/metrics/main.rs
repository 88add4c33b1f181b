//! Measuring detectors of metrics on folders: the set in the repository, and folders that are wrong.

use std::fs;
use std::path::{Path, PathBuf};

use aia_eval::metrics::{Alarms, Corpus, Error, File, evaluate, run};

fn set() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/metrics")
}

/// A detector that alarms at these rows of `shift.csv`.
fn alarms_at(rows: &'static [usize]) -> impl FnMut(&File) -> Alarms {
    move |file| {
        let is_alarm = |row| file.name == "made/shift.csv" && rows.contains(&row);
        let alarms: Vec<bool> = (0..file.rows.len()).map(is_alarm).collect();
        Alarms {
            scores: alarms.iter().map(|alarm| f64::from(u8::from(*alarm))).collect(),
            alarms,
        }
    }
}

#[test]
fn the_product_finds_what_it_should() {
    let report = run(&set()).unwrap();
    assert_eq!((report.total.windows, report.total.found), (1, 1));
    assert!(report.total.false_alarms <= 1, "{report}");
    // The shift begins 60 rows into the window of 150: position -0.6, worth 0.917.
    let standard = &report.profiles[0];
    assert!((94.0..=96.0).contains(&standard.score), "{report}");
    assert_eq!(report.total.mean_delay_seconds(), Some(60.0 * 300.0), "{report}");
}

#[test]
fn scores_are_what_one_computes_by_hand() {
    let corpus = Corpus::read(&set()).unwrap();
    let score = |rows| evaluate(&corpus, alarms_at(rows)).profiles[0].score;
    // Silence, perfection, and one false alarm before any window beside it.
    assert!(score(&[]).abs() < 1e-9);
    assert!((score(&[940]) - 100.0).abs() < 1e-9);
    assert!((score(&[500, 940]) - (100.0 - 5.5)).abs() < 1e-9);
    let shipped = evaluate(&corpus, alarms_at(&[500, 940])).total;
    assert_eq!((shipped.precision(), shipped.recall()), (Some(0.5), Some(1.0)));
}

#[test]
fn reports_are_tables_and_json() {
    let report = run(&set()).unwrap();
    let table = report.to_string();
    for word in [
        "made/shift.csv",
        "total",
        "reward_low_FP_rate",
        "false alarms a day",
    ] {
        assert!(table.contains(word), "{table}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    report.write_json(&path).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["profiles"][0]["profile"]["name"], "standard");
    assert_eq!(json["files"][1]["name"], "made/shift.csv");
    let missing = folder.path().join("none/report.json");
    assert!(matches!(report.write_json(&missing), Err(Error::Write { .. })));
}

#[expect(clippy::unwrap_used, reason = "a test's own folder can be written")]
/// What reading a folder with this table and these labels fails with.
fn refusal(table: &str, labels: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    fs::create_dir_all(folder.path().join("labels")).unwrap();
    fs::write(folder.path().join("data/a.csv"), table).unwrap();
    fs::write(folder.path().join("labels/combined_windows.json"), labels).unwrap();
    let error = Corpus::read(folder.path()).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let good = "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,2\n";
    let expected = "expected `2014-04-01 00:05:00,20.5`, in the order of time";
    assert_eq!(
        refusal("timestamp,value\nsoon,1\n", "{}"),
        format!("data/a.csv: line 2: `soon` isn't a time; {expected}")
    );
    assert_eq!(
        refusal(&good.replace(",2\n", ",two\n"), "{}"),
        format!("data/a.csv: line 3: `two` isn't a number; {expected}")
    );
    assert_eq!(
        refusal(&good.replace("2014-04-01 00:00", "2015-04-01 00:00"), "{}"),
        format!("data/a.csv: line 3: is earlier than the line before; {expected}")
    );
    assert_eq!(
        refusal(good, r#"{"b.csv": []}"#),
        "labels/combined_windows.json: labels a file `b.csv` that isn't in `data/`; fetch it or remove its label"
    );
    assert_eq!(
        refusal(
            good,
            r#"{"a.csv": [["2013-01-01 00:00:00", "2013-01-02 00:00:00"]]}"#
        ),
        "labels/combined_windows.json: window 1 of `a.csv`: has no row; correct it or leave it out"
    );
    assert!(refusal(good, "[").starts_with("labels/combined_windows.json: not labels; expected "));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Corpus::read(empty.path()), Err(Error::Read { .. })));
    fs::create_dir(empty.path().join("data")).unwrap();
    assert!(matches!(Corpus::read(empty.path()), Err(Error::Empty { .. })));
}
