//! Configuration: what goes over what, and what is said of mistakes.

use std::{fs, path::PathBuf, time::Duration};

use aia::config::{Config, ConfigError, LogFormat, Origin, Sources, annotated_defaults};

/// Loads with a file, variables and assignments; paths in messages are shortened to the file's name.
fn load(file: &str, environment: &[(&str, &str)], assignments: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("aia.toml"), file).unwrap();
    let variables = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sources = Sources {
        folder: Some(folder.path().to_owned()),
        environment: variables.collect(),
        assignments: assignments.iter().map(|text| (*text).to_owned()).collect(),
        ..Sources::default()
    };
    let loaded = sources.load().map_err(|error| {
        let mut message = error.to_string();
        if let Some(help) = error.help() {
            message.push_str(&format!("\nhelp: {help}"));
        }
        message.replace(&format!("{}/", folder.path().display()), "")
    })?;
    Ok(loaded.config)
}

fn refused(file: &str, environment: &[(&str, &str)], assignments: &[&str]) -> String {
    load(file, environment, assignments).unwrap_err()
}

#[test]
fn the_defaults() {
    let config = Config::defaults().unwrap();
    assert_eq!(config.data, PathBuf::from("./aia-data"));
    assert_eq!(config.plugins, None);
    assert!(config.workers > 0);
    let listen = [
        config.listen.otlp_http,
        config.listen.otlp_grpc,
        config.listen.api,
    ];
    assert_eq!(listen.map(|address| address.port()), [4318, 4317, 8080]);
    assert!(listen.iter().all(|address| address.ip().is_loopback()));
    assert_eq!(config.limits.request_bytes, 64 << 20);
    assert_eq!(config.limits.decompressed_bytes, 64 << 20);
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(!config.redaction.emails);
}

#[test]
fn the_annotated_file_says_what_holds_anyway() {
    assert_eq!(
        load(&annotated_defaults(), &[], &[]).unwrap(),
        Config::defaults().unwrap()
    );
    insta::assert_snapshot!(annotated_defaults());
}

#[test]
fn flags_go_over_the_environment_over_the_file() {
    let file = "[limits]\nbody-time = \"1 s\"\nidle-time = \"1 s\"\ndrain-time = \"1 s\"\n";
    let environment = [
        ("AIA_LIMITS_BODY_TIME", "2 s"),
        ("AIA_LIMITS_IDLE_TIME", "2 s"),
        ("HOME", "/"),
    ];
    let config = load(file, &environment, &["limits.body-time=3 s"]).unwrap();
    let times = [
        config.limits.body_time,
        config.limits.idle_time,
        config.limits.drain_time,
    ];
    assert_eq!(times, [3, 2, 1].map(Duration::from_secs));
}

#[test]
fn every_setting_can_be_set_everywhere() {
    // By its own default, which is valid by another test; what matters is that the name is known.
    let settings = Sources::default().load().unwrap().settings;
    for setting in settings {
        let (environment, assignment) = (
            [(setting.variable.as_str(), setting.value.as_str())],
            format!("{}={}", setting.key, setting.value),
        );
        load("", &environment, &[&assignment]).unwrap_or_else(|error| panic!("{}: {error}", setting.key));
    }
}

