//! Values of settings: how sizes, times and the rest are read, and what is said when one doesn't fit.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use toml::de::DeValue;

/// A value as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    /// From the environment or the command line, where everything is text.
    Text(&'a str),
    /// From a file, where values have types.
    Toml(&'a DeValue<'a>),
}

/// What would have been right, to be read behind "must be".
pub(super) type Expected = String;

const SIZE_UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

impl Raw<'_> {
    /// The value for a message: what it is and what it says.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Text(text) => format!("`{text}`"),
            Self::Toml(DeValue::String(text)) => format!("the string \"{text}\""),
            Self::Toml(DeValue::Integer(number)) => format!("the integer {number}"),
            Self::Toml(DeValue::Float(number)) => format!("the float {number}"),
            Self::Toml(DeValue::Boolean(value)) => format!("the boolean {value}"),
            Self::Toml(DeValue::Datetime(time)) => format!("the date-time {time}"),
            Self::Toml(DeValue::Array(_)) => "an array".to_owned(),
            Self::Toml(DeValue::Table(_)) => "a table".to_owned(),
        }
    }

    /// The value as plain text, to be shown as the setting in effect.
    pub(super) fn plain(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::Toml(DeValue::String(text)) => text.clone().into_owned(),
            Self::Toml(DeValue::Integer(number)) => number.to_string(),
            Self::Toml(DeValue::Boolean(value)) => value.to_string(),
            Self::Toml(_) => self.describe(),
        }
    }

    fn string(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Toml(value) => value.as_str(),
        }
    }

    fn integer(self) -> Option<u64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Toml(value) => {
                let number = value.as_integer()?;
                u64::from_str_radix(number.as_str(), number.radix()).ok()
            }
        }
    }

    /// Some text.
    pub(super) fn text(self) -> Result<String, Expected> {
        let text = self.string().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| "a text".to_owned())
    }

    /// Some text, or none.
    pub(super) fn optional_text(self) -> Result<Option<String>, Expected> {
        let text = self.string().ok_or("a text, or \"\" for none")?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The bucket of `s3://bucket`, or nothing.
    pub(super) fn bucket(self) -> Result<Option<String>, Expected> {
        let expected = "\"s3://bucket\", without a folder, or \"\" for none";
        let Some(url) = self.url(&["s3://"], expected)? else {
            return Ok(None);
        };
        let bucket = url.trim_start_matches("s3://").trim_end_matches('/');
        let is_name = bucket
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-._".contains(character));
        if is_name && !bucket.is_empty() {
            Ok(Some(bucket.to_owned()))
        } else {
            Err(expected.to_owned())
        }
    }

    /// `s3://bucket/prefix`, or nothing.
    pub(super) fn bucket_url(self) -> Result<Option<String>, Expected> {
        self.url(
            &["s3://"],
            "\"s3://bucket/prefix\", or \"\" for files in the data folder",
        )
    }

    /// `https://…`, or nothing.
    pub(super) fn web_url(self) -> Result<Option<String>, Expected> {
        self.url(
            &["https://", "http://"],
            "a URL that begins with https:// or http://, or \"\"",
        )
    }

    fn url(self, schemes: &[&str], expected: &str) -> Result<Option<String>, Expected> {
        match self.string() {
            Some("") => Ok(None),
            Some(url)
                if schemes.iter().any(|scheme| {
                    url.strip_prefix(scheme)
                        .is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty())
                }) =>
            {
                Ok(Some(url.to_owned()))
            }
            _ => Err(expected.to_owned()),
        }
    }

    /// A folder or file.
    pub(super) fn path(self) -> Result<PathBuf, Expected> {
        let text = self.string().filter(|text| !text.is_empty());
        text.map(PathBuf::from).ok_or_else(|| "a path".to_owned())
    }

    /// A folder or file, or nothing.
    pub(super) fn optional_path(self) -> Result<Option<PathBuf>, Expected> {
        let text = self.string().ok_or("a path, or \"\" for none")?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    /// An IP address and a port.
    pub(super) fn address(self) -> Result<SocketAddr, Expected> {
        let text = self.string().map(|text| text.replace("localhost:", "127.0.0.1:"));
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            "an IP address and a port, such as \"127.0.0.1:4318\" or \"[::1]:4318\"".to_owned()
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(self) -> Result<bool, Expected> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Toml(value) => value.as_bool(),
        }
        .ok_or_else(|| "true or false".to_owned())
    }

    /// A whole number from `least` to `most`.
    pub(super) fn count(self, least: usize, most: usize) -> Result<usize, Expected> {
        let number = self.integer().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("a whole number from {least} to {most}"))
    }

    /// A size in bytes from `least` to `most`: `67108864` or `"64 MiB"`.
    pub(super) fn size(self, least: u64, most: u64) -> Result<usize, Expected> {
        let written = self.integer().or_else(|| with_unit(self.string()?, &SIZE_UNITS));
        written
            .filter(|size| (least..=most).contains(size))
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| {
                format!(
                    "a size from {} to {}, such as \"8 MiB\"",
                    show_size(least),
                    show_size(most)
                )
            })
    }

    /// A time from `least` to `most`: `"30 s"`.
    pub(super) fn duration(self, least: Duration, most: Duration) -> Result<Duration, Expected> {
        let written = self
            .string()
            .and_then(|text| with_unit(text, &TIME_UNITS))
            .map(Duration::from_millis);
        written
            .filter(|time| (least..=most).contains(time))
            .ok_or_else(|| {
                format!("a time from {least:?} to {most:?} with its unit, such as \"500 ms\" or \"30 s\"")
            })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(self, choices: &[(&str, T)]) -> Result<T, Expected> {
        let text = self.string();
        choices
            .iter()
            .find(|(name, _)| Some(*name) == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                names.join(" or ")
            })
    }

    /// Directives that say what is logged.
    pub(super) fn log_level(self) -> Result<String, Expected> {
        let text = self
            .string()
            .filter(|text| !text.is_empty() && text.parse::<tracing_subscriber::filter::EnvFilter>().is_ok());
        text.map(ToOwned::to_owned).ok_or_else(|| {
            "a level (\"error\", \"warn\", \"info\", \"debug\", \"trace\", \"off\") or directives such as \
             \"info,aia::ingest=debug\""
                .to_owned()
        })
    }
}

