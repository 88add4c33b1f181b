//! Reading pieces of evidence.

use super::{Answer, Item};

impl Item {
    /// The value of a field, as the host wrote it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        Some(&field.value)
    }

    /// The value of a field; empty if it isn't known.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.field(name).unwrap_or_default()
    }

    /// The value of a field as a number; none if it isn't known, no number, infinite or not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        let number: f64 = self.field(name)?.parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// The value of a field as a whole number, such as a count or nanoseconds.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// What a figure in a sentence prints: the value of a field, or the item's own service or title, which sentences
    /// quote under the names `service` and `title`. None if there is no such value or it is empty.
    #[must_use]
    pub fn quotable(&self, name: &str) -> Option<&str> {
        let value = match (self.field(name), name) {
            (Some(value), _) => value,
            (None, "service") => &self.service,
            (None, "title") => &self.title,
            (None, _) => return None,
        };
        (!value.is_empty()).then_some(value)
    }
}

impl Answer {
    /// What was found; nothing where the request was refused.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        match self {
            Self::Found((items, _)) => items,
            Self::Unavailable(_) => &[],
        }
    }

    /// What was found, and whether there was more than the limit.
    #[must_use]
    pub fn into_items(self) -> (Vec<Item>, bool) {
        match self {
            Self::Found(found) => found,
            Self::Unavailable(_) => (Vec::new(), false),
        }
    }
}