#[test]
fn origins_are_known() {
    let sources = Sources {
        environment: vec![("AIA_REDACTION_EMAILS".to_owned(), "true".to_owned())],
        flags: vec![("data", "--data".to_owned(), "/x".to_owned())],
        ..Sources::default()
    };
    let loaded = sources.load().unwrap();
    let origin = |key| {
        loaded
            .settings
            .iter()
            .find(|setting| setting.key == key)
            .unwrap()
            .origin
            .clone()
    };
    assert_eq!(origin("data"), Origin::Flag("--data".to_owned()));
    assert_eq!(
        origin("redaction.emails"),
        Origin::Environment("AIA_REDACTION_EMAILS".to_owned())
    );
    assert_eq!(origin("workers"), Origin::Default);
    assert!(loaded.config.redaction.emails);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    insta::assert_snapshot!(refused("data = \"x\"\n\n[limits]\nrequests-bytes = 5\n", &[], &[]), @r"
    aia.toml:4: there is no setting `limits.requests-bytes`
    help: did you mean `limits.request-bytes`? `aia config` prints every setting with its default
    ");
    insta::assert_snapshot!(refused("dtaa = \"x\"\n", &[], &[]), @r"
    aia.toml:1: there is no setting `dtaa`
    help: did you mean `data`? `aia config` prints every setting with its default
    ");
    insta::assert_snapshot!(refused("[lisen]\napi = \"x\"\n", &[], &[]), @r"
    aia.toml:1: there is no setting `lisen`
    help: did you mean `listen.api`? `aia config` prints every setting with its default
    ");
    insta::assert_snapshot!(refused("", &[("AIA_LISTEN_OTLPHTTP", "x")], &[]), @r"
    environment variable AIA_LISTEN_OTLPHTTP: there is no setting `AIA_LISTEN_OTLPHTTP`
    help: did you mean `AIA_LISTEN_OTLP_HTTP`? `aia config` prints every setting with its default
    ");
    insta::assert_snapshot!(refused("", &[], &["redaction.email=true"]), @r"
    flag --set: there is no setting `redaction.email`
    help: did you mean `redaction.emails`? `aia config` prints every setting with its default
    ");
}

#[test]
fn a_wrong_value_names_key_expected_and_found() {
    insta::assert_snapshot!(refused("[redaction]\nemails = \"yes\"\n", &[], &[]), @r#"
    aia.toml:2: `redaction.emails` must be true or false, found the string "yes"
    help: `aia config` prints `redaction.emails` with its default
    "#);
    insta::assert_snapshot!(refused("[listen]\napi = 8080\n", &[], &[]), @r#"
    aia.toml:2: `listen.api` must be an IP address and a port, such as "127.0.0.1:4318" or "[::1]:4318", found the integer 8080
    help: `aia config` prints `listen.api` with its default
    "#);
    insta::assert_snapshot!(refused("", &[("AIA_LIMITS_REQUEST_BYTES", "64 MB")], &[]), @r#"
    environment variable AIA_LIMITS_REQUEST_BYTES: `limits.request-bytes` must be a size from 1 KiB to 1 GiB, such as "8 MiB", found `64 MB`
    help: `aia config` prints `limits.request-bytes` with its default
    "#);
    insta::assert_snapshot!(refused("", &[], &["plugin.call-time=100"]), @r#"
    flag --set: `plugin.call-time` must be a time from 10ms to 60s with its unit, such as "500 ms" or "30 s", found `100`
    help: `aia config` prints `plugin.call-time` with its default
    "#);
    insta::assert_snapshot!(refused("limits = 5\n", &[], &[]), @r#"
aia.toml:1: there is no setting `limits`
help: did you mean `limits.memory`? `aia config` prints every setting with its default
"#);
    insta::assert_snapshot!(refused("[workers]\nx = 1\n", &[], &[]), @r"
    aia.toml:1: `workers` must be a whole number from 0 to 1024, found a table
    help: `aia config` prints `workers` with its default
    ");
    insta::assert_snapshot!(refused("[log]\nlevel = \"loud=very\"\n", &[], &[]), @r#"
    aia.toml:2: `log.level` must be a level ("error", "warn", "info", "debug", "trace", "off") or directives such as "info,aia::ingest=debug", found the string "loud=very"
    help: `aia config` prints `log.level` with its default
    "#);
    insta::assert_snapshot!(refused("", &[], &["data"]), @r"
    flag --set: expected KEY=VALUE, found `data`
    help: for example `--set limits.request-bytes=8MiB`
    ");
}

#[test]
fn limits_that_could_never_be_met_are_refused() {
    insta::assert_snapshot!(refused("[limits]\nbytes-in-flight = \"100 MiB\"\n", &[], &[]), @r"
    aia.toml:2: `limits.bytes-in-flight` must be at least 134217728 bytes, `limits.request-bytes` and `limits.decompressed-bytes` together, found `100 MiB`
    help: `aia config` prints `limits.bytes-in-flight` with its default
    ");
    insta::assert_snapshot!(refused("[limits]\nmemory = \"1 GiB\"\n", &[], &[]), @r"
    aia.toml:2: `limits.memory` must be at least 4294967296 bytes, 16 times `limits.bytes-in-flight`, found `1 GiB`
    help: `aia config` prints `limits.memory` with its default
    ");
}

#[test]
fn a_file_that_is_not_toml_names_its_line() {
    insta::assert_snapshot!(refused("data = \"x\"\n[limits\n", &[], &[]), @"aia.toml:2: unclosed table, expected `]`");
    insta::assert_snapshot!(refused("data = \"x\"\ndata = \"y\"\n", &[], &[]), @"aia.toml:2: duplicate key");
}

#[test]
fn a_named_file_must_be_there() {
    let sources = Sources {
        file: Some(PathBuf::from("/nonexistent/aia.toml")),
        ..Sources::default()
    };
    let error = sources.load().err().unwrap();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    insta::assert_snapshot!(error, @"cannot read the configuration file `/nonexistent/aia.toml`");
    let environment = vec![("AIA_CONFIG".to_owned(), "/nonexistent/aia.toml".to_owned())];
    assert!(
        Sources {
            environment,
            ..Sources::default()
        }
        .load()
        .is_err()
    );
    // Without one, there need be none.
    let folder = tempfile::tempdir().unwrap();
    assert!(
        Sources {
            folder: Some(folder.path().to_owned()),
            ..Sources::default()
        }
        .load()
        .is_ok()
    );
}

#[test]
fn variables_of_a_kubernetes_service_named_aia_are_no_settings() {
    let links = [
        ("AIA_SERVICE_HOST", "10.0.0.1"),
        ("AIA_SERVICE_PORT_OTLP", "4318"),
        ("AIA_PORT", "tcp://10.0.0.1:4318"),
        ("AIA_PORT_4318_TCP", "tcp://10.0.0.1:4318"),
    ];
    assert_eq!(load("", &links, &[]).unwrap(), Config::defaults().unwrap());
}

#[test]
fn the_secret_is_no_setting() {
    assert!(load("", &[("AIA_SECRET_KEY", "c2VjcmV0")], &[]).is_ok());
    let message = refused("secret-key = \"c2VjcmV0\"\n", &[], &[]);
    assert!(!message.contains("c2VjcmV0"), "{message}");
}

#[test]
fn the_secret_of_a_bucket_is_never_shown() {
    let environment = [
        ("AIA_PULL_ACCESS_KEY_ID", "AKID"),
        ("AIA_PULL_SECRET_ACCESS_KEY", "hunter2"),
    ];
    let sources = Sources {
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        assignments: vec!["pull.url=s3://telemetry".to_owned()],
        ..Sources::default()
    };
    let loaded = sources.load().unwrap();
    assert!(loaded.config.pull.secret_access_key.is_some());
    let shown = format!("{loaded:?}");
    assert!(shown.contains("AKID") && !shown.contains("hunter2"), "{shown}");
    let message = refused("[pull]\nsecret-access-key = 20202\n", &[], &[]);
    assert!(!message.contains("20202"), "{message}");
}

#[test]
fn settings_of_pulling_go_together() {
    insta::assert_snapshot!(refused("[pull]\nurl = \"s3://bucket/folder\"\n", &[], &[]), @r#"
    aia.toml:2: `pull.url` must be "s3://bucket", without a folder, or "" for none, found the string "s3://bucket/folder"
    help: `aia config` prints `pull.url` with its default
    "#);
    let file = "[pull]\nurl = \"s3://telemetry\"\n";
    insta::assert_snapshot!(refused(file, &[], &["pull.keep=10 min"]), @r#"
    flag --set: `pull.keep` must be more than `pull.overlap`, 900s, or "0 s" to delete nothing, found `10 min`
    help: `aia config` prints `pull.keep` with its default
    "#);
    load(file, &[], &["pull.keep=0 s"]).unwrap();
    let half = refused(file, &[("AIA_PULL_ACCESS_KEY_ID", "AKID")], &[]);
    assert!(half.contains("set together with `pull.access-key-id`"), "{half}");
    // The edge's segments aren't the host's own.
    let same = ["durability=bucket", "objects.url=s3://telemetry/"];
    insta::assert_snapshot!(refused(file, &[], &same), @r"
    flag --set: `objects.url` must be another bucket than `pull.url`, or a folder in it, found `s3://telemetry/`
    help: `aia config` prints `objects.url` with its default
    ");
    load(
        file,
        &[],
        &["durability=bucket", "objects.url=s3://telemetry/host"],
    )
    .unwrap();
}

/// The defaults, with another data folder.
pub(crate) fn defaults_in(data: &std::path::Path) -> Sources {
    let flag = ("data", "--data".to_owned(), data.to_string_lossy().into_owned());
    Sources {
        flags: vec![flag],
        ..Sources::default()
    }
}
