//! Names that say that their value is a secret: of attributes, headers, query parameters, settings.

use super::RedactError;

/// Ends of names, in lower case without `-` and `_`, and the rule that they come under.
const ENDS: &[(&str, &str)] = &[
    ("password", "password"),
    ("passwd", "password"),
    ("passphrase", "password"),
    ("secret", "secret"),
    ("secretkey", "secret"),
    ("secretaccesskey", "secret"),
    ("apikey", "api-key"),
    ("accountkey", "account-key"),
    ("sharedaccesskey", "account-key"),
    ("privatekey", "private-key"),
    ("token", "token"),
    ("authorization", "authorization"),
    ("cookie", "cookie"),
    ("credential", "credentials"),
    ("credentials", "credentials"),
];

/// Whole names, likewise: too short to be looked for at the end of longer ones.
const WHOLE: &[(&str, &str)] = &[("pwd", "password"), ("sig", "signature")];

/// Longest end of a name that is compared. Longer configured names are compared by their end.
const MAX_COMPARED: usize = 48;

/// The names, built-in and configured.
#[derive(Debug, Default)]
pub(super) struct SecretNames {
    configured: Vec<Vec<u8>>,
}

impl SecretNames {
    pub(super) fn new(names: &[String]) -> Result<Self, RedactError> {
        let configured = names.iter().map(|name| {
            let is_name = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            let normal = normalise(name.as_bytes());
            if is_name && normal.len() >= 3 {
                Ok(normal)
            } else {
                Err(RedactError::SecretName { name: name.clone() })
            }
        });
        Ok(Self {
            configured: configured.collect::<Result<_, _>>()?,
        })
    }

    /// The longest run of letters and digits of each configured name: where to look closer.
    pub(super) fn anchors(names: &[String]) -> impl Iterator<Item = &str> {
        names
            .iter()
            .filter_map(|name| name.split(['-', '_']).max_by_key(|part| part.len()))
    }

    /// The rule for a name such as `client_secret`, `X-Api-Key` or `http.request.header.authorization`: its last part is
    /// compared, without regard to case, `-` and `_`, with the ends of secret names.
    pub(super) fn rule(&self, name: &[u8]) -> Option<&'static str> {
        // Lists are sometimes flattened to `cookie.0` or `cookie[0]`.
        let end = name
            .iter()
            .rposition(|byte| !matches!(byte, b'0'..=b'9' | b'[' | b']' | b'.'))?;
        let name = name.get(..=end)?;
        let start = name
            .iter()
            .rposition(|byte| !is_name_byte(*byte))
            .map_or(0, |before| before + 1);
        let normal = normalise(name.get(start..)?);
        let built_in = ENDS.iter().find(|(end, _)| normal.ends_with(end.as_bytes()));
        let built_in = built_in.or_else(|| WHOLE.iter().find(|(whole, _)| normal == whole.as_bytes()));
        let is_configured = || self.configured.iter().any(|end| normal.ends_with(end));
        built_in
            .map(|(_, rule)| *rule)
            .or_else(|| is_configured().then_some("secret"))
    }
}

/// What names of settings, headers and parameters consist of.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The end of a name, in lower case, without `-` and `_`.
fn normalise(name: &[u8]) -> Vec<u8> {
    let tail = name
        .get(name.len().saturating_sub(MAX_COMPARED)..)
        .unwrap_or_default();
    tail.iter()
        .filter(|byte| !matches!(byte, b'-' | b'_'))
        .map(u8::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_are_known_in_all_spellings() {
        let names = SecretNames::default();
        for (name, rule) in [
            ("password", "password"),
            ("PGPASSWORD", "password"),
            ("spring.datasource.passwd", "password"),
            ("pwd", "password"),
            ("Authorization", "authorization"),
            ("http.request.header.proxy-authorization", "authorization"),
            ("http.request.header.authorization.0", "authorization"),
            ("set-cookie[1]", "cookie"),
            ("x-api-key", "api-key"),
            ("STRIPE_API_KEY", "api-key"),
            ("apiKey", "api-key"),
            ("access_token", "token"),
            ("refreshToken", "token"),
            ("client-secret", "secret"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AccountKey", "account-key"),
        ] {
            assert_eq!(names.rule(name.as_bytes()), Some(rule), "{name}");
        }
        for name in [
            "",
            ".",
            "0",
            "service.name",
            "gen_ai.usage.input_tokens",
            "password_policy",
            "db.statement",
            "PWD2x",
            "cwdpwd",
            "http.route",
            "session.id",
            "tokens",
            "key",
            "security",
            "secrets.count",
        ] {
            assert_eq!(names.rule(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn names_can_be_configured() {
        let names = SecretNames::new(&["Merchant-PIN".to_owned()]).unwrap();
        assert_eq!(names.rule(b"order.merchant_pin"), Some("secret"));
        assert_eq!(names.rule(b"merchant"), None);
        for bad in ["", "--", "a_b", "a b c", "größe"] {
            assert!(SecretNames::new(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
        insta::assert_snapshot!(SecretNames::new(&["a b".to_owned()]).unwrap_err(), @r#"the secret name "a b" must consist of letters, digits, '-' and '_', with at least three letters or digits"#);
    }
}
