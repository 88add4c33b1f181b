//! Names as small numbers.

use std::collections::BTreeMap;

/// Most names that are kept: 1,000 services, 5,000 operations and the places their logs come from.
const MAX_NAMES: usize = 20_000;

/// How much of a name is kept, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// A number for every name that was seen; those beyond the limit share number 0, the empty name.
#[derive(Debug)]
pub(crate) struct Names {
    ids: BTreeMap<String, u32>,
    names: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            ids: BTreeMap::from([(String::new(), 0)]),
            names: vec![String::new()],
        }
    }
}

impl Names {
    pub(crate) fn id(&mut self, name: &str) -> u32 {
        let name = clip(name, MAX_NAME_BYTES);
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or_default();
        if self.names.len() >= MAX_NAMES || id == 0 {
            return 0;
        }
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    pub(crate) fn name(&self, id: u32) -> &str {
        let index = usize::try_from(id).unwrap_or_default();
        self.names.get(index).map(String::as_str).unwrap_or_default()
    }
}

/// The longest beginning of at most `most` bytes that ends between letters.
pub(crate) fn clip(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
