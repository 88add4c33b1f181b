//! Counts over the last ticks.

use serde::{Deserialize, Serialize};

/// Counts of the last ticks, the current one last.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Window(Vec<u32>);

impl Window {
    /// No counts in so many ticks.
    pub(crate) fn new(ticks: usize) -> Self {
        Self(vec![0; ticks.max(1)])
    }

    /// Counts in the current tick.
    pub(crate) fn add(&mut self, count: u32) {
        if let Some(current) = self.0.last_mut() {
            *current = current.saturating_add(count);
        }
    }

    /// The count of the current tick.
    pub(crate) fn current(&self) -> u32 {
        self.0.last().copied().unwrap_or_default()
    }

    /// The count of all ticks.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Number of ticks.
    pub(crate) fn ticks(&self) -> usize {
        self.0.len()
    }

    /// Ends the current tick.
    pub(crate) fn tick(&mut self) {
        self.0.rotate_left(1);
        if let Some(current) = self.0.last_mut() {
            *current = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_older() {
        let mut window = Window::new(2);
        window.add(3);
        window.tick();
        window.add(4);
        assert_eq!((window.current(), window.sum()), (4, 7));
        window.tick();
        assert_eq!(window.sum(), 4);
        window.tick();
        assert_eq!(window.sum(), 0);
    }
}
