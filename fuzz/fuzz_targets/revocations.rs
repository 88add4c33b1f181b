//! `aia_fuzz_checks::revocations` under libFuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| aia_fuzz_checks::revocations(data));
