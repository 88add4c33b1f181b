//! Every limit that a plugin lives under, its default, and why that number.

use std::time::Duration;

/// KiB in bytes.
const KIB: usize = 1024;
/// MiB in bytes.
const MIB: usize = 1024 * KIB;

/// What a plugin may use and give back. A host grants a plugin at most these; its manifest may ask for less.
///
/// Each field says its unit, what it protects and why the default is what it is. The name an error gives is the
/// field's in kebab case, such as `call-time`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of linear memory of one instance, all its memories together. Default 64 MiB.
    ///
    /// Protects the host's memory: sessions × this is the most that plugins can take. A detector that keeps
    /// 10,000 operations at 1 KiB each uses 10 MiB; a JavaScript engine starts at 10 to 20.
    pub memory_bytes: usize,
    /// Elements of one table. Default 20,000.
    ///
    /// Protects the host's memory, 8 bytes an element. Tables hold function references: the largest interpreters
    /// compiled to Wasm have some 10,000.
    pub table_elements: usize,
    /// Live instances of all plugins together. Default 1,000.
    ///
    /// Protects address space: each takes 4 GiB of it in the pool. One instance is one session, a thousand are 250
    /// active projects with four detectors each; idle ones are evicted.
    pub instances: u32,
    /// Core modules inside one instance. Default 16.
    ///
    /// Protects the pool. A component of one language has one to four; compositions have more.
    pub core_instances: u32,
    /// Time of one call: observe, tick, snapshot, advance, render. Default 1 s.
    ///
    /// Protects the worker thread that the session shares with others. A batch takes well under a millisecond; a
    /// thousand times that is a plugin that doesn't end. Counted in wall-clock time, so that a machine that is short
    /// of processors counts against the plugin: hence the wide margin.
    pub call_time: Duration,
    /// Time of making an instance and opening a session from its snapshot or an investigation, or asking for the manifest. Default 2 s.
    ///
    /// Protects the worker thread. More than a call may take, because an interpreter starts here.
    pub open_time: Duration,
    /// Bytes of native stack that Wasm may use. Default 512 KiB.
    ///
    /// Protects the thread that calls: it must have at least twice this. Rust gives its threads 2 MiB.
    pub stack_bytes: usize,
    /// Bytes that one call may copy from the plugin to the host. Default 16 MiB.
    ///
    /// Protects the host's memory: a plugin can point a thousand signals at the same megabyte. A thousand signals of
    /// 16 KiB each fit.
    pub returned_bytes: usize,
    /// Signals of one call. Default 1,000.
    ///
    /// Protects store and operator: what finds more than that in a batch finds noise.
    pub signals: usize,
    /// Bytes of a signal's title. 300, as the contract says.
    pub title_bytes: usize,
    /// Bytes of every other short text of a signal: service, operation, release, names, units. Default 16 KiB.
    ///
    /// Protects the store. Some of these texts are telemetry's, and OTLP knows no limit: a smaller number would let
    /// a sender of odd span names poison sessions.
    pub text_bytes: usize,
    /// Parts of a fingerprint. 16, as the contract says.
    pub fingerprint_parts: usize,
    /// Bytes of a part of a fingerprint. 1 KiB, as the contract says.
    pub fingerprint_part_bytes: usize,
    /// Affected services of a signal. Default 256.
    ///
    /// Protects the store; arbitrary, and more than anybody reads.
    pub affected: usize,
    /// Measures of a signal. 32, as the contract says.
    pub measures: usize,
    /// Details of a signal. 32, as the contract says.
    pub details: usize,
    /// Bytes of a detail's value. 16 KiB, as the contract says.
    pub detail_bytes: usize,
    /// Rows of evidence of a signal, pieces of evidence of a claim. 64, as the contract says of signals.
    pub evidence: usize,
    /// Requests for evidence in one step of an analyst. 16, as the contract says.
    pub requests: usize,
    /// Bytes of a question to a model: all messages and the schema. Default 1 MiB.
    ///
    /// Protects memory and budget: the largest windows of models are about that.
    pub question_bytes: usize,
    /// Suspects of a conclusion. 20, as the contract says.
    pub suspects: usize,
    /// Claims of a conclusion, and of each of its suspects. Default 50.
    ///
    /// Protects the store and the reader; arbitrary, and more than anybody reads.
    pub claims: usize,
    /// Fragments of a sentence. Default 50, arbitrary: a sentence with more is none.
    pub fragments: usize,
    /// Bytes of a sentence: its texts, and what its figures refer to. Default 4 KiB.
    ///
    /// Protects the store; arbitrary, twenty long sentences in one.
    pub sentence_bytes: usize,
    /// Bytes of a diff. Default 256 KiB.
    ///
    /// Protects the store; a diff that anybody reads before applying it is much shorter.
    pub diff_bytes: usize,
    /// Bytes of a snapshot. 1 MiB, as the contract says.
    pub snapshot_bytes: usize,
    /// Bytes of a rendered document. Default 16 MiB.
    ///
    /// Protects memory and store. A PDF with embedded fonts and a few hundred signals is under 2 MiB.
    pub document_bytes: usize,
    /// Log lines kept of one call; the rest is counted and dropped. Default 100.
    ///
    /// Protects the log.
    pub log_lines: usize,
    /// Bytes kept of a log line or of an error's text; the rest is cut off. Default 1 KiB.
    ///
    /// Protects the log.
    pub log_line_bytes: usize,
    /// Bytes of a component file. Default 32 MiB.
    ///
    /// Protects the compiler and the cache. Rust plugins have 0.1 to 1 MiB, JavaScript ones 2 to 12, Python ones
    /// about 20.
    pub component_bytes: usize,
    /// Time to compile a component. Default 60 s.
    ///
    /// Protects the processors. The largest components take 20 s on one core.
    pub compile_time: Duration,
    /// Bytes of address space of the process that compiles. Default 4 GiB.
    ///
    /// Protects the host's memory against components made to exhaust the compiler. It is address space, of which
    /// the allocator reserves more than it uses, so this is generous.
    pub compile_memory_bytes: u64,
    /// Bytes of compiled code. Default 512 MiB.
    ///
    /// Protects memory and cache: compiled code is 3 to 10 times the component.
    pub artifact_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 * MIB,
            table_elements: 20_000,
            instances: 1_000,
            core_instances: 16,
            call_time: Duration::from_secs(1),
            open_time: Duration::from_secs(2),
            stack_bytes: 512 * KIB,
            returned_bytes: 16 * MIB,
            signals: 1_000,
            title_bytes: 300,
            text_bytes: 16 * KIB,
            fingerprint_parts: 16,
            fingerprint_part_bytes: KIB,
            affected: 256,
            measures: 32,
            details: 32,
            detail_bytes: 16 * KIB,
            evidence: 64,
            requests: 16,
            question_bytes: MIB,
            suspects: 20,
            claims: 50,
            fragments: 50,
            sentence_bytes: 4 * KIB,
            diff_bytes: 256 * KIB,
            snapshot_bytes: MIB,
            document_bytes: 16 * MIB,
            log_lines: 100,
            log_line_bytes: KIB,
            component_bytes: 32 * MIB,
            compile_time: Duration::from_secs(60),
            compile_memory_bytes: 4 * 1024 * MIB as u64,
            artifact_bytes: 512 * MIB,
        }
    }
}

