//! The manifest, and what is done wrong when it is asked for.

use std::hint::black_box;

use aia_plugin_sdk::{Limits, Manifest};

use crate::deeds;

/// The word in the file that decides what `describe` does.
static WORD: [u8; 26] = *b"aia-evil-describe=behave__";

/// What `describe` does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Description {
    /// Nothing wrong.
    Behave,
    /// Never ends.
    Loop,
    /// Panics.
    Trap,
    /// Allocates for ever.
    Allocate,
    /// Gives a name that isn't allowed.
    BadName,
    /// Asks for less than the host would give.
    Modest,
    /// Asks for more than any host gives.
    Greedy,
}

impl Description {
    /// The good one last: whoever replaces its word in the file may replace it in [`Description::word`], too.
    const ALL: [Self; 7] = [
        Self::Loop,
        Self::Trap,
        Self::Allocate,
        Self::BadName,
        Self::Modest,
        Self::Greedy,
        Self::Behave,
    ];

    /// The word that has this plugin do it, always of one length: replace that of [`Description::Behave`] with it.
    #[must_use]
    pub fn word(self) -> &'static [u8; 26] {
        match self {
            Self::Behave => b"aia-evil-describe=behave__",
            Self::Loop => b"aia-evil-describe=loop____",
            Self::Trap => b"aia-evil-describe=trap____",
            Self::Allocate => b"aia-evil-describe=allocate",
            Self::BadName => b"aia-evil-describe=bad-name",
            Self::Modest => b"aia-evil-describe=modest__",
            Self::Greedy => b"aia-evil-describe=greedy__",
        }
    }
}

/// The manifest.
pub(crate) fn manifest() -> Manifest {
    let manifest = Manifest::new("evil", env!("CARGO_PKG_VERSION"), "Misbehaves, for tests")
        .signal("evil.deed", "It was asked to give a signal.");
    // The compiler must not know the word, or it would leave out what the word doesn't ask for.
    let word = black_box(&WORD);
    match Description::ALL
        .into_iter()
        .find(|description| description.word() == word)
    {
        Some(Description::Loop) => deeds::run_for_ever(),
        Some(Description::Trap) => deeds::trap("describe"),
        Some(Description::Allocate) => deeds::allocate_for_ever(),
        Some(Description::BadName) => Manifest {
            name: "Evil!".to_owned(),
            ..manifest
        },
        Some(Description::Modest) => manifest.limits(Limits {
            memory: 8 << 20,
            call_time: 50,
            snapshot: 1_000,
        }),
        Some(Description::Greedy) => manifest.limits(Limits {
            memory: u64::MAX,
            call_time: u32::MAX,
            snapshot: u32::MAX,
        }),
        Some(Description::Behave) | None => manifest,
    }
}
