//! The numbers by which a project's sessions are run, with their reasons.

const SECOND: u64 = 1_000_000_000;

/// How sessions are run. Times are in nanoseconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// What was consumed is committed after this time even if nothing was found. Default 10 s.
    ///
    /// A put is the most expensive thing at the edge: every second would be 2.6 million a month for each plugin.
    pub commit_after: u64,
    /// In silence, time that has passed is committed after this. Default 60 s: the host resolves incidents by it.
    pub silence_commit_after: u64,
    /// A commit has a snapshot after so much time of the data. Default 30 s.
    pub snapshot_after: u64,
    /// … or so many segments. Default 1,024: a commit that names as many has 35 KiB.
    pub snapshot_segments: u64,
    /// … or so many rows. Default 262,144, which take some 200 ms to read again.
    pub snapshot_rows: u64,
    /// A project that sent nothing for so long has its sessions committed and dropped. Default 15 min.
    pub idle_after: u64,
    /// How far back a request that comes again is recognised, and how far back segments are looked for that nobody told
    /// of. Default 15 min, as on the host.
    pub overlap: u64,
    /// How often they are looked for while the project is active. Default 60 s.
    pub discover_every: u64,
    /// Furthest that they are looked for behind a long pause. Default 24 h, arbitrary.
    pub discover_most: u64,
    /// Attempts at a segment on which a plugin fails before it is spared it. Default 3.
    pub attempts: u32,
    /// Wait before the second attempt; doubles with each further one. Default 1 s.
    pub backoff: u64,
    /// Longest wait between attempts. Default 5 min.
    pub max_backoff: u64,
    /// Segments that are given to plugins between two notes. Default 64.
    pub stride: usize,
    /// Bytes of columns that are kept for sessions which are behind. Default 16 MiB of an isolate's 128; what doesn't fit is
    /// fetched again.
    pub cache_bytes: usize,
    /// Largest columns that are read. Default 64 MiB.
    pub max_columns_bytes: usize,
    /// Largest snapshot. 1 MiB, as the contract says.
    pub snapshot_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            commit_after: 10 * SECOND,
            silence_commit_after: 60 * SECOND,
            snapshot_after: 30 * SECOND,
            snapshot_segments: 1_024,
            snapshot_rows: 1 << 18,
            idle_after: 900 * SECOND,
            overlap: 900 * SECOND,
            discover_every: 60 * SECOND,
            discover_most: 86_400 * SECOND,
            attempts: 3,
            backoff: SECOND,
            max_backoff: 300 * SECOND,
            stride: 64,
            cache_bytes: 16 << 20,
            max_columns_bytes: 64 << 20,
            snapshot_bytes: 1 << 20,
        }
    }
}
