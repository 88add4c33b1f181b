//! The answers of S3 to listings: XML, read by a parser that expands no entities of its own.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::bucket::{Listed, Page};

/// Longest reason of a refusal that is shown.
const MAX_REASON: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
    encoding_type: Option<String>,
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    #[serde(default)]
    size: u64,
    last_modified: Option<String>,
    #[serde(rename = "ETag")]
    tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

/// Reads a page; says what is wrong with one that can't be read.
pub(super) fn parse(body: &[u8]) -> Result<Page, String> {
    let answer: Answer = quick_xml::de::from_reader(body).map_err(|error| error.to_string())?;
    let is_encoded = answer.encoding_type.as_deref() == Some("url");
    let key = |key: String| {
        if is_encoded {
            // A key that isn't UTF-8 behind this is one that nobody asks for.
            percent_decode_str(&key).decode_utf8_lossy().into_owned()
        } else {
            key
        }
    };
    let objects = answer.contents.into_iter().map(|contents| Listed {
        key: key(contents.key),
        size: contents.size,
        tag: contents.tag.unwrap_or_default(),
        modified: contents
            .last_modified
            .and_then(|time| time.parse::<jiff::Timestamp>().ok())
            .and_then(|time| u64::try_from(time.as_nanosecond()).ok())
            .unwrap_or(0),
    });
    let next = match (answer.is_truncated, answer.next_continuation_token) {
        (true, Some(next)) => Some(next),
        (true, None) => return Err("a page that isn't the last names no next one".to_owned()),
        (false, _) => None,
    };
    Ok(Page {
        objects: objects.collect(),
        folders: answer
            .common_prefixes
            .into_iter()
            .map(|common| key(common.prefix))
            .collect(),
        next,
    })
}

/// What a refused request is told, on one line.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_REASON)
        .collect();
    format!("{status}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_all_its_odd_keys() {
        let page = parse(
            br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
            <EncodingType>url</EncodingType><KeyCount>3</KeyCount><IsTruncated>true</IsTruncated>
            <NextContinuationToken>next/=</NextContinuationToken>
            <Contents><Key>segments/a/b//c%0A</Key><LastModified>2026-08-01T10:20:30.000Z</LastModified>
              <ETag>&quot;abc&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
            <CommonPrefixes><Prefix>segments/..%2F/</Prefix></CommonPrefixes>
            <Contents><Key>segments/%E2%80%AE</Key><Size>0</Size></Contents></ListBucketResult>"#,
        )
        .unwrap();
        let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["segments/a/b//c\n", "segments/\u{202e}"]);
        assert_eq!(page.objects[0].tag, "\"abc\"");
        assert_eq!(
            (page.objects[0].size, page.objects[0].modified),
            (12, 1_785_579_630_000_000_000)
        );
        assert_eq!(page.folders, ["segments/..//"]);
        assert_eq!(page.next.as_deref(), Some("next/="));
    }

    #[test]
    fn what_is_no_listing_is_an_error() {
        for bad in [
            &b""[..],
            b"<html>",
            b"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            b"<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>",
            b"\xff\xfe",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(parse(b"<ListBucketResult/>"), Ok(Page::default()));
    }

    #[test]
    fn a_refusal_is_one_line() {
        let told = refusal(StatusCode::FORBIDDEN, b"<Code>AccessDenied</Code>\n\x1b[31m");
        assert_eq!(told, "403 Forbidden: <Code>AccessDenied</Code>[31m");
    }
}