/// A whole number and its unit, with or without a space between.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show_size(bytes: u64) -> String {
    let unit = SIZE_UNITS
        .iter()
        .filter(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    match unit.max_by_key(|(_, factor)| *factor) {
        Some((name, factor)) => format!("{} {name}", bytes / factor),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let size = |text| Raw::Text(text).size(1, 1 << 40);
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("8KiB"), Ok(8 << 10));
        assert_eq!(size("12"), Ok(12));
        for bad in [
            "",
            "MiB",
            "1 MB",
            "-1",
            "1.5 MiB",
            "99999999999999999999 GiB",
            "18446744073709551615 GiB",
            "0",
        ] {
            assert_eq!(
                size(bad),
                Err("a size from 1 B to 1024 GiB, such as \"8 MiB\"".to_owned()),
                "{bad}"
            );
        }
    }

    #[test]
    fn times_need_units() {
        let time = |text| Raw::Text(text).duration(Duration::from_millis(1), Duration::from_secs(3600));
        assert_eq!(time("500 ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2min"), Ok(Duration::from_secs(120)));
        for bad in ["", "30", "2 h", "1 day", "0 s"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_in_files_may_be_hexadecimal() {
        let value = DeValue::parse("0x10_00").unwrap();
        assert_eq!(Raw::Toml(value.get_ref()).size(1, 1 << 40), Ok(4096));
    }

    #[test]
    fn localhost_is_an_address() {
        assert_eq!(
            Raw::Text("localhost:0").address(),
            Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
        );
        assert!(Raw::Text("example.com:80").address().is_err());
    }
}
