//! Numbers, durations and moments as people read them, the same in every format.
//!
//! What has a unit in it has text of strangers in it and is still to be encoded.

use std::fmt::Write as _;

use aia_plugin_sdk::Time;
use aia_plugin_sdk::reporter::TimeRange;

const SECOND: f64 = 1e9;

/// A value with its UCUM unit: durations and sizes in the size that fits, annotations such as `{request}` in words.
pub(crate) fn figure(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return plain(value);
    }
    match unit {
        "" | "1" => plain(value),
        "%" => format!("{} %", plain(value)),
        "min" => duration(value * 60.0 * SECOND),
        "s" => duration(value * SECOND),
        "ms" => duration(value * 1e6),
        "us" | "µs" => duration(value * 1e3),
        "ns" => duration(value),
        "By" => bytes(value),
        unit => format!("{} {}", plain(value), unit.replace(['{', '}'], "")),
    }
}

/// A number with four significant digits, whole ones in full, thousands apart.
pub(crate) fn plain(value: f64) -> String {
    if value.is_nan() {
        return "unknown".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-6..1e15).contains(&size) {
        return format!("{value:.3e}").replace('-', "−");
    }
    let decimals = if size == size.trunc() || size >= 1_000.0 {
        0
    } else {
        // 0.001 has its first digit at the third place.
        let zeros = (0..6).take_while(|place| size < 10f64.powi(-place)).count();
        let digits = [1.0, 10.0, 100.0].iter().filter(|power| size >= **power).count();
        if zeros > 0 { zeros + 3 } else { 4 - digits }
    };
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value < 0.0 {
        out.push('−');
    }
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        let _ = write!(out, ".{fraction}");
    }
    out
}

/// Three significant digits, without zeros at the end.
fn three(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}").replace('-', "−");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Nanoseconds in the unit that fits: `1.31 s`, `20 ms`, `2 min 5 s`.
pub(crate) fn duration(nanos: f64) -> String {
    let size = nanos.abs();
    if !nanos.is_finite() || size >= 1e24 {
        return format!("{} s", plain(nanos / SECOND));
    }
    if size == 0.0 {
        return "0 s".to_owned();
    }
    for (below, unit, per) in [
        (999.5, "ns", 1.0),
        (999.5e3, "µs", 1e3),
        (999.5e6, "ms", 1e6),
        (119.5 * SECOND, "s", SECOND),
    ] {
        if size < below {
            return format!("{} {unit}", three(nanos / per));
        }
    }
    let seconds = (size / SECOND).round();
    let sign = if nanos < 0.0 { "−" } else { "" };
    let (large, large_unit, small, small_unit) = if seconds < 3600.0 * 2.0 {
        ((seconds / 60.0).floor(), "min", seconds % 60.0, "s")
    } else if seconds < 86_400.0 * 2.0 {
        (
            (seconds / 3600.0).floor(),
            "h",
            (seconds % 3600.0 / 60.0).floor(),
            "min",
        )
    } else {
        (
            (seconds / 86_400.0).floor(),
            "d",
            (seconds % 86_400.0 / 3600.0).floor(),
            "h",
        )
    };
    if small == 0.0 {
        format!("{sign}{large:.0} {large_unit}")
    } else {
        format!("{sign}{large:.0} {large_unit} {small:.0} {small_unit}")
    }
}

fn bytes(value: f64) -> String {
    let mut size = value;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if size.abs() < 1024.0 || unit == "TiB" {
            return format!("{} {unit}", plain_short(size));
        }
        size /= 1024.0;
    }
    plain(value)
}

fn plain_short(value: f64) -> String {
    if value.abs() >= 1e4 {
        plain(value)
    } else {
        three(value)
    }
}

/// A probability in percent; what is none is a dash.
pub(crate) fn percent(probability: f64) -> String {
    if probability.is_nan() {
        return "–".to_owned();
    }
    let value = probability.clamp(0.0, 1.0) * 100.0;
    if value > 0.0 && value < 1.0 {
        "< 1 %".to_owned()
    } else {
        format!("{value:.0} %")
    }
}

