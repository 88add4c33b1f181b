//! Values of attributes, owned.

/// A value of any of OTLP's kinds. Made from what it is: `"text".into()`, `5.into()`.
#[derive(Clone, Debug, PartialEq)]
pub enum TestValue {
    /// No value.
    Empty,
    /// Text.
    Str(String),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Number.
    Double(f64),
    /// Values.
    Array(Vec<Self>),
    /// Key-value pairs.
    Map(Vec<(String, Self)>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<&str> for TestValue {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for TestValue {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for TestValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i32> for TestValue {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for TestValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for TestValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}
