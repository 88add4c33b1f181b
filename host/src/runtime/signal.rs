//! Signals as the contract's bindings have them, from and to those that commits hold.

use aia_telemetry as common;

use super::bindings::detector::aia::plugin::signals as wit;

/// Both ways between two types of the same name: structs whose fields are the same, lists of such, or enums. A field or case
/// that only one of them has doesn't compile.
macro_rules! same {
    (enum $name:ident { $($case:ident),* $(,)? }) => {
        same!(@enum wit::$name, common::$name { $($case),* });
        same!(@enum common::$name, wit::$name { $($case),* });
    };
    (@enum $from:path, $to:path { $($case:ident),* }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $(<$from>::$case => Self::$case,)*
                }
            }
        }
    };
    (struct $name:ident { $($plain:ident),*; $($one:ident),*; $($list:ident),* }) => {
        same!(@struct $name, wit, common { $($plain),*; $($one),*; $($list),* });
        same!(@struct $name, common, wit { $($plain),*; $($one),*; $($list),* });
    };
    (@struct $name:ident, $from:ident, $to:ident { $($plain:ident),*; $($one:ident),*; $($list:ident),* }) => {
        impl From<$from::$name> for $to::$name {
            fn from(value: $from::$name) -> Self {
                let $from::$name { $($plain,)* $($one,)* $($list,)* } = value;
                Self {
                    $($plain,)*
                    $($one: $one.into(),)*
                    $($list: $list.into_iter().map(Into::into).collect(),)*
                }
            }
        }
    };
}

same!(
    enum Severity {
        Low,
        Medium,
        High,
        Critical,
    }
);
same!(struct RowId { segment, row; ; });
same!(struct Fingerprint { version, parts; ; });
same!(struct Measure { name, unit, value, baseline; ; });
same!(struct Detail { name, value; ; });
same!(struct Signal {
    kind, title, service, operation, release, affected, start_time, end_time, count;
    severity, fingerprint;
    measures, details, evidence
});
