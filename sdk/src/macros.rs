//! The export macros. On other targets than Wasm they only check the type, so that several plugins fit into one
//! native program (tests, benches).

/// Makes the crate a component that exports a [`Detector`](crate::Detector): `export_detector!(MyDetector);`.
#[macro_export]
macro_rules! export_detector {
    ($detector:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::guest::DetectorComponent<$detector>;
            $crate::bindings::manifest::export_manifest_part!(Component with_types_in $crate::bindings::manifest);
            $crate::bindings::detector::export_detector_part!(Component with_types_in $crate::bindings::detector);
        };
        const _: fn() = $crate::guest::assert_detector::<$detector>;
    };
}

/// Makes the crate a component that exports an [`Analyst`](crate::Analyst): `export_analyst!(MyAnalyst);`.
#[macro_export]
macro_rules! export_analyst {
    ($analyst:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::guest::AnalystComponent<$analyst>;
            $crate::bindings::manifest::export_manifest_part!(Component with_types_in $crate::bindings::manifest);
            $crate::bindings::analyst::export_analyst_part!(Component with_types_in $crate::bindings::analyst);
        };
        const _: fn() = $crate::guest::assert_analyst::<$analyst>;
    };
}

/// Makes the crate a component that exports a [`Reporter`](crate::Reporter): `export_reporter!(MyReporter);`.
#[macro_export]
macro_rules! export_reporter {
    ($reporter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::guest::ReporterComponent<$reporter>;
            $crate::bindings::manifest::export_manifest_part!(Component with_types_in $crate::bindings::manifest);
            $crate::bindings::reporter::export_reporter_part!(Component with_types_in $crate::bindings::reporter);
        };
        const _: fn() = $crate::guest::assert_reporter::<$reporter>;
    };
}
