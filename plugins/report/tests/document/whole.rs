//! A whole document.

use aia_plugin_report::Markdown;
use aia_plugin_sdk::Reporter;

use crate::report::report;

#[test]
fn a_whole_document() {
    let document =
        Markdown::render(&report(&str::to_owned), "text/markdown", "for jane, 2023-11-14").unwrap();
    assert_eq!(document.media_type, "text/markdown; charset=utf-8");
    insta::assert_snapshot!(String::from_utf8(document.bytes).unwrap(), @r#"
# CardDeclined in payment \(POST /charge\): card 4711 declined

*for jane, 2023-11-14*

| | |
|---|---|
| Incident | inc-1 |
| State | open |
| Severity | high |
| Service | payment |
| Operation | POST /charge |
| Release | 1.1 |
| Also affected | gateway, orders |
| Time | 2023-11-14T22:13:20Z – 2023-11-14T22:13:50Z |

## Summary

- payment fails since release 1.1. [E1](#e1) [E2](#e2)
- orders passes it on. [E2](#e2)

## Signals

| # | Severity | Signal | Where | Time | Count | Figures | Evidence |
|--:|---|---|---|---|--:|---|---|
| 1 | high | CardDeclined in payment (errors.exception, errors) | payment, POST /charge, 1.1 | 2023-11-14T22:13:20Z – 2023-11-14T22:13:50Z | 12 | errors.rate 0.4 \{error\}/s, usually 0; errors.share 0.3333 | [E1](#e1) [E2](#e2) |

### Signal 1

- exception.type: com.shop.CardDeclined

exception.stacktrace:

```text
com.shop.CardDeclined: card 4711 declined
	at com.shop.Cards.charge(Cards.java:88)
```

## Timeline

| Time | Event | | Evidence |
|---|---|---|---|
| 2023-11-14T22:13:20Z | opened | by a signal of errors | [E1](#e1) [E2](#e2) |
| 2023-11-14T22:13:20.5Z | acknowledged | by jane&#64;example.com |  |

## Evidence

### E1

| | |
|---|---|
| id | ev-1-1 |
| kind | span |
| title | POST /charge |
| time | 2023-11-14T22:13:21Z |
| service | payment |
| trace | 4bf92f3577b34da6a3ce929d0e0e4736 |
| span | 00f067aa0ba902b7 |
| duration | 20 ms |

body:

```text
first line
second line
```

### E2

| | |
|---|---|
| id | ev-1-2 |
| kind | log |
| title | POST /charge |
| time | 2023-11-14T22:13:21Z |
| service | payment |
| trace | 4bf92f3577b34da6a3ce929d0e0e4736 |
| span | 00f067aa0ba902b7 |
| duration | 20 ms |

body:

```text
first line
second line
```

---

AIA, as of 2023-11-14T22:14:20Z. for jane, 2023-11-14
"#);
}
