//! What `wit-bindgen` makes of `wit/0.1.0`. The worlds there share the export `manifest`, and a crate can hold the
//! export macro of an interface only once, so the bindings are made for a world per exported interface; a plugin
//! exports two of them and `wit-component` unites the two into the contract's world. The types that a plugin author
//! meets are re-exported from the crate's root.

pub mod manifest {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        inline: "package aia:sdk; world manifest-part { export aia:plugin/manifest@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_manifest_part",
        default_bindings_module: "aia_plugin_sdk::bindings::manifest",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub mod detector {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        inline: "package aia:sdk; world detector-part { export aia:plugin/detector@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_detector_part",
        default_bindings_module: "aia_plugin_sdk::bindings::detector",
        additional_derives: [PartialEq, serde::Deserialize, serde::Serialize],
        generate_all,
    });
}

pub mod analyst {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        inline: "package aia:sdk; world analyst-part { export aia:plugin/analyst@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_analyst_part",
        default_bindings_module: "aia_plugin_sdk::bindings::analyst",
        additional_derives: [PartialEq],
        with: {
            "aia:plugin/signals@0.1.0": crate::bindings::detector::aia::plugin::signals,
        },
        generate_all,
    });
}

pub mod reporter {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        inline: "package aia:sdk; world reporter-part { export aia:plugin/reporter@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_reporter_part",
        default_bindings_module: "aia_plugin_sdk::bindings::reporter",
        additional_derives: [PartialEq],
        with: {
            "aia:plugin/signals@0.1.0": crate::bindings::detector::aia::plugin::signals,
            "aia:plugin/evidence@0.1.0": crate::bindings::analyst::aia::plugin::evidence,
            "aia:plugin/conclusions@0.1.0": crate::bindings::analyst::aia::plugin::conclusions,
        },
        generate_all,
    });
}