/// How a value differs from what it usually is: `×12`, `+35 %`; empty where that says nothing.
pub(crate) fn change(value: f64, usual: f64) -> String {
    if !value.is_finite() || !usual.is_finite() || value == usual {
        return String::new();
    }
    if usual == 0.0 {
        return "was 0".to_owned();
    }
    let ratio = value / usual;
    if ratio >= 2.0 {
        return format!("×{}", plain_short(ratio));
    }
    let percent = (ratio - 1.0) * 100.0;
    if ratio < 0.0 || percent.abs() < 0.5 {
        return String::new();
    }
    let sign = if percent > 0.0 { "+" } else { "−" };
    format!("{sign}{:.0} %", percent.abs())
}

/// A moment as date and time of day in UTC, to the millisecond: `2023-11-14 22:13:20.5`.
pub(crate) fn moment(nanos: u64) -> String {
    if nanos == 0 {
        return "unknown".to_owned();
    }
    let millis = nanos - nanos % 1_000_000;
    let text = Time::from_nanos(millis.max(1)).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

/// The time of day alone.
pub(crate) fn clock(nanos: u64) -> String {
    let moment = moment(nanos);
    moment
        .split_once(' ')
        .map_or(moment.clone(), |(_, clock)| clock.to_owned())
}

/// The date alone.
pub(crate) fn date(nanos: u64) -> String {
    let moment = moment(nanos);
    moment
        .split_once(' ')
        .map_or(moment.clone(), |(date, _)| date.to_owned())
}

/// From when to when, the date once where it is the same.
pub(crate) fn range(during: TimeRange) -> String {
    let (start, end) = (moment(during.start), moment(during.end));
    if during.end <= during.start {
        return format!("{start} UTC");
    }
    if date(during.start) == date(during.end) {
        return format!("{start} – {} UTC", clock(during.end));
    }
    format!("{start} – {end} UTC")
}

/// How long a time range is; empty if it is a moment.
pub(crate) fn length(during: TimeRange) -> String {
    match during.end.saturating_sub(during.start) {
        0 => String::new(),
        nanos => duration(nanos as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_keep_their_size() {
        let cases = [
            (0.4, "{error}/s", "0.4 error/s"),
            (1.0 / 3.0, "1", "0.3333"),
            (1.31, "s", "1.31 s"),
            (0.0204, "s", "20.4 ms"),
            (999.6, "ms", "1 s"),
            (125.0, "s", "2 min 5 s"),
            (1e4, "s", "2 h 46 min"),
            (1e6, "s", "11 d 13 h"),
            (0.0, "s", "0 s"),
            (1_234_567.0, "", "1,234,567"),
            (1_234.56, "", "1,235"),
            (12.345_678, "", "12.35"),
            (0.001_234_56, "", "0.001235"),
            (-0.5, "1", "−0.5"),
            (1e-9, "1", "1.000e−9"),
            (1e300, "1", "1.000e300"),
            (1536.0, "By", "1.5 KiB"),
            (99.5, "%", "99.5 %"),
            (f64::NAN, "s", "unknown"),
            (f64::INFINITY, "s", "∞"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(figure(value, unit), expected, "{value} {unit}");
        }
    }

    #[test]
    fn changes_say_how_much() {
        assert_eq!(change(12.0, 1.0), "×12");
        assert_eq!(change(1.35, 1.0), "+35 %");
        assert_eq!(change(0.5, 1.0), "−50 %");
        assert_eq!(change(1.0, 0.0), "was 0");
        assert_eq!(change(1.0, 1.0), "");
        assert_eq!(change(f64::NAN, 1.0), "");
    }

    #[test]
    fn percents_are_of_probabilities() {
        let cases = [
            (0.72, "72 %"),
            (0.001, "< 1 %"),
            (7.0, "100 %"),
            (-1.0, "0 %"),
            (f64::NAN, "–"),
        ];
        for (value, expected) in cases {
            assert_eq!(percent(value), expected);
        }
    }

    #[test]
    fn ranges_name_the_date_once() {
        let start = 1_700_000_000_000_000_000;
        let range_of = |end| range(TimeRange { start, end });
        assert_eq!(
            range_of(start + 30_500_000_000),
            "2023-11-14 22:13:20 – 22:13:50.5 UTC"
        );
        assert_eq!(range_of(start), "2023-11-14 22:13:20 UTC");
        assert_eq!(
            range_of(start + 7_200_000_000_000),
            "2023-11-14 22:13:20 – 2023-11-15 00:13:20 UTC"
        );
        assert_eq!(moment(0), "unknown");
        assert!(moment(u64::MAX).starts_with("2554-"));
    }
}