/// The limits one plugin has: the host's, lowered to what its manifest asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Granted {
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Longest call.
    pub call_time: Duration,
    /// Bytes of a snapshot.
    pub snapshot_bytes: usize,
}

impl Granted {
    /// All that the host gives.
    pub(super) fn all(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            call_time: limits.call_time,
            snapshot_bytes: limits.snapshot_bytes,
        }
    }

    /// What a manifest asks for, at most what the host gives; 0 asks for the host's.
    pub(super) fn asked(limits: &Limits, asked: &super::ManifestLimits) -> Self {
        let all = Self::all(limits);
        let at_most = |asked: u64, given: usize| match usize::try_from(asked) {
            Ok(asked) if asked > 0 => asked.min(given),
            _ => given,
        };
        Self {
            memory_bytes: at_most(asked.memory, all.memory_bytes),
            call_time: match asked.call_time {
                0 => all.call_time,
                milliseconds => all.call_time.min(Duration::from_millis(u64::from(milliseconds))),
            },
            snapshot_bytes: at_most(u64::from(asked.snapshot), all.snapshot_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_can_lower_limits_but_not_raise_them() {
        let limits = Limits::default();
        let granted = |memory, call_time, snapshot| {
            Granted::asked(
                &limits,
                &super::super::ManifestLimits {
                    memory,
                    call_time,
                    snapshot,
                },
            )
        };

        assert_eq!(granted(0, 0, 0), Granted::all(&limits));
        assert_eq!(granted(u64::MAX, u32::MAX, u32::MAX), Granted::all(&limits));
        assert_eq!(
            granted(65_536, 5, 100),
            Granted {
                memory_bytes: 65_536,
                call_time: Duration::from_millis(5),
                snapshot_bytes: 100
            }
        );
    }
}
